"""A release on disk: the folder that the building half leaves and the serving half reads, and the pointer to the current one."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kg.errors import ReleaseMissing

STORE = "store"
NQUADS = "kg.nq"
TURTLE = "kg.ttl"
JSON_LD = "kg.jsonld"
GZIP = ".gz"
VOID = "void.ttl"
CONTEXT = "context.jsonld"
SEARCH = "search.sqlite"  # not among the files of the manifest: SQLite writes its own version into it
DATES = "dates.json"  # not either: the same files can have been written on another day
REPORT = "report.json"
ORDER = "order.json"
QUERIES = "queries"
LISTS = "lists"
MANIFEST = "manifest.json"
LINK_REPORT = "links.json"  # beside the releases: what was found when the links to Wikidata were checked last
_POINTER = "current"


@dataclass(frozen=True)
class Manifest:
    """What a release says of itself. Equal inputs give equal manifests: no time, no machine."""

    id: str  # the first 12 hexadecimal digits of a SHA-256 over the names and hashes of `files`
    version: str
    counts: dict[str, int]
    files: dict[str, dict[str, Any]]  # name → bytes, sha256


@dataclass(frozen=True)
class Release:
    """A finished release folder."""

    path: Path
    manifest: Manifest


def read_release(path: Path) -> Release:
    """The release in a folder; raises ReleaseMissing where there is none."""
    try:
        return Release(path, Manifest(**json.loads((path / MANIFEST).read_text("utf-8"))))
    except (OSError, ValueError, TypeError) as error:
        raise ReleaseMissing(f"{path} holds no finished release. Run 'kg build'.") from error


def current_release(build: Path) -> Release:
    """The release that is served; raises ReleaseMissing where nothing was built yet."""
    return read_release(build / "releases" / _pointer(build)[0])


def current_inputs(build: Path) -> str:
    """The hash of all files that the release that is served was last made from; raises ReleaseMissing like `current_release`."""
    current_release(build)
    return _pointer(build)[1]


def _pointer(build: Path) -> tuple[str, str]:
    try:
        name, inputs = (build / _POINTER).read_text("utf-8").split()
    except (OSError, ValueError) as error:
        raise ReleaseMissing(f"Nothing is built in {build} yet. Run 'kg build'.") from error
    return name, inputs


def write_manifest(path: Path, manifest: Manifest) -> None:
    """The last file of a release: its presence says that the others are whole."""
    (path / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2, sort_keys=True) + "\n", "utf-8")


def switch(build: Path, release_id: str, inputs: str) -> None:
    """Point to another release, in one step that a reader sees either wholly or not at all.

    The hash of the inputs stands with the pointer, not in the release: different files (a comment more) can give the same release.
    """
    draft = build / f"{_POINTER}.{os.getpid()}"
    draft.write_text(f"{release_id} {inputs}\n", "utf-8")
    draft.replace(build / _POINTER)
