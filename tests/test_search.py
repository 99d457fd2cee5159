"""What people type finds what they mean: in any language, without accents, mistyped, or as a number."""

from __future__ import annotations

import random
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.index import fold, write_index
from kg.names import PREFIXES
from kg.release import SEARCH, Release
from kg.search import Search

RDFS, SKOS, DCT, KG = (PREFIXES[name] for name in ("rdfs", "skos", "dct", "kg"))


def thing(store: ox.Store, iri: str, *said: tuple[str, str, str]) -> None:
    """A thing, and what it is called: property, text, language."""
    for key, text, language in said:
        literal = ox.Literal(text, language=language) if language else ox.Literal(text)
        store.add(ox.Quad(ox.NamedNode(iri), ox.NamedNode(key), literal))


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Search:
    store = ox.Store()
    label, alias, text = RDFS + "label", SKOS + "altLabel", DCT + "description"
    thing(
        store,
        "x:eye",
        (label, "Eagle Eye", "en"),
        (label, "Ojo de Águila", "es"),
        (alias, "OdA", ""),
        (text, "Cameras in Zürich", "en"),
    )
    thing(store, "x:eagle", (label, "Eagle", "en"))
    thing(store, "x:nest", (label, "The eagle's nest", "en"))
    thing(store, "x:other", (label, "Other", "en"), (text, "It has an eagle eye.", "en"))
    thing(store, "x:company", (label, "Vigilância Ltda.", "pt"), (DCT + "identifier", "12.345.678/0001-90", ""))
    thing(store, "x:same", (label, "OR", "en"), (alias, "NEAR", "en"))
    store.add(ox.Quad(ox.NamedNode("x:eye"), ox.NamedNode(PREFIXES["rdf"] + "type"), ox.NamedNode("x:Kind")))
    store.add(ox.Quad(ox.NamedNode("x:company"), ox.NamedNode(KG + "claim"), ox.NamedNode("x:claim")))
    thing(store, "x:claim", (KG + "formerName", "Olho Vivo S.A.", ""))
    path = tmp_path_factory.mktemp("search") / SEARCH
    write_index(store, path)
    write_index(store, path)  # a second time: one that stands there is replaced
    return Search(path)


@pytest.fixture(scope="module")
def search(real: tuple[Path, Release]) -> Search:
    return Search(real[1].path / SEARCH)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Água", "agua"),
        ("ÁGUILA", "aguila"),
        ("Straße", "strasse"),
        ("ｆｕｌｌ", "full"),
        ("São Paulo", "sao paulo"),
        ("A\u0301", "a"),
        ("İ", "i"),
        ("", ""),
    ],
)
def test_what_is_compared_has_no_accents_and_no_capitals(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(fold(text)) == folded


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("eagle eye", "x:eye"),
        ("EYE EAGLE", "x:eye"),
        ("ojo de aguila", "x:eye"),
        ("ÁGUILA", "x:eye"),
        ("oda", "x:eye"),
        ("zurich", "x:eye"),
        ("eagle", "x:eagle"),
        ("vigilancia", "x:company"),
        ("vigilância ltda", "x:company"),
        ("12.345.678/0001-90", "x:company"),
        ("12345678", "x:company"),
        ("12345678000190", "x:company"),
        ("olho vivo", "x:company"),
        ("vigi", "x:company"),
        ("  ,  eagle;", "x:eagle"),
        ("or", "x:same"),
        ("near", "x:same"),
        ("nobody", None),
        ("", None),
        ("…", None),
    ],
)
def test_what_is_meant_comes_first(made_up: Search, typed: str, first: str | None) -> None:
    found = made_up.find(typed)
    assert (found.hits[0].iri if found.hits else None) == first
    assert (found.total > 0) == bool(first)
    assert found.instead is None


