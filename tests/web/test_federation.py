"""SERVICE over HTTP: what an allowed server answers is joined with ours; whatever it does, we end; nobody else is ever called."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

import pyoxigraph as ox
import pytest
from rdflib import Graph, URIRef

from engines import another_endpoint
from kg.errors import BadQuery
from kg.release import Release
from kg.settings import Settings
from kg.store.oxigraph import OxigraphStore
from kg.store.sandbox import can_confine
from store.starting import running as running_store
from store.starting import source
from web.running import Running, serving

RESULTS, FORM, DIRECT = "application/sparql-results+json", "application/x-www-form-urlencoded", "application/sparql-query"
TYPES = "https://w3id.org/vigia/problem#"
DEADLINE = 3.0  # seconds that the server gives a query
GRACE = 4.0  # seconds that a busy machine may take to say so

HERE = """
@prefix ex: <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix wd: <http://www.wikidata.org/entity/> .
ex:acme rdfs:label "Acme" ; owl:sameAs wd:Q2 .
ex:other rdfs:label "Other" ; owl:sameAs wd:Q3 .
ex:lonely rdfs:label "Lonely" ; owl:sameAs wd:Q99 .
"""
THERE = """
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix wd: <http://www.wikidata.org/entity/> . @prefix wdt: <http://www.wikidata.org/prop/direct/> .
wd:Q1 rdfs:label "Exampland"@en , "Ejemplia"@es .
wd:Q2 rdfs:label "Acme Corporation"@en ; wdt:P17 wd:Q1 .
wd:Q3 rdfs:label "Other Company"@en , "Otra, \\"S.A.\\""@es ; wdt:P17 wd:Q4 .
wd:Q4 rdfs:label "Otherland"@en .
wd:Q5 rdfs:label "Nobody here knows it"@en ; wdt:P17 wd:Q4 .
"""
SPACES = """PREFIX ex: <http://example.org/> PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX wd: <http://www.wikidata.org/entity/> PREFIX wdt: <http://www.wikidata.org/prop/direct/>
"""


@dataclass(frozen=True)
class Got:
    """The answer to one request."""

    status: int
    headers: Message
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """What went wrong."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body[:500]
        problem = json.loads(self.body)
        assert problem["status"] == self.status
        return dict(problem)

    @property
    def rows(self) -> list[dict[str, str]]:
        """The values of each solution."""
        assert self.status == 200, self.body[:500]
        return [{name: term["value"] for name, term in row.items()} for row in json.loads(self.body)["results"]["bindings"]]


