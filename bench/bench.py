"""What every measure is given: one data set with its running servers, and where its numbers go."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.answers import Content, read
from bench.client import Reply
from bench.data import Data
from bench.queries import Query
from bench.samples import Sample, Samples
from bench.servers import Server

REFERENCE = "native, memory"
LENIENT = "rdflib-endpoint"  # the one engine whose errors are shown and not held against a ratio


@dataclass
class Bench:
    """One data set on one machine in one run."""

    data: Data
    servers: dict[str, Server]
    samples: Samples
    work: Path
    seconds: float  # how long wrk asks
    draw: random.Random

    def shuffled(self, *names: str) -> list[Server]:
        """Those of the servers that run, in a new random order."""
        running = [self.servers[name] for name in names if name in self.servers]
        return self.draw.sample(running, len(running))

    def keep(self, measure: str, number: int, engine: str, item: str, value: float) -> None:
        """Keep one number."""
        self.samples.add(Sample(measure, self.data.name, number, engine, item, value))

    def compare(self, measure: str, query: Query, replies: Iterable[tuple[str, Reply]]) -> None:
        """Blame every engine whose answer is an error or has another number of rows than the reference."""
        contents = {engine: read(query, reply) for engine, reply in replies}
        expected = contents.get(REFERENCE)
        for engine, content in contents.items():
            if what := _fault(content, expected):
                self.samples.blame(measure, self.data.name, engine, query.name, what)
            elif expected:
                self.keep("same content", 0, engine, query.name, content.digest == expected.digest)


def _fault(content: Content, expected: Content | None) -> str:
    if content.count < 0:
        return content.digest
    if expected and expected.count >= 0 and content.count != expected.count:
        return f"{content.count} rows instead of {expected.count}"
    return ""
