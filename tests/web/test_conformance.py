"""What HTTP promises, as tables: formats, statuses, heads, codings, tags and memory, of a server that runs as for its users."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree as ET

import brotli
import html5lib
import pyoxigraph as ox
import pytest
from rdflib import Dataset, Graph
from rdflib.term import Node

from kg.release import Release
from repository import ROOT
from web.running import Running, serving

ORG = "https://w3id.org/vigia/id/org/"
QUERIES = {
    "SELECT": "SELECT ?s ?name WHERE { VALUES ?s { org:maker } ?s rdfs:label ?name } ORDER BY ?name",
    "ASK": "ASK { org:maker rdfs:label ?name }",
    "CONSTRUCT": "CONSTRUCT { ?s kg:provider ?o ; rdfs:label ?name } WHERE { ?s kg:provider ?o ; rdfs:label ?name }",
    "DESCRIBE": "DESCRIBE org:maker",
}
ROWS, GRAPHS = ("SELECT", "ASK"), ("CONSTRUCT", "DESCRIBE")
SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
GREEDY = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?c ?f ?i"
LARGE = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 5000"  # more than a megabyte

JSON, XML = "application/sparql-results+json", "application/sparql-results+xml"
CSV, TSV = "text/csv; charset=utf-8", "text/tab-separated-values; charset=utf-8"
TURTLE, NT, JSON_LD, RDF_XML = "text/turtle; charset=utf-8", "application/n-triples", "application/ld+json", "application/rdf+xml"
TRIG, NQ, HTML, PROBLEM = "application/trig", "application/n-quads", "text/html; charset=utf-8", "application/problem+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FORM, DIRECT = "application/x-www-form-urlencoded", "application/sparql-query"

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Got:
    """The answer to one request, as it came."""

    status: int
    headers: Message
    body: bytes

    @property
    def type(self) -> str:
        """What it says that it is."""
        return str(self.headers["Content-Type"])

    @property
    def problem(self) -> dict[str, Any]:
        """What went wrong."""
        assert self.type == PROBLEM, self.body[:500]
        return dict(json.loads(self.body))

    @property
    def identity(self) -> bytes:
        """The body without its coding."""
        return bytes({"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}[self.headers["Content-Encoding"]](self.body))

    @property
    def said(self) -> list[tuple[str, str]]:
        """The head, but for the time."""
        return sorted((name.lower(), value) for name, value in self.headers.items() if name.lower() != "date")


@contextmanager
def connected(server: Running) -> Iterator[HTTPConnection]:
    """A connection that is kept."""
    with closing(HTTPConnection(urlsplit(server.address).netloc, timeout=60)) as connection:
        yield connection


def exchange(connection: HTTPConnection, method: str, path: str, headers: Headers = (), body: bytes | None = None) -> Got:
    """The answer to exactly this request: nothing is added but what HTTP/1.1 demands."""
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    return Got(response.status, response.headers, response.read())


def send(server: Running, method: str, path: str, headers: Headers = (), body: bytes | None = None) -> Got:
    """The same on a connection of its own."""
    with connected(server) as connection:
        return exchange(connection, method, path, headers, body)


def get(server: Running, path: str, **headers: str) -> Got:
    """The answer to a GET; `Accept_Language=` gives that header."""
    return send(server, "GET", path, [(name.replace("_", "-"), value) for name, value in headers.items()])


def at(query: str, path: str = "/sparql", **parameters: str) -> str:
    """The address of the answer to a query."""
    return f"{path}?{urlencode({'query': query, **parameters})}"


def ways(query: str, path: str = "/sparql", **parameters: str) -> list[tuple[str, str, Headers, bytes | None]]:
    """A query in each way that the protocol has, and by HEAD."""
    beside = f"{path}?{urlencode(parameters)}" if parameters else path
    form = urlencode({"query": query, **parameters}).encode()
    return [
        ("GET", at(query, path, **parameters), (), None),
        ("HEAD", at(query, path, **parameters), (), None),
        ("POST", path, [("Content-Type", FORM)], form),
        ("POST", beside, [("Content-Type", DIRECT)], query.encode()),
    ]


@pytest.fixture(scope="module")
def server(small: tuple[Path, Release]) -> Iterator[Running]:
    """A server of the release of the small graph."""
    with serving("--build", small[0], KG_CLIENT_BURST="10000") as running:
        yield running


@pytest.fixture(scope="module")
def tight(small: tuple[Path, Release]) -> Iterator[Running]:
    """A server with narrow limits."""
    limits = {"KG_OLD": "1", "KG_TIMEOUT": "2", "KG_RESULT_BYTES": "3000000", "KG_QUERY_BYTES": "10000"}
    with serving("--build", small[0], KG_CLIENT_BURST="10000", **limits) as running:
        yield running


# Formats. Each table: what the client accepts → what it gets, or None for 406.

ACCEPTED_ROWS: dict[tuple[str, ...], str | None] = {
    (): JSON,
    ("",): JSON,
    ("*/*",): JSON,
    ("application/sparql-results+json",): JSON,
    ("application/json",): "application/json",
    ("application/sparql-results+xml",): XML,
    ("application/xml",): "application/xml",
    ("text/csv",): CSV,
    ("text/tab-separated-values",): TSV,
    ("application/*",): JSON,
    ("text/*",): CSV,
    ("TEXT/CSV",): CSV,
    ("Application/SPARQL-Results+XML",): XML,
    ("text/csv;charset=utf-8",): CSV,
    ("text/csv ; header=present ; charset=utf-8",): CSV,
    ("text/csv;q=0.5,application/sparql-results+xml",): XML,
    ("text/csv; q=0.5 , text/tab-separated-values ;q=0.6",): TSV,
    ("text/csv;Q=0.2, application/sparql-results+xml;q=0.10",): CSV,
    ("text/csv;q=1.000, application/sparql-results+json;q=0.999",): CSV,
    ("text/csv;q=0.001, image/png",): CSV,
    ("text/csv, */*;q=0.1",): CSV,
    ("*/*;q=0.1, text/csv;q=0.05",): JSON,
    ("application/sparql-results+json;q=0, */*",): "application/json",
    ("application/sparql-results+json;q=0, application/json;q=0, */*",): XML,
    ("application/*;q=0, */*",): CSV,
    ("text/*;q=0.9, text/csv;q=0.1, application/json;q=0.5",): TSV,
    (", ,text/csv,,",): CSV,
    ("nonsense, text/csv",): CSV,
    ("image/png, text/csv",): CSV,
    ("text/turtle, text/csv;q=0.1",): CSV,
    ("text/csv", "application/sparql-results+xml;q=0.5"): CSV,
    ("text/csv;q=0.5", "application/sparql-results+xml"): XML,
    ("image/png", "text/tab-separated-values"): TSV,
    ("text/tab-separated-values", "image/png"): TSV,
    ("image/png",): None,
    ("text/turtle",): None,
    ("application/ld+json, application/rdf+xml",): None,
    ("text/csv;q=0",): None,
    ("*/*;q=0",): None,
    ("text/csv;q=0, image/*",): None,
    ("nonsense",): None,
    ("image/png", "text/turtle"): None,
}
ACCEPTED_GRAPHS: dict[tuple[str, ...], str | None] = {
    (): TURTLE,
    ("",): TURTLE,
    ("*/*",): TURTLE,
    ("text/turtle",): TURTLE,
    ("application/x-turtle",): "application/x-turtle",
    ("application/n-triples",): NT,
    ("text/plain",): "text/plain; charset=utf-8",
    ("application/ld+json",): JSON_LD,
    ("application/rdf+xml",): RDF_XML,
    ("text/*",): TURTLE,
    ("APPLICATION/RDF+XML",): RDF_XML,
    ('application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"',): JSON_LD,
    ("application/n-triples; charset=utf-8; q=0.7, application/ld+json;q=0.8",): JSON_LD,
    ("text/turtle;q=0.3, application/rdf+xml;q=0.4, */*;q=0.2",): RDF_XML,
    ("text/turtle;q=0, application/x-turtle;q=0, */*",): NT,
    ("text/*;q=0, */*",): "application/x-turtle",
    ("text/turtle", "application/n-triples;q=0.5"): TURTLE,
    ("text/turtle;q=0.5", "application/n-triples"): NT,
    ("image/png", "application/rdf+xml"): RDF_XML,
    ("text/csv",): None,
    ("image/png",): None,
    ("application/sparql-results+json",): None,
    ("text/turtle;q=0.0",): None,
    ("*/*;q=0",): None,
}
AVAILABLE_ROWS = {JSON, XML, "text/csv", "text/tab-separated-values"}
AVAILABLE_GRAPHS = {"text/turtle", NT, JSON_LD, RDF_XML}


def demand_rows(kind: str, got: Got) -> None:
    """The body is what the type says, read by others than we wrote it with: the same solutions in any of them."""
    name = got.type.partition(";")[0].rpartition("/")[2].rpartition("+")[2]
    if kind == "ASK":
        read: Any = {
            "json": lambda: json.loads(got.body)["boolean"],
            "xml": lambda: ET.fromstring(got.body).findtext("{*}boolean") == "true",  # noqa: S314 (from our own server)
        }.get(name, lambda: got.body.strip() == b"true")
        assert read() is True
        return
    assert rows_of(name, got.body) == [(ORG + "maker", "Maker Ltd")]


def rows_of(name: str, body: bytes) -> list[tuple[str, ...]]:
    """The values of all solutions."""
    if name == "json":
        document = json.loads(body)
        return [tuple(row[variable]["value"] for variable in document["head"]["vars"]) for row in document["results"]["bindings"]]
    if name == "xml":
        results = ET.fromstring(body).iterfind("{*}results/{*}result")  # noqa: S314 (from our own server)
        return [tuple(str(binding[0].text) for binding in result) for result in results]
    if name == "csv":
        return [tuple(row) for row in list(csv.reader(io.StringIO(body.decode(), newline="")))[1:]]
    # Terms as in Turtle: an address in its brackets, or a text in quotes with a language.
    lines = [line.split("\t") for line in body.decode().splitlines()[1:]]
    return [tuple(re.sub(r'^<|>$|^"|"(@[\w-]+)?$', "", term) for term in line) for line in lines]


PARSERS = {
    "text/turtle": "turtle",
    "application/x-turtle": "turtle",
    NT: "nt",
    "text/plain": "nt",
    JSON_LD: "json-ld",
    RDF_XML: "xml",
}
OURS = {
    "turtle": ox.RdfFormat.TURTLE, "nt": ox.RdfFormat.N_TRIPLES, "json-ld": ox.RdfFormat.JSON_LD, "xml": ox.RdfFormat.RDF_XML,
}  # fmt: skip


def graph_of(kind: str, body: bytes) -> Graph:
    """The graph, as rdflib reads it; pyoxigraph reads as many triples."""
    parser = PARSERS[kind.partition(";")[0]]
    graph = Graph().parse(body, format=parser)
    assert len(graph) == len({quad.triple for quad in ox.parse(body, format=OURS[parser])}) > 0
    return graph


def demand_refusal(got: Got, available: set[str] | None = None) -> None:
    """There is no such format, and the answer says which there are."""
    assert got.status == 406, (got.status, got.type)
    assert got.problem["type"].endswith("#not-acceptable")
    assert got.problem["available"]
    assert all(name in got.problem["detail"] for name in got.problem["available"])
    if available:
        assert set(got.problem["available"]) in (available, AVAILABLE_ROWS | AVAILABLE_GRAPHS)


def demand_negotiated(server: Running, kind: str, accepted: tuple[str, ...], expected: str | None) -> None:
    """Each way of asking gets the type expected, in a body that is what it says, or is refused with a list."""
    wanted = [("Accept", value) for value in accepted]
    for method, path, headers, body in ways(QUERIES[kind]):
        got = send(server, method, path, [*headers, *wanted], body)
        if expected is None:
            assert got.status == 406, (method, headers)
            if method != "HEAD":
                demand_refusal(got, AVAILABLE_ROWS if kind in ROWS else AVAILABLE_GRAPHS)
            continue
        assert (got.status, got.type) == (200, expected), (method, headers)
        if method == "HEAD":
            assert got.body == b""
        elif kind in ROWS:
            demand_rows(kind, got)
        else:
            assert set(graph_of(got.type, got.body)) == set(reference(server, kind))


def reference(server: Running, kind: str) -> Graph:
    """The graph that a query makes, by the simplest of the formats."""
    return Graph().parse(get(server, at(QUERIES[kind], format="nt")).body, format="nt")


@pytest.mark.parametrize("accepted", ACCEPTED_ROWS, ids=" + ".join)
@pytest.mark.parametrize("kind", ROWS)
def test_rows_are_negotiated(server: Running, kind: str, accepted: tuple[str, ...]) -> None:
    demand_negotiated(server, kind, accepted, ACCEPTED_ROWS[accepted])


@pytest.mark.parametrize("accepted", ACCEPTED_GRAPHS, ids=" + ".join)
@pytest.mark.parametrize("kind", GRAPHS)
def test_graphs_are_negotiated(server: Running, kind: str, accepted: tuple[str, ...]) -> None:
    demand_negotiated(server, kind, accepted, ACCEPTED_GRAPHS[accepted])


@pytest.mark.parametrize("kind", QUERIES)
@pytest.mark.parametrize("accept", ["text/html", BROWSER, "TEXT/HTML", "text/html, */*;q=0.1", "text/csv;q=0.5, text/html"])
def test_people_get_a_page(server: Running, kind: str, accept: str) -> None:
    for method, path, headers, body in ways(QUERIES[kind]):
        got = send(server, method, path, [*headers, ("Accept", accept)], body)
        assert (got.status, got.type) == (200, HTML)
        if method != "HEAD":
            html5lib.HTMLParser(strict=True).parse(got.body, transport_encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "accept", "expected"),
    [
        ("SELECT", "text/html;q=0.1, text/csv", CSV),
        ("SELECT", "application/sparql-results+xml, text/html;q=0.9", XML),
        ("CONSTRUCT", "application/rdf+xml, text/html;q=0.5", RDF_XML),
    ],
)
def test_who_likes_data_better_than_pages_gets_data(server: Running, kind: str, accept: str, expected: str) -> None:
    assert get(server, at(QUERIES[kind]), Accept=accept).type == expected


NAMED_ROWS = {
    JSON: ("json", "srj", "application/sparql-results+json", "application/json", "JSON"),
    XML: ("xml", "srx", "application/sparql-results+xml", "application/xml"),
    CSV: ("csv", "text/csv", "Csv"),
    TSV: ("tsv", "text/tab-separated-values"),
    None: (
        "turtle",
        "ttl",
        "ntriples",
        "nt",
        "rdfxml",
        "rdf",
        "jsonld",
        "trig",
        "nquads",
        "nq",
        "text/turtle",
        "png",
        "html5",
        " ",
    ),
}
NAMED_GRAPHS = {
    TURTLE: ("turtle", "ttl", "text/turtle", "application/x-turtle", "n3", "TTL"),
    NT: ("ntriples", "nt", "application/n-triples", "text/plain"),
    JSON_LD: ("jsonld", "json-ld", "application/ld+json", "json"),
    RDF_XML: ("rdfxml", "rdf", "application/rdf+xml", "rdf+xml", "xml"),
    None: ("csv", "tsv", "text/csv", "trig", "nquads", "png", "html5", " "),
}
NAMED = [
    (kind, name, expected)
    for kinds, table in ((ROWS, NAMED_ROWS), (GRAPHS, NAMED_GRAPHS))
    for kind in kinds
    for expected, names in table.items()
    for name in names
]


@pytest.mark.parametrize(("kind", "name", "expected"), NAMED)
@pytest.mark.parametrize("by", ["parameter", "ending"])
def test_formats_are_named(server: Running, by: str, kind: str, name: str, expected: str | None) -> None:
    """By parameter or by ending, whatever the client accepts."""
    sent = ways(QUERIES[kind], format=name) if by == "parameter" else ways(QUERIES[kind], "/sparql." + quote(name, safe=""))
    for accept in ("image/png", BROWSER):
        for method, path, headers, body in sent:
            got = send(server, method, path, [*headers, ("Accept", accept)], body)
            if expected is None:
                assert got.status == 406
                continue
            assert (got.status, got.type) == (200, expected), (method, path)
            if method != "HEAD":
                if kind in ROWS:
                    demand_rows(kind, got)
                else:
                    graph_of(got.type, got.body)


def test_a_parameter_wins_over_accept_and_over_the_ending_loses_to_nothing_else(server: Running) -> None:
    """`?format=` wins over the ending, and both over Accept; the first format that is known of several is taken."""
    assert get(server, at(QUERIES["SELECT"], format="csv"), Accept="text/html").type == CSV
    assert get(server, at(QUERIES["SELECT"], "/sparql.csv"), Accept="text/html").type == CSV
    assert get(server, at(QUERIES["SELECT"], format="png,tsv,csv")).type == TSV
    assert get(server, at(QUERIES["SELECT"], format="html")).type == HTML
    assert get(server, at(QUERIES["SELECT"], "/sparql.html")).type == HTML


def test_a_parameter_wins_over_the_ending(server: Running) -> None:
    assert get(server, at(QUERIES["SELECT"], "/sparql.csv", format="tsv")).type == TSV


@pytest.mark.parametrize("name", ["text/html", "application/xhtml+xml"])
def test_pages_are_named_by_their_media_type(server: Running, name: str) -> None:
    assert get(server, at(QUERIES["SELECT"], format=name)).type == HTML


# Things, their data, the graph store, VoID, dumps

TARGETS: dict[tuple[str, ...], str | None] = {
    (): "/page/org/maker",
    ("*/*",): "/page/org/maker",
    (BROWSER,): "/page/org/maker",
    ("text/html",): "/page/org/maker",
    ("application/xhtml+xml",): "/page/org/maker",
    ("text/turtle",): "/data/org/maker.ttl",
    ("application/x-turtle",): "/data/org/maker.ttl",
    ("Application/N-Triples",): "/data/org/maker.nt",
    ("application/ld+json;profile=x",): "/data/org/maker.jsonld",
    ("application/rdf+xml, text/html;q=0.9",): "/data/org/maker.rdf",
    ("text/turtle;q=0.5, text/html;q=0.4",): "/data/org/maker.ttl",
    ("text/turtle;q=0.4, text/html;q=0.5",): "/page/org/maker",
    ("text/html;q=0, */*;q=0.1",): "/page/org/maker",  # under its other name
    ("text/html;q=0, application/xhtml+xml;q=0, */*;q=0.1",): "/data/org/maker.ttl",
    ("image/png",): None,
    ("text/csv",): None,
    ("*/*;q=0",): None,
}


@pytest.mark.parametrize("accepted", TARGETS, ids=" + ".join)
def test_a_thing_leads_to_what_is_accepted(server: Running, accepted: tuple[str, ...]) -> None:
    target = TARGETS[accepted]
    for method in ("GET", "HEAD"):
        got = send(server, method, "/id/org/maker", [("Accept", value) for value in accepted])
        if target is None:
            assert got.status == 406
            continue
        assert (got.status, got.headers["Location"], got.body) == (303, target, b"")
        assert send(server, method, target).status == 200


DOCUMENTS = [
    "/data/org/maker",
    "/data/initiative/xa-cameras",
    "/data/def",
    "/data/graph/derived",
    "/void",
]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_says_the_same_in_every_format(server: Running, path: str) -> None:
    got = {
        kind: get(server, path + ending)
        for ending, kind in ((".ttl", TURTLE), (".nt", NT), (".jsonld", JSON_LD), (".rdf", RDF_XML))
    }
    for kind, answer in got.items():
        assert (answer.status, answer.type) == (200, kind)
    graphs = [about_others(graph_of(kind, answer.body)) for kind, answer in got.items()]
    assert all(graph == graphs[0] for graph in graphs)
    for ending in ("csv", "trig", "png", "TTLX"):
        demand_refusal(get(server, f"{path}.{ending}"))


def about_others(graph: Graph) -> set[tuple[Node, Node, Node]]:
    """What a document says, but for what it says of itself, which is another thing in each format."""
    return {triple for triple in graph if not str(triple[0]).startswith("https://w3id.org/vigia/data/")}


@pytest.mark.parametrize("path", ["/void", "/.well-known/void"])
def test_the_data_set_is_described_as_accepted(server: Running, path: str) -> None:
    expected = {(): TURTLE, ("text/html",): TURTLE, (BROWSER,): TURTLE} | {
        key: value for key, value in ACCEPTED_GRAPHS.items() if len(key) == 1 and value in (TURTLE, NT, JSON_LD, RDF_XML)
    }
    for accepted, kind in expected.items():
        for method in ("GET", "HEAD"):
            got = send(server, method, path, [("Accept", value) for value in accepted])
            assert (got.status, got.type) == (200, kind), accepted
            assert method == "HEAD" or graph_of(got.type, got.body)
    demand_refusal(get(server, path, Accept="image/png"))


STORED: dict[str, dict[str, str | None]] = {
    "?default": {"": TURTLE, "*/*": TURTLE, NT: NT, JSON_LD: JSON_LD, RDF_XML: RDF_XML, TRIG: None, "image/png": None},
    "?graph=https://w3id.org/vigia/graph/derived": {"": TURTLE, "text/plain": "text/plain; charset=utf-8", NQ: None},
    "": {"": TRIG, "*/*": TRIG, NQ: NQ, "application/trig;q=0.1, application/n-quads": NQ, "text/turtle": None, "image/png": None},
}


@pytest.mark.parametrize(("which", "accept"), [(which, accept) for which, table in STORED.items() for accept in table])
def test_the_graph_store_answers_as_accepted(server: Running, which: str, accept: str) -> None:
    expected = STORED[which][accept]
    for method in ("GET", "HEAD"):
        got = send(server, method, "/rdf-graph-store" + which, [("Accept", accept)] if accept else [])
        if expected is None:
            assert got.status == 406
            continue
        assert (got.status, got.type) == (200, expected)


@pytest.mark.filterwarnings("ignore:Dataset.default_context is deprecated:DeprecationWarning")  # rdflib's own TriG reader
def test_the_graph_store_has_what_the_release_has(server: Running, small: tuple[Path, Release]) -> None:
    store = ox.Store()  # which writes a decimal as the server does, without a nought at its end
    store.bulk_load(path=small[1].path / "kg.nq")
    released = set(store)
    for accept, fmt, read in ((NQ, ox.RdfFormat.N_QUADS, "nquads"), (TRIG, ox.RdfFormat.TRIG, "trig")):
        body = get(server, "/rdf-graph-store", Accept=accept).body
        assert set(ox.parse(body, format=fmt)) == released
        assert len(list(Dataset().parse(io.BytesIO(body), format=read).quads())) == len(released)
    default = {quad.triple for quad in released if isinstance(quad.graph_name, ox.DefaultGraph)}
    for name, fmt in (("turtle", ox.RdfFormat.TURTLE), ("nt", ox.RdfFormat.N_TRIPLES), ("jsonld", ox.RdfFormat.JSON_LD)):
        body = get(server, f"/rdf-graph-store?default=&format={name}").body
        assert {quad.triple for quad in ox.parse(body, format=fmt)} == default
    derived = ox.NamedNode("https://w3id.org/vigia/graph/derived")
    body = get(server, "/rdf-graph-store?" + urlencode({"graph": derived.value, "format": "nt"})).body
    assert {quad.triple for quad in ox.parse(body, format=ox.RdfFormat.N_TRIPLES)} == {
        quad.triple for quad in released if quad.graph_name == derived
    }


@pytest.mark.parametrize(
    ("method", "which", "status", "name"),
    [
        ("GET", "?graph=https://w3id.org/vigia/graph/none", 404, "not-found"),
        ("GET", "?graph=none", 400, "bad-request"),
        ("GET", "?graph=", 400, "bad-request"),
        ("GET", "?graph=https://w3id.org/vigia/graph/derived&default", 400, "bad-request"),
        ("GET", "?default&format=trig", 406, "not-acceptable"),
        ("GET", "?format=turtle", 406, "not-acceptable"),
        *((method, which, 405, "wrong-method") for method in ("PUT", "POST", "DELETE", "PATCH") for which in ("", "?default")),
    ],
)
def test_the_graph_store_refuses_in_words(server: Running, method: str, which: str, status: int, name: str) -> None:
    got = send(server, method, "/rdf-graph-store" + which, body=None if method == "GET" else b"<a:a> <a:b> 1 .")
    assert (got.status, got.problem["type"].rpartition("#")[2]) == (status, name)
    if status == 405:
        assert got.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("name", ["kg.nq", "kg.ttl", "kg.jsonld"])
def test_a_dump_is_the_file(server: Running, small: tuple[Path, Release], name: str) -> None:
    expected = (small[1].path / name).read_bytes()
    kinds = {"kg.nq": NQ, "kg.ttl": TURTLE, "kg.jsonld": JSON_LD}
    for coding in ("", "gzip", "br"):
        got = get(server, f"/dump/{name}", Accept_Encoding=coding)
        assert (got.status, got.type) == (200, kinds[name])
        assert got.headers["Content-Encoding"] == ("gzip" if "gzip" in coding else None)
        assert got.identity == expected
        head = send(server, "HEAD", f"/dump/{name}", [("Accept-Encoding", coding)])
        assert head.said == got.said


def test_a_dump_is_in_a_coding_that_is_accepted(server: Running) -> None:
    for accepted, coding in (("br, gzip", "gzip"), ("br", None)):
        got = get(server, "/dump/kg.ttl?coded", Accept_Encoding=accepted)
        assert got.status == 200
        assert got.headers["Content-Encoding"] == coding


@pytest.mark.parametrize("path", ["/id/org/maker", "/void", "/rdf-graph-store?default"])
def test_several_accept_headers_are_one_list(server: Running, path: str) -> None:
    """RFC 9110, 5.3."""
    for pair in (("image/png", NT), (NT + ";q=0.5", "image/png"), ("text/turtle;q=0.1", NT)):
        got = send(server, "GET", path, [("Accept", value) for value in pair])
        assert got.headers.get("Location", got.type) in {NT, "/data/org/maker.nt"}


@pytest.mark.parametrize(
    "path",
    [
        at(QUERIES["DESCRIBE"], format="jsonld"),
        "/data/org/maker.jsonld",
        "/void.jsonld",
        "/rdf-graph-store?default&format=jsonld",
    ],
)
def test_json_ld_is_compacted_with_our_context(server: Running, small: tuple[Path, Release], path: str) -> None:
    got = get(server, path)
    document = json.loads(got.body)
    assert document["@context"] == json.loads((small[1].path / "context.jsonld").read_text("utf-8"))["@context"]
    prefixes = {name for name, value in document["@context"].items() if isinstance(value, str) and value.endswith(("#", "/"))}
    assert len(prefixes) > 5
    keys = {key for node in document["@graph"] for key in node}
    assert {"id", "@id"} & keys
    known = tuple(document["@context"][prefix] for prefix in prefixes)
    assert not [key for key in keys if key.startswith(known)]
    other = get(server, path.replace("jsonld", "ttl" if "dump" in path else "nt"))
    assert about_others(graph_of(JSON_LD, got.body)) == about_others(graph_of(other.type, other.body))
    triples = [
        {quad.triple for quad in ox.parse(answer.body, format=OURS[PARSERS[answer.type.partition(";")[0]]])}
        for answer in (got, other)
    ]
    assert not [triple for triple in triples[0] ^ triples[1] if "vigia/data/" not in str(triple.subject)]


# Every status

DOCUMENTED: dict[int, set[str]] = {}
for _status, _names in re.findall(r"^\| (\d{3}) \| (.*?) \|", (ROOT / "docs" / "serving.md").read_text("utf-8"), re.MULTILINE):
    DOCUMENTED.setdefault(int(_status), set()).update(re.findall(r"`([\w-]+)`", _names))
WITH_RETRY = {429, 503}


def demand_manners(got: Got, method: str = "GET") -> None:
    """What every answer has, whatever its status."""
    assert got.headers.get_all("Access-Control-Allow-Origin") == ["*"]
    assert got.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    [vary] = got.headers.get_all("Vary") or [""]
    varying = {name.strip() for name in vary.split(",") if name}
    assert varying <= {"Accept", "Accept-Encoding", "Accept-Language"}
    assert "Accept-Encoding" in varying or got.status == 204
    assert len(got.headers.get_all("Date") or []) == 1
    assert "Server" not in got.headers
    if got.status in {204, 304}:
        assert got.body == b""
        assert "Content-Length" not in got.headers
    elif method != "HEAD" and "Transfer-Encoding" not in got.headers:
        assert got.headers.get_all("Content-Length") == [str(len(got.body))]


def demand_problem(got: Got, name: str) -> None:
    """It says what went wrong, as documented."""
    problem = got.problem
    assert name in DOCUMENTED[got.status]
    assert problem["type"] == f"https://w3id.org/vigia/problem#{name}"
    assert problem["status"] == got.status
    assert problem["title"]
    assert problem["detail"].endswith((".", "]"))
    assert got.headers["Cache-Control"] == "no-store"
    assert "ETag" not in got.headers
    if got.status in WITH_RETRY:
        assert re.fullmatch(r"[1-9]\d*", got.headers["Retry-After"])
        assert "Retry-After" in got.headers["Access-Control-Expose-Headers"]
    if got.status == 405:
        assert got.headers["Allow"]


FAULTS: dict[str, tuple[str, str, Headers, bytes | None, int, str]] = {
    "no query": ("GET", "/sparql", [("Accept", "text/csv")], None, 400, "bad-request"),
    "two queries": ("GET", "/sparql?query=ASK%7B%7D&query=ASK%7B%7D", (), None, 400, "bad-request"),
    "bad query": ("GET", at("SELECT * WHERE { ?s ?p }"), (), None, 400, "bad-query"),
    "bad query by POST": ("POST", "/sparql", [("Content-Type", DIRECT)], b"SELECT", 400, "bad-query"),
    "empty query": ("GET", "/sparql?query=", (), None, 400, "bad-query"),
    "no timeout": ("GET", at("ASK {}", timeout="soon"), (), None, 400, "bad-request"),
    "endless timeout": ("GET", at("ASK {}", timeout="inf"), (), None, 400, "bad-request"),
    "no graph": ("GET", at("ASK {}", **{"default-graph-uri": "x"}), (), None, 400, "bad-request"),
    "not UTF-8": ("GET", "/sparql?query=%FF", (), None, 400, "bad-request"),
    "no class": ("GET", "/browse", [("Accept", "application/json")], None, 400, "bad-request"),
    "update by GET": ("GET", at("DROP ALL"), (), None, 403, "read-only"),
    "update by form": ("POST", "/sparql", [("Content-Type", FORM)], b"update=DROP+ALL", 403, "read-only"),
    "update": ("POST", "/sparql", [("Content-Type", "application/sparql-update")], b"DROP ALL", 403, "read-only"),
    "no thing": ("GET", "/id/org/nobody", (), None, 404, "not-found"),
    "no document": ("GET", "/data/org/nobody.ttl", (), None, 404, "not-found"),
    "no dump": ("GET", "/dump/kg.zip", (), None, 404, "not-found"),
    "no graph here": ("GET", "/rdf-graph-store?graph=a:b", (), None, 404, "not-found"),
    "PUT": ("PUT", "/sparql", (), b"", 405, "wrong-method"),
    "DELETE": ("DELETE", "/sparql", (), None, 405, "wrong-method"),
    "PATCH": ("PATCH", "/sparql.csv", (), b"", 405, "wrong-method"),
    "POST to the graph store": ("POST", "/rdf-graph-store", (), b"", 405, "wrong-method"),
    "no format": ("GET", at("ASK {}"), [("Accept", "image/png")], None, 406, "not-acceptable"),
    "no such format": ("GET", at("ASK {}", format="png"), (), None, 406, "not-acceptable"),
    "no such document": ("GET", "/data/org/maker.png", (), None, 406, "not-acceptable"),
    "another answer": ("GET", f"/cited?query=ASK%7B%7D&sha256={'0' * 64}", (), None, 409, "differs"),
    "long query": ("GET", at("ASK {} #" + "x" * 10_001), (), None, 413, "request-too-large"),
    "long query by POST": ("POST", "/sparql", [("Content-Type", DIRECT)], b"ASK {} #" + b"x" * 10_001, 413, "request-too-large"),
    "long form": ("POST", "/sparql", [("Content-Type", FORM)], b"query=" + b"x" * 100_000, 413, "request-too-large"),
    "large answer": ("GET", at(LARGE.replace("5000", "50000")), (), None, 413, "answer-too-large"),
    "type of body": ("POST", "/sparql", [("Content-Type", "text/plain")], b"ASK {}", 415, "unsupported-type"),
    "no type of body": ("POST", "/sparql", (), b"ASK {}", 415, "unsupported-type"),
    "charset": ("POST", "/sparql", [("Content-Type", DIRECT + ";charset=latin1")], b"ASK {}", 415, "unsupported-type"),
    "service": ("GET", at("ASK { SERVICE <http://127.0.0.1/> {} }"), (), None, 422, "service-refused"),
    "timeout": ("GET", at(SLOW, timeout="0.2"), (), None, 504, "timeout"),
}
#: No page: what is wrong is that there is none, or a page is answered where data is not.
PAGELESS = {"no query", "no format", "no document", "no graph here", "no such document", "no such format", "large answer"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_as_documented(tight: Running, name: str) -> None:
    method, path, headers, body, status, kind = FAULTS[name]
    got = send(tight, method, path, headers, body)
    assert got.status == status, got.body[:500]
    demand_manners(got)
    demand_problem(got, kind)
    tagged = send(tight, method, path, [*headers, ("If-None-Match", "*")], body)
    assert tagged.status == status
    if method == "GET":
        head = send(tight, "HEAD", path, headers)
        assert (head.status, head.body) == (status, b"")
        assert dict(head.said).keys() == dict(got.said).keys()
        if name not in PAGELESS:
            page = send(tight, "GET", path, [("Accept", "text/html")])
            assert (page.status, page.type) == (status, HTML)
            assert page.headers["Cache-Control"] == "no-store"
            demand_manners(page)


def test_every_documented_problem_is_provoked() -> None:
    """Here; but for those that take a server or data of their own, and those of bodies that never end and of other servers."""
    provoked = {(status, name) for *_, status, name in FAULTS.values()}
    documented = {(status, name) for status, names in DOCUMENTED.items() for name in names}
    assert {status for status, _ in documented - provoked} <= {408, 410, 429, 431, 502, 503, 507}
    assert provoked <= documented


@pytest.mark.parametrize(("method", "path", "name"), [("GET", "/nothing", "not-found"), ("POST", "/void", "wrong-method")])
def test_what_no_route_answers_is_told_as_documented(server: Running, method: str, path: str, name: str) -> None:
    demand_problem(send(server, method, path, body=b"" if method == "POST" else None), name)


@pytest.mark.parametrize("path", ["/", "/void", "/id/org/maker", "/data/org/maker.ttl", "/dump/kg.ttl"])
def test_allow_lists_what_is_answered(server: Running, path: str) -> None:
    got = send(server, "DELETE", path)
    assert got.status == 405
    assert {method.strip() for method in got.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}


def test_what_is_asked_for_in_excess_is_told_when_to_come_back(small: tuple[Path, Release]) -> None:
    with serving("--build", small[0], KG_CLIENT_BURST="0.2", KG_CLIENT_RATE="0.1") as poor:
        assert get(poor, at(SLOW, timeout="0.3")).status == 504
        got = get(poor, at("ASK {}"))
        assert got.status == 429
        demand_manners(got)
        demand_problem(got, "throttled")
        head = send(poor, "HEAD", at("ASK {}"))
        assert (head.status, head.body) == (429, b"")
        assert dict(head.said).keys() == dict(got.said).keys()
        page = get(poor, at("ASK {}"), Accept=BROWSER)
        assert (page.status, page.type) == (429, HTML)
        demand_manners(page)
        assert "Retry-After" in page.headers
        assert get(poor, "/void").status == 200


def test_a_crowd_is_told_when_to_come_back(tight: Running) -> None:
    with connected(tight) as first:
        first.request("GET", at(SLOW))
        time.sleep(0.4)
        got = get(tight, at(SLOW))
        assert got.status == 503
        demand_manners(got)
        demand_problem(got, "overloaded")
        head = send(tight, "HEAD", at(SLOW))
        assert (head.status, head.body) == (503, b"")
        assert dict(head.said).keys() == dict(got.said).keys()
        assert get(tight, at("ASK {}")).status == 200
        slow = first.getresponse()
        assert slow.status == 504
        assert slow.headers["Access-Control-Allow-Origin"] == "*"
        slow.read()


def test_a_greedy_query_is_told_so(small: tuple[Path, Release]) -> None:
    with serving("--build", small[0], KG_MEMORY="200") as narrow:
        got = get(narrow, at(GREEDY))
        assert got.status == 507
        demand_manners(got)
        demand_problem(got, "too-heavy")
        assert "200 MiB" in got.problem["detail"]


def test_a_shorter_deadline_is_kept_and_told(tight: Running) -> None:
    """One that is longer than the server's is not."""
    for asked, given, sent in (("0.3", 0.3, ways(SLOW, timeout="0.3")), ("99", 2.0, ways(SLOW, timeout="99")[:1])):
        for method, path, headers, body in sent:
            begun = time.monotonic()
            got = send(tight, method, path, headers, body)
            assert given <= time.monotonic() - begun < given + 4, asked
            assert got.status == 504
            assert method == "HEAD" or f"{given:g} seconds" in got.problem["detail"]
    assert get(tight, at("ASK {}", timeout="0.5")).status == 200


