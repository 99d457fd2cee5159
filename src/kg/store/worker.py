"""A process of its own evaluates strangers' queries: it can be killed at a deadline, has bounded memory and no sockets."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

import pyoxigraph as ox

from kg.errors import KgError
from kg.store import Request
from kg.store.sandbox import can_forbid_sockets, forbid_sockets, limit_memory

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12

_RESULTS = {
    "json": ox.QueryResultsFormat.JSON,
    "xml": ox.QueryResultsFormat.XML,
    "csv": ox.QueryResultsFormat.CSV,
    "tsv": ox.QueryResultsFormat.TSV,
}
_GRAPHS = {
    "turtle": ox.RdfFormat.TURTLE,
    "ntriples": ox.RdfFormat.N_TRIPLES,
    "jsonld": ox.RdfFormat.JSON_LD,
    "rdfxml": ox.RdfFormat.RDF_XML,
}
# spawn, because forking a process with threads can copy a lock that nobody will ever open
_STARTING = 30.0  # seconds
_spawn = multiprocessing.get_context("spawn")


class Worker:
    """One such process, and the pipe to it. It is started when it is first asked, and anew after it ended."""

    def __init__(self, path: str, memory: int, result_bytes: int, prefixes: dict[str, str]) -> None:
        self._arguments = (path, memory, result_bytes, prefixes)
        self._process: SpawnProcess | None = None
        self.start()

    def start(self) -> None:
        """Start the process unless it runs; it opens the store while others go on."""
        if self._process is None or not self._process.is_alive():
            self.stop()
            self._pipe, theirs = _spawn.Pipe()
            self._process = _spawn.Process(target=_serve, args=(theirs, *self._arguments), daemon=True)
            self._process.start()
            theirs.close()
            self._ready = False

    def ask(self, request: Request, seconds: float) -> tuple[str, Any]:
        """What became of the request: ("ok", (bytes, format)), or the name of a failure and its text.

        Failures: syntax, format, large, error, timeout, memory. After the last two the process is a new one.
        Raises KgError where no process could be started.
        """
        self.start()
        self._await_start()
        try:
            self._pipe.send(request)
            if self._pipe.poll(seconds):
                outcome: tuple[str, Any] = self._pipe.recv()
                return outcome
            outcome = ("timeout", "")
        except (EOFError, OSError):
            outcome = ("memory", "")
        self.stop()
        self.start()
        return outcome

    def _await_start(self) -> None:
        """Wait until the process has opened the store: a death before that is no query's fault."""
        try:
            self._ready = self._ready or (self._pipe.poll(_STARTING) and bool(self._pipe.recv()))
        except (EOFError, OSError):
            self._ready = False
        if not self._ready:
            self.stop()
            raise KgError("A query worker could not start. Try again; its own message is in the server's log.")

    def stop(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._pipe.close()
            self._process = None


class _Full(Exception):
    """The answer is larger than what may be sent."""


class _Spool(io.BytesIO):
    """Collects an answer up to a size; more than that ends the serialisation at once."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: Buffer, /) -> int:
        written = super().write(data)
        if self.tell() > self._limit:
            raise _Full
        return written


def _end_with_parent(parent: int) -> None:
    """End this process when the server is gone, even in the middle of a query."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def _serve(pipe: Connection, path: str, memory: int, result_bytes: int, prefixes: dict[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then stops us
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    os.environ.clear()
    store = ox.Store.read_only(path)
    limit_memory(memory)
    if can_forbid_sockets():
        forbid_sockets()
    pipe.send("ready")
    while True:
        try:
            request = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_answer(store, request, result_bytes, prefixes))


def _answer(store: ox.Store, request: Request, result_bytes: int, prefixes: dict[str, str]) -> tuple[str, Any]:
    spool = _Spool(result_bytes)
    try:
        result = store.query(
            request.text,
            prefixes=prefixes,
            default_graph=[ox.NamedNode(iri) for iri in request.default_graphs] or None,
            named_graphs=[ox.NamedNode(iri) for iri in request.named_graphs] or None,
        )
        is_graph = isinstance(result, ox.QueryTriples)
        name = request.graph if is_graph else request.results
        if name is None:
            return "format", "graph" if is_graph else "results"
        if isinstance(result, ox.QueryTriples):
            ox.serialize(result, spool, _GRAPHS[name], prefixes=prefixes)
        else:
            result.serialize(spool, _RESULTS[name])
    except SyntaxError as error:
        return "syntax", str(error)
    except _Full:
        return "large", ""
    except (ValueError, RuntimeError, OSError) as error:
        return "error", str(error)
    return "ok", (spool.getvalue(), name)
