"""How well and how fast names are matched: labelled names and a running service come in; a table for the documentation goes out.

    python -m bench.reconciliation [--release build]

Beside ours: equality of plain names, and the usual fuzzy baseline at the threshold that is best for it on the half that may be
tuned by; both with type and country.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

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
_MANY = 100_000  # things of the large made-up graph
_PRECISE = 0.98
_ROUNDS, _STEPS, _RIVALS, _RIDGE = 8, 30, 6, 1e-4  # of the regression
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


def seconds(matcher: Matcher, rows: Sequence[Row], times: int) -> list[float]:
    """Of batches of ten names drawn at random."""
    draw = random.Random(7)  # noqa: S311 (a sample, no secret)
    taken = []
    for _ in range(times):
        batch = draw.choices(rows, k=_BATCH)
        started = time.perf_counter()
        for row in batch:
            matcher.find(row.wanted, 5)
        taken.append(time.perf_counter() - started)
    return taken


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
                values.append((*features, 1.0))
                labels.append(float(right))
        weights = _regress(np.array(values), np.array(labels), weights)
    return dict(zip((*Features._fields, "bias"), np.round(weights, 2).tolist(), strict=True))


def _regress(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Newton's method."""
    # What rules a candidate out is rare, and may weigh as much as it likes.
    ridge = np.array([0.0 if name in ("differs", "numbers") else _RIDGE for name in Features._fields] + [0.0])
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
    print("| method | precision, tune | recall, tune | precision, test | recall, test |\n| --- | --- | --- | --- | --- |")
    for name, (method, lowest) in methods.items():
        figures = (*judge(tune, method, lowest), *judge(test, method, lowest))
        print(f"| {name} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")
    absent = sum(row.expected is None for row in test)
    print(f"\n{len(rows)} names, {len(test)} of them in *test*, of which {absent} mean nothing that is in the graph.")
    taken = seconds(matcher, rows, _TIMES)
    print(f"\nA batch of ten takes {1000 * quantiles(taken, n=20)[-1]:.0f} ms (p95) on the {len(things):,} things of the release,")
    large = Matcher.of(many(things), {})
    taken = seconds(large, rows, _TIMES)
    print(f"{1000 * quantiles(taken, n=20)[-1]:.0f} ms on {_MANY:,} made-up ones.")


if __name__ == "__main__":
    main()
