"""A store comes in; its claims go out as a table: a row for each, with what it says, how sure that is, and which source says it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pyoxigraph as ox

from kg.csvw import Column, Table, joined
from kg.names import BASE, DEF, NODE, PREFIXES, compact
from kg.rdf import select
from kg.statements import describe_node

_COLUMNS = (
    Column("claim", "The claim; its address leads to all that is known of it.", "anyURI"),
    Column("type", "Its class.", address=DEF + "{type}"),
    Column("subject", "What it is about.", "anyURI"),
    Column("subject_name", "The name of that in English, else in Spanish or Portuguese."),
    Column(
        "property",
        "The direct properties that the claim stands behind; where it stands behind none (it is presumed, unconfirmed or "
        "deprecated, or says more than a triple can) the property of the claim that holds its value.",
        "anyURI",
        is_list=True,
    ),
    Column("value", "What it says: things by their address, amounts as key=value; of a text the English version.", is_list=True),
    Column("value_name", "The names of things among the values.", is_list=True),
    Column("datatype", "The datatype of the values where they are numbers, dates or texts."),
    Column("details", "All else that the claim says, as property=value, with the prefixes of the graph.", is_list=True),
    Column("date", "When it happened: a year, a month or a day, as exact as the source."),
    Column("from", "Since when it holds; of an event whose day is not known, the earliest it can have been."),
    Column("to", "Until when it holds; of an event whose day is not known, the latest it can have been."),
    Column("as_of", "The time that the source speaks of."),
    Column("certainty", "How sure it is.", address=BASE + "code/certainty/{certainty}"),
    Column("rank", "How it stands to claims that contradict it.", address=BASE + "code/rank/{rank}"),
    Column("contradicts", "Claims that cannot be right as well.", "anyURI", is_list=True),
    Column("source", "The works that say it, one for each citation.", "anyURI", is_list=True),
    Column(
        "locator",
        "Where it stands, in the same order: in that work, or where via names one, in the work named there.",
        is_list=True,
    ),
    Column("via", "The work that was read, where it is another than the source, in the same order; else empty.", is_list=True),
    Column("note", "What the editors say of it, in English."),
)
_KEPT = {"from", "to", "asOf", "date", "certainty", "rank", "contradicts", "citation", "editorNote", "fromDate", "toDate"}
_LANGUAGES = ("en", "es", "pt", "")
_CLAIMS = """SELECT ?claim ?class WHERE { ?claim a kg:Claim, ?class . ?class rdfs:subClassOf kg:Claim }"""
_VALUE_PROPERTIES = "SELECT ?class ?property WHERE { ?class kg:valueProperty ?property }"

_Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
_Facts = Mapping[str, Sequence[_Term]]


def claims_table(store: ox.Store) -> Table:
    """All claims, in the order of their IRIs."""
    holding: dict[str, list[str]] = defaultdict(list)
    for one, prop in _pairs(store, _VALUE_PROPERTIES):
        holding[one].append(prop)
    rows = [_Row(store, claim, cls, sorted(holding[cls])).cells() for claim, cls in sorted(_pairs(store, _CLAIMS))]
    return Table("claims", "Vigía: one row for each claim", _COLUMNS, rows, ("claim",))


def _pairs(store: ox.Store, text: str) -> list[tuple[str, str]]:
    return [(one.value, other.value) for one, other in select(store, text)]


class _Row:
    """One claim on its way into a table."""

    def __init__(self, store: ox.Store, claim: str, cls: str, holding: list[str]) -> None:
        self._store, self._claim, self._cls = store, claim, cls
        self._facts = _facts(store, claim)
        predicates = [term.value for term in self._of("rdf:predicate") if isinstance(term, ox.NamedNode)]
        self._properties = predicates or [each for each in holding if each in self._facts]
        self._values = self._of("rdf:object") if predicates else [term for each in self._properties for term in self._facts[each]]
        self._shown = set(self._properties) if not predicates else {each for each in holding if self._says_the_same(each)}

    def cells(self) -> tuple[str, ...]:
        """In the order of the columns."""
        subject = self._first("rdf:subject")
        values = _in_one_language(self._values)
        literals = [term for term in values if isinstance(term, ox.Literal)]
        cited = [_facts(self._store, term.value) for term in self._of("kg:citation") if isinstance(term, ox.NamedNode)]
        ordered = sorted((_source(facts), _locator(facts), _first(facts, "kg:via")) for facts in cited)
        return (
            self._claim,
            self._cls.removeprefix(DEF),
            subject,
            _name(self._store, subject),
            joined(self._properties),
            joined(map(self._text, values)),
            joined(_name(self._store, str(term.value)) for term in values if isinstance(term, ox.NamedNode) and _is_thing(term)),
            literals[0].datatype.value if literals else "",
            joined(self._details()),
            *(self._first(key) for key in ("kg:date", "kg:from", "kg:to", "kg:asOf")),
            *(self._first(key).rpartition("/")[2] for key in ("kg:certainty", "kg:rank")),
            joined(term.value for term in self._of("kg:contradicts") if isinstance(term, ox.NamedNode)),
            *(joined(part) for part in (zip(*ordered, strict=True) if ordered else ((), (), ()))),
            next((term.value for term in _in_one_language(self._of("kg:editorNote")) if isinstance(term, ox.Literal)), ""),
        )

    def _details(self) -> Iterable[str]:
        for prop, terms in self._facts.items():
            key = compact(prop)
            if key.startswith("rdf:") or key.removeprefix("kg:") in _KEPT or prop in self._shown:
                continue
            for term in _in_one_language(terms):
                text = compact(term.value) if isinstance(term, ox.NamedNode) and _is_thing(term) else self._text(term)
                yield f"{key}={text}"

    def _says_the_same(self, prop: str) -> bool:
        return set(self._facts.get(prop, ())) == set(self._values)

    def _text(self, term: _Term) -> str:
        if isinstance(term, ox.NamedNode) and term.value.startswith(NODE):
            return describe_node(self._store, term)
        return str(getattr(term, "value", ""))

    def _of(self, key: str) -> Sequence[_Term]:
        prefix, _, local = key.partition(":")
        return self._facts.get(PREFIXES[prefix] + local, ())

    def _first(self, key: str) -> str:
        return _first(self._facts, key)


def _facts(store: ox.Store, subject: str) -> _Facts:
    """What the default graph says of something, by property; both sorted."""
    facts: dict[str, list[_Term]] = defaultdict(list)
    for quad in store.quads_for_pattern(ox.NamedNode(subject), None, None, ox.DefaultGraph()):
        facts[quad.predicate.value].append(quad.object)
    return {prop: sorted(facts[prop], key=str) for prop in sorted(facts)}


def _first(facts: _Facts, key: str) -> str:
    prefix, _, local = key.partition(":")
    return next((str(getattr(term, "value", "")) for term in facts.get(PREFIXES[prefix] + local, ())), "")


def _source(facts: _Facts) -> str:
    return _first(facts, "kg:source")


def _locator(facts: _Facts) -> str:
    """Where in the work, with the footnote or page where there is one."""
    parts = [_first(facts, "kg:locator")]
    parts += [f"{key} {text}" for key in ("footnote", "page") if (text := _first(facts, f"kg:{key}"))]
    return ", ".join(part for part in parts if part)


def _in_one_language(terms: Iterable[_Term]) -> list[_Term]:
    """Of texts in several languages those in the first that there is; all other terms."""
    listed = list(terms)
    spoken = {term.language or "" for term in listed if isinstance(term, ox.Literal)}
    chosen = next((code for code in _LANGUAGES if code in spoken), "")
    return [term for term in listed if not isinstance(term, ox.Literal) or (term.language or "") == chosen]


def _is_thing(term: object) -> bool:
    return isinstance(term, ox.NamedNode) and not term.value.startswith(NODE)


def _name(store: ox.Store, iri: str) -> str:
    if not iri:
        return ""
    found = store.quads_for_pattern(ox.NamedNode(iri), ox.NamedNode(PREFIXES["rdfs"] + "label"), None, ox.DefaultGraph())
    labels = {term.language or "": term.value for term in (quad.object for quad in found) if isinstance(term, ox.Literal)}
    return next((labels[code] for code in _LANGUAGES if code in labels), "")
