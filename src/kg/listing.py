"""A class and filters come in; the things that pass them, what each filter offers besides, and the query behind it go out.

What a class is listed and filtered by stands in `queries/lists/<Class>/<name>.rq`: each answers with things and their values.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyoxigraph as ox

from kg.names import BASE, DEF, compact
from kg.query import Question, read_question
from kg.sparql import fixed, patterns
from kg.store import Row, Store, Term

#: When a value was so, and how certain that is, where a facet's query says it in `?asOf` and `?certainty`.
Standing = tuple[Term | None, Term | None]
#: Values, each with its standing.
Told = Mapping[Term, Standing]
#: Filters by name, each with the values that all must hold.
Chosen = Mapping[str, Sequence[str]]
_Values = Mapping[str, Sequence[Term]]  # thing → its values
_UNTOLD: Standing = (None, None)
_PREFIX = re.compile(r"^PREFIX .*$", re.MULTILINE)
_DAY = "day"  # the parameter of facets that change with time
_MOST_DAYS = 50  # whose values are kept
_MOST_PATTERNS = 60  # in a query that asks for several facets at once: some engines do not survive 100
_MOST_MENTIONED = 300  # members of one list, for one thing, where they are not held
# What several facets say of one thing, and which things have one value.
_TELLING = "{{ {body} BIND({place} AS ?place) }}"
_MENTIONING = "{{ SELECT DISTINCT ?place ?thing WHERE {{ {body} BIND({place} AS ?place) }} LIMIT {most} }}"
_ONTOLOGY = "PREFIX kg: <" + DEF + ">"
_RDFS = "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>"


@dataclass(frozen=True)
class Facet:
    """One thing that members of a class can be listed and filtered by."""

    question: Question

    @property
    def name(self) -> str:
        """How addresses call it."""
        return self.question.name

    def title(self, language: str) -> str:
        """How pages call it."""
        return self.question.title(language)

    def phrase(self, language: str) -> tuple[str, str] | None:
        """What stands before and behind its values in a sentence about a thing; None where it has no part in one."""
        before, slot, after = self.question.header.get(("phrase", language), "").partition("{}")
        return (before, after) if slot else None

    def is_shown_as(self, what: str) -> bool:
        """Whether it is a `filter`, a `column`, or both."""
        return what in self.question.header.get(("shown", ""), "").split()

    @property
    def is_dated(self) -> bool:
        """Whether its values are those of a day, which may be given."""
        return _DAY in self.question.parameters

    def query(self, day: str) -> str:
        """Its query, of a day where one is given and it heeds it."""
        return self.question.bound({_DAY: day} if day and self.is_dated else {})

    @property
    def place(self) -> int:
        """Among those of its class."""
        return self.question.place


@dataclass(frozen=True)
class Listing:
    """The things that pass, their values, and for each filter the values that some of them have, the most frequent first."""

    facets: Sequence[Facet]
    things: Sequence[str]
    values: Mapping[str, _Values]  # facet → …
    offers: Mapping[str, Sequence[tuple[Term, int]]]  # facet → …
    query: str


@dataclass(frozen=True)
class Mention:
    """A list that can be filtered by a thing: the class, the filter, and the members that have it, or some of very many."""

    cls: str
    facet: Facet
    members: Sequence[str]
    is_whole: bool


class Lists:
    """All lists of a release; what was once read is kept, for a release does not change.

    Of a large one nothing is read before somebody asks for a list: what a page shows of one thing is asked of that thing alone.
    """

    def __init__(self, store: Store, folder: Path | None, is_large: bool = False) -> None:
        self._store = store
        self.is_large = is_large
        self._facets: dict[str, tuple[Facet, ...]] = {}
        for path in sorted(folder.iterdir()) if folder and folder.is_dir() else ():
            facets = [Facet(read_question(file)) for file in path.glob("*.rq")]
            self._facets[path.name] = tuple(sorted(facets, key=lambda facet: (facet.place, facet.name)))
        self._values: dict[tuple[str, str, str], _Values] = {}
        self._standings: dict[tuple[str, str, str], Mapping[tuple[str, Term], Standing]] = {}
        self._members: dict[str, frozenset[str]] = {}

    @property
    def classes(self) -> list[str]:
        """The names of our classes that have a list."""
        return list(self._facets)

    def facets(self, cls: str) -> tuple[Facet, ...]:
        """Those of one of our classes, by its name."""
        return self._facets.get(cls, ())

    def listing(self, cls: str, chosen: Chosen, language: str, day: str = "") -> Listing:
        """The members of a class that have all the chosen values, on a day where one is given (ISO 8601).

        The query names them in a language. Unknown filters are none.
        """
        facets = self.facets(cls)
        values = {facet.name: self._read(cls, facet, day) for facet in facets}
        things = [thing for thing in self._of(cls) if _passes(thing, chosen, values)]
        counts = {facet.name: _count(things, values[facet.name]) for facet in facets if facet.is_shown_as("filter")}
        return Listing(facets, sorted(things), values, counts, _query(cls, chosen, values, facets, language, day))

    def glance(self, cls: str, things: Sequence[str]) -> Mapping[str, Sequence[tuple[Facet, Told]]]:
        """What the list of a class shows of some things: of each the columns that have a value for it."""
        columns = [facet for facet in self.facets(cls) if facet.is_shown_as("column")]
        unread = [facet for facet in columns if self.is_large and (cls, facet.name, "") not in self._values]
        asked = self._asked_of(unread, things)
        told = [(each, asked.get(each.name, {}) if each in unread else self._held_of(cls, each, things)) for each in columns]
        return {thing: [(facet, values[thing]) for facet, values in told if values.get(thing)] for thing in things}

    @cached_property
    def certainties(self) -> frozenset[str]:
        """The IRIs of all degrees of certainty."""
        rows = self._store.rows("SELECT DISTINCT ?certainty WHERE { ?claim kg:certainty ?certainty }")
        return frozenset(row["certainty"].value for row in rows if isinstance(row["certainty"], ox.NamedNode))

    def size(self, cls: str) -> int:
        """How many members a class has."""
        return len(self._of(cls))

    def standing(self, cls: str, facet: Facet, thing: str, term: Term, day: str = "") -> Standing:
        """When a thing had a value, and how certain that is, as far as the facet tells."""
        self._read(cls, facet, day)
        key = cls, facet.name, day if facet.is_dated else ""
        return self._standings.get(key, {}).get((thing, term), _UNTOLD)

    def mentions(self, thing: str) -> list[Mention]:
        """The lists that can be filtered by a thing."""
        found = self._mentions_of(thing) if self.is_large else self._mentions.get(thing, {})
        most = _MOST_MENTIONED if self.is_large else None
        return [
            Mention(cls, facet, members[:most], is_whole=len(members) == len(members[:most]))
            for cls in self.classes
            for facet in self.facets(cls)
            if (members := found.get((cls, facet.name)))
        ]

    @cached_property
    def _mentions(self) -> Mapping[str, Mapping[tuple[str, str], Sequence[str]]]:
        found: dict[str, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
        for cls in self.classes:
            for facet in self.facets(cls):
                if facet.is_shown_as("filter"):
                    for thing, terms in sorted(self._read(cls, facet).items()):
                        for term in terms:
                            if isinstance(term, ox.NamedNode):
                                found[term.value][cls, facet.name].append(thing)
        return found

    def _mentions_of(self, thing: str) -> Mapping[tuple[str, str], Sequence[str]]:
        """The same for one thing; of very many members, one more than a page is made of."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        is_code = not thing.startswith(BASE + "id/")  # and what changes with time is one
        filters = [
            (cls, facet)
            for cls in self.classes
            for facet in self.facets(cls)
            if facet.is_shown_as("filter") and (is_code or not facet.is_dated)
        ]
        for place, row in self._read_parts([_part(facet, "value", thing) for _, facet in filters], _MENTIONING):
            if isinstance(row["thing"], ox.NamedNode):
                cls, facet = filters[place]
                found[cls, facet.name].append(row["thing"].value)
        return {key: sorted(set(members)) for key, members in found.items()}

    def _held_of(self, cls: str, facet: Facet, things: Sequence[str]) -> Mapping[str, Told]:
        values = self._read(cls, facet)
        return {thing: {term: self.standing(cls, facet, thing, term) for term in values.get(thing, ())} for thing in things}

    def _asked_of(self, facets: Sequence[Facet], things: Sequence[str]) -> Mapping[str, Mapping[str, Told]]:
        """The values of some things by the name of the facet, asked of these alone."""
        found: dict[str, dict[str, dict[Term, Standing]]] = defaultdict(lambda: defaultdict(dict))
        # Each by itself: given a list of things, Oxigraph reads those of all others, too.
        pairs = [(facet, thing) for facet in facets for thing in things]
        rows = self._read_parts([_part(facet, "thing", thing) for facet, thing in pairs], _TELLING)
        for place, row in sorted(rows, key=lambda pair: written(pair[1]["value"])):
            facet, thing = pairs[place]
            told = found[facet.name][thing]
            told[row["value"]] = _first(told.get(row["value"]), row)
        return found

    def _read_parts(self, parts: Sequence[str], frame: str) -> Iterator[tuple[int, Row]]:
        """The rows that parts of queries find, with the place of the part; some parts are asked for at a time."""
        weight, some = 0, list[int]()
        for place, part in enumerate(parts):
            more = patterns(part)
            if some and weight + more > _MOST_PATTERNS:
                yield from self._read_some(parts, some, frame)
                weight, some = 0, []
            weight, some = weight + more, [*some, place]
        if some:
            yield from self._read_some(parts, some, frame)

    def _read_some(self, parts: Sequence[str], places: Sequence[int], frame: str) -> Iterator[tuple[int, Row]]:
        prefixes = dict.fromkeys(prefix for place in places for prefix in _PREFIX.findall(parts[place]))
        united = " UNION ".join(frame.format(body=_body(parts[place]), place=place, most=_MOST_MENTIONED + 1) for place in places)
        text = "\n".join([*prefixes, f"SELECT ?place ?thing ?value ?asOf ?certainty WHERE {{ {united} }}"])
        for row in self._store.rows(text):
            yield int(row["place"].value), row  # type: ignore[union-attr]

    def _of(self, cls: str) -> frozenset[str]:
        if cls not in self._members:
            text = "SELECT DISTINCT ?class ?thing { ?thing a ?class FILTER(isIRI(?thing)) }"
            rows = self._store.rows(text, {"class": ox.NamedNode(DEF + cls)})
            self._members[cls] = frozenset(row["thing"].value for row in rows if isinstance(row["thing"], ox.NamedNode))
        return self._members[cls]

    def _read(self, cls: str, facet: Facet, day: str = "") -> _Values:
        key = cls, facet.name, day if facet.is_dated else ""
        if (held := self._values.get(key)) is None:  # asked once: another request may let a day go meanwhile
            found: dict[str, list[Term]] = defaultdict(list)
            standings: dict[tuple[str, Term], Standing] = {}
            for row in self._store.rows(facet.query(day)):
                if "asOf" in row or "certainty" in row:
                    told = row["thing"].value, row["value"]  # type: ignore[union-attr]
                    standings[told] = _first(standings.get(told), row)
                if isinstance(row["thing"], ox.NamedNode) and row["value"] not in found[row["thing"].value]:
                    found[row["thing"].value].append(row["value"])
            read = {thing: tuple(sorted(terms, key=written)) for thing, terms in found.items()}
            if len(days := [other for other in list(self._values) if other[2]]) >= _MOST_DAYS:
                self._values.pop(days[0], None)
                self._standings.pop(days[0], None)
            self._values[key], self._standings[key] = read, standings
            return read
        return held


