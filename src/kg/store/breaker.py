"""Failures of an engine come in; whether it is asked at all, and why not, goes out.

After some failures in a row nobody is made to wait for the next: requests are refused at once, until a probe finds it well again.
Whether an answer that cannot be used is the engine's fault or that of a query, a probe tells, too.
(Of the kept libraries, pybreaker holds a lock while a call lasts, and purgatory has no state that two event loops can share.)
"""

from __future__ import annotations

from collections.abc import Callable

from kg.errors import EngineDown

_MOST = 3  # failures in a row that are taken for accidents
_FIRST, _LONGEST = 0.5, 10.0  # seconds between probes: they come less and less often


class Breaker:
    """The state of one engine, as its clients see it. Any thread may tell it, for it only sets single values."""

    def __init__(self, probe: Callable[[], None] = lambda: None) -> None:
        """`probe` has the engine looked at soon, and does not wait for that."""
        self._probe = probe
        self.reason = ""  # why it is not asked; empty while it is
        self.pause = _FIRST  # seconds until the next probe
        self._failures = 0

    def check(self) -> None:
        """Raise EngineDown where it is not asked."""
        if self.reason:
            raise EngineDown(self.reason, self.pause)

    def fail(self, reason: str) -> None:
        """It has failed once more."""
        self._failures += 1
        if self._failures >= _MOST and not self.reason:
            self.open(reason)
        self.doubt()

    def doubt(self) -> None:
        """Something is wrong, with the engine or with what it was asked."""
        self._probe()

    def open(self, reason: str) -> None:
        """Ask it no more for a while."""
        self.pause = min(self.pause * 2, _LONGEST) if self.reason else _FIRST
        self.reason = reason

    def succeed(self) -> None:
        """It has answered a query."""
        self._failures = 0

    def close(self) -> None:
        """It has answered a probe, and may be asked."""
        self._failures = 0
        self.reason, self.pause = "", _FIRST
