"""Things are found by names as people write them, and what is not there is not found."""

from __future__ import annotations

import pytest

from kg.directory import Thing
from kg.matching import Matcher, Wanted

COMPANY, BODY = frozenset({"Company"}), frozenset({"PublicBody"})
THINGS = [
    Thing("zte", ["ZTE", "ZTE Corporation"], COMPANY, frozenset({"cn"})),
    Thing("nec", ["NEC"], COMPANY, frozenset({"jp"})),
    Thing("dahua", ["Dahua Technology"], COMPANY, frozenset({"cn"})),
    Thing("dahua-peru", ["Dahua Technology Perú S.A.C."], COMPANY),
    Thing("minseg-ar", ["Ministerio de Seguridad (Argentina)"], BODY, frozenset({"ar"})),
    Thing("minseg-uy", ["Ministerio de Seguridad (Uruguay)"], BODY, frozenset({"uy"})),
    Thing("ine", ["Instituto Nacional Electoral (INE)"], BODY, frozenset({"mx"})),
    Thing("rafael-correa", ["Rafael Correa"], frozenset({"Person"}), frozenset({"ec"})),
]
MATCHER = Matcher.of(
    THINGS, {"AR": ["Argentina"], "UY": ["Uruguay"], "PE": ["Peru", "Perú"], "CN": ["China"], "MX": ["Mexico", "México"]}
)


def match(name: str, classes: frozenset[str] = frozenset(), *countries: str) -> str | None:
    found = MATCHER.find(Wanted(name, classes, frozenset(countries)), 5)
    return next((each.iri for each in found if each.is_match), None)


@pytest.mark.parametrize(
    ("name", "countries", "expected"),
    [
        ("zte corp", (), "zte"),
        ("Dahua Tecnology", (), "dahua"),
        ("DAHUA TECHNOLOGY PERU SAC", (), "dahua-peru"),
        ("Dahua Tech. Mexico", (), None),
        ("NEC Argentina", (), None),
        ("Ministério da Segurança", ("ar",), "minseg-ar"),
        ("Ministry of Security of Uruguay", (), "minseg-uy"),
        ("Ministerio de Seguridad", (), None),
        ("Ministerio de Seguridad", ("pe",), None),
        ("INE", ("mx",), "ine"),
        ("Correa, Rafael", (), "rafael-correa"),
        ("Zebra", (), None),
        ("", (), None),
    ],
)
def test_a_name(name: str, countries: tuple[str, ...], expected: str | None) -> None:
    assert match(name, frozenset(), *countries) == expected


def test_a_class_is_asked_for() -> None:
    assert match("ZTE", COMPANY) == "zte"
    assert match("ZTE", BODY) is None


def test_scores_lie_between_0_and_100_and_fall() -> None:
    scores = [each.score for each in MATCHER.find(Wanted("Ministerio de Seguridad de la Nación"), 5)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 100 for score in scores)


def test_no_more_than_asked_for() -> None:
    assert len(MATCHER.find(Wanted("Dahua"), 1)) == 1
