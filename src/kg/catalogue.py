"""A store comes in; its things as names to match, their types and properties, and the values of these, go out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import pyoxigraph as ox

from kg.compose import iri_of_term
from kg.matching import Matcher, Thing
from kg.names import BASE, DEF, IDENTIFIERS, NODE, PREFIXES
from kg.store import Store
from kg.store import Term as RdfTerm

#: What the identifiers of things that are matched begin with.
SPACE = BASE + "id/"
_NAMES = """SELECT ?thing ?text WHERE {
    { ?thing rdfs:label ?text } UNION { ?thing skos:altLabel ?text }
    UNION { ?thing kg:claim ?claim . ?claim kg:formerName ?text } UNION { ?thing kg:claim ?claim . ?claim kg:newName ?text }
}"""
_CLASSES = "SELECT ?thing ?class WHERE { ?thing a ?class }"
_COUNTRIES = """SELECT ?thing ?code WHERE {
    { ?thing kg:country ?country } UNION { ?thing kg:countryOfOrigin ?country } UNION { ?thing kg:jurisdiction ?country }
    UNION { ?thing dct:isPartOf ?country } UNION { ?thing dct:isPartOf ?whole . ?whole kg:country ?country }
    UNION { ?thing kg:isoCode ?code BIND(?thing AS ?country) }
    ?country kg:isoCode ?code
}"""
_NAMES_OF_COUNTRIES = """SELECT ?code ?text WHERE {
    ?country kg:isoCode ?code { ?country rdfs:label ?text } UNION { ?country skos:altLabel ?text }
}"""
_IDENTIFIERS = f"""SELECT ?thing ?text WHERE {{
    {{ VALUES ?p {{ {" ".join(f"<{iri}>" for iri in IDENTIFIERS)} }} ?thing ?p ?text }}
    UNION {{ ?thing owl:sameAs ?item BIND(STRAFTER(STR(?item), "/entity/") AS ?text) }}
}}"""
# Not rdfs:subClassOf+, of which Virtuoso must be told where it begins.
_NARROW = "SELECT ?class ?broad WHERE { ?class rdfs:subClassOf ?broad }"
_PROPERTIES = "SELECT ?class ?p (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s a ?class ; ?p ?o } GROUP BY ?class ?p"
_VALUES = "SELECT ?s ?p ?o WHERE {{ VALUES ?s {{ {things} }} VALUES ?p {{ {properties} }} ?s ?p ?o }}"
#: Not things that a name in a table may mean.
_OTHER = {DEF + name for name in ("Claim", "Passage", "Citation", "Link", "Comparison", "Rejection", "Release", "Source")}
# What may act in countries that are not its own.
_MOBILE = {DEF + name for name in ("Organisation", "Product", "Programme")}
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

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def matcher(self) -> Matcher:
        """All things by their names; takes some seconds for a hundred thousand."""
        names, countries = self._texts(_NAMES, "thing", "text"), self._texts(_COUNTRIES, "thing", "code")
        things = (
            Thing(
                iri,
                names[iri],
                self.classes[iri],
                frozenset(code.lower() for code in countries.get(iri, ())),
                not _MOBILE.isdisjoint(self.classes[iri]) and DEF + "PublicBody" not in self.classes[iri],
            )
            for iri in sorted(names)
            if iri.startswith(SPACE) and not iri.startswith(NODE) and iri in self.classes and not self.classes[iri] & _OTHER
        )
        return Matcher(things, self._texts(_NAMES_OF_COUNTRIES, "code", "text"))

    @cached_property
    def matched(self) -> frozenset[str]:
        """The things that can be found."""
        return frozenset(thing.iri for thing in self.matcher.things)

    @cached_property
    def classes(self) -> Mapping[str, frozenset[str]]:
        """The classes of ours that each thing is in."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in self._store.rows(_CLASSES):
            if (cls := iri_of_term(row["class"])).startswith(DEF):
                found[iri_of_term(row["thing"])].add(cls)
        return {iri: frozenset(classes) for iri, classes in found.items()}

    @cached_property
    def types(self) -> Sequence[str]:
        """The classes of things that are matched, those of most things first."""
        counts: dict[str, int] = defaultdict(int)
        for iri, classes in self.classes.items():
            if iri.startswith(SPACE) and not iri.startswith(NODE) and not classes & _OTHER:
                for cls in classes:
                    counts[cls] += 1
        return sorted(counts, key=lambda cls: (-counts[cls], cls))

    @cached_property
    def _broader(self) -> Mapping[str, set[str]]:
        direct: dict[str, set[str]] = defaultdict(set)
        for row in self._store.rows(_NARROW):
            direct[iri_of_term(row["class"])].add(iri_of_term(row["broad"]))
        return defaultdict(set, {cls: _above(cls, direct) for cls in direct})

    def narrowest(self, iri: str) -> list[str]:
        """The classes of a thing of which it is in no narrower one."""
        classes = self.classes.get(iri, frozenset())
        return sorted(cls for cls in classes if not any(cls in self._broader[other] for other in classes))

    @cached_property
    def properties(self) -> Mapping[str, Mapping[str, int]]:
        """Name of a property → class → how many things of that class have it."""
        found: dict[str, dict[str, int]] = defaultdict(dict)
        types = set(self.types)
        for row in self._store.rows(_PROPERTIES):
            name, cls = short_name(iri_of_term(row["p"])), iri_of_term(row["class"])
            if name and cls in types and isinstance(row["n"], ox.Literal):
                found[name][cls] = int(row["n"].value)
        return {name: found[name] for name in sorted(found) if name not in ("claim", "citation", "editorNote")}

    def with_identifier(self, text: str) -> list[str]:
        """The things that have this number or code."""
        return self._identifiers.get(text.strip().casefold(), [])

    @cached_property
    def _identifiers(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for row in self._store.rows(_IDENTIFIERS):
            if isinstance(row["text"], ox.Literal):
                found[row["text"].value.casefold()].append(iri_of_term(row["thing"]))
        return found

    def values(self, things: Iterable[str], names: Iterable[str]) -> dict[tuple[str, str], list[RdfTerm]]:
        """(Thing, name of a property) → values, for those that have any."""
        nodes = " ".join(str(ox.NamedNode(iri)) for iri in things)
        iris = " ".join(str(ox.NamedNode(long_name(name))) for name in names)
        found: dict[tuple[str, str], list[RdfTerm]] = defaultdict(list)
        for row in self._store.rows(_VALUES.format(things=nodes, properties=iris)):
            found[iri_of_term(row["s"]), short_name(iri_of_term(row["p"]))].append(row["o"])
        return {key: sorted(terms, key=str) for key, terms in found.items()}

    def _texts(self, query: str, key: str, value: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for row in self._store.rows(query):
            term, text = row[key], row[value]
            if isinstance(text, ox.Literal):
                found[term.value if isinstance(term, ox.Literal) else iri_of_term(term)].append(text.value)
        return {name: sorted(set(texts)) for name, texts in found.items()}


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
