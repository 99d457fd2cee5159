"""What changed is told as a page, as data and as a feed, of all or of one thing."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import html5lib
import pytest
from starlette.testclient import TestClient

from kg.build import build
from kg.settings import Settings
from kg.version import Version
from kg.web.app import create_app
from kg.web.site import open_release

FIRST, SECOND, THIRD = "2026-03-01", "2026-04-15", "2026-04-15.2"
POLICE = "https://w3id.org/vigia/id/org/xa-police"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def client(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Three releases: first the police got another name and a guessed firm a site, then the firm another name."""
    folder = tmp_path_factory.mktemp("changing")
    root, out = folder / "root", folder / "build"
    shutil.copytree(model, root)
    build(root, out, version=Version(FIRST, FIRST, "", "0" * 40))
    edit(root / "data/org/xa-police.yaml", "alias: {en: New <b>alias</b>}")
    edit(root / "data/org/guess.yaml", "website: http://guess.example/")
    build(root, out, version=Version(SECOND, SECOND, FIRST, "0" * 40))
    edit(root / "data/org/guess.yaml", "alias: {en: Guesswork}")
    build(root, out, version=Version(THIRD, SECOND, SECOND, "0" * 40))
    with TestClient(create_app(open_release(out, Settings())), follow_redirects=False) as client:
        yield client


def edit(path: Path, line: str) -> None:
    head, _, rest = path.read_text("utf-8").partition("\nlabel")
    path.write_text(f"{head}\n{line}\nlabel{rest}", "utf-8")


def test_the_last_step_is_told_where_none_is_named(client: TestClient) -> None:
    (row,) = csv.DictReader(io.StringIO(client.get("/changes.csv").text))
    assert (row["thing"].rpartition("/")[2], row["property"], row["after"]) == ("guess", "skos:altLabel", "Guesswork@en")
    (step,) = client.get("/changes", headers={"Accept": "application/json"}).json()
    assert (step["from"], step["to"]) == (SECOND, THIRD)


def test_any_two_releases_are_compared(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/changes.csv", params={"from": FIRST, "to": THIRD}).text)))
    assert {row["thing"].rpartition("/")[2] for row in rows} == {"guess", "xa-police"}
    backwards = list(csv.DictReader(io.StringIO(client.get("/changes.csv", params={"from": THIRD, "to": FIRST}).text)))
    assert {row["before"] for row in backwards} == {row["after"] for row in rows}


def test_the_history_of_one_thing_leaves_out_where_nothing_happened(client: TestClient) -> None:
    steps = client.get("/changes.json", params={"of": "org:xa-police"}).json()
    assert [(step["from"], step["to"]) for step in steps] == [(FIRST, SECOND)]
    assert client.get("/changes.json", params={"of": POLICE}).json() == steps


def test_each_row_of_a_history_says_in_which_release_it_came(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/changes.csv", params={"of": "org:guess"}).text)))
    assert [(row["from"], row["to"], row["after"]) for row in rows] == [
        (SECOND, THIRD, "Guesswork@en"),
        (FIRST, SECOND, "http://guess.example/"),
    ]
    told = client.get("/changes.json", params={"of": "org:guess"}).json()
    assert [(step["from"], step["to"], change["after"][0]) for step in told for change in step["changes"]] == [
        (row["from"], row["to"], row["after"]) for row in rows
    ]


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_the_page_is_valid_and_shows_texts_as_texts(client: TestClient, language: str) -> None:
    for params in ({}, {"of": "org:xa-police"}, {"from": FIRST, "to": THIRD}, {"of": "org:nobody"}):
        text = client.get("/changes", params={**params, "lang": language}, headers={"Accept": "text/html"}).text
        html5lib.HTMLParser(strict=True).parse(text)
        assert "<b>alias" not in text
    page = client.get("/changes", params={"of": "org:xa-police"}, headers={"Accept": "text/html"}).text
    assert '<span lang="en">New &lt;b&gt;alias&lt;/b&gt;</span> <small>(en)</small>' in page
    assert "other name" in page


def test_the_feed_has_an_entry_for_each_release(client: TestClient) -> None:
    answer = client.get("/changes.atom")
    assert answer.headers["Content-Type"] == "application/atom+xml"
    feed = ElementTree.fromstring(answer.content)  # noqa: S314 (what we have just written)
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}id") for entry in entries] == [
        f"https://w3id.org/vigia/release/{name}" for name in (THIRD, SECOND)
    ]
    times = [str(entry.findtext(f"{ATOM}updated")) for entry in entries]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 2
    for element in (feed, *entries):  # RFC 4287, 4.1.1 and 4.1.2
        assert all(element.findtext(f"{ATOM}{tag}") for tag in ("id", "title", "updated"))
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    one = ElementTree.fromstring(client.get("/changes.atom", params={"of": "org:xa-police"}).content)  # noqa: S314
    assert len(one.findall(f"{ATOM}entry")) == 1


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"from": "2020-01-01"}, 404, "Releases here: 2026-03-01"),
        ({"to": "../.."}, 404, "Releases here"),
        ({"of": "zte"}, 400, "org:zte"),
        ({"format": "pdf"}, 406, "None of the formats"),
    ],
)
def test_a_wrong_wish_is_told(client: TestClient, query: dict[str, str], status: int, said: str) -> None:
    answer = client.get("/changes", params=query, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_the_page_of_a_thing_leads_to_its_history(real_client: TestClient) -> None:
    page = real_client.get("/page/org/zte", headers={"Accept": "text/html"}).text
    assert 'href="/changes?of=org%3Azte"' in page
    alone = real_client.get("/changes?of=org:zte", headers={"Accept": "text/html"})
    assert alone.status_code == 200
    assert "There is only one release here" in alone.text
