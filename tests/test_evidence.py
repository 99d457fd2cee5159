"""What the sources say against each other stays visible in the graph, each claim with its own source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.names import PREFIXES
from kg.release import STORE, Release


@pytest.fixture(scope="module")
def store(real: tuple[Path, Release]) -> Iterator[ox.Store]:
    yield ox.Store.read_only(str(real[1].path / STORE))


def select(store: ox.Store, query: str) -> set[tuple[str, ...]]:
    rows = store.query(query, prefixes=PREFIXES)
    assert isinstance(rows, ox.QuerySolutions)
    names = [variable.value for variable in rows.variables]
    return {tuple(row[name].value.rpartition("/")[2] if row[name] is not None else "" for name in names) for row in rows}


def test_both_dates_of_the_srfp_suspension(store: ox.Store) -> None:
    found = select(
        store,
        """SELECT ?date ?rank ?source WHERE {
            msr:ar-caba-srfp-suspension kg:claim ?c .
            ?c rdf:predicate kg:date ; rdf:object ?date ; kg:rank ?rank ; kg:citation/kg:source ?source }""",
    )
    assert found == {("2022-04-12", "preferred", "ijudicial-2022-04-12"), ("2024-03", "normal", "alsur-2025")}
    assert select(store, "SELECT ?d WHERE { msr:ar-caba-srfp-suspension kg:date ?d }") == {("2022-04-12",)}


def test_planned_and_actual_lender_of_jujuy(store: ox.Store) -> None:
    assert select(store, "SELECT ?o WHERE { ini:ar-jujuy-jsei kg:plannedFunder ?o }") == {("china-exim",)}
    assert select(store, "SELECT ?o WHERE { ini:ar-jujuy-jsei kg:fundedBy ?o }") == {("bbva-hong-kong",)}


def test_budget_and_contract_value_of_jujuy_do_not_contradict(store: ox.Store) -> None:
    found = select(
        store,
        """SELECT ?measure ?amount ?precision ?tax WHERE {
            ini:ar-jujuy-jsei kg:claim ?c . ?c a kg:AmountClaim ; kg:measure ?measure ; kg:amount ?a . ?a kg:amountValue ?amount
            OPTIONAL { ?a kg:amountPrecision ?precision } OPTIONAL { ?a kg:taxTreatment ?tax }
            FILTER NOT EXISTS { ?c kg:contradicts|^kg:contradicts ?x } }""",
    )
    assert {("tender-budget", "24000000", "estimate", "excluded")} <= found
    assert {row[:3] for row in found if row[0] == "contract-value"} == {("contract-value", "30000000", "just-below")}


def test_both_dates_of_the_jujuy_contract(store: ox.Store) -> None:
    query = "SELECT ?date WHERE { ctr:ar-jujuy-zte-2017 kg:claim [ rdf:predicate kg:signedOn ; rdf:object ?date ] }"
    assert select(store, query) == {("2017-05",), ("2019-03",)}


def test_the_shareholders_of_idemia_argentina_changed(store: ox.Store) -> None:
    query = """SELECT ?owner ?percent WHERE {
        org:idemia-argentina kg:claim ?c . ?c a kg:OwnershipStake ; kg:owner ?owner ; kg:percent ?percent
        FILTER NOT EXISTS { ?c kg:to ?end } }"""
    assert select(store, query) == {("idemia-do-brasil", "91.8"), ("idemia-colombia", "8.2")}


@pytest.mark.parametrize(
    ("initiative", "property_", "agents"),
    [
        ("ec-ecu-911", "requirementsBy", {"ec-coordinating-ministry-security"}),
        ("ec-ecu-911", "designedBy", {"ceiec"}),
        ("ec-ecu-911", "operatedBy", {"ec-sis-ecu-911"}),
        ("ec-ecu-911", "maintainedBy", {"ceiec"}),
        ("ar-jujuy-jsei", "initiatedBy", {"ar-jujuy-minseg"}),
        ("ar-jujuy-jsei", "designedBy", {"zte"}),
        ("ar-jujuy-jsei", "operatedBy", {"ar-jujuy-minseg"}),
        ("ar-jujuy-jsei", "maintainedBy", {"zte"}),
    ],
)
def test_the_table_of_actors_row_by_row(store: ox.Store, initiative: str, property_: str, agents: set[str]) -> None:
    assert select(store, f"SELECT ?o WHERE {{ ini:{initiative} kg:{property_} ?o }}") == {(agent,) for agent in agents}


def test_unnamed_actors_are_kept(store: ox.Store) -> None:
    query = """SELECT ?i WHERE { ?i kg:claim ?c . ?c kg:phase phase:implementation ; kg:unnamedAgent ?text
        FILTER(LANG(?text) = "en" && ?i IN (ini:ec-ecu-911, ini:ar-jujuy-jsei)) }"""
    assert select(store, query) == {("ec-ecu-911",), ("ar-jujuy-jsei",)}


def test_the_plain_query_never_returns_a_presumed_or_deprecated_provider(store: ox.Store) -> None:
    without = """SELECT ?i ?v WHERE { ?i kg:provider ?v FILTER NOT EXISTS {
        ?c rdf:subject ?i ; rdf:predicate kg:provider ; rdf:object ?v ; kg:rank ?r ; kg:certainty ?k
        FILTER(?r != rank:deprecated && ?k NOT IN (certainty:presumed, certainty:unconfirmed)) } }"""
    assert select(store, without) == set()
    assert {("ar-mendoza-mobile-posts", "avigilon"), ("ec-ecu-911-facial-recognition", "speech-technology-center")} <= select(
        store, "SELECT ?i ?v WHERE { ?i kg:presumedProvider ?v FILTER NOT EXISTS { ?i kg:provider ?v } }"
    )


@pytest.mark.parametrize(
    ("country", "cohort", "number"), [("ar", "2021", 4), ("ar", "2025", 6), ("bo", "2025", 2), ("ec", "2025", 4)]
)
def test_the_surveys_count_what_they_count(store: ox.Store, country: str, cohort: str, number: int) -> None:
    query = f'SELECT ?i WHERE {{ ?i a kg:Initiative ; kg:country cty:{country} ; kg:cohort "{cohort}"^^xsd:gYear }}'
    assert len(select(store, query)) == number


def test_a_copy_is_not_a_second_source(store: ox.Store) -> None:
    assert select(store, "SELECT ?o WHERE { src:news-jujuy-zte-2019 prov:wasDerivedFrom ?o }") == {("reuters-2019-07-05",)}
    resting_on_both = """SELECT ?c WHERE { ?c kg:certainty certainty:confirmed
        FILTER NOT EXISTS { ?c kg:citation/kg:source ?s FILTER(?s NOT IN (src:news-jujuy-zte-2019, src:reuters-2019-07-05)) } }"""
    assert select(store, resting_on_both) == set()
