"""Pages that people read: a path comes in; home, lists, things and the ontology go out as HTML."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from kg.errors import NotFound
from kg.formats import GRAPHS, HTML, JSON, by_name, negotiate
from kg.names import DEF, ONTOLOGY, PREFIXES, is_ours, local_path
from kg.web.documents import is_ontology, rdf, thing_of
from kg.web.problems import KINDS
from kg.web.site import PUBLIC, Site
from kg.web.text import choose_language

_PER_PAGE = 200


def pages(site: Site) -> APIRouter:
    """Routes for people."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/")
    def home(request: Request) -> Response:
        things, claims = site.entities.classes(choose_language(request))
        return site.render(request, "home.html", things=things, claims=claims, questions=site.questions.all())

    @router.get("/browse")
    def browse(request: Request, cls: Annotated[str, Query(alias="class")], start: Annotated[int, Query(ge=0)] = 0) -> Response:
        language = choose_language(request)
        iri = PREFIXES["kg"] + cls if cls.isalnum() else cls
        things, total = site.entities.members(iri, language, start, _PER_PAGE)
        if not total and not site.entities.exists(iri):
            raise NotFound(f"There is no class <{iri}> here.")
        name = site.entities.names([iri], language)[iri]
        return site.render(request, "browse.html", name=name, cls=cls, things=things, total=total, start=start, step=_PER_PAGE)

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
    def thing(request: Request, path: str) -> Response:
        iri = thing_of(path)
        query = f"?{request.url.query}" if request.url.query else ""
        if is_ontology(iri) and site.entities.exists(iri):
            return RedirectResponse(f"/page/def{query}", 303)
        if subject := site.entities.subject_of_claim(iri):
            return RedirectResponse(f"/page{local_path(subject).removeprefix('/id')}{query}#{path.rpartition('/')[2]}", 303)
        page = site.entities.page(iri, choose_language(request))
        return site.render(request, "thing.html", page=page, document="/data" + local_path(iri).removeprefix("/id"), sep=".")

    @router.get("/resource")
    def resource(request: Request, iri: str, ending: Annotated[str | None, Query(alias="format")] = None) -> Response:
        if is_ours(iri) and not iri.startswith(DEF):
            return RedirectResponse(local_path(iri), 303)
        if ending:
            return rdf(site, iri, by_name(ending, GRAPHS))
        page = site.entities.page(iri, choose_language(request))
        address = str(request.url.include_query_params(iri=iri).remove_query_params("lang").query)
        return site.render(request, "thing.html", page=page, document=f"/resource?{address}", sep="&format=")

    return router
