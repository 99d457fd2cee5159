"""The embedded store: a folder that Oxigraph wrote comes in; our own queries are answered here, strangers' by worker processes."""

from __future__ import annotations

import queue
import shutil
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from kg.errors import BadQuery, KgError, NotAcceptable, Overloaded, QueryTimeout, QueryTooHeavy, TooLarge
from kg.formats import GRAPHS, RESULTS
from kg.settings import Settings
from kg.sparql import refuse_depth, refuse_service, refuse_update, syntax_error
from kg.store import Answer, Request, Row, Term
from kg.store.worker import Worker

_LESS = "Ask for less: fewer patterns, a LIMIT, no ORDER BY over everything."


class OxigraphStore:
    """An Oxigraph folder, opened read-only, with worker processes beside it."""

    def __init__(self, path: Path, settings: Settings, prefixes: Mapping[str, str], temporary: bool = False) -> None:
        self._path = path
        self._temporary = temporary
        self._settings = settings
        self._prefixes = dict(prefixes)
        try:
            self._store = ox.Store.read_only(str(path))
        except OSError as error:
            raise KgError(f"{path} is no store that can be read: {error}") from error
        self._workers = [Worker(str(path), settings.memory, settings.result_bytes, self._prefixes) for _ in range(settings.workers)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._places = threading.BoundedSemaphore(settings.waiting)

    def rows(self, text: str, bind: Mapping[str, Term] | None = None) -> list[Row]:
        """See `kg.store.Store`."""
        substitutions = {ox.Variable(name): term for name, term in (bind or {}).items()}
        solutions = self._store.query(text, prefixes=self._prefixes, substitutions=substitutions)
        if not isinstance(solutions, ox.QuerySolutions):
            raise KgError("rows() answers SELECT queries only.")
        names = [variable.value for variable in solutions.variables]
        return [{name: value for name in names if (value := row[name]) is not None} for row in solutions]

    def query(self, request: Request) -> Answer:
        """See `kg.store.Store`."""
        limits = self._settings
        if len(request.text.encode()) > limits.query_bytes:
            raise TooLarge(
                f"This query is longer than {limits.query_bytes:,} bytes. Shorten it, or download the data and query it yourself."
            )
        refuse_update(request.text)
        refuse_service(request.text)
        refuse_depth(request.text)
        outcome, value = self._ask(request)
        match outcome:
            case "ok":
                return Answer(*value)
            case "syntax":
                raise syntax_error(SyntaxError(value), request.text)
            case "format":
                raise NotAcceptable([fmt.media_type for fmt in (GRAPHS if value == "graph" else RESULTS)])
            case "timeout":
                raise QueryTimeout(f"This query took longer than {limits.timeout:g} seconds. {_LESS}")
            case "memory":
                raise QueryTooHeavy(f"This query needed more than {limits.memory} MiB of memory. {_LESS}")
            case "large":
                raise TooLarge(f"The answer is larger than {limits.result_bytes:,} bytes. Add a LIMIT, or download the whole data.")
        raise BadQuery(f"This query could not be evaluated: {value}")

    def _ask(self, request: Request) -> tuple[str, Any]:
        if not self._places.acquire(blocking=False):
            raise Overloaded("Too many queries are waiting. Try again in a few seconds.")
        try:
            worker = self._idle.get(timeout=self._settings.timeout)
        except queue.Empty:
            raise Overloaded("All query workers are busy. Try again in a few seconds.") from None
        finally:
            self._places.release()
        try:
            return worker.ask(request, self._settings.timeout)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """See `kg.store.Store`."""
        for worker in self._workers:
            worker.stop()
        if self._temporary:
            shutil.rmtree(self._path, ignore_errors=True)


def store_files(files: Iterable[Path]) -> Path:
    """Load RDF files into a store in a new temporary folder, triples into the default graph, and return the folder.

    Raises KgError that names the file, and the line where the parser knows it.
    """
    folder = Path(tempfile.mkdtemp(prefix="kg-dataset-"))
    try:
        _fill(ox.Store(folder), files)
    except KgError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


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
