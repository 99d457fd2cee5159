"""What a server calls itself comes in; in what it differs from others goes out. Every difference between engines is here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import pyoxigraph as ox

from kg.errors import KgError
from kg.store import Term
from kg.store.literals import canonical

_XSD = "http://www.w3.org/2001/XMLSchema#"
_LATE = tuple((status, "timed? ?out|took too long|took more than") for status in (500, 503))
_CUT = ("X-SPARQL-MaxRows", "X-SQL-State")  # headers that tell of an answer that was cut; Virtuoso's


@dataclass(frozen=True)
class Dialect:
    """An engine, as far as it is not like all others."""

    name: str
    signs: tuple[tuple[str, str], ...] = ()  # headers that only it sends, each with what it begins with
    echo: str = ""  # words after which a complaint repeats the query
    cancelled: bytes = b""  # what an answer ends with that was begun and given up
    graph_triples: int = 0  # of a larger graph nobody can tell whether it was cut; 0: that can always be told
    patterns: int = 0  # patterns in a query (`kg.sparql.patterns`) that it still survives; 0: as many as you like
    timeout: tuple[tuple[int, str], ...] = _LATE  # a status, and words of the body, by which it says that a query took too long
    complaint: tuple[tuple[int, str], ...] = ()  # likewise that it cannot evaluate a query, other than by status 400

    garbles: tuple[str, ...] = ()  # datatypes whose values it does not keep as they are; what it does not know, it keeps
    rewrites: tuple[str, ...] = ()  # datatypes whose values it keeps, and writes in another way
    graphs: tuple[str, str] = ("", "")  # a pattern for the path of its query address, and where its graph store then is

    def graph_store(self, address: str) -> str:
        """Where graphs are written, if this is where queries are answered; raises KgError where that cannot be known."""
        parts = urlsplit(address)
        path, matched = re.subn(*self.graphs, parts.path) if self.graphs[0] else ("", 0)
        if not matched:
            raise KgError(f"Say where the graph store of {address} is: --graphs URL, or KG_STORE_GRAPHS.")
        return urlunsplit(parts._replace(path=path, query=""))

    def canonical(self, term: Term) -> Term:
        """A literal of a type that it writes in its own way, written as XML Schema 1.1 has it; other terms as they are."""
        if isinstance(term, ox.Literal) and term.datatype.value in self.rewrites:
            return ox.Literal(canonical(term.value, term.datatype.value), datatype=term.datatype)
        return term

    def shortened(self, said: str) -> str:
        """A complaint without the query, which is not as whoever sent it wrote it."""
        return said.partition(self.echo)[0].strip() if self.echo else said

    def is_timeout(self, status: int, said: str) -> bool:
        """Whether it gave a query up because it took too long."""
        return status in (408, 504) or _told(self.timeout, status, said)

    def is_complaint(self, status: int, said: str) -> bool:
        """Whether it finds fault with the query itself."""
        return _told(self.complaint, status, said)


def _told(signs: tuple[tuple[int, str], ...], status: int, said: str) -> bool:
    return any(status == code and re.search(words, said, re.IGNORECASE) for code, words in signs)


ANY = Dialect("another engine")
DIALECTS = (
    Dialect("Oxigraph", signs=(("Server", "Oxigraph"),), graphs=("/query$", "/store")),
    Dialect(
        "Apache Jena Fuseki",
        signs=(("Fuseki-Request-Id", ""),),
        rewrites=(_XSD + "decimal",),  # with a store on disk (TDB2): 3.0 for 3
        cancelled=b"Query cancelled due to timeout",
        graphs=("^(/[^/]+)(/sparql|/query)?/?$", r"\1/data"),
    ),
    Dialect(
        "Virtuoso",
        signs=(("Server", "Virtuoso"), ("X-SPARQL-default-graph", "")),  # a proxy before it may have the first for itself
        echo="SPARQL query:",
        graph_triples=100_000,  # that it gives so many is seen at the start (kg.store.abilities)
        patterns=65,  # its process ends at 80 OPTIONAL, or 100 triple patterns
        timeout=((500, "S1TAT|S1T00|timeout"), *_LATE),
        complaint=((500, "^Virtuoso [0-9A-Z]{5} Error"),),
        garbles=(_XSD + "duration",),  # 7.2.5: "120" for "P10Y"
        rewrites=(_XSD + "boolean", _XSD + "decimal"),  # 1 for true
        graphs=("/sparql(-auth)?/?$", "/sparql-graph-crud-auth"),
    ),
)


def dialect_of(headers: Mapping[str, str]) -> Dialect:
    """The dialect of what answers with these headers."""

    def is_one(dialect: Dialect) -> bool:
        return any(name in headers and headers[name].startswith(begun) for name, begun in dialect.signs)

    return next(filter(is_one, DIALECTS), ANY)


def cut(headers: Mapping[str, str]) -> str:
    """What an answer's headers say of what is missing; empty where it is whole. Asked of every engine, whatever we take it for."""
    return " ".join(f"{name}: {headers[name]}." for name in _CUT if name in headers)
