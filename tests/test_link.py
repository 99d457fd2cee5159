"""Links are proposed and checked against a server that answers as Wikidata does; nothing is accepted by itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest
from typer.testing import CliRunner

from kg.build import build
from kg.cli import app
from kg.link import Kinds, Unlinked, check_links, facts, patch, propose, unlinked
from kg.query import open_store, read_question
from kg.release import Release
from kg.wikidata import Wikidata
from repository import ROOT
from wikibase import Wikibase, wikibase

_KG = "PREFIX owl: <http://www.w3.org/2002/07/owl#>"
QUIET = lambda *_: None  # noqa: E731 (a progress bar that nobody watches)


@pytest.fixture
def base() -> Iterator[Wikibase]:
    with wikibase() as known:
        yield known


@pytest.fixture
def client(base: Wikibase, tmp_path: Path) -> Wikidata:
    return Wikidata(tmp_path / "cache", api=base.address, service=base.address, sleep=lambda _: None)


@pytest.fixture
def store(real: tuple[Path, Release]) -> ox.Store:
    return open_store(real[0])


def test_every_thing_is_linked_or_still_to_be_looked_for(store: ox.Store) -> None:
    found = {thing.iri.rpartition("/id/")[2] for thing in unlinked(store)}
    assert "org/zte" not in found
    assert "initiative/ar-caba-srfp" in found
    assert not {iri for iri in found if iri.startswith("country/")}


def test_a_proposal_is_a_file_that_passes(
    real: tuple[Path, Release], store: ox.Store, base: Wikibase, client: Wikidata, tmp_path: Path
) -> None:
    base.item("Q9001", {"es": "Perkons"}, {"P17": ["Q155"]}, descriptions={"es": {"language": "es", "value": "empresa de Brasil"}})
    base.item("Q9002", {"es": "Perkons (banda)"})
    (thing,) = [each for each in unlinked_all(store) if each.iri.endswith("/org/perkons")]
    (file,) = propose(store, client, [thing], tmp_path / "proposals", QUIET)
    text = file.read_text("utf-8")
    assert "item: wd:Q9001" in text
    assert "# Other: Q9002" in text
    assert "certainty: presumed" in text
    assert 'locator: "Q9001, revision 7"' in text
    before = len(base.asked)
    assert propose(store, client, [thing], tmp_path / "proposals", QUIET) == []
    assert len(base.asked) == before  # what is written is not asked for again


def unlinked_all(store: ox.Store) -> list[Unlinked]:
    """Perkons has a link that says that none was found; here it is looked for all the same."""
    company = frozenset({"https://w3id.org/vigia/def#Organisation", "https://w3id.org/vigia/def#Company"})
    return [*unlinked(store), Unlinked("https://w3id.org/vigia/id/org/perkons", (("es", "Perkons"),), frozenset({"br"}), company)]


def test_of_two_of_one_name_that_of_the_right_kind_comes_first(
    store: ox.Store, base: Wikibase, client: Wikidata, tmp_path: Path
) -> None:
    for link in store.query(f"{_KG} SELECT ?item ?class {{ ?thing owl:sameAs ?item ; a ?class }}"):
        kind = {"Company": "Q9100", "Place": "Q9200"}.get(link["class"].value.rpartition("#")[2])
        if kind:
            base.item(link["item"].value.rpartition("/")[2], {"en": "any"}, {"P31": [kind]})
    base.item("Q9001", {"es": "Perkons"}, {"P31": ["Q9200"]})
    base.item("Q9002", {"es": "Perkons"}, {"P31": ["Q9300"]})  # a kind that no linked thing has
    base.item("Q9003", {"es": "Perkons"}, {"P31": ["Q9100"]})
    (thing,) = [each for each in unlinked_all(store) if each.iri.endswith("/org/perkons")]
    (file,) = propose(store, client, [thing], tmp_path / "proposals", QUIET)
    text = file.read_text("utf-8")
    assert [line.split()[2] for line in text.splitlines() if line.startswith("# Other")] == ["Q9002", "Q9001"]
    assert "item: wd:Q9003" in text


@pytest.mark.parametrize(
    ("kinds", "speaks"), [({"company"}, 1), ({"town"}, -1), ({"never seen"}, 0), (set(), 0), ({"town", "company"}, 1)]
)
def test_a_kind_speaks_as_far_as_checked_links_know_it(kinds: set[str], speaks: int) -> None:
    seen = Kinds(
        [(frozenset({"Company"}), frozenset({"company"}))] * 15
        + [(frozenset({"Place"}), frozenset({"town"}))] * 60
        + [(frozenset({"Law"}), frozenset())]
    )
    odds = seen.odds({"Company"}, kinds)
    assert (odds > 0) - (odds < 0) == speaks
    assert seen.odds({"Law"}, kinds) == pytest.approx(0)  # no link of that class is known: nothing is said


def test_nothing_is_proposed_for_what_is_not_alike(store: ox.Store, base: Wikibase, client: Wikidata, tmp_path: Path) -> None:
    base.item("Q9003", {"en": "Perkonskrusts organisation of the thirties"})
    (thing,) = [each for each in unlinked_all(store) if each.iri.endswith("/org/perkons")]
    assert propose(store, client, [thing], tmp_path / "proposals", QUIET) == []


@pytest.fixture
def linked(own_model: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The small graph with a link to the item that was merged, and its build folder."""
    file = own_model / "data" / "link" / "org-maker.yaml"
    file.write_text(file.read_text("utf-8").replace("wd:Q42\n", "wd:Q32063953\n").replace('"Maker"', '"Karlsruhe"'), "utf-8")
    out = tmp_path / "build"
    build(own_model, out)
    return own_model, out


