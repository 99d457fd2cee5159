"""The numbers of `bench.scale` come in; docs/scale.md and its figure go out: no number in them is written by hand."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

from bench.samples import APART, SHARED, Samples, read_kept

ROOT = Path(__file__).parents[1]
_TARGETS = ("memory", "disk", "Oxigraph", "Virtuoso", "Fuseki")
_CALLED = {
    "memory": "embedded, memory",
    "disk": "embedded, disk",
    "Oxigraph": "Oxigraph server",
    "Virtuoso": "Virtuoso",
    "Fuseki": "Fuseki (TDB2)",
}
_MIB = 2**20
_AIM_MS, _AIM_RATIO = 2.0, 0.9
_BILLION = 1_000_000_000
_STEPS = {
    "dump": "N-Quads (the generator)",
    "store": "store",
    "index": "index of search",
    "lists": "index of lists",
    "names": "index of names",
    "void": "VoID",
    "finish": "hashes",
}
_OTHERS = ("rdflib", "rdflib-endpoint", "nginx")  # not measured here
_PAGES = {"things": "page", "hubs": "page of a hub"}  # of what → what it is called where sizes are measured by themselves
_LOGARITHMIC = "no faster than logarithmic"
_WHERE = (SHARED, APART)
_KINDS = {"tiny": "look-ups", "stored": "stored questions"}


_ADVICE, _PLAN = Path(__file__).with_name("scale.md").read_text("utf-8").split("\n<!-- plan -->\n")  # what no program knows
_REQUESTS = """## Other requests

Milliseconds, median (95 of 100 within); then how many times that of the embedded store on disk, by the geometric mean over what
both answered.
"""


class Numbers:
    """What was measured."""

    def __init__(self, about: Mapping[str, Any], samples: Samples) -> None:
        self.about = about
        self.wrong = samples.wrong
        self._values: dict[tuple[str, str, str, str], list[float]] = {}
        for sample in samples.taken:
            self._values.setdefault((sample.measure, sample.data, sample.engine, sample.item), []).append(sample.value)
        sizes = {key[1]: held[0] for key, held in self._values.items() if key[0] == "triples" and key[3] == "default graph"}
        self.sizes = dict(sorted(sizes.items(), key=lambda pair: pair[1]))  # name → triples

    def of(self, measure: str, size: str, target: str = "", item: str | None = None) -> list[float]:
        """All numbers of a measure, of one item or of all."""
        return [
            value
            for (kind, data, engine, name), values in self._values.items()
            if (kind, data, engine) == (measure, size, target) and item in (None, name)
            for value in values
        ]

    def items(self, measure: str, size: str, target: str) -> dict[str, list[float]]:
        """The same by item."""
        return {
            name: values
            for (kind, data, engine, name), values in self._values.items()
            if (kind, data, engine) == (measure, size, target)
        }

    def asked_in_turn(self) -> list[str]:
        """The sizes that were asked in turn."""
        return list({engine: None for (kind, _, engine, _) in self._values if kind == "growth"})

    def targets(self, size: str) -> list[str]:
        """Those that were measured at a size."""
        return [target for target in _TARGETS if self.of("start", size, target)]

    def largest(self) -> str:
        """The largest size."""
        return list(self.sizes)[-1]


def main() -> None:
    """Write the page from the numbers."""
    parser = argparse.ArgumentParser("python -m bench.scale_report", description="Write docs/scale.md from the last numbers.")
    parser.add_argument("--raw", type=Path, default=ROOT / "docs" / "scale.json")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "scale.md")
    given = parser.parse_args()
    numbers = Numbers(*read_kept(given.raw))
    _draw(numbers, given.output.with_suffix(".svg"))
    given.output.write_text(write(numbers), "utf-8")


def write(numbers: Numbers) -> str:
    """The whole page."""
    parts = [_introduction(numbers), _aims(numbers), _pages(numbers), _requests(numbers), _overhead(numbers)]
    parts += [_sizes(numbers), _switching(numbers), _making(numbers), _questions(numbers), _billion(numbers), _faults(numbers)]
    return "\n".join(part for part in parts if part)


def _introduction(numbers: Numbers) -> str:
    about = max(numbers.about.values(), key=lambda told: told["date"])
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if name not in _OTHERS)
    return f"""# Scale

