"""Fairness: who asks, and how long each query took, come in; whether a client must wait, and how long, goes out. In memory only."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from functools import lru_cache

from kg.errors import Throttled

_REMEMBERED = 20_000  # clients; the ones that asked longest ago are forgotten first


class _Bucket:
    __slots__ = ("begun", "filled", "running", "seconds")

    def __init__(self, seconds: float, now: float) -> None:
        self.seconds = seconds  # that may still be used
        self.filled = now
        self.running = 0  # queries
        self.begun = 0.0  # sum of the moments at which they began


class Clients:
    """A token bucket of query seconds for each client, as Wikidata's query service has it."""

    def __init__(self, burst: float, rate: float) -> None:
        """`burst` seconds at once, and `rate` more each second."""
        self._burst, self._rate = burst, rate
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def enter(self, client: str, now: float) -> None:
        """Begin a query at a moment; raises Throttled where the client has no seconds left."""
        bucket = self._bucket(client, now)
        left = bucket.seconds - (now * bucket.running - bucket.begun)
        if left <= 0:
            raise Throttled(
                f"You have used your {self._burst:g} seconds of query time; {self._rate:g} more come with each second.",
                retry_after=(1 - left) / self._rate,
            )
        bucket.running += 1
        bucket.begun += now

    def leave(self, client: str, begun: float, now: float) -> None:
        """End the query that began at a moment."""
        bucket = self._bucket(client, now)
        bucket.seconds -= now - begun
        if bucket.running:  # else it was forgotten meanwhile
            bucket.running -= 1
            bucket.begun = bucket.begun - begun if bucket.running else 0.0

    def _bucket(self, client: str, now: float) -> _Bucket:
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = _Bucket(self._burst, now)
            if len(self._buckets) > _REMEMBERED:
                self._buckets.popitem(last=False)
            return bucket
        bucket.seconds = min(self._burst, bucket.seconds + (now - bucket.filled) * self._rate)
        bucket.filled = now
        self._buckets.move_to_end(client)
        return bucket


@lru_cache(maxsize=4096)
def client_of(address: str) -> str:
    """Whom an address belongs to: one IPv4 address is one client, and so is one IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
