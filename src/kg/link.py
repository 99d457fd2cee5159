"""Things of a release and what Wikidata has come in; proposed links, a report on those there are, and a layer of facts go out.

Nothing is accepted here: a proposal becomes a link when a person moves its file below `data/link/`.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from math import log
from pathlib import Path

import pyoxigraph as ox

from kg.directory import Thing
from kg.matching import Candidate, Matcher, Wanted
from kg.names import BASE, PREFIXES, compact
from kg.rdf import select
from kg.release import LINK_REPORT
from kg.wikidata import (
    COORDINATES,
    COUNTRY,
    INCEPTION,
    INSTANCE_OF,
    ISO_COUNTRY,
    ISO_REGION,
    LANGUAGES,
    LEI,
    PARENT,
    PART_OF,
    WEBSITE,
    Item,
    Wikidata,
)

#: Called for each thing or item, with how many there are in all.
Progress = Callable[[int, int], None]
_SEARCHES = 6  # names of one thing that are looked up
_OTHERS = 5  # candidates that a proposal names
_WORTH = 30.0  # a score below which nothing is proposed
_DRIFTED = 30.0  # and below which a name is no longer that of the item
#: Folders under `data/` whose things may have an item.
KINDS = ("country", "place", "org", "person", "agreement", "law", "programme", "product", "initiative")
_THINGS = """SELECT ?thing ?name ?class ?code ?iso ?linked WHERE {
    ?thing rdfs:label ?name ; a ?class .
    OPTIONAL { ?thing kg:country/kg:isoCode ?code }
    OPTIONAL { ?thing kg:isoCode ?iso }
    OPTIONAL { ?link a kg:Link ; kg:linkedThing ?thing BIND(true AS ?linked) }
}"""
_LINKS = """SELECT ?link ?thing ?item ?name WHERE {
    ?link a kg:Link ; kg:linkedThing ?thing ; kg:linkedItem ?item .
    { ?thing rdfs:label ?name } UNION { ?thing skos:altLabel ?name } UNION { ?link kg:comparison/kg:theirValue ?name }
}"""
_CODES = "SELECT ?item ?code WHERE { ?thing kg:isoCode ?code ; owl:sameAs ?item }"
_KINDS = """SELECT ?item ?class WHERE {
    ?link a kg:Link ; kg:linkedThing ?thing ; kg:linkedItem ?item . ?thing a ?class MINUS { ?link kg:reason ?doubt }
}"""
_NAMES_OF_COUNTRIES = "SELECT ?code ?name WHERE { ?thing kg:isoCode ?code ; rdfs:label ?name }"
_KEPT = """SELECT ?item ?class WHERE { GRAPH graph:wikidata { ?item wdt:P31 ?class } }"""
#: What is kept of an item, by its property.
_FACTS = (INSTANCE_OF, COUNTRY, PART_OF, PARENT, COORDINATES, WEBSITE, INCEPTION, ISO_COUNTRY, ISO_REGION, LEI)
_CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
_DOCUMENT = "https://www.wikidata.org/wiki/Special:EntityData/"
_YEAR, _MONTH = 4, 7  # characters of a date that is only so exact


@dataclass(frozen=True)
class Unlinked:
    """A thing that has no link: its names by language, the codes of its countries, its classes, and its own code if it is one."""

    iri: str
    names: tuple[tuple[str, str], ...]
    countries: frozenset[str]
    classes: frozenset[str] = frozenset()
    iso: str = ""


class Kinds:
    """Which kinds of items the things of a class are linked to: no list says it, the links that people checked do.

    A candidate gains by a kind that things of its class have more often than things of any, and loses by one that they have less
    often. Where few links of a class are known, its share is drawn towards that of all, so that it says little.
    """

    def __init__(self, linked: Iterable[tuple[frozenset[str], frozenset[str]]]) -> None:
        """`linked`: for each linked thing its classes, and the kinds (values of P31) of its item."""
        pairs = [(classes, kinds) for classes, kinds in linked if kinds]
        self._all = len(pairs)
        self._of_class = Counter(each for classes, _ in pairs for each in classes)
        self._of_kind = Counter(kind for _, kinds in pairs for kind in kinds)
        self._of_both = Counter((each, kind) for classes, kinds in pairs for each in classes for kind in kinds)

    def odds(self, classes: Iterable[str], kinds: Iterable[str]) -> float:
        """What a candidate's kinds add to the logarithm of its odds: 0 where nothing is known of them."""
        known = [kind for kind in kinds if kind in self._of_kind]
        return max((self._odds(each, kind) for each in classes for kind in known), default=0.0)

    def _odds(self, of_class: str, kind: str) -> float:
        share = self._of_kind[kind] / self._all
        return log((self._of_both[of_class, kind] + share) / (self._of_class[of_class] + 1) / share)