Written by `make bench-scale`; do not edit. Releases of several sizes were grown by a seed from the real graph (`bench/grown.py`):
copies of its things under names of their own, with their claims, citations, links and derived triples, so that classes,
properties, layers and the size of things, with its long tail, are the real ones. A size counts the triples of the default graph;
each stands in the graph of its layer, too, so that a store holds twice as many. `real` is the real graph itself.

Each release was loaded into every store that it fits in, with `kg serve` before it: all of them ran at once and were asked the same
things, in turn and in a new random order each round. Answers were not remembered (`KG_CACHE_BYTES=0`), nobody was refused
for asking much, and deadlines were long. **Ratios within a run count; times of other machines say nothing beside these.** The
stores, the servers and the client shared {about["machine"].split(" (")[0]}.

{_measured(numbers)}
{about["machine"]}.
{versions}.
[scale.json](scale.json) has every number: measure, size, round, store, what was asked, and seconds, bytes or answers a second.
"""


def _measured(numbers: Numbers) -> str:
    """When, at which commit and how each size was measured."""
    told: dict[str, list[str]] = {}
    for name, about in numbers.about.items():
        how = f"{about['date']}, commit {about['commit']}, rounds: {about['rounds']}, loads of {about['seconds']:g} s"
        beside = about["beside"] or "nothing else that we know of"
        told.setdefault(f"{how}. Beside it ran: {beside}.", []).append(name)
    return "\n".join(f"- {', '.join(names)}: {how}" for how, names in told.items()) + "\n"


def _aims(numbers: Numbers) -> str:
    rows = []
    for kind, called in _KINDS.items():
        for size in numbers.sizes:
            for target in numbers.targets(size):
                what = f"our layer over {_CALLED[target]}, {called}"
                if difference := _added(numbers, size, target, kind):
                    verdict = "yes" if difference[0] < _AIM_MS else "no"
                    rows.append([what, size, "< 2 ms at the median", f"{difference[0]:+.2f} ms", verdict])
                for where in _WHERE:
                    if ratios := _ratios(numbers, size, target, kind, where):
                        verdict = "yes" if median(ratios) >= _AIM_RATIO else "no"
                        rows.append([f"{what}: throughput, {where}", size, "≥ 0.90x", f"{median(ratios):.2f}x", verdict])
    for item, measure in _PAGES.items():
        fits = {"embedded, disk, sizes in turn": _fitted(_grown(numbers, item))}
        fits |= {_CALLED[target]: _fit(numbers, measure, target) for target in _TARGETS}
        rows += [_aim_of_pages(f"pages of {item}, {where}", fit) for where, fit in fits.items() if fit]
    return "## Aims\n\n" + _table(["measure", "size", "aim", "reached", "met"], rows)


def _aim_of_pages(what: str, fit: Mapping[str, Any]) -> list[str]:
    said = f"{fit['b'] * 1000:+.1f} ms for ten times as much; the largest {fit['worst']:.2f}x of what the smaller foretell"
    return [what, fit["range"], _LOGARITHMIC, said, "yes" if fit["is_logarithmic"] else "no"]


def _pages(numbers: Numbers) -> str:
    tables = {
        item: _table(
            ["store", *numbers.sizes, "fit, ms"],
            [
                [_CALLED[target], *(_ms(numbers.of(measure, size, target)) for size in numbers.sizes), _told(fit)]
                for target in _TARGETS
                for fit in (_fit(numbers, measure, target),)
            ],
        )
        for item, measure in _PAGES.items()
    }
    seen = {item: _grown(numbers, item) for item in _PAGES}
    grown = [[item, *(_ms(values) for _, values in sizes.values()), _told(_fitted(sizes))] for item, sizes in seen.items()]
    in_turn = _table(["pages of", *(f"{size} ({n:,.0f})" for size, (n, _) in seen["things"].items()), "fit, ms"], grown)
    return f"""## Pages of things