@pytest.mark.parametrize(
    ("typed", "instead", "first"),
    [
        ("eagel", "eagle", "x:eagle"),
        ("aguilla", "aguila", "x:eye"),
        ("eagle zurihc", "eagle zurich", "x:eye"),
        ("viglancia", "vigilancia", "x:company"),
    ],
)
def test_a_mistyped_word_is_taken_for_the_likeliest(made_up: Search, typed: str, instead: str, first: str) -> None:
    found = made_up.find(typed)
    assert found.instead == instead
    assert found.hits[0].iri == first


def test_a_short_or_strange_word_is_taken_for_no_other(made_up: Search) -> None:
    for typed in ("eyf", "xyzzyx", "eagle xyzzyx"):
        found = made_up.find(typed)
        assert (found.hits, found.total, found.classes, found.instead) == ([], 0, {}, None)


def test_a_hit_says_by_which_text_it_was_found(made_up: Search) -> None:
    hit = made_up.find("ojo").hits[0]
    assert (hit.iri, hit.text, hit.field, hit.language, hit.cls) == ("x:eye", "Ojo de Águila", "name", "es", "x:Kind")
    assert made_up.find("oda").hits[0].field == "alias"
    assert made_up.find("zurich").hits[0].field == "text"


def test_a_class_can_be_chosen(made_up: Search) -> None:
    everything = made_up.find("eagle")
    assert everything.classes == {"": 3, "x:Kind": 1}
    chosen = made_up.find("eagle", "x:Kind")
    assert [hit.iri for hit in chosen.hits] == ["x:eye"]
    assert (chosen.total, chosen.classes) == (1, everything.classes)
    assert made_up.find("eagle", "x:Other").total == 0


@pytest.mark.parametrize(
    "typed",
    [
        *('"', '"" OR "a', "*", "a*", "eagle AND", "NOT eagle", "-eagle", "name:eagle", "(eagle", "NEAR(eagle eye)", "^eagle"),
        *("{name} : eagle", "eagle\0eye", "\ud800", "a" * 100_000, "a " * 10_000, "'; DROP TABLE thing; --", "_", "eagle_eye", "%"),
        "\U0001f441",
    ],
)
def test_nothing_that_is_typed_is_an_error(made_up: Search, typed: str) -> None:
    found = made_up.find(typed)
    assert len(found.hits) <= found.total <= 6


def test_pages_of_results_together_are_all_of_them(search: Search) -> None:
    whole = search.find("camera", limit=1000)
    assert whole.total == len(whole.hits) > 10
    parts = [hit for start in range(0, whole.total, 7) for hit in search.find("camera", start=start, limit=7).hits]
    assert parts == list(whole.hits)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("hikvision", "org/hikvision"),
        ("hikvison", "org/hikvision"),
        ("brasil", "country/br"),
        ("brazil", "country/br"),
        ("mexico", "country/mx"),
        ("MX", "country/mx"),
        ("bol-110", "initiative/bo-bol-110"),
        ("ecu 911", "initiative/ec-ecu-911"),
    ],
)
def test_the_real_things_are_found_by_their_usual_names(search: Search, typed: str, first: str) -> None:
    assert search.find(typed).hits[0].iri == f"https://w3id.org/vigia/id/{first}"


def test_every_thing_is_found_by_each_of_its_names(search: Search, real: tuple[Path, Release]) -> None:
    """Among the first ten, for some share a name."""
    store = ox.Store.read_only(str(real[1].path / "store"))
    text = "SELECT ?s ?label { VALUES ?class { kg:Initiative kg:Organisation } ?s a ?class ; rdfs:label ?label }"
    rows = [(row[0].value, row[1].value) for row in store.query(text, prefixes=PREFIXES)]  # type: ignore[union-attr]
    assert len(rows) > 800
    drawn = random.Random(1).sample(rows, 200)  # noqa: S311 (no secret)
    missed = [(iri, label) for iri, label in drawn if iri not in [hit.iri for hit in search.find(label, limit=10).hits]]
    assert missed == []
