"""Who owns whom, as of a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kg.names import PREFIXES
from kg.ownership import Ownership, Stake
from kg.release import STORE, Release
from kg.settings import Settings
from kg.store.oxigraph import OxigraphStore, Source

ORG = PREFIXES["org"]


@pytest.fixture(scope="module")
def ownership(real: tuple[Path, Release]) -> Ownership:
    path = real[1].path
    return Ownership(OxigraphStore(Source(path / STORE, path / "kg.nq", PREFIXES), Settings()))


def shares(stakes: list[Stake], owned: str) -> dict[str, str]:
    return {stake.owner.removeprefix(ORG): stake.percent for stake in stakes if stake.owned == ORG + owned and stake.percent}


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2021, 3, 31), {}),
        (date(2021, 4, 1), {"idemia-colombia": "94.61", "idemia-do-brasil": "5.39"}),
        (date(2023, 10, 31), {"idemia-colombia": "94.61", "idemia-do-brasil": "5.39"}),
        (date(2024, 6, 1), {"idemia-colombia": "8.2", "idemia-do-brasil": "91.8"}),
    ],
)
def test_owners_change_with_the_day(ownership: Ownership, day: date, expected: dict[str, str]) -> None:
    found = shares(ownership.around(ORG + "idemia-argentina", day), "idemia-argentina")
    assert expected.items() <= found.items()
    assert {owner for owner in found if owner in ("idemia-colombia", "idemia-do-brasil")} == set(expected)


def test_chains_are_followed_up_and_down(ownership: Ownership) -> None:
    around = ownership.around(ORG + "idemia-argentina", date.max)
    above = {stake.owner for stake in around if stake.owned != ORG + "idemia-argentina"}
    assert above  # owners of owners
    down = ownership.around(ORG + "idemia", date.max)
    assert ORG + "idemia-argentina" in {stake.owned for stake in down}
    assert all(stake.holds_on(date.max) for stake in [*around, *down])
    assert len(around) == len(set(around))


def test_what_nobody_owns_has_no_stakes(ownership: Ownership) -> None:
    assert not ownership.has(ORG + "nobody")
    assert ownership.around(ORG + "nobody", date.max) == []
    assert ownership.has(ORG + "idemia-argentina")


@pytest.mark.parametrize(
    ("first", "last", "replaced", "day", "holds"),
    [
        ("", "", "", date(2000, 1, 1), True),
        ("2000-01-01", "", "", date(1999, 12, 31), False),
        ("2000-01-01", "", "", date(2000, 1, 1), True),
        ("", "2000-12-31", "", date(2000, 12, 31), True),
        ("", "2000-12-31", "", date(2001, 1, 1), False),
        ("2000-01-01", "", "2005-01-01", date(2004, 12, 31), True),
        ("2000-01-01", "", "2005-01-01", date(2005, 1, 1), False),
        ("2000-01-01", "", "", date.max, True),
        ("2000-01-01", "2000-12-31", "", date.max, False),
    ],
)
def test_a_stake_holds_within_its_bounds(first: str, last: str, replaced: str, day: date, holds: bool) -> None:
    assert Stake("s", "a", "b", "", first, last, "", replaced, ()).holds_on(day) is holds
