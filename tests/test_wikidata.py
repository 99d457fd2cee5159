"""Wikidata is asked politely, and believed only where its answer can be read."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from kg.wikidata import Wikidata, WikidataSilent
from wikibase import RECORDED, Wikibase, wikibase


@pytest.fixture
def base() -> Iterator[Wikibase]:
    with wikibase() as known:
        yield known


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def client(base: Wikibase, tmp_path: Path, waited: list[float]) -> Wikidata:
    return Wikidata(tmp_path / "cache", "someone@example.org", base.address, base.service, sleep=waited.append)


def test_an_item_is_read(client: Wikidata, base: Wikibase) -> None:
    base.item("Q1", {"en": "ZTE"}, {"P17": ["Q148"], "P571": [{"time": "+1985-00-00T00:00:00Z", "precision": 9}]})
    (item,) = client.items(["Q1"])
    assert (item.number, item.revision, item.labels, item.is_missing) == ("Q1", 7, {"en": "ZTE"}, False)
    assert item.values == {"P17": ["Q148"], "P571": ["1985"]}


def test_values_of_the_best_rank_count(client: Wikidata, base: Wikibase) -> None:
    base.item("Q1", {"en": "A"}, {"P17": ["Q1", "Q2", "Q3"]})
    for claim, rank in zip(base.items["Q1"]["claims"]["P17"], ("normal", "preferred", "deprecated"), strict=True):
        claim["rank"] = rank
    (item,) = client.items(["Q1"])
    assert item.values["P17"] == ["Q2"]


def test_a_merged_item_is_told_by_what_was_recorded(client: Wikidata, base: Wikibase) -> None:
    base.recorded("Q32063953")
    (item,) = client.items(["Q32063953"])
    assert item.is_merged
    assert (item.asked, item.number, item.labels["en"]) == ("Q32063953", "Q1040", "Karlsruhe")


def test_an_item_is_read_as_it_was_recorded(client: Wikidata, base: Wikibase) -> None:
    base.recorded("Q103940464")
    (item,) = client.items(["Q103940464"])
    assert (item.revision, item.names) == (2473475529, ["continuant", "continuant entity"])
    assert item.description.startswith("entity that persists")
    assert item.values["P1889"] == ["Q1190554", "Q100235738"]
    assert item.values["P2888"] == ["http://purl.obolibrary.org/obo/BFO_0000002"]


def test_a_search_is_read_as_it_was_recorded(client: Wikidata, base: Wikibase) -> None:
    base.fail(200, (RECORDED / "wbsearchentities-abc.json").read_bytes())
    assert client.search("abc", "en")[:2] == ["Q169889", "Q286874"]
    base.fail(200, (RECORDED / "wbsearchentities-empty.json").read_bytes())
    assert client.search("some search string with no results", "en") == []


def test_names_in_languages_that_are_not_ours_are_asked_for(client: Wikidata, base: Wikibase) -> None:
    base.item("Q1", {"mul": "ZTE", "zh": "中兴", "de": "ZTE"}, aliases={"qu": [{"language": "qu", "value": "Zete"}]})
    (some,) = client.items(["Q1"])
    (every,) = client.items(["Q1"], languages=())
    assert (some.names, some.label) == (["ZTE"], "ZTE")
    assert every.names == ["ZTE", "中兴", "Zete"]


def test_a_missing_item_is_told(client: Wikidata) -> None:
    (item,) = client.items(["Q404"])
    assert item.is_missing
    assert not item.is_merged


def test_many_items_go_in_few_requests(client: Wikidata, base: Wikibase) -> None:
    assert len(list(client.items(f"Q{number}" for number in range(1, 121)))) == 120
    assert [len(asked["ids"].split("|")) for asked in base.asked] == [50, 50, 20]


def test_manners(client: Wikidata, base: Wikibase) -> None:
    client.search("ZTE", "es")
    assert base.asked[0]["maxlag"] == "5"
    assert base.asked[0]["language"] == "es"
    (agent,) = base.agents
    assert agent.startswith("vigia-link/")
    assert "someone@example.org" in agent


def test_an_answer_is_remembered(client: Wikidata, base: Wikibase) -> None:
    base.item("Q1", {"en": "ZTE"})
    assert client.search("ZTE", "en") == client.search("ZTE", "en") == ["Q1"]
    assert len(base.asked) == 1


def test_lag_is_waited_for(client: Wikidata, base: Wikibase, waited: list[float]) -> None:
    base.fail(200, (RECORDED / "error-maxlag-full.json").read_bytes(), Retry_After="7")
    base.fail(200, (RECORDED / "error-maxlag.json").read_bytes())
    base.item("Q1", {"en": "ZTE"})
    assert client.search("ZTE", "en") == ["Q1"]
    assert waited == [7.0, 2.0]


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_asked_to_wait_waits(client: Wikidata, base: Wikibase, waited: list[float], status: int) -> None:
    base.fail(status, Retry_After="3")
    assert client.search("ZTE", "en") == []
    assert waited == [3.0]


def _in(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def test_a_date_until_which_to_wait_is_heeded(client: Wikidata, base: Wikibase, waited: list[float]) -> None:
    base.fail(503, Retry_After=_in(40))
    assert client.search("ZTE", "en") == []
    assert 35 < waited[0] <= 40


@pytest.mark.parametrize(
    "text",
    ["soon", "²", "-5", "Fri, 99 Foo 2026 25:00:00 GMT", "", "Fri, 02 Jan 2026 10:00:00 GMT", "Fri, 02 Jan 2026 10:00:00 -0000"],
)
def test_a_wait_that_says_nothing_is_the_usual_one(client: Wikidata, base: Wikibase, waited: list[float], text: str) -> None:
    base.fail(503, Retry_After=text)
    assert client.search("ZTE", "en") == []
    assert waited == [1.0]


def test_a_date_that_is_too_far_off_is_not_waited_for(client: Wikidata, base: Wikibase, waited: list[float]) -> None:
    base.fail(429, Retry_After=_in(4000))
    with pytest.raises(WikidataSilent, match=r"wait \d+ seconds"):
        client.search("ZTE", "en")
    assert waited == []


def test_who_takes_too_long_is_asked_again(base: Wikibase, tmp_path: Path, waited: list[float]) -> None:
    hasty = Wikidata(tmp_path, api=base.address, service=base.service, sleep=waited.append, seconds=0.2)
    base.item("Q1", {"en": "ZTE"})
    base.fail(200, b'{"search": []}', seconds=0.6)
    assert hasty.search("ZTE", "en") == ["Q1"]
    assert waited == [1.0]


def test_who_always_takes_too_long_is_silent(base: Wikibase, tmp_path: Path, waited: list[float]) -> None:
    hasty = Wikidata(tmp_path, api=base.address, service=base.service, sleep=waited.append, seconds=0.1)
    for _ in range(5):
        base.fail(200, b'{"search": []}', seconds=0.3)
    with pytest.raises(WikidataSilent, match=r"nothing was changed.*ReadTimeout"):
        hasty.search("ZTE", "en")
    assert (len(waited), list(tmp_path.iterdir())) == (4, [])


def test_broken_json_is_asked_for_again(client: Wikidata, base: Wikibase, waited: list[float]) -> None:
    base.fail(200, b'{"search": [')
    assert client.search("ZTE", "en") == []
    assert waited == [1.0]


def test_an_error_that_stays_is_told_at_once(client: Wikidata, base: Wikibase, waited: list[float]) -> None:
    base.fail(200, (RECORDED / "wbgetentities-bogus.json").read_bytes())
    with pytest.raises(WikidataSilent, match="no-such-entity"):
        list(client.items(["bogus"]))
    assert waited == []


def test_who_asks_for_too_long_a_wait_is_left_alone(client: Wikidata, base: Wikibase, waited: list[float]) -> None:
    base.fail(429, Retry_After="3600")
    with pytest.raises(WikidataSilent, match="wait 3600 seconds"):
        client.search("ZTE", "en")
    assert waited == []


def test_a_server_that_only_fails(client: Wikidata, base: Wikibase, waited: list[float]) -> None:
    for _ in range(5):
        base.fail(500)
    with pytest.raises(WikidataSilent, match=r"nothing was changed.*status 500"):
        client.search("ZTE", "en")
    assert waited == [1.0, 2.0, 4.0, 8.0]


def test_no_network(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    client = Wikidata(tmp_path, api=address, service=address, sleep=lambda _: None)
    with pytest.raises(WikidataSilent, match="ConnectError"):
        client.search("ZTE", "en")


def _entity(**parts: object) -> bytes:
    whole = {"id": "Q1", "lastrevid": 7, "labels": {}, "aliases": {}, "descriptions": {}, "claims": {}}
    return json.dumps({"entities": {"Q1": whole | parts}, "success": 1}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"success": 1}',
        b'{"entities": []}',
        b'{"entities": {}}',
        b'{"entities": {"Q1": []}}',
        (RECORDED / "wbgetentities-labels-Q2746.json").read_bytes(),  # the answer to another question
        (RECORDED / "wbgetentities-missing-mid.json").read_bytes(),
        _entity(claims={"P31": "x"}),
        _entity(claims={"P31": {}}),
        _entity(claims={"P31": ["x"]}),
        _entity(claims={"P31": [{"mainsnak": "x", "rank": "normal"}]}),
        _entity(claims={"P31": [{"mainsnak": {"datavalue": "x"}, "rank": "normal"}]}),
        _entity(claims={"P31": [{"rank": "normal"}]}),
        _entity(claims="x"),
        _entity(labels={"en": "ZTE"}),
        _entity(labels={"en": {"language": "en", "value": 7}}),
        _entity(aliases={"en": "ZTE"}),
        _entity(id="bogus"),
        _entity(lastrevid=None),
    ],
)
def test_an_answer_that_cannot_be_used_is_told_and_forgotten(client: Wikidata, base: Wikibase, body: bytes) -> None:
    base.item("Q1", {"en": "ZTE"})
    base.fail(200, body)
    with pytest.raises(WikidataSilent, match="cannot be used; nothing was changed"):
        list(client.items(["Q1"]))
    (item,) = client.items(["Q1"])  # it is asked for again
    assert item.names == ["ZTE"]


@pytest.mark.parametrize("body", [b'{"success": 1}', b'{"search": {}}', b'{"search": ["Q1"]}', b'{"search": [{"id": "P31"}]}'])
def test_hits_that_cannot_be_used(client: Wikidata, base: Wikibase, body: bytes) -> None:
    base.fail(200, body)
    with pytest.raises(WikidataSilent, match="cannot be used"):
        client.search("ZTE", "en")
    assert client.search("ZTE", "en") == []


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"results": []}',
        b'{"results": {"bindings": [{"item": "Q1"}]}}',
        b'{"results": {"bindings": [{"item": {"type": "bnode", "value": "t1"}}]}}',
        b'{"head": {}, "boolean": true}',
    ],
)
def test_results_that_cannot_be_used(client: Wikidata, base: Wikibase, body: bytes) -> None:
    base.fail(200, body)
    with pytest.raises(WikidataSilent, match="cannot be used"):
        client.with_value("P297", ["AR"])
    assert client.with_value("P297", ["AR"]) == []


@pytest.mark.parametrize("kept", [b'{"search": [', b'{"success": 1}', b"[]", b"\xff"])
def test_what_was_kept_and_cannot_be_used_is_asked_for_again(client: Wikidata, base: Wikibase, tmp_path: Path, kept: bytes) -> None:
    base.item("Q1", {"en": "ZTE"})
    client.search("ZTE", "en")
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(kept)
    assert client.search("ZTE", "en") == ["Q1"]


def test_items_are_found_by_a_value(client: Wikidata, base: Wikibase) -> None:
    base.item("Q1", {"en": "Argentina"}, {"P297": ["AR"]})
    base.item("Q2", {"en": "Brazil"}, {"P297": ["BR"]})
    base.item("Q3", {"en": "Agency"}, {"P856": ["https://example.org/"]})
    assert client.with_value("P297", ["AR", "BR"]) in (["Q1", "Q2"], ["Q2", "Q1"])
    assert client.with_value("P856", ["http://example.org", "https://example.org/"]) == ["Q3"]
    assert client.with_value("P297", ['AR" } #']) == []  # it stays a value, and ends no query
    asked = len(base.asked)
    assert client.with_value("P856", ["https://example.org/> } #"]) == []
    assert client.with_value("P297", []) == []
    assert len(base.asked) == asked
