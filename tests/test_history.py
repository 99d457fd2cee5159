"""When things were last changed, as git tells it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kg.history import read_dates


def git(folder: Path, *arguments: str, day: str = "2026-01-01") -> None:
    stamps = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
    names = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@a"}
    names |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@a", "PATH": "/usr/bin:/bin:/usr/local/bin"}
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, env=names | stamps)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Two things in a folder of a larger repository: one changed once more, the other only begun to be."""
    root = tmp_path / "whole" / "part"
    (root / "data" / "org").mkdir(parents=True)
    git(tmp_path / "whole", "init", "--quiet")
    for day, slug in (("2026-01-01", "one"), ("2026-02-02", "two"), ("2026-03-03", "one")):
        path = root / "data" / "org" / f"{slug}.yaml"
        path.write_text(path.read_text() + "x" if path.exists() else "x")
        git(root, "add", ".")
        git(root, "commit", "--quiet", "--message", "m", day=day)
    return root


def test_the_last_commit_counts(kept: Path) -> None:
    base = "https://w3id.org/vigia/id/org/"
    assert read_dates(kept) == {base + "one": "2026-03-03", base + "two": "2026-02-02"}


def test_half_a_history_says_nothing(kept: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth", "1", kept.parent.as_uri(), "copy")
    assert read_dates(tmp_path / "copy" / "part") == {}


def test_without_git_there_are_no_dates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_dates(tmp_path) == {}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_dates(tmp_path) == {}