PATHS = [
    "/", "/sparql", "/sparql/", "/problem", "/page/org/maker", "/page/def", "/data/org/maker.ttl", "/data/graph/derived.nt",
    "/void",
    "/void.rdf", "/.well-known/void", "/dump/kg.nq", "/dump/kg.ttl", "/rdf-graph-store", "/rdf-graph-store?default", "/questions",
    "/browse?class=Organisation", "/openapi.json", "/static/kg.css", "/static/icon.svg", "/id/org/maker", "/def", "/dataset",
    "/health", at(LARGE), *(at(query) for query in QUERIES.values()), *(at(query, format="html") for query in QUERIES.values()),
    "/nothing", "/data/org/nobody.ttl", "/static/none", "/void.png", at("nonsense"), at("DROP ALL"), at("ASK { SERVICE ?x {} }"),
]  # fmt: skip


@pytest.mark.parametrize("coding", ["", "gzip", "br"])
@pytest.mark.parametrize("path", PATHS)
def test_head_says_what_get_says(server: Running, path: str, coding: str) -> None:
    got = {method: send(server, method, path, [("Accept-Encoding", coding)]) for method in ("HEAD", "GET")}
    assert got["HEAD"].status == got["GET"].status
    assert got["HEAD"].said == got["GET"].said
    assert got["HEAD"].body == b""
    for method, answer in got.items():
        demand_manners(answer, method)
    assert got["GET"].body or got["GET"].status == 303


