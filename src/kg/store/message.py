"""What the server and its workers say to each other: requests and replies come in as values and go out as bytes, and back.

Each request has a number, which its reply repeats. Requests are marshalled, which is fast: workers trust the server. It does not
trust them: a query that breaks its worker must not reach further.
"""

from __future__ import annotations

import json
import marshal
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from kg.store import Dump, Request

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12

#: A number, and the length of the request that follows it. Length 0 takes back the requests behind that one.
ORDER = struct.Struct("!QI")
#: The number of the request, and the lengths of a head and of the body that follows it. No head: they are taken back.
FRAME = struct.Struct("!QII")
_OK = struct.Struct("!BB??12sQ")  # format, coding, partial, in a file, digest, size
_FORMATS = ("json", "xml", "csv", "tsv", "turtle", "ntriples", "jsonld", "rdfxml", "trig", "nquads")
_CODINGS = ("", "gzip", "br")
DIGEST_BYTES = 12


@dataclass(frozen=True)
class Check:
    """A wish to know what sort of query a text is. It gets no answer: another engine will give that."""

    text: str
    timeout: float | None = None  # seconds


#: What a worker is asked.
Order = Request | Dump | Check
_KINDS: tuple[type[Request] | type[Dump] | type[Check], ...] = (Request, Dump, Check)


class Reply(NamedTuple):  # of immutable things, the one that is made fastest
    """What became of a request: an answer, or a failure and its text.

    Failures: query (text, line and column as JSON), update, format (of the other sort), unwritable, large, room (on disk), absent
    (graph), error. What is only checked has no answer, and its text says what sort it is (`rows`, `boolean`, `graph`), and
    behind a blank `prefixes` where it does without declaring those that we know.
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


def write_request(request: Order) -> bytes:
    """Request → bytes."""
    fields = [list(value) if isinstance(value, tuple) else value for value in vars(request).values()]
    return marshal.dumps([_KINDS.index(type(request)), *fields])


def read_request(data: Buffer) -> Order:
    """Bytes → request."""
    kind, *fields = marshal.loads(data)  # noqa: S302 (it comes from the server)
    request: Order = _KINDS[kind](*fields)
    return request


def write_reply(number: int, reply: Reply) -> bytes:
    """Reply to the request of that number → bytes, without the file if it is in one."""
    body = b"" if reply.in_file else reply.body
    assert isinstance(body, bytes)  # noqa: S101 (where it is not, it is in a file)
    if reply.failure or reply.text:
        head = b"\0" + json.dumps([reply.failure, reply.text]).encode()
    else:
        fields = _FORMATS.index(reply.format), _CODINGS.index(reply.coding), reply.partial, reply.in_file
        head = b"\1" + _OK.pack(*fields, bytes.fromhex(reply.digest), reply.size)
    return FRAME.pack(number, len(head), len(body)) + head + body


def read_reply(head: bytes, body: bytes) -> Reply:
    """Bytes → reply; the body of one in a file is still missing."""
    if head[:1] == b"\0":
        failure, text = json.loads(head[1:])
        return Reply(str(failure), str(text))
    fmt, coding, partial, in_file, digest, size = _OK.unpack(head[1:])
    return Reply("", "", _FORMATS[fmt], _CODINGS[coding], partial, in_file, digest.hex(), size, body)