@dataclass(frozen=True)
class Checked:
    """What became of one link: `state` is ok, merged, missing, renamed or changed."""

    link: str
    thing: str
    item: str
    state: str
    detail: str = ""
    now: str = ""  # the item that took its place


@dataclass(frozen=True)
class Report:
    """What became of all links on a day."""

    day: str
    links: int
    findings: list[Checked] = field(default_factory=list)


# Proposing


def unlinked(store: ox.Store, kinds: Iterable[str] = KINDS) -> list[Unlinked]:
    """The things of these kinds (folders under `data/`) for which nobody looked yet."""
    names: dict[str, set[tuple[str, str]]] = defaultdict(set)
    countries: dict[str, set[str]] = defaultdict(set)
    classes: dict[str, set[str]] = defaultdict(set)
    own: dict[str, str] = {}
    wanted = tuple(f"{BASE}id/{kind}/" for kind in kinds)
    for row in _rows(store, _THINGS):
        iri = _text(row["thing"])
        if not iri.startswith(wanted) or row["linked"] is not None:
            continue
        names[iri].add((_language(row["name"]), _text(row["name"])))
        classes[iri].add(_text(row["class"]))
        if row["code"] is not None:
            countries[iri].add(_text(row["code"]).lower())
        if row["iso"] is not None:
            own[iri] = _text(row["iso"])
    return [
        Unlinked(iri, tuple(sorted(names[iri])), frozenset(countries[iri]), frozenset(classes[iri]), own.get(iri, ""))
        for iri in sorted(names)
    ]


def propose(store: ox.Store, wikidata: Wikidata, things: list[Unlinked], out: Path, progress: Progress) -> list[Path]:
    """Write a proposal for each thing for which Wikidata has something; those that are written already are left as they are.

    Raises WikidataSilent where Wikidata does not answer; what was written until then stays, and the next run goes on from there.
    """
    codes = {_text(row["item"]).rpartition("/")[2]: _text(row["code"]).lower() for row in _rows(store, _CODES)}
    called: dict[str, list[str]] = defaultdict(list)
    for row in _rows(store, _NAMES_OF_COUNTRIES):
        called[_text(row["code"])].append(_text(row["name"]))
    files = {thing: out / "link" / f"{slug_of(thing.iri)}.yaml" for thing in things}
    left = {thing: file for thing, file in files.items() if not file.exists()}
    kinds = kinds_of_linked(store, wikidata) if left else Kinds(())
    written = []
    for number, (thing, file) in enumerate(left.items(), 1):
        progress(number, len(left))
        items = {item.number: item for item in wikidata.items(_found(wikidata, thing)) if not item.is_missing}
        ranked = score(thing, items.values(), codes, called, kinds)
        if ranked and ranked[0].score >= _WORTH:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(proposal(thing, ranked, items, codes), "utf-8")
            written.append(file)
    if written:
        _write_source(out / "source" / "wikidata.yaml")
    return written


def _found(wikidata: Wikidata, thing: Unlinked) -> list[str]:
    """The numbers of items that may be the thing."""
    found = wikidata.with_value(ISO_COUNTRY, thing.iso) if thing.iso else []
    for language, name in thing.names[:_SEARCHES]:
        found += wikidata.search(name, language if language in LANGUAGES else "en")
    return list(dict.fromkeys(found))


def kinds_of_linked(store: ox.Store, wikidata: Wikidata) -> Kinds:
    """What the items of the links that nothing speaks against are, with the classes of their things."""
    classes: dict[str, set[str]] = defaultdict(set)
    for row in _rows(store, _KINDS):
        classes[_text(row["item"]).rpartition("/")[2]].add(_text(row["class"]))
    items = wikidata.items(sorted(classes))
    return Kinds((frozenset(classes[item.asked]), frozenset(item.values.get(INSTANCE_OF, ()))) for item in items)


def score(
    thing: Unlinked, items: Iterable[Item], codes: Mapping[str, str], called: Mapping[str, Iterable[str]], kinds: Kinds
) -> list[Candidate]:
    """The items by how well they fit: names in all languages, country, kind, code."""
    listed = list(items)
    known = [
        Thing(item.number, item.names, countries=frozenset(codes[each] for each in item.values.get(COUNTRY, ()) if each in codes))
        for item in listed
    ]
    matcher = Matcher.of(known, called)
    best: dict[str, Candidate] = {}
    for _, name in thing.names:
        for candidate in matcher.find(Wanted(name, countries=thing.countries), len(known)):
            if candidate.iri not in best or candidate.odds > best[candidate.iri].odds:
                best[candidate.iri] = candidate
    for item in listed:
        if item.number in best:
            odds = best[item.number].odds + kinds.odds(thing.classes, item.values.get(INSTANCE_OF, ()))
            best[item.number] = replace(best[item.number], odds=odds)
    same = {item.number for item in listed if thing.iso and thing.iso in item.values.get(ISO_COUNTRY, ())}
    return sorted(best.values(), key=lambda each: (each.iri not in same, -each.odds, each.iri))


