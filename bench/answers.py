"""Replies come in; how many rows or triples they hold, and a digest of which, go out: no time counts for a wrong answer."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox

from bench.client import Reply
from bench.queries import ROWS, Query

_FORMATS = {
    "application/n-triples": ox.RdfFormat.N_TRIPLES,
    "text/turtle": ox.RdfFormat.TURTLE,
    "application/rdf+xml": ox.RdfFormat.RDF_XML,
    "application/sparql-results+xml": ox.RdfFormat.RDF_XML,  # so does rdflib-endpoint call its answer to a DESCRIBE
}


@dataclass(frozen=True)
class Content:
    """What an answer holds, whichever way it is written."""

    count: int  # rows, distinct triples, or 0 and 1 for an ASK; -1 for an error
    digest: str


def read(query: Query, reply: Reply) -> Content:
    """The content of a reply."""
    if reply.status != 200:
        return Content(-1, f"status {reply.status}")
    if query.accept == ROWS:
        return _rows(json.loads(reply.body))
    form = _FORMATS[reply.media_type]
    lines = {f"{quad.subject} {quad.predicate} {quad.object}" for quad in ox.parse(io.BytesIO(reply.body), format=form)}
    return Content(len(lines), _digest(sorted(lines)))


def _rows(answer: dict[str, Any]) -> Content:
    if "boolean" in answer:
        return Content(int(answer["boolean"]), str(answer["boolean"]))
    rows = answer["results"]["bindings"]
    return Content(len(rows), _digest(sorted(json.dumps(_without_names(row), sort_keys=True) for row in rows)))


def _without_names(row: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Blank nodes have other names in every answer."""
    return {key: {"type": "bnode"} if term["type"] == "bnode" else term for key, term in row.items()}


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
