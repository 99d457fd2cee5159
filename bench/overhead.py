"""Engines, each with `kg serve` before it, come in; the same queries are sent to both in turn, and the times go out.

One at a time, the difference tells what our layer adds; with several connections, the ratio tells what it costs of the throughput:
where the two share all cores, and where the engine has half of them to itself, as one that runs elsewhere has its own.
Short look-ups and stored questions are told apart: where the engine works long, anything before it looks cheap.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bench import wrk
from bench.asked import things
from bench.process import apart, can_keep_apart
from bench.queries import ROWS, Query, stored
from bench.samples import APART, SHARED
from bench.servers import Server
from kg.store.holding import Holding

if TYPE_CHECKING:
    from bench.scale import Run

_TINY = 40  # look-ups in a round
_CONNECTIONS = 8
_LOADED = (50_000, 2_000_000)  # triples between which throughput is measured: it tells the same of others, and takes minutes
_MOST = 0.5  # seconds that a stored question may take, the slower of the two ways


@dataclass(frozen=True)
class Direct(Query):
    """A query as the engine behind us is sent it: with the graphs that it is about."""

    form: Sequence[tuple[str, str]] = ()

    def path(self, endpoint: str) -> str:
        """See `Query`."""
        return f"{endpoint}?{urlencode(self.form)}"


def measure(run: Run, rounds: int, seconds: float, tell: Callable[[str], None]) -> None:
    """Both ways to each engine, in each round in random order."""
    from bench.scale import release  # noqa: PLC0415 (which asks us)

    folder = release(run.build)
    holding = Holding(json.loads((folder / "manifest.json").read_text("utf-8"))["id"])
    questions = [Query(one.name, one.text) for one in stored(folder / "queries")]
    for target, engine in run.engines.items():
        if target not in run.servers:
            continue
        ours = run.servers[target]
        pairs = _suitable(run, target, holding, questions)
        looked = [
            Query("lookup", f"SELECT ?p ?o WHERE {{ <{iri}> ?p ?o }}") for iri in _drawn(folder, run.draw, _TINY * (rounds + 1))
        ]
        for number in range(rounds + 1):
            tiny = [(one, _direct(holding, one)) for one in looked[number * _TINY : (number + 1) * _TINY]]
            _single(run, target, number, "tiny", tiny, ours, engine)
            _single(run, target, number, "stored", pairs, ours, engine)
            if number and _LOADED[0] <= run.triples <= _LOADED[1]:
                _loads(run, target, number, "tiny", tiny, seconds, ours, engine)
                _loads(run, target, number, "stored", pairs, seconds, ours, engine)
        tell(f"  overhead over {target}: {len(pairs)} stored questions")


def _direct(holding: Holding, one: Query) -> Direct:
    return Direct(one.name, one.text, one.accept, tuple(holding.form(one.text)))


def _drawn(folder: Path, draw: random.Random, count: int) -> list[str]:
    iris = things(folder)
    return [draw.choice(iris) for _ in range(count)]


def _suitable(run: Run, target: str, holding: Holding, questions: Sequence[Query]) -> list[tuple[Query, Direct]]:
    """The questions that are answered on the direct way as well, and soon."""
    quick = {sample.item for sample in run.samples.find("question, first", run.size, target) if sample.value < _MOST}
    return [(one, _direct(holding, one)) for one in questions if one.name in quick]


def _single(  # noqa: PLR0913, PLR0917
    run: Run, target: str, number: int, kind: str, pairs: Sequence[tuple[Query, Query]], ours: Server, engine: Server
) -> None:
    """One at a time, over two connections that are kept; which comes first is drawn anew each time."""
    ways = (("ours", ours.client, 0), ("direct", engine.client, 1))
    for pair in pairs:
        for way, client, place in run.draw.sample(ways, 2):
            reply = client.ask(pair[place])
            if reply.status != 200:
                run.samples.blame(f"single, {kind}", run.size, f"{target}, {way}", pair[place].name, f"status {reply.status}")
            elif number:
                run.keep(f"single, {kind}", number, f"{target}, {way}", pair[place].name, reply.seconds)


def _loads(  # noqa: PLR0913, PLR0917
    run: Run,
    target: str,
    number: int,
    kind: str,
    pairs: Sequence[tuple[Query, Query]],
    seconds: float,
    ours: Server,
    engine: Server,
) -> None:
    ways = (("ours", ours, 0), ("direct", engine, 1))
    for where in (SHARED, APART) if can_keep_apart() else (SHARED,):
        for way, server, place in run.draw.sample(ways, 2):
            lines = [(ROWS, pair[place].path(server.endpoint)) for pair in pairs]
            requests = wrk.write_requests(lines, run.work / "requests.txt")
            with apart(engine.process, ours.process) if where == APART else nullcontext():
                load = wrk.load(server, requests, _CONNECTIONS, seconds)
            run.keep(f"load, {kind}", number, f"{target}, {way}", where, load.good)
            run.keep(f"processor, {kind}", number, f"{target}, {way}", where, sum(load.processor.values()))
            if load.errors:
                run.samples.blame(f"load, {kind}", run.size, f"{target}, {way}", where, f"{load.errors:.1%} errors")