def proposal(thing: Unlinked, ranked: list[Candidate], items: Mapping[str, Item], codes: Mapping[str, str]) -> str:
    """The text of a file as it would stand below `data/link/`, with the other candidates as remarks."""
    best, item = ranked[0], items[ranked[0].iri]
    compared = _compared(thing, best, item, codes)
    lines = [
        f"# Proposed on {item.read}; a person decides. Score {best.score:.0f} of 100.",
        *(f"# Other: {other.iri} (score {other.score:.0f}) {_said(items[other.iri])}" for other in ranked[1:_OTHERS]),
        f"id: lnk:{slug_of(thing.iri)}",
        "type: Link",
        f"thing: {compact(thing.iri)}",
        f"item: wd:{item.number}  # {_said(item)}",
        "kind: close",
        "certainty: presumed",
        "method: search",
        "check: live",
        "checkedBy: …",
        f"checkedOn: {item.read}",
        "compared:",
        *(f"  - {{aspect: {aspect}, ours: {_quoted(ours)}, theirs: {_quoted(theirs)}}}" for aspect, ours, theirs in compared),
        "cite:",
        f"  - {{source: src:wikidata, locator: {_quoted(f'{item.number}, revision {item.revision}')}}}",
    ]
    return "\n".join(lines) + "\n"


def _compared(thing: Unlinked, best: Candidate, item: Item, codes: Mapping[str, str]) -> list[tuple[str, str, str]]:
    ours = max((name for _, name in thing.names), key=lambda name: difflib.SequenceMatcher(None, name, best.name).ratio())
    compared = [("name", ours, best.name)]
    theirs = sorted(codes[each].upper() for each in item.values.get(COUNTRY, ()) if each in codes)
    if thing.countries and theirs:
        compared.append(("country", " ".join(sorted(thing.countries)).upper(), " ".join(theirs)))
    if thing.iso and item.values.get(ISO_COUNTRY):
        compared.append(("code", thing.iso, " ".join(item.values[ISO_COUNTRY])))
    kind = thing.iri.removeprefix(f"{BASE}id/").partition("/")[0]
    if described := item.descriptions.get("en") or next(iter(item.descriptions.values()), ""):
        compared.append(("nature", kind, described))
    return compared


def _write_source(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "id: src:wikidata\ntype: Source\nlabel: {en: Wikidata, es: Wikidata, pt: Wikidata}\nkind: dataset\n"
        f"url: https://www.wikidata.org/\nlicense: {_CC0}\n",
        "utf-8",
    )


# Checking


def check_links(store: ox.Store, wikidata: Wikidata, progress: Progress) -> Report:
    """Look at the item of every link as it stands now; raises WikidataSilent where Wikidata does not answer."""
    links: dict[str, tuple[str, str]] = {}
    names: dict[str, list[str]] = defaultdict(list)
    for row in _rows(store, _LINKS):
        link = _text(row["link"])
        links[link] = (_text(row["thing"]), _text(row["item"]).rpartition("/")[2])
        names[link].append(_text(row["name"]))
    kept: dict[str, set[str]] = defaultdict(set)
    for row in _rows(store, _KEPT):
        kept[_text(row["item"]).rpartition("/")[2]].add(_text(row["class"]).rpartition("/")[2])
    items = {item.asked: item for item in wikidata.items(item for _, item in links.values())}
    findings = []
    for number, (link, (thing, item)) in enumerate(sorted(links.items()), 1):
        progress(number, len(links))
        findings.append(_checked(link, thing, items[item], names[link], kept.get(item, set())))
    day = max((item.read for item in items.values()), default=date.min).isoformat()
    return Report(day, len(links), findings)


def _checked(link: str, thing: str, item: Item, names: list[str], kept: set[str]) -> Checked:
    if item.is_missing:
        return Checked(link, thing, item.asked, "missing", "Wikidata has no such item any more.")
    if item.is_merged:
        return Checked(link, thing, item.asked, "merged", f"It is now {item.number}, {_said(item)}.", item.number)
    now = set(item.values.get(INSTANCE_OF, ()))
    if kept and now and not kept & now:
        return Checked(link, thing, item.asked, "changed", f"It was of kind {' '.join(sorted(kept))}, now {' '.join(sorted(now))}.")
    matcher = Matcher.of([Thing(item.number, item.names)], {})
    best = max((each.score for name in names for each in matcher.find(Wanted(name), 1)), default=0.0)
    if best < _DRIFTED:
        return Checked(link, thing, item.asked, "renamed", f"It is now called {_said(item)}.")
    return Checked(link, thing, item.asked, "ok")


