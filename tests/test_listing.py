"""Lists: filters narrow them, each offer is what one would get, and the query behind them finds the same."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.listing import Facet, Listing, Lists, written
from kg.names import BASE, PREFIXES
from kg.query import read_question
from kg.release import LISTS, QUERIES, STORE, Release
from kg.settings import Settings
from kg.store.oxigraph import OxigraphStore, Source
from repository import ROOT

CLASSES = sorted(path.name for path in (ROOT / "queries" / "lists").iterdir())
FACETS = sorted((ROOT / "queries" / "lists").glob("*/*.rq"))


@pytest.fixture(scope="module")
def lists(real: tuple[Path, Release]) -> Lists:
    path = real[1].path
    return Lists(OxigraphStore(Source(path / STORE, path / "kg.nq", PREFIXES), Settings()), path / QUERIES / LISTS)


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
    before = lists.listing("Initiative", {"status": ["status:active"]}, "en", "2021-12-31")
    now = lists.listing("Initiative", {"status": ["status:active"]}, "en")
    assert set(before.things) != set(now.things)
    assert found_by_query(store, before) == set(before.things)
    assert lists.listing("Initiative", {"status": ["status:active"]}, "en", "1990-01-01").things == []


def test_many_days_do_not_fill_the_memory(lists: Lists) -> None:
    for day in range(200):
        lists.listing("Initiative", {}, "en", f"2020-01-01T{day}")
    assert len(lists._values) < 150


def test_a_large_release_shows_the_same_of_one_thing_without_reading_all(lists: Lists, real: tuple[Path, Release]) -> None:
    held, asked = lists, Lists(lists._store, real[1].path / QUERIES / LISTS, is_large=True)
    for cls in held.classes:
        some = held.listing(cls, {}, "en").things[::40]
        assert held.glance(cls, some) == asked.glance(cls, some)
        assert asked.glance(cls, some[:1]) == {thing: told for thing, told in asked.glance(cls, some).items() if thing in some[:1]}
        for thing in some:
            assert held.mentions(thing) == asked.mentions(thing), thing
    assert asked.glance("Initiative", []) == {}
    assert not asked._values


def test_of_very_many_members_a_large_release_reads_some_and_says_so(
    lists: Lists, real: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kg.listing._MOST_MENTIONED", 3)
    asked = Lists(lists._store, real[1].path / QUERIES / LISTS, is_large=True)
    brazil = BASE + "id/country/br"
    cut = [mention for mention in asked.mentions(brazil) if not mention.is_whole]
    assert cut
    whole = {(mention.cls, mention.facet.name): mention.members for mention in lists.mentions(brazil)}
    for mention in cut:
        assert len(mention.members) == 3
        assert set(mention.members) < set(whole[mention.cls, mention.facet.name])
