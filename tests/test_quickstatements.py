"""What could be given to Wikidata: only what is certain at both ends, with a reference; nothing is sent."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from kg.query import open_store
from kg.quickstatements import new_items, statements
from kg.release import Release

LINE = re.compile(
    r'Q\d+\tP\d+\t(?:Q\d+|\+\d{4}-\d\d-\d\dT00:00:00Z/(?:9|10|11))\tS854\t"https?://[^"\s]+"(?:\tS813\t\+\d{4}-\d\d-\d\dT00:00:00Z/(?:9|10|11))?'
)


def test_every_line_is_a_statement_with_a_reference(real: tuple[Path, Release]) -> None:
    lines = statements(open_store(real[0])).splitlines()
    assert len(lines) > 10
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert len(set(lines)) == len(lines)


def test_both_ends_are_certain(real: tuple[Path, Release]) -> None:
    store = open_store(real[0])
    rows = store.query("SELECT ?item { ?thing <http://www.w3.org/2002/07/owl#sameAs> ?item }")
    same = {row["item"].value.rpartition("/")[2] for row in rows}
    for line in statements(store).splitlines():
        item, _, value, *_ = line.split("\t")
        assert item in same
        assert value in same or value.startswith("+")


def test_countries_are_said_to_be_members_of_blocs(real: tuple[Path, Release]) -> None:
    """Brazil (Q155) and Mercosur (Q4264), as the links have them."""
    assert '\nQ155\tP463\tQ4264\tS854\t"https://w3id.org/vigia/id/org/mercosur/br"\n' in "\n" + statements(open_store(real[0]))


def test_a_thing_without_an_item_has_two_sources(real: tuple[Path, Release]) -> None:
    rows = list(csv.DictReader(io.StringIO(new_items(open_store(real[0])))))
    assert rows
    for row in rows:
        assert row["thing"].startswith("https://w3id.org/vigia/id/")
        assert row["label_en"] or row["label_es"] or row["label_pt"] or row["label_mul"]
        assert row["sources"]
