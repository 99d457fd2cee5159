"""A commit and the list of releases before it come in; the version that a release of it has goes out: its day."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from kg.errors import KgError
from kg.history import Commit

#: The releases there have been, the oldest first.
RECORD = "data/releases.yaml"
#: 2026-12-01, or 2026-12-01.2 for the second of a day.
NAME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(\.([2-9]|[1-9]\d+))?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Past:
    """A release that was made: its version, the SHA-256 of its N-Quads (the canonical hash of its data set), and its commit."""

    version: str
    sha256: str
    commit: str


@dataclass(frozen=True)
class Version:
    """Which release it is; all is empty for what is built and not released."""

    name: str = ""
    day: str = ""
    previous: str = ""
    commit: str = ""


UNRELEASED = Version()


def next_version(root: Path, commit: Commit) -> Version:
    """The version of a release of that commit: its day, and from the second release of a day on, a number.

    Nothing else decides it, so that it is the same wherever that commit is released.
    """
    past = read_record(root)
    if past and commit.day < past[-1].version[:10]:
        raise KgError(f"This commit is of {commit.day}, before release {past[-1].version}. A release is made from a later commit.")
    same_day = [each for each in past if each.version.partition(".")[0] == commit.day]
    name = f"{commit.day}.{len(same_day) + 1}" if same_day else commit.day
    return Version(name, commit.day, past[-1].version if past else "", commit.hash)


def read_record(root: Path) -> list[Past]:
    """The releases before, the oldest first; raises KgError where the record cannot be read."""
    path = root / RECORD
    if not path.exists():
        return []
    try:
        return [_read(entry) for entry in yaml.safe_load(path.read_text("utf-8")) or ()]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise KgError(f"{RECORD} is not what 'kg release' writes: {error}. Take it from the last commit.") from error


def record(root: Path, past: Past) -> None:
    """Add a release to the record."""
    path = root / RECORD
    text = path.read_text("utf-8") if path.exists() else "# Releases, the oldest first. Written by 'kg release'.\n"
    path.write_text(f"{text}- {json.dumps(asdict(past))}\n", "utf-8")


def _read(entry: Any) -> Past:
    past = Past(**entry)
    if not NAME.fullmatch(past.version) or not _SHA256.fullmatch(past.sha256):
        raise ValueError(f"no version and hash: {entry}")
    return past
