"""The files of the repository come in; findings, and if there are none that forbid it, a release folder goes out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version as version_of
from pathlib import Path

import pyoxigraph as ox

from kg.derive import derive
from kg.errors import CheckFailed, KgError, ReleaseMissing
from kg.finding import Finding, Place, Severity, violations
from kg.hygiene import check_hygiene, read_rules, texts_in
from kg.load import Loaded, load
from kg.names import iri_of_file
from kg.publication import complete, drafted, write_files
from kg.rdf import store_of
from kg.registry import PARTS, PUBLISHED, RETIRED, check_addresses, retired
from kg.release import RELEASES, Release, current_inputs, read_release, switch
from kg.validate import check_shapes
from kg.version import RECORD, UNRELEASED, Version

#: Called when a stage ends, with its name and the seconds it took.
Progress = Callable[[str, float], None]


def _silent(_stage: str, _seconds: float) -> None:
    """Progress that nobody watches."""


_INPUTS = (
    "ontology/*.ttl",
    "data/context.jsonld",
    "data/*/*.y*ml",
    "data/wikidata.nt",
    PARTS,
    PUBLISHED,
    RETIRED,
    "shapes/*.ttl",
    "queries/*.rq",
    "queries/lists/*/*.rq",
    "queries/rules/*.rq",
    "queries/dumps/*.rq",
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
    with _stage("addresses", progress):
        told, findings = retired(root, store)
        loaded.data += told
        store.extend(ox.Quad(triple.subject, triple.predicate, triple.object) for triple in told)
        checked.findings += [*findings, *check_addresses(root, store)]
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


def build(root: Path, out: Path, progress: Progress = _silent, version: Version = UNRELEASED) -> Release:
    """Make the release of what stands in `root`, below `out`, and point to it.

    Nothing below `out` that is being served is touched until the new release is complete.
    Raises CheckFailed where a finding forbids a release, and KgError where another release has that version.
    """
    started = time.perf_counter()
    inputs = inputs_hash(root)
    checked = check(root, progress)
    if violations(checked.findings):
        raise CheckFailed(checked.findings)
    releases = out / RELEASES
    releases.mkdir(parents=True, exist_ok=True)
    with drafted(releases) as draft:
        with _stage("write", progress):
            manifest = write_files(draft, root, checked.loaded, checked.derived, checked.findings, version)
        final = releases / manifest.name
        if not final.exists():
            draft.replace(final)
        elif read_release(final).manifest.id != manifest.id:
            raise KgError(f"{final} is another release of that version. Commit {RECORD}, which tells of it, or remove that folder.")
        for folder in releases.iterdir():
            complete(folder)
        switch(out, manifest.name, inputs)
    progress("total", time.perf_counter() - started)
    return read_release(final)


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
    digest = hashlib.sha256(version_of("pyoxigraph").encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


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


@contextmanager
def _stage(name: str, progress: Progress) -> Iterator[None]:
    started = time.perf_counter()
    yield
    progress(name, time.perf_counter() - started)
