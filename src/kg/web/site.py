"""What every request needs, made once at start: the store, its things, the stored questions, and the templates by language."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pyoxigraph as ox
from fastapi import Request
from starlette.responses import HTMLResponse

from kg.atlas import Atlas, read_atlas
from kg.catalogue import Catalogue
from kg.database import Database
from kg.directory import write_directory
from kg.entity import Entities
from kg.errors import KgError
from kg.index import write_index
from kg.listing import Lists
from kg.names import DATASET, PREFIXES
from kg.ownership import Ownership
from kg.page import Display
from kg.query import Questions
from kg.release import (
    CONTEXT,
    DATES,
    DIRECTORY,
    LINK_REPORT,
    LISTS,
    ORDER,
    QUERIES,
    RELEASES,
    ROSTER,
    SEARCH,
    VOID,
    Manifest,
    Release,
    current_release,
    kept_releases,
    read_release,
)
from kg.search import Search
from kg.settings import Settings
from kg.store import Store, backends
from kg.tombstones import Part, Tombstone, read_parts, read_tombstones
from kg.vocabulary import Vocabulary
from kg.void import describe, read_uses
from kg.web.assets import MADE
from kg.web.text import LANGUAGES, LATEST, choose_language, environment, page_link, pin, resource_link

#: A cache may keep an answer for as long as a new release may wait to be seen. For ten minutes more it may give it away while it
#: asks for the new one, and for a day where nobody answers: an old answer is better than none.
PUBLIC = "public, max-age=300, stale-while-revalidate=600, stale-if-error=86400"
#: Stands for the address of the server in what is said of files that are not ours.
FILES = "http://files.invalid/"
_LARGE = 500_000  # triples of a release that is not read at start


@dataclass(frozen=True)
class Site:
    """A release, or another data set, ready to be served."""

    store: Store
    entities: Entities
    questions: Questions
    lists: Lists
    ownership: Ownership
    search: Search
    catalogue: Catalogue  # its things as names, types and properties, for those who match tables to them
    settings: Settings
    manifest: Manifest | None  # None where files are served that we did not release
    downloads: Mapping[str, Path]  # name → file of what may be downloaded
    dataset: str  # its IRI
    void: frozenset[ox.Triple]  # what it holds, in numbers
    vocabulary: Vocabulary
    context: Mapping[str, Any]  # that JSON-LD is written with
    dates: Mapping[str, str]  # IRI → the day on which what is said of it was last changed, where that is known
    atlas: Atlas | None  # None where set-up could not fetch it
    link_report: Mapping[str, Any] | None  # what `kg link --check` found last; None where nobody looked
    releases: Mapping[str, Release] = field(default_factory=dict)  # version → all that are kept here, the oldest first
    is_pinned: bool = False  # whether it is an older release, whose pages lead to each other
    is_static: bool = False  # whether its pages become files (`kg.web.copying`), which nothing answers behind

    @property
    def is_large(self) -> bool:
        """Whether to read all of it would take minutes, and memory."""
        return self.manifest is not None and self.manifest.counts["triples"] > _LARGE

    @cached_property
    def digests(self) -> dict[str, str]:
        """The IRIs of things, each with the SHA-256 of its N-Triples, as far as somebody asked for that."""
        return {}

    @cached_property
    def countries(self) -> Mapping[str, str]:
        """The IRIs of countries, each with its code of two letters (ISO 3166-1)."""
        rows = self.store.rows("SELECT ?country ?code WHERE { ?country kg:isoCode ?code }")
        pairs = ((row["country"], row["code"]) for row in rows)
        return {
            country.value: code.value
            for country, code in pairs
            if isinstance(country, ox.NamedNode) and isinstance(code, ox.Literal)
        }

    @cached_property
    def tombstones(self) -> Mapping[str, Tombstone]:
        """What became of the addresses that were retired."""
        return read_tombstones(self.store)

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """What was a part of something in an earlier release, and is no more as it was."""
        return read_parts(self.store)

    def warm(self) -> None:
        """Read and compile what the first readers would else wait for."""
        for language in LANGUAGES:
            templates = environment(language)
            for name in templates.list_templates():
                templates.get_template(name)
        self.ownership.has("")
        _ = self.countries, self.tombstones, self.parts, self.catalogue.matcher
        if self.is_large:
            return
        _ = self.vocabulary.ties, self.vocabulary.tree

    def render(self, request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> HTMLResponse:
        """A page in the language of the request."""
        language, query = choose_language(request), self.keep(request)
        body = (
            environment(language)
            .get_template(template)
            .render(
                here=lambda code: _with_language(request, code),
                link=self.linker(request),
                keep=query,
                chosen=language if query else "",
                manifest=self.manifest,
                newest=_newest(request) if self.is_pinned else "",
                card=_card(request.url.path) if self.manifest else "",
                issues=self.settings.issues,
                is_static=self.is_static,
                timeout=self.settings.timeout,
                site_address=str(request.base_url).rstrip("/"),
                **values,
            )
        )
        if self.is_pinned and self.manifest:
            body = pin(body, self.manifest.version)
        return HTMLResponse(body, status, {"Content-Language": language, "Cache-Control": PUBLIC})

    def keep(self, request: Request) -> str:
        """What links add to an address so that a language that was chosen stays chosen."""
        chosen = request.query_params.get("lang", "")
        return f"?lang={chosen}" if chosen in LANGUAGES else ""

    def linker(self, request: Request) -> Callable[[str], str | None]:
        """Where pages link to for an IRI."""
        query = self.keep(request)
        if self.manifest:
            return lambda iri: page_link(iri, query)
        return lambda iri: resource_link(iri, query.removeprefix("?lang=") or None)


def open_release(build: Path, settings: Settings, version: str = "") -> Site:
    """The current release below `build`, or an older one by its version; raises ReleaseMissing where there is none."""
    release = read_release(build / RELEASES / version) if version else current_release(build)
    context = json.loads((release.path / CONTEXT).read_text("utf-8"))["@context"]
    store = backends.open_store(release, PREFIXES, context, settings)
    questions = Questions(release.path / QUERIES)
    display = Display(json.loads((release.path / ORDER).read_text("utf-8")))
    void = frozenset(quad.triple for quad in ox.parse(path=release.path / VOID, format=ox.RdfFormat.TURTLE))
    return Site(
        store,
        Entities(store, display, read_uses(void, DATASET)),
        questions,
        Lists(store, release.path / QUERIES / LISTS, release.path / ROSTER),
        Ownership(store),
        Search(release.path / SEARCH),
        Catalogue(store, Database(release.path / DIRECTORY)),
        settings,
        release.manifest,
        release.downloads,
        DATASET,
        void,
        Vocabulary(store, questions),
        context,
        json.loads((release.path / DATES).read_text("utf-8")),
        read_atlas(MADE),
        _read_report(build / LINK_REPORT),
        kept_releases(build),
        bool(version),
    )


def open_files(files: Sequence[Path], settings: Settings) -> Site:
    """Any RDF files; raises KgError where one cannot be read."""
    store, folder = backends.open_files(files, PREFIXES, settings)
    dataset = FILES + "dataset"
    read = ox.Store.read_only(str(folder))
    index = folder.parent / SEARCH
    write_index(read, index)
    directory = folder.parent / DIRECTORY
    write_directory(read, directory)
    void = frozenset(describe(read, dataset))
    return Site(
        store,
        Entities(store, Display(), read_uses(void, dataset)),
        Questions(None),
        Lists(store, None, None),
        Ownership(store),
        Search(index),
        Catalogue(store, Database(directory)),
        settings,
        None,
        {},
        dataset,
        void,
        Vocabulary(store, Questions(None)),
        PREFIXES,
        {},
        None,
        None,
    )


def _read_report(path: Path) -> Mapping[str, Any] | None:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise KgError(f"{path} is no report of 'kg link --check': {error}. Run it again, or remove the file.") from None


def _newest(request: Request) -> str:
    """The address of the same page in the newest release."""
    return f"/{request.url.path.lstrip('/')}?{urlencode([*request.query_params.multi_items(), ('release', LATEST)])}"


def _card(path: str) -> str:
    """Where the picture of a page lies; pages that are no things share one."""
    kind, _, rest = path.lstrip("/").partition("/")
    return (
        f"/card/{quote(rest)}.png"
        if kind == "page" and rest and not rest.startswith(("code/", "def", "graph/"))
        else "/card/home.png"
    )


def _with_language(request: Request, code: str) -> str:
    """The address of this same page in another language."""
    pairs = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    return f"/{request.url.path.lstrip('/')}?{urlencode([*pairs, ('lang', code)])}"
