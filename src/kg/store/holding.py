"""A release and the texts of queries come in; the names that its graphs have in an engine that holds several releases, go out.

An engine is one space of graph names, and two releases both have a `graph/data`. So each graph bears the mark of its release there
(`graph/data.r0123456789ab`), the default graph as well (`graph/all.r…`), since not every engine keeps one, and in some it is the
union of all others. Queries are told which graphs they are about, as the SPARQL 1.1 Protocol has it, and see no other release.
A release cannot hold its own hash, so what bears its mark in an answer is the name of a graph, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from kg.names import BASE, LAYERS, PREFIXES, layer
from kg.sparql import renamed, words

#: The graph that says which releases an engine holds, and which of them is current.
POINTER = layer("releases")
_ALL = "all"
_DATASET_WORDS = {"FROM", "GRAPH"}


@dataclass(frozen=True)
class Holding:
    """A release, as an engine holds it."""

    release: str  # its id: the hash of what it holds

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

    def dataset(self, default_graphs: Sequence[str], named_graphs: Sequence[str]) -> list[tuple[str, str]]:
        """Parameters that name a dataset, from those that a client gave (SPARQL 1.1 Protocol, 2.1.4)."""
        defaults = [("default-graph-uri", self.graph(name)) for name in default_graphs]
        return defaults + [("named-graph-uri", self.graph(name)) for name in named_graphs]

    def form(
        self, query: str, default_graphs: Sequence[str] = (), named_graphs: Sequence[str] = (), prefixes: bool = True
    ) -> list[tuple[str, str]]:
        """What the engine is sent: the query, with our prefixes declared or not, and its dataset."""
        text, own, names = _prepared(self, query, prefixes)
        form = [("query", text)]
        if default_graphs or named_graphs:
            return form + self.dataset(default_graphs, named_graphs)
        if own:
            return form
        return form + self.dataset(["default"], list(self.graphs) if names else [])


@lru_cache(maxsize=1024)
def _prepared(holding: Holding, query: str, prefixes: bool) -> tuple[str, bool, bool]:
    """The text for the engine; whether it names its dataset itself; and whether it asks for named graphs."""
    used = set(words(query)) & _DATASET_WORDS
    text = renamed(query, holding.graphs, BASE) if used else query
    # On one line, so that the engine counts lines as whoever wrote the query does.
    declared = "".join(f"PREFIX {name}: <{iri}> " for name, iri in PREFIXES.items() if f"{name}:" in text) if prefixes else ""
    return f"BASE <{BASE}> {declared}{text}", "FROM" in used, "GRAPH" in used
