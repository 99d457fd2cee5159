"""A number of triples and a seed come in; N-Triples of a made-up graph of initiatives, claims, contracts and owners go out."""

from __future__ import annotations

import datetime
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

BASE = "https://example.org/"
VOCABULARY = f"{BASE}def#"
COUNTRIES = ("AR", "BO", "BR", "CL", "CO", "CR", "CU", "DO", "EC", "GT", "HN", "MX", "NI", "PA", "PE", "PY", "SV", "UY", "VE")
ORIGINS = {"US": 30, "CN": 15, "ES": 10, "DE": 8, "FR": 6, "GB": 6, "JP": 5, "IL": 4, "KR": 4}  # how often each is drawn
LANGUAGES = ("en", "es", "pt")
TOPICS = {
    "en": ("health", "education", "justice", "transport", "finance", "identity", "energy", "security", "taxes", "agriculture"),
    "es": (
        "salud",
        "educación",
        "justicia",
        "transporte",
        "finanzas",
        "identidad",
        "energía",
        "seguridad",
        "impuestos",
        "agricultura",
    ),
    "pt": (
        "saúde",
        "educação",
        "justiça",
        "transporte",
        "finanças",
        "identidade",
        "energia",
        "segurança",
        "impostos",
        "agricultura",
    ),
}
FORMS = {
    "en": ("National digital {} platform", "Smart {} programme", "Integrated {} information system"),
    "es": ("Plataforma nacional de {} digital", "Programa de {} inteligente", "Sistema integrado de información de {}"),
    "pt": ("Plataforma nacional de {} digital", "Programa de {} inteligente", "Sistema integrado de informação de {}"),
}
STATES = ("announced", "planned", "pilot", "active", "suspended", "completed", "cancelled")
ROLES = ("developer", "operator", "host", "integrator", "funder", "auditor")
WORDS = (
    *("agency", "audit", "cloud", "contract", "data", "digital", "federal", "ministry", "municipal", "national", "phase", "pilot"),
    *("platform", "procurement", "public", "registry", "report", "review", "service", "system", "the", "vendor", "citizens", "for"),
)

_XSD = "http://www.w3.org/2001/XMLSchema#"
_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"


@dataclass(frozen=True)
class Graph:
    """A written graph, and how many things of the kinds that queries name."""

    path: Path
    triples: int
    initiatives: int
    organisations: int


def write_graph(path: Path, triples: int, seed: int = 42) -> Graph:
    """Write at least so many triples; the same arguments give the same file."""
    made = _Maker(seed)
    made.countries()
    for _ in range(12):
        made.organisation(made.source())
    with path.open("w", encoding="utf-8") as file:
        while made.written + len(made.lines) < triples:
            made.initiative()
            if len(made.lines) > 20_000:
                made.flush(file)
        made.flush(file)
    return Graph(path, made.written, made.counts["initiative"], made.counts["org"])


def country(code: str) -> str:
    """The IRI of a country."""
    return f"<{BASE}country/{code}>"


def term(name: str) -> str:
    """The IRI of a class or property."""
    return f"<{VOCABULARY}{name}>"


