"""The description of a data set: its numbers are right, its names are apart, and it reads the same wherever it is built."""

from __future__ import annotations

import json
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib
import yaml
from babel.messages.pofile import read_po
from rdflib import RDF, URIRef

from kg.build import build
from kg.names import BASE, DATASET, DEF, expand
from kg.release import JSON_LD, LOD_CLOUD, NQUADS, STORE, TURTLE, VOID, Release, published
from kg.void import Uses, describe, read_uses
from repository import ROOT

VOCABULARY = rdflib.Namespace("http://rdfs.org/ns/void#")
DCT = rdflib.Namespace("http://purl.org/dc/terms/")

HAND = """
@prefix : <https://example.org/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix wd: <http://www.wikidata.org/entity/> .
:a a :Person ; :name "A" , "B"@en ; owl:sameAs wd:Q1 .
:b a :Person ; :knows :a , _:c .
_:c a :Person , _:class ; :name "A" .
:d skos:closeMatch wd:Q2 , :e , <urn:x:1> .
:g { :a a :Other ; :name "A" }
_:unnamed { :a a :Another }
"""
# 13 triples in the default graph; :e is no other host, urn:x:1 no host at all.
DESCRIBED = """
@prefix : <https://example.org/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix void: <http://rdfs.org/ns/void#> .
@base <https://example.org/set> .
<> a void:Dataset ;
  void:triples 13 ; void:entities 3 ; void:distinctSubjects 4 ; void:distinctObjects 10 ; void:classes 1 ; void:properties 5 ;
  void:vocabulary : , rdf: , owl: , skos: ;
  void:classPartition <#class/EX:Person> ;
  void:propertyPartition <#property/rdf:type> , <#property/EX:name> , <#property/owl:sameAs> , <#property/EX:knows> ,
    <#property/skos:closeMatch> ;
  void:subset <#links/owl:sameAs/host/WD> , <#links/skos:closeMatch/host/WD> , :g .
<#class/EX:Person> void:class :Person ; void:triples 10 ; void:entities 2 ; void:distinctSubjects 3 ;
  void:propertyPartition <#class/EX:Person/property/rdf:type> , <#class/EX:Person/property/EX:name> ,
    <#class/EX:Person/property/owl:sameAs> , <#class/EX:Person/property/EX:knows> .
<#class/EX:Person/property/rdf:type> void:property rdf:type ; void:triples 4 .
<#class/EX:Person/property/EX:name> void:property :name ; void:triples 3 .
<#class/EX:Person/property/owl:sameAs> void:property owl:sameAs ; void:triples 1 .
<#class/EX:Person/property/EX:knows> void:property :knows ; void:triples 2 .
<#property/rdf:type> void:property rdf:type ; void:triples 4 ; void:distinctSubjects 3 ; void:distinctObjects 2 .
<#property/EX:name> void:property :name ; void:triples 3 ; void:distinctSubjects 2 ; void:distinctObjects 2 .
<#property/owl:sameAs> void:property owl:sameAs ; void:triples 1 ; void:distinctSubjects 1 ; void:distinctObjects 1 .
<#property/EX:knows> void:property :knows ; void:triples 2 ; void:distinctSubjects 1 ; void:distinctObjects 2 .
<#property/skos:closeMatch> void:property skos:closeMatch ; void:triples 3 ; void:distinctSubjects 1 ; void:distinctObjects 3 .
<#links/owl:sameAs/host/WD> a void:Linkset ; void:linkPredicate owl:sameAs ; void:triples 1 ;
  void:subjectsTarget <> ; void:objectsTarget <#host/WD> .
<#links/skos:closeMatch/host/WD> a void:Linkset ; void:linkPredicate skos:closeMatch ; void:triples 1 ;
  void:subjectsTarget <> ; void:objectsTarget <#host/WD> .
<#host/WD> a void:Dataset ; void:uriSpace "http://www.wikidata.org/" .
:g a void:Dataset ; void:triples 2 .
""".replace("EX:", "https%3A%2F%2Fexample.org%2F").replace("/WD>", "/http%3A%2F%2Fwww.wikidata.org%2F>")


