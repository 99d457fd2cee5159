"""The name of a graph comes in; its triples, or those of the whole dataset, go out (SPARQL 1.1 Graph Store Protocol, reading)."""

from __future__ import annotations

from typing import Annotated

import pyoxigraph as ox
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from kg.errors import BadRequest, WrongMethod
from kg.formats import DATASETS, GRAPHS, Format, by_name, choose_coding, negotiate
from kg.store import Dump
from kg.web.answers import dumped
from kg.web.site import Site
from kg.web.variants import heed

PATH = "/rdf-graph-store"


def graphs(site: Site) -> APIRouter:
    """Routes of the protocol."""
    router = APIRouter()

    @router.get(PATH)
    async def read(
        request: Request,
        graph: str | None = None,
        default: str | None = None,
        ending: Annotated[str | None, Query(alias="format")] = None,
    ) -> Response:
        if graph is not None and default is not None:
            raise BadRequest("Name one graph, by 'graph=' with its address, or by 'default'.")
        wanted = "default" if default is not None else graph
        if graph is not None:
            _demand_iri(graph)
        return await whole_graph(site, request, wanted, ending)

    @router.api_route(PATH, methods=["PUT", "POST", "DELETE", "PATCH"])
    async def refuse() -> Response:
        raise WrongMethod("This graph store is read-only: graphs are not changed here.", "GET, HEAD, OPTIONS")

    return router


async def whole_graph(site: Site, request: Request, graph: str | None, ending: str | None = None) -> Response:
    """A graph of the store, or for None the whole dataset, written by a worker: it may be large."""
    offered = DATASETS if graph is None else GRAPHS
    fmt, media_type = _named(ending, offered) if ending else negotiate(heed(request, "Accept"), offered)
    coding = choose_coding(request.headers.get("accept-encoding", ""))
    kind = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
    return await dumped(site, request, Dump(fmt.name, graph, coding), kind)


def _named(ending: str, offered: tuple[Format, ...]) -> tuple[Format, str]:
    fmt = by_name(ending, offered)
    return fmt, fmt.media_type


def _demand_iri(iri: str) -> None:
    try:
        ox.NamedNode(iri)
    except ValueError:
        raise BadRequest(f"A graph is named by a full address. [got {iri}]") from None
