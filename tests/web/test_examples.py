"""The worked examples of the documentation run as they stand, against a real server; another endpoint plays Wikidata's part."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from engines import another_endpoint
from kg.release import Release
from repository import ROOT
from web.running import Running, serving

EXAMPLES = ROOT / "docs" / "examples"
WIKIDATA = "https://query.wikidata.org/sparql"
# The items and their numbers are those of the links; what is said of them is made up.
THERE = """@prefix wd: <http://www.wikidata.org/entity/> . @prefix wdt: <http://www.wikidata.org/prop/direct/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
wd:Q160120 rdfs:label "Huawei"@en ; wdt:P159 wd:Q15174 . wd:Q219203 rdfs:label "NEC"@en ; wdt:P159 wd:Q1490 .
wd:Q15174 rdfs:label "Shenzhen"@es . wd:Q1490 rdfs:label "Tokio"@es .
"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """The address of another endpoint."""
    with another_endpoint(THERE) as address:
        yield address


@pytest.fixture(scope="module")
def server(real: tuple[Path, Release], elsewhere: str) -> Iterator[Running]:
    with serving("--build", real[0], KG_SERVICES=elsewhere) as running:
        yield running


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both servers are on this machine, whatever the tester's way out of it."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


def ask(endpoint: str, query: str) -> list[dict[str, str]]:
    """The rows of an answer."""
    asked = Request(endpoint, urlencode({"query": query}).encode(), {"Accept": "text/csv"})
    with urlopen(asked, timeout=30) as answer:
        return list(csv.DictReader(io.StringIO(answer.read().decode())))


def run(command: list[str | Path], folder: Path) -> str:
    """What a script prints that ends well and draws its figure."""
    figure = folder / "origins.png"
    environment = {**os.environ, "MPLCONFIGDIR": str(folder)}
    done = subprocess.run([*command, figure], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert figure.read_bytes().startswith(b"\x89PNG")
    return done.stdout


@pytest.fixture(scope="module")
def in_python(server: Running, tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The table that the Python script prints: its origins, and below them a row for each country."""
    script = [sys.executable, "-W", "error::DeprecationWarning:__main__", EXAMPLES / "origins.py", f"{server.address}/sparql"]
    lines = run(script, tmp_path_factory.mktemp("python")).splitlines()
    header, _, *rows = [re.split(r"\s{2,}", line.strip()) for line in lines]
    return [header[1:], *rows]


def test_python_from_question_to_figure(in_python: list[list[str]]) -> None:
    origins, *rows = in_python
    (ecuador,) = [row[1:] for row in rows if row[0] == "Ecuador"]
    assert dict(zip(origins, ecuador, strict=True)) == dict.fromkeys(origins, "0") | {"China": "1"}


def test_r_asks_the_same_of_the_same_address(server: Running, in_python: list[list[str]]) -> None:
    """R need not be there: its question is that of the Python script to the letter, and brings the numbers that that one shows."""
    python, r = ((EXAMPLES / name).read_text("utf-8") for name in ("origins.py", "origins.R"))
    (query,) = re.findall(r"^query <- '$(.*?)^'$", r, re.DOTALL | re.MULTILINE)
    assert re.findall(r'^QUERY = """$(.*?)^"""$', python, re.DOTALL | re.MULTILINE) == [query]
    (address,) = re.findall(r'"(http://localhost[^"]*)"', r)
    assert re.findall(r'"(http://localhost[^"]*)"', python) == [address]
    asked = r"rows <- request\(endpoint\) \|>\s+req_url_query\(query = query\) \|>\s+req_headers\(Accept = \"text/csv\"\)"
    assert re.search(asked, r)
    rows = ask(address.replace("http://localhost:8000", server.address), query)
    origins, *lines = in_python
    shown = {(line[0], origin): number for line in lines for origin, number in zip(origins, line[1:], strict=True) if number != "0"}
    assert {(row["country"], row["origin"]): row["initiatives"] for row in rows} == shown
    assert re.search(r"xtabs\(initiatives ~ country \+ origin, rows\)", r)


def _has_r() -> bool:
    """Whether R is there, with the packages that the script needs."""
    asked = 'quit(status = !all(nzchar(system.file(package = "httr2")), nzchar(system.file(package = "readr"))))'
    return bool(shutil.which("Rscript")) and subprocess.run(["Rscript", "-e", asked], check=False).returncode == 0


@pytest.mark.skipif(not _has_r(), reason="R with httr2 and readr is not installed")
def test_r_from_question_to_figure(server: Running, in_python: list[list[str]], tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    expression = f"source('{EXAMPLES / 'origins.R'}'); write.csv(unclass(table), '{table}')"
    run(["Rscript", "-e", expression, f"{server.address}/sparql"], tmp_path)
    header, *rows = csv.reader(table.read_text("utf-8").splitlines())
    origins, *expected = in_python
    assert [name.replace(".", " ") for name in header[1:]] == origins
    assert rows == expected


def test_across_wikidata_and_here(server: Running, elsewhere: str) -> None:
    query = (EXAMPLES / "with-wikidata.rq").read_text("utf-8")
    assert WIKIDATA in query
    rows = ask(f"{server.address}/sparql", query.replace(WIKIDATA, elsewhere))
    assert {(row["company"].rpartition("/")[2], row["name"]) for row in rows} == {("huawei", "Shenzhen"), ("nec", "Tokio")}


def test_another_endpoint_calls_ours(server: Running, elsewhere: str) -> None:
    query = (EXAMPLES / "from-elsewhere.rq").read_text("utf-8").replace("http://localhost:8000/sparql", f"{server.address}/sparql")
    rows = ask(elsewhere, query)
    assert {row["itemLabel"] for row in rows} == {"Huawei", "NEC"}
    counts = [int(row["initiatives"]) for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 1
