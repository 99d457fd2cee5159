"""Pages: valid HTML, three languages, facts with footnotes, doubts shown as such."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path

import html5lib
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from starlette.testclient import TestClient

from kg.card import draw_card
from kg.names import BASE
from kg.release import Release
from kg.settings import Settings
from kg.web import assets
from kg.web.app import create_app
from kg.web.site import open_files, open_release
from repository import ROOT

TEMPLATES = ROOT / "src" / "kg" / "web" / "templates"
PATHS = [
    "/",
    "/browse/Initiative",
    "/browse/Initiative?country=cty:xa&use=use:emergency-response",
    "/browse?class=CodeList",
    "/search",
    "/search?q=camera",
    "/search?q=nobody",
    "/browse?class=http://www.w3.org/ns/org%23Organization",
    "/sparql",
    "/sparql?query=ASK%7B%7D&format=html",
    "/sparql?query=SELECT&format=html",
    "/page/def",
    "/page/initiative/xa-cameras",
    "/page/org/holding",
    "/page/org/maker",
    "/page/source/survey-2025",
    "/page/country/xa",
    "/page/measure/xa-stop",
    "/page/code/role",
    "/page/code/role/provider",
    "/page/graph/data",
    "/page/org/nobody",
    "/about",
    "/nothing",
]


@pytest.mark.parametrize("language", ["en", "es", "pt"])
@pytest.mark.parametrize("path", PATHS)
def test_pages_are_valid_and_in_their_language(client: TestClient, path: str, language: str) -> None:
    separator = "&" if "?" in path else "?"
    answer = client.get(f"{path}{separator}lang={language}", headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Content-Language"] == language
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert f'<html lang="{language}">' in answer.text
    assert answer.text.count("<h1") == 1
    for link in re.findall(r'href="(/[^"]*)"', answer.text):
        if not link.startswith(("/static", "/data", "/resource")):
            assert f"lang={language}" in unescape(link) or "format=" in link or "hreflang" in answer.text, link


@pytest.mark.parametrize("path", ["/", "/page/initiative/xa-cameras", "/page/source/survey-2025", "/page/def", "/sparql"])
def test_links_of_a_page_resolve(client: TestClient, path: str) -> None:
    page = client.get(path, headers={"Accept": "text/html"}).text
    for link in sorted({unescape(link).split("#")[0] for link in re.findall(r'(?:href|src|action)="(/[^"]*)"', page)}):
        answer = client.get(link, headers={"Accept": "text/html"})
        assert answer.status_code in (200, 303, 308), link


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("pt-BR,pt;q=0.9", "pt"),
        ("de, es;q=0.5, en;q=0.4", "es"),
        ("de", "en"),
        ("", "en"),
        ("es;q=0, pt", "pt"),
        ("es;q=x, pt;q=0.1", "pt"),
    ],
)
def test_the_browser_s_language_is_heeded(client: TestClient, header: str, expected: str) -> None:
    answer = client.get("/", headers={"Accept-Language": header})
    assert answer.headers["Content-Language"] == expected
    assert "Accept-Language" in answer.headers["Vary"]


def test_a_fact_has_its_sources(client: TestClient) -> None:
    page = client.get("/page/initiative/xa-cameras").text
    assert re.search(r'Maker Ltd</a>.*?href="#n\d+" aria-label="Source \d+"', page)
    assert "n. 7" in page
    assert "read through" in page
    assert '<q lang="es">adjudicado a Maker</q>' in page


def test_doubts_are_shown(client: TestClient) -> None:
    page = client.get("/page/initiative/xa-cameras").text
    assert "local firms" in page
    assert 'class="deprecated"' in page
    assert "The survey took the owner for the seller." in page
    assert 'class="certainty presumed"' in page
    facts = page[: page.index("</dl>")]
    assert "Guess Inc" in facts
    assert "(presumed)" in facts
    assert "(inferred)" in facts


def test_what_follows_borrows_no_footnote(client: TestClient) -> None:
    page = client.get("/page/org/maker").text
    (row,) = re.findall(r"<dd>[^\n]*</dd>", page[page.index("/def/ultimateController") :])[:1]
    assert "(follows from other facts)" in row
    assert "#n" not in row
    controlled = page[page.index("/def/controlledBy") :]
    assert "#n" in controlled[: controlled.index("</dd>")]


def test_disagreement_is_shown_side_by_side(client: TestClient) -> None:
    page = client.get("/page/measure/xa-stop?lang=es").text
    assert "12 de marzo de 2024" in page
    assert "mayo de 2024" in page
    assert "las fuentes discrepan" in page
    assert "preferida" in page
    titles = [re.sub(r"<[^>]*>", "", title) for title in re.findall(r"<h3>(.*?)</h3>", page, re.DOTALL)]
    assert ["12 de marzo de 2024" in titles[0], "mayo de 2024" in titles[1]] == [True, True]


def test_money_and_durations_read_naturally(client: TestClient) -> None:
    page = client.get("/page/initiative/xa-cameras?lang=pt").text
    assert "USD 1.050.000,5" in page
    assert "8 anos" in page.replace("\xa0", " ")
    assert "USD 1,050,000.5" in client.get("/page/initiative/xa-cameras?lang=en").text


def test_a_source_says_what_rests_on_it(client: TestClient) -> None:
    page = client.get("/page/source/survey-2025").text
    assert "Town cameras" in page
    assert "Copia del informe" in page


def test_a_name_in_another_language_says_so(client: TestClient) -> None:
    assert '<a href="/page/org/xa-police" lang="es">Policía de Ejemplia</a>' in client.get("/page/initiative/xa-cameras").text


def test_no_page_asks_a_third_party_or_runs_a_script(client: TestClient) -> None:
    for path in PATHS:
        page = client.get(path, headers={"Accept": "text/html"})
        assert not re.search(r'<script(?! type="application/ld\+json"| defer src="/static/made/editor\.js)|<iframe', page.text)
        assert ("<script defer" in page.text) <= path.startswith("/sparql")
        assert not re.search(r'src="(https?:)?//|<link[^>]+href="(https?:)?//', page.text)
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in page.headers


def test_without_what_set_up_fetches_pages_still_work(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses differ from those of other tests, for answers are remembered."""
    left = {name: held for name, held in assets._files().items() if not name.startswith("made/")}
    monkeypatch.setattr(assets, "_files", lambda: left)
    for path in (
        "/?without=1",
        "/sparql?without=1",
        "/charts?without=1",
        "/browse/Initiative?view=map&without=1",
        "/about?without=1",
    ):
        page = client.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert "made/" not in page.text
        assert "/card/" not in page.text
        html5lib.HTMLParser(strict=True).parse(page.text)
    assert draw_card("a", "b", "c", Path("/nowhere")) is None