def send(address: str, method: str, path: str, body: bytes | None = None, **headers: str) -> Got:
    """The answer to a request; `Content_Type=` gives that header."""
    with closing(HTTPConnection(urlsplit(address).netloc, timeout=60)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Got(response.status, response.headers, response.read())


def ask(server: Running, query: str, accept: str = RESULTS, **parameters: str) -> Got:
    """The answer to a query by GET."""
    return send(server.address, "GET", "/sparql?" + urlencode({"query": query, **parameters}), Accept=accept)


def send_query(server: Running, way: str, query: str) -> Got:
    """The answer to a query that is sent in one of the ways of the protocol."""
    if way == "get":
        return ask(server, query)
    if way == "form":
        return send(server.address, "POST", "/sparql", urlencode({"query": query}).encode(), Content_Type=FORM)
    return send(server.address, "POST", "/sparql", query.encode(), Content_Type=DIRECT)


def demand_refusal(got: Got) -> str:
    """The query was refused for the server that it calls; returns the sentence that says so."""
    assert got.status == 422, got.body[:500]
    assert got.problem["type"] == TYPES + "service-refused"
    assert got.headers["Cache-Control"] == "no-store"
    detail = str(got.problem["detail"])
    assert "SERVICE" in detail
    assert detail.endswith(".")
    return detail


# A listener that nobody may call


@pytest.fixture
def bait() -> Iterator[socket.socket]:
    """A listener that must not see a connection, on IPv4 and, where there is any, on IPv6; looked at when the test is over."""
    dual = socket.has_dualstack_ipv6()
    family, host = (socket.AF_INET6, "::") if dual else (socket.AF_INET, "127.0.0.1")
    with socket.create_server((host, 0), family=family, dualstack_ipv6=dual) as listener:
        listener.setblocking(False)
        yield listener
        assert not was_called(listener)


def was_called(listener: socket.socket) -> bool:
    """Whether somebody has connected."""
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return False
    connection.close()
    return True


def port_of(listener: socket.socket) -> int:
    """Where it listens."""
    return int(listener.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_bait_notices_a_call(bait: socket.socket, host: str) -> None:
    if ":" in host and bait.family != socket.AF_INET6:
        pytest.skip("there is no IPv6 here")
    socket.create_connection((host, port_of(bait))).close()
    assert was_called(bait)


# Servers that behave badly


def answer(status: str, kind: str, body: bytes, *lines: str) -> bytes:
    """A whole HTTP answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def chunked(*parts: bytes) -> bytes:
    """Parts of a body of unknown length."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


OPENED = b'{"head":{"vars":["o"]},"results":{"bindings":['
ROW = b'{"o":{"type":"literal","value":"' + b"x" * 68 + b'"}}'
ENDLESS = f"HTTP/1.1 200 OK\r\nContent-Type: {RESULTS}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
BIG = 100_000  # rows, of a hundred bytes
CELLAR = "the cellar of 10.11.12.13"
#: Where to redirect to is filled in when it is asked for.
REDIRECTS = {f"redirect-{status}": status for status in (301, 302, 303, 307, 308)}
LATE = ("cut", "unclosed")  # rows have gone out before the fault is seen, which SILENT cannot undo
ONCE = {
    "html": answer("200 OK", "text/html", f"<html>{CELLAR}</html>".encode()),
    "untyped": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "mistyped": answer("200 OK", "text/csv", OPENED + ROW + b"]}}"),
    "noise": b"\x00\xff\r\n" * 100 + b"\r\n",
    "nothing": b"",
    "broken": answer("200 OK", RESULTS, b"{" + CELLAR.encode()),
    "cut": answer("200 OK", RESULTS, OPENED + ROW)[:-3],
    "unclosed": answer("200 OK", RESULTS, OPENED + ROW),
    "other-sort": answer("200 OK", RESULTS, b'{"head":{},"boolean":true}'),
    "error-400": answer("400 Bad Request", "text/plain", CELLAR.encode()),
    "error-401": answer("401 Unauthorized", "text/plain", CELLAR.encode(), 'WWW-Authenticate: Basic realm="cellar"'),
    "error-429": answer("429 Too Many Requests", "text/plain", CELLAR.encode(), "Retry-After: 9"),
    "error-500": answer("500 Internal Server Error", "text/html", f"<h1>{CELLAR}</h1>".encode()),
    "error-503": answer("503 Service Unavailable", "text/plain", CELLAR.encode()),
}
FOREVER = {
    "endless-rows": (ENDLESS + chunked(OPENED + ROW), chunked((b"," + ROW) * 500)),
    "endless-blanks": (ENDLESS, chunked(b" " * 50_000)),
    "endless-text": (ENDLESS + chunked(OPENED, ROW[:40]), chunked(b"x" * 50_000)),
    "endless-error": (ENDLESS.replace(b"200 OK", b"500 Oh"), chunked(b"x" * 50_000)),
    "endless-head": (b"HTTP/1.1 200 OK\r\n", b"X-Header: x\r\n" * 1000),
}
MORE = ("slow", "big", "big-error", "answers")


class Others(ThreadingTCPServer):
    """Answers each path in its own bad way, and one of them well."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[str] = []  # requests, as they came
        self.target = ""  # of redirects
        self.left = threading.Event()  # whoever waited for the slow one has gone

    def at(self, name: str) -> str:
        """The address of one of them."""
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    @property
    def addresses(self) -> list[str]:
        """All of them."""
        return [self.at(name) for name in (*ONCE, *FOREVER, *REDIRECTS, *MORE)]


class Answering(StreamRequestHandler):
    """One request to one of the others."""

    server: Others

    def handle(self) -> None:
        with suppress(OSError):  # we hang up on most of them
            self._answer(self._read())

    def _read(self) -> str:
        lines = list(iter(lambda: self.rfile.readline().strip().decode(), ""))
        length = next((int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length:")), 0)
        self.server.asked.append("\n".join([*lines, "", self.rfile.read(length).decode()]))
        return lines[0].split()[1].removeprefix("/").partition("?")[0]

    def _answer(self, name: str) -> None:
        if name in REDIRECTS:
            self.wfile.write(answer(f"{REDIRECTS[name]} Elsewhere", "text/plain", b"", f"Location: {self.server.target}"))
        elif name == "slow":
            self.rfile.read(1)  # returns when the client has gone
            self.server.left.set()
        elif name == "big":
            self.wfile.write(answer("200 OK", RESULTS, OPENED + b",".join([ROW] * BIG) + b"]}}"))
        elif name == "big-error":
            self.wfile.write(answer("500 Oh", "text/plain", b"x" * 10_000_000))
        elif name == "answers":
            number = len(self.server.asked)
            self.wfile.write(answer("200 OK", RESULTS, OPENED + b'{"o":{"type":"literal","value":"%d"}}]}}' % number))
        elif name in FOREVER:
            first, again = FOREVER[name]
            self.wfile.write(first)
            while True:
                self.wfile.write(again)
        else:
            self.wfile.write(ONCE[name])


@pytest.fixture(scope="module")
def others() -> Iterator[Others]:
    """They run on one port of this machine."""
    with Others() as others:
        thread = threading.Thread(target=others.serve_forever, args=(0.05,))
        thread.start()
        yield others
        others.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def down() -> Iterator[str]:
    """An address at which nobody listens, and nobody will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/query"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of our data."""
    file = tmp_path_factory.mktemp("here") / "here.ttl"
    file.write_text(HERE, "utf-8")
    return file


LIMITS = {"KG_TIMEOUT": str(DEADLINE), "KG_CLIENT_BURST": "10000", "KG_MEMORY": "400"}


@pytest.fixture(scope="module")
def server(here: Path, others: Others, down: str) -> Iterator[Running]:
    """A server that may call those that behave badly."""
    with serving("--dataset", here, KG_SERVICES=" ".join([*others.addresses, down]), **LIMITS) as running:
        yield running


# A server that behaves well: another make of endpoint, with a graph like Wikidata's


@pytest.fixture(scope="module")
def wikidata() -> Iterator[str]:
    """The address of its endpoint."""
    with another_endpoint(THERE) as address:
        yield address


@pytest.fixture(scope="module")
def joined(here: Path, wikidata: str, down: str) -> Iterator[Running]:
    """A server that may call it."""
    with serving("--dataset", here, KG_SERVICES=f"{wikidata} {down}", **LIMITS) as running:
        yield running


COUNTRY = "?item wdt:P17 ?c . ?c rdfs:label ?country FILTER(LANG(?country) = 'en')"
SAME = "?thing owl:sameAs ?item ; rdfs:label ?name ."
BOTH = [("Acme", "Exampland"), ("Other", "Otherland")]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (f"{SAME} SERVICE <there> {{ {COUNTRY} }}", BOTH),
        (f"SERVICE <there> {{ {COUNTRY} }} {SAME}", BOTH),
        (f"{SAME} SERVICE SILENT <there> {{ {COUNTRY} }}", BOTH),
        (f"{SAME} service  silent\n\t<there>{{ {COUNTRY} }}", BOTH),
        (f"{SAME} SERVICE <there> {{ ?item wdt:P17 ?c }} SERVICE <there> {{ ?c rdfs:label ?country FILTER(LANG(?country)='es') }}",
         [("Acme", "Ejemplia")]),
        (f"{SAME} OPTIONAL {{ SERVICE <there> {{ {COUNTRY} }} }}", [*BOTH, ("Lonely", None)]),
        (f"{SAME} FILTER EXISTS {{ SERVICE <there> {{ ?item wdt:P17 wd:Q4 }} }}", [("Other", None)]),
        (f"{SAME} FILTER NOT EXISTS {{ SERVICE <there> {{ ?item wdt:P17 ?c }} }}", [("Lonely", None)]),
        (f"{SAME} MINUS {{ SERVICE <there> {{ ?item wdt:P17 wd:Q1 }} }}", [("Lonely", None), ("Other", None)]),
        (f"{SAME} {{ SELECT ?item (MIN(?l) AS ?country) {{ SERVICE <there> {{ ?item wdt:P17/rdfs:label ?l FILTER(LANG(?l)='en') }} "
         "} GROUP BY ?item }", BOTH),
        (f"{SAME} SERVICE <there> {{ SELECT ?item ?country {{ {COUNTRY} }} ORDER BY ?country LIMIT 1 }}", BOTH[:1]),
        (f"{SAME} SERVICE <there> {{ VALUES ?item {{ wd:Q3 wd:Q5 }} {COUNTRY} }}", BOTH[1:]),
        (f"VALUES ?item {{ wd:Q2 wd:Q5 }} {SAME} SERVICE <there> {{ {COUNTRY} }}", BOTH[:1]),
        (f"{SAME} {{ SERVICE <there> {{ ?item wdt:P17 wd:Q1 }} }} UNION {{ SERVICE <there> {{ ?item wdt:P17 wd:Q4 }} }}",
         [("Acme", None), ("Other", None)]),
        (f"{SAME} SERVICE <there> {{ ?item rdfs:label ?country FILTER(LANG(?country) = 'es') }}", [("Other", 'Otra, "S.A."')]),
        (f"{SAME} SERVICE SILENT <down> {{ {COUNTRY} }}", [("Acme", None), ("Lonely", None), ("Other", None)]),
        (f"{SAME} SERVICE SILENT <down> {{ {COUNTRY} }} SERVICE <there> {{ {COUNTRY} }}", BOTH),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["get", "form", "direct"])
def test_both_graphs_are_joined(
    joined: Running, wikidata: str, down: str, way: str, where: str, expected: list[tuple[str, str | None]]
) -> None:
    query = f"{SPACES} SELECT ?name ?country {{ {where} }}".replace("<there>", f"<{wikidata}>").replace("<down>", f"<{down}>")
    got = send_query(joined, way, query)
    assert sorted((row["name"], row.get("country")) for row in got.rows) == sorted(expected)
    assert got.headers["Cache-Control"] == "no-store"


def test_a_join_in_every_format_of_rows(joined: Running, wikidata: str) -> None:
    query = f"{SPACES} SELECT ?name ?country {{ {SAME} SERVICE <{wikidata}> {{ {COUNTRY} }} }} ORDER BY ?name"
    got = {name: ask(joined, query, format=name) for name in ("json", "xml", "csv", "tsv")}
    assert {answer.status for answer in got.values()} == {200}
    assert {answer.headers["Cache-Control"] for answer in got.values()} == {"no-store"}
    assert [(row["name"], row["country"]) for row in got["json"].rows] == BOTH
    space = "{http://www.w3.org/2005/sparql-results#}"
    results = ET.fromstring(got["xml"].body).iter(f"{space}result")  # noqa: S314 (from our own server)
    assert [tuple(literal.text for literal in result.iter(f"{space}literal")) for result in results] == BOTH
    assert list(csv.reader(io.StringIO(got["csv"].body.decode(), newline="")))[1:] == [list(row) for row in BOTH]
    assert got["tsv"].body.decode().splitlines()[1:] == [f'"{name}"\t"{country}"@en' for name, country in BOTH]


@pytest.mark.parametrize("fmt", ["turtle", "ntriples", "jsonld", "rdfxml"])
def test_a_join_in_every_format_of_graphs(joined: Running, wikidata: str, fmt: str) -> None:
    query = f"{SPACES} CONSTRUCT {{ ?thing ex:country ?c }} WHERE {{ {SAME} SERVICE <{wikidata}> {{ ?item wdt:P17 ?c }} }}"
    got = ask(joined, query, format=fmt)
    assert got.status == 200
    assert got.headers["Cache-Control"] == "no-store"
    graph = Graph().parse(got.body, format={"jsonld": "json-ld", "rdfxml": "xml", "ntriples": "nt"}.get(fmt, fmt))
    things = [("acme", "Q1"), ("other", "Q4")]
    country = URIRef("http://example.org/country")
    assert set(graph) == {
        (URIRef(f"http://example.org/{name}"), country, URIRef(f"http://www.wikidata.org/entity/{item}")) for name, item in things
    }


def test_a_join_answers_ask_and_describe_and_people(joined: Running, wikidata: str) -> None:
    there = f"{SAME} SERVICE <{wikidata}> {{ ?item wdt:P17 wd:Q4 }}"
    assert json.loads(ask(joined, f"{SPACES} ASK {{ {there} }}").body)["boolean"] is True
    assert json.loads(ask(joined, f"{SPACES} ASK {{ {there} FILTER(?name = 'Acme') }}").body)["boolean"] is False
    described = ask(joined, f"{SPACES} DESCRIBE ?thing {{ {there} }}", "application/n-triples")
    assert {str(subject) for subject in Graph().parse(described.body, format="nt").subjects()} == {"http://example.org/other"}
    page = ask(joined, f"{SPACES} SELECT ?name {{ {there} }}", "text/html")
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "<td>Other</td>" in page.body.decode()


def test_what_another_says_is_asked_anew_each_time(server: Running, others: Others) -> None:
    query = f"SELECT ?o {{ SERVICE <{others.at('answers')}> {{ VALUES ?p {{ 'handed on' }} ?s ?p ?o }} }}"
    first, second = (ask(server, query) for _ in range(2))
    assert int(second.rows[0]["o"]) == int(first.rows[0]["o"]) + 1
    assert {got.headers["Cache-Control"] for got in (first, second)} == {"no-store"}
    tagged = "/sparql?" + urlencode({"query": query})
    assert send(server.address, "GET", tagged, If_None_Match="*").status == 200
    assert "handed on" in others.asked[-1]  # the values go along
    assert "VALUES" in others.asked[-1]
    assert "Referer" not in others.asked[-1]


# Whatever others do, the query ends


def calling(address: str, silent: str = "") -> str:
    """A query that has another server do it all."""
    return f"SELECT ?o {{ SERVICE {silent}<{address}> {{ ?s ?p ?o }} }}"


@pytest.mark.parametrize("name", [*ONCE, *REDIRECTS])
def test_what_is_no_answer_is_an_error_in_words(server: Running, others: Others, bait: socket.socket, name: str) -> None:
    others.target = f"http://127.0.0.1:{port_of(bait)}/private"
    got = ask(server, calling(others.at(name)))
    assert got.status in {400, 502}
    assert got.problem["detail"].startswith("This query could not be evaluated")
    assert got.headers["Cache-Control"] == "no-store"
    silent = ask(server, calling(others.at(name), "SILENT "))
    if name in LATE:
        assert silent.status in {400, 502}  # never a part of the rows
    else:
        assert silent.rows == [{}]


def test_a_redirect_is_not_followed_to_an_allowed_server_either(server: Running, others: Others) -> None:
    others.target = others.at("answers")
    assert ask(server, calling(others.at("redirect-302"))).status in {400, 502}
    assert others.asked[-1].split()[1] == "/redirect-302"


def test_a_server_that_is_down_is_an_error_in_words(server: Running, down: str) -> None:
    assert ask(server, calling(down)).status in {400, 502}
    assert ask(server, calling(down), "text/html").status in {400, 502}
    assert ask(server, calling(down, "SILENT ")).rows == [{}]


@pytest.mark.parametrize("name", ["down", "big-error", *sorted(set(ONCE) - {"other-sort"}), *REDIRECTS])
def test_neither_their_words_nor_the_network_are_passed_on(
    server: Running, others: Others, down: str, bait: socket.socket, name: str
) -> None:
    others.target = f"http://127.0.0.1:{port_of(bait)}/private"
    got = ask(server, calling(down if name == "down" else others.at(name)))
    detail = got.problem["detail"]
    assert detail.endswith(".")
    for inside in (CELLAR, str(port_of(bait)), "os error", "payload", "\n", "HTTP", "xxx", "line 1 column", "bytes"):
        assert inside not in detail
    assert "{" not in detail
    assert len(detail) < 500


def test_a_slow_server_is_given_up_at_the_deadline(server: Running, others: Others) -> None:
    for more, seconds in (({}, DEADLINE), ({"timeout": "1"}, 1.0)):
        for silent in ("", "SILENT "):
            others.left.clear()
            begun = time.monotonic()
            got = ask(server, calling(others.at("slow"), silent), **more)
            assert seconds <= time.monotonic() - begun < seconds + GRACE
            assert got.status == 504
            assert got.problem["type"] == TYPES + "timeout"
            assert f"{seconds:g} seconds" in got.problem["detail"]
            assert others.left.wait(GRACE)  # nor is the connection left behind


def test_a_slow_server_is_given_up_when_the_client_hangs_up(server: Running, others: Others) -> None:
    others.left.clear()
    before = len(others.asked)
    begun = time.monotonic()
    with closing(HTTPConnection(urlsplit(server.address).netloc, timeout=60)) as connection:
        connection.request("GET", "/sparql?" + urlencode({"query": calling(others.at("slow"))}))
        while len(others.asked) == before:
            time.sleep(0.01)
            assert time.monotonic() - begun < DEADLINE
    assert others.left.wait(GRACE)
    assert time.monotonic() - begun < DEADLINE


@pytest.mark.parametrize(
    "together",
    [False, True],
)
def test_who_waits_for_slow_servers_holds_up_nobody(server: Running, others: Others, together: bool) -> None:
    """Half of the places for long queries, of which there are six, are one client's; short queries need none."""
    path = "/sparql?" + urlencode({"query": calling(others.at("slow"))})
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(HTTPConnection(urlsplit(server.address).netloc, timeout=60))) for _ in range(10)]
        for connection in connections:
            connection.connect()
        for connection in connections:
            connection.request("GET", path)
            time.sleep(0 if together else 0.1)
        begun = time.monotonic()
        assert ask(server, "ASK {}").status == 200
        assert time.monotonic() - begun < 1
        answers = [connection.getresponse() for connection in connections]
        assert sorted(answer.status for answer in answers) == [503] * 7 + [504] * 3
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status == 503)
        for answer in answers:
            answer.read()


