"""A store and CONSTRUCT rules come in; the triples that the rules add go out. Rules run once each, in the order of their names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyoxigraph as ox

from kg.errors import KgError
from kg.names import PREFIXES


def derive(store: ox.Store, rules: Iterable[Path]) -> list[ox.Triple]:
    """Run each rule on the default graph, add what is new to it, and return all that was added.

    Later rules see what earlier ones wrote. Raises KgError where a rule does not parse.
    """
    added: list[ox.Triple] = []
    for rule in sorted(rules):
        try:
            result = store.query(rule.read_text("utf-8"), prefixes=PREFIXES)
        except SyntaxError as error:
            raise KgError(f"The rule {rule.name} does not parse: {error}") from error
        if not isinstance(result, ox.QueryTriples):
            raise KgError(f"The rule {rule.name} is no CONSTRUCT query.")
        new = [t for t in set(result) if ox.Quad(t.subject, t.predicate, t.object) not in store]
        store.extend(ox.Quad(t.subject, t.predicate, t.object) for t in new)
        added += new
    return added
