"""What the server is: an address and a site come in; its SPARQL service description and its VoID document go out as RDF."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pyoxigraph as ox
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from kg.formats import GRAPHS, HTML, Format, by_name, negotiate
from kg.names import PREFIXES
from kg.store import Term
from kg.void import NAMESPACES
from kg.web.documents import written
from kg.web.releasing import catalogue_of
from kg.web.site import FILES, Site
from kg.web.variants import heed

_SD = "http://www.w3.org/ns/sparql-service-description#"
_VOID = NAMESPACES["void"]
_TYPE = ox.NamedNode(PREFIXES["rdf"] + "type")
_RESULTS_WRITTEN = ("SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV")
_GRAPHS_WRITTEN = ("Turtle", "N-Triples", "RDF_XML", "JSON-LD")
SPACES = PREFIXES | NAMESPACES | {"sd": _SD}


def descriptions(site: Site) -> APIRouter:
    """Routes for machines that look around."""
    router = APIRouter()

    @router.get("/.well-known/void")
    @router.get("/void")
    def void(request: Request) -> Response:
        return _document(site, request, negotiate(heed(request, "Accept"), (*GRAPHS, _ANY))[0])

    @router.get("/void.{ending}")
    def void_file(request: Request, ending: str) -> Response:
        return _document(site, request, by_name(ending, GRAPHS))

    @router.get("/dataset")
    def dataset(request: Request) -> Response:
        people = negotiate(heed(request, "Accept"), (*GRAPHS, HTML))[0] is HTML and site.manifest
        return RedirectResponse("/releases" if people else "/void", 303)

    return router


#: Browsers get Turtle, too: this page is for machines, and those who look at it.
_ANY = Format("any", ("text/html",), "ttl", "Turtle")


def _document(site: Site, request: Request, fmt: Format) -> Response:
    base = str(request.base_url)
    return written(site, void_of(site, base), GRAPHS[0] if fmt is _ANY else fmt, "void", SPACES)


def void_of(site: Site, base: str) -> list[ox.Triple]:
    """The data set in numbers, and where this server answers."""
    endpoint = _node(_VOID + "sparqlEndpoint")
    triples = {*site.void, ox.Triple(_node(site.dataset), endpoint, _node(base + "sparql"))}
    if site.is_static:  # nobody answers there
        triples = {triple for triple in triples if triple.predicate != endpoint}
    if site.manifest:
        version = ox.Literal(site.manifest.name)
        triples.add(ox.Triple(_node(site.dataset), _node(PREFIXES["owl"] + "versionInfo"), version))
        return list(triples | set(catalogue_of(site)))
    return [_moved(triple, base) for triple in triples]


def _moved(triple: ox.Triple, base: str) -> ox.Triple:
    """Files that are not ours have no address but the one they are served at."""
    subject, value = (_move(term, base) for term in (triple.subject, triple.object))
    return ox.Triple(subject, triple.predicate, value)  # type: ignore[arg-type]


def _move(term: Term, base: str) -> Term:
    ours = isinstance(term, ox.NamedNode) and term.value.startswith(FILES)
    return _node(base + term.value.removeprefix(FILES)) if ours else term  # type: ignore[union-attr]


def service_description(site: Site, endpoint: str) -> list[ox.Triple]:
    """The endpoint in the vocabulary of SPARQL 1.1 Service Description."""
    return list(_service(site, endpoint))


def _service(site: Site, endpoint: str) -> Iterator[ox.Triple]:
    service, dataset, default = (_node(f"{endpoint}#{name}") for name in ("service", "dataset", "default-graph"))
    yield ox.Triple(service, _TYPE, _node(_SD + "Service"))
    yield ox.Triple(service, _node(_SD + "endpoint"), _node(endpoint))
    yield ox.Triple(service, _node(_SD + "supportedLanguage"), _node(_SD + "SPARQL11Query"))
    for name in (*_RESULTS_WRITTEN, *_GRAPHS_WRITTEN):
        yield ox.Triple(service, _node(_SD + "resultFormat"), _node("http://www.w3.org/ns/formats/" + name))
    if site.settings.services:
        yield ox.Triple(service, _node(_SD + "feature"), _node(_SD + "BasicFederatedQuery"))
    yield ox.Triple(service, _node(_SD + "defaultDataset"), dataset)
    yield ox.Triple(dataset, _TYPE, _node(_SD + "Dataset"))
    yield ox.Triple(dataset, _node(_SD + "defaultGraph"), default)
    yield ox.Triple(dataset, _node(PREFIXES["rdfs"] + "seeAlso"), _node(endpoint.removesuffix("sparql") + ".well-known/void"))
    yield from _graph(site, default, site.dataset)
    for graph in _named_graphs(site):
        entry = _node(f"{endpoint}#graph/{quote(graph.value, safe='')}")
        yield ox.Triple(dataset, _node(_SD + "namedGraph"), entry)
        yield ox.Triple(entry, _TYPE, _node(_SD + "NamedGraph"))
        yield ox.Triple(entry, _node(_SD + "name"), graph)
        yield ox.Triple(entry, _node(_SD + "graph"), graph)
        yield from _graph(site, graph, graph.value)


def _named_graphs(site: Site) -> list[ox.NamedNode]:
    """What is part of the data set, but no set of links."""
    parts = [triple.object for triple in site.void if triple.predicate.value == _VOID + "subset"]
    linkset = _node(_VOID + "Linkset")
    return [part for part in parts if isinstance(part, ox.NamedNode) and ox.Triple(part, _TYPE, linkset) not in site.void]


def _graph(site: Site, graph: ox.NamedNode, described: str) -> Iterator[ox.Triple]:
    yield ox.Triple(graph, _TYPE, _node(_SD + "Graph"))
    for triple in site.void:
        if triple.predicate.value == _VOID + "triples" and triple.subject == _node(described):
            yield ox.Triple(graph, triple.predicate, triple.object)


def _node(iri: str) -> ox.NamedNode:
    return ox.NamedNode(iri)
