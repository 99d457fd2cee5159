"""The path of the ontology or of one of its terms comes in; its page goes out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyoxigraph as ox
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from kg.draw import Edge, Node, layers, tree
from kg.names import DEF, ONTOLOGY
from kg.page import Value
from kg.table import value_of
from kg.vocabulary import Entry
from kg.web.documents import is_ontology
from kg.web.site import Site
from kg.web.text import LANGUAGES, choose_language


def ontology(site: Site) -> APIRouter:
    """Routes for the ontology; they stand before those of things."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/page/def")
    def overview(request: Request) -> Response:
        language = choose_language(request)
        terms = site.entities.terms(ONTOLOGY, language)
        shown: dict[str, Any] = {"terms": terms, "iri": ONTOLOGY, "document": "/data/def"}
        return site.render(request, "ontology.html", **shown, tree=_tree(site, request), ties=_ties(site, request))

    @router.get("/page/def/{name:path}")
    def term(request: Request, name: str) -> Response:
        if is_ontology(f"{ONTOLOGY}/{name}") and site.entities.exists(f"{ONTOLOGY}/{name}"):  # a version, or the alignments
            return RedirectResponse(f"/page/def{site.keep(request)}", 303)
        entry = site.vocabulary.entry(name)
        return site.render(request, "term.html", **_shown(site, request, entry), key=name, document="/data/def")

    return router


def _shown(site: Site, request: Request, entry: Entry) -> dict[str, Any]:
    language = choose_language(request)
    iris = {term.value for terms in entry.said.values() for term in terms if isinstance(term, ox.NamedNode)}
    iris |= {iri for near in entry.near.values() for iri in near} | {iri for iri, _ in entry.used_with}
    names = site.entities.names({entry.iri, *iris}, language)
    texts = {kind: [(code, text) for code in _codes(known) for text in known[code]] for kind, known in entry.texts.items()}
    return {
        "entry": entry,
        "name": names[entry.iri],
        "texts": texts,
        "said": {key: [value_of(term, names) for term in terms] for key, terms in entry.said.items()},
        "near": {key: [names[iri] for iri in iris_] for key, iris_ in entry.near.items()},
        "used_with": [(names[iri], number) for iri, number in entry.used_with],
        "listed": entry.iri.removeprefix(DEF) in site.lists.classes,
    }


def _codes(known: Iterable[str]) -> list[str]:
    """Languages in the order in which pages offer them."""
    return [code for code in (*LANGUAGES, "") if code in known]


def _tree(site: Site, request: Request) -> Markup:
    """Which class is a kind of which."""
    below = site.vocabulary.tree
    names = _named(site, request, {*below, *(cls for row in below.values() for cls in row)} - {""})
    return Markup(tree(below, names, "#tree")) if names else Markup("")  # noqa: S704 (names are escaped there)


def _ties(site: Site, request: Request) -> tuple[Markup, list[tuple[Value, list[Value], Value, int]]]:
    """The picture of how the main classes hang together, and the same in rows."""
    ties = site.vocabulary.ties
    nodes = _named(site, request, {end for tie in ties for end in (tie.above, tie.below)})
    properties = {name for tie in ties for name in tie.properties}
    names = site.entities.names({*nodes, *properties}, choose_language(request))
    edges = [Edge(tie.above, tie.below, names[tie.properties[0]].text + " …" * (len(tie.properties) > 1)) for tie in ties]
    picture = Markup(layers(nodes, edges, "", "#hang")) if edges else Markup("")  # noqa: S704 (names are escaped there)
    return picture, [(names[tie.above], [names[one] for one in tie.properties], names[tie.below], tie.uses) for tie in ties]


def _named(site: Site, request: Request, iris: Iterable[str]) -> dict[str, Node]:
    names, link = site.entities.names(iris, choose_language(request)), site.linker(request)
    return {iri: Node(names[iri].text, link(iri)) for iri in sorted(names)}