@pytest.mark.parametrize("name", FOREVER)
def test_an_endless_answer_ends(server: Running, others: Others, name: str) -> None:
    begun = time.monotonic()
    got = ask(server, calling(others.at(name)))
    assert time.monotonic() - begun < DEADLINE + GRACE
    assert got.status in {400, 413, 502, 504, 507}
    assert got.problem["detail"].endswith(".") or got.status in {400, 502}
    assert len(got.body) < 1000
    assert ask(server, "ASK {}").status == 200


def test_a_large_answer_is_taken_whole(server: Running, others: Others) -> None:
    query = calling(others.at("big"))
    assert json.loads(ask(server, query.replace("?o", "(COUNT(*) AS ?n)", 1)).body)["results"]["bindings"][0]["n"]["value"] == str(
        BIG
    )
    got = ask(server, query, "text/csv")
    assert got.status == 200
    assert got.body.split(b"\r\n")[1:-1] == [b"x" * 68] * BIG
    assert got.headers["Cache-Control"] == "no-store"
    assert len(ask(server, query + " LIMIT 3").rows) == 3


def test_a_large_error_is_not_passed_on(server: Running, others: Others) -> None:
    assert len(ask(server, calling(others.at("big-error"))).body) < 1000


# Nobody else is called. B stands for the host and port of the bait, P for its port, A for an address that is allowed.

