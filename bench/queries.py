"""A graph or a release and a seed come in; the queries to ask it go out, and the hostile ones that fit any graph."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pyoxigraph as ox

from bench.graph import BASE, COUNTRIES, VOCABULARY, Graph

ROWS = "application/sparql-results+json"
TRIPLES = "application/n-triples"
_numbers = itertools.count()


@dataclass(frozen=True)
class Query:
    """A query by name, and the one media type asked for."""

    name: str
    text: str
    accept: str = ROWS

    def fresh(self) -> Query:
        """The same query as a text that no server has seen before."""
        return replace(self, text=f"{self.text}\n# {next(_numbers)}")

    def path(self, endpoint: str) -> str:
        """The path of a GET that asks it."""
        return f"{endpoint}?query={quote(self.text, safe='')}"


_PREFIXES = f"PREFIX v: <{VOCABULARY}>\nPREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>\n"

# {i}: an initiative, {o}: an organisation, {c}: a country, {d}: a number of two digits
_TEXTS = {
    "lookup": "SELECT ?p ?o WHERE {{ {i} ?p ?o }}",
    "describe": "DESCRIBE {i}",
    "regex": """SELECT ?i ?l WHERE {{ ?i a v:Initiative ; rdfs:label ?l
 FILTER(LANG(?l) = "es" && REGEX(?l, "salud.*{d}", "i")) }} ORDER BY ?l LIMIT 50""",
    "providers": """SELECT ?c (COUNT(DISTINCT ?org) AS ?n) WHERE {{ ?i v:country ?c ; v:role ?r . ?r v:provider ?org }}
