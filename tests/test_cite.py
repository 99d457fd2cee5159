"""Citations that reference managers read, whatever a title holds."""

from __future__ import annotations

import json
import re

import pytest

from kg.cite import Work, bibtex, csl, sentence

REPORT = Work(
    "https://w3id.org/vigia/id/source/alsur-2025",
    "Facial recognition: cases & providers",
    "report",
    ("Xavier Ibarreche", "Camila Di Lorenzo"),
    "AlSur",
    "2025-06",
    language="en",
)
HOSTILE = Work(
    "https://w3id.org/vigia/id/source/x",
    "100% {of} $5 #1 a_b ~ ^ \\end{document} } @misc{",
    url="http://a/{b}\\c%20_#d",
    publisher="A & B",
)
BARE = Work("http://example.org/x?y=1", "Nothing more")


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (REPORT, "Xavier Ibarreche; Camila Di Lorenzo (2025-06). Facial recognition: cases & providers. AlSur. [https://w3id.org/vigia/id/source/alsur-2025]."),
        (BARE, "Nothing more. [http://example.org/x?y=1]."),
        (Work("i", "T.", publisher="P", issued="2020"), "P (2020). T. [i]."),
        (Work("i", "T", authors=("A",), container="C", version="1"), "A. T. C, 1. [i]."),
        (Work("i", "T", issued="2020", url="u"), "2020. T. u"),
    ],
)  # fmt: skip
def test_a_sentence_names_what_is_known(work: Work, expected: str) -> None:
    assert sentence(work) == expected


def test_bibtex_has_one_entry_each_with_whole_names() -> None:
    text = bibtex([REPORT, BARE])
    assert re.findall(r"^@(\w+)\{(.*),$", text, re.MULTILINE) == [("techreport", "vigia-source-alsur-2025"), ("misc", "vigia")]
    assert "  author = {{Xavier Ibarreche} and {Camila Di Lorenzo}},\n" in text
    assert "  title = {{Facial recognition: cases \\& providers}},\n" in text
    assert "  institution = {AlSur},\n" in text
    assert "  year = {2025},\n" in text
    assert "  date = {2025-06},\n" in text


def test_nothing_in_a_title_ends_an_entry() -> None:
    text = bibtex([HOSTILE])
    plain = text.replace(r"\textbackslash{}", "").replace(r"\textasciitilde{}", "").replace(r"\textasciicircum{}", "")
    plain = re.sub(r"\\[{}&%$#_]", "", plain)
    depth = 0
    for sign in plain:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0
    assert plain.count("@misc{") == 1  # that of the title is written out
    assert r"\#1 a\_b" in text
    assert "http://a/%7Bb%7D%5Cc%20_#d" in text


def test_csl_items_have_what_the_schema_wants() -> None:
    report, bare = csl([REPORT, BARE])
    assert report == {
        "id": "vigia-source-alsur-2025",
        "type": "report",
        "title": "Facial recognition: cases & providers",
        "author": [{"literal": "Xavier Ibarreche"}, {"literal": "Camila Di Lorenzo"}],
        "publisher": "AlSur",
        "issued": {"date-parts": [[2025, 6]]},
        "language": "en",
        "note": "Described at https://w3id.org/vigia/id/source/alsur-2025",
    }
    assert bare == {"id": "vigia", "type": "webpage", "title": "Nothing more", "note": "Described at http://example.org/x?y=1"}
    assert json.dumps([report, bare])
