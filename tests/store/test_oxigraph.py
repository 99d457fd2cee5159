"""The embedded store: answers are whole and in the format asked for; strangers' queries end within their limits and call nobody."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import pyoxigraph as ox
import pytest

from kg.errors import (
    AnswerTooLarge,
    BadQuery,
    KgError,
    MethodRefused,
    NotAcceptable,
    NotFound,
    QueryTimeout,
    QueryTooHeavy,
    ServiceRefused,
    Throttled,
    TooLarge,
)
from kg.names import PREFIXES
from kg.release import Release
from kg.settings import Settings
from kg.store import Dump, Request
from kg.store.oxigraph import OxigraphStore, store_files
from kg.store.sandbox import can_confine
from store.starting import Running, running, source

LIMITS = Settings(young=2, old=4, timeout=1.0, memory=400, result_bytes=3_000_000, query_bytes=10_000, waiting=4)
SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
BIG = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 3000"


@pytest.fixture(scope="module")
def store(small: tuple[Path, Release]) -> Iterator[Running]:
    with running(OxigraphStore(source(small[1]), LIMITS)) as started:
        yield started


@pytest.mark.parametrize("fmt", ["json", "xml", "csv", "tsv"])
def test_rows_in_every_format(store: Running, fmt: str) -> None:
    answer = store.query(Request("SELECT ?o { ini:xa-cameras kg:provider ?o }", fmt, None))
    assert answer.format == fmt
    assert isinstance(answer.body, bytes)
    assert b"id/org/maker" in answer.body
    assert answer.size == len(answer.body)


@pytest.mark.parametrize("fmt", ["turtle", "ntriples", "jsonld", "rdfxml"])
def test_graphs_in_every_format(store: Running, fmt: str) -> None:
    answer = store.query(Request("CONSTRUCT { ?s kg:provider ?o } WHERE { ?s kg:provider ?o }", None, fmt))
    assert answer.format == fmt
    assert isinstance(answer.body, bytes)
    assert b"maker" in answer.body


def test_turtle_has_the_prefixes_it_uses_and_no_others(store: Running) -> None:
    body = store.ask("CONSTRUCT { ?s kg:provider ?o } WHERE { ?s kg:provider ?o }").decode()
    assert "@prefix ini:" in body
    assert "@prefix law:" not in body
    assert "ini:xa-cameras kg:provider org:maker" in body


@pytest.mark.parametrize("text", ["SELECT ?o { ini:xa-cameras ?p ?o }", BIG])
@pytest.mark.parametrize(("encoding", "decode"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
def test_an_answer_is_compressed_as_asked(store: Running, text: str, encoding: str, decode: Any) -> None:
    plain, packed = (store.query(Request(text, "json", None, encoding=coding)) for coding in ("", encoding))
    assert packed.encoding == encoding
    assert packed.size < plain.size / 3
    assert decode(content(packed.body)) == content(plain.body)
    assert packed.digest != plain.digest


def content(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    with body:
        body.seek(0)
        return bytes(body.read())


def test_equal_answers_have_equal_digests(store: Running) -> None:
    digests = []
    for text in ("SELECT * { ?s a kg:Initiative }", BIG):
        for _ in range(2):
            answer = store.query(Request(text, "json", None))
            digests.append(answer.digest)
            assert len(content(answer.body)) == answer.size
    assert digests[0] == digests[1] != digests[2] == digests[3]


def test_the_first_rows_say_that_there_are_more(store: Running) -> None:
    whole = json.loads(store.ask("SELECT * { ?s ?p ?o } ORDER BY ?s ?p ?o LIMIT 30"))
    some = store.query(Request("SELECT * { ?s ?p ?o } ORDER BY ?s ?p ?o LIMIT 30", "json", None, rows=20))
    assert some.partial
    first = json.loads(content(some.body))
    assert first["head"] == whole["head"]
    assert first["results"]["bindings"] == whole["results"]["bindings"][:20]
    assert not store.query(Request("SELECT * { ?s ?p ?o } LIMIT 20", "json", None, rows=20)).partial
    graph = "CONSTRUCT WHERE { ?s a ?o }"
    assert store.query(Request(graph, None, "ntriples", rows=3)).partial
    assert content(store.query(Request(graph, None, "ntriples", rows=3)).body).count(b"\n") == 3


def test_a_graph_and_the_dataset_are_dumped(store: Running) -> None:
    counted = "SELECT (COUNT(*) AS ?n) { GRAPH graph:derived { ?s ?p ?o } }"
    triples = content(store.query(Dump("ntriples", PREFIXES["graph"] + "derived")).body)
    assert store.ask(counted, "csv").decode().split()[1] == str(triples.count(b"\n"))
    default = content(store.query(Dump("ntriples", "default")).body).count(b"\n")
    quads = content(store.query(Dump("nquads")).body).count(b"\n")
    assert quads == 2 * default  # each triple stands in its layer, too
    assert b"graph:derived {" in content(store.query(Dump("trig")).body)
    with pytest.raises(NotFound, match="nothing"):
        store.query(Dump("turtle", PREFIXES["graph"] + "nothing"))


def test_a_result_of_the_other_sort_is_not_acceptable(store: Running) -> None:
    with pytest.raises(NotAcceptable, match="text/turtle"):
        store.ask("DESCRIBE ini:xa-cameras", graph=None)
    with pytest.raises(NotAcceptable, match="text/csv"):
        store.ask("ASK {}", results=None)


def test_what_xml_cannot_carry_is_refused_in_xml(store: Running) -> None:
    text = 'SELECT ("a\\u0001b" AS ?x) ("\\uFFFF" AS ?y) {}'
    with pytest.raises(BadQuery, match="control characters"):
        store.ask(text, "xml")
    assert json.loads(store.ask(text))["results"]["bindings"][0]["x"]["value"] == "a\x01b"


def test_a_long_query_ends_at_the_deadline(store: Running) -> None:
    started = time.monotonic()
    with pytest.raises(QueryTimeout, match="1 seconds"):
        store.ask(SLOW)
    assert time.monotonic() - started < LIMITS.timeout + 0.5
    assert store.ask("ASK {}")


def test_a_client_may_ask_for_less_time_but_not_for_more(store: Running) -> None:
    for asked, given in ((0.2, 0.2), (0.05, 0.05), (60, LIMITS.timeout)):
        started = time.monotonic()
        with pytest.raises(QueryTimeout, match=f"{given:g} seconds"):
            store.query(Request(SLOW, "json", None, timeout=asked))
        assert given <= time.monotonic() - started < given + 0.5


def test_a_greedy_query_ends_at_its_memory(run: Callable[[Settings], Running]) -> None:
    store = run(Settings(timeout=30, memory=200))
    with pytest.raises(QueryTooHeavy, match="200 MiB"):
        store.ask("SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?c ?f ?i")
    assert store.ask("ASK {}")


def test_a_chain_too_long_for_the_stack_is_no_lack_of_memory(run: Callable[[Settings], Running]) -> None:
    store = run(Settings(timeout=30))
    with pytest.raises((QueryTooHeavy, BadQuery), match=r"too deeply|too long a chain"):
        store.ask("SELECT * { ?s ?p ?o FILTER(" + "!" * 400_000 + "true) }")
    assert store.ask("ASK {}")


def test_more_memory_than_there_is_room_for_is_said_at_the_start(run: Callable[[Settings], Running]) -> None:
    with pytest.raises(KgError, match=r"a worker may take 5\. Give workers more"):
        run(Settings(memory=5))


def test_a_large_answer_is_refused_not_cut(store: Running) -> None:
    with pytest.raises(AnswerTooLarge, match="LIMIT"):
        store.ask("SELECT * { ?a ?b ?c . ?d ?e ?f }")


def test_a_long_text_is_refused(store: Running) -> None:
    with pytest.raises(TooLarge, match="10,000"):
        store.ask("ASK {} #" + "x" * 20_000)
    with pytest.raises(TooLarge, match="10,000"):
        store.ask("ASK {} #" + "ñ" * 6_000)


def test_a_store_read_from_disk_gives_the_same_answers(run: Callable[[Settings], Running], store: Running) -> None:
    disk = run(Settings(memory_triples=1))
    for text in ("SELECT * { ?s ?p ?o } ORDER BY ?s ?p ?o LIMIT 50", "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"):
        assert disk.ask(text) == store.ask(text)


def test_updates_and_nonsense_are_bad_queries(store: Running) -> None:
    with pytest.raises(MethodRefused, match="read-only"):
        store.ask("INSERT DATA { <a:a> <a:b> 1 }")
    with pytest.raises(BadQuery, match="Line 1, column"):
        store.ask("SELECT * {")
    with pytest.raises(BadQuery, match="could not be evaluated"):
        store.query(Request("ASK {}", "json", None, default_graphs=("no iri",)))


def test_whoever_has_used_his_seconds_must_wait_and_others_need_not(run: Callable[[Settings], Running]) -> None:
    store = run(Settings(timeout=0.6, client_burst=0.5, client_rate=0.1))
    with pytest.raises(QueryTimeout):
        store.ask(SLOW, client="a")
    with pytest.raises(Throttled, match="Try again in") as raised:
        store.ask("ASK {}", client="a")
    assert 5 <= raised.value.retry_after <= 15
    assert store.ask("ASK {}", client="b")


@pytest.mark.skipif(not can_confine(), reason="no seccomp filter is known for this platform")
def test_a_worker_cannot_reach_anyone(store: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        port = listener.getsockname()[1]
        query = f"SELECT * {{ SERVICE <http://127.0.0.1:{port}/sparql> {{ ?s ?p ?o }} }}"
        with pytest.raises(ServiceRefused):
            store.ask(query)
        # Past the friendly refusal, straight to the worker: the barrier itself.
        reception = store.store._reception
        examine = reception._examine
        try:
            reception._examine = lambda _: False  # type: ignore[method-assign]
            with pytest.raises(BadQuery, match="could not be evaluated"):
                store.ask(query)
        finally:
            reception._examine = examine  # type: ignore[method-assign]
        with pytest.raises(TimeoutError):
            listener.accept()


def test_only_a_query_that_may_call_others_gets_a_worker_that_can(run: Callable[[Settings], Running]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/sparql"
        store = run(Settings(services=(address,), timeout=5))
        requests: list[bytes] = []

        def serve() -> None:
            connection, _ = listener.accept()
            requests.append(connection.recv(65536))
            body = b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"literal","value":"far"}}]}}'
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+json\r\nContent-Length: %d\r\n\r\n" % len(body)
            connection.sendall(head + body)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        answer = store.ask(f"SELECT ?x {{ SERVICE <{address}> {{ ?s ?p ?x }} }}", "csv")
        thread.join()
        assert answer.split() == [b"x", b"far"]
        assert requests[0].startswith((b"POST /sparql", b"GET /sparql"))


def test_our_own_rows_bind_their_variables(store: Running) -> None:
    rows = store.store.rows("SELECT ?s ?o { ?s kg:provider ?o }", {"s": ox.NamedNode(PREFIXES["ini"] + "xa-cameras")})
    assert [row["o"] for row in rows] == [ox.NamedNode(PREFIXES["org"] + "maker")]


def test_files_of_every_format_are_served(tmp_path: Path) -> None:
    triple = [ox.Triple(ox.NamedNode("http://a/s"), ox.NamedNode("http://a/p"), ox.BlankNode("b0"))]
    files = []
    for fmt in (
        ox.RdfFormat.TURTLE,
        ox.RdfFormat.N_TRIPLES,
        ox.RdfFormat.RDF_XML,
        ox.RdfFormat.JSON_LD,
        ox.RdfFormat.TRIG,
        ox.RdfFormat.N_QUADS,
    ):
        files.append(tmp_path / f"data.{fmt.file_extension}")
        ox.serialize(triple, files[-1], fmt)
    where = store_files(files, {})
    with running(OxigraphStore(where, Settings())) as store:
        text = "SELECT ?o { <http://a/s> <http://a/p> ?o }"
        assert len(store.store.rows(text)) == len(files)  # each file has its own blank node
        assert len(json.loads(store.ask(text))["results"]["bindings"]) == len(files)
    assert not where.store.exists()


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    for name, text in (("a.ttl", "<a:a> <a:b>\n oops"), ("a.txt", "x"), ("missing.ttl", None)):
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(KgError, match=name):
            store_files([tmp_path / name], {})
