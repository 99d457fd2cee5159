"""The manifest of a release comes in; the data set, this version of it, its files and its services go out in DCAT 3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyoxigraph as ox

from kg.names import AUTHOR, BASE, DATASET, LICENCE, PREFIXES, release_iri
from kg.rdf import Fact, tell
from kg.release import Manifest
from kg.void import DESCRIPTION, TITLE

#: Prefixes for descriptions, on top of those for the data.
NAMESPACES = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
}
_SPACES = PREFIXES | NAMESPACES
_CATALOGUE = BASE + "catalogue"
_PUBLISHER = BASE + "dataset#publisher"
_EU = "http://publications.europa.eu/resource/authority/"
_IANA = "https://www.iana.org/assignments/media-types/"
# Ending → media type, and code in the EU's list of file types where it has one.
_TYPES = {
    "nq": ("application/n-quads", "RDF_N_QUADS"),
    "trig": ("application/trig", "RDF_TRIG"),
    "ttl": ("text/turtle", "RDF_TURTLE"),
    "jsonld": ("application/ld+json", "JSON_LD"),
    "csv": ("text/csv", "CSV"),
}
_PACKED = {"gz": "application/gzip", "zst": "application/zstd"}
_CONFORMS = ("https://www.w3.org/TR/vocab-dcat-3/", "https://www.w3.org/TR/void/")
# What the values of a property are, where they are not described by us.
_RANGES = {
    "dcat:compressFormat": "dct:MediaType",
    "dcat:landingPage": "foaf:Document",
    "dcat:mediaType": "dct:MediaType",
    "dct:accessRights": "dct:RightsStatement",
    "dct:conformsTo": "dct:Standard",
    "dct:format": "dct:MediaTypeOrExtent",
    "dct:language": "dct:LinguisticSystem",
    "dct:license": "dct:LicenseDocument",
    "foaf:homepage": "foaf:Document",
    "spdx:algorithm": "spdx:ChecksumAlgorithm",
}
#: By language.
KEYWORDS = {
    "en": ("surveillance", "facial recognition", "Latin America", "video surveillance", "biometrics", "public procurement"),
    "es": ("vigilancia", "reconocimiento facial", "América Latina", "videovigilancia", "biometría", "contratación pública"),
    "pt": ("vigilância", "reconhecimento facial", "América Latina", "videovigilância", "biometria", "contratação pública"),
}
# Path → what it is called, and what it conforms to.
_SERVICES = {
    "sparql": (
        {"en": "SPARQL endpoint", "es": "Punto de acceso SPARQL", "pt": "Ponto de acesso SPARQL"},
        "https://www.w3.org/TR/sparql11-protocol/",
    ),
    "reconcile": (
        {"en": "Reconciliation service", "es": "Servicio de reconciliación", "pt": "Serviço de reconciliação"},
        "https://reconciliation-api.github.io/specs/0.2/",
    ),
}


def describe_release(manifest: Manifest) -> list[ox.Triple]:
    """W3C Recommendation DCAT 3 (2024-08-22), in the profile DCAT-AP 3.0."""
    released = bool(manifest.version)
    described = release_iri(manifest.version) if released else DATASET
    triples = [*_catalogue(), *_publisher(), *_dataset(DATASET)]
    if released:
        triples += [*_dataset(described), *_version(manifest)]
    for file, _ in data_files(manifest):
        triples += _distribution(manifest, described, file)
    for path, (titles, protocol) in _SERVICES.items():
        triples += _service(path, titles, protocol)
    return [*triples, *_kinds(triples)]


def _kinds(triples: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    """What the things of others are that stand in the description: DCAT-AP asks it of the file, since nobody looks them up."""
    of = {_expand(key): _expand(kind) for key, kind in _RANGES.items()}
    told = {(each.object.value, of[each.predicate.value]) for each in triples if each.predicate.value in of}  # type: ignore[union-attr]
    for iri, kind in sorted(told):
        yield from _tell(iri, ("rdf:type", kind))


def _expand(curie: str) -> str:
    prefix, _, local = curie.partition(":")
    return _SPACES[prefix] + local


def _tell(subject: str, *facts: Fact) -> Iterator[ox.Triple]:
    return tell(_SPACES, subject, *facts)


def _texts(key: str, texts: dict[str, str]) -> list[Fact]:
    return [(key, ox.Literal(text, language=language)) for language, text in texts.items()]


def _catalogue() -> Iterator[ox.Triple]:
    return _tell(
        _CATALOGUE,
        ("rdf:type", _SPACES["dcat"] + "Catalog"),
        *_texts("dct:title", {"en": "Vigía", "es": "Vigía", "pt": "Vigía"}),
        *_texts("dct:description", DESCRIPTION),
        ("dct:publisher", _PUBLISHER),
        ("dct:license", LICENCE),
        ("foaf:homepage", BASE),
        ("dcat:dataset", DATASET),
    )


def _publisher() -> Iterator[ox.Triple]:
    return _tell(
        _PUBLISHER,
        ("rdf:type", _SPACES["foaf"] + "Agent"),
        ("foaf:name", ox.Literal(AUTHOR, language="en")),
        ("foaf:homepage", BASE),
    )


def _dataset(iri: str) -> Iterator[ox.Triple]:
    return _tell(
        iri,
        ("rdf:type", _SPACES["dcat"] + "Dataset"),
        *_texts("dct:title", TITLE),
        *_texts("dct:description", DESCRIPTION),
        *(("dcat:keyword", ox.Literal(word, language=language)) for language, words in KEYWORDS.items() for word in words),
        ("dct:publisher", _PUBLISHER),
        ("dct:creator", _PUBLISHER),
        ("dct:license", LICENCE),
        ("dct:accessRights", _EU + "access-right/PUBLIC"),
        ("dcat:landingPage", BASE),
        *(("dct:language", _EU + f"language/{code}") for code in ("ENG", "SPA", "POR")),
        *(("dct:conformsTo", standard) for standard in _CONFORMS),
        ("dct:identifier", ox.Literal(iri)),
    )


def _version(manifest: Manifest) -> Iterator[ox.Triple]:
    iri, day = release_iri(manifest.version), ox.Literal(manifest.version[:10], datatype=ox.NamedNode(PREFIXES["xsd"] + "date"))
    yield from _tell(DATASET, ("dcat:hasVersion", iri), ("dcat:hasCurrentVersion", iri), ("dct:modified", day))
    yield from _tell(
        iri,
        ("dcat:isVersionOf", DATASET),
        ("dcat:version", ox.Literal(manifest.version)),
        ("owl:versionInfo", ox.Literal(manifest.version)),
        ("dct:issued", day),
    )
    if manifest.previous:
        yield from _tell(iri, ("dcat:previousVersion", release_iri(manifest.previous)))


def data_files(manifest: Manifest) -> list[tuple[str, str]]:
    """The files that hold data, with their media type; what only describes them is no distribution."""
    found = []
    for name in manifest.files:
        stem, _, last = name.rpartition(".")
        ending = stem.rpartition(".")[2] if last in _PACKED else last
        if "/" not in name and ending in _TYPES and (name.startswith("kg.") or ending == "csv"):
            found.append((name, _PACKED.get(last) or _TYPES[ending][0]))
    return found


def _distribution(manifest: Manifest, dataset: str, file: str) -> Iterator[ox.Triple]:
    name = manifest.published(file)
    part, checksum = f"{dataset}#{name}", f"{dataset}#{name}-sha256"
    packed = _PACKED.get(file.rpartition(".")[2], "")
    media, code = _TYPES[file.split(".")[1]]
    facts = manifest.files[file]
    yield from _tell(dataset, ("dcat:distribution", part))
    yield from _tell(
        part,
        ("rdf:type", _SPACES["dcat"] + "Distribution"),
        ("dct:title", ox.Literal(name, language="en")),
        ("dcat:accessURL", BASE),
        ("dcat:downloadURL", BASE + "dump/" + name),
        ("dcat:mediaType", _IANA + media),
        ("dct:format", f"{_EU}file-type/{code}"),
        ("dct:license", LICENCE),
        ("dcat:byteSize", ox.Literal(str(facts["bytes"]), datatype=ox.NamedNode(PREFIXES["xsd"] + "nonNegativeInteger"))),
        ("spdx:checksum", checksum),
        *((("dcat:compressFormat", _IANA + packed),) if packed else ()),
    )
    yield from _tell(
        checksum,
        ("rdf:type", _SPACES["spdx"] + "Checksum"),
        ("spdx:algorithm", _SPACES["spdx"] + "checksumAlgorithm_sha256"),
        ("spdx:checksumValue", ox.Literal(facts["sha256"], datatype=ox.NamedNode(PREFIXES["xsd"] + "hexBinary"))),
    )


def _service(path: str, titles: dict[str, str], protocol: str) -> Iterator[ox.Triple]:
    iri = f"{BASE}{path}#service"
    yield from _tell(_CATALOGUE, ("dcat:service", iri))
    yield from _tell(
        iri,
        ("rdf:type", _SPACES["dcat"] + "DataService"),
        *_texts("dct:title", titles),
        ("dcat:endpointURL", BASE + path),
        ("dcat:endpointDescription", BASE + path),
        ("dcat:servesDataset", DATASET),
        ("dct:publisher", _PUBLISHER),
        ("dct:license", LICENCE),
        ("dct:conformsTo", protocol),
    )