All sizes at once, each served from disk, asked for pages in turn in random order: milliseconds, median (95 of 100 within).

{in_turn}
And in each store, sizes one after the other, so that what else the machine did differs from column to column: milliseconds from
the request to the last byte, median (95 of 100 within), of things drawn by a seed, each for the first time; another sample at each
size. The last column is the line a + b·log(n) that fits the medians best (least squares).

{tables["things"]}
![Latency of pages against the number of triples](scale.svg)

Pages of hubs are those of three countries, which are spoken of the more the larger the graph is. What leads to them is read up to
2,000 triples; where there is more, stored questions about them are answered when somebody asks them.

{tables["hubs"]}"""


def _told(fit: Mapping[str, Any] | None) -> str:
    return f"{fit['a'] * 1000:.1f} {fit['b'] * 1000:+.1f} log₁₀(n / 20 k)" if fit else "–"


def _requests(numbers: Numbers) -> str:
    parts = [_REQUESTS]
    for measure, called in (
        ("question", "Stored questions that all stores answered within a second"),
        ("search", "Search for a name"),
        ("reconciliation", "Reconciliation, a batch of ten names"),
    ):
        rows = []
        for target in _TARGETS:
            cells = []
            for size in numbers.sizes:
                values = numbers.of(measure, size, target)
                ratio = _ratio_to(numbers, measure, size, target)
                cells.append(f"{_ms(values)}{f', {ratio:.1f}x' if ratio else ''}" if values else "–")
            rows.append([_CALLED[target], *cells])
        parts.append(f"{called}:\n\n{_table(['store', *numbers.sizes], rows)}")
    return "\n".join(parts)


def _ratio_to(numbers: Numbers, measure: str, size: str, target: str, base: str = "disk") -> float | None:
    theirs, ours = numbers.items(measure, size, base), numbers.items(measure, size, target)
    ratios = [median(ours[item]) / median(theirs[item]) for item in ours if item in theirs]
    return geometric_mean(ratios) if ratios and target != base else None


def _added(numbers: Numbers, size: str, target: str, kind: str, way: str = "ours") -> tuple[float, float, float] | None:
    """Milliseconds that a layer adds, and the medians with it and without it; by query, and of these the median."""
    ours = numbers.items(f"single, {kind}", size, f"{target}, {way}")
    direct = numbers.items(f"single, {kind}", size, f"{target}, direct")
    both = [item for item in ours if item in direct]
    if not both:
        return None
    added = median(median(ours[item]) - median(direct[item]) for item in both)
    return added * 1000, median(median(ours[item]) for item in both) * 1000, median(median(direct[item]) for item in both) * 1000


def _ratios(  # noqa: PLR0913, PLR0917
    numbers: Numbers, size: str, target: str, kind: str, where: str, way: str = "ours"
) -> list[float]:
    ours = numbers.of(f"load, {kind}", size, f"{target}, {way}", where)
    direct = numbers.of(f"load, {kind}", size, f"{target}, direct", where)
    return [one / other for one, other in zip(ours, direct, strict=False) if other]


def _overhead(numbers: Numbers) -> str:
    rows = []
    for size in numbers.sizes:
        for target in numbers.targets(size):
            for kind in ("tiny", "stored"):
                if not (added := _added(numbers, size, target, kind)):
                    continue
                least = (_added(numbers, size, target, kind, way) for way in ("passing", "nginx"))
                cells = [f"{added[2]:.2f}", f"{added[1]:.2f}", f"**{added[0]:+.2f}**"]
                cells += [f"{layer[0]:+.2f}" if layer else "–" for layer in least]
                for where in _WHERE:
                    ratios = _ratios(numbers, size, target, kind, where)
                    cells.append(f"{median(ratios):.2f}x ({min(ratios):.2f}–{max(ratios):.2f})" if ratios else "–")
                for way in ("passing", "nginx"):
                    for where in _WHERE:
                        passed = _ratios(numbers, size, target, kind, where, way)
                        cells.append(f"{median(passed):.2f}x" if passed else "–")
                for way in ("direct", "ours", "passing"):
                    used = numbers.of(f"processor, {kind}", size, f"{target}, {way}", SHARED)
                    cells.append(f"{median(used):,.0f}" if used else "–")
                rows.append([_CALLED[target], size, {"tiny": "look-ups", "stored": "stored"}[kind], *cells])
    head = [
        "engine",
        "size",
        "queries",
        "direct, ms",
        "through us, ms",
        "added, ms",
        "passing, ms",
        "nginx, ms",
        "rate, shared",
        "rate, apart",
        "passing, shared",
        "passing, apart",
        "nginx, shared",
        "nginx, apart",
        "µs direct",
        "µs ours",
        "µs passing",
    ]
    return f"""## What our layer adds

