"""A term of the ontology comes in; what it means, what it is tied to, and how it is used go out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyoxigraph as ox

from kg.compose import iri_of_term
from kg.errors import NotFound
from kg.names import DEF, PREFIXES, compact, used_prefixes
from kg.query import Question, Questions
from kg.store import Row, Store
from kg.store import Term as RdfTerm

_TEXTS = {"rdfs:label": "names", "skos:definition": "definitions", "skos:scopeNote": "notes", "skos:changeNote": "notes"}
# What a reader does not ask for: it says nothing of the meaning, or the page says it in its own way.
_APPARATUS = {"rdfs:isDefinedBy", "kg:claim", "kg:citation"}
_TERM = "SELECT ?term ?p ?o WHERE { ?term ?p ?o }"
_NEAR = """SELECT ?term ?p ?other WHERE {
    VALUES ?p { rdfs:subClassOf rdfs:subPropertyOf schema:domainIncludes schema:rangeIncludes prov:qualifiedForm owl:inverseOf }
    ?other ?p ?term
}"""
_PROPERTIES = "SELECT ?term ?x (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s a ?term ; ?x ?o } GROUP BY ?term ?x"
_CLASSES = """SELECT ?term ?x (COUNT(DISTINCT ?s) AS ?n) WHERE {
    ?s ?term ?o ; a ?x . FILTER(STRSTARTS(STR(?x), STR(kg:)))
    FILTER NOT EXISTS { ?s a ?narrow . ?narrow rdfs:subClassOf+ ?x }
} GROUP BY ?term ?x"""
_COUNT = "SELECT ?term (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s a ?term } GROUP BY ?term"
_USES = "SELECT ?term (COUNT(*) AS ?n) WHERE { ?s ?term ?o } GROUP BY ?term"
# One that shows it well says much, but not so much that nobody reads it.
_THING = """SELECT ?term ?s (COUNT(*) AS ?n) WHERE { ?s a ?term ; ?p ?o FILTER(isIRI(?s)) } GROUP BY ?term ?s
    ORDER BY (ABS(COUNT(*) - 12)) ?s LIMIT 1"""
_PAIR = "SELECT ?term ?s ?o WHERE { ?s ?term ?o } ORDER BY ?s ?o LIMIT 1"
_OF = "SELECT ?s ?p ?o WHERE { ?s ?p ?o }"
_BEHIND = "SELECT ?s ?p ?o WHERE { ?s rdf:subject ?subject ; rdf:predicate ?predicate ; rdf:object ?object ; ?p ?o }"
_TIES = """SELECT ?from ?p ?to (COUNT(*) AS ?n) WHERE {
    ?s ?p ?o . FILTER(isIRI(?o) && STRSTARTS(STR(?p), STR(kg:)) && ?p NOT IN (kg:claim, kg:citation))
    ?s a ?from . ?o a ?to .
    ?from a owl:Class . ?to a owl:Class . FILTER(STRSTARTS(STR(?from), STR(kg:)) && STRSTARTS(STR(?to), STR(kg:)))
    FILTER NOT EXISTS { ?from rdfs:subClassOf ?wide FILTER(STRSTARTS(STR(?wide), STR(kg:))) }
    FILTER NOT EXISTS { ?to rdfs:subClassOf ?wider FILTER(STRSTARTS(STR(?wider), STR(kg:))) }
} GROUP BY ?from ?p ?to"""
_TREE = """SELECT ?class ?wide WHERE {
    ?class a owl:Class FILTER(STRSTARTS(STR(?class), STR(kg:))) OPTIONAL { ?class rdfs:subClassOf ?wide }
}"""
_ASIDE = {DEF + name for name in ("Claim", "Citation", "Code", "CodeList", "MonetaryAmount", "Passage", "Release")}
_MOST_TIES = 18


@dataclass(frozen=True)
class Entry:
    """What the ontology says of a term, and what the data does with it."""

    iri: str
    texts: Mapping[str, Mapping[str, Sequence[str]]]  # names, definitions, notes → language → texts
    said: Mapping[str, Sequence[RdfTerm]]  # predicate, short → what it leads to
    near: Mapping[str, Sequence[str]]  # predicate, short → the terms that lead here by it
    is_class: bool
    uses: int
    used_with: Sequence[tuple[str, int]]  # of a class its properties, of a property its classes, the most frequent first
    example: str  # in Turtle
    questions: Sequence[Question]


@dataclass(frozen=True)
class Tie:
    """Properties that lead from things of one class to things of another, the most used first."""

    above: str
    below: str
    properties: Sequence[str]
    uses: int


class Vocabulary:
    """The ontology of a release, and its use."""

    def __init__(self, store: Store, questions: Questions) -> None:
        self._store, self._questions = store, questions

    def entry(self, name: str) -> Entry:
        """The entry of a term, by its name behind our prefix; raises NotFound where there is none."""
        try:
            term = ox.NamedNode(DEF + name)
        except ValueError:
            raise NotFound(f"The ontology has no term '{name}'.") from None
        said: dict[str, list[RdfTerm]] = defaultdict(list)
        for row in self._store.rows(_TERM, {"term": term}):
            said[compact(iri_of_term(row["p"]))].append(row["o"])
        if "rdfs:isDefinedBy" not in said:
            raise NotFound(f"The ontology has no term '{name}'.")
        near: dict[str, list[str]] = defaultdict(list)
        for row in self._store.rows(_NEAR, {"term": term}):
            near[compact(iri_of_term(row["p"]))].append(iri_of_term(row["other"]))
        is_class = any(iri_of_term(kind).endswith(("#Class", "#Datatype")) for kind in said["rdf:type"])
        return Entry(
            term.value,
            _texts(said),
            {key: sorted(said[key], key=str) for key in sorted(said) if key not in _TEXTS and key not in _APPARATUS},
            {key: sorted(near[key]) for key in sorted(near)},
            is_class,
            sum(number_in(row) for row in self._store.rows(_COUNT if is_class else _USES, {"term": term})),
            self._used_with(term, is_class),
            self._example(term, is_class),
            [question for question in self._questions.all() if re.search(rf"kg:{re.escape(name)}\b", question.text)],
        )

    @cached_property
    def tree(self) -> Mapping[str, Sequence[str]]:
        """Each class and those right below it; under the empty name those below none."""
        wide: dict[str, set[str]] = defaultdict(set)
        for row in self._store.rows(_TREE):
            above = iri_of_term(row["wide"]) if "wide" in row else ""
            wide[iri_of_term(row["class"])] |= {above} if above.startswith(DEF) else set()
        tree: dict[str, list[str]] = defaultdict(list)
        for cls, wider in sorted(wide.items()):
            for one in wider or {""}:
                tree[one].append(cls)
        return tree

    @cached_property
    def ties(self) -> Sequence[Tie]:
        """How the main classes hang together: the pairs of them with the most links in the data, each pair once."""
        found: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        for row in self._store.rows(_TIES):
            ends = iri_of_term(row["from"]), iri_of_term(row["to"])
            if not _ASIDE.intersection(ends):
                found[ends].append((number_in(row), iri_of_term(row["p"])))
        ties = []
        for (above, below), properties in found.items():
            ordered = sorted(properties, key=lambda one: (-one[0], one[1]))
            uses = sum(number for number, _ in ordered)
            back = sum(number for number, _ in found.get((below, above), []))
            if above != below and (uses, above) >= (back, below):  # most have an inverse, which says the same
                ties.append(Tie(above, below, [name for _, name in ordered], uses))
        return sorted(ties, key=lambda tie: (-tie.uses, tie.above, tie.below))[:_MOST_TIES]

    def _used_with(self, term: ox.NamedNode, is_class: bool) -> Sequence[tuple[str, int]]:
        rows = self._store.rows(_PROPERTIES if is_class else _CLASSES, {"term": term})
        pairs = [(iri_of_term(row["x"]), number_in(row)) for row in rows]
        return sorted((pair for pair in pairs if pair[0].startswith(DEF)), key=lambda pair: (-pair[1], pair[0]))

    def _example(self, term: ox.NamedNode, is_class: bool) -> str:
        if is_class:
            chosen = self._store.rows(_THING, {"term": term})
            rows = self._store.rows(_OF, {"s": chosen[0]["s"]}) if chosen else []
        else:
            chosen = self._store.rows(_PAIR, {"term": term})
            rows = [{"s": row["s"], "p": term, "o": row["o"]} for row in chosen]
            for row in chosen:
                rows += self._store.rows(
                    _BEHIND.replace("SELECT", "SELECT ?subject ?predicate ?object"),
                    {"subject": row["s"], "predicate": term, "object": row["o"]},
                )
        return _as_turtle(rows)


def number_in(row: Row) -> int:
    """The count that a row holds under `n`."""
    number = row.get("n")
    return int(number.value) if isinstance(number, ox.Literal) else 0


def _texts(said: Mapping[str, Sequence[RdfTerm]]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    found: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in _TEXTS.values()}
    for key, name in _TEXTS.items():
        for term in said.get(key, ()):
            if isinstance(term, ox.Literal):
                found[name][term.language or ""].append(term.value)
    return {name: {language: sorted(some) for language, some in texts.items()} for name, texts in found.items()}


def _as_turtle(rows: Sequence[Row]) -> str:
    triples = [ox.Triple(row["s"], row["p"], row["o"]) for row in rows]  # type: ignore[arg-type]
    ordered = sorted(triples, key=str)
    prefixes = used_prefixes(PREFIXES, map(str, ordered))
    return (ox.serialize(ordered, format=ox.RdfFormat.TURTLE, prefixes=prefixes) or b"").decode()
