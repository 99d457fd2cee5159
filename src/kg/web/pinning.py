"""A query comes in; how to cite its answer so that anybody can check it later goes out, and the answer itself, in a fixed form.

An answer is fixed as SPARQL TSV, or N-Triples for a graph, with its lines in the order of their bytes: engines may give rows in any
order, and each of these lines is one whole row. The hash is over that text.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from kg.cite import Work, bibtex, csl, sentence
from kg.errors import BadRequest, Differs, NotFound
from kg.formats import N_TRIPLES, TSV
from kg.names import AUTHOR, BASE, PREFIXES
from kg.sparql import is_open, is_volatile
from kg.store import Request as StoreRequest
from kg.void import TITLE
from kg.web.answers import asker, hang_up
from kg.web.site import PUBLIC, Site
from kg.web.text import choose_language

_PATH = "/cited"
_PREFIX = re.compile(r"PREFIX\s+([\w-]+):", re.IGNORECASE)
_ENDINGS = ("html", "bib", "json", "txt", "tsv", "nt")
_TITLE_LENGTH = 80  # characters of a query that stand for its title


@dataclass(frozen=True)
class Fixed:
    """An answer in its fixed form."""

    body: bytes
    format: str  # the ending: tsv or nt
    rows: int
    query_hash: str
    hash: str
    is_open: bool  # whether an engine may choose among several answers


def pinning(site: Site) -> APIRouter:
    """Routes for answers that are cited."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get(_PATH)
    @router.get(_PATH + ".{ending}")
    async def cited(request: Request, query: str, ending: str = "html", sha256: str = "") -> Response:
        if ending not in _ENDINGS:
            raise NotFound(f"A cited answer comes as one of {', '.join(_ENDINGS)}. [got {ending[:20]}]")
        fixed = await _fix(site, request, query)
        sha256 = sha256.strip(" .").lower()
        if sha256 and sha256 != fixed.hash:
            raise Differs(_explained(site, fixed, sha256))
        if ending in ("tsv", "nt"):
            return _answer(fixed, ending)
        return await run_sync(_citation, site, request, query, fixed, ending)

    return router


async def _fix(site: Site, request: Request, query: str) -> Fixed:
    if is_volatile(query):
        raise BadRequest(
            "The answer to this query cannot be fixed: it names the time, chance, or other servers (NOW, RAND, UUID, SERVICE …)."
        )
    wanted = StoreRequest(query, TSV.name, N_TRIPLES.name)
    answer = await site.store.query(wanted, asker(request.scope), lambda: hang_up(request.receive))
    body = answer.body
    if not isinstance(body, bytes):
        with body as file:
            file.seek(0)
            body = await run_sync(file.read)
    return await run_sync(_fixed, query, body, TSV.ending if answer.format == TSV.name else N_TRIPLES.ending)


def _fixed(query: str, body: bytes, ending: str) -> Fixed:
    lines = body.splitlines(keepends=True)
    head, rows = (lines[:1], lines[1:]) if ending == TSV.ending else ([], lines)
    text = b"".join([*head, *sorted(rows)])
    return Fixed(text, ending, len(rows), query_hash(query), hashlib.sha256(text).hexdigest(), is_open(query))


def query_hash(query: str) -> str:
    """SHA-256 of a query's text: UTF-8, with the line ends of Unix, and no blanks around it."""
    return hashlib.sha256(query.replace("\r\n", "\n").strip().encode()).hexdigest()


def _explained(site: Site, fixed: Fixed, sha256: str) -> str:
    name = site.manifest.name if site.manifest else ""
    return (
        f"The answer is not the one that was cited: its hash is {fixed.hash}, not {sha256[:64]}. "
        f"This is release {name}; name the one that was cited by release=, or the query is another"
        + (", or an engine chose other rows: it has LIMIT, OFFSET, SAMPLE or GROUP_CONCAT." if fixed.is_open else ".")
    )


def _answer(fixed: Fixed, ending: str) -> Response:
    if ending != fixed.format:
        raise NotFound(f"The answer to this query comes as .{fixed.format}, not as .{ending}.")
    kind = TSV.media_type if ending == TSV.ending else N_TRIPLES.media_type
    headers = {"Cache-Control": PUBLIC, "Repr-Digest": f"sha-256=:{_base64(fixed.hash)}:"}
    return Response(fixed.body, headers=headers, media_type=f"{kind}; charset=utf-8")


def _base64(digest: str) -> str:
    """A digest as RFC 9530 writes it."""
    return base64.b64encode(bytes.fromhex(digest)).decode()


def _citation(site: Site, request: Request, query: str, fixed: Fixed, ending: str) -> Response:
    work = _work(site, query, fixed, choose_language(request))
    headers = {"Cache-Control": PUBLIC}
    if ending == "bib":
        return Response(bibtex([work]), headers=headers, media_type="application/x-bibtex; charset=utf-8")
    if ending == "json":
        return JSONResponse(csl([work]), headers=headers, media_type="application/vnd.citationstyles.csl+json")
    if ending == "txt":
        return PlainTextResponse(sentence(work) + "\n", headers=headers)
    values: dict[str, Any] = {
        "query_with_prefixes": _complete(query),
        "fixed": fixed,
        "cited": sentence(work),
        "address": "/" + work.url.removeprefix(BASE),
    }
    return site.render(request, "cited.html", asked=urlencode({"query": query}), **values)


def _complete(query: str) -> str:
    """The query with the prefixes that need not be declared here, but elsewhere."""
    declared = set(_PREFIX.findall(query))
    lines = [
        f"PREFIX {name}: <{space}>\n"
        for name, space in PREFIXES.items()
        if re.search(rf"(?<![\w-]){name}:", query) and name not in declared
    ]
    return "".join(lines) + query


def _work(site: Site, query: str, fixed: Fixed, language: str) -> Work:
    question = site.questions.asked_by(query)
    title = question.title(language) if question else " ".join(query.split())
    if len(title) > _TITLE_LENGTH and not question:
        title = title[:_TITLE_LENGTH].rstrip() + " …"
    version = site.manifest.version if site.manifest else ""
    pinned = {"query": query, **({"release": version} if version else {}), "sha256": fixed.hash}
    return Work(
        f"{BASE}id/answer/{fixed.query_hash[:12]}",
        title,
        kind="dataset",
        authors=(AUTHOR,),
        issued=version[:10],
        url=f"{BASE.rstrip('/')}{_PATH}.{fixed.format}?{urlencode(pinned)}",
        language=language,
        container=TITLE["en"],
        version=version or f"unreleased ({site.manifest.id if site.manifest else ''})",
        note=f"Query SHA-256 {fixed.query_hash}; answer SHA-256 {fixed.hash}",
    )
