"""What could be given to Wikidata: only what is certain at both ends, with a reference that is not ourselves; nothing is sent."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from kg.build import build
from kg.query import open_store
from kg.quickstatements import gifts, new_items, statements
from kg.release import Release
from linking import link_surely, link_to_nothing, wikidata_says

DAY = r"\+\d{4}-\d\d-\d\dT00:00:00Z/(?:9|10|11)"
LINE = re.compile(rf'Q\d+\tP\d+\t(?:Q\d+|{DAY})\tS854\t"https?://[^"\s]+"(?:\t(?:S813|S577)\t{DAY})?')
OURS = "https://w3id.org/vigia/"
FOUNDED = """  {key}:
    type: PropertyClaim
    property: founded
    when: {year}
    certainty: {certainty}
{rest}    cite:
{cites}"""
#: Sources of the small graph and others, by what is known of them.
SOURCES = {
    "read": "url: https://example.org/read\naccessed: 2025-04\nissued: 2024-03-05\n",
    "dated": "url: https://example.org/dated\nissued: 2024-03-05\n",
    "bare": "url: https://example.org/bare\n",
    "printed": "issued: 2024\n",
}


def _founded(key: str, year: int, *sources: str, certainty: str = "reported", rest: str = "") -> str:
    cites = "".join(f"      - {{source: src:{source}, locator: notices}}\n" for source in sources)
    return FOUNDED.format(key=key, year=year, certainty=certainty, rest=rest, cites=cites)


@pytest.fixture
def giving(own_model: Path) -> Path:
    """The small graph with facts on a maker (Q42), a holding (Q44) and a bank (Q46), and two companies that have no item."""
    data = own_model / "data"
    for name, known in SOURCES.items():
        text = f"id: src:{name}\ntype: Source\nkind: website\nlabel: {{en: {name.title()}}}\n{known}"
        (data / "source" / f"{name}.yaml").write_text(text, "utf-8")
    maker, holding, bank = (data / "org" / f"{name}.yaml" for name in ("maker", "holding", "xa-bank"))
    maker.write_text(maker.read_text("utf-8") + _founded("start", 1990, "read", "dated", "bare", "printed"), "utf-8")
    holding.write_text(
        holding.read_text("utf-8")
        + _founded("guess", 1970, "bare", certainty="inferred", rest="    note: {en: By the age of its oldest camera.}\n")
        + _founded("past", 1971, "bare", rest="    rank: deprecated\n    note: {en: The register says otherwise.}\n")
        + _founded("print", 1972, "printed"),
        "utf-8",
    )
    bank.write_text(bank.read_text("utf-8") + "claims:\n" + _founded("start", 1880, "bare"), "utf-8")
    for thing, item in (("org:maker", "Q42"), ("org:holding", "Q44"), ("org:xa-bank", "Q46")):
        link_surely(own_model, thing, item)
    for thing, check in (("org:guess", "copies"), ("prs:founder", "live")):
        file = data / {"org": "org", "prs": "person"}[thing[:3]] / f"{thing[4:]}.yaml"
        cites = "cite:\n  - {source: src:read, locator: notices}\n  - {source: src:bare, locator: notices}\n"
        file.write_text(file.read_text("utf-8") + cites, "utf-8")
        link_to_nothing(own_model, thing, check)
    return own_model


MAKER = [
    'Q42\tP571\t+1990-00-00T00:00:00Z/9\tS854\t"https://example.org/bare"',
    'Q42\tP571\t+1990-00-00T00:00:00Z/9\tS854\t"https://example.org/dated"\tS577\t+2024-03-05T00:00:00Z/11',
    'Q42\tP571\t+1990-00-00T00:00:00Z/9\tS854\t"https://example.org/read"\tS813\t+2025-04-00T00:00:00Z/10',
]
OWNER = 'Q42\tP127\tQ44\tS854\t"https://example.org/survey?year=2025&page=1"\tS577\t+2025-06-00T00:00:00Z/10'
BANK = ['Q46\tP571\t+1880-00-00T00:00:00Z/9\tS854\t"https://example.org/bare"']


def test_a_reference_is_the_address_of_the_source_with_a_day_that_is_known(giving: Path, tmp_path: Path) -> None:
    """Not what is inferred or deprecated, and not what only a printed source says."""
    wikidata_says(giving, {"Q42": {}, "Q44": {}, "Q99": {"P571": '"1900"^^<http://www.w3.org/2001/XMLSchema#gYear>'}})
    build(giving, tmp_path / "build")
    facts = statements(open_store(tmp_path / "build"))
    assert list(facts.lacked) == MAKER
    assert list(facts.uncompared) == [OWNER, *BANK]  # no owner of anything was read, and not the bank's item
    assert facts.withheld == 1  # when the holding was founded


def test_what_wikidata_has_is_not_given(giving: Path, tmp_path: Path) -> None:
    wikidata_says(giving, {"Q42": {"P571": '"1990"^^<http://www.w3.org/2001/XMLSchema#gYear>'}})
    build(giving, tmp_path / "build")
    facts = statements(open_store(tmp_path / "build"))
    assert (facts.lacked, list(facts.uncompared)) == ((), [OWNER, *BANK])


def test_of_what_was_not_read_nothing_is_said_to_be_lacking(giving: Path, tmp_path: Path) -> None:
    """Neither of an item that was not read nor of a property that no item has, which was never asked for."""
    build(giving, tmp_path / "build")
    facts = statements(open_store(tmp_path / "build"))
    assert (facts.lacked, list(facts.uncompared)) == ((), [OWNER, *MAKER, *BANK])
    wikidata_says(giving, {"Q42": {"P17": "Q9101"}})
    build(giving, tmp_path / "build")
    assert statements(open_store(tmp_path / "build")).lacked == ()


def test_only_what_wikidata_was_searched_for_is_proposed(giving: Path, tmp_path: Path) -> None:
    build(giving, tmp_path / "build")
    things = new_items(open_store(tmp_path / "build"))
    for table, thing, looked in ((things.searched, "person/founder", "live"), (things.unsearched, "org/guess", "copies")):
        (row,) = csv.DictReader(io.StringIO(table))
        assert (row["thing"], row["searched"], row["searched_on"]) == (f"{OURS}id/{thing}", looked, "2026-01-02")


def test_the_files_say_in_words_what_was_compared(giving: Path, tmp_path: Path) -> None:
    wikidata_says(giving, {"Q42": {}, "Q99": {"P571": '"1900"^^<http://www.w3.org/2001/XMLSchema#gYear>'}})
    build(giving, tmp_path / "build")
    files = gifts(open_store(tmp_path / "build"))
    assert files["statements.tsv"].splitlines() == MAKER
    for said in (
        "of 3 that are certainly equal to things here, 1 were read and compared, 2 not.",
        "statements.tsv, 3 lines: Wikidata was read",
        "not-compared.tsv, 2 lines: Wikidata was not read there",
        "In neither, 1 facts: no source of theirs has an address",
        "new-items.csv, 1 things: Wikidata itself was searched",
        "to-search.csv, 1 things: only copies were searched",
    ):
        assert said in files["about.txt"]


def test_no_line_is_about_ourselves(real: tuple[Path, Release]) -> None:
    """Brazil in Mercosur, of which the one source has no known address, is withheld, not given with our own for a reference."""
    store = open_store(real[0])
    facts = statements(store)
    lines = [*facts.lacked, *facts.uncompared]
    assert [line for line in lines if not LINE.fullmatch(line) or OURS in line] == []
    assert len(set(lines)) == len(lines)
    assert facts.withheld > 10
    rows = store.query("SELECT ?item { ?thing <http://www.w3.org/2002/07/owl#sameAs> ?item }")
    same = {row["item"].value.rpartition("/")[2] for row in rows}
    for line in lines:
        item, _, value, *_ = line.split("\t")
        assert item in same
        assert value in same or value.startswith("+")


def test_a_thing_without_an_item_has_two_sources(real: tuple[Path, Release]) -> None:
    things = new_items(open_store(real[0]))
    rows = [row for table in (things.searched, things.unsearched) for row in csv.DictReader(io.StringIO(table))]
    assert rows
    for row in rows:
        assert row["thing"].startswith(f"{OURS}id/")
        assert row["label_en"] or row["label_es"] or row["label_pt"] or row["label_mul"]
        assert row["sources"]
        assert row["searched_on"]
