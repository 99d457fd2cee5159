"""Lists: filters narrow them, each offer is what one would get, and the query behind them finds the same."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.errors import ReleaseMissing
from kg.facet import Facet, read_facets
from kg.listing import Listing, Lists, Mention, written
from kg.names import BASE, PREFIXES
from kg.query import read_question
from kg.release import LISTS, QUERIES, ROSTER, STORE, Release
from kg.roster import write_roster
from kg.settings import Settings
from kg.store.oxigraph import OxigraphStore, Source
from repository import ROOT

CLASSES = sorted(path.name for path in (ROOT / "queries" / "lists").iterdir())
FACETS = sorted((ROOT / "queries" / "lists").glob("*/*.rq"))


@pytest.fixture(scope="module")
def lists(real: tuple[Path, Release]) -> Lists:
    path = real[1].path
    return Lists(OxigraphStore(Source(path / STORE, path / "kg.nq", PREFIXES), Settings()), path / QUERIES / LISTS, path / ROSTER)


@pytest.fixture(scope="module")
def store(real: tuple[Path, Release]) -> ox.Store:
    return ox.Store.read_only(str(real[1].path / STORE))


def found_by_query(store: ox.Store, listing: Listing) -> set[str]:
    return {row[0].value for row in store.query(listing.query)}  # type: ignore[union-attr]


@pytest.mark.parametrize("path", FACETS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_facet_says_in_three_languages_what_it_is(path: Path, store: ox.Store) -> None:
    facet = Facet(read_question(path))
    phrases = [facet.phrase(language) for language in ("en", "es", "pt")]
    assert all(facet.question.header["title", language] for language in ("en", "es", "pt"))
    assert all(phrases) or not any(phrases)
    assert facet.is_shown_as("filter") or facet.is_shown_as("column")
    assert len(list(store.query(facet.question.text))) > 1  # type: ignore[arg-type]


@pytest.mark.parametrize("cls", CLASSES)
def test_without_filters_a_list_has_every_member(lists: Lists, store: ox.Store, cls: str) -> None:
    listing = lists.listing(cls, {}, "en")
    members = {
        quad.subject.value
        for quad in store.quads_for_pattern(None, ox.NamedNode(PREFIXES["rdf"] + "type"), ox.NamedNode(PREFIXES["kg"] + cls))
    }
    assert set(listing.things) == members == found_by_query(store, listing)
    assert len(listing.things) == len(members) > 5


@pytest.mark.parametrize("cls", CLASSES)
def test_every_offer_is_what_one_gets(lists: Lists, store: ox.Store, cls: str) -> None:
    listing = lists.listing(cls, {}, "es")
    assert listing.offers
    for name, offers in listing.offers.items():
        assert offers, name
        for term, count in offers[:5]:
            narrowed = lists.listing(cls, {name: [written(term)]}, "es")
            assert len(narrowed.things) == count > 0, (name, term)
            assert found_by_query(store, narrowed) == set(narrowed.things)


def test_two_filters_must_both_hold(lists: Lists, store: ox.Store) -> None:
    chosen = {"country": ["cty:mx"], "modality": ["modality:facial-recognition", "modality:video-surveillance"]}
    both = lists.listing("Initiative", chosen, "pt")
    assert 0 < len(both.things) < len(lists.listing("Initiative", {"country": ["cty:mx"]}, "pt").things)
    assert found_by_query(store, both) == set(both.things)
    for thing in both.things:
        assert "cty:mx" in [written(term) for term in both.values["country"][thing]]


@pytest.mark.parametrize("chosen", [{}, {"country": ["cty:br"]}], ids=["all", "some"])
@pytest.mark.parametrize("day", ["", "2021-12-31"])
@pytest.mark.parametrize("sort", ["", "country", "status", "nothing"])
def test_a_part_of_a_list_is_that_part_of_the_whole(lists: Lists, chosen: dict[str, list[str]], day: str, sort: str) -> None:
    whole = lists.listing("Initiative", chosen, "es", day=day, sort=sort)
    part = lists.listing("Initiative", chosen, "es", day=day, sort=sort, start=7, most=5)
    assert part.things == whole.things[7:12]
    assert (part.total, part.offers, part.query) == (whole.total, whole.offers, whole.query)
    assert part.values == {
        name: {thing: told for thing, told in held.items() if thing in part.things} for name, held in whole.values.items()
    }
    for start in (10_000, 2**80):
        assert lists.listing("Initiative", chosen, "es", start=start, most=5).things == []


@pytest.mark.parametrize("value", ["cty:zz", "", "mx", "<x>", '"} DROP', "\0", "\ud800"])
def test_what_nothing_has_lists_nothing(lists: Lists, value: str) -> None:
    listing = lists.listing("Initiative", {"country": [value]}, "en")
    assert listing.things == []
    assert all(not offers for offers in listing.offers.values())


def test_a_filter_that_is_none_is_passed_over(lists: Lists) -> None:
    assert lists.listing("Initiative", {"utm_source": ["x"]}, "en").things == lists.listing("Initiative", {}, "en").things


def test_columns_and_filters_are_in_their_order(lists: Lists) -> None:
    facets = lists.facets("Initiative")
    assert [facet.place for facet in facets] == sorted(facet.place for facet in facets)
    assert all(facet.title(language) for facet in facets for language in ("en", "es", "pt"))
    assert all(facet.is_shown_as("filter") or facet.is_shown_as("column") for facet in facets)
    assert lists.facets("Nothing") == ()


def test_a_day_far_ahead_gives_the_current_status(lists: Lists, store: ox.Store) -> None:
    """The list's own query, which heeds a day, and the derived kg:currentStatus must agree."""
    current: dict[str, set[str]] = {}
    for quad in store.quads_for_pattern(None, ox.NamedNode(PREFIXES["kg"] + "currentStatus"), None, ox.DefaultGraph()):
        current.setdefault(quad.subject.value, set()).add(written(quad.object))
    listing = lists.listing("Initiative", {}, "en")
    current = {thing: statuses for thing, statuses in current.items() if thing in listing.things}
    assert len(current) > 80
    assert {thing: {written(term) for term in terms} for thing, terms in listing.values["status"].items()} == current


