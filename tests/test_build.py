"""Builds: whole, repeatable, and without effect on what is served until they are finished."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cramjam
import pyoxigraph as ox
import pytest
import rdflib

from kg import publication
from kg.build import build, inputs_hash, is_current
from kg.errors import CheckFailed, ReleaseMissing
from kg.finding import Severity
from kg.release import (
    CLAIMS,
    DATES,
    DCAT,
    DIRECTORY,
    GZIP,
    JSON_LD,
    MANIFEST,
    NQUADS,
    QUERIES,
    RELEASES,
    REPORT,
    ROSTER,
    SEARCH,
    SOURCES,
    STATEMENTS,
    STORE,
    TRIG,
    TURTLE,
    VOID,
    ZSTD,
    Release,
    current_release,
)
from repository import ROOT


def test_the_same_input_gives_the_same_release(model: Path, small: tuple[Path, Release], tmp_path: Path) -> None:
    again = build(model, tmp_path)
    assert again.manifest == small[1].manifest
    assert (again.path / NQUADS).read_bytes() == (small[1].path / NQUADS).read_bytes()


def test_two_builds_in_fresh_folders_are_the_same_file_by_file(model: Path, tmp_path: Path) -> None:
    """All but the store: RocksDB writes times and names of its own into its files, and is only read by serving."""

    def built(name: str) -> dict[str, bytes]:
        root, out = tmp_path / name / "root", tmp_path / name / "build"
        shutil.copytree(model, root)
        command = [sys.executable, "-m", "kg", "build", "--root", str(root), "--build", str(out)]
        subprocess.run(command, check=True, capture_output=True)
        files = (path.relative_to(out) for path in out.rglob("*") if path.is_file())
        return {path.as_posix(): (out / path).read_bytes() for path in files if STORE not in path.parts}

    one, other = built("one"), built("other")
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
    assert len(one) > 60


def test_the_dump_writes_values_as_the_store_gives_them(real: tuple[Path, Release]) -> None:
    store = ox.Store.read_only(str(real[1].path / STORE))
    assert sorted(f"{quad} ." for quad in store) == sorted((real[1].path / NQUADS).read_text("utf-8").splitlines())


def test_the_release_is_named_by_its_content(small: tuple[Path, Release]) -> None:
    release = small[1]
    for_serving = {DIRECTORY, ROSTER, SEARCH, DATES, MANIFEST, STORE}
    found = (path.relative_to(release.path) for path in release.path.rglob("*") if path.is_file())
    names = sorted(path.as_posix() for path in found if path.parts[0] not in for_serving)
    lines = "".join(f"{name} {hashlib.sha256((release.path / name).read_bytes()).hexdigest()}\n" for name in names)
    assert release.manifest.id == hashlib.sha256(lines.encode()).hexdigest()[:12] == release.path.name
    assert sorted(release.manifest.files) == names
    assert {NQUADS, f"{TRIG}{GZIP}", f"{JSON_LD}{ZSTD}", CLAIMS, STATEMENTS, SOURCES, DCAT, VOID, REPORT} < set(names)
    for name, facts in release.manifest.files.items():
        content = (release.path / name).read_bytes()
        assert facts == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_all_dumps_hold_the_same_triples(small: tuple[Path, Release]) -> None:
    path = small[1].path
    plain = {ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(path=path / NQUADS) if q.graph_name == ox.DefaultGraph()}
    for name in (TURTLE, JSON_LD):
        assert {ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(path=path / name)} == plain, name
    assert set(ox.parse(path=path / TRIG)) == set(ox.parse(path=path / NQUADS))
    for name in (NQUADS, TRIG, TURTLE, JSON_LD):
        assert gzip.decompress((path / f"{name}{GZIP}").read_bytes()) == (path / name).read_bytes()
        assert bytes(cramjam.zstd.decompress((path / f"{name}{ZSTD}").read_bytes())) == (path / name).read_bytes()
    store = ox.Store.read_only(str(path / STORE))
    assert len(list(store.quads_for_pattern(None, None, None, ox.DefaultGraph()))) == len(plain)
    assert set(store) == set(ox.parse(path=path / NQUADS))
    assert small[1].manifest.counts["triples"] == len(plain)


def test_rdflib_reads_the_dump(small: tuple[Path, Release]) -> None:
    graph = rdflib.Graph().parse(small[1].path / TURTLE)
    assert len(graph) == small[1].manifest.counts["triples"]
    assert not [node for node in graph.all_nodes() if isinstance(node, rdflib.BNode)]


def test_the_release_brings_all_that_serving_needs(small: tuple[Path, Release]) -> None:
    path = small[1].path
    assert len(list((path / QUERIES).glob("*.rq"))) == len(list((ROOT / "queries").glob("*.rq")))
    assert json.loads((path / REPORT).read_text())["conforms"] is True


def test_what_an_earlier_version_did_not_make_is_added_to_its_release(own_model: Path, tmp_path: Path) -> None:
    first = build(own_model, tmp_path)
    kept = (first.path / NQUADS).stat()
    for name in (DIRECTORY, ROSTER):
        made = (first.path / name).read_bytes()
        (first.path / name).unlink()
        assert build(own_model, tmp_path) == first
        assert (first.path / name).read_bytes() == made
    assert (first.path / NQUADS).stat() == kept
    assert [path.name for path in (tmp_path / RELEASES).iterdir()] == [first.path.name]


def test_a_kept_release_whose_store_was_removed_is_left_as_it_is(own_model: Path, tmp_path: Path) -> None:
    old = tmp_path / RELEASES / "old"
    shutil.copytree(build(own_model, tmp_path).path, old)
    shutil.rmtree(old / STORE)
    (old / DIRECTORY).unlink()
    build(own_model, tmp_path)
    assert not (old / DIRECTORY).exists()


def test_a_failed_build_leaves_the_release(own_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "build"
    first = build(own_model, out)
    before = sorted(path.relative_to(out) for path in out.rglob("*"))
    (own_model / "data/org/guess.yaml").write_text("id: org:guess\n")
    with pytest.raises(CheckFailed):
        build(own_model, out)
    assert sorted(path.relative_to(out) for path in out.rglob("*")) == before
    assert current_release(out) == first


def test_a_build_that_breaks_while_writing_leaves_the_release(
    own_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "build"
    first = build(own_model, out)
    with (own_model / "data/org/guess.yaml").open("a") as file:
        file.write("alias: {en: Guesswork}\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publication, "write_manifest", full)
    with pytest.raises(OSError, match="No space"):
        build(own_model, out)
    assert current_release(out) == first
    assert [path.name for path in (out / "releases").iterdir()] == [first.manifest.id]


def test_a_killed_build_leaves_the_release_and_the_next_one_cleans_up(own_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "build"
    first = build(own_model, out)
    with (own_model / "data/org/guess.yaml").open("a") as file:
        file.write("alias: {en: Guesswork}\n")
    script = (
        "import sys, time; from pathlib import Path; from kg import build, publication\n"
        "def wait(*_): print('writing', flush=True); time.sleep(60)\n"
        "publication.write_manifest = wait; build.build(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(own_model), str(out)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert current_release(out) == first
    assert len(list((out / "releases").glob(".draft-*"))) == 1
    second = build(own_model, out)
    assert second.manifest.id != first.manifest.id
    assert current_release(out) == second
    assert not list((out / "releases").glob(".draft-*"))


def test_a_release_folder_without_manifest_is_none(tmp_path: Path) -> None:
    with pytest.raises(ReleaseMissing, match="kg build"):
        current_release(tmp_path)
    (tmp_path / "current").write_text("abc 123\n")
    (tmp_path / "releases" / "abc").mkdir(parents=True)
    with pytest.raises(ReleaseMissing, match="kg build"):
        current_release(tmp_path)
    (tmp_path / "releases" / "abc" / MANIFEST).write_text("{}")
    with pytest.raises(ReleaseMissing, match="kg build"):
        current_release(tmp_path)


def test_a_changed_file_is_noticed(own_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "build"
    assert not is_current(own_model, out)
    build(own_model, out)
    assert is_current(own_model, out)
    before = inputs_hash(own_model)
    (own_model / "data/org/guess.yaml").rename(own_model / "data/org/guess2.yaml")
    assert inputs_hash(own_model) != before
    assert not is_current(own_model, out)


def test_a_changed_question_is_another_release(own_model: Path, tmp_path: Path) -> None:
    first = build(own_model, tmp_path)
    with (own_model / "queries/amounts.rq").open("a") as file:
        file.write("# more\n")
    second = build(own_model, tmp_path)
    assert second.manifest.id != first.manifest.id
    assert (second.path / QUERIES / "amounts.rq").read_text().endswith("# more\n")


def test_a_comment_gives_the_same_release_and_is_built_once(own_model: Path, tmp_path: Path) -> None:
    first = build(own_model, tmp_path)
    with (own_model / "data/org/guess.yaml").open("a") as file:
        file.write("# a remark\n")
    assert not is_current(own_model, tmp_path)
    assert build(own_model, tmp_path) == first
    assert is_current(own_model, tmp_path)


def test_a_build_in_another_container_keeps_its_draft(model: Path, tmp_path: Path) -> None:
    """Its number means nothing here, but it holds a lock."""
    draft = tmp_path / "releases" / ".draft-999999999-abc"
    draft.mkdir(parents=True)
    lock = os.open(draft, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    build(model, tmp_path)
    assert draft.exists()
    os.close(lock)
    with publication.drafted(draft.parent):
        assert not draft.exists()


def test_what_serving_has_is_not_replaced(model: Path, tmp_path: Path) -> None:
    folder = build(model, tmp_path).path
    before = [(folder / name).stat().st_ino for name in (SEARCH, ROSTER)]
    (folder / DIRECTORY).unlink()
    publication.complete(folder)
    assert [(folder / name).stat().st_ino for name in (SEARCH, ROSTER)] == before
    assert (folder / DIRECTORY).exists()


def test_another_build_that_is_running_keeps_its_draft(model: Path, tmp_path: Path) -> None:
    draft = tmp_path / "releases" / f".draft-{os.getppid()}-abc"
    draft.mkdir(parents=True)
    build(model, tmp_path)
    assert draft.exists()


def test_stages_are_timed(model: Path, tmp_path: Path) -> None:
    stages: list[str] = []
    build(model, tmp_path, lambda stage, _: stages.append(stage))
    assert stages == ["load", "types", "shapes", "derive", "hygiene", "addresses", "release shapes", "write", "total"]


def test_the_real_data_builds_without_warnings(real: tuple[Path, Release]) -> None:
    findings = json.loads((real[1].path / REPORT).read_text())["findings"]
    assert not [finding for finding in findings if finding["severity"] != Severity.INFO]