The same queries were sent to `kg serve` and straight to the engine behind it, in turn, by the same client over kept connections.
"Look-ups" are of one triple pattern and tell the price of the layer; stored questions tell what part of real work it is. One at a
time: medians, and the median of the differences query by query. With 8 connections (wrk): answers a second through us, as a
part of those the engine gives directly, with the least and the most of the rounds: "shared" where engine, `kg serve` and client
run on all cores; "apart" where the engine has half of the cores to itself, and the client the others, with `kg serve` or without,
as a remote engine is asked. "nginx" is the same of nginx in our place, which reads nothing and only passes on, with one process and
kept connections: the least that a layer takes. "Passing" is the same of forty lines of Python over the libraries that `kg serve`
uses (`bench/passing.py`): the least that a layer in Python takes. What each of them adds, one at a time, is told in ms. The last
columns are microseconds on the processor for one answer, shared: of the engine alone with its client, and of `kg serve` and of the
forty lines with their client, the engine not counted.

{_table(head, rows)}
Where two cores have to do all, a layer that takes t before an engine that takes e leaves e / (e + t) of the throughput; what nginx
leaves, whose t is as small as can be, is the most that any layer leaves. On a machine of its own a layer takes nothing from the
engine, and one `kg serve` gives as many answers as one core has time for: of an engine that answers faster than that, as Oxigraph
does look-ups, several `kg serve` are needed to get all that it can give. What `kg serve` takes more than the forty lines is what
it is there for: it reads each query for what it may not name and which graphs it is about, gives each client its share and each
query its deadline, reads an answer to its end, and writes it anew in the form that was asked for, before it sends the first byte.
"""


def _sizes(numbers: Numbers) -> str:
    rows = []
    for size in numbers.sizes:
        for target in numbers.targets(size):
            load = numbers.of("load", size, target, "in all")
            own = numbers.of("memory", size, target, "ours, at rest")
            after = numbers.of("memory", size, target, "ours, after") + numbers.of("memory in rounds", size, target)
            engine = numbers.of("memory", size, target, "engine, at rest")
            engine_after = numbers.of("memory", size, target, "engine, after")
            bulk = bool(numbers.of("load", size, target, "bulk loader"))
            disk = numbers.of("disk", size, target, "store") or numbers.of("disk", size, "", "store")
            filled = f"{load[0]:,.0f} s{' (bulk)' if bulk else ''}" if load else _made(numbers, size)
            rows.append(
                [
                    _CALLED[target],
                    size,
                    filled,
                    _mib(disk),
                    f"{numbers.of('start', size, target, 'first answer')[0]:.1f}",
                    _mib(own),
                    _mib(after),
                    _mib(engine),
                    _mib(engine_after),
                ]
            )
    head = ["store", "size", "filled in", "disk", "answers after, s", "`kg serve`", "most seen", "engine", "engine, after"]
    return f"""## Loading, disk and memory

"Filled in" is `kg load` with its comparison, over the Graph Store Protocol, or where it says so the engine's own bulk loader on
the file of `kg load --file`, then `kg load` to compare and to switch; of the embedded stores it is the making of the store from
the N-Quads. Then MiB: on disk; of `kg serve` with its workers at rest and at most, at the end of a round; of the engine at rest
and in the end. Memory is PSS of all processes; what the system keeps of files in its cache is not in it, which flatters stores
that map files. "Answers after" is the start of `kg serve` until `/health` says 200.

