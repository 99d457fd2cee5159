"""A proxy as operators run it: a file of `deploy/` and the ports of two front ends come in; the port of a real proxy goes out."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from repository import ROOT

DEPLOY = ROOT / "deploy"
_START = 10.0  # seconds
#: What stands in the files, and the tests must put their own in place of.
_PORTS = ("127.0.0.1:8001", "127.0.0.1:8002")


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def program(name: str) -> str:
    """Where it lies; without it the test is skipped."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def set_up(text: str, values: Mapping[str, str]) -> str:
    """A file of `deploy/` with values of the test's own; each must stand there."""
    for old, new in values.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx_command(folder: Path, ports: tuple[int, int], port: int, cached: bool = True) -> list[str]:
    """nginx, with the file in the place that it is for; `cached`, or as the file says that one does without."""
    binary = program("nginx")
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    if not cached:
        site = re.sub(r".*(proxy_cache|upstream_cache_status).*\n", "", site)
    values = {**_fronts(ports), "listen 80;": f"listen 127.0.0.1:{port};"}
    site = set_up(site, {**values, "/var/cache/nginx/vigia": str(folder / "cache")} if cached else values)
    user = "user root root;" if os.geteuid() == 0 else ""  # another could not enter the folders of the tests
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    main = f"{user} pid {folder}/pid; daemon off;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n"
    (folder / "nginx.conf").write_text(main, "utf-8")
    return [binary, "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]


def haproxy_command(folder: Path, ports: tuple[int, int], port: int) -> list[str]:
    """HAProxy with the file."""
    binary = program("haproxy")
    text = set_up((DEPLOY / "haproxy.cfg").read_text("utf-8"), {**_fronts(ports), "bind *:80": f"bind 127.0.0.1:{port}"})
    (folder / "haproxy.cfg").write_text(text, "utf-8")
    return [binary, "-db", "-f", str(folder / "haproxy.cfg")]


def _fronts(ports: tuple[int, int]) -> dict[str, str]:
    return {old: f"127.0.0.1:{new}" for old, new in zip(_PORTS, ports, strict=True)}


@contextmanager
def proxying(name: str, folder: Path, ports: tuple[int, int], cached: bool = False) -> Iterator[int]:
    """Run nginx or HAProxy before the front ends until the block ends; the port that it listens on."""
    port = free_port()
    command = nginx_command(folder, ports, port, cached) if name == "nginx" else haproxy_command(folder, ports, port)
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START
        while not _is_open(port):
            assert process.poll() is None, (folder / "said").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(_START)


def _is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
