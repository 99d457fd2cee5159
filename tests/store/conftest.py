"""A fixture that starts stores of the small graph under given settings, and stops them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kg.release import Release
from kg.settings import Settings
from kg.store.oxigraph import OxigraphStore
from store.starting import Running, source


@pytest.fixture
def run(small: tuple[object, Release]) -> Iterator[Callable[[Settings], Running]]:
    """Starts stores of the small graph under given settings."""
    started: list[Running] = []

    def start(settings: Settings) -> Running:
        started.append(Running(OxigraphStore(source(small[1]), settings)))
        return started[-1]

    yield start
    for one in started:
        one.stop()