ADDRESSES = [
    "http://B/", "http://B/query", "http://localhost:P/", "http://[::1]:P/", "http://0.0.0.0:P/", "http://127.1:P/",
    "http://127.0.0.2:P/", "http://2130706433:P/", "http://0x7f000001:P/", "http://0177.0.0.1:P/", "http://[::ffff:127.0.0.1]:P/",
    "http://[::ffff:7f00:1]:P/", "http://127.0.0.1.:P/", "http://LOCALHOST:P/", "http://１２７.0.0.1:P/", "//B/", "http:B/",
    "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/latest/", "http://[fe80::1%25lo]:P/", "http://10.0.0.1/",
    "http://192.168.0.1/", "http://172.16.0.1/", "http://100.64.0.1/", "http://metadata.google.internal/computeMetadata/v1/",
    "https://B/", "HTTP://B/", "file:///etc/passwd", "ftp://B/", "gopher://B/_GET", "ws://B/", "unix:/run/docker.sock",
    "data:text/turtle,", "javascript:0", "urn:x:y", "", ".", "/query",
    "http://user@B/", "http://user:word@B/", "http://A@B/", "http://A:80@B/", "http://B#@A/", "http://B/?A", "http://B/#A", "A@B",
    "A@B/", "A.B", "A:P", "A#", "A?", "A/", "A/../", "A//", "A?x=http://B/", "A%23", "A%2f", "A ", " A", "\tA", "A\n",
]  # fmt: skip


