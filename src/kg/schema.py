"""The context, the ontology, the shapes and the code lists come in; a JSON Schema for the files of each folder goes out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import rdflib
import yaml
from rdflib.namespace import RDF, RDFS, SH, SKOS

from kg.author import TYPES
from kg.context import Context, read_context
from kg.names import BASE, DEF, KINDS, SLUG

Json = dict[str, Any]
_CLAIM, _CODE = rdflib.URIRef(DEF + "Claim"), rdflib.URIRef(DEF + "Code")
_DATE = r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"
_NAME = f"^{SLUG.pattern}$"
_PLAIN = {"type": ["string", "number", "boolean"]}  # the loader takes the text as it stands: a number is one, so is `no`
#: CURIE of a datatype → what may be written.
_LITERALS: Mapping[str, Json] = {
    "kg:PartialDate": {"anyOf": [{"type": "integer", "minimum": 1000, "maximum": 9999}, {"type": "string", "pattern": _DATE}]},
    "xsd:gYear": {"type": ["integer", "string"], "pattern": r"^\d{4}$", "minimum": 1000, "maximum": 9999},
    "xsd:decimal": {"type": ["number", "string"], "pattern": r"^-?\d+(\.\d+)?$"},
    "xsd:integer": {"type": "integer"},
    "xsd:duration": {"type": "string", "pattern": r"^P"},
    "xsd:anyURI": {"type": "string", "pattern": "^https?://"},
}
_LANGUAGE = "^[a-z]{2,3}(-[A-Za-z0-9]+)*$"
_LOCAL = ("contradicts", "supersedes")  # name a claim of the same file


def write_schemas(root: Path, folder: Path) -> list[Path]:
    """Write `<kind>.json` for each kind of file; editors complete and check by them (JSON Schema 2020-12)."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, schema in describe_files(root).items():
        path = folder / f"{kind}.json"
        path.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", "utf-8")
        paths.append(path)
    return paths


def describe_files(root: Path) -> dict[str, Json]:
    """Kind → the schema of its files. What only the whole graph can tell is left to `kg check`."""
    model = _Model(root)
    return {kind: model.file(kind) for kind in KINDS}


