"""What can be told of a query without parsing it, and the parser's complaint in plain words."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kg.errors import BadQuery, MethodRefused
from kg.sparql import is_update, refuse_depth, refuse_service, refuse_update, syntax_error


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }",
        "SELECT * { service <http://127.0.0.1/> { ?s ?p ?o } }",
        "SELECT * { SERVICE SILENT ?x { ?s ?p ?o } }",
        "SELECT * { ?s ?p 'a' . FILTER EXISTS { SERVICE<http://a/>{ ?s ?p ?o } } }",
        "PREFIX s: <http://a/> SELECT * { # comment\nSERVICE s:x { ?s ?p ?o } }",
        "SELECT * { ?s ?p 'it\\'s' . SERVICE <http://a/> {} }",
        'SELECT * { ?s ?p """x"" " """ . SERVICE <http://a/> {} }',
        "SELECT * { ?s ?p 1 .SERVICE <http://a/> {} }",
    ],
)
def test_service_is_refused(query: str) -> None:
    with pytest.raises(BadQuery, match="SERVICE"):
        refuse_service(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { ?s ?p 'SERVICE' }",
        "SELECT * { ?s ?p '''a ' SERVICE ''' }",
        "SELECT * { ?s ?p ?o } # SERVICE",
        "SELECT ?SERVICE { ?SERVICE ?p <http://a/SERVICE> }",
        "PREFIX SERVICE: <http://a/> SELECT * { ?s SERVICE:SERVICE ?o }",
    ],
)
def test_what_only_looks_like_service_is_not(query: str) -> None:
    refuse_service(query)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("INSERT DATA { <a:a> <a:b> 1 }", True),
        ("PREFIX a: <a:> DELETE WHERE { ?s ?p ?o }", True),
        ("LOAD <http://a/>", True),
        ("SELECT * { ?s ?p 'INSERT' }", False),
        ("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", False),
        ("", False),
    ],
)
def test_updates_are_recognised(query: str, expected: bool) -> None:
    assert is_update(query) is expected


@pytest.mark.parametrize(
    ("query", "line", "column", "words"),
    [
        ("SELECT * WHERE {\n  ?s ?p\n}", 3, 2, "missing or wrong just before"),
        ("SELECT * {\n ?s ?p ) }", 2, 10, "did not expect “}”"),
        ("SELECT ?x {\n  ?x foo:bar ?y }", 2, 6, "the prefix foo: is not declared"),
        ("SELECT ?x { ?x kg:provider ?y . ?y b:c", 1, 36, "the prefix b: is not declared"),
        ("# a\nPREFIX a: <a:b> SELCT *", 2, 17, "says SELECT, ASK, CONSTRUCT or DESCRIBE"),
        ("SELECT * { ?s ?p ?o", 1, 20, "ends too early; the braces { } do not match"),
        ("", 1, 1, "says SELECT, ASK, CONSTRUCT or DESCRIBE"),
    ],
)
def test_a_syntax_error_names_the_place(query: str, line: int, column: int, words: str) -> None:
    with pytest.raises(SyntaxError) as raised:
        ox.Store().query(query)
    error = syntax_error(raised.value, query)
    assert (error.line, error.column) == (line, column), str(error)
    assert words in str(error)
    assert "expected one of" not in str(error)


def test_an_update_is_told_that_the_endpoint_is_read_only() -> None:
    with pytest.raises(MethodRefused, match="read-only"):
        refuse_update("PREFIX a: <a:> INSERT DATA {}")
    refuse_update("SELECT * {}")


def test_what_would_exhaust_the_parser_is_refused() -> None:
    with pytest.raises(BadQuery, match="nests brackets 1,000 deep"):
        refuse_depth("SELECT * " + "{" * 1000 + "}" * 1000)
    refuse_depth("SELECT * { " + "{ ?s ?p '{{{' } " * 1000 + "}")
