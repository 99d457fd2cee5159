"""How well and how fast names are matched: labelled names and a running service come in; a table for the documentation goes out.

    python -m bench.reconciliation [--release build]

Beside ours: equality of plain names, and the usual fuzzy baseline at the threshold that is best for it on the half that may be
tuned by; both with type and country.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from statistics import mean, quantiles
from urllib.parse import urlencode

import numpy as np
import pyoxigraph as ox
from rapidfuzz import fuzz, process

from kg.database import Database
from kg.directory import Thing, things_of
from kg.index import fold
from kg.matching import AHEAD, BIAS, MATCH, WEIGHTS, Features, Matcher, Wanted
from kg.names import BASE, DEF, expand
from kg.release import DIRECTORY, STORE, current_release

_NAMES = Path(__file__).parent.parent / "tests" / "reconciliation" / "names.csv"
_BATCH = 10
_TIMES = 200  # batches that are timed
_START = 60.0  # seconds in which a server must have started
_BINS = (1, 10, 30, 50, 70, 90, 97, 100)  # scores
_MANY = 100_000  # things of the large made-up graph
_PRECISE = 0.98
_ROUNDS, _STEPS, _RIVALS, _RIDGE = 8, 30, 6, 3e-5  # of the regression
_UNLIKE = 0.15  # names that have so little in common teach nothing
_RULING_OUT = {"differs", "numbers", "guess", "places", "other", "rank", "unsorted", "tail", "more", "less", "bare"}
#: A row → the thing it is matched to, if any, and how sure that is.
Method = Callable[["Row"], tuple[str | None, float]]


@dataclass(frozen=True)
class Row:
    """A labelled name."""

    wanted: Wanted
    expected: str | None
    noise: str
    part: str


def read_rows(path: Path = _NAMES) -> list[Row]:
    """The labelled names."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                Wanted(
                    row["name"],
                    frozenset({DEF + row["type"]} if row["type"] else ()),
                    frozenset({row["country"].lower()} if row["country"] else ()),
                ),
                expand(row["expected"]) if row["expected"] else None,
                row["noise"],
                row["part"],
            )
            for row in csv.DictReader(file)
        ]


def ours(matcher: Matcher) -> Method:
    """The method of the service."""

    def method(row: Row) -> tuple[str | None, float]:
        found = matcher.find(row.wanted, 5)
        return (found[0].iri, found[0].score) if found and found[0].is_match else (None, 0.0)

    return method


def exact(things: Sequence[Thing]) -> Method:
    """A thing that is called so, accents and capitals apart, if it is the only one."""
    known: dict[str, list[Thing]] = {}
    for thing in things:
        for name in {fold(name) for name in thing.names}:
            known.setdefault(name, []).append(thing)

    def method(row: Row) -> tuple[str | None, float]:
        found = [thing for thing in known.get(fold(row.wanted.name), []) if _fits(row, thing)]
        return (found[0].iri, 100.0) if len(found) == 1 else (None, 0.0)

    return method


def fuzzy(things: Sequence[Thing]) -> Method:
    """The thing with the name that is most alike by token_sort_ratio."""
    names = [(fold(name), thing) for thing in things for name in thing.names]
    texts = [name for name, _ in names]

    def method(row: Row) -> tuple[str | None, float]:
        for _, score, place in process.extract(fold(row.wanted.name), texts, scorer=fuzz.token_sort_ratio, limit=50):
            if _fits(row, names[place][1]):
                return names[place][1].iri, score
        return None, 0.0

    return method


def _fits(row: Row, thing: Thing) -> bool:
    wanted = row.wanted
    same_land = not wanted.countries or not thing.countries or bool(wanted.countries & thing.countries)
    return (not wanted.classes or bool(wanted.classes & thing.classes)) and same_land


