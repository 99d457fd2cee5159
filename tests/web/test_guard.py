"""What comes on a connection, byte for byte: each request has one answer, its own; what is too much or too slow ends it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from kg.web import guard
from kg.web.front import Front
from kg.web.guard import guarded
from kg.web.memory import Memory
from kg.web.reply import Reply

_PUBLIC = (b"cache-control", b"public, max-age=300")
_DATE = re.compile(rb"^date: [^\r]*\r\n", re.MULTILINE)


@dataclass
class Server:
    """A server under test: where it listens, and what its application was asked."""

    port: int = 0
    front: Front | None = None
    asked: Counter[str] = field(default_factory=Counter)
    heads: Memory[bytes, Any] = field(default_factory=lambda: Memory(0))
    server: Any = None

    def connect(self) -> socket.socket:
        """A new connection, on which each piece is sent at once."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def exchange(self, *pieces: bytes, wait: float = 0.25) -> bytes:
        """What comes back on one connection for pieces that are sent apart from each other."""
        received = b""
        with self.connect() as connection, suppress(BrokenPipeError, ConnectionResetError):  # the server may end it
            for piece in pieces:
                connection.sendall(piece)
                received += until_silent(connection, wait)
        return received

    async def answer(self, scope: Scope, receive: Receive) -> Reply:
        """The endpoint: says what it was asked, with any body."""
        query = scope["query_string"].decode()
        self.asked[f"{scope['method']} {query}"] += 1
        body = b""
        if scope["method"] == "POST":
            while True:
                message = await receive()
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
        if query.startswith("slow"):
            await asyncio.sleep(0.2)
        if query == "patient":
            while (await receive())["type"] != "http.disconnect":
                pass
            self.asked["gone"] += 1
        if query.startswith("large"):
            body = b"x" * 900_000
        headers = dict(scope["headers"])
        said = b" ".join((scope["method"].encode(), scope["path"].encode(), query.encode(), headers.get(b"accept", b""), body))
        return Reply(
            200, [(b"content-type", b"text/plain"), _PUBLIC if scope["method"] == "GET" else (b"cache-control", b"no-store")], said
        )

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """All that is not the endpoint: answers without waiting for a body."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.asked[scope["path"]] += 1
        if scope["path"] == "/fails":
            # As Starlette does it: the error is answered, then raised for the log.
            await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/problem+json")]})
            await send({"type": "http.response.body", "body": b'{"title":"told"}'})
            raise RuntimeError("as the test wants it")
        headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store"), (b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 405, "headers": headers})
        await send({"type": "http.response.body", "body": b"other"})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message: Message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


@contextmanager
def serving(forgetful: bool = False, **more: Any) -> Iterator[Server]:
    """A server in a thread of its own, in the event loop that the real one has."""
    running = Server()
    running.front = Front(running.answer, "/sparql", running.application, 1_000_000)
    protocol = guarded(running.front.exact)
    running.heads = protocol.heads
    if forgetful:
        running.heads = protocol.heads = Memory(0)
    config = uvicorn.Config(
        running.front, http=protocol, loop="uvloop", ws="none", log_config=None, access_log=False, server_header=False, **more
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running.port = listener.getsockname()[1]
        running.server = uvicorn.Server(config)
        thread = threading.Thread(target=running.server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 10
        while not running.server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield running
        finally:
            running.server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def forgetful() -> Iterator[Server]:
    with serving(forgetful=True) as running:
        yield running


def until_silent(connection: socket.socket, wait: float = 0.25) -> bytes:
    """What comes until nothing has come for a while, or until the end."""
    connection.settimeout(wait)
    received = b""
    with suppress(TimeoutError, ConnectionError):
        while part := connection.recv(1 << 20):
            received += part
    return received


def has_ended(connection: socket.socket, wait: float) -> bool:
    """Whether the server closes the connection in time."""
    connection.settimeout(wait)
    try:
        while connection.recv(1 << 20):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def bodies(received: bytes) -> list[bytes]:
    """The bodies of the answers; each must be as long as its head says."""
    found = []
    while received:
        head, separator, rest = received.partition(b"\r\n\r\n")
        assert separator, received[:200]
        if head.startswith(b"HTTP/1.1 100"):
            received = rest
            continue
        (length,) = re.findall(rb"\r\ncontent-length: (\d+)", head)
        found.append(rest[: int(length)])
        assert len(found[-1]) == int(length)
        received = rest[int(length) :]
    return found


def get(query: str, *lines: bytes, target: str = "/sparql", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"GET %s?%s HTTP/%s" % (target.encode(), query.encode(), version), b"Host: localhost", *lines, b"", b""])


# Answers from memory


def test_the_same_bytes_have_the_same_answer_but_for_the_date(server: Server) -> None:
    answers = [server.exchange(get("same", b"Accept: text/csv")) for _ in range(5)]
    assert server.asked["GET same"] == 1
    assert len({_DATE.sub(b"", answer) for answer in answers}) == 1
    assert all(len(_DATE.findall(answer)) == 1 for answer in answers)
    assert bodies(answers[-1]) == [b"GET /sparql same text/csv "]


def test_on_one_connection_too(server: Server) -> None:
    request = get("again")
    received = server.exchange(*[request] * 5, wait=0.1)
    assert bodies(received) == [b"GET /sparql again  "] * 5
    assert server.asked["GET again"] == 1


def test_the_third_time_nothing_is_parsed(server: Server) -> None:
    assert server.front
    hits = server.front.exact.hits
    for _ in range(4):
        server.exchange(get("unparsed"), wait=0.1)
    assert server.front.exact.hits == hits + 2


@pytest.mark.parametrize(
    "other",
    [
        get("one", b"Accept: text/tsv"),
        get("One", b"Accept: text/csv"),
        get("one&", b"Accept: text/csv"),
        get("one", b"Accept: text/csv", target="/sparql.x"),
        get("one", b"Accept: text/csv,"),
    ],
    ids=range(5),
)
def test_one_byte_makes_it_another_request(server: Server, other: bytes) -> None:
    for _ in range(3):
        first = server.exchange(get("one", b"Accept: text/csv"), wait=0.1)
    for _ in range(3):
        assert bodies(server.exchange(other, wait=0.1)) != bodies(first)


# Lines of a head that were read before


LINES = b"Host: localhost\r\nAccept: text/csv\r\n\r\n"


def test_lines_that_were_read_before_are_not_read_again(server: Server) -> None:
    requests = [b"GET /sparql?once-%d HTTP/1.1\r\n" % number + LINES for number in range(6)]
    received = server.exchange(*requests, wait=0.1)
    assert bodies(received) == [b"GET /sparql once-%d text/csv " % number for number in range(6)]
    assert server.heads.hits >= 4
    hits = server.heads.hits
    first = server.exchange(requests[0][:-2] + b"X: 1\r\n\r\n", requests[5].replace(b"once", b"twice"), wait=0.1)
    assert bodies(first) == [b"GET /sparql once-0 text/csv ", b"GET /sparql twice-5 text/csv "]
    assert server.heads.hits == hits + 1


@pytest.mark.parametrize(
    "line",
    [
        b"GET /sparql?x HTTP/1.1",
        b"GET /sparql?x%20y%ff+z&=&& HTTP/1.1",
        b'GET /sparql?"<>\\^`{|}[] HTTP/1.1',
        b"GET /sparql? HTTP/1.1",
        b"GET /sparql HTTP/1.1",
        b"GET /sparql?x?y HTTP/1.1",
        b"GET /sparql.csv?x HTTP/1.1",
        b"GET /a/../sparql?x HTTP/1.1",
        b"GET /sparql//?x HTTP/1.1",
        b"GET /sparql?x HTTP/1.0",
        b"GET /sparql?x HTTP/1.2",
        b"GET /sparql?x HTTP/2.0",
        b"GET /sparql?x#y HTTP/1.1",
        b"GET //sparql?x HTTP/1.1",
        b"GET /sp%61rql?x HTTP/1.1",
        b"GET /sparql%3fx?x HTTP/1.1",
        b"GET http://localhost/sparql?x HTTP/1.1",
        b"GET /sparql?\xc3\xb1 HTTP/1.1",
        b"GET /sparql?a b HTTP/1.1",
        b"GET  /sparql?x HTTP/1.1",
        b"GET /sparql?x  HTTP/1.1",
        b"GET /sparql?x HTTP/1.1 ",
        b"GET /sparql?x\tHTTP/1.1",
        b"GET /sparql?x\0 HTTP/1.1",
        b"GET /sparql?x\x7f HTTP/1.1",
        b"GET /sparql?x\n HTTP/1.1",
        b"GET /sparql?x HTTP/1.1\n",
        b"GET /sparql?x HTTP/1.1\rX: y",
        b"GET * HTTP/1.1",
        b"GET ?x HTTP/1.1",
        b"GET /other?x HTTP/1.1",
        b"GET /fails?x HTTP/1.1",
        b"get /sparql?x HTTP/1.1",
        b"HEAD /sparql?x HTTP/1.1",
        b"POST /sparql?x HTTP/1.1",
        b"OPTIONS /sparql?x HTTP/1.1",
        b"CONNECT /sparql?x HTTP/1.1",
        b"",
    ],
)
def test_before_lines_that_were_read_before_every_first_line_means_what_it_always_means(
    server: Server, forgetful: Server, line: bytes
) -> None:
    known = b"GET /sparql?known HTTP/1.1\r\n" + LINES
    request = line + b"\r\n" + LINES
    received, expected = (_DATE.sub(b"", one.exchange(known, known, request, request, wait=0.1)) for one in (server, forgetful))
    assert received == expected


@pytest.mark.parametrize(
    "lines",
    [
        b"Host: localhost\r\nConnection: close\r\n\r\n",
        b"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"Host: localhost\r\nExpect: 100-continue\r\n\r\n",
        b"Host: localhost\r\nContent-Length: 0\r\n\r\n",
        b"Host: localhost\r\nContent-Length: 40\r\n\r\n",
        b"Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Host: localhost\r\nTransfer-Encoding: identity\r\n\r\n",
        b"Host: localhost\r\nContent-Length : 5\r\n\r\n",
        b"Host: localhost\r\nX: a\r\n b\r\n\r\n",
        b"Host: localhost\nX: a\r\n\r\n",
        b"Host : localhost\r\n\r\n",
        b"\r\n",
        b"Accept: text/csv\r\nAccept: text/tsv\r\n\r\n",
        b"Host: a\r\nHost: b\r\n\r\n",
    ],
)
def test_lines_mean_the_same_the_second_time(server: Server, forgetful: Server, lines: bytes) -> None:
    requests = [b"GET /sparql?%s HTTP/1.1\r\n" % query + lines for query in (b"a", b"b", b"c")]
    received, expected = (
        [_DATE.sub(b"", one.exchange(b"GET /sparql?z HTTP/1.1\r\n" + LINES, *requests, wait=0.1)), *singly(one, requests)]
        for one in (server, forgetful)
    )
    assert received == expected


def singly(server: Server, requests: list[bytes]) -> list[bytes]:
    """Each on a connection of its own."""
    return [_DATE.sub(b"", server.exchange(request, wait=0.1)) for request in requests]


def test_who_hangs_up_behind_lines_that_were_read_before_is_noticed(server: Server) -> None:
    with server.connect() as connection:
        for query in (b"v", b"w", b"patient"):
            connection.sendall(b"GET /sparql?%s HTTP/1.1\r\n" % query + LINES)
            if query != b"patient":
                until_silent(connection, 0.1)
        deadline = time.monotonic() + 2
        while not server.asked["GET patient"] and time.monotonic() < deadline:
            time.sleep(0.01)
    while not server.asked["gone"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.asked["gone"] == 1


def test_errors_and_what_is_private_are_asked_for_each_time(server: Server) -> None:
    before = server.asked["/private"]
    for _ in range(4):
        server.exchange(get("x", target="/private"), wait=0.1)
    assert server.asked["/private"] == before + 4


def test_an_unchanged_answer_is_said_to_be_so_each_time(server: Server) -> None:
    (etag,) = re.findall(rb"\r\netag: ([^\r]+)", server.exchange(get("tagged")))
    for _ in range(4):
        answer = server.exchange(get("tagged", b"If-None-Match: " + etag), wait=0.1)
        assert answer.startswith(b"HTTP/1.1 304 ")
        assert answer.endswith(b"\r\n\r\n")
        assert b"content-length" not in answer
    assert server.exchange(get("tagged", b'If-None-Match: "other"')).startswith(b"HTTP/1.1 200 ")


def test_head_after_get_is_the_same_without_a_body(server: Server) -> None:
    for _ in range(3):
        whole = server.exchange(get("headed"), wait=0.1)
    for _ in range(3):
        head = server.exchange(get("headed").replace(b"GET", b"HEAD", 1), wait=0.1)
        assert fields(head) == fields(whole)
        assert head.endswith(b"\r\n\r\n")
    assert server.exchange(get("headed").replace(b"GET", b"HEAD", 1) + get("headed")).count(b"HTTP/1.1 200") == 2


def fields(answer: bytes) -> list[bytes]:
    return sorted(_DATE.sub(b"", answer.partition(b"\r\n\r\n")[0]).split(b"\r\n"))


def test_a_repeated_header_poisons_nothing(server: Server) -> None:
    for first, second in ((b"Accept: text/csv", b"Accept: text/tsv"), (b"Accept: text/tsv", b"Accept: text/csv")):
        for _ in range(3):
            server.exchange(get("twice", first, second), wait=0.1)
    for accept in (b"text/csv", b"text/tsv"):
        assert bodies(server.exchange(get("twice", b"Accept: " + accept))) == [b"GET /sparql twice " + accept + b" "]


# Bodies where none is expected


def test_a_body_of_a_get_is_no_request(server: Server) -> None:
    """Else who shares a connection with others, as behind a proxy, could have them answered with what they did not ask."""
    hidden = get("hidden")
    request = get("carrier", b"Content-Length: %d" % len(hidden))
    for _ in range(5):
        assert bodies(server.exchange(request, hidden)) == [b"GET /sparql carrier  "]
    assert server.asked["GET hidden"] == 0


def test_a_chunked_body_of_a_get_is_no_request(server: Server) -> None:
    hidden = get("chunk")
    pieces = get("chunked", b"Transfer-Encoding: chunked"), b"%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden)
    for _ in range(5):
        assert bodies(server.exchange(*pieces)) == [b"GET /sparql chunked  "]
    assert server.asked["GET chunk"] == 0


def test_what_follows_a_body_is_not_remembered_under_what_came_before(server: Server) -> None:
    first, second = get("before", b"Content-Length: 5"), get("behind")
    for _ in range(4):
        assert bodies(server.exchange(first, b"hello" + second)) == [b"GET /sparql before  ", b"GET /sparql behind  "]
        assert bodies(server.exchange(first)) == [b"GET /sparql before  "]


# Pipelines


def test_requests_in_one_piece_are_answered_in_their_order(server: Server) -> None:
    queries = ["slow1", "p2", "slow3", "p4", "p5"]
    for _ in range(3):  # not remembered, then remembered one by one
        assert bodies(server.exchange(b"".join(map(get, queries)), wait=0.6)) == [
            f"GET /sparql {query}  ".encode() for query in queries
        ]


def test_requests_that_come_while_one_is_answered_wait_their_turn(server: Server) -> None:
    with server.connect() as connection:
        for query in ("slow6", "p7", "slow8", "p9"):
            connection.sendall(get(query))
            time.sleep(0.02)
        assert bodies(until_silent(connection, 0.6)) == [
            b"GET /sparql slow6  ",
            b"GET /sparql p7  ",
            b"GET /sparql slow8  ",
            b"GET /sparql p9  ",
        ]


def test_a_request_in_many_pieces_is_one(server: Server) -> None:
    request = get("bits", b"Accept: text/csv")
    for _ in range(3):
        with server.connect() as connection:
            for i in range(len(request)):
                connection.sendall(request[i : i + 1])
            assert bodies(until_silent(connection)) == [b"GET /sparql bits text/csv "]


def test_a_post_between_two_gets(server: Server) -> None:
    post = b"POST /sparql?p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"
    for _ in range(3):
        received = server.exchange(get("g1"), post[:-2], post[-2:] + get("g1"), wait=0.1)
        assert bodies(received) == [b"GET /sparql g1  ", b"POST /sparql p  body", b"GET /sparql g1  "]


def test_a_body_in_pieces_is_put_together(server: Server) -> None:
    head = b"POST /sparql?c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert bodies(server.exchange(head, b"4\r\nbo", b"dy\r\n", b"1;x=y\r\n!\r\n", b"0\r\nTrailer: x\r\n\r\n")) == [
        b"POST /sparql c  body!"
    ]


# Ends


@pytest.mark.parametrize("request_", [get("close", b"Connection: close"), get("old", version=b"1.0")], ids=["close", "HTTP/1.0"])
def test_a_connection_that_shall_end_does(server: Server, request_: bytes) -> None:
    for _ in range(4):
        with server.connect() as connection:
            connection.sendall(request_)
            begun = time.monotonic()
            answer = until_silent(connection, 2)
            assert time.monotonic() - begun < 1
        assert b"\r\nconnection: close\r\n" in answer
        assert len(bodies(answer)) == 1


def test_one_that_may_stay_does_and_ends_when_nothing_comes() -> None:
    with serving(timeout_keep_alive=1) as server:
        for _ in range(3):  # answered by the application, by the front, and from the bytes
            with server.connect() as connection:
                connection.sendall(get("stay"))
                assert len(bodies(until_silent(connection, 0.5))) == 1
                connection.sendall(get("stay"))
                assert len(bodies(until_silent(connection, 0.5))) == 1
                assert has_ended(connection, 2)


def test_empty_lines_keep_no_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_HEAD_SECONDS", 1.0)
    with serving(timeout_keep_alive=1) as server, server.connect() as connection:
        connection.sendall(get("lines"))
        until_silent(connection)
        connection.sendall(b"\r\n")
        assert has_ended(connection, 4)


def test_a_body_that_nobody_reads_keeps_no_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_HEAD_SECONDS", 1.0)
    with serving(timeout_keep_alive=1) as server, server.connect() as connection:
        connection.sendall(b"POST /other HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        assert bodies(until_silent(connection)) == [b"other"]
        connection.sendall(b"x")
        assert has_ended(connection, 4)


def test_a_head_that_does_not_come_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_HEAD_SECONDS", 0.5)
    with serving() as server:
        for pieces in ((), (b"GET /sparql HT",), (get("whole"), b"GET /sparql HT")):
            with server.connect() as connection:
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(0.1)
                assert has_ended(connection, 2), pieces


def test_a_client_that_reads_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_STALL_SECONDS", 0.5)
    with serving() as server, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        with suppress(ConnectionError):  # it may be over before all is sent
            for _ in range(20):
                connection.sendall(get("large"))
                time.sleep(0.05)
        time.sleep(1.5)
        assert not server.server.server_state.connections


def test_at_the_end_what_is_running_is_answered_and_the_rest_is_closed() -> None:
    with serving() as server, server.connect() as idle, server.connect() as busy:
        idle.sendall(get("idle"))
        assert len(bodies(until_silent(idle))) == 1
        busy.sendall(get("slow-end"))
        time.sleep(0.05)
        server.server.should_exit = True
        assert has_ended(idle, 2)
        answer = until_silent(busy, 2)
        assert bodies(answer) == [b"GET /sparql slow-end  "]


# Limits


def test_a_head_that_is_too_large_is_refused(server: Server) -> None:
    for filler in (b"A: " + b"a" * guard._HEAD_BYTES, b"Accept: " + b"a/b," * (guard._HEAD_BYTES // 4)):
        assert re.match(rb"HTTP/1.1 4(00|31) ", server.exchange(get("big", filler)))
    endless = b"GET /sparql?" + b"q" * guard._HEAD_BYTES
    assert re.match(rb"HTTP/1.1 4(00|31) ", server.exchange(endless))
    assert server.asked["GET big"] == 0


def test_a_head_of_too_many_lines_is_refused(server: Server) -> None:
    assert server.exchange(get("lines", *[b"A: b"] * 90)).startswith(b"HTTP/1.1 200 ")
    assert server.exchange(get("lines", *[b"A: b"] * 110)).startswith(b"HTTP/1.1 400 ")


def test_what_waits_behind_an_unanswered_request_is_bounded(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(get("slow-bounded"))
        time.sleep(0.02)
        with suppress(ConnectionError):
            for _ in range(2 * guard._HEAD_BYTES // 10_000):
                connection.sendall(b"x" * 10_000)
                time.sleep(0.001)
        assert has_ended(connection, 2)


def test_lines_behind_a_body_are_bounded(server: Server) -> None:
    """They are nobody's business, but the parser would keep them all."""
    with server.connect() as connection:
        connection.sendall(b"POST /sparql?t HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ")
        sent = 0
        with suppress(ConnectionError, TimeoutError):
            while sent < 20_000_000:
                sent += connection.send(b"x" * 50_000)
        assert sent < 20_000_000


