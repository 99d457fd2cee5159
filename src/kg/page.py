"""What a page says, as plain values: facts and claims with footnotes, and what links to the thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Value:
    """A thing or a literal as a page shows it; `language` only where it is not the page's.

    A sum of money has its currency as `unit`, and as `more` how exact, taxed and often it is.
    """

    text: str
    iri: str | None = None
    language: str | None = None
    datatype: str | None = None
    unit: str | None = None
    more: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Note:
    """A footnote: who says it (`about`: publisher and date), where, and through whom it was read.

    Its `label` is the number of the work, with a letter for the place where several places of one work are cited.
    """

    number: int
    label: str
    source: Value
    about: tuple[Value, ...]
    via: Value | None
    locator: str
    quotes: tuple[Value, ...]


@dataclass(frozen=True)
class Said:
    """A value and the numbers of the footnotes it rests on.

    `doubt` is how uncertain it is, if no source states it plainly; `is_derived` that it only follows from other facts; `is_gap`
    that a source has no value, and why stands in its place.
    """

    value: Value
    notes: tuple[int, ...]
    doubt: Value | None = None
    is_derived: bool = False
    is_gap: bool = False
    until: Value | None = None  # where all that says it gives an end


@dataclass(frozen=True)
class Fact:
    """A property and its values, and how many more there are than are shown."""

    name: Value
    values: tuple[Said, ...]
    more: int = 0


@dataclass(frozen=True)
class Claim:
    """One claim as a row; `cells` follow the columns of its section."""

    key: str
    iri: str
    cells: tuple[tuple[Value, ...], ...]
    certainty: Value | None
    rank: Value | None
    remarks: tuple[Value, ...]
    contradicts: tuple[Value, ...]
    supersedes: tuple[Value, ...]
    notes: tuple[int, ...]

    @property
    def is_deprecated(self) -> bool:
        """Kept, but no longer held to be right."""
        return bool(self.rank and self.rank.iri and self.rank.iri.endswith("/deprecated"))

    @property
    def is_preferred(self) -> bool:
        """Held to be right where others disagree."""
        return bool(self.rank and self.rank.iri and self.rank.iri.endswith("/preferred"))


@dataclass(frozen=True)
class Section:
    """All claims of one class; `past` are those that are deprecated, or that another on the same page replaces."""

    name: Value
    columns: tuple[Value, ...]
    claims: tuple[Claim, ...]
    past: tuple[Claim, ...] = ()


#: A heading and the values under it.
Headed = tuple[Value, tuple[Value, ...]]


@dataclass(frozen=True)
class Side:
    """One of several claims that cannot all be right, with what it says under which heading.

    `differs` is that in which it differs from the others, unless it is too long for a title; it stands nowhere else.
    """

    kind: Value
    said: tuple[Headed, ...]
    claim: Claim
    differs: Headed | None = None


@dataclass(frozen=True)
class Dispute:
    """Claims that cannot all be right, about one thing or several, and the footnotes of all of them."""

    things: tuple[Value, ...]
    sides: list[Side]
    notes: Mapping[int, Note]


@dataclass(frozen=True)
class Event:
    """A claim as something that happened, or was so from then on: `when` as its source says it; `first` to `last` its bounds."""

    key: str
    what: Value
    about: tuple[Value, ...]
    when: Value
    until: Value | None
    first: str
    last: str | None
    lasts: bool  # it was so from then on; else it happened, or was seen to be so
    doubt: Value | None
    notes: tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """Who took which part in a phase of a project."""

    phase: Value
    key: str
    who: tuple[Value, ...]
    role: tuple[Value, ...]
    doubt: Value | None
    notes: tuple[int, ...]


@dataclass(frozen=True)
class Link:
    """Things that point here by one property; `through` is the kind of claim that makes the link."""

    name: Value
    things: tuple[Value, ...]


@dataclass(frozen=True)
class Term:
    """A class or property of an ontology, for its reader."""

    iri: str
    name: Value
    definition: Value | None
    scope: Value | None
    is_class: bool
    broader: tuple[Value, ...]
    used_on: tuple[Value, ...]
    takes: tuple[Value, ...]
    uses: int

    @property
    def key(self) -> str:
        """The fragment at which the term stands."""
        return self.iri.rpartition("#")[2]


@dataclass
class Page:
    """Everything a page says."""

    iri: str
    name: Value
    kinds: list[Value]
    classes: list[str]  # IRIs, the wider ones among them
    aliases: list[Value]
    descriptions: list[Value]
    remarks: list[Value]
    notes_of_thing: list[int]
    facts: list[Fact]
    identifiers: list[Fact]
    sections: list[Section]
    disagreements: list[list[Side]]
    events: list[Event]
    parts: list[Part]
    links: list[Link]
    notes: list[Note]  # work by work
    mentions: Mapping[str, Value]  # things that remarks name as queries do, by that name
    more_links: bool = False
    is_hub: bool = False  # whether so much leads to it that it is not counted
    start: int = 0  # of all claims, the first one shown
    claims: int = 0  # how many there are in all

    @cached_property
    def marks(self) -> Mapping[int, str]:
        """The labels of the footnotes by their numbers."""
        return {note.number: note.label for note in self.notes}


@dataclass
class Display:
    """How pages are laid out: the classes in order, and the properties of each in order (from the shapes)."""

    order: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def classes(self) -> list[str]:
        """Classes in the order of their shapes."""
        return list(self.order)

    def rank_of(self, classes: Iterable[str]) -> Callable[[str], tuple[int, str]]:
        """A sort key for the properties of a thing of these classes; what no shape lists comes last, by its IRI."""
        positions = {iri: place for cls in classes for place, iri in enumerate(self.order.get(cls, ()))}
        return lambda iri: (positions.get(iri, 10_000), iri)
