"""Rows about one thing come in; its page, in one language, goes out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import pyoxigraph as ox

from kg.language import FALLBACK
from kg.names import BASE, DEF, IDENTIFIERS, NODE, PREFIXES, compact
from kg.page import Claim, Display, Dispute, Event, Fact, Link, Note, Page, Part, Said, Section, Side, Term, Value
from kg.store import Row
from kg.store import Term as RdfTerm

_RDF, _RDFS, _SKOS, _DCT = (PREFIXES[name] for name in ("rdf", "rdfs", "skos", "dct"))
_TYPE, _LABEL, _PREF_LABEL = _RDF + "type", _RDFS + "label", _SKOS + "prefLabel"
_HEAD = {_TYPE, _LABEL, _PREF_LABEL, _SKOS + "altLabel", _DCT + "description", DEF + "claim", DEF + "citation", DEF + "editorNote"}
# What a claim carries for machines: the page shows it in its own way or not at all.
_APPARATUS = {_TYPE, _RDF + "subject"} | {
    DEF + name for name in ("citation", "rank", "certainty", "editorNote", "fromDate", "toDate", "contradicts", "supersedes")
}
_APPARATUS |= {DEF + "owned", DEF + "memberOf"}  # always the thing whose page this is

_POSITION = PREFIXES["schema"] + "position"
# What is counted, judged or missing at some time is no event of the thing; it has sections of its own.
_NO_EVENTS = {DEF + name for name in ("Assessment", "QuantityClaim", "Gap")}
_IDENTIFIERS = {*IDENTIFIERS, PREFIXES["owl"] + "sameAs"} | {_SKOS + name for name in ("notation", "exactMatch", "closeMatch")}
_LONGEST_TITLE = 90  # characters of what stands in the title of a side
_MOST_ABOUT = 4  # things that an event names
_PROV = tuple(PREFIXES["prov"] + name for name in ("Activity", "Entity"))


@dataclass(frozen=True)
class Rows:
    """What was read about a thing: its triples, the derived among them, its classes, claims, what these hold, what points here."""

    own: list[Row]
    derived: list[Row]
    kinds: list[Row]
    claims: list[Row]
    inner: list[Row]
    incoming: list[Row]


class Composer:
    """Turns the rows about one thing into its page."""

    def __init__(self, iri: str, language: str, labels: Mapping[str, Mapping[str, str]], display: Display) -> None:
        self.iri = iri
        self.language = language
        self.labels = labels
        self.display = display
        self.numbers: dict[str, int] = {}
        self.notes: list[Note] = []
        self.inner: dict[str, list[tuple[str, RdfTerm]]] = {}
        self.derived: set[tuple[str, RdfTerm]] = set()

    def page(self, rows: Rows, more: bool, left_out: Mapping[str, int]) -> Page:
        """The page; `more` says that there are more incoming links than rows of them, `left_out` of which property how many."""
        self.inner = by_subject(rows.inner)
        self.derived = {(iri_of_term(row["p"]), row["o"]) for row in rows.derived}
        by_claim = by_subject(rows.claims)
        values = by_property(rows.own)
        kinds = self._in_order([iri_of_term(row["class"]) for row in rows.kinds])
        classes = [iri_of_term(term) for term in values.get(_TYPE, [])]
        cited = [self._note(iri_of_term(term)) for term in values.get(DEF + "citation", [])]
        gaps = self._gaps(by_claim)
        shown = {
            key
            for key, terms in values.items()
            if key not in _HEAD and not all(iri_of_term(term).startswith(NODE) for term in terms)
        }
        keys = sorted(shown | gaps.keys(), key=self.display.rank_of(classes))
        facts = [self._fact(key, values.get(key, []), by_claim, cited) for key in keys]
        facts = [
            replace(fact, values=(*fact.values, *gaps.get(key, ())), more=left_out.get(key, 0))
            for key, fact in zip(keys, facts, strict=True)
        ]
        sections = self._sections(by_claim)
        return Page(
            iri=self.iri,
            name=name_of(self.iri, self.labels, self.language),
            kinds=[self._value(ox.NamedNode(cls)) for cls in kinds[:1]],
            classes=classes,
            aliases=self._aliases(values),
            descriptions=self._texts(values.get(_DCT + "description", [])),
            remarks=self._texts(values.get(DEF + "editorNote", [])),
            notes_of_thing=cited,
            facts=[fact for fact in facts if fact.name.iri not in _IDENTIFIERS],
            identifiers=[fact for fact in facts if fact.name.iri in _IDENTIFIERS],
            sections=sections,
            disagreements=_disagreements(sections),
            events=self._events(by_claim),
            parts=self._parts(by_claim),
            links=self._links(rows.incoming),
            notes=_by_work(self.notes),
            mentions={},
            more_links=more,
        )

    def disputes(self, things: Mapping[str, str], claims: list[Row], inner: list[Row]) -> list[Dispute]:
        """The claims of several things that contradict each other, by the names of the things; `things` says whose each is."""
        self.inner = by_subject(inner)
        about = {claim: name_of(thing, self.labels, self.language) for claim, thing in things.items()}
        groups = _disagreements(self._sections(by_subject(claims)))
        notes = {note.number: note for note in self.notes}
        disputes = []
        for sides in groups:
            named = {about[side.claim.iri].iri: about[side.claim.iri] for side in sides}
            disputes.append(Dispute(tuple(named.values()), sides, notes))
        return sorted(disputes, key=lambda dispute: [thing.text.casefold() for thing in dispute.things])

    def term(self, iri: str, pairs: list[tuple[str, RdfTerm]], uses: int) -> Term:
        values: dict[str, list[RdfTerm]] = defaultdict(list)
        for key, term in pairs:
            values[key].append(term)
        return Term(
            iri=iri,
            name=name_of(iri, self.labels, self.language),
            definition=self._text(values[_SKOS + "definition"]),
            scope=self._text(values[_SKOS + "scopeNote"]),
            is_class=any(iri_of_term(term).endswith(("#Class", "#Datatype")) for term in values[_TYPE]),
            broader=self._values(values[_RDFS + "subClassOf"] + values[_RDFS + "subPropertyOf"]),
            used_on=self._values(values[PREFIXES["schema"] + "domainIncludes"]),
            takes=self._values(values[PREFIXES["schema"] + "rangeIncludes"]),
            uses=uses,
        )

    def _in_order(self, classes: Iterable[str]) -> list[str]:
        """Classes in the order of their shapes; those without a shape after them, ours first."""
        place = {cls: position for position, cls in enumerate(self.display.classes())}
        return sorted(classes, key=lambda cls: (place.get(cls, len(place)), not cls.startswith(DEF), cls))

    def _fact(self, key: str, terms: list[RdfTerm], by_claim: Mapping[str, list[tuple[str, RdfTerm]]], cited: list[int]) -> Fact:
        said = []
        if terms and all(isinstance(term, ox.Literal) and term.language for term in terms):
            texts = tuple(Said(text, tuple(sorted(cited))) for text in self._texts(terms))
            return Fact(self._value(ox.NamedNode(key)), texts)
        for term in terms:
            behind = [
                claim
                for claim, pairs in by_claim.items()
                if (_RDF + "predicate", ox.NamedNode(key)) in pairs and (_RDF + "object", term) in pairs
            ]
            cited_by_claims = [node for claim in behind for name, node in by_claim[claim] if name == DEF + "citation"]
            numbers = [self._note(iri_of_term(node)) for node in cited_by_claims]
            # What follows from other facts must not borrow the footnotes of what the sources say of the thing itself.
            is_derived = not behind and (key, term) in self.derived
            notes = () if is_derived else tuple(sorted(set(numbers or cited)))
            said.append(
                Said(self._value(term), notes, self._doubt(behind, by_claim), is_derived, until=self._until(behind, by_claim))
            )
        said.sort(key=lambda each: each.value.text.casefold())
        return Fact(self._value(ox.NamedNode(key)), tuple(said))

    def _until(self, claims: list[str], by_claim: Mapping[str, list[tuple[str, RdfTerm]]]) -> Value | None:
        """When what claims say ended, if all of them give an end: the latest of these."""
        ends = [[term for name, term in by_claim[claim] if name == DEF + "to"] for claim in claims]
        return self._value(max((end[0] for end in ends), key=_text_of)) if ends and all(ends) else None

    def _gaps(self, by_claim: Mapping[str, list[tuple[str, RdfTerm]]]) -> dict[str, list[Said]]:
        """Property → why a source has no value for it, as far as such statements still hold."""
        gaps: dict[str, list[Said]] = defaultdict(list)
        for pairs in by_claim.values():
            of = _picker(pairs)
            if not any(iri_of_term(term).endswith("/deprecated") for term in of(DEF + "rank")):
                notes = tuple(sorted({self._note(iri_of_term(node)) for node in of(DEF + "citation")}))
                for missing in of(DEF + "missingProperty"):
                    gaps[iri_of_term(missing)] += [Said(self._value(term), notes, is_gap=True) for term in of(DEF + "reason")]
        return gaps

    def _doubt(self, claims: list[str], by_claim: Mapping[str, list[tuple[str, RdfTerm]]]) -> Value | None:
        """How uncertain a fact is, if none of the claims behind it states it plainly."""
        degrees = [term for claim in claims for name, term in by_claim[claim] if name == DEF + "certainty"]
        if not degrees or any(iri_of_term(term).endswith(("/confirmed", "/reported")) for term in degrees):
            return None
        return self._value(degrees[0])

    def _sections(self, by_claim: Mapping[str, list[tuple[str, RdfTerm]]]) -> list[Section]:
        groups: dict[str, list[str]] = defaultdict(list)
        for claim, pairs in by_claim.items():
            types = [iri_of_term(term) for name, term in pairs if name == _TYPE]
            ours = [cls for cls in types if cls.startswith(DEF) and cls != DEF + "Claim"]
            groups[ours[0] if ours else DEF + "Claim"].append(claim)
        return [self._section(cls, groups[cls], by_claim) for cls in self._in_order(groups)]

    def _section(self, cls: str, claims: list[str], by_claim: Mapping[str, list[tuple[str, RdfTerm]]]) -> Section:
        hidden = _APPARATUS if cls == DEF + "PropertyClaim" else {*_APPARATUS, _RDF + "predicate", _RDF + "object"}
        used = {name for claim in claims for name, _ in by_claim[claim]} - hidden
        columns = sorted(used, key=self.display.rank_of([cls]))
        rows = [
            self._claim(claim, by_claim[claim], columns) for claim in sorted(claims, key=lambda c: _order_of_claim(by_claim[c], c))
        ]
        replaced = {value.iri for row in rows for value in row.supersedes}
        past = tuple(row for row in rows if row.is_deprecated or row.iri in replaced)
        present = tuple(row for row in rows if row not in past)
        titles = tuple(self._value(ox.NamedNode(name)) for name in columns)
        return Section(self._value(ox.NamedNode(cls)), titles, present, past)

    def _claim(self, iri: str, pairs: list[tuple[str, RdfTerm]], columns: list[str]) -> Claim:
        of = _picker(pairs)
        certainty, rank = of(DEF + "certainty"), of(DEF + "rank")
        return Claim(
            key=iri.rpartition("/")[2],
            iri=iri,
            cells=tuple(self._cell(of(name)) for name in columns),
            certainty=self._value(certainty[0]) if certainty else None,
            rank=self._value(rank[0]) if rank else None,
            remarks=tuple(self._texts(of(DEF + "editorNote"))),
            contradicts=tuple(self._value(term) for term in dict.fromkeys(of(DEF + "contradicts"))),
            supersedes=tuple(self._value(term) for term in of(DEF + "supersedes")),
            notes=tuple(sorted({self._note(iri_of_term(node)) for node in of(DEF + "citation")})),
        )

    def _events(self, by_claim: Mapping[str, list[tuple[str, RdfTerm]]]) -> list[Event]:
        """The claims that say when, but for those that are no longer held to be right, in the order of time."""
        events = [self._event(claim, pairs) for claim, pairs in by_claim.items()]
        return sorted((event for event in events if event), key=lambda event: (event.first, event.last or "9999", event.key))

    def _event(self, iri: str, pairs: list[tuple[str, RdfTerm]]) -> Event | None:
        of = _picker(pairs)
        first, stated = of(DEF + "fromDate"), of(DEF + "from") or of(DEF + "date") or of(DEF + "asOf")
        if not first or not stated or any(iri_of_term(term).endswith("/deprecated") for term in of(DEF + "rank")):
            return None
        classes = self._in_order(iri_of_term(term) for term in of(_TYPE) if iri_of_term(term) not in (DEF + "Claim", *_PROV))
        if _NO_EVENTS & set(classes):
            return None
        last, until = of(DEF + "toDate"), of(DEF + "to")
        hidden = _APPARATUS if DEF + "PropertyClaim" in classes else {*_APPARATUS, _RDF + "predicate", _RDF + "object"}
        said = sorted((name for name, _ in pairs), key=self.display.rank_of(classes))
        about = [term for name in dict.fromkeys(said) if name not in hidden for term in of(name) if isinstance(term, ox.NamedNode)]
        return Event(
            key=iri.rpartition("/")[2],
            what=self._value(ox.NamedNode(classes[0] if classes else DEF + "Claim")),
            about=tuple(self._value(term) for term in about if not term.value.startswith(NODE))[:_MOST_ABOUT],
            when=self._value(stated[0]),
            until=self._value(until[0]) if until else None,
            first=_text_of(first[0]),
            last=_text_of(last[0]) if last else None,
            lasts=bool(of(DEF + "from")) and DEF + "Milestone" not in classes,
            doubt=self._doubt([iri], {iri: pairs}),
            notes=tuple(sorted({self._note(iri_of_term(node)) for node in of(DEF + "citation")})),
        )

    def _parts(self, by_claim: Mapping[str, list[tuple[str, RdfTerm]]]) -> list[Part]:
        """Who took part in which phase, in the order of the phases."""
        parts = []
        for claim, pairs in by_claim.items():
            of = _picker(pairs)
            if any(iri_of_term(term).endswith("/deprecated") for term in of(DEF + "rank")):
                continue
            for phase in of(DEF + "phase"):
                place = [int(_text_of(term)) for key, term in self.inner.get(iri_of_term(phase), []) if key == _POSITION]
                parts.append((place or [99], claim, self._part(claim, phase, pairs)))
        return [part for _, _, part in sorted(parts, key=lambda each: each[:2])]

    def _part(self, claim: str, phase: RdfTerm, pairs: list[tuple[str, RdfTerm]]) -> Part:
        of = _picker(pairs)
        return Part(
            phase=self._value(phase),
            key=claim.rpartition("/")[2],
            who=(*self._values(of(DEF + "agent")), *self._texts(of(DEF + "unnamedAgent"))),
            role=self._values(of(DEF + "role")),
            doubt=self._doubt([claim], {claim: pairs}),
            notes=tuple(sorted({self._note(iri_of_term(node)) for node in of(DEF + "citation")})),
        )

    def _cell(self, terms: list[RdfTerm]) -> tuple[Value, ...]:
        if terms and all(isinstance(term, ox.Literal) and term.language for term in terms):
            return tuple(self._texts(terms))
        values = [self._amount(term) if iri_of_term(term).startswith(NODE) else self._value(term) for term in terms]
        return tuple(sorted(values, key=lambda value: value.text.casefold()))

    def _amount(self, term: RdfTerm) -> Value:
        """A sum of money."""
        parts = dict(self.inner.get(iri_of_term(term), []))
        more = tuple(
            self._value(part) for name in ("amountPrecision", "taxTreatment", "per") if (part := parts.get(DEF + name)) is not None
        )
        amount, currency = (
            self._value(parts[DEF + name]).text if DEF + name in parts else "" for name in ("amountValue", "currency")
        )
        return Value(amount, iri_of_term(term), datatype=PREFIXES["xsd"] + "decimal", unit=currency, more=more)

    def _links(self, incoming: list[Row]) -> list[Link]:
        groups: dict[str, dict[str, Value]] = defaultdict(dict)
        for row in incoming:
            if not isinstance(row["thing"], ox.NamedNode):
                continue
            groups[iri_of_term(row["p"])][row["thing"].value] = self._value(row["thing"])
        links = [
            Link(self._value(ox.NamedNode(key)), tuple(sorted(things.values(), key=lambda v: v.text.casefold())))
            for key, things in groups.items()
        ]
        return sorted(links, key=lambda link: (-len(link.things), link.name.text))

    def _note(self, node: str) -> int:
        """The number of the footnote for a citation; the same citation has one number on the whole page."""
        if node not in self.numbers:
            parts = self.inner.get(node, [])
            of = _picker(parts)
            source, via = of(DEF + "source"), of(DEF + "via")
            locator = ", ".join(
                f"{sign}{term.value}"
                for name, sign in (("locator", ""), ("footnote", "n. "), ("page", "p. "))
                for term in of(DEF + name)
                if isinstance(term, ox.Literal)
            )
            number = self.numbers[node] = len(self.numbers) + 1
            shown = self._value(source[0]) if source else Value(node, node)
            quotes = tuple(self._value(term) for term in of(DEF + "quote"))
            about = self._about(source[0]) if source else ()
            self.notes.append(Note(number, str(number), shown, about, self._value(via[0]) if via else None, locator, quotes))
        return self.numbers[node]

    def _about(self, source: RdfTerm) -> tuple[Value, ...]:
        """Who published a source, and when."""
        parts = _picker(self.inner.get(iri_of_term(source), []))
        return self._values(parts(PREFIXES["dc"] + "publisher") + parts(_DCT + "issued"))

    def _aliases(self, values: Mapping[str, list[RdfTerm]]) -> list[Value]:
        shown = name_of(self.iri, self.labels, self.language)
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

    def _text(self, terms: Iterable[RdfTerm]) -> Value | None:
        return next(iter(self._texts(terms)), None)

    def _values(self, terms: Iterable[RdfTerm]) -> tuple[Value, ...]:
        return tuple(self._value(term) for term in terms)

    def _value(self, term: RdfTerm) -> Value:
        if isinstance(term, ox.NamedNode):
            return name_of(term.value, self.labels, self.language)
        if isinstance(term, ox.Literal):
            language = term.language if term.language != self.language else None
            return Value(term.value, language=language, datatype=None if term.language else term.datatype.value)
        return Value(str(term))


def name_of(iri: str, labels: Mapping[str, Mapping[str, str]], language: str) -> Value:
    """The label in the page's language, else in the next best; a thing without one goes by its short address."""
    if text := in_language(labels.get(iri, {}), language):
        return replace(text, iri=iri)
    short = compact(iri).strip("<>")
    return Value(re.sub(r"^(.{60}).+$", r"\1…", short) if not iri.startswith(BASE) else short, iri)


