"""Fairness: a client has so many seconds at once and so many more each second, whatever else it runs, and none of others."""

from __future__ import annotations

import random

import pytest

from kg.errors import Throttled
from kg.store import clients
from kg.store.clients import Clients, client_of

BURST, RATE = 10.0, 0.5


class Model:
    """One client's bucket, counted in the simplest way."""

    def __init__(self) -> None:
        self.seconds, self.filled = BURST, 0.0
        self.running: list[float] = []

    def fill(self, now: float) -> None:
        self.seconds = min(BURST, self.seconds + (now - self.filled) * RATE)
        self.filled = now

    def left(self, now: float) -> float:
        self.fill(now)
        return self.seconds - sum(now - begun for begun in self.running)

    def leave(self, begun: float, now: float) -> None:
        self.fill(now)
        self.running.remove(begun)
        self.seconds -= now - begun


@pytest.mark.parametrize("seed", range(20))
def test_they_do_what_the_model_does(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    fairness, models = Clients(BURST, RATE), {name: Model() for name in "abc"}
    now, refused, let_in = 0.0, 0, 0
    for _ in range(1500):
        now += chance.choice([0.0, 0.125, 0.5, 2.0])  # sums of these are exact
        name = chance.choice("aaab" if chance.random() < 0.9 else "c")
        model = models[name]
        if model.running and chance.random() < 0.5:
            begun = chance.choice(model.running)
            model.leave(begun, now)
            fairness.leave(name, begun, now)
            continue
        left = model.left(now)
        if left > 0:
            fairness.enter(name, now)
            model.running.append(now)
            let_in += 1
        else:
            with pytest.raises(Throttled) as raised:
                fairness.enter(name, now)
            assert raised.value.retry_after - 1 < (1 - left) / RATE <= raised.value.retry_after
            refused += 1
    assert refused > 50
    assert let_in > 50


def test_what_still_runs_counts() -> None:
    fairness = Clients(BURST, RATE)
    for _ in range(10):
        fairness.enter("a", 0.0)
    fairness.enter("a", 0.75)  # 10 queries have taken 7.5 seconds
    with pytest.raises(Throttled):
        fairness.enter("a", 1.25)
    fairness.enter("b", 1.25)


def test_after_the_time_that_is_named_it_is_let_in() -> None:
    fairness = Clients(BURST, RATE)
    fairness.enter("a", 0.0)
    fairness.leave("a", 0.0, 30.0)
    with pytest.raises(Throttled) as raised:
        fairness.enter("a", 30.0)
    with pytest.raises(Throttled):
        fairness.enter("a", 30.0 + raised.value.retry_after - 4.0)
    fairness.enter("a", 30.0 + raised.value.retry_after)


def test_who_asked_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_REMEMBERED", 2)
    fairness = Clients(BURST, 1e-9)
    for name in "ab":
        fairness.enter(name, 0.0)
        fairness.leave(name, 0.0, 20.0)
    with pytest.raises(Throttled):
        fairness.enter("a", 20.0)
    fairness.enter("c", 20.0)  # b is the one to forget
    fairness.leave("c", 20.0, 20.0)
    with pytest.raises(Throttled):
        fairness.enter("a", 20.0)
    fairness.enter("b", 20.0)


def test_who_was_forgotten_with_a_query_running_gains_nothing_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_REMEMBERED", 1)
    fairness = Clients(BURST, RATE)
    fairness.enter("a", 0.0)
    fairness.enter("b", 1.0)  # a is forgotten
    fairness.enter("a", 100.0)
    fairness.leave("a", 0.0, 101.0)
    fairness.leave("a", 100.0, 101.0)
    # Long after, all is as at first: the burst, and not a second more.
    fairness.enter("a", 10_000.0)
    with pytest.raises(Throttled):
        fairness.enter("a", 10_000.0 + 2 * BURST + 1)


def test_a_client_is_an_ipv4_address_or_a_network_of_ipv6() -> None:
    assert client_of("192.0.2.7") == "192.0.2.7" != client_of("192.0.2.8")
    assert client_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert client_of("2001:db8:1:2::1") == client_of("2001:db8:1:2:ffff::9") != client_of("2001:db8:1:3::1")
    assert client_of("fe80::1%eth0") == client_of("fe80::2")
    assert client_of("unknown") == client_of("") == ""
