"""A server as a person starts it: `kg serve` with its options comes in; its address, and at the end what it printed, go out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

_START = 60.0  # seconds that loading may take
_END = 15.0  # seconds that stopping may take
_SERVING = re.compile(r"^Serving .* on (http://\S+)/ ", re.MULTILINE)


@dataclass
class Running:
    """A server that answers at `address`; `errors`, what it printed on stderr, is known once it has ended."""

    address: str  # such as http://localhost:8123, without a slash at its end
    process: subprocess.Popen[bytes]
    errors: str = ""
    told: bool = False  # to end, by the test itself


@contextmanager
def serving(*arguments: str | Path, **environment: str) -> Iterator[Running]:
    """Run `kg serve --port 0 …` until the block ends, however it ends; no process of it is left behind.

    Raises AssertionError with what was printed where it does not start, or ends before it was told to.
    """
    command = [sys.executable, "-m", "kg", "serve", "--port", "0", *map(str, arguments)]
    # What the tester has set for servers of their own is not what the test asked for.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KG_")}
    with tempfile.TemporaryDirectory(prefix="kg-serving-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        with out.open("wb") as stdout, err.open("wb") as stderr:
            # A group of its own, so that its workers can be ended with it.
            process = subprocess.Popen(
                command, env=inherited | environment, stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            running = Running(_address(process, out, err), process)
            _await_answer(running.address)
            yield running
            by_itself = process.poll() is not None and not running.told
            assert not by_itself, f"The server ended by itself ({process.returncode}):\n{err.read_text('utf-8')}"
        finally:
            _end(process)
        running.errors = err.read_text("utf-8")


def _address(process: subprocess.Popen[bytes], out: Path, err: Path) -> str:
    """The address that the server prints once it answers there."""
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        ended = process.poll() is not None  # looked at first: what was printed before the end is then in the file
        if found := _SERVING.search(out.read_text("utf-8")):
            return found[1]
        if ended:
            break
        time.sleep(0.02)
    raise AssertionError(f"The server gave no address:\n{out.read_text('utf-8')}{err.read_text('utf-8')}")


def _await_answer(address: str) -> None:
    """The socket takes clients before there is somebody to answer them; from the first answer on, SIGTERM ends it cleanly."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=_START)
    connection.request("HEAD", "/static/none")
    connection.getresponse()
    connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, as an operator would, then see to it that it and its workers have."""
    process.terminate()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"The server did not end within {_END:.0f} seconds of SIGTERM.") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
