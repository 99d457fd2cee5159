"""A store behind an engine that misbehaves: each fault is an honest error within the deadline, and ends when the fault ends."""

from __future__ import annotations

import base64
import errno
import gzip
import hashlib
import re
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import pyoxigraph as ox
import pytest

from kg.errors import (
    AnswerTooLarge,
    BadQuery,
    EngineDown,
    EngineFailed,
    HungUp,
    KgError,
    NotFound,
    Overloaded,
    QueryTimeout,
    QueryTooHeavy,
    RequestError,
)
from kg.names import PREFIXES
from kg.release import Release
from kg.settings import Settings
from kg.store import Answer, Dump, Request, engine, remote
from kg.store.holding import Holding
from kg.store.message import Check, Reply
from kg.store.remote import RemoteStore
from store import bad_engine as bad
from store.bad_engine import Asked, BadEngine, Way, is_look, is_query, until
from store.starting import Running, running

TIMEOUT = 1.5
LATE = 3.0  # seconds that a busy machine may take on top
LIMITS = Settings(timeout=TIMEOUT, result_bytes=10_000_000, client_burst=1e6, store_connections=4, waiting=4)
RIGHT = "SELECT ?o { ini:xa-cameras kg:provider ?o }"
GRAPH = "CONSTRUCT { ?s a ?o } WHERE { ?s a ?o }"
MARKED = "SELECT ?marked { ?marked a kg:Initiative }"
Remote = Running[RemoteStore]


def row(term: bytes, name: bytes = b"o") -> Way:
    """An answer of one row of one term."""
    return bad.body(b'{"head":{"vars":["o"]},"results":{"bindings":[{"%s":%s}]}}' % (name, term))


_OPENING = (
    b'{"type":"triple","value":{"subject":{"type":"uri","value":"urn:s"},"predicate":{"type":"uri","value":"urn:p"},"object":'
)
NESTED = _OPENING * 20_000 + b'{"type":"uri","value":"urn:o"}' + b"}}" * 20_000  # for which a parser has not enough stack

#: way → what strangers are told. Where that would blame who asks, readers of pages are told EngineFailed.
FAULTS: dict[str, tuple[Way, type[KgError]]] = {
    "closes": (bad.close_at_once, EngineDown),
    "resets": (bad.reset, EngineDown),
    "never answers": (bad.never_answer, QueryTimeout),
    "falls silent": (bad.begin_and_fall_silent, QueryTimeout),
    "headers only": (bad.headers_only, QueryTimeout),
    "a byte a second": (bad.drip, QueryTimeout),
    "less than its length": (bad.cut_by_length, EngineFailed),
    "no last chunk": (bad.cut_in_chunks, EngineFailed),
    "half of the JSON": (bad.cut_json, EngineFailed),
    "a page": (bad.html, EngineFailed),
    "a page called JSON": (bad.html_as_json, EngineFailed),
    "JSON called otherwise": (bad.mistyped, EngineFailed),
    "ASK for SELECT": (bad.ask_for_select, EngineFailed),
    "nothing": (bad.body(b""), EngineFailed),
    "null": (bad.body(b"null"), EngineFailed),
    "a list": (bad.body(b"[1]"), EngineFailed),
    "brackets": (bad.body(b"[" * 1_000_000), EngineFailed),
    "not UTF-8": (row(b'{"type":"literal","value":"\xff\xfe"}'), EngineFailed),
    "half of a surrogate": (row(b'{"type":"literal","value":"\\ud800"}'), EngineFailed),
    "a term in a term in a term": (row(NESTED), EngineFailed),
    "the same in escapes": (row(NESTED.replace(b'"triple"', b'"\\u0074riple"')), EngineFailed),
    "no IRI": (row(b'{"type":"uri","value":"no iri <>"}'), EngineFailed),
    "no language": (row(b'{"type":"literal","value":"x","xml:lang":"no language!"}'), EngineFailed),
    "another variable": (row(b'{"type":"literal","value":"x"}', b"x"), EngineFailed),
    "no HTTP": (bad.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), EngineFailed),
    "a long header": (bad.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 3_000_000 + b"\r\n\r\n"), EngineFailed),
    "many headers": (bad.raw(b"HTTP/1.1 200 OK\r\n" + b"X-a: b\r\n" * 200_000 + b"\r\n"), EngineFailed),
    "no end": (bad.endless, AnswerTooLarge),
    "a bomb": (bad.body(gzip.compress(bytes(100_000_000)), bad._JSON, "Content-Encoding: gzip"), AnswerTooLarge),
    "no gzip": (bad.body(b"plain", bad._JSON, "Content-Encoding: gzip"), EngineFailed),
    "400": (bad.status("400 Bad Request"), BadQuery),
    "400 as a page": (bad.status("400 Bad Request", b"<html>nginx at 127.0.0.1, secret</html>", "text/html"), BadQuery),
    "429": (bad.status("429 Too Many Requests"), Overloaded),
    "502": (bad.status("502 Bad Gateway"), EngineDown),
    "503": (bad.status("503 Service Unavailable"), EngineDown),
    "504": (bad.status("504 Gateway Timeout"), QueryTimeout),
    **{code: (bad.status(f"{code} Whatever"), EngineFailed) for code in ("204", "206", "401", "403", "404", "406", "413", "500")},
}


