"""Every error of the project, each with a sentence that the person who meets it can act on.

KgError
├── CheckFailed          the files do not hold together; carries the findings
├── ReleaseMissing       there is nothing built to serve
├── RequestError         what a client asked for cannot be given
│   ├── BadRequest       the request itself is wrong
│   │   ├── BadQuery     the query does not parse, or cannot be evaluated
│   │   └── ServiceRefused  the query asks this server to call one that is not allowed
│   ├── NotFound         there is no such thing
│   ├── Gone             there was one, and its address was retired
│   ├── Differs          an answer is not the one that was cited
│   ├── NotAcceptable    there is no such format; carries the formats there are
│   ├── WrongMethod      the address does not answer to that method
│   ├── MethodRefused    the endpoint is read-only
│   ├── TooLarge         the request is over a limit
│   ├── AnswerTooLarge   its answer is
│   ├── TooSlow          the request took too long to arrive
│   └── UnsupportedType  the body is of a type that is not read here
└── QueryFailed          a query that is right could not be answered
    ├── QueryTimeout     it took longer than the limit
    ├── QueryTooHeavy    it needed more memory than the limit
    ├── ServiceFailed    a server that the query calls did not answer as it should
    ├── EngineFailed     the engine behind this server gave no answer that can be used
    ├── EngineDown       the engine behind this server does not answer
    ├── Overloaded       all workers are busy
    ├── Throttled        this client has had its share for now
    └── HungUp           nobody waits for the answer any more
"""

from collections.abc import Sequence
from math import ceil

from kg.finding import Finding


class KgError(Exception):
    """Anything this project raises on purpose."""


class CheckFailed(KgError):
    """The files do not hold together."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = tuple(findings)


class ReleaseMissing(KgError):
    """There is nothing built to serve."""


class RequestError(KgError):
    """What a client asked for cannot be given."""


class BadRequest(RequestError):
    """The request itself is wrong."""


class BadQuery(BadRequest):
    """The query does not parse, or cannot be evaluated.

    `line` and `column` count from 1; both are None where the fault has no place.
    """

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class ServiceRefused(BadRequest):
    """The query asks this server to call one that is not allowed."""


class NotFound(RequestError):
    """There is no such thing."""


class Gone(RequestError):
    """There was such a thing, and its address was retired without a successor."""


class Differs(RequestError):
    """An answer is not the one that was cited."""


class NotAcceptable(RequestError):
    """There is no such format."""

    def __init__(self, offered: Sequence[str]) -> None:
        super().__init__("None of the formats you accept is available here. Available: " + ", ".join(offered) + ".")
        self.offered = tuple(offered)


class WrongMethod(RequestError):
    """The address does not answer to that method."""

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


class MethodRefused(RequestError):
    """The endpoint is read-only."""


class TooLarge(RequestError):
    """The request is over a limit."""


class AnswerTooLarge(RequestError):
    """The answer is over a limit."""


class TooSlow(RequestError):
    """The request took too long to arrive."""


class UnsupportedType(RequestError):
    """The body is of a type that is not read here."""


class QueryFailed(KgError):
    """A query that is right could not be answered."""


class QueryTimeout(QueryFailed):
    """It took longer than the limit."""


class QueryTooHeavy(QueryFailed):
    """It needed more memory than the limit."""


class ServiceFailed(QueryFailed):
    """A server that the query calls did not answer as it should."""


class EngineFailed(QueryFailed):
    """The engine behind this server gave no answer that can be used."""


class _Later(QueryFailed):
    """A query that may be sent again later; `retry_after` counts seconds from now."""

    def __init__(self, message: str, retry_after: float) -> None:
        self.retry_after = max(1, ceil(retry_after))
        super().__init__(f"{message} Try again in {self.retry_after} second{'' if self.retry_after == 1 else 's'}.")


class EngineDown(_Later):
    """The engine behind this server does not answer."""


class Overloaded(_Later):
    """All workers are busy."""


class Throttled(_Later):
    """This client has had its share for now."""


class HungUp(QueryFailed):
    """Nobody waits for the answer any more."""