def filled(text: str, listener: socket.socket, others: Others) -> str:
    """A text of the tables here with real addresses."""
    port, allowed = port_of(listener), others.at("answers")
    for name, value in (
        (r"(?<=http://)A\b", urlsplit(allowed).netloc),
        (r"\{A\}|\bA\b", allowed),
        (r"\bB\b", f"127.0.0.1:{port}"),
        (r"(?<=:)P\b", str(port)),
    ):
        text = re.sub(name, value, text)
    return text


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_other_address_is_called(server: Running, others: Others, bait: socket.socket, address: str) -> None:
    before = len(others.asked)
    for silent in ("", "SILENT "):
        for way in ("get", "form", "direct"):
            demand_refusal(send_query(server, way, calling(filled(address, bait, others), silent)))
    assert len(others.asked) == before


QUERIES = {
    "in EXISTS": "SELECT * { ?s ?p ?o FILTER EXISTS { SERVICE <http://B/> { ?s ?p ?o } } }",
    "in NOT EXISTS": "SELECT * { ?s ?p ?o FILTER NOT EXISTS { SERVICE SILENT <http://B/> { ?s ?p ?o } } }",
    "in OPTIONAL": "SELECT * { ?s ?p ?o OPTIONAL { SERVICE <http://B/> { ?s ?p ?o } } }",
    "in MINUS": "SELECT * { ?s ?p ?o MINUS { SERVICE <http://B/> { ?s ?p ?o } } }",
    "in UNION": "SELECT * { { ?s ?p ?o } UNION { SERVICE <http://B/> { ?s ?p ?o } } }",
    "in GRAPH": "SELECT * { GRAPH ?g { SERVICE <http://B/> { ?s ?p ?o } } }",
    "in a sub-select": "SELECT * { { SELECT * { SERVICE <http://B/> { ?s ?p ?o } } } }",
    "in BIND": "SELECT * { BIND(EXISTS { SERVICE <http://B/> { ?s ?p ?o } } AS ?e) }",
    "in ASK": "ASK { SERVICE <http://B/> { ?s ?p ?o } }",
    "in CONSTRUCT": "CONSTRUCT { ?s ?p ?o } WHERE { SERVICE <http://B/> { ?s ?p ?o } }",
    "in DESCRIBE": "DESCRIBE ?s WHERE { SERVICE <http://B/> { ?s ?p ?o } }",
    "variable": "SELECT * { VALUES ?x { <http://B/> } SERVICE ?x { ?s ?p ?o } }",
    "variable with a dollar": "SELECT * { BIND(IRI('http://B/') AS ?x) SERVICE SILENT $x { ?s ?p ?o } }",
    "variable from data": "SELECT * { ?x ?y ?z SERVICE ?x { ?s ?p ?o } }",
    "variable beside an allowed one": "SELECT * { VALUES ?x { <http://B/> } SERVICE <{A}> { ?s ?p ?o } SERVICE ?x { ?s ?p ?o } }",
    "base": "BASE <http://B/> SELECT * { SERVICE <query> { ?s ?p ?o } }",
    "base that is allowed": "BASE <{A}> SELECT * { SERVICE <> { ?s ?p ?o } }",
    "base before an allowed one": "BASE <http://B/> SELECT * { SERVICE <{A}> { ?s ?p ?o } SERVICE <q> { ?s ?p ?o } }",
    "prefix": "PREFIX b: <http://B/> SELECT * { SERVICE b:query { ?s ?p ?o } }",
    "empty prefix": "PREFIX : <http://B/> SELECT * { SERVICE :query { ?s ?p ?o } }",
    "prefix that is allowed": "PREFIX a: <{A}> SELECT * { SERVICE a: { ?s ?p ?o } }",
    "prefix of that name": "PREFIX service: <http://B/> SELECT * { SERVICE service:x { ?s ?p ?o } }",
    "escape in the address": "SELECT * { SERVICE <http://B/\\u0071uery> { ?s ?p ?o } }",
    "escape of the host": "SELECT * { SERVICE <http:\\u002f\\u002fB/> { ?s ?p ?o } }",
    "long escape": "SELECT * { SERVICE <http://B/\\U00000071uery> { ?s ?p ?o } }",
    "escape beside an allowed one": "SELECT * { SERVICE <{A}> { ?s ?p '\\u0061' } }",
    "in an allowed one": "SELECT * { SERVICE <{A}> { ?s ?p ?o SERVICE <http://B/> { ?s ?p ?o } } }",
    "behind an allowed one": "SELECT * { SERVICE <{A}> { ?s ?p ?o } SERVICE <http://B/> { ?s ?p ?o } }",
    "before an allowed one": "SELECT * { SERVICE <http://B/> { ?s ?p ?o } SERVICE <{A}> { ?s ?p ?o } }",
    "comment between": "SELECT * { SERVICE # <{A}>\n<http://B/> { ?s ?p ?o } }",
    "comment at once": "SELECT * { SERVICE#\n<http://B/>{ ?s ?p ?o } }",
    "comment after return": "SELECT * { SERVICE # <{A}>\r<http://B/> { ?s ?p ?o } }",
    "no blank": "SELECT * { SERVICE<http://B/>{ ?s ?p ?o } }",
    "mixed letters": "SELECT * { sErViCe SiLeNt<http://B/>{ ?s ?p ?o } }",
    "after a number": "SELECT * { ?s ?p 1SERVICE <http://B/> { ?s ?p ?o } }",
    "after a string": "SELECT * { ?s ?p ''SERVICE <http://B/> { ?s ?p ?o } }",
    "after an escaped quote": "SELECT * { ?s ?p 'it\\'s' SERVICE <http://B/> { ?s ?p ?o } }",
    "after a long string": 'SELECT * { ?s ?p """a"" " """ SERVICE <http://B/> { ?s ?p ?o } }',
    "after what looks like a comment": "SELECT * { ?s ?p <http://example.org/#> SERVICE <http://B/> { ?s ?p ?o } }",
    "after less than": "SELECT * { FILTER(1<2) SERVICE <http://B/> { ?s ?p ?o } FILTER(3>2) }",
    "behind a byte order mark": "\ufeffSELECT * { SERVICE <http://B/> { ?s ?p ?o } }",
    "other blanks": "SELECT * { SERVICE\f\v<http://B/> { ?s ?p ?o } }",
    "a string in one that calls": "SELECT * { SERVICE <{A}> { ?s ?p 'SERVICE' } }",
    "a string with an allowed one": "SELECT * { SERVICE <http://B/> { ?s ?p 'SERVICE <{A}>' } }",
    "a variable in one that calls": "SELECT ?service { SERVICE <{A}> { ?s ?p ?service } }",
    "a comment in one that calls": "SELECT * { SERVICE <{A}> { ?s ?p ?o } } # SERVICE",
}
#: Letters that are the same as those of the word when case is ignored, to some.
LOOKALIKES = {
    f"{what}, {where}": f"BASE <http://B/> PREFIX b: <http://B/> SELECT * {{ {call} {{ ?s ?p ?o }} {inside} }} {after}"
    for what, call in (("variable", "VALUES ?x { <http://B/> } SERVICE ?x"), ("prefix", "SERVICE b:x"), ("base", "SERVICE\n<q>"))
    for where, inside, after in (
        ("long s in a comment", "", "# \u017fERVICE <{A}>"),
        ("dotless i in a comment", "", "# SERV\u0131CE <{A}>"),
        ("long s in a string", "FILTER('\u017fervice <{A}>' != ?o)", ""),
        ("long s beside an allowed one", "SERVICE <{A}> { ?s ?p ?o }", "# \u017fervice <{A}>"),
    )
}


