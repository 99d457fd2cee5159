"""The path of a page comes in; how to cite the page, or the sources that it rests on, goes out as BibTeX, CSL-JSON or text.

A page tells what is newer, so that its bytes change: a citation of it has the hash of its RDF in the release, which do not.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from kg.cite import Work, bibtex, csl, sentence
from kg.errors import NotFound
from kg.formats import N_TRIPLES
from kg.names import AUTHOR, BASE, layer, local_path
from kg.page import Page
from kg.void import TITLE
from kg.web.documents import digest, thing_of
from kg.web.site import PUBLIC, Site
from kg.web.text import choose_language


def citing(site: Site) -> APIRouter:
    """Routes for citations."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/cite/{path:path}")
    def cite(request: Request, path: str, of: Annotated[Literal["page", "sources"], Query()] = "page") -> Response:
        path, dot, ending = path.rpartition(".")
        if not dot or ending not in ("bib", "json", "txt"):
            raise NotFound("Citations come as .bib (BibTeX), .json (CSL-JSON) and .txt.")
        language = choose_language(request)
        page = site.entities.page(thing_of(path), language)
        works = [work_of(site, page, language)] if of == "page" else sources_of(site, page, language)
        headers = {"Cache-Control": PUBLIC}
        if ending == "json":
            return JSONResponse(csl(works), headers=headers, media_type="application/vnd.citationstyles.csl+json")
        if ending == "txt":
            return PlainTextResponse("".join(f"{sentence(work)}\n" for work in works), headers=headers)
        return Response(bibtex(works), media_type="application/x-bibtex; charset=utf-8", headers=headers)

    return router


def work_of(site: Site, page: Page, language: str) -> Work:
    """The page itself: what we have put together, not what its sources say."""
    manifest = site.manifest
    released = manifest.version if manifest else ""
    version = released or f"unreleased ({manifest.id})" if manifest else ""
    return Work(
        f"{page.iri}?release={released}" if released else page.iri,  # two releases are two works
        page.name.text,
        authors=(AUTHOR,),
        # Of a release the address of the page as it is in that release, for good.
        url=f"{page.iri}?release={released}" if released else page.iri,
        issued=released[:10] or site.dates.get(page.iri, ""),
        language=page.name.language or language,
        container=TITLE["en"],
        version=version,
        note=_pinned(site, page.iri, released) if released and not page.iri.startswith(layer("")) else "",
    )


def _pinned(site: Site, iri: str, released: str) -> str:
    """What of the page never changes, with its hash, and where it answers; that address refuses to give anything else."""
    sha256 = digest(site, iri)
    document = f"{BASE}data{local_path(iri).removeprefix('/id')}.{N_TRIPLES.ending}"
    return f"RDF SHA-256 {sha256}: {document}?release={released}&sha256={sha256}"


def sources_of(site: Site, page: Page, language: str) -> list[Work]:
    """The works that its footnotes name, each once, in their order."""
    named = [value.iri for note in page.notes for value in (note.source, note.via) if value and value.iri]
    return site.entities.works(list(dict.fromkeys(named)), language)
