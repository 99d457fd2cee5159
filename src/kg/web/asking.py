"""The name of a stored question and values for its parameters come in; its answer goes out, as the endpoint gives it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from kg.examples import describe_examples
from kg.formats import GRAPHS, HTML, RESULTS, by_name, negotiate
from kg.query import Question
from kg.web.documents import written
from kg.web.endpoint import PATH as SPARQL
from kg.web.endpoint import Endpoint
from kg.web.protocol import read_seconds
from kg.web.site import PUBLIC, Site
from kg.web.text import choose_language
from kg.web.variants import heed

PATH = "/api/queries"
_OWN = ("format", "timeout", "lang")  # parameters of the address, not of a question
_CHUNK = 1 << 16  # bytes sent at once from a file
_SPACES = {
    "sh": "http://www.w3.org/ns/shacl#",
    "schema": "https://schema.org/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
}


def asking(site: Site, endpoint: Endpoint) -> APIRouter:
    """Routes for stored questions as addresses, and for their description."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get(PATH)
    def questions(request: Request) -> Response:
        """All of them, with their parameters."""
        base, language = str(request.base_url).rstrip("/"), choose_language(request)
        listed = [listed_question(question, base, language) for question in site.questions.all()]
        return JSONResponse(listed, headers={"Cache-Control": PUBLIC})

    @router.get(PATH + "/{name}")
    async def answer(request: Request, name: str) -> Response:
        name, _, ending = name.partition(".")
        given = dict(request.query_params)
        own = {key: given.pop(key) for key in _OWN if key in given}
        query = site.questions.find(name).bound(given)
        wanted = own.get("format", ending or None)
        if "timeout" in own:
            read_seconds(own["timeout"])
        offered = (*RESULTS, HTML)
        if (by_name(wanted, offered) if wanted is not None else negotiate(heed(request, "Accept"), offered)[0]) is HTML:
            kept = given | ({"lang": own["lang"]} if "lang" in own else {})
            return RedirectResponse(f"/questions/{name}" + (f"?{urlencode(kept)}" if kept else ""), 303)
        asked = {
            "query": query,
            **({"format": wanted} if wanted is not None else {}),
            **{key: own[key] for key in ("timeout",) if key in own},
        }
        return await _from_endpoint(endpoint, request, urlencode(asked))

    @router.get("/.well-known/sparql-examples")
    @router.get("/.well-known/sparql-examples.{ending}")
    def examples(request: Request, ending: str | None = None) -> Response:
        """The questions as query editors read them."""
        fmt = by_name(ending, GRAPHS) if ending else negotiate(heed(request, "Accept"), GRAPHS)[0]
        described = describe_examples(site.questions.all(), str(request.base_url).rstrip("/") + SPARQL)
        return written(site, described, fmt, "sparql-examples", _SPACES)

    return router


def listed_question(question: Question, base: str, language: str) -> dict[str, Any]:
    """One question for programs: what it asks, where its answer is, and what may be given to it."""
    return {
        "name": question.name,
        "title": question.title(language),
        "description": question.description(language),
        "theme": question.theme,
        "address": f"{base}{PATH}/{question.name}",
        "variables": question.variables,
        "parameters": [{"name": name, "default": question.default(name)} for name in question.parameters],
    }


async def _from_endpoint(endpoint: Endpoint, request: Request, query: str) -> Response:
    """The answer of the endpoint, with its limits, its codings and its errors."""
    scope = {**request.scope, "path": SPARQL, "raw_path": SPARQL.encode(), "query_string": query.encode()}
    reply = await endpoint.answer(scope, request.receive)
    body = reply.body
    if isinstance(body, bytes):
        response: Response = Response(body, reply.status)
    else:
        body.seek(0)
        pieces = iter(lambda: body.read(_CHUNK), b"")
        response = StreamingResponse(pieces, reply.status, background=BackgroundTask(body.close))
    length = [pair for pair in response.raw_headers if pair[0] == b"content-length"]
    response.raw_headers[:] = [*length, *(pair for pair in reply.headers if pair[0] != b"content-length")]
    return response