def write_report(report: Report, out: Path) -> Path:
    """Write the report as JSON, for people and for the pages."""
    path = out / LINK_REPORT
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def patch(report: Report, root: Path) -> str:
    """A patch that gives each link whose item was merged the number of the item that took its place; empty for none."""
    parts: list[str] = []
    for each in report.findings:
        if each.state != "merged":
            continue
        name = f"data/link/{each.link.rpartition('/')[2]}.yaml"
        text = (root / name).read_text("utf-8")
        moved = text.replace(f"item: wd:{each.item}\n", f"item: wd:{each.now}\n")
        parts += difflib.unified_diff(text.splitlines(True), moved.splitlines(True), f"a/{name}", f"b/{name}")
    return "".join(parts)


# What Wikidata adds


def facts(store: ox.Store, wikidata: Wikidata, progress: Progress) -> list[ox.Triple]:
    """What Wikidata says of the items of all links, under its own names, with the revision and the day it was read."""
    numbers = sorted({_text(row["item"]).rpartition("/")[2] for row in _rows(store, _LINKS)})
    triples: list[ox.Triple] = []
    for number, item in enumerate(wikidata.items(numbers), 1):
        progress(number, len(numbers))
        if not item.is_missing and not item.is_merged:
            triples += _facts(item)
    return triples


def _facts(item: Item) -> Iterator[ox.Triple]:
    node = ox.NamedNode(PREFIXES["wd"] + item.number)
    for language, label in sorted(item.labels.items()):
        yield ox.Triple(node, ox.NamedNode(PREFIXES["rdfs"] + "label"), ox.Literal(label, language=language))
    for prop in _FACTS:
        for text in item.values.get(prop, ()):
            if value := _value(prop, text):
                yield ox.Triple(node, ox.NamedNode(PREFIXES["wdt"] + prop), value)
    document = ox.NamedNode(_DOCUMENT + item.number)
    said: list[tuple[str, ox.NamedNode | ox.Literal]] = [
        (PREFIXES["schema"] + "about", node),
        (PREFIXES["schema"] + "version", ox.Literal(item.revision)),
        (PREFIXES["dct"] + "date", ox.Literal(item.read.isoformat(), datatype=ox.NamedNode(PREFIXES["xsd"] + "date"))),
        (PREFIXES["dct"] + "license", ox.NamedNode(_CC0)),
    ]
    for key, term in said:
        yield ox.Triple(document, ox.NamedNode(key), term)


def _value(prop: str, text: str) -> ox.NamedNode | ox.Literal | None:
    xsd = PREFIXES["xsd"]
    if prop in (INSTANCE_OF, COUNTRY, PART_OF, PARENT):
        return ox.NamedNode(PREFIXES["wd"] + text)
    if prop == COORDINATES:
        latitude, _, longitude = text.partition(" ")
        point = ox.NamedNode("http://www.opengis.net/ont/geosparql#wktLiteral")
        return ox.Literal(f"Point({longitude} {latitude})", datatype=point)
    if prop == INCEPTION:
        kind = {_YEAR: "gYear", _MONTH: "gYearMonth"}.get(len(text), "date")
        return ox.Literal(text, datatype=ox.NamedNode(xsd + kind)) if text else None
    if prop == WEBSITE:
        return ox.Literal(text, datatype=ox.NamedNode(xsd + "anyURI"))
    return ox.Literal(text)


# Reading


def slug_of(iri: str) -> str:
    """The name of the file of a thing's link, without its ending: `org-zte`."""
    return compact(iri).replace(":", "-").replace("/", "-")


def _said(item: Item) -> str:
    label = item.labels.get("en") or next(iter(item.labels.values()), item.number)
    described = item.descriptions.get("en") or next(iter(item.descriptions.values()), "")
    return " ".join(f"{label}: {described}".split()) if described else label


def _quoted(text: str) -> str:
    """A text as YAML has it: JSON's strings are YAML's."""
    return json.dumps(text, ensure_ascii=False)


def _rows(store: ox.Store, text: str) -> Iterator[dict[str, ox.NamedNode | ox.Literal | None]]:
    solutions = select(store, text)
    names = [variable.value for variable in solutions.variables]
    for row in solutions:
        yield dict(zip(names, row, strict=True))


def _text(term: object) -> str:
    return str(getattr(term, "value", ""))


def _language(term: object) -> str:
    return str(getattr(term, "language", None) or "")
