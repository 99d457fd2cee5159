"""Targets that serve one release come in; seconds of the same pages, questions, searches and batches of names for each go out."""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from bench.queries import ROWS, Query, stored
from bench.servers import Server

if TYPE_CHECKING:
    from bench.scale import Run

_BASE = "https://w3id.org/vigia/id/"
_PAGES, _SEARCHES, _BATCHES, _NAMES = 20, 5, 2, 10  # of each in a round
HUBS = ("/page/country/br", "/page/country/mx", "/page/country/ar")  # of which more is said the larger the graph is
_PATIENCE = 5.0  # seconds for a question before the first round
_LONG = 1.0  # seconds above which a question is asked once only, and of larger sizes no more
_HTML, _JSON = "text/html", "application/json"


@dataclass(frozen=True)
class Asked:
    """A request by its name."""

    measure: str
    item: str
    method: str
    path: str
    accept: str
    body: str = ""


def status(server: Server, path: str) -> int:
    """The status of an answer; 0 for none."""
    try:
        return _send(server, Asked("", "", "GET", path, _JSON))[0]
    except OSError:
        return 0


def read(server: Server, path: str) -> tuple[int, float]:
    """The status of a page in English, and its seconds."""
    return _send(server, Asked("", "", "GET", f"{path}?lang=en", _HTML))


def local(iri: str) -> str:
    """What stands in the address of its page."""
    return iri.removeprefix(_BASE)


def things(folder: Path) -> list[str]:
    """The things of a release that have a page."""
    dated = json.loads((folder / "dates.json").read_text("utf-8"))
    return sorted(iri for iri in dated if iri.startswith(_BASE) and "/link/" not in iri)


def measure(run: Run, rounds: int, tell: Callable[[str], None]) -> None:
    """Ask every target the same, round by round."""
    from bench.scale import release  # noqa: PLC0415 (which asks us)

    folder = release(run.build)
    questions = _suitable(run, stored(folder / "queries"), tell)
    iris, names = things(folder), _names(folder)
    pages = run.draw.sample(iris, min(len(iris), _PAGES * (rounds + 1)))
    for number in range(rounds + 1):  # what comes first is asked and not counted
        some = pages[number * _PAGES : (number + 1) * _PAGES]
        requests = _requests(some, questions, names, run.draw)
        for target in run.draw.sample(sorted(run.servers), len(run.servers)):
            for one in requests:
                code, seconds = _send(run.servers[target], one)
                if number and code == 200:
                    run.keep(one.measure, number, target, one.item, seconds)
                elif code != 200:
                    run.samples.blame(one.measure, run.size, target, one.item, f"status {code}")
            if number:
                run.keep("memory in rounds", number, target, "ours", run.servers[target].process.weigh())
        tell(f"  round {number} of {rounds}")


def _suitable(run: Run, questions: Sequence[Query], tell: Callable[[str], None]) -> list[Query]:
    """The questions that all targets answer soon; each is asked everywhere once, and that time is kept."""
    long = {each.item for each in run.samples.taken if each.measure == "question, first" and each.value > _LONG}
    fit = []
    for question in (each for each in questions if each.name not in long):
        times = []
        for target, server in run.servers.items():
            path = f"/sparql?{urlencode({'query': question.text, 'timeout': _PATIENCE})}"
            code, seconds = _send(server, Asked("", "", "GET", path, ROWS))
            run.keep("question, first", 0, target, question.name, seconds if code == 200 else float("inf"))
            times.append(seconds if code == 200 else float("inf"))
            if seconds > _LONG and target in run.engines:
                run.engines[target].process.settle(20)  # some go on when nobody waits any more
            if code not in (200, 504):
                run.samples.blame("question", run.size, target, question.name, f"status {code}")
        if times and max(times) <= _LONG:
            fit.append(question)
    tell(f"  {len(fit)} of {len(questions)} questions are answered everywhere within {_LONG:g} s")
    return fit


def _requests(pages: Sequence[str], questions: Sequence[Query], names: Sequence[str], draw: random.Random) -> list[Asked]:
    """A round, in random order."""
    made = [Asked("page", "things", "GET", f"/page/{quote(iri.removeprefix(_BASE))}?lang=en", _HTML) for iri in pages]
    made += [Asked("page of a hub", path, "GET", f"{path}?lang=en", _HTML) for path in HUBS]
    made += [Asked("question", one.name, "GET", one.path("/sparql"), ROWS) for one in questions]
    made += [Asked("search", "names", "GET", f"/search?q={quote(draw.choice(names))}", _JSON) for _ in range(_SEARCHES)]
    for _ in range(_BATCHES):
        batch = {f"q{place}": {"query": _mistyped(draw.choice(names), draw)} for place in range(_NAMES)}
        made.append(Asked("reconciliation", "ten names", "POST", "/reconcile/en", _JSON, urlencode({"queries": json.dumps(batch)})))
    return draw.sample(made, len(made))


def _names(folder: Path, most: int = 2000) -> list[str]:
    """Names of things in the index of search."""
    with closing(sqlite3.connect(f"{(folder / 'search.sqlite').resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        total = connection.execute("SELECT max(rowid) FROM text").fetchone()[0]
        step = max(1, total // most)
        rows = connection.execute("SELECT text FROM text WHERE field = 'name' AND rowid % ? = 0 ORDER BY rowid", (step,))
        return [row[0] for row in rows if len(row[0]) < 80]


def _mistyped(name: str, draw: random.Random) -> str:
    """The name, every second time with two letters changed about."""
    place = draw.randrange(max(1, len(name) - 1))
    return name if draw.random() < 0.5 else name[:place] + name[place + 1 : place + 2] + name[place : place + 1] + name[place + 2 :]


def _send(server: Server, one: Asked) -> tuple[int, float]:
    """The status of an answer and its seconds, over a connection of its own that is open before."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=900)
    try:
        connection.connect()
        headers = {"Accept": one.accept} | ({"Content-Type": "application/x-www-form-urlencoded"} if one.body else {})
        started = time.perf_counter()
        connection.request(one.method, one.path, one.body or None, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.perf_counter() - started
    finally:
        connection.close()
