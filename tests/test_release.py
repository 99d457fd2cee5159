"""Releases: dated by their commit, the same on every machine, whole, and never touched by the next."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import csvw
import pytest
import rdflib
import yaml
from pyld import jsonld
from rdflib import DCTERMS, OWL, Namespace, URIRef
from rocrate.rocrate import ROCrate
from starlette.testclient import TestClient
from typer.testing import CliRunner

from kg.cli import app
from kg.crate import CRATE
from kg.errors import KgError
from kg.publication import SUMS, install
from kg.registry import PUBLISHED
from kg.release import (
    CLAIMS,
    FOLLOWTHEMONEY,
    GZIP,
    JSON_LD,
    LOD_CLOUD,
    MANIFEST,
    NQUADS,
    ONTOLOGY_FILE,
    SOURCES,
    STATEMENTS,
    TRIG,
    TURTLE,
    ZSTD,
    Release,
    current_release,
    published,
    read_release,
)
from kg.release import (
    DCAT as DCAT_FILE,
)
from kg.release import (
    VOID as VOID_FILE,
)
from kg.settings import Settings
from kg.version import RECORD, read_record
from kg.web.app import create_app
from kg.web.site import open_release
from repository import ROOT

DCAT, SPDX = Namespace("http://www.w3.org/ns/dcat#"), Namespace("http://spdx.org/rdf/terms#")
VOID = Namespace("http://rdfs.org/ns/void#")
#: Where `make test` puts packages that only validate what we give to others.
VALIDATORS = ROOT / ".validators"
_CFFCONVERT = Path(sys.executable).parent / "cffconvert"
DAY = "2026-03-01"
NEXT = "2026-04-15"


def commit(root: Path, day: str) -> None:
    """All that stands in the folder, at noon of a day."""
    who = {
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    when = {"GIT_AUTHOR_DATE": f"{day}T12:00:00+00:00", "GIT_COMMITTER_DATE": f"{day}T12:00:00+00:00"}
    for command in (["add", "--all"], ["commit", "--quiet", "--message", day]):
        subprocess.run(["git", *command], cwd=root, check=True, env=os.environ | who | when)


def repository(model: Path, root: Path) -> Path:
    """The small graph, in a repository of its own."""
    shutil.copytree(model, root)
    shutil.copy(ROOT / "CITATION.cff", root)
    shutil.copy(ROOT / "data" / "LICENSE", root / "data")
    (root / ".gitignore").write_text("/build/\n/release/\n")
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=root, check=True)
    commit(root, DAY)
    return root


def release(root: Path) -> Path:
    """The folder that `kg release` makes of what is committed."""
    given = ["--root", str(root), "--build", str(root / "build"), "--out", str(root / "release")]
    result = CliRunner().invoke(app, ["release", *given])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return max((root / "release").iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / published(DAY, table)).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def released(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one release, of which nothing is committed yet; nobody may write into it."""
    root = repository(model, tmp_path_factory.mktemp("released") / "root")
    release(root)
    return root


@pytest.fixture(scope="module")
def folder(released: Path) -> Path:
    return released / "release" / DAY


@pytest.fixture
def own(released: Path, tmp_path: Path) -> Path:
    """A copy that a test may change, its release committed, and something new."""
    root = tmp_path / "own"
    shutil.copytree(released, root)
    with (root / "data/org/xa-police.yaml").open("a") as file:
        file.write("alias: {en: Town police}\n")
    commit(root, NEXT)
    return root


