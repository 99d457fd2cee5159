"""A release and a number of triples come in; a release folder of that size, grown from it by a seed, goes out: `kg serve` takes it.

Growing means copying: every thing of the real graph, with its claims, citations, links and derived triples, stands in each copy
under a name of its own, so that classes, properties, layers, the size of things and its long tail are the real ones at any size.
The ontology, code lists, questions and countries stay one. In each copy some things point to things of earlier copies instead of
their own, the earlier the more, so that what is much spoken of is so more and more, by the square root of the number of copies.
Less than a whole copy is a part of its things, drawn by the seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TextIO

import pyoxigraph as ox

from kg.directory import write_directory
from kg.facet import read_facets
from kg.index import write_index
from kg.names import BASE, DATASET, DEF, NODE, PREFIXES
from kg.publication import describe_files
from kg.release import (
    CONTEXT,
    DATES,
    DIRECTORY,
    LISTS,
    LOD_CLOUD,
    NQUADS,
    ONTOLOGY_FILE,
    ORDER,
    QUERIES,
    RELEASES,
    REPORT,
    ROSTER,
    SEARCH,
    SHAPES,
    STORE,
    VOID,
    Release,
    current_release,
    switch,
)
from kg.roster import write_roster
from kg.version import UNRELEASED
from kg.void import describe, metadata

_THING = re.compile(rf"<{re.escape(BASE)}id/(?!country/)([a-z]+)/([^/>]+)([^>]*)>")
_ITEM = re.compile(r"<http://www\.wikidata\.org/entity/Q(\d+)>")
_SHARED = (f"<{BASE}id/country/", f"<{BASE}code/", f"<{BASE}questions/")
_NAMES = {f"<{PREFIXES['rdfs']}label>", f"<{PREFIXES['skos']}altLabel>", f"<{DEF}formerName>", f"<{DEF}newName>"}
_OF_ELSEWHERE = {"org", "source", "person", "place", "product", "law", "programme"}  # kinds that other copies point to
_ELSEWHERE = 0.1  # share of them, in each copy
_SYLLABLES = [first + second for first in "bcdfglmnprstvz" for second in "aeiou"]
_KEPT = (ONTOLOGY_FILE, LOD_CLOUD, REPORT, CONTEXT, ORDER)


@dataclass(frozen=True)
class Line:
    """A triple of the template, in the syntax of N-Triples, with the layers that it stands in."""

    subject: str
    predicate: str
    object: str
    layers: tuple[str, ...]


@dataclass
class Template:
    """The real graph: what there is once, and of each thing what is copied with it."""

    shared: list[Line] = field(default_factory=list)
    things: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))  # thing → its lines
    nodes: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))  # citation or amount → its lines

    def size(self) -> int:
        """Triples that a whole copy adds."""
        return sum(map(len, self.things.values())) + sum(map(len, self.nodes.values()))


def read_template(path: Path) -> Template:
    """Of a dump in N-Quads."""
    layers: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for quad in ox.parse(path=path, format=ox.RdfFormat.N_QUADS):
        held = layers[str(quad.subject), str(quad.predicate), str(quad.object)]
        if isinstance(quad.graph_name, ox.NamedNode):
            held.append(str(quad.graph_name))
    lines = [Line(*key, tuple(held)) for key, held in layers.items()]
    common = {line.object for line in lines if line.subject.startswith(_SHARED)}
    template = Template()
    for line in lines:
        root = _root(line, common)
        if not root:
            template.shared.append(line)
        elif root.startswith("<" + NODE):
            template.nodes[root].append(line)
        else:
            template.things[root].append(line)
    return template


def _root(line: Line, common: set[str]) -> str:
    """The thing, or the citation, with which a line is copied; empty where there is only one of it."""
    if line.subject in common and line.subject.startswith("<" + NODE):
        return ""
    if match := _THING.fullmatch(line.subject):
        return f"<{BASE}id/{match[1]}/{match[2]}>"
    # What rules say of a country or a code from the side of a thing is the thing's.
    match = _THING.fullmatch(line.object) if any(layer.endswith("derived>") for layer in line.layers) else None
    return f"<{BASE}id/{match[1]}/{match[2]}>" if match and match[1] != "node" else ""


class Copy:
    """One copy: what its terms are called."""

    def __init__(self, number: int, draw: random.Random, template: Template) -> None:
        self._number, self._template = number, template
        self._word = _word(number)
        self._elsewhere = {
            root: int(number * draw.random() ** 2)
            for root in template.things
            if number and root.rsplit("/", 2)[-2] in _OF_ELSEWHERE and draw.random() < _ELSEWHERE
        }
        self.own = cache(lambda term: self._renamed(term, self._number))

    def lines(self, of: Iterable[Line]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Triples as text, with the layers that they stand in."""
        for line in of:
            subject, value = self.own(line.subject), self._value(line)
            if any(layer.endswith("derived>") for layer in line.layers):
                # Both ends in another copy, or one that is shared, would be what is said there already.
                if line.subject in self._elsewhere and line.object not in self._elsewhere and value != line.object:
                    subject = self._mentioned(line.subject)
                elif line.subject in self._elsewhere or subject == line.subject:
                    value = self.own(line.object)
            yield f"{subject} {line.predicate} {value}", line.layers

    def _value(self, line: Line) -> str:
        """What a line says, of a thing here or elsewhere; names have a word of this copy."""
        if line.object.startswith("<"):
            return self._mentioned(line.object)
        if self._number and line.predicate in _NAMES:
            text, quote, rest = line.object.rpartition('"')
            return f"{text} {self._word}{quote}{rest}"
        return line.object

    def _mentioned(self, term: str) -> str:
        if (number := self._elsewhere.get(term)) is not None:
            return self._renamed(term, number)
        return self.own(term)

    def _renamed(self, term: str, number: int) -> str:
        """The name of a term in a copy; in the first, its own."""
        if not number or not term.startswith("<"):
            return term
        if match := _THING.fullmatch(term):
            root = f"<{BASE}id/{match[1]}/{match[2]}>"
            copied = root in self._template.things or root in self._template.nodes
            # Not "-23" alone: a source of a month would be called as one of its 23rd day.
            return f"<{BASE}id/{match[1]}/{match[2]}-copy{number}{match[3]}>" if copied else term
        if match := _ITEM.fullmatch(term):
            return f"<{PREFIXES['wd']}Q{match[1]}{number:04}>"
        return term


