"""An IRI comes in; what a page says of the thing goes out: facts and claims with footnotes, and what links to it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyoxigraph as ox

from kg.errors import NotFound
from kg.names import BASE, DEF, NODE, PREFIXES, compact
from kg.store import Row, Store
from kg.store import Term as RdfTerm

_RDF, _RDFS, _SKOS, _DCT = (PREFIXES[name] for name in ("rdf", "rdfs", "skos", "dct"))
_TYPE, _LABEL, _PREF_LABEL = _RDF + "type", _RDFS + "label", _SKOS + "prefLabel"
_HEAD = {_TYPE, _LABEL, _PREF_LABEL, _SKOS + "altLabel", _DCT + "description", DEF + "claim", DEF + "citation", DEF + "editorNote"}
# What a claim carries for machines: the page shows it in its own way or not at all.
_APPARATUS = {_TYPE, _RDF + "subject", DEF + "citation", DEF + "rank", DEF + "certainty", DEF + "editorNote", DEF + "fromDate", DEF + "toDate",
              DEF + "contradicts", DEF + "supersedes", DEF + "owned", DEF + "memberOf"}  # fmt: skip
_LINK_LIMIT = 400
_USES = (
    "SELECT (?class AS ?x) (COUNT(*) AS ?n) WHERE { ?s a ?class } GROUP BY ?class",
    "SELECT (?p AS ?x) (COUNT(*) AS ?n) WHERE { ?s ?p ?o } GROUP BY ?p",
)

#: How a page names things that have no label in the asked language: Spanish, English, Portuguese, then any.
FALLBACK = ("es", "en", "pt")


@dataclass(frozen=True)
class Value:
    """A thing or a literal as a page shows it; `language` only where it is not the page's.

    A sum of money has its currency as `unit`, and as `more` how exact, taxed and often it is.
    """

    text: str
    iri: str | None = None
    language: str | None = None
    datatype: str | None = None
    unit: str | None = None
    more: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Note:
    """A footnote: who says it, where, and through whom it was read."""

    number: int
    source: Value
    via: Value | None
    locator: str
    quotes: tuple[Value, ...]


@dataclass(frozen=True)
class Said:
    """A value and the numbers of the footnotes it rests on."""

    value: Value
    notes: tuple[int, ...]


@dataclass(frozen=True)
class Fact:
    """A property and its values."""

    name: Value
    values: tuple[Said, ...]


@dataclass(frozen=True)
class Claim:
    """One claim as a row; `cells` follow the columns of its section."""

    key: str
    iri: str
    cells: tuple[tuple[Value, ...], ...]
    certainty: Value | None
    rank: Value | None
    remarks: tuple[Value, ...]
    contradicts: tuple[Value, ...]
    supersedes: tuple[Value, ...]
    notes: tuple[int, ...]

    @property
    def is_deprecated(self) -> bool:
        """Kept, but no longer held to be right."""
        return bool(self.rank and self.rank.iri and self.rank.iri.endswith("/deprecated"))

    @property
    def is_preferred(self) -> bool:
        """Held to be right where others disagree."""
        return bool(self.rank and self.rank.iri and self.rank.iri.endswith("/preferred"))


@dataclass(frozen=True)
class Section:
    """All claims of one class."""

    name: Value
    columns: tuple[Value, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Link:
    """Things that point here by one property; `through` is the kind of claim that makes the link."""

    name: Value
    things: tuple[Value, ...]


@dataclass(frozen=True)
class Term:
    """A class or property of an ontology, for its reader."""

    iri: str
    name: Value
    definition: Value | None
    scope: Value | None
    is_class: bool
    broader: tuple[Value, ...]
    used_on: tuple[Value, ...]
    takes: tuple[Value, ...]
    uses: int

    @property
    def key(self) -> str:
        """The fragment at which the term stands."""
        return self.iri.rpartition("#")[2]


@dataclass
class Page:
    """Everything a page says."""

    iri: str
    name: Value
    kinds: list[Value]
    aliases: list[Value]
    descriptions: list[Value]
    remarks: list[Value]
    notes_of_thing: list[int]
    facts: list[Fact]
    sections: list[Section]
    links: list[Link]
    notes: list[Note]
    more_links: bool = False


@dataclass
class Display:
    """How pages are laid out: the classes in order, and the properties of each in order (from the shapes)."""

    order: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def classes(self) -> list[str]:
        """Classes in the order of their shapes."""
        return list(self.order)

    def rank_of(self, classes: Iterable[str]) -> Callable[[str], tuple[int, str]]:
        """A sort key for the properties of a thing of these classes; what no shape lists comes last, by its IRI."""
        positions = {iri: place for cls in classes for place, iri in enumerate(self.order.get(cls, ()))}
        return lambda iri: (positions.get(iri, 10_000), iri)


class Entities:
    """Reads things from a store for pages."""

    def __init__(self, store: Store, display: Display) -> None:
        self._store = store
        self._display = display

    def exists(self, iri: str) -> bool:
        """Whether the graph says anything of the IRI, in any place of a triple or as a graph."""
        node = ox.NamedNode(iri)
        text = """SELECT ?iri ?x WHERE {
            { ?iri ?p ?x } UNION { ?x ?p ?iri } UNION { ?x ?iri ?o } UNION { GRAPH ?iri { ?x ?p ?o } } } LIMIT 1"""
        return bool(self._store.rows(text, {"iri": node}))

    def subject_of_claim(self, iri: str) -> str | None:
        """The thing that a claim is about, or None where the IRI is no claim."""
        rows = self._store.rows("SELECT ?iri ?thing WHERE { ?thing kg:claim ?iri }", {"iri": ox.NamedNode(iri)})
        return _iri(rows[0]["thing"]) if rows else None

    def triples(self, iri: str) -> list[ox.Triple]:
        """The document of a thing: its own triples, its claims with citations and amounts, and the triples that point to it."""
        text = """SELECT DISTINCT ?iri ?s ?p ?o WHERE {
            { ?iri ?p ?o BIND(?iri AS ?s) }
            UNION { ?iri kg:claim ?s . ?s ?p ?o }
            UNION { ?iri kg:citation|kg:claim/kg:citation|kg:claim/kg:amount ?s . ?s ?p ?o }
            UNION { ?s ?p ?iri BIND(?iri AS ?o) }
        }"""
        rows = self._store.rows(text, {"iri": ox.NamedNode(iri)})
        return [ox.Triple(row["s"], row["p"], row["o"]) for row in rows]  # type: ignore[arg-type]

    def page(self, iri: str, language: str) -> Page:
        """The page of a thing in a language; raises NotFound where the graph says nothing of it."""
        node = ox.NamedNode(iri)
        own = self._store.rows("SELECT ?iri ?p ?o WHERE { ?iri ?p ?o }", {"iri": node})
        claims = self._store.rows("SELECT ?iri ?s ?p ?o WHERE { ?iri kg:claim ?s . ?s ?p ?o }", {"iri": node})
        inner = self._store.rows(
            """SELECT DISTINCT ?iri ?s ?p ?o WHERE { ?iri kg:citation|kg:claim/kg:citation|kg:claim/kg:amount ?s . ?s ?p ?o }""", {"iri": node}
        )
        incoming = self._store.rows(
            f"""SELECT DISTINCT ?iri ?thing ?p ?s WHERE {{
                {{ ?s ?p ?iri FILTER NOT EXISTS {{ ?any kg:claim ?s }} FILTER(!STRSTARTS(STR(?s), "{NODE}"))
                   FILTER NOT EXISTS {{ ?q owl:inverseOf|^owl:inverseOf ?p . ?iri ?q ?s }} BIND(?s AS ?thing) }}
                UNION {{ ?s ?q ?iri . ?thing kg:claim ?s . ?s a ?p . FILTER(?thing != ?iri && ?p != kg:Claim) ?p rdfs:subClassOf kg:Claim
                         FILTER(?q NOT IN (rdf:subject, rdf:object, rdf:predicate) || ?p = kg:PropertyClaim) }}
                UNION {{ ?node kg:source|kg:via ?iri . ?s kg:citation ?node . OPTIONAL {{ ?t kg:claim ?s }} BIND(COALESCE(?t, ?s) AS ?thing)
                         BIND(kg:source AS ?p) }}
            }} LIMIT {_LINK_LIMIT + 1}""",
            {"iri": node},
        )
        if not own and not incoming and not self.exists(iri):
            raise NotFound(f"The graph says nothing about <{iri}>.")
        terms = [term for rows in (own, claims, inner, incoming) for row in rows for term in row.values()]
        labels = self._labels([node, *terms, *_vocabulary(own, claims)])
        return _Composer(iri, language, labels, self._display).page(own, claims, inner, incoming[:_LINK_LIMIT], len(incoming) > _LINK_LIMIT)

    def names(self, iris: Iterable[str], language: str) -> dict[str, Value]:
        """The names of things in a language."""
        nodes = [ox.NamedNode(iri) for iri in iris]
        labels = self._labels(nodes)
        return {node.value: _name(node.value, labels, language) for node in nodes}

    def classes(self, language: str) -> list[tuple[Value, int]]:
        """The classes of things and how many there are of each; those that a shape lists first, in its order."""
        rows = self._store.rows(
            """SELECT ?class (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s a ?class FILTER(isIRI(?class))
               FILTER NOT EXISTS { ?class rdfs:isDefinedBy ?o . FILTER NOT EXISTS { ?x a ?class . ?x rdfs:label ?l } } } GROUP BY ?class"""
        )
        counts = {_iri(row["class"]): int(row["n"].value) for row in rows}  # type: ignore[union-attr]
        place = {cls: position for position, cls in enumerate(self._display.classes())}
        ordered = sorted(counts, key=lambda cls: (place.get(cls, len(place)), -counts[cls], cls))
        names = self.names(ordered, language)
        return [(names[cls], counts[cls]) for cls in ordered]

    def members(self, cls: str, language: str, offset: int, limit: int) -> tuple[list[Value], int]:
        """Things of a class by their names, from `offset` on, and how many there are in all."""
        rows = self._store.rows("SELECT DISTINCT ?class ?s WHERE { ?s a ?class FILTER(isIRI(?s)) }", {"class": ox.NamedNode(cls)})
        names = self.names([_iri(row["s"]) for row in rows], language)
        ordered = sorted(names.values(), key=lambda value: (value.text.casefold(), value.iri or ""))
        return ordered[offset : offset + limit], len(ordered)

    def terms(self, ontology: str, language: str) -> list[Term]:
        """The terms that an ontology defines, classes before properties, each in the order of its name."""
        rows = self._store.rows("SELECT ?ontology ?s ?p ?o WHERE { ?s rdfs:isDefinedBy ?ontology ; ?p ?o }", {"ontology": ox.NamedNode(ontology)})
        grouped = _by_subject(rows)
        uses = {_iri(row["x"]): int(row["n"].value) for text in _USES for row in self._store.rows(text)}  # type: ignore[union-attr]
        labels = self._labels([term for row in rows for term in row.values()])
        compose = _Composer(ontology, language, labels, self._display)
        terms = [compose.term(iri, pairs, uses.get(iri, 0)) for iri, pairs in grouped.items() if iri != ontology]
        return sorted(terms, key=lambda term: (not term.is_class, term.name.text.casefold()))

    def _labels(self, terms: Iterable[RdfTerm]) -> dict[str, dict[str, str]]:
        """IRI → language → label, for all the IRIs among the terms; addresses of literals' types are not asked for."""
        nodes = sorted({str(term) for term in terms if isinstance(term, ox.NamedNode)})
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for start in range(0, len(nodes), 2000):
            # The store itself wrote these IRIs, and a NamedNode writes itself as one term.
            values = " ".join(nodes[start : start + 2000])
            text = f"""SELECT ?x ?label WHERE {{ VALUES ?x {{ {values} }} ?x rdfs:label|skos:prefLabel ?label }}"""
            for row in self._store.rows(text):
                label = row["label"]
                if isinstance(label, ox.Literal):
                    found[_iri(row["x"])].setdefault(label.language or "", label.value)
        return found


