"""Words that a reader typed come in; a page of what they may mean, the same as JSON, or suggestions for a browser go out."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from kg.formats import HTML, JSON, by_name, negotiate
from kg.index import fold
from kg.names import compact, is_ours
from kg.search import Found
from kg.web.documents import is_ontology
from kg.web.places import place_of
from kg.web.site import PUBLIC, Site
from kg.web.text import choose_language, page_link
from kg.web.variants import heed

_PER_PAGE = 20
_CALLED, _NUMBERED = ("name", "alias"), ("identifier",)
_SUGGESTED = 8
_LONGEST = 500  # characters; nobody types more
_OPENSEARCH = """<?xml version="1.0" encoding="UTF-8"?>
<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">
<ShortName>Vigía</ShortName>
<Description>Surveillance technology in Latin America</Description>
<InputEncoding>UTF-8</InputEncoding>
<Url type="text/html" template="{base}search?q={{searchTerms}}"/>
<Url type="application/json" template="{base}search?q={{searchTerms}}&amp;format=json"/>
<Url type="application/x-suggestions+json" template="{base}suggest?q={{searchTerms}}"/>
</OpenSearchDescription>
"""

Words = Annotated[str, Query(max_length=_LONGEST)]


def searching(site: Site) -> APIRouter:
    """Routes for search."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/search")
    def search(
        request: Request,
        q: Words = "",
        cls: Annotated[str, Query(alias="class", max_length=_LONGEST)] = "",
        start: Annotated[int, Query(ge=0, le=100_000)] = 0,
        ending: Annotated[str | None, Query(alias="format")] = None,
    ) -> Response:
        found = site.search.find(q, cls, start, _PER_PAGE)
        results = _introduced(site, found, choose_language(request))
        wanted = by_name(ending, (HTML, JSON)) if ending else negotiate(heed(request, "Accept"), (HTML, JSON))[0]
        if wanted is JSON:
            listed = [
                {"iri": hit.iri, "name": name.text, "class": hit.cls, "found": hit.text, "in": hit.field}
                for hit, name, *_ in results
            ]
            answer = {"query": q, "instead": found.instead, "total": found.total, "classes": found.classes, "results": listed}
            return JSONResponse(answer, headers={"Cache-Control": PUBLIC})
        kinds = site.entities.names([kind for kind in found.classes if kind], choose_language(request))
        shown: dict[str, Any] = {"q": q, "cls": cls, "found": found, "results": results, "kinds": kinds}
        return site.render(request, "search.html", **shown, start=start, step=_PER_PAGE)

    @router.get("/suggest")
    def suggest(request: Request, q: Words = "") -> Response:
        """As browsers ask for it (OpenSearch suggestions extension 1.1)."""
        found = site.search.find(q, limit=_SUGGESTED)
        results = _introduced(site, found, choose_language(request))
        base = str(request.base_url)
        names = [name.text for _, name, *_ in results]
        kinds = [kind.text if kind else "" for *_, kind, _ in results]
        addresses = [f"{base}resource?iri={quote(hit.iri, safe='')}" for hit, *_ in results]
        return JSONResponse(
            [q, names, kinds, addresses], headers={"Cache-Control": PUBLIC}, media_type="application/x-suggestions+json"
        )

    @router.get("/things.js")
    def things(request: Request) -> Response:
        """All that can be found, for the search of a copy of the site as files: a script, as pages on a disk may load no JSON."""
        listed = json.dumps(_all_things(site, choose_language(request)), ensure_ascii=False, separators=(",", ":"))
        return Response(f"const THINGS = {listed};\n", media_type="text/javascript", headers={"Cache-Control": PUBLIC})

    @router.get("/words.json")
    def words(request: Request) -> Response:
        """What a query may name: how it is written there, and what it is called."""
        named = site.entities.words(choose_language(request))
        return JSONResponse([(compact(value.iri or ""), value.text) for value in named], headers={"Cache-Control": PUBLIC})

    @router.get("/opensearch.xml")
    def opensearch(request: Request) -> Response:
        body = _OPENSEARCH.format(base=request.base_url)
        return Response(body, media_type="application/opensearchdescription+xml", headers={"Cache-Control": PUBLIC})

    return router


def _all_things(site: Site, language: str) -> list[dict[str, Any]]:
    """Each thing with what it is called, in the language and otherwise, its numbers, what is said of it, and its file."""
    # Versions of the ontology and its alignments have no page of their own.
    ours = [row for row in site.search.everything() if is_ours(row[0]) and not is_ontology(row[0])]
    names = site.entities.names({*(iri for iri, *_ in ours), *(cls for _, cls, *_ in ours if cls)}, language)
    said = site.entities.descriptions([iri for iri, *_ in ours], language)
    listed = []
    for iri, cls, links, texts in ours:
        place, name = place_of(f"{page_link(iri)}?lang={language}"), names[iri]
        by = {wanted: list(dict.fromkeys(text for field, text in texts if field in wanted)) for wanted in (_CALLED, _NUMBERED)}
        listed.append(
            {
                "file": place.file.partition("/")[2] if place else "",
                "name": name.text,
                "language": name.language,
                "kind": names[cls].text if cls else "",
                "links": links,
                "called": [text for text in by[_CALLED] if text != name.text],
                "numbers": by[_NUMBERED],
                "said": said[iri].text if iri in said else "",
            }
        )
    return listed


def _introduced(site: Site, found: Found, language: str) -> list[tuple[Any, ...]]:
    """Each hit with its name, the text that was found unless it is the name, its kind, and what is said of it."""
    iris = [hit.iri for hit in found.hits]
    names = site.entities.names({*iris, *(hit.cls for hit in found.hits if hit.cls)}, language)
    said = site.entities.descriptions(iris, language)
    results = []
    for hit in found.hits:
        name = names[hit.iri]
        by = hit.text if hit.field != "text" and fold(hit.text) != fold(name.text) else None
        results.append((hit, name, by, names.get(hit.cls), said.get(hit.iri)))
    return results
