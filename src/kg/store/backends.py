"""What is to be served and the settings come in; the store that the settings name, holding it, goes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kg.release import NQUADS, STORE, Release
from kg.settings import Settings
from kg.store import Store
from kg.store.oxigraph import OxigraphStore, Source, store_files
from kg.store.remote import RemoteStore

#: Opens a release: its folder, prefixes that queries need not declare, the context that JSON-LD is written with, the settings.
Backend = Callable[[Release, Mapping[str, str], Mapping[str, Any], Settings], Store]


def _embedded(release: Release, prefixes: Mapping[str, str], context: Mapping[str, Any], settings: Settings) -> Store:
    return OxigraphStore(Source(release.path / STORE, release.path / NQUADS, prefixes, context), settings)


def _remote(release: Release, prefixes: Mapping[str, str], context: Mapping[str, Any], settings: Settings) -> Store:
    return RemoteStore(release.manifest.id, prefixes, context, settings)


#: By the scheme of the address in KG_STORE.
BACKENDS: dict[str, Backend] = {"": _embedded, "http": _remote, "https": _remote}


def open_store(release: Release, prefixes: Mapping[str, str], context: Mapping[str, Any], settings: Settings) -> Store:
    """The store of a release; raises KgError where it cannot be opened."""
    return BACKENDS[urlsplit(settings.store).scheme](release, prefixes, context, settings)


def open_files(files: Sequence[Path], prefixes: Mapping[str, str], settings: Settings) -> tuple[Store, Path]:
    """A store of any RDF files, which is always the embedded one, and where on disk it lies for now."""
    source = store_files(files, prefixes)
    return OxigraphStore(source, settings), source.store
