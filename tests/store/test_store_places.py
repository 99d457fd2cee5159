"""The queries that an engine is sent at once: never too many, half of them one client's, and a place that is left is another's."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress

import pytest

from kg.errors import Overloaded
from kg.store.places import Places

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def settle() -> None:
    """Let all that can go on go on."""
    for _ in range(10):
        await asyncio.sleep(0)


class Guest:
    """A query that holds its place until it is told to leave."""

    def __init__(self, places: Places, client: str) -> None:
        self.client, self.has_place = client, False
        self._leaving = asyncio.Event()
        self.task = asyncio.create_task(self._stay(places))

    async def _stay(self, places: Places) -> None:
        async with places.place(self.client):
            self.has_place = True
            try:
                await self._leaving.wait()
            finally:
                self.has_place = False

    async def leave(self) -> None:
        self._leaving.set()
        await settle()

    async def vanish(self) -> None:
        self.task.cancel()
        await settle()


async def arrive(places: Places, clients: str) -> list[Guest]:
    guests = [Guest(places, client) for client in clients]
    await settle()
    return guests


def counts(running: int, waiting: int) -> dict[str, int]:
    return {"running": running, "waiting": waiting}


async def test_one_client_has_half_of_the_places_and_others_the_rest() -> None:
    places = Places(4, 10)
    guests = await arrive(places, "aaab")
    assert [guest.has_place for guest in guests] == [True, True, False, True]
    assert places.counts == counts(3, 1)  # the last place is not for a
    guests += await arrive(places, "c")
    assert guests[-1].has_place
    await guests[0].leave()
    assert guests[2].has_place
    for guest in guests:
        await guest.leave()
    assert places.counts == counts(0, 0)


async def test_clients_take_turns() -> None:
    places = Places(1, 10)
    guests = await arrive(places, "aaabc")
    served = []
    for _ in guests:
        (now,) = [guest for guest in guests if guest.has_place]
        served.append(now.client)
        await now.leave()
    assert served == ["a", "a", "b", "c", "a"]


async def test_only_so_many_wait() -> None:
    places = Places(1, 2)
    guests = await arrive(places, "aab")
    assert places.counts == counts(1, 2)
    with pytest.raises(Overloaded):
        async with places.place("c"):
            pass
    await guests[1].vanish()
    guests += await arrive(places, "c")  # who left, waits no longer
    assert places.counts == counts(1, 2)
    for guest in (guests[0], guests[2], guests[3]):
        assert guest.has_place
        await guest.leave()
    assert places.counts == counts(0, 0)


async def test_a_place_that_is_given_in_the_moment_of_leaving_is_another_s() -> None:
    places = Places(1, 10)
    first, second, third = await arrive(places, "abc")
    first._leaving.set()
    while places.counts["waiting"] == 2:  # until the second has its place, and does not know it yet
        await asyncio.sleep(0)
    assert not second.has_place
    await second.vanish()
    assert third.has_place
    await third.leave()
    assert places.counts == counts(0, 0)


async def test_an_error_gives_the_place_back() -> None:
    places = Places(1, 1)
    with suppress(ZeroDivisionError):
        async with places.place("a"):
            raise ZeroDivisionError
    assert places.counts == counts(0, 0)


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_the_rules_hold(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    most, waiting = chance.choice([1, 2, 3, 5]), chance.choice([1, 4, 9])
    places, guests = Places(most, waiting), list[Guest]()
    for _ in range(300):
        if chance.random() < 0.5:
            guests.append(Guest(places, chance.choice("aaabc")))
        for guest in chance.sample(guests, min(len(guests), chance.choice([0, 0, 1, 2]))):
            guest._leaving.set() if chance.random() < 0.5 else guest.task.cancel()
        for _ in range(chance.choice([0, 1, 20])):  # not always until all has settled
            await asyncio.sleep(0)
        guests = [guest for guest in guests if not _is_over(guest)]
        having = Counter(guest.client for guest in guests if guest.has_place)
        assert having.total() <= most
        assert all(number <= max(1, most // 2) for number in having.values())
        assert places.counts["waiting"] <= waiting
    await settle()
    guests = [guest for guest in guests if not _is_over(guest)]
    having = Counter(guest.client for guest in guests if guest.has_place)
    assert places.counts == counts(having.total(), len(guests) - having.total())
    for guest in guests:  # nobody waits for what is free
        assert guest.has_place or having.total() == most or having[guest.client] == max(1, most // 2)
    for guest in guests:
        guest.task.cancel()
    await settle()
    assert places.counts == counts(0, 0)


def _is_over(guest: Guest) -> bool:
    if guest.task.done() and not guest.task.cancelled():
        assert guest.task.exception() is None or isinstance(guest.task.exception(), Overloaded)
    return guest.task.done()
