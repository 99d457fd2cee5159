"""The clients that people have, over HTTP, against a server that runs as for its users: what they do by default works."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.dom.minidom import Document

import pytest
import SPARQLWrapper as sw
from rdflib import RDFS, Graph, Literal, Namespace, URIRef
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import SPARQLExceptions

from kg.release import Release
from web.running import Running, serving

KG = Namespace("https://w3id.org/vigia/def#")
CAMERAS = URIRef("https://w3id.org/vigia/id/initiative/xa-cameras")
POLICE = URIRef("https://w3id.org/vigia/id/org/xa-police")
MAKER = URIRef("https://w3id.org/vigia/id/org/maker")
DERIVED = URIRef("https://w3id.org/vigia/graph/derived")
NAME = Literal("Policía de Ejemplia", lang="es")

# Without the prefixes that the server knows: rdflib puts its own before every query, and has another 'org:' among them.
SELECT = f"SELECT ?thing ?name WHERE {{ VALUES ?thing {{ <{POLICE}> }} ?thing rdfs:label ?name }}"
CONSTRUCT = f"CONSTRUCT {{ ?s rdfs:label ?name }} WHERE {{ VALUES ?s {{ <{POLICE}> }} ?s rdfs:label ?name }}"
DESCRIBE = f"DESCRIBE <{POLICE}>"
ASK = f"ASK {{ <{POLICE}> rdfs:label {NAME.n3()} }}"
WRONG = "SELECT * WHERE { ?s ?p }"
EVERYTHING = "SELECT * WHERE { ?s ?p ?o }"

curl_only = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def server(small: tuple[Path, Release]) -> Iterator[Running]:
    """A server of the release of the small graph."""
    with serving("--build", small[0]) as running:
        yield running


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is on this machine, whatever the tester's way out of it."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


def address_of(server: Running, query: str, **parameters: str) -> str:
    """The address of the answer to a query."""
    return f"{server.address}/sparql?{urlencode({'query': query, **parameters})}"


def test_a_server_ends_when_told_to_and_says_nothing_more(small: tuple[Path, Release]) -> None:
    with serving("--build", small[0]) as running:
        assert urllib.request.urlopen(address_of(running, ASK)).status == 200
    assert running.errors == ""
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(running.address)


# SPARQLWrapper


def wrapper(server: Running, query: str, returned: str) -> sw.SPARQLWrapper:
    """A client with a query."""
    client = sw.SPARQLWrapper(f"{server.address}/sparql", returnFormat=returned)
    client.setQuery(query)
    return client


@pytest.fixture(params=["parameters", "negotiation"])
def asks_by(request: pytest.FixtureRequest) -> str:
    """How SPARQLWrapper says the format: also by parameters, as it does unless told otherwise, or by Accept only."""
    return str(request.param)


@pytest.fixture(params=["get", "form", "direct"])
def sends_by(request: pytest.FixtureRequest) -> str:
    """How SPARQLWrapper sends the query."""
    return str(request.param)


def converted(client: sw.SPARQLWrapper, sends_by: str, asks_by: str) -> Any:
    """The answer, as SPARQLWrapper makes it."""
    client.setOnlyConneg(asks_by == "negotiation")
    client.setMethod(sw.GET if sends_by == "get" else sw.POST)
    client.setRequestMethod(sw.POSTDIRECTLY if sends_by == "direct" else sw.URLENCODED)
    try:
        return client.queryAndConvert()
    except urllib.error.HTTPError as error:
        error.close()  # or it is found open during some later test
        raise


@pytest.mark.parametrize("returned", [sw.JSON, sw.XML, sw.CSV, sw.TSV])
def test_sparqlwrapper_gets_rows(server: Running, returned: str, sends_by: str, asks_by: str) -> None:
    result = converted(wrapper(server, SELECT, returned), sends_by, asks_by)
    if isinstance(result, dict):
        [row] = result["results"]["bindings"]
        assert row["name"] == {"type": "literal", "xml:lang": "es", "value": str(NAME)}
    else:
        text = result.toxml() if isinstance(result, Document) else result.decode()
        assert str(NAME) in text
        assert str(POLICE) in text


@pytest.mark.parametrize("returned", [sw.JSON, sw.XML])
def test_sparqlwrapper_gets_a_boolean(server: Running, returned: str, sends_by: str, asks_by: str) -> None:
    result = converted(wrapper(server, ASK, returned), sends_by, asks_by)
    if isinstance(result, Document):
        assert "<boolean>true</boolean>" in result.toxml()
    else:
        assert isinstance(result, dict)
        assert result["boolean"] is True


@pytest.mark.parametrize("query", [CONSTRUCT, DESCRIBE], ids=["construct", "describe"])
@pytest.mark.parametrize("returned", [sw.XML, sw.RDFXML, sw.TURTLE, sw.N3, sw.JSONLD])
def test_sparqlwrapper_gets_a_graph(server: Running, query: str, returned: str, sends_by: str, asks_by: str) -> None:
    result = converted(wrapper(server, query, returned), sends_by, asks_by)
    graph = Graph().parse(result, format="turtle") if isinstance(result, bytes) else result
    assert isinstance(graph, Graph)
    assert (POLICE, RDFS.label, NAME) in graph


def test_sparqlwrapper_gets_rdf_of_no_certain_kind(server: Running, sends_by: str) -> None:
    """Its format 'rdf' is known to no Accept header of its own, as it warns; the parameter says it."""
    with pytest.warns(RuntimeWarning, match=r"Sending Accept header '\*/\*'"):
        graph = converted(wrapper(server, CONSTRUCT, sw.RDF), sends_by, "parameters")
    assert isinstance(graph, Graph)
    assert (POLICE, RDFS.label, NAME) in graph


def test_sparqlwrapper_raises_its_own_errors(server: Running) -> None:
    for sends_by in ("get", "form", "direct"):
        with pytest.raises(SPARQLExceptions.QueryBadFormed, match="Line 1, column 25"):
            converted(wrapper(server, WRONG, sw.JSON), sends_by, "parameters")
    with pytest.raises(SPARQLExceptions.EndPointNotFound, match="There is no such page"):
        sw.SPARQLWrapper(f"{server.address}/query", returnFormat=sw.JSON).query()


def test_sparqlwrapper_cannot_update(server: Running) -> None:
    client = wrapper(server, "INSERT DATA { <https://example.org/> rdfs:label 'x' }", sw.JSON)
    client.setMethod(sw.POST)
    with pytest.raises(urllib.error.HTTPError) as refused:
        client.query()
    with refused.value:
        assert refused.value.code == 403


def test_sparqlwrapper_names_the_graphs(server: Running) -> None:
    for graph, expected in ((DERIVED, True), (URIRef(str(DERIVED).replace("derived", "data")), False)):
        client = wrapper(server, "ASK { ?initiative kg:provider ?maker }", sw.JSON)
        client.addDefaultGraph(str(graph))
        assert client.queryAndConvert()["boolean"] is expected  # type: ignore[index, call-overload]


# rdflib


@pytest.fixture(params=["GET", "POST", "POST_FORM"])
def store(request: pytest.FixtureRequest, server: Running) -> Iterator[SPARQLStore]:
    """rdflib's store behind an endpoint, by each method that it has, with the format that it takes by itself."""
    store = SPARQLStore(f"{server.address}/sparql", method=request.param)
    yield store
    store.close()


