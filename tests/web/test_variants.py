"""What caches are told: an answer depends on what its Vary names, on nothing else, and on no more than it must."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product
from pathlib import Path
from urllib.parse import urlencode

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from kg.release import Release
from kg.web.assets import address_of
from repository import ROOT

ASKED = urlencode({"query": "SELECT * { ?s kg:provider ?o } ORDER BY ?s"})
ACCEPTS = ("text/html,*/*;q=0.8", "text/turtle", "application/ld+json;q=0.9,application/json", "*/*")
LANGUAGES = ("es", "pt-BR,pt;q=0.9", "fr")
CODINGS = ("identity", "gzip", "br, gzip")
#: Address → what it is chosen by, besides the coding.
CHOSEN_BY = {
    "/page/org/maker?lang=es": set(),
    "/page/org/maker": {"Accept-Language"},
    "/page/org/maker?lang=fr": {"Accept-Language"},
    "/?lang=pt": set(),
    "/about": {"Accept-Language"},
    "/data/org/maker.ttl": set(),
    "/id/org/maker": {"Accept"},
    "/void": {"Accept"},
    "/void.ttl": set(),
    "/dump/kg.nq": set(),
    "/static/kg.css": set(),
    "/sitemap.xml": set(),
    "/rdf-graph-store?default": {"Accept"},
    "/rdf-graph-store?default&format=nt": set(),
    "/browse/Company?lang=es": {"Accept"},
    "/browse/Company?lang=es&format=html": set(),
    "/browse/Company.csv": {"Accept-Language"},
    f"/sparql?{ASKED}&format=csv": set(),
    f"/sparql.json?{ASKED}": set(),
    f"/sparql?{ASKED}&format=html&lang=es": set(),
    f"/sparql?{ASKED}&format=html": {"Accept-Language"},
    f"/sparql?{ASKED}": {"Accept", "Accept-Language"},
}


def varying(answer: Response) -> set[str]:
    return {name.strip() for name in answer.headers["Vary"].split(",")}


@pytest.mark.parametrize("address", CHOSEN_BY)
def test_no_variant_can_be_taken_for_another(client: TestClient, address: str) -> None:
    """A cache gives what it has to whoever sends the same values of all headers that the answer names (RFC 9111, 4.1)."""
    asked = [
        {"Accept": accept, "Accept-Language": language, "Accept-Encoding": coding}
        for accept, language, coding in product(ACCEPTS, LANGUAGES, CODINGS)
    ]
    given = [(headers, client.get(address, headers=headers)) for headers in asked]
    kept = [(headers, answer) for headers, answer in given if answer.headers["Cache-Control"].startswith("public")]
    assert kept
    for (headers, answer), (others, other) in combinations(kept, 2):
        if all(headers[name] == others[name] for name in varying(answer)):
            assert told(answer) == told(other), (headers, others)
    assert set().union(*(varying(answer) for _, answer in kept)) == {"Accept-Encoding", *CHOSEN_BY[address]}


def told(answer: Response) -> tuple[int, Mapping[str, str | None], bytes]:
    names = ("Content-Type", "Content-Encoding", "Content-Language", "ETag", "Location", "Vary")
    return answer.status_code, {name: answer.headers.get(name) for name in names}, answer.content


def test_every_header_that_chooses_is_noted() -> None:
    """Who reads one of them any other way would be forgotten in Vary."""
    for path in (ROOT / "src" / "kg" / "web").glob("*.py"):
        text = path.read_text("utf-8").lower()
        assert 'headers.get("accept")' not in text, path
        assert 'headers.get("accept-language"' not in text, path


@pytest.mark.parametrize("address", ["/id/org/maker", "/questions/amounts", "/def"])
def test_what_leads_on_may_be_kept(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 303 or address == "/questions/amounts"
    assert answer.headers["Cache-Control"].startswith("public, max-age=")


def test_an_answer_says_of_which_release_it_is(client: TestClient, files_client: TestClient, small: tuple[Path, Release]) -> None:
    name = small[1].manifest.name
    etag = client.get("/page/org/maker").headers["ETag"]
    for answer in (
        client.get("/page/org/maker"),
        client.get("/page/org/maker", headers={"If-None-Match": etag}),
        client.get("/id/org/maker"),
        client.get("/dump/kg.nq"),
        client.get(f"/sparql?{ASKED}"),
        client.post("/sparql", data={"query": "ASK {}"}),
        client.get("/page/org/nobody"),
    ):
        assert answer.headers["X-Release"] == name
        assert "X-Release" in answer.headers["Access-Control-Expose-Headers"]
    assert "X-Release" not in files_client.get("/").headers


def test_a_file_of_a_page_is_kept_for_ever_but_not_in_place_of_another(client: TestClient) -> None:
    address = address_of("kg.css") or ""
    assert "immutable" in client.get(address).headers["Cache-Control"]
    assert client.get("/static/kg.css?v=0123456789ab").headers["Cache-Control"] == "no-store"
    assert client.get("/static/kg.css").headers["Cache-Control"] == "public, max-age=300"
