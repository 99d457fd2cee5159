"""Links are proposed and checked against a server that answers as Wikidata does; nothing is accepted by itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyoxigraph as ox
import pytest
from typer.testing import CliRunner

from kg.build import build, check
from kg.cli import app
from kg.errors import KgError
from kg.finding import violations
from kg.link import Kinds, Unlinked, check_links, facts, patch, propose, score, unlinked
from kg.names import BASE, DEF
from kg.query import open_store, read_question
from kg.release import Release
from kg.wikidata import Item, Wikidata
from repository import ROOT
from wikibase import Wikibase, wikibase

_KG = "PREFIX owl: <http://www.w3.org/2002/07/owl#>"
_VIGIA = "PREFIX kg: <https://w3id.org/vigia/def#> PREFIX link: <https://w3id.org/vigia/code/link/>"
QUIET = lambda *_: None  # noqa: E731 (a progress bar that nobody watches)


@pytest.fixture
def base() -> Iterator[Wikibase]:
    with wikibase() as known:
        yield known


@pytest.fixture
def client(base: Wikibase, tmp_path: Path) -> Wikidata:
    return Wikidata(tmp_path / "cache", api=base.address, service=base.service, sleep=lambda _: None)


@pytest.fixture
def store(real: tuple[Path, Release]) -> ox.Store:
    return open_store(real[0])


def _thing(store: ox.Store, name: str) -> Unlinked:
    (thing,) = [each for each in unlinked(store) if each.iri.endswith(name)]
    return thing


def test_every_thing_is_linked_or_still_to_be_looked_for(store: ox.Store) -> None:
    things = {thing.iri.rpartition("/id/")[2]: thing for thing in unlinked(store)}
    assert "org/zte" not in things
    assert "initiative/ar-caba-srfp" in things
    assert not {iri for iri in things if iri.startswith("country/")}
    reasons = store.query(f"{_VIGIA} SELECT ?thing ?reason {{ ?l kg:linkedThing ?thing ; kg:kind link:none ; kg:reason ?reason }}")
    of_reason = {(row["thing"].value.rpartition("/id/")[2], row["reason"].value.rpartition("/")[2]) for row in reasons}
    looked_for = {iri for iri, thing in things.items() if thing.record}
    assert looked_for == {iri for iri, reason in of_reason if reason == "not-found" and iri}
    assert {reason for iri, reason in of_reason if iri in things} == {"not-found"}
    assert len({reason for _, reason in of_reason}) > 1  # of other reasons there are some


def test_a_proposal_is_a_file_that_passes(own_model: Path, base: Wikibase, client: Wikidata, tmp_path: Path) -> None:
    (own_model / "data" / "link" / "org-maker.yaml").write_text(_NOT_FOUND, "utf-8")
    build(own_model, tmp_path / "build")
    store = open_store(tmp_path / "build")
    base.item("Q9001", {"en": "Maker"}, {"P17": ["Q155"]}, descriptions={"es": {"language": "es", "value": "empresa"}})
    base.item("Q9002", {"es": "Maker (banda)"})
    base.item("Q43", {"en": "Maker"})
    thing = _thing(store, "/org/maker")
    (file,) = propose(store, client, [thing], tmp_path / "proposals", QUIET)
    text = file.read_text("utf-8")
    assert "item: wd:Q9001" in text
    assert "# Other: Q9002" in text
    assert [line for line in text.splitlines() if "Q43" in line] == ["# Keep what stands there below 'rejected': Q43."]
    assert "# Takes the place of data/link/org-maker.yaml" in text
    assert "certainty: presumed" in text
    assert 'locator: "Q9001, revision 7"' in text
    before = len(base.asked)
    assert propose(store, client, [thing], tmp_path / "proposals", QUIET) == []
    assert len(base.asked) == before  # what is written is not asked for again
    shutil.copytree(tmp_path / "proposals", own_model / "data", dirs_exist_ok=True)
    assert ["checkedBy" in finding.message for finding in violations(check(own_model).findings)] == [True]  # a person has to
    moved = own_model / "data" / "link" / "org-maker.yaml"
    moved.write_text(text.replace("checkedBy: …", "checkedBy: Someone"), "utf-8")
    assert violations(check(own_model).findings) == []


@pytest.mark.parametrize(
    ("key", "was", "now"),
    [("reason", "link-reason/not-found", "link-reason/homonym"), ("check", "link-check/copies", "link-check/live")],
)
def test_what_was_decided_is_not_looked_for_again(store: ox.Store, key: str, was: str, now: str) -> None:
    link, prop = ox.NamedNode(f"{BASE}id/link/org-perkons"), ox.NamedNode(f"{DEF}{key}")
    own = ox.Store()
    own.extend(quad for quad in store.quads_for_pattern(None, None, None, ox.DefaultGraph()))
    assert _thing(own, "/org/perkons").record == link.value
    own.remove(ox.Quad(link, prop, ox.NamedNode(f"{BASE}code/{was}")))
    own.add(ox.Quad(link, prop, ox.NamedNode(f"{BASE}code/{now}")))
    assert not [each for each in unlinked(own) if each.iri.endswith("/org/perkons")]


_NOT_FOUND = """id: lnk:org-maker
type: Link
thing: org:maker
kind: none
reason: not-found
method: name
check: copies
checkedBy: Test
checkedOn: 2026-01-02
rejected:
  - {item: wd:Q43, reason: homonym}
