"""SPARQL results in JSON come in as an engine wrote them; the same, with literals in canonical form, go out while they are read.

Nothing is held but the part that is being read: an answer may have hundreds of megabytes, and the server goes on meanwhile.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection
from typing import IO

_XSD = "http://www.w3.org/2001/XMLSchema#"
_DECIMAL = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d*)(?:\.(?P<fraction>\d*))?(?<=[\d.])", re.ASCII)
_PIECE = 1 << 16  # bytes read at once, at least
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
# From outside of strings: a string, a term (an object without others in it), or what has begun and whose end was not read yet.
_PART = re.compile(
    rb"(?P<string>%(string)s)|(?P<term>\{(?:[^{}\"]++|%(string)s)*+\})"
    rb"|(?P<begun>(?:\{(?:[^{}\"]++|%(string)s)*+)?(?:\"(?:[^\"\\]++|\\.)*+\\?)?\Z)" % {b"string": _STRING},
    re.DOTALL,
)


def canonical(text: str, datatype: str) -> str:
    """The canonical form of a decimal or a boolean (XML Schema 1.1, part 2, E); what is neither stays as it is."""
    if datatype == _XSD + "boolean":
        return {"1": "true", "0": "false"}.get(text, text)
    number = _DECIMAL.fullmatch(text)
    if not number:
        return text
    whole, fraction = number["whole"].lstrip("0") or "0", (number["fraction"] or "").rstrip("0")
    sign = "-" if number["sign"] == "-" and (whole != "0" or fraction) else ""
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


class CanonicalJson(io.RawIOBase):
    """SPARQL 1.1 Query Results JSON in which literals of some datatypes are in canonical form; what is no JSON stays as it is."""

    def __init__(self, body: IO[bytes], datatypes: Collection[str]) -> None:
        super().__init__()
        self._body, self._datatypes = body, frozenset(datatypes)
        self._written = re.compile(b"|".join(re.escape(iri.encode()) for iri in sorted(self._datatypes)))
        self._held = b""  # what has begun, and whose end was not read yet
        self._ready = io.BytesIO()

    def read(self, size: int = -1) -> bytes:
        """See `io.RawIOBase`; may give less than it is asked for, as that may."""
        while not (given := self._ready.read(size)) and (piece := self._next()):
            self._ready = io.BytesIO(piece)
        return given

    def _next(self) -> bytes:
        """The next part that is whole; nothing at the end."""
        while True:
            # As much again as is held, so that one long literal is not gone through over and over.
            wanted = max(_PIECE, len(self._held))
            piece = self._read(wanted)
            held, self._held = self._held + piece, b""
            if not piece or (len(piece) < wanted and not self._written.search(held)):
                return held
            given, end = self._rewritten(held)
            self._held = held[end:]
            if given:
                return given

    def _read(self, size: int) -> bytes:
        """So much, unless there is no more: the body may give less at a time."""
        pieces, missing = [], size
        while missing > 0 and (piece := self._body.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _rewritten(self, held: bytes) -> tuple[bytes, int]:
        """What is whole in what was read, and where that ends."""
        parts, end = [], 0
        for part in _PART.finditer(held):
            if part.lastgroup == "begun":
                parts.append(held[end : part.start()])
                return b"".join(parts), part.start()
            if part.lastgroup == "term" and self._written.search(part[0]):
                parts += [held[end : part.start()], self._term(part[0])]
                end = part.end()
        parts.append(held[end:])
        return b"".join(parts), len(held)

    def _term(self, written: bytes) -> bytes:
        try:
            term = json.loads(written)
        except ValueError:
            return written
        value, datatype = term.get("value"), term.get("datatype")
        if not (isinstance(value, str) and isinstance(datatype, str) and datatype in self._datatypes):
            return written
        return json.dumps(term | {"value": canonical(value, datatype)}).encode()