class _Composer:
    """Turns the rows about one thing into its page."""

    def __init__(self, iri: str, language: str, labels: Mapping[str, Mapping[str, str]], display: Display) -> None:
        self.iri = iri
        self.language = language
        self.labels = labels
        self.display = display
        self.numbers: dict[str, int] = {}
        self.notes: list[Note] = []
        self.inner: dict[str, list[tuple[str, RdfTerm]]] = {}

    def page(self, own: list[Row], claims: list[Row], inner: list[Row], incoming: list[Row], more: bool) -> Page:
        self.inner = _by_subject(inner)
        by_claim = _by_subject(claims)
        values = _by_property(own)
        classes = self._classes(values)
        cited = [self._note(_iri(term)) for term in values.get(DEF + "citation", [])]
        facts = [self._fact(key, terms, by_claim, cited) for key, terms in values.items() if key not in _HEAD]
        rank = self.display.rank_of(classes)
        facts.sort(key=lambda fact: rank(fact.name.iri or ""))
        return Page(
            iri=self.iri,
            name=_name(self.iri, self.labels, self.language),
            kinds=[self._value(ox.NamedNode(cls)) for cls in classes[:1]],
            aliases=self._aliases(values),
            descriptions=self._texts(values.get(_DCT + "description", [])),
            remarks=self._texts(values.get(DEF + "editorNote", [])),
            notes_of_thing=cited,
            facts=facts,
            sections=self._sections(by_claim),
            links=self._links(incoming),
            notes=self.notes,
            more_links=more,
        )

    def term(self, iri: str, pairs: list[tuple[str, RdfTerm]], uses: int) -> Term:
        values: dict[str, list[RdfTerm]] = defaultdict(list)
        for key, term in pairs:
            values[key].append(term)
        shown = lambda *keys: tuple(self._value(term) for key in keys for term in values[key])  # noqa: E731
        text = lambda key: next(iter(self._texts(values[key])), None)  # noqa: E731
        return Term(
            iri=iri,
            name=_name(iri, self.labels, self.language),
            definition=text(_SKOS + "definition"),
            scope=text(_SKOS + "scopeNote"),
            is_class=any(_iri(term).endswith(("#Class", "#Datatype")) for term in values[_TYPE]),
            broader=shown(_RDFS + "subClassOf", _RDFS + "subPropertyOf"),
            used_on=shown(PREFIXES["schema"] + "domainIncludes"),
            takes=shown(PREFIXES["schema"] + "rangeIncludes"),
            uses=uses,
        )

    def _classes(self, values: Mapping[str, list[RdfTerm]]) -> list[str]:
        """The thing's classes, the most telling first: one that has a shape, then ours, then others."""
        listed = self.display.classes()
        found = [_iri(term) for term in values.get(_TYPE, [])]
        narrow = {"Company", "PublicBody", "Consortium", "Bloc", "Agreement"}
        return sorted(found, key=lambda cls: (cls.removeprefix(DEF) not in narrow, cls not in listed, not cls.startswith(DEF), cls))

    def _fact(self, key: str, terms: list[RdfTerm], by_claim: Mapping[str, list[tuple[str, RdfTerm]]], cited: list[int]) -> Fact:
        said = []
        for term in terms:
            behind = [claim for claim, pairs in by_claim.items() if (_RDF + "predicate", ox.NamedNode(key)) in pairs and (_RDF + "object", term) in pairs]
            numbers = [self._note(_iri(node)) for claim in behind for name, node in by_claim[claim] if name == DEF + "citation"]
            said.append(Said(self._value(term), tuple(dict.fromkeys(numbers or cited))))
        said.sort(key=lambda each: each.value.text.casefold())
        return Fact(self._value(ox.NamedNode(key)), tuple(said))

    def _sections(self, by_claim: Mapping[str, list[tuple[str, RdfTerm]]]) -> list[Section]:
        groups: dict[str, list[str]] = defaultdict(list)
        for claim, pairs in by_claim.items():
            types = [_iri(term) for name, term in pairs if name == _TYPE and _iri(term) != DEF + "Claim" and _iri(term).startswith(DEF)]
            groups[types[0] if types else DEF + "Claim"].append(claim)
        place = {cls: position for position, cls in enumerate(self.display.classes())}
        return [self._section(cls, groups[cls], by_claim) for cls in sorted(groups, key=lambda cls: (place.get(cls, 999), cls))]

    def _section(self, cls: str, claims: list[str], by_claim: Mapping[str, list[tuple[str, RdfTerm]]]) -> Section:
        hidden = _APPARATUS if cls == DEF + "PropertyClaim" else {*_APPARATUS, _RDF + "predicate", _RDF + "object"}
        used = {name for claim in claims for name, _ in by_claim[claim]} - hidden
        columns = sorted(used, key=self.display.rank_of([cls]))
        rows = [self._claim(claim, by_claim[claim], columns) for claim in sorted(claims, key=lambda c: _order_of_claim(by_claim[c], c))]
        return Section(self._value(ox.NamedNode(cls)), tuple(self._value(ox.NamedNode(name)) for name in columns), tuple(rows))

    def _claim(self, iri: str, pairs: list[tuple[str, RdfTerm]], columns: list[str]) -> Claim:
        of = lambda name: [term for key, term in pairs if key == name]  # noqa: E731
        certainty, rank = of(DEF + "certainty"), of(DEF + "rank")
        return Claim(
            key=iri.rpartition("/")[2],
            iri=iri,
            cells=tuple(self._cell(of(name)) for name in columns),
            certainty=self._value(certainty[0]) if certainty else None,
            rank=self._value(rank[0]) if rank else None,
            remarks=tuple(self._texts(of(DEF + "editorNote"))),
            contradicts=tuple(self._value(term) for term in of(DEF + "contradicts")),
            supersedes=tuple(self._value(term) for term in of(DEF + "supersedes")),
            notes=tuple(dict.fromkeys(self._note(_iri(node)) for node in of(DEF + "citation"))),
        )

    def _cell(self, terms: list[RdfTerm]) -> tuple[Value, ...]:
        if terms and all(isinstance(term, ox.Literal) and term.language for term in terms):
            return tuple(self._texts(terms))
        values = [self._amount(term) if _iri(term).startswith(NODE) else self._value(term) for term in terms]
        return tuple(sorted(values, key=lambda value: value.text.casefold()))

    def _amount(self, term: RdfTerm) -> Value:
        """A sum of money."""
        parts = dict(self.inner.get(_iri(term), []))
        more = tuple(self._value(part) for name in ("amountPrecision", "taxTreatment", "per") if (part := parts.get(DEF + name)) is not None)
        amount, currency = (self._value(parts[DEF + name]).text if DEF + name in parts else "" for name in ("amountValue", "currency"))
        return Value(amount, _iri(term), datatype=PREFIXES["xsd"] + "decimal", unit=currency, more=more)

    def _links(self, incoming: list[Row]) -> list[Link]:
        groups: dict[str, dict[str, Value]] = defaultdict(dict)
        for row in incoming:
            if not isinstance(row["thing"], ox.NamedNode):
                continue
            groups[_iri(row["p"])][row["thing"].value] = self._value(row["thing"])
        links = [Link(self._value(ox.NamedNode(key)), tuple(sorted(things.values(), key=lambda v: v.text.casefold()))) for key, things in groups.items()]
        return sorted(links, key=lambda link: (-len(link.things), link.name.text))

    def _note(self, node: str) -> int:
        """The number of the footnote for a citation; the same citation has one number on the whole page."""
        if node not in self.numbers:
            parts = self.inner.get(node, [])
            of = lambda name: [term for key, term in parts if key == DEF + name]  # noqa: E731
            source, via = of("source"), of("via")
            locator = ", ".join(
                f"{sign}{term.value}" for name, sign in (("locator", ""), ("footnote", "n. "), ("page", "p. ")) for term in of(name) if isinstance(term, ox.Literal)
            )
            number = self.numbers[node] = len(self.numbers) + 1
            shown = self._value(source[0]) if source else Value(node, node)
            quotes = tuple(self._value(term) for term in of("quote"))
            self.notes.append(Note(number, shown, self._value(via[0]) if via else None, locator, quotes))
        return self.numbers[node]

    def _aliases(self, values: Mapping[str, list[RdfTerm]]) -> list[Value]:
        shown = _name(self.iri, self.labels, self.language)
        terms = [*values.get(_LABEL, []), *values.get(_PREF_LABEL, []), *values.get(_SKOS + "altLabel", [])]
        aliases = {value.text: value for value in (self._value(term) for term in terms) if value.text != shown.text}
        return sorted(aliases.values(), key=lambda value: value.text.casefold())

    def _texts(self, terms: Iterable[RdfTerm]) -> list[Value]:
        """Texts in the page's language, or in the next best one."""
        texts = [term for term in terms if isinstance(term, ox.Literal)]
        for language in (self.language, *FALLBACK, None):
            chosen = [term for term in texts if term.language == language or language is None]
            if chosen:
                return [self._value(term) for term in sorted(chosen, key=lambda term: term.value)]
        return []

    def _value(self, term: RdfTerm) -> Value:
        if isinstance(term, ox.NamedNode):
            return _name(term.value, self.labels, self.language)
        if isinstance(term, ox.Literal):
            language = term.language if term.language != self.language else None
            return Value(term.value, language=language, datatype=None if term.language else term.datatype.value)
        return Value(str(term))


