"""A plan comes in; every data set is served by all servers and measured round by round; the numbers go out."""

from __future__ import annotations

import hashlib
import random
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import beginning, pages, safety, speed, wrk
from bench.bench import Bench
from bench.data import Data, prepare
from bench.samples import Samples
from bench.servers import ROOT, start_all, start_nginx

_LARGEST_FOR_RDFLIB = 50_000  # triples; beyond, one query takes minutes


@dataclass(frozen=True)
class Measure:
    """What is done in each round, what is checked before the first, and which servers that takes."""

    take: Callable[[Bench, int], None]
    servers: tuple[str, ...]
    check: Callable[[Bench], None] | None = None
    wrk: bool = False
    made_up: bool = True  # it asks queries of the made-up graph
    of_release: bool = False  # it asks for our own pages
    rare: bool = False  # it is long: once in a quick run


_THREE = ("ours", "native, memory", "native, disk")
MEASURES = {
    "latency": Measure(speed.latency, (*_THREE, "only forwarded"), made_up=False),
    "short": Measure(speed.short, (*_THREE, "only forwarded", "rdflib-endpoint"), speed.check_short, wrk=True),
    "heavy": Measure(speed.heavy, _THREE, speed.check_heavy, wrk=True),
    "cached": Measure(speed.cached, ("ours, cached", "native, memory", "nginx"), speed.check_cached, wrk=True),
    "join": Measure(speed.join, ("ours", "native, memory", "rdflib-endpoint"), rare=True),
    "hostile": Measure(safety.hostile, (safety.GUARDED,), rare=True),
    "bystanders": Measure(safety.bystanders, (safety.GUARDED,), wrk=True, rare=True),
    "attack": Measure(safety.attack, (safety.GUARDED,), rare=True),
    "start": Measure(beginning.begin, ()),
    "render": Measure(pages.render, (pages.UNSEEN,), made_up=False, of_release=True),
    "remembered": Measure(pages.remembered, ("ours, cached", "nginx"), pages.lay_out, wrk=True, made_up=False, of_release=True),
}


@dataclass(frozen=True)
class Plan:
    """What to run."""

    sizes: tuple[str, ...]
    only: tuple[str, ...]
    rounds: int
    seconds: float
    quick: bool
    work: Path
    seed: int = 1


def run(plan: Plan, tell: Callable[[str], None]) -> Samples:
    """Measure everything that the plan names and this machine can."""
    samples, draw = Samples(), random.Random(plan.seed)  # noqa: S311
    if not wrk.has_wrk():
        tell("wrk is not installed: no throughput and no bystanders are measured.")
    if not shutil.which("nginx"):
        tell("nginx is not installed: nothing is compared with it.")
    for size in plan.sizes:
        work = plan.work / size
        data = prepare(size, work, ROOT)
        tell(f"{data.name}: {data.triples:,} triples")
        with ExitStack() as stack:
            measures = _possible(plan, data)
            bench = Bench(data, {}, samples, work, plan.seconds, draw)
            _start(bench, measures, stack, tell)
            for name, measure in measures.items():
                if measure.check:
                    tell(f"  comparing answers: {name}")
                    measure.check(bench)
            for number in range(plan.rounds):
                _round(bench, measures, number, plan.quick, tell)
    return samples


def _possible(plan: Plan, data: Data) -> dict[str, Measure]:
    chosen = {name: MEASURES[name] for name in plan.only or MEASURES}
    return {
        name: measure
        for name, measure in chosen.items()
        if (wrk.has_wrk() or not measure.wrk)
        and not (data.release and measure.made_up)
        and not (measure.of_release and not data.release)
        and (name != "join" or data.triples <= _LARGEST_FOR_RDFLIB)
    }


def _start(bench: Bench, measures: dict[str, Measure], stack: ExitStack, tell: Callable[[str], None]) -> None:
    needed = sorted({name for measure in measures.values() for name in measure.servers})
    if bench.data.triples > _LARGEST_FOR_RDFLIB:
        needed = [name for name in needed if name != "rdflib-endpoint"]
    tell(f"  starting {'; '.join(needed)}")
    bench.servers |= start_all([name for name in needed if name != "nginx"], bench.data, bench.work, stack)
    if "nginx" in needed and shutil.which("nginx"):
        bench.servers["nginx"] = stack.enter_context(start_nginx("nginx", bench.work))


def _round(bench: Bench, measures: dict[str, Measure], number: int, quick: bool, tell: Callable[[str], None]) -> None:
    bench.keep("control", number, "machine", "pbkdf2", _control())
    for name in bench.draw.sample(sorted(measures), len(measures)):
        if not (quick and number and measures[name].rare):
            _settle(bench, tell)
            started = time.perf_counter()
            measures[name].take(bench, number)
            tell(f"  round {number + 1}: {name}, {time.perf_counter() - started:.1f} s")


def _settle(bench: Bench, tell: Callable[[str], None]) -> None:
    """No server may still compute what an earlier measure asked: it would take the time of the next."""
    for server in bench.servers.values():
        started = time.perf_counter()
        if not server.process.settle():
            tell(f"  {server.name} goes on computing: what follows is measured beside it.")
        elif (waited := time.perf_counter() - started) > 1:
            tell(f"  {server.name} went on computing for {waited:.0f} s")


def _control() -> float:
    """Seconds of a fixed computation without any server: how evenly the machine ran."""
    started = time.perf_counter()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000)
    return time.perf_counter() - started
