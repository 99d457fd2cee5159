"""Work for an event loop comes in from any thread; what comes of it goes out. The loop runs in a thread of its own.

It begins with the first work, so that what is never asked leaves no thread behind.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import uvloop

_T = TypeVar("_T")


class OwnLoop:
    """An event loop for whoever has none, or must not wait for that of others."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._starting = threading.Lock()
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether its thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Let it do some work; raises RuntimeError where it was closed."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._running())
        except RuntimeError:
            work.close()
            raise

    def soon(self, call: Callable[[], object]) -> None:
        """Let it call something, if it still runs."""
        with suppress(RuntimeError):
            self._running().call_soon_threadsafe(call)

    async def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """End what it does, then do the last work, and end the thread."""
        with self._starting:
            self._is_closed, loop, thread = True, self._loop, self._thread
        if loop is None or thread is None or not thread.is_alive():  # it never began
            return
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_end(last), loop))
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
        loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._is_closed:
                raise RuntimeError("It was closed.")
            if self._loop is None:
                self._loop = uvloop.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
                self._thread.start()
            return self._loop


async def _end(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await last()
