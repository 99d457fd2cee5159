"""Sizes come in; each is grown, loaded into every target and measured, all of them in turn; the numbers go out as JSON.

A target is `kg serve` over a store: its own in memory, its own on disk, or an engine beside it. In each round every target is asked
the same, in a new random order. The price of our layer is told by the same queries sent straight to the engine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench import asked, growth, overhead
from bench.engines import ENGINES, is_here
from bench.samples import Sample, Samples, keep, read_kept
from bench.servers import OURS, ROOT, UNFAIR, Server, await_listening, free_port, running
from bench.versions import describe

MEMORY, DISK = "memory", "disk"
TARGETS = (MEMORY, DISK, *ENGINES)
_PYTHON = str(OURS.with_name("python"))
_STEPS = ("dump", "store", "index", "lists", "names", "void", "finish")
_REAL = "real"
_MADE = "made.json"
_SENT = 500_000  # triples above which an engine is filled by its own bulk loader
_MEMORY_OF = 350  # bytes that a quad takes in memory, at most while it is read (300 to 320 afterwards): for whether there is room
_LARGE = 20_000_000  # triples of which somebody must ask for
# All that asks is one client; and what takes long is to be seen, not refused.
_SETTINGS = {
    **UNFAIR,
    "KG_CACHE_BYTES": "0",
    "KG_TIMEOUT": "600",
    "KG_MEMORY": "12288",  # the copy of the triples that workers share counts
    "KG_OLD": "32",
    "KG_RESULT_BYTES": "1000000000",
}


@dataclass
class Run:
    """One size, as it is measured."""

    size: str
    triples: int
    build: Path
    work: Path
    samples: Samples
    draw: random.Random
    servers: dict[str, Server] = field(default_factory=dict)  # target → what answers
    engines: dict[str, Server] = field(default_factory=dict)  # target → the engine behind it

    def keep(self, measure: str, number: int, target: str, item: str, value: float) -> None:
        """Keep one number."""
        self.samples.add(Sample(measure, self.size, number, target, item, value))


def main() -> None:
    """Measure, and keep the numbers beside those of other sizes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers end with us
    given = _read_arguments()
    for size in given.sizes:
        if size != _REAL and int(size) >= _LARGE and not given.large:
            sys.exit(
                f"{size} triples need about {int(size) * _MEMORY_OF * 2 >> 30} GiB in memory and twice that on disk: say --large."
            )
    given.work.mkdir(parents=True, exist_ok=True)
    about, samples = _kept(given) if given.add or given.only_growth else ({}, Samples())
    now = describe(given.rounds, given.seconds) | {"beside": given.beside}
    for size in () if given.only_growth else given.sizes:
        _measure(size, given, samples)
        about[named(size)] = now
        keep(given.raw, about, samples)
    if not given.add:
        growth.measure([size for size in given.sizes if size != _REAL], given, samples, _tell)
        about[growth.ALL] = now
        keep(given.raw, about, samples)


def _kept(given: argparse.Namespace) -> tuple[dict[str, Any], Samples]:
    """The numbers of what is not measured now."""
    about, kept = read_kept(given.raw)
    now = {growth.ALL} if given.only_growth else {named(size) for size in given.sizes}
    taken = [sample for sample in kept.taken if sample.data not in now]
    wrong = [each for each in kept.wrong if each.data not in now]
    return {name: told for name, told in about.items() if name not in now}, Samples(taken, wrong)


