"""What a client sends on a connection comes in; what arrives in time and in measure goes on to the server (uvicorn), the rest ends.

uvicorn with httptools waits for ever for a request to arrive and keeps all of its head in memory, however large; it has no settings
for that. These are the limits that it lacks. Bodies are limited where they are read, in `kg.web.protocol`.

It also offers the application to send an answer in one piece, and remembers two things. A client that sends the same bytes again
gets the same bytes again, without anything being parsed. Behind another address the same lines of a head mean the same again.
"""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from kg.web.front import WHOLE
from kg.web.memory import Memory
from kg.web.reply import Headers

_HEAD_BYTES = 60_000  # longer queries are sent as a body; httptools takes no address of more than 65,535
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: %s\r\n"
    b"access-control-allow-origin: *\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"
)
_ADVICE = b"The head of this request is longer than %d bytes. Send a long query by POST." % _HEAD_BYTES
_FRAMING_BYTES = 1_000_000  # around the pieces of a body, and behind it
_HEAD_LINES = 100
_LINE_BYTES = 16_000  # of one of them
_OF_BODY = (b"content-length", b"transfer-encoding")
_PLAIN = re.compile(rb"GET (/[\w.~-][\w./~-]*)\?([!\"$-~]*) HTTP/1\.1")  # nothing that is read in more than one way
_HEAD_SECONDS = 15.0  # from the first byte, or from the opening of the connection, to the end of the head
_OVERHEAD = 500  # bytes that what is remembered takes besides its own
_HEADS = 1_000_000  # bytes of heads that are remembered
_STALL_SECONDS = 60.0  # that a client may read nothing of its answer


def guarded(answers: Memory[bytes, tuple[bytes, bytes]]) -> type[Guard]:
    """The protocol for one server, whose answers `kg.web.front.Front.exact` remembers."""
    return type("Guarded", (Guard,), {"answers": answers, "heads": Memory(_HEADS)})


