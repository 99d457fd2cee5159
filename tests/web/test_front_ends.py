"""Two front ends behind one address: one dies, one release follows another, a cache stands before; nothing is lost or mixed."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kg.build import build
from kg.release import Release
from kg.web.site import PUBLIC
from web.load import HOST, Asked, Told, ask, loading
from web.proxies import free_port, haproxy_command, nginx_command, proxying
from web.running import Running, serving

PROXIES = ("nginx", "haproxy")
QUERY = "SELECT ?thing ?name { ?thing <http://www.w3.org/2004/02/skos/core#prefLabel> ?name } ORDER BY ?thing ?name # "
ROWS = "SELECT * { ?s ?p ?o } LIMIT 300 # "
JSON = {"Accept": "application/sparql-results+json"}
#: What readers and programs ask for. Numbers make queries new to the front ends, so that workers have to answer.
REQUESTS = [
    *(Asked(f"/page/org/{name}?lang={code}") for name in ("maker", "holding", "xa-police") for code in ("es", "pt", "en")),
    *(Asked("/sparql?" + urlencode({"query": f"{QUERY}{n}"}), headers=JSON) for n in range(20)),
    *(Asked("/sparql", f"{text}{n}", JSON) for text in (QUERY, ROWS) for n in range(20)),
    *(Asked(path) for path in ("/data/org/maker.ttl", "/?lang=es", "/browse/Company.csv?lang=es", "/static/kg.css")),
]
_SETTLED = 3.0  # seconds after which proxies use again what is ready, see `deploy/`


class Pair:
    """Two front ends of one build folder, on ports that stay theirs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ports = (free_port(), free_port())
        self._running = [(stack := ExitStack(), stack.enter_context(self._serving(number))) for number in (0, 1)]

    def _serving(self, number: int) -> AbstractContextManager[Running]:
        return serving("--build", self._folder, "--port", str(self.ports[number]), KG_CLIENT_RATE="100", KG_PROXIES="127.0.0.1")

    def server(self, number: int) -> Running:
        return self._running[number][1]

    def end(self, number: int, how: signal.Signals) -> None:
        """Stop one and what belongs to it: with SIGKILL all at once, as when a machine fails."""
        stack, server = self._running[number]
        server.told = True
        if how is signal.SIGKILL:
            os.killpg(server.process.pid, how)
        else:
            server.process.send_signal(how)
            assert server.process.wait(40) == 0
        stack.close()

    def begin(self, number: int) -> None:
        """Start it again, until it is ready and the proxies know."""
        stack = ExitStack()
        self._running[number] = stack, stack.enter_context(self._serving(number))
        assert ask(self.ports[number], Asked("/ready")).status == 200
        time.sleep(_SETTLED)

    def close(self) -> None:
        for stack, _ in self._running:
            stack.close()

    def is_used(self, number: int) -> bool:
        """Whether it gets requests; a proxy prefers the other where that is less busy."""
        before, deadline = self.answered(number), time.monotonic() + 15
        while self.answered(number) < before + 20 and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.answered(number) > before + 20

    def answered(self, number: int) -> float:
        """Requests that one has answered so far."""
        text = ask(self.ports[number], Asked("/metrics")).body.decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(sample.value for sample in samples if sample.name in {"kg_answers_total", "kg_answers_from_memory_total"})


@pytest.fixture
def pair(small: tuple[Path, Release]) -> Iterator[Pair]:
    pair = Pair(small[0])
    yield pair
    pair.close()


def digests(port: int) -> dict[Asked, str]:
    """What a front end itself says to all that is asked."""
    answers = {asked: ask(port, asked) for asked in REQUESTS}
    assert {told.status for told in answers.values()} == {200}
    return {asked: told.digest for asked, told in answers.items()}


def test_programs_find_no_fault_with_the_files(tmp_path: Path) -> None:
    for command in ([*nginx_command(tmp_path, (1, 2), 3), "-t"], [*haproxy_command(tmp_path, (1, 2), 3), "-c"]):
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert "warn" not in (checked.stderr + checked.stdout).lower()


def test_front_ends_say_the_same(pair: Pair) -> None:
    assert digests(pair.ports[0]) == digests(pair.ports[1])
    tags = [{asked: ask(port, asked).headers.get("etag") for asked in REQUESTS if not asked.body} for port in pair.ports]
    assert tags[0] == tags[1]
    assert None not in tags[0].values()


@pytest.mark.parametrize("name", PROXIES)
def test_one_dies_and_nobody_notices(pair: Pair, name: str, tmp_path: Path) -> None:
    expected = digests(pair.ports[0])
    with proxying(name, tmp_path, pair.ports) as port, loading(port, REQUESTS) as load:
        assert pair.is_used(0)
        assert pair.is_used(1)
        pair.end(0, signal.SIGKILL)
        while_both = len(load.answers)
        time.sleep(3)
        while_one = len(load.answers) - while_both
        pair.begin(0)
        assert pair.is_used(0)
    assert load.lost == []
    assert while_one > 50
    for asked, told in load.answers:
        assert (told.status, told.digest) == (200, expected[asked]), asked


