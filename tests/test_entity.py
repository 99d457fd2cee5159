"""Things of which very much is said: page by page, every claim stands on one page, and on one only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.entity import CLAIM_LIMIT, Entities
from kg.names import BASE, DEF, PREFIXES
from kg.page import Display
from kg.settings import Settings
from kg.store.oxigraph import OxigraphStore, store_files
from kg.void import Uses

THING = BASE + "id/org/large"
KINDS = {"QuantityClaim": 420, "Milestone": 260, "Gap": 3}


def triples(with_kinds: bool) -> Iterator[ox.Triple]:
    a, sub = ox.NamedNode(PREFIXES["rdf"] + "type"), ox.NamedNode(PREFIXES["rdfs"] + "subClassOf")
    for kind, number in KINDS.items():
        if with_kinds:
            yield ox.Triple(ox.NamedNode(DEF + kind), sub, ox.NamedNode(DEF + "Claim"))
        for place in range(number):
            claim = ox.NamedNode(f"{THING}/{kind.lower()}-{place}")
            yield ox.Triple(ox.NamedNode(THING), ox.NamedNode(DEF + "claim"), claim)
            yield ox.Triple(claim, a, ox.NamedNode(DEF + kind))
            yield ox.Triple(claim, a, ox.NamedNode(DEF + "Claim"))
    for place in range(200):
        yield ox.Triple(ox.NamedNode(THING), ox.NamedNode(DEF + "office"), ox.NamedNode(f"{BASE}id/place/p{place}"))


@pytest.fixture(params=[True, False], ids=["kinds known", "kinds unknown"])
def entities(request: pytest.FixtureRequest, tmp_path: Path) -> Entities:
    file = tmp_path / "large.nt"
    ox.serialize(triples(request.param), file, ox.RdfFormat.N_TRIPLES)
    return Entities(OxigraphStore(store_files([file], PREFIXES), Settings()), Display({DEF + "Milestone": ()}), Uses({}, {}))


def test_every_claim_stands_on_one_page(entities: Entities) -> None:
    seen: list[str] = []
    total = sum(KINDS.values())
    for start in range(0, total, CLAIM_LIMIT):
        page = entities.page(THING, "en", start)
        keys = [claim.key for section in page.sections for claim in section.claims]
        assert len(keys) == min(CLAIM_LIMIT, total - start)
        assert (page.claims, page.start) == (total, start)
        seen += keys
    assert len(set(seen)) == len(seen) == total


def test_of_many_values_some_are_shown_and_the_others_counted(entities: Entities) -> None:
    (fact,) = [fact for fact in entities.page(THING, "en").facts if (fact.name.iri or "").endswith("#office")]
    assert len(fact.values) + fact.more == 200
    assert fact.more > 100


def test_beyond_the_last_page_there_are_no_claims(entities: Entities) -> None:
    assert entities.page(THING, "en", 100_000).sections == []
