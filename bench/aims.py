"""The numbers of a run come in; each aim with what was reached goes out, or with why there is nothing to report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.beginning import ALONE
from bench.bench import LENIENT
from bench.pages import UNSEEN
from bench.safety import GUARDED
from bench.samples import Samples, Spread, summarise

Side = tuple[str, str | None]  # an engine, and one item of the measure; all items without

_OURS, _CACHED = ("ours", None), ("ours, cached", None)
_MEMORY, _DISK, _NGINX, _RDFLIB, _ALONE = (
    ("native, memory", None),
    ("native, disk", None),
    ("nginx", None),
    (LENIENT, None),
    (ALONE, None),
)


@dataclass(frozen=True)
class Ratio:
    """Two sides of a measure, the first over the second in every round."""

    text: str
    measure: str
    above: Side
    below: Side
    aim: float
    stretch: float
    at_most: bool = False
    large: bool = False  # an aim at a million triples and more only
    unit = "x"

    def read(self, samples: Samples, data: str) -> Spread | None:
        """None where one side was not measured."""
        return samples.ratio(self.measure, data, self.above, self.below)


@dataclass(frozen=True)
class Worst:
    """A number of one of our servers that must stay small: what counts is the worst item of the worst round, not a median."""

    text: str
    measure: str
    item: str | None
    aim: float
    stretch: float
    unit: str = ""
    scale: float = 1
    engine: str = GUARDED
    at_most = True
    large = False

    def read(self, samples: Samples, data: str) -> Spread | None:
        """None where it was not measured."""
        worst: dict[int, float] = {}
        for sample in samples.find(self.measure, data, self.engine, self.item):
            worst[sample.round] = max(worst.get(sample.round, 0), sample.value * self.scale)
        found = summarise(worst.values())
        return replace(found, middle=found.most) if found else None


def _heavy(clients: str) -> tuple[Ratio, Ratio]:
    text, (ours, memory, disk) = (
        f"analytic queries, {clients}: rate / native",
        ((side[0], clients) for side in (_OURS, _MEMORY, _DISK)),
    )
    return (
        Ratio(f"{text} in memory", "heavy", ours, memory, 0.8, 1.0),
        Ratio(f"{text} on disk", "heavy", ours, disk, 4, 6, large=True),
    )


AIMS = (
    Ratio("single queries: time / native in memory (geometric mean)", "latency", _OURS, _MEMORY, 1.5, 1.2, at_most=True),
    Ratio("short queries, 16 clients: rate / native in memory", "short", _OURS, _MEMORY, 0.4, 0.6),
    Ratio("short queries, 16 clients: rate / native on disk", "short", _OURS, _DISK, 0.9, 1.2),
    *_heavy("16 clients"),
    *_heavy("4 clients"),
    Ratio("cached queries: rate / native in memory", "cached", _CACHED, _MEMORY, 2, 3),
    Ratio("cached queries: rate / nginx with files of the same bytes", "cached", _CACHED, _NGINX, 0.25, 0.4),
    Ratio("short queries: rate / rdflib-endpoint", "short", _OURS, _RDFLIB, 30, 60),
    Ratio("heavy join: time of rdflib-endpoint / ours", "join", _RDFLIB, _OURS, 100, 200),
    Worst("hostile queries: answers that are no honest refusal", "hostile dishonest", None, 0, 0),
    Worst("hostile queries: refused after the deadline by", "hostile late", None, 100, 50, " ms", 1000),
    Worst("all workers taken: ordinary queries that fail then", "recovery failed", None, 0, 0),
    Worst("all workers taken: first ordinary answer after", "recovery first", None, 100, 50, " ms", 1000),
    Worst("others during hostile queries: errors", "bystanders errors", "during", 0, 0),
    Ratio(
        "others during hostile queries: p99 / before",
        "bystanders p99",
        (GUARDED, "during"),
        (GUARDED, "before"),
        3,
        2,
        at_most=True,
    ),
    Worst("others during hostile queries: longest answer", "bystanders longest", "during", 250, 100, " ms", 1000),
    Worst("attack on memory: peak / (loaded + workers x limit)", "attack share", None, 1, 0.9, "x"),
    Worst("attack on memory: longest until refused", "attack seconds", None, 2, 1, " s"),
    Ratio("100,000 rows as JSON: time / serialize() in a process", "rows", _OURS, _ALONE, 1.5, 1.15, at_most=True),
    Worst("pages of things, not seen before: 95 of 100 within", "page p95", "things", 50, 30, " ms", 1000, UNSEEN),
    Worst("page of a thing with 10,000 claims: 95 of 100 within", "page p95", "10,000 claims", 200, 100, " ms", 1000, UNSEEN),
    Ratio("pages from memory: rate / nginx with files of the same bytes", "pages", _CACHED, _NGINX, 0.5, 0.9),
    Ratio("start to first answer: time / bulk_load() alone", "start", _OURS, _ALONE, 1.3, 1.1, at_most=True, large=True),
)


@dataclass(frozen=True)
class Outcome:
    """An aim on one data set. `reached` is None where `why` says that no number may be given."""

    aim: Ratio | Worst
    data: str
    reached: Spread | None
    why: str

    def verdict(self) -> str:
        """In a word."""
        if self.reached is None:
            return "–"
        if self._meets(self.reached, self.aim.stretch):
            return "stretch" if self.aim.stretch != self.aim.aim else "yes"
        return "yes" if self._meets(self.reached, self.aim.aim) else "no"

    def _meets(self, reached: Spread, bound: float) -> bool:
        return reached.middle <= bound if self.aim.at_most else reached.middle >= bound


def read_outcomes(samples: Samples) -> Iterator[Outcome]:
    """All aims that the run has numbers for, each with its data sets."""
    for aim in AIMS:
        for data in names(samples):
            if (aim.large and not data.endswith("M")) or not (reached := aim.read(samples, data)):
                continue
            engines = (aim.above[0], aim.below[0]) if isinstance(aim, Ratio) else (aim.engine,)
            wrong = samples.blamed(aim.measure, data, engines)
            why = "; ".join(list(dict.fromkeys(f"{one.engine}, {one.query}: {one.what}" for one in wrong))[:3])
            yield Outcome(aim, data, None if wrong else reached, why)


def names(samples: Samples) -> list[str]:
    """The data sets of the run, in its order."""
    return list(dict.fromkeys(sample.data for sample in samples.taken))