def test_rdflib_asks(store: SPARQLStore) -> None:
    graph = Graph(store)
    assert [tuple(row) for row in graph.query(SELECT)] == [(POLICE, NAME)]  # type: ignore[arg-type]
    assert graph.query(ASK).askAnswer is True
    bound = graph.query("SELECT ?maker WHERE { ?thing kg:provider ?maker }", initBindings={"thing": CAMERAS})
    assert [tuple(row) for row in bound] == [(MAKER,)]  # type: ignore[arg-type]


@pytest.mark.parametrize("query", [CONSTRUCT, DESCRIBE], ids=["construct", "describe"])
def test_rdflib_gets_a_graph(store: SPARQLStore, query: str) -> None:
    graph = Graph(store).query(query).graph
    assert graph is not None
    assert (POLICE, RDFS.label, NAME) in graph


def test_rdflib_reads_triples(store: SPARQLStore, small: tuple[Path, Release]) -> None:
    graph = Graph(store)
    assert list(graph.triples((CAMERAS, KG.provider, None))) == [(CAMERAS, KG.provider, MAKER)]
    assert graph.value(POLICE, RDFS.label) == NAME
    assert (CAMERAS, KG.provider, MAKER) in graph
    assert (CAMERAS, KG.provider, POLICE) not in graph
    assert len(graph) == small[1].manifest.counts["triples"]


