"""What an operator relies on: health, counts, log lines without anybody's data, and an end that finishes what runs."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kg.release import Release
from web.running import Running, serving

SLOW = "SELECT (COUNT(*) AS ?secret) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


@pytest.fixture
def server(small: tuple[Path, Release]) -> Iterator[Running]:
    with serving("--build", small[0], KG_TIMEOUT="1.5") as running:
        yield running


def get(server: Running, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection(urlsplit(server.address).netloc, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def ask(server: Running, query: str) -> tuple[int, bytes]:
    return get(server, "/sparql?" + urlencode({"query": query}))


def counted(server: Running) -> dict[tuple[str, str], float]:
    """Metrics by name and the value of their one label."""
    families = text_string_to_metric_families(get(server, "/metrics")[1].decode())
    return {(s.name, next(iter(s.labels.values()), "")): s.value for family in families for s in family.samples}


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health_names_the_release(server: Running, small: tuple[Path, Release], path: str) -> None:
    status, body = get(server, path)
    assert status == 200
    assert json.loads(body) == {"status": "ok", "release": small[1].manifest.id}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes where Linux shows them")
def test_a_server_that_lives_need_not_be_ready(server: Running) -> None:
    pid = server.process.pid
    (zygote,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(zygote), signal.SIGKILL)
    status, body = eventually(lambda: get(server, "/ready"), 503)
    assert (status, json.loads(body)["status"]) == (503, "The store is being loaded.")
    assert get(server, "/health")[0] == 200
    assert eventually(lambda: get(server, "/ready"), 200)[0] == 200
    assert ask(server, "ASK {}")[0] == 200


def eventually(asked: Callable[[], tuple[int, bytes]], status: int) -> tuple[int, bytes]:
    """The first answer of that status; after a while, whatever comes."""
    deadline = time.monotonic() + 10
    while (answer := asked())[0] != status and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


def test_what_happens_is_counted(server: Running) -> None:
    before = counted(server)
    for query in ("ASK {}", "ASK {}", "nonsense", SLOW):
        ask(server, query)
    after = counted(server)
    assert after["kg_queries_asked_total", "answered"] == before.get(("kg_queries_asked_total", "answered"), 0) + 1
    assert after["kg_queries_asked_total", "query"] == 1
    assert after["kg_queries_asked_total", "QueryTimeout"] == 1
    assert 1.4 < after["kg_query_seconds_total", "QueryTimeout"] < 2.5
    assert after["kg_answers_total", "504"] == 1
    assert after["kg_answers_from_memory_total", "application"] == 1
    assert after["kg_queries", "old"] == 0
    assert after["kg_memory_bytes", ""] > 0


def test_an_old_query_is_seen_while_it_runs(server: Running) -> None:
    thread = threading.Thread(target=ask, args=(server, SLOW))
    thread.start()
    time.sleep(0.6)
    assert counted(server)["kg_queries", "old"] == 1
    thread.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_waits_for_what_runs(small: tuple[Path, Release], number: signal.Signals) -> None:
    answers: list[tuple[int, bytes]] = []
    with serving("--build", small[0], KG_TIMEOUT="1.5") as server:
        thread = threading.Thread(target=lambda: answers.append(ask(server, SLOW)))
        thread.start()
        time.sleep(0.5)
        server.told = True
        server.process.send_signal(number)
        with pytest.raises(OSError, match=r"refused|reset"):
            while True:
                get(server, "/health")
                time.sleep(0.05)
        thread.join()
        assert server.process.wait(5) == 0
    ((status, body),) = answers
    assert status == 504
    assert json.loads(body)["type"].endswith("#timeout")


def test_logs_are_json_and_tell_on_nobody(small: tuple[Path, Release]) -> None:
    with serving("--build", small[0], KG_TIMEOUT="1.5") as server:
        ask(server, SLOW)
        ask(server, "SELECT ?secret {")
    lines = [json.loads(line) for line in server.errors.splitlines()]
    (long,) = [line for line in lines if line["message"] == "long query"]
    assert long["outcome"] == "QueryTimeout"
    assert long["length"] == len(SLOW)
    assert "secret" not in server.errors
    assert "127.0.0.1" not in server.errors
