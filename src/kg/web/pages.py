"""Pages that people read: a path comes in; home, things, stored questions and the ontology go out as HTML."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from kg.cite import sentence
from kg.formats import GRAPHS, HTML, JSON, by_name, negotiate
from kg.names import DEF, LICENCE, ONTOLOGY, is_ours, local_path
from kg.web.browsing import glance, related
from kg.web.citing import work_of
from kg.web.documents import is_ontology, rdf, thing_of
from kg.web.machines import about
from kg.web.panels import draw_ownership, draw_timeline
from kg.web.problems import KINDS
from kg.web.site import PUBLIC, Site
from kg.web.text import choose_language

_NO_PANELS: dict[str, Any] = {"cite": "", "glance": [], "strip": "", "owners": None, "related": [], "about": None}


def pages(site: Site) -> APIRouter:
    """Routes for people."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/")
    def home(request: Request) -> Response:
        things, claims = site.entities.classes(choose_language(request))
        listed = {DEF + cls for cls in site.lists.classes}
        return site.render(request, "home.html", things=things, claims=claims, listed=listed, questions=site.questions.all())

    @router.get("/questions")
    def questions(request: Request) -> Response:
        """The stored questions, as the SPARQL page lists them or as data."""
        if negotiate(request.headers.get("accept"), (HTML, JSON))[0] is HTML:
            return RedirectResponse(f"/sparql?{request.url.query}#examples", 303)
        language = choose_language(request)
        listed = [{"name": q.name, "title": q.title(language), "parameters": q.parameters} for q in site.questions.all()]
        return JSONResponse(listed, headers={"Cache-Control": PUBLIC})

    @router.get("/questions/{name}")
    def question(request: Request, name: str) -> Response:
        """A stored question, opened with its answer on the SPARQL page; its own parameters may be given others."""
        given = dict(request.query_params)
        language = given.pop("lang", None)
        text = site.questions.find(name).bound(given)
        return RedirectResponse("/sparql?" + urlencode({"query": text, **({"lang": language} if language else {})}), 303)

    @router.get("/problem")
    def problems(request: Request) -> Response:
        """What each type of problem means (RFC 9457, 3.1.1)."""
        return site.render(request, "problems.html", kinds=KINDS)

    @router.get("/page/def")
    def ontology(request: Request) -> Response:
        terms = site.entities.terms(ONTOLOGY, choose_language(request))
        return site.render(request, "ontology.html", terms=terms, iri=ONTOLOGY, document="/data/def")

    @router.get("/page/{path:path}")
    def thing(request: Request, path: str, on: date | None = None) -> Response:
        iri = thing_of(path)
        query = f"?{request.url.query}" if request.url.query else ""
        if is_ontology(iri) and site.entities.exists(iri):
            return RedirectResponse(f"/page/def{query}", 303)
        if subject := site.entities.subject_of_claim(iri):
            return RedirectResponse(f"/page{local_path(subject).removeprefix('/id')}{query}#{path.rpartition('/')[2]}", 303)
        page = site.entities.page(iri, choose_language(request))
        local = local_path(iri).removeprefix("/id")
        language = choose_language(request)
        shown: dict[str, Any] = {
            "page": page,
            "glance": glance(site, (page.kinds[0].iri or "").removeprefix(DEF), iri, language) if page.kinds else [],
            "strip": draw_timeline(page),
            "owners": draw_ownership(site, request, page, on),
            "about": about(page),
            "related": related(site, iri, language),
            "cited": sentence(work_of(site, page, language)),
        }
        answer = site.render(request, "thing.html", **shown, document="/data" + local, sep=".", cite="/cite" + local)
        answer.headers["Link"] = _links(iri, "/data" + local)
        return answer

    @router.get("/resource")
    def resource(request: Request, iri: str, ending: Annotated[str | None, Query(alias="format")] = None) -> Response:
        if is_ours(iri) and not iri.startswith(DEF):
            return RedirectResponse(local_path(iri), 303)
        if ending:
            return rdf(site, iri, by_name(ending, GRAPHS))
        page = site.entities.page(iri, choose_language(request))
        address = str(request.url.include_query_params(iri=iri).remove_query_params("lang").query)
        return site.render(request, "thing.html", page=page, document=f"/resource?{address}", sep="&format=", **_NO_PANELS)

    return router


def _links(iri: str, document: str) -> str:
    """Where the data, the licence and the lasting address of a page are (signposting.org)."""
    return (
        f'<{iri}>; rel="cite-as", <{document}.ttl>; rel="describedby"; type="text/turtle", '
        f'<{document}.jsonld>; rel="describedby"; type="application/ld+json", <{LICENCE}>; rel="license"'
    )
