"""Every page of the real graph is valid HTML, each in one of the languages, and no two elements of it share an id."""

from __future__ import annotations

import re
from collections import Counter
from itertools import cycle
from xml.etree import ElementTree

import html5lib
import pytest
from starlette.testclient import TestClient

from repository import ROOT

_LOC = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"
_PARTS = 8
_ID = re.compile(r'\sid="([^"]*)"')


def addresses(client: TestClient) -> list[str]:
    """All pages: those of the sitemap, the codes, the terms of the ontology, and the stored questions."""
    tree = ElementTree.fromstring(client.get("/sitemap.xml").content)  # noqa: S314 (ours)
    pages = {(loc.text or "").removeprefix("http://testserver").partition("?")[0] for loc in tree.iter(_LOC)}
    codes = client.get(
        "/sparql.csv", params={"query": "SELECT ?code { ?code a ?class VALUES ?class { kg:Code kg:CodeList } }"}
    ).text
    terms = client.get("/sparql.csv", params={"query": "SELECT ?term { ?term rdfs:isDefinedBy <https://w3id.org/vigia/def> }"}).text
    pages |= {"/page/" + line.removeprefix("https://w3id.org/vigia/") for line in codes.split()[1:]}
    pages |= {"/page/def/" + line.removeprefix("https://w3id.org/vigia/def#") for line in terms.split()[1:]}
    return sorted(pages)


@pytest.mark.parametrize("part", range(_PARTS))
def test_every_page_is_valid(real_client: TestClient, part: int) -> None:
    languages = cycle(("es", "pt", "en"))
    checked = 0
    for address in addresses(real_client)[part::_PARTS]:
        answer = real_client.get(f"{address}?lang={next(languages)}", headers={"Accept": "text/html"})
        assert answer.status_code == 200, address
        try:
            html5lib.HTMLParser(strict=True).parse(answer.text)
        except html5lib.html5parser.ParseError as error:
            raise AssertionError(address) from error
        twice = [name for name, number in Counter(_ID.findall(answer.text)).items() if number > 1]
        assert not twice, (address, twice)
        checked += 1
    assert checked > 150


@pytest.mark.parametrize("path", sorted((ROOT / "queries").glob("*.rq")), ids=lambda path: path.stem)
def test_every_stored_question_has_a_valid_page(real_client: TestClient, path: object) -> None:
    assert hasattr(path, "stem")
    led = real_client.get(f"/questions/{path.stem}?lang=pt")
    answer = real_client.get(led.headers["location"], headers={"Accept": "text/html"})
    assert answer.status_code == 200
    html5lib.HTMLParser(strict=True).parse(answer.text)