def named(size: str) -> str:
    """What a size is called."""
    return _REAL if size == _REAL else _short(int(size))


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.scale", description="Measure sizes and stores in one interleaved run.")
    parser.add_argument("sizes", nargs="*", default=["20000", _REAL, "1000000", "10000000"], help="triples, or 'real'")
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=4, help="how long each load is kept up")
    parser.add_argument("--add", action="store_true", help="keep the numbers of other sizes, and of all in turn, as they are")
    parser.add_argument("--only-growth", action="store_true", help="measure how pages grow, of sizes that are made")
    parser.add_argument("--only-make", action="store_true", help="make the releases, and measure nothing else")
    parser.add_argument("--wait", action="store_true", help="wait for releases that another run makes")
    parser.add_argument("--large", action="store_true", help="let a size of 20 million and more through")
    parser.add_argument("--beside", default="", help="what else the machine did meanwhile, for the report")
    parser.add_argument("--raw", type=Path, default=ROOT / "docs" / "scale.json", help="file that all numbers are kept in")
    parser.add_argument("--work", type=Path, default=ROOT / ".bench" / "scale")
    return parser.parse_args()


def _measure(size: str, given: argparse.Namespace, samples: Samples) -> None:
    build = ROOT / "build" if size == _REAL else given.work / size
    name = named(size)
    run = Run(name, 0, build, given.work / f"{name}-engines", samples, random.Random(1))  # noqa: S311
    _tell(f"{name}: making the release")
    if size != _REAL:
        while given.wait and build.exists() and not (build / _MADE).exists():
            time.sleep(1)
        if not (build / _MADE).exists():
            _grow(run, int(size))
        # It is made once; what that took is told each time.
        for measure, item, value in json.loads((build / _MADE).read_text("utf-8")):
            run.keep(measure, 0, "", item, value)
        if given.only_make:
            return
    run.triples = triples(build)
    run.keep("triples", 0, "", "default graph", run.triples)
    run.keep("triples", 0, "", "quads", _lines(release(build) / "kg.nq"))
    run.keep("things", 0, "", "pages", len(asked.things(release(build))))
    shutil.rmtree(run.work, ignore_errors=True)
    run.work.mkdir(parents=True)
    with ExitStack() as stack:
        for target in given.targets:
            try:
                _start(run, target, stack)
            except (RuntimeError, subprocess.CalledProcessError) as error:
                _tell(f"  {target} is left out: {error}")
                samples.blame("start", run.size, target, "start", str(error)[:300])
        _weigh(run, "at rest")
        asked.measure(run, given.rounds, _tell)
        overhead.measure(run, given.rounds, given.seconds, _tell)
        _weigh(run, "after")
    shutil.rmtree(run.work, ignore_errors=True)


def release(build: Path) -> Path:
    """The folder of the release that is served from a folder."""
    return build / "releases" / (build / "current").read_text().split()[0]


def _short(number: int) -> str:
    return f"{number // 1_000_000} M" if number >= 1_000_000 else f"{number // 1000} k"


def triples(build: Path) -> int:
    """How many the default graph of what is served from a folder has."""
    return int(json.loads((release(build) / "manifest.json").read_text("utf-8"))["counts"]["triples"])


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 24), b""))


def _grow(run: Run, number: int) -> None:
    """Each step in a process of its own, whose time and memory are kept."""
    shutil.rmtree(run.build, ignore_errors=True)
    made: list[tuple[str, str, float]] = []
    for step in _STEPS:
        command = [_PYTHON, "-m", "bench.grown", step, str(run.build), "--triples", str(number), "--source", str(ROOT / "build")]
        seconds, most = _timed(command, {})
        made += [("make", f"{step}: seconds", seconds), ("make", f"{step}: bytes", most)]
        _tell(f"  {step}: {seconds:.1f} s, {most / 2**20:,.0f} MiB")
    for part in ("store", "kg.nq", "search.sqlite", "lists.sqlite", "names.sqlite"):
        made.append(("disk", part, _bytes(release(run.build) / part)))
    (run.build / _MADE).write_text(json.dumps(made), "utf-8")


