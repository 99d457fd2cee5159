"""Dereferencing: every IRI of the dump leads by 303 to a page for people and to RDF for machines."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest
from starlette.testclient import TestClient

from kg.names import BASE, DEF, local_path
from kg.release import NQUADS, Release

TURTLE = {"Accept": "text/turtle"}
PAGE = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("accept", "target"),
    [
        ("text/html", "/page/initiative/xa-cameras"),
        ("text/turtle", "/data/initiative/xa-cameras.ttl"),
        ("application/n-triples", "/data/initiative/xa-cameras.nt"),
        ("application/ld+json", "/data/initiative/xa-cameras.jsonld"),
        ("application/rdf+xml", "/data/initiative/xa-cameras.rdf"),
        ("text/turtle;q=0.5, text/html;q=0.4", "/data/initiative/xa-cameras.ttl"),
        ("*/*", "/page/initiative/xa-cameras"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_thing_answers_303(client: TestClient, method: str, accept: str, target: str) -> None:
    answer = client.request(method, "/id/initiative/xa-cameras", headers={"Accept": accept})
    assert answer.status_code == 303
    assert answer.headers["Location"] == target
    assert "Accept" in answer.headers["Vary"]
    assert client.request(method, target).status_code == 200


def test_a_claim_leads_to_its_row(client: TestClient) -> None:
    answer = client.get("/id/initiative/xa-cameras/maker", headers=PAGE)
    assert answer.headers["Location"] == "/page/initiative/xa-cameras#maker"
    assert 'id="maker"' in client.get("/page/initiative/xa-cameras").text
    assert client.get("/id/initiative/xa-cameras/maker", headers=TURTLE).headers["Location"] == "/data/initiative/xa-cameras.ttl"
    assert client.get("/page/initiative/xa-cameras/maker").headers["Location"] == "/page/initiative/xa-cameras#maker"


def test_the_language_asked_for_survives_the_redirect(client: TestClient) -> None:
    assert client.get("/id/org/maker?lang=pt", headers=PAGE).headers["Location"] == "/page/org/maker?lang=pt"


def test_a_document_says_what_it_should(client: TestClient) -> None:
    for ending in ("ttl", "nt", "jsonld", "rdf"):
        quads = ox.parse(client.get(f"/data/org/maker.{ending}").content, format=ox.RdfFormat.from_extension(ending))
        subjects = {quad.subject.value.removeprefix(BASE) for quad in quads if isinstance(quad.subject, ox.NamedNode)}
        assert {"id/org/maker", "id/org/maker/origin", "id/initiative/xa-cameras"} <= subjects, ending
        assert any(subject.startswith("id/node/") for subject in subjects)
        assert f"data/org/maker.{ending}" in subjects  # the document, which says of which data set it is a part
        assert client.get(f"/data/org/maker.{ending}").status_code == 200


def test_a_document_leads_to_the_data_set(client: TestClient) -> None:
    document = ox.Store()
    document.load(client.get("/data/org/maker.ttl").content, format=ox.RdfFormat.TURTLE)
    (quad,) = document.quads_for_pattern(None, ox.NamedNode("http://rdfs.org/ns/void#inDataset"), None)
    answer = client.get(local_path(quad.object.value), headers=TURTLE)
    assert answer.status_code == 303
    assert quad.object.value in client.get(answer.headers["Location"], headers={"Accept": "application/n-triples"}).text


@pytest.mark.parametrize(
    "path",
    [
        "/id/org/nobody",
        "/code/role/nothing",
        "/graph/nothing",
        "/id/",
        "/nothing",
        "/page/org/nobody",
        "/data/org/nobody.ttl",
    ],
)
@pytest.mark.parametrize("headers", [PAGE, TURTLE, {"Accept": "application/json"}])
def test_an_unknown_iri_is_not_found(client: TestClient, path: str, headers: dict[str, str]) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 404
    expected = "text/html" if headers is PAGE else "application/problem+json"
    assert answer.headers["Content-Type"].startswith(expected)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/id/org/a%20b", "/id/org/%3Cscript%3E", "/id/org/%00", "/id/org/%ff", "/id/org/a%22b"])
def test_an_impossible_iri_is_refused_in_words(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=PAGE)
    assert answer.status_code in (400, 404)
    assert "<script>" not in answer.text


def test_an_unacceptable_format_lists_what_there_is(client: TestClient) -> None:
    answer = client.get("/id/org/maker", headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "text/turtle" in answer.json()["available"]
    assert client.get("/data/org/maker.xyz").status_code == 406


def test_everything_can_be_downloaded(client: TestClient, small: tuple[Path, Release]) -> None:
    for name in ("kg.nq", "kg.ttl", "kg.jsonld"):
        answer = client.get(f"/dump/{name}")
        assert answer.content == (small[1].path / name).read_bytes()
    assert client.get("/dump/manifest.json").status_code == 404
    assert client.get("/dump/..%2fmanifest.json").status_code == 404


def iris_under_base(release: Release) -> list[str]:
    found: set[str] = set()
    for quad in ox.parse(path=release.path / NQUADS):
        for term in (quad.subject, quad.predicate, quad.object, quad.graph_name):
            if isinstance(term, ox.NamedNode) and term.value.startswith(BASE):
                found.add(term.value)
    return sorted(found)


def test_every_iri_of_the_dump_resolves(real: tuple[Path, Release], real_client: TestClient) -> None:
    """Each leads by 303 to an existing page and an existing Turtle file; targets are fetched once."""
    targets: dict[str, tuple[str, dict[str, str]]] = {}
    for iri in iris_under_base(real[1]):
        path = local_path(iri).split("#")[0]
        if path == "/sparql":  # where questions are asked; it answers itself
            continue
        for headers in (PAGE, TURTLE):
            answer = real_client.get(path, headers=headers)
            assert answer.status_code == 303, (iri, headers, answer.status_code)
            targets.setdefault(answer.headers["Location"].split("#")[0], (iri, headers))
    assert len(targets) > 500
    anchors = real_client.get("/page/def").text
    for target, (iri, headers) in targets.items():
        answer = real_client.get(target, headers=headers)
        assert answer.status_code == 200, (iri, target)
        assert answer.headers["Content-Type"].split(";")[0] == ("text/html" if headers is PAGE else "text/turtle")
    for iri in iris_under_base(real[1]):
        if iri.startswith(DEF):
            assert f'id="{iri.removeprefix(DEF)}"' in anchors, iri
