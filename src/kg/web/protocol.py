"""A request to the endpoint comes in; what it asks for goes out, wherever the protocol lets it stand (SPARQL 1.1 Protocol, 2.1)."""

from __future__ import annotations

import asyncio
import re
from binascii import a2b_qp
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import pyoxigraph as ox
from starlette.types import Receive, Scope

from kg.errors import BadRequest, NotAcceptable, Overloaded, TooLarge, TooSlow, UnsupportedType, WrongMethod
from kg.formats import GRAPHS, HTML, RESULTS, SHEET, Format, by_name, negotiate
from kg.web.variants import note

METHODS = "GET, HEAD, POST, OPTIONS"
_FORM = "application/x-www-form-urlencoded"
_QUERY = "application/sparql-query"
_UPDATE = "application/sparql-update"
_BODY_SECONDS = 20.0  # that a body may take to arrive
_MOST_PARAMETERS = 200
_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_GRAPH_PARAMETERS = ("default-graph-uri", "named-graph-uri")


@dataclass(frozen=True)
class Choice:
    """How the client wants to be answered; None where it accepts nothing of that sort."""

    page: bool
    sheet: bool
    results: Format | None
    graph: Format | None


@dataclass(frozen=True)
class Asked:
    """What a request asks for."""

    queries: list[str]
    updates: int
    default_graphs: tuple[str, ...]
    named_graphs: tuple[str, ...]
    format: str | None
    accept: str | None
    encodings: str
    timeout: float | None  # seconds

    @property
    def choice(self) -> Choice:
        """How to answer."""
        return _choose(self.accept, self.format)

    def called(self, fmt: Format) -> str:
        """The media type under the name that the client accepts."""
        name = fmt.media_type if self.format else negotiate(self.accept, (fmt,))[1]
        return f"{name}; charset=utf-8" if name.startswith("text/") else name


@lru_cache(maxsize=256)
def _choose(accept: str | None, named: str | None) -> Choice:
    return Choice(
        _wants_page(accept, named),
        (named or "").lower() == SHEET.name,
        _offer(accept, named, RESULTS),
        _offer(accept, named, GRAPHS),
    )


def _wants_page(accept: str | None, named: str | None) -> bool:
    """A browser gets the page; `?format=` and every client that asks for data gets data."""
    offered = (*RESULTS, *GRAPHS, HTML)
    try:
        return (by_name(named, offered) if named else negotiate(accept, offered)[0]) is HTML
    except NotAcceptable:
        return False


def _offer(accept: str | None, named: str | None, offered: tuple[Format, ...]) -> Format | None:
    try:
        return by_name(named, offered) if named else negotiate(accept, offered)[0]
    except NotAcceptable:
        return None


