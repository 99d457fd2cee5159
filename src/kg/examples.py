"""Stored questions come in; a description of them as RDF, by which query editors offer them as examples, goes out.

The form is that of the SIB's sparql-examples: executables of SHACL (https://www.w3.org/TR/shacl-af/) with comments.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph as ox

from kg.language import LANGUAGES
from kg.names import BASE, PREFIXES
from kg.query import Question

_SH, _RDF, _RDFS = PREFIXES["sh"], PREFIXES["rdf"], PREFIXES["rdfs"]
_SCHEMA = "https://schema.org/"  # as that form has it, where our own data has http
_ANY_URI = ox.NamedNode(PREFIXES["xsd"] + "anyURI")
_QUESTIONS = BASE + "questions"


def describe_examples(questions: Iterable[Question], endpoint: str) -> list[ox.Triple]:
    """What each question asks, in all languages, and its query; `endpoint` is where it is asked."""
    described = [triple for question in questions for triple in _describe(question, endpoint)]
    return described + _prefixes() if described else []


def _describe(question: Question, endpoint: str) -> list[ox.Triple]:
    node = ox.NamedNode(f"{_QUESTIONS}/{question.name}")
    said: list[tuple[str, ox.NamedNode | ox.Literal]] = [
        (_RDF + "type", ox.NamedNode(_SH + "SPARQLExecutable")),
        (_RDF + "type", ox.NamedNode(_SH + "SPARQLSelectExecutable")),
        (_SH + "prefixes", ox.NamedNode(_QUESTIONS)),
        (_SH + "select", ox.Literal(question.bound({}))),
        (_SCHEMA + "target", ox.NamedNode(endpoint)),
        (_SCHEMA + "keywords", ox.Literal(question.theme)),
        *((_RDFS + "comment", ox.Literal(question.title(language), language=language)) for language in LANGUAGES),
    ]
    return [ox.Triple(node, ox.NamedNode(key), value) for key, value in said]


def _prefixes() -> list[ox.Triple]:
    whole = ox.NamedNode(_QUESTIONS)
    triples = [ox.Triple(whole, ox.NamedNode(_RDF + "type"), ox.NamedNode(PREFIXES["owl"] + "Ontology"))]
    for prefix, space in PREFIXES.items():
        node = ox.NamedNode(f"{_QUESTIONS}#{prefix}")
        triples += [
            ox.Triple(whole, ox.NamedNode(_SH + "declare"), node),
            ox.Triple(node, ox.NamedNode(_SH + "prefix"), ox.Literal(prefix)),
            ox.Triple(node, ox.NamedNode(_SH + "namespace"), ox.Literal(space, datatype=_ANY_URI)),
        ]
    return triples