def test_every_text_is_in_every_catalogue() -> None:
    options = {"extensions": "jinja2.ext.i18n", "trim_blocks": "true", "lstrip_blocks": "true"}
    found = extract_from_dir(str(TEMPLATES), [("**.html", "jinja2")], {"**.html": options})
    messages = {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}
    assert len(messages) > 40
    for language in ("es", "pt"):
        with (TEMPLATES.parent / "locale" / f"{language}.po").open("rb") as file:
            catalogue = read_po(file, locale=language)
        assert not [message.id for message in catalogue if message.fuzzy and message.id]
        whole = [m for m in catalogue if m.id and all(m.string if isinstance(m.string, tuple) else [m.string])]
        translated = {m.id if isinstance(m.id, str) else m.id[0] for m in whole}
        assert messages == translated, language


def test_another_data_set_gets_pages_too(files_client: TestClient) -> None:
    home = files_client.get("/").text
    assert "http://example.org/Thing" in home
    page = files_client.get("/resource", params={"iri": "http://example.org/s"})
    assert page.status_code == 200
    assert "&lt;b&gt;Hospital&lt;/b&gt;" in page.text
    assert "/resource?iri=http%3A%2F%2Fexample.org%2Fo" in page.text
    html5lib.HTMLParser(strict=True).parse(page.text)
    turtle = files_client.get("/resource", params={"iri": "http://example.org/s", "format": "ttl"})
    assert turtle.headers["Content-Type"].startswith("text/turtle")
    assert files_client.get("/resource", params={"iri": "http://example.org/none"}).status_code == 404
    assert files_client.get("/resource", params={"iri": "nonsense"}).status_code == 400
    assert files_client.get("/resource").status_code == 400
    assert files_client.get("/browse", params={"class": "http://example.org/Thing"}).status_code == 200
    answer = files_client.get("/sparql", params={"query": "SELECT * { ?s ?p ?o }", "format": "csv"})
    assert len(answer.text.splitlines()) == 9