class Guard(HttpToolsProtocol):
    """uvicorn's protocol with limits."""

    #: See `Front.exact`.
    answers: Memory[bytes, tuple[bytes, bytes]]
    #: Lines of heads that nothing but the answer follows → what they say.
    heads: Memory[bytes, Headers]
    _raw = b""  # the request, if it came alone and in one piece
    _in_head = True
    _between = True  # the parser is at the beginning of a request
    _seen = 0
    _held = b""
    _late: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._late = self.loop.call_later(_HEAD_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._in_time()
        self._flows()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head; what follows an unanswered request waits."""
        if self._in_head and self.cycle is not None and not self.cycle.response_complete:
            # uvicorn would stop reading, and so not see that the client hangs up.
            self._held += data
            self._raw = b""
            if len(self._held) > _HEAD_BYTES:
                self.transport.abort()
            return
        if self._in_head:
            if self._between and data.startswith(b"GET ") and data.find(b"\r\n\r\n") == len(data) - 4:
                if self._answer_again(data) or self._read_again(data):
                    return
                self._raw = data
            else:
                self._raw = b""
            if self._late is None:  # empty lines, which the parser passes over in silence, count too
                self._late = self.loop.call_later(_HEAD_SECONDS, self.transport.abort)
            self._seen += len(data)
        else:
            self._seen += len(data)  # what of it is body is taken off again
            if self._seen > _FRAMING_BYTES:
                self.transport.abort()
                return
        super().data_received(data)
        # Looked at afterwards: a body may have come with the head.
        if self._in_head and self._seen > _HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser cannot read; a head may be more than it takes at once."""
        if len(self.url or b"") > _HEAD_BYTES or (self._in_head and self._seen > _HEAD_BYTES):
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def _refuse_head(self) -> None:
        kind, text = b"text/plain; charset=utf-8", _ADVICE
        if (self.url or b"").startswith(b"/reconcile"):  # which tells of errors in a form of its own
            kind, text = b"application/json", b'{"status": "error", "message": "%s"}' % _ADVICE
        self.transport.write(_TOO_LARGE % (kind, len(text), text))
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Nobody needs to know that a stranger would like to speak another protocol."""

    def _answer_again(self, request: bytes) -> bool:
        answer = self.answers.get(request)
        if answer is None or self.flow.write_paused:
            return False
        self._in_time()
        self._unset_keepalive_if_required()
        self.transport.write(b"".join((answer[0], self._date(), answer[1])))
        self.server_state.total_requests += 1
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        return True

    def _read_again(self, request: bytes) -> bool:
        """Begin with a request of which all but the first line was read before."""
        first, _, rest = request.partition(b"\r\n")
        headers = self.heads.get(rest)
        plain = headers is not None and _PLAIN.fullmatch(first)
        if headers is None or not plain or self._late or self._seen or self.transport.is_closing():
            return False
        path, query = plain.groups()
        self._unset_keepalive_if_required()
        super().on_message_begin()
        self.scope |= {
            "method": "GET",
            "path": path.decode("ascii"),
            "raw_path": path,
            "query_string": query,
            "headers": headers,
        }
        self._begin(request)
        return True

    def _begin(self, request: bytes) -> None:
        """What uvicorn does when it has read a head, for one without a body."""
        arrived = asyncio.Event()
        arrived.set()
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=arrived,
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        self.cycle.more_body = False
        self._offer_whole(request)
        self._start_asgi_task(self.cycle, self.app)

    def _offer_whole(self, request: bytes) -> None:
        send: Any = partial(self._send_whole, self.cycle, request)
        self.scope["extensions"] = {WHOLE: send}

    def _date(self) -> bytes:
        return b"".join([b"%s: %s\r\n" % pair for pair in self.server_state.default_headers])

    async def _send_whole(  # noqa: PLR0913, PLR0917 (what an answer consists of)
        self, cycle: RequestResponseCycle, raw: bytes, status: int, head: bytes, body: bytes, again: bool
    ) -> None:
        """Send an answer in one piece; one that is asked for `again` is remembered with the bytes that asked for it."""
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        first, rest = STATUS_LINE[status], b"".join((head, b"" if cycle.keep_alive else b"connection: close\r\n", b"\r\n", body))
        if again and raw and cycle.keep_alive:
            self.answers.put(raw, (first, rest), len(raw) + len(rest) + _OVERHEAD)
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self.transport.write(b"".join((first, self._date(), rest)))
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def on_response_complete(self) -> None:
        """Go on with what has waited."""
        super().on_response_complete()
        if not self._in_head and self._late is None:  # the rest of a body that nobody has read
            self._late = self.loop.call_later(_HEAD_SECONDS, self.transport.abort)
        if self._held and not self.transport.is_closing():
            held, self._held = self._held, b""
            self.data_received(held)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head, self._between = True, False
        if self._late is None:
            self._late = self.loop.call_later(_HEAD_SECONDS, self.transport.abort)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One line of the head; those behind a body in pieces say nothing that we heed."""
        if not self._in_head:
            return
        super().on_header(name, value)
        if len(self.headers) > _HEAD_LINES or len(value) > _LINE_BYTES:
            raise ValueError("too many headers, or too long ones")

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head, self._seen = False, 0
        self._in_time()
        if any(name in _OF_BODY for name, _ in self.headers):
            self._raw = b""  # what follows is a part of it
        super().on_headers_complete()
        if self.scope["method"] != "HEAD":
            self._offer_whole(self._raw)
        if self._raw and self.cycle.keep_alive and not (self.expect_100_continue or self.parser.should_upgrade()):
            lines = self._raw.partition(b"\r\n")[2]
            self.heads.put(lines, self.headers, len(lines) * 2 + _OVERHEAD)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._seen -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_head = self._between = True
        self._seen = 0
        self._in_time()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._flows()
        self._stalled = self.loop.call_later(_STALL_SECONDS, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """It reads again."""
        self._flows()
        super().resume_writing()

    def _in_time(self) -> None:
        if self._late:
            self._late.cancel()
            self._late = None

    def _flows(self) -> None:
        if self._stalled:
            self._stalled.cancel()
            self._stalled = None
