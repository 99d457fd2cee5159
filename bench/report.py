"""The numbers of a run come in; a page of Markdown goes out: the aims and what was reached, then what these rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.aims import Outcome, names, read_outcomes
from bench.run import MEASURES
from bench.safety import GUARDED
from bench.samples import Samples, Spread
from bench.servers import DEADLINE, MEMORY, WORKERS

_INTRODUCTION = """# Benchmarks

Written by `make bench`; do not edit. Every comparison was made in one run on one machine: all servers hold the same data, are asked
the same texts with the same `Accept` over connections that are kept, and take turns in a new random order in every round. What
counts is the **median of the ratios within a round**, with the least and the most in brackets; for errors, deadlines and memory it
is the worst round. Rates of different runs or machines say nothing beside each other. The clients ran on the same machine and took
their share of the processor from every server. Single queries were asked from Python, whose own time is the same for all and pulls
the ratios of very short queries towards 1.

"Ours" is `kg serve`, unless it says cached without its cache, and without limits on what one client may ask, for all that asks is
one. "Native" is Oxigraph's own server without limits of time and memory. rdflib-endpoint has rdflib's store in memory. No ratio is
given where an answer was an error or had another number of rows than native Oxigraph's; of rdflib-endpoint only good answers count.
"""
_RATES = """Good answers a second, by one thread of wrk; of errors, the worst round. What is under way at the end is not counted,
which costs a slow server more than a fast one, and with 16 clients more than with 4.
"""
_PROFILE = """Microseconds on the processor for one short answer, with 16 clients; two cores have 2,000,000 to give in a second.
"Only forwarded" are our workers behind a server that reads nothing but the query and passes it on: no limits, no memory, no
negotiation, no headers (`bench/forwarding.py`). What it takes more than a native server is the price of a process that can be
killed: query and answer are written and read twice, each time another process must wake up, and the engine is called from Python.
What `kg serve` takes more than that is the price of the whole protocol in Python.
"""
_HEAVY_PROFILE = """Milliseconds on the processor for one analytic answer; two cores have 2,000 to give in a second. A worker
reads what all share, but reading counts references, which copies pages: each worker has copies of its own, and the more data and
workers there are, the more of them. How much faster than a native server on disk anything can be is told by the native server in
memory.
"""
_FEW = "**Fewer than six rounds: this shows that the harness works, not how fast anything is.**"
_NOTICED = {"errors": 1, "p99": 1000, "longest": 1000, "rate": 1}


def write_report(samples: Samples, about: Mapping[str, Any]) -> str:
    """The whole page."""
    parts = [_INTRODUCTION, _about(samples, about), _aims(read_outcomes(samples))]
    for data in names(samples):
        parts += [
            part for part in (make(samples, data) for make in (_single, _rates, _profile, _heavy_profile, _safety, _start)) if part
        ]
    return "\n".join([*parts, _wrong(samples)])


def _about(samples: Samples, about: Mapping[str, Any]) -> str:
    control = [sample.value for sample in samples.taken if sample.measure == "control"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    uneven = max(control) / min(control)
    even = "even" if uneven < 1.1 else "not quite even"
    noise = even if uneven < 1.4 else "busy with other things: look at the brackets"
    few = "" if about["rounds"] >= 6 else f"\n{_FEW}\n"
    return (
        f"{about['date']}, commit {about['commit']}, rounds: {about['rounds']}, loads of {about['seconds']:g} s.\n"
        f"{about['machine']}.\n{versions}.\n\n"
        f"The same computation without any server took {min(control):.2f} to {max(control):.2f} s in the course of the run "
        f"(x {uneven:.2f}): the machine was {noise}.\n{few}"
    )


def _aims(outcomes: Iterable[Outcome]) -> str:
    rows = []
    for outcome in outcomes:
        aim, sign = outcome.aim, "≤" if outcome.aim.at_most else "≥"
        reached = _shown(outcome.reached, aim.unit) if outcome.reached else f"not reported: {outcome.why}"
        bounds = (f"{sign} {bound:g}{aim.unit}" for bound in (aim.aim, aim.stretch))
        rows.append([aim.text, outcome.data, *bounds, reached, outcome.verdict()])
    return "## Aims\n\n" + _table(["measure", "data", "aim", "stretch", "reached", "met"], rows)


def _single(samples: Samples, data: str) -> str:
    rows = []
    engines = _engines(samples, ("latency", "join"), data)
    for measure, item in dict.fromkeys(
        (s.measure, s.item) for s in samples.taken if s.measure in ("latency", "join") and s.data == data
    ):
        name = item if measure == "latency" else f"{item} (beside rdflib)"
        rows.append([name, *(_cell(samples.spread(measure, data, engine, item), 1000, 1) for engine in engines)])
    return f"## Single queries, {data}\n\nMedian milliseconds.\n\n" + _table(["query", *engines], rows) if rows else ""


def _rates(samples: Samples, data: str) -> str:
    rows = []
    for measure, engine, item in dict.fromkeys(
        (s.measure, s.engine, s.item) for s in samples.taken if s.measure in ("short", "heavy", "cached") and s.data == data
    ):
        rate, late, errors = (samples.spread(f"{measure}{kind}", data, engine, item) for kind in ("", " p99", " errors"))
        shares = f"{errors.most:.1%}" if errors else ""
        rows.append([measure, item, engine, _cell(rate, 1, 1), _cell(late, 1000, 1), shares])
    head = ["queries", "from", "server", "a second", "p99, ms", "errors"]
    return f"## Throughput, {data}\n\n{_RATES}\n" + _table(head, sorted(rows)) if rows else ""


def _profile(samples: Samples, data: str) -> str:
    engines = ("native, memory", "native, disk", "only forwarded", "ours")
    rows = []
    for engine in engines:
        spent = [samples.spread("short processor", data, engine, f"16 clients, {who}") for who in ("client", "server", "workers")]
        if all(spent):
            total = sum(one.middle for one in spent if one)
            rows.append([engine, *(_cell(one, 1, 0) for one in spent), f"{total:,.0f}", f"{2e6 / total:,.0f}"])
    head = ["server", "client", "server process", "workers", "together", "at most, a second"]
    return f"## Where the time of short queries goes, {data}\n\n{_PROFILE}\n" + _table(head, rows) if rows else ""


def _heavy_profile(samples: Samples, data: str) -> str:
    """The same of long queries, in milliseconds, with few clients and with many."""
    rows = []
    for clients in ("4 clients", "16 clients"):
        for engine in ("native, memory", "native, disk", "ours"):
            spent = [samples.spread("heavy processor", data, engine, f"{clients}, {who}") for who in ("server", "workers")]
            if all(spent):
                total = sum(one.middle for one in spent if one) / 1000
                rows.append(
                    [f"{engine}, {clients}", *(_cell(one, 0.001, 1) for one in spent), f"{total:,.1f}", f"{2000 / total:,.1f}"]
                )
    head = ["server", "server process", "workers", "together", "at most, a second"]
    return f"## Where the time of analytic queries goes, {data}\n\n{_HEAVY_PROFILE}\n" + _table(head, rows) if rows else ""


def _safety(samples: Samples, data: str) -> str:
    hostile = []
    for kind in dict.fromkeys(s.item for s in samples.find("hostile status", data)):
        statuses = sorted({f"{s.value:.0f}" for s in samples.find("hostile status", data, GUARDED, kind)})
        times = (samples.spread(f"recovery {which}", data, GUARDED, kind) for which in ("first", "last"))
        taken = _cell(samples.spread("hostile seconds", data, GUARDED, kind), 1, 2)
        failed = samples.spread("recovery failed", data, GUARDED, kind)
        hostile.append(
            [kind, ", ".join(statuses), taken, *(_cell(one, 1000, 1) for one in times), f"{failed.most:.0f}" if failed else ""]
        )
    others = [
        [phase, *(_cell(samples.spread(f"bystanders {kind}", data, GUARDED, phase), scale, 1) for kind, scale in _NOTICED.items())]
        for phase in ("before", "during")
        if samples.find("bystanders p99", data, GUARDED, phase)
    ]
    weights = [
        [which, _cell(samples.spread("attack bytes", data, GUARDED, which), 2**-20, 0)]
        for which in ("loaded", "peak", "limit")
        if samples.find("attack bytes", data)
    ]
    parts = []
    if hostile:
        parts.append(f"Deadline {DEADLINE:g} s. Then {WORKERS} clients ask the same at once, and four ordinary queries follow.\n")
        parts.append(_table(["query", "status", "after, s", "first ordinary, ms", "last, ms", "failed, of 4"], hostile))
    if others:
        parts.append("Four clients with short queries, alone and while three hostile ones are answered.\n")
        parts.append(_table(["phase", "errors", "p99, ms", "longest, ms", "a second"], others))
    if weights:
        parts.append(
            f"Memory (PSS) of all processes while six clients sort products; {WORKERS} workers may take {MEMORY} MiB each.\n"
        )
        parts.append(_table(["", "MiB"], weights))
    return f"## Hostile queries, {data}\n\n" + "\n".join(parts) if parts else ""


def _start(samples: Samples, data: str) -> str:
    rows = [
        [text, *(_cell(samples.spread(measure, data, engine), 1, 2) for engine in ("ours", "pyoxigraph alone"))]
        for measure, text in (("start", "start to first answer, or load alone"), ("rows", "100,000 rows as JSON"))
        if samples.find(measure, data)
    ]
    if weight := samples.spread("weight", data):
        rows.append(["loaded, MiB (PSS of all processes)", _cell(weight, 2**-20, 0), ""])
    return f"## Start and large answers, {data}\n\nSeconds.\n\n" + _table(["", "ours", "pyoxigraph alone"], rows) if rows else ""


def _wrong(samples: Samples) -> str:
    """Every answer that was not the one of the reference, and how many were the same to the last value."""
    compared = [sample for sample in samples.taken if sample.measure == "same content"]
    same = sum(sample.value for sample in compared)
    text = (
        f"## Answers\n\n{len(compared)} answers had the number of rows of native Oxigraph's in memory, itself among them; "
        f"in {same:.0f} every value was the same too (blank nodes apart).\n"
    )
    rows = [[w.measure, w.data, w.engine, w.query, w.what] for w in dict.fromkeys(samples.wrong) if w.measure in MEASURES]
    return text + ("\n" + _table(["measure", "data", "server", "query", "what was wrong"], rows) if rows else "")


def _engines(samples: Samples, measures: Sequence[str], data: str) -> list[str]:
    return list(dict.fromkeys(sorted(s.engine for s in samples.taken if s.measure in measures and s.data == data)))


def _shown(spread: Spread, unit: str) -> str:
    middle, least, most = (_round(value) for value in (spread.middle, spread.least, spread.most))
    return f"**{middle}{unit}** ({least}–{most})"


def _cell(spread: Spread | None, scale: float, digits: int) -> str:
    return "–" if spread is None else f"{spread.middle * scale:,.{digits}f}"


def _round(value: float) -> str:
    return f"{value:.2f}" if 0 < abs(value) < 10 else f"{value:.0f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
