"""The description of the interface, /openapi.json, says what is so: whatever it allows to be sent is answered as it declares."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from kg.release import Release
from repository import ROOT
from web.running import Running, serving

NAMES = "SELECT ?thing ?name WHERE { ?thing rdfs:label ?name }"
GRAPH = "CONSTRUCT { ?thing rdfs:label ?name } WHERE { ?thing rdfs:label ?name }"
ASK = "ASK { ?thing rdfs:label 'Policía de Ejemplia'@es }"
FORM, QUERY = "application/x-www-form-urlencoded", "application/sparql-query"


@dataclass(frozen=True)
class Good:
    """A request that is answered with 200."""

    places: dict[str, str] = field(default_factory=dict)  # what fills the path
    parameters: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None


GOOD = {
    "GET /sparql": [
        Good(parameters={"query": NAMES}),
        Good(parameters={"query": ASK, "default-graph-uri": "https://w3id.org/vigia/graph/data"}),
        *(Good(parameters={"query": NAMES, "format": name}) for name in ("json", "xml", "csv", "tsv")),
        *(Good(parameters={"query": GRAPH, "format": name}) for name in ("ttl", "nt", "jsonld", "rdf")),
        Good(parameters={"query": NAMES}, headers={"Accept": "application/json"}),
        Good(parameters={"query": NAMES}, headers={"Accept": "text/html"}),
        Good(headers={"Accept": "text/html"}),
    ],
    "POST /sparql": [
        Good(headers={"Content-Type": QUERY}, body=NAMES),
        Good(parameters={"format": "nt"}, headers={"Content-Type": QUERY}, body=GRAPH),
        Good(headers={"Content-Type": FORM}, body=urlencode({"query": ASK})),
        Good(headers={"Content-Type": FORM, "Accept": "text/html"}, body=urlencode({"query": ASK})),
    ],
    "GET /data/{path}.{ending}": [
        Good(places={"path": path, "ending": ending})
        for path in ("org/xa-police", "initiative/xa-cameras", "def")
        for ending in ("ttl", "nt", "jsonld", "rdf")
    ],
    "GET /rdf-graph-store": [
        Good(),
        Good(parameters={"format": "trig"}),
        Good(parameters={"graph": "https://w3id.org/vigia/graph/derived", "format": "nt"}),
        *(Good(parameters={"default": "", "format": ending}) for ending in ("ttl", "nt", "jsonld", "rdf")),
    ],
    "GET /void": [Good(), Good(headers={"Accept": "application/ld+json"}), Good(headers={"Accept": "text/html"})],
    "GET /void.{ending}": [Good(places={"ending": ending}) for ending in ("ttl", "nt", "jsonld", "rdf")],
    "GET /.well-known/void": [Good()],
    "GET /.well-known/sparql-examples": [Good(), Good(headers={"Accept": "application/ld+json"})],
    "GET /api/queries": [Good(), Good(parameters={"lang": "es"})],
    **{
        f"GET /api/queries/{path.stem}": [Good(), Good(parameters={"format": "csv"}), Good(headers={"Accept": "text/csv"})]
        for path in (ROOT / "queries").glob("*.rq")
    },
    "GET /dump/{name}": [Good(places={"name": name}) for name in ("kg.ttl", "kg.nq", "kg.jsonld")],
}

# The same requests every time; a 503 or 504 says that we are busy, and that it is declared is for another check.
CONFIGURATION = """
[generation]
deterministic = true
max-examples = 25
[phases.stateful]
enabled = false
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503", "504"]
[checks.positive_data_acceptance]
enabled = false
"""


@pytest.fixture(scope="module")
def server(small: tuple[Path, Release]) -> Iterator[Running]:
    """A server of the release of the small graph."""
    with serving("--build", small[0], KG_TIMEOUT="5", KG_QUERY_BYTES="50000") as running:
        yield running


def send(server: Running, method: str, path: str, good: Good) -> tuple[int, str, bytes]:
    """Status, media type and body of an answer."""
    connection = HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    try:
        path = path.format_map({name: quote(value) for name, value in good.places.items()})
        body = good.body.encode() if good.body else None
        connection.request(method, f"{path}?{urlencode(good.parameters)}", body, good.headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def operations(server: Running) -> dict[str, Any]:
    """The operations that the server describes, by method and path."""
    status, _, body = send(server, "GET", "/openapi.json", Good())
    assert status == 200
    return {
        f"{method.upper()} {path}": operation
        for path, methods in json.loads(body)["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_whatever_is_sent_is_answered_as_declared(server: Running, tmp_path: Path) -> None:
    """All checks but one: a text that may be sent need not be a query or name a thing, so good data may be answered with 4xx."""
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    # A process of its own, in a folder of its own: it keeps notes where it runs.
    found = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"{server.address}/openapi.json", "--warnings", "off"],
        check=False,
        cwd=tmp_path,
        env=os.environ | {"NO_PROXY": "*", "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"  Tested: {len(GOOD)}\n" in found.stdout


def test_every_operation_has_good_requests(operations: dict[str, Any]) -> None:
    assert operations.keys() == GOOD.keys()


@pytest.mark.parametrize("label", GOOD)
def test_good_requests_are_answered_as_declared(server: Running, operations: dict[str, Any], label: str) -> None:
    method, path = label.split()
    declared = operations[label]["responses"]["200"]["content"]
    for good in GOOD[label]:
        status, media_type, body = send(server, method, path, good)
        assert status == 200, (good, body)
        assert media_type in declared, good
        assert body


@pytest.mark.parametrize("label", GOOD)
def test_good_requests_are_described(operations: dict[str, Any], label: str) -> None:
    """Each parameter that they use, and each kind of body, with no other kind of body beside it."""
    named = {parameter["name"] for parameter in operations[label].get("parameters", [])}
    assert {name for good in GOOD[label] for name in good.places | good.parameters} <= named
    kinds = {good.headers["Content-Type"] for good in GOOD[label] if good.body}
    assert kinds == operations[label].get("requestBody", {"content": {}})["content"].keys()
