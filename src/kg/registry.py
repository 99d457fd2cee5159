"""The addresses that were ever published, and what became of those that were retired, come in; triples and findings go out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import yaml

from kg.finding import Finding, Place
from kg.names import BASE, DEF, NODE, PREFIXES, compact, expand, release_iri
from kg.rdf import tell
from kg.version import read_record

#: One a line, as CURIEs, sorted; written by `kg release`.
PUBLISHED = "data/published.txt"
#: What has no name of its own, such as a citation, with what it is a part of; written by `kg release`.
PARTS = "data/parts.csv"
#: Address → when it was retired, and its successor or the reason.
RETIRED = "data/retired.yaml"
_TRUE = ox.Literal("true", datatype=ox.NamedNode(PREFIXES["xsd"] + "boolean"))
_LASTING = (BASE + "id/", BASE + "code/", BASE + "questions/", DEF)
_LANGUAGES = {"en", "es", "pt"}
_FORM = "Write 'org:old: {on: 2026-12-01, replacedBy: org:new}', or 'note: {en: …, es: …, pt: …}' in place of replacedBy."


@dataclass(frozen=True)
class _Part:
    """A citation, amount or the like. Its address is made from what it says, so that an edit gives it another."""

    node: str  # the end of its address
    of: str  # CURIE of the claim or thing that holds it, whose address lasts
    last: str = ""  # the last release that had it; empty where the newest one has


def addresses(root: Path, store: ox.Store) -> set[str]:
    """The IRIs of the things, claims, codes and terms that the store speaks of, and those of the stored questions."""
    subjects = {quad.subject for quad in store.quads_for_pattern(None, None, None, ox.DefaultGraph())}
    named = {term.value for term in subjects if isinstance(term, ox.NamedNode) and term.value.startswith(_LASTING)}
    questions = {f"{BASE}questions/{path.stem}" for path in (root / "queries").glob("*.rq")}
    return {iri for iri in named if not iri.startswith(NODE)} | questions


def check_addresses(root: Path, store: ox.Store) -> list[Finding]:
    """A published address stands in papers and in other people's data: it goes on to say something, if only what became of it."""
    here = addresses(root, store)
    return [
        Finding(
            Place(PUBLISHED, line),
            f"{address} was published, and nothing is said of it any more. Put it back (a claim that is not right stays, with "
            f"'rank: deprecated'), or retire it in {RETIRED}: '{address}: {{on: 2026-12-01, replacedBy: …}}'.",
            rule="published",
        )
        for line, address in enumerate(_read(root), 1)
        if _iri(address) not in here
    ]


def retired(root: Path, store: ox.Store) -> tuple[list[ox.Triple], list[Finding]]:
    """What is said of the retired addresses; and what is wrong with that, seen against what the store holds."""
    triples: list[ox.Triple] = []
    findings: list[Finding] = []
    try:
        entries = list(_entries(root))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return [], [Finding(Place(RETIRED), f"This is not valid YAML: {' '.join(str(error).split())}.", rule="retired")]
    published, here = set(map(_iri, _read(root))), addresses(root, store)
    try:
        triples += _told_of_parts(root, store)
    except (ValueError, TypeError) as error:
        told = f"This is not what 'kg release' writes: {error}. Take it from the last commit."
        findings.append(Finding(Place(PARTS), told, rule="published"))
    for address, line, entry in entries:
        if fault := _fault(_iri(address), entry, published, here):
            findings.append(Finding(Place(RETIRED, line), f"{address}: {fault}", rule="retired"))
        else:
            triples += _told(_iri(address), entry)
    return triples, findings


def register(root: Path, store: ox.Store, previous: str = "") -> int:
    """Add the addresses of a release, after that of the version `previous`; returns how many are new."""
    before = set(_read(root))
    after = before | set(map(compact, addresses(root, store)))
    (root / PUBLISHED).write_text("".join(f"{address}\n" for address in sorted(after)), "utf-8")
    here = {node: _Part(node, of) for node, of in _parts(store).items()}
    gone = {node: part if part.last else replace(part, last=previous) for node, part in _read_parts(root).items()}
    with (root / PARTS).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(field.name for field in fields(_Part))
        rows.writerows(astuple(part) for _, part in sorted((gone | here).items()))
    return len(after) - len(before)


