"""YAML-LD files and Turtle files come in; triples, the file and line of each of them, and findings go out."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import yaml

from kg.context import Context, read_context
from kg.finding import Finding, Place
from kg.names import BASE, KINDS, NODE, SLUG, entity_iri

#: (IRI of the subject, IRI of the property or None for the subject itself) → where it was written.
Lines = dict[tuple[str, str | None], list[Place]]

#: The types of a map and of those that hold it, outermost first; "" for a map without a type.
Types = tuple[str, ...]

_DATE_TYPES = {4: "xsd:gYear", 7: "xsd:gYearMonth", 10: "xsd:date"}
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", re.ASCII)
_DURATION = re.compile(r"P(?=\d)(\d{1,4}Y)?(\d{1,4}M)?(\d{1,4}D)?", re.ASCII)
_WORD = re.compile(r"[A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_YEAR = re.compile(r"\d{4}", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,20}(\.\d{1,10})?", re.ASCII)
_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
# What YAML 1.1 readers turn into booleans, nulls, base-60, octal or grouped numbers: ambiguous unless quoted.
_TRAP = re.compile(
    r"y|yes|n|no|on|off|null|~|\.(inf|nan)|[-+]?0[0-9_]+|0[xo][0-9a-f_]+|0b[01_]+|[-+]?\d+(:[0-5]?\d)+|[-+]?\d[\d_]*_[\d_]*",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_KEY_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DEPTH = 12
#: What Wikidata says of the items that things are linked to.
WIKIDATA = "data/wikidata.nt"
# What else stands in the folder of facts: how they are read, and what releases leave there.
_NO_FACTS = ("context.jsonld", "LICENSE", "wikidata.nt", "releases.yaml", "published.txt", "parts.csv", "retired.yaml")
_OPENING = (yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken, yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
_UNNAMED = ""  # stands for a map's name while its content, which makes the name, is being read
_BYTES = 1_000_000
# Which keyed map gives its members what they need not say themselves.
_DEFAULTS = {
    "claims": {"rank": f"{BASE}code/rank/normal"},
    "codes": {"type": "Code"},
    "passages": {"type": "Passage"},
}


class _Loader(yaml.CSafeLoader):
    """Reads every scalar as the text that stands there: no YAML 1.1 booleans, dates or floats."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (the name and form that PyYAML asks for)


class _Fault(Exception):
    """A finding that ends the reading of one value."""


@dataclass
class Loaded:
    """All that the files say. `broken` holds the IRIs whose file has a finding of its own."""

    data: list[ox.Triple] = field(default_factory=list)
    ontology: list[ox.Triple] = field(default_factory=list)
    wikidata: list[ox.Triple] = field(default_factory=list)  # what Wikidata says of the items of links; never mixed with our own
    lines: Lines = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def place(self, subject: str, predicate: str | None = None) -> list[Place]:
        """Where a property of a subject was written, or else the subject; empty if in no file."""
        return self.lines.get((subject, predicate)) or self.lines.get((subject, None)) or []

    def located(self, finding: Finding, subject: str, predicate: str | None) -> Finding:
        """The finding in the line of the property, or else of the subject; what stands in no file is named by its IRI."""
        places = self.place(subject, predicate)
        if not places:
            return replace(finding, place=Place(subject))
        others = ", ".join(str(place) for place in places[1:4])
        more = f" and {len(places) - 4} more" if len(places) > 4 else ""
        message = finding.message + (f" (Also at {others}{more}.)" if others else "")
        return replace(finding, place=places[0], message=message)

    def is_broken(self, iri: str) -> bool:
        """Whether the IRI's own file has a finding: that others refer to it in vain is no second one."""
        return any(iri == broken or iri.startswith(broken + "/") for broken in self.broken)


