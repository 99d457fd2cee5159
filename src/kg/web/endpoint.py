"""The SPARQL endpoint: a query comes in; its results, or a page with them, or what the endpoint is, go out.

It stands before the application, whose routing costs more than most queries.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pyoxigraph as ox
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from kg.errors import AnswerTooLarge, BadQuery, BadRequest, HungUp, KgError, MethodRefused, NotAcceptable
from kg.formats import GRAPHS, JSON, RESULTS, TURTLE, choose_coding
from kg.names import PREFIXES
from kg.query import Question
from kg.sparql import is_volatile
from kg.store import Answer
from kg.store import Request as StoreRequest
from kg.web.answers import asker, hang_up, headers_of
from kg.web.describe import SPACES, service_description
from kg.web.documents import written
from kg.web.problems import UNFORESEEN, problem_of, respond
from kg.web.protocol import Asked, Room, read
from kg.web.reply import Reply, reply_of
from kg.web.sheet import write_sheet
from kg.web.site import PUBLIC, Site
from kg.web.tables import show

PATH = "/sparql"
_log = logging.getLogger(__name__)
_SHEET_ROWS = 100_000
_SHOWN = 1000  # rows that the page shows; the downloads have all
_ON_PAGE = f"{JSON.media_type},{TURTLE.media_type}"  # what the page is made from
_ROOM = 100_000_000  # bytes of bodies that may be arriving
_FORMATS = {fmt.name: fmt for fmt in (*RESULTS, *GRAPHS)}
_NOBODY = Reply(503, [])


class Endpoint:
    """The one address of the protocol."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._room = Room(_ROOM)

    async def answer(self, scope: Scope, receive: Receive) -> Reply:
        """The answer to one request."""
        try:
            asked = await read(scope, receive, self._site.settings.query_bytes, self._room)
            _refuse_update(asked)
            if len(asked.queries) == 1 and asked.choice.sheet:
                return reply_of(await self._sheet(Request(scope, receive), asked))
            if len(asked.queries) == 1 and not asked.choice.page:
                return await self._results(scope, receive, asked)
            return reply_of(await self._otherwise(Request(scope, receive), asked))
        except HungUp:
            return _NOBODY
        except KgError as error:
            return reply_of(respond(Request(scope), problem_of(error), self._site.render))
        except Exception:
            _log.exception("A query could not be answered.")
            return reply_of(respond(Request(scope), UNFORESEEN, self._site.render))

    async def _results(self, scope: Scope, receive: Receive, asked: Asked) -> Reply:
        choice = asked.choice
        if choice.results is None and choice.graph is None:
            raise NotAcceptable([fmt.media_type for fmt in (*RESULTS, *GRAPHS)])
        answer = await self._ask(scope, receive, asked, encoding=choose_coding(asked.encodings))
        kind = asked.called(_FORMATS[answer.format])
        return Reply(200, headers_of(answer, kind, _keeping(scope["method"], asked.queries[0])), answer.body)

    async def _ask(self, scope: Scope, receive: Receive, asked: Asked, **more: Any) -> Answer:
        choice = asked.choice
        wanted = StoreRequest(
            asked.queries[0],
            choice.results.name if choice.results else None,
            choice.graph.name if choice.graph else None,
            asked.default_graphs,
            asked.named_graphs,
            timeout=asked.timeout,
            **more,
        )
        return await self._site.store.query(wanted, asker(scope), lambda: hang_up(receive))

    async def _otherwise(self, request: Request, asked: Asked) -> Response:
        if asked.choice.page and len(asked.queries) <= 1 and (asked.queries or request.method == "GET"):
            return await self._page(request, asked)
        if asked.queries or request.method == "POST":
            raise BadRequest("Give one query, as parameter 'query' or as a body of type application/sparql-query.")
        if asked.choice.graph is None:
            raise BadRequest("Give a query, or accept text/turtle to read what this endpoint is.")
        endpoint = str(request.base_url).rstrip("/") + PATH
        return written(self._site, service_description(self._site, endpoint), asked.choice.graph, "service", SPACES)

    async def _sheet(self, request: Request, asked: Asked) -> Response:
        """All rows with the names of things, for spreadsheet programs."""
        answer = await self._ask(
            request.scope, request.receive, replace(asked, accept=JSON.media_type, format=None), rows=_SHEET_ROWS
        )
        if answer.partial:
            if not isinstance(answer.body, bytes):
                answer.body.close()
            raise AnswerTooLarge(f"A sheet has at most {_SHEET_ROWS:,} rows. Take CSV, or add a LIMIT.")
        return await run_sync(_as_sheet, self._site, request, answer, _keeping(request.method, asked.queries[0]))

    async def _page(self, request: Request, asked: Asked) -> Response:
        """The form; with the results below it, or with what is wrong with the query, where one was given."""
        site = self._site
        text = asked.queries[0] if asked.queries else ""
        values: dict[str, Any] = {"query": text, "questions": site.questions.all(), "asked": site.questions.asked_by(text)}
        values |= {"files": [*site.downloads], "prefixes": PREFIXES}
        if not asked.queries:
            return await run_sync(lambda: site.render(request, "sparql.html", **values))
        try:
            answer = await self._ask(request.scope, request.receive, replace(asked, accept=_ON_PAGE, format=None), rows=_SHOWN)
        except HungUp:
            raise
        except KgError as error:
            return await run_sync(_faulty, site, request, values, error)
        return await run_sync(_successful, site, request, values, answer)


