"""The schemas for editors: all facts fit them, and what does not fit is found where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from typer.testing import CliRunner

from kg.cli import app
from kg.names import KINDS
from kg.schema import describe_files
from repository import ROOT

SCHEMAS = describe_files(ROOT)


class _Core(yaml.SafeLoader):
    """YAML as editors read it (1.2, core schema): a day is a text."""


_Core.yaml_implicit_resolvers = {
    letter: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str) -> Any:
    return json.loads(json.dumps(yaml.load(text, _Core)))  # noqa: S506 (a safe loader)


@pytest.mark.parametrize("kind", KINDS)
def test_all_facts_fit(kind: str) -> None:
    validator = jsonschema_rs.validator_for(SCHEMAS[kind])
    files = sorted((ROOT / "data" / kind).glob("*.yaml"))
    assert files
    for path in files:
        assert not [
            (path.name, list(error.instance_path), error.message) for error in validator.iter_errors(read(path.read_text()))
        ]


CAMERAS = """id: ini:xa-cameras
type: Initiative
label: {en: Town cameras}
country: cty:ar
cite: {source: src:alsur-2025, locator: Argentina}
claims:
  seller:
    type: Participation
    agent: org:zte
    role: provider
    from: 2020-03
    certainty: reported
    cite: {source: src:alsur-2025, footnote: 3}
"""


def test_a_good_file_fits() -> None:
    assert jsonschema_rs.validator_for(SCHEMAS["initiative"]).is_valid(read(CAMERAS))


@pytest.mark.parametrize(
    ("there", "instead", "where"),
    [
        ("type: Initiative", "type: Iniciative", ["type"]),
        ("id: ini:xa-cameras", "id: org:xa-cameras", ["id"]),
        ("country: cty:ar", "contry: cty:ar", []),
        ("country: cty:ar", "country: Argentina", ["country"]),
        ("country: cty:ar", "country: org:zte", ["country"]),
        ("country: cty:ar\n", "", []),
        ("label: {en: Town cameras}", "label: Town cameras", ["label"]),
        ("from: 2020-03", "from: 2020-13", ["claims", "seller", "from"]),
        ("from: 2020-03", "from: March 2020", ["claims", "seller", "from"]),
        ("role: provider", "role: seller", ["claims", "seller", "role"]),
        ("certainty: reported", "certainty: sure", ["claims", "seller", "certainty"]),
        ("type: Participation", "type: Provider", ["claims", "seller", "type"]),
        ("agent: org:zte", "percent: 10", ["claims", "seller"]),
        ("    agent: org:zte\n", "", ["claims", "seller"]),
        ("    cite: {source: src:alsur-2025, footnote: 3}\n", "", ["claims", "seller"]),
        ("footnote: 3}", "foot: 3}", ["claims", "seller", "cite"]),
        ("  seller:", "  The Seller:", ["claims"]),
    ],
)
def test_what_does_not_fit_is_found(there: str, instead: str, where: list[str]) -> None:
    assert there in CAMERAS
    errors = list(jsonschema_rs.validator_for(SCHEMAS["initiative"]).iter_errors(read(CAMERAS.replace(there, instead))))
    assert errors
    assert any(list(error.instance_path)[: len(where)] == where for error in errors)


def test_keys_are_explained() -> None:
    assert SCHEMAS["country"]["properties"]["isoCode"]["description"].startswith("gives the two letters")


def test_what_does_not_fit_is_told_as_the_check_tells_it() -> None:
    told = SCHEMAS["initiative"]["properties"]["country"]["anyOf"][0]["patternErrorMessage"]
    assert told == "An initiative is in a country: 'country: cty:ar'."


def test_they_are_written_where_the_editor_looks(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["schema", str(tmp_path / "schema"), "--root", str(ROOT)])
    assert result.exit_code == 0, result.output
    again = CliRunner().invoke(app, ["schema", str(tmp_path / "again"), "--root", str(ROOT)])
    assert again.exit_code == 0
    wanted = json.loads((ROOT / ".vscode" / "settings.json").read_text("utf-8"))["yaml.schemas"]
    assert wanted == {f"build/schema/{kind}.json": f"data/{kind}/*.yaml" for kind in KINDS}
    for kind in KINDS:
        assert (tmp_path / "schema" / f"{kind}.json").read_bytes() == (tmp_path / "again" / f"{kind}.json").read_bytes()