def test_no_link_or_redirect_leads_to_another_host(client: TestClient) -> None:
    answer = client.get("/resource", params={"iri": "https://w3id.org/vigia//evil.example/x"})
    assert not answer.headers.get("Location", "").startswith("//")
    assert 'href="//' not in client.get("//evil.example/x", headers={"Accept": "text/html"}).text


def test_values_that_are_not_what_they_say_are_shown_as_they_are(tmp_path: Path) -> None:
    xsd = "http://www.w3.org/2001/XMLSchema#"
    odd = [("abc", "decimal"), ("1e5000000", "decimal"), ("P9999999999Y", "duration"), ("2024-13", "gYearMonth")]
    values = ", ".join(f'"{text}"^^<{xsd}{kind}>' for text, kind in odd)
    (tmp_path / "a.ttl").write_text(f"<http://example.org/\u6f22> <http://example.org/p> {values} .", "utf-8")
    with TestClient(create_app(open_files([tmp_path / "a.ttl"], Settings()))) as client:
        page = client.get("/resource", params={"iri": "http://example.org/\u6f22"})
        assert page.status_code == 200
        assert all(text in page.text for text, _ in odd)
        assert client.get("/resource", params={"iri": "http://example.org/\u6f22", "format": "ttl"}).status_code == 200


def test_the_description_of_the_interface_is_there(client: TestClient) -> None:
    assert "/sparql" in client.get("/openapi.json").json()["paths"]


def test_our_own_fault_shows_no_stack(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from kg.entity import Entities  # noqa: PLC0415

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Entities, "page", fail)
    for accept in ("text/html", "application/json"):
        answer = client.get("/page/org/maker?never=asked", headers={"Accept": accept})
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text


def test_what_very_much_leads_to_asks_its_questions_when_somebody_wants_them(
    real_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kg.entity._MOST_POINTING", 20)
    for path in ("/page/country/br?lang=es", "/page/org/hikvision?lang=es"):
        text = real_client.get(path).text
        (section,) = re.findall(r'<section aria-labelledby="questions">.*?</section>', text, re.DOTALL)
        links = [unescape(link) for link in re.findall(r'href="([^"]*)"', section)]
        assert len(links) > 1
        assert 'id="p-' not in text
        for link in links:
            answer = real_client.get(link, headers={"Accept": "application/sparql-results+json"})
            assert answer.status_code == 200, link
    assert 'aria-labelledby="questions"' not in real_client.get("/page/org/zabbix?lang=es").text


@pytest.mark.parametrize("unknown", [["lnk:b"], [], None])
def test_the_look_at_the_items_says_what_could_not_be_told(
    small: tuple[Path, Release], tmp_path: Path, unknown: list[str] | None
) -> None:
    shutil.copytree(small[0], tmp_path / "build", symlinks=True)
    rows = [
        {"link": "lnk:a", "thing": f"{BASE}id/org/maker", "item": "Q42", "state": state, "detail": state}
        for state in ("renamed", "unlike")
    ]
    report = {"day": "2026-11-27", "links": 2, "findings": rows} | ({} if unknown is None else {"kind_unknown": unknown})
    (tmp_path / "build" / "links.json").write_text(json.dumps(report), "utf-8")
    with TestClient(create_app(open_release(tmp_path / "build", Settings()))) as client:
        text = client.get("/links", headers={"Accept": "text/html"}).text
    assert "2 links, with 1 of them something is the matter" in text  # one link, of which there are two findings
    assert text.count(">Q42</a>") >= len(rows)
    assert ("Of 1 of them it could not be told" in text) == bool(unknown)