@pytest.mark.parametrize("name", [*QUERIES, *(n for n in LOOKALIKES if n.startswith("base"))])
def test_no_other_server_is_called_however_it_is_written(server: Running, others: Others, bait: socket.socket, name: str) -> None:
    before = len(others.asked)
    query = filled((QUERIES | LOOKALIKES)[name], bait, others)
    for way in ("get", "form", "direct"):
        detail = demand_refusal(send_query(server, way, query))
        assert "nor may the word stand anywhere else" in detail
        assert f"<{others.at('answers')}>" in detail
    assert len(others.asked) == before
    page = ask(server, query, "text/html")
    assert page.status == 422
    assert "nor may the word stand anywhere else" in page.body.decode()


@pytest.mark.parametrize("name", [name for name in LOOKALIKES if not name.startswith("base")])
def test_letters_that_only_look_alike_do_not_stand_in_for_the_word(
    server: Running, others: Others, bait: socket.socket, name: str
) -> None:
    before = len(others.asked)
    got = ask(server, filled(LOOKALIKES[name], bait, others))
    assert not was_called(bait)
    assert len(others.asked) == before
    demand_refusal(got)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT * { VALUES ?x { 'SERVICE <http://B/> {}' } }", 1),
        ("SELECT * { VALUES ?x { '''it's a SERVICE <http://B/>''' } }", 1),
        ('SELECT * { VALUES ?x { """a "SERVICE" <http://B/> """ } }', 1),
        ("SELECT * { VALUES ?x { 1 } } # SERVICE <http://B/> { ?s ?p ?o }", 1),
        ("SELECT * { # SERVICE <http://B/> {\n VALUES ?x { 1 2 } }", 2),
        ("SELECT ?service { VALUES ?service { <http://B/SERVICE> } }", 1),
        ("PREFIX service: <http://B/> SELECT * { VALUES ?x { service:x service:SERVICE } }", 2),
        ("SELECT * FROM <http://B/data.ttl> { ?s ?p ?o }", 0),
        ("SELECT * FROM NAMED <http://B/data.ttl> { GRAPH ?g { ?s ?p ?o } }", 0),
        (
            "SELECT * FROM <http://B/a> FROM NAMED <http://B/b> { { ?s ?p ?o } UNION { GRAPH <http://B/b> { ?s ?p ?o } } }",
            0,
        ),
        ("SELECT * { GRAPH <http://B/data.ttl> { ?s ?p ?o } }", 0),
        ("SELECT * { <http://B/data.ttl> ?p ?o }", 0),
    ],
)
def test_what_only_looks_like_a_call_is_answered(
    server: Running, others: Others, bait: socket.socket, query: str, rows: int
) -> None:
    for way in ("get", "form", "direct"):
        assert len(send_query(server, way, filled(query, bait, others)).rows) == rows


