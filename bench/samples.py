"""Single measured numbers come in; ratios of the same round, their median and their spread go out, and all of them as a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

#: How the cores are shared while an engine is asked through us and directly.
SHARED, APART = "all cores for all", "the engine on cores of its own"


@dataclass(frozen=True)
class Sample:
    """One number: seconds, answers a second, bytes or a count, as its measure has it."""

    measure: str
    data: str
    round: int
    engine: str
    item: str
    value: float


@dataclass(frozen=True)
class Wrong:
    """An answer that is not the one the others give: its engine gets no ratio in this measure."""

    measure: str
    data: str
    engine: str
    query: str
    what: str


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, with the least and the most."""

    middle: float
    least: float
    most: float
    rounds: int


@dataclass
class Samples:
    """All numbers of a run, and the answers that were wrong."""

    taken: list[Sample] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Keep one number."""
        self.taken.append(sample)

    def blame(self, measure: str, data: str, engine: str, query: str, what: str) -> None:
        """Keep one wrong answer."""
        self.wrong.append(Wrong(measure, data, engine, query, what))

    def blamed(self, measure: str, data: str, engines: Iterable[str]) -> list[Wrong]:
        """The wrong answers of some engines."""
        return [wrong for wrong in self.wrong if (wrong.measure, wrong.data) == (measure, data) and wrong.engine in engines]

    def find(self, measure: str, data: str, engine: str | None = None, item: str | None = None) -> list[Sample]:
        """The numbers of a measure, in the order they were taken."""
        return [
            sample
            for sample in self.taken
            if sample.measure == measure and sample.data == data and engine in (None, sample.engine) and item in (None, sample.item)
        ]

    def ratio(self, measure: str, data: str, above: tuple[str, str | None], below: tuple[str, str | None]) -> Spread | None:
        """The ratio of two engines in each round: of the named items, or the geometric mean over all that both have."""
        base = {self._key(sample, below[1]): sample.value for sample in self.find(measure, data, *below)}
        rounds: dict[int, list[float]] = {}
        for sample in self.find(measure, data, *above):
            if value := base.get(self._key(sample, above[1])):
                rounds.setdefault(sample.round, []).append(sample.value / value)
        return summarise(geometric_mean(ratios) if all(ratios) else 0 for ratios in rounds.values())

    def spread(self, measure: str, data: str, engine: str | None = None, item: str | None = None) -> Spread | None:
        """The median over the rounds."""
        return summarise(sample.value for sample in self.find(measure, data, engine, item))

    @staticmethod
    def _key(sample: Sample, named: str | None) -> tuple[int, str]:
        """What two samples must share to be compared; a named item is compared with whatever is named on the other side."""
        return sample.round, "" if named else sample.item


def summarise(values: Iterable[float]) -> Spread | None:
    """None of no values."""
    ordered = sorted(values)
    return Spread(median(ordered), ordered[0], ordered[-1], len(ordered)) if ordered else None


def keep(path: Path, about: Mapping[str, Any], samples: Samples) -> None:
    """Write all numbers, one a line, with what is to be known of them: as `read_kept` reads them."""
    taken = ",\n".join(json.dumps([*astuple(sample)[:-1], float(f"{sample.value:.7g}")]) for sample in samples.taken)
    wrong = json.dumps([asdict(each) for each in samples.wrong])
    path.write_text(f'{{"about": {json.dumps(about, indent=1)},\n"wrong": {wrong},\n"taken": [\n{taken}\n]}}\n', "utf-8")


def read_kept(path: Path) -> tuple[dict[str, Any], Samples]:
    """What `keep` wrote."""
    kept = json.loads(path.read_text("utf-8"))
    return kept["about"], Samples([Sample(*each) for each in kept["taken"]], [Wrong(**each) for each in kept["wrong"]])