@pytest.mark.parametrize("path", PATHS)
def test_other_pages_may_ask_before(server: Running, path: str) -> None:
    asked = [
        ("Origin", "https://example.org"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "accept"),
    ]
    got = send(server, "OPTIONS", path, asked)
    assert got.status == 204
    demand_manners(got)
    methods = "GET, HEAD, POST, OPTIONS" if path.startswith("/sparql") else "GET, HEAD, OPTIONS"
    assert got.headers["Allow"] == got.headers["Access-Control-Allow-Methods"] == methods
    allowed = {name.strip() for name in got.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"Accept", "Content-Type", "If-None-Match"} <= allowed
    assert int(got.headers["Access-Control-Max-Age"]) > 0


# Tags, codings, memory

KEPT = [
    at(QUERIES["SELECT"]), at(QUERIES["CONSTRUCT"], format="nt"), at(LARGE), "/void", "/data/org/maker.ttl", "/page/org/maker", "/",
    "/rdf-graph-store?default", "/rdf-graph-store", "/dump/kg.nq", "/dump/kg.jsonld", "/sparql",
]  # fmt: skip


@pytest.mark.parametrize("coding", ["", "gzip", "br"])
@pytest.mark.parametrize("path", KEPT)
def test_what_the_client_has_is_not_sent_again(server: Running, path: str, coding: str) -> None:
    coded = [("Accept-Encoding", coding)]
    full = send(server, "GET", path, coded)
    assert full.status == 200
    etag = full.headers["ETag"]
    assert re.fullmatch(r'"[^"]+"', etag)
    assert full.headers["Cache-Control"].startswith("public, max-age=")
    for known in (etag, f"W/{etag}", f'"x", {etag}', f'"x" , W/{etag},"y"', "*"):
        for method in ("GET", "HEAD", "GET", "GET"):
            got = send(server, method, path, [*coded, ("If-None-Match", known)])
            assert got.status == 304, (known, method)
            demand_manners(got, method)
            assert "Content-Type" not in got.headers
            for name in ("ETag", "Cache-Control", "Vary"):
                assert got.headers[name] == full.headers[name]
    assert send(server, "GET", path, [*coded, ("If-None-Match", '"x"'), ("If-None-Match", etag)]).status == 304
    for other in ('"x"', f'"x{etag[1:]}', f'{etag[:-1]}x"', etag.strip('"'), 'W/"x", "y"'):
        got = send(server, "GET", path, [*coded, ("If-None-Match", other)])
        assert (got.status, got.body) == (200, full.body), other
        assert got.said == full.said


