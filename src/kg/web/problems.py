"""Errors come in; the answers that tell a client what went wrong go out (RFC 9457). The one table of problems is here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kg import errors
from kg.formats import HTML, Format, negotiate
from kg.names import BASE
from kg.web.variants import heed

_PROBLEM = Format("problem", ("application/problem+json", "application/json"), "json", "JSON")
TYPES = BASE + "problem#"


@dataclass(frozen=True)
class Kind:
    """A sort of problem: its fragment at the address of the page of problems, its status and its title."""

    name: str
    status: HTTPStatus
    title: str
    advice: str


#: Most special first: the first class that fits gives the kind.
_KINDS: dict[type[errors.KgError], Kind] = {
    errors.BadQuery: Kind(
        "bad-query",
        HTTPStatus.BAD_REQUEST,
        "The query cannot be read or evaluated",
        "The detail says what is wrong; members line and column say where, counted from 1.",
    ),
    errors.ServiceRefused: Kind(
        "service-refused",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The query calls a server that is not allowed",
        "SERVICE may call only the addresses that the detail lists, written out in full.",
    ),
    errors.BadRequest: Kind(
        "bad-request", HTTPStatus.BAD_REQUEST, "The request is wrong", "The detail says which part, and what to write instead."
    ),
    errors.NotFound: Kind("not-found", HTTPStatus.NOT_FOUND, "There is no such thing", "Look for its name on the start page."),
    errors.Gone: Kind(
        "gone",
        HTTPStatus.GONE,
        "This address was retired",
        "The detail says when and why. Releases before that day still tell of it.",
    ),
    errors.Differs: Kind(
        "differs",
        HTTPStatus.CONFLICT,
        "The answer is not the one that was cited",
        "The detail has both hashes. Name the release that was cited by release=, and give the query letter by letter.",
    ),
    errors.NotAcceptable: Kind(
        "not-acceptable",
        HTTPStatus.NOT_ACCEPTABLE,
        "There is no such format",
        "Member available lists the formats there are; choose one by Accept, by format= or by the ending of the address.",
    ),
    errors.WrongMethod: Kind(
        "wrong-method",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "This address does not answer to that method",
        "Header Allow lists the methods that it answers to.",
    ),
    errors.MethodRefused: Kind(
        "read-only", HTTPStatus.FORBIDDEN, "This endpoint is read-only", "Queries are answered, updates are not."
    ),
    errors.TooLarge: Kind(
        "request-too-large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The request is too large",
        "Shorten the query, or download the data and query it yourself.",
    ),
    errors.AnswerTooLarge: Kind(
        "answer-too-large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The answer is too large",
        "Nothing was cut and nothing was sent. Ask for less, or in parts, or download the data.",
    ),
    errors.TooSlow: Kind("too-slow", HTTPStatus.REQUEST_TIMEOUT, "The request came too slowly", "Send its body without pauses."),
    errors.UnsupportedType: Kind(
        "unsupported-type",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is of a type that is not read here",
        "Send application/sparql-query or application/x-www-form-urlencoded.",
    ),
    errors.ServiceFailed: Kind(
        "service-failed",
        HTTPStatus.BAD_GATEWAY,
        "A server that the query calls did not answer",
        "Ask that server itself to see why, or write SERVICE SILENT to go on without it.",
    ),
    errors.QueryTimeout: Kind(
        "timeout",
        HTTPStatus.GATEWAY_TIMEOUT,
        "The query took too long",
        "It was ended at its deadline. Ask for less: fewer patterns, a LIMIT, no ORDER BY over everything.",
    ),
    errors.QueryTooHeavy: Kind(
        "too-heavy",
        HTTPStatus.INSUFFICIENT_STORAGE,
        "The query needs too much memory, or nests too deeply",
        "It was ended. Ask for less: fewer patterns, a LIMIT, no ORDER BY over everything.",
    ),
    errors.EngineFailed: Kind(
        "engine-failed",
        HTTPStatus.BAD_GATEWAY,
        "The database behind this server gave no answer that can be used",
        "Nothing was cut and nothing was made up. Try again; if it stays so, please report it.",
    ),
    errors.EngineDown: Kind(
        "engine-down",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database behind this server cannot be asked at the moment",
        "Send the same request again after the seconds that Retry-After names.",
    ),
    errors.Overloaded: Kind(
        "overloaded",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too much is being asked at the moment",
        "Send the same request again after the seconds that Retry-After names.",
    ),
    errors.Throttled: Kind(
        "throttled",
        HTTPStatus.TOO_MANY_REQUESTS,
        "You have had your share of query time for now",
        "Wait for the seconds that Retry-After names; ask for less at a time, or download the data.",
    ),
}
_OURS = Kind(
    "internal",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "Something went wrong on our side",
    "The request itself may be right. Please report it if it happens again.",
)
#: All of them, for those who document them.
KINDS = (*_KINDS.values(), _OURS)
#: What the routing says; HEAD and OPTIONS are answered before it.
_ROUTING = {
    HTTPStatus.NOT_FOUND: errors.NotFound("There is no such page."),
    HTTPStatus.METHOD_NOT_ALLOWED: errors.WrongMethod("This address does not answer to that method.", "GET, HEAD, OPTIONS"),
}


@dataclass(frozen=True)
class Problem:
    """One error, as it is told."""

    type: str
    title: str
    status: HTTPStatus
    detail: str
    more: dict[str, object] = field(default_factory=dict)  # extension members
    headers: dict[str, str] = field(default_factory=dict)


def problem_of(error: errors.KgError) -> Problem:
    """What to tell of an error of ours."""
    kind = next((kind for cls, kind in _KINDS.items() if isinstance(error, cls)), _OURS)
    more: dict[str, object] = {}
    headers = {}
    if isinstance(error, errors.NotAcceptable):
        more["available"] = error.offered
    if isinstance(error, errors.BadQuery) and error.line:
        more |= {"line": error.line, "column": error.column}
    if isinstance(error, errors.EngineDown | errors.Overloaded | errors.Throttled):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.WrongMethod):
        headers["Allow"] = error.allowed
    return Problem(TYPES + kind.name, kind.title, kind.status, str(error), more, headers)


#: Makes the page for people: request, template, status, values.
Render = Callable[..., Response]


def respond(request: Request, problem: Problem, render: Render) -> Response:
    """The problem as a page for browsers, as `application/problem+json` for all others."""
    headers = problem.headers | {"Cache-Control": "no-store"}
    if _wants_page(request):
        page = render(request, "error.html", problem.status, problem=problem)
        page.headers.update(headers)
        return page
    members = {"type": problem.type, "title": problem.title, "status": problem.status.value, "detail": problem.detail}
    return JSONResponse(members | problem.more, problem.status, headers, "application/problem+json")


def install(app: FastAPI, render: Render) -> None:
    """Answer every error of the application."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.KgError)  # noqa: S101 (what the handler is registered for)
        return respond(request, problem_of(error), render)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 (what the handler is registered for)
        status = HTTPStatus(error.status_code)
        if status in _ROUTING:
            return respond(request, problem_of(_ROUTING[status]), render)
        detail = str(error.detail)
        return respond(request, Problem("about:blank", status.phrase, status, detail, headers=dict(error.headers or {})), render)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 (what the handler is registered for)
        faults = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
        return respond(request, problem_of(errors.BadRequest(f"A parameter cannot be read: {faults}.")), render)

    async def unforeseen(request: Request, error: Exception) -> Response:  # noqa: ARG001 (the log has it; the client has no use for it)
        return respond(request, UNFORESEEN, render)

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        errors.KgError: ours,
        HTTPException: http,
        RequestValidationError: invalid,
        Exception: unforeseen,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


UNFORESEEN = Problem(TYPES + _OURS.name, _OURS.title, _OURS.status, f"{_OURS.title}. {_OURS.advice}")


def _wants_page(request: Request) -> bool:
    try:
        return negotiate(heed(request, "Accept"), (_PROBLEM, HTML))[0] is HTML
    except errors.NotAcceptable:
        return False