def store_of(text: str, fmt: ox.RdfFormat = ox.RdfFormat.TRIG) -> ox.Store:
    store = ox.Store()
    store.load(text, fmt)
    return store


def triples_of(text: str) -> set[ox.Triple]:
    return {ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(text, format=ox.RdfFormat.TURTLE)}


def test_every_number_of_a_store_by_hand() -> None:
    described = describe(store_of(HAND), "https://example.org/set")
    assert set(described) == triples_of(DESCRIBED)
    assert len(described) == len(set(described))


def test_a_store_without_triples() -> None:
    numbers = ("triples", "entities", "distinctSubjects", "distinctObjects", "classes", "properties")
    empty = "".join(f"<https://example.org/set> <{VOCABULARY}{number}> 0 ." for number in numbers)
    assert set(describe(ox.Store(), "https://example.org/set")) == triples_of(
        f"<https://example.org/set> a <{VOCABULARY}Dataset> . {empty}"
    )


def test_a_store_with_named_graphs_only() -> None:
    described = set(describe(store_of("<http://a.b/g> { <http://a.b/s> a <http://a.b/C> }"), "https://example.org/set"))
    assert {str(t.object) for t in described if t.predicate.value == VOCABULARY + "triples" and "/set" in str(t.subject)} == {
        '"0"^^<http://www.w3.org/2001/XMLSchema#integer>'
    }
    assert triples_of(f"<http://a.b/g> <{VOCABULARY}triples> 1 .") <= described


def test_the_order_of_a_store_does_not_matter() -> None:
    quads = sorted(store_of(HAND), key=str)
    one, other = ox.Store(), ox.Store()
    one.extend(quads)
    other.extend(reversed(quads))
    assert describe(one, DATASET) == describe(other, DATASET)


@pytest.mark.parametrize("dataset", ["https://example.org/set", "https://example.org/about#set"])
def test_no_two_partitions_share_a_name(dataset: str) -> None:
    """Not even of classes whose IRIs look like what we make of others."""
    classes = [
        *(DEF, DEF + "Claim", DEF + "%43laim", DEF + "a", DEF + "a/property/kg:b", BASE + "def%23Claim", "kg:Claim"),
        *("urn:a", "urn:a/property/b", "http://a.b", "http://a.b/", "http://a.b/#", "http://a.b/é", "http://a.b/%C3%A9"),
    ]
    data = " ".join(f"<http://a.b/s> a <{iri}> ." for iri in classes) + f"<http://a.b/s> <{DEF}b> 1 ."
    described = describe(store_of(data), dataset)
    named = {t.object.value: t.subject for t in described if t.predicate.value == VOCABULARY + "class"}
    assert named.keys() == set(classes)
    parts = {t.object for t in described if t.predicate.value in {VOCABULARY + "classPartition", VOCABULARY + "propertyPartition"}}
    assert set(named.values()) <= parts
    assert len(parts) == len(classes) + 2 + 2 * len(classes)
    assert all(str(part).startswith(f"<{dataset}{'/' if '#' in dataset else '#'}") for part in parts)


@pytest.mark.parametrize(
    ("term", "space"),
    [
        ("http://a.b/v#x", "http://a.b/v#"),
        ("http://a.b/v#x/y", "http://a.b/v#"),
        ("http://a.b/v/x", "http://a.b/v/"),
        ("http://a.b/", "http://a.b/"),
        ("http://a.b", "http://a.b"),
        ("urn:v:x", "urn:v:"),
        ("file:///v", "file:///"),
    ],
)
def test_a_term_names_its_vocabulary(term: str, space: str) -> None:
    described = describe(store_of(f"<http://a.b/s> <{term}> 1 ."), DATASET)
    assert [t.object.value for t in described if t.predicate.value == VOCABULARY + "vocabulary"] == [space]