def test_tags_tell_answers_apart(server: Running) -> None:
    """Equal for equal answers; different for each format, coding, language and data."""
    select = QUERIES["SELECT"]
    same = [get(server, path).headers["ETag"] for path in (at(select), at(select + " "), at(select, "/sparql.json"))]
    assert len(set(same)) == 1
    formats = [
        get(server, at(query, format=name)).headers["ETag"] for query in (select, LARGE) for name in ("json", "xml", "csv", "tsv")
    ]
    graphs = [get(server, f"/data/org/maker.{ending}").headers["ETag"] for ending in ("ttl", "nt", "jsonld", "rdf")]
    codings = [
        get(server, path, Accept_Encoding=coding).headers["ETag"]
        for path in ("/void", at(LARGE), "/page/org/maker", "/rdf-graph-store?default")
        for coding in ("", "gzip", "br")
    ]
    languages = [get(server, "/page/org/xa-police", Accept_Language=language).headers["ETag"] for language in ("en", "es", "pt")]
    dumps = [get(server, "/dump/kg.ttl", Accept_Encoding=coding).headers["ETag"] for coding in ("", "gzip")]
    for tags in (formats, graphs, codings, languages, dumps):
        assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("query", [QUERIES["SELECT"], LARGE])
def test_what_is_posted_is_answered_whatever_the_client_has(server: Running, query: str) -> None:
    got = send(server, "POST", "/sparql", [("Content-Type", DIRECT), ("If-None-Match", "*")], query.encode())
    assert got.status == 200
    assert got.headers["Cache-Control"] == "no-store"