def _word(number: int) -> str:
    """A word that no other copy has."""
    syllables = [_SYLLABLES[0], _SYLLABLES[1]]
    while number:
        number, place = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[place])
    return "".join(reversed(syllables)).capitalize()


def write_dump(template: Template, path: Path, triples: int, seed: int) -> tuple[Counter[str], list[str]]:
    """N-Quads of about so many triples in the default graph; how many there are in all and by layer, and all things."""
    draw, counts, things = random.Random(seed), Counter[str](), []  # noqa: S311 (repeatable, not secret)
    left, size = triples - len(template.shared), template.size()
    with path.open("w", encoding="utf-8", newline="") as file:
        _write(file, ((f"{line.subject} {line.predicate} {line.object}", line.layers) for line in template.shared), counts)
        number = 0
        while left > 0:
            roots = _drawn(list(template.things), min(1, left / size), draw)
            copy = Copy(number, draw, template)
            _write(file, copy.lines(_lines_of(template, roots)), counts)
            things += [copy.own(root).strip("<>") for root in roots]
            left, number = left - size, number + 1
    return counts, things


def _drawn(roots: list[str], share: float, draw: random.Random) -> list[str]:
    return roots if share == 1 else draw.sample(roots, max(1, round(share * len(roots))))


def _lines_of(template: Template, roots: Iterable[str]) -> Iterator[Line]:
    """The lines of things, and of the citations and amounts that stand in them."""
    nodes: dict[str, None] = {}
    for root in roots:
        for line in template.things[root]:
            if line.object in template.nodes:
                nodes[line.object] = None
            yield line
    for node in nodes:
        yield from template.nodes[node]