def _timed(command: Sequence[str], environment: dict[str, str]) -> tuple[float, int]:
    """Seconds, and the most bytes that the process held; raises RuntimeError with what it said where it fails."""
    started = time.perf_counter()
    # The output goes to a file: nobody reads a pipe while we wait for the process.
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, env={**os.environ, **environment})  # noqa: S603
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command[:5])}: {said.read()[-600:]}")
    return time.perf_counter() - started, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _bytes(path: Path) -> int:
    """What a file or folder takes on disk."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_blocks * 512 for each in files)


def _start(run: Run, target: str, stack: ExitStack) -> None:
    """Start a target, filled; raises RuntimeError where it is not here or has no room."""
    if target in ENGINES:
        if not is_here(target):
            raise RuntimeError("it is not installed")
        settings = _load(run, target, stack)
    else:
        needed = run.triples * _MEMORY_OF * 2
        if target == MEMORY and needed > psutil.virtual_memory().available * 0.6:
            raise RuntimeError(f"its {run.triples:,} triples (twice: by layer, too) would need about {needed / 2**30:.0f} GiB")
        settings = {"KG_MEMORY_TRIPLES": "1000000000" if target == MEMORY else "1"}
    _tell(f"  starting {target}")
    started = time.perf_counter()
    run.servers[target] = stack.enter_context(serving(run, target, settings))
    run.keep("start", 0, target, "first answer", time.perf_counter() - started)
    run.servers[target].process.settle(900)
    run.keep("start", 0, target, "ready", time.perf_counter() - started)
    _tell(f"  {target} was ready after {time.perf_counter() - started:.1f} s")


@contextmanager
def serving(run: Run, target: str, settings: dict[str, str]) -> Iterator[Server]:
    """`kg serve` of a release, from when it is ready for queries."""
    port = free_port()
    command = [str(OURS), "serve", "--port", str(port), "--build", str(run.build)]
    with running(f"ours-{target}", (port, "/sparql"), command, run.work, **_SETTINGS, **settings) as server:
        await_listening(server)
        deadline = time.monotonic() + 1200
        while asked.status(server, "/health") != 200:
            if server.process.ended() or time.monotonic() > deadline:
                raise RuntimeError(f"kg serve did not start: {server.process.log.read_text()[-600:]}")
            time.sleep(0.02)
        yield server


def _load(run: Run, target: str, stack: ExitStack) -> dict[str, str]:
    """Start an engine and load the release into it; the settings of the `kg serve` before it."""
    engine, bulk = ENGINES[target], run.triples > _SENT
    started = time.perf_counter()
    if bulk:
        file = run.work / "bulk.nq.gz"
        if not file.exists():
            _timed([str(OURS), "load", "--file", str(file), "--build", str(run.build)], {})
            run.keep("load", 0, "", "kg load --file", time.perf_counter() - started)
        started = time.perf_counter()
        if engine.offline:
            engine.bulk(run.work, file)
            run.keep("load", 0, target, "bulk loader", time.perf_counter() - started)
    server = stack.enter_context(engine.run(run.work, run.triples))
    if bulk and not engine.offline:
        engine.bulk(run.work, file)
        run.keep("load", 0, target, "bulk loader", time.perf_counter() - started)
    run.engines[target] = server
    settings = {"KG_STORE": f"http://127.0.0.1:{server.port}{engine.query}", **engine.credentials}
    begun = time.perf_counter()
    _timed([str(OURS), "load", "--build", str(run.build)], settings)
    run.keep("load", 0, target, "kg load", time.perf_counter() - begun)
    run.keep("load", 0, target, "in all", time.perf_counter() - started)
    run.keep("memory", 0, target, "engine, just loaded", server.process.weigh())
    folder = {"Oxigraph": "oxigraph", "Fuseki": "tdb2", "Virtuoso": "virtuoso"}[target]
    run.keep("disk", 0, target, "store", _bytes(run.work / folder))
    _tell(f"  {target} was loaded in {time.perf_counter() - started:.1f} s{' by its bulk loader' if bulk else ''}")
    return settings


def _weigh(run: Run, when: str) -> None:
    """Memory of each target, and of its engine."""
    for target, server in run.servers.items():
        run.keep("memory", 0, target, f"ours, {when}", server.process.weigh())
        if target in run.engines:
            run.keep("memory", 0, target, f"engine, {when}", run.engines[target].process.weigh())


def _tell(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
