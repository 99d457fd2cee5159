"""The embedded store: a folder that Oxigraph wrote comes in; our own queries are answered here, strangers' by worker processes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO

import pyoxigraph as ox

from kg.errors import AnswerTooLarge, BadQuery, KgError, MethodRefused, NotAcceptable, NotFound, Overloaded, ServiceFailed, TooLarge
from kg.formats import GRAPHS, RESULTS
from kg.settings import Settings
from kg.sparql import services
from kg.store import Answer, Condition, Dump, HangUp, Request, Row, Term
from kg.store.clients import Clients
from kg.store.message import Reply
from kg.store.pool import Pool, Size
from kg.store.sandbox import can_confine
from kg.store.zygote import Plan

_NO_ROOM = "Too many large answers are being read at the moment."
#: What went wrong there, and where exactly, is between that server and whoever runs this one.
_SERVICE_FAILED = (
    "This query could not be evaluated: a server that it calls by SERVICE is out of reach, or gave no answer that can be read. "
    "Ask that server itself to see why, or write SERVICE SILENT to go on without it."
)
_SHORT = 20_000  # characters of a text that is read at once
_READ_IN_MEMORY = 500_000  # triples; more would be a second copy of much
_LONG = 1.0  # seconds after which a query is logged
_log = logging.getLogger(__name__)
_STORE, _DUMP = "store", "dump.nq"


@dataclass(frozen=True)
class Source:
    """Where a data set lies."""

    store: Path  # folder of the Oxigraph store
    dump: Path  # the same as N-Quads
    prefixes: Mapping[str, str]  # that queries need not declare, and that Turtle is written with
    context: Mapping[str, Any] = field(default_factory=dict)  # that JSON-LD is written with
    temporary: Path | None = None  # folder to remove in the end


class OxigraphStore:
    """An Oxigraph folder, opened read-only, with worker processes beside it."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self._source, self._settings = source, settings
        self._prefixes = dict(source.prefixes)
        try:
            self._store = ox.Store.read_only(str(source.store))
        except OSError as error:
            raise KgError(f"{source.store} is no store that can be read: {error}") from error
        self._spooled: list[tuple[weakref.ref[BinaryIO], int]] = []
        self._outcomes: dict[str, tuple[int, float]] = {}  # what became of queries → how many, and their seconds in all
        self._reading = asyncio.Semaphore(1)
        self._clients = Clients(settings.client_burst, settings.client_rate)
        in_memory = len(self._store) <= settings.memory_triples
        plan = Plan(
            str(source.store),
            str(source.dump) if in_memory else "",
            settings.memory,
            settings.result_bytes,
            self._prefixes,
            dict(source.context or source.prefixes),
        )
        self._loading = Thread(target=self._load)
        self._pool = Pool(plan, Size(settings.young, settings.old, settings.waiting, settings.timeout))

    async def start(self) -> None:
        """See `kg.store.Store`."""
        if len(self._store) <= _READ_IN_MEMORY:
            self._loading.start()
        await self._pool.start()
        if self._loading.ident:
            # What has no order comes in another one from disk: every answer of every server shall be made from the same.
            await asyncio.to_thread(self._loading.join)

    def _load(self) -> None:
        """Read our own copy into memory, where pages take half as long."""
        try:
            store = ox.Store()
            store.bulk_load(path=str(self._source.dump))
        except OSError:
            _log.warning("The store could not be read into memory: pages are read from disk.")
        else:
            self._store = store

    def rows(self, text: str, bind: Mapping[str, Term] | None = None) -> list[Row]:
        """See `kg.store.Store`."""
        substitutions = {ox.Variable(name): term for name, term in (bind or {}).items()}
        solutions = self._store.query(text, prefixes=self._prefixes, substitutions=substitutions)
        if not isinstance(solutions, ox.QuerySolutions):
            raise KgError("rows() answers SELECT queries only.")
        names = [variable.value for variable in solutions.variables]
        return [{name: value for name, value in zip(names, row, strict=True) if value is not None} for row in solutions]

    async def query(self, request: Request | Dump, client: str = "", hang_up: HangUp | None = None) -> Answer:
        """See `kg.store.Store`."""
        network = isinstance(request, Request) and await self._examine_aside(request.text)
        begun, outcome = time.monotonic(), "CutShort"
        self._clients.enter(client, begun)
        try:
            reply = await self._pool.ask(request, client, hang_up, network)
            outcome = reply.failure or "answered"
        except KgError as error:
            outcome = type(error).__name__
            raise
        finally:
            ended = time.monotonic()
            self._clients.leave(client, begun, ended)
            self._note(request, outcome, ended - begun)
        if reply.failure:
            if network and reply.failure == "error":
                raise ServiceFailed(_SERVICE_FAILED)
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

    def _note(self, request: Request | Dump, outcome: str, seconds: float) -> None:
        number, total = self._outcomes.get(outcome, (0, 0.0))
        self._outcomes[outcome] = number + 1, total + seconds
        if seconds > _LONG:
            # Neither who asks nor what: a hash tells an operator whether it is the same query again.
            text = request.text if isinstance(request, Request) else ""
            digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=6).hexdigest()
            _log.info("long query", extra={"outcome": outcome, "seconds": round(seconds, 3), "query": digest, "length": len(text)})

    async def _examine_aside(self, text: str) -> bool:
        """The same; what takes a while is done in a thread, one text after the other, so that the event loop gets its turn."""
        if len(text) < _SHORT or "service" not in text.lower():
            return self._examine(text)
        async with self._reading:
            return await asyncio.to_thread(self._examine, text)

    def _examine(self, text: str) -> bool:
        """Whether the query calls other servers; raises where it may not be evaluated at all."""
        limit = self._settings.query_bytes
        if len(text) > limit or (len(text) * 4 > limit and len(text.encode(errors="replace")) > limit):
            raise TooLarge(f"This query is longer than {limit:,} bytes. Shorten it, or download the data and query it yourself.")
        return bool(services(text, self._settings.services, strict=not can_confine()))

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

    def condition(self) -> Condition:
        """See `kg.store.Store`."""
        return Condition(self._pool.is_ready, self._pool.counts, self._outcomes, self._pool.forked)

    def close(self) -> None:
        """See `kg.store.Store`."""
        self._pool.close()
        if self._loading.is_alive():
            self._loading.join()
        if self._source.temporary:
            shutil.rmtree(self._source.temporary, ignore_errors=True)


