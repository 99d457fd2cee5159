"""A class and filters come in, as an address; the things that pass go out as a page, as CSV or as JSON."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import pyoxigraph as ox
from fastapi import APIRouter, Path, Query, Request
from markupsafe import Markup
from starlette.responses import JSONResponse, RedirectResponse, Response

from kg.errors import NotFound
from kg.facet import Facet
from kg.formats import CSV, HTML, JSON, by_name, negotiate
from kg.listing import MOST_OFFERED, Listing, Mention, Standing, written
from kg.names import DEF, compact
from kg.page import Value
from kg.table import value_of
from kg.web.site import PUBLIC, Site
from kg.web.tables import draw_map
from kg.web.text import choose_language
from kg.web.variants import heed

_PER_PAGE = 50
_OFFERED = (HTML, CSV, JSON)
_NO_FILTERS = {"lang", "start", "sort", "format", "view", "on"}
_RELATED = 10  # rows of a list on the page of something that it can be filtered by
_DATES = ("#date", "#gYearMonth", "#gYear", "#dateTime")
_SHOWN = 8  # values of a filter that are shown before one asks for more


@dataclass(frozen=True)
class _Asked:
    """What an address asks for."""

    cls: str
    pairs: Sequence[tuple[str, str]]  # all that it says but from where on
    start: int
    language: str
    on: date | None  # the day as of which values are asked for that change with time

    @property
    def view(self) -> str:
        """How the list is to be seen: `map`, `timeline`, or as a table."""
        return dict(self.pairs).get("view", "")

    @property
    def chosen(self) -> dict[str, list[str]]:
        """The values by their filter."""
        chosen: dict[str, list[str]] = {}
        for key, value in self.pairs:
            if key not in _NO_FILTERS and value:
                chosen.setdefault(key, []).append(value)
        return chosen

    @property
    def sort(self) -> str:
        """The column that the things are sorted by; empty for their names."""
        return dict(self.pairs).get("sort", "")

    def address(self, add: tuple[str, str] | None = None, drop: Iterable[tuple[str, str]] = (), ending: str = "") -> str:
        """The same list with one thing more in its address, or fewer, or in another format."""
        pairs = [pair for pair in self.pairs if pair not in drop]
        if add:
            pairs = [pair for pair in pairs if pair[0] != add[0] or add[0] not in _NO_FILTERS]
            pairs.append((add[0], str(add[1])))
        return f"/browse/{self.cls}{ending}" + (f"?{urlencode(pairs)}" if pairs else "")


@dataclass(frozen=True)
class _View:
    """A listing as a reader in one language sees it."""

    listing: Listing
    names: Mapping[str, Value]

    def cell(self, facet: Facet, thing: str) -> list[Value]:
        """The values of a thing, by their names."""
        told = self.listing.values[facet.name].get(thing, {})
        values = [_standing(value_of(term, self.names), standing, self.names) for term, standing in told.items()]
        return sorted(values, key=lambda value: value.text.casefold())


def browsing(site: Site) -> APIRouter:
    """Routes for lists."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/browse")
    def browse(request: Request, cls: Annotated[str, Query(alias="class")], start: Annotated[int, Query(ge=0)] = 0) -> Response:
        """A class by its name or IRI: the list of ours, or all members where there is none."""
        name = cls.removeprefix(DEF)
        if site.lists.facets(name):
            kept = [(key, value) for key, value in request.query_params.multi_items() if key != "class"]
            return RedirectResponse(f"/browse/{name}" + (f"?{urlencode(kept)}" if kept else ""), 308)
        language = choose_language(request)
        iri = DEF + cls if cls.isalnum() else cls
        step = _per_page(site)
        things, total = site.entities.members(iri, language, start, step)
        if not total and not site.entities.exists(iri):
            raise NotFound(f"There is no class <{iri}> here.")
        name_ = site.entities.names([iri], language)[iri]
        return site.render(request, "browse.html", name=name_, cls=cls, things=things, total=total, start=start, step=step)

    @router.get("/browse/{cls}")
    def members(  # noqa: PLR0913, PLR0917 (what an address can say)
        request: Request,
        cls: Annotated[str, Path(max_length=100)],
        start: Annotated[int, Query(ge=0)] = 0,
        ending: Annotated[str | None, Query(alias="format")] = None,
        view: Annotated[Literal["", "map", "timeline"], Query()] = "",
        on: date | None = None,
    ) -> Response:
        cls, dot, given = cls.partition(".")
        if not site.lists.facets(cls):
            raise NotFound(f"There is no list of things called '{cls}' here.")
        wanted = given if dot else ending
        fmt = by_name(wanted, _OFFERED) if wanted else negotiate(heed(request, "Accept"), _OFFERED)[0]
        pairs = [(key, value) for key, value in request.query_params.multi_items() if key not in ("start", "format")]
        asked = _Asked(cls, pairs, start, choose_language(request), on)
        is_page = fmt is HTML and not view
        seen = _read(site, asked if is_page else replace(asked, start=0), _per_page(site) if is_page else -1)
        if fmt is HTML:
            drawn = _on_map(site, request, seen, asked) if view == "map" else _in_time(seen) if view == "timeline" else {}
            return site.render(request, "list.html", **_page(site, seen, asked), **{"map": None, "years": None, **drawn})
        return _as_csv(seen) if fmt is CSV else _as_json(seen)

    return router