def test_rdflib_reads_one_layer(store: SPARQLStore, small: tuple[Path, Release]) -> None:
    derived = Graph(store, identifier=DERIVED)
    assert len(derived) == small[1].manifest.counts["derived"]
    assert (CAMERAS, KG.provider, MAKER) in derived
    assert (CAMERAS, RDFS.label, None) not in derived
    assert len(derived.query("SELECT * WHERE { ?s kg:provider ?o }")) == 1
    assert DERIVED in set(store.contexts())


# pandas


@pytest.fixture(scope="module")
def pandas() -> Any:
    """The library, where it is installed: it is large, and not needed for anything else."""
    return pytest.importorskip("pandas", reason="pandas is not installed")


@pytest.mark.parametrize(("ending", "separator"), [("csv", ","), ("tsv", "\t")])
def test_pandas_reads_an_address(server: Running, pandas: Any, ending: str, separator: str) -> None:
    frame = pandas.read_csv(address_of(server, SELECT, format=ending), sep=separator)
    if ending == "csv":
        assert frame.to_dict("records") == [{"thing": str(POLICE), "name": str(NAME)}]
    else:  # the terms of SPARQL TSV are written as in Turtle
        assert frame.to_dict("records") == [{"?thing": POLICE.n3(), "?name": f"{NAME}@es"}]


def test_pandas_reads_numbers_and_what_is_unbound(server: Running, pandas: Any) -> None:
    query = "SELECT ?a ?b ?c WHERE { VALUES (?a ?b ?c) { (1 2.5 'a, \"b\"\\nc') (2 UNDEF 'ñ') } }"
    frame = pandas.read_csv(address_of(server, query, format="csv"))
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].isna().tolist() == [False, True]
    assert frame["c"].tolist() == ['a, "b"\nc', "ñ"]


# curl


