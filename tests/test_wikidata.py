"""Wikidata is asked politely, and believed only where its answer can be read."""

from __future__ import annotations

import socket
from collections.abc import Iterator
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
    return Wikidata(tmp_path / "cache", "someone@example.org", base.address, base.address, sleep=waited.append)


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
    base.item("Q1", {"en": "ZTE"})
    assert client.search("ZTE", "en") == ["Q1"]
    assert waited == [7.0]


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_asked_to_wait_waits(client: Wikidata, base: Wikibase, waited: list[float], status: int) -> None:
    base.fail(status, Retry_After="3")
    assert client.search("ZTE", "en") == []
    assert waited == [3.0]


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


def test_no_items_in_the_answer(client: Wikidata, base: Wikibase) -> None:
    base.fail(200, b'{"success": 1}')
    with pytest.raises(WikidataSilent, match="no items"):
        list(client.items(["Q1"]))


def test_a_value_is_asked_for_as_a_literal(client: Wikidata, base: Wikibase) -> None:
    assert client.with_value("P297", 'AR" } #') == []
    assert base.asked[0]["query"] == 'SELECT ?item { ?item wdt:P297 "AR\\" } #" } LIMIT 10'