{_table(head, rows)}"""


def _mib(values: Sequence[float]) -> str:
    return f"{max(values) / _MIB:,.0f}" if values else "–"


def _made(numbers: Numbers, size: str) -> str:
    made = numbers.of("make", size, "", "store: seconds")
    return f"{made[0]:,.0f} s" if made else "–"


def _making(numbers: Numbers) -> str:
    rows = []
    for size in numbers.sizes:
        for step, called in _STEPS.items():
            seconds, most = (numbers.of("make", size, "", f"{step}: {what}") for what in ("seconds", "bytes"))
            if seconds:
                rows.append([size, called, f"{seconds[0]:,.1f}", f"{most[0] / _MIB:,.0f}"])
    return f"""## Making a release

{_table(["size", "step", "s", "most MiB"], rows)}
These steps are those of `kg build --from`, which makes what serving needs from a published release. `kg build` itself, which reads
YAML, validates and derives, holds everything in memory as Python objects and was not run at these sizes.
"""


def _questions(numbers: Numbers) -> str:
    rows, sizes = [], list(numbers.sizes)
    first = {(size, target): numbers.items("question, first", size, target) for size in sizes for target in numbers.targets(size)}
    for name in sorted({name for asked in first.values() for name in asked}):
        if any(value > 1 for asked in first.values() for value in asked.get(name, [])):
            for target in _TARGETS:
                if any((size, target) in first for size in sizes):
                    rows.append([name, _CALLED[target], *(_seconds(first.get((size, target), {}).get(name)) for size in sizes)])
    return f"""## Questions that scan

Each stored question was asked once in every store, with five seconds' patience, before the rounds. What some store did not answer
within one second was left out of the rounds of that size. Seconds of that one time:

{_table(["question", "store", *sizes], rows)}"""


def _seconds(values: Sequence[float] | None) -> str:
    if not values:
        return "–"
    return "> 5" if math.isinf(values[0]) else f"{values[0]:.2f}"


def _switching(numbers: Numbers) -> str:
    rows = []
    for size, triples in numbers.sizes.items():
        for target in numbers.targets(size):
            memory = max(
                numbers.of("memory in rounds", size, target) + numbers.of("memory", size, target, "ours, after"), default=0
            )
            weighed = ("engine, after", "engine, at rest")
            engine = max((value for when in weighed for value in numbers.of("memory", size, target, when)), default=0)
            ratio = _ratio_to(numbers, "question", size, target)
            cells = [
                f"{(memory + engine) / _MIB:,.0f}",
                f"{(memory + engine) / triples:,.0f}",
                _ms(numbers.of("page", size, target)),
            ]
            rows.append([size, _CALLED[target], *cells, f"{ratio:.1f}x" if ratio else "1x"])
    head = ["size", "store", "MiB in all", "bytes a triple", "page, ms", "questions"]
    return f"""## Cost against size, and where to switch

{_table(head, rows)}
{_ADVICE}"""


def _billion(numbers: Numbers) -> str:
    rows = []
    for target in _TARGETS[1:]:
        size = [size for size in numbers.sizes if target in numbers.targets(size)][-1:]
        if size:
            triples = numbers.sizes[size[0]]
            disk = (numbers.of("disk", size[0], target, "store") or numbers.of("disk", size[0], "", "store") or [0])[0] / triples
            load = numbers.of("load", size[0], target, "in all") or numbers.of("make", size[0], "", "store: seconds") or [0]
            hours = load[0] / triples * _BILLION / 3600
            rows.append([_CALLED[target], size[0], f"{disk:,.0f}", f"{disk * _BILLION / 1e9:,.0f}", f"{hours:,.1f}"])
    head = ["store", "measured at", "bytes on disk a triple there", "GB on disk", "hours to load"]
    return f"""## A billion triples, on paper

**Nothing here was measured: these are the numbers of the largest size of each, multiplied.** Loading grows faster than the data
once indexes no longer fit in memory, so the hours are the least that it takes.