def test_blanks_around_a_value_are_no_part_of_it(server: Running) -> None:
    assert get(server, "/void", If_None_Match="* ").status == 304


CODINGS = {
    None: None, "": None, "identity": None, "deflate": None, "gzip;q=0": None, "*;q=0": None, "identity;q=0": None,
    "br;q=0, gzip;q=0": None, "gzip": "gzip", "GZIP": "gzip", "br": "br", "gzip, br": "br", "gzip;q=1.0, br;q=0.5": "gzip",
    "br;q=0, gzip": "gzip", "*": "br", "br;q=0, *": "gzip", "gzip;q=0.5, *;q=0": "gzip", "identity;q=0, gzip;q=0.1": "gzip",
    "gzip, deflate, br, zstd": "br", "compress;q=0.5, gzip;q=0.1": "gzip", "gzip;q=oops": None, " gzip ; q=0.3 ,": "gzip",
}  # fmt: skip
COMPRESSED = ["/void", "/page/org/maker", "/data/org/maker.jsonld", "/rdf-graph-store?default", "/rdf-graph-store", at(LARGE),
              at(LARGE, format="csv"), at("DESCRIBE org:maker", format="rdf"), "/static/kg.css", "/openapi.json"]  # fmt: skip


@pytest.mark.parametrize("path", COMPRESSED)
def test_codings_decode_to_the_answer(server: Running, path: str) -> None:
    plain = get(server, path)
    assert "Content-Encoding" not in plain.headers
    coded = plain.headers["Cache-Control"] is not None  # what nobody may keep is not worth it
    for accepted, coding in CODINGS.items():
        got = send(server, "GET", path, [] if accepted is None else [("Accept-Encoding", accepted)])
        assert got.status == 200
        assert got.headers["Content-Encoding"] == (coding if coded else None), accepted
        assert got.identity == plain.body
        assert got.type == plain.type
        demand_manners(got)
        assert len(got.body) < len(plain.body) or not (coding and coded)