def _per_page(site: Site) -> int:
    """A file has all rows, so that its script can filter them."""
    return sys.maxsize if site.is_static else _PER_PAGE


def _held(listing: Listing, thing: str) -> str:
    """The values by which a thing can be filtered, as addresses have them."""
    pairs = [(name, written(term)) for name in listing.offers for term in listing.values[name].get(thing, ())]
    return urlencode(pairs)


def _read(site: Site, asked: _Asked, most: int) -> _View:
    day = asked.on.isoformat() if asked.on else ""
    listing = site.lists.listing(asked.cls, asked.chosen, asked.language, day=day, sort=asked.sort, start=asked.start, most=most)
    told = [pair for things in listing.values.values() for held in things.values() for pair in held.items()]
    terms = {term for value, standing in told for term in (value, *standing)}
    terms |= {term for offers in listing.offers.values() for term, _ in offers}
    terms |= {term for meant in listing.chosen.values() for term in meant}
    iris = {term.value for term in terms if isinstance(term, ox.NamedNode)}
    return _View(listing, site.entities.names({*listing.things, *iris}, asked.language))


def _page(site: Site, view: _View, asked: _Asked) -> dict[str, Any]:
    listing = view.listing
    offers = []
    for facet in listing.facets:
        values = [(value_of(term, view.names), count, written(term)) for term, count in listing.offers.get(facet.name, ())]
        if values:
            offers.append((facet, values))
    on = [(facet, _named(view, facet, value), value) for facet in listing.facets for value in asked.chosen.get(facet.name, ())]
    return {
        "asked": asked,
        "name": site.entities.names([DEF + asked.cls], asked.language)[DEF + asked.cls],
        "view": view,
        "columns": [facet for facet in listing.facets if facet.is_shown_as("column")],
        "things": listing.things,
        "most": MOST_OFFERED,
        "held": lambda thing: _held(listing, thing),
        "offers": offers,
        "on": on,
        "step": _per_page(site),
        "few": _SHOWN,
    }


def _on_map(site: Site, request: Request, view: _View, asked: _Asked) -> dict[str, Any]:
    """The things by the countries of the first filter that has any: the picture, and each country with its things."""
    for facet in view.listing.facets:
        by_country: dict[str, list[Value]] = {}
        for thing in view.listing.things:
            for value in view.cell(facet, thing):
                if value.iri in site.countries:
                    by_country.setdefault(value.iri or "", []).append(view.names[thing])
        if by_country:
            addresses = {
                iri: asked.address(add=(facet.name, compact(iri)), drop=[("view", "map"), (facet.name, compact(iri))])
                for iri in by_country
            }
            counts = [(view.names[iri], len(things)) for iri, things in by_country.items()]
            title = facet.title(asked.language)
            groups = sorted(((view.names[iri], addresses[iri], things) for iri, things in by_country.items()), key=_most_first)
            placed = {value.iri for things in by_country.values() for value in things}
            nowhere = [view.names[thing] for thing in view.listing.things if thing not in placed]
            return {"map": draw_map(site, request, counts, title, addresses), "groups": groups, "nowhere": nowhere}
    return {"map": Markup(""), "groups": [], "nowhere": []}


def _most_first(group: tuple[Value, str, Sequence[Value]]) -> tuple[int, str]:
    return -len(group[2]), group[0].text.casefold()


