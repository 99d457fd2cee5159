"""RDF in memory: layers of triples come in, one store whose default graph holds every triple once goes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pyoxigraph as ox

from kg.names import PREFIXES, layer

#: A key as CURIE, and the IRI, number or text that stands there.
Fact = tuple[str, str | int | ox.Literal]


def store_of(triples: Iterable[ox.Triple]) -> ox.Store:
    """A store that holds the triples in its default graph."""
    store = ox.Store()
    store.extend(ox.Quad(t.subject, t.predicate, t.object) for t in triples)
    return store


def select(store: ox.Store, query: str) -> ox.QuerySolutions:
    """What a SELECT query of ours finds; the prefixes that we use need not stand in it."""
    solutions = store.query(query, prefixes=PREFIXES)
    assert isinstance(solutions, ox.QuerySolutions)  # noqa: S101 (it is a SELECT)
    return solutions


def layered(layers: Mapping[str, Iterable[ox.Triple]], apart: Mapping[str, Iterable[ox.Triple]]) -> list[ox.Quad]:
    """Every triple once in the default graph, and once in the named graph of each layer that holds it; sorted.

    What stands `apart` is in the named graph of its layer only.

    Sorted by their N-Quads text, so that equal graphs give equal bytes on every machine.
    """
    store = ox.Store()
    for name, triples in layers.items():
        graph = ox.NamedNode(layer(name))
        for t in triples:
            store.add(ox.Quad(t.subject, t.predicate, t.object))
            store.add(ox.Quad(t.subject, t.predicate, t.object, graph))
    for name, triples in apart.items():
        graph = ox.NamedNode(layer(name))
        store.extend(ox.Quad(t.subject, t.predicate, t.object, graph) for t in triples)
    # Values come back in the form in which the store will give them (P5Y for P60M), so that dumps and answers are the same.
    return sorted(store, key=str)


def tell(prefixes: Mapping[str, str], subject: str, *facts: Fact) -> Iterator[ox.Triple]:
    """Triples about one subject."""
    for key, value in facts:
        prefix, _, local = key.partition(":")
        term = ox.NamedNode(value) if isinstance(value, str) else ox.Literal(value) if isinstance(value, int) else value
        yield ox.Triple(ox.NamedNode(subject), ox.NamedNode(prefixes[prefix] + local), term)