def test_small_answers_and_errors_are_not_compressed(server: Running) -> None:
    for path in (at("ASK {}"), at("nonsense")):
        got = get(server, path, Accept_Encoding="gzip, br")
        assert "Content-Encoding" not in got.headers
        demand_manners(got)


VOLATILE = {
    "now": "SELECT (NOW() AS ?x) {}", "rand": "SELECT (RAND() AS ?x) {}", "uuid": "SELECT (UUID() AS ?x) {}",
    "struuid": "SELECT (struuid( ) AS ?x) {}", "bnode": "SELECT (BNODE() AS ?x) {}", "filter": "SELECT * { FILTER(RAND() < 2) }",
    "line": "SELECT (RAND\n() AS ?x) {}",
}  # fmt: skip


@pytest.mark.parametrize("name", VOLATILE)
def test_what_changes_is_not_kept(server: Running, name: str) -> None:
    demand_fresh(server, VOLATILE[name], changes=name not in {"bnode", "filter"})


def test_what_changes_is_not_kept_whatever_stands_between(server: Running) -> None:
    demand_fresh(server, "SELECT (RAND#\n() AS ?x) {}", changes=True)


def demand_fresh(server: Running, query: str, changes: bool) -> None:
    """It is evaluated each time, and nobody may keep it, as data or as a page."""
    with connected(server) as connection:
        got = [exchange(connection, "GET", at(query)) for _ in range(4)]
        assert {answer.headers["Cache-Control"] for answer in got} == {"no-store"}
        assert not changes or len({answer.body for answer in got}) == len(got)
        assert exchange(connection, "GET", at(query), [("If-None-Match", f"*, {got[0].headers['ETag']}")]).status == 200
        assert exchange(connection, "GET", at(query), [("Accept", BROWSER)]).headers["Cache-Control"] == "no-store"
        assert exchange(connection, "HEAD", at(query)).headers["Cache-Control"] == "no-store"


