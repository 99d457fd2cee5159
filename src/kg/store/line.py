"""A fair queue: what clients wait for comes in; it goes out in turns of clients, so that a crowd from one holds up nobody else."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """Holds up to `places` things, at most half of them for one client."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._waiting.values())

    def has_place(self, client: str) -> bool:
        """Whether one more may wait."""
        return self._count < self._places and len(self._waiting.get(client, ())) < max(1, self._places // 2)

    def push(self, client: str, thing: T) -> None:
        """Let a thing wait behind what its client already waits for."""
        self._waiting.setdefault(client, deque()).append(thing)
        self._count += 1

    def push_back(self, client: str, thing: T) -> None:
        """Put a thing back to where it came from: before all others, whether there is a place or not."""
        self._waiting.setdefault(client, deque()).appendleft(thing)
        self._waiting.move_to_end(client, last=False)
        self._count += 1

    def remove(self, client: str, thing: T) -> None:
        """Let a thing wait no longer, if it still does."""
        things = self._waiting.get(client, deque())
        with suppress(ValueError):
            things.remove(thing)
            self._count -= 1
        if not things:
            self._waiting.pop(client, None)

    def pop(self, may: Callable[[str], bool] = lambda _: True) -> T:
        """The first thing of the client whose turn it is, who then goes to the end; raises KeyError where nobody waits who may."""
        client = next((client for client in self._waiting if may(client)), None)
        if client is None:
            raise KeyError("Nobody waits.")
        things = self._waiting.pop(client)
        thing = things.popleft()
        self._count -= 1
        if things:
            self._waiting[client] = things
        return thing
