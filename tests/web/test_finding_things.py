"""Search, lists with filters, and citations, as a reader, a spreadsheet or a browser asks for them."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from xml.etree import ElementTree

import html5lib
import pytest
from starlette.testclient import TestClient

HTML = {"Accept": "text/html"}


def page(client: TestClient, address: str) -> str:
    answer = client.get(address, headers=HTML)
    assert answer.status_code == 200, answer.text[:500]
    html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer.text


# Search


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_a_search_leads_to_the_thing(real_client: TestClient, language: str) -> None:
    text = page(real_client, f"/search?q=ecu+911&lang={language}")
    first = re.search(r'<ol class="results".*?href="([^"]*)"', text, re.DOTALL)
    assert first
    assert first[1] == f"/page/initiative/ec-ecu-911?lang={language}"
    assert real_client.get(first[1], headers=HTML).status_code == 200


def test_a_mistyped_search_says_what_it_looked_for_instead(real_client: TestClient) -> None:
    text = page(real_client, "/search?q=hikvison")
    assert "“hikvison”" in text
    assert "“hikvision”" in text
    assert "/page/org/hikvision" in text


@pytest.mark.parametrize("words", ["", "xyzzyx", "<script>alert(1)</script>", '" onfocus="x', "%00", "a" * 400])
def test_any_words_have_a_page(real_client: TestClient, words: str) -> None:
    answer = real_client.get("/search", params={"q": words}, headers=HTML)
    assert answer.status_code == 200
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert "<script>alert" not in answer.text
    assert 'onfocus="x' not in answer.text


def test_pages_of_a_search_go_on(real_client: TestClient) -> None:
    text = page(real_client, "/search?q=camera&lang=es")
    following = re.search(r'rel="next" href="([^"]*)"', text)
    assert following
    more = page(real_client, unescape(following[1]))
    assert 'start="21"' in more
    assert not set(re.findall(r'<li><p><a href="([^"]*)"', text)) & set(re.findall(r'<li><p><a href="([^"]*)"', more))


def test_a_search_by_kind_finds_that_kind_only(real_client: TestClient) -> None:
    answer = real_client.get("/search?q=camera&format=json").json()
    kind = next(iter(answer["classes"]))
    narrowed = real_client.get("/search", params={"q": "camera", "class": kind, "format": "json"}).json()
    assert narrowed["total"] == answer["classes"][kind]
    assert {result["class"] for result in narrowed["results"]} == {kind}


def test_the_same_is_there_as_json(real_client: TestClient) -> None:
    for answer in (
        real_client.get("/search?q=hikvision", headers={"Accept": "application/json"}),
        real_client.get("/search?q=hikvision&format=json"),
    ):
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json()["results"][0]["iri"] == "https://w3id.org/vigia/id/org/hikvision"
        assert answer.json()["results"][0]["name"] == "Hikvision"


def test_browsers_can_search_and_suggest(real_client: TestClient) -> None:
    assert 'href="/opensearch.xml"' in page(real_client, "/")
    described = real_client.get("/opensearch.xml")
    assert described.headers["Content-Type"].startswith("application/opensearchdescription+xml")
    addresses = {part.get("type"): part.get("template") for part in ElementTree.fromstring(described.text) if part.get("template")}  # noqa: S314 (ours)
    template = addresses["application/x-suggestions+json"]
    assert template
    words, names, kinds, links = real_client.get(template.replace("{searchTerms}", "hikv")).json()
    assert words == "hikv"
    assert names[0] == "Hikvision"
    assert len(names) == len(kinds) == len(links) > 0
    assert real_client.get(links[0]).status_code == 303


# Lists


def test_a_list_can_be_narrowed_step_by_step(real_client: TestClient) -> None:
    address, seen = "/browse/Initiative?lang=es", []
    for _ in range(3):
        text = page(real_client, address)
        total = re.search(r'role="status">([\d.]+)', text)
        assert total
        seen.append(int(total[1].replace(".", "")))
        offers = re.findall(r'<li><a rel="nofollow" href="(/browse/Initiative[^"]*)">[^<]*(?:<span[^<]*</span>)?</a> \d', text)
        address = unescape(offers[1])
    assert seen[0] > seen[1] >= seen[2] > 0
    removed = re.search(r'<ul class="chips".*?href="([^"]*)"', page(real_client, address), re.DOTALL)
    assert removed
    assert len(unescape(removed[1])) < len(address)


def test_a_list_is_there_as_csv_and_json_of_the_same_things(real_client: TestClient) -> None:
    query = "country=cty:mx&lang=pt"
    rows = list(csv.DictReader(io.StringIO(real_client.get(f"/browse/Initiative.csv?{query}").text)))
    listed = real_client.get(f"/browse/Initiative.json?{query}").json()
    assert [row["iri"] for row in rows] == [item["iri"] for item in listed]
    assert {row["country"] for row in rows} == {"México"}
    assert all(item["country"] == [{"iri": "https://w3id.org/vigia/id/country/mx", "name": "México"}] for item in listed)
    text = page(real_client, f"/browse/Initiative?{query}")
    assert all(unescape(row["name"]) in unescape(text) for row in rows)
    assert real_client.get(f"/browse/Initiative?{query}", headers={"Accept": "text/csv"}).text.startswith("iri,name,country,")


def test_a_list_can_be_sorted_by_a_column(real_client: TestClient) -> None:
    by_name, by_country = (real_client.get(f"/browse/Initiative.json?sort={sort}").json() for sort in ("", "country"))
    assert [item["name"].casefold() for item in by_name] == sorted(item["name"].casefold() for item in by_name)
    countries = [item["country"][0]["name"].casefold() for item in by_country]
    assert countries == sorted(countries)
    assert len(by_name) == len(by_country)


def test_a_long_list_goes_on_from_page_to_page(real_client: TestClient) -> None:
    wanted = [thing["iri"] for thing in real_client.get("/browse/Source.json?lang=es").json()]
    found: list[str] = []
    for start in range(0, len(wanted) + 50, 50):
        rows = re.findall(
            r'<tr><th scope="row"><a href="/page/([^"?]+)', page(real_client, f"/browse/Source?lang=es&start={start}")
        )
        assert len(rows) == min(50, max(0, len(wanted) - start))
        found += [f"https://w3id.org/vigia/id/{path}" for path in rows]
    assert found == wanted
    assert "The list ends before this place" in page(real_client, f"/browse/Source?lang=en&start={10**30}")


def test_a_filter_with_very_many_values_says_that_some_are_left_out(
    real_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "the most frequent" not in page(real_client, "/browse/Initiative?lang=en")
    for module in ("kg.listing", "kg.web.browsing"):
        monkeypatch.setattr(f"{module}.MOST_OFFERED", 4)
    text = page(real_client, "/browse/Initiative?lang=en&sort=country")
    assert text.count("There may be more: these are the most frequent.") > 3


@pytest.mark.parametrize("cls", ["Initiative", "Company", "Agreement", "Source"])
@pytest.mark.parametrize("view", ["map", "timeline"])
def test_every_view_of_a_list_has_the_same_things(real_client: TestClient, cls: str, view: str) -> None:
    text = real_client.get(f"/browse/{cls}?view={view}").text
    listed = real_client.get(f"/browse/{cls}.json").json()
    shown = set(re.findall(r'href="/page/([^"#?]+)"', text))
    assert 'aria-current="true">' + view.capitalize() in text
    missing = [thing["iri"] for thing in listed if thing["iri"].removeprefix("https://w3id.org/vigia/id/") not in shown]
    if view == "timeline":
        assert not missing
    else:
        assert len(missing) < len(listed) or "None of these things" in text


def test_a_list_as_of_a_day_says_so_in_every_format(real_client: TestClient) -> None:
    asked = "status=status:active&on=2021-12-31"
    listed = real_client.get(f"/browse/Initiative.json?{asked}").json()
    assert 0 < len(listed) < len(real_client.get("/browse/Initiative.json?status=status:active").json())
    text = real_client.get(f"/browse/Initiative?{asked}").text
    assert 'value="2021-12-31"' in text
    assert f"{len(listed)} things" in text
    assert real_client.get("/browse/Initiative?on=yesterday").status_code == 400


def test_the_query_behind_a_list_can_be_asked(real_client: TestClient) -> None:
    text = page(real_client, "/browse/Initiative?country=cty:mx&lang=en")
    (link,) = re.findall(r'href="(/sparql\?query=[^"]*)"', text)
    answer = real_client.get(unescape(link), headers={"Accept": "text/csv"})
    assert len(answer.text.splitlines()) - 1 == len(real_client.get("/browse/Initiative.json?country=cty:mx").json())


def test_the_former_address_of_a_list_leads_to_it(real_client: TestClient) -> None:
    for cls in ("Initiative", "https://w3id.org/vigia/def%23Initiative"):
        answer = real_client.get(f"/browse?class={cls}&lang=es")
        assert (answer.status_code, answer.headers["Location"]) == (308, "/browse/Initiative?lang=es")


@pytest.mark.parametrize("path", ["/browse/Nothing", "/browse/Nothing.csv", "/browse/Initiative.exe", "/browse/Claim"])
def test_what_is_no_list_is_said_to_be_none(real_client: TestClient, path: str) -> None:
    assert real_client.get(path).status_code in (404, 406)


def test_an_empty_list_says_what_to_do(real_client: TestClient) -> None:
    text = page(real_client, "/browse/Initiative?country=cty:zz")
    assert "Remove one of them above" in text
    assert "cty:zz" in text


# Citations


@pytest.mark.parametrize("of", ["page", "sources"])
def test_a_page_says_how_to_cite_it_and_its_sources(real_client: TestClient, of: str) -> None:
    text = page(real_client, "/page/initiative/ec-ecu-911?lang=en")
    assert 'href="/cite/initiative/ec-ecu-911.bib?lang=en"' in text
    entries = real_client.get(f"/cite/initiative/ec-ecu-911.bib?of={of}")
    items = real_client.get(f"/cite/initiative/ec-ecu-911.json?of={of}")
    assert entries.headers["Content-Type"] == "application/x-bibtex; charset=utf-8"
    assert items.headers["Content-Type"] == "application/vnd.citationstyles.csl+json"
    keys = re.findall(r"^@\w+\{(.*),$", entries.text, re.MULTILINE)
    assert keys == [item["id"] for item in items.json()]
    assert len(set(keys)) == len(keys)
    if of == "page":
        (item,) = items.json()
        assert item["URL"] == "https://w3id.org/vigia/id/initiative/ec-ecu-911"
        assert item["title"] == "ECU 911"
        assert item["version"].startswith("unreleased (")
    else:
        assert len(keys) == len(re.findall(r'<li id="n\d+">', text)) or len(keys) > 3


@pytest.mark.parametrize(
    "path", ["/cite/initiative/ec-ecu-911", "/cite/initiative/ec-ecu-911.pdf", "/cite/org/nobody.bib", "/cite/.bib"]
)
def test_what_cannot_be_cited_is_said_to_be_so(real_client: TestClient, path: str) -> None:
    assert real_client.get(path).status_code == 404


# Pictures


def test_a_stake_is_dated_as_its_source_dates_it(real_client: TestClient) -> None:
    def rows(day: str) -> list[list[str]]:
        text = page(real_client, f"/page/org/idemia-argentina?lang=en&on={day}")
        table = re.search(r'id="ownership".*?<tbody>(.*?)</tbody>', text, re.DOTALL)
        assert table
        cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in table[1].split("</tr>")[:-1]]
        return [[unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in row] for row in cells]

    assert ["IDEMIA Colombia", "IDEMIA Argentina", "94.61 %", "April 2021", "November 2023", "", "reported"] in rows("2022-01-01")
    seen = [row for row in rows("2025-06-01") if row[0] == "IDEMIA" and row[1] == "IDEMIA Argentina"]
    assert [row[3:6] for row in seen] == [["", "", "March 2025"]]  # when it was seen is not when it began
