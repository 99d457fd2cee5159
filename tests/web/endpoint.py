"""An endpoint of another make, for tests: its graph comes in; the address where it answers queries goes out."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

_BINARY = shutil.which("oxigraph") or shutil.which(str(Path(sys.executable).with_name("oxigraph")))


@contextmanager
def another_endpoint(turtle: str) -> Iterator[str]:
    """The Oxigraph server with this graph, until the block ends; skips the test where it is not installed."""
    if _BINARY is None:
        pytest.skip("the oxigraph server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [_BINARY, "serve", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _fill(f"http://127.0.0.1:{port}", turtle, process)
        yield f"http://127.0.0.1:{port}/query"
    finally:
        process.kill()
        process.wait()


def _fill(address: str, turtle: str, process: subprocess.Popen[bytes]) -> None:
    """Give it its graph, as soon as it listens."""
    opener = build_opener(ProxyHandler({}))  # it is on this machine, whatever the tester's way out of it
    put = Request(f"{address}/store?default", turtle.encode(), {"Content-Type": "text/turtle"}, method="PUT")
    for _ in range(200):
        assert process.poll() is None, "the oxigraph server ended by itself"
        with suppress(URLError, ConnectionError):
            opener.open(put, timeout=5).close()
            return
        time.sleep(0.05)
    raise AssertionError("the oxigraph server does not answer")
