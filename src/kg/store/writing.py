"""What an engine found comes in; an answer that is serialised, capped and compressed goes out."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tempfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Protocol

import brotli
import pyoxigraph as ox

from kg.jsonld import compact_jsonld
from kg.names import used_prefixes
from kg.store.message import DIGEST_BYTES, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from typing_extensions import Buffer  # collections.abc has it from Python 3.12

_IN_MEMORY = 1 << 20  # bytes above which an answer goes to a file
_WORTH_COMPRESSING = 512  # bytes
_FEW = 1000  # triples of a graph that is written with no more prefixes than it uses
_GZIP_LEVEL, _BROTLI_QUALITY = 5, 4  # of the fast levels, those that still shrink SPARQL JSON to a tenth
_NOT_IN_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")

RESULTS = {
    "json": ox.QueryResultsFormat.JSON,
    "xml": ox.QueryResultsFormat.XML,
    "csv": ox.QueryResultsFormat.CSV,
    "tsv": ox.QueryResultsFormat.TSV,
}
GRAPHS = {
    "turtle": ox.RdfFormat.TURTLE,
    "ntriples": ox.RdfFormat.N_TRIPLES,
    "jsonld": ox.RdfFormat.JSON_LD,
    "rdfxml": ox.RdfFormat.RDF_XML,
    "trig": ox.RdfFormat.TRIG,
    "nquads": ox.RdfFormat.N_QUADS,
}
_STRING = ox.NamedNode("http://www.w3.org/2001/XMLSchema#string")


@dataclass(frozen=True)
class Rules:
    """What every worker of a store keeps to."""

    result_bytes: int  # size of an answer, uncompressed, above which it is refused
    prefixes: Mapping[str, str]
    context: Mapping[str, Any]  # of the JSON-LD that is written


class Refused(Exception):
    """There is no answer; the arguments are the failure and its text, as in `Reply`."""


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Compressor(quality=_BROTLI_QUALITY)
        self.compress, self.flush = self._inner.process, self._inner.finish


def _compressor(encoding: str) -> _Compressor:
    return _Brotli() if encoding == "br" else zlib.compressobj(_GZIP_LEVEL, wbits=31)


class _Spool(io.BytesIO):  # in name only: what the serialisers call is write
    """Collects an answer up to a size, first in memory, then in a file; more than that ends the serialisation at once."""

    def __init__(self, limit: int, encoding: str, xml: bool) -> None:
        super().__init__()
        self._limit, self._encoding, self._xml = limit, encoding, xml
        self._parts: list[bytes] = []
        self._size = 0
        self._file: Any = None
        self._compressor: _Compressor | None = None
        self._digest = hashlib.blake2b(digest_size=DIGEST_BYTES)

    def write(self, data: Buffer, /) -> int:
        part = bytes(data)
        self._size += len(part)
        if self._size > self._limit:
            raise Refused("large")
        if self._xml and _NOT_IN_XML.search(part):
            raise Refused("unwritable")
        if self._file is None and self._size > _IN_MEMORY:
            self._roll_over()
        if self._file is None:
            self._parts.append(part)
        else:
            self._put(self._compressor.compress(part) if self._compressor else part)
        return len(part)

    def _roll_over(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(buffering=1 << 16)  # noqa: SIM115 (its descriptor is sent away)
        except OSError as error:
            raise Refused("room") from error
        self._compressor = _compressor(self._encoding) if self._encoding else None
        held, self._parts = b"".join(self._parts), []
        self._put(self._compressor.compress(held) if self._compressor else held)

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise Refused("room") from error

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Leaves nothing on disk where writing ends before its end."""
        try:
            yield
        except BaseException:
            if self._file:
                self._file.close()
            raise

    def finish(self, name: str, partial: bool = False) -> Reply:
        """The whole answer, in the format of that name."""
        if self._file is None:
            body, coding = _compressed(b"".join(self._parts), self._encoding)
            self._digest.update(body)
            return Reply("", "", name, coding, partial, False, self._digest.hexdigest(), len(body), body)
        if self._compressor:
            self._put(self._compressor.flush())
        try:
            self._file.flush()
        except OSError as error:
            raise Refused("room") from error
        return Reply("", "", name, self._encoding, partial, True, self._digest.hexdigest(), self._file.tell(), self._file)