def judge(rows: Iterable[Row], method: Method, threshold: float = 0.0) -> tuple[float, float]:
    """Precision and recall."""
    right = wrong = wanted = 0
    for row in rows:
        found, score = method(row)
        found = found if score >= threshold else None
        wanted += row.expected is not None
        right += found is not None and found == row.expected
        wrong += found is not None and found != row.expected
    return right / max(right + wrong, 1), right / max(wanted, 1)


def best_threshold(rows: Sequence[Row], method: Method) -> float:
    """The threshold with the best recall at the precision that is asked for, or else the best precision."""
    answers = {id(row): method(row) for row in rows}
    judged = [(threshold, *judge(rows, lambda row: answers[id(row)], threshold)) for threshold in range(50, 101)]
    precise = [each for each in judged if each[1] >= _PRECISE]
    return max(precise, key=lambda each: each[2])[0] if precise else max(judged, key=lambda each: each[1])[0]


def bins(rows: Iterable[Row], matcher: Matcher) -> list[tuple[float, float, int, float, float]]:
    """Of the first candidates: from which score, to which, how many, their mean score, and the share that is meant, in percent."""
    firsts = [(found[0].score, found[0].iri == row.expected) for row in rows if (found := matcher.find(row.wanted, 1))]
    listed: list[tuple[float, float, int, float, float]] = []
    for low, high in pairwise(_BINS):
        held = [(score, right) for score, right in firsts if low <= score < high or score == high == _BINS[-1]]
        if held:
            listed.append((low, high, len(held), mean(score for score, _ in held), 100 * mean(float(right) for _, right in held)))
    return listed


def quality(rows: Sequence[Row], method: Method, lowest: float = 0.0) -> str:
    """Precision and recall on the half that is tuned by, on the other, and on all, as cells of the table."""
    halves = ([row for row in rows if row.part == part] for part in ("tune", "test"))
    return " | ".join(f"{figure:.3f}" for part in (*halves, rows) for figure in judge(part, method, lowest))


def seconds(rows: Sequence[Row], times: int, *asked: Callable[[Sequence[Row]], object]) -> list[list[float]]:
    """Of batches of ten names drawn at random, each asked in each way in turn."""
    draw = random.Random(7)  # noqa: S311 (a sample, no secret)
    taken: list[list[float]] = [[] for _ in asked]
    for _ in range(times):
        batch = draw.choices(rows, k=_BATCH)
        for ask, each in zip(asked, taken, strict=True):
            started = time.perf_counter()
            ask(batch)
            each.append(time.perf_counter() - started)
    return taken


def within(matcher: Matcher) -> Callable[[Sequence[Row]], object]:
    """Ask in this process."""
    return lambda batch: [matcher.find(row.wanted, 5) for row in batch]


