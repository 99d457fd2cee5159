"""A query for a SPARQL endpoint comes in; its answer, whole and of the right type, or an honest error, goes out.

SPARQL 1.1 Protocol, by POST with a form, which no length of query breaks and every engine reads. Reading may be repeated: what is
lost on the way is asked for again, until the deadline. (aiohttp is the client: kept for ten years, and asks in a third of the
processor time that httpx takes.)
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any
from urllib.parse import quote_plus, urlsplit

import aiohttp

from kg.errors import AnswerTooLarge, BadQuery, EngineDown, EngineFailed, KgError, Overloaded, QueryTimeout
from kg.settings import Settings
from kg.store.breaker import Breaker
from kg.store.dialects import Dialect, cut, dialect_of

_CONNECT = 5.0  # seconds that connecting may take
_TRIES = 3
_WAIT = 0.05  # seconds before the second try; the third waits twice as long
_AT_ONCE = 1.0  # seconds: what is lost later is not asked again, for the query itself may have ended the engine
_PIECE = 1 << 16  # bytes read at once
_IN_MEMORY = 1 << 20  # bytes above which an answer is held in a file
_WORDS = 500  # characters of an engine's complaint that are passed on
_FORM = "application/x-www-form-urlencoded"
_SHORT = 200  # characters of a value of a form that is encoded once
SILENT = "The database behind this server does not answer."
STOPPED = "This server is being stopped."
_LOST = {502, 503}  # said by proxies in front of an engine that is being restarted
_NOWHERE = "urn:x-vigia:none"
SOLUTIONS = ("application/sparql-results+json",)
TRIPLES = ("application/n-triples",)  # one type by the kind of query: some engines stumble over two
#: Names and values of a form.
Form = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Found:
    """What an engine answered: a type of those that were accepted, and the bytes, from their beginning on."""

    media_type: str
    body: IO[bytes]
    size: int  # bytes


class _Unavailable(aiohttp.ClientConnectionError):
    """Said with a status, by the engine or by a proxy before it."""


class Engine:
    """One endpoint, as one event loop asks it."""

    def __init__(self, settings: Settings, breaker: Breaker, connections: int) -> None:
        self._settings, self._breaker, self._connections = settings, breaker, connections
        self.dialect: Dialect = dialect_of({})
        self._session: aiohttp.ClientSession | None = None
        self._is_digest = False  # how it was told last who asks
        self._digest: tuple[aiohttp.DigestAuthMiddleware, ...] = ()

    async def open(self) -> None:
        """Find out what it is and how it wants to be told who asks; raises EngineDown or EngineFailed where it does not answer."""
        if self._session:  # of an attempt that failed
            await self._session.close()
        self._session = self._make_session()
        # With a graph named, for the answer to that is what Virtuoso is known by behind a proxy.
        form = [("query", "ASK {}"), ("default-graph-uri", _NOWHERE)]
        timeout = aiohttp.ClientTimeout(total=2 * _CONNECT)
        try:
            async with self._send("POST", self._settings.store, data=form, timeout=timeout) as response:
                if response.status in _LOST:
                    raise _Unavailable(f"it says {response.status}")
                self.dialect = dialect_of(response.headers)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise EngineDown(f"No database answers at {self._settings.store}: {_why(error)}.", 5) from None

    async def close(self) -> None:
        """End its connections."""
        if self._session:  # it was opened
            await self._session.close()

    async def ask(self, form: Form, accepted: Sequence[str], seconds: float, limit: int) -> Found:
        """The answer to a query, within so many seconds, of at most so many bytes.

        Raises BadQuery where the engine finds fault with it, QueryTimeout, AnswerTooLarge, Overloaded, EngineFailed or EngineDown.
        """
        self._breaker.check()
        try:
            found = await self.probe(form, accepted, seconds, limit)
        except EngineDown as error:
            if isinstance(error.__cause__, _Unavailable):  # it may have been this query alone
                self._breaker.doubt()
            else:
                self._breaker.fail(SILENT)
            raise
        except (EngineFailed, QueryTimeout):
            self._breaker.doubt()
            raise
        self._breaker.succeed()
        return found

    async def probe(self, form: Form, accepted: Sequence[str], seconds: float, limit: int) -> Found:
        """The same, whatever the breaker says, and without telling it."""
        try:
            async with asyncio.timeout(seconds):
                return await self._persist(form, accepted, limit)
        except TimeoutError:
            raise QueryTimeout(f"This query took longer than {seconds:g} seconds.") from None

    async def _persist(self, form: Form, accepted: Sequence[str], limit: int) -> Found:
        """Ask again where an answer was lost on the way."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for attempt in range(1, _TRIES):
            try:
                return await self._ask(form, accepted, limit)
            except aiohttp.ClientError as error:
                if loop.time() - begun > _AT_ONCE:
                    raise self._lost(error) from error
                await asyncio.sleep(_WAIT * attempt * (1 + random.random()))  # noqa: S311 (so that not all come at once)
        try:
            return await self._ask(form, accepted, limit)
        except aiohttp.ClientError as error:
            raise self._lost(error) from error

    def _lost(self, error: aiohttp.ClientError) -> KgError:
        """What it means that an answer was lost."""
        if isinstance(error, aiohttp.ClientPayloadError):
            return EngineFailed("The database cut its answer off.")
        if isinstance(error, aiohttp.ClientResponseError):
            return EngineFailed("The database gave an answer that is not HTTP.")
        return EngineDown(SILENT, self._breaker.pause)

    async def _ask(self, form: Form, accepted: Sequence[str], limit: int) -> Found:
        headers = {"Accept": ", ".join(accepted), "Content-Type": _FORM}
        async with self._send("POST", self._settings.store, data=_encoded(form), headers=headers) as response:
            if response.status != 200:
                await self._refuse(response)
            if said := cut(response.headers):
                raise EngineFailed(f"The database did not give the whole answer: {said}")
            if response.content_type not in accepted:
                raise EngineFailed(f"The database answered with {response.content_type}, not with {' or '.join(accepted)}.")
            if accepted is TRIPLES and not _is_framed(response):
                raise EngineFailed("The database did not say where its answer ends, so nobody can tell whether it is whole.")
            body, size = await _collect(response, limit)
            return Found(response.content_type, body, size)

    async def _refuse(self, response: aiohttp.ClientResponse) -> None:
        """Raise the error that a status stands for."""
        said = _plain(await response.content.read(_PIECE))
        error: KgError | aiohttp.ClientError
        if self.dialect.is_timeout(response.status, said):
            error = QueryTimeout("This query took longer than the database allows.")
        elif response.status in (400, 422):
            error = BadQuery(f"The database cannot evaluate this query. {self._public(response, said)}".strip())
        elif response.status == 429:
            error = Overloaded("The database behind this server has too much to do.", 5)
        elif response.status in _LOST:
            error = _Unavailable(f"status {response.status}")
        elif response.status in (401, 403):
            error = EngineFailed("The database refuses this server: its user, password or token is not right.")
        elif response.status == 404 or 300 <= response.status < 400:
            error = EngineFailed(f"There is no database at the address that this server was given (status {response.status}).")
        elif self.dialect.is_complaint(response.status, said):
            error = BadQuery(f"The database cannot evaluate this query. {self._public(response, said)}".strip())
        else:
            error = EngineFailed(f"The database failed (status {response.status}).")
        raise error

    async def write(self, method: str, graph: str, triples: bytes, seconds: float) -> None:
        """PUT, POST or DELETE a graph, as N-Triples (SPARQL 1.1 Graph Store Protocol).

        Each may be repeated, for there are no blank nodes.

        Raises EngineFailed or EngineDown where it is not done.
        """
        # Whoever ends this program waits for what is being sent: breaking off can damage a store (TDB2).
        sending = asyncio.ensure_future(self._write(method, graph, triples, seconds))
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            await asyncio.wait({sending})
            raise

    async def _write(self, method: str, graph: str, triples: bytes, seconds: float) -> None:
        address = self._settings.store_graphs or self.dialect.graph_store(self._settings.store)
        headers = {"Content-Type": "application/n-triples"} if triples else {}
        for attempt in range(1, _TRIES + 1):
            try:
                async with asyncio.timeout(seconds):
                    async with self._send(method, address, params={"graph": graph}, body=triples, headers=headers) as response:
                        said = _plain(await response.content.read(_PIECE))
            except (aiohttp.ClientError, TimeoutError) as error:
                if attempt == _TRIES:
                    raise EngineDown(f"The graph store at {address} does not answer: {_why(error)}.", 5) from error
                await asyncio.sleep(_WAIT * 10 * attempt)
            else:
                if 200 <= response.status < 300 or (method == "DELETE" and response.status == 404):
                    return
                refused = (
                    " Look at KG_STORE_USER and KG_STORE_PASSWORD, or KG_STORE_TOKEN." if response.status in (401, 403) else ""
                )
                raise EngineFailed(
                    f"The graph store at {address} answered {method} with status {response.status}.{refused} {said}".strip()
                )

    def _public(self, response: aiohttp.ClientResponse, said: str) -> str:
        """A complaint as strangers may read it: pages are those of proxies, and where it runs is nobody's business."""
        host = urlsplit(self._settings.store).netloc
        said = self.dialect.shortened(said)
        return "" if response.content_type == "text/html" else said.replace(host, "…").replace(host.partition(":")[0], "…")

    @asynccontextmanager
    async def _send(self, method: str, address: str, **more: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response; where it refuses us, that to the other way to say who asks."""
        response = await self._request(method, address, **more)
        if response.status == 401 and self._settings.store_user:
            # Whoever was sent the password itself may say no more than no: Virtuoso does.
            response.release()
            self._is_digest = not self._is_digest
            response = await self._request(method, address, **more)
        async with response:
            yield response

    async def _request(
        self, method: str, address: str, headers: Mapping[str, str] = {}, body: bytes = b"", **more: Any
    ) -> aiohttp.ClientResponse:
        settings, who = self._settings, {}
        if body:
            more["data"] = io.BytesIO(body)  # a new one each time: one that was read is empty
        if self._session is None or self._session.closed:
            raise EngineDown(STOPPED, 5)
        if settings.store_token:
            who["Authorization"] = f"Bearer {settings.store_token}"
        elif settings.store_user and not self._is_digest:
            who["Authorization"] = aiohttp.encode_basic_auth(settings.store_user, settings.store_password, "utf-8")
        return await self._session.request(
            method,
            address,
            headers={**headers, **who},
            middlewares=self._digest if self._is_digest else (),
            allow_redirects=False,
            **more,
        )

    def _make_session(self) -> aiohttp.ClientSession:
        settings = self._settings
        self._digest = (aiohttp.DigestAuthMiddleware(settings.store_user, settings.store_password),)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=_trusted(settings.store_ca)),
            headers={"Accept-Encoding": "identity", "User-Agent": "vigia"},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
        )


def _encoded(form: Form) -> bytes:
    """A form as it is sent. Names of graphs are always the same and encoded once: aiohttp takes 0.3 ms for them each time."""
    return "&".join(f"{name}={_quoted(value) if len(value) <= _SHORT else quote_plus(value)}" for name, value in form).encode()


_quoted = lru_cache(maxsize=256)(quote_plus)


def _why(error: Exception) -> str:
    """Why a connection failed, in words for whoever runs this."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted. Name the file of the one that signed it in KG_STORE_CA"
    if isinstance(error, aiohttp.ClientConnectorError):
        number, said = error.os_error.errno, error.os_error.strerror
        return os.strerror(number) if number and number > 0 else said or str(error.os_error)
    return str(error) or "it took too long"


def _trusted(file: str) -> ssl.SSLContext | bool:
    try:
        return ssl.create_default_context(cafile=file) if file else True
    except (OSError, ssl.SSLError) as error:
        raise KgError(f"KG_STORE_CA must name a file of certificates (PEM): {error}. [got {file}]") from None


def _is_framed(response: aiohttp.ClientResponse) -> bool:
    """Whether the end of the body is told apart from the end of the connection (RFC 9112, 6.3)."""
    return "Content-Length" in response.headers or "chunked" in response.headers.get("Transfer-Encoding", "").lower()


async def _collect(response: aiohttp.ClientResponse, limit: int) -> tuple[IO[bytes], int]:
    """The body, from its beginning on: in memory, or where it is large in a file that has no name."""
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (it is handed on)
    try:
        async for piece in response.content.iter_chunked(_PIECE):
            _keep(piece, file)
            _demand_size(file.tell(), limit)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    return file, size


def _keep(piece: bytes, file: IO[bytes]) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise Overloaded("There is no room for this answer at the moment.", 30) from error


def _demand_size(size: int, limit: int) -> None:
    if size > limit:
        raise AnswerTooLarge(f"The answer is larger than {limit:,} bytes. Add a LIMIT, or download the whole data.")


def _plain(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").split())[:_WORDS]