def test_a_merged_item_becomes_a_patch_that_applies(linked: tuple[Path, Path], base: Wikibase, client: Wikidata) -> None:
    root, out = linked
    base.recorded("Q32063953")
    report = check_links(open_store(out), client, QUIET)
    assert [(each.state, each.now) for each in report.findings] == [("merged", "Q1040")]
    (root / "links.patch").write_text(patch(report, root), "utf-8")
    subprocess.run(["git", "apply", "links.patch"], cwd=root, check=True)
    assert "item: wd:Q1040\n" in next((root / "data" / "link").glob("*.yaml")).read_text("utf-8")


@pytest.mark.parametrize(
    ("labels", "state"), [({"en": "Karlsruhe"}, "ok"), ({"en": "Something else entirely"}, "renamed"), (None, "missing")]
)
def test_what_became_of_an_item(
    linked: tuple[Path, Path], base: Wikibase, client: Wikidata, labels: dict[str, str] | None, state: str
) -> None:
    if labels:
        base.item("Q32063953", labels)
    assert [each.state for each in check_links(open_store(linked[1]), client, QUIET).findings] == [state]


def test_what_wikidata_adds_stands_apart(linked: tuple[Path, Path], base: Wikibase, client: Wikidata) -> None:
    root, out = linked
    base.item(
        "Q32063953",
        {"en": "Karlsruhe", "es": "Karlsruhe"},
        {"P31": ["Q5"], "P625": [{"latitude": 49.01, "longitude": 8.4}], "P856": ["https://example.org/"]},
    )
    triples = facts(open_store(out), client, QUIET)
    (root / "data" / "wikidata.nt").write_text("".join(f"{triple} .\n" for triple in sorted(triples, key=str)), "utf-8")
    build(root, out)
    store = open_store(out)
    item = "<http://www.wikidata.org/entity/Q32063953>"
    assert not store.query(f"ASK {{ {item} ?p ?o }}")
    inside = store.query(f"SELECT ?p ?o {{ GRAPH <https://w3id.org/vigia/graph/wikidata> {{ {item} ?p ?o }} }}")
    assert {row["p"].value.rpartition("/")[2] for row in inside} == {"P31", "P625", "P856", "rdf-schema#label"}
    said = store.query(f"""PREFIX schema: <http://schema.org/> PREFIX dct: <http://purl.org/dc/terms/>
        SELECT ?v ?d {{ GRAPH ?g {{ ?document schema:about {item} ; schema:version ?v ; dct:date ?d }} }}""")
    assert [row["v"].value for row in said] == ["7"]
    base.items["Q32063953"]["claims"]["P31"][0]["mainsnak"]["datavalue"]["value"]["id"] = "Q6"
    fresh = Wikidata(out / "fresh", api=base.address, service=base.address)
    assert [each.state for each in check_links(store, fresh, QUIET).findings] == ["changed"]


def test_where_the_network_refuses_nothing_changes(linked: tuple[Path, Path]) -> None:
    root, out = linked
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for mode in (["--check"], ["--refresh"], ["org"]):
        result = CliRunner().invoke(
            app,
            [
                "link",
                *mode,
                "--root",
                str(root),
                "--build",
                str(out),
                "--api",
                "http://127.0.0.1:1/",
                "--service",
                "http://127.0.0.1:1/",
                "--proposals",
                str(root / "proposals"),
            ],
        )
        assert "nothing was changed" in str(result.exception)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_the_command_checks_and_reports(linked: tuple[Path, Path], base: Wikibase) -> None:
    root, out = linked
    base.recorded("Q32063953")
    given = ["--root", str(root), "--build", str(out), "--api", base.address, "--service", base.address]
    result = CliRunner().invoke(app, ["link", "--check", *given])
    assert result.exit_code == 0, result.output
    assert "merged" in result.output
    assert json.loads((out / "links.json").read_text("utf-8"))["findings"][0]["now"] == "Q1040"
    assert "+item: wd:Q1040" in (out / "links.patch").read_text("utf-8")


def test_a_contradiction_is_shown_with_both_sides(own_model: Path, base: Wikibase, client: Wikidata, tmp_path: Path) -> None:
    folder = own_model / "data" / "link"
    text = (folder / "org-maker.yaml").read_text("utf-8").partition("compared:")[0].replace("reason: other-level\n", "")
    text = text.replace("kind: close", "kind: same").replace("certainty: reported", "certainty: confirmed")
    text += "cite:\n  - {source: src:survey-2025, locator: profiles}\n  - {source: src:copy-2025, locator: profiles}\n"
    text += 'compared:\n  - {aspect: name, ours: "one", theirs: "one"}\n  - {aspect: code, ours: "one", theirs: "one"}\n'
    for name, thing, item in (("org-maker", "org:maker", "Q42"), ("country-xb", "cty:xb", "Q9101")):
        written = text.replace("lnk:org-maker", f"lnk:{name}").replace("org:maker", thing).replace("wd:Q42", f"wd:{item}")
        (folder / f"{name}.yaml").write_text(written, "utf-8")
    base.item("Q42", {"en": "Maker"}, {"P17": ["Q9102"]})
    base.item("Q9101", {"en": "Otherland"}, {"P297": ["XB"]})
    out = tmp_path / "build"
    build(own_model, out)
    triples = facts(open_store(out), client, QUIET)
    (own_model / "data" / "wikidata.nt").write_text("".join(f"{triple} .\n" for triple in sorted(triples, key=str)), "utf-8")
    build(own_model, out)
    rows = list(open_store(out).query(read_question(ROOT / "queries" / "wikidata-disagrees.rq").text))
    assert [(row["thing"].value.rpartition("/")[2], row["theirs"].value.rpartition("/")[2]) for row in rows] == [("maker", "Q9102")]
