"""The application: a site comes in, an ASGI application goes out. Reads as a table of contents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from kg.web import problems
from kg.web.documents import documents
from kg.web.endpoint import endpoint
from kg.web.headers import Headers
from kg.web.pages import pages
from kg.web.site import Site

_STATIC = Path(__file__).parent / "static"


def create_app(site: Site) -> FastAPI:
    """Build the application around a site, which it closes when it stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        site.store.close()

    # Public, read-only and without cookies: any page may read everything.
    anybody = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "HEAD", "POST"], allow_headers=["*"])
    app = FastAPI(title="Vigía", lifespan=lifespan, middleware=[Middleware(Headers), anybody], docs_url=None, redoc_url=None)
    problems.install(app, site.render)
    app.include_router(endpoint(site))
    app.include_router(pages(site))
    app.include_router(documents(site))
    app.mount("/static", StaticFiles(directory=_STATIC), "static")
    return app
