"""The front: every request comes in here; what was answered before goes out from memory, else the endpoint or application is asked.

A server serves one immutable release, so nothing that is remembered grows old. An answer is remembered if it is called public; it
then has a strong ETag and the coding that the client likes best (RFC 9110, 8.8.3 and 12.5.3). HEAD is answered as GET, without the
body. What costs the server's own machinery most, sending a head line by line, is left out where `kg.web.guard` offers it.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any, BinaryIO

import brotli
from anyio.to_thread import run_sync
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kg.formats import choose_coding
from kg.web.memory import Memory
from kg.web.reply import Headers, Reply
from kg.web.site import PUBLIC
from kg.web.variants import vary, watched

_log = logging.getLogger(__name__)
_LARGEST = 1 << 20  # bytes of an answer that is held in memory
_OVERHEAD = 1500  # bytes that a remembered answer takes besides its body
_WORTH_COMPRESSING = 512  # bytes
_CHUNK = 1 << 16  # bytes sent at once from a file
_TEXTS = (b"text/", b"application/", b"image/svg+xml")
#: On every answer: who may read it, what a page may load.
EVERYWHERE: Headers = [
    # Public, read-only and without cookies: any page may read everything.
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag, Link, Location, Retry-After, X-Partial-Result, X-Release"),
    (b"content-security-policy", b"default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"x-content-type-options", b"nosniff"),
]
#: What an answer depends on, and what the client has already.
_HEEDED = (b"accept", b"accept-encoding", b"host", b"accept-language", b"if-none-match")
_LISTS = {b"accept", b"accept-encoding", b"accept-language", b"if-none-match"}
_PREFLIGHT: Headers = [
    (b"access-control-allow-headers", b"Accept, Accept-Encoding, Accept-Language, Content-Type, If-None-Match, User-Agent"),
    (b"access-control-max-age", b"86400"),
]
_POLICY = b"content-security-policy"
#: The same without the policy, for what brings its own.
_WITHOUT_POLICY = [pair for pair in EVERYWHERE if pair[0] != _POLICY]
_UNCHANGED = (b"cache-control", b"content-security-policy", b"etag", b"vary", b"x-release")
_LEADING_ON = (301, 303, 308)
#: The ASGI extension by which an answer is sent in one piece: status, head but for its first and last line, body, and whether the
#: client asks for it again.
WHOLE = "kg.response.whole"
#: Answers a request to the endpoint.
Answerer = Callable[[Scope, Receive], Awaitable[Reply]]
_Key = tuple[object, ...]


@dataclass(frozen=True)
class _Entry:
    status: int
    headers: Headers
    head: bytes
    body: bytes
    etag: bytes


class Front:
    """The ASGI application that a server runs."""

    def __init__(  # noqa: PLR0913, PLR0917 (what lies behind it)
        self, endpoint: Answerer, prefix: str, app: ASGIApp, cache_bytes: int, posts: str = "\0", release: str = ""
    ) -> None:
        """`endpoint` answers what lies at the path `prefix`, `app` all else; below `posts` it takes POST; both serve `release`."""
        self._release: Headers = [(b"x-release", release.encode())] if release else []
        self._endpoint, self._prefix, self._app, self._posts = endpoint, prefix, app, posts
        self._paths = {prefix, prefix + "/"}
        self._entries: Memory[_Key, _Entry] = Memory(cache_bytes // 2)
        #: Request, byte for byte → what it was answered with before and behind the date; for the server.
        self.exact: Memory[bytes, tuple[bytes, bytes]] = Memory(cache_bytes // 2)
        self.memories: dict[str, Memory[Any, Any]] = {"server": self.exact, "application": self._entries}
        self.answered: Counter[int] = Counter()  # by status, but for those that the server itself remembers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        if method == "OPTIONS":
            await self._preflight(scope, send)
            return
        reading = method in ("GET", "HEAD")
        key, known = _key(scope)
        if not reading:
            known = b""
        entry = self._entries.get(key) if reading else None
        again = entry is not None
        if entry is None:
            scope = watched({**scope, "method": "GET" if reading else method, "headers": _merged(scope["headers"])})
            sender = _Sender(send, method == "HEAD", known, partial(self._told, scope))
            entry = await self._ask(scope, receive, sender, str(key[-1]))
            if entry is None:
                self.answered[200] += 1
                return
            if reading and entry.etag and len(entry.body) <= _LARGEST:
                self._entries.put(key, entry, _weight(key, entry))
        if known and is_known(entry.etag, known):
            entry = _unchanged(entry)
        self.answered[entry.status] += 1
        await _send_entry(scope, send, entry, method == "HEAD", again)

    async def _preflight(self, scope: Scope, send: Send) -> None:
        posts = self._is_query(scope["path"]) or scope["path"].startswith(self._posts)
        methods = b"GET, HEAD, POST, OPTIONS" if posts else b"GET, HEAD, OPTIONS"
        allowed = [(b"allow", methods), (b"access-control-allow-methods", methods)]
        await send({"type": "http.response.start", "status": 204, "headers": [*allowed, *_PREFLIGHT, *EVERYWHERE]})
        await send({"type": "http.response.body"})

    def _is_query(self, path: str) -> bool:
        return path in self._paths or path.startswith(self._prefix + ".")

    def _told(self, scope: Scope, status: int, headers: Headers) -> Headers:
        """The headers of an answer, with what it depends on, how long it may lead on, and of which release it is."""
        told = [pair for pair in headers if pair[0] != b"vary"]
        if status in _LEADING_ON and b"cache-control" not in dict(told):
            told.append((b"cache-control", PUBLIC.encode()))
        return [*told, (b"vary", vary(scope)), *self._release]

    async def _ask(self, scope: Scope, receive: Receive, sender: _Sender, coding: str) -> _Entry | None:
        """The answer, or None where it was too large to hold and has been sent."""
        if self._is_query(scope["path"]):
            reply = await self._endpoint(scope, receive)
            if isinstance(reply.body, bytes):
                return _entry(replace(reply, headers=self._told(scope, reply.status, reply.headers)), coding)
            await _send_file(reply, reply.body, sender)
        else:
            try:
                await self._app(scope, receive, sender)
            except Exception:  # what Starlette has answered, it raises all the same
                if sender.passed_on or not sender.start:
                    raise
                _log.exception("A request could not be answered.")
        return None if sender.passed_on or not sender.start else _entry(sender.reply(), coding)


async def _send_entry(scope: Scope, send: Send, entry: _Entry, head: bool, again: bool) -> None:
    body = b"" if head else entry.body
    if whole := scope.get("extensions", {}).get(WHOLE):
        await whole(entry.status, entry.head, body, again)
    else:
        await send({"type": "http.response.start", "status": entry.status, "headers": entry.headers})
        await send({"type": "http.response.body", "body": body})


def _key(scope: Scope) -> tuple[_Key, bytes]:
    """All that an answer depends on, the coding last; and the ETags that the client knows."""
    read = dict.fromkeys(_HEEDED, b"")
    for name, value in scope["headers"]:
        if name in read:  # one that comes twice says both (RFC 9110, 5.3)
            read[name] = read[name] + b"," + value if read[name] else value
    accept, coding, host, language, known = read.values()
    accepted = coding.decode("latin-1")
    chosen, packed = choose_coding(accepted), choose_coding(accepted, ("gzip",))  # dumps lie there in one coding only
    return (scope["path"], scope["query_string"], accept, language, host, scope["scheme"], packed, chosen), known.strip()


def _merged(lines: Headers) -> Headers:
    """Lists that came in several lines, each in one (RFC 9110, 5.3), for readers that look at the first only."""
    merged: Headers = []
    places: dict[bytes, int] = {}
    for name, value in lines:
        if name in places:
            merged[places[name]] = (name, merged[places[name]][1] + b"," + value)
            continue
        if name in _LISTS:
            places[name] = len(merged)
        merged.append((name, value))
    return merged


class _Sender:
    """Takes what the application sends: a small answer is held until it is whole, a large one passed on at once."""

    def __init__(self, send: Send, head: bool, known: bytes, told: Callable[[int, Headers], Headers]) -> None:
        """`told` adds to the headers what all answers say."""
        self._send, self._head, self._known, self._told = send, head, known, told
        self._parts: list[bytes] = []
        self._size = 0
        self.start: Message | None = None
        self.passed_on = False

    def reply(self) -> Reply:
        """The whole answer, where it was held."""
        assert self.start  # noqa: S101 (asked only then)
        headers = [pair for pair in self.start["headers"] if pair[0] != b"content-length"]
        return Reply(self.start["status"], headers, b"".join(self._parts))

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = {**message, "headers": self._told(message["status"], message["headers"])}
            length = next((int(value) for name, value in message["headers"] if name == b"content-length"), 0)
            if length > _LARGEST:
                await self._pass_on()
        elif message["type"] == "http.response.body" and not self.passed_on:
            self._parts.append(message.get("body", b""))
            self._size += len(self._parts[-1])
            if self._size > _LARGEST and message.get("more_body"):
                await self._pass_on()
        elif not self._head or not message.get("more_body"):
            await self._send({"type": "http.response.body"} if self._head else message)

    async def _pass_on(self) -> None:
        self.passed_on = True
        assert self.start  # noqa: S101 (a start comes first)
        given = self.start["headers"]
        if is_known(dict(given).get(b"etag", b""), self._known):
            self._head = True  # what follows is not sent
            await self._send({"type": "http.response.start", "status": 304, "headers": [*_still_said(given), *EVERYWHERE]})
        else:
            await self._send({**self.start, "headers": [*given, *EVERYWHERE]})
        if self._parts and not self._head:
            await self._send({"type": "http.response.body", "body": b"".join(self._parts), "more_body": True})
        self._parts.clear()


async def _send_file(reply: Reply, file: BinaryIO, sender: _Sender) -> None:
    with file:
        size = file.seek(0, 2)
        file.seek(0)
        headers = [*reply.headers, (b"content-length", b"%d" % size)]
        await sender({"type": "http.response.start", "status": reply.status, "headers": headers})
        while chunk := await run_sync(file.read, _CHUNK):
            await sender({"type": "http.response.body", "body": chunk, "more_body": True})
    await sender({"type": "http.response.body"})


def _entry(reply: Reply, coding: str) -> _Entry:
    headers, body = reply.headers, reply.body
    assert isinstance(body, bytes)  # noqa: S101 (files are sent elsewhere)
    given = dict(headers)
    public = reply.status == HTTPStatus.OK and given.get(b"cache-control", b"").startswith(b"public")
    etag = given.get(b"etag", b"") if public else b""
    if public and not etag:
        if coding and len(body) >= _WORTH_COMPRESSING and given[b"content-type"].startswith(_TEXTS):
            body = brotli.compress(body, quality=5) if coding == "br" else gzip.compress(body, 6, mtime=0)
            headers = [*headers, (b"content-encoding", coding.encode())]
        etag = b'"%s"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()
        headers = [*headers, (b"etag", etag)]
    if reply.status != HTTPStatus.NOT_MODIFIED:
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    return _entry_of(reply.status, headers, body, etag)


def _entry_of(status: int, headers: Headers, body: bytes, etag: bytes) -> _Entry:
    head = b"".join([b"%s: %s\r\n" % pair for pair in headers])
    if head.count(b"\n") != len(headers) or head.count(b"\r") != len(headers):
        raise ValueError("A header holds a line break.")
    everywhere = _everywhere(headers)
    return _Entry(status, [*headers, *everywhere], head + b"".join([b"%s: %s\r\n" % pair for pair in everywhere]), body, etag)


def _everywhere(headers: Headers) -> Headers:
    return _WITHOUT_POLICY if any(name == _POLICY for name, _ in headers) else EVERYWHERE


def _unchanged(entry: _Entry) -> _Entry:
    """The same as a 304."""
    return _entry_of(HTTPStatus.NOT_MODIFIED, _still_said(entry.headers), b"", entry.etag)


def _still_said(headers: Headers) -> Headers:
    """What a 304 says of what it does not send."""
    return [pair for pair in headers if pair[0] in _UNCHANGED]


def is_known(etag: bytes, known: bytes) -> bool:
    """Whether If-None-Match names the answer (RFC 9110, 13.1.2)."""
    return bool(etag) and (known == b"*" or etag in known)


def _weight(key: _Key, entry: _Entry) -> int:
    return len(entry.body) + len(entry.head) + len(key[1]) + len(key[2]) + _OVERHEAD  # type: ignore[arg-type]
