"""The same site on engines of other makes: its answers and pages are those of the embedded store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engines import ENGINES, Engine
from kg.release import Release
from kg.settings import Settings
from kg.transfer import Compared, compare, held, load
from kg.web.app import create_app
from kg.web.site import open_release
from repository import ROOT

pytestmark = pytest.mark.engine
QUESTIONS = sorted((ROOT / "queries").glob("*.rq"))
PAGES = [
    "/",
    "/page/initiative/bo-bol-110",
    "/page/initiative/uy-police-ai-video?lang=pt",
    "/page/programme/bioceanic-corridor",
    "/page/product/mbis",
    "/page/org/huawei?lang=es",
    "/page/org/idemia?on=2018-01-31",
    "/page/person/donald-trump",
    "/page/country/mx",
    "/page/place/br-campinas",
    "/page/procurement/ar-caba-wireless-video-2022",
    "/page/contract/uy-sigmu-concession",
    "/page/law/ec-constitution-2008",
    "/page/agreement/eu-mercosur",
    "/page/measure/us-ban-zte-2018",
    "/page/source/alsur-2025",
    "/page/link/org-lufthansa",
    "/page/code/certainty/confirmed",
    "/page/graph/derived",
    "/page/def",
    "/page/def/Participation",
    "/page/def/provider",
    "/browse/Initiative?country=cty:mx",
    "/browse/Initiative?view=timeline",
    "/browse/Company?view=map",
    "/browse/Initiative?on=2021-12-31",
    "/browse/Company.csv",
    "/browse/Contract.json",
    "/browse?class=kg:Milestone",
    "/charts",
    "/unknown",
    "/coverage",
    "/quality",
    "/disagreements",
    "/links",
    "/about",
    "/search?q=huawei",
    "/suggest?q=came",
    "/cite/page/org/huawei.bib",
    "/cite/page/org/huawei.json?of=sources",
    "/words.json",
    "/things.js",
    "/void.nt",
    "/releases",
    "/reconcile",
    "/sitemap.xml",
    "/page/org/nothing-of-the-kind",
    "/sparql?query=SELECT+*+%7B+org:huawei+?p+?o+%7D+ORDER+BY+?p+?o",
]
GRAPHS = [
    "/data/initiative/bo-bol-110.nt",
    "/data/def.nt",
    "/data/org/huawei.nt",
    "/rdf-graph-store",
    "/rdf-graph-store?default",
    "/rdf-graph-store?graph=https://w3id.org/vigia/graph/ontology",
    "/rdf-graph-store?graph=https://w3id.org/vigia/graph/data",
]


_SECONDS = 60.0  # that a query may take: coverage keeps Fuseki busy for a while


@dataclass
class Behind:
    """The real graph behind one engine."""

    engine: Engine
    compared: list[Compared]
    settings: Settings
    client: TestClient


@pytest.fixture(scope="module")
def embedded(real: tuple[Path, Release]) -> Iterator[TestClient]:
    with TestClient(create_app(open_release(real[0], Settings(timeout=_SECONDS))), follow_redirects=False) as client:
        yield client


@pytest.fixture(scope="module", params=ENGINES)
def behind(request: pytest.FixtureRequest, real: tuple[Path, Release]) -> Iterator[Behind]:
    """Loaded as an operator loads it, and served from there."""
    with ENGINES[request.param]() as engine:
        user, password = engine.credentials or ("", "")
        settings = Settings(timeout=_SECONDS, store=engine.query, store_user=user, store_password=password)
        compared = load(real[1], settings, lambda _done, _total: None)
        with TestClient(create_app(open_release(real[0], settings)), follow_redirects=False) as client:
            yield Behind(engine, compared, settings, client)


def test_the_release_is_there(behind: Behind, real: tuple[Path, Release]) -> None:
    assert all(each.is_equal for each in behind.compared)
    assert sum(each.there for each in behind.compared) == (real[1].path / "kg.nq").read_bytes().count(b"\n")
    assert held(behind.settings) == ([real[1].manifest.id], real[1].manifest.id)
    assert compare(real[1], behind.settings) == behind.compared


def test_every_stored_question_has_the_same_answer(behind: Behind, embedded: TestClient) -> None:
    for path in QUESTIONS:
        wanted = embedded.get(f"/api/queries/{path.stem}.csv")
        got = behind.client.get(f"/api/queries/{path.stem}.csv")
        assert (got.status_code, got.text) == (200, wanted.text), path.stem
        assert got.headers["ETag"] == wanted.headers["ETag"], path.stem


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_the_same(behind: Behind, embedded: TestClient, path: str) -> None:
    wanted = embedded.get(path, headers={"Accept": "text/html, */*;q=0.5"})
    got = behind.client.get(path, headers={"Accept": "text/html, */*;q=0.5"})
    assert (got.status_code, got.text) == (wanted.status_code, wanted.text)
    assert got.status_code in (200, 404)


@pytest.mark.parametrize("path", GRAPHS)
def test_graphs_are_the_same(behind: Behind, embedded: TestClient, path: str) -> None:
    accepted = {"Accept": "application/n-triples, application/n-quads"}
    wanted, got = embedded.get(path, headers=accepted), behind.client.get(path, headers=accepted)
    assert got.status_code == wanted.status_code == 200
    assert sorted(got.text.splitlines()) == sorted(wanted.text.splitlines())
