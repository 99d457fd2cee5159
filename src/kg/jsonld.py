"""Expanded JSON-LD comes in; the same graph in the words of a context goes out (JSON-LD 1.1 Processing Algorithms, compaction)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyld import jsonld

_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


def compact_jsonld(expanded: bytes, context: Mapping[str, Any]) -> bytes:
    """One node a subject and a line, with the context inside, so that no reader has to fetch it."""
    options = {"graph": True, "documentLoader": _refuse, "skipExpansion": True}  # it is expanded as it comes
    document = jsonld.compact(_merge(json.loads(expanded)), context, options)
    nodes = ",\n".join(json.dumps(node, ensure_ascii=False) for node in document["@graph"])
    return f'{{"@context": {json.dumps(context, ensure_ascii=False)},\n"@graph": [\n{nodes}\n]}}\n'.encode()


def _merge(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Oxigraph begins a node anew whenever the subject changes, and writes types as any other property."""
    merged: dict[str, dict[str, Any]] = {}
    for node in nodes:
        subject = merged.setdefault(node["@id"], {"@id": node["@id"]})
        for key, values in node.items():
            if key == _TYPE and all("@id" in value for value in values):
                subject.setdefault("@type", []).extend(value["@id"] for value in values)
            elif key != "@id":
                subject.setdefault(key, []).extend(values)
    return list(merged.values())


def _refuse(url: str, _options: object) -> None:
    raise ValueError(f"A context must not name another one. [got {url}]")
