"""Fixtures: a small made-up graph that a person can read whole (`tests/data`), and releases of it and of the real data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kg.build import build
from kg.release import Release
from repository import ROOT, copy_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with the small graph; nobody may write into it."""
    root = tmp_path_factory.mktemp("model")
    copy_model(root)
    shutil.copytree(ROOT / "tests" / "data", root / "data", dirs_exist_ok=True)
    return root


@pytest.fixture
def own_model(model: Path, tmp_path: Path) -> Path:
    """A copy of the small graph that a test may change."""
    root = tmp_path / "root"
    shutil.copytree(model, root)
    return root


@pytest.fixture(scope="session")
def small(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release]:
    """A build folder with a release of the small graph."""
    folder = tmp_path_factory.mktemp("small")
    return folder, build(model, folder)


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release]:
    """A build folder with a release of the repository's own data."""
    folder = tmp_path_factory.mktemp("real")
    return folder, build(ROOT, folder)
