"""A store, SHACL shapes and hygiene queries come in; findings with file and line go out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox
import pyshacl
import rdflib
from pyshacl.graph_abstraction import OxigraphDataGraph
from rdflib.namespace import RDF, SH

from kg.errors import KgError
from kg.finding import Finding, Place, Severity
from kg.load import Loaded
from kg.names import BASE, PREFIXES, SHAPES

_SEVERITIES = {str(SH.Violation): Severity.VIOLATION, str(SH.Warning): Severity.WARNING, str(SH.Info): Severity.INFO}
_NOWHERE = Place("")
_CODES = re.compile(r"\{code:([a-z-]+)\}")
_HEADER = re.compile(r"^#\+ (\w+): (.*)$", re.MULTILINE)


class _Graph(OxigraphDataGraph):
    """pyshacl's view of a store. It asks `if graph` for every value that fails, which would count all triples each time."""

    def __bool__(self) -> bool:
        return True


def check_shapes(store: ox.Store, shapes: Path, loaded: Loaded) -> list[Finding]:
    """Validate the default graph of the store against one file of shapes (SHACL 1.0 with SPARQL constraints).

    pyshacl reads the store through its own adapter: over oxrdflib it reports violations that are none.
    """
    graph = rdflib.Graph().parse(shapes)
    _, report, _ = pyshacl.validate(_Graph(store), shacl_graph=graph)
    if not isinstance(report, rdflib.Graph):
        raise KgError(f"SHACL validation did not finish: {report}")
    found = set()
    # Through sh:result only: what stands below sh:detail is also typed as a result and would come twice.
    for result in report.objects(None, SH.result):
        focus = str(report.value(result, SH.focusNode))
        path = report.value(result, SH.resultPath)
        value = report.value(result, SH.value)
        if _is_in_broken_file(str(value), loaded):
            continue
        message = _message(str(report.value(result, SH.resultMessage)), value, store)
        severity = _SEVERITIES[str(report.value(result, SH.resultSeverity))]
        shape = str(report.value(result, SH.sourceShape)).removeprefix(SHAPES)
        subject, key = focus, str(path) if isinstance(path, rdflib.URIRef) else None
        found.add(_located(Finding(_NOWHERE, message, severity, shape), subject, key, loaded))
    return sorted(found)


def check_hygiene(store: ox.Store, queries: Iterable[Path], texts: Iterable[Path], loaded: Loaded) -> list[Finding]:
    """Run queries of which each row is one fault: `?subject` and `?error`, and `?property` where one is to blame.

    `texts` are the files in which terms are used; queries find their content as `rdf:value` in `graph:texts`.
    The header `#+ severity: warning` (or info) lowers a query from violation. Raises KgError where a query is no such query.
    """
    found = set()
    graph = ox.NamedNode(PREFIXES["graph"] + "texts")
    value = ox.NamedNode(PREFIXES["rdf"] + "value")
    store.extend(
        ox.Quad(ox.NamedNode(path.resolve().as_uri()), value, ox.Literal(path.read_text("utf-8")), graph) for path in texts
    )
    for path in sorted(queries):
        text = path.read_text("utf-8")
        header = dict(_HEADER.findall(text))
        severity = Severity(header.get("severity", "violation"))
        try:
            solutions = store.query(text, prefixes=PREFIXES)
        except SyntaxError as error:
            raise KgError(f"The hygiene query {path.name} does not parse: {error}") from error
        if not isinstance(solutions, ox.QuerySolutions):
            raise KgError(f"The hygiene query {path.name} is no SELECT query.")
        names = [variable.value for variable in solutions.variables]
        for row in solutions:
            subject = getattr(row["subject"], "value", "")
            key = getattr(row["property"], "value", None) if "property" in names else None
            message = _CODES.sub(lambda match: _codes(match[1], store), row["error"].value)
            found.add(_located(Finding(_NOWHERE, message, severity, path.stem), subject, key, loaded))
    store.remove_graph(graph)
    return sorted(found)


def _is_in_broken_file(iri: str, loaded: Loaded) -> bool:
    """Whether this only is missing because its own file could not be read, which is a finding already."""
    return any(iri == broken or iri.startswith(broken + "/") for broken in loaded.broken)


def _located(finding: Finding, subject: str, key: str | None, loaded: Loaded) -> Finding:
    """The finding in the line where the property of the subject was written, or else the subject."""
    places = loaded.place(subject, key)
    if not places:
        return replace(finding, place=Place(subject))
    others = ", ".join(str(place) for place in places[1:4])
    more = f" and {len(places) - 4} more" if len(places) > 4 else ""
    message = finding.message + (f" (Also at {others}{more}.)" if others else "")
    return replace(finding, place=places[0], message=message)


def _message(text: str, value: object, store: ox.Store) -> str:
    message = _CODES.sub(lambda match: _codes(match[1], store), text)
    got = str(value).removeprefix(BASE) if isinstance(value, (rdflib.URIRef, rdflib.Literal)) else ""
    got = re.sub(r"^(id|code)/[a-z-]+/(?=.)", "", got)
    return f"{message} [got {got}]" if got and got not in message else message


def _codes(scheme: str, store: ox.Store) -> str:
    """The codes of a list, as an author writes them."""
    in_scheme = ox.NamedNode(PREFIXES["skos"] + "inScheme")
    base = f"{BASE}code/{scheme}"
    codes = store.quads_for_pattern(None, in_scheme, ox.NamedNode(base), ox.DefaultGraph())
    return ", ".join(sorted(str(quad.subject.value).removeprefix(base + "/") for quad in codes))  # type: ignore[union-attr]


def page_order(shapes: Iterable[Path]) -> dict[str, list[str]]:
    """For each class that has a shape, its properties; classes and properties both in the order that sh:order gives."""
    graph = rdflib.Graph()
    for path in shapes:
        graph.parse(path)
    ordered = sorted(
        (_order(graph, node), node) for node in graph.subjects(RDF.type, SH.NodeShape) if (node, SH.order, None) in graph
    )
    listed: dict[str, list[tuple[float, str]]] = {}
    for _, node in ordered:
        for target in graph.objects(node, SH.targetClass):
            listed.setdefault(str(target), []).extend(_paths(graph, node))
    return {target: list(dict.fromkeys(path for _, path in sorted(paths))) for target, paths in listed.items()}


def _order(graph: rdflib.Graph, shape: rdflib.term.Node) -> float:
    return float(str(graph.value(shape, SH.order) or 0))


def _paths(graph: rdflib.Graph, node: rdflib.term.Node) -> list[tuple[float, str]]:
    return [(_order(graph, shape), str(graph.value(shape, SH.path))) for shape in graph.objects(node, SH.property)]
