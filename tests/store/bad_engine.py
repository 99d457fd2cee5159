"""A SPARQL endpoint on loopback that answers rightly from memory, or misbehaves as it is told, for as long as it is told to.

It writes bytes to sockets itself, so that nothing keeps it from being as wrong as engines and proxies are.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pyoxigraph as ox

from kg.release import Release
from kg.store.holding import POINTER, Holding
from kg.transfer import _lines

_LONG = 60.0  # seconds that a test may take to come to what it waits for
_JSON, _TRIPLES = "application/sparql-results+json", "application/n-triples"


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    parameters: Mapping[str, list[str]]
    body: bytes

    @property
    def query(self) -> str:
        """The text of the query; empty where it is none."""
        return self.parameters.get("query", [""])[0]


@dataclass
class Exchange:
    """A request, where to answer it, and the engine that should."""

    asked: Asked
    connection: socket.socket
    engine: BadEngine
    keep: bool = False  # whether the connection may be used again

    def send(self, *parts: bytes) -> None:
        """Write to the client."""
        self.connection.sendall(b"".join(parts))

    def answer(self, body: bytes, media_type: str = _JSON, status: str = "200 OK", *headers: str) -> None:
        """A whole HTTP answer."""
        self.keep = True
        self.send(head(status, media_type, f"Content-Length: {len(body)}", *headers), body)

    def wait(self) -> None:
        """Until the client goes away, or the engine ends."""
        self.engine.waiting.release()
        with suppress(OSError):
            while self.connection.recv(1 << 16):
                pass
        self.engine.left.release()

    def is_left(self, seconds: float) -> bool:
        """Whether the client goes away within so many seconds."""
        return bool(select.select([self.connection], [], [], seconds)[0])


def head(status: str, media_type: str, *headers: str) -> bytes:
    """A status line and headers."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {media_type}", *headers, "", ""]).encode("latin-1")


#: Answers a request; the connection is closed unless the answer was a whole one.
Way = Callable[[Exchange], None]


@dataclass
class _Order:
    way: Way
    concerns: Callable[[Asked], bool]
    times: int | None  # None: as long as it is not told otherwise


@dataclass
class BadEngine:
    """The engine, while it runs."""

    store: ox.Store = field(default_factory=ox.Store)
    asked: list[Asked] = field(default_factory=list)
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))  # those whom `Exchange.wait` lets wait
    left: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))  # those of them who went away
    written: Callable[[bytes], bytes] = bytes  # what becomes of triples that it is sent
    dataset: bool = True  # whether it keeps to the graphs that a request names
    secure: ssl.SSLContext | None = None
    port: int = 0
    _order: _Order | None = None
    _listener: socket.socket | None = None
    _threads: list[threading.Thread] = field(default_factory=list)
    _connections: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        """Where it answers queries; graphs lie beside."""
        return f"{'https' if self.secure else 'http'}://127.0.0.1:{self.port}/query"

    @property
    def graphs(self) -> str:
        """Where it takes graphs."""
        return self.address.replace("/query", "/store")

    # What it is told

    def misbehave(self, way: Way, where: Callable[[Asked], bool] = lambda _: True, times: int | None = None) -> None:
        """Answer in this way from now on, the requests that it concerns."""
        self._order = _Order(way, where, times)

    def behave(self) -> None:
        """Answer rightly from now on; who waits is let go."""
        self._order = None
        self._hang_up()

    def hold(self, release: Release) -> None:
        """Have a release, as `kg load` leaves it."""
        holding = Holding(release.manifest.id)
        quads = bytearray()
        for graph, line in _lines(release):
            quads += line[:-2] + f"<{holding.graph(graph)}> .\n".encode()
        self.store.bulk_load(bytes(quads), ox.RdfFormat.N_QUADS)
        self.point(release)

    def point(self, release: Release) -> None:
        """Say that it has the release."""
        holding = Holding(release.manifest.id)
        part, identifier = "<http://purl.org/dc/terms/isPartOf>", "<http://purl.org/dc/terms/identifier>"
        graphs = [f"<{holding.graph(graph)}> {part} <{holding.iri}> .\n" for graph in ["default", *holding.graphs]]
        text = "".join([f'<{holding.iri}> {identifier} "{holding.release}" .\n', *graphs])
        self.store.load(text, ox.RdfFormat.N_TRIPLES, to_graph=ox.NamedNode(POINTER))

    def forget(self) -> None:
        """Say nothing of any release, and keep the graphs."""
        self.store.remove_graph(ox.NamedNode(POINTER))

    # Its life

    def start(self) -> None:
        """Listen, at the port it had before if it had one."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def stop(self) -> None:
        """End; nothing listens any more, and all connections are closed."""
        if listener := self._listener:
            self._listener = None
            with suppress(OSError):  # wakes whoever accepts
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        while self._threads:
            self._hang_up()
            self._threads[-1].join(0.1)
            if not self._threads[-1].is_alive():
                self._threads.pop()

    def _hang_up(self) -> None:
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _start(self, target: Callable[[socket.socket], None], connection: socket.socket) -> None:
        thread = threading.Thread(target=target, args=(connection,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it was closed
            while True:
                connection, _ = listener.accept()
                self._start(self._serve, connection)

    def _serve(self, plain: socket.socket) -> None:
        connection = plain
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.secure:
                connection = self.secure.wrap_socket(plain, server_side=True)
            with self._lock:
                self._connections.add(connection)
            while self._listener and (asked := _read(connection)):
                self.asked.append(asked)
                exchange = Exchange(asked, connection, self)
                self._way(asked)(exchange)
                if not exchange.keep:
                    break
        except OSError:  # the client went away, or does not trust us
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _way(self, asked: Asked) -> Way:
        with self._lock:
            order = self._order
            if order is None or not order.concerns(asked):
                return answer_rightly
            if order.times is not None:
                order.times -= 1
                if order.times <= 0:
                    self._order = None
            return order.way


@contextmanager
def bad_engine(release: Release | None = None, secure: ssl.SSLContext | None = None) -> Iterator[BadEngine]:
    """An engine that holds the release, and behaves until it is told otherwise."""
    engine = BadEngine(secure=secure)
    if release:
        engine.hold(release)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def until(holds: Callable[[], bool], what: str) -> float:
    """Return as soon as something holds, with the seconds that it took."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < _LONG, f"{what}: not within {_LONG:g} seconds"
        time.sleep(0.01)
    return time.monotonic() - begun


