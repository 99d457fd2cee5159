"""The application: a site comes in, an ASGI application goes out. Reads as a table of contents."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

from fastapi import FastAPI

from kg.errors import KgError
from kg.store import Store
from kg.web import problems
from kg.web.archive import Archive
from kg.web.asking import asking
from kg.web.assets import assets
from kg.web.browsing import browsing
from kg.web.cards import cards
from kg.web.changing import changing
from kg.web.citing import citing
from kg.web.describe import descriptions
from kg.web.documents import documents
from kg.web.endpoint import PATH, Endpoint
from kg.web.front import Front
from kg.web.graphs import graphs
from kg.web.machines import machines
from kg.web.ontology import ontology
from kg.web.openapi import describe_interface
from kg.web.operation import operation
from kg.web.pages import pages
from kg.web.pinning import pinning
from kg.web.reconciliation import PATH as RECONCILE
from kg.web.reconciliation import reconciliation
from kg.web.releasing import releasing
from kg.web.reports import reports
from kg.web.searching import searching
from kg.web.site import Site, open_release

_log = logging.getLogger(__name__)


def archived(front: Front, site: Site, build: Path) -> Archive:
    """The application of the newest release, with the older ones below `build` behind it."""

    def open_older(version: str) -> tuple[Front, Store]:
        older = open_release(build, site.settings, version)
        return create_app(older), older.store

    return Archive(front, site.manifest.name if site.manifest else "", lambda: list(site.releases), open_older, site.render)


def _warm(site: Site) -> None:
    try:
        site.warm()
    except KgError as error:  # then the first readers wait, or are told the same
        _log.warning("Not all could be made ready: %s", error)


def create_app(site: Site) -> Front:
    """Build the application around a site, which it starts and closes."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await site.store.start()
        warming = Thread(target=_warm, args=(site,))
        warming.start()
        gc.freeze()  # what was made at start stays: collections that walked over it would hold up requests
        yield
        warming.join()
        await site.store.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None)
    endpoint = Endpoint(site)
    app.openapi = lambda: describe_interface(site.manifest.name if site.manifest else "0", site.questions.all())  # type: ignore[method-assign]
    problems.install(app, site.render)
    app.include_router(ontology(site))
    app.include_router(asking(site, endpoint))
    app.include_router(pages(site))
    app.include_router(browsing(site))
    app.include_router(searching(site))
    app.include_router(reconciliation(site))
    app.include_router(reports(site))
    app.include_router(citing(site))
    app.include_router(changing(site))
    app.include_router(pinning(site))
    app.include_router(releasing(site))
    app.include_router(machines(site))
    app.include_router(cards(site))
    app.include_router(documents(site))
    app.include_router(graphs(site))
    app.include_router(descriptions(site))
    app.include_router(assets())
    front = Front(endpoint.answer, PATH, app, site.settings.cache_bytes, RECONCILE, site.manifest.name if site.manifest else "")
    app.include_router(operation(site, front))
    return front
