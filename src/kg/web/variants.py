"""Why one address has several answers: a request comes in; what a header of it says, and the Vary of the answer, go out.

What is read here is noted, so that an answer depends on what it was made from and on nothing else: of a page whose address names
its language a shared cache keeps one copy, of one whose address does not, one for each Accept-Language (RFC 9110, 12.5.5).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Scope

_READ = "kg.headers.read"


def watched(scope: Scope) -> Scope:
    """The request, of which nothing has been read yet."""
    return {**scope, _READ: set()}


def heed(request: Request, name: str) -> str | None:
    """What a header says, or None; the answer depends on it from now on."""
    note(request.scope, name)
    return request.headers.get(name)


def note(scope: Scope, name: str) -> None:
    """The answer depends on a header that was read elsewhere."""
    scope.setdefault(_READ, set()).add(name)


def vary(scope: Scope) -> bytes:
    """What the answer depends on besides its address; the coding can differ for all of them."""
    return ", ".join(sorted({"Accept-Encoding", *scope.get(_READ, ())})).encode()
