"""A release goes into an engine whole, or not at all: whatever happens on the way, nothing is switched, and loading goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from kg import transfer
from kg.errors import EngineDown, EngineFailed, KgError, QueryTimeout
from kg.names import PREFIXES
from kg.release import NQUADS, Release
from kg.settings import Settings
from kg.store import engine as engines
from kg.store.holding import POINTER, Holding
from store import bad_engine as bad
from store.bad_engine import Asked, BadEngine, Way

COUNT = "SELECT (COUNT(*) AS ?n)"


@pytest.fixture
def empty() -> Iterator[BadEngine]:
    with bad.bad_engine() as one:
        yield one


@pytest.fixture
def full(small: tuple[Path, Release]) -> Iterator[BadEngine]:
    with bad.bad_engine(small[1]) as one:
        yield one


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_SECONDS", 2.0)
    monkeypatch.setattr(transfer, "_PIECE_SECONDS", 2.0)
    monkeypatch.setattr(transfer, "_NOTICED", 0.0)
    monkeypatch.setattr(engines, "_CONNECT", 1.0)


def settings(engine: BadEngine, **more: Any) -> Settings:
    return replace(Settings(store=engine.address), **more)


def load(release: Release, engine: BadEngine) -> bool:
    """Whether it is there now."""
    return all(each.is_equal for each in transfer.load(release, settings(engine), lambda *_: None))


def pointer(engine: BadEngine) -> list[ox.Quad]:
    return list(engine.store.quads_for_pattern(None, None, None, ox.NamedNode(POINTER)))


def is_whole(engine: BadEngine, release: Release) -> bool:
    """Whether it has the quads of the dump, under its own names."""
    holding = Holding(release.manifest.id)
    names = {holding.graph(graph): ox.NamedNode(graph) for graph in holding.graphs} | {holding.default: ox.DefaultGraph()}
    there = {
        ox.Quad(quad.subject, quad.predicate, quad.object, names[quad.graph_name.value])
        for quad in engine.store
        if quad.graph_name.value != POINTER
    }
    return there == set(ox.parse(path=release.path / NQUADS, format=ox.RdfFormat.N_QUADS))


def test_a_release_is_loaded_and_found_again(empty: BadEngine, small: tuple[Path, Release]) -> None:
    release = small[1]
    assert transfer.held(settings(empty)) == ([], "")
    assert load(release, empty)
    assert is_whole(empty, release)
    assert transfer.held(settings(empty)) == ([release.manifest.id], release.manifest.id)
    empty.asked.clear()
    assert load(release, empty)  # again
    assert not [asked for asked in empty.asked if asked.method == "POST" and asked.path.startswith("/store")]
    with bad.bad_engine(release) as right:
        assert right.store.query("ASK {}")
        assert is_whole(right, release)  # what other tests take for right


def is_count(asked: Asked) -> bool:
    return asked.query.startswith(COUNT)


def is_sample(asked: Asked) -> bool:
    return asked.query.startswith("CONSTRUCT") and "VALUES" in asked.query


def is_written(asked: Asked) -> bool:
    return asked.path.startswith("/store")


FAULTS: list[tuple[Way, type[KgError]]] = [
    (bad.close_at_once, EngineDown),
    (bad.html, EngineFailed),
    (bad.status("500 Oops"), EngineFailed),
    (bad.status("401 Unauthorized"), EngineFailed),
    (bad.status("307 Elsewhere", b"", "text/plain", "Location: http://127.0.0.1:9/"), EngineFailed),
    (bad.raw(b"SSH-2.0-OpenSSH_9.2\r\n"), EngineFailed),
]
READING: list[tuple[Way, type[KgError]]] = [
    *FAULTS,
    (bad.never_answer, QueryTimeout),
    (bad.cut_by_length, EngineFailed),
    (bad.cut_in_chunks, EngineFailed),
    (bad.cut_json, EngineFailed),
    (bad.html_as_json, EngineFailed),
    (bad.ask_for_select, EngineFailed),
    (bad.body(b'{"head":{"vars":["n"]},"results":{"bindings":[]}}'), EngineFailed),
    (bad.body(b'{"head":{"vars":["n"]},"results":{"bindings":[{"n":{"type":"uri","value":"x:y"}}]}}'), EngineFailed),
]


@pytest.mark.parametrize(
    ("way", "expected", "where"),
    [
        *((*fault, is_count) for fault in READING),
        *((*fault, is_sample) for fault in READING if fault[0] in (bad.cut_json, bad.html)),
    ],
)
def test_what_cannot_be_read_ends_it(
    empty: BadEngine, small: tuple[Path, Release], way: Way, expected: type[KgError], where: Any
) -> None:
    empty.misbehave(way, where)
    with pytest.raises(KgError) as raised:
        load(small[1], empty)
    assert type(raised.value) is expected
    assert not pointer(empty)


@pytest.mark.parametrize(("way", "expected"), [fault for fault in FAULTS if fault[0] is not bad.html])
def test_what_cannot_be_written_ends_it(empty: BadEngine, small: tuple[Path, Release], way: Way, expected: type[KgError]) -> None:
    empty.misbehave(way, is_written)
    with pytest.raises((EngineDown, EngineFailed)):
        load(small[1], empty)
    assert not pointer(empty)


def test_what_ended_is_gone_on_with(empty: BadEngine, small: tuple[Path, Release]) -> None:
    for way, where in ((bad.html, is_count), (bad.status("500 Oops"), is_written), (bad.cut_in_chunks, is_sample)):
        empty.misbehave(way, where)
        with pytest.raises(KgError):
            load(small[1], empty)
    empty.behave()
    assert load(small[1], empty)
    assert is_whole(empty, small[1])


def test_a_page_is_no_sign_that_anything_was_written(empty: BadEngine, small: tuple[Path, Release]) -> None:
    empty.misbehave(bad.html, is_written)
    assert not load(small[1], empty)
    assert not pointer(empty)


def lose(triples: bytes) -> bytes:
    lines = triples.splitlines(keepends=True)
    return b"".join(lines[:-1]) if len(lines) > 1 else triples


def spoil(triples: bytes) -> bytes:
    return triples.replace(b"Maker", b"maker")


def untype(triples: bytes) -> bytes:
    return triples.replace(b"^^<http://www.w3.org/2001/XMLSchema#gYearMonth>", b"")


@pytest.mark.parametrize("written", [lose, spoil, untype])
def test_an_engine_that_does_not_keep_what_it_is_given_is_not_switched_to(
    empty: BadEngine, small: tuple[Path, Release], written: Any
) -> None:
    empty.written = written
    assert not load(small[1], empty)
    assert not pointer(empty)
    compared = transfer.compare(small[1], settings(empty))
    assert not all(each.is_equal for each in compared)
    assert any(each.differing for each in compared)


def test_a_release_that_was_altered_there_is_seen(full: BadEngine, small: tuple[Path, Release]) -> None:
    assert all(each.is_equal for each in transfer.compare(small[1], settings(full)))
    default = Holding(small[1].manifest.id).default
    full.store.update(f"DELETE {{ GRAPH <{default}> {{ ?s ?p ?o }} }} WHERE {{ GRAPH <{default}> {{ ?s ?p ?o }} ?s ?p ?o }}")
    quad = next(full.store.quads_for_pattern(None, None, None, ox.NamedNode(default)))
    full.store.remove(quad)
    full.store.add(ox.Quad(quad.subject, quad.predicate, ox.Literal("another"), quad.graph_name))
    assert not all(each.is_equal for each in transfer.compare(small[1], settings(full)))


def test_the_current_release_is_not_removed(empty: BadEngine, small: tuple[Path, Release]) -> None:
    release = small[1]
    load(release, empty)
    before = set(empty.store)
    with pytest.raises(KgError, match="is the current one there"):
        transfer.remove(release.manifest.id, settings(empty))
    with pytest.raises(KgError, match=f"no release 'nothing' .* there: {release.manifest.id}"):
        transfer.remove("nothing", settings(empty))
    assert set(empty.store) == before


OLDER = "0" * 12
OLDER_GRAPH = ox.NamedNode(Holding(OLDER).default)


def hold_older(engine: BadEngine) -> None:
    """As if another release had been loaded before."""
    holding, dct = Holding(OLDER), PREFIXES["dct"]
    text = f'<{holding.iri}> <{dct}identifier> "{OLDER}" .\n<{holding.default}> <{dct}isPartOf> <{holding.iri}> .'
    engine.store.load(text, ox.RdfFormat.N_TRIPLES, to_graph=ox.NamedNode(POINTER))
    engine.store.load("<x:a> <x:b> <x:c> .", ox.RdfFormat.N_TRIPLES, to_graph=OLDER_GRAPH)


def served(engine: BadEngine) -> list[str]:
    """The releases that servers find on the list."""
    listed = (quad.object for quad in pointer(engine) if quad.predicate.value == PREFIXES["dct"] + "identifier")
    return sorted(str(getattr(term, "value", "")) for term in listed)


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Something happens while a removal waits for servers to notice."""
    wait = transfer.asyncio.sleep

    async def look(seconds: float) -> None:
        happens()
        await wait(seconds)

    monkeypatch.setattr(transfer.asyncio, "sleep", look)


