"""A folder that git keeps comes in; which commit it is, and the day on which each thing's file was last changed, go out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kg.errors import KgError
from kg.names import iri_of_file

_SECONDS = 60
#: What runs of the program leave in a folder, and no commit holds.
_MADE = (":(exclude)build", ":(exclude)release")


@dataclass(frozen=True)
class Commit:
    """A commit by its hash, with its day in UTC (ISO 8601)."""

    hash: str
    day: str


def clean_commit(root: Path) -> Commit:
    """The commit that the folder is at; raises KgError where it holds anything else, or the history before it is not all there."""
    said = _git(root, "-c", "core.abbrev=no", "log", "-1", "--format=%H %cd", "--date=format-local:%Y-%m-%d").split()
    if not said:
        raise KgError(f"{root.resolve()} is in no git repository with a commit: a release is made from a commit.")
    if changed := _git(root, "status", "--porcelain", "--", ".", *_MADE).splitlines():
        raise KgError(
            f"A release is made from a commit, and {len(changed)} files differ from it. Commit them first. [got {changed[0]}]"
        )
    if _git(root, "rev-parse", "--is-shallow-repository").strip() != "false":
        raise KgError("The history is not all there. Run 'git fetch --unshallow': a release tells when each file was last changed.")
    return Commit(*said)


def changed_since(root: Path, commit: str) -> set[str] | None:
    """The files that differ between a commit and the one that the folder is at; None where git does not know it."""
    if not _git(root, "cat-file", "-t", commit):
        return None
    return set(_git(root, "diff", "--name-only", "--relative", commit, "HEAD").splitlines())


def read_dates(root: Path) -> Mapping[str, str]:
    """IRI → day (ISO 8601) of the last commit that changed its file; empty where there is no git, or not the whole history."""
    if _git(root, "rev-parse", "--is-shallow-repository").strip() != "false":
        return {}
    dates: dict[str, str] = {}
    # The folder may be part of a larger repository: paths are told from here.
    for commit in _git(root, "log", "--relative", "--no-renames", "--name-only", "--format=%x00%cs", "--", "data").split("\0")[1:]:
        day, *paths = commit.split("\n")
        for iri in map(iri_of_file, paths):
            if iri:
                dates.setdefault(iri, day)
    return dict(sorted(dates.items()))


def _git(root: Path, *arguments: str) -> str:
    """What git says, or nothing where it cannot answer."""
    git = shutil.which("git")
    if not git:
        return ""
    command = [git, "-C", str(root), "-c", "core.quotePath=false", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 (fixed words, and a folder)
            command, capture_output=True, check=False, timeout=_SECONDS, env=os.environ | {"TZ": "UTC"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