def load(root: Path) -> Loaded:
    """Read `ontology/*.ttl`, `data/*/*.yaml` and `data/wikidata.nt` below `root`; faults of files become findings, none is raised.

    Raises KgError where `data/context.jsonld` cannot be read.
    """
    context = read_context(root / "data" / "context.jsonld")
    loaded = Loaded()
    for path in sorted((root / "ontology").glob("*.ttl")):
        _load_turtle(path, root, loaded)
    _load_wikidata(root / WIKIDATA, root, loaded)
    known = {root / "data" / name for name in _NO_FACTS}
    for path in sorted((root / "data").rglob("*")):
        if path in known or path.is_dir() or path.name.startswith("."):
            continue
        _File(path, root, context, loaded).load()
    return loaded


def _load_wikidata(path: Path, root: Path, loaded: Loaded) -> None:
    if not path.exists():
        return
    try:
        loaded.wikidata = [quad.triple for quad in ox.parse(path=path, format=ox.RdfFormat.N_TRIPLES)]
    except (SyntaxError, ValueError, OSError) as error:
        name = path.relative_to(root).as_posix()
        message = f"This is not what 'kg link --refresh' wrote: {error}. Run it again."
        loaded.findings.append(Finding(Place(name, getattr(error, "lineno", None) or 1), message, rule="wikidata"))


def _load_turtle(path: Path, root: Path, loaded: Loaded) -> None:
    name = path.relative_to(root).as_posix()
    try:
        triples = [ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(path=path, format=ox.RdfFormat.TURTLE)]
        lines = path.read_text("utf-8").splitlines()
    except (SyntaxError, ValueError, OSError) as error:
        line = getattr(error, "lineno", None) or 1
        loaded.findings.append(Finding(Place(name, line), f"This is not valid Turtle: {error}.", rule="turtle"))
        return
    if any(isinstance(term, ox.BlankNode) for t in triples for term in (t.subject, t.object)):
        loaded.findings.append(Finding(Place(name), "No blank node is published. Give this thing an IRI.", rule="turtle"))
    loaded.ontology += triples
    for number, text in enumerate(lines, 1):
        if match := re.match(r"(kg:\w+|<[^>]+>) a ", text):
            iri = match[1].strip("<>").replace("kg:", BASE + "def#")
            loaded.lines.setdefault((iri, None), [Place(name, number)])


