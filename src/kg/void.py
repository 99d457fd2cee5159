"""A store comes in; the triples that describe it as a data set, in the VoID vocabulary, go out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import pyoxigraph as ox

from kg.names import BASE, DATASET, LICENCE, PREFIXES, compact, expand, release_iri
from kg.rdf import Fact, select, tell

#: Prefixes for descriptions, on top of those for the data.
NAMESPACES = {
    "void": "http://rdfs.org/ns/void#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "format": "http://www.w3.org/ns/formats/",
}


@dataclass(frozen=True)
class Uses:
    """How often terms are used."""

    classes: Mapping[str, int]  # IRI → how many things it has
    properties: Mapping[str, int]  # IRI → in how many triples it stands


_Counts = dict[tuple[str, ...], tuple[int, ...]]  # the IRIs that a row of an answer is about → its numbers
_SPACES = PREFIXES | NAMESPACES
_VOID = NAMESPACES["void"]

# Aggregates, and not one pass in Python: the engine counts faster than it can hand the terms over, and in less memory.
_SUBJECTS = "SELECT (SUM(IF(isIRI(?s), 1, 0)) AS ?entities) (COUNT(*) AS ?subjects) { SELECT DISTINCT ?s { ?s ?p ?o } }"
_OBJECTS = "SELECT (COUNT(DISTINCT ?o) AS ?objects) { ?s ?p ?o }"
_PROPERTIES = """
SELECT ?p (COUNT(*) AS ?triples) (COUNT(DISTINCT ?s) AS ?subjects) (COUNT(DISTINCT ?o) AS ?objects)
{ ?s ?p ?o } GROUP BY ?p
"""
_CLASSES = """
SELECT ?class (SUM(IF(isIRI(?s), 1, 0)) AS ?entities) (COUNT(*) AS ?subjects)
{ ?s a ?class FILTER(isIRI(?class)) } GROUP BY ?class
"""
_CLASS_PROPERTIES = "SELECT ?class ?p (COUNT(*) AS ?triples) { ?s a ?class FILTER(isIRI(?class)) ?s ?p ?o } GROUP BY ?class ?p"
_LINKS = r"""
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT ?p ?host (COUNT(*) AS ?links) {
  VALUES ?p { owl:sameAs skos:closeMatch skos:exactMatch }
  ?s ?p ?o FILTER(isIRI(?s) && isIRI(?o) && REGEX(STR(?o), "^[^:/?#]+://[^/?#]"))
  BIND(IRI(REPLACE(STR(?o), "^([^:/?#]+://[^/?#]+).*$", "$1/")) AS ?host)
  BIND(REPLACE(STR(?s), "^([^:/?#]+://[^/?#]+).*$", "$1/") AS ?home)
  FILTER(STRAFTER(STR(?host), "://") != STRAFTER(?home, "://"))
} GROUP BY ?p ?host
"""
_GRAPHS = "SELECT ?g (COUNT(*) AS ?triples) { GRAPH ?g { ?s ?p ?o } FILTER(isIRI(?g)) } GROUP BY ?g"

#: What CITATION.cff and the home page say.
TITLE = {
    "en": "Vigía: a linked-data knowledge graph of surveillance technology in Latin America",
    "es": "Vigía: un grafo de conocimiento en datos enlazados sobre la tecnología de vigilancia en América Latina",
    "pt": "Vigía: um grafo de conhecimento em dados conectados sobre a tecnologia de vigilância na América Latina",
}
DESCRIPTION = {
    "en": "A knowledge graph of surveillance initiatives, their providers, contracts, money and laws. "
    "Every statement names its source; where sources disagree, you see both.",
    "es": "Un grafo de conocimiento sobre iniciativas de vigilancia, sus proveedores, contratos, dinero y leyes. "
    "Cada afirmación nombra su fuente; donde las fuentes discrepan, aparecen ambas.",
    "pt": "Um grafo de conhecimento sobre iniciativas de vigilância, seus fornecedores, contratos, dinheiro e leis. "
    "Cada afirmação indica sua fonte; onde as fontes divergem, ambas aparecem.",
}
_FORMATS = ("Turtle", "N-Triples", "N-Quads", "JSON-LD", "RDF_XML")
_EXAMPLES = ("ini:bo-bol-110", "org:zte", "ctr:ar-jujuy-zte-2017")


def metadata(store: ox.Store, dumps: Iterable[str], version: str) -> list[ox.Triple]:
    """What our own data set is: its name, licence, version, formats and addresses, and things in `store` to look at first.

    `dumps` are names of files. What was not released has no version, and its id cannot stand here: it is a hash over files of which
    this becomes one. W3C Note VoID 2011-03-03, sections 2, 3, 4.1 and 4.2.
    """
    # Other data can be built with this code, and an example that leads nowhere is none.
    examples = [iri for iri in map(expand, _EXAMPLES) if _holds(store, iri)]
    return [
        *_tell(
            DATASET,
            *(("dct:title", ox.Literal(text, language=language)) for language, text in TITLE.items()),
            *(("dct:description", ox.Literal(text, language=language)) for language, text in DESCRIPTION.items()),
            ("dct:license", LICENCE),
            *((("owl:versionInfo", ox.Literal(version)), ("dct:hasVersion", release_iri(version))) if version else ()),
            ("foaf:homepage", BASE),
            ("void:uriSpace", ox.Literal(BASE)),
            *(("void:exampleResource", iri) for iri in examples),
            ("void:sparqlEndpoint", BASE + "sparql"),
            *(("void:dataDump", f"{BASE}dump/{name}") for name in dumps),
            *(("void:feature", NAMESPACES["format"] + name) for name in _FORMATS),
        )
    ]


def describe(store: ox.Store, dataset: str) -> list[ox.Triple]:
    """What the store holds, in numbers: in all, by class, by property, in links to other hosts and in named graphs.

    All but the last is said of the default graph. Entities are the subjects that have an IRI, classes the types that have one.
    Partitions and linksets are named by fragments of the IRI of the data set, so that one document can answer for all of them.
    Equal stores give equal lists. W3C Note VoID 2011-03-03, sections 4.3 to 4.6 and 5.
    """
    properties = _count(store, _PROPERTIES)
    classes = _count(store, _CLASSES)
    ((entities, subjects),) = _count(store, _SUBJECTS).values()
    ((objects,),) = _count(store, _OBJECTS).values()
    terms = [iri for (iri,) in (*classes, *properties)]
    return [
        *_tell(
            dataset,
            ("rdf:type", _SPACES["void"] + "Dataset"),
            ("void:triples", sum(triples for triples, *_ in properties.values())),
            ("void:entities", entities),
            ("void:distinctSubjects", subjects),
            ("void:distinctObjects", objects),
            ("void:classes", len(classes)),
            ("void:properties", len(properties)),
            *(("void:vocabulary", space) for space in sorted(set(map(_namespace, terms)))),
        ),
        *_classes(dataset, classes, _count(store, _CLASS_PROPERTIES)),
        *_properties(dataset, properties),
        *_linksets(dataset, _count(store, _LINKS)),
        *_graphs(dataset, _count(store, _GRAPHS)),
    ]


def read_uses(triples: Iterable[ox.Triple], dataset: str) -> Uses:
    """What `describe` said of the classes and properties of a data set."""
    told: dict[tuple[str, str], list[ox.NamedNode | ox.Literal]] = defaultdict(list)
    for triple in triples:
        told[triple.subject.value, triple.predicate.value].append(triple.object)  # type: ignore[union-attr,arg-type]

    def counts(kind: str, count: str) -> dict[str, int]:
        parts = (part.value for part in told[dataset, f"{_VOID}{kind}Partition"])
        return {told[part, _VOID + kind][0].value: int(told[part, _VOID + count][0].value) for part in parts}

    return Uses(counts("class", "entities"), counts("property", "triples"))


def _classes(dataset: str, counts: _Counts, pairs: _Counts) -> Iterator[ox.Triple]:
    used: dict[str, dict[str, int]] = {iri: {} for (iri,) in counts}
    for (iri, key), (triples,) in pairs.items():
        used[iri][key] = triples
    yield from _tell(dataset, *(("void:classPartition", _part(dataset, "class", iri)) for iri in used))
    for (iri,), (entities, subjects) in counts.items():
        part, triples_with = _part(dataset, "class", iri), used[iri]
        yield from _tell(
            part,
            ("void:class", iri),
            ("void:triples", sum(triples_with.values())),
            ("void:entities", entities),
            ("void:distinctSubjects", subjects),
            *(("void:propertyPartition", _part(part, "property", key)) for key in triples_with),
        )
        for key, triples in triples_with.items():
            yield from _tell(_part(part, "property", key), ("void:property", key), ("void:triples", triples))


def _properties(dataset: str, counts: _Counts) -> Iterator[ox.Triple]:
    yield from _tell(dataset, *(("void:propertyPartition", _part(dataset, "property", iri)) for (iri,) in counts))
    for (iri,), (triples, subjects, objects) in counts.items():
        yield from _tell(
            _part(dataset, "property", iri),
            ("void:property", iri),
            ("void:triples", triples),
            ("void:distinctSubjects", subjects),
            ("void:distinctObjects", objects),
        )


def _linksets(dataset: str, counts: _Counts) -> Iterator[ox.Triple]:
    """A linkset for each predicate and host; what a host holds is a data set too, of which we know only where it is."""
    parts = {(key, host): _part(_part(dataset, "links", key), "host", host) for key, host in counts}
    yield from _tell(dataset, *(("void:subset", part) for part in parts.values()))
    for (key, host), (triples,) in counts.items():
        yield from _tell(
            parts[key, host],
            ("rdf:type", _SPACES["void"] + "Linkset"),
            ("void:linkPredicate", key),
            ("void:subjectsTarget", dataset),
            ("void:objectsTarget", _part(dataset, "host", host)),
            ("void:triples", triples),
        )
    for host in sorted({host for _, host in counts}):
        there = _part(dataset, "host", host)
        yield from _tell(there, ("rdf:type", _SPACES["void"] + "Dataset"), ("void:uriSpace", ox.Literal(host)))


def _graphs(dataset: str, counts: _Counts) -> Iterator[ox.Triple]:
    yield from _tell(dataset, *(("void:subset", iri) for (iri,) in counts))
    for (iri,), (triples,) in counts.items():
        yield from _tell(iri, ("rdf:type", _SPACES["void"] + "Dataset"), ("void:triples", triples))


def _count(store: ox.Store, query: str) -> _Counts:
    """The answer to an aggregate query, sorted."""
    counts = {}
    for row in map(list, select(store, query)):
        key = tuple(term.value for term in row if isinstance(term, ox.NamedNode))
        counts[key] = tuple(int(term.value) for term in row if isinstance(term, ox.Literal))
    return dict(sorted(counts.items()))


def _holds(store: ox.Store, iri: str) -> bool:
    return any(store.quads_for_pattern(ox.NamedNode(iri), None, None, ox.DefaultGraph()))


def _tell(subject: str, *facts: Fact) -> Iterator[ox.Triple]:
    return tell(_SPACES, subject, *facts)


def _part(whole: str, kind: str, iri: str) -> str:
    """The IRI of that part of `whole` which belongs to `iri`: `…/dataset#class/kg:Claim`."""
    return f"{whole}{'/' if '#' in whole else '#'}{kind}/{_segment(iri)}"


def _segment(iri: str) -> str:
    """The IRI as a segment of another: `kg:Claim` where we have a prefix, else quoted whole.

    Two IRIs never give the same: a colon stands only behind a prefix, a slash nowhere, and quoting can be undone.
    """
    prefix, colon, local = compact(iri).partition(":")
    return prefix + colon + quote(local, safe="") if prefix in PREFIXES else quote(iri, safe="")


def _namespace(iri: str) -> str:
    """What stands before the name of a term: all up to the `#`, else to the last slash behind the host, else to the last colon."""
    space = re.match(r"[^#]*#|[^:]*://[^/]*$|.*/|.*:", iri)
    return space[0] if space else iri
