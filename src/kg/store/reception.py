"""A stranger's request comes in; whether it is taken, what became of it, and its answer or an error, go out: for any engine."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
import weakref
from collections.abc import Awaitable, Callable
from typing import BinaryIO

from kg.errors import AnswerTooLarge, BadQuery, KgError, MethodRefused, NotAcceptable, NotFound, Overloaded, ServiceFailed, TooLarge
from kg.formats import GRAPHS, RESULTS
from kg.settings import Settings
from kg.sparql import services
from kg.store import Answer, Dump, Request
from kg.store.clients import Clients
from kg.store.message import Reply

_NO_ROOM = "Too many large answers are being read at the moment."
#: What went wrong there, and where exactly, is between that server and whoever runs this one.
_SERVICE_FAILED = (
    "This query could not be evaluated: a server that it calls by SERVICE is out of reach, or gave no answer that can be read. "
    "Ask that server itself to see why, or write SERVICE SILENT to go on without it."
)
_SHORT = 20_000  # characters of a text that is read at once
_LONG = 1.0  # seconds after which a query is logged
_log = logging.getLogger(__name__)


class Reception:
    """What holds for every request, whoever evaluates it."""

    def __init__(self, settings: Settings, strict: bool) -> None:
        """`strict`: whoever evaluates queries could open connections by itself (see `kg.sparql.services`)."""
        self._settings, self._strict = settings, strict
        self._clients = Clients(settings.client_burst, settings.client_rate)
        self._spooled: list[tuple[weakref.ref[BinaryIO], int]] = []
        self._reading = asyncio.Semaphore(1)
        self.outcomes: dict[str, tuple[int, float]] = {}  # what became of queries → how many, and their seconds in all

    async def examine(self, text: str) -> bool:
        """Whether the query calls other servers; raises where it may not be evaluated at all.

        What takes a while is done in a thread, one text after the other, so that the event loop gets its turn.
        """
        if len(text) < _SHORT or "service" not in text.lower():
            return self._examine(text)
        async with self._reading:
            return await asyncio.to_thread(self._examine, text)

    def _examine(self, text: str) -> bool:
        limit = self._settings.query_bytes
        if len(text) > limit or (len(text) * 4 > limit and len(text.encode(errors="replace")) > limit):
            raise TooLarge(f"This query is longer than {limit:,} bytes. Shorten it, or download the data and query it yourself.")
        return bool(services(text, self._settings.services, strict=self._strict))

    async def count(self, request: Request | Dump, client: str, evaluate: Callable[[], Awaitable[Reply]]) -> Reply:
        """The reply to a request, whose time the client has less from then on; raises Throttled where none is left."""
        begun, outcome = time.monotonic(), "CutShort"
        self._clients.enter(client, begun)
        try:
            reply = await evaluate()
            outcome = reply.failure or "answered"
        except KgError as error:
            outcome = type(error).__name__
            raise
        finally:
            ended = time.monotonic()
            self._clients.leave(client, begun, ended)
            self._note(request, outcome, ended - begun)
        return reply

    def _note(self, request: Request | Dump, outcome: str, seconds: float) -> None:
        number, total = self.outcomes.get(outcome, (0, 0.0))
        self.outcomes[outcome] = number + 1, total + seconds
        if seconds > _LONG:
            # Neither who asks nor what: a hash tells an operator whether it is the same query again.
            text = request.text if isinstance(request, Request) else ""
            digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=6).hexdigest()
            _log.info("long query", extra={"outcome": outcome, "seconds": round(seconds, 3), "query": digest, "length": len(text)})

    def answer(self, reply: Reply, request: Request | Dump, network: bool = False) -> Answer:
        """What is sent; raises the error that a failure stands for. `network`: the query has called other servers."""
        if network and reply.failure == "error":
            raise ServiceFailed(_SERVICE_FAILED)
        if reply.failure:
            raise self._failure(reply, request)
        if not isinstance(reply.body, bytes):
            self._demand_room(reply.body, reply.size)
        return Answer(reply.body, reply.size, reply.format, reply.digest, reply.coding, reply.partial)

    def _demand_room(self, file: BinaryIO, size: int) -> None:
        """Large answers lie on disk until they are sent, and who reads slowly keeps them there."""
        still = [(other, weight) for other, weight in self._spooled if (held := other()) and not held.closed]
        if sum(weight for _, weight in still) + size > self._settings.spool_bytes:
            file.close()
            raise Overloaded(_NO_ROOM, 30)
        self._spooled = [*still, (weakref.ref(file), size)]

    def _failure(self, reply: Reply, request: Request | Dump) -> KgError:
        limit = self._settings.result_bytes
        match reply.failure:
            case "query":
                error: KgError = BadQuery(*json.loads(reply.text))
            case "update":
                error = MethodRefused("This endpoint is read-only: it answers SELECT, ASK, CONSTRUCT and DESCRIBE, no updates.")
            case "format":
                error = NotAcceptable([fmt.media_type for fmt in (GRAPHS if reply.text == "graph" else RESULTS)])
            case "unwritable":
                error = BadQuery("This answer holds control characters, which XML cannot carry. Ask for JSON, CSV, TSV or Turtle.")
            case "large":
                error = AnswerTooLarge(f"The answer is larger than {limit:,} bytes. Add a LIMIT, or download the whole data.")
            case "room":
                error = Overloaded(_NO_ROOM, 30)
            case "absent" if isinstance(request, Dump):
                error = NotFound(f"There is no graph <{request.graph}> here.")
            case _:
                error = BadQuery(f"This query could not be evaluated: {reply.text}")
        return error
