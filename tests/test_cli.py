"""The command line as a person uses it: exit status, sentences, formats."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from kg.build import check
from kg.cli import app
from kg.release import Release
from repository import ROOT


def kg(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kg", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


def test_check_of_a_clean_graph(model: Path) -> None:
    result = kg("check", "--root", str(model))
    assert result.returncode == 0, result.stdout
    assert "0 violations, 0 warnings, 0 infos.\n" in result.stdout
    assert re.search(r"^Names of 16 things: en \d+ \(\d+%\), es \d+ \(\d+%\), pt \d+ \(\d+%\)\.$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("fmt", ["text", "json", "github"])
def test_check_reports_in_every_format(own_model: Path, fmt: str) -> None:
    path = own_model / "data/org/guess.yaml"
    path.write_text(path.read_text().replace("type: Company", "type: Company\npercent: 5"))
    result = kg("check", "--root", str(own_model), "--format", fmt)
    assert result.returncode == 1
    if fmt == "text":
        assert "data/org/guess.yaml:3: violation: This key does not belong to an organisation" in result.stdout
    elif fmt == "json":
        (finding,) = json.loads(result.stdout)
        assert finding == {
            "path": "data/org/guess.yaml",
            "line": 3,
            "severity": "violation",
            "rule": "Organisation",
            "message": "This key does not belong to an organisation; docs/authoring.md lists those that do. [got 5]",
        }
    else:
        assert result.stdout.startswith("::error file=data/org/guess.yaml,line=3,title=Organisation::This key")


def test_build_twice(own_model: Path, tmp_path: Path) -> None:
    options = ("--root", str(own_model), "--build", str(tmp_path / "build"))
    first = kg("build", *options)
    assert first.returncode == 0, first.stderr
    assert "shapes" in first.stderr
    assert " s\n" in first.stderr
    assert "up to date" in kg("build", "--if-changed", *options).stderr
    (own_model / "data/org/guess.yaml").write_text("id: org:guess\n")
    failed = kg("build", *options)
    assert failed.returncode == 1
    assert "No release was made" in failed.stderr


def test_query_lists_and_answers(small: tuple[Path, Release]) -> None:
    build = ("--build", str(small[0]))
    assert "Who supplies, who operates?" in kg("query", *build).stdout
    assert "org:maker" in kg("query", "supplies-and-operates", *build).stdout
    rows = list(csv.reader(io.StringIO(kg("query", "supplies-and-operates", *build, "--format", "csv").stdout)))
    assert rows[0] == ["initiative", "provider", "operator"]
    assert len(rows) == 2
    document = json.loads(
        kg("query", "shareholders-on-a-date", "company=org:maker", "day=2021-01-01", *build, "--format", "json").stdout
    )
    assert [row["percent"]["value"] for row in document["results"]["bindings"]] == ["60", "40"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("query", "nothing"), "There is no question 'nothing'"),
        (("query", "shareholders-on-a-date", "day"), "Write parameters as name=value"),
        (("query", "shareholders-on-a-date", "date=2020"), "Parameters: company, day"),
        (("serve", "--host", "192.0.2.1"), "Cannot listen"),
    ],
)
def test_mistakes_end_in_one_sentence(small: tuple[Path, Release], arguments: tuple[str, ...], words: str) -> None:
    result = kg(*arguments, "--build", str(small[0]))
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_nothing_built_is_said(tmp_path: Path) -> None:
    for command in ("serve", "query"):
        result = kg(command, "--build", str(tmp_path))
        assert result.returncode == 2
        assert "Run 'kg build'" in result.stderr
    assert "holds no data/context.jsonld" in kg("check", "--root", str(tmp_path)).stderr


def test_a_bad_setting_is_said(small: tuple[Path, Release]) -> None:
    result = kg("serve", "--build", str(small[0]), KG_OLD="none")
    assert result.returncode == 2
    assert "KG_OLD" in result.stderr


def test_many_mistakes_are_told_on_one_screen(own_model: Path) -> None:
    path = own_model / "data" / "org" / "maker.yaml"
    wrong = "".join(f"nonsense{number}: with a value that nobody will read\n" for number in range(40))
    path.write_text(path.read_text("utf-8").rstrip() + "\n" + wrong, "utf-8")
    command = ("check", "--root", str(own_model))
    screen = kg(*command, FORCE_COLOR="1", COLUMNS="100")
    assert screen.returncode == 1
    lines = re.sub(r"\x1b\[[\d;]*m", "", screen.stdout).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 100
    told = sum("data/org/maker.yaml:" in line for line in lines)
    assert told > 5
    assert f"{40 - told} more are left out here" in screen.stdout.replace("\n", " ")
    assert "40 violations" in "\n".join(lines)
    whole = kg(*command).stdout
    assert whole.count("data/org/maker.yaml:") == 40
    assert "left out" not in whole


def test_new_asks_for_all_that_the_check_demands(own_model: Path) -> None:
    """A source, an organisation that it speaks of, an initiative, and a claim about that; no answer but in its turn."""

    def new(words: list[str], *lines: str) -> None:
        result = CliRunner().invoke(app, ["new", *words, "--root", str(own_model)], input="".join(f"{line}\n" for line in lines))
        assert result.exit_code == 0, result.output

    name = ("Ojos", "", "")
    new(["source"], *name, "", "report", "url", "no address", "https://example.org/ojos", "issued", "2025-03", "")
    new(["organisation"], "Company", *name, "", "country", "cty:zz", "cty:xa", "", "src:nobody", "src:ojos", "p. 3")
    status = ("active", "2025-03", "inferred", "", "Se infiere.", "It is inferred.", "Infere-se.")
    new(["initiative"], *name, "xa-ojos", "cty:zz", "cty:xa", "", "src:ojos", "p. 4", *status)
    role = ("role", "provider", "agent", "org:nobody", "org:ojos", "")
    new(["claim", "ini:xa-ojos"], "Participation", "reported", *role, "src:ojos", "p. 5", "")
    written = {f"data/{name}.yaml" for name in ("source/ojos", "org/ojos", "initiative/xa-ojos")}
    assert all((own_model / name).exists() for name in written)
    assert [str(finding) for finding in check(own_model).findings if finding.place.path in written] == []
    source = yaml.safe_load((own_model / "data/source/ojos.yaml").read_text("utf-8"))
    assert source.keys() == {"id", "type", "label", "kind", "url", "issued"}


def test_new_writes_a_skeleton_once(own_model: Path) -> None:
    options = ("--root", str(own_model))
    assert kg("new", "initiative", "xa-new", *options).returncode == 0
    text = (own_model / "data/initiative/xa-new.yaml").read_text("utf-8")
    assert text.startswith("id: ini:xa-new\ntype: Initiative\n")
    assert "# modality: …" in text
    assert "is there already" in kg("new", "initiative", "xa-new", *options).stderr
    assert "no kind 'thing'" in kg("new", "thing", "xa-new", *options).stderr
    assert "not a slug" in kg("new", "org", "../../etc/passwd", *options).stderr


@pytest.mark.parametrize("files", [False, True])
def test_serve_answers_and_stops(small: tuple[Path, Release], tmp_path: Path, files: bool) -> None:
    (tmp_path / "a.ttl").write_text("<http://example.org/s> a <http://example.org/T> .")
    (tmp_path / "b.nt").write_text("<http://example.org/s> <http://example.org/p> <http://example.org/o> .")
    what = ("--dataset", str(tmp_path / "a.ttl"), str(tmp_path / "b.nt")) if files else ("--build", str(small[0]))
    command = [sys.executable, "-m", "kg", "serve", "--port", "0", *what]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    line = process.stdout.readline()
    address = line.split(" on ")[1].split()[0]
    query = "sparql?query=SELECT+(COUNT(*)+AS+%3Fn)+%7B+%3Fs+%3Fp+%3Fo+%7D&format=csv"
    with urllib.request.urlopen(address + query, timeout=20) as answer:
        count = int(answer.read().split()[1])
    assert count == (2 if files else small[1].manifest.counts["triples"])
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address + "nothing", timeout=20)
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    "options", [(), ("--static", "a", "--wikidata", "b"), ("--wikidata", "b", "--address", "https://example.org/")]
)
def test_export_asks_which_of_the_two_is_meant(small: tuple[Path, Release], tmp_path: Path, options: tuple[str, ...]) -> None:
    result = kg("export", *options, "--build", str(small[0]), cwd=tmp_path)
    assert result.returncode == 2
    assert "Say one thing to write: --static FOLDER" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_export_refuses_an_address_that_is_none(small: tuple[Path, Release], tmp_path: Path) -> None:
    result = kg("export", "--static", "a", "--address", "vigia.example.org", "--build", str(small[0]), cwd=tmp_path)
    assert result.returncode == 2
    assert "such as https://example.org/vigia/" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_export_for_wikidata_writes_files_and_says_what_was_compared(small: tuple[Path, Release], tmp_path: Path) -> None:
    result = kg("export", "--wikidata", "given", "--build", str(small[0]), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "Items: of 0 that are certainly equal to things here, 0 were read and compared, 0 not." in result.stdout
    names = ["about.txt", "new-items.csv", "not-compared.tsv", "statements.tsv", "to-search.csv"]
    assert sorted(path.name for path in (tmp_path / "given").iterdir()) == names