def store_files(files: Iterable[Path], prefixes: Mapping[str, str]) -> Source:
    """Load RDF files into a store in a new temporary folder, triples into the default graph.

    Raises KgError that names the file, and the line where the parser knows it.
    """
    folder = Path(tempfile.mkdtemp(prefix="kg-dataset-"))
    try:
        store = ox.Store(folder / _STORE)
        _fill(store, files)
        store.dump(folder / _DUMP, ox.RdfFormat.N_QUADS)
    except KgError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Source(folder / _STORE, folder / _DUMP, prefixes, temporary=folder)


def _fill(store: ox.Store, files: Iterable[Path]) -> None:
    for file in files:
        fmt = ox.RdfFormat.from_extension(file.suffix.lstrip(".").lower())
        if fmt is None:
            raise KgError(f"{file}: the ending says no RDF format. Use .ttl, .nt, .nq, .trig, .rdf or .jsonld.")
        try:
            # A file's blank nodes are its own: two files may both call one _:b0.
            quads = ox.parse(path=file, format=fmt, base_iri=file.resolve().as_uri(), rename_blank_nodes=True)
            store.bulk_extend(quads)
        except (SyntaxError, ValueError, OSError) as error:
            line = getattr(error, "lineno", None)
            raise KgError(f"{file}{f':{line}' if line else ''}: {error}") from error
    store.flush()
