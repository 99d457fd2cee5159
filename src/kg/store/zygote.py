"""The process that holds the store: orders to fork or to kill come in over a socket; workers, and word of their deaths, go out.

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

from kg.store.sandbox import can_forbid_sockets, forbid_sockets, limit_memory, resident
from kg.store.worker import Rules, work

#: Orders and reports: a letter, a process id, a number.
MESSAGE = struct.Struct("!cii")
READY, FORK, FORK_WITH_NETWORK, FORKED, KILL, DIED, FAILED = b"R", b"f", b"n", b"F", b"k", b"D", b"X"


@dataclass(frozen=True)
class Plan:
    """What to load, and what every worker keeps to."""

    store: str  # folder of the Oxigraph store
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
        if order == KILL and pid in self._children:  # its number is its own until we have waited for it
            os.kill(pid, signal.SIGKILL)
        for descriptor in descriptors:
            self._fork(socket.socket(fileno=descriptor), order == FORK_WITH_NETWORK)
        return True

    def _fork(self, connection: socket.socket, network: bool) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            connection.close()
            self._children.add(pid)
            self._report(FORKED, pid, 0)
            return
        try:
            self._control.close()
            self._live(connection, network, parent)
        finally:
            os._exit(1)  # nothing of the zygote's may run in the child

    def _live(self, connection: socket.socket, network: bool, parent: int) -> None:
        """All of a worker's life."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Running out of memory is said on standard error by the allocator, which nobody needs: the status tells.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        store = ox.Store.read_only(self._plan.store) if self._store is None else self._store
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
        limit_memory(self._growth)
        if can_forbid_sockets() and not network:
            forbid_sockets()
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then closes our socket
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
