"""A store comes in; the sources that its statements cite go out as a table: what they are, whose, and under which rights."""

from __future__ import annotations

from collections import defaultdict

import pyoxigraph as ox

from kg.csvw import Column, Table, joined
from kg.names import BASE, PREFIXES

_COLUMNS = (
    Column("source", "The source; its address leads to its page.", "anyURI"),
    Column("title", "What it is called, in its own language where it has a title; of a long one the beginning, then …"),
    Column("authors", "Who wrote it, by the alphabet: the graph keeps no order.", is_list=True),
    Column("publisher", "Who published it."),
    Column("issued", "When: a year, a month or a day."),
    Column("language", "Its languages (BCP 47).", is_list=True),
    Column("kind", "What sort of source it is.", address=BASE + "code/source/{kind}"),
    Column("url", "Where it was published.", "anyURI", is_list=True),
    Column("license", "The licence that it names; empty where none is known, and it then keeps all rights.", "anyURI"),
    Column("cited", "How often it is cited: once for each thing or claim and each place in the source.", "integer"),
    Column("read_through", "How often of these through another source, because the editors have not seen it.", "integer"),
)
_FACTS = """SELECT ?source ?key ?value WHERE {
    VALUES (?p ?key) {
        (rdfs:label "title") (dc:creator "authors") (dc:publisher "publisher") (dct:issued "issued") (dct:language "language")
        (kg:kind "kind") (schema:url "url") (dct:license "license")
    }
    ?source a kg:Source ; ?p ?value
}"""
_CITED = """SELECT ?source (COUNT(*) AS ?cited) (COUNT(?work) AS ?through) WHERE {
    ?statement kg:citation ?citation . ?citation kg:source ?source OPTIONAL { ?citation kg:via ?work }
} GROUP BY ?source"""


def sources_table(store: ox.Store) -> Table:
    """All sources, in the order of their IRIs."""
    facts: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for source, key, value in _rows(store, _FACTS):
        facts[source][key].add(value)
    cited = {source: (number, through) for source, number, through in _rows(store, _CITED)}
    rows = [
        (
            source,
            *(joined(sorted(facts[source][column.name])) for column in _COLUMNS[1:6]),
            joined(sorted(kind.rpartition("/")[2] for kind in facts[source]["kind"])),
            *(joined(sorted(facts[source][column.name])) for column in _COLUMNS[7:9]),
            *cited.get(source, ("0", "0")),
        )
        for source in sorted(facts)
    ]
    return Table("sources", "Vigía: the sources, with their rights", _COLUMNS, rows, ("source",))


def _rows(store: ox.Store, text: str) -> list[tuple[str, ...]]:
    solutions = store.query(text, prefixes=PREFIXES)
    assert isinstance(solutions, ox.QuerySolutions)  # noqa: S101 (the queries stand above)
    return [tuple(str(getattr(term, "value", "")) for term in row) for row in solutions]