def test_the_status_on_a_day_is_the_last_told_by_then(lists: Lists, store: ox.Store) -> None:
    before = lists.listing("Initiative", {"status": ["status:active"]}, "en", day="2021-12-31")
    now = lists.listing("Initiative", {"status": ["status:active"]}, "en")
    assert set(before.things) != set(now.things)
    assert found_by_query(store, before) == set(before.things)
    assert lists.listing("Initiative", {"status": ["status:active"]}, "en", day="1990-01-01").things == []


def test_many_days_do_not_fill_the_memory(lists: Lists) -> None:
    for day in range(200):
        lists.listing("Initiative", {}, "en", day=f"2020-01-01T{day}")
    assert len(lists._days) <= 50


def test_a_glance_is_what_the_columns_of_the_list_say(lists: Lists) -> None:
    for cls in lists.classes:
        whole = lists.listing(cls, {}, "en")
        columns = [facet for facet in lists.facets(cls) if facet.is_shown_as("column")]
        seen = lists.glance(cls, whole.things[::40])
        assert list(seen) == whole.things[::40]
        for thing, told in seen.items():
            wanted = [(facet, whole.values[facet.name][thing]) for facet in columns if thing in whole.values[facet.name]]
            assert told == wanted
    assert lists.glance("Initiative", []) == {}
    assert lists.glance("Initiative", ["https://example.org/"]) == {"https://example.org/": []}
    assert lists.glance("Nothing", ["https://example.org/"]) == {"https://example.org/": ()}