def _vocabulary(own: list[Row], claims: list[Row]) -> list[ox.NamedNode]:
    """The properties used, and the terms the page itself speaks of."""
    return [*(row["p"] for rows in (own, claims) for row in rows if isinstance(row["p"], ox.NamedNode)), ox.NamedNode(DEF + "source")]


def _name(iri: str, labels: Mapping[str, Mapping[str, str]], language: str) -> Value:
    """The label in the page's language, else in the next best; a thing without one goes by its short address."""
    known = labels.get(iri, {})
    for choice in (language, *FALLBACK, ""):
        if choice in known:
            return Value(known[choice], iri, None if choice in (language, "") else choice)
    if known:
        other = min(known)
        return Value(known[other], iri, other)
    short = compact(iri).strip("<>")
    return Value(re.sub(r"^(.{60}).+$", r"\1…", short) if not iri.startswith(BASE) else short, iri)


def _order_of_claim(pairs: list[tuple[str, RdfTerm]], iri: str) -> tuple[str, str]:
    dates = [term.value for name, term in pairs if name == DEF + "fromDate" and isinstance(term, ox.Literal)]
    return (min(dates, default="9999"), iri)


def _by_subject(rows: list[Row]) -> dict[str, list[tuple[str, RdfTerm]]]:
    grouped: dict[str, list[tuple[str, RdfTerm]]] = defaultdict(list)
    for row in rows:
        grouped[_iri(row["s"])].append((_iri(row["p"]), row["o"]))
    return grouped


def _by_property(rows: list[Row]) -> dict[str, list[RdfTerm]]:
    grouped: dict[str, list[RdfTerm]] = defaultdict(list)
    for row in rows:
        grouped[_iri(row["p"])].append(row["o"])
    return grouped


def _iri(term: RdfTerm) -> str:
    return term.value if isinstance(term, (ox.NamedNode, ox.BlankNode)) else ""
