"""The address of a citation that was edited since goes on to answer: with what it was a part of, and the release that had it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox
import pytest
from starlette.testclient import TestClient

from kg.build import build, check
from kg.names import BASE, DEF, NODE
from kg.query import open_store
from kg.registry import PARTS, register
from kg.release import RELEASES
from kg.settings import Settings
from kg.version import Past, Version, record
from kg.web.app import archived, create_app
from kg.web.site import open_release

FIRST, SECOND = "2026-03-01", "2026-04-15"
CLAIM = f"{BASE}id/initiative/xa-cameras/police"
WEB, TURTLE = {"Accept": "text/html"}, {"Accept": "text/turtle"}


def released(root: Path, out: Path, version: Version) -> ox.Store:
    """As `kg release` does it, without git."""
    made = build(root, out, version=version)
    record(root, Past(version.name, made.manifest.canonical_hash, "0" * 40))
    store = open_store(out)
    register(root, store, version.previous)
    return store


def citation(store: ox.Store) -> str:
    (found,) = store.quads_for_pattern(ox.NamedNode(CLAIM), ox.NamedNode(DEF + "citation"), None, ox.DefaultGraph())
    assert isinstance(found.object, ox.NamedNode)
    return found.object.value


@pytest.fixture(scope="module")
def folder(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    shutil.copytree(model, folder / "root")
    return folder


@pytest.fixture(scope="module")
def old(folder: Path) -> str:
    """The path of a citation of the first release; in the second, somebody corrected where in the source it stands."""
    root, out = folder / "root", folder / "build"
    path = root / "data" / "initiative" / "xa-cameras.yaml"
    head, key, rest = path.read_text("utf-8").partition("  police:\n")
    path.write_text(head + key + rest.replace("locator: ", "locator: folio 7 of ", 1), "utf-8")  # else others share it
    node = citation(released(root, out, Version(FIRST, FIRST, "", "0" * 40)))
    path.write_text(path.read_text("utf-8").replace("folio 7", "folio 8"), "utf-8")
    assert citation(released(root, out, Version(SECOND, SECOND, FIRST, "0" * 40))) != node
    return "/" + node.removeprefix(BASE)


@pytest.fixture(scope="module")
def client(folder: Path, old: str) -> Iterator[TestClient]:
    site = open_release(folder / "build", Settings())
    with TestClient(archived(create_app(site), site, folder / "build"), follow_redirects=False) as client:
        yield client


def test_a_person_is_led_to_the_release_that_had_it(client: TestClient, old: str) -> None:
    answer = client.get(f"{old}?lang=es", headers=WEB)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{old}?lang=es&release={FIRST}")
    page = client.get(answer.headers["Location"], headers=WEB, follow_redirects=True)
    assert page.status_code == 200
    assert f"release={FIRST}" in str(page.url)
    assert client.get(old.replace("/id/", "/page/"), headers=WEB).headers["Location"].endswith(f"?release={FIRST}")


def test_its_rdf_says_what_became_of_it(client: TestClient, old: str) -> None:
    answer = client.get(old, headers=TURTLE, follow_redirects=True)
    assert answer.status_code == 200
    node = ox.NamedNode(BASE + old.lstrip("/"))
    said = {
        (triple.predicate.value.rpartition("/")[2].rpartition("#")[2], str(getattr(triple.object, "value", "")))
        for triple in ox.parse(answer.content, format=ox.RdfFormat.TURTLE)
        if triple.subject == node
    }
    assert said == {("deprecated", "true"), ("isPartOf", CLAIM), ("isReferencedBy", f"{BASE}release/{FIRST}")}


@pytest.mark.parametrize("is_static", [False, True])
def test_where_that_release_is_not_kept_it_leads_to_what_it_was_a_part_of(folder: Path, old: str, is_static: bool) -> None:
    site = open_release(folder / "build", Settings())
    kept = site.releases if is_static else {SECOND: site.releases[SECOND]}
    with TestClient(create_app(replace(site, releases=kept, is_static=is_static)), follow_redirects=False) as client:
        led = client.get(f"{old}?lang=pt", headers=WEB)
        assert (led.status_code, led.headers["Location"]) == (303, "/page/initiative/xa-cameras?lang=pt#police")
        page = client.get(old.replace("/id/", "/page/"), headers=WEB, follow_redirects=True)
        assert str(page.url).endswith("/page/initiative/xa-cameras#police")
        assert client.get(old, headers=TURTLE, follow_redirects=True).status_code == 200


def test_every_address_of_a_part_that_was_ever_published_answers(folder: Path, client: TestClient, old: str) -> None:
    lines = (folder / "build" / RELEASES / FIRST / "kg.nq").read_text("utf-8").split()
    nodes = {word.strip("<>") for word in lines if word.startswith(f"<{NODE}")}
    assert len(nodes) > 10
    for node in nodes:
        for headers in (WEB, TURTLE):
            answer = client.get("/" + node.removeprefix(BASE), headers=headers, follow_redirects=True)
            assert answer.status_code == 200, node


def test_the_list_of_parts_keeps_where_each_was_last(folder: Path, old: str) -> None:
    text = (folder / "root" / PARTS).read_text("utf-8")
    assert f"{old.rpartition('/')[2]},ini:xa-cameras/police,{FIRST}\n" in text
    assert text.count(FIRST) == 1
    assert check(folder / "root").findings == []
    assert text.splitlines()[1:] == sorted(text.splitlines()[1:])


def test_what_is_written_again_as_it_was_is_there_again(model: Path, tmp_path: Path) -> None:
    root, out = tmp_path / "root", tmp_path / "build"
    shutil.copytree(model, root)
    path = root / "data" / "initiative" / "xa-cameras.yaml"
    text = path.read_text("utf-8")
    released(root, out, Version(FIRST, FIRST, "", "0" * 40))
    before = (root / PARTS).read_text("utf-8")
    path.write_text(text.replace("locator: ", "locator: near "), "utf-8")
    released(root, out, Version(SECOND, SECOND, FIRST, "0" * 40))
    assert FIRST in (root / PARTS).read_text("utf-8")
    path.write_text(text, "utf-8")
    build(root, out)
    register(root, open_store(out), SECOND)
    lines = (root / PARTS).read_text("utf-8").splitlines()
    assert set(before.splitlines()) < set(lines)
    assert {line.rpartition(",")[2] for line in set(lines) - set(before.splitlines())} == {SECOND}


def test_a_list_that_is_broken_is_told(own_model: Path) -> None:
    (own_model / PARTS).write_text("node,off\n1,2\n")
    (finding,) = [finding for finding in check(own_model).findings if finding.place.path == PARTS]
    assert "Take it from the last commit" in finding.message
