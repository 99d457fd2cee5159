"""Links of the small graph, and what was read of their items, as the files in which authors and `kg link --refresh` leave them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_WD, _WDT = "http://www.wikidata.org/entity/", "http://www.wikidata.org/prop/direct/"
_DAY = "http://www.w3.org/2001/XMLSchema#date"


def link_surely(root: Path, thing: str, item: str) -> None:
    """Write that a thing (`org:maker`) and an item are certainly the same."""
    _write(
        root,
        thing,
        f"item: wd:{item}\nkind: same\ncertainty: confirmed\nmethod: name\ncheck: copies\ncheckedBy: Test\ncheckedOn: 2026-01-02\n"
        "cite:\n  - {source: src:survey-2025, locator: profiles}\n  - {source: src:copy-2025, locator: profiles}\n"
        'compared:\n  - {aspect: name, ours: "one", theirs: "one"}\n  - {aspect: code, ours: "one", theirs: "one"}\n',
    )


def link_to_nothing(root: Path, thing: str, check: str) -> None:
    """Write that no item was found for a thing, and what was looked at: `copies` or `live`."""
    _write(root, thing, f"kind: none\nreason: not-found\nmethod: name\ncheck: {check}\ncheckedBy: Test\ncheckedOn: 2026-01-02\n")


def wikidata_says(root: Path, items: Mapping[str, Mapping[str, str]]) -> None:
    """Write what was read on 3 January 2026: number of an item → property → value as N-Triples has it, or an item's number."""
    lines = []
    for item, values in items.items():
        document = f"<https://www.wikidata.org/wiki/Special:EntityData/{item}>"
        lines += [
            f"{document} <http://schema.org/about> <{_WD}{item}> .",
            f'{document} <http://purl.org/dc/terms/date> "2026-01-03"^^<{_DAY}> .',
        ]
        lines += [f"<{_WD}{item}> <{_WDT}{prop}> {_term(value)} ." for prop, value in values.items()]
    (root / "data" / "wikidata.nt").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _term(value: str) -> str:
    return f"<{_WD}{value}>" if value.startswith("Q") else value


def _write(root: Path, thing: str, rest: str) -> None:
    slug = thing.replace(":", "-").replace("/", "-")
    (root / "data" / "link" / f"{slug}.yaml").write_text(f"id: lnk:{slug}\ntype: Link\nthing: {thing}\n{rest}", "utf-8")
