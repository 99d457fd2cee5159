"""A class and filters come in; the things that pass them, what each filter offers besides, and the query behind it go out."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyoxigraph as ox

from kg.database import GIVEN, Database
from kg.facet import Facet, read_facets
from kg.names import DEF, compact, expand
from kg.roster import BY_NAME, type_of
from kg.store import Store, Term

#: When a value was so, and how certain that is, where a facet's query says it in `?asOf` and `?certainty`.
Standing = tuple[Term | None, Term | None]
#: Values, each with its standing.
Told = Mapping[Term, Standing]
#: Filters by name, each with the values that all must hold.
Chosen = Mapping[str, Sequence[str]]
#: Values that one filter offers at most; of more, the most frequent.
MOST_OFFERED = 1000
_MOST_MENTIONED = 300  # members of a list that have one value, the first in English, of which some are shown
_MOST_DAYS = 50  # whose values are kept
_FARTHEST = 2**62  # place in a list: SQLite takes no larger number
_PREFIX = re.compile(r"^PREFIX .*$", re.MULTILINE)
_ONTOLOGY = "PREFIX kg: <" + DEF + ">"
_RDFS = "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>"
# What passes the filters, and what facets say of another day than today.
_BESIDE = """
CREATE TEMP TABLE passing (thing INTEGER PRIMARY KEY);
CREATE TEMP TABLE told (
    facet INTEGER, thing INTEGER, value INTEGER, as_of INTEGER, certainty INTEGER, PRIMARY KEY (facet, thing, value)
) WITHOUT ROWID;
"""
_MEMBERS = "(SELECT thing FROM member WHERE class = :cls)"
_Row = tuple[int, int, int, int | None, int | None]  # of `held` and `told`


@dataclass(frozen=True)
class Listing:
    """Some of the things that pass, in their order, with what they have; and for each filter what some of all that pass have."""

    facets: Sequence[Facet]
    things: Sequence[str]
    total: int
    values: Mapping[str, Mapping[str, Told]]  # facet → thing → …
    offers: Mapping[str, Sequence[tuple[Term, int]]]  # facet → …, the most frequent first
    chosen: Mapping[tuple[str, str], Sequence[Term]]  # facet, and value as addresses have it → what of it there is
    known: Mapping[str, int]  # facet of which a day was asked for → how many have any value then
    query: str


@dataclass(frozen=True)
class Mention:
    """A list that can be filtered by a thing: the class, the filter, how many members it leaves, and the first of them."""

    cls: str
    facet: Facet
    total: int
    members: Sequence[str]


@dataclass(frozen=True)
class _Day:
    """What the facets of a class that change with time say of a day."""

    rows: Sequence[_Row]
    strangers: Mapping[int, Term]  # what the file has no number for, by one below 0


@dataclass(frozen=True)
class _View:
    """A class as of a day, and the things of it that pass."""

    cls: str
    day: str
    strangers: Mapping[int, Term]
    passing: str = _MEMBERS  # where they stand

    def table(self, facet: Facet) -> str:
        """Where the values of a facet stand."""
        return "told" if self.day and facet.is_dated else "held"


class Lists:
    """All lists of a release, from the file that `kg.roster` wrote; of another day than today, from the store."""

    def __init__(self, store: Store, folder: Path | None, path: Path | None) -> None:
        """None where there are no lists; raises ReleaseMissing where there should be a file of them."""
        self._store = store
        self._facets = read_facets(folder) if folder else {}
        self._database = Database(path, _BESIDE) if path else None
        self._days: dict[tuple[str, str], _Day] = {}
        numbers = self._connection.execute("SELECT class, name, id FROM facet") if path else ()
        self._numbers: Mapping[tuple[str, str], int] = {(cls, name): number for cls, name, number in numbers}

    @property
    def classes(self) -> list[str]:
        """The names of our classes that have a list."""
        return list(self._facets)

    def facets(self, cls: str) -> tuple[Facet, ...]:
        """Those of one of our classes, by its name."""
        return self._facets.get(cls, ())

    def size(self, cls: str) -> int:
        """How many members a class has."""
        return self._count(f"FROM {_MEMBERS}", cls)

    def listing(  # noqa: PLR0913 (what an address can say)
        self, cls: str, chosen: Chosen, language: str, *, day: str = "", sort: str = "", start: int = 0, most: int = -1
    ) -> Listing:
        """The members of a class that have all the chosen values, on a day where one is given (ISO 8601).

        They are sorted by a facet's first value, else by their names in a language; of these from `start` on so many, or all.
        The query names them in that language. Unknown filters and facets are none.
        """
        facets = self.facets(cls)
        view = self._turned_to(cls, day)
        wanted = [(facet, value, self._find(view, facet, value)) for facet in facets for value in chosen.get(facet.name, ())]
        view = self._narrowed(view, wanted)
        order = next((facet for facet in facets if facet.name == sort), None)
        numbers = self._sorted(view, order, BY_NAME[language], most, min(start, _FARTHEST))
        terms = self._terms([*numbers, *(number for _, _, found in wanted for number in found)], view)
        meant = [(facet, value, [terms[number] for number in found]) for facet, value, found in wanted]
        return Listing(
            facets,
            [terms[number].value for number in numbers],  # type: ignore[union-attr]
            self._count(f"FROM {view.passing}", cls),
            self._values(view, facets, numbers),
            self._offers(view, BY_NAME[language]),
            {(facet.name, value): those for facet, value, those in meant},
            {facet.name: self._known(view, facet) for facet in facets if day and facet.is_dated},
            _query(cls, meant, language, day),
        )

    def glance(self, cls: str, things: Sequence[str]) -> Mapping[str, Sequence[tuple[Facet, Told]]]:
        """What the list of a class shows of some things: of each the columns that have a value for it."""
        columns = [facet for facet in self.facets(cls) if facet.is_shown_as("column")]
        if not columns:
            return dict.fromkeys(things, ())
        text = f"SELECT id FROM term WHERE type = '' AND text IN {GIVEN}"  # noqa: S608 (a constant)
        numbers = [number for (number,) in self._connection.execute(text, (json.dumps(list(things)),))]
        told = self._values(_View(cls, "", {}), columns, numbers)
        return {thing: [(facet, told[facet.name][thing]) for facet in columns if told[facet.name].get(thing)] for thing in things}

    def mentions(self, thing: str, language: str, most: int) -> list[Mention]:
        """The lists that can be filtered by a thing, with so many members of each by their names in a language."""
        if not self._numbers or not (number := self._number(ox.NamedNode(thing))):
            return []
        counts = dict(self._connection.execute("SELECT facet, things FROM tally WHERE value = ?", (number,)))
        found = []
        for (cls, name), place in self._numbers.items():
            facet = next(facet for facet in self.facets(cls) if facet.name == name)
            if place in counts and facet.is_shown_as("filter"):
                found.append(Mention(cls, facet, counts[place], self._first(place, number, language, most)))
        return found

    def _first(self, facet: int, value: int, language: str, most: int) -> list[str]:
        """By their names; of very many, those of the first in English."""
        text = f"""SELECT text FROM (SELECT thing FROM held WHERE value = ? AND facet = ? ORDER BY thing LIMIT {_MOST_MENTIONED})
            JOIN term ON id = thing ORDER BY {BY_NAME[language]} LIMIT ?"""  # noqa: S608 (a constant and a column of ours)
        return [text for (text,) in self._connection.execute(text, (value, facet, most))]

    # Terms and their numbers

    @property
    def _connection(self) -> sqlite3.Connection:
        assert self._database  # noqa: S101 (without a file there are no lists, and nobody asks)
        return self._database.connection

    def _number(self, term: Term) -> int | None:
        text = "SELECT id FROM term WHERE text = ? AND type = ?"
        row = self._connection.execute(text, (term.value, type_of(term))).fetchone()  # type: ignore[union-attr,arg-type]
        return int(row[0]) if row else None

    def _terms(self, numbers: Iterable[int | None], view: _View) -> dict[int, Term]:
        text = f"SELECT id, text, type FROM term WHERE id IN {GIVEN}"  # noqa: S608 (a constant)
        rows = self._connection.execute(text, (json.dumps(sorted({number for number in numbers if number})),))
        return {number: _term(value, kind) for number, value, kind in rows} | dict(view.strangers)

    def _find(self, view: _View, facet: Facet, value: str) -> list[int]:
        """The numbers of what a value in an address stands for, if any member has it."""
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a character
            return []
        iri = value[1:-1] if value.startswith("<") else expand(value)
        same = [number for number, term in view.strangers.items() if written(term) == value]
        text = "SELECT id FROM term WHERE text = ? AND type = '' OR text = ? AND type != ''"
        numbers = [*(number for (number,) in self._connection.execute(text, (iri, value))), *same]
        held = f"SELECT 1 FROM {view.table(facet)} WHERE value = ? AND facet = ? LIMIT 1"  # noqa: S608 (a name of ours)
        return [number for number in numbers if self._connection.execute(held, (number, self._of(view, facet))).fetchone()]

    def _of(self, view: _View, facet: Facet) -> int:
        return self._numbers[view.cls, facet.name]

    def _count(self, what: str, cls: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) {what}", {"cls": cls}).fetchone()[0])

    # Parts of a listing. What stands in their queries is numbers and names of ours.

    def _narrowed(self, view: _View, wanted: Sequence[tuple[Facet, str, Sequence[int]]]) -> _View:
        """With the things that have all the wanted values."""
        if not wanted:
            return view
        held = "".join(
            f""" AND thing IN (SELECT thing FROM {view.table(facet)}
                WHERE facet = {self._of(view, facet)} AND value IN ({", ".join(map(str, found))}))"""  # noqa: S608
            for facet, _, found in wanted
        )
        self._connection.execute("DELETE FROM passing")
        text = f"INSERT INTO passing SELECT thing FROM {_MEMBERS} WHERE true{held}"  # noqa: S608
        self._connection.execute(text, {"cls": view.cls})
        return replace(view, passing="passing")

    def _sorted(self, view: _View, by: Facet | None, name: str, most: int, start: int) -> list[int]:
        """The numbers of things in their order; what has no value to be sorted by comes last."""
        worth = "0"
        if by:
            worth = f"""(SELECT min(value.{name}) FROM {view.table(by)} AS has JOIN term AS value ON value.id = has.value
                WHERE has.facet = {self._of(view, by)} AND has.thing = those.thing)"""  # noqa: S608
        text = f"""SELECT thing, {worth} AS worth FROM {view.passing} AS those JOIN term ON term.id = thing
            ORDER BY worth IS NULL, worth, term.{name} LIMIT :most OFFSET :start"""  # noqa: S608
        rows = self._connection.execute(text, {"cls": view.cls, "most": most, "start": start})
        return [number for number, _ in rows]

    def _values(self, view: _View, facets: Sequence[Facet], numbers: Sequence[int]) -> Mapping[str, Mapping[str, Told]]:
        rows: list[_Row] = []
        for table in ("held", "told"):
            asked = [self._of(view, facet) for facet in facets if view.table(facet) == table]
            text = f"""SELECT facet, thing, value, as_of, certainty FROM {table}
                WHERE facet IN ({", ".join(map(str, asked))}) AND thing IN {GIVEN}"""  # noqa: S608
            rows += self._connection.execute(text, (json.dumps(list(numbers)),)) if asked else ()
        terms = self._terms([number for row in rows for number in row[1:]], view)
        names = {self._of(view, facet): facet.name for facet in facets}
        found: dict[str, dict[str, dict[Term, Standing]]] = {name: defaultdict(dict) for name in names.values()}
        for facet, thing, value, since, sure in sorted(rows, key=lambda row: written(terms[row[2]])):
            standing = terms[since] if since else None, terms[sure] if sure else None
            found[names[facet]][terms[thing].value][terms[value]] = standing  # type: ignore[union-attr]
        return found

    def _offers(self, view: _View, name: str) -> Mapping[str, Sequence[tuple[Term, int]]]:
        found = {}
        for facet in self.facets(view.cls):
            if facet.is_shown_as("filter"):
                number, table = self._of(view, facet), view.table(facet)
                counted = f"""SELECT value, count(*) AS things FROM {table}
                    WHERE facet = {number} AND thing IN {view.passing} GROUP BY value"""  # noqa: S608
                if view.passing == _MEMBERS and table == "held":
                    counted = f"SELECT value, things FROM tally WHERE facet = {number}"  # noqa: S608
                text = f"""SELECT value, things FROM ({counted}) LEFT JOIN term ON term.id = value
                    ORDER BY things DESC, term.{name} LIMIT {MOST_OFFERED}"""  # noqa: S608
                found[facet.name] = self._connection.execute(text, {"cls": view.cls}).fetchall()
        terms = self._terms([value for pairs in found.values() for value, _ in pairs], view)
        return {name: [(terms[value], count) for value, count in pairs] for name, pairs in found.items()}

    def _known(self, view: _View, facet: Facet) -> int:
        has = f"SELECT 1 FROM told WHERE told.facet = {self._of(view, facet)} AND told.thing = those.thing"  # noqa: S608
        return self._count(f"FROM {view.passing} AS those WHERE EXISTS ({has})", view.cls)

    # Other days

    def _turned_to(self, cls: str, day: str) -> _View:
        """With what facets say of the day in the table beside the file."""
        if not day:
            return _View(cls, "", {})
        if not (read := self._days.get((cls, day))):
            read = self._read(cls, day)
            if len(self._days) >= _MOST_DAYS:  # asked once: another request may let it go meanwhile
                self._days.pop(next(iter(self._days), ("", "")), None)
            self._days[cls, day] = read
        self._connection.execute("DELETE FROM told")
        self._connection.executemany("INSERT INTO told VALUES (?, ?, ?, ?, ?)", read.rows)
        return _View(cls, day, read.strangers)

    def _read(self, cls: str, day: str) -> _Day:
        found: dict[tuple[int, Term, Term], Standing] = {}
        for facet in self.facets(cls):
            if facet.is_dated:
                for row in self._store.rows(facet.query(day)):
                    key = self._numbers[cls, facet.name], row["thing"], row["value"]
                    standing = row.get("asOf"), row.get("certainty")
                    found[key] = min(found.get(key, standing), standing, key=str)
        terms = {term for key, standing in found.items() for term in (*key[1:], *standing) if term}
        numbers = {term: self._number(term) for term in terms}
        unknown = sorted((term for term, number in numbers.items() if not number), key=str)
        strangers = {-place: term for place, term in enumerate(unknown, 1)}
        numbers |= {term: number for number, term in strangers.items()}
        rows = [
            (facet, numbers[thing], numbers[value], *(numbers[term] if term else None for term in standing))
            for (facet, thing, value), standing in found.items()
        ]
        return _Day(rows, strangers)  # type: ignore[arg-type]


def _term(text: str, kind: str) -> Term:
    if not kind:
        return ox.NamedNode(text)
    return ox.Literal(text, language=kind[1:]) if kind.startswith("@") else ox.Literal(text, datatype=ox.NamedNode(kind))


def _body(query: str) -> str:
    """What stands in the outer braces."""
    return query[query.index("{") + 1 : query.rindex("}")]


def written(term: Term) -> str:
    """A value as addresses have it: `cty:mx`, `status:active`, `2025`."""
    if isinstance(term, ox.NamedNode):
        return compact(term.value)
    return term.value if isinstance(term, ox.Literal) else str(term)


def _query(cls: str, chosen: Iterable[tuple[Facet, str, Sequence[Term]]], language: str, day: str) -> str:
    """The same things by one query that anybody can change."""
    prefixes, parts = {_ONTOLOGY: None, _RDFS: None}, []
    for facet, value, terms in chosen:
        if not terms:
            parts.append("  FILTER(false)  # nothing has " + json.dumps(value))
        else:
            prefixes |= dict.fromkeys(_PREFIX.findall(facet.question.text))
            listed, body = " ".join(map(str, terms)), _body(facet.query(day)).strip()
            parts.append(f"  {{ SELECT DISTINCT ?thing WHERE {{ VALUES ?value {{ {listed} }} {body} }} }}")
    named = f'  OPTIONAL {{ ?thing rdfs:label ?name FILTER(LANG(?name) = "{language}") }}'
    lines = [*prefixes, "", "SELECT DISTINCT ?thing ?name WHERE {", *parts, f"  ?thing a kg:{cls} .", named, "}", "ORDER BY ?name"]
    return "\n".join(lines)
