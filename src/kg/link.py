"""Things of a release and what Wikidata has come in; proposed links, a report on those there are, and a layer of facts go out.

Nothing is accepted here: a proposal becomes a link when a person moves its file below `data/link/`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from math import log
from pathlib import Path

import pyoxigraph as ox

from kg.directory import Thing, things_of
from kg.errors import KgError
from kg.matching import BIAS, WEIGHTS, Candidate, Matcher, Wanted
from kg.names import BASE, PREFIXES, compact
from kg.rdf import select
from kg.release import LINK_REPORT
from kg.wikidata import (
    ANY_LANGUAGE,
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
_SEARCHES = 20  # that are made for one thing
_OTHERS = 5  # candidates that a proposal names
_WORTH = 30.0  # a score below which nothing is proposed
_DRIFTED = 30.0  # and below which a name is no longer that of the item
_ODD = -log(10)  # what a kind may add to the odds before the item is said to be of another kind than the thing
#: Folders under `data/` whose things may have an item.
KINDS = ("country", "place", "org", "person", "agreement", "law", "programme", "product", "initiative")
_NAMES = """SELECT ?thing ?name ?isLabel WHERE {
    { ?thing rdfs:label ?name BIND(true AS ?isLabel) } UNION { ?thing skos:altLabel ?name }
    UNION { ?thing kg:claim/kg:formerName ?name } UNION { ?thing kg:claim/kg:newName ?name }
}"""
_RECORDS = """SELECT ?thing ?link ?kind ?reason ?check WHERE {
    ?link a kg:Link ; kg:linkedThing ?thing ; kg:kind ?kind ; kg:check ?check OPTIONAL { ?link kg:reason ?reason }
}"""
_REJECTED = "SELECT ?thing ?item WHERE { ?link a kg:Link ; kg:linkedThing ?thing ; kg:rejection/kg:linkedItem ?item }"
_IDENTIFIERS = "SELECT ?thing ?value WHERE {{ ?thing {ours} ?value }}"
#: A record of this kind, for this reason, that rests on this: nobody looked at Wikidata itself yet.
_STILL_OPEN = (f"{PREFIXES['link']}none", f"{PREFIXES['code']}link-reason/not-found", f"{PREFIXES['code']}link-check/copies")
_LINKS = """SELECT ?link ?thing ?item ?name WHERE {
    ?link a kg:Link ; kg:linkedThing ?thing ; kg:linkedItem ?item .
    { ?thing rdfs:label ?name } UNION { ?thing skos:altLabel ?name }
    UNION { ?link kg:comparison [ kg:aspect code:link-aspect\\/name ; kg:theirValue ?name ] }
}"""
_CODES = "SELECT ?item ?code WHERE { ?thing kg:isoCode ?code ; owl:sameAs ?item }"
_KINDS = """SELECT ?link ?item ?class WHERE {
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
class Identifier:
    """What others know a thing by: the property at Wikidata and ours, the aspect that a link compares, and how much it says."""

    prop: str
    ours: str
    aspect: str
    equal: float  # what it adds to the logarithm of the odds where one value is the same
    other: float  # and where both have one, and none is the same

    def form(self, value: str) -> str:
        """The value as it is compared: codes without regard to capitals, addresses of the web by their host and path."""
        if self.prop != WEBSITE:
            return value.strip().upper()
        host, _, path = _SCHEME.sub("", value.strip()).partition("/")
        return f"{host.lower()}/{path}".rstrip("/")

    def spellings(self, value: str) -> list[str]:
        """The ways in which Wikidata may have written it."""
        form = self.form(value)
        if self.prop != WEBSITE:
            return [form]
        hosts = [f"{scheme}://{www}{form}" for scheme in ("https", "http") for www in ("", "www.")]
        return [f"{host}{end}" for host in hosts for end in ("", "/")]


# A code that an authority gives to one thing outweighs a name that is not alike at all, whose odds are `BIAS`, and another code
# an equal name; a website is shared by a body and its parts, and moves. The graph has no property for the Legal Entity Identifier.
IDENTIFIERS = (
    Identifier(ISO_COUNTRY, "kg:isoCode", "code", equal=4.0 - BIAS, other=-9.0),
    Identifier(ISO_REGION, "kg:subdivisionCode", "code", equal=4.0 - BIAS, other=-9.0),
    Identifier(WEBSITE, "schema:url", "website", equal=0.5 - BIAS, other=-2.0),
)
_SCHEME = re.compile(r"^https?://(?:www\.)?", re.IGNORECASE)


@dataclass(frozen=True)
class Unlinked:
    """A thing that has no link: its names by language, labels first, the codes of its countries, and its classes.

    `identifiers` are its values by their properties at Wikidata; `record` is that of an earlier search in copies, which found
    nothing, and `rejected` the numbers of the items that it considered.
    """

    iri: str
    names: tuple[tuple[str, str], ...]
    countries: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    identifiers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    record: str = ""
    rejected: frozenset[str] = frozenset()

    @property
    def slug(self) -> str:
        """The name of the file of its link, without the ending: that of the record, if there is one, as `org-zte`."""
        return self.record.rpartition("/")[2] or compact(self.iri).replace(":", "-").replace("/", "-")


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

    def fits(self, classes: Iterable[str], kinds: Iterable[str]) -> bool | None:
        """Whether things of one of the classes are linked to items of one of the kinds; None where too few links tell."""
        if any(self._of_both[each, kind] for each in classes for kind in kinds):
            return True
        return False if self.odds(classes, kinds) <= _ODD else None

    def without(self, classes: frozenset[str], kinds: frozenset[str]) -> Kinds:
        """What the other links say of one that is among them."""
        others = Kinds(())
        others._all = self._all - 1
        others._of_class = self._of_class - Counter(classes)
        others._of_kind = self._of_kind - Counter(kinds)
        others._of_both = self._of_both - Counter((each, kind) for each in classes for kind in kinds)
        return others

    def _odds(self, of_class: str, kind: str) -> float:
        share = self._of_kind[kind] / self._all
        return log((self._of_both[of_class, kind] + share) / (self._of_class[of_class] + 1) / share)


@dataclass(frozen=True)
class Checked:
    """One finding on a link, which may have several: `state` is ok, merged, missing, renamed, changed or unlike.

    It is changed if it was of another kind when `kg link --refresh` kept that, and unlike if nothing was kept, and it is of a kind
    to which things of that class are not linked elsewhere.
    """

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
    kind_unknown: list[str] = field(default_factory=list)  # links of which it could not be told whether the kind still fits


# Proposing


def unlinked(store: ox.Store, kinds: Iterable[str] = KINDS) -> list[Unlinked]:
    """The things of these kinds (folders under `data/`) for which nobody looked at Wikidata itself yet."""
    records = {_text(row["thing"]): row for row in _rows(store, _RECORDS)}
    names: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    rows = (
        (row["isLabel"] is None, _language(row["name"]), _text(row["name"]), _text(row["thing"])) for row in _rows(store, _NAMES)
    )
    for _, language, name, thing in sorted(rows):
        names[thing][language, name] = None
    rejected = _sets((_text(row["thing"]), _number(row["item"])) for row in _rows(store, _REJECTED))
    identifiers: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for each in IDENTIFIERS:
        values = ((_text(row["thing"]), _text(row["value"])) for row in _rows(store, _IDENTIFIERS.format(ours=each.ours)))
        for thing, found in _sets(values).items():
            identifiers[thing][each.prop] = found
    wanted = tuple(f"{BASE}id/{kind}/" for kind in kinds)
    return [
        Unlinked(
            each.iri,
            tuple(names[each.iri]),
            each.countries,
            each.classes,
            identifiers.get(each.iri, {}),
            _text(records[each.iri]["link"]) if each.iri in records else "",
            rejected.get(each.iri, frozenset()),
        )
        for each in things_of(store)
        if each.iri.startswith(wanted) and (each.iri not in records or _is_open(records[each.iri]))
    ]


def _is_open(record: Mapping[str, object]) -> bool:
    return tuple(_text(record[key]) for key in ("kind", "reason", "check")) == _STILL_OPEN


def propose(store: ox.Store, wikidata: Wikidata, things: list[Unlinked], out: Path, progress: Progress) -> list[Path]:
    """Write a proposal for each thing for which Wikidata has something; those that are written already are left as they are.

    Raises WikidataSilent where Wikidata does not answer; what was written until then stays, and the next run goes on from there.
    """
    codes = {_number(row["item"]): _text(row["code"]).lower() for row in _rows(store, _CODES)}
    called: dict[str, list[str]] = defaultdict(list)
    for row in _rows(store, _NAMES_OF_COUNTRIES):
        called[_text(row["code"])].append(_text(row["name"]))
    files = [(thing, out / "link" / f"{thing.slug}.yaml") for thing in things]
    left = [(thing, file) for thing, file in files if not file.exists()]
    kinds = kinds_of_linked(store, wikidata) if left else Kinds(())
    written = []
    for number, (thing, file) in enumerate(left, 1):
        progress(number, len(left))
        found = [each for each in _found(wikidata, thing) if each not in thing.rejected]
        items = {item.number: item for item in wikidata.items(found, languages=()) if not item.is_missing}
        ranked = score(thing, [item for item in items.values() if item.number not in thing.rejected], codes, called, kinds)
        if ranked and ranked[0].score >= _WORTH:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(proposal(thing, ranked, items, codes), "utf-8")
            written.append(file)
    if written:
        _write_source(out / "source" / "wikidata.yaml")
    return written


def _found(wikidata: Wikidata, thing: Unlinked) -> list[str]:
    """The numbers of items that may be the thing: by what others know it by, and by its names."""
    found: list[str] = []
    for each in IDENTIFIERS:
        found += wikidata.with_value(
            each.prop, [text for value in thing.identifiers.get(each.prop, ()) for text in each.spellings(value)]
        )
    # An item may have the name in another language than we do: each is asked for in its own first, then in all of these.
    asked = [(language.lower(), name) for language, name in thing.names if language]
    asked += [(language, name) for language in (ANY_LANGUAGE, *LANGUAGES) for _, name in thing.names]
    for language, name in list(dict.fromkeys(asked))[:_SEARCHES]:
        found += wikidata.search(name, language)
    return list(dict.fromkeys(found))


def kinds_of_linked(store: ox.Store, wikidata: Wikidata) -> Kinds:
    """What the items of the links that nothing speaks against are, with the classes of their things."""
    classes = _sets((_number(row["item"]), _text(row["class"])) for row in _rows(store, _KINDS))
    items = wikidata.items(sorted(classes))
    return Kinds((classes[item.asked], frozenset(item.values.get(INSTANCE_OF, ()))) for item in items)


def score(
    thing: Unlinked, items: Iterable[Item], codes: Mapping[str, str], called: Mapping[str, Iterable[str]], kinds: Kinds
) -> list[Candidate]:
    """The items by how well they fit: names in all languages, countries, kinds, and what others know them by."""
    listed = list(items)
    known = [Thing(item.number, item.names, countries=_countries(item, codes)) for item in listed]
    matcher = Matcher.of(known, called)
    best: dict[str, Candidate] = {}
    for _, name in thing.names:
        for candidate in matcher.find(Wanted(name, countries=thing.countries), len(known)):
            if candidate.iri not in best or candidate.odds > best[candidate.iri].odds:
                best[candidate.iri] = candidate
    scored = []
    for item in listed:
        identified = sum(_identified(thing, item))
        if item.number not in best and identified <= 0:
            continue
        named = best.get(item.number) or _unlike(thing, item, _countries(item, codes))
        odds = named.odds + kinds.odds(thing.classes, item.values.get(INSTANCE_OF, ())) + identified
        scored.append(replace(named, odds=odds))
    return sorted(scored, key=lambda each: (-each.odds, each.iri))


def _identified(thing: Unlinked, item: Item) -> Iterator[float]:
    """What each identifier that both have adds to the logarithm of the odds."""
    for each in IDENTIFIERS:
        ours = set(map(each.form, thing.identifiers.get(each.prop, ())))
        theirs = set(map(each.form, item.values.get(each.prop, ())))
        if ours and theirs:
            yield each.equal if ours & theirs else each.other


def _unlike(thing: Unlinked, item: Item, countries: frozenset[str]) -> Candidate:
    """An item of which no name is like one of ours: only the countries speak."""
    agrees = bool(thing.countries & countries) if thing.countries and countries else None
    return Candidate(item.number, item.label, BIAS + {True: WEIGHTS.agrees, False: WEIGHTS.differs, None: 0.0}[agrees], 0.0, agrees)


def _countries(item: Item, codes: Mapping[str, str]) -> frozenset[str]:
    return frozenset(codes[each] for each in item.values.get(COUNTRY, ()) if each in codes)


def proposal(thing: Unlinked, ranked: list[Candidate], items: Mapping[str, Item], codes: Mapping[str, str]) -> str:
    """The text of a file as it would stand below `data/link/`, with the other candidates as remarks."""
    best, item = ranked[0], items[ranked[0].iri]
    compared = _compared(thing, best, item, codes)
    lines = [
        f"# Proposed on {item.read}; a person decides. Score {best.score:.0f} of 100.",
        *_replaced(thing),
        *(f"# Other: {other.iri} (score {other.score:.0f}) {_said(items[other.iri])}" for other in ranked[1:_OTHERS]),
        f"id: lnk:{thing.slug}",
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


def _replaced(thing: Unlinked) -> Iterator[str]:
    if thing.record:
        yield f"# Takes the place of data/link/{thing.slug}.yaml, which says that no copy at hand had an item."
    if thing.rejected:
        yield f"# Keep what stands there below 'rejected': {', '.join(sorted(thing.rejected))}."


def _compared(thing: Unlinked, best: Candidate, item: Item, codes: Mapping[str, str]) -> list[tuple[str, str, str]]:
    ours = max((name for _, name in thing.names), key=lambda name: difflib.SequenceMatcher(None, name, best.name).ratio())
    compared = [("name", ours, best.name)]
    if thing.countries and (theirs := _countries(item, codes)):
        compared.append(("country", " ".join(sorted(thing.countries)).upper(), " ".join(sorted(theirs)).upper()))
    for each in IDENTIFIERS:
        if (values := thing.identifiers.get(each.prop)) and (of_item := item.values.get(each.prop)):
            compared.append((each.aspect, " ".join(sorted(values)), " ".join(of_item)))
    kind = thing.iri.removeprefix(f"{BASE}id/").partition("/")[0]
    if item.description:
        compared.append(("nature", kind, item.description))
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
    rows = list(_rows(store, _LINKS))
    links = {_text(row["link"]): (_text(row["thing"]), _number(row["item"])) for row in rows}
    names = _sets((_text(row["link"]), _text(row["name"])) for row in rows)
    kept = _sets((_number(row["item"]), _number(row["class"])) for row in _rows(store, _KEPT))
    classes = _sets((_text(row["link"]), _text(row["class"])) for row in _rows(store, _KINDS))
    items = {item.asked: item for item in wikidata.items(item for _, item in links.values())}
    kinds = {link: frozenset(items[item].values.get(INSTANCE_OF, ())) for link, (_, item) in links.items()}
    all_links = Kinds((classes[link], kinds[link]) for link in classes)
    findings, kind_unknown = [], []
    for number, (link, (thing, asked)) in enumerate(sorted(links.items()), 1):
        progress(number, len(links))
        item, before = items[asked], kept.get(asked, frozenset())
        others = all_links.without(classes[link], kinds[link]) if link in classes and kinds[link] else all_links
        fits = bool(before & kinds[link]) if before else others.fits(classes.get(link, ()), kinds[link])
        if fits is None and not item.is_missing:
            kind_unknown.append(link)
        found = list(_found_of(item, names[link], before, fits=fits)) or [("ok", "")]
        now = item.number if item.is_merged else ""
        findings += [Checked(link, thing, asked, state, detail, now if state == "merged" else "") for state, detail in found]
    day = max((item.read for item in items.values()), default=date.min).isoformat()
    return Report(day, len(links), findings, kind_unknown)


def _found_of(item: Item, names: Iterable[str], kept: frozenset[str], *, fits: bool | None) -> Iterator[tuple[str, str]]:
    """Each thing that is the matter with a link, as its state and a sentence."""
    if item.is_missing:
        yield "missing", "Wikidata has no such item any more."
        return
    if item.is_merged:
        yield "merged", f"It is now {item.number}, {_said(item)}."
    kinds = " ".join(sorted(item.values.get(INSTANCE_OF, ()))) or "none"
    if fits is False and kept:
        yield "changed", f"It was of kind {' '.join(sorted(kept))}, now {kinds}."
    elif fits is False:
        yield "unlike", f"It is of kind {kinds}; other things of this class are linked to items of other kinds."
    matcher = Matcher.of([Thing(item.number, item.names)], {})
    if max((each.score for name in names for each in matcher.find(Wanted(name), 1)), default=0.0) < _DRIFTED:
        yield "renamed", f"It is now called {_said(item)}."


def write_report(report: Report, out: Path) -> Path:
    """Write the report as JSON, for people and for the pages."""
    path = out / LINK_REPORT
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def patch(report: Report, root: Path) -> str:
    """A patch that gives each link whose item was merged the number of the item that took its place; empty for none.

    Raises KgError where the file of such a link does not name the item that was looked at.
    """
    parts: list[str] = []
    for each in report.findings:
        if each.state != "merged":
            continue
        name = f"data/link/{each.link.rpartition('/')[2]}.yaml"
        text = (root / name).read_text("utf-8") if (root / name).exists() else ""
        moved, count = re.subn(rf"^(item: *[\"']?wd:){each.item}\b", rf"\g<1>{each.now}", text, count=1, flags=re.MULTILINE)
        if not count:
            raise KgError(f"{name} has no line 'item: wd:{each.item}', which the build has: build anew, then check again.")
        parts += difflib.unified_diff(text.splitlines(True), moved.splitlines(True), f"a/{name}", f"b/{name}")
    return "".join(parts)


# What Wikidata adds


def facts(store: ox.Store, wikidata: Wikidata, progress: Progress) -> list[ox.Triple]:
    """What Wikidata says of the items of all links, under its own names, with the revision and the day it was read."""
    numbers = sorted({_number(row["item"]) for row in _rows(store, _LINKS)})
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


def _said(item: Item) -> str:
    return " ".join(f"{item.label}: {item.description}".split()) if item.description else item.label


def _quoted(text: str) -> str:
    """A text as YAML has it: JSON's strings are YAML's."""
    return json.dumps(text, ensure_ascii=False)


def _rows(store: ox.Store, text: str) -> Iterator[dict[str, ox.NamedNode | ox.Literal | None]]:
    solutions = select(store, text)
    names = [variable.value for variable in solutions.variables]
    for row in solutions:
        yield dict(zip(names, row, strict=True))


def _sets(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for key, value in pairs:
        found[key].add(value)
    return {key: frozenset(values) for key, values in found.items()}


def _number(term: object) -> str:
    """The number of an item, which its IRI ends with."""
    return _text(term).rpartition("/")[2]


def _text(term: object) -> str:
    return str(getattr(term, "value", ""))


def _language(term: object) -> str:
    return str(getattr(term, "language", None) or "")