def _first(known: Standing | None, row: Row) -> Standing:
    """Of two standings of one value the one that comes first as text, whichever the engine found first."""
    found = row.get("asOf"), row.get("certainty")
    return min(known, found, key=str) if known else found


def _part(facet: Facet, variable: str, iri: str) -> str:
    """The query of a facet for one thing, or for one value."""
    return fixed(facet.query(""), {variable: str(ox.NamedNode(iri))})


def _body(query: str) -> str:
    """What stands in the outer braces."""
    return query[query.index("{") + 1 : query.rindex("}")]


def written(term: Term) -> str:
    """A value as addresses have it: `cty:mx`, `status:active`, `2025`."""
    if isinstance(term, ox.NamedNode):
        return compact(term.value)
    return term.value if isinstance(term, ox.Literal) else str(term)


def _passes(thing: str, chosen: Chosen, values: Mapping[str, _Values]) -> bool:
    for name, wanted in chosen.items():
        if name in values:
            held = {written(term) for term in values[name].get(thing, ())}
            if not held.issuperset(wanted):
                return False
    return True


def _count(things: Sequence[str], values: _Values) -> Sequence[tuple[Term, int]]:
    counts = Counter(term for thing in things for term in values.get(thing, ()))
    return sorted(counts.items(), key=lambda pair: (-pair[1], written(pair[0])))


def _query(  # noqa: PLR0913, PLR0917
    cls: str, chosen: Chosen, values: Mapping[str, _Values], facets: Sequence[Facet], language: str, day: str
) -> str:
    """The same things by one query that anybody can change."""
    prefixes, parts = {_ONTOLOGY: None, _RDFS: None}, []
    for facet in facets:
        terms = {written(term): term for terms in values[facet.name].values() for term in terms}
        for value in chosen.get(facet.name, ()):
            if value not in terms:
                parts.append("  FILTER(false)  # nothing has " + json.dumps(value))
            else:
                prefixes |= dict.fromkeys(_PREFIX.findall(facet.question.text))
                body = _body(facet.query(day)).strip()
                parts.append(f"  {{ SELECT DISTINCT ?thing WHERE {{ VALUES ?value {{ {terms[value]} }} {body} }} }}")
    named = f'  OPTIONAL {{ ?thing rdfs:label ?name FILTER(LANG(?name) = "{language}") }}'
    lines = [*prefixes, "", "SELECT DISTINCT ?thing ?name WHERE {", *parts, f"  ?thing a kg:{cls} .", named, "}", "ORDER BY ?name"]
    return "\n".join(lines)
