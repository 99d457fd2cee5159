"""Worker processes: a request comes in; a worker answers it, or is killed; its reply or an error goes out.

What keeps short queries short, whatever else is asked: a query that is still running after a moment is old. It keeps its worker,
and another takes the place of that one among those for the young. Old queries soon yield: while young ones are there, they stand
still most of the time. There are only so many places for old queries, and of these one client has at most half. A worker is sent
a few queries ahead, so that it need not go to sleep between them; as soon as it is slow with the first, the others are taken back
for whichever worker is free next.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from array import array
from collections import Counter, deque
from dataclasses import dataclass
from typing import BinaryIO

from kg.errors import HungUp, KgError, Overloaded, QueryTimeout, QueryTooHeavy
from kg.store import HangUp
from kg.store.line import Line
from kg.store.message import FRAME, ORDER, Order, Reply, read_reply, write_request
from kg.store.zygote import DIED, FAILED, FORK, FORK_WITH_NETWORK, FORKED, KILL, MESSAGE, PAUSE, READY, RESUME, Plan

_QUICK = 0.004  # seconds after which a worker is slow: nothing is sent ahead to it
_YOUNG = 0.06  # seconds on the processor that a query is young
_PATIENT = 0.2  # seconds after which it is old even if it has hardly been on the processor
_YIELD = 0.4  # seconds after which it yields to the young
_STINT = 0.05  # seconds that as many of them run as there are young workers, before others do
_TURNS = 8  # of so many ticks it runs in one, whoever else is there
_TICK = 0.005  # seconds between looks at the clock
_AHEAD = 3  # queries that a worker is sent before it has answered the first
_IDLE = 60.0  # seconds that a worker that nobody needs is kept
_RESTART = 0.5  # seconds before a lost zygote is replaced, or workers where they cannot live
_BARREN = 10  # workers that may die without having done anything before others come more slowly
_PATIENCE = 2.0  # seconds that it may take to end
_ROOM = memoryview(bytearray(1 << 18))  # for what is read at once
_ANCILLARY = socket.CMSG_LEN(array("i").itemsize)  # bytes that a descriptor takes
_REPLY = 1 << 23  # bytes that a reply may have; larger answers come in files
_LESS = "Ask for less: fewer patterns, a LIMIT, no ORDER BY over everything."


@dataclass(frozen=True)
class Size:
    """How much may go on at the same time."""

    young: int  # workers for young queries
    old: int  # old queries, each with a worker
    waiting: int
    seconds: float  # that a query may take


class _Query:
    """A query on its way."""

    __slots__ = ("answer", "begun", "client", "hang_up", "number", "request", "seconds", "timers", "watch")

    def __init__(self, request: bytes, client: str, seconds: float, hang_up: HangUp | None, answer: asyncio.Future[Reply]) -> None:
        self.request, self.client, self.seconds, self.hang_up, self.answer = request, client, seconds, hang_up, answer
        self.begun = answer.get_loop().time()
        self.number = 0  # among all that its worker has been sent
        self.timers: list[asyncio.TimerHandle] | None = None
        self.watch: asyncio.Task[None] | None = None

    def fail(self, error: KgError) -> None:
        """Tell whoever waits, unless nobody does."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def settle(self) -> None:
        """Stop what was set off for it."""
        for timer in self.timers or ():
            timer.cancel()
        if self.watch:
            self.watch.cancel()


