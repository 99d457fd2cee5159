"""Pages of several questions, and questions on the pages of things: every number leads to as many things as it says."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from kg.build import build
from kg.query import read_question
from kg.settings import Settings
from kg.web.app import create_app
from kg.web.reports import PAGES
from kg.web.site import open_release
from linking import link_surely, wikidata_says
from repository import ROOT

QUESTIONS = [read_question(path) for path in sorted((ROOT / "queries").glob("*.rq"))]
LINKED = re.compile(
    r'<a href="(/browse/[^"]+)"(?: aria-label="[^"]*: )?[^>]*>(?:<circle[^>]*><title>[^<]*</title></circle><text[^>]*>)?([\d.,]+)<'
)


@pytest.mark.parametrize("language", ["en", "es", "pt"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_every_question_that_asks_for_it(real_client: TestClient, page: str, language: str) -> None:
    text = real_client.get(f"/{page}?lang={language}").text
    wanted = [question for question in QUESTIONS if page in question.pages]
    assert wanted
    for question in wanted:
        assert f'<h2 id="{question.name}">{question.title(language)}</h2>'.replace("'", "&#39;") in text


@pytest.mark.parametrize("question", [q for q in QUESTIONS if q.pages or q.panel or q.chart], ids=lambda question: question.name)
def test_what_a_header_names_is_there(question: object) -> None:
    assert isinstance(question, type(QUESTIONS[0]))
    for language in ("en", "es", "pt"):
        assert set(question.columns(language)) == set(question.variables) - question.hidden, language
    assert not question.chart or question.chart[0] in {"bars", "money", "matrix", "map", "links", "chain"}
    assert set(question.chart[1:]) <= set(question.variables)
    assert set(re.findall(r"\{(\w+)\}", question.link)) <= {*question.variables, *question.parameters}
    assert not question.group or question.group in question.variables
    assert not question.panel or question.panel[1] in question.parameters
    assert set(question.pages) <= {*PAGES, "home", "disagreements"}


@pytest.mark.parametrize(
    "path", ["/charts", "/", "/page/country/ar", "/page/country/cn", "/page/org/hikvision", "/page/org/idemia"]
)
def test_a_number_leads_to_as_many_things(real_client: TestClient, path: str) -> None:
    links = {(unescape(address), int(re.sub(r"\D", "", number))) for address, number in LINKED.findall(real_client.get(path).text)}
    links = {(address, number) for address, number in links if "?" in address}
    assert links or path == "/"
    for address, number in sorted(links)[:40]:
        listed = real_client.get(address, headers={"Accept": "application/json"})
        assert len(listed.json()) == number, address


def test_a_panel_stands_only_where_it_has_an_answer(real_client: TestClient) -> None:
    assert 'id="p-trade-links-of-a-country"' in real_client.get("/page/country/ar").text
    assert 'id="p-trade-links-of-a-country"' not in real_client.get("/page/country/cu").text
    assert 'id="p-money-of-an-initiative"' in real_client.get("/page/initiative/bo-bol-110").text


def test_money_of_two_currencies_is_never_in_one_table(real_client: TestClient) -> None:
    text = real_client.get("/page/initiative/ec-ecu-911").text
    start = text.index('id="p-money-of-an-initiative"')
    captions = re.findall(r"<caption>(\w+)</caption>", text[start : text.index("</section>", start)])
    assert captions == sorted(set(captions))
    assert captions


def test_every_disagreement_stands_on_the_page_of_them(real_client: TestClient) -> None:
    rows = real_client.get(
        "/sparql.json",
        params={"query": "SELECT DISTINCT ?claim ?thing { ?claim kg:contradicts|^kg:contradicts ?other . ?thing kg:claim ?claim }"},
    ).json()["results"]["bindings"]
    text = real_client.get("/disagreements?lang=pt").text
    assert len(rows) > 50
    for row in rows:
        key = row["claim"]["value"].removeprefix("https://w3id.org/vigia/id/")
        assert f'href="/page/{key}?lang=pt"' in text, key


def test_a_source_shows_what_stands_against_it(real_client: TestClient) -> None:
    assert 'id="contradicted"' in real_client.get("/page/source/alsur-2025").text
    assert 'id="contradicted"' not in real_client.get("/page/org/zte").text


def test_what_is_past_is_folded(real_client: TestClient) -> None:
    rows = real_client.get(
        "/sparql.json", params={"query": "SELECT ?thing ?claim { ?thing kg:claim ?claim . ?claim kg:rank rank:deprecated } LIMIT 5"}
    ).json()["results"]["bindings"]
    assert rows
    for row in rows:
        path = row["thing"]["value"].removeprefix("https://w3id.org/vigia/id/")
        text = real_client.get(f"/page/{path}").text
        anchor = text.index(f'<tr id="{row["claim"]["value"].rpartition("/")[2]}"')
        assert text.rindex("<details>", 0, anchor) > text.rfind("</details>", 0, anchor)


def test_a_dataset_of_others_has_empty_pages_of_ours(files_client: TestClient) -> None:
    for page in (*PAGES, "disagreements"):
        assert files_client.get(f"/{page}").status_code == 200


def test_what_a_source_could_not_find_out_stands_among_the_facts(real_client: TestClient) -> None:
    query = """SELECT ?thing ?reason {
        ?thing kg:claim ?gap . ?gap a kg:Gap ; kg:missingProperty kg:provider ; kg:reason ?code .
        ?code rdfs:label ?reason FILTER(LANG(?reason) = "es")
    }"""
    rows = real_client.get("/sparql.json", params={"query": query}).json()["results"]["bindings"]
    assert len(rows) > 5
    for row in rows[:8]:
        path = row["thing"]["value"].removeprefix("https://w3id.org/vigia/id/")
        text = real_client.get(f"/page/{path}?lang=es").text
        facts = text[text.index('<h2 id="facts">') : text.index("</dl>", text.index('<h2 id="facts">'))]
        assert re.search(rf'class="gap">.*?{row["reason"]["value"]}</a><sup>', facts), path


@pytest.mark.parametrize("path", ["/page/initiative/ec-ecu-911", "/page/org/idemia-argentina", "/page/country/ar"])
def test_the_query_behind_each_panel_has_an_answer(real_client: TestClient, path: str) -> None:
    links = set(re.findall(r'href="(/sparql\?query=[^"]+)"', real_client.get(path).text))
    assert len(links) > 3
    for link in links:
        answer = real_client.get(unescape(link) + "&format=json").json()
        assert answer["results"]["bindings"], unescape(link)


def _disagreements(root: Path, out: Path) -> str:
    """The part of the page of disagreements that is about Wikidata."""
    build(root, out)
    with TestClient(create_app(open_release(out, Settings()))) as client:
        text = client.get("/disagreements?lang=en").text
    start = text.index('<h2 id="wikidata-disagrees">')
    return text[start : text.index("</section>", start)]


def test_what_wikidata_contradicts_stands_on_the_page(own_model: Path, tmp_path: Path) -> None:
    """A code of a region, a parent, a website and an address that is only written in another way."""
    data = own_model / "data"
    for path, more in (
        ("place/xa-town", "subdivisionCode: XA-T\n"),
        ("org/xa-police", "website: https://www.example.org/police/\n"),
        ("org/guess", "website: https://example.org/guess\npartOf: org:holding\n"),
    ):
        file = data / f"{path}.yaml"
        file.write_text(file.read_text("utf-8").replace("label:", f"{more}label:", 1), "utf-8")
    items = {"plc:xa-town": "Q1001", "org:maker": "Q1002", "org:holding": "Q1003", "org:guess": "Q1004", "org:xa-police": "Q1005"}
    for thing, item in items.items():
        link_surely(own_model, thing, item)
    wikidata_says(
        own_model,
        {
            "Q1001": {"P300": '"XA-U"'},
            "Q1002": {"P749": "Q1003"},  # as here: the holding has most of it
            "Q1004": {"P749": "Q1002", "P856": '"https://example.com/"^^<http://www.w3.org/2001/XMLSchema#anyURI>'},
            "Q1005": {"P856": '"http://example.org/police"^^<http://www.w3.org/2001/XMLSchema#anyURI>'},
        },
    )
    shown = _disagreements(own_model, tmp_path / "build")
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in re.findall(r"<tr><td>(.*?)</tr>", shown)]
    told = {
        (" ".join(row[:2]), tuple(word for word in row if word.startswith(("XA-", "https:", "Holding", "Maker")))) for row in rows
    }
    assert told == {
        ("Villa Ejemplo", ("XA-T", "XA-U")),
        ("Guess Inc", ("Holding", "Maker")),
        ("Guess Inc", ("https://example.org/guess", "https://example.com/")),
    }
    assert "4 items were read and compared." in shown


def test_that_nothing_is_contradicted_says_what_was_read(own_model: Path, tmp_path: Path) -> None:
    assert "Nothing has been read from Wikidata yet" in _disagreements(own_model, tmp_path / "build")
    wikidata_says(own_model, {"Q42": {}})
    shown = _disagreements(own_model, tmp_path / "build")
    assert "1 item was read and compared. None contradicts this graph." in shown
    assert "Nothing has been read" not in shown


def test_everything_that_is_not_linked_stands_on_the_page_with_the_reason(real_client: TestClient) -> None:
    """What nobody looked for is folded by kind; what was looked for in copies alone does not seem to be looked for in Wikidata."""
    query = """SELECT ?thing { ?thing a ?class ; rdfs:label ?name FILTER(STRSTARTS(STR(?class), STR(kg:)))
        FILTER(REGEX(STR(?thing), "/id/(agreement|country|initiative|law|measure|org|person|place|product|programme)/[^/]+$"))
        MINUS { ?link kg:linkedThing ?thing ; kg:linkedItem ?item } }"""
    rows = real_client.get("/sparql.json", params={"query": query}).json()["results"]["bindings"]
    things = {row["thing"]["value"].removeprefix("https://w3id.org/vigia/id/") for row in rows}
    text = real_client.get("/links?lang=en").text
    parts = {
        name: text[text.index(f'<h2 id="{name}">') :].partition("</section>")[0] for name in re.findall(r'<h2 id="([^"]+)">', text)
    }
    unfound, unsearched = parts["without-wikidata"], parts["not-searched-for-wikidata"]
    searched, others = (set(re.findall(r'<tr><td><a href="/page/([^"?]+)["?]', part)) for part in (unfound, unsearched))
    assert len(things) > 400
    assert things == {thing for thing in searched | others if not thing.startswith("code/")}
    assert not searched & others
    assert unsearched.count(">not searched yet</a>") == len(others)
    folded = [int(number) for number in re.findall(r"<details><summary>[^<]+ \((\d+)\)</summary>", unsearched)]
    assert sum(folded) == len(others)
    assert unfound.count(">published copies</a>") == unfound.count("<tr><td>")
    assert "none in copies" in parts["wikidata-link-counts"]
