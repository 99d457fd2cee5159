"""What the sources say against each other stays visible in the graph, each claim with its own source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.coverage import parts
from kg.names import BASE, PREFIXES
from kg.release import STORE, Release
from repository import ROOT


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


#: country → initiatives that the surveys of 2021 and 2025 count
SURVEYS = {
    "ar": (4, 6), "bo": (0, 2), "br": (6, 6), "cl": (10, 4), "co": (5, 2), "cr": (3, 0), "ec": (0, 4), "gt": (0, 1),
    "hn": (0, 1), "mx": (3, 6), "pa": (3, 1), "pe": (1, 3), "py": (3, 1), "sv": (0, 2), "uy": (0, 6),
}  # fmt: skip


def test_the_surveys_count_what_they_count(store: ox.Store) -> None:
    """38 initiatives of 2021 and 45 new ones, each with one country."""
    query = (
        "SELECT ?country ?cohort (COUNT(?i) AS ?n) WHERE { ?i kg:country ?country ; kg:cohort ?cohort } GROUP BY ?country ?cohort"
    )
    expected = {
        (country, cohort, str(number))
        for country, numbers in SURVEYS.items()
        for cohort, number in zip(("2021", "2025"), numbers, strict=True)
        if number
    }
    assert select(store, query) == expected
    assert [sum(numbers) for numbers in zip(*SURVEYS.values(), strict=True)] == [38, 45]


#: Contradictions of the sources that must stay visible: one claim and the other, each with its own value.
DISAGREEMENTS = [
    ("org/general-dynamics-mission-systems/origin-canada", "org/general-dynamics-mission-systems/origin-us"),
    ("agreement/eu-mercosur/not-final", "agreement/eu-mercosur/signed"),
    ("place/latin-america/old-inactive", "place/latin-america/old-inactive-listed"),
    ("place/latin-america/new-cases", "place/latin-america/new-cases-listed"),
    ("contract/mx-nuevo-leon-geosoft-2020/amount", "contract/mx-nuevo-leon-geosoft-2020/amount-usd"),
    ("org/ddba/origin-colombia", "org/ddba/origin-uruguay"),
    ("org/veridos-mexico/mexican-capital", "org/veridos-mexico/parent"),
    ("initiative/hn-palmerola-airport/status-in-process", "initiative/hn-palmerola-airport/use-2021"),
    ("initiative/mx-aguascalientes-video-surveillance/cameras-20", "initiative/mx-aguascalientes-video-surveillance/cameras-40"),
    ("agreement/ec-cn-fta/status-in-force", "agreement/ec-cn-fta/status-negotiating"),
    ("measure/us-fcc-order-2022/date-alsur", "measure/us-fcc-order-2022/date-order"),
    ("initiative/ec-ecu-911/expansion-2012", "initiative/ec-ecu-911/installation-2011"),
    ("org/hikvision/entry-2007", "org/hikvision/founded"),
]


@pytest.mark.parametrize(("one", "other"), DISAGREEMENTS)
def test_disagreements_are_linked(store: ox.Store, one: str, other: str) -> None:
    claims = [f"<{BASE}id/{name}>" for name in (one, other)]
    assert store.query(f"ASK {{ {claims[0]} kg:contradicts|^kg:contradicts {claims[1]} }}", prefixes=PREFIXES)


def test_who_made_the_cameras_did_not_deliver_them(store: ox.Store) -> None:
    port = "ini:mx-tampico-madero-port"
    assert select(store, f"SELECT ?o WHERE {{ {port} kg:manufacturer ?o }}") == {("hikvision",)}
    assert select(store, f"SELECT ?o WHERE {{ {port} kg:vendor ?o }}") == {("hikvision",)}
    assert select(store, f"SELECT ?o WHERE {{ {port} kg:provider|kg:implementedBy ?o }}") == set()


def test_acts_against_vendors_are_told_apart(store: ox.Store) -> None:
    query = "SELECT ?m ?kind ?issuer WHERE { ?m a kg:Measure ; kg:kind ?kind ; kg:issuedBy ?issuer }"
    assert {
        ("us-fcc-covered-list", "listing", "us-fcc"),
        ("us-fcc-order-2022", "ban", "us-fcc"),
        ("us-commerce-entity-list-dahua", "listing", "us-commerce"),
        ("us-sanction-ceiec-2020", "sanction", "us"),
        ("pe-la-victoria-2022", "sanction", "pe-data-protection-authority"),
    } <= select(store, query)


def test_every_part_of_the_sources_bears_something_or_says_why_not(store: ox.Store) -> None:
    silent = [part for part in parts(store, ROOT / "queries" / "coverage.rq") if not part.resting and not part.reason]
    assert silent == []


def test_a_copy_is_not_a_second_source(store: ox.Store) -> None:
    assert select(store, "SELECT ?o WHERE { src:news-jujuy-zte-2019 prov:wasDerivedFrom ?o }") == {("reuters-2019-07-05",)}
    resting_on_both = """SELECT ?c WHERE { ?c kg:certainty certainty:confirmed
        FILTER NOT EXISTS { ?c kg:citation/kg:source ?s FILTER(?s NOT IN (src:news-jujuy-zte-2019, src:reuters-2019-07-05)) } }"""
    assert select(store, resting_on_both) == set()