def test_two_releases_of_a_commit_are_the_same_file_by_file(released: Path, folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    subprocess.run(["git", "clone", "--quiet", str(released), str(elsewhere)], check=True)
    subprocess.run([sys.executable, "-m", "kg", "release"], cwd=elsewhere, check=True, capture_output=True)
    again = contents(elsewhere / "release" / DAY)
    assert again == contents(folder)
    assert len(again) > 40


def _of_rdf(text: str) -> list[str]:
    """What a description says of versions, and the releases and dumps that it names."""
    data = rdflib.Graph().parse(data=text, format="turtle")
    told = [str(value) for prop in (DCAT.version, OWL.versionInfo) for value in data.objects(None, prop)]
    iris = [str(iri) for prop in (OWL.versionIRI, DCAT.hasVersion, DCTERMS.hasVersion) for iri in data.objects(None, prop)]
    files = [str(iri) for prop in (VOID.dataDump, DCAT.downloadURL) for iri in data.objects(None, prop)]
    return [*told, *(iri.rpartition("/")[2] for iri in iris), *_of_names("\n".join(files))]


def _of_names(text: str) -> list[str]:
    """The versions in names of files; one without any counts as a version that is none."""
    names = [line.rpartition("/")[2] for line in text.splitlines()]
    return [match[1] if (match := re.match(r"vigia-(\d{4}-\d\d-\d\d(?:\.\d+)?)[-.][a-z]", name)) else name for name in names]


def _of_table(text: str) -> list[str]:
    return [row["last_seen"] for row in csv.DictReader(text.splitlines())]


def _of_page(text: str) -> list[str]:
    """What the footer says, and which files it leads to."""
    footer = text.partition("<footer>")[2]
    dumps = re.findall(r'href="/dump/([^"]+)"', footer)
    assert len(dumps) == 3
    return [
        *re.findall(r'href="/release/([^"?]+)', footer),
        *re.findall(r">Release ([^<]+)<", footer),
        *_of_names("\n".join(dumps)),
    ]


def _of_landing_page(text: str) -> list[str]:
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    described = json.loads(found)
    names = [part[key] for part in described["distribution"] for key in ("name", "contentUrl")]
    return [described["version"], described["@id"].rpartition("/")[2], *_of_page(text), *_of_names("\n".join(names))]


def _of_crate(text: str) -> list[str]:
    parts = json.loads(text)["@graph"]
    named = [part["@id"] for part in parts if part["@id"].startswith("vigia")]
    return [*(part["version"] for part in parts if part["@id"] == "./"), *_of_names("\n".join(named))]


#: Whatever speaks of a version → how to read it there. What begins with a slash is served.
SPEAKERS: dict[str, Callable[[str], list[str]]] = {
    "names": _of_names,
    "manifest.json": lambda text: [json.loads(text)["version"]],
    "CITATION.cff": lambda text: [str(yaml.safe_load(text)["version"])],
    "README.md": lambda text: re.findall(r"^Release ([^,]+),", text, re.MULTILINE),
    CRATE: _of_crate,
    published(DAY, DCAT_FILE): _of_rdf,
    published(DAY, VOID_FILE): _of_rdf,
    published(DAY, ONTOLOGY_FILE): _of_rdf,
    published(DAY, STATEMENTS): _of_table,
    published(DAY, FOLLOWTHEMONEY): _of_table,
    RECORD: lambda text: [yaml.safe_load(text)[-1]["version"]],
    "CHANGELOG.md": lambda text: re.findall(r"^## (.*)$", text, re.MULTILINE),
    "served names": _of_names,
    "X-Release": lambda text: [text],
    "/": _of_landing_page,
    "/page/org/maker": _of_page,
    "/about": _of_page,
    "/openapi.json": lambda text: [json.loads(text)["info"]["version"]],
    "/releases.json": lambda text: [each["version"] for each in json.loads(text)],
    "/void.ttl": _of_rdf,
    "/dcat.ttl": _of_rdf,
    "/def.ttl": _of_rdf,
    "/cite/org/maker.json": lambda text: [json.loads(text)[0]["version"]],
}


@pytest.fixture(scope="module")
def spoken(released: Path, folder: Path) -> dict[str, str]:
    """What each of them says of the release, whole."""
    site = open_release(released / "build", Settings())
    kept = {CRATE, SUMS, MANIFEST, "CITATION.cff", "LICENSE", "README.md"}
    found = {"names": "\n".join(name for name in contents(folder) if "/" not in name and name not in kept)}
    found["served names"] = "\n".join(site.downloads)
    with TestClient(create_app(site)) as client:
        found["X-Release"] = client.get("/").headers["X-Release"]
        for name in SPEAKERS.keys() - found.keys():
            place = released if name in {RECORD, "CHANGELOG.md"} else folder
            served = client.get(f"/data{name}" if name.startswith("/def") else name) if name.startswith("/") else None
            found[name] = served.text if served else (place / name).read_text("utf-8")
    return found


def test_one_version_everywhere(folder: Path, spoken: dict[str, str]) -> None:
    """Whatever speaks of a version says the same; and nothing says another."""
    assert folder.name == DAY
    said = {name: set(read(spoken[name])) for name, read in SPEAKERS.items()}
    assert said == {name: {DAY} for name in SPEAKERS}
    assert len(_of_rdf(spoken[published(DAY, ONTOLOGY_FILE)])) == 6
    for dump in (NQUADS, TRIG, TURTLE, JSON_LD):
        assert {published(DAY, dump + GZIP), published(DAY, dump + ZSTD)} <= set(spoken["names"].splitlines())
        assert published(DAY, dump) in spoken["served names"].splitlines()


@pytest.mark.parametrize("name", SPEAKERS)
def test_one_that_says_another_version_is_found(spoken: dict[str, str], name: str) -> None:
    """Each is listened to: the test above would fail by any of them."""
    assert set(SPEAKERS[name](spoken[name].replace(DAY, NEXT))) == {NEXT}


def test_all_formats_are_there_and_whole(folder: Path) -> None:
    names = set(contents(folder))
    for dump in (NQUADS, TRIG, TURTLE, JSON_LD):
        assert {published(DAY, dump + GZIP), published(DAY, dump + ZSTD)} <= names
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=folder, check=True)
    assert {line.split("  ")[1] for line in (folder / SUMS).read_text().splitlines()} == names - {SUMS}


