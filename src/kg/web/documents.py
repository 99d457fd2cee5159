"""The IRI of a thing comes in; a redirect to its page or its RDF, and that RDF, go out (W3C Note Cool URIs, 303)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyoxigraph as ox
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from kg.errors import Differs, Gone, NotFound
from kg.formats import GRAPHS, HTML, JSON_LD, N_TRIPLES, Format, by_name, choose_coding, negotiate
from kg.jsonld import compact_jsonld
from kg.names import BASE, ONTOLOGY, PREFIXES, iri_of, layer, local_path, used_prefixes
from kg.release import GZIP, Manifest
from kg.void import NAMESPACES
from kg.web.graphs import whole_graph
from kg.web.site import PUBLIC, Site
from kg.web.text import choose_language, pin_address
from kg.web.variants import heed

_RDF = {
    "turtle": ox.RdfFormat.TURTLE,
    "ntriples": ox.RdfFormat.N_TRIPLES,
    "jsonld": ox.RdfFormat.JSON_LD,
    "rdfxml": ox.RdfFormat.RDF_XML,
}
_SPACES = PREFIXES | NAMESPACES
_GRAPH = "SELECT ?graph ?s ?p ?o WHERE { GRAPH ?graph { ?s ?p ?o } }"
_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".gz": "application/gzip",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".nq": "application/n-quads",
    ".trig": "application/trig",
    ".ttl": "text/turtle",
    ".zst": "application/zstd",
}
_DIGESTS = 10_000  # hashes of documents that are remembered
#: The first segments of the paths that name things.
THINGS = ("id", "code", "graph", "def")


def documents(site: Site) -> APIRouter:
    """Routes for things and their data."""
    router = APIRouter()

    def thing(request: Request) -> Response:
        path = request.url.path.lstrip("/")
        iri = iri_of(path)
        is_past = iri in site.parts  # what its RDF says of it stands in this release, too
        if is_past and negotiate(heed(request, "Accept"), (HTML, *GRAPHS))[0] is HTML:
            if place := kept_part(site, iri, request):
                return RedirectResponse(place, 303)
            iri = site.parts[iri].of
        if successor := successor_of(site, iri, request):
            return RedirectResponse(local_path(successor), 301)
        version = path.rpartition("/")[2]
        if is_ontology(iri) and version in site.releases and site.manifest and version != site.manifest.version:
            return RedirectResponse(f"/def?release={version}", 303)
        if not site.entities.exists(iri):
            raise NotFound(f"The graph says nothing about <{iri}>.")
        subject = site.entities.subject_of_claim(iri)
        document = "/def" if is_ontology(iri) else local_path(subject or iri).removeprefix("/id")
        fmt, _ = negotiate(heed(request, "Accept"), (HTML, *GRAPHS))
        if fmt is HTML:
            query = f"?{request.url.query}" if request.url.query else ""
            anchor = f"#{iri.rpartition('/')[2]}" if subject else ""
            target = f"/page{document}{query}{anchor}"
        else:
            target = f"/data{document}.{fmt.ending}"
        return RedirectResponse(target, 303)

    for segment in THINGS:
        router.add_api_route(f"/{segment}/{{path:path}}", thing, methods=["GET"])
    router.add_api_route("/def", thing, methods=["GET"])

    @router.get("/data/{path:path}.{ending}")
    async def data(request: Request, path: str, ending: str, sha256: str = "") -> Response:
        iri, fmt = thing_of(path), by_name(ending, GRAPHS)
        if successor := await run_sync(successor_of, site, iri, request):
            return RedirectResponse(f"/data{local_path(successor).removeprefix('/id')}.{ending}", 301)
        if iri.startswith(layer("")):
            return await whole_graph(site, request, iri, fmt.name)
        document = await run_sync(rdf, site, iri, fmt)
        if sha256:
            _demand_cited(site, bytes(document.body), sha256.strip(" .").lower())
        return document

    @router.get("/dump/{name}")
    def dump(request: Request, name: str) -> Response:
        path, manifest = _download(site, name)
        coding = choose_coding(request.headers.get("accept-encoding", ""), ("gzip",))
        packed = path.with_name(path.name + GZIP)
        is_packed = coding == "gzip" and packed.name in manifest.files
        sent = packed if is_packed else path
        digest = manifest.files[sent.name]["sha256"]
        headers = {"ETag": f'"{digest[:24]}"', "Cache-Control": PUBLIC} | ({"Content-Encoding": coding} if is_packed else {})
        return FileResponse(sent, headers=headers, media_type=_TYPES[path.suffix], filename=manifest.published(path.name))

    return router


def _download(site: Site, name: str) -> tuple[Path, Manifest]:
    """A file by its name with the version, of whichever release; or by that without, which always means this one."""
    if site.manifest:
        path = site.downloads.get(name) or next((path for path in site.downloads.values() if path.name == name), None)
        if path is not None:
            return path, site.manifest
        for release in site.releases.values():
            if name in release.downloads:
                return release.downloads[name], release.manifest
    raise NotFound(f"There is no file '{name}' to download. Files: {', '.join(site.downloads) or 'none'}.")


def is_ontology(iri: str) -> bool:
    """Whether the IRI is that of the ontology, of one of its versions or of its alignments."""
    return iri == ONTOLOGY or iri.startswith(ONTOLOGY + "/")


def thing_of(path: str) -> str:
    """The IRI of the thing that `/page/<path>` and `/data/<path>.…` describe."""
    return BASE + (path if path.split("/", maxsplit=1)[0] in THINGS else "id/" + path)


def successor_of(site: Site, iri: str, request: Request) -> str:
    """The IRI that took the place of one that was retired; empty for all others. Raises Gone where nothing did."""
    stone = site.tombstones.get(iri)
    if stone is None:
        return ""
    if not stone.successor:
        note = stone.notes.get(choose_language(request)) or next(iter(stone.notes.values()), "")
        raise Gone(f"<{iri}> was retired on {stone.day}. {note}")
    return stone.successor


def kept_part(site: Site, iri: str, request: Request) -> str:
    """The same address in the last release that had a part, such as a citation that was edited since; empty if none is here."""
    release = site.parts[iri].release
    if site.is_static or release not in site.releases:
        return ""
    return pin_address(f"{request.url.path}?{request.url.query}".rstrip("?"), release)


def rdf(site: Site, iri: str, fmt: Format) -> Response:
    """The document of a thing or of the ontology; raises NotFound where there is none."""
    if is_ontology(iri) and site.entities.exists(iri):
        rows = site.store.rows(_GRAPH, {"graph": ox.NamedNode(layer("ontology"))})
        triples = [ox.Triple(row["s"], row["p"], row["o"]) for row in rows]  # type: ignore[arg-type]
    else:
        triples = site.entities.triples(iri)
    if not triples:
        raise NotFound(f"The graph says nothing about <{iri}>.")
    if site.manifest:
        triples += _about(site, iri, fmt)
    name = re.sub(r"[^\w.-]+", "_", iri.rstrip("/").rpartition("/")[2], flags=re.ASCII)
    return written(site, triples, fmt, name)


def digest(site: Site, iri: str) -> str:
    """SHA-256 of the N-Triples of a thing: the same in its release for good, while its page tells what is newer."""
    known = site.digests
    if iri not in known:
        if len(known) >= _DIGESTS:
            known.clear()
        known[iri] = hashlib.sha256(bytes(rdf(site, iri, N_TRIPLES).body)).hexdigest()
    return known[iri]


def _demand_cited(site: Site, body: bytes, sha256: str) -> None:
    """Raises Differs where a document is not the one that was cited."""
    if (found := hashlib.sha256(body).hexdigest()) != sha256:
        name = site.manifest.name if site.manifest else ""
        raise Differs(
            f"The document is not the one that was cited: its hash is {found}, not {sha256[:64]}. "
            f"This is release {name}; name the one that was cited by release=."
        )


def _about(site: Site, iri: str, fmt: Format) -> list[ox.Triple]:
    """What the document is: about which thing, and part of which data set (W3C Note VoID, 6.2)."""
    document = "/def" if is_ontology(iri) else local_path(iri).removeprefix("/id")
    node = ox.NamedNode(f"{BASE}data{document}.{fmt.ending}")
    return [
        ox.Triple(node, ox.NamedNode(NAMESPACES["foaf"] + "primaryTopic"), ox.NamedNode(iri)),
        ox.Triple(node, ox.NamedNode(NAMESPACES["void"] + "inDataset"), ox.NamedNode(site.dataset)),
    ]


def written(
    site: Site, triples: Iterable[ox.Triple], fmt: Format, name: str, prefixes: Mapping[str, str] = PREFIXES | NAMESPACES
) -> Response:
    """A document of triples, in a stable order."""
    lines = sorted((str(triple), triple) for triple in triples)
    used = used_prefixes(prefixes, (line for line, _ in lines))
    body = ox.serialize([triple for _, triple in lines], format=_RDF[fmt.name], prefixes=used) or b""
    if fmt is JSON_LD:
        body = compact_jsonld(body, site.context)
    headers = {"Content-Disposition": f'inline; filename="{name}.{fmt.ending}"', "Cache-Control": PUBLIC}
    return Response(body, headers=headers, media_type=fmt.media_type)
