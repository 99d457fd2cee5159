"""A store and the facets of classes come in; a file that lists, their filters and counts are read from goes out (SQLite)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pyoxigraph as ox

from kg.facet import Facet
from kg.language import FALLBACK, LANGUAGES
from kg.names import DEF, compact
from kg.rdf import select

# Terms are numbered in the order of their names in English; `es` and `pt` are their places in those languages. `type` is empty for
# an IRI, `@` and the language for a text that has one, else the IRI of the datatype. `as_of` and `certainty` say since when a value
# is known to hold, and how sure that is. `tally` counts the things that have a value.
_SCHEMA = """
CREATE TABLE term (
    id INTEGER PRIMARY KEY, text TEXT NOT NULL, type TEXT NOT NULL, es INTEGER NOT NULL, pt INTEGER NOT NULL, UNIQUE (text, type)
);
CREATE TABLE facet (id INTEGER PRIMARY KEY, class TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE member (class TEXT NOT NULL, thing INTEGER NOT NULL, PRIMARY KEY (class, thing)) WITHOUT ROWID;
CREATE TABLE held (
    facet INTEGER NOT NULL, thing INTEGER NOT NULL, value INTEGER NOT NULL, as_of INTEGER, certainty INTEGER,
    PRIMARY KEY (facet, thing, value)
) WITHOUT ROWID;
CREATE INDEX held_by_value ON held (value, facet, thing);
CREATE TABLE tally (
    value INTEGER NOT NULL, facet INTEGER NOT NULL, things INTEGER NOT NULL, PRIMARY KEY (value, facet)
) WITHOUT ROWID;
CREATE INDEX tally_of_facet ON tally (facet, things);
"""
# The same as it is found: terms are numbered as they come, and have names in whichever languages.
_FOUND = """
CREATE TEMP TABLE found (id INTEGER PRIMARY KEY, text TEXT NOT NULL, type TEXT NOT NULL, short TEXT NOT NULL);
CREATE TEMP TABLE name (id INTEGER, language TEXT, text TEXT, folded TEXT, PRIMARY KEY (id, language)) WITHOUT ROWID;
CREATE TEMP TABLE is_a (class TEXT, thing INTEGER);
CREATE TEMP TABLE has (facet INTEGER, thing INTEGER, value INTEGER, as_of INTEGER, certainty INTEGER);
"""
_NAME = """INSERT INTO name VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET (text, folded) = (excluded.text, excluded.folded)
    WHERE excluded.text < text"""
_NAMED = "(SELECT folded FROM name WHERE name.id = found.id AND language = '{}')"
_NAMED_ANYHOW = "(SELECT folded FROM name WHERE name.id = found.id ORDER BY language LIMIT 1)"
_NUMBER = """
CREATE TEMP TABLE numbered AS SELECT given, text, type, {places} FROM (SELECT id AS given, text, type, {names} FROM found);
CREATE UNIQUE INDEX temp.number ON numbered (given);
INSERT INTO term SELECT en, text, type, es, pt FROM numbered ORDER BY en;
INSERT INTO member SELECT class, en FROM is_a JOIN numbered ON given = thing ORDER BY class, en;
"""
# Of several standings of one value the first counts. Whatever is no member has no part in its list.
_FILL = """
INSERT OR IGNORE INTO held
    SELECT has.facet, one.en AS thing_, other.en AS value_, since.en AS since_, sure.en AS sure_ FROM has
    JOIN numbered AS one ON one.given = has.thing JOIN numbered AS other ON other.given = has.value
    JOIN facet ON facet.id = has.facet JOIN member ON member.class = facet.class AND member.thing = one.en
    LEFT JOIN numbered AS since ON since.given = has.as_of LEFT JOIN numbered AS sure ON sure.given = has.certainty
    ORDER BY has.facet, thing_, value_, since_, sure_;
INSERT INTO tally SELECT value, facet, count(*) FROM held GROUP BY value, facet ORDER BY value, facet;
"""
#: The column of the places of names in a language.
BY_NAME = {"en": "id", "es": "es", "pt": "pt"}
_MEMBERS = "SELECT DISTINCT ?thing WHERE {{ ?thing a <{}> FILTER(isIRI(?thing)) }}"
_NAMES = "SELECT ?thing ?name WHERE { { ?thing rdfs:label ?name } UNION { ?thing skos:prefLabel ?name } }"
# On other days than today facets may have values that nothing has now.
_CODES = "SELECT ?code WHERE { ?code skos:inScheme ?scheme }"
_Term = ox.NamedNode | ox.Literal


def write_roster(store: ox.Store, facets: Mapping[str, Sequence[Facet]], path: Path) -> None:
    """Write the file; one that stands there is replaced. Equal stores give equal lists."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_SCHEMA + _FOUND)
        _find(connection, store, facets)
        places = ", ".join(f"row_number() OVER (ORDER BY {language}, text, type) AS {language}" for language in LANGUAGES)
        connection.executescript(_NUMBER.format(places=places, names=", ".join(map(_called, LANGUAGES))) + _FILL)


def type_of(term: _Term) -> str:
    """What stands in the column of that name."""
    if isinstance(term, ox.NamedNode):
        return ""
    return f"@{term.language}" if term.language else term.datatype.value


def _find(connection: sqlite3.Connection, store: ox.Store, facets: Mapping[str, Sequence[Facet]]) -> None:
    numbers: dict[_Term, int] = {}

    def number(term: _Term) -> int:
        return numbers.setdefault(term, len(numbers) + 1)

    place = 0
    for cls, those in facets.items():
        members = ((cls, number(thing)) for (thing,) in _rows(store, _MEMBERS.format(DEF + cls), "thing") if thing)
        connection.executemany("INSERT INTO is_a VALUES (?, ?)", members)
        for facet in those:
            place += 1
            connection.execute("INSERT INTO facet VALUES (?, ?, ?)", (place, cls, facet.name))
            rows = _rows(store, facet.query(), "thing", "value", "asOf", "certainty")
            told = ((place, *(term and number(term) for term in row)) for row in rows if row[0] and row[1])
            connection.executemany("INSERT INTO has VALUES (?, ?, ?, ?, ?)", told)
    for (code,) in _rows(store, _CODES, "code"):
        _ = code and number(code)
    terms = ((place, term.value, type_of(term), _short(term).casefold()) for term, place in numbers.items())
    connection.executemany("INSERT INTO found VALUES (?, ?, ?, ?)", terms)
    named = ((numbers.get(thing), name) for thing, name in _rows(store, _NAMES, "thing", "name") if thing)
    names = (
        (place, name.language or "", name.value, name.value.casefold())
        for place, name in named
        if place and isinstance(name, ox.Literal)
    )
    connection.executemany(_NAME, names)


def _rows(store: ox.Store, text: str, *variables: str) -> Iterator[tuple[_Term | None, ...]]:
    """What a query finds for some variables; None where it is silent of one."""
    solutions = select(store, text)
    known = {variable.value for variable in solutions.variables}
    for row in solutions:
        terms = [row[name] if name in known else None for name in variables]
        yield tuple(term if isinstance(term, ox.NamedNode | ox.Literal) else None for term in terms)


def _short(term: _Term) -> str:
    """How a term goes that has no name."""
    return compact(term.value).strip("<>") if isinstance(term, ox.NamedNode) else term.value


def _called(language: str) -> str:
    """The name that a reader of a language sees, for sorting."""
    names = [_NAMED.format(code) for code in dict.fromkeys((language, *FALLBACK, ""))]
    return f"coalesce({', '.join([*names, _NAMED_ANYHOW])}, short) AS {language}"
