"""Things with their names come in; a file in which they are found by what people call them goes out (SQLite)."""

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from kg.names import BASE, DEF, IDENTIFIERS, NODE
from kg.rdf import select
from kg.spelling import Speller, Spelling, initials, readings

#: What the identifiers of things that are matched begin with.
SPACE = BASE + "id/"
_SIZE = 3  # letters of the pieces by which names are found
# Lists stand as texts with blanks between. Names are numbered by their lengths, the shortest first; `numbers` are those of the
# names that a piece is in, in four bytes each, and `lengths` how many letters each name has, in two; the lesser byte comes first.
# `use` counts the things of a class that have a property.
_SCHEMA = """
CREATE TABLE thing (
    id INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE, classes TEXT NOT NULL, countries TEXT NOT NULL, mobile INTEGER NOT NULL,
    sorts TEXT NOT NULL
);
CREATE TABLE name (
    id INTEGER PRIMARY KEY, thing INTEGER NOT NULL, text TEXT NOT NULL, words TEXT NOT NULL, countries TEXT NOT NULL,
    joined TEXT NOT NULL, written TEXT NOT NULL, made INTEGER NOT NULL, part INTEGER NOT NULL
);
CREATE TABLE word (word TEXT PRIMARY KEY, things INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE piece (id INTEGER PRIMARY KEY, piece TEXT NOT NULL UNIQUE, names INTEGER NOT NULL, numbers BLOB NOT NULL);
CREATE TABLE country (code TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (code, name)) WITHOUT ROWID;
CREATE TABLE length (lengths BLOB NOT NULL);
CREATE TABLE class (class TEXT PRIMARY KEY, things INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE use (property TEXT, class TEXT, things INTEGER NOT NULL, PRIMARY KEY (property, class)) WITHOUT ROWID;
CREATE TABLE identifier (text TEXT, iri TEXT, PRIMARY KEY (text, iri)) WITHOUT ROWID;
CREATE TEMP TABLE spelt (thing, text, words, countries, joined, written, made, part);
"""
_NUMBERED = "SELECT * FROM spelt ORDER BY length(joined), thing, text, made, part, words"
_NAMES = """SELECT ?thing ?text WHERE {
    { ?thing rdfs:label ?text } UNION { ?thing skos:altLabel ?text }
    UNION { ?thing kg:claim ?claim . ?claim kg:formerName ?text } UNION { ?thing kg:claim ?claim . ?claim kg:newName ?text }
}"""
_CLASSES = f"SELECT ?thing ?class WHERE {{ ?thing a ?class FILTER(isIRI(?thing) && STRSTARTS(STR(?thing), '{SPACE}')) }}"
_COUNTRIES = """SELECT ?thing ?code WHERE {
    { ?thing kg:country ?country } UNION { ?thing kg:countryOfOrigin ?country } UNION { ?thing kg:jurisdiction ?country }
    UNION { ?thing dct:isPartOf ?country } UNION { ?thing dct:isPartOf ?whole . ?whole kg:country ?country }
    UNION { ?thing kg:isoCode ?code BIND(?thing AS ?country) }
    ?country kg:isoCode ?code
}"""
_KINDS = f"""SELECT ?thing ?kind WHERE {{
    ?thing kg:kind ?code BIND(STRAFTER(STR(?code), "{BASE}code/place/") AS ?kind) FILTER(?kind != "")
}}"""
_NAMES_OF_COUNTRIES = """SELECT ?code ?text WHERE {
    ?country kg:isoCode ?code { ?country rdfs:label ?text } UNION { ?country skos:altLabel ?text }
}"""
_IDENTIFIERS = f"""SELECT ?thing ?text WHERE {{
    {{ VALUES ?p {{ {" ".join(f"<{iri}>" for iri in IDENTIFIERS)} }} ?thing ?p ?text }}
    UNION {{ ?thing owl:sameAs ?item BIND(STRAFTER(STR(?item), "/entity/") AS ?text) }}
}}"""
_USES = "SELECT ?p ?class (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s a ?class ; ?p ?o FILTER(isIRI(?class)) } GROUP BY ?p ?class"
# Not things that a name in a table may mean.
_OTHER = {DEF + name for name in ("Claim", "Passage", "Citation", "Link", "Comparison", "Rejection", "Release", "Source")}
# What may act in countries that are not its own.
_MOBILE = {DEF + name for name in ("Organisation", "Product", "Programme")}
# Kinds of places, and classes of other things → the words for them that a name may have or lack (`kg.spelling.SORTS`).
_SORTS = {
    DEF + "Country": frozenset({"country"}),
    DEF + "LegalInstrument": frozenset({"law", "decree", "resolution", "regulation"}),
    DEF + "Agreement": frozenset({"agreement"}),
    "province": frozenset({"state", "province", "department", "region"}),
    "city": frozenset({"municipality", "commune", "capital"}),
    "district": frozenset({"district", "municipality", "commune", "neighbourhood"}),
    "region": frozenset({"region"}),
    "border-crossing": frozenset({"border", "crossing"}),
    "airport": frozenset({"airport"}),
}


