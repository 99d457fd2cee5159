"""The manifest of a release comes in; its files go out described as a research object (RO-Crate 1.1), for archives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kg.names import AUTHOR, BASE, DATASET, LICENCE, release_iri
from kg.release import Manifest
from kg.void import DESCRIPTION, TITLE

CRATE = "ro-crate-metadata.json"
_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_PROFILE = "https://w3id.org/ro/crate/1.1"
_TYPES = {
    "cff": "text/yaml",
    "csv": "text/csv",
    "gz": "application/gzip",
    "json": "application/json",
    "jsonld": "application/ld+json",
    "md": "text/markdown",
    "nq": "application/n-quads",
    "rq": "application/sparql-query",
    "trig": "application/trig",
    "ttl": "text/turtle",
    "zst": "application/zstd",
}


def media_type(name: str) -> str:
    """What kind of file it is, by its name."""
    return _TYPES.get(name.rpartition(".")[2], "text/plain")


def describe_crate(manifest: Manifest, files: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
    """`files`: the path of each file in the folder → its size in bytes, and its SHA-256."""
    based_on = [{"@id": iri} for iri in (DATASET, release_iri(manifest.previous) if manifest.previous else "") if iri]
    author = {"@id": BASE + "dataset#publisher", "@type": "Organization", "name": AUTHOR, "url": BASE}
    licence = {"@id": LICENCE, "@type": "CreativeWork", "name": "Creative Commons Attribution 4.0 International"}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "identifier": release_iri(manifest.version),
        "name": TITLE["en"],
        "description": DESCRIPTION["en"],
        "version": manifest.version,
        "datePublished": manifest.version[:10],
        "license": {"@id": LICENCE},
        "author": {"@id": author["@id"]},
        "publisher": {"@id": author["@id"]},
        "url": release_iri(manifest.version),
        "isBasedOn": based_on if len(based_on) > 1 else based_on[0],  # one value is no list (RO-Crate 1.1, JSON-LD)
        "inLanguage": ["en", "es", "pt"],
        "hasPart": [{"@id": name} for name in files],
    }
    head = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": _PROFILE},
        "about": {"@id": "./"},
    }
    parts = [
        {
            "@id": name,
            "@type": "File",
            "name": name,
            "encodingFormat": media_type(name),
            "contentSize": str(size),
            "sha256": digest,
        }
        for name, (size, digest) in files.items()
    ]
    return {"@context": _CONTEXT, "@graph": [head, root, author, licence, *parts]}
