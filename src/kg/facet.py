"""Stored questions about the members of classes come in; what lists show of them, and are filtered by, goes out.

They stand in `queries/lists/<Class>/<name>.rq`: each answers with things and their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kg.query import Question, read_question

_DAY = "day"  # the parameter of facets that change with time


@dataclass(frozen=True)
class Facet:
    """One thing that members of a class can be listed and filtered by."""

    question: Question

    @property
    def name(self) -> str:
        """How addresses call it."""
        return self.question.name

    def title(self, language: str) -> str:
        """How pages call it."""
        return self.question.title(language)

    def phrase(self, language: str) -> tuple[str, str] | None:
        """What stands before and behind its values in a sentence about a thing; None where it has no part in one."""
        before, slot, after = self.question.header.get(("phrase", language), "").partition("{}")
        return (before, after) if slot else None

    def is_shown_as(self, what: str) -> bool:
        """Whether it is a `filter`, a `column`, or both."""
        return what in self.question.header.get(("shown", ""), "").split()

    @property
    def is_dated(self) -> bool:
        """Whether its values are those of a day, which may be given."""
        return _DAY in self.question.parameters

    def query(self, day: str = "") -> str:
        """Its query, of a day where one is given and it heeds it."""
        return self.question.bound({_DAY: day} if day and self.is_dated else {})

    @property
    def place(self) -> int:
        """Among those of its class."""
        return self.question.place


def read_facets(folder: Path) -> Mapping[str, tuple[Facet, ...]]:
    """By the name of the class, in the order of their places; none where there is no folder of them."""
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        facets = [Facet(read_question(file)) for file in path.glob("*.rq")]
        found[path.name] = tuple(sorted(facets, key=lambda facet: (facet.place, facet.name)))
    return found
