"""The name of a release comes in; what it is, its files with their hashes, and the releases beside it go out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyoxigraph as ox
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from kg import dcat
from kg.crate import media_type
from kg.errors import NotFound
from kg.formats import GRAPHS, HTML, JSON, by_name, negotiate
from kg.names import AUTHOR, BASE, DATASET, LICENCE, PREFIXES, release_iri
from kg.release import DCAT, GZIP, Manifest, Release
from kg.void import DESCRIPTION, TITLE
from kg.web.documents import written
from kg.web.site import PUBLIC, Site
from kg.web.variants import heed

_SPACES = PREFIXES | dcat.NAMESPACES
_SCHEMA = "https://schema.org/"


@dataclass(frozen=True)
class _File:
    """A file for download."""

    name: str
    address: str
    size: int
    sha256: str


def releasing(site: Site) -> APIRouter:
    """Routes for releases."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/releases")
    @router.get("/releases.{ending}")
    def releases(request: Request, ending: str | None = None) -> Response:
        """All that are kept here, the newest first."""
        offered = (HTML, JSON)
        fmt = by_name(ending, offered) if ending else negotiate(heed(request, "Accept"), offered)[0]
        manifests = [release.manifest for release in reversed(list(site.releases.values()))]
        if fmt is HTML:
            return site.render(request, "releases.html", manifests=manifests)
        listed = [_listed(each) for each in manifests]
        return JSONResponse(listed, headers={"Cache-Control": PUBLIC})

    @router.get("/release/{version}")
    def release(request: Request, version: str) -> Response:
        manifest = site.manifest
        if not manifest or version != manifest.name:
            if version in site.releases:  # it is asked to speak for itself
                return RedirectResponse(f"/release/{version}?release={version}", 303)
            raise NotFound(f"There is no release '{version[:50]}' here. Releases here: {', '.join(site.releases) or 'none'}.")
        wanted = negotiate(heed(request, "Accept"), (HTML, *GRAPHS))[0]
        if wanted is not HTML:
            return RedirectResponse(f"/dcat.{wanted.ending}", 303)
        about = describe_dataset(manifest)
        page = site.render(
            request, "release.html", files=_files(site, manifest), hash=manifest.canonical_hash, about=about, kept=site.releases
        )
        page.headers["Link"] = links_of_dataset(manifest)
        return page

    @router.get("/release/{version}/{name:path}")
    def file(version: str, name: str) -> Response:
        """A file of the folder that was published: as if that folder lay here."""
        kept = site.releases.get(version)
        path = kept.published.get(name) if kept else None
        if not kept or not path:
            raise NotFound(f"There is no file '{name[:50]}' of a release '{version[:50]}' here. Its files: /release/{version[:50]}")
        facts = kept.manifest.files.get(path.relative_to(kept.path).as_posix())
        digest = str(facts["sha256"]) if facts else sha256(path.read_bytes()).hexdigest()
        headers = {"ETag": f'"{digest[:24]}"', "Cache-Control": PUBLIC}
        return FileResponse(path, headers=headers, media_type=media_type(name))

    @router.get("/dcat")
    @router.get("/dcat.{ending}")
    def catalogue(request: Request, ending: str | None = None) -> Response:
        """The data set, this version of it, its files and services."""
        fmt = by_name(ending, GRAPHS) if ending else negotiate(heed(request, "Accept"), GRAPHS)[0]
        return written(site, catalogue_of(site), fmt, "dcat", _SPACES)

    @router.get("/catalogue")
    def catalogue_thing(request: Request) -> Response:
        people = negotiate(heed(request, "Accept"), (*GRAPHS, HTML))[0] is HTML and site.manifest
        return RedirectResponse("/releases" if people else "/dcat", 303)

    return router


def catalogue_of(site: Site) -> list[ox.Triple]:
    """The entry of the data set in a catalogue, with the versions up to this one that are kept here.

    Raises NotFound for files that we did not release.
    """
    if not site.manifest:
        raise NotFound("These files are no release, and stand in no catalogue.")
    triples = _entry(site.downloads[site.manifest.published(DCAT)])
    for version, kept in site.releases.items():
        if version == site.manifest.version:
            break
        triples += _version(version, kept)
    return triples


