"""Addresses that were published go on to answer: retired ones lead to their successor, or say why there is none."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from kg.build import build, check
from kg.names import BASE
from kg.query import open_store
from kg.registry import PUBLISHED, RETIRED, register
from kg.settings import Settings
from kg.web.app import create_app
from kg.web.copying import write_copy
from kg.web.site import open_release

NOTE = "note: {en: It was the same as another., es: Era la misma que otra., pt: Era a mesma que outra.}"


@pytest.fixture
def published(own_model: Path, tmp_path: Path) -> Path:
    """The small graph as it was published, before an organisation and a claim were taken out."""
    build(own_model, tmp_path / "build")
    assert register(own_model, open_store(tmp_path / "build")) > 50
    assert register(own_model, open_store(tmp_path / "build")) == 0
    (own_model / "data/org/guess.yaml").unlink()
    for file in ("initiative/xa-cameras", "initiative/xa-gates"):
        path = own_model / "data" / f"{file}.yaml"
        if path.exists():
            path.write_text(without_mentions(path.read_text(), "org:guess"))
    return own_model


def without_mentions(text: str, name: str) -> str:
    """A file without the claims that name something."""
    head, _, claims = text.partition("claims:\n")
    kept = [part for part in split_claims(claims) if name not in part]
    return f"{head}claims:\n{''.join(kept)}"


def split_claims(text: str) -> Iterator[str]:
    part = ""
    for line in text.splitlines(keepends=True):
        if line.startswith("  ") and not line.startswith("   ") and part:
            yield part
            part = ""
        part += line
    yield part


def retire(root: Path, *entries: str) -> None:
    (root / RETIRED).write_text("".join(f"{entry}\n" for entry in entries))


def gone(root: Path) -> list[str]:
    return [finding.message.split()[0] for finding in check(root).findings if finding.rule == "published"]


def test_what_vanished_is_named_with_its_line(published: Path) -> None:
    missing = gone(published)
    assert "org:guess" in missing
    listed = (published / PUBLISHED).read_text().splitlines()
    places = {
        finding.place.line: finding.message.split()[0] for finding in check(published).findings if finding.rule == "published"
    }
    assert all(listed[line - 1] == address for line, address in places.items())


@pytest.fixture
def client(published: Path, tmp_path: Path) -> Iterator[TestClient]:
    """All that vanished retired: the organisation for another, its claims for a reason."""
    retire(published, *(f"{address}: {{on: 2026-03-02, {entry_of(address)}}}" for address in gone(published)))
    assert [str(finding) for finding in check(published).findings] == []
    build(published, tmp_path / "build")
    with TestClient(create_app(open_release(tmp_path / "build", Settings())), follow_redirects=False) as client:
        yield client


def entry_of(address: str) -> str:
    return "replacedBy: org:maker" if address == "org:guess" else NOTE


def test_a_retired_address_leads_to_its_successor(client: TestClient) -> None:
    for path, target in (
        ("/id/org/guess", "/id/org/maker"),
        ("/page/org/guess?lang=es", "/page/org/maker?lang=es"),
        ("/data/org/guess.ttl", "/data/org/maker.ttl"),
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (301, target)


def test_an_address_without_successor_says_why(client: TestClient, published: Path) -> None:
    address = next(line.partition(": ")[0] for line in (published / RETIRED).read_text().splitlines() if NOTE in line)
    path = "/id/initiative/" + address.partition(":")[2]
    answer = client.get(path, headers={"Accept": "text/turtle"})
    assert answer.status_code == 410
    assert answer.json()["type"].endswith("#gone")
    assert "retired on 2026-03-02" in answer.json()["detail"]
    page = client.get(path, headers={"Accept": "text/html", "Accept-Language": "es"})
    assert page.status_code == 410
    assert "Era la misma que otra." in page.text


def test_a_copy_as_files_answers_for_what_was_retired(client: TestClient, published: Path, tmp_path: Path) -> None:
    (published / "data/place/latin-america.yaml").write_text(  # which a stored question names
        "id: plc:latin-america\ntype: Place\nkind: region\nlabel: {es: América Latina}\n", "utf-8"
    )
    build(published, tmp_path / "build")
    copy = tmp_path / "copy"
    write_copy(tmp_path / "build", copy, None, Settings(), lambda *_: None)
    led = (copy / "id/org/guess/index.html").read_text()
    assert 'href="../../../es/page/org/maker.html"' in led
    assert 'type="text/turtle" href="../../../data/org/maker.ttl"' in led
    (gone_file,) = (copy / "id/initiative").rglob("guess/index.html")
    path = gone_file.parent.relative_to(copy / "id")
    assert f'href="../../../../es/page/{path}.html"' in gone_file.read_text()
    assert f"{BASE}id/{path}</h1>" in gone_file.read_text()
    assert "Era la misma que otra." in (copy / f"es/page/{path}.html").read_text()


def test_a_question_lists_what_was_retired(client: TestClient) -> None:
    rows = list(csv.DictReader(client.get("/api/queries/retired.csv").text.splitlines()))
    assert ("2026-03-02", "https://w3id.org/vigia/id/org/maker") in {(row["on"], row["successor"]) for row in rows}
    assert "It was the same as another." in {row["note"] for row in rows}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("org:maker: {on: 2026-03-02, replacedBy: org:dealer}", "never published"),
        ("org:guess: {on: 2026-03-02, replacedBy: org:nobody}", "successor must be described"),
        ("org:guess: {on: yesterday, replacedBy: org:maker}", "Write 'org:old"),
        ("org:guess: {replacedBy: org:maker}", "Write 'org:old"),
        ("org:guess: {on: 2026-03-02}", "Write 'org:old"),
        ("org:guess: {on: 2026-03-02, note: {en: gone}}", "Write 'org:old"),
        ("org:guess: 2026-03-02", "Write 'org:old"),
        ("org:guess: {on: [", "not valid YAML"),
    ],
)
def test_a_wrong_entry_is_told_with_its_line(published: Path, entry: str, message: str) -> None:
    listed = published / PUBLISHED
    listed.write_text(listed.read_text().replace("org:maker\n", ""))
    retire(published, "# what was retired", entry)
    (finding,) = [finding for finding in check(published).findings if finding.rule == "retired"]
    assert message in finding.message
    assert finding.place.path == RETIRED
    assert finding.place.line == (1 if "YAML" in message else 2)


def test_what_is_still_described_is_not_retired(published: Path) -> None:
    retire(published, "org:maker: {on: 2026-03-02, replacedBy: org:dealer}")
    (finding,) = [finding for finding in check(published).findings if finding.rule == "retired"]
    assert "still described" in finding.message
