"""The address of an engine and a port come in; a server of uvicorn and aiohttp answers there, and only passes requests on.

`kg serve` is made of the same two: what this costs is what they cost, and what `kg serve` costs more is what it does.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import uvicorn
from yarl import URL

_CONNECTIONS = 100  # to the engine
Message = MutableMapping[str, Any]


class Passing:
    """An ASGI application that asks another server for all that it is asked for."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Message, _receive: object, send: Callable[[Message], Awaitable[None]]) -> None:
        """Answer one GET."""
        self._session = self._session or aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS))
        url = URL(f"{self._address}{scope['raw_path'].decode()}?{scope['query_string'].decode()}", encoded=True)
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"] if name == b"accept"]
        async with self._session.get(url, headers=headers) as answer:
            body = await answer.read()
            kind = answer.headers.get("Content-Type", "").encode()
        length = str(len(body)).encode()
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(b"content-type", kind), (b"content-length", length)],
            }
        )
        await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        Passing(sys.argv[1]),
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
    )