def test_the_hash_of_the_data_set_is_that_of_its_canonical_form(released: Path) -> None:
    """As another implementation of RDFC-1.0 has it."""
    made = current_release(released / "build")
    text = (made.path / NQUADS).read_text("utf-8")
    canonical = jsonld.normalize(
        text, {"algorithm": "URDNA2015", "inputFormat": "application/n-quads", "format": "application/n-quads"}
    )
    assert hashlib.sha256(canonical.encode()).hexdigest() == made.manifest.canonical_hash == read_record(released)[-1].sha256


def test_the_tables_are_read_by_their_description(folder: Path) -> None:
    for name, key in ((CLAIMS, "claim"), (STATEMENTS, "id"), (SOURCES, "source"), (FOLLOWTHEMONEY, "id")):
        table = csvw.CSVW(str(folder / f"{published(DAY, name)}-metadata.json"), validate=True)
        assert table.is_valid, name
        rows = list(table.tables[0])
        assert rows
        assert len({row[key] for row in rows}) == len(rows)


def test_a_row_is_a_claim_with_its_source(released: Path, folder: Path) -> None:
    rows = {row["claim"]: row for row in rows_of(folder, CLAIMS)}
    graph = rdflib.Graph().parse(current_release(released / "build").path / TURTLE)
    found = graph.query(
        "PREFIX kg: <https://w3id.org/vigia/def#> SELECT ?claim ?certainty { ?claim a kg:Claim ; kg:certainty ?certainty }"
    )
    assert {str(row.claim): str(row.certainty).rpartition("/")[2] for row in found} == {
        iri: row["certainty"] for iri, row in rows.items()
    }  # type: ignore[union-attr]
    row = rows["https://w3id.org/vigia/id/initiative/xa-cameras/maker"]
    assert row["property"].split("|")[0].startswith("https://w3id.org/vigia/def#")
    assert row["value"] == "https://w3id.org/vigia/id/org/maker"
    assert all(row["source"] and row["value"] and row["subject_name"] for row in rows.values())


