"""A data set comes in; the seconds to a first answer and of a large answer go out, beside pyoxigraph alone in a process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median

from bench.bench import Bench
from bench.queries import MANY_ROWS
from bench.servers import UNCACHED, start_ours

ALONE = "pyoxigraph alone"


def begin(bench: Bench, number: int) -> None:
    """A fresh server and a fresh process without one, in random order."""
    for measure in bench.draw.sample((_begin_ours, _begin_alone), 2):
        measure(bench, number)


def _begin_alone(bench: Bench, number: int) -> None:
    command = [sys.executable, "-m", "bench.bare", str(bench.data.file), MANY_ROWS.text]
    measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
    bench.keep("start", number, ALONE, "first answer", measured["load"])
    bench.keep("rows", number, ALONE, "JSON", measured["answer"])


def _begin_ours(bench: Bench, number: int) -> None:
    started = time.perf_counter()
    with start_ours("ours, fresh", bench.data, bench.work, UNCACHED) as server:
        bench.keep("start", number, "ours", "first answer", time.perf_counter() - started)
        server.process.settle()
        bench.keep("weight", number, "ours", "loaded", server.process.weigh())
        replies = [server.client.ask(MANY_ROWS.fresh()) for _ in range(3)]
    bench.keep("rows", number, "ours", "JSON", median(reply.seconds for reply in replies))
    for reply in replies:
        if reply.status != 200 or len(json.loads(reply.body)["results"]["bindings"]) != 100_000:
            bench.samples.blame("rows", bench.data.name, "ours", MANY_ROWS.name, f"status {reply.status} or fewer rows")