def remembered(server: Running) -> float:
    """How many requests the server has answered from memory, byte for byte."""
    found = re.search(
        r'^kg_answers_from_memory_total\{where="server"\} (\S+)$', get(server, "/metrics").body.decode(), re.MULTILINE
    )
    assert found
    return float(found[1])


VARIANTS: list[Headers] = [
    *([("Accept-Language", language)] for language in ("en", "es", "pt", "pt-BR, es;q=0.5", "es;q=0.1, pt;q=0.9", "de", "")),
    *([("Accept", accept)] for accept in (BROWSER, "*/*", "text/turtle", "text/csv", "application/ld+json", "image/png")),
    *([("Accept-Encoding", coding)] for coding in ("gzip", "br", "identity")),
    [("Accept-Language", "es"), ("Accept-Language", "pt")],
    [("Accept-Language", "pt"), ("Accept-Language", "es")],
    [("Accept", "text/csv"), ("Accept", "image/png")],
    [("Accept", "image/png"), ("Accept", "text/csv")],
    [("Accept", "text/turtle"), ("Accept", "application/n-triples;q=0.5")],
    [("Accept", "application/n-triples"), ("Accept", "application/n-triples;q=0.5")],
    [("If-None-Match", "*")],
    [("If-None-Match", '"x"')],
    [("Origin", "https://example.org")],
    [],
]


