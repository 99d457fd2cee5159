"""The engines that tests start: each takes a graph and answers from it, and nothing of it is left afterwards."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from engines import ENGINES, Engine, fuseki, oxigraph, virtuoso

pytestmark = pytest.mark.engine
GRAPH = "http://example.org/año"


def _names(engine: Engine) -> list[str]:
    """The names in the graph, as the engine tells them."""
    query = f"SELECT ?name WHERE {{ GRAPH <{GRAPH}> {{ ?s <http://example.org/name> ?name }} }}"
    headers = {"Accept": "application/sparql-results+json"}
    with engine.client() as client:
        answer = client.get(engine.query, params={"query": query}, headers=headers).raise_for_status()
    return [row["name"]["value"] for row in answer.json()["results"]["bindings"]]


def _fill(engine: Engine) -> None:
    engine.put('<http://example.org/s> <http://example.org/name> "Vigía" .', GRAPH)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_runs_until_the_block_ends(name: str) -> None:
    with ENGINES[name]() as engine:
        _fill(engine)
        assert _names(engine) == ["Vigía"]
    with engine.client() as client, pytest.raises(httpx2.ConnectError):
        client.get(engine.query)


@pytest.mark.parametrize("start", [oxigraph, fuseki])
def test_a_folder_keeps_what_it_was_given(start: type, tmp_path: Path) -> None:
    for fill in (True, False):
        with start(tmp_path) as engine:
            if fill:
                _fill(engine)
            assert _names(engine) == ["Vigía"]


def test_strangers_are_refused() -> None:
    with fuseki(credentials=("kg", "secret")) as engine, httpx2.Client(trust_env=False) as stranger:
        _fill(engine)
        assert _names(engine) == ["Vigía"]
        assert stranger.get(engine.query, params={"query": "ASK {}"}).status_code == 401


def test_virtuoso_lets_everybody_read_and_only_its_user_write() -> None:
    with virtuoso() as engine, httpx2.Client(trust_env=False) as stranger:
        assert stranger.get(engine.query, params={"query": "ASK {}"}).status_code == 200
        assert stranger.put(engine.graphs, params={"graph": GRAPH}, content=b"").status_code == 401
