"""What was checked comes in; the files of a release go out, in a folder, and from that a folder that can be published anywhere."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cramjam
import pyoxigraph as ox

from kg import dcat
from kg.claims import claims_table
from kg.crate import CRATE, describe_crate
from kg.csvw import Table, described, written
from kg.directory import write_directory
from kg.errors import KgError, ReleaseMissing
from kg.examples import describe_examples
from kg.facet import read_facets
from kg.finding import Finding, report, violations
from kg.followthemoney import followthemoney_table
from kg.history import read_dates
from kg.index import write_index
from kg.load import Loaded
from kg.lodcloud import describe_for_cloud
from kg.names import BASE, DATASET, LICENCE, PREFIXES, release_iri, used_prefixes
from kg.query import read_question
from kg.rdf import layered, tell
from kg.release import (
    CLAIMS,
    CONTEXT,
    COVER,
    DATES,
    DCAT,
    DESCRIBED,
    DIRECTORY,
    FOLLOWTHEMONEY,
    GZIP,
    JSON_LD,
    LISTS,
    LOD_CLOUD,
    MANIFEST,
    NQUADS,
    ONTOLOGY_FILE,
    ORDER,
    QUERIES,
    RELEASES,
    REPORT,
    ROSTER,
    SEARCH,
    SHAPES,
    SOURCES,
    STATEMENTS,
    STORE,
    TRIG,
    TURTLE,
    VOID,
    ZSTD,
    Manifest,
    Release,
    current_release,
    published,
    read_release,
    switch,
    write_manifest,
)
from kg.roster import write_roster
from kg.sources import sources_table
from kg.statements import read_statements, statements_table
from kg.validate import page_order
from kg.version import NAME, RECORD, Version
from kg.void import DESCRIPTION, NAMESPACES, TITLE, describe, metadata

_INDEXES = (SEARCH, ROSTER, DIRECTORY)
_DUMPS = (NQUADS, TRIG, TURTLE, JSON_LD)
# The system's own zlib writes other bytes on other machines; this one comes with the program.
_GZIP_LEVEL, _ZSTD_LEVEL = 9, 9
#: The hashes of all files, as `sha256sum -c` reads them.
SUMS = "SHA256SUMS"
_COVERS = ("CITATION.cff", "LICENSE", "README.md", CRATE, SUMS)
_INSIDE = re.compile(r"(\w[\w-]*/)*\w[\w.-]*", re.ASCII)  # names of files of a release: never up, never from the root


def write_files(  # noqa: PLR0913, PLR0917 (all that a release is made of)
    folder: Path, root: Path, loaded: Loaded, derived: list[ox.Triple], findings: Iterable[Finding], version: Version
) -> Manifest:
    """Write all files of a release. Equal inputs give equal files on every machine, but for those that only serving needs."""
    ontology = [*loaded.ontology, *_versions(loaded.ontology, version)]
    examples = describe_examples(map(read_question, sorted((root / "queries").glob("*.rq"))), BASE + "sparql")
    layers = {"ontology": ontology, "data": loaded.data, "derived": derived, "examples": examples}
    quads = layered(layers, apart={"wikidata": loaded.wikidata})
    triples = [ox.Triple(quad.subject, quad.predicate, quad.object) for quad in quads if quad.graph_name == ox.DefaultGraph()]
    _write_dumps(folder, quads, triples)
    _write_turtle(folder / ONTOLOGY_FILE, sorted(ontology, key=str), PREFIXES)
    store = _write_store(folder, quads)
    _write_table(folder, claims_table(store), CLAIMS, version)
    _write_table(folder, statements_table(read_statements(store), version.name), STATEMENTS, version)
    _write_table(folder, sources_table(store), SOURCES, version)
    mapping = root / "queries" / "dumps" / "followthemoney.rq"
    _write_table(folder, followthemoney_table(store, mapping, version.name), FOLLOWTHEMONEY, version)
    dumps = [published(version.name, name) for name in (TURTLE, NQUADS, JSON_LD)]
    void = [*metadata(store, dumps, version.name), *describe(store, DATASET)]
    _write_turtle(folder / VOID, void, PREFIXES | NAMESPACES)
    _write_json(folder / LOD_CLOUD, describe_for_cloud(void))
    _write_rest(folder, root, findings)
    _write_indexes(folder, store)
    counts = {
        "triples": len(triples),
        "asserted": len(set(loaded.data)),
        "derived": len(set(derived)),
        "ontology": len(set(ontology)),
    }
    return describe_files(folder, counts, version, read_dates(root))


def _versions(ontology: Iterable[ox.Triple], version: Version) -> list[ox.Triple]:
    """Each ontology says of which version it is: that of the release, as everything does."""
    if not version.name:
        return []
    kind = ox.NamedNode(PREFIXES["owl"] + "Ontology")
    day = ox.Literal(version.day, datatype=ox.NamedNode(PREFIXES["xsd"] + "date"))
    triples: list[ox.Triple] = []
    for iri in sorted(triple.subject.value for triple in ontology if triple.object == kind):  # type: ignore[union-attr]
        triples += tell(
            PREFIXES,
            iri,
            ("owl:versionIRI", f"{iri}/{version.name}"),
            ("owl:versionInfo", ox.Literal(version.name)),
            ("dct:modified", day),
            *((("owl:priorVersion", f"{iri}/{version.previous}"),) if version.previous else ()),
        )
    return triples


def _write_dumps(folder: Path, quads: list[ox.Quad], triples: list[ox.Triple]) -> None:
    ox.serialize(quads, folder / NQUADS, ox.RdfFormat.N_QUADS)
    by_graph = sorted(quads, key=lambda quad: (str(quad.graph_name), str(quad)))
    ox.serialize(by_graph, folder / TRIG, ox.RdfFormat.TRIG, prefixes=PREFIXES)
    ox.serialize(triples, folder / TURTLE, ox.RdfFormat.TURTLE, prefixes=PREFIXES)
    ox.serialize(triples, folder / JSON_LD, ox.RdfFormat.JSON_LD)
    for name in _DUMPS:
        content = (folder / name).read_bytes()
        (folder / f"{name}{GZIP}").write_bytes(cramjam.gzip.compress(content, level=_GZIP_LEVEL))
        (folder / f"{name}{ZSTD}").write_bytes(cramjam.zstd.compress(content, level=_ZSTD_LEVEL))


def _write_store(folder: Path, quads: Iterable[ox.Quad]) -> ox.Store:
    """What serving reads: it can be made anew from the N-Quads, and is no part of what is published."""
    store = ox.Store(folder / STORE)
    store.bulk_extend(quads)
    store.optimize()
    store.flush()
    return store


def _write_indexes(folder: Path, store: ox.Store) -> None:
    """What search, lists and matching read."""
    write_index(store, folder / SEARCH)
    write_roster(store, read_facets(folder / QUERIES / LISTS), folder / ROSTER)
    write_directory(store, folder / DIRECTORY)


def complete(folder: Path) -> None:
    """Make what serving needs of a release and earlier versions of this program did not make, if its store is there."""
    if not (folder / MANIFEST).exists() or not (folder / STORE).exists() or all((folder / name).exists() for name in _INDEXES):
        return
    with drafted(folder.parent) as draft:
        shutil.copytree(folder / QUERIES, draft / QUERIES)
        _write_indexes(draft, ox.Store.read_only(str(folder / STORE)))
        for name in _INDEXES:
            if not (folder / name).exists():  # a server may read what is there
                (draft / name).replace(folder / name)


def _write_table(folder: Path, table: Table, name: str, version: Version) -> None:
    (folder / name).write_text(written(table), "utf-8", newline="")
    _write_json(folder / f"{name}{DESCRIBED}", described(table, published(version.name, name), LICENCE))


def _write_rest(folder: Path, root: Path, findings: Iterable[Finding]) -> None:
    listed = list(findings)
    _write_json(folder / REPORT, {"conforms": not violations(listed), "findings": report(listed)})
    shutil.copy(root / "data" / CONTEXT, folder / CONTEXT)
    shutil.copytree(root / "queries", folder / QUERIES, ignore=shutil.ignore_patterns("rules", "hygiene"))
    shutil.copytree(root / "shapes", folder / SHAPES)
    _write_json(folder / ORDER, page_order(sorted((root / "shapes").glob("*.ttl"))))


def describe_files(folder: Path, counts: dict[str, int], version: Version, dates: Mapping[str, str]) -> Manifest:
    """Write what speaks of the other files, the manifest last."""
    if version.name:
        _write_json(folder / DATES, dates)
    apart = {*(folder / name for name in _INDEXES), *(folder / STORE).iterdir()}
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path not in apart)
    files: dict[str, dict[str, Any]] = {name: _facts(folder / name) for name in names}
    draft = Manifest("", version.name, version.previous, version.commit, counts, files)
    _write_turtle(folder / DCAT, dcat.describe_release(draft), PREFIXES | dcat.NAMESPACES)
    files[DCAT] = _facts(folder / DCAT)
    if not version.name:  # what was built and not released is the same on whichever day its files were committed
        _write_json(folder / DATES, dates)
    digest = hashlib.sha256("".join(f"{name} {facts['sha256']}\n" for name, facts in sorted(files.items())).encode())
    manifest = Manifest(digest.hexdigest()[:12], version.name, version.previous, version.commit, counts, files)
    write_manifest(folder, manifest)
    return manifest


def publish(release: Release, root: Path, out: Path) -> Path:
    """Write the folder `<out>/<version>/`, which an archive or a web server can take as it is; returns its path.

    One that is there already stays: raises KgError where it holds something else. Dumps are in it packed only. What is written here
    for the first time (how to cite it, the licence, the hashes) is put beside what is served, too.
    """
    manifest, final = release.manifest, out / release.manifest.version
    out.mkdir(parents=True, exist_ok=True)
    with drafted(out) as draft:
        for name in manifest.files:
            if name not in _DUMPS:
                target = draft / manifest.published(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(release.path / name, target)
        shutil.copyfile(release.path / MANIFEST, draft / MANIFEST)
        shutil.copyfile(root / "data" / "LICENSE", draft / "LICENSE")
        (draft / "CITATION.cff").write_text(_cited((root / "CITATION.cff").read_text("utf-8"), manifest), "utf-8")
        (draft / "README.md").write_text(_introduced(manifest), "utf-8")
        files = {name: (facts["bytes"], facts["sha256"]) for name, facts in _listed(draft).items()}
        _write_json(draft / CRATE, describe_crate(manifest, files))
        sums = "".join(f"{facts['sha256']}  {name}\n" for name, facts in _listed(draft).items())
        (draft / SUMS).write_text(sums, "utf-8")
        if not final.exists():
            draft.replace(final)
        elif (final / SUMS).read_text("utf-8") != sums:
            raise KgError(
                f"{final} holds another release of that version. Commit {RECORD}, which tells of it, or move that folder away."
            )
    _cover(release.path, final)
    return final


def _cover(served: Path, folder: Path) -> None:
    """Put what speaks of all files of a published folder beside those that are served, all of it at once."""
    if (served / COVER).exists():
        return
    with drafted(served.parent) as draft:
        for name in _COVERS:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, draft / name)
        draft.replace(served / COVER)


def _listed(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.relative_to(folder).as_posix(): _facts(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _cited(text: str, manifest: Manifest) -> str:
    """CITATION.cff with what only a release knows."""
    return text + f'version: "{manifest.version}"\ndate-released: {manifest.version[:10]}\ncommit: {manifest.commit}\n'


def _introduced(manifest: Manifest) -> str:
    name = manifest.published
    counts = manifest.counts
    return f"""# {TITLE["en"]}

