"""A store and a query that speaks FollowTheMoney come in; statements that its tools load go out as a table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyoxigraph as ox

from kg.csvw import Column, Table
from kg.names import compact, is_ours
from kg.rdf import select

_NAME = "vigia"
_COLUMNS = (
    Column("canonical_id", "The party, project or tie; nothing is merged here."),
    Column("entity_id", "The same: vigia-org-zte is org:zte, vigia-org-zte.owner the claim org:zte/owner."),
    Column("prop", "A property of FollowTheMoney."),
    Column("prop_type", "The type that it has there."),
    Column("schema", "A class of FollowTheMoney."),
    Column("value", "The value; of a date as exact as the source."),
    Column("dataset", "Always vigia."),
    Column("origin", "Empty."),
    Column("lang", "The language of a text (ISO 639-3)."),
    Column("original_value", "Empty: values stand as they were written."),
    Column("external", "Always f."),
    Column("first_seen", "Empty."),
    Column("last_seen", "The release that the table belongs to."),
    Column("id", "SHA-1 of data set, entity, property and value, as FollowTheMoney makes it."),
)
# Properties whose type is not that of a plain string.
_TYPES = {
    "alias": "name",
    "asset": "entity",
    "country": "country",
    "date": "date",
    "endDate": "date",
    "name": "name",
    "owner": "entity",
    "participant": "entity",
    "project": "entity",
    "sourceUrl": "url",
    "startDate": "date",
    "summary": "text",
    "wikidataId": "identifier",
}
_LANGUAGES = {"en": "eng", "es": "spa", "pt": "por", "zh": "zho", "de": "deu", "fr": "fra"}


def followthemoney_table(store: ox.Store, query: Path, version: str) -> Table:
    """The rows of the query, sorted, in the columns of FollowTheMoney's own statements."""
    rows = sorted({_row([*row], version) for row in select(store, query.read_text("utf-8"))})
    return Table("followthemoney", "Vigía: what FollowTheMoney has classes for", _COLUMNS, rows, ("id",))


def _text(term: object) -> str:
    """A value; a thing or claim of ours by a name such as its tools allow: `vigia-org-zte`, `vigia-org-zte.owner`."""
    text = str(getattr(term, "value", ""))
    if isinstance(term, ox.NamedNode) and is_ours(text):
        return f"{_NAME}-{compact(text)}".replace(":", "-").replace("/", ".")
    return text


def _row(row: Sequence[object], version: str) -> tuple[str, ...]:
    entity, schema, prop, value = (_text(term) for term in row)
    spoken = row[-1].language if isinstance(row[-1], ox.Literal) else None
    lang = _LANGUAGES.get((spoken or "").partition("-")[0], "")
    key = f"{_NAME}.{entity}.{prop}.{value}" + (f"@{lang}" if lang else "")
    digest = hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()
    return (entity, entity, prop, _TYPES.get(prop, "string"), schema, value, _NAME, "", lang, "", "f", "", version, digest)
