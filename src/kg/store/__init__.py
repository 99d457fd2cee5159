"""The seam between the serving half and a triple store: what our pages ask, and what strangers ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import pyoxigraph as ox

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Row = Mapping[str, Term]
#: Returns when nobody waits for the answer any more.
HangUp = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """A stranger's query: its text, the formats it may be answered in (names of `kg.formats`), and its dataset.

    `results` is for SELECT and ASK, `graph` for CONSTRUCT and DESCRIBE; None where the client accepts none of that sort.
    """

    text: str
    results: str | None
    graph: str | None
    default_graphs: Sequence[str] = ()
    named_graphs: Sequence[str] = ()
    encoding: str = ""  # "gzip" or "br": the answer is compressed so, where that makes it smaller
    rows: int | None = None  # stop after so many solutions and say so
    timeout: float | None = None  # seconds, if the client asks for fewer than the limit


@dataclass(frozen=True)
class Dump:
    """A stranger's wish for a whole graph, or for the whole dataset, as the Graph Store Protocol names them."""

    format: str
    graph: str | None = None  # an IRI, "default", or None for all of them
    encoding: str = ""
    timeout: float | None = None


@dataclass(frozen=True)
class Answer:
    """The serialised result and how it is written."""

    body: bytes | BinaryIO  # a file where it is too large to be held in memory
    size: int  # bytes
    format: str
    digest: str  # equal digests mean equal bytes
    encoding: str = ""
    partial: bool = False  # there are more rows than were asked for


@dataclass(frozen=True)
class Condition:
    """How a store is doing."""

    ready: bool  # for queries
    reason: str  # why it is not; empty where it is
    queries: Mapping[str, int]  # where they are → how many there are now
    outcomes: Mapping[str, tuple[int, float]]  # what became of them → how many, and their seconds in all
    workers: int  # started so far
    notes: Sequence[str] = ()  # what whoever runs it should know


class Store(Protocol):
    """What the serving half asks of an engine."""

    def rows(self, text: str, bind: Mapping[str, Term] | None = None) -> list[Row]:
        """The solutions of one of our own SELECT queries, in the order of its ORDER BY: without one, engines differ.

        Bound variables must stand by themselves among those that it selects. Raises EngineFailed or EngineDown where the engine
        is another process.
        """

    async def query(self, request: Request | Dump, client: str = "", hang_up: HangUp | None = None) -> Answer:
        """The answer to a stranger's query, within the limits of the settings.

        `client` says whose time it takes; `hang_up` ends the work early.
        Raises BadQuery, NotAcceptable, NotFound, TooLarge, QueryTimeout, QueryTooHeavy, Overloaded or Throttled,
        and CancelledError after a hang-up.
        """

    async def start(self) -> None:
        """Get ready for queries, in the event loop that will ask them."""

    def condition(self) -> Condition:
        """How it is doing."""

    async def close(self) -> None:
        """Give back processes, connections and files, in the event loop that asked."""
