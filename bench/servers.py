"""A data set comes in; the servers that answer queries about it go out, started, filled and asked once."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.client import Client
from bench.data import Data
from bench.process import Process
from bench.queries import ANY, Query

ROOT = Path(__file__).parents[1]
OURS = ROOT / ".venv" / "bin" / "kg"
PEERS = Path(sys.executable).parent

# What ours reads from its environment. All that asks here is one client, so fairness between clients is switched off.
YOUNG, OLD = 2, 6  # queries that may be in their first moment, and that may be running for longer
WORKERS = YOUNG + OLD
PLACES = {"KG_YOUNG": str(YOUNG), "KG_OLD": str(OLD)}
CROWDED = {"KG_YOUNG": str(YOUNG), "KG_OLD": "64"}  # one client has half of the places, and here it asks 16 times at once
UNFAIR = {"KG_CLIENT_BURST": "1000000000", "KG_CLIENT_RATE": "1000000000"}
UNCACHED = {"KG_CACHE_BYTES": "0"}
PATIENT = {"KG_TIMEOUT": "120", **CROWDED}
DEADLINE = 2.0  # seconds
MEMORY = 512  # MiB
GUARDED = {"KG_TIMEOUT": f"{DEADLINE:g}", "KG_MEMORY": str(MEMORY), **PLACES}


class NotStarted(Exception):
    """A server did not answer its first query."""


@dataclass
class Server:
    """A running server, and the connection that single queries take."""

    name: str
    process: Process
    port: int
    endpoint: str
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.port, self.endpoint)

    def connect(self, stranger: int = 0) -> Client:
        """A connection of its own; a stranger's comes from an address of its own, where the system has many for itself."""
        source = f"127.0.0.{1 + stranger}" if sys.platform == "linux" else None
        return Client(self.port, self.endpoint, source=source)


def ours(data: Data, port: int) -> list[str]:
    """The command that serves the release, or the file."""
    source = ["--build", str(ROOT / "build")] if data.release else ["--dataset", str(data.file)]
    return [str(OURS), "serve", "--port", str(port), *source]


@contextmanager
def start_ours(name: str, data: Data, work: Path, settings: Mapping[str, str]) -> Iterator[Server]:
    """`kg serve`, with these settings."""
    port = free_port()
    with running(name, (port, "/sparql"), ours(data, port), work, **UNFAIR, **settings) as server:
        yield await_answer(server)


@contextmanager
def start_forwarding(name: str, data: Data, work: Path) -> Iterator[Server]:
    """Our workers behind a server that does nothing else."""
    port = free_port()
    command = [str(OURS.with_name("python")), "-m", "bench.forwarding", str(data.file), str(port)]
    with running(name, (port, "/sparql"), command, work, PYTHONPATH=str(ROOT)) as server:
        yield await_answer(server)


@contextmanager
def start_native_memory(name: str, data: Data, work: Path) -> Iterator[Server]:
    """`oxigraph serve` without a folder, filled over HTTP."""
    port = free_port()
    command = [str(PEERS / "oxigraph"), "serve", "--bind", f"127.0.0.1:{port}"]
    with running(name, (port, "/query"), command, work) as server:
        _await(lambda: _listens(port), server)
        with data.file.open("rb") as body:
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/store",
                body,
                {"Content-Type": "application/n-quads", "Content-Length": str(data.file.stat().st_size)},
                method="POST",
            )
            urllib.request.urlopen(request, timeout=600).close()  # noqa: S310
        yield await_answer(server)


@contextmanager
def start_native_disk(name: str, data: Data, work: Path) -> Iterator[Server]:
    """`oxigraph load` and `oxigraph optimize`, then `oxigraph serve-read-only`."""
    port, folder, program = free_port(), work / "disk", str(PEERS / "oxigraph")
    shutil.rmtree(folder, ignore_errors=True)
    load = [program, "load", "--location", str(folder), "--file", str(data.file)]
    subprocess.run(load, check=True, capture_output=True)  # noqa: S603
    subprocess.run([program, "optimize", "--location", str(folder)], check=True, capture_output=True)  # noqa: S603
    command = [program, "serve-read-only", "--location", str(folder), "--bind", f"127.0.0.1:{port}"]
    with running(name, (port, "/query"), command, work) as server:
        yield await_answer(server)


@contextmanager
def start_rdflib(name: str, data: Data, work: Path) -> Iterator[Server]:
    """rdflib-endpoint over rdflib's store in memory."""
    port = free_port()
    command = [sys.executable, "-m", "bench.rdflib_server", str(data.file), str(port)]
    with running(name, (port, "/sparql"), command, work) as server:
        yield await_answer(server)


@contextmanager
def start_nginx(name: str, work: Path) -> Iterator[Server]:
    """nginx with one process, serving the files under `files/`."""
    port, folder = free_port(), work / "nginx"
    (folder / "files").mkdir(parents=True, exist_ok=True)
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"""{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
{temporary}  access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on; open_file_cache max=2000;
  default_type application/sparql-results+json;
  server {{ listen 127.0.0.1:{port}; root {folder}/files; }}
}}
""")
    command = ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with running(name, (port, ""), command, work) as server:
        _await(lambda: _listens(port), server)
        yield server


def await_answer(server: Server, query: Query = ANY, patience: float = 600) -> Server:
    """Wait until a query is answered; raises NotStarted."""
    _await(lambda: server.client.ask(query).status == 200, server, patience)
    return server


def await_listening(server: Server) -> None:
    """Wait until it takes connections; raises NotStarted."""
    _await(lambda: _listens(server.port), server)


def start_all(names: Iterable[str], data: Data, work: Path, stack: ExitStack) -> dict[str, Server]:
    """Start the named servers; they end with the stack."""
    starters: dict[str, Callable[[str, Data, Path], AbstractContextManager[Server]]] = {
        "ours": partial(start_ours, settings={**UNCACHED, **PATIENT}),
        "ours, cached": partial(start_ours, settings=PATIENT),
        "ours, guarded": partial(start_ours, settings={**UNCACHED, **GUARDED}),
        "only forwarded": start_forwarding,
        "native, memory": start_native_memory,
        "native, disk": start_native_disk,
        "rdflib-endpoint": start_rdflib,
    }
    return {name: stack.enter_context(starters[name](name, data, work)) for name in names}


@contextmanager
def running(name: str, address: tuple[int, str], command: list[str], work: Path, **settings: str) -> Iterator[Server]:
    """A server at a port and path, with settings in its environment; it ends with the block."""
    process = Process(command, work / "logs" / f"{name}.log", settings)
    server = Server(name, process, *address)
    try:
        yield server
    finally:
        server.client.close()
        process.stop()


def _await(ready: Callable[[], bool], server: Server, patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while not ready():
        if server.process.ended() or time.monotonic() > deadline:
            raise NotStarted(f"{server.name} did not start; {server.process.log} says why.")
        time.sleep(0.005)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
