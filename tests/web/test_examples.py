"""The worked examples of the documentation run as they stand, against a real server; another endpoint plays Wikidata's part."""

from __future__ import annotations

import csv
import io
import os
import re
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


def test_python_from_question_to_figure(server: Running, tmp_path: Path) -> None:
    figure = tmp_path / "origins.png"
    command = [
        sys.executable,
        "-W",
        "error::DeprecationWarning:__main__",
        EXAMPLES / "origins.py",
        f"{server.address}/sparql",
        figure,
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MPLCONFIGDIR": str(tmp_path)}, check=False)
    assert done.returncode == 0, done.stderr
    assert figure.read_bytes().startswith(b"\x89PNG")
    header, *rows = done.stdout.splitlines()
    assert "China" in header
    assert any(row.startswith("Ecuador") for row in rows)


def test_the_calls_of_the_r_script_answer(server: Running) -> None:
    text = (EXAMPLES / "origins.R").read_text("utf-8")
    (parts,) = re.findall(r'req_url_path_append\("api", "queries", "([a-z-]+)"\)', text)
    with urlopen(Request(f"{server.address}/api/queries/{parts}", headers={"Accept": "text/csv"}), timeout=30) as answer:
        assert answer.read().decode().startswith("origin,destination,initiatives")
    (query,) = re.findall(r'req_body_form\(query = "(.*?)"\)', text, re.DOTALL)
    names = {row["country"]: row["name"] for row in ask(f"{server.address}/sparql", query)}
    assert names["https://w3id.org/vigia/id/country/br"] == "Brasil"


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
