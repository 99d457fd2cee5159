"""What an engine must be able to do, each with a query that shows it: answers come in; what is missing goes out, in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from kg.errors import BadQuery, EngineFailed, QueryTimeout
from kg.store import Row
from kg.store.holding import POINTER, Holding

#: Asks one query of a dataset that parameters name.
Ask = Callable[[str, Sequence[tuple[str, str]]], Awaitable[list[Row]]]
_HELD = [("default-graph-uri", POINTER)]
_NOWHERE = "urn:x-vigia:none"


@dataclass(frozen=True)
class Ability:
    """What is wrong without it, a query of the graph that lists releases, and the values that its rows must have.

    In both, RELEASE and ID stand for the release that is to be served.
    """

    what: str
    query: str
    rows: Sequence[Sequence[str]]
    dataset: Sequence[tuple[str, str]] = tuple(_HELD)


_SELECTED = "it does not keep to the graphs that a query is told to be about (default-graph-uri, named-graph-uri)"
_ABILITIES = (
    Ability("it does not answer SELECT with a constant", 'SELECT ("a"@es AS ?a) {}', [["a"]]),
    Ability(_SELECTED, "SELECT ?s { ?s ?p ?o } LIMIT 1", [], [("default-graph-uri", _NOWHERE)]),
    Ability(_SELECTED, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }", [[POINTER]], [("named-graph-uri", POINTER)]),
    Ability("it cannot follow property paths", "SELECT DISTINCT ?i { ?g dct:isPartOf+ <RELEASE> . ?g (dct:isPartOf|dct:none)/dct:identifier ?i }", [["ID"]]),
    Ability("it cannot join VALUES", 'SELECT ?b { VALUES (?a ?b) { ("x" "1") ("y" "2") } VALUES ?a { "y" } }', [["2"]]),
    Ability("it cannot leave out by NOT EXISTS and MINUS", "SELECT DISTINCT ?r { ?g dct:isPartOf ?r FILTER(?r = <RELEASE>) FILTER NOT EXISTS { ?g dct:identifier ?i } MINUS { ?r dct:isPartOf ?x } }", [["RELEASE"]]),
    Ability("it does not group and count", 'SELECT ?a (COUNT(DISTINCT ?b) AS ?n) (GROUP_CONCAT(?b; SEPARATOR="+") AS ?c) { VALUES (?a ?b) { ("x" "1") } } GROUP BY ?a', [["x", "1", "1"]]),
    Ability("it cannot evaluate subqueries and OPTIONAL", 'SELECT ?a ?b { { SELECT ?a { VALUES ?a { "x" "y" } } ORDER BY DESC(?a) LIMIT 1 } OPTIONAL { VALUES (?a ?b) { ("y" "1") } } }', [["y", "1"]]),
    Ability("its functions of strings and languages are not those of SPARQL", 'SELECT ?a { BIND(STRAFTER("año nuevo"@es, "año ") AS ?a) FILTER(LANG(?a) = "es" && REGEX(?a, "^NUE", "i") && STRLEN(?a) = 5) }', [["nuevo"]]),
    Ability("it does not compare dates and numbers by value", 'SELECT ?a { BIND("x" AS ?a) FILTER("2020-02-01"^^xsd:date < "2020-10-01"^^xsd:date && 9 < 10.0 && "1.50"^^xsd:decimal = 1.5) }', [["x"]]),
)  # fmt: skip


async def missing(ask: Ask, holding: Holding, wanted: int) -> list[str]:
    """What an engine that holds the release cannot do of what our queries need; nothing where it can do all.

    `wanted` is how many rows it must give at once, where that is not beyond doubt; else 0.
    """

    def filled(text: str) -> str:
        return text.replace("RELEASE", holding.iri).replace("ID", holding.release)

    found: dict[str, None] = {}
    for ability in _ABILITIES:
        try:
            rows = await ask(filled(ability.query), ability.dataset)
        except (BadQuery, EngineFailed, QueryTimeout) as error:
            found[f"{ability.what} ({error})"] = None
        else:
            if [[_text(term) for term in row.values()] for row in rows] != [list(map(filled, row)) for row in ability.rows]:
                found[ability.what] = None
    if wanted and not await _gives(ask, holding, wanted):
        found[f"it cuts answers at less than {wanted:,} rows: raise its limit"] = None
    return list(found)


async def _gives(ask: Ask, holding: Holding, rows: int) -> bool:
    query = f"SELECT (1 AS ?n) {{ ?a ?b ?c . ?d ?e ?f }} LIMIT {rows}"
    try:
        return len(await ask(query, [("default-graph-uri", holding.default)])) == rows
    except EngineFailed:  # it says so itself
        return False


async def is_held(ask: Ask, holding: Holding) -> bool:
    """Whether the engine holds the release, whole."""
    query = f"SELECT ?id {{ <{holding.iri}> dct:identifier ?id }}"
    return any(_text(row.get("id")) == holding.release for row in await ask(query, _HELD))


def _text(term: object) -> str:
    return term.value if isinstance(term, (ox.NamedNode, ox.Literal)) else ""
