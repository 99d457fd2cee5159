"""A store comes in; a file in which things are found by what they are called goes out (SQLite with FTS5)."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyoxigraph as ox

from kg.names import IDENTIFIERS, NODE
from kg.rdf import select

# What a thing is called, what it is numbered, and what is said of it. A former name stands on a claim.
_TEXTS = f"""SELECT DISTINCT ?thing ?field ?text WHERE {{
    {{
        VALUES (?p ?field) {{
            (rdfs:label "name") (skos:prefLabel "name") (skos:altLabel "alias")
            (skos:notation "identifier") {" ".join(f'(<{iri}> "identifier")' for iri in IDENTIFIERS)}
            (dct:description "text") (skos:definition "text")
        }}
        ?thing ?p ?text
    }} UNION {{
        ?thing kg:claim/(kg:formerName|kg:newName) ?text BIND("alias" AS ?field)
    }} UNION {{
        ?link kg:linkedThing ?thing ; kg:linkedItem ?item
        BIND(STRAFTER(STR(?item), "/entity/") AS ?text) BIND("identifier" AS ?field)
    }}
    # Instead of a passage its work is found, instead of a link its thing.
    FILTER NOT EXISTS {{ ?work kg:passage ?thing }}
    FILTER NOT EXISTS {{ ?thing a kg:Link }}
    FILTER(isIRI(?thing) && isLiteral(?text) && !STRSTARTS(STR(?thing), "{NODE}"))
}}"""
_CLASSES = """SELECT ?thing ?class WHERE {
    ?thing a ?class FILTER(isIRI(?thing) && isIRI(?class))
    FILTER NOT EXISTS { ?thing a ?narrow . ?narrow rdfs:subClassOf+ ?class }
}"""
_SCHEMA = """
CREATE TABLE thing (id INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE, class TEXT NOT NULL, links INTEGER NOT NULL);
CREATE TABLE text (thing INTEGER NOT NULL, field TEXT NOT NULL, language TEXT NOT NULL, text TEXT NOT NULL, folded TEXT NOT NULL);
CREATE INDEX text_of_thing ON text (thing);
CREATE VIRTUAL TABLE words USING fts5 (
    name, alias, identifier, text, content = '', prefix = '2 3', tokenize = "unicode61 remove_diacritics 0"
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab ('words', 'row');
"""
_SEPARATORS = re.compile(r"[\W_]+")
FIELDS = ("name", "alias", "identifier", "text")


def write_index(store: ox.Store, path: Path) -> None:
    """Write the file; one that stands there is replaced."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_SCHEMA)
        _fill(connection, store)
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")


def fold(text: str) -> str:
    """The text as it is compared: without accents, without capitals, compatible forms as one (NFKD)."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


def _fill(connection: sqlite3.Connection, store: ox.Store) -> None:
    classes = dict(sorted(_pairs(store, _CLASSES), reverse=True))  # of several, the first by its IRI
    links = Counter(
        quad.object.value
        for quad in store.quads_for_pattern(None, None, None, ox.DefaultGraph())
        if isinstance(quad.object, ox.NamedNode)
    )
    texts: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for thing, field, language, text in _texts(store):
        texts[thing].append((field, language, text))
    for number, (thing, said) in enumerate(sorted(texts.items()), 1):
        connection.execute("INSERT INTO thing VALUES (?, ?, ?, ?)", (number, thing, classes.get(thing, ""), links[thing]))
        rows = [(number, field, language, text, fold(text)) for field, language, text in sorted(said)]
        connection.executemany("INSERT INTO text VALUES (?, ?, ?, ?, ?)", rows)
        columns = {field: [row[4] for row in rows if row[1] == field] for field in FIELDS}
        # People copy 12.345.678/0001-90 and type 12345678.
        columns["identifier"] += [_SEPARATORS.sub("", folded) for folded in columns["identifier"]]
        connection.execute(
            "INSERT INTO words (rowid, name, alias, identifier, text) VALUES (?, ?, ?, ?, ?)",
            (number, *map("\n".join, columns.values())),
        )


def _pairs(store: ox.Store, text: str) -> Iterator[tuple[str, str]]:
    for row in select(store, text):
        yield row[0].value, row[1].value


def _texts(store: ox.Store) -> Iterator[tuple[str, str, str, str]]:
    for thing, field, text in select(store, _TEXTS):
        yield thing.value, field.value, text.language or "", text.value
