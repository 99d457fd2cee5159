"""A command comes in; a running process goes out that can be watched, weighed and ended with all its children."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_IDLE = 0.1  # cores that an idle server may use
_PAUSE = 0.1  # seconds between two looks


class Process:
    """A process that we started, and its children."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as output:
            self._process = subprocess.Popen(  # noqa: S603 (our own commands)
                command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
            )
        self._tree = psutil.Process(self._process.pid)

    def ended(self) -> bool:
        """Whether it has ended, which a server should not."""
        return self._process.poll() is not None

    def failed(self) -> bool:
        """Whether it has ended with an error."""
        return bool(self._process.poll())

    def weigh(self) -> int:
        """Bytes of memory of the whole tree, shared pages counted once (PSS)."""
        total = 0
        for process in self._all():
            with suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total

    def used(self) -> dict[str, float]:
        """Seconds that the server itself, and its children, have been on the processor."""
        own, *children = self._all()
        return {"server": _computed([own]), "workers": _computed(children)}

    def settle(self, patience: float = 180) -> bool:
        """Wait until the tree computes nothing any more: servers may go on with queries whose client has left."""
        deadline = time.monotonic() + patience
        before = _computed(self._all())
        while time.monotonic() < deadline:
            time.sleep(_PAUSE)
            now = _computed(self._all())
            if 0 <= now - before <= _IDLE * _PAUSE:
                return True
            before = now
        return False

    def keep_to(self, cores: set[int]) -> None:
        """Let the tree run on these cores only, and what it starts from now on."""
        for process in self._all():
            with suppress(psutil.Error, OSError):  # some end meanwhile
                for thread in process.threads():
                    os.sched_setaffinity(thread.id, cores)

    def stop(self) -> None:
        """End the tree: kindly first."""
        everything = self._all()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        for process in everything:
            with suppress(psutil.Error):
                process.kill()
        self._process.wait()

    def _all(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return [self._tree, *self._tree.children(recursive=True)]
        return []


def can_keep_apart() -> bool:
    """Whether this system lets us say where a process runs, and there is more than one core."""
    return hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1


@contextmanager
def apart(remote: Process, near: Process) -> Iterator[None]:
    """Half of the cores for one tree alone, as though it ran on another machine; the others for the other tree and for us."""
    cores = os.sched_getaffinity(0)
    half = set(sorted(cores)[: len(cores) // 2])
    try:
        remote.keep_to(half)
        near.keep_to(cores - half)
        os.sched_setaffinity(0, cores - half)  # and so what we start
        yield
    finally:
        os.sched_setaffinity(0, cores)
        remote.keep_to(cores)
        near.keep_to(cores)


def _computed(processes: Iterable[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total
