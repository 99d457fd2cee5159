"""The schema of a file and a way to ask come in; what a person answers goes out as a file of facts, or as a claim in one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kg.errors import KgError
from kg.names import KINDS, SLUG
from kg.schema import Json, describe_files

#: Asks one question: what is asked, the answers to choose from (any, if none), and what an empty answer stands for (None: nothing).
Ask = Callable[[str, Sequence[str], str | None], str]
_LANGUAGES = {"es": "Spanish", "en": "English", "pt": "Portuguese"}
_LAST = ("note", "cite", "claims")  # asked for at the end, if at all
# A source of which nobody can tell where it is cannot be checked: old files may lack this, a new one says it.
_ASKED: Mapping[str, Json] = {
    "source": {
        "required": ["kind"],
        "allOf": [{"anyOf": [{"required": [key]} for key in ("url", "publisher", "author", "identifier")]}],
    }
}
_CURIE = re.compile("[a-z]+:[a-z0-9-]+")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)")


@dataclass(frozen=True)
class _Field:
    """A key with the schema of one value."""

    key: str
    schema: Json

    @property
    def choices(self) -> list[str]:
        for option in (self.schema, *self.schema.get("anyOf", [])):
            if "enum" in option:
                return list(option["enum"])
        return []

    def fault(self, text: str) -> str | None:
        """What is wrong with an answer; None where nothing is. What only all files together tell is left to the check."""
        options = self.schema.get("anyOf", [self.schema])
        patterns = [option["pattern"] for option in options if "pattern" in option]
        if not patterns or text in self.choices or any(re.search(pattern, text) for pattern in patterns):
            return None
        return str(self.schema.get("patternErrorMessage") or f"'{text}' does not fit '{self.key}'.")


def ask_thing(root: Path, kind: str, ask: Ask) -> Path:
    """Ask for a new thing and write its file; raises KgError where the kind is none or the file is there already."""
    if kind not in KINDS:
        raise KgError(f"There is no kind '{kind}'. Kinds: {', '.join(KINDS)}, or claim.")
    schema = describe_files(root)[kind]
    types = schema["properties"]["type"]["enum"]
    knowing = _knowing(root, ask)
    name = types[0] if len(types) == 1 else ask("What is it?", types, None)
    document: Json = {"id": "", "type": name}
    if "label" in schema["properties"]:
        document["label"] = _texts("Its name", ask)
    slug = _slug(root, kind, next(iter(document.get("label", {"": ""}).values())), ask)
    document["id"] = f"{KINDS[kind]}:{slug}"
    for needs in (_needs(schema, name), _ASKED.get(kind, {})):
        _require(document, schema, needs, knowing)
    _offer(document, schema, knowing)
    if "cite" in schema["properties"] and kind != "source":
        document["cite"] = _citation(root, ask)
    if kind == "initiative":
        ask_about = _claim_schema(schema, "StatusClaim")
        status: Json = {"type": "StatusClaim"}
        _fill(status, ask_about, ask_about, knowing)
        document["claims"] = {_claim_name(status): status | {"cite": document["cite"]}}
    path = root / "data" / kind / f"{slug}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(_written(document), "utf-8")
    return path


def ask_claim(root: Path, thing: str, ask: Ask) -> Path:
    """Ask for a claim about a thing, such as `org:zte`, and write it at the end of the claims in its file."""
    prefix, _, slug = thing.partition(":")
    kind = next((kind for kind, own in KINDS.items() if own == prefix), "")
    path = root / "data" / kind / f"{slug}.yaml"
    if not kind or not SLUG.fullmatch(slug) or not path.exists():
        raise KgError(f"There is no file for '{thing}'. Name a thing by prefix and slug, such as org:zte.")
    schema = describe_files(root)[kind]
    if "claims" not in schema["properties"]:
        raise KgError(f"A file under data/{kind}/ has no claims.")
    name = ask("What does the claim say?", schema["$defs"]["claim"]["properties"]["type"]["enum"], None)
    of_type = _claim_schema(schema, name)
    claim: Json = {"type": name}
    _fill(claim, of_type, of_type, _knowing(root, ask))
    claim["cite"] = _citation(root, ask)
    text = path.read_text("utf-8")
    known = (yaml.safe_load(text).get("claims") or {}).keys()
    key = _named("Its short name in the file", _free(_claim_name(claim), known), known, ask)
    path.write_text(_with_claim(text, key, claim), "utf-8")
    return path


def _fill(document: Json, schema: Json, needs: Json, ask: Ask) -> None:
    """Ask for what is needed, and for what else is known."""
    _require(document, schema, needs, ask)
    _offer(document, schema, ask)


def _fields(schema: Json) -> dict[str, _Field]:
    return {key: _Field(key, _one(value)) for key, value in schema["properties"].items() if key not in ("id", "type", "label")}


def _require(document: Json, schema: Json, needs: Json, ask: Ask) -> None:
    """Ask for what is needed, and for one of what may stand for each other."""
    fields = _fields(schema)
    for key in needs.get("required", []):
        if key in fields and key not in (*_LAST, *document):
            document[key] = _answer(fields[key], ask)
    for group in needs.get("allOf", []):
        keys = [option["required"][0] for option in group.get("anyOf", [])]
        if keys and not set(keys) & set(document):
            key = keys[0] if len(keys) == 1 else ask("Which of these do you know?", keys, None)
            document[key] = _answer(fields[key], ask)


def _offer(document: Json, schema: Json, ask: Ask) -> None:
    """Ask for what else is known, until nothing is."""
    fields = _fields(schema)
    while others := [key for key in fields if key not in (*document, *_LAST[1:])]:
        if not (key := ask(f"What else do you know? ({', '.join(others)})", others, "")):
            break
        document[key] = _answer(fields[key], ask)
    if "note" not in document and (document.get("certainty") == "inferred" or document.get("rank") in ("preferred", "deprecated")):
        document["note"] = _texts("note: why, or how it was inferred", ask)


def _knowing(root: Path, ask: Ask) -> Ask:
    """Asks again where an answer names a thing that has no file."""
    folders = {prefix: root / "data" / kind for kind, prefix in KINDS.items()}

    def asking(question: str, choices: Sequence[str], usual: str | None) -> str:
        while True:
            text = ask(question, choices, usual)
            prefix, _, slug = text.partition(":")
            if prefix not in folders or not SLUG.fullmatch(slug) or (folders[prefix] / f"{slug}.yaml").exists():
                return text
            question = f"'{text}' has no file. Name another; 'kg new {folders[prefix].name}' adds one."

    return asking


def _answer(field: _Field, ask: Ask) -> Any:
    """One value, asked for until it fits."""
    about = field.schema.get("description", "")
    question = f"{field.key}: {about}" if about else field.key
    if "propertyNames" in field.schema:
        return _texts(question, ask)
    if "properties" in field.schema:
        inner: Json = {}
        _fill(inner, field.schema, field.schema, ask)
        return inner
    while True:
        text = ask(question, field.choices, None)
        if not (fault := field.fault(text)):
            return int(text) if _NUMBER.fullmatch(text) else text
        question = fault


def _texts(question: str, ask: Ask) -> dict[str, str]:
    """A text in one language at least."""
    while True:
        given = {language: ask(f"{question}, in {name} (empty if none)", [], "") for language, name in _LANGUAGES.items()}
        if texts := {language: text for language, text in given.items() if text}:
            return texts


def _citation(root: Path, ask: Ask) -> dict[str, str]:
    sources = {f"src:{path.stem}" for path in (root / "data" / "source").glob("*.yaml")}
    question = "Which source says so? (such as src:alsur-2025)"
    while (source := ask(question, [], None)) not in sources:
        near = sorted(name for name in sources if source.removeprefix("src:") in name)[:8]
        hint = f"Is it one of {', '.join(near)}?" if near else "Name another; 'kg new source' adds one."
        question = f"'{source}' has no file. {hint}"
    return {"source": source, "locator": ask("Where in it? (section, page or footnote)", [], None)}


def _slug(root: Path, kind: str, label: str, ask: Ask) -> str:
    taken = {path.stem for path in (root / "data" / kind).glob("*.yaml")}
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    return _named("Its slug, for ever (ar-… for what belongs to one country)", "-".join(re.findall("[a-z0-9]+", plain)), taken, ask)


def _named(question: str, usual: str, taken: Any, ask: Ask) -> str:
    while True:
        name = ask(question, [], usual or None)
        if SLUG.fullmatch(name) and name not in taken:
            return name
        question = f"'{name}' is taken." if name in taken else f"'{name}' is no slug: lower-case ASCII words joined by '-'."


def _free(name: str, taken: Any) -> str:
    return next(each for each in (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))) if each not in taken)


def _claim_name(claim: Mapping[str, Any]) -> str:
    """`status-2025`: what it says, and the year."""
    word = claim["type"].removesuffix("Claim").lower()
    year = next((str(claim[key])[:4] for key in ("asOf", "date", "from") if key in claim), "")
    return f"{word}-{year}" if year else word


def _needs(schema: Json, name: str) -> Json:
    found: list[Json] = [rule["then"] for rule in schema["allOf"] if rule["if"]["properties"]["type"]["const"] == name]
    return found[0] if found else {}


def _claim_schema(schema: Json, name: str) -> Json:
    claim: Json = schema["$defs"]["claim"]
    return _needs(claim, name)


def _one(value: Json) -> Json:
    """The schema of one value where a list may stand as well, with what was said of both."""
    options = value.get("anyOf", [])
    if len(options) == 2 and options[1].get("type") == "array":
        one: Json = options[0]
        return {"description": value.get("description", "")} | one
    return value


def _written(document: Json) -> str:
    claims = "".join(_claim_text(name, claim) for name, claim in document.get("claims", {}).items())
    facts = "".join(_dumped({key: value}) for key, value in document.items() if key != "claims")
    return facts + (f"claims:\n{claims}" if claims else "")


def _claim_text(key: str, claim: Json) -> str:
    body = "".join(_dumped({name: value}) for name, value in claim.items())
    return f"  {key}:\n" + "".join(f"    {line}\n" for line in body.splitlines())


def _dumped(pair: Json) -> str:
    """One line, as the files are written by hand: maps in braces, names of things without quotes."""
    ((key, value),) = pair.items()
    if isinstance(value, dict):
        return f"{key}: {{{', '.join(_dumped({name: each}).rstrip() for name, each in value.items())}}}\n"
    if isinstance(value, str) and _CURIE.fullmatch(value):
        return f"{key}: {value}\n"
    flow = yaml.safe_dump(pair, default_flow_style=True, width=10**9, sort_keys=False, allow_unicode=True)
    return flow.strip().removeprefix("{").removesuffix("}") + "\n"


def _with_claim(text: str, key: str, claim: Json) -> str:
    """The text of a file with a claim more; nothing else in it changes, remarks and order included."""
    root = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 (the file was read as one before)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    block = next((value for name, value in root.value if name.value == "claims"), None)
    if block is None:
        return "".join(lines) + "claims:\n" + _claim_text(key, claim)
    end = block.end_mark.line if block.end_mark.column == 0 else len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return "".join([*lines[:end], _claim_text(key, claim), *lines[end:]])
