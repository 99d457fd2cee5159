"""The commit of this repository comes in; what a release, a copy as files and answers of an older release take goes out.

    .bench/bin/python -m bench.releasing [--rounds 10]

Two releases are made in a clone; a server of the newer one is asked the stored questions of both in turn, each as a text that it
has not seen before.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote

from bench.process import Process
from bench.queries import Query, stored
from bench.servers import OURS, ROOT, UNFAIR, await_answer, free_port, running

_PAUSE = 0.2  # seconds between two looks at the memory


@dataclass(frozen=True)
class Taken:
    """What a command took: seconds, and bytes of its whole tree at most."""

    seconds: float
    most: int

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s, {self.most / 1e9:.2f} GB at most"


@dataclass(frozen=True)
class Older(Query):
    """A query of an older release."""

    release: str = ""

    def path(self, endpoint: str) -> str:
        return f"{super().path(endpoint)}&release={quote(self.release)}"


def main() -> None:
    """Measure, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / ".bench" / "releasing", help="folder for the clone and logs")
    parser.add_argument("--rounds", type=int, default=10)
    chosen = parser.parse_args()
    shutil.rmtree(chosen.work, ignore_errors=True)
    clone = chosen.work / "clone"
    _git("clone", "--quiet", str(ROOT), str(clone))
    release = ("release", "--root", str(clone), "--out", str(clone / "release"))
    print("kg release:", _take(clone, *release))
    _change(clone)
    _commit(clone, "The first release, and a change")
    print("kg release, the second:", _take(clone, *release))
    older, newer = sorted((path.name for path in (clone / "release").iterdir()), key=lambda name: (len(name), name))
    copy = chosen.work / "copy"
    print("kg export --static:", _take(clone, "export", "--static", str(copy)))
    print(f"{sum(path.is_file() for path in copy.rglob('*')):,} files")
    _compare(clone, older, newer, chosen.rounds)


def _take(clone: Path, *words: str) -> Taken:
    started, most = time.perf_counter(), 0
    log = clone.parent / f"{words[0]}.log"
    process = Process([str(OURS), *words, "--build", str(clone / "build")], log)
    while not process.ended():
        most = max(most, process.weigh())
        time.sleep(_PAUSE)
    if process.failed():
        raise SystemExit(f"{log} says why 'kg {' '.join(words)}' failed.")
    return Taken(time.perf_counter() - started, most)


def _compare(clone: Path, older: str, newer: str, rounds: int) -> None:
    port = free_port()
    command = [str(OURS), "serve", "--port", str(port), "--build", str(clone / "build")]
    questions = stored(clone / "build" / "releases" / newer / "queries")
    with running("newer", (port, "/sparql"), command, clone.parent, **UNFAIR) as server:
        await_answer(server)
        taken: dict[tuple[str, str], list[float]] = {}
        for number in range(rounds + 1):
            for question in random.sample(questions, len(questions)):
                for release in random.sample((older, newer), 2):
                    fresh = question.fresh()
                    asked = Older(fresh.name, fresh.text, release=release) if release == older else fresh
                    reply = server.client.ask(asked)
                    if reply.status != 200:
                        raise SystemExit(f"{question.name} of {release}: status {reply.status}")
                    if number:  # the first round warms
                        taken.setdefault((question.name, release), []).append(reply.seconds)
    middles = {key: median(values) for key, values in taken.items()}
    ratios = sorted(middles[question.name, older] / middles[question.name, newer] for question in questions)
    tenth = ratios[len(ratios) * 9 // 10]
    print(f"A query of the older release: {median(ratios):.2f}x of the newer at the median of {len(ratios)} questions,", end=" ")
    print(f"{tenth:.2f}x for the tenth that differ most, {ratios[-1]:.2f}x at most")


def _change(clone: Path) -> None:
    """Nothing is released twice: one place gets another name."""
    path = next(path for path in sorted((clone / "data" / "place").glob("*.yaml")) if "alias" not in path.read_text("utf-8"))
    path.write_text(path.read_text("utf-8") + "alias: {en: Another name}\n", "utf-8")


def _commit(clone: Path, message: str) -> None:
    _git("-C", str(clone), "add", "--all", "CHANGELOG.md", "data")
    _git("-C", str(clone), "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", message)


def _git(*words: str) -> None:
    subprocess.run(["git", *words], check=True)  # noqa: S603, S607 (our own commands)


if __name__ == "__main__":
    main()
