"""The seam between the serving half and a triple store: three methods, whatever the engine behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyoxigraph as ox

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Row = Mapping[str, Term]


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


@dataclass(frozen=True)
class Answer:
    """The serialised result and the name of its format."""

    body: bytes
    format: str


class Store(Protocol):
    """What the serving half asks of an engine."""

    def rows(self, text: str, bind: Mapping[str, Term] | None = None) -> list[Row]:
        """The solutions of one of our own SELECT queries; bound variables must be among those it selects."""

    def query(self, request: Request) -> Answer:
        """The answer to a stranger's query, within the limits of the settings.

        Raises BadQuery, NotAcceptable, TooLarge, QueryTimeout, QueryTooHeavy or Overloaded.
        """

    def close(self) -> None:
        """Give back processes and files."""
