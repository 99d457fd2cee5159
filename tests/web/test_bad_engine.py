"""What people meet where the engine behind the site misbehaves: an honest status, of which nothing is remembered, then the page."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from starlette.testclient import TestClient

from kg.release import MANIFEST, RELEASES, Release
from kg.settings import Settings
from kg.web.app import archived, create_app
from kg.web.problems import TYPES
from kg.web.site import open_release
from store import bad_engine as bad
from store.bad_engine import BadEngine, Way, is_query, until
from web.load import Asked, ask
from web.proxies import free_port, proxying
from web.running import serving

TIMEOUT = 1.5
OLD = "2020-01-01"
QUERY = "/sparql?" + urlencode({"query": "SELECT ?o { ini:xa-cameras kg:provider ?o }"})
PAGE = "/page/org/maker"
JSON = {"Accept": "application/sparql-results+json"}
HTML = {"Accept": "text/html"}
FAULTS: dict[str, tuple[Way, int, str]] = {
    "closes": (bad.close_at_once, 503, "engine-down"),
    "never answers": (bad.never_answer, 504, "timeout"),
    "cuts": (bad.cut_in_chunks, 502, "engine-failed"),
    "a page": (bad.html, 502, "engine-failed"),
    "no JSON": (bad.html_as_json, 502, "engine-failed"),
    "ASK for SELECT": (bad.ask_for_select, 502, "engine-failed"),
    "401": (bad.status("401 Unauthorized"), 502, "engine-failed"),
    "500": (bad.status("500 Oops"), 502, "engine-failed"),
    "503": (bad.status("503 Service Unavailable"), 503, "engine-down"),
    "429": (bad.status("429 Too Many Requests"), 503, "overloaded"),
}


@pytest.fixture(scope="module")
def engine(small: tuple[Path, Release]) -> Iterator[BadEngine]:
    with bad.bad_engine(small[1]) as one:
        yield one


@pytest.fixture(scope="module")
def releases(small: tuple[Path, Release], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder with the small release, and an older one that the engine does not hold."""
    folder = tmp_path_factory.mktemp("engine") / "build"
    shutil.copytree(small[0], folder, symlinks=True)
    older = shutil.copytree(small[1].path, folder / RELEASES / OLD)
    manifest = json.loads((older / MANIFEST).read_text("utf-8"))
    (older / MANIFEST).write_text(json.dumps(manifest | {"version": OLD, "id": "0" * 12}), "utf-8")
    return folder


@pytest.fixture(scope="module")
def site(releases: Path, engine: BadEngine) -> Iterator[TestClient]:
    settings = Settings(store=engine.address, timeout=TIMEOUT, store_password="s3cret", client_burst=1e6)  # noqa: S106 (no secret)
    app = archived(create_app(opened := open_release(releases, settings)), opened, releases)
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as client:
        until(lambda: client.get("/ready").status_code == 200, "It is ready")
        yield client


@pytest.fixture(autouse=True)
def healed(engine: BadEngine, site: TestClient) -> Iterator[None]:
    yield
    engine.behave()
    until(lambda: site.get("/ready").status_code == 200, "It heals")


_fresh = iter(range(10_000))


def fresh(path: str) -> str:
    """An address that nobody asked for before."""
    return f"{path}{'&' if '?' in path else '?'}fresh={next(_fresh)}"


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize(("path", "accept"), [(QUERY, JSON), (QUERY, HTML), (PAGE, JSON), (PAGE, HTML)])
def test_a_fault_is_told_and_not_remembered(
    engine: BadEngine, site: TestClient, name: str, path: str, accept: dict[str, str]
) -> None:
    way, status, kind = FAULTS[name]
    address = fresh(path)
    engine.misbehave(way, is_query)
    begun = time.monotonic()
    answer = site.get(address, headers=accept)
    assert time.monotonic() - begun < TIMEOUT + 3
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers
    assert status != 503 or int(answer.headers["Retry-After"]) >= 1
    if accept is JSON:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == TYPES + kind
    assert not re.search(rf"127\.0\.0\.1|{engine.port}|s3cret|10\.1\.2\.3 secret", answer.text)
    engine.behave()
    until(lambda: site.get("/ready").status_code == 200, "It heals")
    answer = site.get(address, headers=accept)
    assert answer.status_code == 200
    assert "maker" in answer.text.lower()


