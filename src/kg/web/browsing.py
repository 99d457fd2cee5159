"""A class and filters come in, as an address; the things that pass go out as a page, as CSV or as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

import pyoxigraph as ox
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from kg.errors import NotFound
from kg.formats import CSV, HTML, JSON, by_name, negotiate
from kg.listing import Facet, Listing, written
from kg.names import DEF, compact
from kg.page import Value
from kg.store import Term
from kg.web.site import PUBLIC, Site
from kg.web.text import choose_language

_PER_PAGE = 50
_OFFERED = (HTML, CSV, JSON)
_NO_FILTERS = {"lang", "start", "sort", "format"}
_RELATED = 10  # rows of a list on the page of something that it can be filtered by
_SHOWN = 8  # values of a filter that are shown before one asks for more


@dataclass(frozen=True)
class _Asked:
    """What an address asks for."""

    cls: str
    pairs: Sequence[tuple[str, str]]  # all that it says but from where on
    start: int
    language: str

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
    order: Sequence[str]  # the things, as they are sorted

    def cell(self, facet: Facet, thing: str) -> list[Value]:
        """The values of a thing, by their names."""
        values = [value_of(term, self.names) for term in self.listing.values[facet.name].get(thing, ())]
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
        things, total = site.entities.members(iri, language, start, _PER_PAGE)
        if not total and not site.entities.exists(iri):
            raise NotFound(f"There is no class <{iri}> here.")
        name_ = site.entities.names([iri], language)[iri]
        return site.render(request, "browse.html", name=name_, cls=cls, things=things, total=total, start=start, step=_PER_PAGE)

    @router.get("/browse/{cls}")
    def members(
        request: Request,
        cls: Annotated[str, Path(max_length=100)],
        start: Annotated[int, Query(ge=0)] = 0,
        ending: Annotated[str | None, Query(alias="format")] = None,
    ) -> Response:
        cls, dot, given = cls.partition(".")
        if not site.lists.facets(cls):
            raise NotFound(f"There is no list of things called '{cls}' here.")
        wanted = given if dot else ending
        fmt = by_name(wanted, _OFFERED) if wanted else negotiate(request.headers.get("accept"), _OFFERED)[0]
        pairs = [(key, value) for key, value in request.query_params.multi_items() if key not in ("start", "format")]
        asked = _Asked(cls, pairs, start, choose_language(request))
        view = _read(site, asked)
        if fmt is HTML:
            return site.render(request, "list.html", **_page(site, view, asked))
        return _as_csv(view) if fmt is CSV else _as_json(view)

    return router


def _read(site: Site, asked: _Asked) -> _View:
    listing = site.lists.listing(asked.cls, asked.chosen, asked.language)
    terms = [term for values in listing.values.values() for held in values.values() for term in held]
    iris = {term.value for term in terms if isinstance(term, ox.NamedNode)}
    view = _View(listing, site.entities.names({*listing.things, *iris}, asked.language), ())
    return replace(view, order=sorted(listing.things, key=lambda thing: _place(view, thing, asked.sort)))


def _place(view: _View, thing: str, sort: str) -> tuple[bool, str, str]:
    """Where a thing stands: by its first value of a column, those without one last; then by its name."""
    facet = next((facet for facet in view.listing.facets if facet.name == sort), None)
    values = [value.text.casefold() for value in view.cell(facet, thing)] if facet else [""]
    return not values, values[0] if values else "", view.names[thing].text.casefold()


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
        "things": view.order[asked.start : asked.start + _PER_PAGE],
        "offers": offers,
        "on": on,
        "step": _PER_PAGE,
        "few": _SHOWN,
    }


def _named(view: _View, facet: Facet, chosen: str) -> Value:
    """A chosen value by its name; one that nothing has, as it was written."""
    terms = (term for held in view.listing.values[facet.name].values() for term in held)
    return next((value_of(term, view.names) for term in terms if written(term) == chosen), Value(chosen))


def glance(site: Site, cls: str, thing: str, language: str) -> list[tuple[str, list[Value]]]:
    """The same that a list shows of a thing, for its own page: titles of columns, and its values."""
    shown = site.lists.glance(cls, thing)
    names = site.entities.names({term.value for _, terms in shown for term in terms if isinstance(term, ox.NamedNode)}, language)
    return [(facet.title(language), [value_of(term, names) for term in terms]) for facet, terms in shown]


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
    return [_related(site, thing, language, *mention) for mention in site.lists.mentions(thing)]


def _related(site: Site, thing: str, language: str, cls: str, by: Facet, members: Sequence[str]) -> Related:  # noqa: PLR0913, PLR0917
    shown = {member: dict(_columns(site, cls, member)) for member in members}
    facets = [facet for facet in site.lists.facets(cls) if facet.is_shown_as("column") and facet is not by]
    terms = {term for columns in shown.values() for held in columns.values() for term in held}
    iris = {term.value for term in terms if isinstance(term, ox.NamedNode)}
    names = site.entities.names({DEF + cls, *members, *iris}, language)
    ordered = sorted(members, key=lambda member: names[member].text.casefold())[:_RELATED]
    rows = [
        (names[one], [[value_of(term, names) for term in shown[one].get(facet.name, ())] for facet in facets]) for one in ordered
    ]
    address = f"/browse/{cls}?" + urlencode({by.name: compact(thing)})
    return Related(names[DEF + cls], by.title(language), len(members), address, [facet.title(language) for facet in facets], rows)


def _columns(site: Site, cls: str, member: str) -> list[tuple[str, Sequence[Term]]]:
    return [(facet.name, terms) for facet, terms in site.lists.glance(cls, member)]


def value_of(term: Term, names: Mapping[str, Value]) -> Value:
    """A thing by its name, a literal as it is."""
    if isinstance(term, ox.NamedNode):
        return names[term.value]
    return Value(term.value, datatype=term.datatype.value) if isinstance(term, ox.Literal) else Value(str(term))


def _as_csv(view: _View) -> Response:
    """RFC 4180: one row a thing, several values in one cell behind semicolons."""
    facets = view.listing.facets
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["iri", "name", *(facet.name for facet in facets)])
    for thing in view.order:
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
        for thing in view.order
    ]
    return JSONResponse(listed, headers={"Cache-Control": PUBLIC})