def _entry(path: Path) -> list[ox.Triple]:
    return [quad.triple for quad in ox.parse(path=path, format=ox.RdfFormat.TURTLE)]


def _version(version: str, kept: Release) -> Iterator[ox.Triple]:
    """What its own entry says of an earlier version; its files stand there."""
    iri, has_version = ox.NamedNode(release_iri(version)), ox.NamedNode(dcat.NAMESPACES["dcat"] + "hasVersion")
    yield ox.Triple(ox.NamedNode(DATASET), has_version, iri)
    distribution = ox.NamedNode(dcat.NAMESPACES["dcat"] + "distribution")
    yield from (triple for triple in _entry(kept.path / DCAT) if triple.subject == iri and triple.predicate != distribution)


def _listed(manifest: Manifest) -> dict[str, Any]:
    address = release_iri(manifest.version)
    return {"version": manifest.version, "address": address, "sha256": manifest.canonical_hash, **manifest.counts}


def _files(site: Site, manifest: Manifest) -> Sequence[_File]:
    """Those that are made for others, by their lasting names, and what was published beside them."""
    facts = ((name, manifest.files[path.name]) for name, path in site.downloads.items())
    files = [_File(name, f"/dump/{name}", int(each["bytes"]), str(each["sha256"])) for name, each in sorted(facts)]
    covers = site.releases[manifest.version].covers if manifest.version in site.releases else {}
    for name, path in covers.items():
        content = path.read_bytes()
        files.append(_File(name, f"/release/{manifest.version}/{name}", len(content), sha256(content).hexdigest()))
    return files


def describe_dataset(manifest: Manifest) -> dict[str, Any]:
    """The data set for search engines (schema.org Dataset)."""
    author = {"@type": "Organization", "name": AUTHOR, "url": BASE}
    described = {
        "@context": _SCHEMA,
        "@type": "Dataset",
        "@id": release_iri(manifest.version) if manifest.version else DATASET,
        "name": TITLE["en"],
        "description": DESCRIPTION["en"],
        "url": BASE,
        "identifier": release_iri(manifest.version) if manifest.version else DATASET,
        "version": manifest.version,
        "datePublished": manifest.version[:10],
        "license": LICENCE,
        "isAccessibleForFree": True,
        "inLanguage": ["en", "es", "pt"],
        "keywords": list(dcat.KEYWORDS["en"]),
        "spatialCoverage": {"@type": "Place", "name": "Latin America"},
        "creator": author,
        "publisher": author,
        "includedInDataCatalog": {"@type": "DataCatalog", "@id": BASE + "catalogue", "name": "Vigía", "url": BASE},
        "distribution": [
            {
                "@type": "DataDownload",
                "name": manifest.published(name),
                "contentUrl": BASE + "dump/" + manifest.published(name),
                "encodingFormat": media,
                "contentSize": f"{manifest.files[name]['bytes']} B",
                "sha256": manifest.files[name]["sha256"],
            }
            for name, media in dcat.data_files(manifest)
        ],
    }
    return {key: value for key, value in described.items() if value != ""}


def links_of_dataset(manifest: Manifest) -> str:
    """Where the data, its descriptions, its licence and its lasting address are (signposting.org, level 1)."""
    iri = release_iri(manifest.version) if manifest.version else DATASET
    packed = [(name, media) for name, media in dcat.data_files(manifest) if name.endswith(GZIP)]
    return ", ".join(
        [
            f'<{iri}>; rel="cite-as"',
            '</dcat.ttl>; rel="describedby"; type="text/turtle"',
            '</dcat.jsonld>; rel="describedby"; type="application/ld+json"',
            '</void.ttl>; rel="describedby"; type="text/turtle"',
            *(f'</dump/{manifest.published(name)}>; rel="item"; type="{media}"' for name, media in packed),
            f'<{_SCHEMA}Dataset>; rel="type"',
            f'<{LICENCE}>; rel="license"',
        ]
    )
