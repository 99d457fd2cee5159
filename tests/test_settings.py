"""Settings come from the environment, once, and say what is wrong with them."""

from __future__ import annotations

import pytest

from kg.errors import KgError
from kg.settings import Settings, read_settings


def test_without_variables_the_defaults_hold() -> None:
    assert read_settings({}) == Settings()


def test_variables_are_read_as_their_type() -> None:
    assert read_settings({"KG_TIMEOUT": "2.5", "KG_YOUNG": "4", "OTHER": "x"}) == Settings(timeout=2.5, young=4)


def test_lists_are_separated_by_blanks() -> None:
    given = read_settings({"KG_SERVICES": "", "KG_PROXIES": "10.0.0.1  10.0.0.2", "KG_CACHE_BYTES": "0"})
    assert (given.services, given.proxies, given.cache_bytes) == ((), ("10.0.0.1", "10.0.0.2"), 0)


@pytest.mark.parametrize("value", ["", "many", "0", "-1", "nan", "inf", "1.5"])
def test_a_bad_value_names_its_variable(value: str) -> None:
    with pytest.raises(KgError, match="KG_YOUNG"):
        read_settings({"KG_YOUNG": value})
