"""The description of the data set in VoID comes in; the entry that the LOD cloud (lod-cloud.net) asks for goes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import pyoxigraph as ox

from kg.names import AUTHOR, BASE, DATASET, LICENCE
from kg.void import DESCRIPTION, NAMESPACES, TITLE

_VOID = NAMESPACES["void"]
# Hosts of data sets that are in the cloud → their identifier there.
_KNOWN = {"www.wikidata.org": "wikidata"}
_KEYWORDS = ["surveillance", "facial-recognition", "latin-america", "public-procurement"]


def describe_for_cloud(void: Iterable[ox.Triple]) -> dict[str, Any]:
    """The keys of the cloud's own records. Who to write to is for whoever submits it: no address is known here."""
    listed = list(void)
    facts = {(str(each.subject), each.predicate.value): each.object for each in listed}
    triples = facts[f"<{DATASET}>", _VOID + "triples"]
    return {
        "identifier": "vigia",
        "title": TITLE["en"],
        "description": {"en": DESCRIPTION["en"]},
        "domain": "government",
        "keywords": _KEYWORDS,
        "license": LICENCE,
        "namespace": BASE,
        "website": BASE,
        "triples": _number(triples),
        "links": [{"target": target, "value": str(number)} for target, number in sorted(_links(facts).items())],
        "sparql": [{"title": "SPARQL endpoint", "access_url": BASE + "sparql", "description": ""}],
        "full_download": [
            {"title": "N-Quads", "download_url": BASE + "dump/kg.nq.gz", "media_type": "application/n-quads", "description": "gzip"}
        ],
        "other_download": [
            {"title": "VoID", "access_url": BASE + "void.ttl", "media_type": "meta/void", "description": ""},
            {"title": "DCAT", "access_url": BASE + "dcat.ttl", "media_type": "text/turtle", "description": ""},
        ],
        "example": [
            {"title": "", "access_url": str(each.object.value), "media_type": "text/turtle", "description": ""}  # type: ignore[union-attr]
            for each in listed
            if each.predicate.value == _VOID + "exampleResource"
        ],
        "owner": {"name": AUTHOR, "email": ""},
        "contact_point": {"name": AUTHOR, "email": ""},
        "doi": "",
    }


def _links(facts: dict[tuple[str, str], Any]) -> Counter[str]:
    """How many links lead to each data set of the cloud."""
    found: Counter[str] = Counter()
    for (linkset, predicate), target in facts.items():
        if predicate == _VOID + "objectsTarget":
            space = facts[str(target), _VOID + "uriSpace"].value
            if known := _KNOWN.get(urlsplit(space).netloc):
                found[known] += _number(facts[linkset, _VOID + "triples"])
    return found


def _number(term: Any) -> int:
    return int(term.value)
