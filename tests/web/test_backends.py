"""The same site on engines of other makes: its answers and pages are those of the embedded store."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engines import ENGINES, Engine, oxigraph
from kg.build import build
from kg.errors import KgError
from kg.release import Release
from kg.settings import Settings
from kg.transfer import Compared, compare, held, load, remove
from kg.version import Version
from kg.web.app import archived, create_app
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
    "/sparql?query=SELECT+?p+?o+%7B+org:huawei+?p+?o+%7D+ORDER+BY+?p+STR(?o)+LANG(?o)",
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


def test_a_query_sees_the_release_and_nothing_else_in_the_engine(behind: Behind) -> None:
    stray = "https://w3id.org/vigia/graph/all.r000000000000"
    behind.engine.put("<urn:stray> <urn:stray> <urn:stray> .", stray)
    asked = [
        {"query": "SELECT * { <urn:stray> ?p ?o }"},
        {"query": f"SELECT * FROM <{stray}> {{ ?s <urn:stray> ?o }}"},  # noqa: S608
        {"query": f"SELECT * FROM NAMED <{stray}> {{ GRAPH ?g {{ ?s <urn:stray> ?o }} }}"},  # noqa: S608
        {"query": f"SELECT * {{ GRAPH <{stray}> {{ ?s <urn:stray> ?o }} }}"},
        {"query": "SELECT * { GRAPH ?g { ?s <urn:stray> ?o } }"},
        {"query": "SELECT ?g ?o { BIND(1 AS ?x) {}.GRAPH ?g { <urn:stray> ?p ?o } }"},
        {"query": "SELECT ?g ?o { ?s a ?t.GRAPH ?g { <urn:stray> ?p ?o } }"},
        {"query": "SELECT * { ?s <urn:stray> ?o }", "default-graph-uri": stray},
        {"query": "SELECT * { GRAPH ?g { ?s <urn:stray> ?o } }", "named-graph-uri": stray},
        {"query": "SELECT * { GRAPH ?g { ?s <urn:stray> ?o } }", "default-graph-uri": stray},
        # For Virtuoso a comment goes on behind a carriage return.
        {"query": f"SELECT * #\r{{ ?s ?p '''\n FROM <{stray}> {{ ?s ?p ?o }}\n#\r''' }}"},  # noqa: S608
    ]
    for parameters in asked:
        answer = behind.client.get("/sparql.csv", params=parameters)
        assert (answer.status_code, len(answer.text.splitlines())) == (200, 1), parameters
    graphs = behind.client.get("/sparql.csv", params={"query": "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g"})
    assert graphs.text.split() == [
        "g",
        *(f"https://w3id.org/vigia/graph/{name}" for name in ("data", "derived", "examples", "ontology")),
    ]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("INSERT DATA { <urn:a> <urn:b> <urn:c> }", 403),
        ("CLEAR ALL", 403),
        ('DEFINE input:inference "x" SELECT * { ?s ?p ?o }', 400),
        ("SELECT * { ?s ?p ?o ", 400),
        ("SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", 422),
        ("SELECT * { ?s ?p 1SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", 422),
        ("SELECT * { ?s ?p ?o }" + " #" * 600_000, 413),
    ],
)
def test_only_queries_reach_the_engine(behind: Behind, query: str, status: int) -> None:
    assert behind.client.post("/sparql", data={"query": query}, headers={"Accept": "text/csv"}).status_code == status


@pytest.mark.parametrize(
    "query",
    [
        "SELECT (FUNCTION('ADDRESS') AS ?x) {}",
        "SELECT * { ?s a kg:Country } ORDER BY ?s FUNCTION('ADDRESS')",
    ],
)
@pytest.mark.parametrize("function", ["<bif:http_get>", "<LONG::bif:http_get>", "<http://www.w3.org/2005/xpath-functions/#doc>"])
def test_no_function_of_an_engine_reads_an_address(behind: Behind, query: str, function: str) -> None:
    """Virtuoso's do, and the last one ends its process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        text = query.replace("FUNCTION", function).replace("ADDRESS", address)
        answer = behind.client.get("/sparql.csv", params={"query": text})
        assert answer.status_code == 400, answer.text
        with pytest.raises(TimeoutError):
            listener.accept()
    assert behind.client.get("/sparql.csv", params={"query": "SELECT * {}"}).status_code == 200


def _documented() -> Iterator[tuple[str, dict[str, str]]]:
    """How engines differ in queries of one's own: the cases of docs/engines.md, and the values or the status by engine."""
    lines = (ROOT / "docs" / "engines.md").read_text("utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| of | case |"))
    engines = [cell.strip().lower() for cell in lines[start].split("|")[3:-1]]
    for line in takewhile(lambda line: line.startswith("|"), lines[start + 2 :]):
        _, _, case, *told, _ = (cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line))
        yield case.strip("`"), dict(zip(engines, told, strict=True))


