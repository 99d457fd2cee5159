"""A folder that git keeps comes in; the day on which each thing's file was last changed goes out."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kg.names import iri_of_file

_SECONDS = 60


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
        done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603 (fixed words, and a folder)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
