"""A request that names a release comes in; the site of that release, opened when it is first asked for, answers it.

Only a few are open at a time, and none for long after it was asked for last: an idle release costs disk and no memory.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kg.errors import EngineDown, KgError, NotFound, Overloaded
from kg.store import Store
from kg.web.front import WHOLE
from kg.web.problems import Render, problem_of, respond
from kg.web.text import LATEST, pin_address

#: The parameter of an address that names a release.
PARAMETER = "release"
_OPEN = 2  # releases besides the newest that are open at once
_IDLE = 600.0  # seconds after which one that nobody asks for is closed
_log = logging.getLogger(__name__)
_LINK = re.compile(rb"<(/[^>]*)>")


#: Makes what answers for a release, and the store behind it; raises KgError where it cannot be read.
Opener = Callable[[str], tuple[ASGIApp, Store]]


@dataclass
class _Open:
    """A release that is open: what answers, how many requests are under way, and when the last one ended."""

    app: ASGIApp
    store: Store
    busy: int = 0
    used: float = 0.0


class Archive:
    """The ASGI application around that of the newest release."""

    def __init__(self, newest: ASGIApp, name: str, releases: Callable[[], list[str]], opener: Opener, render: Render) -> None:
        """`name` is the newest release; `releases` tells which there are; `render` makes the page of an error."""
        self._newest, self._name, self._releases, self._opener, self._render = newest, name, releases, opener, render
        self._open: dict[str, _Open] = {}
        self._lock = asyncio.Lock()
        #: Why it did not start.
        self.failure: KgError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the life of the application."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if scope["type"] != "http" or PARAMETER.encode() not in scope["query_string"]:
            await self._newest(scope, receive, send)
            return
        name, scope = _named(scope)
        if name in (None, LATEST, self._name):
            await self._newest(scope, receive, send)
            return
        try:
            async with self._opened(str(name)) as app:
                await app({**scope, "extensions": _plain(scope)}, receive, _pinning(send, str(name)))
        except KgError as error:
            await respond(Request(scope), problem_of(error), self._render)(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_short(message: Message) -> None:
            expected = isinstance(sys.exc_info()[1], KgError)  # then its text is enough, without a traceback
            await send({"type": message["type"]} if expected else message)

        closing = asyncio.create_task(self._look_after())
        try:
            await self._newest(scope, receive, send_in_short)
        except KgError as error:
            self.failure = error
        finally:
            closing.cancel()
            for opened in list(self._open.values()):
                await opened.store.close()
            self._open.clear()

    @asynccontextmanager
    async def _opened(self, name: str) -> AsyncIterator[ASGIApp]:
        found = self._open.get(name)
        if found is None:
            async with self._lock:  # so that two requests do not open it twice
                found = self._open.get(name) or await self._begin(name)
        found.busy += 1
        try:
            yield found.app
        finally:
            found.busy -= 1
            found.used = asyncio.get_running_loop().time()

    async def _begin(self, name: str) -> _Open:
        known = self._releases()
        if name not in known:
            there = f"Releases here: {', '.join(known)}." if known else "No release is kept here."
            raise NotFound(f"There is no release '{name}' here. {there}")
        if len(self._open) >= _OPEN and not self._idle():
            raise Overloaded("Too many releases are being read at the moment.", 30)
        try:
            opened = await self._start(name)
        except (KgError, OSError, ValueError) as error:  # its text is for whoever runs this server: it may tell of a database
            _log.error("Release %s cannot be opened: %s", name, error)
            raise EngineDown(f"Release '{name}' cannot be read at the moment.", 30) from None
        longest = self._idle() if len(self._open) >= _OPEN else None
        self._open[name] = opened
        if longest:
            await self._open.pop(longest).store.close()
        return opened

    def _idle(self) -> str | None:
        """The release that nobody has read for longest."""
        idle = [(each.used, name) for name, each in self._open.items() if not each.busy]
        return min(idle)[1] if idle else None

    async def _start(self, name: str) -> _Open:
        app, store = await run_sync(self._opener, name)
        try:
            await store.start()
        except BaseException:
            await store.close()
            raise
        return _Open(app, store)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_IDLE / 10)
            await self.close_idle()

    async def close_idle(self) -> None:
        """Close the releases that nobody has asked for in a while."""
        now = asyncio.get_running_loop().time()
        for name, opened in list(self._open.items()):
            if not opened.busy and now - opened.used > _IDLE:
                del self._open[name]
                await opened.store.close()


def _named(scope: Scope) -> tuple[str | None, Scope]:
    """The release that the address names last, and the request without that."""
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    name = next((value for key, value in reversed(pairs) if key == PARAMETER), None)
    rest = urlencode([(key, value) for key, value in pairs if key != PARAMETER])
    return name, ({**scope, "query_string": rest.encode()} if name is not None else scope)


def _plain(scope: Scope) -> dict[str, object]:
    """Answers of another release are not remembered by the server itself, which knows them by their address only."""
    return {key: value for key, value in scope.get("extensions", {}).items() if key != WHOLE}


def _pinning(send: Send, name: str) -> Send:
    """Let what an answer refers to stay in the release."""

    async def pinned(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [_pinned(key, value, name) for key, value in message["headers"]]}
        await send(message)

    return pinned


def _pinned(key: bytes, value: bytes, name: str) -> tuple[bytes, bytes]:
    if key.lower() == b"location" and value.startswith(b"/"):
        return key, pin_address(value.decode("latin-1"), name).encode("latin-1")
    if key.lower() == b"link":
        return key, _LINK.sub(lambda match: b"<%s>" % pin_address(match[1].decode("latin-1"), name).encode("latin-1"), value)
    return key, value
