"""A store comes in; sourced facts that Wikidata lacks, as QuickStatements, and things that it lacks, as rows, go out.

Nothing is sent: whoever wants to give them reviews the file and submits it (https://www.wikidata.org/wiki/Help:QuickStatements).
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict

import pyoxigraph as ox

from kg.names import PREFIXES
from kg.rdf import select

_REFERENCE, _RETRIEVED = "S854", "S813"  # reference URL, and the day on which it was read
# Both ends are certainly the items', the statement is no reading of ours, and its source was read itself. Which property of
# Wikidata one of ours corresponds to, the alignment says.
_FACTS = """SELECT DISTINCT ?item ?property ?value ?url ?accessed WHERE {
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
    OPTIONAL { ?source schema:url ?address }
    OPTIONAL { ?source kg:accessed ?accessed }
    BIND(COALESCE(STR(?address), STR(?claim)) AS ?url) # a source that has no address is told of where the claim is
    BIND(IRI(CONCAT(STR(wdt:), ?property)) AS ?direct)
    FILTER NOT EXISTS { GRAPH graph:wikidata { ?item ?direct ?known } }
} ORDER BY ?item ?property ?value ?url"""
_LACKED = """SELECT ?thing ?class ?name ?country ?item ?source ?url WHERE {
    ?link a kg:Link ; kg:kind link:none ; kg:linkedThing ?thing ;
        kg:reason ?reason .
    FILTER(STRENDS(STR(?reason), "/not-found"))
    ?thing rdfs:label ?name ; a ?class .
    FILTER(STRSTARTS(STR(?class), STR(kg:)))
    FILTER NOT EXISTS { ?thing a ?narrow . ?narrow rdfs:subClassOf ?class . FILTER(STRSTARTS(STR(?narrow), STR(kg:))) }
    OPTIONAL { ?thing kg:country|kg:countryOfOrigin ?country . OPTIONAL { ?country owl:sameAs ?item } }
    { ?thing kg:citation ?citation } UNION { ?thing kg:claim ?claim . ?claim kg:citation ?citation }
    ?citation kg:source ?source . ?source schema:url ?url
}"""
_FEWEST = 2  # sources of a thing that is worth an item of its own
_EXACTNESS = {4: ("-00-00", 9), 7: ("-00", 10), 10: ("", 11)}  # characters of a date → what is lacking, and Wikidata's word for it


def statements(store: ox.Store) -> str:
    """Commands of QuickStatements, version 1: one line for each fact and source, parts parted by tabs."""
    lines = []
    for item, prop, value, url, accessed in select(store, _FACTS):
        if written := _value(value):
            parts = [_number(item), prop.value, written, _REFERENCE, f'"{url.value}"']
            if accessed is not None and (day := _value(accessed)):
                parts += [_RETRIEVED, day]
            lines.append("\t".join(parts))
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def new_items(store: ox.Store) -> str:
    """Things without an item of which several sources speak, as CSV (RFC 4180)."""
    names: dict[str, dict[str, str]] = defaultdict(dict)
    facts: dict[str, tuple[str, str]] = {}
    sources: dict[str, dict[str, str]] = defaultdict(dict)
    for thing, cls, name, country, item, source, url in select(store, _LACKED):
        names[thing.value][name.language or "mul"] = name.value
        facts.setdefault(thing.value, (cls.value.rpartition("#")[2], _number(item) if item else country.value if country else ""))
        sources[thing.value][source.value] = url.value
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["thing", "kind", "label_en", "label_es", "label_pt", "label_mul", "country", "sources"])
    for thing in sorted(names):
        if len(sources[thing]) >= _FEWEST:
            labels = [names[thing].get(language, "") for language in ("en", "es", "pt", "mul")]
            rows.writerow([thing, facts[thing][0], *labels, facts[thing][1], " ".join(sorted(set(sources[thing].values())))])
    return text.getvalue()


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
