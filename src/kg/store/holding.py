"""A release and the texts of queries come in; the names that its graphs have in an engine that holds several releases, go out.

An engine is one space of graph names, and two releases both have a `graph/data`. So each graph bears the mark of its release there
(`graph/data.r0123456789ab`), the default graph as well (`graph/all.r…`), since not every engine keeps one, and in some it is the
union of all others. Queries are told which graphs they are about, as the SPARQL 1.1 Protocol has it, and see no other release.
A release cannot hold its own hash, so a mark in an answer is one that was put there, and is taken away again. For the same reason
the datatypes that an engine would garble bear it: what an engine does not know, it leaves alone.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import IO

from kg.names import BASE, LAYERS, PREFIXES, layer, release_iri
from kg.sparql import Scoped, plain, scoped, words

#: The graph that says which releases an engine holds, and which of them is current.
POINTER = layer("releases")
_ALL = "all"
_LONGEST_KEPT = 5_000  # characters of a query that is remembered as the engine is sent it
_DATASET_WORDS = {"FROM", "GRAPH"}
_TERMS = 500  # triple terms in an answer: no release has any, and the parser has no more stack for some thousands, one in the other
_BEGINNINGS = (b'"triple"', b"<<(", b"\\u006", b"\\u007")  # of one, in JSON and in N-Triples; letters may be written as escapes
_LITERALS = (b'"value":"triple"', b'"value": "triple"')  # which only look like the beginning of one
_LONGEST = max(map(len, _BEGINNINGS + _LITERALS))


@dataclass(frozen=True)
class Holding:
    """A release, as an engine holds it."""

    release: str  # its id: the hash of what it holds

    @property
    def iri(self) -> str:
        """What the graph of releases calls it."""
        return release_iri(self.release)

    @property
    def mark(self) -> str:
        """What the names of its graphs end with."""
        return f".r{self.release}"

    @property
    def default(self) -> str:
        """The graph that is the default graph of the release."""
        return layer(_ALL) + self.mark

    @cached_property
    def graphs(self) -> dict[str, str]:
        """The name of each named graph in the release → its name in the engine."""
        return {layer(name): layer(name) + self.mark for name in LAYERS}

    def graph(self, name: str) -> str:
        """What a graph is called in the engine: "default", or a name; one that the release does not have is nowhere."""
        return self.default if name == "default" else self.graphs.get(name, f"urn:x-vigia:none{self.mark}")

    def disguised(self, triples: bytes, datatypes: Sequence[str]) -> bytes:
        """N-Triples in which literals of some datatypes are of one that no engine knows."""
        for iri in datatypes:
            triples = triples.replace(f'"^^<{iri}>'.encode(), f'"^^<{iri}{self.mark}>'.encode())
        return triples

    def form(
        self, query: str, default_graphs: Sequence[str] = (), named_graphs: Sequence[str] = (), prefixes: bool = True
    ) -> list[tuple[str, str]]:
        """What the engine is sent: the query, with our prefixes declared or not, and its dataset (SPARQL 1.1 Protocol, 2.1.4).

        The dataset is always told by parameters, which win over FROM in a query: engines that add them up would else show graphs
        of other releases. Graphs of both kinds are always among them, if only one that is nowhere: without any, some show all.
        """
        sent = _scoped(self, query, prefixes)
        if not (default_graphs or named_graphs):
            default_graphs, named_graphs = sent.default_graphs, sent.named_graphs
        if not (default_graphs or named_graphs):
            default_graphs, named_graphs = ["default"], list(self.graphs)
        defaults = [("default-graph-uri", self.graph(name)) for name in default_graphs or [""]]
        return [("query", sent.text), *defaults, *(("named-graph-uri", self.graph(name)) for name in [*named_graphs, ""])]


class Unmarked(io.RawIOBase):
    """What an engine answered, with the names of graphs as the release has them, and without what no parser survives."""

    def __init__(self, body: IO[bytes], mark: str) -> None:
        super().__init__()
        self._body, self._mark = body, mark.encode()
        self._held = self._last = b""
        self._terms = 0

    def read(self, size: int = -1) -> bytes:
        """See `io.RawIOBase`; may give less than it is asked for, as that may. Raises ValueError where terms may be nested deep."""
        given = b""
        while not given:
            piece = self._body.read(size)
            self._demand_flat(piece)
            self._held = (self._held + piece).replace(self._mark, b"") if self._mark else piece
            # The beginning of a mark may be the end of what was read.
            kept = max(0, len(self._mark) - 1) if piece else 0
            end = max(0, len(self._held) - kept)
            given, self._held = self._held[:end], self._held[end:]
            if not piece:
                break
        return given

    def _demand_flat(self, piece: bytes) -> None:
        """A term may begin in one piece and end in the next."""
        seen = self._last + piece
        self._terms += _count(seen) - _count(self._last)
        self._last = seen[-_LONGEST:]
        if self._terms > _TERMS:
            raise ValueError(f"it has more than {_TERMS} triple terms, and no release has any")


def _count(text: bytes) -> int:
    """Triple terms that may begin there; counting is what costs least."""
    return sum(map(text.count, _BEGINNINGS)) - sum(map(text.count, _LITERALS))


def _scoped(holding: Holding, query: str, prefixes: bool) -> Scoped:
    return (_kept if len(query) <= _LONGEST_KEPT else _scope)(holding, query, prefixes)


def _scope(holding: Holding, query: str, prefixes: bool) -> Scoped:
    query = plain(query)
    used = set(words(query))
    sent = scoped(query, holding.graphs, holding.graph(""), BASE) if used & _DATASET_WORDS else Scoped(query, (), ())
    # On one line, so that the engine counts lines as whoever wrote the query does.
    declared = "".join(f"PREFIX {name}: <{iri}> " for name, iri in PREFIXES.items() if f"{name}:" in sent.text) if prefixes else ""
    base = "" if "BASE" in used else f"BASE <{BASE}> "  # some engines take only one
    return replace(sent, text=f"{base}{declared}{sent.text}")


_kept = lru_cache(maxsize=1024)(_scope)
