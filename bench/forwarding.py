"""A file of RDF and a port come in; our workers answer there behind a server that only passes queries on.

It reads nothing but the query, refuses nothing, remembers nothing, and negotiates nothing: what it is faster than `kg serve` is the
price of all that. What it is slower than a native server is the price of asking another process, which can be killed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast
from urllib.parse import unquote_to_bytes

import uvloop

from kg.settings import Settings
from kg.store import Request
from kg.store.message import Reply
from kg.store.oxigraph import store_files
from kg.store.pool import Pool, Size
from kg.store.zygote import Plan

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
_TYPES = {"json": b"application/sparql-results+json", "ntriples": b"application/n-triples"}


class _Connection(asyncio.Protocol):
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # what TCP has

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"\r\n\r\n"):
            target, self._received = self._received.split(b" ", 2)[1], b""
            text = unquote_to_bytes(target.partition(b"query=")[2].replace(b"+", b" ")).decode()
            asking = asyncio.ensure_future(self._pool.ask(Request(text, "json", "ntriples")))
            asking.add_done_callback(self._answer)

    def _answer(self, asked: asyncio.Future[Reply]) -> None:
        reply = asked.result()
        assert isinstance(reply.body, bytes)  # noqa: S101 (no query here has a large answer)
        self._transport.write(_HEAD % (_TYPES[reply.format], len(reply.body)) + reply.body)


async def _serve(file: Path, port: int) -> None:
    usual = Settings()
    source = store_files([file], {})
    plan = Plan(str(source.store), str(source.dump), usual.memory, usual.result_bytes, {}, {})
    pool = Pool(plan, Size(usual.young, 64, usual.waiting, 120.0))
    await pool.start()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(pool), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
