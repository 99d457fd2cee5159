"""A store and SHACL shapes come in; findings with file and line go out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pyoxigraph as ox
import pyrudof
import pyshacl
import rdflib
from pyshacl.graph_abstraction import OxigraphDataGraph
from rdflib.namespace import RDF, SH

from kg.errors import KgError
from kg.finding import NOWHERE, Finding, Severity
from kg.load import Loaded
from kg.names import BASE, NODE, PREFIXES, SHAPES

_SEVERITIES = {str(SH.Violation): Severity.VIOLATION, str(SH.Warning): Severity.WARNING, str(SH.Info): Severity.INFO}
_CODES = re.compile(r"\{code:([a-z-]+)\}")


class _Graph(OxigraphDataGraph):
    """pyshacl's view of a store. It asks `if graph` for every value that fails, which would count all triples each time."""

    def __bool__(self) -> bool:
        return True


def conforms(store: ox.Store, shapes: Path) -> bool:
    """Whether nothing is to be reported, not even a warning: pyrudof says so in a fifth of the time that pyshacl takes."""
    engine = pyrudof.Rudof(pyrudof.RudofConfig())
    data = store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=ox.DefaultGraph())
    try:
        engine.read_data((data or b"").decode(), format=pyrudof.RDFFormat.NTriples)
        engine.read_shacl(shapes.read_text("utf-8"), format=pyrudof.ShaclFormat.Turtle)
        return not engine.validate_shacl().violations
    except (OSError, ValueError, pyrudof.RudofError) as error:
        raise KgError(f"The shapes in {shapes} cannot be read: {error}") from error


def shacl_report(store: ox.Store, shapes: Path) -> rdflib.Graph:
    """The validation report of a store without named graphs (SHACL 1.0 with SPARQL constraints).

    pyshacl reads the store through its own adapter: over oxrdflib it reports violations that are none.
    """
    try:
        graph = rdflib.Graph().parse(shapes, format="turtle")
    except (OSError, SyntaxError, ValueError) as error:
        raise KgError(f"The shapes in {shapes} cannot be read: {error}") from error
    _, report, _ = pyshacl.validate(_Graph(store), shacl_graph=graph)
    if not isinstance(report, rdflib.Graph):
        raise KgError(f"SHACL validation did not finish: {report}")
    return report


def check_shapes(store: ox.Store, shapes: Path, loaded: Loaded) -> list[Finding]:
    """Validate the default graph of the store against one file of shapes; the findings have file and line."""
    if conforms(store, shapes):
        return []
    report = shacl_report(store, shapes)
    found = set()
    # Through sh:result only: what stands below sh:detail is also typed as a result and would come twice.
    for result in report.objects(None, SH.result):
        focus = str(report.value(result, SH.focusNode))
        path = report.value(result, SH.resultPath)
        value = report.value(result, SH.value)
        if loaded.is_broken(str(value)):
            continue
        message = _message(str(report.value(result, SH.resultMessage)), value, store)
        severity = _SEVERITIES[str(report.value(result, SH.resultSeverity))]
        shape = str(report.value(result, SH.sourceShape)).removeprefix(SHAPES)
        subject, key = focus, str(path) if isinstance(path, rdflib.URIRef) else None
        found.add(loaded.located(Finding(NOWHERE, message, severity, shape), subject, key))
    return sorted(found)


def _message(text: str, value: object, store: ox.Store) -> str:
    message = _CODES.sub(lambda match: _codes(match[1], store), text)
    shown = isinstance(value, (rdflib.URIRef, rdflib.Literal)) and not str(value).startswith(NODE)
    got = str(value).removeprefix(BASE) if shown else ""
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