def _in_time(view: _View) -> dict[str, Any]:
    """The things by the year of the first column that holds dates, the latest year first; each year with its bar."""
    for facet in view.listing.facets:
        by_year: dict[str, list[Value]] = {}
        for thing in view.listing.things:
            years = {value.text[:4] for value in view.cell(facet, thing) if (value.datatype or "").endswith(_DATES)}
            for year in years:
                by_year.setdefault(year, []).append(view.names[thing])
        if by_year:
            most = max(map(len, by_year.values()))
            undated = [view.names[thing] for thing in view.listing.things if not view.cell(facet, thing)]
            years_ = [(year, 100 * len(things) / most, things) for year, things in sorted(by_year.items(), reverse=True)]
            return {"years": years_, "undated": undated, "facet": facet}
    return {"years": [], "undated": [view.names[thing] for thing in view.listing.things], "facet": None}


def _named(view: _View, facet: Facet, chosen: str) -> Value:
    """A chosen value by its name; one that nothing has, as it was written."""
    meant = view.listing.chosen[facet.name, chosen]
    return value_of(meant[0], view.names) if meant else Value(chosen)


@dataclass(frozen=True)
class Told:
    """A part of the sentence that says what a thing is: values, and the words around them."""

    before: str
    values: Sequence[Value]
    after: str


def glance(site: Site, cls: str, thing: str, language: str) -> list[Told]:
    """The same that a list shows of a thing, as a sentence for its own page."""
    shown = site.lists.glance(cls, [thing])[thing]
    terms = {term for _, known in shown for value, standing in known.items() for term in (value, *standing)}
    names = site.entities.names({term.value for term in terms if isinstance(term, ox.NamedNode)}, language)
    told = []
    for facet, known in shown:
        if phrase := facet.phrase(language):
            values = [_standing(value_of(term, names), standing, names) for term, standing in known.items()]
            told.append(Told(phrase[0], values, phrase[1]))
    return told


def _standing(value: Value, standing: Standing, names: Mapping[str, Value]) -> Value:
    """The value with when it was so, and with how certain that is if no source says it plainly."""
    when, certainty = (value_of(term, names) if term else None for term in standing)
    doubtful = certainty if certainty and not (certainty.iri or "").endswith(("/confirmed", "/reported")) else None
    return replace(value, more=tuple(part for part in (when, doubtful) if part))


@dataclass(frozen=True)
class Related:
    """The members of a class that have something to do with a thing, the first of them as rows."""

    cls: Value
    by: str  # how they have to do with it
    total: int
    address: str
    columns: Sequence[str]
    rows: Sequence[tuple[Value, Sequence[Sequence[Value]]]]


def related(site: Site, thing: str, language: str) -> list[Related]:
    """A table for each list that can be filtered by the thing."""
    return [_related(site, thing, language, mention) for mention in site.lists.mentions(thing, language, _RELATED)]


def _related(site: Site, thing: str, language: str, mention: Mention) -> Related:
    cls, by = mention.cls, mention.facet
    shown = {thing: {facet.name: told for facet, told in known} for thing, known in site.lists.glance(cls, mention.members).items()}
    facets = [facet for facet in site.lists.facets(cls) if facet.is_shown_as("column") and facet is not by]
    terms = {term for columns in shown.values() for held in columns.values() for term in held}
    iris = {term.value for term in terms if isinstance(term, ox.NamedNode)}
    names = site.entities.names({DEF + cls, *mention.members, *iris}, language)
    rows = [
        (names[one], [[value_of(term, names) for term in shown[one].get(facet.name, ())] for facet in facets])
        for one in mention.members
    ]
    return Related(
        names[DEF + cls],
        by.title(language),
        mention.total,
        f"/browse/{cls}?" + urlencode({by.name: compact(thing)}),
        [facet.title(language) for facet in facets],
        rows,
    )


def _as_csv(view: _View) -> Response:
    """RFC 4180: one row a thing, several values in one cell behind semicolons."""
    facets = view.listing.facets
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["iri", "name", *(facet.name for facet in facets)])
    for thing in view.listing.things:
        cells = ("; ".join(value.text for value in view.cell(facet, thing)) for facet in facets)
        rows.writerow([thing, view.names[thing].text, *cells])
    return Response(text.getvalue(), media_type=CSV.media_type, headers={"Cache-Control": PUBLIC})


def _as_json(view: _View) -> Response:
    listed = [
        {"iri": thing, "name": view.names[thing].text}
        | {
            facet.name: [{"iri": value.iri, "name": value.text} if value.iri else value.text for value in view.cell(facet, thing)]
            for facet in view.listing.facets
        }
        for thing in view.listing.things
    ]
    return JSONResponse(listed, headers={"Cache-Control": PUBLIC})
