"""The ontology as its readers see it: every term has an entry that agrees with the data."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.errors import NotFound
from kg.names import DEF, PREFIXES
from kg.query import Questions
from kg.release import QUERIES, STORE, Release
from kg.settings import Settings
from kg.store.oxigraph import OxigraphStore, Source
from kg.vocabulary import Vocabulary
from repository import ROOT

TERMS = sorted(
    quad.subject.value.removeprefix(DEF)
    for quad in ox.parse(path=ROOT / "ontology" / "kg.ttl", format=ox.RdfFormat.TURTLE)
    if quad.predicate.value == PREFIXES["rdfs"] + "isDefinedBy" and isinstance(quad.subject, ox.NamedNode)
)


@pytest.fixture(scope="module")
def vocabulary(real: tuple[Path, Release]) -> Vocabulary:
    path = real[1].path
    return Vocabulary(OxigraphStore(Source(path / STORE, path / "kg.nq", PREFIXES), Settings()), Questions(path / QUERIES))


@pytest.fixture(scope="module")
def store(real: tuple[Path, Release]) -> ox.Store:
    return ox.Store.read_only(str(real[1].path / STORE))


@pytest.mark.parametrize("name", TERMS)
def test_every_term_has_an_entry_that_agrees_with_the_data(vocabulary: Vocabulary, store: ox.Store, name: str) -> None:
    entry = vocabulary.entry(name)
    assert set(entry.texts["names"]) >= {"en", "es", "pt"}
    assert set(entry.texts["definitions"]) >= {"en", "es", "pt"}
    term = ox.NamedNode(DEF + name)
    if entry.is_class:
        uses = len(
            {
                quad.subject
                for quad in store.quads_for_pattern(None, ox.NamedNode(PREFIXES["rdf"] + "type"), term, ox.DefaultGraph())
            }
        )
    else:
        uses = len(list(store.quads_for_pattern(None, term, None, ox.DefaultGraph())))
    assert entry.uses == uses
    example = list(ox.parse(entry.example, format=ox.RdfFormat.TURTLE)) if entry.example else []
    assert bool(example) == bool(uses)
    assert not uses or any(term in (quad.predicate, quad.object) for quad in example)
    for question in entry.questions:
        assert f"kg:{name}" in question.text


def test_what_a_class_is_said_to_have_it_has(vocabulary: Vocabulary, store: ox.Store) -> None:
    held = dict(vocabulary.entry("Initiative").used_with)
    rows = store.query("SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s a kg:Initiative ; kg:country ?o }", prefixes=PREFIXES)
    assert held[DEF + "country"] == int(next(iter(rows))[0].value) > 50  # type: ignore[arg-type, union-attr]


def test_a_term_that_is_not_there(vocabulary: Vocabulary) -> None:
    for name in ("Nothing", "", "a b", "<>", "../x"):
        with pytest.raises(NotFound):
            vocabulary.entry(name)


def test_the_tree_has_every_class_below_what_it_is_a_kind_of(vocabulary: Vocabulary) -> None:
    below = vocabulary.tree
    assert DEF + "Company" in below[DEF + "Organisation"]
    assert DEF + "StatusClaim" in below[DEF + "Claim"]
    assert DEF + "Initiative" in below[""]
    assert len({cls for row in below.values() for cls in row}) > 35


def test_ties_are_the_most_used_links_and_each_pair_stands_once(vocabulary: Vocabulary) -> None:
    ties = vocabulary.ties
    pairs = [frozenset((tie.above, tie.below)) for tie in ties]
    assert len(set(pairs)) == len(pairs) > 8
    assert [tie.uses for tie in ties] == sorted((tie.uses for tie in ties), reverse=True)
    assert frozenset((DEF + "Initiative", DEF + "Country")) in pairs
    assert not any(DEF + "Claim" in pair for pair in pairs)
