"""The process that holds the store: orders to fork, pause or kill come in over a socket; workers, and word of their deaths, go out.

Forking a process that has loaded the store takes milliseconds, and the workers share its memory. It has one thread and evaluates
nothing itself: forking a process with threads can copy a lock that nobody will ever open.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import pyoxigraph as ox

from kg.store.sandbox import can_confine, confine, die_with_parent, limit_files, limit_memory, resident
from kg.store.worker import work
from kg.store.writing import Rules

#: Orders and reports: a letter, a process id, a number.
MESSAGE = struct.Struct("!cii")
READY, FORK, FORK_WITH_NETWORK, FORKED, KILL, PAUSE, RESUME, DIED, FAILED = b"R", b"f", b"n", b"F", b"k", b"p", b"r", b"D", b"X"
_SIGNALS = {KILL: signal.SIGKILL, PAUSE: signal.SIGSTOP, RESUME: signal.SIGCONT}
_MOST_DESCRIPTORS = 4096
_SLACK = 1 << 20  # bytes that what cannot be compressed may grow by


@dataclass(frozen=True)
class Plan:
    """What to load, and what every worker keeps to."""

    store: str  # folder of the Oxigraph store; empty where another engine answers, and workers only check
    dump: str  # the same as N-Quads; empty where workers shall read the folder instead of sharing one copy in memory
    memory: int  # MiB that a worker may take, its copies of shared pages included
    result_bytes: int
    prefixes: dict[str, str]
    context: dict[str, Any]

    def to_json(self) -> str:
        """As the command line carries it."""
        return json.dumps(asdict(self))


class Zygote:
    """Forks workers until the other end of its socket closes."""

    def __init__(self, control: socket.socket, plan: Plan) -> None:
        self._control = control
        self._plan = plan
        self._store = _load(plan)
        self._children: set[int] = set()
        self._growth = self._plan.memory - (resident() if plan.dump else 0)

    def run(self) -> None:
        """Obey until the end."""
        gc.collect()
        gc.freeze()  # what is loaded is never collected: a collection would write to the pages that workers share
        deaths = _deaths()
        if self._growth < 1:
            self._report(FAILED, 0, resident())
            return
        self._report(READY, os.getpid(), 0)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ, self._obey)
            selector.register(deaths, selectors.EVENT_READ, lambda: self._bury(deaths))
            while all(key.data() for key, _ in selector.select()):
                pass
        signal.set_wakeup_fd(-1)  # nobody reads any more of whose deaths it would tell
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _obey(self) -> bool:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE.size, 1)
        except ConnectionError:
            return False
        if len(data) < MESSAGE.size:
            return False
        order, pid, _ = MESSAGE.unpack(data)
        if order in _SIGNALS and pid in self._children:  # its number is its own until we have waited for it
            os.kill(pid, _SIGNALS[order])
        for descriptor in descriptors:
            self._fork(socket.socket(fileno=descriptor), order == FORK_WITH_NETWORK)
        return True

    def _fork(self, connection: socket.socket, network: bool) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError:  # the system has no room for it
            connection.close()
            self._report(FORKED, 0, 0)
            return
        if pid:
            connection.close()
            self._children.add(pid)
            self._report(FORKED, pid, 0)
            return
        try:
            self._live(connection, network, parent)
        finally:
            os._exit(1)  # nothing of the zygote's may run in the child

    def _live(self, connection: socket.socket, network: bool, parent: int) -> None:
        """All of a worker's life."""
        die_with_parent()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _keep_only(connection)
        store = self._store if self._store is not None else ox.Store.read_only(self._plan.store) if self._plan.store else ox.Store()
        limit_files(self._plan.result_bytes + _SLACK)
        limit_memory(self._growth)
        if can_confine():
            confine(network)  # before there is another thread, which would be free of it
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
        work(connection, store, Rules(self._plan.result_bytes, self._plan.prefixes, self._plan.context))

    def _bury(self, deaths: socket.socket) -> bool:
        deaths.recv(4096)
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            self._children.discard(pid)
            self._report(DIED, pid, os.waitstatus_to_exitcode(status))
        return True

    def _report(self, kind: bytes, pid: int, number: int) -> None:
        with suppress(ConnectionError):  # the next order will say that the server is gone
            self._control.sendall(MESSAGE.pack(kind, pid, number))


def _keep_only(connection: socket.socket) -> None:
    """Close all that the zygote has open: its orders, its wake-up calls, its standard output."""
    # Running out of memory is said on standard error by the allocator, which nobody needs: the status tells.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.closerange(3, connection.fileno())
    os.closerange(connection.fileno() + 1, _MOST_DESCRIPTORS)


def _load(plan: Plan) -> ox.Store | None:
    if not plan.dump:
        return None
    store = ox.Store()
    store.bulk_load(path=plan.dump, format=ox.RdfFormat.N_QUADS)
    return store


def _deaths() -> socket.socket:
    """A socket that can be read when a child has died."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGTERM):  # these are for the server, which finishes and then closes our socket
        signal.signal(number, signal.SIG_IGN)
    return ours


def _end_with(parent: int) -> None:
    """End this process when the zygote is gone, even in the middle of a query."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def main() -> None:
    """`python -m kg.store.zygote DESCRIPTOR PLAN`"""
    control = socket.socket(fileno=int(sys.argv[1]))
    plan = Plan(**json.loads(sys.argv[2]))
    os.environ.clear()
    Zygote(control, plan).run()


if __name__ == "__main__":
    main()
