"""An IRI comes in; what the graph says of the thing is read from a store, and its page goes out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import pyoxigraph as ox

from kg.cite import Work
from kg.compose import Composer, Rows, by_subject, in_language, iri_of_term, name_of
from kg.errors import BadRequest, NotFound
from kg.names import BASE, DEF, MENTION, NODE, PREFIXES, compact, expand
from kg.page import Display, Dispute, Page, Term, Value
from kg.store import Row, Store
from kg.store import Term as RdfTerm
from kg.void import Uses

_LINK_LIMIT = 400
#: Claims on one page of a thing, and values of one fact.
CLAIM_LIMIT = 250
_VALUE_LIMIT = 60
_MOST_LISTED = 2000  # things in a query
_MOST_POINTING = 2000  # triples that lead to a thing, of which its links are made; what has more is a hub
_OWN = "SELECT ?iri ?p ?o WHERE { ?iri ?p ?o FILTER(?p != kg:claim) }"
_DERIVED = "SELECT ?iri ?p ?o WHERE { GRAPH graph:derived { ?iri ?p ?o } }"
_KINDS = "SELECT ?iri ?class WHERE { ?iri a ?class FILTER NOT EXISTS { ?iri a ?narrow . ?narrow rdfs:subClassOf+ ?class } }"
_CLAIMED = "SELECT ?iri (COUNT(?claim) AS ?n) WHERE { ?iri kg:claim ?claim } GROUP BY ?iri"
_CLAIMED_BY_KIND = "SELECT ?iri ?class (COUNT(?claim) AS ?n) WHERE { ?iri kg:claim ?claim . ?claim a ?class } GROUP BY ?iri ?class"
_SOME_CLAIMS = "SELECT ?iri ?claim WHERE {{ ?iri kg:claim ?claim {kind} }} ORDER BY ?claim LIMIT {limit} OFFSET {start}"
# Who contradicts whom is written on one side only, and holds for both.
_CLAIMS = """SELECT ?s ?p ?o WHERE {{
    {{ {claims} ?s ?p ?o }} UNION {{ {claims} ?o kg:contradicts ?s BIND(kg:contradicts AS ?p) }}
}}"""
# Citations and amounts, the order of phases, and of each source that is cited who published it and when. Spelled out: with
# alternatives in one path the engine takes ten times as long.
_INNER = """SELECT DISTINCT ?iri ?s ?p ?o WHERE {{
    {{ ?iri kg:citation ?s . ?s ?p ?o }}
    UNION {{ {claims} ?claim kg:citation ?s . ?s ?p ?o }}
    UNION {{ {claims} ?claim kg:amount ?s . ?s ?p ?o }}
    UNION {{ {claims} ?claim kg:phase ?s . ?s schema:position ?o BIND(schema:position AS ?p) }}
    UNION {{ ?iri kg:citation ?c . ?c kg:source ?s . ?s dc:publisher ?o BIND(dc:publisher AS ?p) }}
    UNION {{ ?iri kg:citation ?c . ?c kg:source ?s . ?s dct:issued ?o BIND(dct:issued AS ?p) }}
    UNION {{ {claims} ?claim kg:citation ?c . ?c kg:source ?s . ?s dc:publisher ?o BIND(dc:publisher AS ?p) }}
    UNION {{ {claims} ?claim kg:citation ?c . ?c kg:source ?s . ?s dct:issued ?o BIND(dct:issued AS ?p) }}
}}"""
_POINTING = "SELECT ?iri ?thing ?p WHERE {{ ?thing ?p ?iri }} LIMIT {limit}"
_OWNERS = "SELECT ?claim ?thing ?class WHERE {{ VALUES ?claim {{ {claims} }} ?thing kg:claim ?claim . ?claim a ?class }}"
_INVERSES = "SELECT ?p ?q WHERE { { ?p owl:inverseOf ?q } UNION { ?q owl:inverseOf ?p } }"
_KINDS_OF_CLAIM = "SELECT ?class WHERE { ?class rdfs:subClassOf kg:Claim }"
_PARTS_OF_CLAIM = {PREFIXES["rdf"] + name for name in ("subject", "predicate", "object")}
_CONTRADICTIONS = "SELECT ?one ?other WHERE { ?one kg:contradicts ?other }"
_CONTRADICTED = """SELECT ?source ?one ?other WHERE {
    ?cited kg:source ?source . ?claim kg:citation ?cited .
    { ?claim kg:contradicts ?other BIND(?claim AS ?one) } UNION { ?one kg:contradicts ?claim BIND(?claim AS ?other) }
}"""
_ABOUT = "SELECT ?thing ?s WHERE {{ VALUES ?s {{ {claims} }} ?thing kg:claim ?s }}"
_NAMED = """SELECT DISTINCT ?x WHERE {
    ?x rdfs:label|skos:prefLabel ?name FILTER(isIRI(?x)) FILTER NOT EXISTS { ?work kg:passage ?x }
}"""
_SHORT = re.compile(r"[A-Za-z][\w-]*:[\w-]+", re.ASCII)
_OF_WORKS = "kg:kind dc:creator dc:publisher dct:issued schema:url dct:language"


class Entities:
    """Reads things from a store for pages."""

    def __init__(self, store: Store, display: Display, uses: Uses) -> None:
        self._store = store
        self._display = display
        self._uses = uses

    def exists(self, iri: str) -> bool:
        """Whether the graph says anything of the IRI, in any place of a triple or as a graph."""
        node = _node(iri)
        text = """SELECT ?iri ?x WHERE {
            { ?iri ?p ?x } UNION { ?x ?p ?iri } UNION { ?x ?iri ?o } UNION { GRAPH ?iri { ?x ?p ?o } } } LIMIT 1"""
        return bool(self._store.rows(text, {"iri": node}))

    def subject_of_claim(self, iri: str) -> str | None:
        """The thing that a claim is about, or None where the IRI is no claim."""
        rows = self._store.rows("SELECT ?iri ?thing WHERE { ?thing kg:claim ?iri }", {"iri": _node(iri)})
        return iri_of_term(rows[0]["thing"]) if rows else None

    def triples(self, iri: str) -> list[ox.Triple]:
        """The document of a thing: its own triples, its claims with citations and amounts, and the triples that point to it."""
        text = """SELECT DISTINCT ?iri ?s ?p ?o WHERE {
            { ?iri ?p ?o BIND(?iri AS ?s) }
            UNION { ?iri kg:claim ?s . ?s ?p ?o }
            UNION { ?iri kg:citation ?s . ?s ?p ?o }
            UNION { ?iri kg:comparison ?s . ?s ?p ?o }
            UNION { ?iri kg:rejection ?s . ?s ?p ?o }
            UNION { ?iri kg:claim ?claim . ?claim kg:citation ?s . ?s ?p ?o }
            UNION { ?iri kg:claim ?claim . ?claim kg:amount ?s . ?s ?p ?o }
            UNION { ?s ?p ?iri BIND(?iri AS ?o) }
        }"""
        rows = self._store.rows(text, {"iri": _node(iri)})
        return [ox.Triple(row["s"], row["p"], row["o"]) for row in rows]  # type: ignore[arg-type]

    def page(self, iri: str, language: str, start: int = 0) -> Page:
        """The page of a thing in a language; of many claims, those from `start` on.

        Raises NotFound where the graph says nothing of the thing.
        """
        node = _node(iri)
        total = sum(_count(row) for row in self._store.rows(_CLAIMED, {"iri": node}))
        which = (
            f"{node} kg:claim ?claim ." if total <= CLAIM_LIMIT else f"VALUES ?claim {{ {self._some_claims(node, start, total)} }}"
        )
        own, derived, kinds = (self._sorted(text, {"iri": node}) for text in (_OWN, _DERIVED, _KINDS))
        claims = self._sorted(_CLAIMS.format(claims=which.replace("?claim", "?s")))
        inner = self._sorted(_INNER.format(claims=which), {"iri": node})
        pointing = self._sorted(_POINTING.format(limit=_MOST_POINTING), {"iri": node})
        rows = Rows(own, derived, kinds, claims, inner, self._incoming(node, own, pointing))
        if not rows.own and not rows.incoming and not total and not self.exists(iri):
            raise NotFound(f"The graph says nothing about <{iri}>.")
        own, left_out = _capped(rows.own)
        more, rows = len(rows.incoming) > _LINK_LIMIT, replace(rows, own=own, incoming=rows.incoming[:_LINK_LIMIT])
        read = [
            term for part in (rows.own, rows.kinds, rows.claims, rows.inner, rows.incoming) for row in part for term in row.values()
        ]
        mentioned = {
            match[0]
            for row in (*rows.claims, *rows.own)
            if isinstance(row["o"], ox.Literal)
            for match in MENTION.finditer(row["o"].value)
        }
        labels = self._labels([node, *read, *(ox.NamedNode(expand(curie)) for curie in mentioned)])
        composer = Composer(iri, language, labels, self._display)
        page = composer.page(rows, more, left_out)
        mentions = {curie: name_of(expand(curie), labels, language) for curie in sorted(mentioned) if expand(curie) in labels}
        is_hub = len(pointing) == _MOST_POINTING
        return replace(page, start=start, claims=total, mentions=mentions, is_hub=is_hub)

    def _incoming(self, node: ox.NamedNode, own: list[Row], pointing: list[Row]) -> list[Row]:
        """Things that point here directly (not by the inverse of a fact that the page shows anyway), or by a claim of theirs.

        What only cites the thing is not among them.
        """
        pointing = [row for row in pointing if isinstance(row["thing"], ox.NamedNode) and not row["thing"].value.startswith(NODE)]
        owners: dict[RdfTerm, list[Row]] = defaultdict(list)
        for some in _batches(sorted({str(row["thing"]) for row in pointing})):
            for row in self._sorted(_OWNERS.format(claims=" ".join(some))):
                owners[row["claim"]].append(row)
        facts = {(iri_of_term(row["p"]), row["o"]) for row in own}
        found: dict[tuple[RdfTerm, RdfTerm], Row] = {}
        for row in pointing:
            key = iri_of_term(row["p"])
            if key == DEF + "linkedThing":  # a panel has it
                continue
            if row["thing"] not in owners and not any((inverse, row["thing"]) in facts for inverse in self._inverses.get(key, ())):
                found.setdefault((row["thing"], row["p"]), {"thing": row["thing"], "p": row["p"]})
            for owner in owners.get(row["thing"], ()):
                cls = iri_of_term(owner["class"])
                is_apparatus = key in _PARTS_OF_CLAIM and cls != DEF + "PropertyClaim"
                if cls in self._kinds_of_claim and owner["thing"] != node and not is_apparatus:
                    found.setdefault((owner["thing"], owner["class"]), {"thing": owner["thing"], "p": owner["class"]})
        return list(found.values())

    @cached_property
    def _inverses(self) -> Mapping[str, Sequence[str]]:
        inverses: dict[str, list[str]] = defaultdict(list)
        for row in self._store.rows(_INVERSES):
            inverses[iri_of_term(row["p"])].append(iri_of_term(row["q"]))
        return inverses

    @cached_property
    def _kinds_of_claim(self) -> frozenset[str]:
        return frozenset(iri_of_term(row["class"]) for row in self._store.rows(_KINDS_OF_CLAIM))

    def _some_claims(self, node: ox.NamedNode, start: int, total: int) -> str:
        """Of many claims about a thing those on one page, kind by kind and by their IRIs, as text for a query."""
        place = {cls: number for number, cls in enumerate(self._display.classes())}
        rows = self._store.rows(_CLAIMED_BY_KIND, {"iri": node})
        counts = {iri_of_term(row["class"]): _count(row) for row in rows if iri_of_term(row["class"]) in self._kinds_of_claim}
        if sum(counts.values()) != total:  # not all have one kind that we know: all go as one
            counts = {"": total}
        chosen: list[str] = []
        for kind in sorted(counts, key=lambda kind: (place.get(kind, len(place)), kind)):
            limit = CLAIM_LIMIT - len(chosen)
            if start < counts[kind] and limit:
                text = _SOME_CLAIMS.format(kind=f". ?claim a <{kind}>" if kind else "", limit=limit, start=start)
                chosen += [str(row["claim"]) for row in self._store.rows(text, {"iri": node})]
            start = max(start - counts[kind], 0)
        return " ".join(chosen)

    def disputes(self, language: str, source: str | None = None) -> list[Dispute]:
        """Where sources disagree: all over, or with what rests on one source."""
        found = self._sorted(_CONTRADICTED, {"source": _node(source)}) if source else self._sorted(_CONTRADICTIONS)
        pairs = list(dict.fromkeys((row["one"], row["other"]) for row in found))
        if not pairs:
            return []
        listed = " ".join(sorted({str(claim) for pair in pairs for claim in pair}))
        things = self._store.rows(_ABOUT.format(claims=listed))
        claims = self._sorted(_CLAIMS.format(claims=f"VALUES ?s {{ {listed} }}"))
        inner = self._sorted(_INNER.format(claims=f"VALUES ?claim {{ {listed} }}"), {"iri": ox.NamedNode(NODE)})
        labels = self._labels(term for rows in (things, claims, inner) for row in rows for term in row.values())
        about = {iri_of_term(row["s"]): iri_of_term(row["thing"]) for row in things}
        return Composer("", language, labels, self._display).disputes(about, claims, inner)

    def names(self, iris: Iterable[str], language: str) -> dict[str, Value]:
        """The names of things in a language."""
        nodes = [_node(iri) for iri in iris]
        labels = self._labels(nodes)
        return {node.value: name_of(node.value, labels, language) for node in nodes}

    def all_names(self, iris: Iterable[str]) -> dict[str, list[str]]:
        """The names of things in all languages, for those that have any."""
        return {iri: [*texts.values()] for iri, texts in self._labels(map(_node, iris)).items()}

    def words(self, language: str) -> list[Value]:
        """All that has a name and can be written short in a query, by its name."""
        iris = [iri_of_term(row["x"]) for row in self._store.rows(_NAMED)]
        short = [iri for iri in iris if _SHORT.fullmatch(compact(iri))]
        return sorted(self.names(short, language).values(), key=lambda value: (value.text.casefold(), value.iri or ""))

    def things(self) -> list[str]:
        """All that have a page of their own: neither claims nor what these are made of, nor terms and codes."""
        text = """SELECT DISTINCT ?thing WHERE {
            ?thing a ?class FILTER(isIRI(?thing)) FILTER NOT EXISTS { ?other kg:claim|kg:passage ?thing }
        }"""
        iris = (iri_of_term(row["thing"]) for row in self._store.rows(text))
        return sorted(iri for iri in iris if iri.startswith(BASE + "id/") and not iri.startswith(NODE))

    def descriptions(self, iris: Iterable[str], language: str) -> dict[str, Value]:
        """What is said of things in a sentence or two, in a language, where anything is."""
        texts = self._texts((_node(iri) for iri in iris), "dct:description", "skos:definition")
        return {iri: text for iri, known in texts.items() if (text := in_language(known, language))}

    def works(self, iris: Sequence[str], language: str) -> list[Work]:
        """Sources as what one cites, in the order given."""
        names = self.names(iris, language)
        values = " ".join(str(_node(iri)) for iri in iris)
        rows = self._store.rows(f"SELECT ?s ?p ?o WHERE {{ VALUES ?s {{ {values} }} VALUES ?p {{ {_OF_WORKS} }} ?s ?p ?o }}")
        grouped = by_subject(rows)
        return [_work(iri, names[iri], grouped.get(iri, [])) for iri in iris]

    def classes(self, language: str) -> tuple[list[tuple[Value, int]], list[tuple[Value, int]]]:
        """The classes of things, and those of claims, each with how many there are.

        Where shapes list classes, only those, in their order.
        """
        listed = self._display.classes()
        counts = {cls: number for cls, number in self._uses.classes.items() if not listed or cls in listed}
        place = {cls: position for position, cls in enumerate(listed)}
        ordered = sorted(counts, key=lambda cls: (place.get(cls, len(place)), -counts[cls], cls))
        names = self.names(ordered, language)
        claims = {iri_of_term(row["c"]) for row in self._store.rows("SELECT ?c WHERE { ?c rdfs:subClassOf kg:Claim }")}
        counted = [(names[cls], counts[cls]) for cls in ordered]
        of_things = [pair for pair in counted if pair[0].iri not in claims]
        return of_things, [pair for pair in counted if pair[0].iri in claims]

    def members(self, cls: str, language: str, offset: int, limit: int) -> tuple[list[Value], int]:
        """Things of a class by their names, from `offset` on, and how many there are in all."""
        rows = self._store.rows("SELECT DISTINCT ?class ?s WHERE { ?s a ?class FILTER(isIRI(?s)) }", {"class": _node(cls)})
        names = self.names([iri_of_term(row["s"]) for row in rows], language)
        names |= self._names_of_claims(cls, language)
        ordered = sorted(names.values(), key=lambda value: (value.text.casefold(), value.iri or ""))
        return ordered[offset : offset + limit], len(ordered)

    def _names_of_claims(self, cls: str, language: str) -> dict[str, Value]:
        """A claim has no name of its own: it goes by the thing it is about and its key."""
        rows = self._store.rows("SELECT ?class ?s ?thing WHERE { ?s a ?class . ?thing kg:claim ?s }", {"class": _node(cls)})
        things = self.names({iri_of_term(row["thing"]) for row in rows}, language)
        pairs = [(iri_of_term(row["s"]), things[iri_of_term(row["thing"])]) for row in rows]
        return {iri: Value(f"{thing.text}: {iri.rpartition('/')[2]}", iri, thing.language) for iri, thing in pairs}

    def terms(self, ontology: str, language: str) -> list[Term]:
        """The terms that an ontology defines, classes before properties, each in the order of its name."""
        rows = self._sorted(
            "SELECT ?ontology ?s ?p ?o WHERE { ?s rdfs:isDefinedBy ?ontology ; ?p ?o }", {"ontology": _node(ontology)}
        )
        grouped = by_subject(rows)
        uses = {**self._uses.properties, **self._uses.classes}
        labels = self._labels([term for row in rows for term in row.values()])
        compose = Composer(ontology, language, labels, self._display)
        terms = [compose.term(iri, pairs, uses.get(iri, 0)) for iri, pairs in grouped.items() if iri != ontology]
        return sorted(terms, key=lambda term: (not term.is_class, term.name.text.casefold()))

    def _sorted(self, text: str, bind: Mapping[str, RdfTerm] | None = None) -> list[Row]:
        """Rows of a query without ORDER BY, in an order that is the same whichever engine found them."""
        return sorted(self._store.rows(text, bind), key=lambda row: [str(row[name]) for name in sorted(row)])

    def _labels(self, terms: Iterable[RdfTerm]) -> dict[str, dict[str, str]]:
        """IRI → language → label, for all the IRIs among the terms; addresses of literals' types are not asked for."""
        return self._texts(terms, "rdfs:label", "skos:prefLabel")

    def _texts(self, terms: Iterable[RdfTerm], *properties: str) -> dict[str, dict[str, str]]:
        """IRI → language → text, for all the IRIs among the terms."""
        nodes = sorted({str(term) for term in terms if isinstance(term, ox.NamedNode)})
        found: dict[str, dict[str, str]] = defaultdict(dict)
        # Not as alternatives of one path: of ten million triples Virtuoso then takes 30 times as long.
        said_of = " UNION ".join(f"{{ ?x {name} ?text }}" for name in properties)
        for some in _batches(nodes):
            # The store itself wrote these IRIs, and a NamedNode writes itself as one term.
            text = f"""SELECT ?x ?text WHERE {{ VALUES ?x {{ {" ".join(some)} }} {said_of} }}"""
            for row in self._sorted(text):
                said = row["text"]
                if isinstance(said, ox.Literal):
                    found[iri_of_term(row["x"])].setdefault(said.language or "", said.value)
        return found


