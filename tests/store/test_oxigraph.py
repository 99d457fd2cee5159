"""The embedded store: strangers' queries end within their limits, call nobody, and harm no other query."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.errors import BadQuery, KgError, MethodRefused, NotAcceptable, Overloaded, QueryTimeout, QueryTooHeavy, TooLarge
from kg.names import PREFIXES
from kg.release import STORE, Release
from kg.settings import Settings
from kg.store import Request
from kg.store.oxigraph import OxigraphStore, store_files
from kg.store.sandbox import can_forbid_sockets

LIMITS = Settings(workers=2, timeout=1.0, memory=200, result_bytes=300_000, query_bytes=10_000, waiting=2)
SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


@pytest.fixture(scope="module")
def store(small: tuple[Path, Release]) -> Iterator[OxigraphStore]:
    store = OxigraphStore(small[1].path / STORE, LIMITS, PREFIXES)
    yield store
    store.close()


def ask(store: OxigraphStore, text: str, results: str | None = "json", graph: str | None = "turtle") -> bytes:
    return store.query(Request(text, results, graph)).body


@pytest.mark.parametrize("fmt", ["json", "xml", "csv", "tsv"])
def test_rows_in_every_format(store: OxigraphStore, fmt: str) -> None:
    answer = store.query(Request("SELECT ?o { ini:xa-cameras kg:provider ?o }", fmt, None))
    assert answer.format == fmt
    assert b"id/org/maker" in answer.body


@pytest.mark.parametrize("fmt", ["turtle", "ntriples", "jsonld", "rdfxml"])
def test_graphs_in_every_format(store: OxigraphStore, fmt: str) -> None:
    answer = store.query(Request("CONSTRUCT { ?s kg:provider ?o } WHERE { ?s kg:provider ?o }", None, fmt))
    assert answer.format == fmt
    assert b"maker" in answer.body


def test_a_result_of_the_other_sort_is_not_acceptable(store: OxigraphStore) -> None:
    with pytest.raises(NotAcceptable, match="text/turtle"):
        ask(store, "DESCRIBE ini:xa-cameras", graph=None)
    with pytest.raises(NotAcceptable, match="text/csv"):
        ask(store, "ASK {}", results=None)


def test_a_long_query_ends_at_the_deadline(store: OxigraphStore) -> None:
    started = time.monotonic()
    with pytest.raises(QueryTimeout, match="1 seconds"):
        ask(store, SLOW)
    assert time.monotonic() - started < LIMITS.timeout + 1
    assert ask(store, "ASK {}")


def test_a_greedy_query_ends_at_its_memory(small: tuple[Path, Release]) -> None:
    store = OxigraphStore(small[1].path / STORE, Settings(workers=1, timeout=30, memory=100), PREFIXES)
    with pytest.raises(QueryTooHeavy, match="100 MiB"):
        ask(store, "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?c ?f ?i")
    assert ask(store, "ASK {}")
    store.close()


def test_a_worker_that_died_while_idle_is_replaced(small: tuple[Path, Release]) -> None:
    store = OxigraphStore(small[1].path / STORE, Settings(workers=1), PREFIXES)
    for _ in range(2):
        process = store._workers[0]._process
        assert process
        process.kill()
        process.join()
        assert ask(store, "ASK {}")
    store.close()
    store.close()


def test_a_large_answer_is_refused_not_cut(store: OxigraphStore) -> None:
    with pytest.raises(TooLarge, match="LIMIT"):
        ask(store, "SELECT * { ?a ?b ?c . ?d ?e ?f }")


def test_a_long_text_is_refused(store: OxigraphStore) -> None:
    with pytest.raises(TooLarge, match="10,000"):
        ask(store, "ASK {} #" + "x" * 20_000)


def test_other_queries_go_on_beside_a_slow_one(store: OxigraphStore) -> None:
    failed: list[Exception] = []

    def hold() -> None:
        try:
            ask(store, SLOW)
        except QueryTimeout as error:
            failed.append(error)

    thread = threading.Thread(target=hold)
    thread.start()
    started = time.monotonic()
    for _ in range(20):
        ask(store, "ASK { ?s ?p ?o }")
    assert time.monotonic() - started < LIMITS.timeout
    thread.join()
    assert len(failed) == 1


def test_more_than_may_wait_are_turned_away(store: OxigraphStore) -> None:
    outcomes: list[str] = []

    def run() -> None:
        try:
            ask(store, SLOW)
        except KgError as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=run) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Overloaded.__name__ in outcomes
    assert QueryTimeout.__name__ in outcomes
    assert ask(store, "ASK {}")


def test_updates_and_nonsense_are_bad_queries(store: OxigraphStore) -> None:
    with pytest.raises(MethodRefused, match="read-only"):
        ask(store, "INSERT DATA { <a:a> <a:b> 1 }")
    with pytest.raises(BadQuery, match="Line 1, column"):
        ask(store, "SELECT * {")


@pytest.mark.skipif(not can_forbid_sockets(), reason="no seccomp filter is known for this platform")
def test_a_worker_cannot_reach_anyone(store: OxigraphStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        port = listener.getsockname()[1]
        query = f"SELECT * {{ SERVICE <http://127.0.0.1:{port}/sparql> {{ ?s ?p ?o }} }}"
        # Past the friendly refusal, straight to the worker: the barrier itself.
        outcome, _ = store._workers[0].ask(Request(query, "json", "turtle"), 5)
        assert outcome == "error"
        with pytest.raises(TimeoutError):
            listener.accept()


def test_our_own_rows_bind_their_variables(store: OxigraphStore) -> None:
    rows = store.rows("SELECT ?s ?o { ?s kg:provider ?o }", {"s": ox.NamedNode(PREFIXES["ini"] + "xa-cameras")})
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
    folder = store_files(files)
    store = OxigraphStore(folder, Settings(workers=1), {}, temporary=True)
    assert len(store.rows("SELECT ?o { <http://a/s> <http://a/p> ?o }")) == len(files)  # each file has its own blank node
    store.close()
    assert not folder.exists()


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    for name, text in (("a.ttl", "<a:a> <a:b>\n oops"), ("a.txt", "x"), ("missing.ttl", None)):
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(KgError, match=name):
            store_files([tmp_path / name])
