"""A release comes in; the whole site as files goes out, for any web server or archive: a static copy.

The application is asked for its start pages and for whatever is linked from there, without a network between, and each answer
becomes the file that `kg.web.places` names. A link that has no file ends the work, so a copy that is finished has no dead ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from kg.errors import KgError
from kg.formats import GRAPHS, TURTLE
from kg.names import BASE, NODE, ONTOLOGY, local_path
from kg.release import current_release
from kg.settings import Settings
from kg.web.app import create_app
from kg.web.places import place_of
from kg.web.relinking import ORIGIN, Relinking
from kg.web.site import Site, open_release
from kg.web.text import LANGUAGES, environment

#: Says that a folder is a copy, and of what.
MARK = "copy.json"
_MISSING = "/404"
_TITLE = "Vigilancia en América Latina · Vigilância na América Latina · Surveillance in Latin America"
_SEEDS = ("/", "/search", "/problem", "/things.js")  # in each language, besides what is linked from them
_SUBJECTS = f"SELECT DISTINCT ?s WHERE {{ ?s ?p ?o FILTER(STRSTARTS(STR(?s), '{BASE}')) }}"
# What has no name of its own, such as a citation: its page is that of what holds it.
_HELD = f"SELECT ?part (MIN(STR(?s)) AS ?thing) WHERE {{ ?s ?p ?part FILTER(STRSTARTS(STR(?part), '{NODE}')) }} GROUP BY ?part"
_CLAIMED = "SELECT ?part ?thing WHERE { ?thing kg:claim ?part }"
_PROCESSES = 4  # at most; each takes 400 MB with those that it starts
# Each question is asked once, and by nobody whom limits should hold.
_OWN: dict[str, Any] = {"young": 1, "cache_bytes": 0, "timeout": 3600.0, "client_burst": 1e6, "result_bytes": 1 << 32}
_CHUNK = 16  # addresses that a process is given at once
Progress = Callable[[int, int], None]


def write_copy(build: Path, folder: Path, base: str | None, settings: Settings, progress: Progress) -> int:
    """Write the current release below `build` to a folder, which takes the place of an older copy; the number of files.

    `base` is the address where it will lie; without it, what needs one is left out: the sitemap, and robots.txt with it.
    Raises KgError where the folder holds anything else, and leaves it as it is.
    """
    release = current_release(build).manifest
    draft, old = (folder.with_name(f"{folder.name}.{ending}") for ending in ("part", "old"))
    for path in (folder, draft, old):
        _demand_ours(path)
    for path in (draft, old):  # what was left by one that was killed
        shutil.rmtree(path, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        (draft / MARK).write_text(json.dumps({"release": release.name, "address": base}) + "\n", "utf-8")
        (draft / ".nojekyll").touch()  # else GitHub Pages leaves out what begins with a full stop
        number = _write_all(build, draft, base, settings, progress)
        if folder.exists():  # a reader sees the old copy or the new one, and for a moment between them none
            folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return number


def _demand_ours(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and ((folder / MARK).is_file() or not any(folder.iterdir()))):
        raise KgError(f"{folder} is no copy of the site that was written here (it has no {MARK}). Name another, or empty it.")


def _write_all(build: Path, folder: Path, base: str | None, settings: Settings, progress: Progress) -> int:
    """Round by round: what was linked from the files of one, and is not written yet, is the next."""
    with ProcessPoolExecutor(
        min(_PROCESSES, os.cpu_count() or 1), get_context("spawn"), _open, (build, folder, base, settings)
    ) as pool:
        written: set[str] = set()
        todo = pool.submit(_begin).result()
        while todo:
            linked: dict[str, str] = {}
            known = len(written) + len(todo)
            written |= todo.keys()
            try:
                for done, found in enumerate(pool.map(_write, todo.values(), chunksize=_CHUNK), known - len(todo) + 1):
                    linked |= {file: address for file, address in found.items() if file not in written}
                    progress(done, known + len(linked))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            todo = {file: linked[file] for file in sorted(linked, key=_neighbours)}
    return len(written)


def _neighbours(file: str) -> tuple[str, ...]:
    """A sort key: first the language, then the thing, then what is told of it."""
    language, *kind = file.split("/", 2)
    return language, *reversed(kind)


class Copyist:
    """The application in one process, and the folder that its answers are written to."""

    def __init__(self, build: Path, folder: Path, base: str | None, settings: Settings) -> None:
        self.site = replace(open_release(build, replace(settings, **_OWN)), is_static=True)
        # A picture and four citations are made from one page.
        self.site.entities.page = lru_cache(maxsize=_CHUNK)(self.site.entities.page)  # type: ignore[method-assign]
        self._folder, self._base = folder, base
        transport = httpx2.ASGITransport(create_app(self.site))
        self._client = httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers={"Accept-Encoding": "identity"})
        self._runner = asyncio.Runner()
        self._runner.run(self.site.store.start())
        self._held = _parts(self.site, _HELD)
        self._claimed = _parts(self.site, _CLAIMED)
        self._settle = lru_cache(maxsize=None)(self._settled)
        self._documents = lru_cache(maxsize=None)(self._told)  # a thing has many parts

    def seeds(self) -> dict[str, str]:
        """Files to begin with, each with the address that it answers."""
        return {place.file: address for address in _seeds(self.site, self._base) if (place := place_of(address))}

    def write(self, address: str) -> dict[str, str]:
        """Write the file that answers an address; the files that it links to, each with an address."""
        place = place_of(address)
        assert place  # noqa: S101 (that is why it was asked for)
        language = parse_qs(urlsplit(address).query).get("lang", [""])[0]
        links = Relinking(address, place, language, self._settle, self._base)
        is_threshold = not language and (address == _MISSING or place.file.endswith("index.html"))
        body = links.page(self._threshold(address)).encode() if is_threshold else self._answer(address, links)
        if ORIGIN.encode() in body:
            raise KgError(f"{address} names itself in a place where no link is looked for.")
        target = self._folder / place.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        return links.linked

    def _answer(self, address: str, links: Relinking) -> bytes:
        answer = self._ask(address, follow=True)
        if answer.status_code not in {200, 410}:  # what is gone has a page that says why
            raise KgError(f"{address} was answered with {answer.status_code}, so there is no copy of it.")
        if answer.headers["content-type"].startswith("text/html"):
            return links.page(answer.text).encode()
        return links.text(answer.text).encode() if ORIGIN.encode() in answer.content else answer.content

    def _threshold(self, address: str) -> str:
        """What stands at an address that has no language, or where nothing is: the way to where something is."""
        page, data = self._behind(address)
        root = urlsplit(self._base).path if self._base and address == _MISSING else ""

        def target(language: str) -> str:
            path, hash_, anchor = page.partition("#")
            return f"{path}?lang={language}{hash_}{anchor}"

        title = _TITLE if address in {"/", _MISSING} else BASE + address.strip("/")
        template = environment("en").get_template("elsewhere.html")
        return template.render(title=title, target=target, data=data, is_missing=address == _MISSING, root=root)

    def _behind(self, address: str) -> tuple[str, list[tuple[str, str]]]:
        """The page of a thing, or of what it is a part of, and its data with their media types; of all else, the start page."""
        return ("/", []) if address in {"/", _MISSING} else self._documents(self._held.get(address, address))

    def _told(self, address: str) -> tuple[str, list[tuple[str, str]]]:
        """The page and the data of a thing, as it answers."""
        answers = [self._lead(address, kind) for kind in ("text/html", TURTLE.media_type)]
        page, data = (answer.headers.get("location", address) for answer in answers)
        if answers[1].status_code == 410:
            return page, []
        data = data if data.endswith(TURTLE.ending) else f"{data}.{TURTLE.ending}"
        stem = data.removesuffix(f".{TURTLE.ending}")
        listed = [(f"{stem}.{fmt.ending}", fmt.media_type) for fmt in GRAPHS]
        return page, listed

    def _lead(self, address: str, kind: str) -> httpx2.Response:
        """What a thing answers, or the one that took its place."""
        answer = self._ask(address, accept=kind)
        while answer.status_code == 301:
            answer = self._ask(answer.headers["location"], accept=kind)
        return answer

    def _settled(self, address: str) -> str:
        """The address that the copy knows an answer by: that of a question, and where it was only led on, where to."""
        parts = urlsplit(address)
        if query := parse_qs(parts.query).get("query"):
            question = self.site.questions.asked_by(query[0])
            language = parse_qs(parts.query).get("lang", [""])[0]
            return f"/questions/{question.name}?lang={language}" if question else address
        part = parts.path.replace("/page/", "/id/", 1)
        part = self._held.get(part, part)
        if thing := self._claimed.get(part):
            return f"{thing.replace('/id/', '/page/', 1)}?{parts.query}#{part.rpartition('/')[2]}"
        if part.startswith("/id/"):
            return f"{part.replace('/id/', '/page/', 1)}?{parts.query}"
        answer = self._ask(address) if parts.path == "/browse" else None  # of some classes it leads to a list
        return str(answer.headers["location"]) if answer and answer.is_redirect else address

    def _ask(self, address: str, accept: str = "text/html, */*;q=0.5", follow: bool = False) -> httpx2.Response:
        return self._runner.run(self._client.get(address, headers={"Accept": accept}, follow_redirects=follow))


def _parts(site: Site, query: str) -> dict[str, str]:
    """Paths of what has no page of its own, each with that of what it is a part of."""
    rows = site.store.rows(query)
    return {local_path(row["part"].value): local_path(row["thing"].value) for row in rows}  # type: ignore[union-attr]


def _seeds(site: Site, base: str | None) -> Iterator[str]:
    subjects = sorted({row["s"].value.partition("#")[0] for row in site.store.rows(_SUBJECTS)})  # type: ignore[union-attr]
    paths = [local_path(iri) for iri in subjects]
    yield from ("/", _MISSING, "/dataset", "/catalogue", "/.well-known/void", *(f"/void.{fmt.ending}" for fmt in GRAPHS))
    yield from (["/robots.txt", "/sitemap.xml"] if base else [])
    yield from (f"/release/{site.manifest.name}",) if site.manifest else ()
    yield from (path for path in paths if path.startswith(("/id/", "/code/", "/graph/", "/def")))
    yield from (f"{path}?lang={language}" for path in _SEEDS for language in LANGUAGES)
    things = [*site.entities.things(), *(iri for iri in subjects if iri.startswith(BASE + "code/")), ONTOLOGY]
    for iri in things:
        yield from (f"/page{local_path(iri).removeprefix('/id')}?lang={language}" for language in LANGUAGES)


_here: dict[str, Copyist] = {}  # of this process


def _open(*arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that waits for them
    Thread(target=_end_with_parent, daemon=True).start()
    _here["copyist"] = Copyist(*arguments)


def _end_with_parent() -> None:
    """A process of a pool would wait for ever for one that was killed."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _begin() -> dict[str, str]:
    return _here["copyist"].seeds()


def _write(address: str) -> dict[str, str]:
    return _here["copyist"].write(address)