@pytest.mark.parametrize("parameter", ["default-graph-uri", "named-graph-uri"])
def test_a_graph_of_the_request_is_not_fetched(server: Running, bait: socket.socket, parameter: str) -> None:
    query = "SELECT * { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"
    assert len(ask(server, query).rows) == 6
    address = f"http://127.0.0.1:{port_of(bait)}/data.ttl"
    assert ask(server, query, **{parameter: address}).rows == []
    form = urlencode({"query": query, parameter: address}).encode()
    assert send(server.address, "POST", "/sparql", form, Content_Type=FORM, Accept=RESULTS).rows == []
    stored = "/rdf-graph-store?" + urlencode({"graph": address})
    assert send(server.address, "GET", stored, Accept="text/turtle").status == 404


@pytest.mark.parametrize("update", ["LOAD <http://B/data.ttl>", "LOAD SILENT <http://B/> INTO GRAPH <http://example.org/g>"])
def test_nothing_is_loaded(server: Running, others: Others, bait: socket.socket, update: str) -> None:
    text = filled(update, bait, others)
    for way in ("get", "form", "direct"):
        got = send_query(server, way, text)
        assert got.status == 403
        assert got.problem["type"] == TYPES + "read-only"
    form = urlencode({"update": text}).encode()
    assert send(server.address, "POST", "/sparql", form, Content_Type=FORM).status == 403
    assert send(server.address, "POST", "/sparql", text.encode(), Content_Type="application/sparql-update").status == 403


