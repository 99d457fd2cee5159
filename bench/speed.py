"""Running servers come in; seconds of single queries and answers a second go out, in a random order of servers each time."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from statistics import median

from bench import wrk
from bench.bench import LENIENT, Bench
from bench.client import Reply
from bench.queries import Query
from bench.servers import Server

_ENGINES = ("ours", "native, memory", "native, disk")
_FORWARDED = "only forwarded"  # our workers without all that `kg serve` does besides
_SINGLE = 0.25  # seconds that one query may be repeated
_TIMES = 15  # and how often
_LONG = 4  # times longer are analytic queries asked where there is much data, for each takes a second or more
_MUCH = 500_000  # triples


def latency(bench: Bench, number: int) -> None:
    """Each query of the mix by a single client; the median of its repetitions, each a text not seen before."""
    _time("latency", bench, number, bench.data.mix(number), (*_ENGINES, _FORWARDED))


def join(bench: Bench, number: int) -> None:
    """The heaviest join, which takes rdflib long."""
    _time("join", bench, number, bench.data.join, ("ours", "native, memory", "rdflib-endpoint"))


def short(bench: Bench, number: int) -> None:
    """Light queries from 16 clients."""
    _press("short", bench, number, (*_ENGINES, _FORWARDED, "rdflib-endpoint"), 16)


def heavy(bench: Bench, number: int) -> None:
    """Analytic queries from 16 clients and from 4."""
    for connections in (16, 4):
        _press("heavy", bench, number, _ENGINES, connections)


def cached(bench: Bench, number: int) -> None:
    """Light queries that have been asked before; nginx serves the same bytes as files."""
    _press("cached", bench, number, ("ours, cached", "native, memory", "nginx"), 16)


def check_short(bench: Bench) -> None:
    """Compare all light answers before any of them is timed; of rdflib's some, for it is slow."""
    _check("short", bench, bench.data.short, (*_ENGINES, _FORWARDED, "rdflib-endpoint"))


def check_heavy(bench: Bench) -> None:
    """Compare one answer of each analytic kind."""
    _check("heavy", bench, bench.data.heavy[:6], _ENGINES)


def check_cached(bench: Bench) -> None:
    """Compare, fill the cache by it, and lay the bytes of the answers out for nginx."""
    names = ("ours, cached", "native, memory")
    for number, query in enumerate(bench.data.short):
        replies = {name: bench.servers[name].client.ask(query) for name in names if name in bench.servers}
        bench.compare("cached", query, replies.items())
        if "nginx" in bench.servers:
            (bench.work / "nginx" / "files" / str(number)).write_bytes(replies["ours, cached"].body)


def _check(measure: str, bench: Bench, queries: list[Query], names: tuple[str, ...]) -> None:
    for number, query in enumerate(queries):
        asked = [name for name in names if name in bench.servers and (name != LENIENT or number < 35)]
        bench.compare(measure, query, [(name, bench.servers[name].client.ask(query)) for name in asked])


def _time(measure: str, bench: Bench, number: int, queries: list[Query], names: tuple[str, ...]) -> None:
    times: dict[tuple[str, str], list[float]] = {}
    for query in queries:
        replies = {}
        for server in bench.shuffled(*names):
            seconds, replies[server.name] = _repeat(server, query)
            times.setdefault((server.name, query.name), []).extend(seconds)
        bench.compare(measure, query, replies.items())
    for (engine, name), seconds in times.items():
        bench.keep(measure, number, engine, name, median(seconds))


def _repeat(server: Server, query: Query) -> tuple[list[float], Reply]:
    seconds: list[float] = []
    while sum(seconds) < _SINGLE and len(seconds) < _TIMES:
        reply = server.client.ask(query.fresh())
        seconds.append(reply.seconds)
        if reply.status != 200:
            break
    return seconds, reply


def _press(measure: str, bench: Bench, number: int, names: tuple[str, ...], connections: int) -> None:
    queries = tuple(bench.data.heavy if measure == "heavy" else bench.data.short)
    seconds = bench.seconds * (_LONG if measure == "heavy" and bench.data.triples > _MUCH else 1)
    for server in bench.shuffled(*names):
        load = wrk.load(server, _requests(bench.work, server.name, server.endpoint, queries), connections, seconds)
        item = f"{connections} clients"
        bench.keep(measure, number, server.name, item, load.good)
        bench.keep(f"{measure} p99", number, server.name, item, load.p99)
        bench.keep(f"{measure} errors", number, server.name, item, load.errors)
        for who, microseconds in load.processor.items():
            bench.keep(f"{measure} processor", number, server.name, f"{item}, {who}", microseconds)
        if load.errors and server.name != LENIENT:
            bench.samples.blame(measure, bench.data.name, server.name, item, f"{load.errors:.1%} errors")


@cache
def _requests(work: Path, engine: str, endpoint: str, queries: tuple[Query, ...]) -> Path:
    named = engine == "nginx"
    lines = [(query.accept, f"/{number}" if named else query.path(endpoint)) for number, query in enumerate(queries)]
    return wrk.write_requests(lines, work / f"{engine}-{len(queries)}.txt")
