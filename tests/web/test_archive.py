"""An older release answers as it did, beside the newest, and its pages lead to each other."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from kg.build import build
from kg.settings import Settings
from kg.version import Version
from kg.web.app import archived, create_app
from kg.web.archive import Archive
from kg.web.site import open_release

OLD, NEW = "2026-03-01", "2026-04-15"
PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def releases(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder with four releases of a graph in which a name changed after the first."""
    folder = tmp_path_factory.mktemp("archive")
    root, out = folder / "root", folder / "build"
    shutil.copytree(model, root)
    for day in (OLD, "2026-03-02", "2026-03-03"):
        build(root, out, version=Version(day, day, "", "0" * 40))
    path = root / "data" / "org" / "maker.yaml"
    path.write_text(re.sub(r"label: .*", "label: {en: Renamed Maker}", path.read_text("utf-8"), count=1), "utf-8")
    build(root, out, version=Version(NEW, NEW, "2026-03-03", "0" * 40))
    return out


@pytest.fixture(scope="module")
def archive(releases: Path) -> Archive:
    site = open_release(releases, Settings())
    return archived(create_app(site), site, releases)


@pytest.fixture(scope="module")
def client(archive: Archive) -> Iterator[TestClient]:
    with TestClient(archive, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


def test_a_page_of_an_older_release_says_so_and_leads_to_the_newest(client: TestClient) -> None:
    new, old = client.get("/page/org/maker", headers=PAGE).text, client.get(f"/page/org/maker?release={OLD}", headers=PAGE).text
    assert "Renamed Maker" in new
    assert "Renamed Maker" not in old
    assert f"This is the release of {OLD}" in old
    assert "This is the release of" not in new
    (newest,) = re.findall(r'href="([^"]*release=latest[^"]*)"', old)
    assert client.get(newest.replace("&amp;", "&"), headers=PAGE).text == new


def test_every_link_of_an_older_page_stays_in_its_release(client: TestClient) -> None:
    for path in (
        "/",
        "/page/org/maker",
        "/page/initiative/xa-cameras",
        "/browse/Organisation",
        "/sparql",
        "/search?q=maker",
        "/about",
    ):
        mark = "&" if "?" in path else "?"
        text = client.get(f"{path}{mark}release={OLD}&lang=es", headers=PAGE).text
        for address in re.findall(r'(?:href|data-words)="(/[^"]*)"', text):
            shared = address.startswith(("/static/", "/favicon", "/apple-touch-icon", "/card/")) or "release=latest" in address
            assert shared or f"release={OLD}" in address, (path, address)
        assert text.count("<form") == text.count(f'<input type="hidden" name="release" value="{OLD}">')


def test_an_older_release_can_be_walked(client: TestClient) -> None:
    """Each page that its start page leads to, two steps deep, is one of the same release."""
    seen: set[str] = set()
    waiting = [f"/?release={OLD}"]
    while waiting and len(seen) < 60:
        address = waiting.pop(0)
        if address in seen:
            continue
        seen.add(address)
        answer = client.get(address, headers=PAGE)
        if answer.status_code in (301, 303, 307, 308):
            target = answer.headers["Location"]
            assert f"release={OLD}" in target, (address, target)
            waiting.append(target)
            continue
        assert answer.status_code == 200, address
        if "text/html" in answer.headers["Content-Type"]:
            assert 'class="pinned"' in answer.text, address
            found = (found.replace("&amp;", "&") for found in re.findall(r'href="(/[^"#]*)', answer.text))
            waiting += [
                a
                for a in found
                if f"release={OLD}" in a and not a.startswith(("/dump", "/cite")) and urlsplit(a).path not in ("/void",)
            ]
    assert len(seen) == 60


def test_questions_and_queries_are_answered_from_an_older_release(client: TestClient) -> None:
    query = "SELECT ?name { org:maker rdfs:label ?name }"
    for path in ("/sparql", "/sparql.csv"):
        old = client.get(path, params={"query": query, "release": OLD}, headers={"Accept": "text/csv"})
        assert old.status_code == 200
        assert "Renamed" not in old.text
        assert "Renamed" in client.get(path, params={"query": query}, headers={"Accept": "text/csv"}).text
    posted = client.post(f"/sparql?release={OLD}", data={"query": query}, headers={"Accept": "text/csv"})
    assert "Renamed" not in posted.text
    unheard = client.post("/sparql", data={"query": query, "release": OLD}, headers={"Accept": "text/csv"})
    assert unheard.status_code == 400
    assert "in the address" in unheard.json()["detail"]
    old = client.get(f"/api/queries/names-by-language.csv?release={OLD}")
    assert old.status_code == 200
    question = client.get(f"/questions/amounts?release={OLD}", headers=PAGE)
    assert (question.status_code, f"release={OLD}" in question.headers["Location"]) == (303, True)


def test_things_lead_to_documents_of_the_same_release(client: TestClient) -> None:
    answer = client.get(f"/id/org/maker?release={OLD}", headers={"Accept": "text/turtle"})
    assert answer.headers["Location"] == f"/data/org/maker.ttl?release={OLD}"
    assert "Renamed" not in client.get(answer.headers["Location"]).text
    page = client.get(f"/page/org/maker?release={OLD}", headers=PAGE)
    assert f"</data/org/maker.ttl?release={OLD}>" in page.headers["Link"]


def test_a_release_that_is_not_there_is_named(client: TestClient) -> None:
    for name in ("2026-01-01", "../x", "", "%00"):
        answer = client.get(f"/page/org/maker?release={name}", headers={"Accept": "application/json"})
        assert answer.status_code == 404
        assert OLD in answer.json()["detail"]


def test_the_newest_by_its_name_is_the_newest(client: TestClient) -> None:
    plain = client.get("/page/org/maker", headers=PAGE)
    for name in (NEW, "latest"):
        assert client.get(f"/page/org/maker?release={name}", headers=PAGE).text == plain.text


def test_few_are_open_at_once_and_idle_ones_are_closed(
    client: TestClient, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (OLD, "2026-03-02", "2026-03-03", OLD):
        assert client.get(f"/?release={day}", headers=PAGE).status_code == 200
    assert len(archive._open) == 2
    processes = [opened.store._pool._process for opened in archive._open.values()]  # type: ignore[attr-defined]
    assert all(process.poll() is None for process in processes)
    monkeypatch.setattr("kg.web.archive._IDLE", -1.0)
    client.portal.call(archive.close_idle)  # type: ignore[union-attr]
    assert not archive._open
    deadline = time.monotonic() + 5
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(process.poll() is not None for process in processes)
