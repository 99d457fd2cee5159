"""A folder and a size come in; engines of other makes go out that run over a store in it, with their own bulk loaders.

Each is set up as its documentation advises for a server of that size, and answers nobody but this machine.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.servers import ROOT, Server, await_listening, free_port, running

_OXIGRAPH = str(Path(sys.executable).parent / "oxigraph")
_FUSEKI = next(iter(sorted((ROOT / ".engines").glob("jena-fuseki-server-*.jar"), reverse=True)), None)
_VIRTUOSO = shutil.which("virtuoso-t")
_ISQL = next(filter(None, map(shutil.which, ("isql-vt", "isql-v", "isql"))), "isql")
_HEAP = "2g"  # of Java: TDB2 reads its files through the system's cache
_BUFFER = 50  # triples for one buffer of Virtuoso (8 KiB)


@dataclass(frozen=True)
class Engine:
    """One that can be started, and how a file of N-Quads gets into it while it does not run, or does."""

    name: str
    query: str  # path of its endpoint
    run: Callable[[Path, int], AbstractContextManager[Server]]
    bulk: Callable[[Path, Path], None]
    offline: bool  # whether its loader wants it not to run
    credentials: Mapping[str, str] = field(default_factory=dict)  # settings of `kg` that let it write


def is_here(name: str) -> bool:
    """Whether it is installed."""
    return {"Fuseki": bool(_FUSEKI and shutil.which("java")), "Virtuoso": bool(_VIRTUOSO)}.get(name, Path(_OXIGRAPH).exists())


@contextmanager
def oxigraph(folder: Path, _: int) -> Iterator[Server]:
    """Oxigraph's server, with its store on disk."""
    port = free_port()
    command = [_OXIGRAPH, "serve", "--location", str(folder / "oxigraph"), "--bind", f"127.0.0.1:{port}"]
    with running("Oxigraph", (port, "/query"), command, folder) as server:
        await_listening(server)
        yield server


@contextmanager
def fuseki(folder: Path, _: int) -> Iterator[Server]:
    """Apache Jena Fuseki with a TDB2 store."""
    port = free_port()
    java = ["java", f"-Xmx{_HEAP}", "-XX:-UsePerfData", "-jar", str(_FUSEKI), "--localhost", f"--port={port}"]
    (folder / "tdb2").mkdir(parents=True, exist_ok=True)
    command = [*java, "--tdb2", f"--loc={folder / 'tdb2'}", "--update", "/ds"]
    with running("Fuseki", (port, "/ds/sparql"), command, folder, FUSEKI_BASE=str(folder / "fuseki")) as server:
        await_listening(server)
        yield server


@contextmanager
def virtuoso(folder: Path, triples: int) -> Iterator[Server]:
    """Virtuoso, with a buffer for some triples each, and without limits of rows and time."""
    sql, http, place = free_port(), free_port(), folder / "virtuoso"
    place.mkdir(parents=True, exist_ok=True)
    buffers = max(10_000, triples // _BUFFER)
    text = _INI.format(place=place, sql=sql, http=http, buffers=buffers, dirty=buffers * 3 // 4, files=folder)
    (place / "virtuoso.ini").write_text(text, "utf-8")
    command = [str(_VIRTUOSO), "+foreground", "+configfile", str(place / "virtuoso.ini")]
    with running("Virtuoso", (http, "/sparql"), command, folder) as server:
        await_listening(server)
        yield server


def _load_oxigraph(folder: Path, file: Path) -> None:
    plain = file.with_suffix("")
    with gzip.open(file) as packed, plain.open("wb") as out:
        shutil.copyfileobj(packed, out, 1 << 20)
    _run(_OXIGRAPH, "load", "--location", str(folder / "oxigraph"), "--file", str(plain))
    plain.unlink()


def _load_fuseki(folder: Path, file: Path) -> None:
    (folder / "tdb2").mkdir(parents=True, exist_ok=True)
    _run("java", f"-Xmx{_HEAP}", "-cp", str(_FUSEKI), "tdb2.tdbloader", "--loader=parallel", f"--loc={folder / 'tdb2'}", str(file))


def _load_virtuoso(folder: Path, file: Path) -> None:
    ini = (folder / "virtuoso" / "virtuoso.ini").read_text("utf-8")
    port = next(line for line in ini.splitlines() if line.startswith("ServerPort")).rpartition(":")[2]
    told = f"ld_dir('{file.parent}', '{file.name}', 'urn:x'); rdf_loader_run(); checkpoint;"
    _run(_ISQL, f"127.0.0.1:{port}", "dba", "dba", f"exec={told}")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603


ENGINES = {
    "Oxigraph": Engine("Oxigraph", "/query", oxigraph, _load_oxigraph, offline=True),
    "Fuseki": Engine("Fuseki", "/ds/sparql", fuseki, _load_fuseki, offline=True),
    "Virtuoso": Engine(
        "Virtuoso",
        "/sparql",
        virtuoso,
        _load_virtuoso,
        offline=False,
        credentials={"KG_STORE_USER": "dba", "KG_STORE_PASSWORD": "dba"},
    ),
}

_INI = """[Database]
DatabaseFile = {place}/virtuoso.db
ErrorLogFile = {place}/virtuoso.log
LockFile = {place}/virtuoso.lck
TransactionFile = {place}/virtuoso.trx
xa_persistent_file = {place}/virtuoso.pxa
TempStorage = TempDatabase

[TempDatabase]
DatabaseFile = {place}/virtuoso-temp.db
TransactionFile = {place}/virtuoso-temp.trx

[Parameters]
ServerPort = 127.0.0.1:{sql}
DisableUnixSocket = 1
CaseMode = 2
MaxClientConnections = 64
DirsAllowed = ., {files}
NumberOfBuffers = {buffers}
MaxDirtyBuffers = {dirty}
CheckpointInterval = 0

[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerThreads = 64
MaxClientConnections = 64
Charset = UTF-8

[SPARQL]
ResultSetMaxRows = 100000000
MaxQueryExecutionTime = 600
MaxQueryCostEstimationTime = 0
"""
