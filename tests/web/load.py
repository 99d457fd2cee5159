"""Readers and programs that ask without pause: requests come in; every answer, and everything that was no answer, goes out."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

#: What the site is called from outside; pages name it.
HOST = "vigia.test"


@dataclass(frozen=True)
class Asked:
    """A request."""

    path: str
    body: str | None = None  # a query to POST
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    headers: Mapping[str, str]  # names in small letters
    body: bytes = field(repr=False)

    @property
    def release(self) -> str:
        """Of which release it says that it is."""
        return self.headers.get("x-release", "")

    @property
    def digest(self) -> str:
        """Of what it says."""
        return hashlib.sha256(self.body).hexdigest()


def ask(port: int, asked: Asked, connection: HTTPConnection | None = None) -> Told:
    """One answer; raises OSError or HTTPException where there is none, or a part of one."""
    own = connection or HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Host": HOST, **asked.headers}
    if asked.body is not None:
        headers |= {"Content-Type": "application/sparql-query"}
    try:
        own.request("GET" if asked.body is None else "POST", asked.path, asked.body, headers)
        answer = own.getresponse()
        return Told(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        if connection is None:
            own.close()


@dataclass
class Load:
    """What came of it so far."""

    answers: list[tuple[Asked, Told]] = field(default_factory=list)
    lost: list[tuple[Asked, str]] = field(default_factory=list)


@contextmanager
def loading(port: int, requests: Sequence[Asked], threads: int = 4) -> Iterator[Load]:
    """Ask all of them, over and over, until the block ends."""
    load, ended = Load(), threading.Event()

    def run(first: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        for asked in itertools.islice(itertools.cycle(requests), first, None):
            if ended.is_set():
                break
            try:
                load.answers.append((asked, ask(port, asked, connection)))
            except (OSError, HTTPException) as error:
                load.lost.append((asked, repr(error)))
                connection.close()
        connection.close()

    running = [threading.Thread(target=run, args=(number * 3,)) for number in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield load
    finally:
        ended.set()
        for thread in running:
            thread.join()
