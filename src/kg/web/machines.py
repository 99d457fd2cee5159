"""Crawlers come in; where they may go, which pages there are, and what a page is about (schema.org) go out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any
from xml.sax.saxutils import escape

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from kg.errors import NotFound
from kg.names import BASE, local_path
from kg.page import Page
from kg.web.reports import PAGES
from kg.web.site import PUBLIC, Site
from kg.web.text import LANGUAGES

_PART = 5000  # pages in one sitemap, each in every language; sitemaps.org allows 50,000 addresses
_FRONT = (("", ""), *((page, "") for page in (*PAGES, "disagreements", "about", "page/def")))
_ROBOTS = """User-agent: *
Disallow: /sparql
Disallow: /search
Disallow: /suggest
Disallow: /questions/
Disallow: /cite/
Disallow: /cited
Disallow: /changes
Disallow: /browse/*?
Disallow: /rdf-graph-store
Disallow: /resource

Sitemap: {base}sitemap.xml
"""
_ROBOTS_OF_COPY = """User-agent: *
Disallow:

Sitemap: {base}sitemap.xml
"""
# The segment behind /id/ → a type of schema.org.
_TYPES = {
    "agreement": "CreativeWork",
    "country": "Country",
    "initiative": "Project",
    "law": "Legislation",
    "org": "Organization",
    "person": "Person",
    "place": "Place",
    "product": "Product",
    "source": "CreativeWork",
}


def machines(site: Site) -> APIRouter:
    """Routes for crawlers."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/robots.txt")
    def robots(request: Request) -> Response:
        """RFC 9309."""
        rules = _ROBOTS_OF_COPY if site.is_static else _ROBOTS
        return Response(rules.format(base=request.base_url), media_type="text/plain", headers={"Cache-Control": PUBLIC})

    @router.get("/sitemap.xml")
    def sitemap(request: Request, part: Annotated[int | None, Query(ge=1)] = None) -> Response:
        """All pages, or where there are many, the parts that name them (sitemaps.org 0.9)."""
        pages = [(f"page{local_path(iri).removeprefix('/id')}", site.dates.get(iri, "")) for iri in site.entities.things()]
        base = str(request.base_url)
        if part is None and len(pages) > _PART:
            body = _index([f"{base}sitemap.xml?part={number}" for number in range(1, -(-len(pages) // _PART) + 1)])
        else:
            chosen = pages[((part or 1) - 1) * _PART :][:_PART]
            if not chosen:
                raise NotFound("There is no such part of the sitemap.")
            body = _urls(base, [*_FRONT, *chosen] if part in (None, 1) else chosen)
        return Response(body, media_type="application/xml", headers={"Cache-Control": PUBLIC})

    return router


def _index(parts: list[str]) -> str:
    listed = "".join(f"<sitemap><loc>{escape(part)}</loc></sitemap>\n" for part in parts)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{listed}</sitemapindex>\n'


def _urls(base: str, pages: Iterable[tuple[str, str]]) -> str:
    """Pages with the day of their last change; in each language they name all others, as search engines ask for it."""
    parts = []
    for page, day in pages:
        changed = f"<lastmod>{day}</lastmod>" if day else ""
        addresses = {code: escape(f"{base}{page}?lang={code}") for code in LANGUAGES}
        others = "".join(f'<xhtml:link rel="alternate" hreflang="{code}" href="{to}"/>' for code, to in addresses.items())
        parts += [f"<url><loc>{to}</loc>{changed}{others}</url>\n" for to in addresses.values()]
    spaces = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml"'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {spaces}>\n{"".join(parts)}</urlset>\n'


def about(page: Page) -> dict[str, Any]:
    """What a page is about, for search engines."""
    kind = page.iri.removeprefix(f"{BASE}id/").partition("/")[0]
    described = {
        "@context": "https://schema.org",
        "@type": _TYPES.get(kind, "Thing"),
        "@id": page.iri,
        "name": page.name.text,
        "alternateName": [alias.text for alias in page.aliases],
        "description": page.descriptions[0].text if page.descriptions else "",
        "url": page.iri,
    }
    return {key: value for key, value in described.items() if value}
