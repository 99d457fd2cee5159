"""A cited answer can be checked later: the same bytes from the release that was cited, or a plain word why not."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import html5lib
import pytest
from starlette.testclient import TestClient

from kg.build import build
from kg.names import BASE
from kg.settings import Settings
from kg.version import Version
from kg.web.app import archived, create_app
from kg.web.site import open_release

FIRST, SECOND = "2026-03-01", "2026-04-15"
NAMES = "SELECT ?thing ?name { ?thing a kg:Organisation ; rdfs:label ?name }"
GRAPH = "CONSTRUCT { ?thing rdfs:label ?name } { ?thing a kg:Organisation ; rdfs:label ?name }"
CALL = "SELECT * { SERVICE <https://query.wikidata.org/sparql> { ?s ?p ?o } }"


@pytest.fixture(scope="module")
def folder(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository and its build folder, with a first release."""
    folder = tmp_path_factory.mktemp("pinning")
    shutil.copytree(model, folder / "root")
    build(folder / "root", folder / "build", version=Version(FIRST, FIRST, "", "0" * 40))
    return folder


@pytest.fixture(scope="module")
def cited(folder: Path) -> dict[str, tuple[str, bytes]]:
    """While the first release was the newest: query → the address in its citation, and what that gave."""
    found = {}
    for client in served(folder):
        for query in (NAMES, GRAPH, "ASK { ?s ?p ?o }", f"{NAMES} LIMIT 3"):
            item = client.get("/cited.json", params={"query": query}).json()[0]
            found[query] = item["URL"], client.get(local(item["URL"])).content
    return found


@pytest.fixture(scope="module")
def later(folder: Path, cited: dict[str, tuple[str, bytes]], page_cited: tuple[str, bytes]) -> Iterator[TestClient]:
    """After another release, in which an organisation has another name."""
    path = folder / "root" / "data" / "org" / "maker.yaml"
    path.write_text(path.read_text("utf-8").replace("Maker Ltd", "Renamed Maker"), "utf-8")
    build(folder / "root", folder / "build", version=Version(SECOND, SECOND, FIRST, "0" * 40))
    yield from served(folder)


def served(folder: Path) -> Iterator[TestClient]:
    site = open_release(folder / "build", Settings())
    with TestClient(archived(create_app(site), site, folder / "build"), follow_redirects=False) as client:
        yield client


def local(address: str) -> str:
    assert address.startswith(BASE)
    return "/" + address.removeprefix(BASE)


def test_the_address_gives_the_same_bytes_after_the_next_release(later: TestClient, cited: dict[str, tuple[str, bytes]]) -> None:
    for query, (address, body) in cited.items():
        again = later.get(local(address))
        assert again.status_code == 200, query
        assert again.content == body, query
        assert b"Renamed" not in body
        asked = parse_qs(urlsplit(address).query)
        assert asked["release"] == [FIRST]
        assert asked["sha256"] == [hashlib.sha256(body).hexdigest()]


def test_the_lines_are_in_the_order_of_their_bytes(later: TestClient) -> None:
    head, *rows = later.get("/cited.tsv", params={"query": NAMES}).content.splitlines(keepends=True)
    assert head == b"?thing\t?name\n"
    assert rows == sorted(rows)
    assert len(rows) > 3
    lines = later.get("/cited.nt", params={"query": GRAPH}).content.splitlines()
    assert lines == sorted(lines)
    assert len(lines) == len(rows)


def test_another_answer_is_refused_with_both_hashes(later: TestClient, cited: dict[str, tuple[str, bytes]]) -> None:
    address = cited[NAMES][0].replace(f"release={FIRST}", f"release={SECOND}")
    answer = later.get(local(address))
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("#differs")
    assert parse_qs(urlsplit(address).query)["sha256"][0] in answer.json()["detail"]
    assert SECOND in answer.json()["detail"]


def test_a_release_that_is_not_kept_is_named(later: TestClient, cited: dict[str, tuple[str, bytes]]) -> None:
    answer = later.get(local(cited[NAMES][0].replace(FIRST, "2025-01-01")))
    assert answer.status_code == 404
    assert "2025-01-01" in answer.json()["detail"]
    assert FIRST in answer.json()["detail"]


@pytest.mark.parametrize("query", ["SELECT (NOW() AS ?t) {}", "SELECT (RAND() AS ?r) {}", CALL])
def test_what_cannot_be_fixed_says_why(later: TestClient, query: str) -> None:
    answer = later.get("/cited", params={"query": query})
    assert answer.status_code == 400
    assert "cannot be fixed" in answer.json()["detail"]


