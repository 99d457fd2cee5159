"""A store and hygiene queries come in, of which each row is one fault; findings with file and line go out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from kg.errors import KgError
from kg.finding import NOWHERE, Finding, Severity
from kg.load import Loaded
from kg.names import PREFIXES

_HEADER = re.compile(r"^#\+ (\w+): (.*)$", re.MULTILINE)
_TEXTS = ox.NamedNode(PREFIXES["graph"] + "texts")
_VALUE = ox.NamedNode(PREFIXES["rdf"] + "value")


@dataclass(frozen=True)
class Rule:
    """One hygiene query: it selects `?subject` and `?error`, and `?property` where one property is to blame.

    Its header may say `#+ severity: warning` (or info; else violation) and `#+ stage: written`, if it judges what is written,
    before anything is derived.
    """

    name: str
    text: str
    severity: Severity
    stage: str


def read_rules(paths: Iterable[Path]) -> list[Rule]:
    """Read hygiene queries, in the order of their names; raises KgError where one is no text or has an unknown severity."""
    rules = []
    for path in sorted(paths):
        try:
            text = path.read_text("utf-8")
            header = dict(_HEADER.findall(text))
            severity = Severity(header.get("severity", "violation"))
        except ValueError as error:
            raise KgError(f"The hygiene query {path.name} cannot be read: {error}") from error
        rules.append(Rule(path.stem, text, severity, header.get("stage", "derived")))
    return rules


def check_hygiene(store: ox.Store, rules: Iterable[Rule], loaded: Loaded) -> list[Finding]:
    """Run the rules on the default graph; raises KgError where one is no SELECT query that parses."""
    found = set()
    for rule in rules:
        try:
            solutions = store.query(rule.text, prefixes=PREFIXES)
        except SyntaxError as error:
            raise KgError(f"The hygiene query {rule.name} does not parse: {error}") from error
        if not isinstance(solutions, ox.QuerySolutions):
            raise KgError(f"The hygiene query {rule.name} is no SELECT query.")
        names = [variable.value for variable in solutions.variables]
        if not {"subject", "error"} <= set(names):
            raise KgError(f"The hygiene query {rule.name} does not select ?subject and ?error.")
        for row in solutions:
            subject, error_text = (getattr(row[name], "value", "") for name in ("subject", "error"))
            key = getattr(row["property"], "value", None) if "property" in names else None
            found.add(loaded.located(Finding(NOWHERE, error_text, rule.severity, rule.name), subject, key))
    return sorted(found)


@contextmanager
def texts_in(store: ox.Store, files: Iterable[Path]) -> Iterator[None]:
    """While it lasts, rules find the text of the files as `rdf:value` in `graph:texts`: where terms are used."""
    quads = (ox.Quad(ox.NamedNode(file.resolve().as_uri()), _VALUE, ox.Literal(file.read_text("utf-8")), _TEXTS) for file in files)
    store.extend(quads)
    try:
        yield
    finally:
        store.remove_graph(_TEXTS)
