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
    quads = layered(layers, apart={})
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


DOUBTS = ["rank:deprecated", "certainty:presumed", "certainty:unconfirmed"]
#: a claim as it would be derived from, and what must not follow from it when it is doubtful
DERIVED = {
    "participation": ("ini:x kg:claim ?c . ?c a kg:Participation ; kg:agent org:a ; kg:role role:provider ; kg:phase phase:operation", "ini:x kg:provider|kg:operatedBy ?o"),
    "financing": ("ini:x kg:claim ?c . ?c a kg:Financing ; kg:financier org:a ; kg:stage stage:granted", "ini:x kg:fundedBy ?o"),
    "property": ("org:x kg:claim ?c . ?c a kg:PropertyClaim ; rdf:predicate kg:founded ; rdf:object 1", "org:x kg:founded ?o"),
    "status": ('ini:x kg:claim ?c . ?c a kg:StatusClaim ; kg:status status:active ; kg:asOf "2025"^^xsd:gYear', "ini:x kg:currentStatus ?o"),
    "start": ('ini:x kg:claim ?c . ?c a kg:Milestone ; kg:kind milestone:launch ; kg:date "2025"^^xsd:gYear', "ini:x kg:startDate ?o"),
    "control": ("org:x kg:claim ?c . ?c a kg:OwnershipStake ; kg:owner org:a ; kg:percent 60.0", "org:x kg:controlledBy|kg:ultimateController ?o"),
}  # fmt: skip


def derived_from(model: Path, claims: str) -> ox.Store:
    store = store_of(ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(path=model / "ontology" / "kg.ttl"))
    header = "".join(f"@prefix {prefix}: <{iri}> . " for prefix, iri in PREFIXES.items())
    store.load(header + claims, format=ox.RdfFormat.TURTLE)
    derive(store, (model / "queries" / "rules").glob("*.rq"))
    return store


@pytest.mark.parametrize("kind", DERIVED)
@pytest.mark.parametrize("doubt", [None, *DOUBTS])
def test_what_is_doubtful_never_becomes_a_plain_triple(model: Path, kind: str, doubt: str | None) -> None:
    claim, plain = DERIVED[kind]
    rank = doubt if doubt and doubt.startswith("rank") else "rank:normal"
    certainty = doubt if doubt and doubt.startswith("certainty") else "certainty:reported"
    store = derived_from(model, claim.replace("?c", "<a:c>") + f" ; kg:rank {rank} ; kg:certainty {certainty} .")
    assert bool(select(store, plain)) is (doubt is None)


def test_a_doubtful_preferred_value_hides_no_other(model: Path) -> None:
    claim = "<a:{0}> a kg:PropertyClaim ; rdf:predicate kg:countryOfOrigin ; rdf:object cty:{0} ; kg:rank rank:{1} ; kg:certainty certainty:{2} ."
    claims = (
        "org:x kg:claim <a:xa>, <a:xb> . " + claim.format("xa", "normal", "reported") + claim.format("xb", "preferred", "presumed")
    )
    assert select(derived_from(model, claims), "org:x kg:countryOfOrigin ?o") == {("xa",)}


def test_a_superseded_stake_is_no_control(model: Path) -> None:
    stake = "<a:{0}> a kg:OwnershipStake ; kg:owner org:a ; kg:percent {1} ; kg:rank rank:normal ; kg:certainty certainty:reported {2} ."
    claims = "org:x kg:claim <a:c>, <a:d> . " + stake.format("c", "60.0", "") + stake.format("d", "5.0", "; kg:supersedes <a:c>")
    assert select(derived_from(model, claims), "org:x kg:controlledBy ?o") == set()


@pytest.mark.parametrize(
    ("dates", "start", "end"),
    [
        (("2019", "2019-02"), "2019-02", "2019-02"),
        (("2019-02-17", "2019-02"), "2019-02-17", "2019-02-17"),
        (("2018", "2019-02"), "2018", "2019-02"),
        (("2019-02", "2021", "2019-02-03"), "2019-02-03", "2021"),
    ],
)
def test_of_several_dates_the_first_and_the_last_count_and_exact_ones_win(
    model: Path, dates: tuple[str, ...], start: str, end: str
) -> None:
    kinds = {4: "gYear", 7: "gYearMonth", 10: "date"}
    milestone = '<a:{0}{1}> a kg:Milestone ; kg:kind milestone:{2} ; kg:date "{1}"^^xsd:{3} ; kg:rank rank:normal ; kg:certainty certainty:reported .'
    claims = ""
    for key, kind in (("s", "launch"), ("e", "deactivation")):
        for date in dates:
            claims += f"ini:x kg:claim <a:{key}{date}> . " + milestone.format(key, date, kind, kinds[len(date)])
    store = derived_from(model, claims)
    assert select(store, "ini:x kg:startDate ?o") == {(start,)}
    assert select(store, "ini:x kg:endDate ?o") == {(end,)}
