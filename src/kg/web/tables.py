"""An answer comes in; what a page shows of it goes out: a table with names, and the charts that its columns allow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote

import pyoxigraph as ox
from babel.numbers import format_decimal
from markupsafe import Markup
from starlette.requests import Request

from kg.draw import Dot, Edge, Node, layers, world
from kg.names import compact
from kg.page import Value
from kg.query import Question
from kg.store import Term
from kg.table import Bar, Chart, Matrix, Table, asked_chart, bars, fitting_charts, matrix, money, tabulate, totals
from kg.web.assets import address_of
from kg.web.site import Site
from kg.web.text import choose_language

_SLOT = re.compile(r"\{(\w+)\}")
_OUTLINE = "made/world.svg"


@dataclass(frozen=True)
class Shown:
    """A table and its pictures; of those that it does not have, None or nothing."""

    table: Table
    titles: Mapping[str, str]
    group: str
    is_folded: bool = False  # each group by itself
    legend: Sequence[str] = ()
    bars: Sequence[Bar] = ()
    money: Sequence[tuple[Value, Sequence[Bar]]] = ()
    matrix: Matrix | None = None
    picture: str = ""
    link: str = ""
    counted: str = ""  # the column whose numbers lead there
    is_whole: bool = False  # whether a chart says all that the rows say

    def title(self, column: str) -> str:
        """What a column is called."""
        return self.titles.get(column, column)

    def to(self, row: Sequence[Value | None]) -> str | None:
        """Where the number in a row leads to."""
        return _leads(self.link, self.table, row) if self.link else None


def show(  # noqa: PLR0913, PLR0917
    site: Site,
    request: Request,
    columns: Sequence[str],
    rows: Sequence[Sequence[Term | None]],
    question: Question | None,
    given: Mapping[str, str] | None = None,
) -> Shown:
    """The answer to a query, which may be that of a stored question with other values for its parameters."""
    language = choose_language(request)
    iris = {term.value for row in rows for term in row if isinstance(term, ox.NamedNode)}
    table = tabulate(columns, rows, site.entities.names(iris, language))
    if question:
        table = table.without(question.hidden)
    asked = asked_chart(table, question.chart) if question else None
    charts = [asked] if asked else fitting_charts(table, lambda iri: iri in site.countries)
    titles, group, link = (question.columns(language), question.group, question.link) if question else ({}, "", "")
    link = _completed(link, columns, given or {})
    link = link and link + site.keep(request).replace("?", "&")
    shown: dict[str, object] = {}
    for chart in charts:
        shown |= _drawn(site, request, table, chart, titles, link)
    is_whole = any(chart.kind in ("bars", "matrix") and len(chart.columns) == len(table.columns) for chart in charts)
    counted = table.columns[charts[0].columns[-1]] if link and charts else ""
    is_folded = question is not None and question.is_folded
    return Shown(table, titles, group, is_folded, link=link, counted=counted, is_whole=is_whole, **shown)  # type: ignore[arg-type]


def _drawn(  # noqa: PLR0913, PLR0917
    site: Site, request: Request, table: Table, chart: Chart, titles: Mapping[str, str], link: str
) -> dict[str, object]:
    names = [titles.get(table.columns[place], table.columns[place]) for place in chart.columns]
    addresses = {
        value.iri: _leads(link, table, row) for row in table.rows if link and (value := row[chart.columns[0]]) and value.iri
    }
    values: dict[str, Callable[[], object]] = {
        "bars": lambda: bars(table, chart),
        "money": lambda: money(table, chart),
        "matrix": lambda: matrix(table, chart),
        "map": lambda: draw_map(site, request, totals(table, chart), names[-1], addresses),
        "links": lambda: _tied(site, request, table, chart, " → ".join(names[:2])),
        "chain": lambda: _tied(site, request, table, chart, " → ".join(names)),
    }
    drawn = values[chart.kind]()
    return {"picture": drawn} if isinstance(drawn, Markup) else {chart.kind: drawn, "legend": names}


def draw_map(
    site: Site, request: Request, counts: Sequence[tuple[Value, object]], title: str, addresses: Mapping[str, str] = {}
) -> Markup:
    """Countries with a number each; empty where there is no outline of the world, or none of them stands on it."""
    atlas, outline, language, link = site.atlas, address_of(_OUTLINE), choose_language(request), site.linker(request)
    if not atlas or not outline:
        return Markup("")
    placed = [(value, float(str(number)), atlas.centres.get(site.countries.get(value.iri or "", ""))) for value, number in counts]
    most = max((number for _, number, place in placed if place), default=0) or 1
    dots = [
        Dot(
            *place,
            format_decimal(number, locale=language),
            number / most,
            value.text,
            addresses.get(value.iri or "") or link(value.iri or ""),
        )
        for value, number, place in sorted(placed, key=lambda one: -one[1])
        if place and number > 0
    ]
    if not dots:
        return Markup("")
    return Markup(world(dots, outline, atlas.width, atlas.height, title))  # noqa: S704 (names are escaped there)


def _tied(site: Site, request: Request, table: Table, chart: Chart, title: str) -> Markup:
    """Boxes for the things in the columns, with a line from each to the next in its row."""
    link = site.linker(request)
    steps, label = (chart.columns[:2], chart.columns[2]) if chart.kind == "links" else (chart.columns, None)
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str], Edge] = {}
    for row in table.rows:
        things = [value for place in steps if (value := row[place])]
        nodes |= {value.iri or value.text: Node(value.text, link(value.iri) if value.iri else None) for value in things}
        said = row[label] if label is not None else None
        for one, other in pairwise(value.iri or value.text for value in things):
            if one != other:
                edges[one, other] = Edge(one, other, said.text if said else "")
    return Markup(layers(nodes, list(edges.values()), "", title)) if edges else Markup("")  # noqa: S704 (names are escaped there)


def _completed(link: str, columns: Sequence[str], given: Mapping[str, str]) -> str:
    """The address with the values of parameters in it; none where one that it needs is not known."""
    link = _SLOT.sub(lambda slot: quote(given[slot[1]]) if slot[1] in given else slot[0], link)
    return link if {slot[1] for slot in _SLOT.finditer(link)} <= set(columns) else ""


def _leads(link: str, table: Table, row: Sequence[Value | None]) -> str:
    held = dict(zip(table.columns, row, strict=True))
    return _SLOT.sub(lambda slot: quote(_written(held.get(slot[1]))), link)


def _written(value: Value | None) -> str:
    """As addresses have it."""
    if value is None:
        return ""
    return compact(value.iri) if value.iri else value.text
