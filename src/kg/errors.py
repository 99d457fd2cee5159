"""Every error of the project, each with a sentence that the person who meets it can act on.

KgError
├── CheckFailed          the files do not hold together; carries the findings
├── ReleaseMissing       there is nothing built to serve
├── RequestError         what a client asked for cannot be given
│   ├── BadRequest       the request itself is wrong
│   │   └── BadQuery     the query does not parse, or asks for what is not allowed
│   ├── NotFound         there is no such thing
│   ├── NotAcceptable    there is no such format; carries the formats there are
│   ├── MethodRefused    the endpoint is read-only
│   └── TooLarge         the request or its answer is over a limit
└── QueryFailed          a query that is right could not be answered
    ├── QueryTimeout     it took longer than the limit
    ├── QueryTooHeavy    it needed more memory than the limit
    └── Overloaded       all workers are busy
"""

from collections.abc import Sequence

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
    """The query does not parse, or asks for what is not allowed.

    `line` and `column` count from 1; both are None where the fault has no place.
    """

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class NotFound(RequestError):
    """There is no such thing."""


class NotAcceptable(RequestError):
    """There is no such format."""

    def __init__(self, offered: Sequence[str]) -> None:
        super().__init__("None of the formats you accept is available here. Available: " + ", ".join(offered) + ".")
        self.offered = tuple(offered)


class MethodRefused(RequestError):
    """The endpoint is read-only."""


class TooLarge(RequestError):
    """The request or its answer is over a limit."""


class QueryFailed(KgError):
    """A query that is right could not be answered."""


class QueryTimeout(QueryFailed):
    """It took longer than the limit."""


class QueryTooHeavy(QueryFailed):
    """It needed more memory than the limit."""


class Overloaded(QueryFailed):
    """All workers are busy."""
