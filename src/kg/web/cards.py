"""The path of a page comes in; the picture that other sites show with a link to it goes out, and the icons of the site."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from kg.card import draw_card, draw_icon
from kg.errors import NotFound
from kg.names import DEF
from kg.page import Value
from kg.web.assets import MADE
from kg.web.browsing import glance
from kg.web.documents import thing_of
from kg.web.site import PUBLIC, Site
from kg.web.text import choose_language, shown

_TITLE = {
    "en": "Surveillance technology in Latin America",
    "es": "Tecnología de vigilancia en América Latina",
    "pt": "Tecnologia de vigilância na América Latina",
}
_ICONS = {"/favicon.ico": (32, "ICO", "image/x-icon"), "/apple-touch-icon.png": (180, "PNG", "image/png")}


def cards(site: Site) -> APIRouter:
    """Routes for pictures of pages."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    def icon(request: Request) -> Response:
        size, kind, media_type = _ICONS[request.url.path]
        return Response(draw_icon(size, kind), media_type=media_type, headers={"Cache-Control": PUBLIC})

    for path in _ICONS:
        router.add_api_route(path, icon, methods=["GET"])

    @router.get("/card/{path:path}.png")
    def card(request: Request, path: str) -> Response:
        """Of a thing, or of the start page."""
        language = choose_language(request)
        words = ("Vigía", "", _TITLE[language]) if path == "home" else _words(site, thing_of(path), language)
        picture = draw_card(*words, MADE)
        if picture is None:
            raise NotFound("No pictures are made here: set-up could not fetch the letters for them.")
        return Response(picture, media_type="image/png", headers={"Cache-Control": PUBLIC})

    return router


def _words(site: Site, iri: str, language: str) -> tuple[str, str, str]:
    """Name, kind, and what a list shows at a glance."""
    page = site.entities.page(iri, language)
    kind = page.kinds[0] if page.kinds else None
    told = glance(site, (kind.iri or "").removeprefix(DEF), iri, language) if kind else []
    values = [_with_more(value, language) for part in told for value in part.values[:2]]
    name = kind.text if kind else ""
    return page.name.text, name[:1].upper() + name[1:], " · ".join(values)


def _with_more(value: Value, language: str) -> str:
    more = ", ".join(shown(part, language) for part in value.more)
    return shown(value, language) + (f" ({more})" if more else "")