@pytest.mark.parametrize("iri", ["id/country/br", "id/org/hikvision", "code/initiative-status/active", "id/org/nobody"])
def test_a_thing_is_named_by_the_lists_that_it_narrows(lists: Lists, iri: str) -> None:
    mentions = lists.mentions(BASE + iri, "pt", 4)
    wanted = []
    for cls in lists.classes:
        for facet in lists.facets(cls):
            if facet.is_shown_as("filter"):
                narrowed = lists.listing(cls, {facet.name: [written(ox.NamedNode(BASE + iri))]}, "pt")
                if narrowed.things:
                    wanted.append(Mention(cls, facet, narrowed.total, narrowed.things[:4]))
    assert mentions == wanted
    assert bool(mentions) == (iri != "id/org/nobody")


def test_of_very_many_members_some_are_shown_and_all_are_counted(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lists.mentions(BASE + "id/country/br", "es", 1000)
    monkeypatch.setattr("kg.listing._MOST_MENTIONED", 3)
    some = lists.mentions(BASE + "id/country/br", "es", 1000)
    assert max(len(mention.members) for mention in some) == 3 < max(len(mention.members) for mention in whole)
    assert [mention.total for mention in some] == [mention.total for mention in whole]
    assert all(set(part.members) <= set(full.members) for part, full in zip(some, whole, strict=True))


def test_of_very_many_offers_the_most_frequent_are_kept(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lists.listing("Initiative", {}, "en").offers["vendor"]
    monkeypatch.setattr("kg.listing.MOST_OFFERED", 2)
    assert lists.listing("Initiative", {}, "en").offers["vendor"] == whole[:2] != whole


# The file


def test_equal_stores_give_equal_files(real: tuple[Path, Release], tmp_path: Path) -> None:
    path, again = real[1].path, tmp_path / ROSTER
    again.write_text("what stood there")
    write_roster(ox.Store.read_only(str(path / STORE)), read_facets(path / QUERIES / LISTS), again)
    assert again.read_bytes() == (path / ROSTER).read_bytes()


def test_names_are_sorted_as_a_reader_of_each_language_sees_them(tmp_path: Path) -> None:
    store = ox.Store()
    names = {"a": "'b'@en, 'a'@es, 'z'@pt", "b": "'C'@es", "c": "'ñ'@pt, 'x'@qu", "d": "'Á'@qu, 'b'@gn", "e": "'d'"}
    things = "\n".join(f"<urn:{iri}> a <{BASE}def#Thing> ; rdfs:label {texts} ." for iri, texts in names.items())
    unnamed = f"<{BASE}id/org/aaa> a <{BASE}def#Thing> . [] a <{BASE}def#Thing> ."
    store.load(f"@prefix rdfs: <{PREFIXES['rdfs']}> . {things} {unnamed}".encode(), format=ox.RdfFormat.TURTLE)
    (tmp_path / "Thing").mkdir()
    (tmp_path / "Thing" / "self.rq").write_text(
        "#+ shown: filter\nSELECT ?thing ?value { ?thing a ?class BIND(?thing AS ?value) }", "utf-8"
    )
    write_roster(store, read_facets(tmp_path), tmp_path / ROSTER)
    lists = Lists(None, tmp_path, tmp_path / ROSTER)  # type: ignore[arg-type]
    sorted_ = {language: "".join(iri[-1] for iri in lists.listing("Thing", {}, language).things) for language in ("en", "es", "pt")}
    # In Spanish a b d e a c: "a", "C", "b" (of no language we speak, gn before qu), "d", "org:aaa", "ñ".
    assert sorted_ == {"en": "adbeac", "es": "adbeac", "pt": "dbeaac"}
    assert lists.size("Thing") == 6


def test_a_release_of_an_earlier_program_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ReleaseMissing, match="Run 'kg build'"):
        Lists(None, None, tmp_path / ROSTER)  # type: ignore[arg-type]
