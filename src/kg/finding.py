"""A finding: what is wrong, how badly, and in which line of which file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is, in the words of SHACL 1.0 (section 2.1.4)."""

    VIOLATION = "violation"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file; `path` is relative to the repository, lines count from 1."""

    path: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, order=True)
class Finding:
    """One fault, with a sentence that says what to write instead; `rule` names the check that found it."""

    place: Place
    message: str
    severity: Severity = Severity.VIOLATION
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


#: Where a finding is before its place is known.
NOWHERE = Place("")


def violations(findings: list[Finding]) -> list[Finding]:
    """Those that forbid a release."""
    return [finding for finding in findings if finding.severity is Severity.VIOLATION]


def report(findings: Iterable[Finding]) -> list[dict[str, str | int]]:
    """Findings as plain values, for JSON."""
    return [
        {"path": f.place.path, "line": f.place.line, "severity": str(f.severity), "rule": f.rule, "message": f.message}
        for f in findings
    ]
