"""Stored questions are addresses: every one answers, its parameters are bound and never pasted, and editors can read them all."""

from __future__ import annotations

import json

import pyoxigraph as ox
import pytest
from starlette.testclient import TestClient

from kg.query import read_question
from repository import ROOT

QUESTIONS = {path.stem: read_question(path) for path in sorted((ROOT / "queries").glob("*.rq"))}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_answers_as_the_endpoint_does(real_client: TestClient, name: str) -> None:
    answer = real_client.get(f"/api/queries/{name}", headers={"Accept": "text/csv"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text == real_client.get("/sparql.csv", params={"query": QUESTIONS[name].bound({})}).text
    assert answer.headers["cache-control"].startswith("public")
    assert answer.headers["etag"]


@pytest.mark.parametrize(
    ("address", "accept", "kind"),
    [
        ("/api/queries/measures", "application/sparql-results+json", "application/sparql-results+json"),
        ("/api/queries/measures.csv", "*/*", "text/csv; charset=utf-8"),
        ("/api/queries/measures?format=xml", "text/csv", "application/sparql-results+xml"),
        ("/api/queries/measures", "*/*", "application/sparql-results+json"),
    ],
)
def test_the_format_is_negotiated(real_client: TestClient, address: str, accept: str, kind: str) -> None:
    assert real_client.get(address, headers={"Accept": accept}).headers["content-type"] == kind


def test_people_get_the_page(real_client: TestClient) -> None:
    answer = real_client.get("/api/queries/agreements-of-a-country?country=cty:pe&lang=es", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/questions/agreements-of-a-country?country=cty%3Ape&lang=es"


def test_a_parameter_is_bound(real_client: TestClient) -> None:
    usual = real_client.get("/api/queries/agreements-of-a-country.csv").text
    other = real_client.get("/api/queries/agreements-of-a-country.csv?country=cty:pe").text
    assert "country/pe" in other
    assert usual != other


@pytest.mark.parametrize("value", ["cty:pe> } DROP ALL #", "x } UNION { ?s ?p ?o", "<", "\\u003e", "a b"])
def test_a_parameter_is_never_pasted(real_client: TestClient, value: str) -> None:
    answer = real_client.get("/api/queries/agreements-of-a-country.csv", params={"country": value})
    assert answer.status_code == 400 or answer.text.strip() == "agreement,ours,theirs,kind,status,signedOn,inForceOn"


@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        ("/api/queries/nonsense", 404, "There is no question"),
        ("/api/queries/measures?colour=red", 400, "no parameter 'colour'"),
        ("/api/queries/measures.docx", 406, ""),
        ("/api/queries/measures?timeout=-1", 400, "timeout"),
    ],
)
def test_what_is_wrong_is_told(real_client: TestClient, address: str, status: int, says: str) -> None:
    answer = real_client.get(address)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


def test_all_are_listed_and_described(real_client: TestClient) -> None:
    listed = real_client.get("/api/queries?lang=es").json()
    assert [each["name"] for each in listed] == list(QUESTIONS)
    assert all(each["title"] and each["description"] and each["variables"] for each in listed)
    paths = real_client.get("/openapi.json").json()["paths"]
    for name, question in QUESTIONS.items():
        described = paths[f"/api/queries/{name}"]["get"]
        assert described["summary"] == question.title("en")
        assert {each["name"] for each in described["parameters"]} == {*question.parameters, "format", "timeout"}


def test_editors_find_them(real_client: TestClient) -> None:
    answer = real_client.get("/.well-known/sparql-examples", headers={"Accept": "text/turtle"})
    store = ox.Store()
    store.load(answer.content, format=ox.RdfFormat.TURTLE)
    # As the SIB's editor asks for examples.
    rows = store.query("""PREFIX sh: <http://www.w3.org/ns/shacl#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
        PREFIX schema: <https://schema.org/>
        SELECT DISTINCT ?sq ?comment ?query ?target WHERE {
            ?sq a sh:SPARQLExecutable ; rdfs:comment ?comment ; sh:select|sh:ask|sh:construct ?query ; schema:target ?target .
            FILTER(LANG(?comment) = "es")
        }""")
    found = list(rows)
    assert len(found) == len(QUESTIONS)
    assert {row["target"].value for row in found} == {"http://testserver/sparql"}
    for row in found:
        ox.Store().query(row["query"].value)  # as it stands, with its prefixes
    prefixes = store.query(
        "PREFIX sh: <http://www.w3.org/ns/shacl#> SELECT ?p ?n { ?all sh:declare [ sh:prefix ?p ; sh:namespace ?n ] }"
    )
    assert ("kg", "https://w3id.org/vigia/def#") in {(row["p"].value, row["n"].value) for row in prefixes}


def test_the_endpoint_itself_knows_them(real_client: TestClient) -> None:
    query = "SELECT (COUNT(*) AS ?n) { ?q a <http://www.w3.org/ns/shacl#SPARQLExecutable> }"
    answer = real_client.get("/sparql", params={"query": query}, headers={"Accept": "application/sparql-results+json"})
    assert int(json.loads(answer.text)["results"]["bindings"][0]["n"]["value"]) == len(QUESTIONS)