def in_language(texts: Mapping[str, str], language: str) -> Value | None:
    """Of texts by their language the one in the page's, else in the next best."""
    for choice in (language, *FALLBACK, "", *sorted(texts)):
        if choice in texts:
            return Value(texts[choice], language=None if choice in (language, "") else choice)
    return None


def _disagreements(sections: Iterable[Section]) -> list[list[Side]]:
    """Claims of the page that contradict each other, directly or through others, each group with the preferred ones first."""
    sides: dict[str, Side] = {}
    for section in sections:
        for claim in (*section.claims, *section.past):
            said = tuple((column, cell) for column, cell in zip(section.columns, claim.cells, strict=True) if cell)
            sides[claim.iri] = Side(section.name, said, claim)
    group_of: dict[str, list[str]] = {}
    for iri, side in sides.items():
        for other in [value.iri for value in side.claim.contradicts if value.iri in sides]:
            joined = [
                *group_of.get(iri, [iri]),
                *(one for one in group_of.get(other, [other]) if one not in group_of.get(iri, [iri])),
            ]
            group_of |= dict.fromkeys(joined, joined)
    groups = {id(group): group for group in group_of.values()}.values()
    return [_set_apart(sorted((sides[iri] for iri in group), key=_standing)) for group in groups]


def _set_apart(sides: list[Side]) -> list[Side]:
    """The sides with that in which they differ apart from what else they say, if there is a heading that all have."""
    texts = [{column.iri: [value.text for value in cell] for column, cell in side.said} for side in sides]

    def is_title(heading: str | None) -> bool:
        told = [text.get(heading, []) for text in texts]
        return all(0 < sum(map(len, values)) <= _LONGEST_TITLE for values in told) and any(values != told[0] for values in told)

    heading = next((column.iri for column, _ in sides[0].said if is_title(column.iri)), None)
    return [_titled(side, heading) for side in sides]