def test_statements_are_told_apart_by_their_hash(folder: Path) -> None:
    rows = rows_of(folder, STATEMENTS)
    for row in (*rows, *rows_of(folder, FOLLOWTHEMONEY)):
        lang = f"@{row['lang']}" if row["lang"] else ""
        key = f"{row['dataset']}.{row['entity_id']}.{row['prop']}.{row['value']}{lang}"
        assert row["id"] == hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()
    assert {"kg:country", "kg:claim", "kg:citation"} <= {row["prop"] for row in rows}
    assert not [row for row in rows if "/id/node/" in row["entity_id"] + row["value"]]


def validated(script: str, *arguments: str | Path) -> dict[str, Any]:
    """What a script of tests/validators says, run with the packages of requirements-validators.lock."""
    if not VALIDATORS.is_dir():
        pytest.skip("The validators of other communities are not installed (make .validators/done).")
    run = [sys.executable, str(ROOT / "tests" / "validators" / script), *map(str, arguments)]
    done = subprocess.run(run, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(VALIDATORS)})
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_followthemoney_finds_nothing_wrong(real: tuple[Path, Release]) -> None:
    """Its own library, of all statements of the real graph: classes, properties, types, values, links and hashes."""
    said = validated("check_statements.py", real[1].path / FOLLOWTHEMONEY)
    assert said["found"] == []
    assert said["entities"] > 100


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (",Project,", ",Projekt,", "Schema not found: Projekt"),
        (",role,string,", ",rolle,string,", "Property not found: rolle"),
        ("", "", "xb is no country [country]"),  # the small graph makes its countries up
        (",role,string,", ",role,text,", "role is of type string, not text"),
        (",asset,entity,Ownership,vigia-", ",asset,entity,Ownership,nothing-", "is no Asset [asset]"),
        (",name,name,Company,", ",alias,name,Company,", "another hash"),
    ],
)
def test_followthemoney_would_find_what_is_wrong(folder: Path, tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = (folder / published(DAY, FOLLOWTHEMONEY)).read_text("utf-8")
    assert old in text
    (tmp_path / "wrong.csv").write_text(text.replace(old, new), "utf-8")
    found = validated("check_statements.py", tmp_path / "wrong.csv")["found"]
    assert [said for _, said in found if problem in said], found


def test_followthemoney_gets_what_is_held_to_be_so(folder: Path) -> None:
    rows = rows_of(folder, FOLLOWTHEMONEY)
    assert all(re.fullmatch(r"[0-9a-zA-Z]([0-9a-zA-Z.-]*[0-9a-zA-Z])?", row["entity_id"]) for row in rows)
    ties = {row["entity_id"] for row in rows if row["schema"] == "ProjectParticipant"}
    assert "vigia-ini-xa-cameras.maker" in ties
    assert "vigia-ini-xa-cameras.guess" not in ties  # presumed
    assert "vigia-ini-xa-cameras.wrong" not in ties  # no longer held to be right


def test_archives_and_citation_tools_read_it(folder: Path) -> None:
    crate = ROCrate(folder)
    assert crate.root_dataset["version"] == DAY
    assert {part.id for part in crate.data_entities} == set(contents(folder)) - {CRATE, SUMS}
    for file in (folder / "CITATION.cff", ROOT / "CITATION.cff"):
        said = subprocess.run([_CFFCONVERT, "--validate", "-i", str(file)], capture_output=True, text=True, check=True)
        assert "valid according to schema version 1.2.0" in said.stdout


def test_the_validator_of_research_objects_finds_nothing(folder: Path, own: Path, tmp_path: Path) -> None:
    """Of what RO-Crate 1.1 requires, and of what it recommends; and it would find what is missing."""
    context = files("rocrate") / "data" / "ro-crate.jsonld"
    for crate in (folder, release(own)):  # the second is based on the first
        said = validated("check_crate.py", crate, str(context))
        assert said["found"] == []
        assert said["checks"] > 60
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    crate = json.loads((broken / CRATE).read_text("utf-8"))
    del crate["@graph"][1]["license"]
    (broken / CRATE).write_text(json.dumps(crate), "utf-8")
    (broken / "LICENSE").unlink()
    found = " ".join(" ".join(each) for each in validated("check_crate.py", broken, str(context))["found"])
    assert "license" in found
    assert "LICENSE" in found


def test_every_published_file_is_served_where_the_release_is(released: Path, folder: Path, tmp_path: Path) -> None:
    """What the research object and the sums name, they name from their own address."""
    install(folder, tmp_path)
    for build_folder in (released / "build", tmp_path):
        with TestClient(create_app(open_release(build_folder, Settings())), headers={"Accept-Encoding": "identity"}) as client:
            for name, content in contents(folder).items():
                answer = client.get(f"/release/{DAY}/{name}")
                assert (answer.status_code, answer.content) == (200, content), name
                assert answer.headers["ETag"]
            page = client.get(f"/release/{DAY}", headers={"Accept": "text/html"}).text
            for name in (CRATE, SUMS, "CITATION.cff", "LICENSE"):
                assert f'href="/release/{DAY}/{name}"' in page
                assert hashlib.sha256((folder / name).read_bytes()).hexdigest() in page
            for strange in ("search.sqlite", "cover/LICENSE", "../current", "store/CURRENT", ""):
                assert client.get(f"/release/{DAY}/{strange}").status_code == 404, strange
            assert client.get(f"/release/2020-01-01/{CRATE}").status_code == 404


def test_the_catalogue_names_every_file_with_its_hash(folder: Path) -> None:
    data = rdflib.Graph().parse(folder / published(DAY, DCAT_FILE))
    here = URIRef(f"https://w3id.org/vigia/release/{DAY}")
    whole = contents(folder)
    for part in data.objects(here, DCAT.distribution):
        name = str(data.value(part, DCAT.downloadURL)).rpartition("/")[2]
        content = whole.get(name)
        if content is not None:  # dumps that are not packed are only served
            assert int(str(data.value(part, DCAT.byteSize))) == len(content)
            digest = data.value(data.value(part, SPDX.checksum), SPDX.checksumValue)
            assert str(digest) == hashlib.sha256(content).hexdigest()
    assert len(list(data.objects(here, DCAT.distribution))) == 16
    assert data.value(here, DCTERMS.issued) is not None


def test_the_ontology_says_what_vocabulary_catalogues_ask_for(folder: Path) -> None:
    """What Linked Open Vocabularies and FOOPS! look at that a file can say."""
    graph = rdflib.Graph().parse(folder / published(DAY, ONTOLOGY_FILE))
    ours = URIRef("https://w3id.org/vigia/def")
    vann = Namespace("http://purl.org/vocab/vann/")
    for prop in (DCTERMS.title, DCTERMS.description):
        assert {text.language for text in graph.objects(ours, prop)} == {"en", "es", "pt"}  # type: ignore[attr-defined]
    for prop in (DCTERMS.creator, DCTERMS.license, DCTERMS.issued, DCTERMS.modified, OWL.versionIRI, OWL.versionInfo):
        assert len(list(graph.objects(ours, prop))) == 1, prop
    assert [str(prefix) for prefix in graph.objects(ours, vann.preferredNamespacePrefix)] == ["kg"]
    assert [str(space) for space in graph.objects(ours, vann.preferredNamespaceUri)] == ["https://w3id.org/vigia/def#"]


def test_the_lod_cloud_is_told_how_many_links_lead_where(folder: Path) -> None:
    entry = json.loads((folder / published(DAY, LOD_CLOUD)).read_text())
    graph = rdflib.Graph().parse(current_release(folder.parent.parent / "build").path / TURTLE)
    links = graph.query("""SELECT (COUNT(*) AS ?n) { ?s owl:sameAs|skos:closeMatch|skos:exactMatch ?o
        FILTER(STRSTARTS(STR(?s), "https://w3id.org/vigia/") && STRSTARTS(STR(?o), "http://www.wikidata.org/")) }""")
    (number,) = [int(row.n) for row in links]  # type: ignore[union-attr]
    assert number > 0
    assert entry["links"] == [{"target": "wikidata", "value": str(number)}]
    assert entry["triples"] > 1000
    assert {"license", "sparql", "full_download"} <= entry.keys()
    # There is no schema; these are the types that lod-cloud-draw, which draws the cloud, reads.
    assert all(isinstance(entry[key], str) for key in ("identifier", "title", "domain"))
    assert all(isinstance(text, str) for text in entry["description"].values())
    assert all(isinstance(word, str) for word in entry["keywords"])
    assert isinstance(entry["triples"], int)


def test_the_next_release_knows_the_one_before(own: Path) -> None:
    made = release(own)
    assert made.name == NEXT
    assert read_release(made).manifest.previous == DAY
    data = rdflib.Graph().parse(made / published(NEXT, DCAT_FILE))
    assert str(data.value(URIRef(f"https://w3id.org/vigia/release/{NEXT}"), DCAT.previousVersion)).endswith(f"/release/{DAY}")
    assert [past.version for past in read_record(own)] == [DAY, NEXT]
    log = (own / "CHANGELOG.md").read_text()
    assert re.findall("^## (.*)$", log, re.MULTILINE) == [NEXT, DAY]
    assert "- `org:xa-police`: changed skos:altLabel: – → Town police" in log
    with (own / "data/org/guess.yaml").open("a") as file:
        file.write("alias: {en: Guesswork}\n")
    commit(own, NEXT)
    second = release(own)
    assert second.name == f"{NEXT}.2"
    assert read_release(second).manifest.previous == NEXT
    log = (own / "CHANGELOG.md").read_text()
    assert re.findall("^## (.*)$", log, re.MULTILINE) == [f"{NEXT}.2", NEXT, DAY]
    assert "- `org:guess`: changed skos:altLabel: – → Guesswork" in log


def test_what_did_not_change_is_not_released_again(own: Path) -> None:
    release(own)
    commit(own, NEXT)
    with pytest.raises(KgError, match=f"Nothing has changed since release {NEXT}"):
        release(own)


def test_a_commit_before_the_last_release_is_not_released(own: Path) -> None:
    (own / "data/org/xa-police.yaml").write_text((own / "data/org/xa-police.yaml").read_text() + "# later\n")
    commit(own, "2026-02-01")
    with pytest.raises(KgError, match=f"of 2026-02-01, before release {DAY}"):
        release(own)


def test_what_is_not_committed_is_not_released(own: Path) -> None:
    with (own / "data/org/guess.yaml").open("a") as file:
        file.write("alias: {en: Guesswork}\n")
    with pytest.raises(KgError, match="Commit them first"):
        release(own)


def test_a_shallow_clone_is_not_released(own: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", own.as_uri(), str(shallow)], check=True)
    with pytest.raises(KgError, match="unshallow"):
        release(shallow)


def test_a_folder_without_git_is_not_released(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "root")
    with pytest.raises(KgError, match="git"):
        release(tmp_path / "root")


def test_a_version_is_never_given_to_something_else(own: Path, released: Path) -> None:
    """As where the record of a release was not committed."""
    (own / RECORD).unlink()
    with (own / "data/org/guess.yaml").open("a") as file:
        file.write("alias: {en: Guesswork}\n")
    commit(own, DAY)
    before = contents(own / "release")
    with pytest.raises(KgError, match="another release of that version"):
        release(own)
    assert contents(own / "release") == before


def test_a_release_that_vanished_is_made_again_from_what_was_published(folder: Path, released: Path, tmp_path: Path) -> None:
    made = install(folder, tmp_path)
    assert made.manifest == current_release(released / "build").manifest
    made_anew = contents(made.path)
    for name in made.manifest.files:
        assert made_anew[name] == (released / "build" / "releases" / DAY / name).read_bytes()
    assert MANIFEST in made_anew
    assert current_release(tmp_path).manifest == made.manifest  # there was none: it is served


def test_what_is_served_changes_when_somebody_says_so(folder: Path, small: tuple[Path, Release], tmp_path: Path) -> None:
    served = shutil.copytree(small[0], tmp_path / "build", symlinks=True)

    def kg(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, [*words, "--build", str(served)])
        return result.exit_code, " ".join((result.output or str(result.exception)).split())

    before = current_release(served).manifest.name
    assert kg("build", "--from", str(folder)) == (
        0,
        f"Release {DAY} can be served: 'kg switch {DAY}'. Until then {before} is.",
    )
    assert current_release(served).manifest.name == before
    assert kg("switch", DAY) == (0, f"Servers that are started from now on serve {DAY}.")
    assert current_release(served).manifest.version == DAY
    assert kg("build", "--from", str(folder)) == (0, f"Release {DAY} is served.")
    for strange in ("2020-01-01", f"../releases/{DAY}", "."):
        status, said = kg("switch", strange)
        assert status
        there = ", ".join(sorted([DAY, before]))  # what was built is called by a hash, which comes before the day or after it
        assert f"There is no release '{strange}' in {served}. There are: {there}." in said
    assert current_release(served).manifest.version == DAY


def test_a_published_file_that_was_changed_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    with (copy / published(DAY, CLAIMS)).open("a") as file:
        file.write("more\n")
    with pytest.raises(KgError, match="Download it again"):
        install(copy, tmp_path / "build")
    assert list((tmp_path / "build" / "releases").iterdir()) == []


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("name", CLAIMS, "../escaped.csv"),
        ("name", CLAIMS, "/srv/escaped.csv"),
        ("name", CLAIMS, "a/../../b"),
        ("version", DAY, "../up"),
    ],
)
def test_a_manifest_that_leads_outside_is_refused(folder: Path, tmp_path: Path, key: str, old: str, new: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    manifest = json.loads((copy / MANIFEST).read_text())
    if key == "name":
        manifest["files"][new] = manifest["files"].pop(old)
    else:
        manifest["version"] = new
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(KgError, match="not what 'kg release' writes"):
        install(copy, tmp_path / "build")
    assert not (tmp_path / "build").exists()


def test_a_published_address_never_vanishes(own: Path) -> None:
    assert "ini:xa-cameras/maker" in (own / PUBLISHED).read_text().splitlines()
    (own / "data/org/guess.yaml").unlink()
    result = CliRunner().invoke(app, ["check", "--root", str(own)])
    assert result.exit_code == 1
    assert "org:guess was published, and nothing is said of it any more" in result.output.replace("\n", " ")


@pytest.mark.parametrize("command", ["release", "build"])
def test_a_kill_at_any_moment_leaves_all_releases(own: Path, command: str) -> None:
    """Twenty moments, spread over the whole run."""
    build, out = own / "build", own / "release"
    served, earlier = current_release(build), contents(out / DAY)
    installed = {name: (served.path / name).read_bytes() for name in served.manifest.files}
    given = ["--root", str(own), "--build", str(build), *(["--out", str(out)] if command == "release" else [])]
    run = [sys.executable, "-m", "kg", command, *given]
    begun = time.monotonic()
    other = own.parent / "other"
    shutil.copytree(own, other)
    subprocess.run([part.replace(str(own), str(other)) for part in run], check=True, capture_output=True)
    length = time.monotonic() - begun
    moments = random.Random(7)  # noqa: S311 (moments, no secrets)
    for number in range(20):
        process = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(length * (number + moments.random()) / 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        current = current_release(build)
        assert {name: (served.path / name).read_bytes() for name in served.manifest.files} == installed
        assert contents(out / DAY) == earlier
        for made in (build / "releases").iterdir():
            if not made.name.startswith("."):
                whole = read_release(made)
                assert all((made / name).stat().st_size == facts["bytes"] for name, facts in whole.manifest.files.items())
        assert current.path.exists()
        subprocess.run(["git", "checkout", "--quiet", "."], cwd=own, check=True)  # as whoever runs it again would
    subprocess.run(run, check=True, capture_output=True)