def curl(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """What curl prints; without the configuration of the tester."""
    command = ["curl", "--disable", "--silent", "--show-error", "--max-time", "30", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True)


@curl_only
def test_curl_posts_a_form(server: Running) -> None:
    """The example of the README."""
    got = curl("-H", "Accept: text/csv", "--data-urlencode", f"query={SELECT}", f"{server.address}/sparql")
    assert got.stdout.decode() == f"thing,name\r\n{POLICE},{NAME}\r\n"


@curl_only
def test_curl_gets(server: Running) -> None:
    got = curl("-G", "--data-urlencode", f"query={SELECT}", "-d", "format=csv", f"{server.address}/sparql")
    assert got.stdout.decode() == f"thing,name\r\n{POLICE},{NAME}\r\n"
    assert json.loads(curl("-G", "--data-urlencode", f"query={ASK}", f"{server.address}/sparql").stdout) == {
        "head": {},
        "boolean": True,
    }


@curl_only
def test_curl_posts_a_file(server: Running, tmp_path: Path) -> None:
    (tmp_path / "question.rq").write_text(SELECT, "utf-8")
    direct = ("-H", "Content-Type: application/sparql-query", "-H", "Accept: text/csv")
    got = curl(*direct, "--data-binary", f"@{tmp_path / 'question.rq'}", f"{server.address}/sparql")
    assert str(NAME) in got.stdout.decode()


@curl_only
def test_curl_follows_a_thing_to_its_data(server: Running) -> None:
    got = curl("-L", "-H", "Accept: text/turtle", f"{server.address}/id/org/xa-police")
    assert (POLICE, RDFS.label, NAME) in Graph().parse(got.stdout, format="turtle")


@curl_only
@pytest.mark.parametrize("path", ["/sparql?query=ASK%7B%7D", "/data/org/xa-police.ttl", "/dump/kg.nq", "/page/org/xa-police", "/"])
def test_curl_asks_for_the_head(server: Running, path: str) -> None:
    """HEAD says what GET says, and sends nothing (RFC 9110, 9.3.2)."""
    of_head = headers(curl("-I", server.address + path).stdout)
    of_get = headers(curl("-D", "-", "-o", "/dev/null", server.address + path).stdout)
    assert of_head.pop("status") == of_get.pop("status") == "200"
    assert of_head.pop("date") and of_get.pop("date")
    assert of_head == of_get


@curl_only
@pytest.mark.parametrize(
    "path", [f"/sparql?{urlencode({'query': EVERYTHING})}", "/dump/kg.ttl", "/page/def"], ids=["sparql", "dump", "page"]
)
def test_curl_takes_it_compressed(server: Running, path: str) -> None:
    plain = curl("-D", "-", server.address + path).stdout
    squeezed = curl("--compressed", "-D", "-", server.address + path).stdout
    assert "content-encoding" not in headers(plain)
    assert headers(squeezed)["content-encoding"] in {"gzip", "br", "zstd", "deflate"}
    assert "accept-encoding" in headers(squeezed)["vary"].lower()
    assert body(squeezed) == body(plain)
    sent = curl("-H", "Accept-Encoding: gzip", "-o", "/dev/null", "-w", "%{size_download}", server.address + path).stdout
    assert int(sent) < len(body(plain)) / 2


@curl_only
@pytest.mark.parametrize(
    "path", [f"/sparql?{urlencode({'query': SELECT})}", "/data/org/xa-police.ttl", "/dump/kg.ttl"], ids=["sparql", "data", "dump"]
)
def test_curl_does_not_fetch_twice(server: Running, path: str, tmp_path: Path) -> None:
    tag, copy = tmp_path / "tag", tmp_path / "copy"
    status = ("-w", "%{http_code} %{size_download}")
    assert curl("--etag-save", tag, "-o", copy, *status, server.address + path).stdout.startswith(b"200 ")
    assert tag.read_text().strip().startswith(('"', 'W/"'))
    assert curl("--etag-compare", tag, *status, server.address + path).stdout == b"304 0"
    # An entity tag names one representation of one answer.
    other = ("-H", "Accept: text/csv") if path.startswith("/sparql") else ()
    changed = path if other else path.replace("kg.ttl", "kg.nq").replace("police.ttl", "police.nt")
    assert curl("--etag-compare", tag, "-o", copy, *other, *status, server.address + changed).stdout.startswith(b"200 ")


@curl_only
def test_curl_fails_on_an_error(server: Running) -> None:
    got = curl("-w", "%{http_code}", "-G", "--data-urlencode", f"query={WRONG}", f"{server.address}/sparql").stdout.decode()
    assert got.endswith("400")
    assert json.loads(got.removesuffix("400"))["line"] == 1


def headers(printed: bytes) -> dict[str, str]:
    """The headers that curl printed, by their names in small letters, with the status."""
    first, *lines = printed.split(b"\r\n\r\n", maxsplit=1)[0].decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in lines]
    return {"status": first.split()[1], **{name.lower(): value.strip() for name, _, value in pairs}}


def body(printed: bytes) -> bytes:
    """What follows the headers that curl printed."""
    return printed.partition(b"\r\n\r\n")[2]


# Python alone


def test_python_alone_asks(server: Running) -> None:
    with urllib.request.urlopen(address_of(server, SELECT)) as answer:
        assert answer.headers["Content-Type"] == "application/sparql-results+json"
        [row] = json.load(answer)["results"]["bindings"]
    assert row["name"]["value"] == str(NAME)
    form = urlencode({"query": SELECT}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{server.address}/sparql", form)) as answer:
        assert json.load(answer)["results"]["bindings"] == [row]


def test_python_alone_reads_what_is_wrong(server: Running) -> None:
    with pytest.raises(urllib.error.HTTPError) as failed:
        urllib.request.urlopen(address_of(server, WRONG))
    with failed.value as error:
        assert error.code == 400
        assert error.headers["Content-Type"] == "application/problem+json"
        assert json.load(error)["detail"].startswith("Line 1, column 25")
