"""Things are found by names as people write them, and what is not there is not found."""

from __future__ import annotations

import pytest

from kg.directory import Thing
from kg.matching import BIAS, HOPELESS, MATCH, WEIGHTS, Candidate, Matcher, Wanted

COMPANY, BODY = frozenset({"Company"}), frozenset({"PublicBody"})
THINGS = [
    Thing("zte", ["ZTE", "ZTE Corporation"], COMPANY, frozenset({"cn"})),
    Thing("nec", ["NEC"], COMPANY, frozenset({"jp"})),
    Thing("dahua", ["Dahua Technology"], COMPANY, frozenset({"cn"})),
    Thing("dahua-peru", ["Dahua Technology Perú S.A.C."], COMPANY),
    Thing("minseg-ar", ["Ministerio de Seguridad (Argentina)"], BODY, frozenset({"ar"})),
    Thing("minseg-uy", ["Ministerio de Seguridad (Uruguay)"], BODY, frozenset({"uy"})),
    Thing("ine", ["Instituto Nacional Electoral (INE)"], BODY, frozenset({"mx"})),
    Thing("carrasco", ["Carrasco International Airport"], frozenset({"Place"}), frozenset({"uy"}), sorts=frozenset({"airport"})),
    Thing("jujuy-city", ["San Salvador de Jujuy"], frozenset({"Place"}), frozenset({"ar"}), sorts=frozenset({"municipality"})),
    Thing("la-victoria", ["La Victoria"], frozenset({"Place"}), frozenset({"pe"}), sorts=frozenset({"district"})),
    Thing("rio", ["Rio de Janeiro"], frozenset({"Place"}), frozenset({"br"}), sorts=frozenset({"municipality"})),
    Thing("sonora", ["Sonora"], frozenset({"Place"}), frozenset({"mx"}), sorts=frozenset({"state", "province"})),
    Thing("bbva-hk", ["BBVA Hong Kong"], COMPANY, frozenset({"hk"}), is_mobile=True),
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
        ("CIA", (), None),
        ("San Salvador", (), None),
        ("San Salvador de Jujuy", (), "jujuy-city"),
        ("Victoria", (), None),
        ("Vitória", (), None),
        ("Victoria, La", (), "la-victoria"),
        ("Rio de Janeiro (state)", (), None),
        ("Estado do Rio de Janeiro", ("br",), None),
        ("Cidade do Rio de Janeiro", (), "rio"),
        ("Estado de Sonora", (), "sonora"),
        ("Carrasco", ("uy",), None),
        ("Aeropuerto de Carrasco", ("uy",), "carrasco"),
        ("Policía de Sonora", (), None),
        ("Hong Kong", (), None),
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


def test_initials_that_nobody_wrote_down_are_a_guess() -> None:
    """Only a country that agrees makes them more."""
    (guess, *_) = MATCHER.find(Wanted("CIA"), 5)
    assert (guess.iri, guess.is_guess, guess.is_match) == ("carrasco", True, False)
    assert guess.score < MATCH
    assert match("CIA", frozenset(), "us") is None
    assert not MATCHER.find(Wanted("CIA", frozenset(), frozenset({"uy"})), 5)[0].is_guess


def test_what_has_no_word_in_common_is_never_worth_showing() -> None:
    """So that it need not be compared, which is most of the work; new weights have to keep it so."""
    of_words = {"known", "covered", "both", "telling"}
    most = BIAS + sum(max(weight, 0) for name, weight in WEIGHTS._asdict().items() if name not in of_words)
    assert Candidate("", "", most, 0.0, country=True).score < HOPELESS
