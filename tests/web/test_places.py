"""The table of files: what an address of the application is called in a static copy, and what has no place in one."""

from __future__ import annotations

import pytest

from kg.web.places import Place, place_of


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("/", "index.html"),
        ("/?lang=es", "es/index.html"),
        ("/page/org/zte?lang=pt", "pt/page/org/zte.html"),
        ("/page/org/zte?start=250&lang=pt", "pt/page/org/zte.250.html"),
        ("/page/def/claim?lang=en", "en/page/def/claim.html"),
        ("/browse/Company?lang=es", "es/browse/Company.html"),
        ("/browse/Company?view=map&lang=es", "es/browse/Company.map.html"),
        ("/browse/Company.csv?lang=es", "es/browse/Company.csv"),
        ("/browse?class=Gap&lang=es", "es/browse/Gap.html"),
        ("/questions/amounts?lang=es", "es/questions/amounts.html"),
        ("/api/queries/amounts.csv", "questions/amounts.csv"),
        ("/cite/org/zte.bib?of=sources&lang=es", "es/cite/org/zte.sources.bib"),
        ("/data/org/zte.ttl?lang=es", "data/org/zte.ttl"),
        ("/static/kg.css?v=0123", "static/kg.css"),
        ("/id/org/zte/origin", "id/org/zte/origin/index.html"),
        ("/def", "def/index.html"),
        ("/sitemap.xml?part=2", "sitemap.2.xml"),
        ("/release/2026-12-01?lang=es", "es/release/2026-12-01.html"),
        ("/release/2026-12-01", "release/2026-12-01/index.html"),
        ("/release/2026-12-01.2?lang=es", "es/release/2026-12-01.2.html"),
        ("/release/2026-12-01.2", "release/2026-12-01.2/index.html"),
        ("/changes?from=2026-11-01&to=2026-12-01&lang=es", "es/changes.2026-11-01.2026-12-01.html"),
    ],
)
def test_an_address_has_a_file(address: str, file: str) -> None:
    assert place_of(address) == Place(file)


@pytest.mark.parametrize(
    "address",
    [
        "/sparql?query=ASK+%7B%7D&lang=es",
        "/sparql.csv?query=ASK+%7B%7D",
        "/browse/Company?sort=name&lang=es",
        "/browse/Initiative?on=2021-01-01",
        "/browse",
        "/page/org/zte?on=2021-01-01",
        "/suggest?q=x",
        "/health",
        "/page/../../etc/passwd",
        "/data//etc/passwd",
        "/page/org/a%20b?lang=es",
    ],
)
def test_what_only_the_application_can_answer_has_none(address: str) -> None:
    assert place_of(address) is None


def test_filters_and_words_stay_behind_the_name_for_scripts() -> None:
    assert place_of("/browse/Company?country=cty:cn&lang=es") == Place("es/browse/Company.html", "country=cty%3Acn")
    assert place_of("/search?q=zte&lang=pt") == Place("pt/search.html", "q=zte")


def test_a_class_and_a_property_differ_where_capitals_do_not_count() -> None:
    files = [place_of(f"/page/def/{name}?lang=es") for name in ("Claim", "claim")]
    assert all(files)
    assert len({place.file.lower() for place in files if place}) == 2


@pytest.mark.parametrize(
    ("here", "link"),
    [("es/index.html", "page/org/zte.html"), ("es/page/org/huawei.html", "zte.html"), ("404.html", "es/page/org/zte.html")],
)
def test_links_are_relative(here: str, link: str) -> None:
    place = place_of("/page/org/zte?lang=es")
    assert place
    assert place.seen_from(here) == link
