"""Stored questions that share a page come in; the page, with the answer to each as charts and a table, goes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from kg.names import DEF, compact
from kg.page import Page
from kg.query import Question
from kg.web.site import Site
from kg.web.tables import Shown, show
from kg.web.text import choose_language

#: The pages of several questions, each at the address of its name; `report.html` says what they are called.
PAGES = ("charts", "unknown", "coverage", "quality", "links")


_READ = "SELECT DISTINCT ?item { GRAPH graph:wikidata { ?document schema:about ?item } } ORDER BY ?item"


@dataclass(frozen=True)
class Panel:
    """The answer to one question on a page, and the query behind it."""

    question: Question
    shown: Shown | None  # None where it is answered when somebody asks
    query: str


def reports(site: Site) -> APIRouter:
    """Routes for pages of several questions."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    def report(request: Request) -> Response:
        name = request.url.path.strip("/")
        looked = _looked_at(site, request) if name == "links" else None
        return site.render(request, "report.html", name=name, panels=panels_of_page(site, request, name), looked=looked)

    for page in PAGES:
        router.add_api_route(f"/{page}", report, methods=["GET"])

    @router.get("/disagreements")
    def disagreements(request: Request) -> Response:
        disputes = site.entities.disputes(choose_language(request))
        panels = panels_of_page(site, request, "disagreements")
        return site.render(request, "disagreements.html", disputes=disputes, panels=panels, items=_items_read(site))

    return router


def panels_of_page(site: Site, request: Request, name: str) -> list[Panel]:
    """The questions that stand on a page of several, with their answers."""
    return [_panel(site, request, question, {}) for question in _in_order(site) if name in question.pages]


def panels_of_thing(site: Site, request: Request, page: Page) -> list[Panel]:
    """The questions that stand on the pages of things of these classes, asked of one; those with an answer.

    Of a thing that very much leads to none is answered here: that takes the longer the larger the graph is.
    """
    ours = {cls.removeprefix(DEF) for cls in page.classes}
    asked = [(question, question.panel) for question in _in_order(site) if question.panel and ours.intersection(question.panel[0])]
    bound = [(question, {parameter: compact(page.iri)}) for question, (_, parameter) in asked]
    if page.is_hub:
        return [Panel(question, None, question.bound(given)) for question, given in bound]
    return _answered(_panel(site, request, question, given) for question, given in bound)


def _answered(panels: Iterable[Panel]) -> list[Panel]:
    return [panel for panel in panels if panel.shown and panel.shown.table.rows]


def _items_read(site: Site) -> int:
    """How many items of Wikidata the release holds as they were read: without any, that it contradicts nothing says nothing."""
    return len(site.store.rows(_READ))


def _looked_at(site: Site, request: Request) -> Mapping[str, Any] | None:
    """The last look at the items themselves: the day, how many links there were, and those with which something is the matter."""
    report = site.link_report
    if not report:
        return None
    faulty = [each for each in report["findings"] if each["state"] != "ok"]
    names = site.entities.names([each["thing"] for each in faulty], choose_language(request))
    shown = [(names[each["thing"]], each) for each in faulty]
    return {
        **report,
        "faulty": shown,
        "faulty_links": len({each["link"] for each in faulty}),
        "kind_unknown": report.get("kind_unknown", ()),
    }


def _in_order(site: Site) -> list[Question]:
    return sorted(site.questions.all(), key=lambda question: (question.place, question.name))


def _panel(site: Site, request: Request, question: Question, given: Mapping[str, str]) -> Panel:
    query, columns = question.bound(given), question.variables
    rows = [[row.get(name) for name in columns] for row in site.store.rows(query)]
    return Panel(question, show(site, request, columns, rows, question, given), query)
