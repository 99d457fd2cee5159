"""A checked store comes in; which parts of the sources, and which languages, the graph covers goes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from kg.errors import KgError
from kg.language import LANGUAGES
from kg.names import BASE
from kg.rdf import select

_THINGS = f"""?thing a ?class ; rdfs:label ?label .
    FILTER(STRSTARTS(STR(?thing), "{BASE}id/") && ?class NOT IN (kg:Passage, kg:Link))"""
_NAMES = f"""SELECT ?language (COUNT(DISTINCT ?thing) AS ?named) WHERE {{
    {_THINGS}
    BIND(LANG(?label) AS ?language)
}} GROUP BY ?language"""
_ALL = f"SELECT (COUNT(DISTINCT ?thing) AS ?named) WHERE {{ {_THINGS} }}"


@dataclass(frozen=True)
class Part:
    """A section or footnote of a source, the number of claims and things that rest on it, and why it is none."""

    source: str
    name: str
    resting: int
    reason: str


@dataclass(frozen=True)
class Names:
    """How many things have a name at all, and how many have one in each language."""

    things: int
    by_language: dict[str, int]


def parts(store: ox.Store, question: Path) -> list[Part]:
    """The ledger that the stored question `coverage` gives, in the order of the sources.

    Raises KgError where the question cannot be read or does not parse.
    """
    try:
        rows = list(_rows(store, question.read_text("utf-8")))
    except (OSError, SyntaxError, ValueError) as error:
        raise KgError(f"The question {question.name} cannot be asked: {error}") from error
    return [Part(row["source"].rpartition("/")[2], row["part"], int(row["resting"]), row["reason"]) for row in rows]


def names(store: ox.Store) -> Names:
    """Count the names of things by language; a passage is named as its source names it, and a link as its thing."""
    found = {row["language"]: int(row["named"]) for row in _rows(store, _NAMES)}
    (all_named,) = (int(row["named"]) for row in _rows(store, _ALL))
    return Names(all_named, {language: found.get(language, 0) for language in LANGUAGES})


def _rows(store: ox.Store, text: str) -> Iterator[dict[str, str]]:
    solutions = select(store, text)
    variables = [variable.value for variable in solutions.variables]
    for row in solutions:
        yield {name: getattr(row[name], "value", "") for name in variables}