# To answer rightly


def answer_rightly(exchange: Exchange) -> None:
    """As SPARQL 1.1 Protocol and Graph Store Protocol have it."""
    if urlsplit(exchange.asked.path).path == "/store":
        _write(exchange)
        return
    try:
        body, media_type = evaluate(exchange)
    except (SyntaxError, ValueError) as error:
        exchange.answer(str(error).encode(), "text/plain", "400 Bad Request")
        return
    exchange.answer(body, media_type, "200 OK", "Server: Oxigraph/0.5.13")


def evaluate(exchange: Exchange) -> tuple[bytes, str]:
    """The right body, and its type."""
    asked, engine = exchange.asked, exchange.engine
    default = [ox.NamedNode(iri) for iri in asked.parameters.get("default-graph-uri", [])]
    named = [ox.NamedNode(iri) for iri in asked.parameters.get("named-graph-uri", [])]
    dataset = {"default_graph": default, "named_graphs": named} if engine.dataset and (default or named) else {}
    found = engine.store.query(asked.query, use_default_graph_as_union=not engine.dataset, **dataset)
    if isinstance(found, ox.QueryTriples):
        return found.serialize(format=ox.RdfFormat.N_TRIPLES), _TRIPLES
    return found.serialize(format=ox.QueryResultsFormat.JSON), _JSON


def _write(exchange: Exchange) -> None:
    asked, store = exchange.asked, exchange.engine.store
    graph = ox.NamedNode(asked.parameters["graph"][0])
    if asked.method in ("PUT", "DELETE"):
        store.remove_graph(graph)
    if asked.method in ("PUT", "POST"):
        store.load(exchange.engine.written(asked.body), ox.RdfFormat.N_TRIPLES, to_graph=graph)
    exchange.keep = True
    exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n")


