"""The shapes themselves: lists in them are real, every shape has a sentence, and every property a place on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import rdflib
from babel import Locale
from rdflib.namespace import SH

from kg.validate import page_order
from repository import ROOT

FILES = sorted((ROOT / "shapes").glob("*.ttl"))


def test_currencies_exist() -> None:
    """Against the currencies that Babel knows (CLDR, from ISO 4217)."""
    (listed,) = re.findall(r'kg:currency ;[^"]*"\^\(([A-Z|]+)\)\$"', (ROOT / "shapes" / "authoring.ttl").read_text("utf-8"))
    assert set(listed.split("|")) <= set(Locale("en").currencies)
    assert {"ARS", "BOB", "USD", "EUR", "BRL"} <= set(listed.split("|"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_property_shape_says_what_to_write(path: Path) -> None:
    graph = rdflib.Graph().parse(path)
    for shape in graph.subjects(rdflib.RDF.type, SH.PropertyShape):
        assert graph.value(shape, SH.message), shape
        assert isinstance(shape, rdflib.URIRef)


def test_pages_have_an_order_for_every_class() -> None:
    order = page_order(FILES)
    kg = "https://w3id.org/vigia/def#"
    assert next(iter(order)) == kg + "Initiative"
    assert order[kg + "Initiative"].index(kg + "currentStatus") < order[kg + "Initiative"].index(kg + "provider")
    assert kg + "providerOf" in order[kg + "Organisation"]
