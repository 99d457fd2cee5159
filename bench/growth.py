"""Releases of several sizes come in; all are served from disk at once and asked for pages in turn; their seconds go out.

Sizes that are measured one after the other are measured on a machine that does other things in between. Here each round asks every
size, in a new random order, so that how pages grow with the graph can be told on a busy machine, too.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from urllib.parse import quote

from bench import asked
from bench.samples import Sample, Samples
from bench.servers import ROOT

ALL = "all sizes"
_ROUNDS, _PAGES = 12, 12


def measure(sizes: Sequence[str], given: argparse.Namespace, samples: Samples, tell: Callable[[str], None]) -> None:
    """Pages of things, and of hubs, of every size that is there, and of the real graph."""
    from bench.scale import Run, named, release, serving, triples  # noqa: PLC0415 (which asks us)

    draw = random.Random(7)  # noqa: S311 (repeatable, not secret)
    builds = {named(size): given.work / size for size in sizes if (given.work / size / "current").exists()} | {
        "real": ROOT / "build"
    }
    with ExitStack() as stack:
        pages, servers = {}, {}
        for size, build in builds.items():
            run = Run(size, 0, build, given.work / "growth", samples, draw)
            servers[size] = stack.enter_context(serving(run, size, {"KG_MEMORY_TRIPLES": "1"}))
            iris = asked.things(release(build))
            samples.add(Sample("growth", ALL, 0, size, "triples", triples(build)))
            pages[size] = draw.sample(iris, min(len(iris), (_ROUNDS + 1) * _PAGES))
        for number in range(_ROUNDS + 1):  # what comes first is asked and not counted
            for size in draw.sample(sorted(servers), len(servers)):
                some = pages[size][number * _PAGES : (number + 1) * _PAGES]
                for item, paths in (("things", [f"/page/{quote(asked.local(iri))}" for iri in some]), ("hubs", asked.HUBS)):
                    for path in paths:
                        code, seconds = asked.read(servers[size], path)
                        if number and code == 200:
                            samples.add(Sample("growth", ALL, number, size, item, seconds))
        tell(f"growth: {len(servers)} sizes, {_ROUNDS} rounds")
