"""Answers become files that the check has nothing against; what does not fit is asked for again; nothing else in a file changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from kg.build import check
from kg.errors import KgError
from kg.form import Ask, ask_claim, ask_thing
from kg.names import KINDS


def answering(*answers: str) -> Ask:
    """Gives these answers in order, each to a question that it begins with, as `question=answer`; empty ones to all others."""
    left = [tuple(answer.split("=", 1)) for answer in answers]

    def ask(question: str, choices: Sequence[str], usual: str | None) -> str:
        if left and left[0][0] in question:
            return left.pop(0)[1]
        assert usual is not None, f"nobody answers '{question}', next is {left[:1]}"
        return usual

    return ask


@pytest.fixture
def root(own_model: Path) -> Path:
    return own_model


def findings(root: Path, path: Path) -> list[str]:
    name = path.relative_to(root).as_posix()
    return [finding.message for finding in check(root).findings if finding.place.path == name and finding.severity == "violation"]


def test_a_company(root: Path) -> None:
    path = ask_thing(
        root,
        "org",
        answering(
            "What is it=Company",
            "in Spanish=Cámaras del Sur S.A.",
            "What else=country",
            "country=cty:xa",
            "What else=identifier",
            "identifier=007",
            "Which source=src:survey-2025",
            "Where in it=profiles",
        ),
    )
    assert path == root / "data" / "org" / "camaras-del-sur-s-a.yaml"
    assert path.read_text("utf-8") == (
        "id: org:camaras-del-sur-s-a\ntype: Company\nlabel: {es: Cámaras del Sur S.A.}\n"
        "country: cty:xa\nidentifier: '007'\ncite: {source: src:survey-2025, locator: profiles}\n"
    )
    assert findings(root, path) == []


def test_an_initiative_with_its_status(root: Path) -> None:
    path = ask_thing(
        root,
        "initiative",
        answering(
            "in Spanish=Ojos",
            "slug=xa-ojos",
            "country: =Examplia",
            "An initiative is in a country=cty:xa",
            "Which source=nothing",
            "has no file=src:survey-2025",
            "Where in it=Examplia",
            "status: =active",
            "asOf: =soon",
            "asOf=2025-03",
            "certainty: =reported",
        ),
    )
    written = yaml.safe_load(path.read_text("utf-8"))
    assert written["claims"]["status-2025"]["status"] == "active"
    assert findings(root, path) == []


def test_a_claim_at_the_end_of_the_others(root: Path) -> None:
    path = root / "data" / "org" / "maker.yaml"
    before = path.read_text("utf-8") + "\n# a remark\n"
    path.write_text(before, "utf-8")
    interest = next(iter(yaml.safe_load((root / "data" / "code" / "interest.yaml").read_text("utf-8"))["codes"]))
    asked = answering(
        "What does the claim say=OwnershipStake",
        "owner=org:holding",
        "certainty=reported",
        "Which of these=interest",
        f"interest={interest}",
        "What else=from",
        "from=2025",
        "Which source=src:survey-2025",
        "Where in it=profiles",
        "short name=holding-2020",
        "is taken=holding-2025",
    )
    assert ask_claim(root, "org:maker", asked) == path
    after = path.read_text("utf-8")
    claims = yaml.safe_load(after)["claims"]
    assert list(claims) == [*yaml.safe_load(before)["claims"], "holding-2025"]
    assert claims["holding-2025"]["from"] == 2025
    lines, start = after.splitlines(), after.splitlines().index("  holding-2025:")
    del lines[start : start + len(lines) - len(before.splitlines())]
    assert lines == before.splitlines()
    assert findings(root, path) == []


def test_a_claim_where_there_was_none(root: Path) -> None:
    path = root / "data" / "place" / "xa-town.yaml"
    assert "claims" not in path.read_text("utf-8")
    asked = answering(
        "What does the claim say=Milestone",
        "kind=",
    )
    with pytest.raises(AssertionError, match="nobody answers"):
        ask_claim(root, "plc:xa-town", asked)
    assert "claims" not in path.read_text("utf-8")


@pytest.mark.parametrize("thing", ["org:nobody", "zte", "org:../../x", "xyz:zte"])
def test_a_thing_that_is_not_there_is_named(root: Path, thing: str) -> None:
    with pytest.raises(KgError, match="no file"):
        ask_claim(root, thing, answering())


def test_a_kind_that_is_none_is_named(root: Path) -> None:
    with pytest.raises(KgError, match=f"Kinds: {', '.join(KINDS)}, or claim"):
        ask_thing(root, "company", answering())
