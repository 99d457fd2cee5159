"""Formats: an Accept header or a file ending comes in, the one format to answer in goes out; one table for everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kg.errors import NotAcceptable


@dataclass(frozen=True)
class Format:
    """A format we write: its name for `?format=`, its media types (first the one we prefer), its file ending, and other names."""

    name: str
    types: tuple[str, ...]
    ending: str
    label: str
    aliases: tuple[str, ...] = ()  # that clients are known to use for format=

    @property
    def media_type(self) -> str:
        """The media type we send unless the client asked for another of its names."""
        return self.types[0]


HTML = Format("html", ("text/html", "application/xhtml+xml"), "html", "HTML")
TURTLE = Format("turtle", ("text/turtle", "application/x-turtle"), "ttl", "Turtle", ("n3",))
N_TRIPLES = Format("ntriples", ("application/n-triples", "text/plain"), "nt", "N-Triples")
JSON_LD = Format("jsonld", ("application/ld+json",), "jsonld", "JSON-LD", ("json-ld", "json"))
RDF_XML = Format("rdfxml", ("application/rdf+xml",), "rdf", "RDF/XML", ("xml", "rdf+xml"))
TRIG = Format("trig", ("application/trig",), "trig", "TriG")
N_QUADS = Format("nquads", ("application/n-quads",), "nq", "N-Quads")
JSON = Format("json", ("application/sparql-results+json", "application/json"), "json", "JSON", ("srj",))
XML = Format("xml", ("application/sparql-results+xml", "application/xml"), "xml", "XML", ("srx",))
CSV = Format("csv", ("text/csv",), "csv", "CSV")
TSV = Format("tsv", ("text/tab-separated-values",), "tsv", "TSV")
#: For people with a spreadsheet program; no client asks for it by a media type of its own.
SHEET = Format("excel", (), "excel", "CSV for Excel")

GRAPHS = (TURTLE, N_TRIPLES, JSON_LD, RDF_XML)
RESULTS = (JSON, XML, CSV, TSV)
DATASETS = (TRIG, N_QUADS)

#: Content codings that we write, the best first.
CODINGS = ("br", "gzip")


def by_name(name: str, offered: Sequence[Format]) -> Format:
    """The format that `?format=` or a file ending names, or the first known of several; raises NotAcceptable with what there is."""
    for part in name.lower().split(","):
        for fmt in offered:
            if part.strip() in (fmt.name, fmt.ending, *fmt.types, *fmt.aliases):
                return fmt
    raise NotAcceptable([fmt.ending for fmt in offered])


@lru_cache(maxsize=1024)
def negotiate(accept: str | None, offered: tuple[Format, ...]) -> tuple[Format, str]:
    """The best of the offered formats for an Accept header, and the media type to call it by (RFC 9110, 12.5.1).

    No header accepts anything. Of equally good formats the one offered first wins. Raises NotAcceptable if none fits.
    """
    ranges = _ranges(accept) if accept is not None and accept.strip() else [("*/*", 1.0)]
    best: tuple[float, Format, str] | None = None
    for fmt in offered:
        for media_type in fmt.types:
            quality = _quality(media_type, ranges)
            if quality > 0 and (best is None or quality > best[0]):
                best = (quality, fmt, media_type)
    if best is None:
        raise NotAcceptable([fmt.media_type for fmt in offered])
    return best[1], best[2]


@lru_cache(maxsize=1024)
def choose_coding(accept_encoding: str, offered: tuple[str, ...] = CODINGS) -> str:
    """The coding to compress with for an Accept-Encoding header, or none of them (RFC 9110, 12.5.3)."""
    weights = dict(_weighted(accept_encoding))
    others = weights.get("*", 0.0)
    best = max(offered, key=lambda coding: weights.get(coding, others))  # of equals, the first
    return best if weights.get(best, others) > 0 else ""


def _ranges(accept: str) -> list[tuple[str, float]]:
    """The media ranges of the header with their weights."""
    return [(name, quality) for name, quality in _weighted(accept) if "/" in name]


def _weighted(header: str) -> list[tuple[str, float]]:
    """The members of a header with their weights; what cannot be read is passed over, as RFC 9110 allows."""
    members = []
    for part in header.split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "q":
                try:
                    quality = min(max(float(value), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        members.append((name.lower(), quality))
    return members


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight that the most specific matching range gives."""
    group = media_type.split("/", maxsplit=1)[0] + "/*"
    for wanted in (media_type, group, "*/*"):
        weights = [quality for media_range, quality in ranges if media_range == wanted]
        if weights:
            return max(weights)
    return 0.0