def _compressed(body: bytes, encoding: str) -> tuple[bytes, str]:
    if not encoding or len(body) < _WORTH_COMPRESSING:
        return body, ""
    if encoding == "br":
        return brotli.compress(body, quality=_BROTLI_QUALITY), encoding
    return gzip.compress(body, _GZIP_LEVEL, mtime=0), encoding


def write_result(
    result: ox.QuerySolutions | ox.QueryBoolean | Iterable[ox.Triple],
    name: str,
    rules: Rules,
    encoding: str = "",
    rows: int | None = None,
) -> Reply:
    """An answer in the format of that name; of `rows` and more only so many, which it says.

    Raises Refused where it is too large, or cannot be written so.
    """
    spool = _Spool(rules.result_bytes, encoding, xml=name in ("xml", "rdfxml"))
    partial = False
    with spool.kept():
        if isinstance(result, ox.QueryBoolean) or (isinstance(result, ox.QuerySolutions) and rows is None):
            result.serialize(spool, RESULTS[name])
        elif isinstance(result, ox.QuerySolutions):
            assert rows is not None  # noqa: S101 (see above)
            partial = _write_some(result, spool, rows)
        else:
            triples = iter(result)
            _write_graph(triples if rows is None else islice(triples, rows), spool, name, rules)
            partial = rows is not None and next(triples, None) is not None
        return spool.finish(name, partial)


def write_dataset(quads: Iterable[ox.Quad], name: str, rules: Rules, encoding: str = "") -> Reply:
    """Quads in the format of that name; raises Refused."""
    spool = _Spool(rules.result_bytes, encoding, xml=False)
    with spool.kept():
        ox.serialize(quads, spool, GRAPHS[name], prefixes=dict(rules.prefixes))
        return spool.finish(name)


def _write_graph(triples: Any, spool: _Spool, name: str, rules: Rules) -> None:
    if name == "jsonld":
        expanded = io.BytesIO()
        ox.serialize(triples, expanded, GRAPHS[name])
        spool.write(compact_jsonld(expanded.getvalue(), rules.context))
        return
    if name == "ntriples":
        ox.serialize(triples, spool, GRAPHS[name])
        return
    first = list(islice(triples, _FEW))
    few = len(first) < _FEW
    prefixes = used_prefixes(rules.prefixes, map(str, first)) if few else dict(rules.prefixes)
    ox.serialize(first if few else chain(first, triples), spool, GRAPHS[name], prefixes=prefixes)


def _write_some(solutions: ox.QuerySolutions, spool: _Spool, rows: int) -> bool:
    """SPARQL JSON of the first solutions; whether there are more."""
    names = [variable.value for variable in solutions.variables]
    bindings = [
        {name: _json_term(term) for name, term in zip(names, solution, strict=True) if term is not None}
        for solution in islice(solutions, rows)
    ]
    spool.write(json.dumps({"head": {"vars": names}, "results": {"bindings": bindings}}).encode())
    return next(solutions, None) is not None


def _json_term(term: Any) -> dict[str, Any]:
    """SPARQL 1.1 Query Results JSON Format, 3.2.2."""
    if isinstance(term, ox.NamedNode):
        return {"type": "uri", "value": term.value}
    if isinstance(term, ox.BlankNode):
        return {"type": "bnode", "value": term.value}
    if isinstance(term, ox.Triple):
        parts = {"subject": term.subject, "predicate": term.predicate, "object": term.object}
        return {"type": "triple", "value": {key: _json_term(part) for key, part in parts.items()}}
    if term.language:
        return {"type": "literal", "value": term.value, "xml:lang": term.language}
    plain = {"type": "literal", "value": term.value}
    return plain if term.datatype == _STRING else plain | {"datatype": term.datatype.value}