Release {manifest.version}, {counts["triples"]:,} triples, {counts["derived"]:,} of them derived. {DESCRIPTION["en"]}

| file | holds |
| --- | --- |
| `{name(NQUADS)}{GZIP}`, `{ZSTD}` | all triples, once in the default graph and once in their layer; canonical (RDFC-1.0) |
| `{name(TRIG)}{GZIP}`, `{ZSTD}` | the same, to read |
| `{name(TURTLE)}{GZIP}`, `{name(JSON_LD)}{GZIP}`, `{ZSTD}` | the default graph: what plain queries see |
| `{name(CLAIMS)}` | one row for each claim: what it says, how sure it is, which source says it, and where |
| `{name(STATEMENTS)}` | every asserted statement: subject, property, value |
| `{name(FOLLOWTHEMONEY)}` | parties, projects, and who owns or takes part in which, for tools that speak FollowTheMoney |
| `{name(SOURCES)}` | the sources, with their rights |
| `*.csv{DESCRIBED}` | what stands in the columns (CSV on the Web) |
| `{name(ONTOLOGY_FILE)}`, `shapes/`, `queries/` | the ontology, what must hold (SHACL), the stored questions |
| `{name(DCAT)}`, `{name(VOID)}`, `{name(LOD_CLOUD)}`, `{CRATE}` | descriptions for catalogues and archives |
| `{name(REPORT)}` | what validation found |
| `{SUMS}` | `sha256sum --check {SUMS}` tells whether all files are whole |