@pytest.fixture(scope="module")
def served(small: tuple[Path, Release]) -> Iterator[BadEngine]:
    with bad.bad_engine(small[1]) as one:
        yield one


@pytest.fixture(scope="module")
def started(small: tuple[Path, Release], served: BadEngine) -> Iterator[Remote]:
    with running(store_of(small[1], served)) as one:
        yield one


@pytest.fixture
def faulty(served: BadEngine, started: Remote) -> Iterator[BadEngine]:
    """An engine that holds the release and behaves at the beginning, behind `started`."""
    served.asked.clear()
    yield served
    served.behave()
    until(lambda: is_ready(started), "It heals")


@pytest.fixture
def own(small: tuple[Path, Release]) -> Iterator[BadEngine]:
    """One that a test may stop, and that forgets nothing of it afterwards."""
    with bad.bad_engine(small[1]) as one:
        yield one


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines are looked at more often."""
    monkeypatch.setattr(remote, "_LOOK", 0.3)


def store_of(release: Release, behind: BadEngine, **settings: Any) -> RemoteStore:
    return RemoteStore(release.manifest.id, PREFIXES, {}, replace(LIMITS, store=behind.address, **settings))


def is_ready(store: Remote) -> bool:
    return store.store.condition().ready


def failure_of(work: Callable[[], object]) -> KgError:
    """The error of ours that work ends with, in time."""
    begun = time.monotonic()
    with pytest.raises(KgError) as raised:
        work()
    assert time.monotonic() - begun < TIMEOUT + LATE
    return raised.value


def works(store: Remote) -> bool:
    rows = store.store.rows(RIGHT)
    return [row["o"].value for row in rows] == [PREFIXES["org"] + "maker"] and b"org/maker" in store.ask(RIGHT)


def content(answer: Answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    with answer.body as file:
        file.seek(0)
        return file.read()


# Each fault


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_and_ends_with_its_cause(faulty: BadEngine, started: Remote, name: str) -> None:
    way, expected = FAULTS[name]
    assert works(started)
    faulty.misbehave(way, is_query)
    with ThreadPoolExecutor(2) as threads:  # those that take their time, take it together
        strangers = threads.submit(failure_of, lambda: started.ask(RIGHT))
        readers = threads.submit(failure_of, lambda: started.store.rows(RIGHT))
    assert type(strangers.result()) is expected
    assert type(readers.result()) is (EngineFailed if issubclass(expected, RequestError) else expected)
    for failure in (strangers.result(), readers.result()):
        assert "127.0.0.1" not in str(failure), failure
        assert str(faulty.port) not in str(failure)
    assert "secret" not in str(readers.result())
    faulty.behave()
    until(lambda: is_ready(started), "It heals")
    assert works(started)


def test_the_answer_to_an_ask_is_no_table(faulty: BadEngine, started: Remote) -> None:
    faulty.misbehave(bad.select_for_ask, is_query)
    assert type(failure_of(lambda: started.ask("ASK { ?s a kg:Initiative }"))) is EngineFailed


_NESTED_LINE = b"<urn:a> <urn:p> " + b"<<( <urn:a> <urn:p> " * 100_000 + b"<urn:o>" + b" )>>" * 100_000 + b" .\n"
_HALVES = [bad.cut_by_length, bad.cut_in_chunks, bad.cut_json, bad.unframed, bad.html, bad.body(_NESTED_LINE, bad._TRIPLES)]


@pytest.mark.parametrize("way", _HALVES)
@pytest.mark.parametrize("request_", [Request(GRAPH, None, "turtle"), Dump("nquads"), Dump("turtle", "default")])
def test_half_a_graph_is_not_taken_for_the_whole(faulty: BadEngine, started: Remote, way: Way, request_: Request | Dump) -> None:
    whole = content(started.query(request_))
    assert whole
    faulty.misbehave(way, is_query)
    assert type(failure_of(lambda: started.query(request_))) is EngineFailed
    faulty.behave()
    assert len(content(started.query(request_))) == len(whole)


def test_a_dataset_has_one_deadline(faulty: BadEngine, started: Remote) -> None:
    """However many graphs each take a part of it."""

    def slowly(exchange: bad.Exchange) -> None:
        if not exchange.is_left(TIMEOUT * 0.6):
            bad.answer_rightly(exchange)

    faulty.misbehave(slowly, is_query)
    assert type(failure_of(lambda: started.query(Dump("nquads")))) is QueryTimeout


def test_what_is_no_graph_there_is_none(started: Remote) -> None:
    with pytest.raises(NotFound):
        started.query(Dump("turtle", PREFIXES["graph"] + "nothing"))


def test_nobody_is_asked_whom_the_operator_did_not_name(faulty: BadEngine, started: Remote) -> None:
    with bad.bad_engine() as elsewhere:
        for code in (301, 302, 303, 307, 308):
            faulty.misbehave(bad.status(f"{code} Elsewhere", b"", "text/plain", f"Location: {elsewhere.address}"), is_query)
            assert type(failure_of(lambda: started.store.rows(RIGHT))) is EngineFailed
            faulty.behave()
        assert not elsewhere.asked


def test_queries_that_differ_in_iris_are_read_once(served: BadEngine, started: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    read, ask = [], started.store._pool.ask

    async def noting(order: Check, *more: Any) -> Reply:
        read.append(order.text)
        return await ask(order, *more)

    monkeypatch.setattr(started.store._pool, "ask", noting)
    query = "SELECT ?differing { <%s> ?p ?differing FILTER(?differing != <http://b.example/>) }"
    for iri in ("http://a.example/1", "https://a.example/~x/2.html", "http://b.example/"):
        started.ask(query % iri)
    assert read == [query % "http://a.example/1"]
    for iri in ("http://a.example/> ?p ?o . <http://a.example/", "x"):
        started.ask(query % iri)
        assert read[-1] == query % iri
    for iri in ("http://a.example/ 1", "http://[a.example/", 'http://a.example/"'):
        assert type(failure_of(lambda iri=iri: started.ask(query % iri))) is BadQuery
        assert not any(asked.query.endswith(query % iri) for asked in served.asked)


def test_what_engines_say_of_time_and_limits_is_understood(own: BadEngine, small: tuple[Path, Release]) -> None:
    """By headers they are known; what each says is only taken for that where it is that engine."""

    def as_engine(*headers: str) -> Way:
        return lambda exchange: exchange.answer(*bad.evaluate(exchange), "200 OK", *headers)

    fuseki = bad.status("503 Service Unavailable", b"Query timed out", "text/plain", "Fuseki-Request-Id: 1")
    virtuoso = bad.status("500 SPARQL Request Failed", b"Virtuoso S1T00 Error SR171: Transaction timed out")
    own.misbehave(as_engine("Fuseki-Request-Id: 1"))
    with running(store_of(small[1], own)) as store:
        own.misbehave(fuseki, is_query)
        assert type(failure_of(lambda: store.ask(RIGHT))) is QueryTimeout
    own.misbehave(as_engine("Server: Virtuoso/07.20"))
    with pytest.MonkeyPatch.context() as patch, ExitStack() as opened:
        patch.setattr(remote, "missing", _nothing)  # the limits of the real one are tested elsewhere
        store = opened.enter_context(running(store_of(small[1], own)))
        own.misbehave(virtuoso, is_query)
        assert type(failure_of(lambda: store.ask(RIGHT))) is QueryTimeout
        for header in ("X-SPARQL-MaxRows: 10000", "X-SQL-State: S1TAT"):
            own.misbehave(as_engine(header), is_query)
            assert type(failure_of(lambda: store.store.rows(RIGHT))) is EngineFailed
        own.behave()
        assert works(store)
    own.behave()
    with running(store_of(small[1], own)) as store:
        own.misbehave(bad.status("500 SPARQL Request Failed", b"Virtuoso S1T00 Error SR171: Transaction aborted"), is_query)
        assert type(failure_of(lambda: store.ask(RIGHT))) is EngineFailed
        for line in ("503 Service Unavailable", "500 Internal Server Error"):  # so say others, who have no header of their own
            own.misbehave(bad.status(line, b"Query evaluation took too long"), is_query)
            assert type(failure_of(lambda: store.ask(RIGHT))) is QueryTimeout
        own.misbehave(as_engine("X-SPARQL-MaxRows: 10000"), is_query)  # a proxy keeps the name of the engine to itself
        assert type(failure_of(lambda: store.store.rows(RIGHT))) is EngineFailed


async def _nothing(*_: object) -> list[str]:
    return []


# What is lost on the way


@pytest.mark.parametrize("way", [bad.status("503 Service Unavailable"), bad.close_at_once, bad.reset, bad.cut_in_chunks])
def test_what_is_lost_twice_is_asked_for_again(faulty: BadEngine, started: Remote, way: Way) -> None:
    faulty.misbehave(way, is_query, times=2)
    assert b"org/maker" in started.ask(RIGHT)
    faulty.misbehave(way, is_query, times=2)
    assert started.store.rows(RIGHT)
    assert sum(map(is_query, faulty.asked)) == 6
    assert is_ready(started)


# The breaker


def test_an_engine_that_is_gone_is_not_waited_for_and_comes_back(own: BadEngine, small: tuple[Path, Release]) -> None:
    with running(store_of(small[1], own)) as store:
        assert works(store)
        own.stop()
        while is_ready(store):
            assert type(failure_of(lambda: store.ask(RIGHT))) is EngineDown
        begun = time.monotonic()
        for _ in range(50):  # which would take 8 seconds of waiting between tries
            failure = failure_of(lambda: store.ask(RIGHT))
            assert isinstance(failure, EngineDown)
            assert 1 <= failure.retry_after <= 10
            assert str(failure).count("Try again") == 1
            assert type(failure_of(lambda: store.store.rows(RIGHT))) is EngineDown
        assert time.monotonic() - begun < 4
        own.asked.clear()
        own.start()
        until(lambda: is_ready(store), "It heals")
        assert not [asked for asked in own.asked if is_query(asked)]  # no reader was used to find out
        assert works(store)


def test_many_at_once_are_told_and_find_it_again(own: BadEngine, small: tuple[Path, Release], hasty: None) -> None:
    ends = threading.Event()
    strange: list[BaseException] = []
    told: set[type] = set()

    def read(store: Remote, number: int) -> None:
        while not ends.is_set():
            try:
                store.store.rows(RIGHT) if number % 2 else store.query(Request(RIGHT, "json", None), f"client {number}")
            except KgError as error:
                told.add(type(error))
            except BaseException as error:
                strange.append(error)

    with running(store_of(small[1], own)) as store, ThreadPoolExecutor(12) as threads:
        try:
            for number in range(12):
                threads.submit(read, store, number)
            for way in (bad.html, bad.close_at_once, bad.html_as_json):
                own.misbehave(way)
                until(lambda: not is_ready(store), "It is noticed")
                own.behave()
                until(lambda: is_ready(store), "It heals")
        finally:
            ends.set()
    assert not strange
    assert told <= {EngineDown, EngineFailed, Overloaded, QueryTimeout}
    assert told & {EngineDown, EngineFailed}


@pytest.mark.parametrize("way", [bad.never_answer, bad.html, bad.cut_json, bad.status("500 Oops")])
def test_one_query_that_fails_spoils_nothing_for_others(
    faulty: BadEngine, started: Remote, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    opened = opening(started, monkeypatch)
    faulty.misbehave(way, lambda asked: "?marked" in asked.query)
    for _ in range(1 if way is bad.never_answer else 6):
        before = sum(map(is_look, faulty.asked))
        failure_of(lambda: started.ask(MARKED))
        until(lambda before=before: sum(map(is_look, faulty.asked)) > before, "The engine is looked at")
    assert works(started)
    assert not opened
    assert sum(map(is_look, faulty.asked)) < 30  # it is looked at when there is a reason to


def opening(store: Remote, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reasons for which its breaker opens from now on."""
    opened: list[str] = []
    breaker = store.store._breaker
    really = breaker.open

    def record(reason: str) -> None:
        opened.append(reason)
        really(reason)

    monkeypatch.setattr(breaker, "open", record)
    return opened


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("way", [bad.html, bad.html_as_json, bad.status("401 No"), row(b'{"type":"literal","value":"x"}')])
def test_what_is_wrong_with_every_answer_is_noticed_without_a_reader(own: BadEngine, small: tuple[Path, Release], way: Way) -> None:
    with running(store_of(small[1], own)) as store:
        own.misbehave(way)
        until(lambda: not is_ready(store), "It is noticed")
        assert type(failure_of(lambda: store.store.rows(RIGHT))) is EngineDown
        own.behave()
        until(lambda: is_ready(store), "It heals")
        assert works(store)


