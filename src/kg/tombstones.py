"""A store comes in; what became of the addresses that were retired, and of citations that were written anew, goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyoxigraph as ox

from kg.names import NODE, release_iri
from kg.store import Store

_RETIRED = """SELECT ?iri ?on ?successor ?note WHERE {
    ?iri kg:retiredOn ?on OPTIONAL { ?iri dct:isReplacedBy ?successor } OPTIONAL { ?iri kg:editorNote ?note }
}"""


_PARTS = f"""SELECT ?node ?of ?release WHERE {{
    ?node owl:deprecated true ; dct:isPartOf ?of OPTIONAL {{ ?node dct:isReferencedBy ?release }}
    FILTER(STRSTARTS(STR(?node), "{NODE}"))
}}"""


@dataclass(frozen=True)
class Tombstone:
    """Since when an address stands for nothing of its own, and its successor, or the reason why it has none by language."""

    day: str
    successor: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """What once was a part, such as a citation that was edited since: of what, and the version of the last release that had it."""

    of: str
    release: str = ""


def read_parts(store: Store) -> Mapping[str, Part]:
    """By the IRI that it had."""
    rows = [{name: str(getattr(row.get(name), "value", "")) for name in ("node", "of", "release")} for row in store.rows(_PARTS)]
    return {row["node"]: Part(row["of"], row["release"].removeprefix(release_iri(""))) for row in rows}


def read_tombstones(store: Store) -> Mapping[str, Tombstone]:
    """By the IRI that was retired."""
    found: dict[str, Tombstone] = {}
    for row in store.rows(_RETIRED):
        iri, day, successor, note = (row.get(name) for name in ("iri", "on", "successor", "note"))
        assert isinstance(iri, ox.NamedNode)  # noqa: S101 (a subject that `kg check` has seen)
        before = found.get(iri.value, Tombstone(str(getattr(day, "value", ""))))
        notes = {note.language or "": note.value} if isinstance(note, ox.Literal) else {}
        found[iri.value] = Tombstone(before.day, str(getattr(successor, "value", "")), {**before.notes, **notes})
    return found