def test_what_is_in_memory_is_served_without_the_engine(engine: BadEngine, site: TestClient) -> None:
    remembered = {path: site.get(path, headers=HTML).text for path in (PAGE, "/", QUERY)}
    engine.stop()
    try:
        until(lambda: site.get("/ready").status_code == 503 or site.get(fresh(QUERY), headers=JSON) is None, "It is noticed")
        assert site.get("/health").status_code == 200  # the process itself is well
        for path, text in remembered.items():
            answer = site.get(path, headers=HTML)
            assert (answer.status_code, answer.text) == (200, text)
        begun = time.monotonic()
        for _ in range(20):
            assert site.get(fresh(QUERY), headers=JSON).status_code == 503
            assert site.get(fresh(PAGE), headers=HTML).status_code == 503
        assert time.monotonic() - begun < 10
    finally:
        engine.start()
    until(lambda: site.get("/ready").status_code == 200, "It heals")
    assert site.get(fresh(PAGE), headers=HTML).status_code == 200


def test_an_older_release_that_is_not_there_names_no_engine(engine: BadEngine, site: TestClient) -> None:
    for way in (bad.answer_rightly, bad.close_at_once, bad.html):
        engine.misbehave(way)
        answer = site.get(f"{PAGE}?release={OLD}", headers=JSON)
        assert answer.status_code == 503
        assert answer.json()["type"] == TYPES + "engine-down"
        assert not re.search(rf"127\.0\.0\.1|{engine.port}|kg load", answer.text)


def test_whoever_hangs_up_is_not_worked_for(small: tuple[Path, Release], engine: BadEngine) -> None:
    with serving("--build", small[0], KG_STORE=engine.address, KG_TIMEOUT="60") as server:
        engine.misbehave(bad.never_answer, lambda asked: "?unheard" in asked.query)
        while engine.left.acquire(blocking=False):
            pass
        host, _, port = urlsplit(server.address).netloc.partition(":")
        path = "/sparql?" + urlencode({"query": "SELECT ?unheard { ?unheard ?p ?o }"})
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert engine.waiting.acquire(timeout=30)
        assert engine.left.acquire(timeout=30)
    assert "Traceback" not in server.errors


def test_haproxy_still_asks_front_ends_of_which_none_is_ready(
    small: tuple[Path, Release], engine: BadEngine, tmp_path: Path
) -> None:
    ports = free_port(), free_port()
    options = {"KG_STORE": engine.address, "KG_PROXIES": "127.0.0.1"}
    with (
        serving("--build", small[0], "--port", str(ports[0]), **options),
        serving("--build", small[0], "--port", str(ports[1]), **options),
        proxying("haproxy", tmp_path, ports) as port,
    ):
        page = Asked(PAGE + "?lang=en", headers=HTML)
        until(lambda: ask(port, page).status == 200, "HAProxy gives pages")
        remembered = {ask(one, page).digest for one in ports}
        engine.stop()
        try:
            until(lambda: all(ask(one, Asked("/ready")).status == 503 for one in ports), "Both notice")
            time.sleep(3)  # HAProxy asks each second, and believes it after the second time
            answer = ask(port, page)
            assert (answer.status, {answer.digest}) == (200, remembered)
            answer = ask(port, Asked(fresh(QUERY), headers=JSON))
            assert (answer.status, json.loads(answer.body)["type"]) == (503, TYPES + "engine-down")
            assert int(answer.headers["retry-after"]) >= 1
        finally:
            engine.start()
        until(lambda: ask(port, Asked(fresh(QUERY), headers=JSON)).status == 200, "It heals")


# The command line


def kg(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KG_")} | {"COLUMNS": "500"}
    command = [sys.executable, "-m", "kg", *map(str, arguments)]
    return subprocess.run(command, env=inherited | environment, capture_output=True, text=True, timeout=120, check=False)


def test_an_engine_that_is_not_fit_is_refused_in_a_sentence(small: tuple[Path, Release], engine: BadEngine) -> None:
    engine.dataset = False
    try:
        ended = kg("serve", "--port", "0", "--build", small[0], KG_STORE=engine.address, KG_STORE_PASSWORD="s3cret")  # noqa: S106
    finally:
        engine.dataset = True
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "s3cret" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith(f"The engine at {engine.address} cannot be used: it does not keep to the graphs")