class _Worker:
    """Our end of one worker process: the queries that were sent to it, of which it is at the first."""

    def __init__(self, pid: int, connection: socket.socket, pool: Pool) -> None:
        self.pid = pid
        self.queries: deque[_Query] = deque()
        self.since = 0.0  # when it began with the first
        self._used: float | None = None  # processor seconds until it was slow
        self.dead = False
        self.answers = 0
        self.is_lent = False  # it was forked for one query, and may open connections
        self.yields = self.stands_still = False
        self.taking_back = False  # it may still be at a query that was taken back
        self._sent = 0  # queries
        self._connection = connection
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._files: list[int] = []
        self._unsent = bytearray()
        self._blocked = False
        self._loop.add_reader(connection, self._read)

    def begin(self) -> None:
        """Note that it begins with a query now."""
        self.since, self._used = self._loop.time(), None

    def is_slow(self, now: float) -> bool:
        """Whether it has been at its first query for more than a moment."""
        return bool(self.queries) and now - self.since > _QUICK

    def has_room(self, now: float) -> bool:
        """Whether a query that it is sent would be begun soon."""
        return len(self.queries) < _AHEAD and not (self.dead or self.taking_back or self.is_slow(now))

    def is_old(self, now: float) -> bool:
        """Whether it has been at its first query for long: on the processor, or if it hardly gets there, at all."""
        waited = now - self.since
        if self._used is None:  # not with every query: this clock is no cheap one
            self._used = _processor_seconds(self.pid)
        return waited > _YOUNG and (waited > _PATIENT or _processor_seconds(self.pid) - self._used > _YOUNG - _QUICK)

    def take(self, query: _Query) -> None:
        """Send a query; its reply will come to the pool."""
        if not self.queries:
            self.begin()
        self.queries.append(query)
        self._sent += 1
        query.number = self._sent
        self._send(query.number, query.request)

    def take_back(self) -> deque[_Query]:
        """All queries but the first. It says when it has dropped them; should it be at one by then, nobody waits for the reply."""
        behind = self.queries
        self.queries = deque([behind.popleft()])
        if behind:
            self.taking_back = True
            self._send(self.queries[0].number, b"")
        return behind

    def _send(self, number: int, request: bytes) -> None:
        if not self._unsent:
            self._loop.call_soon(self._write)  # what else comes in at this moment goes along
        self._unsent += ORDER.pack(number, len(request)) + request

    def _write(self) -> None:
        if self._connection.fileno() < 0:
            return
        with contextlib.suppress(OSError):  # the report of its death says more
            del self._unsent[: self._connection.send(self._unsent)]
        if self._unsent and not self._blocked:
            self._blocked = True
            self._loop.add_writer(self._connection, self._write)
        elif self._blocked and not self._unsent:
            self._blocked = False
            self._loop.remove_writer(self._connection)

    def _read(self) -> None:
        try:
            data, files = _receive(self._connection)
        except BlockingIOError:
            return
        except ConnectionError:
            data, files = b"", []
        if not data:
            self._loop.remove_reader(self._connection)  # it is dead, and its death is reported besides
            return
        self._files += files
        self._received = self._received + data if self._received else data
        try:
            while (numbered := self._next()) is not None:
                self._hand_on(*numbered)
        except (ValueError, TypeError, IndexError, RecursionError, struct.error, OSError):
            # It is broken, or its file could not be taken. What it says next could be taken for the answer to another query.
            if self._connection.fileno() >= 0:
                self._pool.distrust(self)

    def read_rest(self) -> None:
        """Take what a dead process had still said."""
        while self._connection.fileno() >= 0 and self.queries:
            before = len(self.queries), len(self._received)
            self._read()
            if (len(self.queries), len(self._received)) == before:
                return

    def _hand_on(self, number: int, reply: Reply | None) -> None:
        if reply is None:
            self.taking_back = False
            self._pool.feed(self)
        elif self.queries and self.queries[0].number == number:
            self._pool.answered(self, reply)
        elif not isinstance(reply.body, bytes):
            reply.body.close()

    def _next(self) -> tuple[int, Reply | None] | None:
        """A reply, and the number of the query that it answers; or word that what was sent ahead is dropped."""
        if len(self._received) < FRAME.size:
            return None
        number, head, body = FRAME.unpack_from(self._received)
        start, end = FRAME.size + head, FRAME.size + head + body
        if end > _REPLY:
            raise ValueError("No reply is so long.")
        if len(self._received) < end:
            return None
        reply = read_reply(self._received[FRAME.size : start], self._received[start:end]) if head else None
        if reply and reply.in_file:
            reply = reply._replace(body=_opened(self._files.pop(0)))
        self._received = self._received[end:]
        return number, reply

    def close(self) -> None:
        """Let go of the process, which must be killed besides."""
        if self._connection.fileno() < 0:
            return
        self._loop.remove_reader(self._connection)
        if self._blocked:
            self._loop.remove_writer(self._connection)
        self._connection.close()
        self._received = b""
        while self._files:
            os.close(self._files.pop())