@pytest.mark.parametrize("path", ["/page/org/xa-police", "/", "/void", "/id/org/maker", "/rdf-graph-store", "/data/org/maker.ttl",
                                  *(at(query) for query in QUERIES.values()), at("nonsense"), "/nothing"])  # fmt: skip
def test_nobody_gets_the_answer_of_another(small: tuple[Path, Release], server: Running, path: str) -> None:
    """What a fresh address gives is what it gives again: to other variants in between, on one connection, from memory."""
    sign = "&" if "?" in path else "?"
    alone = [send(server, "GET", f"{path}{sign}alone={number}", variant) for number, variant in enumerate(VARIANTS)]
    before = remembered(server)
    with connected(server) as connection:
        for turn in range(4):
            for expected, variant in zip(alone, VARIANTS, strict=True):
                got = exchange(connection, "GET", f"{path}{sign}together", variant)
                assert got.status == expected.status, (turn, variant)
                assert without_address(got) == without_address(expected), (turn, variant)
                demand_manners(got)
    if alone[-1].status == 200:
        assert remembered(server) > before + len(VARIANTS)


def without_address(got: Got) -> tuple[list[tuple[str, str]], bytes]:
    """The answer without the address that it was asked for at, which pages link to, and what follows from that."""
    body = re.sub(rb"alone(?:=|%3D)\d+|together=?", b"", got.identity)
    body = re.sub(rb"[?&](?:amp;)?(?=[\"&])", b"", body)
    said = [
        (name, re.sub(r"[?&](?:alone=\d+|together)", "", value))
        for name, value in got.said
        if name not in {"etag", "content-length"}
    ]
    return said, body


@pytest.mark.parametrize("path", PATHS)
def test_the_same_request_gets_the_same_answer(server: Running, path: str) -> None:
    for headers in ([], [("Accept", BROWSER), ("Accept-Language", "es")], [("Accept-Encoding", "gzip, br")]):
        with connected(server) as connection:
            got = [exchange(connection, "GET", path, headers) for _ in range(3)]
            got.append(exchange(connection, "HEAD", path, headers))
        assert all(answer.said == got[0].said for answer in got)
        assert all(answer.body == got[0].body for answer in got[:3])


@pytest.mark.parametrize("kind", [*QUERIES, "LARGE"])
def test_the_same_post_gets_the_same_answer(server: Running, kind: str) -> None:
    query = QUERIES.get(kind, LARGE)
    for method, path, headers, body in ways(query)[2:]:
        for coding in ("", "gzip"):
            with connected(server) as connection:
                got = [exchange(connection, method, path, [*headers, ("Accept-Encoding", coding)], body) for _ in range(3)]
            assert {answer.status for answer in got} == {200}
            assert {answer.headers["Cache-Control"] for answer in got} == {"no-store"}
            assert all((answer.said, answer.body) == (got[0].said, got[0].body) for answer in got)
            assert got[0].identity == get(server, at(query)).body


def test_a_language_by_address_or_by_browser(server: Running) -> None:
    with connected(server) as connection:
        for _ in range(3):
            for language in ("es", "pt", "en"):
                got = exchange(connection, "GET", "/page/org/maker", [("Accept-Language", language)])
                assert got.headers["Content-Language"] == language
                assert f'<html lang="{language}">'.encode() in got.body
                got = exchange(connection, "GET", "/page/org/maker?lang=pt", [("Accept-Language", language)])
                assert got.headers["Content-Language"] == "pt"


def test_the_host_of_another_is_not_remembered(server: Running) -> None:
    """The description names the address that it was asked for at."""
    with connected(server) as connection:
        for _ in range(3):
            for host in ("one.example", "two.example:81"):
                connection.putrequest("GET", "/void", skip_host=True, skip_accept_encoding=True)
                connection.putheader("Host", host)
                connection.endheaders()
                response = connection.getresponse()
                assert f"<http://{host}/sparql>".encode() in response.read()


# One request has one answer, however it arrives


def statuses(server: Running, *pieces: bytes) -> list[tuple[int, str]]:
    """Status and type of each answer to what is sent piece by piece, and to a last request, which ends the connection."""
    host, port = urlsplit(server.address).netloc.split(":")
    with ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (*pieces, b"HEAD /static/none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):
            connection.sendall(piece)
            time.sleep(0.1)
        received = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    heads = re.findall(rb"HTTP/1\.1 (\d{3}) (?:.*?)\r\ncontent-type: ([^;\r]*)", received, re.DOTALL)
    return [(int(status), kind.decode()) for status, kind in heads]


LAST = (404, PROBLEM)
PAGE = b"GET /page/org/maker?%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="none"),
        *(
            pytest.param(length, id=name)
            for length, name in ((b"Content-Length: %d\r\n", "by length"), (b"Transfer-Encoding: chunked\r\n", "in chunks"))
        ),
    ],
)
def test_the_body_of_a_get_is_no_request(server: Running, body: bytes) -> None:
    sent = HEALTH % b"y"
    told = body % len(sent) if b"%d" in body else body
    carried = b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent) if b"chunked" in body else sent
    for _ in range(4):
        head = PAGE % (b"body", told)
        assert statuses(server, head, *([carried] if body else [])) == [(200, "text/html"), LAST]


def test_a_header_that_looks_like_a_request_is_none(server: Running) -> None:
    first, second = PAGE % (b"first", b""), PAGE % (b"second", b"")
    for _ in range(3):
        assert statuses(server, first, second) == [(200, "text/html"), (200, "text/html"), LAST]
    begun = (HEALTH % b"").removesuffix(b"\r\n\r\n")
    assert statuses(server, first + begun, second) == [(200, "text/html"), (200, "application/json"), LAST]


def test_requests_that_arrive_together_or_in_pieces_are_answered_in_order(server: Running) -> None:
    first, health = PAGE % (b"together", b""), HEALTH % b"z"
    expected = [(200, "text/html"), (200, "application/json"), (200, "text/html"), LAST]
    for _ in range(3):
        assert statuses(server, first + health + first) == expected
        assert statuses(server, first, health, first) == expected
        assert statuses(server, first[:20], first[20:] + health, first[:-2], first[-2:]) == expected
