"""The SPARQL endpoint over HTTP: methods, formats, errors."""

from __future__ import annotations

import csv
import io
import json
from urllib.parse import urlencode

import pyoxigraph as ox
import pytest
from starlette.testclient import TestClient

SELECT = "SELECT ?o WHERE { ini:xa-cameras kg:provider ?o }"
CONSTRUCT = "CONSTRUCT { ?s kg:provider ?o } WHERE { ?s kg:provider ?o }"
MAKER = "https://w3id.org/vigia/id/org/maker"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
QUERY = {"Content-Type": "application/sparql-query"}


def test_get_form_and_direct_post_give_the_same(client: TestClient) -> None:
    answers = [
        client.get("/sparql", params={"query": SELECT}),
        client.post("/sparql", content=urlencode({"query": SELECT}), headers=FORM),
        client.post("/sparql", content=SELECT, headers=QUERY),
        client.post("/sparql", content=SELECT.encode(), headers={"Content-Type": "application/sparql-query; charset=utf-8"}),
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["results"]["bindings"] == [{"o": {"type": "uri", "value": MAKER}}]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/sparql-results+json", "application/sparql-results+json"),
        ("application/json", "application/json"),
        ("application/sparql-results+xml", "application/sparql-results+xml"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/tab-separated-values", "text/tab-separated-values; charset=utf-8"),
        ("*/*", "application/sparql-results+json"),
    ],
)
def test_rows_in_the_format_asked_for(client: TestClient, accept: str, kind: str) -> None:
    answer = client.get("/sparql", params={"query": SELECT}, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == kind
    assert "Accept" in answer.headers["Vary"]
    assert MAKER in answer.text


@pytest.mark.parametrize(
    ("accept", "fmt"),
    [
        ("text/turtle", ox.RdfFormat.TURTLE),
        ("application/n-triples", ox.RdfFormat.N_TRIPLES),
        ("application/ld+json", ox.RdfFormat.JSON_LD),
        ("application/rdf+xml", ox.RdfFormat.RDF_XML),
    ],
)
def test_graphs_in_the_format_asked_for(client: TestClient, accept: str, fmt: ox.RdfFormat) -> None:
    answer = client.get("/sparql", params={"query": CONSTRUCT}, headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith(accept)
    assert len(list(ox.parse(answer.content, format=fmt))) == 1


def test_format_wins_over_accept(client: TestClient) -> None:
    answer = client.get("/sparql", params={"query": SELECT, "format": "csv"}, headers={"Accept": "text/html"})
    assert list(csv.reader(io.StringIO(answer.text))) == [["o"], [MAKER]]


def test_the_dataset_of_the_protocol(client: TestClient) -> None:
    graph = "https://w3id.org/vigia/graph/derived"
    count = "SELECT (COUNT(*) AS ?n) WHERE { ?s kg:provider ?o }"
    data = graph.replace("derived", "data")
    for extra, expected in (({}, "1"), ({"default-graph-uri": graph}, "1"), ({"default-graph-uri": data}, "0")):
        assert client.get("/sparql", params={"query": count, "format": "csv", **extra}).text.split() == ["n", expected]
    named = "SELECT (COUNT(DISTINCT ?g) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }"
    assert client.get("/sparql", params={"query": named, "format": "csv"}).text.split() == ["n", "4"]
    assert client.get("/sparql", params={"query": named, "format": "csv", "named-graph-uri": graph}).text.split() == ["n", "1"]
    assert client.get("/sparql", params={"query": named, "default-graph-uri": "no iri"}).status_code == 400


def test_layers_do_not_double_count(client: TestClient) -> None:
    query = "SELECT (COUNT(*) AS ?n) WHERE { ini:xa-cameras a kg:Initiative }"
    assert client.get("/sparql", params={"query": query, "format": "csv"}).text.split() == ["n", "1"]


def test_a_malformed_query_names_its_place(client: TestClient) -> None:
    answer = client.get("/sparql", params={"query": "SELECT *\nWHERE { ?s ?p }"})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["line"] == 2
    assert problem["detail"].startswith("Line 2, column ")
    page = client.get("/sparql", params={"query": "SELECT *\nWHERE { ?s ?p }"}, headers={"Accept": "text/html"})
    assert page.status_code == 400
    assert "WHERE { ?s ?p }\n" in page.text
    assert "SELECT *\nWHERE { ?s ?p }</textarea>" in page.text


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("GET", "/sparql", None, {"Accept": "text/csv"}, 400),
        ("GET", "/sparql?query=ASK%7B%7D&timeout=soon", None, {}, 400),
        ("GET", "/sparql?query=ASK%7B%7D&timeout=-1", None, {}, 400),
        ("GET", "/sparql?query=ASK%7B%7D&query=ASK%7B%7D", None, {}, 400),
        ("GET", "/sparql?query=%ff", None, {}, 400),
        ("POST", "/sparql", b"query=%ff", FORM, 400),
        ("POST", "/sparql", b"\xff", QUERY, 400),
        ("POST", "/sparql", b"ASK {}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/sparql", b"update=INSERT+DATA+%7B%7D", FORM, 403),
        ("POST", "/sparql", b"INSERT DATA { <a:a> <a:b> 1 }", {"Content-Type": "application/sparql-update"}, 403),
        ("POST", "/sparql", b"INSERT DATA { <a:a> <a:b> 1 }", QUERY, 403),
        ("POST", "/sparql", b"ASK {} #" + b"x" * 60_000, QUERY, 413),
        ("POST", "/sparql", b"ASK {} #" + b"x" * 600_000, QUERY, 413),
        ("PUT", "/sparql", b"", {}, 405),
        ("DELETE", "/sparql", None, {}, 405),
        ("GET", "/sparql?query=ASK%7B%7D&format=png", None, {}, 406),
        ("GET", "/sparql?query=DESCRIBE+ini:xa-cameras&format=csv", None, {}, 406),
        ("GET", "/sparql?query=SELECT*%7BSERVICE%3Chttp://127.0.0.1/%3E%7B%7D%7D", None, {}, 422),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(
    client: TestClient, method: str, path: str, content: bytes | None, headers: dict[str, str], status: int
) -> None:
    answer = client.request(method, path, content=content, headers=headers)
    assert answer.status_code == status
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"].endswith((".", "]"))
    assert "Traceback" not in answer.text


def test_nothing_acceptable_is_said(client: TestClient) -> None:
    answer = client.get("/sparql", params={"query": SELECT}, headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["available"]


def test_other_pages_may_read_the_answers(client: TestClient) -> None:
    for path in ("/sparql?query=ASK%7B%7D", "/sparql?query=nonsense", "/id/org/maker", "/data/org/maker.ttl"):
        assert client.get(path, headers={"Origin": "https://example.org"}).headers["Access-Control-Allow-Origin"] == "*"


def test_other_pages_may_ask_before_they_post(client: TestClient) -> None:
    asked = {
        "Origin": "https://example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = client.options("/sparql", headers=asked)
    assert answer.status_code == 204
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]
    assert client.options("/void", headers=asked).headers["Allow"] == "GET, HEAD, OPTIONS"


def test_every_stored_question_is_answered_on_the_page(real_client: TestClient) -> None:
    for question in json.loads(real_client.get("/questions", headers={"Accept": "application/json"}).text):
        answer = real_client.get(f"/questions/{question['name']}?lang=es")
        page = real_client.get(answer.headers["Location"], headers={"Accept": "text/html"})
        assert page.status_code == 200, question
        assert "<table>" in page.text
    unbound = real_client.get("/sparql", params={"query": "SELECT ?a ?b { BIND(BNODE() AS ?b) }"}, headers={"Accept": "text/html"})
    assert unbound.status_code == 200


def test_head_has_the_headers_of_get(client: TestClient) -> None:
    answer = client.head("/sparql", params={"query": SELECT})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/sparql-results+json"


def test_the_page_shows_rows_with_names(client: TestClient) -> None:
    page = client.get("/sparql", params={"query": SELECT}, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Maker Ltd" in page.text
    assert "org:maker" in page.text
    assert 'href="/page/org/maker"' in page.text
    graph = client.get("/sparql", params={"query": CONSTRUCT}, headers={"Accept": "text/html"})
    assert "kg:provider org:maker" in graph.text
    answer = client.get("/sparql", params={"query": "ASK {}", "lang": "es"}, headers={"Accept": "text/html"})
    assert "<strong>sí</strong>" in answer.text


def test_stored_questions_open_with_their_answer(client: TestClient) -> None:
    answer = client.get("/questions/supplies-and-operates?lang=es")
    assert answer.status_code == 303
    page = client.get(answer.headers["Location"], headers={"Accept": "text/html"})
    assert "Maker Ltd" in page.text
    assert "<h1>¿Quién provee y quién opera?</h1>" in page.text
    other = client.get("/questions/shareholders-on-a-date?day=2020-01-01", headers={"Accept": "text/html"}, follow_redirects=True)
    assert "<h1>Who held which share of a company on a given day?</h1>" in other.text
    own = client.get("/sparql", params={"query": "ASK {}"}, headers={"Accept": "text/html"})
    assert "<h1>Ask the graph</h1>" in own.text
    assert client.get("/questions/none").status_code == 404
    assert client.get("/questions/supplies-and-operates?x=1").status_code == 400