class Pool:
    """Workers forked from one zygote, and the rules of who gets one."""

    def __init__(self, plan: Plan, size: Size) -> None:
        self._plan, self._size = plan, size
        self._share = max(1, size.old // 2)  # old queries that one client may have
        self._workers: list[_Worker] = []  # for young queries
        self._elders: list[_Worker] = []  # each at an old one
        # Those that nobody needs at the moment. In a process that has been used the pages of the store that it wrote to
        # (reading counts references) are its own already; where the store is large, copying them takes longer than most queries.
        self._spare: list[_Worker] = []
        self._turn = 0
        self._forking: deque[tuple[socket.socket, _Query | None]] = deque()  # for what query, if for a certain one
        self._old: Counter[str] = Counter()  # queries by client
        self._line: Line[_Query] = Line(size.waiting)
        self._ticking = self._refilling = False
        self._barren = 0  # workers in a row that have died without having answered anything
        self.forked = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._starting: asyncio.Future[None] | None = None
        self._closed = False
        self._obeyed = False  # whether there is a zygote that takes orders

    @property
    def counts(self) -> dict[str, int]:
        """How many queries there are now, by where they are."""
        young = sum(len(worker.queries) for worker in self._workers)
        return {"young": young, "old": self._old.total(), "waiting": len(self._line)}

    @property
    def is_ready(self) -> bool:
        """Whether the store is loaded and there is a worker."""
        return bool(self._workers)

    async def start(self) -> None:
        """Start the zygote and wait until it holds the store; raises KgError where it cannot."""
        self._loop = asyncio.get_running_loop()
        self._starting = self._loop.create_future()
        self._launch()
        try:
            await self._starting
        finally:
            self._starting = None

    async def close(self) -> None:
        """End all processes at once.

        All but the waiting is done in the loop: what a worker says meanwhile must find its connection open or gone.
        """
        if self._process and not self._closed:
            self._closed = True
            self._drop_all()
            while self._line:
                self._line.pop().fail(Overloaded("The server is being stopped.", 1))
            self._silence()
            await asyncio.to_thread(_await_end, self._process)

    # The zygote

    def _launch(self) -> None:
        if self._closed:
            return
        try:
            ours, theirs = socket.socketpair()
        except OSError:
            self._launch_later()
            return
        with theirs:
            command = [sys.executable, "-m", "kg.store.zygote", str(theirs.fileno()), self._plan.to_json()]
            try:
                self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603
            except OSError:
                ours.close()
                self._launch_later()
                return
        ours.setblocking(False)
        self._control = ours
        self._loop.add_reader(self._control, self._hear)

    def _launch_later(self) -> None:
        self._fail("The process that answers queries could not start: this system has no more room for processes or files.")
        if not self._starting:
            self._loop.call_later(_RESTART, self._launch)

    def _hear(self) -> None:
        try:
            data = self._control.recv(MESSAGE.size * 64)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._lose_zygote()
            return
        for kind, pid, number in MESSAGE.iter_unpack(data):
            if kind == READY:
                self._obeyed = True
                self._refill()
            elif kind == FAILED:
                self._fail(f"The store takes {number} MiB, and a worker may take {self._plan.memory}. Give workers more memory.")
            elif kind == FORKED:
                self._join(pid)
            elif kind == DIED:
                self._mourn(pid, number)

    def _lose_zygote(self) -> None:
        """The process that holds the store has ended: start another."""
        self._silence()
        self._drop_all()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._fail("The process that answers queries could not start. Its own message stands above.")
        if not self._starting:
            self._loop.call_later(_RESTART, self._launch)

    def _fail(self, message: str) -> None:
        if self._starting and not self._starting.done():
            self._starting.set_exception(KgError(message))

    def _silence(self) -> None:
        self._obeyed = False
        if self._control.fileno() >= 0:
            self._loop.remove_reader(self._control)
            self._control.close()

    def _drop_all(self) -> None:
        error = Overloaded("The query workers are being restarted.", 1)
        for worker in self._all():
            for query in worker.queries:
                query.fail(error)
                query.settle()
            worker.close()
        for connection, invited in self._forking:
            connection.close()
            if invited:
                invited.fail(error)
        for holder in (self._workers, self._elders, self._spare, self._forking, self._old):
            holder.clear()

    def _all(self) -> list[_Worker]:
        return [*self._workers, *self._elders, *self._spare]

    # Workers

    def _refill(self) -> None:
        """Have as many workers for young queries as there shall be."""
        while self._spare and len(self._workers) < self._size.young:
            self._employ(self._spare.pop())
        coming = sum(query is None for _, query in self._forking)
        for _ in range(self._size.young - len(self._workers) - coming):
            if not self._fork(FORK, None):
                self._refill_later()
                break

    def _employ(self, worker: _Worker) -> None:
        """Put the worker among those for the young."""
        self._workers.append(worker)
        worker.begin()
        self.feed(worker)

    def _keep(self, worker: _Worker) -> None:
        """Find something to do for a worker that has answered an old query."""
        worker.yields = False
        self._let_run(worker, True)
        if worker.is_lent:
            self._retire(worker)
        elif len(self._workers) < self._size.young:
            self._employ(worker)
        elif len(self._all()) < self._size.young + self._size.old:
            self._spare.append(worker)
            self._loop.call_later(_IDLE, self._let_go, worker, worker.answers)
        else:
            self._retire(worker)

    def _let_go(self, worker: _Worker, answers: int) -> None:
        """End a worker that has had nothing to do for long: what it takes of memory may be much."""
        if worker in self._spare and worker.answers == answers:
            self._spare.remove(worker)
            self._retire(worker)

    def _refill_later(self) -> None:
        if not self._refilling:
            self._refilling = True
            self._loop.call_later(_RESTART, self._refill_now)

    def _refill_now(self) -> None:
        self._refilling = False
        self._refill()

    def _fork(self, order: bytes, query: _Query | None) -> bool:
        """Order a worker; whether the order was taken. One that was not must leave no trace: reports come in the same order."""
        if not self._obeyed:
            return False
        try:
            ours, theirs = socket.socketpair()
        except OSError:
            return False
        with theirs:
            try:
                socket.send_fds(self._control, [MESSAGE.pack(order, 0, 0)], [theirs.fileno()])
            except OSError:
                ours.close()
                return False
        ours.setblocking(False)
        self._forking.append((ours, query))
        return True

    def _join(self, pid: int) -> None:
        connection, query = self._forking.popleft()
        if not pid:  # the system has no room for it
            connection.close()
            if query:
                query.fail(Overloaded("There is no room for another worker.", 10))
                self._end_of_age(query)
            else:
                self._refill_later()
            return
        worker = _Worker(pid, connection, self)
        self.forked += 1
        if query:
            if query.answer.done():
                self._retire(worker)
                self._end_of_age(query)
            else:
                worker.is_lent = True
                worker.take(query)
                self._age(worker, query)
            return
        if len(self._workers) >= self._size.young:  # one that had become old is back
            self._keep(worker)
            return
        self._employ(worker)
        if self._starting and not self._starting.done():
            self._starting.set_result(None)

    def _retire(self, worker: _Worker) -> None:
        worker.close()
        self._kill(worker)

    def _kill(self, worker: _Worker) -> None:
        self._order(KILL, worker)

    def _order(self, order: bytes, worker: _Worker) -> None:
        with contextlib.suppress(OSError):
            self._control.send(MESSAGE.pack(order, worker.pid, 0))

    def _mourn(self, pid: int, status: int) -> None:
        """A worker has died; if we had not let go of it, what it was at is the reason."""
        for worker in [worker for worker in self._all() if worker.pid == pid]:
            worker.dead = True
            worker.read_rest()
            self._bury(worker, self._cause(status))
            self._barren = 0 if worker.answers else self._barren + 1
        if self._barren > _BARREN:  # it may be that none can live here
            self._refill_later()
        else:
            self._refill()

    def distrust(self, worker: _Worker) -> None:
        """End a worker that has said what cannot be understood."""
        self._bury(worker, QueryTooHeavy("The answer to this query was lost. Try again, or ask for less."))
        self._kill(worker)
        self._refill()

    def _bury(self, worker: _Worker, error: KgError) -> None:
        old = worker in self._elders
        for holder in (self._workers, self._elders, self._spare):
            if worker in holder:
                holder.remove(worker)
        worker.close()
        if worker.queries:
            first = worker.queries.popleft()
            first.fail(error)
            if old:
                self._end_of_age(first)
            else:
                first.settle()
        self._send_elsewhere(worker.queries)

    def _cause(self, status: int) -> KgError:
        if status == -signal.SIGSEGV:
            return QueryTooHeavy("This query is nested too deeply, or is too long a chain, to be evaluated. Write it flatter.")
        return QueryTooHeavy(f"This query needed more than {self._plan.memory} MiB of memory. {_LESS}")

    # Queries

    async def ask(self, request: Order, client: str = "", hang_up: HangUp | None = None, network: bool = False) -> Reply:
        """What a worker says to the request; `network` takes one that may open connections.

        Raises QueryTimeout, QueryTooHeavy, Overloaded or HungUp.
        """
        seconds = min(self._size.seconds, request.timeout or self._size.seconds)
        query = _Query(write_request(request), client, seconds, hang_up, self._loop.create_future())
        if self._closed:
            raise Overloaded("The server is being stopped.", 1)
        if network:
            self._invite(query)
        else:
            self._admit(query)
        return await query.answer  # one that is given up is noticed at the next look at the clock

    def _admit(self, query: _Query) -> None:
        if not self._give(query):
            if not self._line.has_place(query.client):
                raise Overloaded("Too many queries are waiting.", 5)
            self._line.push(query.client, query)
        if query.seconds < _YOUNG:
            query.timers = [self._loop.call_later(query.seconds, self._time_out, query)]
        if not self._ticking:
            self._ticking = True
            self._loop.call_later(_TICK, self._tick)

    def _give(self, query: _Query) -> bool:
        """Send the query to the worker with the least to do, if one has little and is quick."""
        now = self._loop.time()
        worker = min((worker for worker in self._workers if worker.has_room(now)), key=_load, default=None)
        if worker is None or not self._may_begin(query.client):
            return False
        worker.take(query)
        return True

    def feed(self, worker: _Worker) -> None:
        """Send the worker what waits in the line, unless it has enough to do."""
        while self._line and worker in self._workers and worker.has_room(self._loop.time()):
            try:
                query = self._line.pop(self._may_begin)
            except KeyError:
                return
            if not query.answer.done():
                worker.take(query)

    def _may_begin(self, client: str) -> bool:
        """Who has all the old queries that one client may have begins others one by one: each may be just as long."""
        if self._old[client] < self._share:
            return True
        return not any(query.client == client for worker in self._workers for query in worker.queries)

    def _send_elsewhere(self, queries: deque[_Query]) -> None:
        while queries:
            query = queries.pop()
            if not query.answer.done() and not self._give(query):
                self._line.push_back(query.client, query)

    def answered(self, worker: _Worker, reply: Reply) -> None:
        """A worker has replied to the first of its queries."""
        query = worker.queries.popleft()
        worker.answers += 1
        if not query.answer.done():
            query.answer.set_result(reply)
        elif not isinstance(reply.body, bytes):
            reply.body.close()
        if self._elders and worker in self._elders:
            self._elders.remove(worker)
            self._keep(worker)
            self._end_of_age(query)
        else:
            query.settle()
            worker.begin()
            self.feed(worker)

    def _tick(self) -> None:
        """Look which queries have grown old."""
        now = self._loop.time()
        if not self._obeyed:
            for query in self._line:
                if now - query.begun > query.seconds:
                    query.fail(QueryTimeout(_too_long(query)))
        for worker in [worker for worker in self._workers if worker.is_slow(now)]:
            self._send_elsewhere(worker.take_back())
            if worker.is_old(now):
                self._promote(worker)
        for worker in [worker for worker in self._workers if worker.taking_back and not worker.queries]:
            if worker.is_old(now):  # it is at what nobody waits for
                self._workers.remove(worker)
                self._retire(worker)
                self._refill()
        self._take_turns()
        self._ticking = bool(self._line) or any(worker.queries or worker.taking_back for worker in self._workers)
        self._ticking = self._ticking or any(worker.stands_still for worker in self._elders)
        if self._ticking:
            self._loop.call_later(_TICK, self._tick)

    def _take_turns(self) -> None:
        """While there are young queries, those that yield stand still, but for one tick in some; so they come to an end, too.

        Of many that yield, a few run at a time: each has its own copy of what it has touched, and the caches hold only so much.
        """
        self._turn = (self._turn + 1) % _TURNS
        run = not self._turn or not any(worker.queries for worker in self._workers)
        yielding = [worker for worker in self._elders if worker.yields]
        first = int(self._loop.time() / _STINT) * self._size.young
        for place, worker in enumerate(yielding):
            self._let_run(worker, run and (place - first) % len(yielding) < self._size.young)

    def _let_run(self, worker: _Worker, run: bool) -> None:
        if worker.stands_still is run:
            worker.stands_still = not run
            self._order(RESUME if run else PAUSE, worker)

    def _promote(self, worker: _Worker) -> None:
        """The query of the worker is old, or given up: another worker takes its place."""
        query = worker.queries[0]
        self._workers.remove(worker)
        try:
            if query.answer.done():
                raise HungUp("Nobody waits for this answer any more.")
            self._take_place(query.client)
        except KgError as error:
            query.fail(error)
            query.settle()
            self._retire(worker)
        else:
            self._age(worker, query)
        self._refill()

    def _take_place(self, client: str) -> None:
        if self._old.total() >= self._size.old:
            raise Overloaded("Too many long queries are running.", 10)
        if self._old[client] >= self._share:
            raise Overloaded("You have too many long queries running at the same time.", 10)
        self._old[client] += 1

    def _age(self, worker: _Worker, query: _Query) -> None:
        """Put the query, which has its place, among the old."""
        self._elders.append(worker)
        query.timers = [
            *(query.timers or ()),
            self._loop.call_at(worker.since + _YIELD, self._yield, worker),
            self._loop.call_at(worker.since + query.seconds, self._end, worker, query, QueryTimeout(_too_long(query))),
        ]
        query.answer.add_done_callback(lambda _: self._give_up(worker, query))
        if query.hang_up:
            query.watch = self._loop.create_task(self._watch(worker, query, query.hang_up))

    async def _watch(self, worker: _Worker, query: _Query, hang_up: HangUp) -> None:
        await hang_up()
        self._end(worker, query, HungUp("Nobody waits for this answer any more."))

    def _give_up(self, worker: _Worker, query: _Query) -> None:
        if query.answer.cancelled():
            self._end(worker, query, HungUp("Nobody waits for this answer any more."))

    def _yield(self, worker: _Worker) -> None:
        worker.yields = True

    def _end(self, worker: _Worker, query: _Query, error: KgError) -> None:
        """End an old query before its time."""
        if worker in self._elders:
            self._elders.remove(worker)
            self._retire(worker)
            query.fail(error)
            self._end_of_age(query)

    def _end_of_age(self, query: _Query) -> None:
        self._old[query.client] -= 1
        self._old += Counter()  # forgets who has none
        query.settle()
        for worker in self._workers:
            self.feed(worker)

    def _time_out(self, query: _Query) -> None:
        query.fail(QueryTimeout(_too_long(query)))

    def _invite(self, query: _Query) -> None:
        """Give the query a worker with network access, among the old: nobody knows how long others take to answer."""
        self._take_place(query.client)  # at once: others may ask while the worker is being forked
        if not self._fork(FORK_WITH_NETWORK, query):
            self._end_of_age(query)
            raise Overloaded("There is no room for another worker.", 2)


def _await_end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:  # it may be loading; its workers end with it
        process.kill()
        process.wait()


def _processor_seconds(pid: int) -> float:
    """What a process has used of the processor (Linux: clock_gettime(2) of its CPU clock); elsewhere, the time of day will do."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except (OSError, AttributeError):
        return time.monotonic()


def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """What has arrived, and a descriptor if one came along: `socket.recv_fds`, without a new buffer each time."""
    size, ancillary, _, _ = connection.recvmsg_into([_ROOM], _ANCILLARY)
    files = array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            files.frombytes(data[: len(data) - len(data) % files.itemsize])
    return bytes(_ROOM[:size]), list(files)


def _load(worker: _Worker) -> int:
    return len(worker.queries)


def _opened(descriptor: int) -> BinaryIO:
    """A file that a worker gave us; raises OSError where it is none, from which reading might never end."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("A worker sent what is no file.")
    return os.fdopen(descriptor, "rb")


def _too_long(query: _Query) -> str:
    return f"This query took longer than {query.seconds:g} seconds. {_LESS}"