DOCUMENTED = dict(_documented())
_NAMES = [f"<urn:x:{number}>" for number in range(4_999)]
#: What does not fit into the table there, or is held to be the same everywhere.
OTHERS = {
    "SELECT (STRLEN(STR(UUID())) AS ?x) {}": {"": "45"},
    "SELECT ?x { ctr:br-032-smsu-2023 kg:term ?x }": {"": "P5Y"},
    "SELECT (1234567890123456789012345678901.5 AS ?x) {}": {"": "1234567890123456789012345678901.5"},
    "BASE <https://w3id.org/vigia/> SELECT (COUNT(*) AS ?x) { GRAPH <graph/ontology> { ?s a <def#Nothing> } }": {"": "0"},
    "SELECT (COUNT(*) AS ?x) { graph:data ?p ?o . GRAPH graph:ontology { ?s a kg:Nothing } }": {"": "0"},
    "SELECT (COUNT(*) AS ?x) { GRAPH ?g { ?s a kg:Country } FILTER(?g = graph:data) }": {"": "83"},
    "SELECT (COUNT(*) AS ?x) { cty:mx kg:partOf* ?o }": {"": "1"},
    "SELECT (COUNT(*) AS ?x) { VALUES ?s { cty:mx " + " ".join(_NAMES[:3_999]) + " } ?s rdfs:label ?o }": {"": "3"},
    "SELECT (COUNT(*) AS ?x) { VALUES ?s { cty:mx " + " ".join(_NAMES) + " } ?s rdfs:label ?o }": {"virtuoso": "400", "": "3"},
    "SELECT (COUNT(*) AS ?x) { ?s a kg:Person " + "OPTIONAL { ?s a ?o80 } " * 80 + "}": {"virtuoso": "507"},
    "SELECT (COUNT(*) AS ?x) { " + "".join(f"?s{n} a kg:Country . " for n in range(70)) + " }": {"virtuoso": "507"},
}


def _answered(client: TestClient, query: str) -> str:
    """The values of the first column, or the status where it is an error."""
    answer = client.post("/sparql.csv", data={"query": query})
    if answer.status_code != 200:
        return str(answer.status_code)
    return " ".join(line.split(",")[0] for line in answer.text.split()[1:])


@pytest.mark.parametrize("query", DOCUMENTED)
def test_what_differs_is_as_documented(behind: Behind, query: str) -> None:
    assert _answered(behind.client, query) == DOCUMENTED[query][behind.engine.name]


@pytest.mark.parametrize("query", DOCUMENTED)
def test_the_embedded_store_is_as_documented(embedded: TestClient, query: str) -> None:
    assert _answered(embedded, query) == DOCUMENTED[query]["embedded"]
    assert len(set(DOCUMENTED[query].values())) > 1


@pytest.mark.parametrize("query", OTHERS, ids=range(len(OTHERS)))
def test_what_else_differs_is_known(behind: Behind, query: str) -> None:
    expected = OTHERS[query].get(behind.engine.name, OTHERS[query].get(""))
    if expected is not None:
        assert _answered(behind.client, query) == expected


def test_older_releases_answer_from_the_same_engine(model: Path, tmp_path: Path) -> None:
    """Several lie side by side; one that was taken out is missed, in words, and the newest goes on."""
    root, out = tmp_path / "root", tmp_path / "build"
    shutil.copytree(model, root)
    with oxigraph() as engine:
        settings = Settings(store=engine.query)
        ids = {}
        for day, name in (("2026-03-01", "First Maker"), ("2026-04-15", "Second Maker")):
            file = root / "data" / "org" / "maker.yaml"
            file.write_text(re.sub(r"label: .*", f"label: {{en: {name}}}", file.read_text("utf-8"), count=1), "utf-8")
            release = build(root, out, version=Version(day, day, "", "0" * 40))
            load(release, settings, lambda _done, _total: None)
            ids[day] = release.manifest.id
        site = open_release(out, settings)
        with TestClient(archived(create_app(site), site, out)) as client:
            page = {"Accept": "text/html"}
            assert "Second Maker" in client.get("/page/org/maker", headers=page).text
            assert "First Maker" in client.get("/page/org/maker?release=2026-03-01", headers=page).text
            query = {"query": "SELECT ?n { org:maker rdfs:label ?n }", "release": "2026-03-01"}
            assert client.get("/sparql.csv", params=query).text.split("\r\n")[1:2] == ["First Maker"]
        with pytest.raises(KgError, match="current one"):
            remove(ids["2026-04-15"], settings)
        remove(ids["2026-03-01"], settings)
        assert held(settings) == ([ids["2026-04-15"]], ids["2026-04-15"])
        site = open_release(out, settings)
        with TestClient(archived(create_app(site), site, out), raise_server_exceptions=False) as client:
            missed = client.get("/page/org/maker?release=2026-03-01", headers={"Accept": "application/json"})
            assert missed.status_code == 503, missed.text
            assert client.get("/page/org/maker", headers=page).status_code == 200
