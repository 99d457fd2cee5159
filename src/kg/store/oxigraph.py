"""The embedded store: a folder that Oxigraph wrote comes in; our own queries are answered here, strangers' by worker processes."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pyoxigraph as ox

from kg.errors import KgError
from kg.settings import Settings
from kg.store import Answer, Condition, Dump, HangUp, Request, Row, Term
from kg.store.pool import Pool, Size
from kg.store.reception import Reception
from kg.store.sandbox import can_confine
from kg.store.zygote import Plan

_LOADING = "The store is being loaded."
_UNCONFINED = "This system cannot forbid sockets to query workers; SERVICE is refused by reading the query only."
_READ_IN_MEMORY = 500_000  # triples; more would be a second copy of much
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
        self._reception = Reception(settings, strict=not can_confine())
        self._size = len(self._store)  # counted, triple by triple
        in_memory = self._size <= settings.memory_triples
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
        if self._size <= _READ_IN_MEMORY:
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
        network = isinstance(request, Request) and await self._reception.examine(request.text)
        reply = await self._reception.count(request, client, lambda: self._pool.ask(request, client, hang_up, network))
        return self._reception.answer(reply, request, network)

    def condition(self) -> Condition:
        """See `kg.store.Store`."""
        ready = self._pool.is_ready
        return Condition(ready, "" if ready else _LOADING, self._pool.counts, self._reception.outcomes, self._pool.forked, _notes())

    async def close(self) -> None:
        """See `kg.store.Store`."""
        await self._pool.close()
        if self._loading.is_alive():
            await asyncio.to_thread(self._loading.join)
        if self._source.temporary:
            shutil.rmtree(self._source.temporary, ignore_errors=True)


def _notes() -> list[str]:
    return [] if can_confine() else [_UNCONFINED]


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
