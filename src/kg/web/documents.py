"""The IRI of a thing comes in; a redirect to its page or its RDF, and that RDF, go out (W3C Note Cool URIs, 303)."""

from __future__ import annotations

import re
from pathlib import Path

import pyoxigraph as ox
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from kg.errors import NotFound
from kg.formats import GRAPHS, HTML, Format, by_name, negotiate
from kg.names import BASE, ONTOLOGY, PREFIXES, iri_of, layer, local_path
from kg.web.site import Site

_RDF = {
    "turtle": ox.RdfFormat.TURTLE,
    "ntriples": ox.RdfFormat.N_TRIPLES,
    "jsonld": ox.RdfFormat.JSON_LD,
    "rdfxml": ox.RdfFormat.RDF_XML,
}
_DUMPS = {".nq": "application/n-quads", ".ttl": "text/turtle", ".jsonld": "application/ld+json"}
#: The first segments of the paths that name things.
THINGS = ("id", "code", "graph", "def")


def documents(site: Site) -> APIRouter:
    """Routes for things and their data."""
    router = APIRouter()

    def thing(request: Request) -> Response:
        path = request.url.path.lstrip("/")
        iri = iri_of(path)
        if not site.entities.exists(iri):
            raise NotFound(f"The graph says nothing about <{iri}>.")
        fmt, _ = negotiate(request.headers.get("accept"), (HTML, *GRAPHS))
        subject = site.entities.subject_of_claim(iri)
        document = "/def" if is_ontology(iri) else local_path(subject or iri).removeprefix("/id")
        if fmt is HTML:
            query = f"?{request.url.query}" if request.url.query else ""
            anchor = f"#{path.rpartition('/')[2]}" if subject else ""
            target = f"/page{document}{query}{anchor}"
        else:
            target = f"/data{document}.{fmt.ending}"
        return RedirectResponse(target, 303, {"Vary": "Accept"})

    for segment in THINGS:
        router.add_api_route(f"/{segment}/{{path:path}}", thing, methods=["GET", "HEAD"], include_in_schema=False)
    router.add_api_route("/def", thing, methods=["GET", "HEAD"], include_in_schema=False)

    @router.head("/data/{path:path}.{ending}", include_in_schema=False)
    @router.get("/data/{path:path}.{ending}", summary="The RDF of one thing")
    def data(path: str, ending: str) -> Response:
        return rdf(site, thing_of(path), by_name(ending, GRAPHS))

    @router.head("/dump/{name}", include_in_schema=False)
    @router.get("/dump/{name}", summary="All data of the release in one file")
    def dump(name: str) -> Response:
        if name not in site.dumps:
            raise NotFound(f"There is no dump '{name}'. Dumps: {', '.join(site.dumps) or 'none'}.")
        media_type = _DUMPS[Path(name).suffix]
        return FileResponse(site.dumps[name], media_type=media_type, filename=name)

    return router


def is_ontology(iri: str) -> bool:
    """Whether the IRI is that of the ontology, of one of its versions or of its alignments."""
    return iri == ONTOLOGY or iri.startswith(ONTOLOGY + "/")


def thing_of(path: str) -> str:
    """The IRI of the thing that `/page/<path>` and `/data/<path>.…` describe."""
    return BASE + (path if path.split("/", maxsplit=1)[0] in THINGS else "id/" + path)


def rdf(site: Site, iri: str, fmt: Format) -> Response:
    """The document of a thing, of the ontology or of a layer; raises NotFound where there is none."""
    if is_ontology(iri) and site.entities.exists(iri):
        triples = _layer(site, layer("ontology"))
    elif iri.startswith(layer("")) and site.entities.exists(iri):
        triples = _layer(site, iri)
    else:
        triples = site.entities.triples(iri)
    if not triples:
        raise NotFound(f"The graph says nothing about <{iri}>.")
    body = ox.serialize(sorted(triples, key=str), format=_RDF[fmt.name], prefixes=PREFIXES)
    name = re.sub(r"[^\w.-]+", "_", iri.rstrip("/").rpartition("/")[2], flags=re.ASCII)
    headers = {"Content-Disposition": f'inline; filename="{name}.{fmt.ending}"'}
    return Response(body, headers=headers, media_type=fmt.media_type)


def _layer(site: Site, graph: str) -> list[ox.Triple]:
    rows = site.store.rows("SELECT ?graph ?s ?p ?o WHERE { GRAPH ?graph { ?s ?p ?o } }", {"graph": ox.NamedNode(graph)})
    return [ox.Triple(row["s"], row["p"], row["o"]) for row in rows]  # type: ignore[arg-type]