GROUP BY ?c ORDER BY DESC(?n) ?c""",
    "origins": """SELECT ?origin ?state (COUNT(DISTINCT ?i) AS ?n) WHERE {{
 ?i a v:Initiative ; v:role/v:provider/v:origin ?origin ; v:status/v:statusValue ?state
}} GROUP BY ?origin ?state ORDER BY ?origin ?state""",
    "latest": """SELECT ?c ?state (COUNT(DISTINCT ?i) AS ?n) WHERE {{
 {{ SELECT ?i (MAX(?d) AS ?last) WHERE {{ ?i v:status/v:statusDate ?d }} GROUP BY ?i }}
 ?i v:status ?s ; v:country ?c . ?s v:statusDate ?last ; v:statusValue ?state
}} GROUP BY ?c ?state ORDER BY ?c ?state""",
    "parents": "SELECT DISTINCT ?top WHERE {{ {o} v:parent+ ?top }}",
    "owners": """SELECT DISTINCT ?top ?l WHERE {{ {o} (^v:owned/v:owner)+ ?top . OPTIONAL {{ ?top rdfs:label ?l }}
 FILTER NOT EXISTS {{ ?top v:parent ?x }} }}""",
    "optional": """SELECT ?i ?l ?org ?kind ?from ?to ?amount WHERE {{
 ?i v:country {c} ; rdfs:label ?l FILTER(LANG(?l) = "en") ?i v:role ?r . ?r v:provider ?org ; v:roleKind ?kind .
 OPTIONAL {{ ?r v:from ?from }} OPTIONAL {{ ?r v:to ?to }}
 OPTIONAL {{ ?i v:contract ?k . ?k v:supplier ?org ; v:amount ?amount }} }} ORDER BY ?i ?org LIMIT 500""",
    "year": """SELECT ?y ?cur (COUNT(*) AS ?n) (SUM(?a) AS ?total) WHERE {{
 ?k a v:Contract ; v:amount ?a ; v:currency ?cur ; v:signed ?d BIND(YEAR(?d) AS ?y) }} GROUP BY ?y ?cur ORDER BY ?y ?cur""",
    "top": "SELECT ?k ?a ?l WHERE {{ ?k v:amount ?a ; v:supplier ?s . ?s rdfs:label ?l }} ORDER BY DESC(?a) ?k LIMIT 10",
    "ask": f"ASK {{{{ {{i}} v:role/v:provider/v:origin <{BASE}country/CN> }}}}",
    "construct": "CONSTRUCT {{ {i} ?p ?o . ?o ?p2 ?o2 }} WHERE {{ {i} ?p ?o OPTIONAL {{ ?o ?p2 ?o2 }} }}",
    "provenance": "SELECT ?claim ?p ?o ?date WHERE {{ {i} ?about ?claim . ?claim v:source ?s ; ?p ?o . ?s v:date ?date }}",
    "join": """SELECT ?c1 ?c2 (COUNT(*) AS ?n) WHERE {{
 ?k1 v:supplier ?s1 . ?k2 v:supplier ?s2 . ?s1 v:parent ?p . ?s2 v:parent ?p .
 ?i1 v:contract ?k1 ; v:country ?c1 . ?i2 v:contract ?k2 ; v:country ?c2 . FILTER(STR(?c1) < STR(?c2))
}} GROUP BY ?c1 ?c2 ORDER BY DESC(?n) ?c1 ?c2 LIMIT 20""",
}
_SHORT = ("lookup", "describe", "parents", "owners", "ask", "construct", "provenance")
_HEAVY = ("providers", "origins", "latest", "optional", "year", "top")
_GRAPHS = ("describe", "construct")

HOSTILE = (
    Query("count product", "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"),
    Query("order by product", "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?f"),
    Query("path closure", "SELECT (COUNT(*) AS ?n) WHERE { ?a (!<x:a>|!<x:b>)* ?b . ?c (!<x:a>|!<x:b>)* ?d }"),
    Query("group_concat product", "SELECT (GROUP_CONCAT(?c) AS ?all) WHERE { ?a ?b ?c . ?d ?e ?f }"),
    Query("not exists product", "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f FILTER NOT EXISTS { ?a ?e ?f . ?d ?b ?c } }"),
)
ATTACK = HOSTILE[1]
MANY_ROWS = Query("100,000 rows", "SELECT ?s ?p ?o ?q WHERE { ?s ?p ?o . ?s ?q ?r } LIMIT 100000")
ANY = Query("any", "ASK { ?s ?p ?o }")


def mix(graph: Graph, seed: int) -> list[Query]:
    """Each of the 15 kinds once, about things drawn by the seed."""
    draw = random.Random(seed)  # noqa: S311
    return [_make(name, graph, draw.randrange(1 << 30)) for name in _TEXTS]


def short(graph: Graph, of_each: int = 100) -> list[Query]:
    """So many distinct texts of each light kind, one kind after the other in turn."""
    return [_make(name, graph, number) for number in range(of_each) for name in _SHORT]


def heavy(graph: Graph, of_each: int = 20) -> list[Query]:
    """The analytic kinds in turn; a comment makes every text a new one."""
    return [_make(name, graph, number).fresh() for number in range(of_each) for name in _HEAVY]


def join(graph: Graph) -> Query:
    """The heaviest of the 15."""
    return _make("join", graph, 0)


def stored(folder: Path) -> list[Query]:
    """The stored questions, with the values that their files give to the parameters."""
    found = []
    for path in sorted(folder.glob("*.rq")):
        lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#+")]
        found.append(Query(path.stem, "\n".join(lines).strip()))
    return found


def about(iris: Sequence[str], seed: int, count: int = 10) -> list[Query]:
    """Look-ups and descriptions of things drawn by the seed."""
    drawn = random.Random(seed).sample(iris, 2 * count)  # noqa: S311
    lookups = [Query("lookup", f"SELECT ?p ?o WHERE {{ <{iri}> ?p ?o }}") for iri in drawn[:count]]
    return lookups + [Query("describe", f"DESCRIBE <{iri}>", TRIPLES) for iri in drawn[count:]]


def things(store: ox.Store, start: str) -> list[str]:
    """The subjects whose address starts so, in order."""
    return sorted({quad.subject.value for quad in store if str(quad.subject).startswith(f"<{start}")})


def _make(name: str, graph: Graph, number: int) -> Query:
    values = {
        "i": f"<{BASE}initiative/{1 + number % graph.initiatives}>",
        "o": f"<{BASE}org/{graph.organisations - number % graph.organisations}>",
        "c": f"<{BASE}country/{COUNTRIES[number % len(COUNTRIES)]}>",
        "d": f"{number % 100:02d}",
    }
    return Query(name, _PREFIXES + _TEXTS[name].format(**values), TRIPLES if name in _GRAPHS else ROWS)
