"""Content negotiation, as a table."""

from __future__ import annotations

import pytest

from kg.errors import NotAcceptable
from kg.formats import CSV, GRAPHS, HTML, JSON, JSON_LD, N_TRIPLES, RESULTS, TURTLE, XML, Format, by_name, negotiate

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "offered", "expected"),
    [
        (None, RESULTS, (JSON, "application/sparql-results+json")),
        ("", RESULTS, (JSON, "application/sparql-results+json")),
        ("*/*", GRAPHS, (TURTLE, "text/turtle")),
        (BROWSER, (HTML, *GRAPHS), (HTML, "text/html")),
        (BROWSER, RESULTS, (XML, "application/xml")),
        ("application/json", RESULTS, (JSON, "application/json")),
        ("text/csv;q=0.5, application/sparql-results+xml", RESULTS, (XML, "application/sparql-results+xml")),
        ("text/csv, */*;q=0.1", RESULTS, (CSV, "text/csv")),
        ("text/*", (HTML, *GRAPHS), (HTML, "text/html")),
        ("text/*;q=0.3, text/turtle;q=0.9", (HTML, *GRAPHS), (TURTLE, "text/turtle")),
        ("text/turtle;q=0, */*", GRAPHS, (TURTLE, "application/x-turtle")),
        ("APPLICATION/LD+JSON", GRAPHS, (JSON_LD, "application/ld+json")),
        ("application/n-triples; charset=utf-8", GRAPHS, (N_TRIPLES, "application/n-triples")),
        ("text/csv;q=oops, application/json;q=0.2", RESULTS, (JSON, "application/json")),
        ("nonsense, text/csv", RESULTS, (CSV, "text/csv")),
    ],
)
def test_negotiation(accept: str | None, offered: tuple[Format, ...], expected: tuple[Format, str]) -> None:
    assert negotiate(accept, offered) == expected


@pytest.mark.parametrize("accept", ["image/png", "text/html", "text/csv;q=0", ";", "*/*;q=0"])
def test_nothing_acceptable_names_what_there_is(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="application/sparql-results\\+json") as error:
        negotiate(accept, RESULTS)
    assert error.value.offered == tuple(fmt.media_type for fmt in RESULTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("csv", CSV), ("CSV", CSV), ("text/csv", CSV), ("srj", JSON), ("x,csv,json", CSV), ("turtle", None), ("", None)],
)
def test_formats_by_name(name: str, expected: Format | None) -> None:
    if expected:
        assert by_name(name, RESULTS) is expected
    else:
        with pytest.raises(NotAcceptable, match="csv"):
            by_name(name, RESULTS)