def test_an_older_release_is_removed_after_servers_have_missed_it(
    empty: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(small[1], empty)
    before = set(empty.store)
    hold_older(empty)
    between: list[tuple[bool, list[str]]] = []
    meanwhile(monkeypatch, lambda: between.append((empty.store.contains_named_graph(OLDER_GRAPH), served(empty))))
    transfer.remove(OLDER, settings(empty))
    assert between == [(True, [small[1].manifest.id])]
    assert set(empty.store) == before


def test_a_removal_that_was_cut_short_is_gone_on_with(empty: BadEngine, small: tuple[Path, Release]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    load(small[1], empty)
    before = set(empty.store)
    hold_older(empty)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        meanwhile(patch, interrupt)
        transfer.remove(OLDER, settings(empty))
    assert served(empty) == [small[1].manifest.id]
    empty.misbehave(bad.status("500 Oops"), lambda asked: asked.method == "DELETE")
    with pytest.raises(EngineFailed, match="DELETE with status 500"):
        transfer.remove(OLDER, settings(empty))
    assert empty.store.contains_named_graph(OLDER_GRAPH)
    empty.behave()
    transfer.remove(OLDER, settings(empty))
    assert set(empty.store) == before


def test_what_is_loaded_again_meanwhile_is_not_removed(
    empty: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(small[1], empty)
    hold_older(empty)
    meanwhile(monkeypatch, lambda: hold_older(empty))
    with pytest.raises(KgError, match="loaded again meanwhile"):
        transfer.remove(OLDER, settings(empty))
    assert empty.store.contains_named_graph(OLDER_GRAPH)


def test_two_loads_at_once_are_both_on_the_list(empty: BadEngine, small: tuple[Path, Release]) -> None:
    """The other one writes what it had read before over what we have just written."""
    overwritten: list[bool] = []

    def overwrite(exchange: bad.Exchange) -> None:
        bad.answer_rightly(exchange)
        if not overwritten:
            overwritten.append(True)
            empty.store.clear_graph(ox.NamedNode(POINTER))
            hold_older(empty)

    empty.misbehave(overwrite, lambda asked: asked.method == "PUT" and asked.parameters["graph"] == [POINTER])
    assert load(small[1], empty)
    assert overwritten
    assert served(empty) == sorted([OLDER, small[1].manifest.id])


# The command


def kg_load(small: Path, engine: BadEngine, *options: str) -> list[str]:
    return [sys.executable, "-m", "kg", "load", engine.address, "--build", str(small), *options]


ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("KG_")} | {"COLUMNS": "500"}


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)


def test_a_load_that_was_killed_is_gone_on_with(empty: BadEngine, small: tuple[Path, Release]) -> None:
    posts: list[str] = []

    def second(asked: Asked) -> bool:
        if is_written(asked) and asked.method == "POST":
            posts.append(asked.parameters["graph"][0])
        return len(posts) > 1 and is_written(asked)

    empty.misbehave(bad.never_answer, second)
    process = subprocess.Popen(kg_load(small[0], empty), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    is_waiting = empty.waiting.acquire(timeout=60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert is_waiting
    assert not pointer(empty)
    empty.behave()
    empty.asked.clear()
    ended = run(kg_load(small[0], empty))
    assert ended.returncode == 0, ended.stderr
    assert f"Current: {small[1].manifest.id}." in ended.stdout
    again = [asked.parameters["graph"][0] for asked in empty.asked if asked.method == "POST" and is_written(asked)]
    assert posts[0] not in again
    assert posts[1] in again
    assert is_whole(empty, small[1])


def test_the_command_says_in_a_sentence_what_is_wrong(empty: BadEngine, small: tuple[Path, Release]) -> None:
    begun = time.monotonic()
    empty.written = spoil
    ended = run(kg_load(small[0], empty))
    assert ended.returncode == 2
    assert ended.stderr.strip().endswith("What is there is not the release, and was not made the current one now.")
    ended = run(kg_load(small[0], empty, "--check"))
    assert ended.returncode == 2
    assert "differs" in ended.stdout
    assert "only there: " in ended.stdout
    empty.misbehave(bad.html_as_json, is_count)
    ended = run(kg_load(small[0], empty))
    assert (ended.returncode, ended.stderr.strip().count("\n")) == (2, 0)
    assert "gave an answer that is no application/sparql-results+json" in ended.stderr
    empty.stop()
    ended = run(kg_load(small[0], empty))
    assert (ended.returncode, ended.stderr.strip().count("\n")) == (2, 0)
    assert f"No database answers at {empty.address}" in ended.stderr
    assert time.monotonic() - begun < 100


def test_what_was_lost_in_the_middle_is_sent_anew(
    empty: BadEngine, small: tuple[Path, Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the triples that are there are the first ones, their number does not say."""
    monkeypatch.setattr(transfer, "_LINES", 100)
    assert load(small[1], empty)
    graph = ox.NamedNode(Holding(small[1].manifest.id).default)
    first = min((quad for quad in empty.store if quad.graph_name == graph), key=str)
    empty.store.remove(first)
    assert load(small[1], empty)
    assert is_whole(empty, small[1])
