"""Queries and a server come in; what wrk counted while it asked them over and over goes out."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.servers import Server

_SCRIPT = Path(__file__).with_name("mix.lua")


@dataclass(frozen=True)
class Load:
    """Counts, and seconds; `refused` are answers with an error status, `lost` those that never came."""

    answers: int
    seconds: float
    refused: int
    lost: int
    p50: float
    p99: float
    longest: float
    processor: Mapping[str, float] = field(default_factory=dict)  # microseconds for each answer, by whom

    @property
    def good(self) -> float:
        """Answers a second that are no errors."""
        return (self.answers - self.refused) / self.seconds

    @property
    def errors(self) -> float:
        """Share of the requests that ended in an error."""
        return (self.refused + self.lost) / max(1, self.answers + self.lost)


def has_wrk() -> bool:
    """Whether it is installed."""
    return shutil.which("wrk") is not None


def write_requests(lines: Sequence[tuple[str, str]], file: Path) -> Path:
    """Write (accept, path) pairs for the script."""
    file.write_text("".join(f"{accept}\t{path}\n" for accept, path in lines))
    return file


def start(server: Server, requests: Path, connections: int, seconds: float) -> subprocess.Popen[str]:
    """One thread of wrk, so that the client takes no more than one core."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "120s", "-s", str(_SCRIPT)]
    environment = {**os.environ, "REQUESTS": str(requests)}
    address = f"http://127.0.0.1:{server.port}/"
    return subprocess.Popen([*command, address], stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603


def finish(running: subprocess.Popen[str]) -> Load:
    """Wait for it and read its counts."""
    output, _ = running.communicate()
    line = next(line for line in output.splitlines() if line.startswith("{"))
    return Load(**json.loads(line))


def load(server: Server, requests: Path, connections: int, seconds: float) -> Load:
    """Ask for so long, then let the server end what it still computes."""
    before = _used(server)
    measured = finish(start(server, requests, connections, seconds))
    after = _used(server)
    server.process.settle()
    return replace(measured, processor={who: (after[who] - before[who]) / measured.answers * 1e6 for who in after})


def _used(server: Server) -> dict[str, float]:
    """Seconds on the processor so far."""
    clients = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {**server.process.used(), "client": clients.ru_utime + clients.ru_stime}
