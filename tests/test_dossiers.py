"""The evidence that was collected for links: each thing in it is linked, rejected in a dossier, or said not to be in the graph."""

from __future__ import annotations

import csv
import re

import pytest

from repository import ROOT

EVIDENCE = ROOT.parent / "shared" / "wikidata" / "evidence.csv"  # not part of the repository
ABSENT = re.compile(r"^\| (?P<name>[^|]+) \| (?P<item>Q\d+) \| [^|]+ \|$", re.MULTILINE)
ITEM = re.compile(r"\bitem: wd:(Q\d+)")
NAMES = re.compile(r"^(?:label|alias): (.*)$", re.MULTILINE)
NAME = re.compile(r'"([^"]+)"|(?<=[:\[,] )([^",{}\[\]]+)(?=[,}\]])')


def considered() -> set[str]:
    """The items that dossiers name, be they linked or rejected."""
    return {item for file in (ROOT / "data" / "link").glob("*.yaml") for item in ITEM.findall(file.read_text("utf-8"))}


def absent() -> dict[str, str]:
    """Item → name, as the documentation lists what is not in the graph."""
    text = (ROOT / "docs" / "links.md").read_text("utf-8")
    return {row["item"]: row["name"] for row in ABSENT.finditer(text)}


def test_what_is_said_not_to_be_in_the_graph_is_not() -> None:
    """Neither under its item nor under its name."""
    assert len(absent()) > 100
    assert set(absent()) & considered() == set()
    files = [file for file in (ROOT / "data").glob("*/*.yaml") if file.parent.name not in ("link", "source", "code")]
    found = {
        (quoted or bare).strip().casefold()
        for file in files
        for line in NAMES.findall(file.read_text("utf-8"))
        for quoted, bare in NAME.findall(line)
    }
    assert "mercosur" in found
    assert found & {name.casefold() for name in absent().values()} == set()


@pytest.mark.skipif(not EVIDENCE.exists(), reason="the evidence is not part of the repository")
def test_all_evidence_is_accounted_for() -> None:
    with EVIDENCE.open(encoding="utf-8", newline="") as file:
        items = {row["qid"]: row["label"] for row in csv.DictReader(file)}
    known = considered() | set(absent())
    assert {item: name for item, name in items.items() if item not in known} == {}
    assert set(absent()) <= set(items)
