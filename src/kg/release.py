"""A release on disk: the folder that the building half leaves and the serving half reads, and the pointer to the current one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kg.errors import ReleaseMissing

STORE = "store"
NQUADS = "kg.nq"
TRIG = "kg.trig"
TURTLE = "kg.ttl"
JSON_LD = "kg.jsonld"
GZIP, ZSTD = ".gz", ".zst"
CLAIMS = "claims.csv"
STATEMENTS = "statements.csv"
SOURCES = "sources.csv"
FOLLOWTHEMONEY = "followthemoney.csv"
DESCRIBED = "-metadata.json"  # where programs look for the description of a table: claims.csv-metadata.json
ONTOLOGY_FILE = "ontology.ttl"
VOID = "void.ttl"
DCAT = "dcat.ttl"
LOD_CLOUD = "lod-cloud.json"
CONTEXT = "context.jsonld"
SEARCH = "search.sqlite"  # not among the files of the manifest: SQLite writes its own version into it
ROSTER = "lists.sqlite"  # nor this
DIRECTORY = "names.sqlite"  # nor this
DATES = "dates.json"  # not either: the same files can have been written on another day
REPORT = "report.json"
ORDER = "order.json"
QUERIES = "queries"
SHAPES = "shapes"
LISTS = "lists"
MANIFEST = "manifest.json"
COVER = "cover"  # folder of what speaks of all files, the manifest too, and so is not among them: CITATION.cff, SHA256SUMS …
LINK_REPORT = "links.json"  # beside the releases: what was found when the links to Wikidata were checked last
RELEASES = "releases"
_POINTER = "current"


@dataclass(frozen=True)
class Manifest:
    """What a release says of itself. Equal inputs give equal manifests: no time, no machine."""

    id: str  # the first 12 hexadecimal digits of a SHA-256 over the names and hashes of `files`
    version: str  # the day of the release; empty for what was built and not released
    previous: str  # the version before it; empty for none
    commit: str  # that it was made from; empty for what was not released
    counts: dict[str, int]
    files: dict[str, dict[str, Any]]  # name → bytes, sha256

    @property
    def name(self) -> str:
        """What it is called, in addresses too: its version, or where it has none its id."""
        return self.version or self.id

    @property
    def canonical_hash(self) -> str:
        """Of the data set (RDFC-1.0, SHA-256): without blank nodes, its canonical form is N-Quads in the order of their bytes."""
        return str(self.files[NQUADS]["sha256"])

    def published(self, file: str) -> str:
        """See `published`."""
        return published(self.version, file)


def published(version: str, file: str) -> str:
    """What a file of a release is called where it leaves this folder: by the data set and the version, too."""
    if "/" in file:
        return file
    stem = "-".join(part for part in ("vigia", version) if part)
    return stem + file.removeprefix("kg") if file.startswith("kg.") else f"{stem}-{file}"


@dataclass(frozen=True)
class Release:
    """A finished release folder."""

    path: Path
    manifest: Manifest

    @property
    def downloads(self) -> Mapping[str, Path]:
        """What is offered for download, by the name that it has elsewhere."""
        offered = (name for name in self.manifest.files if "/" not in name and name not in (ORDER, DATES))
        return {self.manifest.published(name): self.path / name for name in offered}

    @property
    def covers(self) -> Mapping[str, Path]:
        """What lies beside the files where they are published, by name; nothing for what was not published."""
        return {path.name: path for path in sorted((self.path / COVER).glob("*"))} if self.manifest.version else {}

    @property
    def published(self) -> Mapping[str, Path]:
        """Every file of the folder that `kg release` writes, by its path there, and the dumps unpacked."""
        files = {self.manifest.published(name): self.path / name for name in self.manifest.files}
        return {**files, MANIFEST: self.path / MANIFEST, **self.covers}


def read_release(path: Path) -> Release:
    """The release in a folder; raises ReleaseMissing where there is none."""
    try:
        return Release(path, Manifest(**json.loads((path / MANIFEST).read_text("utf-8"))))
    except (OSError, ValueError, TypeError) as error:
        raise ReleaseMissing(f"{path} holds no finished release. Run 'kg build'.") from error


def current_release(build: Path) -> Release:
    """The release that is served; raises ReleaseMissing where nothing was built yet."""
    return read_release(build / RELEASES / _pointer(build)[0])


def kept_releases(build: Path) -> dict[str, Release]:
    """All releases below `build` that have a version, by it, the oldest first."""
    found = {}
    for folder in (build / RELEASES).iterdir():
        with suppress(ReleaseMissing):
            release = read_release(folder)
            if release.manifest.version:
                found[release.manifest.version] = release
    return dict(sorted(found.items(), key=lambda pair: _age(pair[0])))


def _age(version: str) -> tuple[str, int]:
    day, _, number = version.partition(".")
    return day, int(number or 1)


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


def switch(build: Path, name: str, inputs: str) -> None:
    """Point to another release, in one step that a reader sees either wholly or not at all.

    The hash of the inputs stands with the pointer, not in the release: different files (a comment more) can give the same release.
    """
    draft = build / f"{_POINTER}.{os.getpid()}"
    draft.write_text(f"{name} {inputs}\n", "utf-8")
    draft.replace(build / _POINTER)