def _refuse_update(asked: Asked) -> None:
    if asked.updates:
        raise MethodRefused("This endpoint is read-only: updates are not accepted.")


def _keeping(method: str, query: str) -> str:
    return PUBLIC if method == "GET" and not is_volatile(query) else "no-store"


def _faulty(site: Site, request: Request, values: dict[str, Any], error: KgError) -> Response:
    problem = problem_of(error)
    if isinstance(error, BadQuery) and error.line:
        values |= {
            "fault": _pointed(str(values["query"]), error.line, error.column or 1),
            "line": error.line,
            "column": error.column or 1,
        }
    page = site.render(request, "sparql.html", problem.status, problem=str(error), **values)
    page.headers.update(problem.headers | {"Cache-Control": "no-store"})
    return page


def _pointed(query: str, line: int, column: int) -> str:
    """The faulty line with a mark under its column."""
    lines = query.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    return f"{shown}\n{' ' * (column - 1)}^"


def _successful(site: Site, request: Request, values: dict[str, Any], answer: Answer) -> Response:
    shown = _shown(site, request, answer, values["asked"])
    page = site.render(request, "sparql.html", **values, partial=answer.partial, **shown)
    page.headers["Cache-Control"] = _keeping(request.method, str(values["query"]))
    if answer.partial:
        page.headers["X-Partial-Result"] = f"the first {_SHOWN}"
    return page


def _as_sheet(site: Site, request: Request, answer: Answer, keeping: str) -> Response:
    shown = _shown(site, request, answer, None)
    if "shown" not in shown:
        raise NotAcceptable([fmt.media_type for fmt in RESULTS])
    headers = {"Content-Disposition": 'attachment; filename="answer.csv"', "Cache-Control": keeping}
    return Response(write_sheet(shown["shown"].table), headers=headers, media_type="text/csv; charset=utf-16le")


def _shown(site: Site, request: Request, answer: Answer, asked: Question | None) -> dict[str, Any]:
    body = _read(answer)
    if answer.format == TURTLE.name:
        return {"graph": body.decode("utf-8", "replace")}
    solutions = ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON)
    if isinstance(solutions, ox.QueryBoolean):
        return {"boolean": bool(solutions)}
    variables = [variable.value for variable in solutions.variables]
    return {"shown": show(site, request, variables, [list(row) for row in solutions], asked)}


def _read(answer: Answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    with answer.body as file:
        file.seek(0)
        return file.read()