def test_a_server_may_be_told_to_call_nobody(here: Path, others: Others, bait: socket.socket) -> None:
    with serving("--dataset", here, KG_SERVICES="") as alone:
        for address in (f"http://127.0.0.1:{port_of(bait)}/", others.at("answers")):
            assert "calls no others" in demand_refusal(ask(alone, calling(address)))


# The barrier behind the text: without it being read, too, nobody is called


@pytest.mark.skipif(not can_confine(), reason="no seccomp filter is known for this platform")
def test_ordinary_queries_run_where_no_connection_is_possible(
    small: tuple[Path, Release], others: Others, bait: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(others.asked)
    allowed = others.at("answers")
    with running_store(OxigraphStore(source(small[1]), Settings(services=(allowed,), timeout=5))) as started:
        assert started.ask(calling(allowed), "csv").split()[0] == b"o"
        assert len(others.asked) == before + 1
        monkeypatch.setattr(started.store._reception, "_examine", lambda _: False)
        targets = [address for address in ADDRESSES if address.startswith("http://") and (":P" in address or "//B" in address)]
        readable = [filled(address, bait, others) for address in targets if "%" not in address]
        assert len(readable) > 10
        for address in [allowed, *readable]:
            with pytest.raises(BadQuery, match="could not be evaluated"):
                started.ask(calling(address))
            silent = json.loads(started.ask(calling(address, "SILENT ")))
            assert silent["results"]["bindings"] == [{}]
    assert len(others.asked) == before + 1


@pytest.mark.parametrize("word", ["S\\u0045RVICE", "SERV\u0131CE", "ＳERVICE", "SERV\u0130CE", "\u017fERVICE"])
def test_the_word_in_disguise_is_no_word_to_the_engine(word: str) -> None:
    """Where connections cannot be forbidden, all depends on this: the letters are only ever written as they are."""
    query = f"SELECT * {{ {word} SILENT <http://127.0.0.1/> {{ ?s ?p ?o }} }}"
    with pytest.raises(SyntaxError):
        ox.Store().query(query)
    assert isinstance(ox.Store().query(query.replace(word, "SERVICE")), ox.QuerySolutions)
