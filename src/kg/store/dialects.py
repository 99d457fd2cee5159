"""What a server calls itself comes in; in what it differs from others goes out. Every difference between engines is here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from kg.errors import KgError


@dataclass(frozen=True)
class Dialect:
    """An engine, as far as it is not like all others."""

    name: str
    server: str = ""  # what its header Server begins with
    cut_header: str = ""  # the header that tells of an answer that was cut
    timeout: tuple[tuple[int, str], ...] = ()  # a status, and words of the body, by which it says that a query took too long
    complaint: tuple[tuple[int, str], ...] = ()  # likewise that it cannot evaluate a query, other than by status 400

    graphs: tuple[str, str] = ("", "")  # a pattern for the path of its query address, and where its graph store then is

    def graph_store(self, address: str) -> str:
        """Where graphs are written, if this is where queries are answered; raises KgError where that cannot be known."""
        parts = urlsplit(address)
        path, matched = re.subn(*self.graphs, parts.path) if self.graphs[0] else ("", 0)
        if not matched:
            raise KgError(f"Say where the graph store of {address} is: --graphs URL, or KG_STORE_GRAPHS.")
        return urlunsplit(parts._replace(path=path, query=""))

    def cut(self, headers: Mapping[str, str]) -> str:
        """What an answer's headers say of what is missing; empty where it is whole."""
        value = headers.get(self.cut_header, "") if self.cut_header else ""
        return f"{self.cut_header}: {value}." if value else ""

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
    Dialect("Oxigraph", server="oxigraph", graphs=("/query$", "/store")),
    Dialect(
        "Apache Jena Fuseki",
        server="Apache Jena Fuseki",
        timeout=((503, "timed out|timeout"),),
        graphs=("^(/[^/]+)(/sparql|/query)?/?$", r"\1/data"),
    ),
    Dialect(
        "Virtuoso",
        server="Virtuoso",
        cut_header="X-SPARQL-MaxRows",
        timeout=((500, "S1TAT|S1T00|timeout"),),
        complaint=((500, "^Virtuoso [0-9A-Z]{5} Error"),),
        graphs=("/sparql(-auth)?/?$", "/sparql-graph-crud-auth"),
    ),
)


def dialect_of(server: str) -> Dialect:
    """The dialect of what calls itself so."""
    return next((one for one in DIALECTS if server.lower().startswith(one.server.lower())), ANY)
