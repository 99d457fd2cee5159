"""Rules: what they write, what they must never write, and that each direct triple leads back to its claim."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.build import check
from kg.derive import derive
from kg.errors import KgError
from kg.names import PREFIXES
from kg.rdf import layered, store_of


@pytest.fixture(scope="module")
def store(model: Path) -> ox.Store:
    return check(model).store


def select(store: ox.Store, pattern: str) -> set[tuple[str, ...]]:
    rows = store.query(f"SELECT * WHERE {{ {pattern} }}", prefixes=PREFIXES)
    assert isinstance(rows, ox.QuerySolutions)
    names = [variable.value for variable in rows.variables]
    return {tuple(row[name].value.rpartition("/")[2] for name in names) for row in rows}


def test_roles_become_direct_properties(store: ox.Store) -> None:
    assert select(store, "ini:xa-cameras kg:manufacturer ?o") == {("maker",)}
    assert select(store, "ini:xa-cameras kg:bidder ?o") == {("maker",)}
    assert select(store, "ini:xa-cameras kg:operatedBy ?o") == {("xa-police",)}
    assert select(store, "ini:xa-cameras kg:initiatedBy ?o") == {("xa-police",)}


def test_the_plain_provider_is_never_presumed_or_deprecated(store: ox.Store) -> None:
    assert select(store, "ini:xa-cameras kg:provider ?o") == {("maker",)}
    assert select(store, "ini:xa-cameras kg:presumedProvider ?o") == {("guess",)}
    assert select(store, "?o kg:providerOf ini:xa-cameras") == {("maker",)}


@pytest.mark.parametrize("predicate", ["kg:manufacturer", "kg:provider"])
def test_a_direct_triple_leads_to_its_claim(store: ox.Store, predicate: str) -> None:
    assert select(store, f"?claim rdf:subject ini:xa-cameras ; rdf:predicate {predicate} ; rdf:object org:maker") == {("maker",)}


def test_planned_and_actual_lender_stay_apart(store: ox.Store) -> None:
    assert select(store, "ini:xa-cameras kg:plannedFunder ?o") == {("xa-bank",)}
    assert select(store, "ini:xa-cameras kg:fundedBy ?o") == {("holding",)}


def test_the_best_rank_wins_and_the_other_claim_stays(store: ox.Store) -> None:
    assert select(store, "org:holding kg:countryOfOrigin ?o") == {("xb",)}
    assert select(store, "?c rdf:subject org:holding ; rdf:predicate kg:countryOfOrigin ; rdf:object ?o") == {
        ("origin-survey", "xa"),
        ("origin-gazette", "xb"),
    }
    assert select(store, "msr:xa-stop kg:date ?o") == {("2024-03-12",)}


def test_the_latest_status_is_current(store: ox.Store) -> None:
    assert select(store, "ini:xa-cameras kg:currentStatus ?o") == {("inactive",)}
    assert select(store, "agr:xa-xb kg:currentStatus ?o") == {("signed",)}


def test_start_from_the_first_launch(store: ox.Store) -> None:
    assert select(store, "ini:xa-cameras kg:startDate ?o") == {("2019-02",)}
    assert select(store, "ini:xa-cameras kg:endDate ?o") == set()


def test_control_needs_more_than_half_and_an_open_stake(store: ox.Store) -> None:
    assert select(store, "org:maker kg:controlledBy ?o") == {("holding",)}
    assert select(store, "?o kg:controls org:maker") == {("holding",)}
    assert select(store, "org:maker kg:ultimateController ?o") == {("holding",)}
    assert select(store, "org:maker kg:controlCountry ?o") == {("xb",)}


def test_a_company_is_an_organisation_here_and_elsewhere(store: ox.Store) -> None:
    classes = select(store, "org:maker a ?o")
    assert {("def#Company",), ("def#Organisation",)} <= classes
    assert ("org#Organization",) in classes


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2024", "2024-01-01", "2024-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-02", "2023-02-01", "2023-02-28"),
        ("1900-02", "1900-02-01", "1900-02-28"),
        ("2000-02", "2000-02-01", "2000-02-29"),
        ("2024-04", "2024-04-01", "2024-04-30"),
        ("2024-12", "2024-12-01", "2024-12-31"),
        ("2024-03-12", "2024-03-12", "2024-03-12"),
    ],
)
def test_dates_get_their_widest_bounds(model: Path, written: str, first: str, last: str) -> None:
    kind = {4: "gYear", 7: "gYearMonth", 10: "date"}[len(written)]
    text = f'<a:x> <{PREFIXES["kg"]}claim> <a:c> . <a:c> <{PREFIXES["kg"]}date> "{written}"^^<{PREFIXES["xsd"]}{kind}> .'
    store = store_of(ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(text, format=ox.RdfFormat.TURTLE))
    derive(store, [model / "queries" / "rules" / "15-date-bounds.rq"])
    assert select(store, "<a:c> kg:fromDate ?o") == {(first,)}
    assert select(store, "<a:c> kg:toDate ?o") == {(last,)}


def test_from_wins_over_as_of(model: Path) -> None:
    kg, xsd = PREFIXES["kg"], PREFIXES["xsd"]
    text = f'<a:x> <{kg}claim> <a:c> . <a:c> <{kg}from> "2011"^^<{xsd}gYear> ; <{kg}asOf> "2022"^^<{xsd}gYear> .'
    store = store_of(ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(text, format=ox.RdfFormat.TURTLE))
    derive(store, [model / "queries" / "rules" / "15-date-bounds.rq"])
    assert select(store, "<a:c> kg:fromDate ?o") == {("2011-01-01",)}
    assert select(store, "<a:c> kg:toDate ?o") == set()


def test_rules_add_nothing_twice(model: Path) -> None:
    checked = check(model)
    asserted = {*checked.loaded.data, *checked.loaded.ontology}
    assert not asserted & set(checked.derived)
    assert len(set(checked.derived)) == len(checked.derived)


def test_the_default_graph_holds_every_triple_once(model: Path) -> None:
    checked = check(model)
    layers = {"data": checked.loaded.data, "ontology": checked.loaded.ontology, "derived": checked.derived}
    quads = layered(layers)
    plain = [quad for quad in quads if quad.graph_name == ox.DefaultGraph()]
    assert len(plain) == len(set(plain)) == len(checked.store)
    assert len(quads) - len(plain) == sum(len(set(triples)) for triples in layers.values())


def test_a_rule_that_is_none_is_named(tmp_path: Path) -> None:
    for name, text in (("a.rq", "CONSTRUCT {"), ("b.rq", "ASK {}")):
        (tmp_path / name).write_text(text)
        with pytest.raises(KgError, match=name):
            derive(ox.Store(), [tmp_path / name])


def test_a_candidate_for_a_phase_has_not_taken_part(own_model: Path) -> None:
    path = own_model / "data/initiative/xa-cameras.yaml"
    path.write_text(
        path.read_text().replace(
            "role: provider\n    certainty: presumed", "role: candidate\n    phase: maintenance\n    certainty: reported"
        )
    )
    store = check(own_model).store
    assert select(store, "ini:xa-cameras kg:candidate ?o") == {("guess",)}
    assert select(store, "ini:xa-cameras kg:maintainedBy ?o") == set()
