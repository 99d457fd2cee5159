"""What the server and its workers say to each other: requests and replies come in as values and go out as bytes, and back.

Requests are marshalled, which is fast: workers trust the server. It does not trust them: a query that breaks its worker must not
reach further.
"""

from __future__ import annotations

import json
import marshal
import struct
from dataclasses import dataclass
from typing import BinaryIO

from kg.store import Dump, Request

#: The lengths of a head and of the body that follows it.
FRAME = struct.Struct("!II")
_OK = struct.Struct("!BB??12sQ")  # format, coding, partial, in a file, digest, size
_FORMATS = ("json", "xml", "csv", "tsv", "turtle", "ntriples", "jsonld", "rdfxml", "trig", "nquads")
_CODINGS = ("", "gzip", "br")
DIGEST_BYTES = 12


@dataclass(frozen=True)
class Reply:
    """What became of a request: an answer, or a failure and its text.

    Failures: query (text, line and column as JSON), update, format (of the other sort), unwritable, large, room (on disk), absent
    (graph), error.
    """

    failure: str = ""
    text: str = ""
    format: str = ""
    coding: str = ""
    partial: bool = False
    in_file: bool = False  # the descriptor of the body's file comes with the reply
    digest: str = ""
    size: int = 0
    body: bytes | BinaryIO = b""


def write_request(request: Request | Dump) -> bytes:
    """Request → bytes."""
    fields = [list(value) if isinstance(value, tuple) else value for value in vars(request).values()]
    head = marshal.dumps([isinstance(request, Dump), *fields])
    return FRAME.pack(len(head), 0) + head


def read_request(head: bytes) -> Request | Dump:
    """Bytes → request."""
    is_dump, *fields = marshal.loads(head)  # noqa: S302 (it comes from the server)
    return Dump(*fields) if is_dump else Request(*fields)


def write_reply(reply: Reply) -> bytes:
    """Reply → bytes, without the file if it is in one."""
    body = b"" if reply.in_file else reply.body
    assert isinstance(body, bytes)  # noqa: S101 (where it is not, it is in a file)
    if reply.failure:
        head = b"\0" + json.dumps([reply.failure, reply.text]).encode()
    else:
        fields = _FORMATS.index(reply.format), _CODINGS.index(reply.coding), reply.partial, reply.in_file
        head = b"\1" + _OK.pack(*fields, bytes.fromhex(reply.digest), reply.size)
    return FRAME.pack(len(head), len(body)) + head + body


def read_reply(head: bytes, body: bytes) -> Reply:
    """Bytes → reply; the body of one in a file is still missing."""
    if head[:1] == b"\0":
        failure, text = json.loads(head[1:])
        return Reply(str(failure), str(text))
    fmt, coding, partial, in_file, digest, size = _OK.unpack(head[1:])
    return Reply("", "", _FORMATS[fmt], _CODINGS[coding], partial, in_file, digest.hex(), size, body)