def _parts(store: ox.Store) -> dict[str, str]:
    """The end of the address of each node without a name → what holds it, as CURIE; the first of several, for all may share it."""
    holders: dict[str, set[str]] = {}
    for quad in store.quads_for_pattern(None, None, None, ox.DefaultGraph()):
        if isinstance(quad.object, ox.NamedNode) and quad.object.value.startswith(NODE) and isinstance(quad.subject, ox.NamedNode):
            holders.setdefault(quad.object.value, set()).add(quad.subject.value)

    def named(node: str) -> str:
        holder = min(holders[node], key=lambda iri: (iri.startswith(NODE), iri))
        return named(holder) if holder in holders else holder

    return {node.removeprefix(NODE): compact(named(node)) for node in holders}


def _told_of_parts(root: Path, store: ox.Store) -> Iterator[ox.Triple]:
    """Of those that no longer are: of what they were a part, and in which release last."""
    here, past = _parts(store), read_record(root)
    for node, part in _read_parts(root).items():
        if node not in here:
            last = part.last or (past[-1].version if past else "")
            yield from tell(
                PREFIXES,
                NODE + node,
                ("owl:deprecated", _TRUE),
                ("dct:isPartOf", expand(part.of)),
                *((("dct:isReferencedBy", release_iri(last)),) if last else ()),
            )


def _read_parts(root: Path) -> dict[str, _Part]:
    path = root / PARTS
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["node"]: _Part(**row) for row in csv.DictReader(file)}


def _fault(iri: str, entry: Any, published: set[str], here: set[str]) -> str:
    if not _is_formed(iri, entry):
        return _FORM
    if iri not in published:
        return "It was never published: remove it here as well."
    if iri in here:
        return "It is still described. Remove its file or its key, or this entry."
    if "replacedBy" in entry and expand(entry["replacedBy"]) not in here:
        return f"Its successor must be described here. [got {entry['replacedBy']}]"
    return ""


def _is_formed(iri: str, entry: Any) -> bool:
    """Whether an entry has a day, and either a successor or a reason in all languages."""
    if not isinstance(entry, dict) or entry.keys() not in ({"on", "replacedBy"}, {"on", "note"}):
        return False
    note = entry.get("note")
    reasoned = isinstance(note, dict) and note.keys() == _LANGUAGES and all(isinstance(text, str) for text in note.values())
    try:
        ox.NamedNode(iri)
        date.fromisoformat(entry["on"])
    except (TypeError, ValueError):
        return False
    return reasoned or isinstance(entry.get("replacedBy"), str)


def _told(iri: str, entry: Mapping[str, Any]) -> Iterator[ox.Triple]:
    yield from tell(
        PREFIXES,
        iri,
        ("owl:deprecated", _TRUE),
        ("kg:retiredOn", ox.Literal(str(entry["on"]), datatype=ox.NamedNode(PREFIXES["xsd"] + "date"))),
        *((("dct:isReplacedBy", expand(str(entry["replacedBy"]))),) if "replacedBy" in entry else ()),
        *(("kg:editorNote", ox.Literal(str(text), language=code)) for code, text in entry.get("note", {}).items()),
    )


def _entries(root: Path) -> Iterator[tuple[str, int, Any]]:
    """The addresses that were retired, with their line and what is said of them."""
    path = root / RETIRED
    if not path.exists():
        return
    node = yaml.compose(path.read_text("utf-8"), yaml.CSafeLoader)
    if node is not None and not isinstance(node, yaml.MappingNode):
        yield "the file", 1, None
    elif node is not None:
        for key, value in node.value:
            yield str(key.value), key.start_mark.line + 1, _plain(value)


def _plain(node: yaml.Node) -> Any:
    """Scalars as the texts that stand there: a date stays what was written."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    return str(node.value)


def _iri(address: str) -> str:
    return expand(address.strip("<>"))


def _read(root: Path) -> list[str]:
    path = root / PUBLISHED
    return path.read_text("utf-8").splitlines() if path.exists() else []
