"""The W3C's tests of the SPARQL 1.1 Protocol and of the Service Description, against a server that runs as for its users."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree as ET

import pyoxigraph as ox
import pytest
from rdflib import RDF, RDFS, Graph, Literal, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from repository import ROOT
from web.running import Running, serving

W3C = ROOT / "tests" / "w3c"
MF = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
HT = Namespace("http://www.w3.org/2011/http#")
CNT = Namespace("http://www.w3.org/2011/content#")
UT = Namespace("http://www.w3.org/2009/sparql/tests/test-update#")
SD = Namespace("http://www.w3.org/ns/sparql-service-description#")

FORM = "application/x-www-form-urlencoded"
JSON, XML = "application/sparql-results+json", "application/sparql-results+xml"
FORMATS = {
    "boolean": {JSON, XML},
    "tabular": {JSON, XML, "text/csv", "text/tab-separated-values"},
    "RDF": {"text/turtle", "application/rdf+xml", "application/n-triples", "application/ld+json"},
}


@dataclass(frozen=True)
class Expected:
    """What the manifest says of a response; None and nothing where it says nothing."""

    statuses: frozenset[str]  # first digits, such as 2 and 3
    boolean: bool | None
    format: str | None


@dataclass(frozen=True)
class Sent:
    """One request of a test, as it goes over the wire."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    expected: Expected

    @property
    def updates(self) -> bool:
        """Whether it asks for an update: by the type of its body, or by a parameter."""
        kind = dict(self.headers).get("content-type", "").partition(";")[0]
        given = parse_qsl(urlsplit(self.path).query)
        if kind == FORM and self.body:
            given += parse_qsl(self.body.decode())
        return kind == "application/sparql-update" or "update" in dict(given)


@dataclass(frozen=True)
class Got:
    """The answer to one request."""

    status: int
    type: str
    body: bytes

    @property
    def boolean(self) -> bool:
        """The answer to an ASK, in whichever format it came."""
        if self.type == JSON:
            return bool(json.loads(self.body)["boolean"])
        text = ET.fromstring(self.body).findtext("{http://www.w3.org/2005/sparql-results#}boolean")  # noqa: S314 (from our own server)
        return {"true": True, "false": False}[str(text)]


def manifest(folder: str) -> Graph:
    """The manifest in that folder."""
    return Graph().parse(W3C / folder / "manifest.ttl", format="turtle")


def entries(graph: Graph) -> list[Node]:
    """The tests that a manifest lists, in its order."""
    return list(Collection(graph, next(graph.objects(None, MF.entries))))


def name_of(test: Node) -> str:
    """The short name of a test."""
    return str(test).rpartition("#")[2]


def requests(graph: Graph, test: Node) -> tuple[Sent, ...]:
    """The requests of a test, in order."""
    connection = graph.value(test, MF.action)
    return tuple(request(graph, node) for node in Collection(graph, graph.value(connection, HT.requests) or RDF.nil))


def request(graph: Graph, node: Node) -> Sent:
    """One request with what is expected of its answer."""
    listed = Collection(graph, graph.value(node, HT.headers) or RDF.nil)
    headers = tuple((str(graph.value(header, HT.fieldName)), str(graph.value(header, HT.fieldValue))) for header in listed)
    body = None
    if content := graph.value(node, HT.body):
        body = str(graph.value(content, CNT.chars)).encode(str(graph.value(content, CNT.characterEncoding)))
    path = str(graph.value(node, HT.absolutePath))
    assert path.startswith("/sparql/"), path
    response = graph.value(node, HT.resp)
    boolean, kind = graph.value(response, MF.expectedBoolean), graph.value(response, MF.expectedFormat)
    statuses = frozenset(str(status)[-3] for status in graph.objects(response, MF.expectedStatus))
    expected = Expected(statuses, bool(boolean.toPython()) if isinstance(boolean, Literal) else None, str(kind) if kind else None)
    return Sent(str(graph.value(node, HT.methodName)), path.replace("/sparql/", "/sparql", 1), headers, body, expected)


