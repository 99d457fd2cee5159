"""What crawlers and search engines are told."""

from __future__ import annotations

import json
import re
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

_SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}


def test_crawlers_are_kept_off_what_costs_much(real_client: TestClient) -> None:
    answer = real_client.get("/robots.txt")
    assert answer.headers["Content-Type"].startswith("text/plain")
    rules = RobotFileParser()
    rules.parse(answer.text.splitlines())
    for path in ("/sparql?query=ASK%7B%7D", "/search?q=x", "/cite/org/hikvision.bib", "/questions/amounts"):
        assert not rules.can_fetch("anybot", f"http://testserver{path}"), path
    for path in ("/", "/page/org/hikvision", "/browse/Initiative", "/data/org/hikvision.ttl", "/sitemap.xml"):
        assert rules.can_fetch("anybot", f"http://testserver{path}"), path
    assert "Disallow: /browse/*?" in answer.text
    assert rules.site_maps() == ["http://testserver/sitemap.xml"]


def test_the_sitemap_names_every_page_in_each_language(real_client: TestClient) -> None:
    tree = ElementTree.fromstring(real_client.get("/sitemap.xml").content)  # noqa: S314 (ours)
    addresses = [loc.text or "" for loc in tree.findall("s:url/s:loc", _SITEMAP)]
    assert len(addresses) == len(set(addresses)) > 3000
    for path in ("page/org/hikvision", "page/initiative/ec-ecu-911", "page/source/alsur-2025", "page/country/br", ""):
        for language in ("en", "es", "pt"):
            assert f"http://testserver/{path}?lang={language}" in addresses
    assert not any("/node/" in address or "/code/" in address for address in addresses)
    assert all(len(url.findall("x:link", _SITEMAP)) == 3 for url in tree.findall("s:url", _SITEMAP))
    for address in addresses[5::400]:
        assert real_client.get(address.removeprefix("http://testserver")).status_code == 200, address
    assert real_client.get("/sitemap.xml?part=2").status_code == 404
    assert real_client.get("/sitemap.xml?part=0").status_code in (400, 422)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("org/hikvision", "Organization"),
        ("initiative/ec-ecu-911", "Project"),
        ("country/br", "Country"),
        ("measure/us-sanction-ceiec-2020", "Thing"),
    ],
)
def test_a_page_says_what_it_is_about(real_client: TestClient, path: str, kind: str) -> None:
    answer = real_client.get(f"/page/{path}?lang=es", headers={"Accept": "text/html"})
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', answer.text, re.DOTALL)
    about = json.loads(text)
    assert (about["@type"], about["@id"]) == (kind, f"https://w3id.org/vigia/id/{path}")
    assert about["name"]


def test_a_page_links_to_its_data_licence_and_lasting_address(real_client: TestClient) -> None:
    links = real_client.get("/page/org/hikvision", headers={"Accept": "text/html"}).headers["Link"]
    assert '<https://w3id.org/vigia/id/org/hikvision>; rel="cite-as"' in links
    assert 'rel="license"' in links
    for target in re.findall(r'<(/[^>]*)>; rel="describedby"', links):
        assert real_client.get(target).status_code == 200
