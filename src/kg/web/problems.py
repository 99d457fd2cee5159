"""Errors come in; the answers that tell a client what went wrong go out. The one table that gives errors a status is here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from kg import errors
from kg.formats import HTML, Format, negotiate

#: Most special first: the first class that fits gives the status.
STATUS: dict[type[errors.KgError], HTTPStatus] = {
    errors.BadRequest: HTTPStatus.BAD_REQUEST,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    errors.MethodRefused: HTTPStatus.FORBIDDEN,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.QueryTimeout: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.QueryTooHeavy: HTTPStatus.SERVICE_UNAVAILABLE,
}
_PROBLEM = Format("problem", ("application/problem+json", "application/json"), "json", "JSON")


def install(app: FastAPI, render: Callable[..., Response]) -> None:
    """Answer every error of the application; `render(request, template, status, **values)` makes the page for people."""

    def answer(request: Request, status: HTTPStatus, detail: str, more: dict[str, object] | None = None) -> Response:
        # RFC 9457; about:blank says that the status is the type of the problem.
        problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail, **(more or {})}
        headers = {"Retry-After": "5"} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
        if _wants_page(request):
            page = render(request, "error.html", status, problem=problem)
            page.headers.update(headers)
            return page
        return JSONResponse(problem, status, headers | {"Vary": "Accept"}, "application/problem+json")

    async def ours(request: Request, error: Exception) -> Response:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        more: dict[str, object] = {}
        if isinstance(error, errors.NotAcceptable):
            more["available"] = error.offered
        if isinstance(error, errors.BadQuery) and error.line:
            more |= {"line": error.line, "column": error.column}
        return answer(request, status, str(error), more)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 (what the handler is registered for)
        status = HTTPStatus(error.status_code)
        response = answer(request, status, _DETAILS.get(status, str(error.detail)))
        response.headers.update(error.headers or {})
        return response

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 (what the handler is registered for)
        faults = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
        return answer(request, HTTPStatus.BAD_REQUEST, f"A parameter cannot be read: {faults}.")

    async def unforeseen(request: Request, error: Exception) -> Response:  # noqa: ARG001 (the log has it; the client has no use for it)
        return answer(
            request, HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side. The request itself may be right."
        )

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        errors.KgError: ours,
        HTTPException: http,
        RequestValidationError: invalid,
        Exception: unforeseen,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


_DETAILS = {
    HTTPStatus.NOT_FOUND: "There is no such page.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not answer to that method.",
}


def _wants_page(request: Request) -> bool:
    try:
        return negotiate(request.headers.get("accept"), (_PROBLEM, HTML))[0] is HTML
    except errors.NotAcceptable:
        return False
