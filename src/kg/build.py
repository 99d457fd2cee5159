"""The files of the repository come in; findings, and if there are none that forbid it, a release folder goes out."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import pyoxigraph as ox

from kg.derive import derive
from kg.errors import CheckFailed, ReleaseMissing
from kg.examples import describe_examples
from kg.finding import Finding, Place, Severity, violations
from kg.history import read_dates
from kg.hygiene import check_hygiene, read_rules, texts_in
from kg.index import write_index
from kg.load import Loaded, load
from kg.names import BASE, DATASET, PREFIXES, iri_of_file
from kg.query import read_question
from kg.rdf import layered, store_of
from kg.release import (
    CONTEXT,
    DATES,
    GZIP,
    JSON_LD,
    NQUADS,
    ORDER,
    QUERIES,
    REPORT,
    SEARCH,
    STORE,
    TURTLE,
    VOID,
    Manifest,
    Release,
    current_inputs,
    read_release,
    switch,
    write_manifest,
)
from kg.validate import check_shapes, page_order
from kg.void import NAMESPACES, describe, metadata

#: Called when a stage ends, with its name and the seconds it took.
Progress = Callable[[str, float], None]


def _silent(_stage: str, _seconds: float) -> None:
    """Progress that nobody watches."""


_INPUTS = (
    "ontology/*.ttl",
    "data/context.jsonld",
    "data/*/*.y*ml",
    "data/wikidata.nt",
    "shapes/*.ttl",
    "queries/*.rq",
    "queries/lists/*/*.rq",
    "queries/rules/*.rq",
    "queries/hygiene/*.rq",
)


@dataclass
class Checked:
    """What the files say, what follows from it, and what is wrong with it."""

    loaded: Loaded
    derived: list[ox.Triple]
    store: ox.Store
    findings: list[Finding] = field(default_factory=list)


def check(root: Path, progress: Progress = _silent) -> Checked:
    """Load, validate, derive and validate again; findings are returned, not raised.

    A file with a finding is not judged by the later gates: they would only repeat it in other words.
    """
    with _stage("load", progress):
        loaded = load(root)
        store = store_of([*loaded.ontology, *loaded.data])
    checked = Checked(loaded, [], store, list(loaded.findings))
    rules = read_rules((root / "queries" / "hygiene").glob("*.rq"))
    checked.findings += _unanswerable(root)
    with _stage("types", progress):
        _gate(checked, check_hygiene(store, [rule for rule in rules if rule.stage == "written"], loaded))
    with _stage("shapes", progress):
        _gate(checked, check_shapes(store, root / "shapes" / "authoring.ttl", loaded))
    with _stage("derive", progress):
        checked.derived = derive(store, (root / "queries" / "rules").glob("*.rq"))
    with _stage("hygiene", progress):
        texts = [*root.glob("queries/**/*.rq"), *root.glob("shapes/*.ttl")]
        with texts_in(store, texts):
            _gate(checked, check_hygiene(store, [rule for rule in rules if rule.stage == "derived"], loaded))
    with _stage("release shapes", progress):
        _gate(checked, check_shapes(store, root / "shapes" / "release.ttl", loaded))
    checked.findings.sort()
    return checked


def _unanswerable(root: Path) -> list[Finding]:
    """Stored questions that no engine could answer."""
    findings = []
    for path in sorted([*root.glob("queries/*.rq"), *root.glob("queries/lists/*/*.rq")]):
        try:
            ox.Store().query(path.read_text("utf-8"))
        except (SyntaxError, ValueError) as error:
            place = Place(path.relative_to(root).as_posix())
            findings.append(Finding(place, f"This question does not parse: {error}.", rule="question"))
    return findings


def _gate(checked: Checked, findings: Iterable[Finding]) -> None:
    """Add the findings on files that have no violation yet."""
    failed = {finding.place.path for finding in violations(checked.findings)}
    new = [finding for finding in findings if finding.place.path not in failed]
    checked.findings += new
    checked.loaded.broken |= {iri for finding in violations(new) if (iri := iri_of_file(finding.place.path))}


def build(root: Path, out: Path, progress: Progress = _silent) -> Release:
    """Make the release of what stands in `root`, below `out`, and point to it.

    Nothing below `out` that is being served is touched until the new release is complete.
    Raises CheckFailed where a finding forbids a release.
    """
    started = time.perf_counter()
    inputs = inputs_hash(root)
    checked = check(root, progress)
    if violations(checked.findings):
        raise CheckFailed(checked.findings)
    releases = out / "releases"
    releases.mkdir(parents=True, exist_ok=True)
    _clear_drafts(releases)
    draft = Path(tempfile.mkdtemp(prefix=f".draft-{os.getpid()}-", dir=releases))
    draft.chmod(0o755)  # another user may serve what this one built
    try:
        with _stage("write", progress):
            release_id = _write(draft, root, checked)
        final = releases / release_id
        if not final.exists():
            draft.replace(final)
        switch(out, release_id, inputs)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    progress("total", time.perf_counter() - started)
    return read_release(final)


def _clear_drafts(releases: Path) -> None:
    """Remove what builds that were killed have left; a draft whose process still runs is another build's work."""
    for draft in releases.glob(".draft-*"):
        try:
            os.kill(int(draft.name.split("-")[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(draft, ignore_errors=True)


def is_current(root: Path, out: Path) -> bool:
    """Whether the release that is served was made from exactly these files."""
    try:
        return current_inputs(out) == inputs_hash(root)
    except ReleaseMissing:
        return False


def inputs_hash(root: Path) -> str:
    """SHA-256 over the names and bytes of all that a release is made from, this program's version included."""
    digest = hashlib.sha256(_code_version().encode())
    for path in sorted(path for pattern in _INPUTS for path in root.glob(pattern)):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _code_version() -> str:
    """Our own building code and the store's version: either can change what is derived or written."""
    digest = hashlib.sha256(version("pyoxigraph").encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _write(folder: Path, root: Path, checked: Checked) -> str:
    loaded = checked.loaded
    examples = describe_examples(map(read_question, sorted((root / "queries").glob("*.rq"))), BASE + "sparql")
    layers = {"ontology": loaded.ontology, "data": loaded.data, "derived": checked.derived, "examples": examples}
    quads = layered(layers, apart={"wikidata": loaded.wikidata})
    triples = [ox.Triple(q.subject, q.predicate, q.object) for q in quads if q.graph_name == ox.DefaultGraph()]
    ox.serialize(quads, folder / NQUADS, ox.RdfFormat.N_QUADS)
    ox.serialize(triples, folder / TURTLE, ox.RdfFormat.TURTLE, prefixes=PREFIXES)
    ox.serialize(triples, folder / JSON_LD, ox.RdfFormat.JSON_LD)
    store = ox.Store(folder / STORE)
    store.bulk_extend(quads)
    store.optimize()
    store.flush()
    write_index(store, folder / SEARCH)
    described = [*metadata(store, (TURTLE, NQUADS, JSON_LD)), *describe(store, DATASET)]
    ox.serialize(described, folder / VOID, ox.RdfFormat.TURTLE, prefixes=PREFIXES | NAMESPACES)
    del store
    (folder / DATES).write_text(json.dumps(read_dates(root), indent=0) + "\n", "utf-8")
    (folder / REPORT).write_text(json.dumps(report(checked.findings), indent=2, ensure_ascii=False) + "\n", "utf-8")
    shutil.copy(root / "data" / CONTEXT, folder / CONTEXT)
    order = page_order(sorted((root / "shapes").glob("*.ttl")))
    shutil.copytree(root / "queries", folder / QUERIES, ignore=shutil.ignore_patterns("rules", "hygiene"))
    (folder / ORDER).write_text(json.dumps(order, indent=2) + "\n", "utf-8")
    questions = sorted(path.relative_to(folder).as_posix() for path in (folder / QUERIES).rglob("*.rq"))
    dumps = [NQUADS, TURTLE, JSON_LD]
    for name in dumps:
        (folder / f"{name}{GZIP}").write_bytes(gzip.compress((folder / name).read_bytes(), mtime=0))
    names = [*dumps, *(f"{name}{GZIP}" for name in dumps), VOID, CONTEXT, REPORT, ORDER, *questions]
    files = {name: {"bytes": (folder / name).stat().st_size, "sha256": _sha256(folder / name)} for name in names}
    release_id = hashlib.sha256("".join(f"{name} {files[name]['sha256']}\n" for name in names).encode()).hexdigest()[:12]
    counts = {
        "triples": len(triples),
        "asserted": len(loaded.data),
        "derived": len(checked.derived),
        "ontology": len(loaded.ontology),
    }
    write_manifest(folder, Manifest(release_id, version("vigia"), counts, files))
    return release_id


def report(findings: Iterable[Finding]) -> list[dict[str, str | int]]:
    """Findings as plain values, for JSON."""
    return [
        {"path": f.place.path, "line": f.place.line, "severity": str(f.severity), "rule": f.rule, "message": f.message}
        for f in findings
    ]


def summary(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many findings there are of each severity."""
    listed = list(findings)
    return {severity: sum(finding.severity is severity for finding in listed) for severity in Severity}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _stage(name: str, progress: Progress) -> Iterator[None]:
    started = time.perf_counter()
    yield
    progress(name, time.perf_counter() - started)
