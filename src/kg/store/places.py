"""Queries for an engine elsewhere come in; each is let through in its turn, and no more at the same time than the engine is sent.

One client has at most half of the places, and who asks much waits behind who asks little.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kg.errors import Overloaded
from kg.store.line import Line


class Places:
    """The queries that are under way, and those that wait; for one event loop."""

    def __init__(self, places: int, waiting: int) -> None:
        self._places, self._share = places, max(1, places // 2)
        self._taken: Counter[str] = Counter()  # by client
        self._line: Line[tuple[str, asyncio.Future[None]]] = Line(waiting)

    @property
    def counts(self) -> dict[str, int]:
        """How many queries there are now, by where they are."""
        return {"running": self._taken.total(), "waiting": len(self._line)}

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[None]:
        """Wait for a place, and hold it; raises Overloaded where too many wait."""
        if self._is_free(client):
            self._taken[client] += 1
        else:
            await self._wait(client)
        try:
            yield
        finally:
            self._free(client)

    def _is_free(self, client: str) -> bool:
        return self._taken.total() < self._places and self._taken[client] < self._share

    async def _wait(self, client: str) -> None:
        if not self._line.has_place(client):
            raise Overloaded("Too many queries are waiting.", 5)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.push(client, (client, turn))
        try:
            await turn
        except asyncio.CancelledError:
            self._line.remove(client, (client, turn))
            if turn.done() and not turn.cancelled():  # it was given the place in the same moment
                self._free(client)
            raise

    def _free(self, client: str) -> None:
        """Give a place up, and to whoever is next."""
        self._taken[client] -= 1
        self._taken += Counter()  # forgets who has none
        while self._line:
            try:
                following, turn = self._line.pop(self._is_free)
            except KeyError:
                return
            if not turn.done():
                self._taken[following] += 1
                turn.set_result(None)
                return