def _titled(side: Side, heading: str | None) -> Side:
    title = next((pair for pair in side.said if pair[0].iri == heading), None)
    return replace(side, said=tuple(pair for pair in side.said if pair is not title), differs=title)


def _by_work(notes: Iterable[Note]) -> list[Note]:
    """The footnotes with those of one work beside each other, the works in the order in which they are first cited."""
    works: dict[str, list[Note]] = {}
    for note in notes:
        works.setdefault(note.source.iri or note.source.text, []).append(note)
    ordered = []
    for place, cited in enumerate(works.values(), 1):
        letters = [_letter(number) for number in range(len(cited))] if len(cited) > 1 else [""]
        ordered += [replace(note, label=f"{place}{letter}") for note, letter in zip(cited, letters, strict=True)]
    return ordered


def _letter(number: int) -> str:
    """0 → a, 25 → z, 26 → aa."""
    return (_letter(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


def _standing(side: Side) -> tuple[bool, bool, str]:
    return not side.claim.is_preferred, side.claim.is_deprecated, side.claim.key


def _order_of_claim(pairs: list[tuple[str, RdfTerm]], iri: str) -> tuple[str, str]:
    dates = [term.value for name, term in pairs if name == DEF + "fromDate" and isinstance(term, ox.Literal)]
    return (min(dates, default="9999"), iri)


def by_subject(rows: list[Row]) -> dict[str, list[tuple[str, RdfTerm]]]:
    grouped: dict[str, list[tuple[str, RdfTerm]]] = defaultdict(list)
    for row in rows:
        grouped[iri_of_term(row["s"])].append((iri_of_term(row["p"]), row["o"]))
    return grouped


def by_property(rows: list[Row]) -> dict[str, list[RdfTerm]]:
    grouped: dict[str, list[RdfTerm]] = defaultdict(list)
    for row in rows:
        grouped[iri_of_term(row["p"])].append(row["o"])
    return grouped


def _text_of(term: RdfTerm) -> str:
    return term.value if isinstance(term, ox.Literal) else ""


def iri_of_term(term: RdfTerm) -> str:
    return term.value if isinstance(term, (ox.NamedNode, ox.BlankNode)) else ""


def _picker(pairs: list[tuple[str, RdfTerm]]) -> Callable[[str], list[RdfTerm]]:
    """What the pairs hold under a property."""
    return lambda name: [term for key, term in pairs if key == name]
