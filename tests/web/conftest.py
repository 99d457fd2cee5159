"""Clients of the application: one for the small graph, one for the real data, one for files of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from kg.release import Release
from kg.settings import Settings
from kg.web.app import create_app
from kg.web.site import open_files, open_release

LIMITS = Settings(timeout=5.0, query_bytes=50_000)


@pytest.fixture(scope="session")
def client(small: tuple[Path, Release]) -> Iterator[TestClient]:
    """The small graph; redirects are not followed."""
    with TestClient(create_app(open_release(small[0], LIMITS)), follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def real_client(real: tuple[Path, Release]) -> Iterator[TestClient]:
    """The repository's own data; redirects are not followed."""
    with TestClient(create_app(open_release(real[0], LIMITS)), follow_redirects=False) as client:
        yield client


@pytest.fixture(scope="session")
def files_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Two files that have nothing to do with us."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "a.ttl").write_text(
        "@prefix x: <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        'x:s a x:Thing ; rdfs:label "Salpêtrière"@fr , "<b>Hospital</b>" ; x:p x:o , 4.5 , [ x:q 1 ] .\n'
    )
    (folder / "b.nt").write_text("<http://example.org/o> <http://example.org/p> <http://example.org/s> .\n")
    with TestClient(create_app(open_files([folder / "a.ttl", folder / "b.nt"], LIMITS)), follow_redirects=False) as client:
        yield client