"""


def test_a_proposal_for_a_thing_of_no_record_replaces_none(
    places: ox.Store, base: Wikibase, client: Wikidata, tmp_path: Path
) -> None:
    base.item("Q9001", {"en": "Maker"})
    (file,) = propose(places, client, [_thing(places, "/org/maker")], tmp_path / "proposals", QUIET)
    assert file.name == "org-maker.yaml"
    assert "place of" not in file.read_text("utf-8")


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
    thing = _thing(store, "/org/perkons")
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
    thing = _thing(store, "/org/perkons")
    assert propose(store, client, [thing], tmp_path / "proposals", QUIET) == []


@pytest.fixture(scope="module")
def places(model: Path, tmp_path_factory: pytest.TempPathFactory) -> ox.Store:
    """The small graph with identifiers and another name, and without a link."""
    root = tmp_path_factory.mktemp("places")
    shutil.copytree(model, root, dirs_exist_ok=True)
    town, maker = root / "data" / "place" / "xa-town.yaml", root / "data" / "org" / "maker.yaml"
    (root / "data" / "link" / "org-maker.yaml").unlink()
    town.write_text(town.read_text("utf-8") + "subdivisionCode: XA-T\nalias: {es: Ejemplópolis}\n", "utf-8")
    maker.write_text(
        maker.read_text("utf-8").replace("type: Company\n", "type: Company\nwebsite: http://www.Maker.example/\n"), "utf-8"
    )
    build(root, root / "build")
    return open_store(root / "build")


def test_what_the_graph_knows_of_a_thing_is_what_is_looked_for(places: ox.Store) -> None:
    town = _thing(places, "/place/xa-town")
    assert town.names == (("es", "Villa Ejemplo"), ("es", "Ejemplópolis"))
    assert town.countries == {"xa"}
    assert town.identifiers == {"P300": {"XA-T"}}
    assert _thing(places, "/org/maker").identifiers == {"P856": {"http://www.Maker.example/"}}
    assert _thing(places, "/country/xa").identifiers == {"P297": {"XA"}}


@pytest.mark.parametrize(
    ("name", "prop", "value"),
    [("/place/xa-town", "P300", "XA-T"), ("/country/xa", "P297", "XA"), ("/org/maker", "P856", "https://maker.example")],
)
def test_an_item_with_the_same_identifier_is_proposed_whatever_its_name(
    places: ox.Store, base: Wikibase, client: Wikidata, tmp_path: Path, name: str, prop: str, value: str
) -> None:
    base.item("Q9001", {"fi": "Aivan muu nimi"}, {prop: [value]})
    base.item("Q9002", {"fi": "Aivan muu nimi"}, {prop: ["https://other.example" if prop == "P856" else "XX"]})
    thing = _thing(places, name)
    (file,) = propose(places, client, [thing], tmp_path / "proposals", QUIET)
    text = file.read_text("utf-8")
    assert "item: wd:Q9001  # Aivan muu nimi\n" in text
    assert "Q9002" not in text
    assert f"aspect: {'website' if prop == 'P856' else 'code'}, ours: " in text
    assert [each for each in base.asked if "query" in each]


def test_another_value_of_an_identifier_speaks_against_an_item(
    places: ox.Store, base: Wikibase, client: Wikidata, tmp_path: Path
) -> None:
    base.item("Q9001", {"es": "Villa Ejemplo"}, {"P300": ["XB-T"]})
    thing = _thing(places, "/place/xa-town")
    assert propose(places, client, [thing], tmp_path / "proposals", QUIET) == []
    base.item("Q9002", {"es": "Villa Ejemplo"})
    (file,) = propose(places, Wikidata(tmp_path / "fresh", api=base.address, service=base.service), [thing], tmp_path, QUIET)
    assert "item: wd:Q9002" in file.read_text("utf-8")


def test_identifiers_countries_and_names_add_up() -> None:
    codes, called, kinds = {"Q1": "xa", "Q2": "xb"}, {"XA": ["Examplia"], "XB": ["Otherland"]}, Kinds(())
    thing = Unlinked("x", (("es", "Villa Ejemplo"),), frozenset({"xa"}), frozenset(), {"P300": frozenset({"XA-T"})})

    def item(number: str, name: str, **values: str) -> Item:
        return Item(number, number, 1, date.min, {"es": name}, values={prop: [value] for prop, value in values.items()})

    items = [
        item("Q10", "Villa Ejemplo", P17="Q1", P300="XA-T"),
        item("Q11", "Villa Ejemplo", P17="Q1"),
        item("Q12", "Villa Ejemplo", P17="Q1", P300="XA-Z"),
        item("Q13", "Otra", P17="Q1", P300="xa-t"),
        item("Q14", "Otra", P17="Q2", P300="XA-T"),
        item("Q15", "Otra", P17="Q1"),
    ]
    ranked = {each.iri: each.odds for each in score(thing, items, codes, called, kinds)}
    assert ranked["Q10"] > ranked["Q11"] > ranked["Q12"]
    assert ranked["Q10"] > ranked["Q13"] > ranked["Q14"]
    assert "Q15" not in ranked


@pytest.mark.parametrize("labels", [{"mul": "Ejemplópolis"}, {"en": "Ejemplopolis"}])
def test_an_item_is_found_by_another_name_in_any_language(
    places: ox.Store, base: Wikibase, client: Wikidata, tmp_path: Path, labels: dict[str, str]
) -> None:
    base.item("Q9001", labels if "mul" in labels else {"de": "Beispielstadt", "mul": "Ejemplópolis"})
    (file,) = propose(places, client, [_thing(places, "/place/xa-town")], tmp_path, QUIET)
    assert 'theirs: "Ejemplópolis"' in file.read_text("utf-8")
    assert {each["language"] for each in base.asked if "search" in each} == {"es", "mul", "en", "pt"}


def test_former_names_and_acronyms_are_looked_for(store: ox.Store, base: Wikibase, client: Wikidata, tmp_path: Path) -> None:
    thing = next(each for each in unlinked(store) if each.iri.endswith("/org/cld-construtora"))
    assert "Consladel" in {name for _, name in thing.names}
    base.item("Q9001", {"mul": "Consladel"})
    (file,) = propose(store, client, [thing], tmp_path, QUIET)
    assert "item: wd:Q9001" in file.read_text("utf-8")


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
    (file,) = (root / "data" / "link").glob("*.yaml")
    before = file.read_text("utf-8")
    for line in ("item: wd:Q32063953\n", "item: wd:Q32063953  # Karlsruhe: city in Germany\n", 'item: "wd:Q32063953"\n'):
        file.write_text(before.replace("item: wd:Q32063953\n", line), "utf-8")
        (root / "links.patch").write_text(patch(report, root), "utf-8")
        subprocess.run(["git", "apply", "links.patch"], cwd=root, check=True)
        assert line.replace("Q32063953", "Q1040") in file.read_text("utf-8")
    with pytest.raises(KgError, match=r"has no line 'item: wd:Q32063953'.*build anew"):
        patch(report, root)
    file.unlink()
    with pytest.raises(KgError, match="build anew"):
        patch(report, root)


def test_the_number_of_an_item_is_replaced_whole(linked: tuple[Path, Path], base: Wikibase, client: Wikidata) -> None:
    root, out = linked
    base.recorded("Q32063953")
    report = check_links(open_store(out), client, QUIET)
    (file,) = (root / "data" / "link").glob("*.yaml")
    file.write_text(file.read_text("utf-8").replace("wd:Q32063953", "wd:Q320639531"), "utf-8")
    with pytest.raises(KgError, match="has no line"):
        patch(report, root)


@pytest.mark.parametrize(
    ("labels", "state"),
    [
        ({"en": "Karlsruhe"}, "ok"),
        ({"mul": "Karlsruhe"}, "ok"),
        ({"en": "Something else entirely"}, "renamed"),
        (None, "missing"),
    ],
)
def test_what_became_of_an_item(
    linked: tuple[Path, Path], base: Wikibase, client: Wikidata, labels: dict[str, str] | None, state: str
) -> None:
    if labels:
        base.item("Q32063953", labels)
    assert [each.state for each in check_links(open_store(linked[1]), client, QUIET).findings] == [state]


def test_where_no_kind_was_kept_that_of_other_links_tells(store: ox.Store, base: Wikibase, client: Wikidata) -> None:
    """Of all linked things, only those that a few links tell nothing about are left open, and no drift is hidden."""
    query = f"{_VIGIA} SELECT ?link ?item ?class ?reason {{ ?link kg:linkedThing ?thing ; kg:linkedItem ?item . ?thing a ?class "
    links: dict[str, set[str]] = {}
    doubted = set()
    for row in store.query(query + "OPTIONAL { ?link kg:reason ?reason } }"):
        item = row["item"].value.rpartition("/")[2]
        links.setdefault(item, set()).add(row["class"].value.rpartition("#")[2])
        if row["reason"]:
            doubted.add(item)
    kinds = {"Country": "Q9100", "Place": "Q9200", "Company": "Q9300"}
    named = {row["item"].value.rpartition("/")[2]: row["name"].value for row in store.query(_NAMED)}
    of_kind = {item: next((kinds[each] for each in classes if each in kinds), "Q9400") for item, classes in links.items()}
    for item, kind in of_kind.items():
        base.item(item, {"en": named[item]}, {"P31": [kind]})
    before = check_links(store, client, QUIET)
    assert not [each for each in before.findings if each.state == "unlike"]
    country, other = [item for item, kind in of_kind.items() if kind == "Q9100" and item not in doubted][:2]
    base.item(country, {"en": "Something else entirely"}, {"P31": ["Q9300"]})
    base.item(other, {"en": named[other]})
    after = check_links(store, Wikidata(client._cache / "fresh", api=base.address, service=base.service), QUIET)
    assert {each.state for each in after.findings if each.item == country} == {"unlike", "renamed"}
    assert [each.state for each in after.findings if each.item == other] == ["ok"]
    (unknown,) = set(after.kind_unknown) - set(before.kind_unknown)
    assert unknown in {each.link for each in after.findings if each.item == other}


_NAMED = """PREFIX kg: <https://w3id.org/vigia/def#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
    SELECT ?item ?name { ?link kg:linkedItem ?item ; kg:linkedThing/rdfs:label ?name }"""


def test_a_link_that_stands_alone_has_a_kind_that_cannot_be_compared(
    linked: tuple[Path, Path], base: Wikibase, client: Wikidata
) -> None:
    base.item("Q32063953", {"en": "Karlsruhe"}, {"P31": ["Q5"]})
    report = check_links(open_store(linked[1]), client, QUIET)
    assert report.kind_unknown == [report.findings[0].link]


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
    assert check_links(store, client, QUIET).kind_unknown == []
    base.item("Q32063953", {"en": "Something else entirely"}, {"P31": ["Q6"]})
    fresh = Wikidata(out / "fresh", api=base.address, service=base.service)
    report = check_links(store, fresh, QUIET)
    assert [each.state for each in report.findings] == ["changed", "renamed"]  # neither hides the other
    base.item("Q32063953", {"en": "Karlsruhe"})
    fresher = Wikidata(out / "fresher", api=base.address, service=base.service)
    assert [each.detail for each in check_links(store, fresher, QUIET).findings] == ["It was of kind Q5, now none."]


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
    given = ["--root", str(root), "--build", str(out), "--api", base.address, "--service", base.service]
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