class _Maker:
    """Draws things in a fixed order and keeps their triples until they are written."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 (repeatable, not secret)
        self.counts: Counter[str] = Counter()
        self.organisations: list[str] = []
        self.lines: list[str] = []
        self.written = 0

    def flush(self, file: TextIO) -> None:
        """Write the kept triples."""
        file.write("".join(self.lines))
        self.written += len(self.lines)
        self.lines.clear()

    def countries(self) -> None:
        for code in sorted({*COUNTRIES, *ORIGINS}):
            self.say(country(code), _TYPE, term("Country"))
            self.say(country(code), term("code"), f'"{code}"')
            for language in LANGUAGES:
                self.say(country(code), _LABEL, f'"{code} ({language})"@{language}')

    def initiative(self) -> None:
        """An initiative with its sources, status claims, roles, contracts and, now and then, an agreement."""
        sources = [self.source() for _ in range(self.draw(1, 4))]
        if self.chance(0.5):
            self.organisation(sources[0])
        this = self.new("initiative", "Initiative")
        topic, form = self.draw(0, 9), self.draw(0, 2)
        for language in LANGUAGES:
            if language == "en" or self.chance(0.9):
                name = FORMS[language][form].format(TOPICS[language][topic])
                self.say(this, _LABEL, f'"{name} {self.counts["initiative"]}"@{language}')
        self.say(this, term("description"), f'"{self.words(30)}"@en')
        self.say(this, term("country"), country(self.random.choice(COUNTRIES)))
        self.say(this, term("sector"), term(f"sector-{TOPICS['en'][topic]}"))
        for source in sources:
            self.say(this, term("cites"), source)
        self.statuses(this, sources)
        for _ in range(self.draw(1, 3)):
            self.role(this, self.random.choice(sources))
        if self.chance(0.2):
            self.agreement(this, self.random.choice(sources))

    def statuses(self, initiative: str, sources: list[str]) -> None:
        day, state = self.day(2008, 2022), self.draw(0, 2)
        for _ in range(self.draw(1, 4)):
            claim = self.claim(initiative, "status", "StatusClaim", self.random.choice(sources))
            self.say(claim, term("statusValue"), term(f"status-{STATES[min(6, state)]}"))
            self.say(claim, term("statusDate"), _date(day))
            day += datetime.timedelta(days=self.draw(60, 700))
            state += 1 + self.chance(0.3)

    def role(self, initiative: str, source: str) -> None:
        provider, day = self.random.choice(self.organisations), self.day(2008, 2022)
        claim = self.claim(initiative, "role", "RoleClaim", source)
        self.say(claim, term("provider"), provider)
        self.say(claim, term("roleKind"), term(f"role-{self.random.choice(ROLES)}"))
        self.say(claim, term("from"), _date(day))
        if self.chance(0.4):
            self.say(claim, term("to"), _date(day + datetime.timedelta(days=self.draw(100, 1500))))
        if self.chance(0.6):
            contract = self.claim(initiative, "contract", "Contract", source)
            self.say(contract, _LABEL, f'"Contrato {self.counts["contract"]} {self.words(1)}"@{self.random.choice(("es", "pt"))}')
            self.say(contract, term("supplier"), provider)
            self.say(contract, term("amount"), f'"{round(self.random.lognormvariate(13, 2), 2)}"^^<{_XSD}decimal>')
            self.say(contract, term("currency"), f'"{self.random.choice(("USD", "BRL", "MXN", "EUR", "CLP"))}"')
            self.say(contract, term("signed"), _date(day))

    def agreement(self, initiative: str, source: str) -> None:
        this = self.claim(initiative, "agreement", "Agreement", source)
        self.say(this, _LABEL, f'"Agreement {self.counts["agreement"]}"@en')
        for party in self.random.sample(self.organisations, self.draw(2, 4)):
            self.say(this, term("party"), party)

    def source(self) -> str:
        this = self.new("source", "Source")
        self.say(this, term("title"), f'"Document: {self.words(3)}"@{self.random.choice(LANGUAGES)}')
        self.say(this, term("publisher"), f'"{self.words(1).title()} {self.random.choice(("Gazette", "Times", "Observatory"))}"')
        self.say(this, term("date"), _date(self.day(2005, 2026)))
        self.say(this, term("url"), f'"https://source.example.net/{self.counts["source"]}"^^<{_XSD}anyURI>')
        return this

    def organisation(self, source: str) -> None:
        """A company, most often below a recent other one; each owner holds a stake from one day, perhaps to another."""
        this = self.new("org", "Organisation")
        form = self.random.choice(("Systems", "Telecom", "Data", "Cloud", "Labs"))
        self.say(this, _LABEL, f'"{self.words(1).title()} {form} {self.counts["org"]}"@en')
        abroad = self.random.choices(tuple(ORIGINS), tuple(ORIGINS.values()))[0]
        self.say(this, term("origin"), country(self.random.choice(COUNTRIES) if self.chance(0.35) else abroad))
        if self.organisations and self.chance(0.65):
            recent = max(0, len(self.organisations) - 1 - int(self.random.expovariate(1 / 40)))
            parent = self.organisations[recent] if self.chance(0.8) else self.random.choice(self.organisations)
            self.say(this, term("parent"), parent)
            owners = [parent]
            if self.chance(0.3) and (other := self.random.choice(self.organisations)) != parent:
                owners.append(other)
            for owner in owners:
                self.stake(owner, this, source)
        self.organisations.append(this)

    def stake(self, owner: str, owned: str, source: str) -> None:
        this, day = self.new("stake", "OwnershipStake"), self.day(1995, 2018)
        self.say(this, term("owner"), owner)
        self.say(this, term("owned"), owned)
        self.say(this, term("percent"), f'"{round(5 + 95 * self.random.random(), 1)}"^^<{_XSD}decimal>')
        self.say(this, term("from"), _date(day))
        if self.chance(0.3):
            self.say(this, term("to"), _date(day + datetime.timedelta(days=self.draw(100, 3000))))
        self.say(this, term("source"), source)

    def claim(self, about: str, kind: str, cls: str, source: str) -> str:
        """A thing of its own that says something about another, and where that comes from."""
        this = self.new(kind, cls)
        self.say(about, term(kind), this)
        self.say(this, term("source"), source)
        return this

    def new(self, kind: str, cls: str) -> str:
        self.counts[kind] += 1
        this = f"<{BASE}{kind}/{self.counts[kind]}>"
        self.say(this, _TYPE, term(cls))
        return this

    def say(self, subject: str, predicate: str, value: str) -> None:
        self.lines.append(f"{subject} {predicate} {value} .\n")

    def words(self, count: int) -> str:
        return " ".join(self.random.choices(WORDS, k=count))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def draw(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def day(self, first: int, last: int) -> datetime.date:
        return datetime.date(first, 1, 1) + datetime.timedelta(days=self.draw(0, (last - first) * 365))


def _date(day: datetime.date) -> str:
    return f'"{day.isoformat()}"^^<{_XSD}date>'
