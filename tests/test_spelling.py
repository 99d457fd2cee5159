"""Names are compared by what is left of them."""

from __future__ import annotations

import pytest

from kg.spelling import Speller, initials, readings

SPELLER = Speller({"PE": ["Peru", "Perú"], "US": ["United States", "Estados Unidos"], "CR": ["Costa Rica"], "AR": ["Argentina"]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dahua Technology Co., Ltd.", "DAHUA TECHNOLOGY"),
        ("Teléfonos de México, S.A.B. de C.V.", "Telefonos de México"),
        ("Novitech S. A. de C. V.", "Novitech"),
        ("PL9 Tecnologia e Serviços Ltda", "PL9 Tecnología y Servicios"),
        ("Dermalog GmbH", "dermalog"),
        ("Ministério do Interior", "Ministry of the Interior"),
        ("Municipalidad de La Victoria", "Prefeitura da La Victoria"),
        ("Policía Nacional del Perú", "Peruvian National Police"),
        ("Policía Nacional del Perú PNP", "Policia Nacional del Peru"),
        ("U.S. Department of State", "Departamento de Estado de los Estados Unidos"),
    ],
)
def test_two_ways_to_write_a_name(one: str, other: str) -> None:
    spelt, again = SPELLER.spell(one), SPELLER.spell(other)
    assert sorted(spelt.words) == sorted(again.words)
    assert spelt.countries == again.countries


@pytest.mark.parametrize(("one", "other"), [("Claro", "Claro Perú"), ("NEC", "ZTE"), ("Hikvision", "Hik")])
def test_two_names(one: str, other: str) -> None:
    assert SPELLER.spell(one) != SPELLER.spell(other)


@pytest.mark.parametrize("name", ["SAS", "S.A.", "AG", "Perú", "de la", "", "   ", "-", "()", "x" * 100_000, "a " * 10_000, "中国"])
def test_nothing_is_too_odd(name: str) -> None:
    spelt = SPELLER.spell(name)
    assert len(spelt.words) <= 24
    assert spelt.words or not any(map(str.isalnum, name))


def test_a_country_by_name_or_code() -> None:
    assert [SPELLER.country(text) for text in ("PERÚ", "pe", "Estados Unidos", "EE.UU.", "Atlantis")] == [
        "pe",
        "pe",
        "us",
        "us",
        None,
    ]


def test_brackets() -> None:
    assert readings("Instituto Nacional Electoral (INE)") == [
        "Instituto Nacional Electoral (INE)",
        "Instituto Nacional Electoral",
        "INE",
    ]
    assert readings("Ministry of Security (Argentina)") == ["Ministry of Security (Argentina)", "Ministry of Security"]


def test_initials() -> None:
    assert initials("Agência Brasileira de Desenvolvimento Industrial") == "abdi"
    assert initials("ZTE") is None