class Room:
    """Memory for bodies that are arriving, of all requests together: many that come slowly must not fill it."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> None:
        """Occupy so many bytes; raises Overloaded where they are not free."""
        if size > self._left:
            raise Overloaded("Too many long requests are arriving at the moment.", 5)
        self._left -= size

    def give(self, size: int) -> None:
        """Free so many bytes."""
        self._left += size


async def read(scope: Scope, receive: Receive, limit: int, room: Room) -> Asked:
    """Read a request whose query may have `limit` bytes.

    Raises BadRequest, Overloaded, TooLarge, TooSlow, UnsupportedType or WrongMethod.
    """
    accept, encodings, kind = None, "", ""
    for name, value in scope["headers"]:
        if name == b"accept":
            accept = value.decode("latin-1") if accept is None else f"{accept},{value.decode('latin-1')}"
        elif name == b"accept-encoding":
            encodings = f"{encodings},{value.decode('latin-1')}"
        elif name == b"content-type":
            kind = value.decode("latin-1")
    values: dict[str, list[str]] = {}
    for key, text in _pairs(scope["query_string"], limit):
        values.setdefault(key, []).append(text)
    if scope["method"] == "POST":
        for key, text in await _read_body(receive, kind, limit, room):
            if key == "release":  # else the newest would answer for another
                raise BadRequest("A release is named in the address, as in /sparql?release=2026-12-01, not in the body.")
            values.setdefault(key, []).append(text)
    elif scope["method"] != "GET":
        raise WrongMethod(f"Send a query by GET or POST. [got {scope['method']}]", METHODS)
    _, dot, ending = scope["path"].partition(".")
    named = values.get("format", [""])[-1] or (ending if dot else None)
    if not named:
        note(scope, "Accept")
    timeout = read_seconds(values["timeout"][-1]) if "timeout" in values else None
    default, graphs = (_addresses(values[key]) if key in values else () for key in _GRAPH_PARAMETERS)
    return Asked(values.get("query", []), len(values.get("update", ())), default, graphs, named, accept, encodings, timeout)


async def _read_body(receive: Receive, content_type: str, limit: int, room: Room) -> list[tuple[str, str]]:
    """The parameters in the body."""
    kind = _kind(content_type)
    if kind == _FORM:
        return await read_form(receive, content_type, limit, room)
    if kind not in (_QUERY, _UPDATE):
        raise UnsupportedType(f"A POST carries a body of type {_FORM} or {_QUERY}. [got {kind or 'none'}]")
    body = await _whole_body(receive, limit, room)
    try:
        return [("query" if kind == _QUERY else "update", body.decode("utf-8"))]
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8 text.") from None


async def read_form(receive: Receive, content_type: str, limit: int, room: Room) -> list[tuple[str, str]]:
    """The parameters in a body that is a form; raises BadRequest, Overloaded, TooLarge, TooSlow or UnsupportedType."""
    if (kind := _kind(content_type)) != _FORM:
        raise UnsupportedType(f"A POST carries a body of type {_FORM}. [got {kind or 'none'}]")
    return _pairs(await _whole_body(receive, limit, room), limit)


def _kind(content_type: str) -> str:
    """The media type without its parameters; raises UnsupportedType for a text that is not UTF-8."""
    kind, _, parameters = content_type.lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "') or "utf-8"
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedType(f"A query is sent in UTF-8. [got {charset}]")
    return kind.strip()


async def _whole_body(receive: Receive, limit: int, room: Room) -> bytes:
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await _arriving_body(receive, limit, room)
    except TimeoutError:
        raise TooSlow(f"The body did not arrive within {_BODY_SECONDS:g} seconds. Send it without pauses.") from None


async def _arriving_body(receive: Receive, limit: int, room: Room) -> bytes:
    body = bytearray()
    try:
        while True:
            message = await receive()
            chunk = message.get("body", b"")
            room.take(len(chunk))
            body += chunk
            if len(body) > _encoded(limit):
                raise _too_large(limit)
            if not message.get("more_body"):  # nor has a disconnection
                return bytes(body)
    finally:
        room.give(len(body))


def _pairs(text: bytes, limit: int) -> list[tuple[str, str]]:
    if len(text) > _encoded(limit):
        raise _too_large(limit)
    parts = text.split(b"&", _MOST_PARAMETERS)
    if len(parts) > _MOST_PARAMETERS:
        raise BadRequest(f"A request has at most {_MOST_PARAMETERS} parameters.")
    try:
        return [(_decoded(key), _decoded(value)) for key, _, value in (part.partition(b"=") for part in parts) if key]
    except UnicodeDecodeError:
        raise BadRequest("The parameters are not percent-encoded UTF-8.") from None


def _decoded(text: bytes) -> str:
    """Percent-decoding, as HTML forms do it."""
    text = text.replace(b"+", b" ")
    if b"%" not in text:
        return text.decode("utf-8")
    if _NO_ESCAPE.search(text):
        return unquote_to_bytes(text).decode("utf-8")
    # The same in C, where all escapes are whole: quoted-printable has "=" where we have "%". A query is mostly escapes.
    return a2b_qp(text.replace(b"=", b"=3D").replace(b"%", b"=")).decode("utf-8")


def _encoded(limit: int) -> int:
    """Percent-encoding makes three bytes of one."""
    return 3 * limit + 10_000


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"This request is too large: a query may have {limit:,} bytes.")


def read_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise BadRequest(f"A timeout is a number of seconds, such as 2.5. [got {text}]")
    return seconds


def _addresses(iris: list[str]) -> tuple[str, ...]:
    for iri in iris:
        try:
            ox.NamedNode(iri)
        except ValueError:
            raise BadRequest(f"A graph is named by a full address. [got {iri}]") from None
    return tuple(iris)
