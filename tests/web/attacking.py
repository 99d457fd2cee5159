"""What an attack needs: bytes and addresses to send them from come in; what was answered, and what the server takes, go out."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from types import TracebackType
from typing import Any

from web.running import Running

QUERY = "application/sparql-query"
_PAUSE = 0.02  # seconds between two queries of somebody patient
_PATIENT = "127.0.0.2"


@dataclass(frozen=True)
class Answer:
    """One answer, and how long it took; status 0 where there was none."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def document(self) -> Any:
        """The body, where it is JSON."""
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """The type of the problem, without its address."""
        return str(self.document["type"]).rpartition("#")[2]


def port_of(server: Running) -> int:
    """Where the server listens on 127.0.0.1."""
    return int(server.address.rpartition(":")[2])


def ask(
    server: Running,
    method: str,
    path: str,
    body: bytes | None = None,
    source: str = "127.0.0.1",
    patience: float = 20.0,
    **headers: str,
) -> Answer:
    """One request from an address of this machine."""
    connection = HTTPConnection("127.0.0.1", port_of(server), timeout=patience, source_address=(source, 0))
    begun = time.monotonic()
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return _answer(connection.getresponse(), begun)
    except (HTTPException, OSError) as error:
        return Answer(0, {}, repr(error).encode(), time.monotonic() - begun)
    finally:
        connection.close()


def query(server: Running, text: str, source: str = "127.0.0.1", patience: float = 20.0, **headers: str) -> Answer:
    """A query, sent directly."""
    body = text.encode("utf-8", "surrogatepass")
    return ask(server, "POST", "/sparql", body, source, patience, **({"Content_Type": QUERY} | headers))


def _answer(response: HTTPResponse, begun: float) -> Answer:
    body = response.read()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, body, time.monotonic() - begun)


def connect(server: Running, source: str = "127.0.0.1", patience: float = 5.0, buffer: int = 0) -> socket.socket:
    """A bare connection; `buffer` is how many bytes may wait to be read."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(patience)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", port_of(server)))
    return connection


def exchange(server: Running, sent: bytes, silence: float = 0.15) -> bytes:
    """All that is answered to these bytes, until the server closes or, once it has begun, says nothing more for so long."""
    with connect(server) as connection:
        with contextlib.suppress(ConnectionError):  # it may answer, and close, before it has read all
            connection.sendall(sent)
        return drain(connection, silence)


def drain(connection: socket.socket, silence: float = 0.5) -> bytes:
    """What comes until the end, or until so many seconds of silence after something has come."""
    received = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        while part := connection.recv(1 << 16):
            received += part
            connection.settimeout(silence)
    return received


def statuses(received: bytes) -> list[int]:
    """The statuses of answers that follow each other, each whole: raises ValueError where one is cut."""
    found = []
    while received:
        head, separator, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        if not separator:
            raise ValueError(f"An answer is cut: {first}")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(fields.get("content-length", len(rest)))  # without it, up to the end of the connection
        if len(rest) < length:
            raise ValueError(f"A body is cut: {first}")
        found.append(int(first.split()[1]))
        received = rest[length:]
    return found


class Patient:
    """Somebody who asks simple queries, one every 20 ms, from an address of his own, while the block runs."""

    def __init__(self, server: Running) -> None:
        self._port = port_of(server)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.seconds: list[float] = []
        self.faults: list[str] = []

    def __enter__(self) -> Patient:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()

    def _ask(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=5, source_address=(_PATIENT, 0))
        while not self._end.wait(_PAUSE):
            number = len(self.seconds)
            text = f"SELECT ?n WHERE {{ ?thing a kg:Organisation BIND({number} AS ?n) }} LIMIT 1"  # never the same twice
            begun = time.monotonic()
            try:
                connection.request("POST", "/sparql", text.encode(), {"Content-Type": QUERY, "Accept": "text/csv"})
                answer = _answer(connection.getresponse(), begun)
            except (HTTPException, OSError) as error:
                connection.close()  # it opens again by itself
                self.faults.append(repr(error))
            else:
                if (answer.status, answer.body) != (200, b"n\r\n%d\r\n" % number):
                    self.faults.append(f"{answer.status} {answer.body[:200]!r}")
            self.seconds.append(time.monotonic() - begun)
        connection.close()

    def percentile(self, share: float) -> float:
        """Seconds within which this share of the answers came."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))]


class Listener:
    """A server that takes connections and never answers; it counts who came."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/sparql"
        self.came = 0
        self._thread.start()

    def _listen(self) -> None:
        held = []
        with contextlib.suppress(OSError):  # closed
            while True:
                held.append(self._socket.accept()[0])
                self.came += 1
        for connection in held:
            connection.close()

    def close(self) -> None:
        """Take no more."""
        self._socket.shutdown(socket.SHUT_RDWR)  # or accept() goes on waiting
        self._socket.close()
        self._thread.join(5)


@dataclass(frozen=True)
class Footprint:
    """What a server and its descendants take of the machine."""

    processes: int
    zombies: int
    files: int
    memory: float  # MB, what is shared counted once
    pids: frozenset[int] = field(compare=False)


def footprint(server: Running) -> Footprint:
    """As of now; needs /proc."""
    parents, states = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            parents[int(stat.parent.name)], states[int(stat.parent.name)] = int(parent), state
    family = {server.process.pid}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    files, memory = 0, 0.0
    for pid in family:
        with contextlib.suppress(OSError):
            files += len(list(Path(f"/proc/{pid}/fd").iterdir()))
            memory += _pss(pid)
    return Footprint(len(family), sum(states[pid] == "Z" for pid in family if pid in states), files, memory, frozenset(family))


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def metric(server: Running, name: str) -> float:
    """A number of /metrics, such as kg_queries{stage="old"}."""
    for line in ask(server, "GET", "/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    raise AssertionError(f"There is no metric {name}.")
