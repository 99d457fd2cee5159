"""The shapes themselves: lists in them are real, every shape has a sentence, and every property a place on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib
from babel import Locale
from rdflib.namespace import SH

from kg.validate import page_order, shacl_report
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


AUTHORING = rdflib.Graph().parse(ROOT / "shapes" / "authoring.ttl")
NONSENSE = rdflib.URIRef("urn:nonsense")
# Any IRI will do for these: what stands behind it has a shape of its own.
LOOSE = {"citation", "amount", "comparison", "rejection"}


def uses() -> list[tuple[str, str, str]]:
    """(class, property shape, property) for every use of a property shape that restricts values."""
    found = []
    for node in AUTHORING.subjects(SH.targetClass, None):
        for shape in AUTHORING.objects(node, SH.property):
            restricts = {SH["class"], SH.node, SH.datatype, SH.pattern, SH["or"], SH.languageIn, SH.nodeKind}
            name = str(shape).rpartition("#")[2]
            if restricts & set(AUTHORING.predicates(shape)) and name not in LOOSE:
                target, path = AUTHORING.value(node, SH.targetClass), AUTHORING.value(shape, SH.path)
                found.append((str(target), name, str(path)))
    return sorted(found)


def test_every_use_of_a_property_shape_can_fail() -> None:
    """One thing of each class gets a nonsense value for each of its properties, and each is found."""
    store = ox.Store()
    for cls, name, path in uses():
        focus = ox.NamedNode(f"urn:{cls.rpartition('#')[2]}:{name}")
        store.add(ox.Quad(focus, ox.NamedNode(str(rdflib.RDF.type)), ox.NamedNode(cls)))
        store.add(ox.Quad(focus, ox.NamedNode(path), ox.NamedNode(str(NONSENSE))))
    report = shacl_report(store, ROOT / "shapes" / "authoring.ttl")
    found = {
        (str(report.value(result, SH.focusNode)), str(report.value(result, SH.sourceShape)).rpartition("#")[2])
        for result in report.objects(None, SH.result)
        if report.value(result, SH.value) == NONSENSE
    }
    missed = [(cls, name) for cls, name, _ in uses() if (f"urn:{cls.rpartition('#')[2]}:{name}", name) not in found]
    assert missed == []
    assert len(uses()) > 250
