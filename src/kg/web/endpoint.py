"""The SPARQL endpoint: a query as GET, form or body comes in; its results, or a page with them, go out (SPARQL 1.1 Protocol)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

import pyoxigraph as ox
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import Response

from kg.errors import BadQuery, BadRequest, KgError, MethodRefused, NotAcceptable, TooLarge
from kg.formats import GRAPHS, HTML, JSON, RESULTS, TURTLE, Format, by_name, negotiate
from kg.names import compact
from kg.page import Value
from kg.store import Answer
from kg.store import Request as StoreRequest
from kg.web.problems import STATUS
from kg.web.site import Site
from kg.web.text import choose_language

_FORM = "application/x-www-form-urlencoded"
_QUERY = "application/sparql-query"
_UPDATE = "application/sparql-update"
_SHOWN = 1000  # rows that the page shows; the downloads have all


def endpoint(site: Site) -> APIRouter:
    """The one route of the protocol."""
    router = APIRouter()
    # A lane of their own: pages never wait for a thread behind strangers' queries.
    lane = CapacityLimiter(site.settings.workers + site.settings.waiting)

    @router.head("/sparql", include_in_schema=False)
    @router.post("/sparql", summary="SPARQL 1.1 query")
    @router.get("/sparql", summary="SPARQL 1.1 query")
    async def sparql(request: Request) -> Response:
        parameters = await _parameters(request, site.settings.query_bytes)
        if "update" in dict(parameters):
            raise MethodRefused("This endpoint is read-only: updates are not accepted.")
        texts = [value for key, value in parameters if key == "query"]
        named = [value for key, value in parameters if key == "format"]
        wants_page = _wants_page(request, named)
        if not texts and wants_page:
            return site.render(request, "sparql.html", query="", questions=site.questions.all(), asked=None)
        if len(texts) != 1:
            raise BadRequest("Give one query, as parameter 'query' or as a body of type application/sparql-query.")
        graphs = {key: tuple(v for k, v in parameters if k == key) for key in ("default-graph-uri", "named-graph-uri")}
        for iri in (*graphs["default-graph-uri"], *graphs["named-graph-uri"]):
            _demand_iri(iri)
        results, graph = (JSON, TURTLE) if wants_page else _formats(request, named)
        asked = StoreRequest(texts[0], _name(results), _name(graph), graphs["default-graph-uri"], graphs["named-graph-uri"])
        if wants_page:
            return await run_sync(lambda: _page(site, request, asked), limiter=lane)
        answer = await run_sync(site.store.query, asked, limiter=lane)
        fmt = by_name(answer.format, (*RESULTS, *GRAPHS))
        return Response(answer.body, headers={"Vary": "Accept"}, media_type=_called(request, fmt, named))

    return router


async def _parameters(request: Request, limit: int) -> list[tuple[str, str]]:
    """The parameters of the request, wherever the protocol lets them stand."""
    parameters = _pairs(request.url.query)
    if request.method != "POST":
        return parameters
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > 3 * limit + 10_000:  # percent-encoding makes three bytes of one
            raise TooLarge(f"This request is too large: a query may have {limit:,} bytes.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8 text.") from None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        return parameters + _pairs(text)
    if kind == _QUERY:
        return [*parameters, ("query", text)]
    if kind == _UPDATE:
        return [*parameters, ("update", text)]
    raise BadRequest(f"A POST carries a body of type {_FORM} or {_QUERY}. [got {kind or 'none'}]")


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=200)
    except (UnicodeDecodeError, ValueError):
        raise BadRequest("The parameters are not percent-encoded UTF-8.") from None


def _wants_page(request: Request, named: list[str]) -> bool:
    """A browser gets the page; `?format=` and every client that asks for data gets data."""
    if named:
        return named[-1].lower() == HTML.name
    try:
        return negotiate(request.headers.get("accept"), (JSON, TURTLE, HTML))[0] is HTML
    except NotAcceptable:
        return False


def _formats(request: Request, named: list[str]) -> tuple[Format | None, Format | None]:
    """The format for rows and the format for a graph; which one is needed is known when the query was parsed."""
    chosen: list[Format | None] = []
    for offered in (RESULTS, GRAPHS):
        try:
            chosen.append(by_name(named[-1], offered) if named else negotiate(request.headers.get("accept"), offered)[0])
        except NotAcceptable:
            chosen.append(None)
    if chosen == [None, None]:
        raise NotAcceptable([fmt.media_type for fmt in (*RESULTS, *GRAPHS)])
    return chosen[0], chosen[1]


def _name(fmt: Format | None) -> str | None:
    return fmt.name if fmt else None


def _called(request: Request, fmt: Format, named: list[str]) -> str:
    """The media type under the name that the client accepts."""
    name = fmt.media_type if named else negotiate(request.headers.get("accept"), (fmt,))[1]
    return f"{name}; charset=utf-8" if name.startswith("text/") else name


def _demand_iri(iri: str) -> None:
    try:
        ox.NamedNode(iri)
    except ValueError:
        raise BadRequest(f"A graph is named by a full address. [got {iri}]") from None


def _page(site: Site, request: Request, asked: StoreRequest) -> Response:
    """The form with the results below it, or with what is wrong with the query."""
    questions = site.questions
    values: dict[str, object] = {"query": asked.text, "questions": questions.all(), "asked": questions.asked_by(asked.text)}
    status = HTTPStatus.OK
    try:
        answer = site.store.query(asked)
        values |= _shown(site, request, answer)
    except KgError as error:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        values["problem"] = str(error)
        if isinstance(error, BadQuery) and error.line:
            values["fault"] = _pointed(asked.text, error.line, error.column or 1)
    return site.render(request, "sparql.html", status, **values)


def _pointed(query: str, line: int, column: int) -> str:
    """The faulty line with a mark under its column."""
    lines = query.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    return f"{shown}\n{' ' * (column - 1)}^"


def _shown(site: Site, request: Request, answer: Answer) -> dict[str, object]:
    if answer.format == TURTLE.name:
        return {"graph": answer.body.decode("utf-8", "replace")}
    solutions = ox.parse_query_results(answer.body, format=ox.QueryResultsFormat.JSON)
    if isinstance(solutions, ox.QueryBoolean):
        return {"boolean": bool(solutions)}
    variables = [variable.value for variable in solutions.variables]
    rows = list(solutions)
    shown = rows[:_SHOWN]
    iris = {term.value for row in shown for term in row if isinstance(term, ox.NamedNode)}
    names = site.entities.names(iris, choose_language(request))
    cells = [[_cell(term, names) for term in row] for row in shown]
    return {"variables": variables, "rows": cells, "count": len(rows)}


def _cell(term: object, names: Mapping[str, Value]) -> dict[str, object]:
    """A term for the table: things with their name, literals with their language or type."""
    if isinstance(term, ox.NamedNode):
        return {"iri": term.value, "name": names.get(term.value), "short": compact(term.value)}
    if isinstance(term, ox.Literal):
        plain = term.language or term.datatype.value.endswith(("#string", "#langString"))
        return {"text": term.value, "language": term.language, "type": "" if plain else compact(term.datatype.value)}
    return {"text": "" if term is None else str(term), "language": None, "type": ""}