@pytest.mark.parametrize("name", PROXIES)
def test_a_release_takes_the_place_of_another(own_model: Path, name: str, tmp_path: Path) -> None:
    """One front end after the other, while all is asked; no answer is lost, and each is wholly of the release that it names."""
    out = tmp_path / "build"
    old = build(own_model, out).manifest.name
    pair = Pair(out)
    try:
        expected = {old: digests(pair.ports[0])}
        maker = own_model / "data" / "org" / "maker.yaml"
        maker.write_text(re.sub(r"label: .*", "label: {en: Renamed Maker}", maker.read_text("utf-8"), count=1), "utf-8")
        new = build(own_model, out).manifest.name
        with proxying(name, tmp_path, pair.ports) as port, loading(port, REQUESTS) as load:
            time.sleep(1)
            for number in (0, 1):
                pair.end(number, signal.SIGTERM)
                pair.begin(number)
            time.sleep(1)
        expected[new] = digests(pair.ports[0])
        assert ask(pair.ports[1], REQUESTS[0]).release == new
    finally:
        pair.close()
    assert load.lost == []
    assert {told.release for _, told in load.answers} == {old, new}
    assert expected[old][REQUESTS[0]] != expected[new][REQUESTS[0]]
    for asked, told in load.answers:
        assert (told.status, told.digest) == (200, expected[told.release][asked]), (asked, told)
    assert load.answers[-1][1].release == new


def pages(port: int) -> list[str]:
    """All that the sitemap names."""
    listed = ElementTree.fromstring(ask(port, Asked("/sitemap.xml")).body)  # noqa: S314 (our own)
    addresses = [urlsplit(element.text or "") for element in listed.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert {address.netloc for address in addresses} == {HOST}
    return [f"{address.path}?{address.query}" for address in addresses]


CRAWLERS = [
    {
        "Accept": "text/html,application/xhtml+xml,application/signed-exchange;v=b3,*/*;q=0.8",
        "Accept-Encoding": "gzip, deflate, br",
    },
    {"Accept": "*/*", "Accept-Encoding": "gzip, deflate, br", "Accept-Language": "pt-BR"},
]


def test_the_second_crawl_reaches_nobody(pair: Pair, tmp_path: Path) -> None:
    """Even of another crawler, with another Accept and Accept-Language; it is answered after all front ends have ended."""
    with proxying("nginx", tmp_path, pair.ports, cached=True) as port:
        addresses = pages(port)
        assert len(addresses) > 70
        first = [ask(port, Asked(address, headers=CRAWLERS[0])) for address in addresses]
        for number in (0, 1):
            pair.end(number, signal.SIGTERM)
        second = [ask(port, Asked(address, headers=CRAWLERS[1])) for address in addresses]
        assert {told.headers["x-cache"] for told in second} == {"HIT"}
        assert [(told.status, told.body) for told in second] == [(200, told.body) for told in first]
        tagged = CRAWLERS[1] | {"If-None-Match": second[5].headers["etag"]}
        assert ask(port, Asked(addresses[5], headers=tagged)).status == 304
        assert ask(port, Asked("/page/org/maker", headers=CRAWLERS[0])).status == 502  # nobody is there


class Briefly(BaseHTTPRequestHandler):
    """A front end whose answers hold for a second instead of minutes, and else as ours do."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Cache-Control", re.sub(r"max-age=\d+", "max-age=1", PUBLIC))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_an_old_answer_is_better_than_none(tmp_path: Path) -> None:
    """While the cache asks for the new one, and after nobody is there to be asked."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Briefly) as front:
        thread = threading.Thread(target=front.serve_forever)
        thread.start()
        ports = (front.server_address[1], free_port())
        with proxying("nginx", tmp_path, ports, cached=True) as port:
            caught = [ask(port, Asked("/")).headers["x-cache"]]
            time.sleep(2.1)
            caught += [ask(port, Asked("/")).headers["x-cache"]]
            front.shutdown()
            thread.join()
            front.server_close()
            time.sleep(2.1)
            told = ask(port, Asked("/"))
    assert caught == ["MISS", "STALE"]
    assert (told.status, told.body, told.headers["x-cache"]) == (200, b"ok", "STALE")


ADDRESSES = [
    "/id/org/maker",
    "/page/org/maker",
    "/page/org/maker?lang=es",
    "/browse/Company",
    "/data/org/maker.jsonld",
    "/void",
    "/questions/amounts",
    "/",
    "/sparql?" + urlencode({"query": QUERY}),
    "/sparql?" + urlencode({"query": QUERY, "format": "csv"}),
    "/rdf-graph-store?default",
]
ACCEPTS = ("text/html,*/*;q=0.8", "text/turtle,*/*;q=0.1", "application/ld+json,application/json;q=0.9,*/*;q=0.1")


def test_a_cache_gives_nobody_what_another_asked_for(pair: Pair, tmp_path: Path) -> None:
    asked = [
        Asked(address, headers={"Accept": accept, "Accept-Language": language, "Accept-Encoding": coding})
        for address, accept, language, coding in product(ADDRESSES, ACCEPTS, ("es", "pt-BR,en;q=0.5"), ("identity", "br"))
    ]
    expected = [seen(ask(pair.ports[0], each)) for each in asked]
    chance = random.Random(7)  # noqa: S311 (any order will do, the same each time)
    caught: list[str] = []
    with proxying("nginx", tmp_path, pair.ports, cached=True) as port:
        for _ in range(2):
            for number in chance.sample(range(len(asked)), len(asked)):
                told = ask(port, asked[number])
                assert seen(told) == expected[number], asked[number]
                caught.append(told.headers["x-cache"])
    assert caught[-len(asked) :].count("HIT") > len(asked) / 2


def seen(told: Told) -> tuple[object, ...]:
    names = ("content-type", "content-encoding", "content-language", "location", "etag", "vary")
    return told.status, told.body, *(told.headers.get(name) for name in names)


def test_what_is_for_operators_stays_inside(pair: Pair, tmp_path: Path) -> None:
    for name in PROXIES:
        (folder := tmp_path / name).mkdir()
        with proxying(name, folder, pair.ports) as port:
            for path in ("/metrics", "/health", "/ready"):
                assert ask(port, Asked(path)).status == 404
                assert ask(pair.ports[0], Asked(path)).status == 200