class _File:
    """One YAML-LD file on its way to triples."""

    def __init__(self, path: Path, root: Path, context: Context, loaded: Loaded) -> None:
        self.path = path
        self.name = path.relative_to(root).as_posix()
        self.context = context
        self.loaded = loaded
        self.iri = entity_iri(path.parent.name, path.stem)
        self.base = self.iri + "/"
        self.lines: Lines = {}
        self.clean = True

    def load(self) -> None:
        document = self._read()
        if document is not None:
            try:
                self.loaded.data += self._triples(document)
            except (SyntaxError, ValueError) as error:
                self._find(1, f"This does not become RDF: {error}.", "json-ld")
        _add_lines(self.loaded.lines, self.lines)
        if not self.clean:
            self.loaded.broken.add(self.iri)

    def _find(self, line: int, message: str, rule: str) -> None:
        self.clean = False
        self.loaded.findings.append(Finding(Place(self.name, line), message, rule=rule))

    def _read(self) -> dict[str, Any] | None:
        """The checked document, or None where there is no use in going on."""
        if self.path.suffix != ".yaml" or not self.path.is_file() or len(Path(self.name).parts) != 3:
            self._find(1, "Facts stand in files named data/<kind>/<slug>.yaml. Move, rename or remove this one.", "file-name")
            return None
        raw = self.path.read_bytes()
        if len(raw) > _BYTES:
            self._find(1, f"This file is larger than {_BYTES:,} bytes. One file describes one thing.", "size")
            return None
        try:
            node = _compose(raw.decode("utf-8"))
        except UnicodeDecodeError as error:
            self._find(raw[: error.start].count(b"\n") + 1, "This is not UTF-8 text. Save the file as UTF-8.", "encoding")
            return None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error)
            self._find(mark.line + 1 if mark else 1, f"This is not valid YAML: {problem}.", "yaml")
            return None
        if not isinstance(node, yaml.MappingNode):
            self._find(1, "A file starts with 'id: …' and 'type: …', one key per line.", "yaml")
            return None
        document = self._mapping(node, self.iri, ())
        return document if self._is_named(document) else None

    def _is_named(self, document: dict[str, Any]) -> bool:
        kind, slug = self.path.parent.name, self.path.stem
        if kind != "code" and kind not in KINDS:
            folders = ", ".join(sorted([*KINDS, "code"]))
            self._find(1, f"There is no kind '{kind}'. Folders: {folders}.", "file-name")
        elif not SLUG.fullmatch(slug):
            self._find(1, f"'{slug}' is not a slug: lower-case ASCII words joined by '-'.", "file-name")
        elif "id" not in document or "type" not in document:
            missing = "id" if "id" not in document else "type"
            if (self.iri, "@" + missing) not in self.lines:  # else it stands there, and what is wrong with it was said
                self._find(1, f"The key '{missing}' is missing.", "identity")
        elif self.context.expand(str(document["id"])) != self.iri:
            prefix = "code" if kind == "code" else KINDS[kind]
            line = self._line(self.iri, "@id")
            self._find(line, f"The file's name asks for 'id: {prefix}:{slug}'. [got {document['id']}]", "identity")
        else:
            return True
        return False

    def _line(self, subject: str, predicate: str) -> int:
        places = self.lines.get((subject, predicate))
        return places[0].line if places else 1

    def _remember(self, subject: str, predicate: str | None, node: yaml.Node) -> None:
        self.lines.setdefault((subject, predicate), [Place(self.name, node.start_mark.line + 1)])

    def _entries(self, node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """The keys and values of a mapping; a key that stands twice is a finding, and its second value is left out."""
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._find(line, "A key is a plain word.", "yaml")
                continue
            key = str(key_node.value)
            if key in seen:
                self._find(line, f"The key '{key}' stands twice (first in line {seen[key]}). Keep one of them.", "duplicate-key")
                continue
            seen[key] = line
            yield key, key_node, value_node

    def _mapping(self, node: yaml.MappingNode, subject: str, types: Types) -> dict[str, Any]:
        """The keys of one thing, typed as the context says; what cannot be read is a finding and left out."""
        out: dict[str, Any] = {}
        self._remember(subject, None, node)
        if len(types) > _DEPTH:
            self._find(node.start_mark.line + 1, f"Maps are nested deeper than {_DEPTH} levels.", "yaml")
            return out
        keys = self.context.keys
        types = (*types, _type_of(node))
        for key, key_node, value_node in self._entries(node):
            line = key_node.start_mark.line + 1
            if key == "id" and len(types) > 1:
                self._find(line, "Only the thing of the file has an 'id'; what stands in it is named by its key.", "identity")
                continue
            if key not in keys:
                near = difflib.get_close_matches(key, keys, 1)
                hint = f" Did you mean '{near[0]}'?" if near else " docs/authoring.md lists the keys."
                self._find(line, f"Unknown key '{key}'.{hint}", "unknown-key")
                continue
            self._remember(subject, "@" + key if key in ("id", "type") else self.context.predicate(key), key_node)
            try:
                out[key] = self._value(key, value_node, subject, types)
            except _Fault as fault:
                self._find(value_node.start_mark.line + 1, str(fault), "value")
        return out

    def _value(self, key: str, node: yaml.Node, subject: str, types: Types) -> Any:
        if self.context.is_keyed(key):
            return self._members(key, node, subject, types)
        if self.context.is_text(key):
            return self._texts(key, node)
        if isinstance(node, yaml.SequenceNode) and key != "type":
            if not node.value:
                raise _Fault(f"'{key}' is an empty list. Leave the key out.")
            return [self._item(key, item, types) for item in node.value]
        return self._item(key, node, types)

    def _item(self, key: str, node: yaml.Node, types: Types) -> Any:
        if self.context.is_nested(key):
            if not isinstance(node, yaml.MappingNode):
                raise _Fault(f"'{key}' takes a map of keys, such as '{key}: {{…}}'.")
            return self._node(node, types)
        if isinstance(node, yaml.MappingNode):
            raise _Fault(f"'{key}' takes a value, not a map of keys.")
        if isinstance(node, yaml.SequenceNode):
            raise _Fault(f"'{key}' takes one value here, not a list.")
        return self._scalar(key, _text(node, key), types)

    def _scalar(self, key: str, text: str, types: Types) -> Any:
        if self.context.is_date(key):
            if not _is_date(text):
                raise _Fault(f"'{key}: {text}' is not a date. Write a year, month or day that exists: 2024, 2024-03 or 2024-03-12.")
            return {"@value": text, "@type": _DATE_TYPES[len(text)]}
        if self.context.datatype(key) == "xsd:gYear" and not _YEAR.fullmatch(text):
            raise _Fault(f"'{key}: {text}' is not a year. Write four digits, such as 2025.")
        if self.context.datatype(key) == "xsd:decimal" and not _DECIMAL.fullmatch(text):
            raise _Fault(f"'{key}: {text}' is not a plain number. Write 105000000 or 94.61, without separators or units.")
        if self.context.datatype(key) == "xsd:duration" and not _DURATION.fullmatch(text):
            raise _Fault(f"'{key}: {text}' is not a duration. Write P8Y for eight years, P18M for eighteen months.")
        if scheme := self.context.scheme(key, types):
            # Written out, because a code that is also a key (role: bidder) would otherwise be read as that key.
            text = text if self.context.has_prefix(text) else scheme + text
        elif (self.context.is_code(key) or key == "type") and not _WORD.fullmatch(text):
            raise _Fault(f"'{key}: {text}' is not a name of the ontology, such as provider or Participation.")
        if self.context.is_reference(key) and not self.context.has_prefix(text) and not self._is_local(key, text):
            raise _Fault(f"'{key}: {text}' does not name a thing. Write its prefix and slug, such as 'org:zte'.")
        if (self.context.is_reference(key) or scheme) and not _is_iri(self.context.expand(text), self.base):
            raise _Fault(f"'{key}: {text}' cannot be an address: no spaces, quotes or brackets.")
        return text

    def _is_local(self, key: str, text: str) -> bool:
        """Names of other claims of this file are relative; addresses of outside things are whole."""
        if key in ("contradicts", "supersedes"):
            return bool(_KEY_NAME.fullmatch(text))
        return key == "id" or text.startswith(("http://", "https://"))

    def _texts(self, key: str, node: yaml.Node) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise _Fault(f"'{key}' takes texts by language, such as '{key}: {{es: …}}'.")
        out: dict[str, Any] = {}
        for language, key_node, value_node in self._entries(node):
            if not _LANGUAGE.fullmatch(language):
                self._find(key_node.start_mark.line + 1, f"'{language}' is no language code such as en, es or pt.", "language")
                continue
            items = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            if not items:
                raise _Fault(f"'{key}' has an empty list for '{language}'. Leave the language out.")
            texts = [_text(item, key) for item in items]
            out[language] = texts if len(texts) > 1 else texts[0]
        return out

    def _members(self, key: str, node: yaml.Node, subject: str, types: Types) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise _Fault(f"'{key}' takes names with maps below them.")
        out = {}
        for name, key_node, value_node in self._entries(node):
            line = key_node.start_mark.line + 1
            iri = f"{subject}/{name}"
            if not _KEY_NAME.fullmatch(name):
                self._find(line, f"'{name}' cannot be part of an address: lower-case ASCII words joined by '-'.", "key-name")
            elif name in ("id", "type"):  # JSON-LD would take it for the key of that name and drop what stands below
                self._find(line, f"'{name}' is taken for the key '{name}'. Choose a longer name.", "key-name")
            elif not isinstance(value_node, yaml.MappingNode):
                self._find(line, f"'{name}' takes keys below it, 'type: …' first.", "yaml")
            else:
                self._remember(iri, None, key_node)
                member = self._mapping(value_node, iri, types)
                if "type" not in member and key == "claims":
                    self._find(
                        line, f"The claim '{name}' has no type. Write 'type: Participation' or another claim type.", "identity"
                    )
                    continue
                given = {"scheme": self.iri} if key == "codes" else {}
                out[name] = {**_DEFAULTS.get(key, {}), **member, **given}
        return out

    def _node(self, node: yaml.MappingNode, types: Types) -> dict[str, Any]:
        """A map without a name gets a name made from its content, so that no blank node is published."""
        outer, self.lines = self.lines, {}
        content = self._mapping(node, _UNNAMED, types)
        inner, self.lines = self.lines, outer
        if not node.value:
            raise _Fault("This map is empty. Fill it or leave the key out.")
        iri = NODE + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
        _add_lines(self.lines, {(iri if subject == _UNNAMED else subject, key): at for (subject, key), at in inner.items()})
        return {"id": iri, **content}

    def _triples(self, document: Mapping[str, Any]) -> Iterable[ox.Triple]:
        body = json.dumps({"@context": {**self.context.terms, "@base": self.base}, **document})
        return [ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(body.encode(), format=ox.RdfFormat.JSON_LD)]


def json_ld(path: Path, root: Path) -> str:
    """The JSON-LD document that one YAML file stands for, context and base included; for tools that read JSON-LD.

    Raises ValueError where the file has findings.
    """
    context = read_context(root / "data" / "context.jsonld")
    loaded = Loaded()
    file = _File(path, root, context, loaded)
    document = file._read()
    if document is None or loaded.findings:
        raise ValueError("; ".join(str(finding) for finding in loaded.findings))
    return json.dumps({"@context": {**context.terms, "@base": file.base}, **document}, ensure_ascii=False)


def _is_iri(text: str, base: str) -> bool:
    """Whether this can be an IRI, on its own or below the base: JSON-LD readers pass over what cannot, without a word."""
    try:
        ox.NamedNode(text if ":" in text else base + text)
    except ValueError:
        return False
    return True


def _type_of(node: yaml.MappingNode) -> str:
    return next((str(value.value) for key, value in node.value if key.value == "type" and isinstance(value, yaml.ScalarNode)), "")


def _add_lines(lines: Lines, more: Lines) -> None:
    for subject_and_key, places in more.items():
        known = lines.setdefault(subject_and_key, [])
        known += [place for place in places if place not in known]


def _compose(text: str) -> yaml.Node | None:
    """One YAML document as nodes with line marks; anchors, aliases and tags are refused (they hide repetition and code)."""
    depth = 0
    for token in yaml.scan(text, Loader=_Loader):
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > _DEPTH:
            raise yaml.MarkedYAMLError(problem=f"values are nested deeper than {_DEPTH} levels", problem_mark=token.start_mark)
        if isinstance(token, (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken)):
            kind = "tag" if isinstance(token, yaml.TagToken) else "anchor or alias"
            raise yaml.MarkedYAMLError(
                problem=f"this {kind} is not allowed here; write the value out", problem_mark=token.start_mark
            )
    return yaml.compose(text, Loader=_Loader)


def _is_date(text: str) -> bool:
    """Whether this is a year, a month or a day that exists."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError:
        return False
    return True


def _text(node: yaml.Node, key: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _Fault(f"'{key}' takes plain values here.")
    text = str(node.value)
    if not text.strip() and node.style:
        raise _Fault(f"'{key}' is empty. Fill it or leave the key out.")
    if _CONTROL.search(text):
        raise _Fault(f"'{key}' holds control characters. Remove them.")
    if text.strip() in ("…", "..."):
        raise _Fault(f"'{key}' still holds the placeholder {text}. Fill it or leave the key out.")
    if not node.style:  # plain: not in quotes, no block
        if not text:
            raise _Fault(f"'{key}' has no value. Fill it or leave the key out.")
        if _TRAP.fullmatch(text) and not _INTEGER.fullmatch(text):
            raise _Fault(f"Other YAML readers take {text} for something else than text. Write '{key}: \"{text}\"' with quotes.")
        if key == "<<":
            raise _Fault("Merge keys are not allowed. Write the keys out.")
    return text
