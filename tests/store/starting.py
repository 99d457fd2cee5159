"""Stores that run in an event loop of their own, so that tests and their threads can ask them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from kg.names import PREFIXES
from kg.release import NQUADS, STORE, Release
from kg.store import Answer, Dump, HangUp, Request, Store
from kg.store.oxigraph import Source

S = TypeVar("S", bound=Store)


class Running(Generic[S]):
    """A started store."""

    def __init__(self, store: S) -> None:
        self.store = store
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(store.start(), self.loop).result(30)
        except BaseException:
            self.stop()
            raise

    def query(self, request: Request | Dump, client: str = "", hang_up: HangUp | None = None) -> Answer:
        """The answer to a request, from any thread."""
        return asyncio.run_coroutine_threadsafe(self.store.query(request, client, hang_up), self.loop).result(60)

    def ask(self, text: str, results: str | None = "json", graph: str | None = "turtle", client: str = "") -> bytes:
        """The bytes of a small answer."""
        body = self.query(Request(text, results, graph), client).body
        assert isinstance(body, bytes)
        return body

    def stop(self) -> None:
        """Close the store in its own loop, then end the loop."""
        asyncio.run_coroutine_threadsafe(self.store.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def source(release: Release) -> Source:
    """Where a release lies."""
    return Source(release.path / STORE, release.path / NQUADS, PREFIXES)


@contextmanager
def running(store: S) -> Iterator[Running[S]]:
    """A started store, stopped in the end."""
    started = Running(store)
    try:
        yield started
    finally:
        started.stop()