def _read(connection: socket.socket) -> Asked | None:
    """The next request; None where the client is done."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(1 << 16)
        if not piece:
            return None
        received += piece
    top, _, body = received.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", 0))
    while len(body) < length:
        piece = connection.recv(1 << 20)
        if not piece:
            return None
        body += piece
    form = body.decode() if headers.get("content-type", "").startswith("application/x-www-form-urlencoded") else ""
    parameters = parse_qs("&".join(filter(None, [urlsplit(path).query, form])), keep_blank_values=True)
    return Asked(method, path, headers, parameters, body)


# To misbehave


def close_at_once(exchange: Exchange) -> None:
    """Say nothing."""


def reset(exchange: Exchange) -> None:
    """Close in a way that is an error."""
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def never_answer(exchange: Exchange) -> None:
    """Take the request, and no more."""
    exchange.wait()


def begin_and_fall_silent(exchange: Exchange) -> None:
    """Headers, half of the body, and no more."""
    body, media_type = evaluate(exchange)
    exchange.send(head("200 OK", media_type, f"Content-Length: {len(body)}"), body[: len(body) // 2])
    exchange.wait()


def headers_only(exchange: Exchange) -> None:
    """Headers, and no more."""
    exchange.send(head("200 OK", _JSON, "Content-Length: 100"))
    exchange.wait()


def drip(exchange: Exchange) -> None:
    """A byte a second."""
    body, media_type = evaluate(exchange)
    exchange.engine.waiting.release()
    for byte in head("200 OK", media_type, f"Content-Length: {len(body)}") + body:
        exchange.send(bytes([byte]))
        if exchange.is_left(1.0):
            return


def cut_by_length(exchange: Exchange) -> None:
    """Less than it says."""
    body, media_type = evaluate(exchange)
    exchange.send(head("200 OK", media_type, f"Content-Length: {len(body)}"), body[:-1])


def cut_in_chunks(exchange: Exchange) -> None:
    """No last chunk, behind a body that looks whole."""
    body, media_type = evaluate(exchange)
    exchange.send(head("200 OK", media_type, "Transfer-Encoding: chunked"), b"%x\r\n" % len(body), body, b"\r\n")


def cut_json(exchange: Exchange) -> None:
    """HTTP is whole, the body is not."""
    body, media_type = evaluate(exchange)
    exchange.answer(body[:-2], media_type)


def unframed(exchange: Exchange) -> None:
    """As HTTP/1.0 has it: it ends where it ends."""
    body, media_type = evaluate(exchange)
    exchange.send(head("200 OK", media_type, "Connection: close"), body)


def html(exchange: Exchange) -> None:
    """A page, with status 200."""
    exchange.answer(b"<html><h1>It works!</h1></html>", "text/html")


def html_as_json(exchange: Exchange) -> None:
    """A page that is called JSON."""
    exchange.answer(b"<html><h1>It works!</h1></html>")


def mistyped(exchange: Exchange) -> None:
    """The right body, called otherwise."""
    exchange.answer(evaluate(exchange)[0], "application/octet-stream")


def body(content: bytes, media_type: str = _JSON, *headers: str) -> Way:
    """Always this."""
    return lambda exchange: exchange.answer(content, media_type, "200 OK", *headers)


def status(line: str, content: bytes = b"10.1.2.3 secret", media_type: str = "text/plain", *headers: str) -> Way:
    """Always this status."""
    return lambda exchange: exchange.answer(content, media_type, line, *headers)


def raw(content: bytes) -> Way:
    """Always these bytes."""
    return lambda exchange: exchange.send(content)


def endless(exchange: Exchange) -> None:
    """Rows without end."""
    row = b'{"s":{"type":"literal","value":"' + b"x" * 65_000 + b'"}},'
    exchange.send(head("200 OK", _JSON, "Transfer-Encoding: chunked"))
    opening = b'{"head":{"vars":["s"]},"results":{"bindings":['
    exchange.send(b"%x\r\n" % len(opening), opening, b"\r\n")
    while True:
        exchange.send(b"%x\r\n" % len(row), row, b"\r\n")


def ask_for_select(exchange: Exchange) -> None:
    """The answer to a question of another sort."""
    exchange.answer(b'{"head":{},"boolean":true}')


def select_for_ask(exchange: Exchange) -> None:
    """Likewise."""
    exchange.answer(b'{"head":{"vars":["s"]},"results":{"bindings":[{"s":{"type":"literal","value":"x"}}]}}')


def is_look(asked: Asked) -> bool:
    """Whether it is about what the engine holds, rather than about a release."""
    return asked.parameters.get("default-graph-uri") == [POINTER]


def is_query(asked: Asked) -> bool:
    """Whether it is about a release."""
    return bool(asked.query) and not is_look(asked) and asked.query != "ASK {}"


def guarded(admits: Callable[[Asked], bool], challenge: str = "") -> Way:
    """Answers only those whom `admits` lets in; the others are told the challenge."""

    def way(exchange: Exchange) -> None:
        if admits(exchange.asked):
            body, media_type = evaluate(exchange)
            exchange.answer(body, media_type)
        else:
            headers = [f"WWW-Authenticate: {challenge}"] if challenge else []
            exchange.answer(b"no", "text/plain", "401 Unauthorized", *headers)

    return way
