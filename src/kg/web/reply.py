"""An answer of the web, as a value: what the endpoint and the application make, and the front sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from starlette.responses import Response

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Reply:
    """Status, headers and body; the headers that every answer has are added where it is sent."""

    status: int
    headers: Headers
    body: bytes | BinaryIO = b""


def reply_of(response: Response) -> Reply:
    """A response that is whole in memory, as such a value."""
    return Reply(
        response.status_code, [pair for pair in response.raw_headers if pair[0] != b"content-length"], bytes(response.body)
    )
