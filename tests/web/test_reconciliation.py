"""The reconciliation service: its answers are as the specification has them, and what is wrong is told in its own form."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from bench.reconciliation import bins, ours, quality, read_rows
from starlette.testclient import TestClient

from kg.database import Database
from kg.matching import AHEAD, MATCH, Matcher
from kg.names import BASE, expand
from kg.release import DIRECTORY, Release
from repository import ROOT

FOLDER = ROOT / "tests" / "reconciliation"
SCHEMAS = {path.stem: json.loads(path.read_text("utf-8")) for path in (FOLDER / "schemas").glob("*.json")}
REGISTRY = jsonschema_rs.Registry(
    [
        (schema.get("$id", f"https://reconciliation-api.github.io/specs/0.2/schemas/{name}.json"), schema)
        for name, schema in SCHEMAS.items()
    ]
    + [("https://reconciliation-api.github.io/specs/0.2/schemas/type.json", SCHEMAS["type"])]
)
EXAMPLES = [
    (kind, path.parent.name == "valid", path) for kind in SCHEMAS for path in sorted((FOLDER / "examples" / kind).glob("*/*.json"))
]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def conforms(kind: str, value: Any) -> bool:
    return bool(jsonschema_rs.validator_for(SCHEMAS[kind], registry=REGISTRY).is_valid(value))


def ask(client: TestClient, queries: dict[str, Any], path: str = "/reconcile") -> Any:
    return client.post(path, data={"queries": json.dumps(queries)})


@pytest.mark.parametrize(
    ("kind", "valid", "path"), EXAMPLES, ids=lambda value: value.name if isinstance(value, Path) else str(value)
)
def test_the_schemas_tell_the_examples_apart(kind: str, valid: bool, path: Path) -> None:
    assert conforms(kind, json.loads(path.read_text("utf-8"))) is valid


@pytest.mark.parametrize("language", ["", "/en", "/es", "/pt"])
def test_the_manifest(real_client: TestClient, language: str) -> None:
    manifest = real_client.get(f"/reconcile{language}").json()
    assert conforms("manifest", manifest)
    assert manifest["view"]["url"].endswith("/id/{{id}}")
    for part in ("entity", "type", "property"):
        path = manifest["suggest"][part]["service_path"]
        assert real_client.get(path, params={"prefix": "co"}).json()["result"], part
    assert real_client.get(manifest["extend"]["propose_properties"]["service_path"], params={"type": "Company"}).json()[
        "properties"
    ]
    assert real_client.get(manifest["documentation"].removeprefix("http://testserver")).status_code == 200
    assert real_client.get(manifest["logo"].removeprefix("http://testserver")).status_code == 200


def test_any_page_may_ask(real_client: TestClient) -> None:
    assert real_client.get("/reconcile").headers["access-control-allow-origin"] == "*"
    assert "POST" in real_client.options("/reconcile").headers["access-control-allow-methods"]


def test_a_batch(real_client: TestClient) -> None:
    answer = ask(
        real_client,
        {
            "q0": {"query": "Zte Corp.", "type": "Company"},
            "q1": {
                "query": "Ministério da Segurança",
                "type": ["PublicBody"],
                "properties": [{"pid": "country", "v": "Argentina"}],
            },
            "q2": {"query": "Acme Widgets", "limit": 2},
        },
    )
    assert answer.status_code == 200
    assert conforms("reconciliation-result-batch", answer.json())
    (best, *_) = answer.json()["q0"]["result"]
    assert (best["id"], best["match"]) == ("org/zte", True)
    assert best["type"] == [{"id": "Company", "name": "company"}]
    (best, *_) = answer.json()["q1"]["result"]
    assert (best["id"], best["match"]) == ("org/ar-minseg", True)
    assert {"id": "country", "value": True} in best["features"]
    assert not any(candidate["match"] for candidate in answer.json()["q2"]["result"])


def test_what_is_found_leads_to_its_page(real_client: TestClient) -> None:
    found = ask(real_client, {"q": {"query": "ZTE"}}).json()["q"]["result"][0]["id"]
    assert real_client.get(f"/id/{found}", headers={"Accept": "text/html"}).headers["location"] == "/page/org/zte"
    assert real_client.get("/id/org%2Fzte", headers={"Accept": "text/html"}).headers["location"] == "/page/org/zte"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ([{"pid": "isoCode", "v": "AR"}], "country/ar"),
        ([{"pid": "subdivisionCode", "v": "UY-CA"}], "place/uy-canelones"),
        ([{"pid": "wikidata", "v": "Q414"}], "country/ar"),
        ([{"pid": "wikidata", "v": {"id": "http://www.wikidata.org/entity/Q414"}}], "country/ar"),
    ],
)
def test_an_identifier_decides(real_client: TestClient, properties: list[Any], expected: str) -> None:
    (found,) = ask(real_client, {"q": {"query": "whatever", "properties": properties}}).json()["q"]["result"]
    assert (found["id"], found["match"], found["score"]) == (expected, True, 100)


@pytest.mark.parametrize("country", ["Uruguay", "UY", {"id": "country/uy", "name": "Uruguay"}])
def test_a_country_tells_namesakes_apart(real_client: TestClient, country: Any) -> None:
    query = {"query": "San José", "type": "Place", "properties": [{"pid": "country", "v": country}]}
    first = ask(real_client, {"q": query}).json()["q"]["result"][0]
    assert (first["id"], first["match"]) == ("place/uy-san-jose", True)
    del query["properties"]
    assert not any(each["match"] for each in ask(real_client, {"q": query}).json()["q"]["result"])


def test_another_property_counts(real_client: TestClient) -> None:
    query = {"query": "IFace", "properties": [{"pid": "madeBy", "v": "Innovatrics"}]}
    with_maker = ask(real_client, {"q": query}).json()["q"]["result"][0]
    query["properties"][0]["v"] = "ZTE"  # type: ignore[index]
    with_another = ask(real_client, {"q": query}).json()["q"]["result"][0]
    assert with_maker["score"] > with_another["score"]


def test_should_prefers_a_type_without_asking_for_it(real_client: TestClient) -> None:
    strict = {"query": "Mendoza", "type": "Company"}
    assert ask(real_client, {"q": strict}).json()["q"]["result"] == []
    loose = ask(real_client, {"q": strict | {"type_strict": "should"}}).json()["q"]["result"]
    assert loose[0]["id"] == "place/ar-mendoza"


def test_languages(real_client: TestClient) -> None:
    for language, name in (("en", "Brazil"), ("es", "Brasil")):
        found = ask(real_client, {"q": {"query": "Brasil", "type": "Country"}}, f"/reconcile/{language}").json()["q"]["result"]
        assert found[0]["name"] == name


@pytest.mark.parametrize("part", ["entity", "type", "property"])
def test_suggestions(real_client: TestClient, part: str) -> None:
    words = {"entity": "hikv", "type": "empr", "property": "paí"}[part]
    kind = {"entity": "entities", "type": "types", "property": "properties"}[part]
    answer = real_client.get(f"/reconcile/es/suggest/{part}", params={"prefix": words}).json()
    assert conforms(f"suggest-{kind}-response", answer)
    assert answer["result"][0]["id"] == {"entity": "org/hikvision", "type": "Company", "property": "country"}[part]
    assert real_client.get(f"/reconcile/es/suggest/{part}", params={"prefix": words, "cursor": "50"}).json()["result"] == []


def test_data_extension(real_client: TestClient) -> None:
    wanted = {
        "ids": ["org/zte", "country/ar", "org/nothing"],
        "properties": [
            {"id": "countryOfOrigin"},
            {"id": "isoCode"},
            {"id": "wikidata"},
            {"id": "vendorOf", "settings": {"limit": 2}},
            {"id": "founded"},
        ],
    }
    assert conforms("data-extension-query", wanted)
    answer = real_client.post("/reconcile/en", data={"extend": json.dumps(wanted)}).json()
    assert conforms("data-extension-response", answer)
    rows = answer["rows"]
    assert rows["org/zte"]["countryOfOrigin"] == [{"id": "country/cn", "name": "China"}]
    assert rows["country/ar"]["isoCode"] == [{"str": "AR"}]
    assert rows["country/ar"]["wikidata"] == [{"str": "Q414"}]
    assert len(rows["org/zte"]["vendorOf"]) == 2
    assert rows["org/nothing"] == {name: [] for name in ("countryOfOrigin", "isoCode", "wikidata", "vendorOf", "founded")}
    assert [each["id"] for each in answer["meta"]] == ["countryOfOrigin", "isoCode", "wikidata", "vendorOf", "founded"]


def test_proposed_properties_fit_the_type(real_client: TestClient) -> None:
    answer = real_client.get("/reconcile/properties", params={"type": "Company", "limit": "8"}).json()
    assert conforms("data-extension-property-proposal", answer)
    assert "countryOfOrigin" in {each["id"] for each in answer["properties"]}
    assert len(answer["properties"]) == 8


def test_a_preview_may_stand_in_other_pages(real_client: TestClient) -> None:
    answer = real_client.get("/reconcile/es/preview", params={"id": "org/zte"})
    assert "frame-ancestors *" in answer.headers["content-security-policy"]
    assert "ZTE" in answer.text
    assert "<script" not in answer.text
    flyout = real_client.get("/reconcile/es/flyout", params={"id": "org/zte"}).json()
    assert flyout["id"] == "org/zte"
    assert "ZTE" in flyout["html"]
    assert "frame-ancestors 'none'" in real_client.get("/page/org/zte").headers["content-security-policy"]


@pytest.mark.parametrize(
    ("queries", "status", "says"),
    [
        ("{", 400, "no JSON"),
        ("[" * 100_000, 400, "no JSON"),
        ("[]", 400, "JSON object"),
        ('{"q": []}', 400, "no object"),
        ('{"q": {"query": 7}}', 400, "no text"),
        ('{"q": {"limit": 3}}', 400, "neither a name nor properties"),
        ('{"q": {"query": "x", "limit": 0}}', 400, "'limit'"),
        ('{"q": {"query": "x", "limit": "all"}}', 400, "'limit'"),
        ('{"q": {"query": "x", "type_strict": "maybe"}}', 400, "type_strict"),
        ('{"q": {"query": "x", "type": "Unicorn"}}', 400, "Unknown type"),
        ('{"q": {"query": "x", "type": {"id": 1}}}', 400, "'type'"),
        ('{"q": {"query": "x", "properties": {"pid": "country"}}}', 400, "'properties' is a list"),
        ('{"q": {"query": "x", "properties": [{"pid": "country"}]}}', 400, "lacks pid or v"),
        ('{"q": {"query": "x", "properties": [{"pid": "shoeSize", "v": 4}]}}', 400, "Unknown property"),
        ('{"q": {"query": "x", "properties": [{"pid": "country", "v": [[1]]}]}}', 400, "value of a property"),
        (json.dumps({f"q{number}": {"query": "x"} for number in range(10_000)}), 413, "at most 50"),
        (json.dumps({"q": {"query": "x" * 900_000}}), 413, "at most 1000 characters"),
        (json.dumps({"q": {"query": "x" * 4_000_000}}), 413, "too large"),
        *(
            (path.read_text("utf-8"), 400, "nknown key|neither|Unknown")
            for path in sorted((FOLDER / "examples/reconciliation-query-batch/invalid").glob("*.json"))
        ),
    ],
)
def test_what_is_wrong_is_told_in_the_form_of_the_service(real_client: TestClient, queries: str, status: int, says: str) -> None:
    answer = real_client.post("/reconcile", data={"queries": queries})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["status"] == "error"
    assert any(part in body["message"] for part in says.split("|")), body["message"]
    assert len(body["message"]) < 2000


@pytest.mark.parametrize(
    "extend",
    [
        "{",
        '{"ids": 1, "properties": []}',
        '{"ids": [], "properties": []}',
        '{"ids": ["x"], "properties": [{"id": "shoeSize"}]}',
        '{"ids": ["x"], "properties": [{"id": "country", "settings": {"limit": "all"}}]}',
        '{"ids": ["x"], "properties": [{"id": "country", "settings": {"limit": -3}}]}',
        '{"ids": ["x"], "properties": [{"id": "country", "settings": {"limit": 1.5}}]}',
        '{"ids": ["x"], "properties": [{"id": "country", "settings": {"limit": true}}]}',
        json.dumps({"ids": ["x"] * 1001, "properties": [{"id": "country"}]}),
        r'{"ids": ["\ud800"], "properties": [{"id": "country"}]}',
    ],
)
def test_what_is_wrong_with_an_extension(real_client: TestClient, extend: str) -> None:
    answer = real_client.post("/reconcile", data={"extend": extend})
    assert answer.status_code == 400
    assert answer.json()["status"] == "error"


def test_a_hostile_identifier_finds_nothing(real_client: TestClient) -> None:
    wanted = {"ids": ["org/zte> } DROP ALL #", "\u0000", "x" * 5000], "properties": [{"id": "country"}]}
    answer = real_client.post("/reconcile", data={"extend": json.dumps(wanted)})
    assert answer.status_code == 200
    assert all(row == {"country": []} for row in answer.json()["rows"].values())
    for path in ("preview", "flyout"):
        assert real_client.get(f"/reconcile/{path}", params={"id": "org/zte> }"}).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/reconcile", 405),
        ("PATCH", "/reconcile", 405),
        ("DELETE", "/reconcile/es", 405),
        ("POST", "/reconcile/suggest/entity", 405),
        ("GET", "/reconcile/foo", 404),
        ("GET", "/reconcile/es/suggest/foo", 404),
        ("GET", "/reconcile/preview?id=org/nothing", 404),
    ],
)
def test_what_the_service_does_not_do_is_told_in_its_form(real_client: TestClient, method: str, path: str, status: int) -> None:
    answer = real_client.request(method, path, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json()["status"] == "error"
    assert answer.json()["message"]
    assert ("allow" in answer.headers) == (status == 405)


def test_an_acronym_that_nobody_wrote_is_no_match(real_client: TestClient) -> None:
    found = ask(real_client, {name: {"query": name} for name in ("CIA", "FBI", "CCP", "MIT")}).json()
    for each in found.values():
        assert all(candidate["score"] < 50 and not candidate["match"] for candidate in each["result"])


def test_only_forms_are_read(real_client: TestClient) -> None:
    answer = real_client.post("/reconcile", content=b"{}", headers={"Content-Type": "application/json"})
    assert answer.status_code == 415
    assert answer.json()["status"] == "error"


def test_a_callback(real_client: TestClient) -> None:
    answer = real_client.get("/reconcile", params={"callback": "jsonp.load_1"})
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text.startswith("/**/jsonp.load_1({")
    faulty = real_client.get("/reconcile", params={"callback": "f", "queries": "{"})
    assert faulty.text.startswith('/**/f({"status": "error"')


@pytest.mark.parametrize("callback", ["alert(1)//", "", "a b", "1a", "a" * 5000, "ä", "a.b;"])
def test_a_callback_is_a_name(real_client: TestClient, callback: str) -> None:
    answer = real_client.get("/reconcile", params={"callback": callback})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert "callback" in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("suggest/entity", 400),
        ("suggest/entity?prefix=a&cursor=x", 400),
        ("properties?limit=-1", 400),
        ("preview?id=nothing", 404),
        ("?query=ZTE", 400),
    ],
)
def test_addresses_that_lack_something(real_client: TestClient, path: str, status: int) -> None:
    answer = real_client.get(f"/reconcile/{path}" if not path.startswith("?") else f"/reconcile{path}")
    assert answer.status_code == status


def test_names_as_people_write_them(real_client: TestClient) -> None:
    """Of the half that nothing was set by: at least 98 of 100 matches right, and 95 of 100 names found."""
    with (FOLDER / "names.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["part"] == "test"]
    assert len(rows) >= 300
    right = wrong = 0
    for start in range(0, len(rows), 50):
        batch = rows[start : start + 50]
        answer = ask(real_client, {str(number): query_of(row) for number, row in enumerate(batch)}).json()
        for number, row in enumerate(batch):
            matched = [each["id"] for each in answer[str(number)]["result"] if each["match"]]
            expected = identifier_of(row["expected"])
            right += matched == [expected] and bool(expected)
            wrong += bool(matched) and matched != [expected]
    expected_all = sum(bool(row["expected"]) for row in rows)
    assert right / (right + wrong) >= 0.98
    assert right / expected_all >= 0.95


def test_the_documentation_has_the_figures_that_the_method_has_now(real: tuple[Path, Release]) -> None:
    """Those of the table, and the bins of scores; of matches, no fewer are right than their scores say."""
    written = (ROOT / "docs" / "reconciliation.md").read_text("utf-8")
    rows, matcher = read_rows(), Matcher(Database(real[1].path / DIRECTORY))
    assert f"{AHEAD:g} times the next) | {quality(rows, ours(matcher))} |" in written
    for low, high, count, score, right in bins(rows, matcher):
        assert f"| {low:g} to {high:g} | {count} | {score:.1f} | {right:.1f} % |" in written
        if low >= MATCH:
            assert right >= score - 5


def query_of(row: dict[str, str]) -> dict[str, Any]:
    """A row as OpenRefine sends it."""
    query: dict[str, Any] = {"query": row["name"]}
    if row["type"]:
        query["type"] = row["type"]
    if row["country"]:
        query["properties"] = [{"pid": "country", "v": row["country"]}]
    return query


def identifier_of(curie: str) -> str:
    """`org:zte` → `org/zte`."""
    return expand(curie).removeprefix(f"{BASE}id/")
