"""What is remembered: the things used last, up to a total weight, which is what they weigh together."""

from __future__ import annotations

import random

import pytest

from kg.web.memory import Memory


@pytest.mark.parametrize("seed", range(20))
def test_it_does_what_a_plain_list_does(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    memory, kept = Memory[str, int](100), list[tuple[str, int, int]]()  # the one used last stands last
    hits = 0
    for thing in range(3000):
        key, weight = chance.choice("abcdefghijklmnop"), chance.choice([0, 1, 10, 33, 100, 101])
        found = next((one for one in kept if one[0] == key), None)
        if chance.random() < 0.5:
            assert memory.get(key) == (found[1] if found else None)
            if found:
                hits += 1
                kept.remove(found)
                kept.append(found)
        else:
            memory.put(key, thing, weight)
            if not found and weight <= 100:
                kept.append((key, thing, weight))
                while sum(one[2] for one in kept) > 100:
                    kept.pop(0)
        assert memory.weight == sum(one[2] for one in kept) <= 100
        assert memory.hits == hits
    assert hits > 100


def test_what_is_kept_is_not_replaced() -> None:
    memory = Memory[str, str](10)
    memory.put("a", "first", 4)
    memory.put("a", "second", 9)
    assert (memory.get("a"), memory.weight) == ("first", 4)


def test_what_is_too_heavy_drives_nothing_out() -> None:
    memory = Memory[str, str](10)
    memory.put("a", "light", 10)
    memory.put("b", "heavy", 11)
    assert (memory.get("a"), memory.get("b")) == ("light", None)


def test_no_room_is_no_memory() -> None:
    memory = Memory[str, str](0)
    memory.put("a", "thing", 1)
    assert memory.get("a") is None
    assert memory.weight == memory.hits == 0
