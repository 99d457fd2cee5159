"""A store comes in; sourced facts that Wikidata lacks, things that it lacks, and what is not known of either, go out as files.

Nothing is sent: whoever wants to give them reviews the files and submits them (https://www.wikidata.org/wiki/Help:QuickStatements).
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pyoxigraph as ox

from kg.names import PREFIXES
from kg.rdf import select

_REFERENCE, _RETRIEVED, _PUBLISHED = "S854", "S813", "S577"  # the source's address, the day it was read, the day it came out
# Both ends are certainly the items', the statement is no reading of ours, and its source was read itself. Which property of
# Wikidata one of ours corresponds to, the alignment says. What was read of Wikidata has the day; a property that it has of no item
# is one that was never asked for, so that its absence says nothing.
_FACTS = """SELECT DISTINCT ?item ?property ?value ?url ?accessed ?issued ?compared WHERE {
    ?claim a kg:Claim ; kg:certainty ?certainty ; kg:rank ?rank ; kg:citation ?citation .
    FILTER(?certainty IN (certainty:confirmed, certainty:reported) && ?rank != rank:deprecated)
    FILTER NOT EXISTS { ?claim kg:to ?end }
    {
        ?claim rdf:subject ?thing ; rdf:predicate ?ours ; rdf:object ?object . ?ours skos:closeMatch ?theirs
        FILTER(?ours != kg:countryOfOrigin) # Wikidata has that of works and products
    } UNION {
        ?claim a kg:OwnershipStake ; rdf:subject ?thing ; kg:owner ?object . kg:owner skos:closeMatch ?theirs
    } UNION {
        ?claim a kg:Membership ; kg:kind membership:full ; kg:member ?thing ; kg:memberOf ?object .
        kg:memberOf skos:closeMatch ?theirs
    }
    FILTER(STRSTARTS(STR(?theirs), STR(wd:P)))
    BIND(STRAFTER(STR(?theirs), "/entity/") AS ?property)
    ?thing owl:sameAs ?item .
    OPTIONAL { ?object owl:sameAs ?other }
    FILTER(isLiteral(?object) || BOUND(?other))
    BIND(COALESCE(?other, ?object) AS ?value)
    ?citation kg:source ?source
    FILTER NOT EXISTS { ?citation kg:via ?through }
    OPTIONAL { ?source schema:url ?url FILTER(REGEX(STR(?url), "^https?://")) }
    OPTIONAL { ?source kg:accessed ?accessed }
    OPTIONAL { ?source dct:issued ?issued }
    BIND(IRI(CONCAT(STR(wdt:), ?property)) AS ?direct)
    FILTER NOT EXISTS { GRAPH graph:wikidata { ?item ?direct ?known } }
    BIND(
        EXISTS { GRAPH graph:wikidata { ?document schema:about ?item } }
        && EXISTS { GRAPH graph:wikidata { ?any ?direct ?some } } AS ?compared
    )
} ORDER BY ?item ?property ?value ?url"""
_ITEMS = """SELECT ?item ?compared WHERE {
    ?thing owl:sameAs ?item FILTER(STRSTARTS(STR(?item), STR(wd:Q)))
    BIND(EXISTS { GRAPH graph:wikidata { ?document schema:about ?item } } AS ?compared)
}"""
_LACKED = """SELECT ?thing ?class ?name ?country ?item ?source ?url ?looked ?day WHERE {
    ?link a kg:Link ; kg:kind link:none ; kg:linkedThing ?thing ; kg:check ?looked ; kg:checkedOn ?day ;
        kg:reason ?reason .
    FILTER(STRENDS(STR(?reason), "/not-found"))
    ?thing rdfs:label ?name ; a ?class .
    FILTER(STRSTARTS(STR(?class), STR(kg:)))
    FILTER NOT EXISTS { ?thing a ?narrow . ?narrow rdfs:subClassOf ?class . FILTER(STRSTARTS(STR(?narrow), STR(kg:))) }
    OPTIONAL { ?thing kg:country|kg:countryOfOrigin ?country . OPTIONAL { ?country owl:sameAs ?item } }
    { ?thing kg:citation ?citation } UNION { ?thing kg:claim ?claim . ?claim kg:citation ?citation }
    ?citation kg:source ?source . ?source schema:url ?url
}"""
_COLUMNS = ("thing", "kind", "label_en", "label_es", "label_pt", "label_mul", "country", "sources", "searched", "searched_on")
_LIVE = "live"  # code of what was searched: Wikidata itself, not copies of it
_FEWEST = 2  # sources of a thing that is worth an item of its own
_EXACTNESS = {4: ("-00-00", 9), 7: ("-00", 10), 10: ("", 11)}  # characters of a date → what is lacking, and Wikidata's word for it


@dataclass(frozen=True)
class Facts:
    """Commands of QuickStatements, version 1: one line for each fact and source, parts parted by tabs.

    `withheld` counts the facts for which no source has an address on the web.
    """

    lacked: tuple[str, ...]  # of items and properties that were read: Wikidata has no value
    uncompared: tuple[str, ...]  # of the others: nobody has looked
    withheld: int


@dataclass(frozen=True)
class Things:
    """Things without an item of which several sources speak, as CSV (RFC 4180), by whether Wikidata itself was searched."""

    searched: str
    unsearched: str


def gifts(store: ox.Store) -> dict[str, str]:
    """What could be given to Wikidata: name of a file → its text. `about.txt` says in words what was compared and what was not."""
    facts, things = statements(store), new_items(store)
    return {
        "about.txt": _about(store, facts, things),
        "statements.tsv": _lines(facts.lacked),
        "not-compared.tsv": _lines(facts.uncompared),
        "new-items.csv": things.searched,
        "to-search.csv": things.unsearched,
    }


def statements(store: ox.Store) -> Facts:
    """The facts, each with the address of its source: never with that of our own statement, which would only point back here."""
    sides: dict[bool, dict[str, None]] = {True: {}, False: {}}
    sourced: dict[tuple[str, str, str], bool] = defaultdict(bool)
    for item, prop, value, url, accessed, issued, compared in select(store, _FACTS):
        if written := _value(value):
            parts = [_number(item), prop.value, written]
            sourced[parts[0], parts[1], parts[2]] |= url is not None
            if url is not None:
                line = "\t".join([*parts, _REFERENCE, f'"{url.value}"', *_dated(accessed, issued)])
                sides[compared.value == "true"][line] = None
    return Facts(tuple(sides[True]), tuple(sides[False]), sum(not is_sourced for is_sourced in sourced.values()))


def new_items(store: ox.Store) -> Things:
    """The things for which no item was found, with what was searched for it, and when."""
    names: dict[str, dict[str, str]] = defaultdict(dict)
    facts: dict[str, tuple[str, str, str, str]] = {}
    sources: dict[str, dict[str, str]] = defaultdict(dict)
    for thing, cls, name, country, item, source, url, looked, day in select(store, _LACKED):
        names[thing.value][name.language or "mul"] = name.value
        land = _number(item) if item else country.value if country else ""
        facts.setdefault(thing.value, (cls.value.rpartition("#")[2], land, _number(looked), day.value))
        sources[thing.value][source.value] = url.value
    rows = []
    for thing in sorted(names):
        if len(sources[thing]) >= _FEWEST:
            kind, land, looked, day = facts[thing]
            labels = [names[thing].get(language, "") for language in ("en", "es", "pt", "mul")]
            rows.append([thing, kind, *labels, land, " ".join(sorted(set(sources[thing].values()))), looked, day])
    return Things(_table(row for row in rows if row[-2] == _LIVE), _table(row for row in rows if row[-2] != _LIVE))


def _about(store: ox.Store, facts: Facts, things: Things) -> str:
    compared = [is_read.value == "true" for _, is_read in select(store, _ITEMS)]
    read, items = sum(compared), len(compared)
    return "".join(
        f"{line}\n"
        for line in (
            "What could be given to Wikidata. Nothing was sent.",
            f"Items: of {items} that are certainly equal to things here, {read} were read and compared, {items - read} not.",
            f"statements.tsv, {len(facts.lacked)} lines: Wikidata was read, and it has no value there.",
            f"not-compared.tsv, {len(facts.uncompared)} lines: Wikidata was not read there; whether it lacks them cannot be said.",
            f"In neither, {facts.withheld} facts: no source of theirs has an address on the web to refer to.",
            f"new-items.csv, {_count(things.searched)} things: Wikidata itself was searched, and no item was found.",
            f"to-search.csv, {_count(things.unsearched)} things: only copies were searched. Search Wikidata before you propose.",
        )
    )


def _dated(accessed: ox.Literal | None, issued: ox.Literal | None) -> list[str]:
    """The day on which the source was read, or else on which it came out; nothing where neither is known."""
    for key, term in ((_RETRIEVED, accessed), (_PUBLISHED, issued)):
        if term is not None and (day := _value(term)):
            return [key, day]
    return []


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _table(rows: Iterable[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_COLUMNS, *rows])
    return text.getvalue()


def _count(table: str) -> int:
    """Rows below the header."""
    return sum(1 for _ in csv.reader(io.StringIO(table))) - 1


def _value(term: ox.NamedNode | ox.Literal) -> str:
    """A value as QuickStatements writes it; empty for what it cannot write."""
    if isinstance(term, ox.NamedNode):
        return _number(term)
    if term.datatype.value in {PREFIXES["xsd"] + name for name in ("gYear", "gYearMonth", "date")}:
        lacking, exactness = _EXACTNESS[len(term.value)]
        return f"+{term.value}{lacking}T00:00:00Z/{exactness}"
    return ""


def _number(item: ox.NamedNode) -> str:
    return item.value.rpartition("/")[2]
