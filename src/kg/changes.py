"""Two releases come in, as tables of their statements; what changed from one to the other goes out, claim by claim."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from kg.csvw import joined
from kg.names import compact

#: What can become of a thing or claim, in the order in which it is told.
KINDS = (
    "added",
    "removed",
    "retired",
    "re-ranked",
    "re-dated",
    "certainty",
    "source-added",
    "source-removed",
    "changed",
    "note",
)
_BY_PROPERTY = {
    "kg:rank": "re-ranked",
    "kg:certainty": "certainty",
    "kg:editorNote": "note",
    **dict.fromkeys(("kg:date", "kg:from", "kg:to", "kg:asOf"), "re-dated"),
}
_LOG = """# Change log

What changed in the statements of the graph from one release to the next. Written by `kg release`; `/changes` shows it, too.
"""
_CLAIM, _CITATION, _RETIRED = "kg:claim", "kg:citation", "kg:retiredOn"

#: Property → its values, a text with its language behind an `@`.
Facts = Mapping[str, frozenset[str]]
#: IRI of a thing or claim → what a release says of it.
Snapshot = Mapping[str, Facts]


@dataclass(frozen=True, order=True)
class Change:
    """What became of a thing, or of one claim about it; values as CURIEs and texts, of what is new or gone as property=value."""

    thing: str  # IRI
    claim: str  # IRI; empty for the thing itself
    kind: str
    property: str  # CURIE; empty for what is new or gone
    before: tuple[str, ...]
    after: tuple[str, ...]


def read_snapshot(table: Path) -> Snapshot:
    """What a release says, from its table of statements."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            value = compact(row["value"]) if row["prop_type"] == "entity" and row["value"].startswith("http") else row["value"]
            if row["schema"]:
                found[row["entity_id"]]["rdf:type"].add(row["schema"])
            found[row["entity_id"]][row["prop"]].add(f"{value}@{row['lang']}" if row["lang"] else value)
    return {iri: {prop: frozenset(values) for prop, values in facts.items()} for iri, facts in found.items()}


def compare(before: Snapshot, after: Snapshot) -> list[Change]:
    """All that changed, by thing and claim. What follows from the statements by rules is not told apart."""
    owners = _owners(before) | _owners(after)
    changes: list[Change] = []
    for iri in before.keys() | after.keys():
        thing, claim = (owners[iri], iri) if iri in owners else (iri, "")
        changes += (
            Change(thing, claim, kind, prop, old, new) for kind, prop, old, new in _differences(before.get(iri), after.get(iri))
        )
    return sorted(changes, key=lambda each: (each.thing, each.claim, KINDS.index(each.kind), each.property))


def of_thing(changes: Iterable[Change], iri: str) -> list[Change]:
    """Those of one thing, or of one claim."""
    return [each for each in changes if iri in (each.thing, each.claim)]


def count(changes: Iterable[Change]) -> dict[str, int]:
    """How many there are of each kind, in order; those that there are none of are left out."""
    counted = Counter(each.kind for each in changes)
    return {kind: counted[kind] for kind in KINDS if counted[kind]}


def as_csv(steps: Iterable[tuple[str, str, Iterable[Change]]]) -> str:
    """One row a change, with the releases from which and to which it was made; several values in a cell as in the other tables."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["from", "to", *(field.name for field in fields(Change))])
    for before, after, changes in steps:
        for each in changes:
            told = (each.thing, each.claim, each.kind, each.property, joined(each.before), joined(each.after))
            rows.writerow([before, after, *told])
    return text.getvalue()


def as_values(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """As plain values, for JSON."""
    return [asdict(each) for each in changes]


def as_markdown(changes: Sequence[Change], title: str) -> str:
    """A section of a change log."""
    lines = [f"## {title}", "", ", ".join(f"{number} {kind}" for kind, number in count(changes).items()) or "Nothing changed.", ""]
    for each in changes:
        about = compact(each.claim or each.thing)
        what = f" {each.property}" if each.property else ""
        told = [" / ".join(_plain(side)) for side in (each.before, each.after)]
        lines.append(f"- `{about}`: {each.kind}{what}" + (f": {told[0] or '–'} → {told[1] or '–'}" if each.property else ""))
    return "\n".join(lines) + "\n"


def write_log(log: Path, section: str) -> None:
    """Put a section before those of earlier releases; one that stands there already stays."""
    text = log.read_text("utf-8") if log.exists() else _LOG
    head, _, rest = text.partition("\n## ")
    if section.splitlines()[0] not in text.splitlines():
        log.write_text(f"{head.rstrip()}\n\n{section}" + (f"\n## {rest}" if rest else ""), "utf-8")


def _plain(values: Iterable[str]) -> list[str]:
    """Values on one line each, a text only in English where it is in several languages."""
    listed = [" ".join(value.split()) for value in values]
    english = [value.removesuffix("@en") for value in listed if value.endswith("@en")]
    return english or listed


def _owners(snapshot: Snapshot) -> dict[str, str]:
    """The IRI of each claim → its thing's."""
    claims = ((iri, claim) for iri, facts in snapshot.items() for claim in facts.get(_CLAIM, ()))
    prefixes = {compact(iri): iri for iri in snapshot}
    return {prefixes[claim]: iri for iri, claim in claims if claim in prefixes}


_Difference = tuple[str, str, tuple[str, ...], tuple[str, ...]]


def _differences(before: Facts | None, after: Facts | None) -> Iterator[_Difference]:
    if before is None or after is None:
        yield "added" if before is None else "removed", "", _listed(before), _listed(after)
        return
    if (_RETIRED in after) != (_RETIRED in before):
        yield "retired" if _RETIRED in after else "added", "", _listed(before), _listed(after)
        return
    for prop in before.keys() | after.keys():
        old, new = before.get(prop, frozenset()), after.get(prop, frozenset())
        gone, come = tuple(sorted(old - new)), tuple(sorted(new - old))
        if prop == _CLAIM or old == new:  # a claim tells of itself
            continue
        if prop == _CITATION:
            yield from ((kind, prop, g, c) for kind, g, c in (("source-removed", gone, ()), ("source-added", (), come)) if g or c)
        else:
            yield _BY_PROPERTY.get(prop, "changed"), prop, gone, come


def _listed(facts: Facts | None) -> tuple[str, ...]:
    return tuple(sorted(f"{prop}={value}" for prop, values in (facts or {}).items() if prop != _CLAIM for value in values))