def test_a_query_that_is_wrong_is_told_as_ever(later: TestClient) -> None:
    assert later.get("/cited", params={"query": "SELECT"}).json()["type"].endswith("#bad-query")
    assert later.get("/cited").status_code == 400
    assert later.get("/cited.pdf", params={"query": NAMES}).status_code == 404
    assert later.get("/cited.nt", params={"query": NAMES}).status_code == 404


def test_the_citation_says_release_and_hashes_in_every_form(later: TestClient) -> None:
    said = {ending: later.get(f"/cited.{ending}", params={"query": NAMES}).text for ending in ("txt", "bib", "json", "html")}
    query = hashlib.sha256(NAMES.encode()).hexdigest()
    answer = hashlib.sha256(later.get("/cited.tsv", params={"query": NAMES}).content).hexdigest()
    for ending, text in said.items():
        assert SECOND in text, ending
        assert query in text, ending
        assert answer in text, ending
    assert re.search(rf"  version = {{{SECOND}}},\n  date = {{{SECOND}}},", said["bib"])
    html5lib.HTMLParser(strict=True).parse(said["html"])
    windows = later.get("/cited.txt", params={"query": f"\r\n{NAMES}\r\n"}).text
    assert query in windows


@pytest.fixture(scope="module")
def page_cited(folder: Path) -> tuple[str, bytes]:
    """While the first release was the newest: the text that cites a page, and what the address in it gave."""
    for client in served(folder):
        text = client.get("/cite/org/maker.txt").text
        return text, client.get(local(pinned_in(text))).content
    raise AssertionError


def pinned_in(text: str) -> str:
    (address,) = re.findall(r"https://\S+\.nt\?release=\S+&sha256=[0-9a-f]{64}", text)
    return str(address)


def test_a_page_is_cited_with_what_never_changes_of_it(
    page_cited: tuple[str, bytes], later: TestClient, cited: dict[str, tuple[str, bytes]]
) -> None:
    text, body = page_cited
    assert f"RDF SHA-256 {hashlib.sha256(body).hexdigest()}" in text
    assert text.endswith(f". {BASE}id/org/maker?release={FIRST}\n")
    again = later.get(local(pinned_in(text)))
    assert (again.status_code, again.content) == (200, body)
    assert b"Maker Ltd" in body
    assert later.get(f"/cite/org/maker.txt?release={FIRST}").text == text
    now = later.get("/cite/org/maker.txt").text
    assert pinned_in(now) != pinned_in(text)
    assert b"Renamed Maker" in later.get(local(pinned_in(now))).content
    for ending in ("bib", "json"):
        assert pinned_in(now).rpartition("=")[2] in later.get(f"/cite/org/maker.{ending}").text
    shown = later.get("/page/org/maker", headers={"Accept": "text/html"}).text
    assert pinned_in(now).rpartition("=")[2] in shown
    assert '<a href="/cite/org/maker.txt">' in shown


def test_a_document_that_is_not_the_one_that_was_cited_is_refused(page_cited: tuple[str, bytes], later: TestClient) -> None:
    address = local(pinned_in(page_cited[0]))
    answer = later.get(address.replace(FIRST, SECOND))
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("#differs")
    assert address.rpartition("=")[2] in answer.json()["detail"]
    assert later.get(address.replace(FIRST, "2025-01-01")).status_code == 404


def test_the_sources_of_a_page_are_cited_as_text(later: TestClient) -> None:
    lines = later.get("/cite/org/maker.txt?of=sources").text.splitlines()
    assert len(lines) == len(later.get("/cite/org/maker.json?of=sources").json()) > 0
    assert later.get("/cite/org/maker.pdf").status_code == 404


def test_a_page_is_cited_as_it_is_in_its_release(later: TestClient) -> None:
    (item,) = later.get("/cite/org/maker.json").json()
    assert (item["version"], item["URL"]) == (SECOND, f"{BASE}id/org/maker?release={SECOND}")
    assert item["issued"] == {"date-parts": [[2026, 4, 15]]}
    page = {"Accept": "text/html"}
    assert "Renamed Maker" in later.get(later.get(local(item["URL"]), headers=page).headers["Location"]).text
    (older,) = later.get(f"/cite/org/maker.json?release={FIRST}").json()
    assert (older["version"], older["title"]) == (FIRST, "Maker Ltd")
    assert "Maker Ltd" in later.get(later.get(local(older["URL"]), headers=page).headers["Location"]).text


def test_what_was_not_released_says_so(real_client: TestClient) -> None:
    page = real_client.get("/cited", params={"query": NAMES, "lang": "es"}, headers={"Accept": "text/html"}).text
    assert "no se publicó" in page
    assert "release=" not in real_client.get("/cited.txt", params={"query": NAMES}).text
