"""Addresses: from IRIs to paths and back, and one base everywhere."""

from __future__ import annotations

import json

import pytest

from kg.names import BASE, KINDS, PREFIXES, compact, entity_iri, expand, iri_of, iri_of_file, is_ours, local_path
from repository import ROOT


def test_iris_and_paths_go_both_ways() -> None:
    for iri in (BASE + "id/org/zte", BASE + "code/role/provider", BASE + "def#Claim", BASE + "id/initiative/x/key"):
        assert iri_of(local_path(iri).lstrip("/")) == iri


def test_curies_go_both_ways() -> None:
    for curie in ("org:zte", "kg:Claim", "role:provider", "code:law", "rdfs:label"):
        assert compact(expand(curie)) == curie
    assert expand("https://example.org/x") == "https://example.org/x"
    assert compact("https://example.org/x") == "<https://example.org/x>"


@pytest.mark.parametrize(
    ("path", "iri"),
    [("data/org/zte.yaml", BASE + "id/org/zte"), ("data/code/role.yaml", BASE + "code/role"), ("ontology/kg.ttl", None)],
)
def test_a_file_names_a_thing(path: str, iri: str | None) -> None:
    assert iri_of_file(path) == iri


def test_the_context_uses_the_same_prefixes() -> None:
    context = json.loads((ROOT / "data" / "context.jsonld").read_text("utf-8"))["@context"]
    prefixes = {name: value for name, value in context.items() if isinstance(value, str) and value.startswith("http")}
    prefixes.pop("@vocab")
    assert {name: PREFIXES.get(name) for name in prefixes} == prefixes
    for kind, prefix in KINDS.items():
        assert prefixes[prefix] == entity_iri(kind, "")


def test_no_prefix_is_also_a_key() -> None:
    """With prefix `country:` and key `country`, `country: country:bo` would silently become the IRI <country:bo>."""
    context = json.loads((ROOT / "data" / "context.jsonld").read_text("utf-8"))["@context"]
    keys = {name for name, value in context.items() if isinstance(value, dict)}
    prefixes = {name for name, value in context.items() if isinstance(value, str)}
    assert not {key.lower() for key in keys} & prefixes


def test_the_base_stands_in_one_place_of_the_code() -> None:
    holders = [path.name for path in (ROOT / "src").rglob("*.py") if BASE in path.read_text("utf-8")]
    assert holders == ["names.py"]
    assert is_ours(BASE + "x")
    assert not is_ours("https://w3id.org/other/")
