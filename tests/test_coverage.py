"""What rests on the parts of a source, and which languages the names of things stand in."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.build import check
from kg.coverage import Part, names, parts
from kg.errors import KgError
from repository import ROOT

QUESTION = ROOT / "queries" / "coverage.rq"
SOURCE = "id: src:whole\ntype: Source\nlabel: {en: A source read whole}\nkind: report\npublisher: Somebody\nlanguage: en\n"
PASSAGES = """lastFootnote: 3
passages:
  first: {position: 1, label: {en: First part}}
  table: {position: 2, label: {en: Table 1}}
  empty: {position: 3, label: {en: Thanks}, note: {en: Nothing is stated here.}}
"""
PLACE = """id: plc:somewhere
type: Place
label: {en: Somewhere, es: Algún lugar}
cite:
  - {source: src:whole, locator: "First part, second paragraph", footnote: 2}
  - {source: src:whole, locator: "First part; Table 1"}
  - {source: src:whole, locator: First particle}
"""


def covered(root: Path) -> list[Part]:
    (root / "data" / "source" / "whole.yaml").write_text(SOURCE + PASSAGES, "utf-8")
    (root / "data" / "place" / "somewhere.yaml").write_text(PLACE, "utf-8")
    checked = check(root)
    assert [str(finding) for finding in checked.findings if finding.place.path.endswith(("whole.yaml", "somewhere.yaml"))] == []
    return [part for part in parts(checked.store, QUESTION) if part.source == "whole"]


def test_each_section_and_footnote_has_what_rests_on_it(own_model: Path) -> None:
    assert covered(own_model) == [
        Part("whole", "First part", 1, ""),
        Part("whole", "Table 1", 1, ""),
        Part("whole", "Thanks", 0, "Nothing is stated here."),
        Part("whole", "footnote 1", 0, ""),
        Part("whole", "footnote 2", 1, ""),
        Part("whole", "footnote 3", 0, ""),
    ]


def test_names_are_counted_by_language(own_model: Path) -> None:
    before = names(check(own_model).store)
    covered(own_model)
    after = names(check(own_model).store)
    assert after.things == before.things + 2
    assert {code: after.by_language[code] - before.by_language[code] for code in ("en", "es", "pt")} == {"en": 2, "es": 1, "pt": 0}


def test_a_broken_question_says_so(own_model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "coverage.rq"
    broken.write_text("SELECT", "utf-8")
    with pytest.raises(KgError, match=r"coverage\.rq cannot be asked"):
        parts(check(own_model).store, broken)