def test_the_release_says_what_it_holds(small: tuple[Path, Release]) -> None:
    """Counted once more with rdflib, from the dump."""
    void = rdflib.Graph().parse(small[1].path / VOID)
    graph = rdflib.Graph().parse(small[1].path / TURTLE)
    assert not [node for node in void.all_nodes() if isinstance(node, rdflib.BNode)]

    def number(part: rdflib.term.Node, key: str) -> object:
        (value,) = void.objects(part, VOCABULARY[key])
        return value.toPython()

    ours = URIRef(DATASET)
    classes, properties = set(graph.objects(None, RDF.type)), set(graph.predicates())
    assert number(ours, "triples") == len(graph) == small[1].manifest.counts["triples"]
    assert number(ours, "entities") == number(ours, "distinctSubjects") == len(set(graph.subjects()))
    assert number(ours, "distinctObjects") == len(set(graph.objects()))
    assert number(ours, "classes") == len(classes) > 20
    assert number(ours, "properties") == len(properties) > 50
    seen = set()
    for part in void.objects(ours, VOCABULARY.propertyPartition):
        (iri,) = void.objects(part, VOCABULARY.property)
        seen.add(iri)
        assert number(part, "triples") == len(list(graph.triples((None, iri, None))))
        assert number(part, "distinctSubjects") == len(set(graph.subjects(iri)))
        assert number(part, "distinctObjects") == len(set(graph.objects(None, iri)))
    assert seen == properties
    seen = set()
    for part in void.objects(ours, VOCABULARY.classPartition):
        (iri,) = void.objects(part, VOCABULARY["class"])
        seen.add(iri)
        members = set(graph.subjects(RDF.type, iri))
        assert number(part, "entities") == number(part, "distinctSubjects") == len(members)
        used = [key for member in members for key in graph.predicates(member, unique=False)]
        assert number(part, "triples") == len(used)
        inner = {next(void.objects(p, VOCABULARY.property)): p for p in void.objects(part, VOCABULARY.propertyPartition)}
        assert inner.keys() == set(used)
        assert all(number(p, "triples") == used.count(key) for key, p in inner.items())
    assert seen == classes


@pytest.mark.parametrize(
    ("part", "key", "pattern"),
    [
        ("", "triples", "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"),
        ("", "entities", "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o FILTER(isIRI(?s)) }"),
        ("#class/kg:Participation", "entities", "SELECT (COUNT(*) AS ?n) { ?s a kg:Participation }"),
        ("#class/kg:Participation", "triples", "SELECT (COUNT(*) AS ?n) { ?s a kg:Participation ; ?p ?o }"),
        ("#class/kg:Claim/property/kg:citation", "triples", "SELECT (COUNT(*) AS ?n) { ?s a kg:Claim ; kg:citation ?o }"),
        ("#property/kg:provider", "distinctObjects", "SELECT (COUNT(DISTINCT ?o) AS ?n) { ?s kg:provider ?o }"),
        (
            "#links/skos:closeMatch/host/http%3A%2F%2Fwww.wikidata.org%2F",
            "triples",
            "SELECT (COUNT(*) AS ?n) { ?s skos:closeMatch ?o FILTER(STRSTARTS(STR(?o), 'http://www.wikidata.org/')) }",
        ),
    ],
)
def test_a_query_counts_the_same(small: tuple[Path, Release], part: str, key: str, pattern: str) -> None:
    void = rdflib.Graph().parse(small[1].path / VOID)
    prefixes = {"kg": DEF, "skos": expand("skos:")}
    solutions = ox.Store.read_only(str(small[1].path / STORE)).query(pattern, prefixes=prefixes)
    assert isinstance(solutions, ox.QuerySolutions)
    counted = int(next(solutions)["n"].value)
    assert counted > 0
    assert list(void.objects(URIRef(DATASET + part), VOCABULARY[key])) == [rdflib.Literal(counted)]