{_table(head, rows)}
{_indexes(numbers)}

{_PLAN}"""


def _indexes(numbers: Numbers) -> str:
    """What search, lists and matching read, at that size."""
    size = numbers.largest()
    triples = numbers.sizes[size]
    taken = sum(sum(numbers.of("disk", size, "", f"{name}.sqlite")) for name in ("search", "lists", "names"))
    seconds = sum(sum(numbers.of("make", size, "", f"{step}: seconds")) for step in ("index", "lists", "names"))
    return (
        f"What search, lists and matching read would have {taken / triples * _BILLION / 1e9:,.0f} GB and take "
        f"{seconds / triples * _BILLION / 3600:,.0f} hours to make."
    )


def _faults(numbers: Numbers) -> str:
    seen: dict[tuple[str, str, str, str], int] = {}
    for wrong in numbers.wrong:
        key = wrong.data, wrong.engine, wrong.measure, wrong.what.split("\n")[0][:110]
        seen[key] = seen.get(key, 0) + 1
    rows = [[*key, str(count)] for key, count in seen.items()]
    return "## What failed\n\n" + (_table(["size", "store", "where", "what", "times"], rows) if rows else "Nothing.\n")


def _grown(numbers: Numbers, item: str) -> dict[str, tuple[float, list[float]]]:
    """Of the run that asked all sizes in turn: size → triples, seconds."""
    sizes = {size: numbers.of("growth", "all sizes", size, "triples") for size in numbers.asked_in_turn()}
    ordered = sorted((held[0], size) for size, held in sizes.items() if held)
    return {size: (triples, numbers.of("growth", "all sizes", size, item)) for triples, size in ordered}


def _fit(numbers: Numbers, measure: str, target: str) -> dict[str, Any] | None:
    """Of the medians of pages over the sizes, as they were measured one after the other."""
    return _fitted({size: (n, values) for size, n in numbers.sizes.items() if (values := numbers.of(measure, size, target))})


def _fitted(seen: Mapping[str, tuple[float, Sequence[float]]]) -> dict[str, Any] | None:
    """a + b·log10(n / 20 k) through the medians, and how well the smaller sizes foretell the largest."""
    points = [(math.log10(n / 20_000), median(values)) for n, values in seen.values()]
    if len(points) < 3:
        return None
    a, b = _line(points)
    smaller_a, smaller_b = _line(points[:-1])
    foretold = smaller_a + max(smaller_b, 0) * points[-1][0]
    worst = points[-1][1] / max(foretold, 1e-9)
    names = list(seen)
    return {"a": a, "b": b, "worst": worst, "is_logarithmic": worst <= 1.25, "range": f"{names[0]} to {names[-1]}"}


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Least squares."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    below = sum((x - mx) ** 2 for x in xs)
    b = sum((x - mx) * (y - my) for x, y in points) / below if below else 0.0
    return my - b * mx, b


def _draw(numbers: Numbers, path: Path) -> None:
    """Medians of pages against size, with the lines that fit."""
    import matplotlib as mpl  # noqa: PLC0415 (which only this needs)

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "scale"
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for target in _TARGETS:
        points = [(n, median(v) * 1000) for size, n in numbers.sizes.items() if (v := numbers.of("page", size, target))]
        if not points:
            continue
        (drawn,) = axes.plot(*zip(*points, strict=True), marker="o", linestyle="none", label=_CALLED[target])
        if fit := _fit(numbers, "page", target):
            xs = [points[0][0] * (points[-1][0] / points[0][0]) ** (step / 50) for step in range(51)]
            axes.plot(xs, [(fit["a"] + fit["b"] * math.log10(x / 20_000)) * 1000 for x in xs], color=drawn.get_color(), linewidth=1)
    axes.set(xscale="log", yscale="log", xlabel="triples in the default graph", ylabel="page of a thing, median, ms")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _ms(values: Sequence[float]) -> str:
    if not values:
        return "–"
    ordered = sorted(values)
    return f"{median(ordered) * 1000:.1f} ({ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] * 1000:.0f})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