def _batches(nodes: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many as one query may list: not every engine takes 5,000."""
    return (nodes[start : start + _MOST_LISTED] for start in range(0, len(nodes), _MOST_LISTED))


def _work(iri: str, name: Value, pairs: Iterable[tuple[str, RdfTerm]]) -> Work:
    said: dict[str, list[str]] = defaultdict(list)
    for key, term in pairs:
        said[compact(key)].append(term.value if isinstance(term, ox.Literal) else iri_of_term(term).rpartition("/")[2])
    one = {key: sorted(values)[0] for key, values in said.items()}
    return Work(
        iri,
        name.text,
        one.get("kg:kind", ""),
        tuple(sorted(said["dc:creator"])),
        one.get("dc:publisher", ""),
        one.get("dct:issued", ""),
        one.get("schema:url", ""),
        one.get("dct:language", ""),
    )


def _capped(rows: list[Row]) -> tuple[list[Row], dict[str, int]]:
    """At most so many rows of each property as a page shows, and of how many more it does not."""
    by_property: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_property[iri_of_term(row["p"])].append(row)
    if max(map(len, by_property.values()), default=0) <= _VALUE_LIMIT:
        return rows, {}
    kept = [row for held in by_property.values() for row in sorted(held, key=lambda row: str(row["o"]))[:_VALUE_LIMIT]]
    return kept, {key: len(held) - _VALUE_LIMIT for key, held in by_property.items() if len(held) > _VALUE_LIMIT}


def _count(row: Row) -> int:
    number = row["n"]
    return int(number.value) if isinstance(number, ox.Literal) else 0


def _node(iri: str) -> ox.NamedNode:
    try:
        return ox.NamedNode(iri)
    except ValueError:
        raise BadRequest(f"This is not the full address of a thing. [got {iri}]") from None
