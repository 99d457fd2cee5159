"""Names: the base IRI, the prefixes, and the way from an IRI to the path of its page and back; nothing else builds addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote

BASE = "https://w3id.org/vigia/"
DEF = BASE + "def#"
ONTOLOGY = BASE + "def"
DATASET = BASE + "dataset"
NODE = BASE + "id/node/"
SHAPES = BASE + "shapes#"
#: Who made it, as it is cited.
AUTHOR = "The Vigía contributors"
#: Of the data.
LICENCE = "https://creativecommons.org/licenses/by/4.0/"

#: Kinds of things: the folder under `data/`, which is also the IRI segment, and the prefix of its CURIEs.
KINDS = {
    "initiative": "ini",
    "programme": "prg",
    "product": "prd",
    "org": "org",
    "person": "prs",
    "country": "cty",
    "place": "plc",
    "procurement": "prc",
    "contract": "ctr",
    "law": "law",
    "agreement": "agr",
    "measure": "msr",
    "source": "src",
    "link": "lnk",
}

#: Code lists that have a prefix of their own, so that queries can write `role:provider`; all others go by `code:`.
CODE_PREFIXES = {
    "role": "role",
    "phase": "phase",
    "status": "initiative-status",
    "certainty": "certainty",
    "rank": "rank",
    "stage": "stage",
    "use": "use",
    "modality": "modality",
    "milestone": "milestone",
    "quantity": "quantity",
    "sum": "amount",
    "interest": "interest",
    "membership": "membership",
    "act": "measure",
    "procedure": "procedure",
    "reason": "reason",
    "link": "link",
}

PREFIXES = {
    "kg": DEF,
    **{prefix: f"{BASE}id/{kind}/" for kind, prefix in KINDS.items()},
    "code": BASE + "code/",
    **{prefix: f"{BASE}code/{scheme}/" for prefix, scheme in CODE_PREFIXES.items()},
    "graph": BASE + "graph/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "dct": "http://purl.org/dc/terms/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "prov": "http://www.w3.org/ns/prov#",
    "schema": "http://schema.org/",
    "w3org": "http://www.w3.org/ns/org#",
    "sh": "http://www.w3.org/ns/shacl#",
    "wd": "http://www.wikidata.org/entity/",
    "wdt": "http://www.wikidata.org/prop/direct/",
}

#: Properties that say what a thing is numbered by, in a register or a norm.
IDENTIFIERS = (PREFIXES["dct"] + "identifier", DEF + "isoCode", DEF + "subdivisionCode")

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
#: A thing that a text names as queries do.
MENTION = re.compile(rf"\b(?:{'|'.join(KINDS.values())}):[a-z0-9]+(?:-[a-z0-9]+)*")
_CURIE = re.compile(r"([A-Za-z][\w-]*):(.*)", re.DOTALL)
_PATH_SAFE = "/:@!$&'()*+,;=-._~%"


#: What the named graphs of a release hold: see docs/releases.md.
LAYERS = ("ontology", "data", "derived", "examples", "wikidata")


def layer(name: str) -> str:
    """The IRI of the named graph that holds one layer."""
    return f"{BASE}graph/{name}"


def release_iri(version: str) -> str:
    """The IRI of one version of the data set."""
    return f"{BASE}release/{version}"


def expand(curie: str) -> str:
    """`kg:claim` → its IRI; anything that is no CURIE of ours comes back as it is."""
    match = _CURIE.fullmatch(curie)
    return PREFIXES[match[1]] + match[2] if match and match[1] in PREFIXES else curie


def used_prefixes(prefixes: Mapping[str, str], lines: Iterable[str]) -> dict[str, str]:
    """Those of the prefixes that shorten something in a text."""
    text = "\n".join(lines)
    return {prefix: space for prefix, space in prefixes.items() if "<" + space in text}


@lru_cache(maxsize=1 << 14)
def compact(iri: str) -> str:
    """The IRI → the shortest CURIE of ours, or the IRI in angle brackets."""
    fits = [(len(space), prefix) for prefix, space in PREFIXES.items() if iri.startswith(space)]
    if not fits:
        return f"<{iri}>"
    length, prefix = max(fits)
    return f"{prefix}:{iri[length:]}"


def entity_iri(kind: str, slug: str) -> str:
    """The IRI of the thing that `data/<kind>/<slug>.yaml` describes."""
    return f"{BASE}code/{slug}" if kind == "code" else f"{BASE}id/{kind}/{slug}"


def iri_of_file(path: str) -> str | None:
    """The IRI of the thing that a file describes, or None for a file outside `data/<kind>/`."""
    parts = path.removesuffix(".yaml").split("/")
    return entity_iri(parts[1], parts[2]) if len(parts) == 3 and parts[0] == "data" else None


def is_ours(iri: str) -> bool:
    """Whether the IRI lies under our base and so must answer on our server."""
    return iri.startswith(BASE)


def local_path(iri: str) -> str:
    """The path at which our server answers for an IRI of ours: `/id/org/zte`, `/def#Claim`."""
    # Never two slashes in front: a browser would take what follows for another host.
    return "/" + quote(iri.removeprefix(BASE).lstrip("/"), safe=_PATH_SAFE + "#")


def iri_of(path: str) -> str:
    """The IRI that a path of our server, without its leading slash, stands for."""
    return BASE + path
