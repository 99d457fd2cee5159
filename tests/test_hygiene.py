"""Hygiene rules: each finds the fault it is for, with its subject, and nothing else in the small graph."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.build import check
from kg.errors import KgError
from kg.finding import Severity
from kg.hygiene import Rule, check_hygiene, read_rules, texts_in
from kg.load import Loaded
from kg.names import BASE, DEF, PREFIXES
from repository import ROOT

RULES = {rule.name: rule for rule in read_rules((ROOT / "queries" / "hygiene").glob("*.rq"))}
TERM = 'kg:x rdfs:isDefinedBy <https://w3id.org/vigia/def> ; rdfs:label "thing"@en, "cosa"@es, "coisa"@pt ;'
LINK = "<https://x/l> a kg:Link ;"
CLAIM = "org:guess kg:claim <https://x/c> . <https://x/c> kg:rank rank:normal ;"
#: rule → (what is added to the small graph, the subject that is to blame)
FAULTS = {
    "term-defined": (f'{TERM} skos:definition "a"@en, "b"@es .', DEF + "x"),
    "term-not-circular": (f'{TERM} skos:definition "a thing that is"@en, "b"@es, "c"@pt .', DEF + "x"),
    "term-label-unique": (
        f'{TERM} skos:definition "a"@en . kg:a rdfs:isDefinedBy <https://w3id.org/vigia/def> ; rdfs:label "Thing"@en .',
        DEF + "x",
    ),
    "claim-class-has-value": ("kg:x rdfs:subClassOf kg:Claim .", DEF + "x"),
    "term-used": (f"{TERM} a owl:Class .", DEF + "x"),
    "type-of-thing": ('org:x rdfs:label "x"@en ; a kg:Initiative .', PREFIXES["org"] + "x"),
    "type-of-claim": (f"{CLAIM} a kg:Organisation .", "https://x/c"),
    "property-of-claim": ("<https://x/c> a kg:PropertyClaim ; rdf:predicate kg:provider .", "https://x/c"),
    "points-to-itself": ("<https://x/c> kg:contradicts <https://x/c> .", "https://x/c"),
    "text-in-three-languages": ('org:x dct:description "nur"@en .', PREFIXES["org"] + "x"),
    "sources-disagree": (
        f"{CLAIM} a kg:PropertyClaim ; rdf:predicate kg:countryOfOrigin ; rdf:object cty:xa . org:guess kg:claim <https://x/d> ."
        "<https://x/d> a kg:PropertyClaim ; kg:rank rank:normal ; rdf:predicate kg:countryOfOrigin ; rdf:object cty:xb .",
        "https://x/c",
    ),
    "rank-needs-reason": ("<https://x/c> kg:rank rank:preferred .", "https://x/c"),
    "inferred-needs-reason": ("<https://x/c> kg:certainty certainty:inferred .", "https://x/c"),
    "preferred-hides-others": (
        '<https://x/c> a kg:PropertyClaim ; kg:rank rank:preferred ; kg:editorNote "why"@en ; rdf:predicate kg:use .',
        "https://x/c",
    ),
    "confirmed-second-hand": (
        "<https://x/c> kg:certainty certainty:confirmed ; kg:citation [ kg:via src:survey-2025 ] .",
        "https://x/c",
    ),
    "derived-has-claim": ("org:guess kg:operatedBy org:maker .", PREFIXES["org"] + "guess"),
    "link-certain": (f"{LINK} kg:kind <{BASE}code/link/same> ; kg:certainty certainty:confirmed .", "https://x/l"),
    "link-doubt": (
        f"{LINK} kg:kind <{BASE}code/link/close> ; kg:certainty certainty:confirmed ;"
        "kg:citation [ kg:source src:a ] , [ kg:source src:b ] ;"
        "kg:comparison [ kg:aspect <https://x/n> ] , [ kg:aspect <https://x/o> ] .",
        "https://x/l",
    ),
    "link-complete": (f"{LINK} kg:kind <{BASE}code/link/none> .", "https://x/l"),
    "link-once": (f"{LINK} kg:linkedThing org:guess . <https://x/m> a kg:Link ; kg:linkedThing org:guess .", "https://x/l"),
    "subdivision-of-country": ('plc:x kg:country cty:xa ; kg:subdivisionCode "XB-A" .', PREFIXES["plc"] + "x"),
    "source-cited": ("src:x a kg:Source .", PREFIXES["src"] + "x"),
}


def test_every_rule_has_its_fault() -> None:
    assert set(RULES) == set(FAULTS)


def test_a_link_does_not_say_that_nobody_looked(model: Path) -> None:
    store = check(model).store
    reason = f"<{BASE}code/link-reason/not-searched>"
    store.update(
        f"INSERT DATA {{ <https://x/l> a kg:Link ; kg:kind <{BASE}code/link/none> ; kg:reason {reason} }}", prefixes=PREFIXES
    )
    (finding,) = check_hygiene(store, [RULES["link-complete"]], Loaded())
    assert "Of what nobody looked for there is no link." in finding.message


@pytest.mark.parametrize("name", FAULTS)
def test_a_rule_finds_its_fault(model: Path, name: str) -> None:
    store = check(model).store
    header = "".join(f"@prefix {prefix}: <{iri}> . " for prefix, iri in PREFIXES.items())
    store.load(header + FAULTS[name][0], format=ox.RdfFormat.TURTLE)
    with texts_in(store, [*(model / "queries").rglob("*.rq"), *(model / "shapes").glob("*.ttl")]):
        findings = check_hygiene(store, [RULES[name]], Loaded())
    assert {finding.place.path for finding in findings} == {FAULTS[name][1]}
    assert all(finding.rule == name and finding.message.endswith((".", "'.")) for finding in findings)


def test_the_small_graph_is_clean(model: Path) -> None:
    assert check(model).findings == []


def test_texts_are_gone_afterwards() -> None:
    store = ox.Store()
    with texts_in(store, [ROOT / "README.md"]):
        assert len(store) == 1
    assert len(store) == 0


@pytest.mark.parametrize("text", ["SELECT {", "ASK {}"])
def test_a_rule_that_is_none_is_named(text: str) -> None:
    with pytest.raises(KgError, match="my-rule"):
        check_hygiene(ox.Store(), [Rule("my-rule", text, Severity.INFO, "derived")], Loaded())
