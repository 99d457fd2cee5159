"""A directory and its store come in; names to match, types and properties of things, and the values of these, go out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import pyoxigraph as ox

from kg.compose import iri_of_term
from kg.database import GIVEN, Connected
from kg.matching import Matcher
from kg.names import DEF, PREFIXES
from kg.store import Store
from kg.store import Term as RdfTerm

_KNOWN = f"SELECT iri, classes FROM thing WHERE iri IN {GIVEN}"  # noqa: S608 (a constant)
_CLASSES = "SELECT ?thing ?class WHERE {{ VALUES ?thing {{ {things} }} ?thing a ?class }}"
# Not rdfs:subClassOf+, of which Virtuoso must be told where it begins.
_NARROW = "SELECT ?class ?broad WHERE { ?class rdfs:subClassOf ?broad }"
_VALUES = "SELECT ?s ?p ?o WHERE {{ VALUES ?s {{ {things} }} VALUES ?p {{ {properties} }} ?s ?p ?o }}"
# Properties under the names by which people look for them, and all of ours.
_ALSO = {
    "identifier": PREFIXES["dct"] + "identifier",
    "partOf": PREFIXES["dct"] + "isPartOf",
    "website": PREFIXES["schema"] + "url",
    "wikidata": PREFIXES["owl"] + "sameAs",
    "description": PREFIXES["dct"] + "description",
    "alias": PREFIXES["skos"] + "altLabel",
}
_SHORT = {iri: name for name, iri in _ALSO.items()}


class Catalogue:
    """What a store holds, for those who match tables to it."""

    def __init__(self, store: Store, directory: Connected) -> None:
        self._store = store
        self._directory = directory

    @cached_property
    def matcher(self) -> Matcher:
        """All things by their names."""
        return Matcher(self._directory)

    def matched(self, iris: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """Those that can be found by a name, each with its classes."""
        rows = self._directory.connection.execute(_KNOWN, (json.dumps(list(iris)),))
        return {iri: frozenset(classes.split()) for iri, classes in rows}

    def classes(self, iris: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """The classes of ours that things are in, for those that are in any."""
        listed = list(iris)
        found: dict[str, frozenset[str]] = dict(self.matched(listed))
        if others := " ".join(node for iri in listed if iri not in found and (node := _node(iri))):
            told: dict[str, set[str]] = defaultdict(set)
            for row in self._store.rows(_CLASSES.format(things=others)):
                if (cls := iri_of_term(row["class"])).startswith(DEF):
                    told[iri_of_term(row["thing"])].add(cls)
            found |= {iri: frozenset(classes) for iri, classes in told.items()}
        return found

    @cached_property
    def types(self) -> Sequence[str]:
        """The classes of things that are matched, those of most things first."""
        return [cls for (cls,) in self._directory.connection.execute("SELECT class FROM class ORDER BY things DESC, class")]

    @cached_property
    def _broader(self) -> Mapping[str, set[str]]:
        direct: dict[str, set[str]] = defaultdict(set)
        for row in self._store.rows(_NARROW):
            direct[iri_of_term(row["class"])].add(iri_of_term(row["broad"]))
        return defaultdict(set, {cls: _above(cls, direct) for cls in direct})

    def narrowest(self, iris: Iterable[str]) -> Mapping[str, Sequence[str]]:
        """The classes of things of which these are in no narrower one; none for what is in none."""
        listed = list(iris)
        known = self.classes(listed)
        return {iri: self._narrow(known.get(iri, frozenset())) for iri in listed}

    def _narrow(self, classes: frozenset[str]) -> Sequence[str]:
        return sorted(cls for cls in classes if not any(cls in self._broader[other] for other in classes))

    @cached_property
    def properties(self) -> Mapping[str, Mapping[str, int]]:
        """Name of a property → class → how many things of that class have it."""
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for key, cls, things in self._directory.connection.execute("SELECT property, class, things FROM use"):
            if name := short_name(key):
                found[name][cls] = things
        return {name: found[name] for name in sorted(found) if name not in ("claim", "citation", "editorNote")}

    def with_identifier(self, text: str) -> list[str]:
        """The things that have this number or code."""
        asked = "SELECT iri FROM identifier WHERE text = ? ORDER BY iri"
        return [iri for (iri,) in self._directory.connection.execute(asked, (text.strip().casefold(),))]

    def values(self, things: Iterable[str], names: Iterable[str]) -> dict[tuple[str, str], list[RdfTerm]]:
        """(Thing, name of a property) → values, for those that have any."""
        nodes = " ".join(str(ox.NamedNode(iri)) for iri in things)
        iris = " ".join(str(ox.NamedNode(long_name(name))) for name in names)
        found: dict[tuple[str, str], list[RdfTerm]] = defaultdict(list)
        for row in self._store.rows(_VALUES.format(things=nodes, properties=iris)):
            found[iri_of_term(row["s"]), short_name(iri_of_term(row["p"]))].append(row["o"])
        return {key: sorted(terms, key=str) for key, terms in found.items()}


def _node(iri: str) -> str:
    """As it stands in a query; empty for what is no IRI."""
    try:
        return str(ox.NamedNode(iri))
    except ValueError:
        return ""


def _above(cls: str, direct: Mapping[str, set[str]]) -> set[str]:
    """All classes that a class is in, step by step."""
    found: set[str] = set()
    edge = direct.get(cls, set())
    while edge:
        found |= edge
        edge = {broad for each in edge for broad in direct.get(each, ())} - found
    return found


def short_name(iri: str) -> str:
    """`country` for a property of ours, the name that people know for some others; empty for the rest."""
    return iri.removeprefix(DEF) if iri.startswith(DEF) else _SHORT.get(iri, "")


def long_name(name: str) -> str:
    """The IRI of a property with such a name."""
    return _ALSO.get(name, DEF + name)
