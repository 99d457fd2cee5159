"""A store behind the address of a SPARQL endpoint: a release that was loaded there, and queries, come in; answers go out.

A stranger's query is read by a worker process first, as with the embedded store, so that what is wrong with it is said in the same
words, and nothing but SPARQL 1.1 queries reaches the engine. The engine's answer is read and written anew: it is whole, and the
same bytes whichever engine found it.

Our own queries are asked from an event loop of the store's own, over connections that strangers do not have. The same loop looks
after the engine: whether it is there, and whether it still holds the release.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from itertools import chain
from typing import Any, TypeVar

import pyoxigraph as ox

from kg.errors import (
    EngineDown,
    EngineFailed,
    HungUp,
    KgError,
    QueryTimeout,
    QueryTooHeavy,
    RequestError,
)
from kg.settings import Settings
from kg.sparql import fixed, is_foreign, patterns, plain, refuse_foreign
from kg.store import Answer, Condition, Dump, HangUp, Request, Row, Term
from kg.store.abilities import is_held, missing
from kg.store.breaker import Breaker
from kg.store.engine import SILENT, SOLUTIONS, STOPPED, TRIPLES, Engine, Form, Found
from kg.store.holding import Holding
from kg.store.loop import OwnLoop
from kg.store.message import Check, Reply
from kg.store.places import Places
from kg.store.pool import Pool, Size
from kg.store.reading import Reading
from kg.store.reception import Reception
from kg.store.writing import Refused, Rules, write_dataset, write_result
from kg.store.zygote import Plan

_LOOK = 5.0  # seconds between looks at an engine that is well
_AGAIN = 0.5  # seconds before a second look at what was not there
_START = 60.0  # seconds that it may take at the start, for each thing that is looked at
_PROBE = 3.0  # seconds that it may take to answer what costs nothing
_PATIENT = 0.2  # seconds after which it is looked at whether anybody still waits for an answer
_SMALL = 1 << 14  # bytes of an answer that is read and written at once, not in a thread
_SWOLLEN = 4  # how much larger than the answer that is sent an engine's may be: JSON names the columns in each row
_LONGEST_KEPT = 20_000  # characters of a query of which is remembered what sort it is, and that is taken apart at once
_MOST_KEPT = 2_000  # queries
_MOST_JSON_LD = 16 << 20  # bytes of the N-Triples of a graph that is written as JSON-LD: that takes some 20 seconds
#: An IRI that no parser can find fault with, or take for anything else (such as `<` and `>`), wherever it stands.
_IRI = re.compile(r"<https?://[a-z][A-Za-z0-9/._~-]*>", re.ASCII)
_CHECKERS = 2  # worker processes that read queries
_TRIPLES_OF = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
_LOADING = "The database is being looked at."
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class RemoteStore:
    """A release in an engine that runs elsewhere."""

    def __init__(self, release: str, prefixes: Mapping[str, str], context: Mapping[str, Any], settings: Settings) -> None:
        """`release` is its id."""
        self._holding, self._settings = Holding(release), settings
        self._rules = Rules(settings.result_bytes, dict(prefixes), dict(context or prefixes))
        self._limit = settings.result_bytes * _SWOLLEN
        self._breaker = Breaker(self._look)
        self._lent = Engine(settings, self._breaker, settings.store_connections)
        self._own = Engine(settings, self._breaker, settings.store_connections)
        self._looked_at = Engine(settings, self._breaker, 1)  # over a connection that no page can keep busy
        self._reading = Reading(self._holding, self._own, self._breaker)
        self._places = Places(settings.store_connections, settings.waiting)
        self._reception = Reception(settings, strict=True)
        plan = Plan("", "", settings.memory, settings.result_bytes, dict(prefixes), dict(self._rules.context))
        self._pool = Pool(plan, Size(_CHECKERS, settings.old, settings.waiting, settings.timeout))
        self._sorts: dict[str, str] = {}  # query, but for its IRIs → what a worker said of it
        self._started = False
        self._asking: set[asyncio.Task[Reply]] = set()
        self._apart = asyncio.Semaphore(1)  # one long query is taken apart at a time
        self._graphs = asyncio.Semaphore(1)  # and one graph written as JSON-LD
        self._loop = OwnLoop("engine")
        self._opening: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()

    # Our own queries

    def rows(self, text: str, bind: Mapping[str, Term] | None = None) -> list[Row]:
        """See `kg.store.Store`."""
        terms = bind or {}
        if any(isinstance(term, ox.NamedNode) and is_foreign(term.value) for term in terms.values()):
            return []  # no release says anything of it, and an engine may have a meaning of its own for it
        form = self._holding.form(fixed(text, {name: str(term) for name, term in terms.items()}))
        found = self._inside(self._ask_own(form))
        return [{**terms, **row} for row in self._reading.rows(found)]

    async def _ask_own(self, form: Form) -> Found:
        await self._open()
        try:
            return await self._own.ask(form, SOLUTIONS, self._settings.timeout, self._limit)
        except RequestError as error:  # but no reader of a page has asked for anything wrong
            _log.error("A query of ours failed: %s", error)
            raise EngineFailed("The database could not answer a query of ours.") from None

    async def _probe(self, query: str, dataset: Sequence[tuple[str, str]]) -> list[Row]:
        await self._open()
        form = [*self._holding.form(query)[:1], *dataset]
        return self._reading.rows(await self._looked_at.probe(form, SOLUTIONS, _PROBE if self._looking else _START, self._limit))

    async def _open(self) -> None:
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = asyncio.create_task(self._open_both())
        await asyncio.shield(self._opening)

    async def _open_both(self) -> None:
        await self._own.open()
        await self._looked_at.open()

    def _inside(self, work: Coroutine[Any, Any, _T]) -> _T:
        """What comes of work in our own event loop."""
        try:
            future = self._loop.begin(work)
        except RuntimeError:
            raise EngineDown(STOPPED, 5) from None
        try:
            return future.result()
        except CancelledError:
            raise EngineDown(STOPPED, 5) from None

    # Strangers' queries

    async def start(self) -> None:
        """See `kg.store.Store`; raises KgError where the engine cannot do what is needed, or does not hold the release."""
        try:
            await self._pool.start()
            await self._lent.open()
            await asyncio.wrap_future(self._loop.begin(self._begin()))
        except BaseException:
            await self.close()
            raise
        self._started = True

    async def _begin(self) -> None:
        try:
            held = await is_held(self._probe, self._holding)
        except EngineFailed as error:
            raise KgError(f"The engine at {self._settings.store} cannot be used. {error}") from None
        if not held:
            raise KgError(f"The engine at {self._settings.store} does not hold release {self._holding.release}. Run 'kg load'.")
        if lacks := await missing(self._probe, self._holding, self._own.dialect.graph_triples):
            raise KgError(f"The engine at {self._settings.store} cannot be used: " + "; ".join(lacks) + ".")
        self._looking = asyncio.create_task(self._look_after())

    async def query(self, request: Request | Dump, client: str = "", hang_up: HangUp | None = None) -> Answer:
        """See `kg.store.Store`."""
        if isinstance(request, Request):
            await self._reception.examine(request.text)

        async def evaluate() -> Reply:
            if isinstance(request, Dump):
                return await self._dumped(request, client, hang_up)
            return await self._evaluated(request, client, hang_up)

        return self._reception.answer(await self._reception.count(request, client, evaluate), request)

    async def _evaluated(self, request: Request, client: str, hang_up: HangUp | None) -> Reply:
        deadline = self._deadline(request.timeout)
        checked = await self._check(request, client)
        if checked.failure:
            return checked
        sort, _, prefixes = checked.text.partition(" ")
        name = request.graph if sort == "graph" else request.results
        if name is None:
            return Reply("format", "graph" if sort == "graph" else "results")
        form = await self._formed(request, bool(prefixes))

        def write(found: Found) -> Reply:
            result = self._reading.triples(found) if sort == "graph" else self._reading.solutions(found, sort)
            return write_result(result, name, self._rules, request.encoding, request.rows)

        async def answer() -> Reply:
            found = await self._lent.ask(form, TRIPLES if sort == "graph" else SOLUTIONS, self._settings.timeout, self._limit)
            with found.body:
                return await self._written(found, lambda: write(found), name)

        return await self._in_time(answer, client, hang_up, deadline)

    async def _formed(self, request: Request, prefixes: bool) -> Form:
        """What the engine is sent; a long query is taken apart in a thread, so that the event loop gets its turn."""

        def form() -> Form:
            refuse_foreign(plain(request.text))
            self._demand_size(request.text)
            return self._holding.form(request.text, request.default_graphs, request.named_graphs, prefixes)

        if len(request.text) <= _LONGEST_KEPT:
            return form()
        async with self._apart:
            return await asyncio.to_thread(form)

    def _demand_size(self, query: str) -> None:
        """Raise QueryTooHeavy where the query would end the engine."""
        most = self._own.dialect.patterns
        if most and len(query) > most and patterns(query) > most:
            raise QueryTooHeavy(f"The database takes at most {most} patterns, groups and steps in a query. Ask for less at a time.")

    async def _check(self, request: Request, client: str) -> Reply:
        """What sort of query it is, as a worker says; of most queries that is known from one that differs in its IRIs alone."""
        shape = _IRI.sub("<http://x>", request.text) if len(request.text) <= _LONGEST_KEPT else ""
        if (known := self._sorts.get(shape)) is not None:
            return Reply("", known)
        reply = await self._pool.ask(Check(request.text, request.timeout), client)
        if shape and not reply.failure:
            if len(self._sorts) >= _MOST_KEPT:
                self._sorts.pop(next(iter(self._sorts)))
            self._sorts[shape] = reply.text
        return reply

    async def _in_time(
        self, answer: Callable[[], Awaitable[Reply]], client: str, hang_up: HangUp | None, deadline: tuple[float, float]
    ) -> Reply:
        """An answer as long as somebody waits for it, and as its time allows."""
        asking = asyncio.create_task(self._in_turn(answer, client, deadline))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        try:
            done, _ = await asyncio.wait({asking}, timeout=_PATIENT if hang_up else None)
            if not done and hang_up:
                await self._watch(asking, hang_up)
            if asking.cancelled():
                raise EngineDown(STOPPED, 5)
            return await asking
        except QueryTimeout:
            self._look()  # it may not be the query
            raise
        finally:
            asking.cancel()

    async def _in_turn(self, answer: Callable[[], Awaitable[Reply]], client: str, deadline: tuple[float, float]) -> Reply:
        """The place is held until the answer is written: so many of the engine's lie about at most."""
        seconds, end = deadline
        try:
            async with asyncio.timeout_at(end), self._places.place(client):
                return await answer()
        except TimeoutError:
            raise QueryTimeout(f"This query took longer than {seconds:g} seconds.") from None

    async def _watch(self, asking: asyncio.Task[Reply], hang_up: HangUp) -> None:
        async def leave() -> None:
            await hang_up()

        leaving = asyncio.create_task(leave())
        try:
            await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
        if not asking.done():
            raise HungUp("Nobody waits for this answer any more.")

    async def _written(self, found: Found, write: Callable[[], Reply], name: str) -> Reply:
        """What is sent of what was found; large answers are written in a thread, which lets the event loop run.

        JSON-LD takes as many seconds as it has megabytes, and whoever writes it cannot be told to stop: one at a time, and none
        that is larger than there is time for.
        """

        def written() -> Reply:
            refusal: tuple[Any, ...]
            try:
                return self._reading.whole(found, write)
            except Refused as error:
                refusal = error.args
            return Reply(*refusal)

        if found.size <= _SMALL:
            return written()
        if name != "jsonld":
            return await asyncio.to_thread(written)
        if found.size > _MOST_JSON_LD:
            raise QueryTooHeavy(
                f"A graph of more than {_MOST_JSON_LD:,} bytes is not written as JSON-LD here. Ask for Turtle or N-Triples."
            )
        async with self._graphs:
            return await asyncio.to_thread(written)

    async def _dumped(self, request: Dump, client: str, hang_up: HangUp | None) -> Reply:
        names = ["default", *sorted(self._holding.graphs)] if request.graph is None else [request.graph]

        def write(found: Sequence[Found]) -> Reply:
            if request.graph is None:
                quads = (quad for name, one in zip(names, found, strict=True) for quad in self._reading.quads(one, name))
                return write_dataset(quads, request.format, self._rules, request.encoding)
            triples = self._reading.triples(found[0])
            first = next(triples, None)
            if first is None and request.graph != "default":
                return Reply("absent")
            all_of_them = triples if first is None else chain([first], triples)
            return write_result(all_of_them, request.format, self._rules, request.encoding)

        async def answer() -> Reply:
            found: list[Found] = []
            with ExitStack() as bodies:
                for name in names:
                    form = [("query", _TRIPLES_OF), ("default-graph-uri", self._holding.graph(name))]
                    found.append(await self._lent.ask(form, TRIPLES, self._settings.timeout, self._limit))
                    bodies.enter_context(found[-1].body)
                return await self._written(found[0], lambda: write(found), request.format)

        return await self._in_time(answer, client, hang_up, self._deadline(request.timeout))

    def _deadline(self, timeout: float | None) -> tuple[float, float]:
        """How many seconds a stranger's request may take, who asked for so many, and when they are over."""
        seconds = min(self._settings.timeout, timeout or self._settings.timeout)
        return seconds, asyncio.get_running_loop().time() + seconds

    # The engine

    def _look(self) -> None:
        """Have a look at the engine at once."""
        self._loop.soon(self._look_now.set)

    async def _look_after(self) -> None:
        """See from time to time whether the engine is well, and more often while it is not."""
        while True:
            await self._pause()
            before = self._breaker.reason
            try:
                await self._examine()
            except Exception as error:
                _log.exception("The database could not be looked at.")
                self._breaker.open(f"The database could not be looked at: {type(error).__name__}.")
            if self._breaker.reason != before:
                _log.warning(self._breaker.reason or "The database answers again.")
            self._look_now.clear()  # the look itself may have asked for another

    async def _pause(self) -> None:
        if self._breaker.reason:
            await asyncio.sleep(self._breaker.pause)
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), _LOOK)

    async def _examine(self) -> None:
        try:
            # Where the graph of releases is not replaced at once, it may have been looked at in between.
            held = await is_held(self._probe, self._holding) or await self._is_held_after_all()
        except QueryTimeout:
            self._breaker.open("The database behind this server does not answer in time.")
        except EngineDown:
            self._breaker.open(SILENT)
        except (KgError, SyntaxError, ValueError) as error:
            self._breaker.open(str(error))
        else:
            if held:
                self._breaker.close()
            else:
                self._breaker.open(f"The database no longer holds release {self._holding.release}.")

    async def _is_held_after_all(self) -> bool:
        await asyncio.sleep(_AGAIN)
        return await is_held(self._probe, self._holding)

    def condition(self) -> Condition:
        """See `kg.store.Store`."""
        reason = self._breaker.reason or ("" if self._started and self._pool.is_ready else _LOADING)
        return Condition(not reason, reason, self._places.counts, self._reception.outcomes, self._pool.forked)

    async def close(self) -> None:
        """See `kg.store.Store`."""
        asking = list(self._asking)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await self._pool.close()
        await self._lent.close()
        await self._loop.close(self._end)

    async def _end(self) -> None:
        await self._own.close()
        await self._looked_at.close()
