"""The path of an SQLite file that nobody writes any more comes in; a connection for each thread that reads it goes out."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any, Protocol

from kg.errors import ReleaseMissing

#: The values of a parameter that is a JSON array, as a table: SQLite limits how many parameters a query has, not how long one is.
GIVEN = "(SELECT value FROM json_each(?))"


class Connected(Protocol):
    """What is read from."""

    @property
    def connection(self) -> sqlite3.Connection:
        """For the thread that asks."""


class _Connection(sqlite3.Connection):
    """One that a thread keeps; whichever thread finds it forsaken closes it."""

    def __init__(self, address: str, **how: Any) -> None:
        super().__init__(address, isolation_level=None, check_same_thread=False, **how)

    def __del__(self) -> None:
        self.close()


class Database:
    """A file; raises ReleaseMissing where there is none."""

    def __init__(self, path: Path, beside: str = "") -> None:
        """`beside` is run for each connection: it may make temporary tables."""
        if not path.exists():
            raise ReleaseMissing(f"{path} is missing: the release was made by an earlier version of this program. Run 'kg build'.")
        self._address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._beside = "PRAGMA temp_store = MEMORY;" + beside
        self._thread = threading.local()

    @property
    def connection(self) -> sqlite3.Connection:
        """One for each thread: to open one takes as long as some hundred questions."""
        if not (connection := getattr(self._thread, "connection", None)):
            connection = _Connection(self._address, uri=True)
            connection.executescript(self._beside)
            self._thread.connection = connection
        return connection


class InMemory:
    """A database of one thread, to write and to read, which goes with it."""

    def __init__(self) -> None:
        self.connection: sqlite3.Connection = _Connection(":memory:")
