"""A query and a server's address come in; one answer with its status and seconds goes out, over a connection that is kept."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass

from bench.queries import Query


@dataclass(frozen=True)
class Reply:
    """One answer; status 0 where the connection ended without one."""

    status: int
    seconds: float
    media_type: str
    body: bytes


_FRESH = 1.0  # seconds after which a server may have closed a connection that nobody used


class Client:
    """One keep-alive connection to one endpoint."""

    def __init__(self, port: int, endpoint: str, timeout: float = 300, source: str | None = None) -> None:
        self._endpoint = endpoint
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout, (source, 0) if source else None)
        self._used = 0.0

    def ask(self, query: Query) -> Reply:
        """Ask once; the clock runs from the request on an open connection to the last byte."""
        path = query.path(self._endpoint)
        started = time.perf_counter()
        try:
            if started - self._used > _FRESH:
                self._connection.close()
                self._connection.connect()
                started = time.perf_counter()
            self._connection.request("GET", path, headers={"Accept": query.accept})
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Reply(0, time.perf_counter() - started, "", repr(error).encode())
        self._used = time.perf_counter()
        kind = response.getheader("Content-Type", "").partition(";")[0].strip()
        return Reply(response.status, self._used - started, kind, body)

    def close(self) -> None:
        """Let the connection go; the next query opens another."""
        self._connection.close()
        self._used = 0.0