def _write(file: TextIO, lines: Iterable[tuple[str, tuple[str, ...]]], counts: Counter[str]) -> None:
    for text, layers in lines:
        counts["triples"] += 1
        file.write(f"{text} .\n")
        for layer in layers:
            counts[layer] += 1
            file.write(f"{text} {layer} .\n")


# The steps, each of which is a process of its own, so that its time and memory can be told


def dump(folder: Path, source: Release, triples: int, seed: int) -> None:
    """Write the N-Quads, and what is taken over from the real release."""
    counts, things = write_dump(read_template(source.path / NQUADS), folder / NQUADS, triples, seed)
    for name in _KEPT:
        shutil.copyfile(source.path / name, folder / name)
    for name in (QUERIES, SHAPES):
        shutil.copytree(source.path / name, folder / name)
    days = json.loads((source.path / DATES).read_text("utf-8"))
    day = max(days.values(), default="2026-01-01")
    (folder / DATES).write_text(json.dumps(dict.fromkeys(things, day)), "utf-8")
    layer = f"<{BASE}graph/{{}}>".format
    told = {
        "triples": counts["triples"],
        "asserted": counts[layer("data")],
        "derived": counts[layer("derived")],
        "ontology": counts[layer("ontology")],
    }
    (folder / "counts.json").write_text(json.dumps({"counts": told, "things": len(things)}), "utf-8")


def store(folder: Path, *_: object) -> None:
    """The store on disk, from the N-Quads."""
    made = ox.Store(folder / STORE)
    made.bulk_load(path=folder / NQUADS, format=ox.RdfFormat.N_QUADS)
    made.optimize()
    made.flush()


def index(folder: Path, *_: object) -> None:
    """What search reads."""
    write_index(ox.Store.read_only(str(folder / STORE)), folder / SEARCH)


def lists(folder: Path, *_: object) -> None:
    """What lists are read from."""
    write_roster(ox.Store.read_only(str(folder / STORE)), read_facets(folder / QUERIES / LISTS), folder / ROSTER)


def names(folder: Path, *_: object) -> None:
    """What matching reads."""
    write_directory(ox.Store.read_only(str(folder / STORE)), folder / DIRECTORY)


def void(folder: Path, *_: object) -> None:
    """What the release holds, in numbers."""
    read = ox.Store.read_only(str(folder / STORE))
    triples = [*metadata(read, (NQUADS,), UNRELEASED.name), *describe(read, DATASET)]
    ox.serialize(triples, folder / VOID, ox.RdfFormat.TURTLE)


def finish(folder: Path, *_: object) -> None:
    """The manifest, and the pointer to it."""
    told = json.loads((folder / "counts.json").read_text("utf-8"))
    (folder / "counts.json").unlink()
    manifest = describe_files(folder, told["counts"], UNRELEASED, json.loads((folder / DATES).read_text("utf-8")))
    build = folder.parents[1]
    folder.rename(folder.with_name(manifest.name))
    switch(build, manifest.name, hashlib.sha256(manifest.id.encode()).hexdigest())


STEPS: Mapping[str, Callable[..., None]] = {
    "dump": dump,
    "store": store,
    "index": index,
    "lists": lists,
    "names": names,
    "void": void,
    "finish": finish,
}


def main() -> None:
    """One step of a release below a folder."""
    parser = argparse.ArgumentParser("python -m bench.grown", description="Make one step of a grown release.")
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("build", type=Path, help="folder that `kg serve --build` takes")
    parser.add_argument("--source", type=Path, default=Path("build"), help="the real one [build]")
    parser.add_argument("--triples", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=42)
    asked = parser.parse_args()
    folder = asked.build / RELEASES / "draft"
    folder.mkdir(parents=True, exist_ok=True)
    STEPS[asked.step](folder, current_release(asked.source), asked.triples, asked.seed)


if __name__ == "__main__":
    main()
