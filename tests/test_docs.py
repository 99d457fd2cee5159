"""The documentation says what is so: every key, code, setting, command and file it names, and no other."""

from __future__ import annotations

import re
from dataclasses import fields

import pyoxigraph as ox
import pytest
import yaml
from typer.testing import CliRunner

from kg.cli import app
from kg.context import read_context
from kg.release import (
    CLAIMS,
    CONTEXT,
    DATES,
    DCAT,
    JSON_LD,
    MANIFEST,
    NQUADS,
    ONTOLOGY_FILE,
    ORDER,
    QUERIES,
    REPORT,
    SHAPES,
    SOURCES,
    STATEMENTS,
    TRIG,
    TURTLE,
    VOID,
)
from kg.settings import Settings
from kg.web.places import place_of
from kg.web.problems import KINDS
from repository import ROOT

AUTHORING = (ROOT / "docs" / "authoring.md").read_text("utf-8")
SERVING = (ROOT / "docs" / "serving.md").read_text("utf-8")
RELEASES = (ROOT / "docs" / "releases.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def test_every_key_is_explained_and_no_other() -> None:
    context = read_context(ROOT / "data" / "context.jsonld")
    named = {word for span in re.findall(r"`([^`\n]+)`", AUTHORING) for word in re.findall(r"[A-Za-z]+", span)}
    assert set(context.keys) <= named, set(context.keys) - named


def test_every_code_is_listed_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z-]+)`[^|]*\| (.*) \|$", AUTHORING.split("## Codes")[1], re.MULTILINE)
    files = {path.stem: path for path in (ROOT / "data" / "code").glob("*.yaml") if path.stem not in {"certainty", "rank"}}
    assert dict(rows).keys() == files.keys()
    for name, codes in rows:
        assert codes.split(", ") == list(yaml.safe_load(files[name].read_text("utf-8"))["codes"]), name


def test_the_example_stands_in_the_data() -> None:
    shown = re.search(r"```yaml\n(.*?)```", AUTHORING, re.DOTALL)
    assert shown
    example = yaml.safe_load(shown[1])
    real = yaml.safe_load((ROOT / "data" / "initiative" / "bo-bol-110.yaml").read_text("utf-8"))
    claims, real_claims = example.pop("claims"), real.pop("claims")
    assert example == {key: real[key] for key in example}
    for name, claim in claims.items():
        assert claim == {key: real_claims[name][key] for key in claim} | ({"note": {"en": "…"}} if "note" in claim else {})


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `KG_([A-Z_]+)` \| (\S+) \|", SERVING, re.MULTILINE))
    assert rows == {field.name.upper(): _shown(field.default) for field in fields(Settings)}


def _shown(default: object) -> str:
    return (" ".join(default) if isinstance(default, tuple) else str(default)) or "-"


def test_every_problem_is_documented_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (`[^|]+) \|", SERVING, re.MULTILINE)
    listed = {name: int(status) for status, names in rows for name in re.findall("[a-z-]+", names)}
    assert listed == {kind.name: kind.status.value for kind in KINDS if kind.name != "internal"}


def test_every_file_of_a_release_is_documented() -> None:
    for name in (
        NQUADS,
        TRIG,
        TURTLE,
        JSON_LD,
        CLAIMS,
        STATEMENTS,
        SOURCES,
        ONTOLOGY_FILE,
        VOID,
        DCAT,
        CONTEXT,
        REPORT,
        ORDER,
        DATES,
        SHAPES,
        QUERIES,
        MANIFEST,
    ):
        assert f"`{name}" in RELEASES, name


@pytest.mark.parametrize("command", ["check", "build", "serve", "query", "new", "schema", "link", "export", "release"])
def test_every_command_exists_and_is_shown(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"kg {command}" in README


def test_the_table_of_files_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| (`/.*?) \| (`.*?) \|$", (ROOT / "docs" / "static.md").read_text("utf-8"), re.MULTILINE)
    pairs = [(re.findall("`(/[^`…]+)`", addresses), re.findall("`([^`…]+)`", files)) for addresses, files in rows]
    whole = [(address, file) for addresses, files in pairs if addresses and files for address, file in [(addresses[0], files[0])]]
    assert len(whole) > 8
    for address, file in whole:
        place = place_of(address if "lang=" in address else f"{address}?lang=es")
        assert place, address
        assert place.file + (f"?{place.query}" if place.query else "") == file, address


def test_links_of_the_documentation_lead_somewhere() -> None:
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
            assert target.startswith("https://") or (path.parent / target).exists(), (path.name, target)


def test_no_file_of_the_repository_says_a_version() -> None:
    """A release has its day as version, everywhere; what stands in a file would be another one."""
    assert "version:" not in (ROOT / "CITATION.cff").read_text("utf-8").replace("cff-version:", "")
    for path in (ROOT / "ontology").glob("*.ttl"):
        assert not [quad for quad in ox.parse(path=path) if "#version" in quad.predicate.value]


def test_no_text_speaks_of_the_place_where_it_was_written() -> None:
    """Machine paths and registry hosts say nothing to a reader elsewhere."""
    foreign = re.compile(r"/(work|root|farm)/|://[^/\s]*(pypi|npm)[^/\s]*/")
    for folder in ("src", "docs", "deploy", "data", "ontology", "shapes", "queries", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix not in {".pyc", ".svg", ".png"} and "made" not in path.parts:
                assert not foreign.search(path.read_text("utf-8")), path
