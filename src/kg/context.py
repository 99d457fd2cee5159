"""The JSON-LD context: `data/context.jsonld` comes in, what the loader must know of each key goes out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kg.errors import KgError
from kg.names import DEF

_KEYWORDS = {"id": "@id", "type": "@type"}


@dataclass(frozen=True)
class Context:
    """A JSON-LD 1.1 context (https://www.w3.org/TR/json-ld11/#the-context) as the files use it."""

    terms: Mapping[str, Any]

    @cached_property
    def keys(self) -> list[str]:
        """The keys a file may use: every term that is neither keyword, prefix nor class."""
        return [key for key in self.terms if key in _KEYWORDS or self._is_key(key)]

    def _is_key(self, key: str) -> bool:
        value = self.terms[key]
        return isinstance(value, dict) and key[0].islower()

    def expand(self, curie: str) -> str:
        """`src:alsur-2025` → its IRI, by the prefixes of the context; anything else unchanged."""
        prefix, colon, local = curie.partition(":")
        space = self.terms.get(prefix)
        return space + local if colon and isinstance(space, str) and not local.startswith("//") else curie

    def has_prefix(self, curie: str) -> bool:
        """Whether the value starts with a prefix of the context."""
        return self.expand(curie) != curie

    def predicate(self, key: str) -> str:
        """The IRI of the property that a key stands for."""
        value = self.terms[key]
        name = value.get("@id", key) if isinstance(value, dict) else value
        return self.expand(name) if ":" in name else DEF + name

    def _definition(self, key: str) -> Mapping[str, Any]:
        value = self.terms.get(key)
        return value if isinstance(value, dict) else {}

    def is_text(self, key: str) -> bool:
        """A text by language: `label: {es: …}`."""
        return bool(self._definition(key).get("@container") == "@language")

    def is_keyed(self, key: str) -> bool:
        """A map from local names to things of their own: `claims`, `codes`."""
        return bool(self._definition(key).get("@container") == "@id")

    def datatype(self, key: str) -> str | None:
        """The CURIE of the literal's type, or None for things, codes, texts and nested maps."""
        kind = self._definition(key).get("@type")
        return None if kind in (None, "@id", "@vocab") else str(kind)

    def is_date(self, key: str) -> bool:
        """A date as exact as its source: a year, a month or a day."""
        return self.datatype(key) == "kg:PartialDate"

    def is_reference(self, key: str) -> bool:
        """A reference to a thing."""
        return bool(self._definition(key).get("@type") == "@id")

    def is_code(self, key: str) -> bool:
        """A word that JSON-LD completes by a vocabulary: a code, or a property."""
        return bool(self._definition(key).get("@type") == "@vocab")

    def scheme(self, key: str, types: Sequence[str]) -> str | None:
        """The IRI that a code of this key is appended to, or None if its words are properties.

        `types` are those of the thing and, before it, of what holds it: a type may have a list of its own for a key,
        and hand it on to what it holds (`@propagate`).
        """
        definition = self._definition(key)
        for position, name in enumerate(types):
            scoped = self._definition(name).get("@context", {})
            if key in scoped and (position == len(types) - 1 or scoped.get("@propagate")):
                definition = scoped[key]
        vocabulary = definition.get("@context", {}).get("@vocab")
        return str(vocabulary) if vocabulary else None

    def is_nested(self, key: str) -> bool:
        """A map without a name of its own: `cite`, `amount`."""
        return self._is_key(key) and not (
            self.is_text(key) or self.is_keyed(key) or self.is_reference(key) or self.is_code(key) or self.datatype(key)
        )


def read_context(path: Path) -> Context:
    """Read the one mapping from keys to RDF; raises KgError where it is missing or no JSON-LD context."""
    try:
        return Context(dict(json.loads(path.read_text("utf-8"))["@context"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KgError(f"{path} is no JSON-LD context: {error}") from error
