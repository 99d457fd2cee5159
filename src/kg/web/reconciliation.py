"""Names from a table come in; the things that they may mean, and values of these, go out (Reconciliation Service API 0.2)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import pyoxigraph as ox
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from kg.catalogue import Catalogue, long_name, short_name
from kg.directory import SPACE
from kg.errors import BadRequest, KgError, NotFound, TooLarge, WrongMethod
from kg.index import fold
from kg.matching import Candidate, Wanted, decide
from kg.names import BASE, DEF, IDENTIFIERS, PREFIXES, compact
from kg.page import Value
from kg.store import Term
from kg.web.browsing import glance
from kg.web.problems import problem_of
from kg.web.protocol import Room, read_form
from kg.web.site import PUBLIC, Site
from kg.web.text import LANGUAGES, choose_language

PATH = "/reconcile"
_BODY = 1_000_000  # bytes of one request
_ROOM = 20_000_000  # bytes of bodies that may be arriving
_KEYS = {"query", "type", "limit", "properties", "type_strict"}
_BATCH = 50  # queries in one request
_LONGEST = 1000  # characters of a name
_LIMIT, _MOST = 5, 50  # candidates for one query, unless it says otherwise and at most
_MOST_PROPERTIES = 10
_IDS, _COLUMNS = 1000, 20  # of one extension
_SUGGESTED = 10
_CONFIRMED, _REFUTED = 1.0, -1.5  # what a property that agrees, or does not, adds to the logarithm of the odds
_CERTAIN = 20.0  # and that of an identifier
_CALLBACK = re.compile(r"[A-Za-z_$][\w$]{0,99}(\.[A-Za-z_$][\w$]{0,99}){0,5}", re.ASCII)
_USUAL = ("Organisation", "Company", "PublicBody", "Initiative", "Place")  # types to offer first
_IDENTIFYING = {"wikidata", *map(short_name, IDENTIFIERS)}
_NUMBERS = {PREFIXES["xsd"] + name: key for name, key in (("integer", "int"), ("decimal", "float"))}
# A page of ours that may stand within pages of others: a preview.
_FRAMED = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors *"
_WIDTH, _HEIGHT = 420, 180  # pixels
_SUB = ("", "suggest/entity", "suggest/type", "suggest/property", "flyout", "properties", "preview")
_PARTS = {f"{language}/{part}".strip("/") for language in ("", *LANGUAGES) for part in _SUB}
Json = dict[str, Any]


@dataclass(frozen=True)
class _Query:
    """One name with what else its row says."""

    wanted: Wanted
    properties: tuple[tuple[str, tuple[str, ...]], ...]
    identifiers: tuple[str, ...]
    preferred: frozenset[str]  # classes that count for a thing, but are not asked for
    limit: int


def reconciliation(site: Site) -> APIRouter:
    """Routes of the service: at its address in the language of the client, and below it in each language."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)
    room = Room(_ROOM)

    async def service(request: Request) -> Response:
        return await _answered(request, lambda: _serve(site, request, room))

    def answering(make: Callable[[Site, Request], Json]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            async def made() -> Json:
                return await run_sync(make, site, request)

            return await _answered(request, made)

        return answer

    def preview(request: Request) -> Response:
        try:
            return _preview(site, request)
        except KgError as error:
            return JSONResponse(*_told(error))

    async def refuse(request: Request) -> Response:
        """What is not a part of the service."""

        async def made() -> Json:
            part = request.url.path.removeprefix(PATH).strip("/")
            if part in _PARTS:
                allowed = "GET, HEAD, POST, OPTIONS" if part in ("", *LANGUAGES) else "GET, HEAD, OPTIONS"
                raise WrongMethod(f"This address does not answer to {request.method:.20}.", allowed)
            raise NotFound(f"There is no such part of this service. Parts: {', '.join(sorted(filter(None, _PARTS)))}.")

        return await _answered(request, made)

    for language in ("", *LANGUAGES):
        path = f"{PATH}/{language}".rstrip("/")
        router.add_api_route(path, service, methods=["GET", "POST"])
        router.add_api_route(f"{path}/suggest/entity", answering(_suggest_entities), methods=["GET"])
        router.add_api_route(f"{path}/suggest/type", answering(_suggest_types), methods=["GET"])
        router.add_api_route(f"{path}/suggest/property", answering(_suggest_properties), methods=["GET"])
        router.add_api_route(f"{path}/flyout", answering(_flyout), methods=["GET"])
        router.add_api_route(f"{path}/properties", answering(_propose), methods=["GET"])
        router.add_api_route(f"{path}/preview", preview, methods=["GET"])
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    for path in (PATH, f"{PATH}/{{rest:path}}"):
        router.add_api_route(path, refuse, methods=methods)
    return router


async def _answered(request: Request, make: Callable[[], Any]) -> Response:
    """An answer or an error as JSON, or as the script that a callback asks for."""
    callback = request.query_params.get("callback")
    try:
        if callback is not None and not _CALLBACK.fullmatch(callback):
            callback = None
            raise BadRequest("A callback is the name of a function, such as jsonp1.")
        body, status = await make(), 200
        headers = {"Cache-Control": PUBLIC if request.method == "GET" else "no-store"}
    except KgError as error:
        body, status, headers = _told(error)
    if callback is None:
        return JSONResponse(body, status, headers)
    # A script that has another status is not run, and one that begins with a comment is no file of another kind.
    script = f"/**/{callback}({json.dumps(body)});".replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Response(script, 200, headers, "text/javascript; charset=utf-8")


def _told(error: KgError) -> tuple[Json, int, dict[str, str]]:
    """An error as clients of this protocol show it to people: the body, the status and the headers of its answer."""
    problem = problem_of(error)
    body = {"status": "error", "message": str(error), "code": problem.type}
    return body, problem.status.value, problem.headers | {"Cache-Control": "no-store"}


async def _serve(site: Site, request: Request, room: Room) -> Json:
    given = dict(request.query_params)
    if request.method == "POST":
        given |= dict(await read_form(request.receive, request.headers.get("content-type", ""), _BODY, room))
    if "queries" in given:
        return await run_sync(_reconcile, site, request, given["queries"])
    if "extend" in given:
        return await run_sync(_extend, site, request, given["extend"])
    if "query" in given:
        raise BadRequest('Send queries as a batch: queries={"q0": {"query": "…"}}.')
    return _manifest(site, request)


def _manifest(site: Site, request: Request) -> Json:
    called = site.entities.names([DEF + name for name in _USUAL], _language(request))
    base = str(request.base_url).rstrip("/")
    own = request.url.path.rstrip("/")

    def at(path: str) -> Json:
        return {"service_url": base, "service_path": own + path}

    suggest = {kind: at(f"/suggest/{kind}") for kind in ("entity", "type", "property")}
    suggest["entity"]["flyout_service_url"], suggest["entity"]["flyout_service_path"] = base, own + "/flyout?id=${id}"
    return {
        "versions": ["0.2"],
        "name": "Vigía: surveillance technology in Latin America",
        "identifierSpace": SPACE,
        "schemaSpace": DEF,
        "documentation": base + "/about",
        "logo": base + "/apple-touch-icon.png",
        "defaultTypes": [{"id": name, "name": called[DEF + name].text} for name in _USUAL],
        "view": {"url": base + "/id/{{id}}"},
        "preview": {"url": f"{base}{own}/preview?id={{{{id}}}}", "width": _WIDTH, "height": _HEIGHT},
        "suggest": suggest,
        "extend": {
            "propose_properties": at("/properties"),
            "property_settings": [
                {"name": "limit", "label": "Limit", "type": "number", "default": 0, "help_text": "Most values of a row, 0 for all"}
            ],
        },
        "batchSize": _BATCH,
    }


# Matching


def _reconcile(site: Site, request: Request, text: str) -> Json:
    queries = _object(text, "queries")
    if len(queries) > _BATCH:
        raise TooLarge(f"A batch has at most {_BATCH} queries. [got {len(queries):,}]")
    read = {key: _read_query(site.catalogue, key, query) for key, query in queries.items()}
    found = {key: _match(site, query) for key, query in read.items()}
    listed = {candidate.iri for candidates in found.values() for candidate in candidates}
    kinds = site.catalogue.narrowest(listed)
    names = site.entities.names({*listed, *(kind for each in kinds.values() for kind in each)}, _language(request))
    return {
        key: {"result": [_candidate(candidate, names, kinds[candidate.iri]) for candidate in candidates]}
        for key, candidates in found.items()
    }


def _candidate(candidate: Candidate, names: Mapping[str, Value], kinds: Sequence[str]) -> Json:
    features: list[Json] = [{"id": "name", "value": round(100 * candidate.named, 1)}]
    if candidate.country is not None:
        features.append({"id": "country", "value": candidate.country})
    return {
        "id": candidate.iri.removeprefix(SPACE),
        "name": names[candidate.iri].text,
        "score": candidate.score,
        "match": candidate.is_match,
        "type": [{"id": kind.removeprefix(DEF), "name": names[kind].text} for kind in kinds],
        "features": features,
    }


def _match(site: Site, query: _Query) -> list[Candidate]:
    catalogue = site.catalogue
    known = [iri for text in query.identifiers for iri in catalogue.with_identifier(text)]
    classes = catalogue.classes(known) if query.wanted.classes else {}
    known = [iri for iri in known if not query.wanted.classes or query.wanted.classes & classes.get(iri, frozenset())]
    if known:
        sure = len(set(known)) == 1
        return [Candidate(iri, "", _CERTAIN, 1.0, None, sure) for iri in dict.fromkeys(known)][: query.limit]
    if not query.wanted.name.strip():
        return []  # things are found by names and identifiers only
    found = catalogue.matcher.find(query.wanted, max(query.limit, _MOST))
    if query.preferred:
        classes = catalogue.matched(candidate.iri for candidate in found)
        found = [
            candidate if query.preferred & classes[candidate.iri] else replace(candidate, odds=candidate.odds + _REFUTED)
            for candidate in found
        ]
    if query.properties and found:
        found = _weighed(site, query, found)
    if query.preferred or query.properties:
        found = decide(replace(candidate, is_match=False) for candidate in found)
    return found[: query.limit]


def _weighed(site: Site, query: _Query, found: list[Candidate]) -> list[Candidate]:
    """The candidates, those whose values are like those of the row before those whose are not."""
    values = site.catalogue.values([each.iri for each in found], [name for name, _ in query.properties])
    iris = {term.value for terms in values.values() for term in terms if isinstance(term, ox.NamedNode)}
    known = {iri: [iri, iri.removeprefix(SPACE), *texts] for iri, texts in site.entities.all_names(iris).items()}
    weighed = []
    for each in found:
        odds = each.odds
        for name, wanted in query.properties:
            if terms := values.get((each.iri, name)):
                theirs = {fold(text) for term in terms for text in known.get(_text(term), [_text(term)])}
                odds += _CONFIRMED if theirs & {fold(text) for text in wanted} else _REFUTED
        weighed.append(replace(each, odds=odds))
    return weighed


def _read_query(catalogue: Catalogue, key: str, query: Any) -> _Query:
    if not isinstance(query, dict):
        raise BadRequest(f"Query '{key[:50]}' is no object.")
    if unknown := sorted(query.keys() - _KEYS):
        raise BadRequest(f"Unknown key in query '{key[:50]}'. Keys: {', '.join(sorted(_KEYS))}. [got {unknown[0][:50]}]")
    name, strict = query.get("query", ""), query.get("type_strict", "any")
    if not isinstance(name, str):
        raise BadRequest(f"The query of '{key[:50]}' is no text.")
    if len(name) > _LONGEST:
        raise TooLarge(f"A name has at most {_LONGEST} characters. [got {len(name):,} in '{key[:50]}']")
    if strict not in ("any", "all", "should"):
        raise BadRequest(f"'type_strict' is any, all or should. [got {strict!r:.50}]")
    classes = _read_types(catalogue, query.get("type"))
    countries, identifiers, properties = _read_properties(catalogue, key, query.get("properties", []))
    if not name.strip() and not query.get("properties"):
        raise BadRequest(f"Query '{key[:50]}' has neither a name nor properties.")
    limit = query.get("limit", _LIMIT)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise BadRequest(f"'limit' is a whole number from 1. [got {limit!r:.50}]")
    asked = frozenset() if strict == "should" else classes
    return _Query(
        Wanted(name, asked, countries), properties, identifiers, classes if strict == "should" else frozenset(), min(limit, _MOST)
    )


def _read_types(catalogue: Catalogue, given: Any) -> frozenset[str]:
    listed = [given] if isinstance(given, str) else given or []
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise BadRequest("'type' is the name of a type or a list of such names.")
    known = {cls.removeprefix(DEF) for cls in catalogue.types}
    names = {each.removeprefix(DEF).removeprefix("kg:") for each in listed if each}
    if unknown := names - known:
        raise BadRequest(f"Unknown type. Types: {', '.join(sorted(known))}. [got {sorted(unknown)[0][:50]}]")
    return frozenset(DEF + name for name in names)


def _read_properties(
    catalogue: Catalogue, key: str, given: Any
) -> tuple[frozenset[str], tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """The countries, the identifiers and the other properties that a row gives."""
    if not isinstance(given, list) or len(given) > _MOST_PROPERTIES:
        raise BadRequest(f"'properties' is a list of at most {_MOST_PROPERTIES} pairs of pid and v.")
    countries: set[str] = set()
    identifiers: list[str] = []
    properties: list[tuple[str, tuple[str, ...]]] = []
    for each in given:
        if not isinstance(each, dict) or not isinstance(each.get("pid"), str) or "v" not in each:
            raise BadRequest(f"A property of '{key[:50]}' lacks pid or v.")
        name = each["pid"].removeprefix(DEF).removeprefix("kg:")
        if name not in catalogue.properties:
            raise BadRequest(f"Unknown property. Properties: {', '.join(catalogue.properties)}. [got {name[:50]}]")
        texts = tuple(text for text in (_plain(value) for value in _listed(each["v"])) if text)
        if name == "country":
            codes = (catalogue.matcher.country(text.removeprefix("country/").removeprefix(SPACE)) for text in texts)
            countries.update(code for code in codes if code)
        elif name in _IDENTIFYING:
            identifiers += [text.removeprefix(PREFIXES["wd"]) for text in texts]
        elif texts:
            properties.append((name, texts))
    return frozenset(countries), tuple(identifiers), tuple(properties)


def _listed(value: Any) -> list[Any]:
    return value[:_MOST] if isinstance(value, list) else [value]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("id", "")
    if isinstance(value, bool | int | float):
        return str(value)
    if not isinstance(value, str):
        raise BadRequest("The value of a property is a text, a number, true, false, or an object with an id.")
    return value[:_LONGEST].strip()


def _text(term: Term) -> str:
    return getattr(term, "value", "")


# Data extension


def _extend(site: Site, request: Request, text: str) -> Json:
    given = _object(text, "extend")
    ids, asked = given.get("ids"), given.get("properties")
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids) or len(ids) > _IDS:
        raise BadRequest(f"'ids' is a list of at most {_IDS} identifiers.")
    if not isinstance(asked, list) or not asked or len(asked) > _COLUMNS or not all(_has_id(each) for each in asked):
        raise BadRequest(f"'properties' is a list of 1 to {_COLUMNS} objects with an id.")
    names = [each["id"].removeprefix(DEF).removeprefix("kg:") for each in asked]
    if unknown := [name for name in names if name not in site.catalogue.properties]:
        raise BadRequest(f"Unknown property. Properties: {', '.join(site.catalogue.properties)}. [got {unknown[0][:50]}]")
    limits = [_most(each.get("settings")) for each in asked]
    asked_of = {each: _iri(each) for each in ids}
    known = site.catalogue.classes(asked_of.values())
    iris = {each: iri for each, iri in asked_of.items() if iri in known}
    values = site.catalogue.values(iris.values(), names)
    language = _language(request)
    mentioned = {term.value for terms in values.values() for term in terms if isinstance(term, ox.NamedNode)}
    called = site.entities.names({*mentioned, *map(long_name, names)}, language)
    rows = {
        each: {
            name: [_cell(term, called) for term in _in_language(values.get((iris.get(each, ""), name), []), language)][:limit]
            for name, limit in zip(names, limits, strict=True)
        }
        for each in ids
    }
    return {"meta": [{"id": name, "name": called[long_name(name)].text} for name in names], "rows": rows}


def _has_id(each: Any) -> bool:
    return isinstance(each, dict) and isinstance(each.get("id"), str)


def _most(settings: Any) -> int | None:
    limit = settings.get("limit") if isinstance(settings, dict) else None
    text = "0" if limit is None else str(limit)  # OpenRefine sends what is typed in a form
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise BadRequest(f"The setting 'limit' is a whole number from 0, which stands for all. [got {limit!r:.50}]")
    return int(text) or None


def _in_language(terms: list[Term], language: str) -> list[Term]:
    """Of texts in several languages those in the asked one, where there are any."""
    chosen = [term for term in terms if isinstance(term, ox.Literal) and term.language == language]
    return sorted(chosen or terms, key=str)


def _cell(term: Term, called: Mapping[str, Value]) -> Json:
    if isinstance(term, ox.NamedNode):
        name = called[term.value].text
        return (
            {"id": term.value.removeprefix(SPACE), "name": name}
            if term.value.startswith(SPACE)
            else {"str": _outside(term.value, name)}
        )
    text, kind = _text(term), term.datatype.value if isinstance(term, ox.Literal) else ""
    if key := _NUMBERS.get(kind):
        return {key: int(text) if key == "int" else float(text)}
    if kind == PREFIXES["xsd"] + "date":
        return {"date": f"{text}T00:00:00Z"}
    return {"str": text}


def _outside(iri: str, name: str) -> str:
    """The number of a Wikidata item, the name of a code, the address of anything else."""
    if iri.startswith(PREFIXES["wd"]):
        return iri.removeprefix(PREFIXES["wd"])
    return name if iri.startswith(BASE) else iri


def _propose(site: Site, request: Request) -> Json:
    cls = request.query_params.get("type", "").removeprefix(DEF)
    limit = _number(request, "limit", 100)
    counts = {
        name: by_class.get(DEF + cls, 0) if cls else sum(by_class.values()) for name, by_class in site.catalogue.properties.items()
    }
    names = sorted((name for name in counts if counts[name]), key=lambda name: (-counts[name], name))[:limit]
    called = site.entities.names(map(long_name, names), _language(request))
    listed = [{"id": name, "name": _called(called, long_name(name))} for name in names]
    return {"properties": listed, "limit": limit} | ({"type": cls} if cls else {})


# Suggestions and previews


def _suggest_entities(site: Site, request: Request) -> Json:
    language, start = _language(request), _number(request, "cursor", 0)
    found = site.search.find(_prefix(request), limit=start + 5 * _SUGGESTED)
    matched = site.catalogue.matched(hit.iri for hit in found.hits)
    iris = [hit.iri for hit in found.hits if hit.iri in matched][start : start + _SUGGESTED]
    kinds = site.catalogue.narrowest(iris)
    names = site.entities.names({*iris, *(kind for each in kinds.values() for kind in each)}, language)
    said = site.entities.descriptions(iris, language)
    return {
        "result": [
            {"id": iri.removeprefix(SPACE), "name": names[iri].text}
            | ({"description": said[iri].text} if iri in said else {})
            | {"notable": [{"id": kind.removeprefix(DEF), "name": names[kind].text} for kind in kinds[iri]]}
            for iri in iris
        ]
    }


def _suggest_types(site: Site, request: Request) -> Json:
    return _suggest(site, request, [(cls.removeprefix(DEF), cls) for cls in site.catalogue.types])


def _suggest_properties(site: Site, request: Request) -> Json:
    uses = {name: sum(by_class.values()) for name, by_class in site.catalogue.properties.items()}
    return _suggest(site, request, [(name, long_name(name)) for name in sorted(uses, key=lambda name: -uses[name])])


def _suggest(site: Site, request: Request, known: list[tuple[str, str]]) -> Json:
    """Terms with a name, in any language, or an identifier of which a word begins so; first those that begin so themselves."""
    prefix, start = fold(_prefix(request)), _number(request, "cursor", 0)
    texts = site.entities.all_names(iri for _, iri in known)
    fits = [(name, iri) for name, iri in known if any(_begins(text, prefix) for text in (name, *texts.get(iri, ())))]
    language = _language(request)
    fits.sort(key=lambda fit: not any(fold(text).startswith(prefix) for text in (fit[0], *texts.get(fit[1], ()))))
    called, said = (
        site.entities.names([iri for _, iri in fits], language),
        site.entities.descriptions([iri for _, iri in fits], language),
    )
    return {
        "result": [
            {"id": name, "name": _called(called, iri)} | ({"description": said[iri].text} if iri in said else {})
            for name, iri in fits[start : start + _SUGGESTED]
        ]
    }


def _begins(text: str, prefix: str) -> bool:
    folded = fold(text)
    return folded.startswith(prefix) or f" {prefix}" in folded


def _flyout(site: Site, request: Request) -> Json:
    name = request.query_params.get("id", "")
    return {"id": name, "html": bytes(_preview(site, request).body).decode()}


def _preview(site: Site, request: Request) -> Response:
    """A thing on a small page, for those who choose between candidates."""
    iri, language = _iri(request.query_params.get("id", "")), _language(request)
    kinds = site.catalogue.narrowest([iri])[iri]
    if not kinds:
        raise NotFound("There is no thing with this identifier here.")
    names = site.entities.names([iri, *kinds], language)
    said = site.entities.descriptions([iri], language).get(iri)
    told = glance(site, kinds[0].removeprefix(DEF), iri, language) if kinds else []
    values: dict[str, Any] = {"iri": iri, "name": names[iri], "kinds": [names[kind] for kind in kinds], "said": said, "told": told}
    query = urlencode({**request.query_params, "lang": language}).encode()
    page = site.render(Request({**request.scope, "query_string": query}), "preview.html", **values)
    page.headers["Content-Security-Policy"] = _FRAMED
    return page


def _called(names: Mapping[str, Value], iri: str) -> str:
    """The name of a term; of one that has none here, such as those of Dublin Core, what stands for it in this service."""
    return short_name(iri) if names[iri].text == compact(iri) else names[iri].text


# Reading


def _language(request: Request) -> str:
    part = request.url.path.removeprefix(PATH).strip("/").partition("/")[0]
    return part if part in LANGUAGES else choose_language(request)


def _iri(name: str) -> str:
    """The IRI of a thing by its identifier in this service, or by its address."""
    return name if name.startswith(BASE) else SPACE + name


def _prefix(request: Request) -> str:
    prefix = request.query_params.get("prefix", "")
    if not prefix.strip() or len(prefix) > _LONGEST:
        raise BadRequest(f"Give the beginning of a name as 'prefix', of at most {_LONGEST} characters.")
    return prefix


def _number(request: Request, name: str, usual: int) -> int:
    text = request.query_params.get(name, "") or str(usual)
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII):
        raise BadRequest(f"'{name}' is a whole number. [got {text[:50]}]")
    return int(text)


def _object(text: str, name: str) -> Json:
    try:
        read = json.loads(text)
        json.dumps(read, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # which JSON can write, and nobody can answer
        raise BadRequest(f"'{name}' holds half of a character (a surrogate without its other half).") from None
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"'{name}' is no JSON: {error}.") from None
    if not isinstance(read, dict):
        raise BadRequest(f"'{name}' is a JSON object.")
    return read
