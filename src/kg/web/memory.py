"""Things and their weights come in; the ones used last are kept, up to a total weight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """A mapping that forgets what was used longest ago."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.weight = self.hits = 0

    def get(self, key: K) -> V | None:
        """What is kept under the key."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        self.hits += 1
        return found[0]

    def put(self, key: K, thing: V, weight: int) -> None:
        """Keep a thing; what weighs more than all that may be kept is not."""
        if weight > self._limit or key in self._kept:
            return
        self._kept[key] = thing, weight
        self.weight += weight
        while self.weight > self._limit:
            _, (_, lost) = self._kept.popitem(last=False)
            self.weight -= lost
