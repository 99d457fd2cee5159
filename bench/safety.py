"""A server with a short deadline comes in; what hostile queries get, what others notice and how much memory it takes go out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench import wrk
from bench.bench import Bench
from bench.client import Reply
from bench.queries import ATTACK, HOSTILE, Query
from bench.servers import DEADLINE, MEMORY, WORKERS, Server

GUARDED = "ours, guarded"
_AFTER = 4  # queries asked at the same time once all workers were taken
_ATTACKERS = 6
_TWICE = 2
_DURING = DEADLINE + 4  # seconds


def hostile(bench: Bench, number: int) -> None:
    """Each hostile query alone; then one for every place there is, and several ordinary ones as soon as these are over."""
    server = bench.servers[GUARDED]
    for query in bench.draw.sample(HOSTILE, len(HOSTILE)):
        reply = server.connect(stranger=1).ask(query.fresh())
        bench.keep("hostile status", number, GUARDED, query.name, reply.status)
        bench.keep("hostile dishonest", number, GUARDED, query.name, not 400 <= reply.status < 600)
        bench.keep("hostile late", number, GUARDED, query.name, max(0.0, reply.seconds - DEADLINE))
        bench.keep("hostile seconds", number, GUARDED, query.name, reply.seconds)
        _ask_together(server, [query.fresh() for _ in range(WORKERS)])
        replies = _ask_together(server, bench.draw.sample(bench.data.short, _AFTER))
        bench.keep("recovery first", number, GUARDED, query.name, min(reply.seconds for reply in replies))
        bench.keep("recovery last", number, GUARDED, query.name, max(reply.seconds for reply in replies))
        bench.keep("recovery failed", number, GUARDED, query.name, sum(reply.status != 200 for reply in replies))


def bystanders(bench: Bench, number: int) -> None:
    """Four clients with light queries: alone, and while three others ask something hostile."""
    server = bench.servers[GUARDED]
    lines = [(query.accept, query.path(server.endpoint)) for query in bench.data.short]
    requests = wrk.write_requests(lines, bench.work / "bystanders.txt")
    before = wrk.load(server, requests, 4, _DURING)
    running = wrk.start(server, requests, 4, _DURING)
    with ThreadPoolExecutor(3) as pool:
        for stranger, query in enumerate(HOSTILE[:3], 1):
            time.sleep(0.5)
            pool.submit(server.connect(stranger).ask, query.fresh())
    during = wrk.finish(running)
    server.process.settle()
    for name, load in (("before", before), ("during", during)):
        bench.keep("bystanders errors", number, GUARDED, name, load.refused + load.lost)
        bench.keep("bystanders p99", number, GUARDED, name, load.p99)
        bench.keep("bystanders longest", number, GUARDED, name, load.longest)
        bench.keep("bystanders rate", number, GUARDED, name, load.good)


def attack(bench: Bench, number: int) -> None:
    """Several clients sort products, again and again; the heaviest moment of the whole process tree."""
    server = bench.servers[GUARDED]
    server.process.settle()
    loaded = server.process.weigh()
    with _weighing(server) as weights:
        replies = _ask_together(server, [ATTACK.fresh() for _ in range(_ATTACKERS)], _TWICE)
    peak, limit = max(weights), loaded + WORKERS * MEMORY * (1 << 20)
    for item, size in (("loaded", loaded), ("peak", peak), ("limit", limit)):
        bench.keep("attack bytes", number, GUARDED, item, size)
    bench.keep("attack share", number, GUARDED, "peak", peak / limit)
    bench.keep("attack seconds", number, GUARDED, "longest", max(reply.seconds for reply in replies))
    bench.keep("attack honest", number, GUARDED, "share", sum(400 <= reply.status < 600 for reply in replies) / len(replies))


def _ask_together(server: Server, queries: Sequence[Query], times: int = 1) -> list[Reply]:
    """Each query by a client of its own, all at the same moment."""
    gate = threading.Barrier(len(queries))

    def ask(stranger: int, query: Query) -> list[Reply]:
        client = server.connect(stranger)
        gate.wait()
        return [client.ask(query.fresh()) for _ in range(times)]

    with ThreadPoolExecutor(len(queries)) as pool:
        return [reply for replies in pool.map(ask, range(1, len(queries) + 1), queries) for reply in replies]


@contextmanager
def _weighing(server: Server) -> Iterator[list[int]]:
    """The weight of the tree every 100 ms."""
    weights, over = [server.process.weigh()], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            weights.append(server.process.weigh())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield weights
    finally:
        over.set()
        thread.join()
