"""The fair queue: clients take turns, each keeps its own order, and nobody fills it alone."""

from __future__ import annotations

import random

import pytest

from kg.store.line import Line


class Model:
    """The same, so simple that it is right: one list of those whose turn it is, and one list for each."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.turns: list[str] = []
        self.things: dict[str, list[int]] = {}

    def has_place(self, client: str) -> bool:
        waiting = sum(map(len, self.things.values()))
        return waiting < self.places and len(self.things.get(client, [])) < max(1, self.places // 2)

    def push(self, client: str, thing: int) -> None:
        self._join(client).append(thing)

    def push_back(self, client: str, thing: int) -> None:
        self._join(client).insert(0, thing)
        self.turns.remove(client)
        self.turns.insert(0, client)

    def pop(self) -> int:
        client = self.turns.pop(0)
        thing = self.things[client].pop(0)
        if self.things[client]:
            self.turns.append(client)
        return thing

    def remove(self, client: str, thing: int) -> None:
        things = self.things.get(client, [])
        if thing in things:
            things.remove(thing)
            if not things:
                self.turns.remove(client)

    def _join(self, client: str) -> list[int]:
        if client not in self.turns:
            self.turns.append(client)
        return self.things.setdefault(client, [])


@pytest.mark.parametrize("seed", range(20))
def test_it_does_what_the_model_does(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    places = chance.choice([1, 2, 3, 8])
    line, model = Line[int](places), Model(places)
    for thing in range(2000):
        client = chance.choice("abcd")
        action = chance.random()
        assert line.has_place(client) == model.has_place(client)
        if action < 0.5:
            if line.has_place(client):
                line.push(client, thing)
                model.push(client, thing)
        elif action < 0.55:
            line.push_back(client, thing)
            model.push_back(client, thing)
        elif action < 0.7:
            gone = chance.randint(max(0, thing - 10), thing)
            line.remove(client, gone)
            model.remove(client, gone)
        elif model.turns:
            assert line.pop() == model.pop()
        assert len(line) == sum(map(len, model.things.values()))
    assert [line.pop() for _ in range(len(line))] == [model.pop() for _ in range(sum(map(len, model.things.values())))]
    with pytest.raises(KeyError):
        line.pop()


def test_clients_take_turns() -> None:
    line = Line[str](20)
    for thing in ("a1", "a2", "a3", "b1", "c1", "c2"):
        line.push(thing[0], thing)
    assert [line.pop() for _ in range(6)] == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_one_client_has_half_of_the_places_and_the_others_the_rest() -> None:
    line = Line[int](4)
    for place in range(2):
        assert line.has_place("a")
        line.push("a", place)
    assert not line.has_place("a")
    for place in range(2):
        assert line.has_place("b")
        line.push("b", place)
    assert not line.has_place("c")
    line.pop()
    assert line.has_place("c")


def test_what_is_put_back_comes_first_in_its_order_even_where_there_is_no_place() -> None:
    line = Line[str](2)
    line.push("a", "a3")
    line.push("b", "b1")
    line.push_back("a", "a2")
    line.push_back("a", "a1")
    assert len(line) == 4
    assert [line.pop() for _ in range(4)] == ["a1", "b1", "a2", "a3"]


def test_a_line_of_one_place_has_it_for_anyone() -> None:
    line = Line[int](1)
    assert line.has_place("a")
    line.push("a", 1)
    assert not line.has_place("b")
    assert line.pop() == 1
    assert line.has_place("b")
