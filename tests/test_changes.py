"""What changed between two releases: every difference of what is asserted is told, and nothing else."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kg.build import build
from kg.changes import KINDS, Change, as_csv, as_markdown, as_values, compare, count, of_thing, read_snapshot
from kg.release import STATEMENTS, Release

CAMERAS = "https://w3id.org/vigia/id/initiative/xa-cameras"
Edit = Callable[[str], str]


def changed(own_model: Path, tmp_path: Path, file: str, edit: Edit) -> list[Change]:
    """What is told of one edit of one file."""
    before = build(own_model, tmp_path / "build").path / STATEMENTS
    path = own_model / "data" / file
    text = path.read_text("utf-8")
    assert edit(text) != text
    path.write_text(edit(text), "utf-8")
    after = build(own_model, tmp_path / "build").path / STATEMENTS
    return compare(read_snapshot(before), read_snapshot(after))


def within(claim: str, old: str, new: str) -> Edit:
    """Replace something in one claim of a file."""

    def edit(text: str) -> str:
        head, key, rest = text.partition(f"  {claim}:\n")
        return head + key + rest.replace(old, new, 1)

    return edit


REPORTED = "certainty: reported"
NOTE = "note: {en: Why., es: Por qué., pt: Por quê.}"


@pytest.mark.parametrize(
    ("edit", "kind", "prop"),
    [
        (within("police", REPORTED, "certainty: confirmed"), "certainty", "kg:certainty"),
        (within("police", REPORTED, f"{REPORTED}\n    rank: deprecated\n    {NOTE}"), "re-ranked", "kg:rank"),
        (within("police", REPORTED, f"{REPORTED}\n    from: 2022"), "re-dated", "kg:from"),
        (within("police", REPORTED, f"{REPORTED}\n    {NOTE}"), "note", "kg:editorNote"),
        (within("police", "phase: [initiation, operation]", "phase: operation"), "changed", "kg:phase"),
        (lambda text: re.sub(r"label: .*", "label: {en: Other cameras}", text, count=1), "changed", "rdfs:label"),
    ],
    ids=["certainty", "rank", "date", "note", "claim", "thing"],
)
def test_an_edit_is_told_by_its_kind(own_model: Path, tmp_path: Path, edit: Edit, kind: str, prop: str) -> None:
    found = changed(own_model, tmp_path, "initiative/xa-cameras.yaml", edit)
    assert (kind, prop) in {(each.kind, each.property) for each in found}
    assert {each.thing for each in found} == {CAMERAS}
    assert {each.claim for each in found} == ({""} if prop == "rdfs:label" else {f"{CAMERAS}/police"})
    assert all(each.before != each.after for each in found)


def test_a_source_that_comes_and_one_that_goes_are_told_apart(own_model: Path, tmp_path: Path) -> None:
    found = changed(own_model, tmp_path, "initiative/xa-cameras.yaml", within("police", "locator: ", "locator: near "))
    assert [each.kind for each in found] == ["source-added", "source-removed"]
    assert "near" in found[0].after[0]
    assert "near" not in found[1].before[0]


def test_a_claim_that_is_new_is_told_with_what_it_says(own_model: Path, tmp_path: Path) -> None:
    claim = """  again:
    type: StatusClaim
    status: active
    asOf: 2020
    certainty: reported
    cite: {source: src:survey-2025, locator: p}
"""
    found = changed(own_model, tmp_path, "initiative/xa-cameras.yaml", lambda text: text.rstrip("\n") + "\n" + claim)
    (added,) = found
    assert (added.kind, added.claim) == ("added", f"{CAMERAS}/again")
    assert "kg:status=status:active" in added.after
    assert not added.before
    backwards = compare({f"{CAMERAS}/again": {"kg:status": frozenset({"status:active"})}}, {})
    assert [each.kind for each in backwards] == ["removed"]


def test_a_change_in_one_translation_is_no_secret(own_model: Path, tmp_path: Path) -> None:
    found = changed(
        own_model, tmp_path, "initiative/xa-cameras.yaml", lambda text: text.replace("Câmeras da cidade", "Câmeras do povoado")
    )
    assert [(each.kind, each.after) for each in found] == [("changed", ("Câmeras do povoado@pt",))]


def test_a_release_against_itself_has_no_changes(real: tuple[Path, Release]) -> None:
    snapshot = read_snapshot(real[1].path / STATEMENTS)
    assert compare(snapshot, snapshot) == []
    assert len(snapshot) > 3000


def test_every_statement_counts(real: tuple[Path, Release]) -> None:
    """Whichever one is taken out, something is told, of its thing."""
    snapshot = read_snapshot(real[1].path / STATEMENTS)
    for iri in list(snapshot)[::97]:
        for prop in snapshot[iri]:
            if prop == "kg:claim":
                continue
            less = {**snapshot, iri: {key: values for key, values in snapshot[iri].items() if key != prop}}
            found = compare(snapshot, less)
            assert len(found) == 1, (iri, prop)
            assert iri in (found[0].thing, found[0].claim)
            assert of_thing(found, iri) == found


def test_changes_are_written_as_tables_and_as_a_log(own_model: Path, tmp_path: Path) -> None:
    found = changed(own_model, tmp_path, "initiative/xa-cameras.yaml", within("police", REPORTED, "certainty: confirmed"))
    (row,) = csv.DictReader(io.StringIO(as_csv([("2026-03-01", "2026-04-15", found)])))
    assert row == {
        "from": "2026-03-01",
        "to": "2026-04-15",
        "thing": CAMERAS,
        "claim": f"{CAMERAS}/police",
        "kind": "certainty",
        "property": "kg:certainty",
        "before": "certainty:reported",
        "after": "certainty:confirmed",
    }
    assert as_values(found)[0]["before"] == ("certainty:reported",)
    log = as_markdown(found, "2026-04-15")
    assert log.startswith("## 2026-04-15\n\n1 certainty\n")
    assert "- `ini:xa-cameras/police`: certainty kg:certainty: certainty:reported → certainty:confirmed" in log
    assert count(found) == {"certainty": 1}
    assert set(count(found)) < set(KINDS)
