"""Pages that people read: a path comes in; home, things and stored questions go out as HTML."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from kg.cite import sentence
from kg.formats import GRAPHS, HTML, JSON, by_name, negotiate
from kg.names import BASE, DATASET, DEF, LICENCE, is_ours, local_path
from kg.page import Value
from kg.web.browsing import glance, related
from kg.web.citing import work_of
from kg.web.documents import kept_part, rdf, successor_of, thing_of
from kg.web.machines import about
from kg.web.panels import draw_ownership, draw_timeline
from kg.web.problems import KINDS
from kg.web.releasing import describe_dataset, links_of_dataset
from kg.web.reports import panels_of_page, panels_of_thing
from kg.web.site import PUBLIC, Site
from kg.web.text import choose_language
from kg.web.variants import heed

_LATEST = 10
#: The kinds of things of which the start page tells that they were changed.
_TOLD = tuple(f"{BASE}id/{kind}/" for kind in ("initiative", "measure", "contract", "org", "law", "agreement", "person"))
_NO_PANELS: dict[str, Any] = {
    "cite": "",
    "glance": [],
    "strip": "",
    "owners": None,
    "related": [],
    "about": None,
    "changed": "",
    "panels": [],
    "contradicted": [],
}


def pages(site: Site) -> APIRouter:
    """Routes for people."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/")
    def home(request: Request) -> Response:
        things, claims = site.entities.classes(choose_language(request))
        listed = {DEF + cls for cls in site.lists.classes}
        known = {value.iri for value, _ in things}
        names = site.entities.names(listed - known, choose_language(request))
        things += [(names[iri], site.lists.size(iri.removeprefix(DEF))) for iri in sorted(listed - known)]
        shown: dict[str, Any] = {"things": things, "claims": claims, "listed": listed, "questions": site.questions.all()}
        page = site.render(
            request,
            "home.html",
            **shown,
            panels=panels_of_page(site, request, "home"),
            changed=_changed(site, choose_language(request)),
            about=describe_dataset(site.manifest) if site.manifest else None,
        )
        if site.manifest:
            page.headers["Link"] = links_of_dataset(site.manifest)
        return page

    @router.get("/questions")
    def questions(request: Request) -> Response:
        """The stored questions, as the SPARQL page lists them or as data."""
        wanted = negotiate(heed(request, "Accept"), (HTML, JSON, *GRAPHS))[0]
        if wanted in GRAPHS:
            return RedirectResponse(f"/.well-known/sparql-examples.{wanted.ending}", 303)
        if wanted is HTML:
            return RedirectResponse(f"/sparql?{request.url.query}#examples", 303)
        language = choose_language(request)
        listed = [{"name": q.name, "title": q.title(language), "parameters": q.parameters} for q in site.questions.all()]
        return JSONResponse(listed, headers={"Cache-Control": PUBLIC})

    @router.get("/questions/{name}")
    def question(request: Request, name: str) -> Response:
        """A stored question, opened with its answer on the SPARQL page; its own parameters may be given others."""
        if successor := successor_of(site, f"{BASE}questions/{name}", request):
            return RedirectResponse(f"{local_path(successor)}{site.keep(request)}", 301)
        given = dict(request.query_params)
        language = given.pop("lang", None)
        text = site.questions.find(name).bound(given)
        wanted = negotiate(heed(request, "Accept"), (HTML, *GRAPHS))[0]
        if wanted in GRAPHS:
            return RedirectResponse(f"/.well-known/sparql-examples.{wanted.ending}", 303)
        return RedirectResponse("/sparql?" + urlencode({"query": text, **({"lang": language} if language else {})}), 303)

    @router.get("/about")
    def about_us(request: Request) -> Response:
        return site.render(request, "about.html")

    @router.get("/problem")
    def problems(request: Request) -> Response:
        """What each type of problem means (RFC 9457, 3.1.1)."""
        return site.render(request, "problems.html", kinds=KINDS)

    @router.get("/page/{path:path}")
    def thing(request: Request, path: str, on: date | None = None, start: Annotated[int, Query(ge=0)] = 0) -> Response:
        iri = thing_of(path)
        if successor := successor_of(site, iri, request):
            return RedirectResponse(f"/page{local_path(successor).removeprefix('/id')}{site.keep(request)}", 301)
        query = f"?{request.url.query}" if request.url.query else ""
        if iri in site.parts:
            of = local_path(site.parts[iri].of).removeprefix("/id")
            return RedirectResponse(kept_part(site, iri, request) or f"/page{of}{query}", 303)
        if subject := site.entities.subject_of_claim(iri):
            return RedirectResponse(f"/page{local_path(subject).removeprefix('/id')}{query}#{path.rpartition('/')[2]}", 303)
        page = site.entities.page(iri, choose_language(request), start)
        local = local_path(iri).removeprefix("/id")
        language = choose_language(request)
        shown: dict[str, Any] = {
            "page": page,
            "glance": glance(site, (page.kinds[0].iri or "").removeprefix(DEF), iri, language) if page.kinds else [],
            "strip": draw_timeline(page),
            "owners": draw_ownership(site, request, page, on),
            "about": about(page),
            "related": related(site, iri, language),
            "panels": panels_of_thing(site, request, page),
            "contradicted": site.entities.disputes(language, iri) if DEF + "Source" in page.classes else [],
            "changed": site.dates.get(iri, ""),
            "cited": sentence(work_of(site, page, language)),
        }
        answer = site.render(request, "thing.html", **shown, document="/data" + local, sep=".", cite="/cite" + local)
        answer.headers["Link"] = _links(iri, "/data" + local)
        return answer

    @router.get("/resource")
    def resource(
        request: Request,
        iri: str,
        ending: Annotated[str | None, Query(alias="format")] = None,
        start: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        if is_ours(iri) and not iri.startswith(DEF):
            return RedirectResponse(local_path(iri), 303)
        if ending:
            return rdf(site, iri, by_name(ending, GRAPHS))
        page = site.entities.page(iri, choose_language(request), start)
        address = str(request.url.include_query_params(iri=iri).remove_query_params("lang").query)
        return site.render(request, "thing.html", page=page, document=f"/resource?{address}", sep="&format=", **_NO_PANELS)

    return router


def _changed(site: Site, language: str) -> list[tuple[Value, str]]:
    """What was changed last, with the day."""
    told = ((day, iri) for iri, day in site.dates.items() if iri.startswith(_TOLD))
    place = {kind: number for number, kind in enumerate(_TOLD)}
    ordered = sorted(told, key=lambda pair: (-date.fromisoformat(pair[0]).toordinal(), place[_kind(pair[1])], pair[1]))
    latest = ordered[:_LATEST]
    names = site.entities.names([iri for _, iri in latest], language)
    return [(names[iri], day) for day, iri in latest]


def _kind(iri: str) -> str:
    return next(kind for kind in _TOLD if iri.startswith(kind))


def _links(iri: str, document: str) -> str:
    """Where the data, the licence and the lasting address of a page are (signposting.org)."""
    return (
        f'<{iri}>; rel="cite-as", <{document}.ttl>; rel="describedby"; type="text/turtle", '
        f'<{document}.jsonld>; rel="describedby"; type="application/ld+json", '
        f'<{document}.ttl>; rel="alternate"; type="text/turtle", <{document}.jsonld>; rel="alternate"; type="application/ld+json", '
        f'<{document}.nt>; rel="alternate"; type="application/n-triples", '
        f'<{document}.rdf>; rel="alternate"; type="application/rdf+xml", '
        f'<{DATASET}>; rel="collection", <https://schema.org/AboutPage>; rel="type", <{LICENCE}>; rel="license"'
    )
