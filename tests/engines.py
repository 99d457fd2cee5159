"""SPARQL engines of other makes, for tests: which one comes in; a server of it that answers on this machine goes out.

Each runs in a folder of its own and takes updates. A test of an engine that is not installed is skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from repository import ROOT

_START = 90.0  # seconds that starting may take: Virtuoso makes its database first
_OXIGRAPH = shutil.which("oxigraph") or shutil.which(str(Path(sys.executable).with_name("oxigraph")))
_VIRTUOSO = shutil.which("virtuoso-t")
_JAVA = shutil.which("java")
_FUSEKI = next(iter(sorted((ROOT / ".engines").glob("jena-fuseki-server-*.jar"), reverse=True)), None)
VIRTUOSO_USER = ("dba", "dba")  # whom a new database knows


@dataclass(frozen=True)
class Engine:
    """A server that runs."""

    name: str
    query: str  # where it answers queries
    graphs: str  # where it takes graphs, by the SPARQL 1.1 Graph Store Protocol
    credentials: tuple[str, str] | None = None  # user and password, by digest: what `graphs` wants
    query_wants_them: bool = False  # so does `query`

    def client(self) -> httpx2.Client:
        """A client that may do anything; to be closed."""
        auth = httpx2.DigestAuth(*self.credentials) if self.credentials else None
        return httpx2.Client(auth=auth, timeout=120.0, trust_env=False)  # it is on this machine, whatever the way out of it

    def put(self, content: str, graph: str | None = None, media_type: str = "application/n-triples") -> None:
        """Make this the graph of that name, or the default graph."""
        parameters = {"default": ""} if graph is None else {"graph": graph}
        with self.client() as client:
            headers = {"Content-Type": media_type}
            client.put(self.graphs, params=parameters, content=content.encode(), headers=headers).raise_for_status()


@contextmanager
def oxigraph(folder: Path | None = None) -> Iterator[Engine]:
    """The Oxigraph server, in memory, or with its store in this folder."""
    if _OXIGRAPH is None:
        pytest.skip("the oxigraph server is not installed")
    (port,) = _free_ports(1)
    stored = ["--location", str(folder)] if folder else []
    address = f"http://127.0.0.1:{port}"
    engine = Engine("oxigraph", f"{address}/query", f"{address}/store")
    with _running([_OXIGRAPH, "serve", "--bind", f"127.0.0.1:{port}", *stored], engine):
        yield engine


@contextmanager
def fuseki(folder: Path | None = None, credentials: tuple[str, str] | None = None, options: Sequence[str] = ()) -> Iterator[Engine]:
    """Apache Jena Fuseki, in memory, or with a TDB2 store in this folder; with credentials, nobody else may do anything."""
    if _FUSEKI is None or _JAVA is None:
        pytest.skip("Apache Jena Fuseki is not here: `make engines` fetches it where there are Java and Maven")
    (port,) = _free_ports(1)
    files, secured = {}, []
    if credentials:
        files, secured = {"passwords": ": ".join(credentials)}, ["--passwd=passwords", "--auth=digest"]
    stored = ["--tdb2", f"--loc={folder}"] if folder else ["--mem"]
    # No file of measurements in the system's temporary folder: that one outlives a killed process.
    java = [_JAVA, "-Xmx1g", "-XX:-UsePerfData", "-jar", str(_FUSEKI), "--localhost", f"--port={port}"]
    address = f"http://127.0.0.1:{port}/ds"
    engine = Engine("fuseki", f"{address}/sparql", f"{address}/data", credentials, query_wants_them=credentials is not None)
    with _running([*java, *stored, *secured, *options, "--update", "/ds"], engine, files):
        yield engine


@contextmanager
def fuseki_on_disk() -> Iterator[Engine]:
    """Fuseki with a TDB2 store in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="kg-tdb2-") as folder, fuseki(Path(folder)) as engine:
        yield engine


@contextmanager
def virtuoso(rows: int = 1_000_000, seconds: int = 60) -> Iterator[Engine]:
    """Virtuoso, with the most rows that it answers and the longest that it thinks. It keeps no unnamed default graph."""
    if _VIRTUOSO is None:
        pytest.skip("Virtuoso is not installed")
    sql, http = _free_ports(2)
    address = f"http://127.0.0.1:{http}"
    engine = Engine("virtuoso", f"{address}/sparql", f"{address}/sparql-graph-crud-auth", VIRTUOSO_USER)
    files = {"virtuoso.ini": _VIRTUOSO_INI.format(sql=sql, http=http, rows=rows, seconds=seconds)}
    with _running([_VIRTUOSO, "+foreground", "+configfile", "virtuoso.ini"], engine, files):
        yield engine


ENGINES: dict[str, Callable[[], AbstractContextManager[Engine]]] = {
    "oxigraph": oxigraph,
    "fuseki": fuseki,
    "fuseki-tdb2": fuseki_on_disk,
    "virtuoso": virtuoso,
}


@contextmanager
def another_endpoint(turtle: str) -> Iterator[str]:
    """The address of an endpoint whose default graph is this one."""
    with oxigraph() as engine:
        engine.put(turtle, media_type="text/turtle")
        yield engine.query


_VIRTUOSO_INI = """
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
TempStorage = TempDatabase

[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx

[Parameters]
ServerPort = 127.0.0.1:{sql}
DisableUnixSocket = 1
CaseMode = 2
MaxClientConnections = 20
DirsAllowed = .
NumberOfBuffers = 10000
MaxDirtyBuffers = 6000
CheckpointInterval = 0

[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerThreads = 20
MaxClientConnections = 20
Charset = UTF-8

[SPARQL]
ResultSetMaxRows = {rows}
MaxQueryExecutionTime = {seconds}
MaxQueryCostEstimationTime = 0
"""


def _free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens at; all are held until all are found, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


@contextmanager
def _running(command: Sequence[str], engine: Engine, files: Mapping[str, str] = {}) -> Iterator[None]:
    """Run this in a folder with these files until the block ends, from when it answers; no process of it is left behind."""
    with tempfile.TemporaryDirectory(prefix=f"kg-{engine.name}-") as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text, "utf-8")
        printed = folder / "printed"
        with printed.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            _await_answer(engine, process, printed)
            yield
        finally:
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_answer(engine: Engine, process: subprocess.Popen[bytes], printed: Path) -> None:
    """Return as soon as it answers a query; raises AssertionError with what it printed where it ends or takes too long."""
    deadline = time.monotonic() + _START
    with engine.client() as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                client.get(engine.query, params={"query": "ASK {}"}, timeout=5.0).raise_for_status()
            except httpx2.HTTPError:
                time.sleep(0.05)
            else:
                return
    raise AssertionError(f"{engine.name} does not answer:\n{printed.read_text('utf-8', 'replace')}")
