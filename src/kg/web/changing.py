"""Two releases come in, as an address; what changed between them goes out, as a page, JSON, CSV or a feed (Atom, RFC 4287)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode
from xml.etree import ElementTree

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from starlette.responses import JSONResponse, Response

from kg.changes import Change, Snapshot, as_csv, as_values, compare, count, of_thing, read_snapshot
from kg.errors import BadRequest, NotFound
from kg.formats import CSV, HTML, JSON, Format, by_name, negotiate
from kg.names import AUTHOR, DATASET, compact, expand, local_path, release_iri
from kg.page import Value
from kg.release import STATEMENTS
from kg.web.site import PUBLIC, Site
from kg.web.text import LANGUAGES, choose_language, page_link
from kg.web.variants import heed

ATOM = Format("atom", ("application/atom+xml",), "atom", "Atom")
_OFFERED = (HTML, JSON, CSV, ATOM)
_SHOWN = 500  # changes that the page shows; the downloads have all
_CURIE = re.compile(r"[a-z][a-z0-9]*:[\w./-]+", re.ASCII)
_NS = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True)
class Step:
    """From one release to another, and what changed."""

    before: str
    after: str
    changes: Sequence[Change]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many changes there are of each kind."""
        return count(self.changes)


def changing(site: Site) -> APIRouter:
    """Routes for what changed."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/changes")
    @router.get("/changes.{ending}")
    def changes(  # noqa: PLR0913, PLR0917 (what an address can say)
        request: Request,
        ending: str | None = None,
        before: Annotated[str | None, Query(alias="from")] = None,
        after: Annotated[str | None, Query(alias="to")] = None,
        of: str | None = None,
        given: Annotated[str | None, Query(alias="format")] = None,
    ) -> Response:
        wanted = ending or given
        fmt = by_name(wanted, _OFFERED) if wanted else negotiate(heed(request, "Accept"), _OFFERED)[0]
        thing = _thing(of) if of else ""
        if thing and not site.entities.exists(thing) and not any(thing in _snapshot(table) for table in _tables(site).values()):
            raise NotFound(f"No release here speaks of <{thing}>.")
        steps = list(_steps(site, before, after, thing, every=fmt is ATOM or (bool(thing) and before is None and after is None)))
        if fmt is HTML:
            return _page(site, request, steps, thing)
        headers = {"Cache-Control": PUBLIC}
        if fmt is ATOM:
            return Response(_feed(str(request.base_url), steps, thing), headers=headers, media_type=ATOM.media_type)
        if fmt is CSV:
            table = as_csv((step.before, step.after, step.changes) for step in steps)
            return Response(table, headers=headers, media_type=CSV.media_type)
        told = [{"from": step.before, "to": step.after, "changes": as_values(step.changes)} for step in steps]
        return JSONResponse(told, headers=headers)

    return router


def _thing(of: str) -> str:
    iri = expand(of)
    if "://" not in iri:
        raise BadRequest(f"'of' is the address of a thing or claim, or org:zte and the like. [got {of[:100]}]")
    return iri


def _steps(site: Site, before: str | None, after: str | None, thing: str, *, every: bool) -> Iterator[Step]:
    """What is asked for, the newest first: one step, or each from one release to the next."""
    tables = _tables(site)
    names = list(tables)
    for asked in (before, after):
        if asked is not None and asked not in tables:
            raise NotFound(f"There is no release '{asked[:50]}' here. Releases here: {', '.join(names) or 'none'}.")
    if every:
        pairs = list(pairwise(names))[::-1]
    elif len(names) > 1 or before or after:
        last = after or names[-1]
        earlier = names[: names.index(last)]
        first = before or (earlier[-1] if earlier else last)
        pairs = [(first, last)]
    else:
        pairs = []
    for first, last in pairs:
        changed = _compared(tables[first], tables[last])
        step = Step(first, last, of_thing(changed, thing) if thing else changed)
        if step.changes or not every:
            yield step


def _tables(site: Site) -> dict[str, Path]:
    """By the name of a release the table of its statements, the oldest first; what is served last, if it was not released."""
    tables = {name: release.path / STATEMENTS for name, release in site.releases.items()}
    if site.manifest and STATEMENTS in site.manifest.files:
        served = site.downloads[site.manifest.published(STATEMENTS)]
        tables.setdefault(site.manifest.name, served)
    return tables


@lru_cache(maxsize=4)
def _snapshot(table: Path) -> Snapshot:
    return read_snapshot(table)


@lru_cache(maxsize=16)
def _compared(before: Path, after: Path) -> Sequence[Change]:
    return tuple(compare(_snapshot(before), _snapshot(after)))


@dataclass(frozen=True)
class _Told:
    """A change as a reader in one language sees it."""

    change: Change
    property: Value | None
    before: Sequence[Markup]
    after: Sequence[Markup]
    address: str  # of the claim on the page of its thing


def _page(site: Site, request: Request, steps: Sequence[Step], thing: str) -> Response:
    language, keep = choose_language(request), site.keep(request)
    shown = [(step, step.changes[:_SHOWN]) for step in steps]
    mentioned = {expand(token) for _, changes in shown for change in changes for token in _tokens(change)}
    things = {change.thing for _, changes in shown for change in changes} | ({thing} if thing else set())
    names = site.entities.names(mentioned | things, language)
    by_curie = {compact(iri): name for iri, name in names.items()}
    sections = [(step, _grouped(changes, names, by_curie, keep), len(step.changes) - len(changes)) for step, changes in shown]
    return site.render(
        request,
        "changes.html",
        sections=sections,
        thing=names[thing] if thing else None,
        of=compact(thing) if thing else "",
        names=list(_tables(site)),
        query=urlencode([(key, value) for key, value in request.query_params.multi_items() if key != "lang"]),
    )


def _grouped(
    changes: Sequence[Change], names: Mapping[str, Value], by_curie: Mapping[str, Value], keep: str
) -> list[tuple[Value, list[_Told]]]:
    """The changes by their thing, in the order of their IRIs."""
    groups: dict[str, list[_Told]] = {}
    for each in changes:
        sides = [[_worded(value, by_curie, keep) for value in side] for side in (each.before, each.after)]
        address = f"/page{local_path(each.thing).removeprefix('/id')}{keep}" + (
            f"#{each.claim.rpartition('/')[2]}" if each.claim else ""
        )
        told = _Told(each, by_curie.get(each.property), sides[0], sides[1], address)
        groups.setdefault(each.thing, []).append(told)
    return [(names[iri], told) for iri, told in groups.items()]


def _tokens(change: Change) -> Iterator[str]:
    """The CURIEs in what is told."""
    for value in (change.property, *change.before, *change.after):
        yield from filter(_CURIE.fullmatch, value.replace("; ", "=").split("="))


def _worded(value: str, by_curie: Mapping[str, Value], keep: str) -> Markup:
    """A value with names for what it names: properties, things and codes."""
    return Markup("; ").join(_part(part, by_curie, keep) for part in value.split("; "))


def _part(part: str, by_curie: Mapping[str, Value], keep: str) -> Markup:
    *keys, last = part.split("=")
    before = "".join(f"{by_curie[key].text if key in by_curie else key}: " for key in keys)
    if named := by_curie.get(last):
        return Markup('{}<a href="{}">{}</a>').format(before, page_link(named.iri or "", keep), named.text)
    text, mark, language = last.rpartition("@")
    if mark and language in LANGUAGES:
        return Markup('{}<span lang="{}">{}</span> <small>({})</small>').format(before, language, text, language)
    return Markup("{}{}").format(before, last)


def _feed(base: str, steps: Sequence[Step], thing: str) -> bytes:
    """One entry for each release in which something changed."""
    about = f"?{urlencode({'of': compact(thing)})}" if thing else ""
    feed = ElementTree.Element("feed", {"xmlns": _NS})
    _say(feed, "id", f"{thing or DATASET}#changes")
    _say(feed, "title", f"Vigía: changes{f' of {compact(thing)}' if thing else ''}")
    _say(feed, "updated", _instant(steps[0].after) if steps else "2026-01-01T00:00:00Z")
    ElementTree.SubElement(ElementTree.SubElement(feed, "author"), "name").text = AUTHOR
    ElementTree.SubElement(feed, "link", {"rel": "self", "href": f"{base}changes.atom{about}"})
    ElementTree.SubElement(feed, "link", {"rel": "alternate", "href": f"{base}changes{about}"})
    for step in steps:
        asked = {"from": step.before, "to": step.after} | ({"of": compact(thing)} if thing else {})
        entry = ElementTree.SubElement(feed, "entry")
        _say(entry, "id", release_iri(step.after) + (f"#{compact(thing)}" if thing else ""))
        _say(entry, "title", f"{step.after}, since {step.before}: {len(step.changes)}")
        _say(entry, "updated", _instant(step.after))
        ElementTree.SubElement(entry, "link", {"rel": "alternate", "href": f"{base}changes?{urlencode(asked)}"})
        _say(entry, "summary", ", ".join(f"{number} {kind}" for kind, number in step.counts.items()))
    return bytes(ElementTree.tostring(feed, "utf-8", xml_declaration=True))


def _say(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = text


def _instant(version: str) -> str:
    """The day of a release as Atom writes times; the number of one of several that day is its second."""
    day, _, number = version.partition(".")
    return f"{day}T00:00:{min(int(number or 0), 59):02}Z"
