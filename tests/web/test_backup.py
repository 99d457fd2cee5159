"""A copy of the releases, made as documented while one is served and others are built, serves the same bytes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from kg.build import build
from kg.release import current_release, switch
from repository import ROOT
from web.load import Asked, ask
from web.running import serving

DOCS = (ROOT / "docs" / "deploying.md").read_text("utf-8")
KEEP, RESTORE = re.findall(r"```sh\n(.*?)```", DOCS.split("## Backup")[1], re.DOTALL)
ASKED = [
    *(Asked(path) for path in ("/?lang=es", "/page/org/maker?lang=en", "/dump/kg.nq", "/search?q=maker&lang=es", "/sitemap.xml")),
    Asked("/sparql?" + urlencode({"query": "SELECT * { ?s ?p ?o } ORDER BY ?s ?p ?o", "format": "csv"})),
]


def run(lines: str, served: Path, kept: Path) -> None:
    """What is documented, in other folders."""
    assert "/srv/vigia/build" in lines
    assert "/backup/vigia" in lines
    script = lines.replace("/srv/vigia/build", str(served)).replace("/backup/vigia", str(kept))
    done = subprocess.run(["sh", "-ec", script], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def answers(folder: Path) -> tuple[str, list[bytes]]:
    """The release that is served from it, and what it says."""
    with serving("--build", folder) as server:
        told = [ask(urlsplit(server.address).port or 0, asked) for asked in ASKED]
    assert {each.status for each in told} == {200}
    (release,) = {each.release for each in told}
    return release, [each.body for each in told]


def test_what_comes_back_serves_the_same(own_model: Path, tmp_path: Path) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("rsync is not installed")
    served, kept, restored = (tmp_path / name for name in ("served", "kept", "restored"))
    first = build(own_model, served).manifest.name
    maker = own_model / "data" / "org" / "maker.yaml"
    maker.write_text(re.sub(r"label: .*", "label: {en: Renamed Maker}", maker.read_text("utf-8"), count=1), "utf-8")
    command = [sys.executable, "-m", "kg", "build", "--root", own_model, "--build", served]
    copies = []
    with serving("--build", served), subprocess.Popen(command, stderr=subprocess.DEVNULL) as building:
        while building.poll() is None:
            run(KEEP, served, kept)
            copies.append(current_release(kept).manifest.name)
            assert not list((kept / "releases").glob(".draft-*"))
        assert building.returncode == 0
    assert copies[0] == first  # made before there was another
    run(RESTORE, restored, kept)
    name, told = answers(restored)
    assert name == copies[-1]
    switch(served, name, "-")
    assert answers(served) == (name, told)
    run(KEEP, served, kept)
    assert len(list((kept / "releases").iterdir())) == 2