SHA-256 of the N-Quads, which is the canonical hash of the data set: `{manifest.canonical_hash}`

Made from commit `{manifest.commit}`. Address: {release_iri(manifest.version)}{
        f" (before: {release_iri(manifest.previous)})" if manifest.previous else ""
    }

Data: CC BY 4.0 (`LICENSE`). The sources keep their own rights. How to cite: `CITATION.cff`. To have pages and a SPARQL endpoint
for it, put this folder where the program finds it: `kg build --from {manifest.version}`.
"""


def install(folder: Path, out: Path) -> Release:
    """Make what serving needs from a folder that `publish` wrote, below `out`, and serve it if nothing else is.

    Raises KgError where a file of it is not whole, or its manifest names a place outside.
    """
    manifest = read_release(folder).manifest
    _demand_inside(folder, manifest)
    final = out / RELEASES / manifest.name
    if final.exists():
        complete(final)
        _cover(final, folder)
        return read_release(final)
    (out / RELEASES).mkdir(parents=True, exist_ok=True)
    with drafted(out / RELEASES) as draft:
        for name, facts in manifest.files.items():
            target = draft / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_taken(folder, manifest, name))
            if _facts(target) != facts:
                raise KgError(f"{folder / manifest.published(name)} is not what was released. Download it again.")
        _write_indexes(draft, _write_store(draft, ox.parse(path=draft / NQUADS)))
        write_manifest(draft, manifest)
        draft.replace(final)
    _cover(final, folder)
    with suppress(ReleaseMissing):  # what is served stays
        current_release(out)
        return read_release(final)
    switch(out, manifest.name, "-")
    return read_release(final)


def _demand_inside(folder: Path, manifest: Manifest) -> None:
    """Whoever made the folder is a stranger: what its manifest names becomes paths here."""
    strange = [name for name in manifest.files if not _INSIDE.fullmatch(name)]
    if strange or not NAME.fullmatch(manifest.version):
        raise KgError(f"{folder / MANIFEST} is not what 'kg release' writes. [got {(strange or [manifest.version])[0][:100]}]")


def _taken(folder: Path, manifest: Manifest, name: str) -> bytes:
    try:
        if name in _DUMPS:
            return bytes(cramjam.gzip.decompress((folder / manifest.published(name + GZIP)).read_bytes()))
        return (folder / manifest.published(name)).read_bytes()
    except (OSError, cramjam.DecompressionError) as error:
        raise KgError(f"{folder} lacks {manifest.published(name)}, or it cannot be read: {error}. Download it again.") from error


@contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """A new folder in it to write to, which is gone in the end if it was not moved; those of runs that were killed go as well."""
    for old in folder.glob(".draft-*"):
        if _is_forsaken(old):
            shutil.rmtree(old, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=f".draft-{os.getpid()}-", dir=folder))
    draft.chmod(0o755)  # another user may serve what this one built
    lock = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(lock)


def _is_forsaken(draft: Path) -> bool:
    """Whether nobody works on it any more: no process here, nor one in another container, which holds a lock on it."""
    try:
        os.kill(int(draft.name.split("-")[1]), 0)
    except ProcessLookupError:
        return _is_free(draft)
    except PermissionError:  # another user's process has that number
        return False
    return False


def _is_free(folder: Path) -> bool:
    try:
        lock = os.open(folder, os.O_RDONLY)
    except OSError:  # it has gone meanwhile, or is another user's
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _write_turtle(path: Path, triples: list[ox.Triple], prefixes: Mapping[str, str]) -> None:
    ox.serialize(triples, path, ox.RdfFormat.TURTLE, prefixes=used_prefixes(prefixes, map(str, triples)))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")