class _Model:
    """What the repository says of its own files."""

    def __init__(self, root: Path) -> None:
        self._context: Context = read_context(root / "data" / "context.jsonld")
        self._graph = rdflib.Graph().parse(root / "ontology" / "kg.ttl").parse(root / "shapes" / "authoring.ttl")
        self._codes = {
            path.stem: list(yaml.safe_load(path.read_text("utf-8"))["codes"])
            for path in sorted((root / "data" / "code").glob("*.yaml"))
        }
        self._terms = sorted(
            name
            for term in set(self._graph.subjects(RDFS.isDefinedBy))
            if (name := str(term).removeprefix(DEF)) != str(term) and name[:1].islower()
        )

    def file(self, kind: str) -> Json:
        """Of one thing: its type, the keys that any of the types in this folder has, and its claims."""
        types = [name for cls in TYPES[kind] for name in self._narrower(rdflib.URIRef(DEF + cls))]
        shapes = {name: self._node(self._shapes(name), [name]) for name in types}
        properties = _united(shape["properties"] for shape in shapes.values())
        if "claims" in properties:
            properties["claims"] |= {"additionalProperties": {"$ref": "#/$defs/claim"}}
        identity = {"id": {"type": "string", "pattern": f"^{KINDS[kind]}:{_NAME[1:]}"}, "type": {"enum": types}}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"{BASE}schema/{kind}.json",
            "title": f"data/{kind}/*.yaml",
            "type": "object",
            "properties": identity | properties,
            "required": ["id", "type"],
            "additionalProperties": False,
            "allOf": [
                _if_type(name, {key: shape[key] for key in ("required", "allOf") if key in shape}) for name, shape in shapes.items()
            ],
            "$defs": {"claim": self._claim(types)},
        }

    def _claim(self, holders: Sequence[str]) -> Json:
        """Any claim; which keys it may have depends on its type."""
        names = [name for name in self._narrower(_CLAIM) if self._shapes(name)]
        variants = {}
        for name in names:
            shapes = [self._node(self._shapes(name), [holder, name]) for holder in holders]
            properties: Json = {"type": {}} | _united(shape["properties"] for shape in shapes)
            variants[name] = shapes[0] | {"properties": properties}
        return {
            "type": "object",
            "properties": {"type": {"enum": names}},
            "required": ["type"],
            "allOf": [_if_type(name, variant) for name, variant in variants.items()],
        }

    def _node(self, shapes: Sequence[rdflib.term.Node], types: Sequence[str]) -> Json:
        """What may stand in one map: the keys that all its closed shapes allow, and those that are needed."""
        allowed: list[set[str]] = []
        of_path: dict[str, list[rdflib.term.Node]] = {}
        for shape in shapes:
            listed = sorted(self._graph.objects(shape, SH.property), key=str)
            parts = [(str(self._graph.value(part, SH.path)), part) for part in listed]
            if (shape, SH.closed, rdflib.Literal(True)) in self._graph:
                allowed.append({path for path, _ in parts})
            for path, part in parts:
                of_path.setdefault(path, []).append(part)
        paths = set.intersection(*allowed) if allowed else set(of_path)
        place = {path: self._place(parts) for path, parts in of_path.items()}
        keys = sorted(self._named(paths), key=lambda key: place[self._context.predicate(key)])
        counted = [path for path in sorted(paths, key=lambda path: (place[path], path)) if self._number(of_path[path], SH.minCount)]
        needed = [[path] for path in counted if path != DEF + "rank"]  # the loader gives the usual rank
        choices = [self._named(listed) for listed in [*needed, *(listed for shape in shapes for listed in self._either(shape))]]
        schema: Json = {
            "type": "object",
            "properties": {key: self._value(key, of_path[self._context.predicate(key)], types) for key in keys},
            "additionalProperties": False,
        }
        if required := [names[0] for names in choices if len(names) == 1]:
            schema["required"] = required
        if several := [{"anyOf": [{"required": [name]} for name in names]} for names in choices if len(names) > 1]:
            schema["allOf"] = several
        return schema

    def _value(self, key: str, parts: Sequence[rdflib.term.Node], types: Sequence[str]) -> Json:
        """What may stand at a key, with the definition of what it stands for."""
        path = rdflib.URIRef(self._context.predicate(key))
        told = next((str(text) for text in self._graph.objects(path, SKOS.definition) if getattr(text, "language", "") == "en"), "")
        about = {"description": told} if told else {}
        if self._context.is_text(key):
            texts = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
            return about | {"type": "object", "propertyNames": {"pattern": _LANGUAGE}, "additionalProperties": texts}
        if self._context.is_keyed(key):
            members: Json = {"type": "object"}
            if key == "passages":
                members = self._node(self._shapes("Passage"), [*types, "Passage"])
                members["properties"]["type"] = {"const": "Passage"}
            return about | {"type": "object", "propertyNames": {"pattern": _NAME}, "additionalProperties": members}
        one = self._one(key, path, parts, types)
        if "pattern" in one:  # what `kg check` would say, for the editors that know this keyword
            one["patternErrorMessage"] = next(str(text) for part in parts for text in self._graph.objects(part, SH.message))
        if self._number(parts, SH.maxCount) == 1:
            return about | one
        return about | {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}

    def _one(self, key: str, path: rdflib.URIRef, parts: Sequence[rdflib.term.Node], types: Sequence[str]) -> Json:
        if self._context.is_nested(key):
            return self._node(sorted(self._graph.subjects(SH.targetObjectsOf, path), key=str), [*types, ""])
        if scheme := self._context.scheme(key, types):
            name = scheme.rstrip("/").rpartition("/")[2]
            return {"anyOf": [{"enum": self._codes[name]}, {"type": "string", "pattern": "^code:[a-z-]+/"}]}
        if self._context.is_code(key):
            return {"enum": self._terms}
        if self._context.is_reference(key):
            return {"type": "string", "pattern": self._reference(key, parts)}
        literal = dict(_LITERALS.get(self._context.datatype(key) or "", _PLAIN))
        patterns = [str(pattern) for part in parts for pattern in self._graph.objects(part, SH.pattern)]
        return literal | {"type": "string", "pattern": patterns[0]} if patterns else literal

    def _reference(self, key: str, parts: Sequence[rdflib.term.Node]) -> str:
        """A pattern for names of things: with the prefixes of the kinds that the shapes allow there, if they say which."""
        classes = {cls for part in parts for cls in self._classes(part)}
        kinds = {
            kind for kind, names in TYPES.items() for name in names for cls in classes if self._meet(rdflib.URIRef(DEF + name), cls)
        }
        prefixes = sorted([*(KINDS[kind] for kind in kinds), *(["code"] if _CODE in classes else [])])
        local = f"|{_NAME}" if key in _LOCAL else ""
        return f"^({'|'.join(prefixes)}):" if prefixes else f"^[a-z0-9]+:{local}"

    def _classes(self, shape: rdflib.term.Node) -> Iterable[rdflib.term.Node]:
        """The classes of which a shape wants its value to be, one of them at least."""
        yield from self._graph.objects(shape, SH["class"])
        for inner in self._graph.objects(shape, SH.node):
            yield from self._classes(inner)
        for choice in self._graph.objects(shape, SH["or"]):
            for inner in self._graph.items(choice):
                yield from self._classes(inner)

    def _meet(self, one: rdflib.URIRef, other: rdflib.term.Node) -> bool:
        above = self._graph.transitive_objects
        return other in set(above(one, RDFS.subClassOf)) or one in set(above(other, RDFS.subClassOf))

    def _narrower(self, cls: rdflib.URIRef) -> list[str]:
        found = self._graph.transitive_subjects(RDFS.subClassOf, cls)
        return sorted(str(each).removeprefix(DEF) for each in found if str(each).startswith(DEF))

    def _shapes(self, name: str) -> list[rdflib.term.Node]:
        """The shapes of a class and of the classes above it."""
        above = list(self._graph.transitive_objects(rdflib.URIRef(DEF + name), RDFS.subClassOf))
        return [
            shape
            for cls in above
            for shape in sorted(self._graph.subjects(SH.targetClass, cls), key=str)
            if (shape, RDF.type, SH.NodeShape) in self._graph
        ]

    def _either(self, shape: rdflib.term.Node) -> Iterable[list[str]]:
        """Properties of which one at least is needed."""
        for choice in self._graph.objects(shape, SH["or"]):
            parts = list(self._graph.items(choice))
            paths = [self._graph.value(part, SH.path) for part in parts]
            if all(isinstance(path, rdflib.URIRef) for path in paths) and all(self._number([part], SH.minCount) for part in parts):
                yield [str(path) for path in paths]

    def _named(self, paths: Iterable[str]) -> list[str]:
        wanted = set(paths)
        return [key for key in self._context.keys if key not in ("id", "type") and self._context.predicate(key) in wanted]

    def _place(self, parts: Iterable[rdflib.term.Node]) -> float:
        """Where pages show it, and editors offer it."""
        return min((float(str(order)) for part in parts for order in self._graph.objects(part, SH.order)), default=99.0)

    def _number(self, parts: Iterable[rdflib.term.Node], limit: rdflib.URIRef) -> int:
        return next((int(str(number)) for part in parts for number in self._graph.objects(part, limit)), 0)


def _if_type(name: str, then: Json) -> Json:
    return {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": then}


def _united(several: Iterable[Json]) -> Json:
    """Keys with what may stand at them, from descriptions that may differ."""
    found: dict[str, list[Json]] = {}
    for properties in several:
        for key, value in properties.items():
            if value not in found.setdefault(key, []):
                found[key].append(value)
    return {key: values[0] if len(values) == 1 else {"anyOf": values} for key, values in found.items()}
