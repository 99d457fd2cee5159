"""A store comes in; all that its files assert of things and claims goes out, flat: subject, property, value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import pyoxigraph as ox

from kg.csvw import Column, Table
from kg.names import NODE, PREFIXES, compact, layer

_DATA = ox.NamedNode(layer("data"))
_TYPE = PREFIXES["rdf"] + "type"
_NAME = "vigia"
# Kinds of values, by datatype; all others are strings.
_KINDS = {
    "anyURI": "url",
    "date": "date",
    "decimal": "number",
    "gYear": "date",
    "gYearMonth": "date",
    "integer": "number",
    "langString": "text",
}
_COLUMNS = (
    Column("canonical_id", "The thing or claim, as for entity_id: nothing is merged here.", "anyURI"),
    Column("entity_id", "The thing or claim that the statement is about.", "anyURI"),
    Column("prop", "The property, as a CURIE; the prefixes are those of the graph."),
    Column("prop_type", "What sort of value it has: entity, text, date, number, url or string."),
    Column("schema", "The class of the thing or claim, as a CURIE."),
    Column("value", "The value. An amount or a citation, which have no name of their own, is written as key=value; key=value."),
    Column("dataset", "Always vigia."),
    Column("origin", "Empty: which source says it stands in the statements with the prop kg:citation."),
    Column("lang", "The language of a text."),
    Column("original_value", "Empty: values stand as they were written."),
    Column("external", "Always f."),
    Column("first_seen", "Empty."),
    Column("last_seen", "The release that the table belongs to."),
    Column("id", "SHA-1 of data set, entity, property and value."),
)


@dataclass(frozen=True, order=True)
class Statement:
    """One asserted triple about something that has a name; the value's type is empty for a thing."""

    subject: str
    property: str
    value: str
    language: str = ""
    datatype: str = ""


def read_statements(store: ox.Store) -> list[Statement]:
    """All that the files say, nothing that was derived; sorted. What has no name of its own is told where it stands."""
    told = lru_cache(maxsize=None)(lambda node: describe_node(store, node))
    found = set()
    for quad in store.quads_for_pattern(None, None, None, _DATA):
        subject = str(getattr(quad.subject, "value", ""))
        if subject.startswith(NODE):
            continue
        value = quad.object
        if isinstance(value, ox.Literal):
            language = value.language or ""
            datatype = "" if language else value.datatype.value
            found.add(Statement(subject, quad.predicate.value, value.value, language, datatype or PREFIXES["rdf"] + "langString"))
        elif isinstance(value, ox.NamedNode):
            found.add(Statement(subject, quad.predicate.value, told(value) if value.value.startswith(NODE) else value.value))
    return sorted(found)


def describe_node(store: ox.Store, node: ox.NamedNode) -> str:
    """What is said of a node without a name, on one line: `kg:locator=Bolivia; kg:source=src:alsur-2025`."""
    pairs = sorted((compact(quad.predicate.value), _short(quad.object)) for quad in _of(store, node))
    return "; ".join(f"{key}={value}" for key, value in pairs if key != "rdf:type")


def _of(store: ox.Store, node: ox.NamedNode) -> Iterator[ox.Quad]:
    return store.quads_for_pattern(node, None, None, _DATA)


def _short(term: object) -> str:
    return compact(term.value) if isinstance(term, ox.NamedNode) else str(getattr(term, "value", ""))


def statements_table(statements: Iterable[Statement], version: str) -> Table:
    """In the columns of FollowTheMoney's statements, which say all that is needed, with our own classes and properties."""
    listed = list(statements)
    classes = {one.subject: compact(one.value) for one in listed if one.property == _TYPE}
    rows = [_row(one, classes.get(one.subject, ""), version) for one in listed if one.property != _TYPE]
    return Table("statements", "Vigía: every asserted statement", _COLUMNS, rows, ("id",))


def _row(one: Statement, schema: str, version: str) -> tuple[str, ...]:
    prop, kind = compact(one.property), _KINDS.get(one.datatype.rpartition("#")[2], "string") if one.datatype else "entity"
    lang = f"@{one.language}" if one.language else ""
    key = hashlib.sha1(f"{_NAME}.{one.subject}.{prop}.{one.value}{lang}".encode(), usedforsecurity=False).hexdigest()
    return (one.subject, one.subject, prop, kind, schema, one.value, _NAME, "", one.language, "", "f", "", version, key)
