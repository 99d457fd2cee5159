"""The command `python -m bench`: what to measure comes in; the raw numbers and docs/benchmarks.md go out."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from bench.report import write_report
from bench.run import MEASURES, Plan, run
from bench.samples import Sample, Samples, Wrong
from bench.servers import ROOT, NotStarted
from bench.versions import describe


def main() -> None:
    """Measure and write, or write again what was measured."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers end with us
    given = _read_arguments()
    raw: Path = given.work / "raw.json"
    if not given.again:
        samples = _measure(given)
        raw.parent.mkdir(parents=True, exist_ok=True)
        raw.write_text(json.dumps({"about": describe(given.rounds, given.seconds), **asdict(samples)}, indent=1), "utf-8")
    kept = json.loads(raw.read_text("utf-8"))
    samples = Samples([Sample(**sample) for sample in kept["taken"]], [Wrong(**wrong) for wrong in kept["wrong"]])
    given.output.write_text(write_report(samples, kept["about"]), "utf-8")
    print(f"Wrote {given.output}; the numbers are in {raw}.")


def _measure(given: argparse.Namespace) -> Samples:
    plan = Plan(tuple(given.sizes), tuple(given.only), given.rounds, given.seconds, given.quick, given.work)
    try:
        return run(plan, lambda line: print(line, file=sys.stderr, flush=True))
    except NotStarted as error:
        sys.exit(str(error))


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description="Measure the server beside others in one interleaved run.")
    parser.add_argument("--quick", action="store_true", help="20 thousand triples, 2 rounds of 1 second: to see that it works")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=[], metavar="MEASURE", help=", ".join(MEASURES))
    parser.add_argument("--sizes", nargs="+", help="triples of the made-up graph, or 'release' [release 20000 1000000]")
    parser.add_argument("--rounds", type=int, help="[6]")
    parser.add_argument("--seconds", type=int, help="how long each load is kept up in each round [5]")
    parser.add_argument("--again", action="store_true", help="only write the report anew from the last numbers")
    parser.add_argument("--work", type=Path, default=ROOT / ".bench" / "run", help="folder for data, logs and raw numbers")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md")
    given = parser.parse_args()
    given.sizes = given.sizes or (["20000"] if given.quick else ["release", "20000", "1000000"])
    given.rounds = given.rounds or (2 if given.quick else 6)
    given.seconds = given.seconds or (1 if given.quick else 5)
    return given


if __name__ == "__main__":
    main()