def test_a_client_that_waits_to_be_told_to_go_on_is(server: Server) -> None:
    head = b"POST /sparql?e HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    with server.connect() as connection:
        connection.sendall(head)
        assert until_silent(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"body")
        assert bodies(until_silent(connection)) == [b"POST /sparql e  body"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0\1\2\3\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /sparql HTTP/1.1\nHost: localhost\n\n" + get("lf"),
        b"GET /sparql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"GET /sparql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /sparql HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /sparql HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
        b"GET /sparql HTTP/9.9\r\nHost: localhost\r\n\r\n",
    ],
    ids=range(8),
)
def test_what_is_no_http_is_refused_each_time(server: Server, garbage: bytes) -> None:
    for _ in range(3):
        received = server.exchange(garbage, wait=0.1)
        assert received.startswith(b"HTTP/1.1 400 ")
        assert received.count(b"HTTP/1.1") == 1


def test_a_request_to_upgrade_is_answered_as_any_other(server: Server) -> None:
    for _ in range(4):
        received = server.exchange(get("up", b"Upgrade: websocket", b"Connection: Upgrade"), get("next"), wait=1)
        assert bodies(received) == [b"GET /sparql up  ", b"GET /sparql next  "]


def test_an_error_of_the_application_is_told_as_it_tells_it(server: Server) -> None:
    answer = server.exchange(get("x", target="/fails"))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert bodies(answer) == [b'{"title":"told"}']
    assert b"\r\naccess-control-allow-origin: *\r\n" in answer


@pytest.mark.parametrize("size", [66_000, 100_000, 1_000_000])
@pytest.mark.parametrize(("path", "kind"), [(b"/reconcile?queries=", b"application/json"), (b"/sparql?query=", b"text/plain")])
def test_too_long_a_head_says_what_to_do_in_the_form_of_the_service(size: int, path: bytes, kind: bytes) -> None:
    """httptools refuses an address of more than 65,535 bytes itself."""
    with serving() as server:
        received = server.exchange(b"GET " + path + b"x" * size + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert kind in head
    assert b"POST" in body
    if kind == b"application/json":
        assert json.loads(body)["status"] == "error"