@dataclass(frozen=True)
class Thing:
    """What is known of a thing: its names, all its classes, and the codes (ISO 3166-1) of the countries it belongs to."""

    iri: str
    names: Sequence[str]
    classes: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    is_mobile: bool = False  # it may act in countries that are not its own, as companies do
    sorts: frozenset[str] = frozenset()  # words that say what sort of thing it is, whether or not they are in its names


@dataclass(frozen=True)
class Name:
    """A name of a thing as it is compared."""

    text: str
    spelling: Spelling
    is_made: bool = False  # of initials that nobody wrote down
    is_part: bool = False  # of a name with brackets what is outside them, or in them


def write_directory(store: ox.Store, path: Path) -> None:
    """Write the file for what a store holds; one that stands there is replaced. Equal stores give equal answers."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        fill(connection, things_of(store), _texts(store, _NAMES_OF_COUNTRIES))
        matched = {cls for (cls,) in connection.execute("SELECT class FROM class")}
        uses = ((key.value, cls.value, int(n.value)) for key, cls, n in select(store, _USES) if cls.value in matched)
        connection.executemany("INSERT INTO use VALUES (?, ?, ?)", sorted(uses))
        known = (
            (text.value.casefold(), thing.value) for thing, text in select(store, _IDENTIFIERS) if isinstance(text, ox.Literal)
        )
        connection.executemany("INSERT OR IGNORE INTO identifier VALUES (?, ?)", sorted(known))


def things_of(store: ox.Store) -> Iterator[Thing]:
    """The things of a store that a name may mean, by their IRIs."""
    names, countries, kinds = (_texts(store, query) for query in (_NAMES, _COUNTRIES, _KINDS))
    classes: dict[str, set[str]] = defaultdict(set)
    for thing, cls in select(store, _CLASSES):
        if cls.value.startswith(DEF):
            classes[thing.value].add(cls.value)
    for iri in sorted(classes):
        if iri in names and not iri.startswith(NODE) and not classes[iri] & _OTHER:
            is_mobile = not _MOBILE.isdisjoint(classes[iri]) and DEF + "PublicBody" not in classes[iri]
            codes = frozenset(code.lower() for code in countries.get(iri, ()))
            sorts = frozenset(word for kind in (*kinds.get(iri, ()), *classes[iri]) for word in _SORTS.get(kind, ()))
            yield Thing(iri, names[iri], frozenset(classes[iri]), codes, is_mobile, sorts)


def fill(connection: sqlite3.Connection, things: Iterable[Thing], countries: Mapping[str, Iterable[str]]) -> None:
    """Make the tables; `countries`: code of two letters → names in any language."""
    connection.executescript(_SCHEMA)
    called = sorted({(code, name) for code, names in countries.items() for name in names})
    connection.executemany("INSERT INTO country VALUES (?, ?)", called)
    speller, words, classes = Speller(countries), Counter[str](), Counter[str]()
    for number, thing in enumerate(things):
        lists = (" ".join(sorted(each)) for each in (thing.classes, thing.countries, thing.sorts))
        connection.execute(
            "INSERT INTO thing (id, iri, classes, countries, sorts, mobile) VALUES (?, ?, ?, ?, ?, ?)",
            (number, thing.iri, *lists, thing.is_mobile),
        )
        names = _named(speller, thing)
        connection.executemany("INSERT INTO spelt VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (_row(number, name) for name in names))
        words.update({word for name in names for word in name.spelling.words})
        classes.update(thing.classes)
    connection.executemany("INSERT INTO word VALUES (?, ?)", sorted(words.items()))
    connection.executemany("INSERT INTO class VALUES (?, ?)", sorted(classes.items()))
    _number(connection)


def _number(connection: sqlite3.Connection) -> None:
    lengths = array("H")
    numbers: dict[str, array[int]] = defaultdict(lambda: array("I"))
    for number, row in enumerate(connection.execute(_NUMBERED).fetchall()):
        connection.execute("INSERT INTO name VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, *row))
        spelling = read_name(row[1:]).spelling
        lengths.append(len(spelling.joined))
        for piece in pieces(spelling):
            numbers[piece].append(number)
    packed_ = ((piece, len(held), packed(held)) for piece, held in sorted(numbers.items()))
    connection.executemany("INSERT INTO piece (piece, names, numbers) VALUES (?, ?, ?)", packed_)
    connection.execute("INSERT INTO length VALUES (?)", (packed(lengths),))
    connection.execute("DROP TABLE spelt")


def _row(thing: int, name: Name) -> tuple[int | str | bool, ...]:
    spelling = name.spelling
    listed = " ".join(spelling.words), " ".join(sorted(spelling.countries)), spelling.joined, " ".join(spelling.written)
    return thing, name.text, *listed, name.is_made, name.is_part


def read_name(row: Sequence[str]) -> Name:
    """A name from the columns of its table that follow that of the thing."""
    text, words, countries, joined, written, made, part = row
    spelling = Spelling(tuple(words.split()), frozenset(countries.split()), joined, tuple(written.split()))
    return Name(text, spelling, bool(made), bool(part))


def packed(numbers: array[int]) -> bytes:
    """As they stand in the file."""
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()


def unpacked(kind: str, content: bytes) -> array[int]:
    """What `packed` made of an array of a kind (its typecode)."""
    numbers = array(kind)
    numbers.frombytes(content)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def pieces(spelling: Spelling) -> set[str]:
    """What a name is found by: letters that follow each other, in each word and across."""
    texts = [f"^{word}$" for word in spelling.words] + [spelling.joined]
    return {text[place : place + _SIZE] for text in texts for place in range(max(1, len(text) - _SIZE + 1))}


def _named(speller: Speller, thing: Thing) -> list[Name]:
    read = [(text, place > 0) for name in thing.names for place, text in enumerate(readings(name))]
    written = dict(reversed(read))  # whole, where it is both
    names = [Name(text, speller.spell(text), is_part=is_part) for text, is_part in written.items()]
    names = [name for name in names if not (name.is_part and speller.country(name.text))]
    # A country goes by its code; its names are kept as well, for those who mistype them.
    plain = [speller.plain(name.text) for name in names]
    names += [
        Name(name.text, spelling)
        for name, spelling in zip(names, plain, strict=True)
        if not name.spelling.countries and len(name.spelling.words) == 1 and name.spelling.words != spelling.words
    ]
    known = {name.spelling.joined for name in names}
    made = {letters: text for text in thing.names if (letters := initials(text)) and letters not in known}
    return names + [Name(text, Spelling((letters,), frozenset(), letters), is_made=True) for letters, text in made.items()]


def _texts(store: ox.Store, query: str) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for term, text in select(store, query):
        if isinstance(text, ox.Literal):
            found[term.value].add(text.value)
    return {name: sorted(texts) for name, texts in found.items()}
