"""A request is put to the store on behalf of whoever sent it; the store's answer comes in, an answer of the web goes out."""

from __future__ import annotations

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope

from kg.store import Answer, Dump
from kg.store.clients import client_of
from kg.web.reply import Headers
from kg.web.site import PUBLIC, Site

_CHUNK = 1 << 16  # bytes sent at once from a file


def asker(scope: Scope) -> str:
    """Whose time an answer takes."""
    return client_of(scope["client"][0]) if scope.get("client") else ""


async def hang_up(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def headers_of(answer: Answer, content_type: str, keeping: str = PUBLIC) -> Headers:
    """What a cache needs to know of the answer."""
    headers = [
        (b"content-type", content_type.encode()),
        (b"etag", f'"{answer.digest}"'.encode()),
        (b"cache-control", keeping.encode()),
    ]
    return [*headers, (b"content-encoding", answer.encoding.encode())] if answer.encoding else headers


async def dumped(site: Site, request: Request, wanted: Dump, content_type: str) -> Response:
    """A whole graph or dataset."""
    answer = await site.store.query(wanted, asker(request.scope), lambda: hang_up(request.receive))
    headers = {name.decode(): value.decode() for name, value in headers_of(answer, content_type)}
    body = answer.body
    if isinstance(body, bytes):
        return Response(body, headers=headers)
    body.seek(0)
    pieces = iter(lambda: body.read(_CHUNK), b"")
    return StreamingResponse(pieces, headers=headers | {"Content-Length": str(answer.size)}, background=BackgroundTask(body.close))
