"""Releases are described for people, catalogues, search engines and crawlers that follow links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import extruct
import html5lib
import pytest
import rdflib
from pyshacl import validate
from rdflib import DCTERMS, FOAF, OWL, RDF, Namespace, URIRef
from signposting import find_signposting_http_link
from starlette.testclient import TestClient

from kg.build import build
from kg.names import BASE
from kg.settings import Settings
from kg.version import Version
from kg.web.app import archived, create_app
from kg.web.site import open_release
from repository import ROOT

FIRST, SECOND = "2026-03-01", "2026-04-15"
PAGE = {"Accept": "text/html"}
DCAT, VOID = Namespace("http://www.w3.org/ns/dcat#"), Namespace("http://rdfs.org/ns/void#")
SPDX = Namespace("http://spdx.org/rdf/terms#")


@pytest.fixture(scope="module")
def client(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    out = tmp_path_factory.mktemp("releasing")
    build(model, out, version=Version(FIRST, FIRST, "", "a" * 40))
    build(model, out, version=Version(SECOND, SECOND, FIRST, "b" * 40))
    site = open_release(out, Settings())
    with TestClient(archived(create_app(site), site, out), follow_redirects=False) as client:
        yield client


def graph(client: TestClient, path: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=client.get(path).text, format="turtle")


def test_releases_are_listed_the_newest_first(client: TestClient) -> None:
    listed = client.get("/releases.json").json()
    assert [each["version"] for each in listed] == [SECOND, FIRST]
    assert listed[0]["address"] == f"{BASE}release/{SECOND}"
    page = client.get("/releases", headers=PAGE).text
    html5lib.HTMLParser(strict=True).parse(page)
    assert f"/changes?from={FIRST}&amp;to={SECOND}" in page


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_a_release_has_a_page_with_every_file_and_its_hash(client: TestClient, language: str) -> None:
    page = client.get(f"/release/{SECOND}", params={"lang": language}, headers=PAGE).text
    html5lib.HTMLParser(strict=True).parse(page)
    names = page.split('"/dump/')[1:]
    assert len(names) > 20
    for part in names:
        answer = client.get("/dump/" + part.partition('"')[0])
        assert answer.status_code == 200


def test_an_older_release_speaks_for_itself(client: TestClient) -> None:
    answer = client.get(f"/release/{FIRST}", headers=PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/release/{FIRST}?release={FIRST}")
    page = client.get(answer.headers["Location"], headers=PAGE).text
    assert "a" * 40 in page
    assert "b" * 40 not in page
    assert client.get(f"/def/{FIRST}").headers["Location"] == f"/def?release={FIRST}"
    assert client.get(f"/def/{SECOND}", headers=PAGE).headers["Location"].startswith("/page/def")
    assert client.get("/release/2020-01-01").status_code == 404


@pytest.fixture(scope="module")
def profile() -> rdflib.Graph:
    return rdflib.Graph().parse(ROOT / "tests" / "dcat-ap.ttl")


@pytest.mark.parametrize("path", ["/dcat.ttl", f"/dcat.ttl?release={FIRST}", f"/dump/vigia-{SECOND}-dcat.ttl", "/void.ttl"])
def test_the_catalogue_entry_has_what_dcat_ap_asks_for(client: TestClient, profile: rdflib.Graph, path: str) -> None:
    conforms, _, said = validate(graph(client, path), shacl_graph=profile, inference="none")
    assert conforms, said


@pytest.mark.parametrize(
    ("subject", "key", "value"),
    [
        (None, DCAT.accessURL, None),
        (None, FOAF.name, None),
        (URIRef("https://creativecommons.org/licenses/by/4.0/"), RDF.type, DCTERMS.LicenseDocument),
        (None, RDF.type, DCTERMS.LinguisticSystem),
        (None, RDF.type, DCTERMS.MediaType),
        (None, RDF.type, DCTERMS.MediaTypeOrExtent),
        (None, RDF.type, DCTERMS.RightsStatement),
        (None, RDF.type, DCTERMS.Standard),
        (None, RDF.type, FOAF.Document),
        (None, RDF.type, SPDX.ChecksumAlgorithm),
    ],
)
def test_an_entry_that_lacks_something_does_not_conform(
    client: TestClient, profile: rdflib.Graph, subject: URIRef | None, key: URIRef, value: URIRef | None
) -> None:
    broken = graph(client, "/dcat.ttl")
    whole = len(broken)
    broken.remove((subject, key, value))
    assert len(broken) < whole
    assert not validate(broken, shacl_graph=profile, inference="none")[0]


def test_the_catalogue_entry_tells_of_files_and_of_the_releases_before(client: TestClient) -> None:
    data = graph(client, "/dcat.ttl")
    here = URIRef(f"{BASE}release/{SECOND}")
    assert (here, RDF.type, DCAT.Dataset) in data
    assert data.value(here, DCAT.previousVersion) == URIRef(f"{BASE}release/{FIRST}")
    assert len(list(data.objects(here, DCAT.distribution))) == 16
    ours, before = URIRef(f"{BASE}dataset"), URIRef(f"{BASE}release/{FIRST}")
    assert set(data.objects(ours, DCAT.hasVersion)) == {here, before}
    assert list(data.objects(ours, DCAT.hasCurrentVersion)) == [here]
    assert str(data.value(before, DCAT.version)) == FIRST
    assert set(graph(client, f"/dcat.ttl?release={FIRST}").objects(ours, DCAT.hasVersion)) == {before}


def test_the_catalogue_leads_people_to_a_page(client: TestClient) -> None:
    assert client.get("/catalogue", headers=PAGE).headers["Location"] == "/releases"
    assert client.get("/catalogue", headers={"Accept": "text/turtle"}).headers["Location"] == "/dcat"
    assert client.get("/catalogue").headers["Location"] == "/dcat"


def test_the_data_set_is_described_at_its_own_address(client: TestClient) -> None:
    answer = client.get("/dataset", headers={"Accept": "text/turtle"})
    data = graph(client, answer.headers["Location"])
    ours = URIRef(f"{BASE}dataset")
    assert {DCAT.Dataset, VOID.Dataset} <= set(data.objects(ours, RDF.type))
    assert str(data.value(ours, OWL.versionInfo)) == SECOND
    linksets = set(data.subjects(RDF.type, VOID.Linkset))
    assert any("wikidata.org" in str(data.value(link, VOID.objectsTarget)) for link in linksets)
    assert all(int(str(data.value(link, VOID.triples))) > 0 for link in linksets)
    assert client.get("/dataset", headers=PAGE).headers["Location"] == "/releases"


@pytest.mark.parametrize("path", ["/", f"/release/{SECOND}"])
def test_search_engines_find_a_data_set(client: TestClient, path: str) -> None:
    """What Google Dataset Search requires and recommends."""
    found = extruct.extract(client.get(path, headers=PAGE).text, syntaxes=["json-ld"])["json-ld"]
    (described,) = [each for each in found if each["@type"] == "Dataset"]
    assert 50 <= len(described["description"]) <= 5000
    assert {
        "name",
        "license",
        "creator",
        "version",
        "distribution",
        "keywords",
        "identifier",
        "url",
        "isAccessibleForFree",
        "publisher",
        "datePublished",
    } <= described.keys()
    for part in described["distribution"]:
        assert client.get("/" + part["contentUrl"].removeprefix(BASE)).status_code == 200


@pytest.mark.parametrize("path", ["/", f"/release/{SECOND}", "/page/org/maker"])
def test_signposts_lead_to_data_descriptions_and_licence(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=PAGE)
    signs = find_signposting_http_link([answer.headers["Link"]], f"http://testserver{path}")
    assert signs.citeAs is not None
    assert str(signs.citeAs.target).startswith(BASE)
    assert signs.license is not None
    assert {str(sign.type) for sign in signs.describedBy} >= {"text/turtle", "application/ld+json"}
    assert {str(sign.target) for sign in signs.types} <= {"https://schema.org/Dataset", "https://schema.org/AboutPage"}
    for sign in (*signs.describedBy, *signs.items):
        assert client.get(str(sign.target)).status_code == 200, sign
    if path != "/page/org/maker":
        assert len(signs.items) == 4
