"""Broken files: each gives exactly one finding, in its line, with a sentence that says what to write instead."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyoxigraph as ox
import pyrudof
import pytest
from rdflib.namespace import SH

from kg.build import build, check
from kg.errors import CheckFailed
from kg.finding import violations
from kg.load import load
from kg.rdf import store_of
from kg.validate import shacl_report
from repository import ROOT

INITIATIVE = "initiative/xa-cameras.yaml"
LINK = "link/org-maker.yaml"
MAKER = "org/maker.yaml"
#: name → (file, text that stands there, text to put in its place, what the finding says)
BROKEN = {
    "unknown key": (INITIATIVE, "    role: [provider, manufacturer, bidder]", "    roles: [provider, manufacturer, bidder]", "Did you mean 'role'?"),
    "claim named like a key": (MAKER, "  origin:", "  id:", "is taken for the key 'id'"),
    "duplicate key": (INITIATIVE, "    phase: implementation\n    from", "    phase: implementation\n    agent: org:maker\n    from", "stands twice"),
    "unknown code": (INITIATIVE, "manufacturer, bidder]", "manufakturer, bidder]", "Allowed: adviser, bidder"),
    "unknown use": (INITIATIVE, "[public-space-surveillance, ", "[spying, ", "Unknown use. Allowed:"),
    "code of another list": (INITIATIVE, "status: active", "status: signed-off", "Allowed for initiatives: active"),
    "dangling reference": (INITIATIVE, "agent: org:guess", "agent: org:gues", "has its own file. [got gues]"),
    "reference to the wrong kind": (INITIATIVE, "country: cty:xa", "country: org:maker", "must name a country that has its own file"),
    "no country": (INITIATIVE, "country: cty:xa\n", "", "An initiative is in a country"),
    "nobody agreed": ("agreement/xa-xb.yaml", "party: [cty:xa, cty:xb]\n", "", "Say who agreed"),
    "dangling source": (INITIATIVE, "via: src:survey-2025", "via: src:survey-2052", "own file under data/source/. [got survey-2052]"),
    "contradicts nothing": ("measure/xa-stop.yaml", "contradicts: date-court", "contradicts: date-curt", "must name another claim of this file"),
    "to before from": (MAKER, "    to: 2024-02", "    to: 2019-12", "'to' (2019-12) is earlier than 'from' (2020)"),
    "shares over 100 %": (MAKER, "percent: 40", "percent: 41", "add up to 101 %, more than 100 %"),
    "a share over 100 %": (MAKER, "percent: 60", "percent: 160", "from 0 to 100"),
    "share without date": (MAKER, "    percent: 60\n    from: 2020\n", "    percent: 60\n", "add 'from' or 'asOf'"),
    "claim without citation": (INITIATIVE, "    certainty: presumed\n    cite: {source: src:survey-2025, locator: Examplia}", "    certainty: presumed", "Nothing is said without a source"),
    "entity without citation": ("contract/xa-cameras.yaml", "cite: {source: src:gazette-2023-01-02, locator: notices}\n", "", "Nothing is said without a source"),
    "citation without locator": (MAKER, "{source: src:survey-2025, locator: profiles}", "{source: src:survey-2025}", "add 'locator', 'footnote' or 'page'"),
    "claim without certainty": (INITIATIVE, "    certainty: presumed\n", "", "Say how certain this is"),
    "status without date": (INITIATIVE, "    asOf: 2024-11\n", "", "A status holds on a date"),
    "quantity without date": (INITIATIVE, "    asOf: 2024-02\n", "", "A quantity holds at a time"),
    "amount without currency": (INITIATIVE, "currency: USD, ", "", "Currency must be an ISO 4217 code"),
    "bad currency": (INITIATIVE, "currency: USD", "currency: US$", "such as USD, EUR or ARS. [got US$]"),
    "bad number": (INITIATIVE, "amountValue: 1050000.50", "amountValue: 1.050.000", "is not a plain number"),
    "amount of nothing": (INITIATIVE, "amountValue: 1050000.50", "amountValue: 0", "one plain number above zero"),
    "not a year": (INITIATIVE, "cohort: 2025", "cohort: twenty", "is not a year"),
    "placeholder": (INITIATIVE, "es: Cámaras del pueblo", "es: …", "still holds the placeholder"),
    "bad duration": (INITIATIVE, "term: P8Y", "term: 8 years", "Write P8Y for eight years"),
    "bad QID": (LINK, "item: wd:Q42\n", "item: wd:Q007\n", "Write 'item: wd:Q…'"),
    "QID as page address": (LINK, "item: wd:Q42\n", "item: https://www.wikidata.org/wiki/Q42\n", "not the page's address"),
    "a link too sure": (LINK, "kind: close", "kind: same", "asks for two sources, two aspects"),
    "a link to nothing": (LINK, "kind: close", "kind: none", "'kind: none' has no item"),
    "a link that nobody checked": (LINK, "checkedBy: Test\n", "", "Say who or what checked it"),
    "an item rejected without a reason": (LINK, ", reason: homonym", "", "Say why this item is not the thing"),
    "bad country code": ("country/xa.yaml", "isoCode: XA", "isoCode: xa", "two capital letters"),
    "YAML boolean trap": ("country/xa.yaml", "isoCode: XA", "isoCode: NO", "Write 'isoCode: \"NO\"' with quotes"),
    "YAML octal trap": (MAKER, "footnote: 3", "footnote: 007", "Write 'footnote: \"007\"' with quotes"),
    "YAML base-60 trap": (MAKER, "locator: profiles, footnote: 3", "locator: 12:30", "Write 'locator: \"12:30\"' with quotes"),
    "not a date": (INITIATIVE, "from: 2019-02", "from: February 2019", "Write a year, month or day"),
    "a day that does not exist": (INITIATIVE, "    date: 2019-02\n", "    date: 2019-02-30\n", "day that exists"),
    "no value": (INITIATIVE, "certainty: presumed", "certainty:", "'certainty' has no value"),
    "text without language": (MAKER, "label: {en: Maker Ltd}", "label: Maker Ltd", "takes texts by language"),
    "no such language": (MAKER, "label: {en: Maker Ltd}", "label: {en: Maker Ltd, English: Maker}", "no language code"),
    "label in another language only": ("org/guess.yaml", "label: {en: Guess Inc}", "label: {de: Guess Inc}", "Give a label in en, es or pt"),
    "reference without prefix": (INITIATIVE, "agent: org:guess", "agent: guess", "such as 'org:zte'"),
    "claim without type": (INITIATIVE, "  guess:\n    type: Participation\n", "  guess:\n", "has no type"),
    "no such claim type": (INITIATIVE, "  guess:\n    type: Participation\n", "  guess:\n    type: Partecipation\n", "'Partecipation' is no claim type"),
    "no such type": ("org/guess.yaml", "type: Company", "type: Compnay", "'Compnay' is no type for a file under data/org/"),
    "type of another folder": ("org/guess.yaml", "type: Company", "type: Place", "'Place' is no type for a file under data/org/"),
    "key of another type": ("org/guess.yaml", "type: Company\n", "type: Company\npercent: 5\n", "does not belong to an organisation"),
    "key of another claim": (INITIATIVE, "    certainty: presumed\n", "    certainty: presumed\n    percent: 5\n", "does not belong to a participation"),
    "role and phase missing": (INITIATIVE, "    role: provider\n    certainty: presumed", "    certainty: presumed", "a 'role' or a 'phase'"),
    "identity of another file": ("org/guess.yaml", "id: org:guess", "id: org:gess", "asks for 'id: org:guess'"),
    "inferred without reason": (INITIATIVE, "    note: {en: Said to have been taken down.}\n", "", "how this was inferred"),
    "ranked without reason": (INITIATIVE, "    note: {en: The survey took the owner for the seller.}\n", "", "why this claim is ranked so"),
    "long quotation": (INITIATIVE, "adjudicado a Maker", "adjudicado a Maker " * 20, "300 characters at most"),
    "bad web address": ("source/survey-2025.yaml", "url: https://example.org/survey?year=2025&page=1", "url: example.org", "starts with http:// or https://"),
    "impossible address": (INITIATIVE, "place: plc:xa-town", 'place: "plc:xa town"', "cannot be an address"),
    "empty list of texts": (MAKER, "alias: {en: [Maker, The Maker]}", "alias: {en: []}", "has an empty list for 'en'"),
    "empty text": (MAKER, "locator: profiles, footnote: 3", 'locator: "  ", footnote: 3', "'locator' is empty"),
    "control character": (MAKER, "label: {en: Maker Ltd}", 'label: {en: "Maker\\u202eLtd"}', "control characters"),
    "endless duration": (INITIATIVE, "term: P8Y", "term: P99999999999Y", "is not a duration"),
    "digits of another script": (INITIATIVE, "term: P8Y", "term: P٨Y", "is not a duration"),
    "number with exponent": (INITIATIVE, "amountValue: 1050000.50", "amountValue: 1e6", "is not a plain number"),
    "two types": ("org/guess.yaml", "type: Company", "type: [Company, PublicBody]", "'type' takes one value"),
    "id of something inside": (MAKER, "cite: {source: src:survey-2025, locator: profiles}", "cite: {id: org:guess, source: src:survey-2025, locator: profiles}", "Only the thing of the file has an 'id'"),
    "property that another claim says": ("org/holding.yaml", "property: countryOfOrigin\n    is: cty:xa", "property: provider\n    is: org:guess", "is said by a Participation"),
    "class as a property": ("org/holding.yaml", "property: countryOfOrigin\n    is: cty:xa", "property: Company\n    is: cty:xa", "it is a class"),
    "contradicts itself": ("org/holding.yaml", "contradicts: origin-gazette", "contradicts: origin-survey", "points to itself"),
    "owns itself": (MAKER, "owner: org:holding", "owner: org:maker", "points to itself"),
    "nested without end": (INITIATIVE, "use: [public-space-surveillance, ", "use: " + "[" * 5000 + "[public-space-surveillance, ", "nested deeper than"),
    "anchor": (INITIATIVE, "country: cty:xa", "country: &here cty:xa", "anchor or alias is not allowed"),
    "tag": (INITIATIVE, "country: cty:xa", "country: !!python/name:os.system cty:xa", "tag is not allowed"),
    "not YAML": (INITIATIVE, "use: [public-space-surveillance, ", "use: [public-space-surveillance, {", "This is not valid YAML"),
    "two current statuses": (INITIATIVE, "    asOf: 2024-11\n", "    asOf: 2025\n", "exactly one current status"),
    "a map for a value": (INITIATIVE, "agent: org:guess", "agent: {id: org:guess}", "takes a value, not a map"),
    "key that cannot be an address": (INITIATIVE, "  guess:\n", "  Guess Inc:\n", "cannot be part of an address"),
}  # fmt: skip


def broken_root(model: Path, target: Path, case: str) -> tuple[Path, str, int]:
    """The small graph with one fault in it, the faulty file, and the line in which the fault stands."""
    name, old, new, _ = BROKEN[case]
    shutil.copytree(model, target)
    path = target / "data" / name
    text = path.read_text("utf-8")
    assert text.count(old) >= 1, f"{old!r} does not stand in {name}"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return target, f"data/{name}", text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize("case", BROKEN)
def test_one_finding_with_file_line_and_advice(model: Path, tmp_path: Path, case: str) -> None:
    root, name, line = broken_root(model, tmp_path / "root", case)
    found = violations(check(root).findings)
    assert len(found) == 1, [str(finding) for finding in found]
    (finding,) = found
    assert finding.place.path == name
    assert BROKEN[case][3] in finding.message
    # The finding is in the changed lines, or names the thing that lacks something: its first line or its claim's.
    text = (root / name).read_text("utf-8").splitlines()
    shown = text[finding.place.line - 1]
    assert finding.place.line in range(line - 3, line + 4) or shown.startswith("id:") or shown.strip().endswith(":"), (
        finding,
        shown,
    )


@pytest.mark.parametrize("name", ["x.yaml", "org/sub/x.yaml", "org/x.YAML", "org/x.json", "org/x", "org/[bold].yaml"])
def test_a_file_that_would_not_be_read_is_found(own_model: Path, name: str) -> None:
    path = own_model / "data" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("id: org:x\n")
    found = violations(check(own_model).findings)
    assert [finding.place.path for finding in found] == [f"data/{name}"]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"# nothing\n", b"- a\n", b"a: b: c", b"\x00"])
def test_a_file_that_is_no_yaml_is_found(own_model: Path, content: bytes) -> None:
    (own_model / "data/org/x.yaml").write_bytes(content)
    assert [finding.place.path for finding in violations(check(own_model).findings)] == ["data/org/x.yaml"]


def test_a_broken_ontology_or_question_is_found(own_model: Path) -> None:
    (own_model / "ontology/x.ttl").write_text("kg:x a [ ")
    (own_model / "ontology/y.ttl").write_bytes(b"# \xff\n")
    (own_model / "ontology/z.ttl").write_text("<a:b> <a:c> [] .")
    (own_model / "queries/x.rq").write_text("SELECT {")
    found = violations(check(own_model).findings)
    assert [finding.place.path for finding in found] == ["ontology/x.ttl", "ontology/y.ttl", "ontology/z.ttl", "queries/x.rq"]


@pytest.mark.parametrize("case", ["unknown key", "dangling reference", "two current statuses"])
def test_nothing_is_built_from_a_broken_file(model: Path, tmp_path: Path, case: str) -> None:
    root, _, _ = broken_root(model, tmp_path / "root", case)
    with pytest.raises(CheckFailed) as failure:
        build(root, tmp_path / "build")
    assert failure.value.findings
    assert not (tmp_path / "build").exists()


def results_of_pyshacl(store: ox.Store, shapes: Path) -> set[tuple[str, str, str]]:
    report = shacl_report(store, shapes)
    return {
        tuple(str(report.value(result, part) or "") for part in (SH.focusNode, SH.resultPath, SH.sourceConstraintComponent))
        for result in report.objects(None, SH.result)
    }


def results_of_rudof(store: ox.Store, shapes: Path) -> set[tuple[str, str, str]]:
    engine = pyrudof.Rudof(pyrudof.RudofConfig())
    text = store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=ox.DefaultGraph())
    engine.read_data(text.decode(), format=pyrudof.RDFFormat.NTriples)
    engine.read_shacl(shapes.read_text("utf-8"), format=pyrudof.ShaclFormat.Turtle)
    return {(entry.focus_node, entry.path or "", entry.constraint_component) for entry in engine.validate_shacl().violations}


@pytest.mark.parametrize("case", [None, *BROKEN], ids=lambda case: case or "good")
def test_a_second_engine_sees_the_same(model: Path, tmp_path: Path, case: str | None) -> None:
    root = broken_root(model, tmp_path / "root", case)[0] if case else model
    loaded = load(root)
    store = store_of([*loaded.ontology, *loaded.data])
    shapes = root / "shapes" / "authoring.ttl"
    assert results_of_rudof(store, shapes) == results_of_pyshacl(store, shapes)


def test_a_second_engine_sees_the_same_in_the_real_data() -> None:
    loaded = load(ROOT)
    store = store_of([*loaded.ontology, *loaded.data])
    shapes = ROOT / "shapes" / "authoring.ttl"
    assert results_of_rudof(store, shapes) == results_of_pyshacl(store, shapes)
