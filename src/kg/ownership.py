"""A thing and a day come in; who owned whom around it on that day goes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pyoxigraph as ox

from kg.store import Row, Store

_STEPS = 3  # up to the owners of owners, and down likewise
_MOST = 40  # things in one picture
# Only what is held to be right; a stake that a newer claim replaces ends when that begins.
_STAKES = """SELECT ?stake ?owner ?owned ?percent ?first ?last ?from ?to ?seen ?certainty (MIN(?next) AS ?replaced)
    (GROUP_CONCAT(DISTINCT STR(?interest); SEPARATOR=" ") AS ?interests) WHERE {
    ?stake a kg:OwnershipStake ; kg:owner ?owner ; kg:owned ?owned ; kg:rank ?rank ; kg:certainty ?certainty .
    OPTIONAL { ?stake kg:percent ?percent }
    OPTIONAL { ?stake kg:interest ?interest }
    OPTIONAL { ?stake kg:fromDate ?first }
    OPTIONAL { ?stake kg:toDate ?last }
    OPTIONAL { ?stake kg:from ?from }
    OPTIONAL { ?stake kg:to ?to }
    OPTIONAL { ?stake kg:asOf ?seen }
    OPTIONAL { ?newer kg:supersedes ?stake ; kg:fromDate ?next }
    FILTER(?rank != rank:deprecated)
} GROUP BY ?stake ?owner ?owned ?percent ?first ?last ?from ?to ?seen ?certainty"""


@dataclass(frozen=True)
class Stake:
    """A share that one thing has in another."""

    iri: str
    owner: str
    owned: str
    percent: str
    first: str
    last: str
    certainty: str
    replaced: str  # the day from which a newer claim holds
    interests: tuple[str, ...]  # codes, where it is said in words what share it is
    stated: tuple[str, str, str] = ("", "", "")  # from, to and as of, as the source says it; `first` and `last` are the widest days

    def holds_on(self, day: date) -> bool:
        """Whether it is known, or may be taken, to be so on a day: one without dates always is."""
        on = day.isoformat()
        return not ((self.first and self.first > on) or (self.last and self.last < on) or (self.replaced and self.replaced <= on))


class Ownership:
    """All stakes of a release, read once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def around(self, thing: str, day: date) -> list[Stake]:
        """The stakes by which things are tied to one, some steps up and down, on a day; of many, those that are nearest."""
        stakes = [stake for stake in self._stakes if stake.holds_on(day)]
        up = _walk(thing, [(stake.owned, stake.owner, stake) for stake in stakes])
        down = _walk(thing, [(stake.owner, stake.owned, stake) for stake in stakes])
        return list(dict.fromkeys([*up, *down]))

    def has(self, thing: str) -> bool:
        """Whether any stake is of the thing, or in it."""
        return thing in self._tied

    @cached_property
    def _stakes(self) -> Sequence[Stake]:
        stakes = [
            Stake(
                iri=_text(row, "stake"),
                owner=_text(row, "owner"),
                owned=_text(row, "owned"),
                percent=_text(row, "percent"),
                first=_text(row, "first"),
                last=_text(row, "last"),
                certainty=_text(row, "certainty"),
                replaced=_text(row, "replaced"),
                interests=tuple(sorted(_text(row, "interests").split())),
                stated=(_text(row, "from"), _text(row, "to"), _text(row, "seen")),
            )
            for row in self._store.rows(_STAKES)
        ]
        return sorted(stakes, key=lambda stake: stake.iri)

    @cached_property
    def _tied(self) -> frozenset[str]:
        return frozenset(end for stake in self._stakes for end in (stake.owner, stake.owned))


def _walk(start: str, ties: Iterable[tuple[str, str, Stake]]) -> list[Stake]:
    """The stakes that lead away from a thing, the nearest first."""
    ties = list(ties)
    reached, edge, found = {start}, {start}, []
    for _ in range(_STEPS):
        beyond: set[str] = set()
        for here, there, stake in ties:
            if here in edge and stake not in found and len(reached | beyond) < _MOST:
                found.append(stake)
                beyond.add(there)
        edge = beyond - reached
        reached |= beyond
    return found


def _text(row: Row, key: str) -> str:
    term = row.get(key)
    return term.value if isinstance(term, (ox.NamedNode, ox.Literal)) else ""