@contextmanager
def served(folder: Path) -> Iterator[Callable[[Sequence[Row]], object]]:
    """Ask a server of a release over HTTP, on one connection, as clients of the service do."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kg", "serve", "--build", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 (our own command)
    connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(batch: Sequence[Row]) -> object:
        queries = {str(number): _query(row.wanted) for number, row in enumerate(batch)}
        body = urlencode({"queries": json.dumps(queries)})
        connection.request("POST", "/reconcile", body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        read = answer.read()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(read.decode())
        return read

    try:
        deadline = time.monotonic() + _START
        while True:
            try:
                connection.connect()
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.2)
        yield ask
    finally:
        connection.close()
        server.terminate()
        server.wait()


def _query(wanted: Wanted) -> dict[str, object]:
    query: dict[str, object] = {"query": wanted.name, "type": [cls.removeprefix(DEF) for cls in wanted.classes]}
    return query | ({"properties": [{"pid": "country", "v": list(wanted.countries)}]} if wanted.countries else {})


def many(things: Sequence[Thing]) -> list[Thing]:
    """A hundred thousand things whose names are made from the words of those there are."""
    draw = random.Random(11)  # noqa: S311
    words = [word for thing in things for name in thing.names for word in name.split()]
    made = []
    for number in range(_MANY - len(things)):
        like = draw.choice(things)
        name = " ".join(draw.choices(words, k=draw.randint(1, 5)))
        made.append(Thing(f"{BASE}id/made/{number}", [name], like.classes, like.countries))
    return [*things, *made]


def fit(matcher: Matcher, rows: Sequence[Row]) -> dict[str, float]:
    """The weights of a logistic regression over the best candidates of each row, with a little ridge so that none runs away."""
    compared = [(row, list(matcher.compare(row.wanted))) for row in rows]
    weights = np.append(np.array(WEIGHTS), BIAS)
    for _ in range(_ROUNDS):  # which candidates are the best depends on the weights
        values, labels = [], []
        for row, found in compared:
            best: dict[int, tuple[float, Features, bool]] = {}
            for number, candidate, features in found:
                odds = float(np.dot(weights[:-1], features))
                if number not in best or odds > best[number][0]:
                    best[number] = (odds, features, candidate.iri == row.expected)
            for _, features, right in sorted(best.values(), key=lambda each: -each[0])[:_RIVALS]:
                if right and features.both < _UNLIKE:
                    continue
                values.append((*features, 1.0))
                labels.append(float(right))
        weights = _regress(np.array(values), np.array(labels), weights)
    return dict(zip((*Features._fields, "bias"), np.round(weights, 2).tolist(), strict=True))


def _regress(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Newton's method."""
    # What rules a candidate out is rare, and may weigh as much as it likes.
    ridge = np.array([0.0 if name in _RULING_OUT else _RIDGE for name in Features._fields] + [0.0])
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-values @ weights))
        slope = values.T @ (likely - labels) / len(labels) + ridge * weights
        bend = (values * (likely * (1 - likely))[:, None]).T @ values / len(labels) + np.diag(ridge) + 1e-3 * np.eye(len(weights))
        weights = weights - np.linalg.solve(bend, slope)
    return weights


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--release", type=Path, default=Path("build"))
    parser.add_argument("--fit", action="store_true", help="Print the weights that fit the half that may be tuned by.")
    given = parser.parse_args()
    release = current_release(given.release)
    rows, matcher = read_rows(), Matcher(Database(release.path / DIRECTORY))
    things = list(things_of(ox.Store.read_only(str(release.path / STORE))))
    tune, test = ([row for row in rows if row.part == part] for part in ("tune", "test"))
    if given.fit:
        print(fit(matcher, tune))
        return
    methods = {f"ours (from {MATCH:g}, odds {AHEAD:g} times the next)": (ours(matcher), 0.0), "exact": (exact(things), 0.0)}
    baseline = fuzzy(things)
    threshold = best_threshold(tune, baseline)
    methods[f"token_sort_ratio (from {threshold:g})"] = (baseline, threshold)
    print("| method | precision, tune | recall, tune | precision, test | recall, test | precision, all | recall, all |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, (method, lowest) in methods.items():
        print(f"| {name} | {quality(rows, method, lowest)} |")
    print("\n| score | names | mean score | meant |\n| --- | --- | --- | --- |")
    for low, high, count, score, right in bins(rows, matcher):
        print(f"| {low:g} to {high:g} | {count} | {score:.1f} | {right:.1f} % |")
    absent = sum(row.expected is None for row in test)
    print(f"\n{len(rows)} names, {len(test)} of them in *test*, of which {absent} mean nothing that is in the graph.")
    large = Matcher.of(many(things), {})
    with served(given.release) as over_http:
        taken = seconds(rows, _TIMES, within(matcher), over_http, within(large))
    here, there, of_many = (1000 * quantiles(each, n=20)[-1] for each in taken)
    print(f"\nA batch of ten takes (p95 of {_TIMES}) {here:.0f} ms in this process and {there:.0f} ms over HTTP on the")
    print(f"{len(things):,} things of the release, {of_many:.0f} ms in this process on {_MANY:,} made-up ones.")
    print(f"Load of the machine: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