def test_an_engine_that_hangs_is_noticed(own: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_PROBE", 0.5)
    with running(store_of(small[1], own)) as store:
        own.misbehave(bad.never_answer)
        assert type(failure_of(lambda: store.ask(RIGHT))) is QueryTimeout
        until(lambda: not is_ready(store), "It is noticed")
        assert type(failure_of(lambda: store.ask(RIGHT))) is EngineDown
        monkeypatch.setattr(remote, "_PROBE", 10.0)
        own.behave()
        until(lambda: is_ready(store), "It heals")
        assert works(store)


@pytest.mark.usefixtures("hasty")
def test_a_release_that_goes_is_missed_until_it_comes_back(own: BadEngine, small: tuple[Path, Release]) -> None:
    with running(store_of(small[1], own)) as store:
        own.forget()
        until(lambda: not is_ready(store), "It is missed")
        assert small[1].manifest.id in store.store.condition().reason
        assert type(failure_of(lambda: store.store.rows(RIGHT))) is EngineDown
        own.point(small[1])
        until(lambda: is_ready(store), "It heals")
        assert works(store)


@pytest.mark.usefixtures("hasty")
def test_a_graph_that_is_being_replaced_is_looked_at_twice(
    own: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(store_of(small[1], own)) as store:
        opened = opening(store, monkeypatch)
        for _ in range(2):
            own.asked.clear()
            own.misbehave(bad.body(b'{"head":{"vars":["id"]},"results":{"bindings":[]}}'), is_look, times=1)
            until(lambda: sum(map(is_look, own.asked)) >= 3, "It is looked at")
        assert not opened


# Places, and those who leave


def test_whoever_hangs_up_is_not_worked_for(faulty: BadEngine, started: Remote) -> None:
    faulty.misbehave(bad.never_answer, is_query)
    gone = threading.Event()

    async def hang_up() -> None:
        while not gone.is_set():
            await remote.asyncio.sleep(0.01)

    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(started.query, Request(RIGHT, "json", None, timeout=TIMEOUT), "", hang_up)
        assert faulty.waiting.acquire(timeout=10)
        gone.set()
        with pytest.raises((HungUp, QueryTimeout)):
            asking.result()
    assert faulty.left.acquire(timeout=10)
    until(lambda: started.store.condition().queries == {"running": 0, "waiting": 0}, "Its place is free")


def test_one_client_has_half_of_the_places(own: BadEngine, small: tuple[Path, Release]) -> None:
    own.misbehave(bad.never_answer, lambda asked: "?marked" in asked.query)
    with running(store_of(small[1], own, timeout=60.0)) as store, ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(store.query, Request(MARKED, "json", None), "a") for _ in range(4)]
        for _ in range(2):
            assert own.waiting.acquire(timeout=30)
        until(lambda: store.store.condition().queries == {"running": 2, "waiting": 2}, "Two wait")
        with pytest.raises(Overloaded):  # half of those who may wait
            store.query(Request(MARKED, "json", None), "a")
        assert b"org/maker" in store.ask(RIGHT, client="b")
        assert store.store.rows(RIGHT)
        own.behave()
        for one in asking:
            assert b"xa-cameras" in one.result().body


# The end


def test_closing_in_the_middle_leaves_nothing(own: BadEngine, small: tuple[Path, Release]) -> None:
    store = Running(store_of(small[1], own, timeout=60.0))
    own.misbehave(bad.never_answer)
    with ThreadPoolExecutor(8) as threads:
        readers = [threads.submit(store.store.rows, RIGHT) for _ in range(3)]
        strangers = [threads.submit(store.query, Request(RIGHT, "json", None), str(number)) for number in range(3)]
        for _ in range(6):
            assert own.waiting.acquire(timeout=30)
        begun = time.monotonic()
        store.stop()
        for one in [*readers, *strangers]:
            assert isinstance(one.exception(timeout=30), KgError | CancelledError)
        assert time.monotonic() - begun < 20
    assert not store.store._loop.is_running
    until(lambda: not own._connections, "Connections are closed")
    assert type(failure_of(lambda: store.store.rows(RIGHT))) is EngineDown


# The start


def ignoring_graphs(behind: BadEngine) -> None:
    behind.dataset = False


def without_paths(behind: BadEngine) -> None:
    behind.misbehave(bad.status("400 Bad Request", b"no paths"), lambda asked: "isPartOf+" in asked.query)


STARTS: dict[str, tuple[Callable[[BadEngine], object], str]] = {
    "ignores graphs": (ignoring_graphs, r"cannot be used: it does not keep to the graphs .*named-graph-uri\)\.$"),
    "lacks the release": (BadEngine.forget, r"does not hold release \w+\. Run 'kg load'\.$"),
    "knows no paths": (without_paths, r"cannot follow property paths"),
    "is gone": (BadEngine.stop, r"No database answers at http://127\.0\.0\.1"),
    "hangs": (lambda behind: behind.misbehave(bad.never_answer), r"No database answers .*too long"),
    "is a page": (lambda behind: behind.misbehave(bad.html), r"cannot be used.*text/html"),
    "refuses us": (lambda behind: behind.misbehave(bad.status("403 No")), r"cannot be used.*refuses this server"),
    "is elsewhere": (lambda behind: behind.misbehave(bad.status("404 No")), r"cannot be used.*no database at the address"),
}


@pytest.mark.parametrize("name", STARTS)
def test_an_engine_that_is_not_fit_is_refused_at_the_start(
    own: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(engine, "_CONNECT", 1.0)
    spoil, expected = STARTS[name]
    spoil(own)
    store = store_of(small[1], own)
    with pytest.raises(KgError, match=expected), running(store):
        pass
    assert not store._loop.is_running


# Who asks, and whom


def basic(asked: Asked) -> bool:
    return asked.headers.get("authorization") == "Basic " + base64.b64encode("kg:sécret".encode()).decode()


def bearer(asked: Asked) -> bool:
    return asked.headers.get("authorization") == "Bearer token"


def digest(asked: Asked) -> bool:
    """RFC 7616, 3.4.1."""
    said = dict(re.findall(r'(\w+)="?([^",]*)"?', asked.headers.get("authorization", "").removeprefix("Digest ")))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    if not said.get("response"):
        return False
    a1, a2 = md5("kg:here:sécret"), md5(f"{asked.method}:{said['uri']}")
    return said["response"] == md5(f"{a1}:{said['nonce']}:{said['nc']}:{said['cnonce']}:auth:{a2}")


USER = {"store_user": "kg", "store_password": "sécret"}
TOKEN = {"store_token": "token"}
WAYS_IN: dict[str, tuple[Way, dict[str, str], dict[str, str]]] = {
    "basic": (bad.guarded(basic, 'Basic realm="here"'), USER, USER | {"store_password": "wrong"}),
    "basic, without a challenge": (bad.guarded(basic), USER, USER | {"store_user": "other"}),
    "bearer": (bad.guarded(bearer, "Bearer"), TOKEN, {"store_token": "wrong"}),
    "digest": (bad.guarded(digest, 'Digest realm="here", nonce="abc", qop="auth"'), USER, USER | {"store_password": "wrong"}),
}


@pytest.mark.parametrize("name", WAYS_IN)
def test_who_asks_is_told_as_the_engine_wants_it(own: BadEngine, small: tuple[Path, Release], hasty: None, name: str) -> None:
    way, right, wrong = WAYS_IN[name]
    own.misbehave(way)
    for settings in (wrong, {}):
        with pytest.raises(KgError, match="refuses this server") as raised, running(store_of(small[1], own, **settings)):
            pass
        assert not re.search("wrong|sécret|other", str(raised.value))
    with running(store_of(small[1], own, **right)) as store:
        assert works(store)
        # Whoever forgets us for a while, and then knows us again, is asked as before.
        own.misbehave(bad.status("401 Unauthorized"))
        until(lambda: not is_ready(store), "It is noticed")
        own.misbehave(way)
        until(lambda: is_ready(store), "It heals")
        assert works(store)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and certificates that it has signed for this address and for another."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)

    openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 2")
    for name, address in (("right", "IP:127.0.0.1"), ("other", "DNS:example.org")):
        openssl(f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj /CN=engine")
        (folder / f"{name}.ext").write_text(f"subjectAltName={address}\n")
        openssl(f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile {name}.ext")
    return folder


@contextmanager
def secure_engine(release: Release, certificates: Path, name: str) -> Iterator[BadEngine]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    with bad.bad_engine(release, context) as one:
        yield one


def test_an_engine_is_believed_whose_certificate_is_signed(small: tuple[Path, Release], certificates: Path) -> None:
    trusted = str(certificates / "ca.pem")
    with secure_engine(small[1], certificates, "right") as behind:
        with running(store_of(small[1], behind, store_ca=trusted)) as store:
            assert works(store)
        behind.asked.clear()
        with pytest.raises(KgError, match="certificate"), running(store_of(small[1], behind)):
            pass
        with pytest.raises(KgError, match="KG_STORE_CA"), running(store_of(small[1], behind, store_ca=trusted + ".none")):
            pass
        assert not behind.asked
    with secure_engine(small[1], certificates, "other") as behind:
        with pytest.raises(KgError, match="certificate"), running(store_of(small[1], behind, store_ca=trusted)):
            pass
        assert not behind.asked


# What must not lie about, or stand in the way of others


def test_a_store_that_is_never_asked_leaves_nothing(own: BadEngine, small: tuple[Path, Release]) -> None:
    before = threading.active_count()
    stores = [store_of(small[1], own) for _ in range(20)]
    assert threading.active_count() == before
    assert not any(store._loop.is_running for store in stores)


@pytest.mark.usefixtures("hasty")
def test_pages_that_wait_do_not_keep_the_engine_from_being_looked_at(own: BadEngine, small: tuple[Path, Release]) -> None:
    with running(store_of(small[1], own, store_connections=1, timeout=20.0)) as store, ThreadPoolExecutor(4) as threads:
        own.misbehave(bad.never_answer, is_query)
        pages = [threads.submit(store.store.rows, RIGHT) for _ in range(4)]
        assert own.waiting.acquire(timeout=10)
        time.sleep(remote._PROBE + 2)
        assert is_ready(store)
        own.behave()
        own._hang_up()  # so that they do not wait for their deadline
        assert all(isinstance(page.exception(timeout=30), KgError | None) for page in pages)
        assert works(store)


def test_an_error_for_one_query_is_no_outage(own: BadEngine, small: tuple[Path, Release]) -> None:
    with running(store_of(small[1], own)) as store:
        own.misbehave(bad.status("503 Service Unavailable"), lambda asked: "?heavy" in asked.query)
        for _ in range(6):
            assert type(failure_of(lambda: store.ask("SELECT ?heavy { ?heavy a ?b }"))) is EngineDown
            assert works(store)


def test_what_was_lost_late_is_not_asked_again(
    own: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_AT_ONCE", 0.2)

    def late(exchange: bad.Exchange) -> None:
        time.sleep(0.4)
        bad.close_at_once(exchange)

    with running(store_of(small[1], own)) as store:
        own.misbehave(late, lambda asked: "?late" in asked.query)
        assert type(failure_of(lambda: store.ask("SELECT ?late { ?late a ?b }"))) is EngineDown
        assert sum("?late" in asked.query for asked in own.asked) == 1


def test_an_engine_that_is_being_restarted_is_not_mistaken_for_another(own: BadEngine, small: tuple[Path, Release]) -> None:
    own.misbehave(bad.status("502 Bad Gateway"), times=1)
    store = store_of(small[1], own)
    with pytest.raises(EngineDown, match="it says 502"), running(store):
        pass
    assert not store._loop.is_running


def test_virtuoso_behind_a_proxy_is_known_all_the_same(
    own: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    own.misbehave(lambda exchange: exchange.answer(*bad.evaluate(exchange), "200 OK", "X-SPARQL-default-graph: urn:x"))
    monkeypatch.setattr(remote, "missing", _nothing)
    with running(store_of(small[1], own)) as store:
        assert store.store._own.dialect.name == store.store._lent.dialect.name == "Virtuoso"


def test_a_long_query_is_taken_apart_beside_the_event_loop(
    own: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    form = Holding.form

    def record(self: Holding, query: str, *more: Any) -> list[tuple[str, str]]:
        if "?apart" in query:
            names.append(threading.current_thread().name)
        return form(self, query, *more)

    monkeypatch.setattr(Holding, "form", record)
    with running(store_of(small[1], own)) as store:
        for text in ("ASK { ?apart a ?b }", "ASK { ?apart a ?b }" + " " * remote._LONGEST_KEPT):
            assert b"true" in store.ask(text)
    assert ["asyncio" in name for name in names] == [False, True]


def test_a_graph_that_takes_too_long_to_write_is_refused(
    own: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(store_of(small[1], own, timeout=30.0)) as store:
        everything = Request("CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }", None, "jsonld")
        assert b"@graph" in content(store.query(everything))
        monkeypatch.setattr(remote, "_MOST_JSON_LD", 20_000)
        with pytest.raises(QueryTooHeavy, match="Ask for Turtle"):
            store.query(everything)
        assert content(store.query(replace(everything, graph="turtle")))


def test_where_no_room_is_left_readers_are_told_so(
    own: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: object, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with running(store_of(small[1], own)) as store:
        with monkeypatch.context() as patch:
            patch.setattr(SpooledTemporaryFile, "write", refuse)
            assert type(failure_of(lambda: store.ask(RIGHT))) is Overloaded
            assert type(failure_of(lambda: store.store.rows(RIGHT))) in {Overloaded, EngineFailed}
        assert works(store)


def test_what_no_release_has_is_not_asked_for(faulty: BadEngine, started: Remote) -> None:
    """To an engine, `bif:contains` may be more than a name."""
    for scheme in ("bif", "java", "kg"):
        thing = ox.NamedNode(f"{scheme}:contains")
        assert started.store.rows("SELECT ?iri ?o { ?s ?iri ?o }", {"iri": thing}) == []
        assert type(failure_of(lambda scheme=scheme: started.ask(f"SELECT (<{scheme}:f>() AS ?x) {{}}"))) is BadQuery  # type: ignore[misc]
    assert not [asked for asked in faulty.asked if "contains" in asked.query or "AS ?x" in asked.query]
