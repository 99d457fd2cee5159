"""A size or the word "release" comes in; a file of RDF and the queries to ask about it go out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from bench import queries
from bench.graph import write_graph
from bench.queries import Query

RELEASE = "release"
_THINGS = "https://w3id.org/vigia/id/"


@dataclass(frozen=True)
class Data:
    """What is loaded and what is asked. The release has no short, heavy and joining queries: these are of the made-up graph."""

    name: str
    file: Path
    triples: int
    release: bool
    mix: Callable[[int], list[Query]]  # the queries of a round
    short: list[Query]
    heavy: list[Query]
    join: list[Query]


def prepare(size: str, work: Path, root: Path) -> Data:
    """Write the made-up graph of a size, or find the release."""
    work.mkdir(parents=True, exist_ok=True)
    return _release(root / "build") if size == RELEASE else _made_up(int(size), work)


def _made_up(triples: int, work: Path) -> Data:
    graph = write_graph(work / "graph.nt", triples)
    name = f"{triples // 1_000_000} M" if triples >= 1_000_000 else f"{triples // 1000} k"
    return Data(
        name,
        graph.path,
        graph.triples,
        False,
        lambda number: queries.mix(graph, number),
        queries.short(graph),
        queries.heavy(graph),
        [queries.join(graph)],
    )


def _release(build: Path) -> Data:
    identifier = (build / "current").read_text().split()
    folder = next(build / "releases" / word for word in identifier if (build / "releases" / word).is_dir())
    file = folder / "kg.nq"
    store = ox.Store()
    store.bulk_load(path=str(file))
    iris = queries.things(store, _THINGS)
    asked = queries.stored(folder / "queries")
    count = json.loads((folder / "manifest.json").read_text())["counts"]["triples"]
    return Data(RELEASE, file, count, True, lambda number: asked + queries.about(iris, number), [], [], [])
