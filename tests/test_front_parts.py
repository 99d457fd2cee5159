"""What set-up fetches for the pages: pinned, without addresses of a registry, free to be used, and listed."""

from __future__ import annotations

import json
import re

import pytest

from kg.web.assets import MADE, address_of
from repository import ROOT

PACKAGE = json.loads((ROOT / "web" / "package.json").read_text("utf-8"))
LOCK = (ROOT / "web" / "package-lock.json").read_text("utf-8")
FREE = {"MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "OFL-1.1"}


def test_versions_are_exact_and_the_lock_holds_hashes_but_no_addresses() -> None:
    for version in (PACKAGE["dependencies"] | PACKAGE["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert "resolved" not in LOCK
    for name, package in json.loads(LOCK)["packages"].items():
        if name:
            assert package["integrity"].startswith("sha512-"), name
            assert package["license"] in FREE, name


def test_what_was_made_is_served_with_its_licences() -> None:
    if not MADE.exists():
        pytest.skip("set-up could not fetch the packages")
    assert {"editor.js", "world.svg", "world.json", "licences.txt"} <= {path.name for path in MADE.iterdir()}
    licences = (MADE / "licences.txt").read_text("utf-8")
    for name in PACKAGE["dependencies"]:
        assert f"{name}\n" in licences
    assert "://" not in (MADE / "world.svg").read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert address_of("made/editor.js")


def test_a_changed_file_has_another_address() -> None:
    assert re.fullmatch(r"/static/kg\.css\?v=[0-9a-f]{12}", address_of("kg.css") or "")
    assert address_of("nothing.css") is None
