"""Loading: YAML 1.2 without its traps, typed values, names for everything, and the line of each fact."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib
from rdflib.compare import isomorphic

from kg.finding import Place
from kg.load import Loaded, json_ld, load
from kg.names import BASE, DEF, NODE
from repository import ROOT

XSD = "http://www.w3.org/2001/XMLSchema#"
INITIATIVE = BASE + "id/initiative/xa-cameras"


@pytest.fixture(scope="module")
def loaded(model: Path) -> Loaded:
    return load(model)


def objects(loaded: Loaded, subject: str, predicate: str) -> set[str]:
    return {str(t.object) for t in loaded.data if t.subject == ox.NamedNode(subject) and t.predicate == ox.NamedNode(predicate)}


def test_a_clean_graph_has_no_findings(loaded: Loaded) -> None:
    assert loaded.findings == []
    assert loaded.broken == set()


def test_no_blank_node_leaves_the_loader(loaded: Loaded) -> None:
    terms = {term for t in [*loaded.data, *loaded.ontology] for term in (t.subject, t.object)}
    assert not [term for term in terms if isinstance(term, ox.BlankNode)]


def test_dates_are_typed_by_their_length(loaded: Loaded) -> None:
    assert objects(loaded, BASE + "id/measure/xa-stop/date-court", "http://www.w3.org/1999/02/22-rdf-syntax-ns#object") == {
        f'"2024-03-12"^^<{XSD}date>'
    }
    assert objects(loaded, INITIATIVE + "/launch", DEF + "date") == {f'"2019-02"^^<{XSD}gYearMonth>'}
    assert objects(loaded, INITIATIVE + "/status-2025", DEF + "asOf") == {f'"2025"^^<{XSD}gYear>'}


def test_decimals_never_pass_through_floats(loaded: Loaded) -> None:
    (amount,) = objects(loaded, INITIATIVE + "/loan-actual", DEF + "amount")
    assert objects(loaded, amount.strip("<>"), DEF + "amountValue") == {f'"1050000.50"^^<{XSD}decimal>'}


def test_a_code_that_is_also_a_key_stays_a_code(loaded: Loaded) -> None:
    assert objects(loaded, INITIATIVE + "/maker", DEF + "role") == {
        f"<{BASE}code/role/bidder>",
        f"<{BASE}code/role/manufacturer>",
        f"<{BASE}code/role/provider>",
    }


def test_a_list_of_codes_depends_on_the_type(loaded: Loaded) -> None:
    assert objects(loaded, BASE + "id/agreement/xa-xb/status-2024", DEF + "status") == {f"<{BASE}code/agreement-status/signed>"}
    assert objects(loaded, INITIATIVE + "/status-2024", DEF + "status") == {f"<{BASE}code/initiative-status/active>"}


def test_rank_is_normal_where_nothing_is_said(loaded: Loaded) -> None:
    assert objects(loaded, INITIATIVE + "/maker", DEF + "rank") == {f"<{BASE}code/rank/normal>"}
    assert objects(loaded, INITIATIVE + "/wrong", DEF + "rank") == {f"<{BASE}code/rank/deprecated>"}


def test_equal_citations_are_one_node_wherever_they_stand(loaded: Loaded) -> None:
    (one,) = objects(loaded, INITIATIVE + "/guess", DEF + "citation")
    assert one in objects(loaded, INITIATIVE, DEF + "citation")
    assert one.startswith(f"<{NODE}")


def test_references_to_claims_are_relative_to_their_file(loaded: Loaded) -> None:
    assert objects(loaded, INITIATIVE + "/loan-actual", DEF + "supersedes") == {f"<{INITIATIVE}/loan-planned>"}


def test_every_fact_knows_its_line(loaded: Loaded, model: Path) -> None:
    lines = (model / "data/initiative/xa-cameras.yaml").read_text("utf-8").splitlines()
    (place,) = loaded.place(INITIATIVE + "/maker", DEF + "role")
    assert place.path == "data/initiative/xa-cameras.yaml"
    assert lines[place.line - 1].strip() == "role: [provider, manufacturer, bidder]"
    assert loaded.place(INITIATIVE + "/maker", DEF + "nothing") == loaded.place(INITIATIVE + "/maker")
    assert loaded.place("https://example.org/") == []


def test_ontology_terms_know_their_line(loaded: Loaded) -> None:
    (place,) = loaded.place(DEF + "Initiative")
    assert isinstance(place, Place)
    assert (ROOT / place.path).read_text("utf-8").splitlines()[place.line - 1].startswith("kg:Initiative a owl:Class")


@pytest.mark.parametrize("kind", sorted({path.parent.name for path in (ROOT / "data").glob("*/*.yaml")}))
def test_rdflib_and_pyoxigraph_read_the_same_triples(kind: str, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdflib, "NORMALIZE_LITERALS", False)  # rdflib would write P60M as P5Y
    for path in [*(ROOT / "data" / kind).glob("*.yaml"), *(model / "data" / kind).glob("*.yaml")]:
        document = json_ld(path, path.parents[2]).encode()
        ours = {ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(document, format=ox.RdfFormat.JSON_LD)}
        graph = rdflib.Graph().parse(data=document, format="json-ld")
        theirs = set(ox.parse(graph.serialize(format="nt"), format=ox.RdfFormat.N_TRIPLES))
        assert ours == {ox.Triple(q.subject, q.predicate, q.object) for q in theirs}, path.name


@pytest.mark.parametrize("path", sorted((ROOT / "ontology").glob("*.ttl")), ids=lambda path: path.name)
def test_both_read_the_ontology_alike(path: Path) -> None:
    ours = rdflib.Graph().parse(data=ox.serialize(ox.parse(path=path), format=ox.RdfFormat.N_TRIPLES), format="nt")
    assert isomorphic(ours, rdflib.Graph().parse(path))
    assert len(ours) > 50