def test_layers_are_subsets(small: tuple[Path, Release]) -> None:
    void = rdflib.Graph().parse(small[1].path / VOID)
    counts = small[1].manifest.counts
    for name, triples in {"derived": counts["derived"], "ontology": counts["ontology"]}.items():
        graph = URIRef(f"{BASE}graph/{name}")
        assert (URIRef(DATASET), VOCABULARY.subset, graph) in void
        assert list(void.objects(graph, VOCABULARY.triples)) == [rdflib.Literal(triples)]


def test_the_same_input_gives_the_same_description(model: Path, small: tuple[Path, Release], tmp_path: Path) -> None:
    assert (build(model, tmp_path).path / VOID).read_bytes() == (small[1].path / VOID).read_bytes()
    assert small[1].manifest.id not in (small[1].path / VOID).read_text("utf-8")


def test_the_real_description_shows_where_things_are(real: tuple[Path, Release]) -> None:
    void = rdflib.Graph().parse(real[1].path / VOID)
    data = {quad.subject for quad in ox.parse(path=real[1].path / TURTLE)}
    ours = URIRef(DATASET)
    examples = list(void.objects(ours, VOCABULARY.exampleResource))
    assert len(examples) == 3
    assert all(ox.NamedNode(str(example)) in data for example in examples)
    dumps = {str(dump) for dump in void.objects(ours, VOCABULARY.dataDump)}
    assert dumps == {f"{BASE}dump/{published('', name)}" for name in (TURTLE, NQUADS, JSON_LD)}
    assert list(void.objects(ours, DCT.license)) == [URIRef("https://creativecommons.org/licenses/by/4.0/")]
    assert "CC-BY-4.0" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_the_real_graph_is_large_and_linked_enough_for_the_lod_cloud(real: tuple[Path, Release]) -> None:
    """At least 1,000 triples, and 50 links into a data set that is in it."""
    entry = json.loads((real[1].path / LOD_CLOUD).read_text("utf-8"))
    assert entry["triples"] >= 1000
    assert [int(link["value"]) >= 50 for link in entry["links"] if link["target"] == "wikidata"] == [True]
    assert all(example["access_url"].startswith(BASE) for example in entry["example"])


def test_the_description_says_what_we_say_elsewhere(small: tuple[Path, Release]) -> None:
    void = rdflib.Graph().parse(small[1].path / VOID)
    titles = {
        str(text.language): str(text) for text in void.objects(URIRef(DATASET), DCT.title) if isinstance(text, rdflib.Literal)
    }
    texts = {
        str(text.language): str(text) for text in void.objects(URIRef(DATASET), DCT.description) if isinstance(text, rdflib.Literal)
    }
    assert titles.keys() == texts.keys() == {"en", "es", "pt"}
    assert titles["en"] == yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["title"]
    for language in ("es", "pt"):
        with (ROOT / "src" / "kg" / "web" / "locale" / f"{language}.po").open("rb") as file:
            message = read_po(file).get(texts["en"])
        assert message
        assert message.string == texts[language]


def test_uses_are_read_back_as_they_were_described(small: tuple[Path, Release]) -> None:
    store = ox.Store.read_only(str(small[1].path / STORE))
    uses = read_uses(ox.parse(path=small[1].path / VOID), DATASET)  # type: ignore[arg-type]
    assert uses == read_uses(describe(store, DATASET), DATASET)
    for counted, query in (
        (uses.classes, "SELECT ?x (COUNT(DISTINCT ?s) AS ?n) { ?s a ?x } GROUP BY ?x"),
        (uses.properties, "SELECT ?x (COUNT(*) AS ?n) { ?s ?x ?o } GROUP BY ?x"),
    ):
        assert counted == {row["x"].value: int(row["n"].value) for row in store.query(query)}  # type: ignore[union-attr,index]
    assert read_uses([], DATASET) == Uses({}, {})
