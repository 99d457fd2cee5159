"""What an engine answered comes in; its solutions or triples, with the names and forms that the release has, go out.

Read as it stands in the file; that it is not what it should be may be seen only at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, TypeVar, cast

import pyoxigraph as ox

from kg.errors import AnswerTooLarge, EngineFailed, KgError, QueryTimeout
from kg.store import Row
from kg.store.breaker import Breaker
from kg.store.engine import Engine, Found
from kg.store.holding import Holding, Unmarked
from kg.store.literals import CanonicalJson

_TAIL = 500  # bytes at the end of an answer, where an engine says that it gives up
_T = TypeVar("_T")


class Reading:
    """Reads the answers of one engine about one release."""

    def __init__(self, holding: Holding, engine: Engine, breaker: Breaker) -> None:
        self._holding, self._engine, self._breaker = holding, engine, breaker

    def rows(self, found: Found) -> list[Row]:
        """All solutions of a SELECT; raises EngineFailed where they cannot be read."""

        def read() -> list[Row]:
            solutions = cast("ox.QuerySolutions", self.solutions(found, "rows"))
            names = [variable.value for variable in solutions.variables]
            return [{name: value for name, value in zip(names, row, strict=True) if value is not None} for row in solutions]

        with found.body:
            return self.whole(found, read)

    def whole(self, found: Found, read: Callable[[], _T]) -> _T:
        """What is read of what was found; raises EngineFailed or QueryTimeout where it is not whole.

        That error is a new one, for the first holds on to the reader, which may not leave its thread.
        """
        failure: KgError
        try:
            return read()
        except (SyntaxError, ValueError, RecursionError) as error:
            if self._is_cancelled(found):
                failure = QueryTimeout("This query took longer than the database allows.")
            else:
                failure = EngineFailed(f"The database gave an answer that is no {found.media_type}: {error}")
                self._breaker.doubt()
        raise failure

    def solutions(self, found: Found, sort: str) -> ox.QuerySolutions | ox.QueryBoolean:
        """Of a SELECT ("rows") or an ASK ("boolean"); raises SyntaxError or ValueError."""
        unmarked = self._unmarked(found)
        rewrites = self._engine.dialect.rewrites
        body = cast("IO[bytes]", CanonicalJson(unmarked, rewrites)) if rewrites else unmarked
        read = ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON)
        if isinstance(read, ox.QuerySolutions) != (sort == "rows"):
            raise ValueError("it is of another kind than the query")
        return read

    def triples(self, found: Found) -> Iterator[ox.Triple]:
        """Of a CONSTRUCT or DESCRIBE; raises SyntaxError, or AnswerTooLarge where nobody can tell whether they are all."""
        dialect = self._engine.dialect
        for number, quad in enumerate(ox.parse(self._unmarked(found), format=ox.RdfFormat.from_media_type(found.media_type)), 1):
            if dialect.graph_triples and number > dialect.graph_triples:
                raise AnswerTooLarge(
                    f"Nobody can tell whether a graph of more than {dialect.graph_triples:,} triples is whole here."
                )
            yield ox.Triple(quad.subject, quad.predicate, dialect.canonical(quad.object))

    def quads(self, found: Found, name: str) -> Iterator[ox.Quad]:
        """The same, in a graph of the release: "default", or a name."""
        graph = ox.DefaultGraph() if name == "default" else ox.NamedNode(name)
        return (ox.Quad(triple.subject, triple.predicate, triple.object, graph) for triple in self.triples(found))

    def _unmarked(self, found: Found) -> IO[bytes]:
        return cast("IO[bytes]", Unmarked(found.body, self._holding.mark))

    def _is_cancelled(self, found: Found) -> bool:
        """Whether an answer ends with the words by which its engine gives up."""
        mark = self._engine.dialect.cancelled
        found.body.seek(max(0, found.size - _TAIL))
        return bool(mark) and mark in found.body.read()
