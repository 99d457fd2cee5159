"""The description of the interface for programs (OpenAPI 3.1): what may be sent where, and what comes back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kg.formats import DATASETS, GRAPHS, HTML, RESULTS, SHEET, Format
from kg.names import BASE
from kg.query import Question
from kg.web.problems import KINDS

Json = dict[str, Any]
_QUERY = "A SPARQL 1.1 query: SELECT, ASK, CONSTRUCT or DESCRIBE."
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_LITERAL = re.compile(r"\"(?P<text>[^\"]*)\"(?:\^\^(?P<datatype>\S+))?")
_ENDINGS = {"type": "string", "enum": [fmt.ending for fmt in GRAPHS]}


def describe_interface(version: str, questions: Sequence[Question]) -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vigía",
            "version": version,
            "description": "A linked-data knowledge graph of surveillance technology in Latin America. Read-only, without keys.",
        },
        "paths": {
            "/sparql": {
                "get": _operation(
                    "SPARQL 1.1 query; without a query, what this endpoint is",
                    _content(*RESULTS, *GRAPHS, HTML),
                    [_parameter("query", _QUERY), *_DATASET, _format(*RESULTS, *GRAPHS, HTML, SHEET), _TIMEOUT],
                    (400, 406, 413, 422, 429, 502, 503, 504, 507, 403),
                ),
                "post": _operation(
                    "SPARQL 1.1 query",
                    _content(*RESULTS, *GRAPHS, HTML),
                    [*_DATASET, _format(*RESULTS, *GRAPHS, HTML, SHEET), _TIMEOUT],
                    (400, 403, 406, 408, 413, 415, 422, 429, 502, 503, 504, 507),
                )
                | {"requestBody": _BODY},
            },
            "/rdf-graph-store": {
                "get": _operation(
                    "A graph by its address, or the default graph, or without a parameter the whole dataset",
                    _content(*GRAPHS, *DATASETS),
                    [
                        _parameter("graph", "Address of a named graph.", {"type": "string", "format": "iri"}),
                        _parameter("default", "Present, with or without a value: the default graph."),
                        _format(*GRAPHS, *DATASETS),
                    ],
                    (400, 404, 406, 413, 429, 503, 504, 507),
                )
            },
            "/data/{path}.{ending}": {
                "get": _operation(
                    "The RDF of one thing, with its claims and their citations",
                    _content(*GRAPHS),
                    [
                        _place("path", "Kind and name of the thing, such as org/zte."),
                        _place("ending", "Format.", _ENDINGS),
                        _parameter("sha256", "Hash of the document as it was cited: any other is refused."),
                    ],
                    (400, 404, 406, 409, 413, 429, 503, 504, 507),
                )
            },
            "/dump/{name}": {
                "get": _operation(
                    "All data of the release in one file",
                    _content(*GRAPHS, *DATASETS),
                    [_place("name", "Name of the file.", {"type": "string", "examples": ["kg.ttl"]})],
                    (400, 404),
                )
            },
            "/void": {"get": _operation("The data set in numbers (VoID)", _content(*GRAPHS), [], (400, 406))},
            "/void.{ending}": {
                "get": _operation(
                    "The data set in numbers (VoID)", _content(*GRAPHS), [_place("ending", "Format.", _ENDINGS)], (400, 404, 406)
                )
            },
            "/.well-known/void": {"get": _operation("The data set in numbers (VoID)", _content(*GRAPHS), [], (400, 406))},
            "/.well-known/sparql-examples": {
                "get": _operation("The stored questions, as query editors read them", _content(*GRAPHS), [], (400, 406))
            },
            "/api/queries": {
                "get": _operation("The stored questions and their parameters", {"application/json": {}}, [_LANGUAGE], (400,))
            },
            **{f"/api/queries/{question.name}": {"get": _question(question)} for question in questions},
        },
        "components": {"schemas": {"Problem": _problem()}},
    }


def _operation(summary: str, content: Json, parameters: list[Json], refusals: tuple[int, ...]) -> Json:
    answers = {"200": {"description": "The answer, whole.", "content": content}}
    return {
        "summary": summary,
        "parameters": parameters,
        "responses": answers | {str(status): _refusal(status) for status in sorted(refusals)},
    }


def _question(question: Question) -> Json:
    """A stored question as an address of its own."""
    asked = _operation(
        question.title("en"),
        _content(*RESULTS),
        [*(_value(question, name) for name in question.parameters), _format(*RESULTS, HTML), _TIMEOUT],
        (400, 406, 429, 503, 504, 507),
    )
    asked["responses"]["303"] = {"description": "The page with the answer, for browsers."}
    return asked | {"description": question.description("en"), "operationId": question.name, "tags": [question.theme]}


def _value(question: Question, name: str) -> Json:
    """A parameter, of the sort that its usual value is."""
    usual = question.default(name)
    literal = _LITERAL.fullmatch(usual)
    schema: Json = {"type": "string", "default": literal["text"] if literal else usual}
    if literal and (literal["datatype"] or "").endswith("date"):
        schema["format"] = "date"
    if not literal:
        schema["format"] = "iri-reference"
    what = "A text or date" if literal else "The address of a thing, or its short form"
    return _parameter(name, f"{what} instead of {usual}.", schema)


def _refusal(status: int) -> Json:
    titles = [kind.title for kind in KINDS if kind.status == status]
    return {
        "description": "; or: ".join(titles) + ".",
        "content": {"application/problem+json": {"schema": _PROBLEM}, "text/html": {}},
    }


def _problem() -> Json:
    return {
        "description": "What went wrong (RFC 9457).",
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri", "examples": [f"{BASE}problem#{kind.name}" for kind in KINDS]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "line": {"type": "integer", "description": "Where the query is wrong, from 1."},
            "column": {"type": "integer"},
            "available": {"type": "array", "items": {"type": "string"}, "description": "The formats there are."},
        },
    }


def _content(*formats: Format) -> Json:
    return {media_type: {} for fmt in formats for media_type in fmt.types}


def _parameter(name: str, description: str, schema: Json | None = None) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema or {"type": "string"}}


def _place(name: str, description: str, schema: Json | None = None) -> Json:
    return _parameter(name, description, schema) | {"in": "path", "required": True}


def _format(*formats: Format) -> Json:
    names = sorted({name for fmt in formats for name in (fmt.name, fmt.ending)})
    return _parameter("format", "Name of a format; it wins over Accept.", {"type": "string", "enum": names})


_IRIS = {"type": "array", "items": {"type": "string", "format": "iri"}}
_DATASET = [
    _parameter("default-graph-uri", "Graphs that make the default graph.", _IRIS),
    _parameter("named-graph-uri", "Named graphs of the dataset.", _IRIS),
]
_TIMEOUT = _parameter(
    "timeout", "Seconds after which to give up, if fewer than the limit.", {"type": "number", "exclusiveMinimum": 0}
)
_LANGUAGE = _parameter(
    "lang", "Language of the titles (en, es, pt), before Accept-Language; others are passed over.", {"type": "string"}
)
_BODY = {
    "required": True,
    "content": {
        "application/sparql-query": {"schema": {"type": "string", "description": _QUERY}},
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["query"],
                "properties": {
                    "query": {"type": "string", "description": _QUERY},
                    **{
                        parameter["name"]: parameter["schema"]
                        for parameter in (*_DATASET, _format(*RESULTS, *GRAPHS, HTML, SHEET), _TIMEOUT)
                    },
                },
            }
        },
    },
}