PROTOCOL = manifest("sparql11-protocol")
TESTS = {name_of(test): requests(PROTOCOL, test) for test in entries(PROTOCOL)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of the graphs of the manifest, each under the name that it gives them."""
    file = tmp_path_factory.mktemp("w3c") / "graphs.nq"
    graphs = {
        str(PROTOCOL.value(data, RDFS.label)): Path(urlsplit(str(PROTOCOL.value(data, UT.graph))).path)
        for data in PROTOCOL.objects(None, UT.graphData)
    }
    quads = [
        ox.Quad(quad.subject, quad.predicate, quad.object, ox.NamedNode(name))
        for name, path in graphs.items()
        for quad in ox.parse(path=path)
    ]
    assert len(quads) == 3
    ox.serialize(quads, file, ox.RdfFormat.N_QUADS)
    with serving("--dataset", file) as running:
        yield running


def send(server: Running, sent: Sent) -> Got:
    """The answer to exactly this request: nothing is added but what HTTP/1.1 demands."""
    connection = HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    try:
        connection.putrequest(sent.method, sent.path, skip_accept_encoding=True)
        for name, value in sent.headers:
            connection.putheader(name, value)
        if sent.body is not None or sent.method in {"POST", "PUT"}:
            connection.putheader("Content-Length", str(len(sent.body or b"")))
        connection.endheaders(sent.body)
        response = connection.getresponse()
        return Got(response.status, response.headers.get_content_type(), response.read())
    finally:
        connection.close()


def get(server: Running, path: str, accept: str) -> Got:
    """The answer to a GET in a format."""
    return send(server, Sent("GET", path, (("Accept", accept),), None, Expected(frozenset(), None, None)))


def everything(server: Running) -> list[str]:
    """All quads that the server holds."""
    query = "SELECT * { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"
    got = get(server, "/sparql?" + urlencode({"query": query}), "text/tab-separated-values")
    assert got.status == 200
    return sorted(got.body.decode().splitlines()[1:])


def demand_refusal(got: Got) -> None:
    """An update is refused, in words."""
    assert got.status in {403, 405}
    assert got.type == "application/problem+json"
    problem = json.loads(got.body)
    assert problem["status"] == got.status
    assert "update" in problem["detail"]


def demand(got: Got, expected: Expected) -> None:
    """The answer is what the manifest expects."""
    assert str(got.status)[0] in expected.statuses, got.body
    if expected.format:
        assert got.type in FORMATS[expected.format]
    if expected.format == "RDF":
        Graph().parse(got.body, format=got.type)
    if expected.boolean is not None:
        assert got.boolean is expected.boolean


def test_all_tests_of_the_protocol_are_run() -> None:
    assert len(TESTS) == 34
    refused = {name for name, sent in TESTS.items() if sent[0].updates and "2" in sent[0].expected.statuses}
    assert refused == {name for name in TESTS if name.startswith("update_")}


@pytest.mark.parametrize("name", TESTS)
def test_protocol(server: Running, name: str) -> None:
    """What should work works and what should fail fails; but what should change the data is refused, and changes nothing."""
    before = everything(server)
    refused = False
    for sent in TESTS[name]:
        got = send(server, sent)
        if sent.updates and "2" in sent.expected.statuses:
            demand_refusal(got)
            refused = True
        elif refused:  # asks whether the update has happened
            assert sent.expected.boolean is True
            assert got.status == 200
            assert got.boolean is False
        else:
            demand(got, sent.expected)
    assert everything(server) == before
    assert len(before) == 3


# The vocabulary, https://www.w3.org/TR/sparql11-service-description/#vocab: property → class of its subject, of its object.
FMT = Namespace("http://www.w3.org/ns/formats/")
PROPERTIES = {
    SD.endpoint: (SD.Service, None),
    SD.feature: (SD.Service, SD.Feature),
    SD.supportedLanguage: (SD.Service, SD.Language),
    SD.languageExtension: (SD.Service, SD.Feature),
    SD.propertyFeature: (SD.Service, SD.Feature),
    SD.extensionFunction: (SD.Service, SD.Function),
    SD.extensionAggregate: (SD.Service, SD.Aggregate),
    SD.defaultEntailmentRegime: (SD.Service, SD.EntailmentRegime),
    SD.defaultSupportedEntailmentProfile: (SD.Service, SD.EntailmentProfile),
    SD.resultFormat: (SD.Service, FMT.Format),
    SD.inputFormat: (SD.Service, FMT.Format),
    SD.defaultDataset: (SD.Service, SD.Dataset),
    SD.availableGraphs: (SD.Service, SD.GraphCollection),
    SD.defaultGraph: (SD.Dataset, SD.Graph),
    SD.namedGraph: (SD.GraphCollection, SD.NamedGraph),
    SD.name: (SD.NamedGraph, None),
    SD.graph: (SD.NamedGraph, SD.Graph),
    SD.entailmentRegime: (SD.NamedGraph, SD.EntailmentRegime),
    SD.supportedEntailmentProfile: (SD.NamedGraph, SD.EntailmentProfile),
}
IRIS = {SD.endpoint, SD.name}  # properties whose object is named, never described in place
ABOVE = {SD.Dataset: SD.GraphCollection, SD.Language: SD.Feature, SD.Function: SD.Feature, SD.Aggregate: SD.Feature}
LANGUAGES = {SD.SPARQL10Query, SD.SPARQL11Query, SD.SPARQL11Update}
FEATURES = {SD.DereferencesURIs, SD.UnionDefaultGraph, SD.RequiresDataset, SD.EmptyGraphs, SD.BasicFederatedQuery}
# Instances that others define and a description need not: http://www.w3.org/ns/formats/ and the entailment regimes.
ELSEWHERE = {
    FMT.Format: str(FMT),
    SD.EntailmentRegime: "http://www.w3.org/ns/entailment/",
    SD.EntailmentProfile: "http://www.w3.org/ns/owl-profile/",
}
CLASSES = {cls for pair in PROPERTIES.values() for cls in pair if cls} | ABOVE.keys()


def is_a(graph: Graph, node: Node, cls: URIRef) -> bool:
    """Whether the graph or the vocabulary says that the node is one of the class."""
    if node in LANGUAGES:
        return cls in {SD.Language, SD.Feature}
    if node in FEATURES:
        return cls == SD.Feature
    if cls in ELSEWHERE and isinstance(node, URIRef):
        return node.startswith(ELSEWHERE[cls])
    types = set(graph.objects(node, RDF.type))
    return cls in types or any(ABOVE.get(kind) == cls for kind in types if isinstance(kind, URIRef))


def faults(graph: Graph) -> Iterator[str]:
    """What in a service description does not conform to the vocabulary."""
    for subject, predicate, value in graph:
        if str(predicate).startswith(SD) and predicate not in PROPERTIES:
            yield f"{predicate} is no property"
        if predicate == RDF.type and str(value).startswith(SD) and value not in CLASSES:
            yield f"{value} is no class"
        domain, range_ = PROPERTIES.get(URIRef(str(predicate)), (None, None))
        if domain and not is_a(graph, subject, domain):
            yield f"{subject} has {predicate} and is no {domain}"
        if range_ and not is_a(graph, value, range_):
            yield f"{value} is a value of {predicate} and no {range_}"
        if predicate in IRIS and not isinstance(value, URIRef):
            yield f"{value} is a value of {predicate} and no IRI"
    for cls, needed in ((SD.Service, SD.endpoint), (SD.NamedGraph, SD.name)):
        for node in graph.subjects(RDF.type, cls):
            if len(set(graph.objects(node, needed))) != 1:
                yield f"{node} needs one {needed}"


def description(server: Running) -> Graph:
    """The service description, as a client finds it: at the endpoint itself."""
    got = get(server, "/sparql", "text/turtle")
    assert (got.status, got.type) == (200, "text/turtle"), got.body
    return Graph().parse(got.body, format="turtle", publicID=server.address + "/sparql")


def returns_rdf(server: Running) -> None:
    assert len(description(server)) > 0
    got = get(server, "/sparql", "application/rdf+xml")
    assert (got.status, got.type) == (200, "application/rdf+xml")
    assert len(Graph().parse(got.body, format="xml", publicID=server.address + "/sparql")) == len(description(server))


def has_endpoint_triple(server: Running) -> None:
    assert set(description(server).objects(None, SD.endpoint)) == {URIRef(server.address + "/sparql")}


def conforms_to_schema(server: Running) -> None:
    graph = description(server)
    assert len(list(graph.subjects(RDF.type, SD.Service))) == 1
    assert list(faults(graph)) == []


CHECKS: dict[str, Callable[[Running], None]] = {
    "has-endpoint-triple": has_endpoint_triple,
    "returns-rdf": returns_rdf,
    "conforms-to-schema": conforms_to_schema,
}


@pytest.mark.parametrize("name", [name_of(test) for test in entries(manifest("service-description"))])
def test_service_description(server: Running, name: str) -> None:
    CHECKS[name](server)


def test_all_tests_of_the_service_description_are_run() -> None:
    assert [name_of(test) for test in entries(manifest("service-description"))] == list(CHECKS)


DESCRIBED = """
@prefix sd: <http://www.w3.org/ns/sparql-service-description#> . @prefix x: <http://example.org/> .
x:service a sd:Service ; sd:endpoint x:sparql ; sd:supportedLanguage sd:SPARQL11Query ; sd:feature sd:EmptyGraphs, x:feature ;
  sd:resultFormat <http://www.w3.org/ns/formats/Turtle> ; sd:extensionFunction x:distance ;
  sd:defaultEntailmentRegime <http://www.w3.org/ns/entailment/Simple> ; sd:defaultDataset _:dataset .
x:feature a sd:Feature . x:distance a sd:Function . _:dataset a sd:Dataset ; sd:defaultGraph [ a sd:Graph ] ; sd:namedGraph _:g .
_:g a sd:NamedGraph ; sd:name x:graph ; sd:graph [ a sd:Graph ] .
"""


def test_a_good_description_has_no_faults() -> None:
    assert list(faults(Graph().parse(data=DESCRIBED, format="turtle"))) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("x:service a sd:Service ;", "x:service"),
        ("sd:endpoint x:sparql ;", ""),
        ("sd:endpoint x:sparql", 'sd:endpoint "http://example.org/sparql"'),
        ("sd:endpoint x:sparql", "sd:endpoint x:sparql, x:other"),
        ("sd:SPARQL11Query", "sd:SPARQL12Query"),
        ("sd:EmptyGraphs", "sd:SPARQL"),
        ("<http://www.w3.org/ns/formats/Turtle>", '"text/turtle"'),
        ("x:feature a sd:Feature .", ""),
        ("x:distance a sd:Function .", "x:distance a sd:Feature ."),
        ("_:dataset a sd:Dataset ;", "_:dataset"),
        ("_:dataset a sd:Dataset ;", "_:dataset a sd:GraphCollection ;"),
        ("sd:defaultGraph [ a sd:Graph ]", "sd:defaultGraph x:graph"),
        ("sd:name x:graph ;", ""),
        ("sd:name x:graph", "sd:name []"),
        ("_:g a sd:NamedGraph ;", "_:g a sd:Named ;"),
        ("sd:feature", "sd:features"),
    ],
)
def test_the_check_of_descriptions_finds_faults(right: str, wrong: str) -> None:
    assert DESCRIBED.count(right) == 1 or right == "sd:endpoint x:sparql"
    changed = DESCRIBED.replace(right, wrong, 1)
    assert list(faults(Graph().parse(data=changed, format="turtle")))
