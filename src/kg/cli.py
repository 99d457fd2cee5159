"""The command `kg`: what a person types comes in; tables, findings, files or a running server go out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pyoxigraph as ox
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Column, Table
from rich.text import Text

from kg.coverage import Names, Part, names, parts
from kg.errors import CheckFailed, KgError
from kg.finding import Finding, Severity, report, violations
from kg.settings import read_settings

if TYPE_CHECKING:
    from kg.link import Report
    from kg.release import Release
    from kg.transfer import Compared

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Vigía: a knowledge graph of surveillance technology in Latin America."
)
out = Console()
err = Console(stderr=True)

_COLOURS = {Severity.VIOLATION: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_SHOWN = 10  # differences between a release and what an engine holds
_WIDTH, _LINES = 100, 17  # of what is told of findings on a terminal, so that all fits on one screen of 24 lines
_GITHUB = {Severity.VIOLATION: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}

RootOption = Annotated[Path, typer.Option("--root", help="Folder that holds ontology/, data/, shapes/ and queries/.")]
BuildOption = Annotated[Path, typer.Option("--build", help="Folder for releases.")]


class ReportFormat(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class RowFormat(StrEnum):
    """How the rows of a query are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@app.command()
def check(
    root: RootOption = Path(),
    output: Annotated[
        ReportFormat, typer.Option("--format", help="text, json, or github (annotations of a workflow).")
    ] = ReportFormat.TEXT,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="List what rests on each section and footnote of the sources instead.")
    ] = False,
) -> None:
    """List everything that is wrong with the files; exit status 1 on a violation."""
    from kg.build import check as run_check  # noqa: PLC0415 (rdflib and pyshacl take half a second to import)

    _demand_root(root)
    checked = run_check(root)
    findings = checked.findings
    if coverage:
        _print_coverage(parts(checked.store, root / "queries" / "coverage.rq"), output)
    elif output is ReportFormat.JSON:
        print(json.dumps(report(findings), indent=2, ensure_ascii=False))
    elif output is ReportFormat.GITHUB:
        for finding in findings:
            print(_github(finding))
    else:
        _print_findings(findings)
        _print_names(names(checked.store))
    raise typer.Exit(1 if violations(findings) else 0)


@app.command()
def build(
    root: RootOption = Path(),
    build_folder: BuildOption = Path("build"),
    if_changed: Annotated[
        bool, typer.Option("--if-changed", help="Do nothing if the current release was made from these files.")
    ] = False,
    published: Annotated[
        Path | None, typer.Option("--from", help="Build nothing; make what serving needs from this folder of a release.")
    ] = None,
) -> None:
    """Check the files and build what is served from them; what was served before stays as it is until that is whole."""
    from kg.build import build as run_build, is_current  # noqa: PLC0415, I001
    from kg.publication import install  # noqa: PLC0415

    if published is not None:
        from kg.release import current_release  # noqa: PLC0415

        name = install(published, build_folder).manifest.name
        served = current_release(build_folder).manifest.name
        how = "is served" if served == name else f"can be served: 'kg switch {name}'. Until then {served} is"
        err.print(f"Release [bold]{name}[/bold] {how}.", highlight=False)
        return
    _demand_root(root)
    if if_changed and is_current(root, build_folder):
        err.print("The release is up to date.")
        return
    try:
        release = run_build(root, build_folder, _tell_stage)
    except CheckFailed as failure:
        _print_findings(failure.findings)
        err.print("[red]No release was made.[/red] What was served before is still there.")
        raise typer.Exit(1) from None
    counts = release.manifest.counts
    err.print(
        f"Built [bold]{release.manifest.name}[/bold]: {counts['triples']:,} triples, {counts['derived']:,} of them derived.",
        highlight=False,
    )
    err.print("A server that is running goes on with the release it has: restart it to serve this one.", style="dim")


@app.command()
def release(
    root: RootOption = Path(),
    build_folder: BuildOption = Path("build"),
    folder: Annotated[Path, typer.Option("--out", help="Folder for what can be published.")] = Path("release"),
) -> None:
    """Make a release of the commit that the repository is at: dated, with all its files, and the same on any machine."""
    from kg.build import build as run_build  # noqa: PLC0415
    from kg.history import changed_since, clean_commit  # noqa: PLC0415
    from kg.publication import publish  # noqa: PLC0415
    from kg.query import open_store  # noqa: PLC0415
    from kg.registry import PARTS, PUBLISHED, register  # noqa: PLC0415
    from kg.version import RECORD, Past, next_version, read_record, record  # noqa: PLC0415

    _demand_root(root)
    version = next_version(root, clean_commit(root))
    past = read_record(root)
    changed = changed_since(root, past[-1].commit) if past else None
    if changed is not None and changed <= {"CHANGELOG.md", PARTS, PUBLISHED, RECORD}:
        raise KgError(f"Nothing has changed since release {past[-1].version}.")
    try:
        made = run_build(root, build_folder, _tell_stage, version)
    except CheckFailed as failure:
        _print_findings(failure.findings)
        err.print("[red]No release was made.[/red] What was served before is still there.")
        raise typer.Exit(1) from None
    path = publish(made, root, folder)
    logged = _log_changes(root, made, build_folder)
    record(root, Past(version.name, made.manifest.canonical_hash, version.commit))
    register(root, open_store(build_folder), made.manifest.previous)
    err.print(f"Release [bold]{version.name}[/bold] in {path}, {made.manifest.counts['triples']:,} triples.", highlight=False)
    left = f"{'CHANGELOG.md, ' if logged else ''}{RECORD}, {PUBLISHED} and {PARTS}"
    err.print(f"Commit what it left in the repository: {left}.", style="dim")


def _log_changes(root: Path, made: Release, build_folder: Path) -> bool:
    """Add what changed since the release before to the change log; whether that could be told."""
    from kg.changes import as_markdown, compare, read_snapshot, write_log  # noqa: PLC0415
    from kg.release import STATEMENTS, kept_releases  # noqa: PLC0415

    version, before = made.manifest.version, made.manifest.previous
    earlier = kept_releases(build_folder).get(before)
    after = read_snapshot(made.path / STATEMENTS)
    if earlier:
        section = as_markdown(compare(read_snapshot(earlier.path / STATEMENTS), after), version)
    elif not before:
        section = f"## {version}\n\nThe first release, with {len(after):,} things and claims.\n"
    else:
        err.print(f"CHANGELOG.md was not written: release {before} is not in {build_folder}. 'kg build --from' puts it there.")
        return False
    write_log(root / "CHANGELOG.md", section)
    return True


def _tell_stage(stage: str, seconds: float) -> None:
    err.print(f"  {stage:<15} {seconds:6.2f} s", highlight=False)


@app.command()
def switch(
    release: Annotated[str, typer.Argument(metavar="RELEASE", help="A version, or an id: the name of its folder.")],
    build_folder: BuildOption = Path("build"),
) -> None:
    """Serve another of the releases that are there: a server that runs goes on with its own until it is restarted."""
    from kg.release import RELEASES, read_release, switch as point  # noqa: PLC0415, I001

    there = sorted(path.name for path in (build_folder / RELEASES).glob("[!.]*"))
    if release not in there:
        raise KgError(f"There is no release '{release}' in {build_folder}. There are: {', '.join(there) or 'none'}.")
    read_release(build_folder / RELEASES / release)
    point(build_folder, release, "-")
    out.print(f"Servers that are started from now on serve {release}.", highlight=False)


@app.command()
def serve(
    build_folder: BuildOption = Path("build"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any free one.", min=0, max=65535)] = 8000,
    dataset: Annotated[list[Path] | None, typer.Option(help="Serve these RDF files instead of the release.")] = None,
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="More files for --dataset.")] = None,
) -> None:
    """Serve the current release, or any RDF files: pages, dereferenceable IRIs and a SPARQL endpoint."""
    from kg.web.server import serve as run_server  # noqa: PLC0415

    if more and not dataset:
        raise KgError(f"To serve files, write: kg serve --dataset {' '.join(map(str, more))}")
    run_server(build_folder, [*(dataset or []), *(more or [])], host, port, read_settings(os.environ))


@app.command()
def query(
    name: Annotated[str | None, typer.Argument(help="Name of a stored question; without it, the questions are listed.")] = None,
    parameters: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Parameters of the question.")] = None,
    build_folder: BuildOption = Path("build"),
    output: Annotated[RowFormat, typer.Option("--format", help="table, csv or json.")] = RowFormat.TABLE,
) -> None:
    """Answer a stored question from the current release."""
    from kg.query import open_answers  # noqa: PLC0415

    answers = open_answers(build_folder)
    if name is None:
        table = Table("name", "question", "parameters", box=None)
        for question in answers.questions.all():
            table.add_row(question.name, question.title("en"), ", ".join(question.parameters))
        out.print(table)
        return
    if output is not RowFormat.TABLE:
        fmt = {RowFormat.CSV: ox.QueryResultsFormat.CSV, RowFormat.JSON: ox.QueryResultsFormat.JSON}[output]
        sys.stdout.buffer.write(answers.serialised(name, _parameters(parameters or []), fmt))
        return
    variables, rows = answers.rows(name, _parameters(parameters or []))
    table = Table(*(Column(name, overflow="fold") for name in variables))
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)
    out.print(f"{len(rows)} rows", style="dim")


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="The folder under data/, such as initiative or org; or claim.")],
    slug: Annotated[
        str | None,
        typer.Argument(
            help="For a skeleton, the name of the file without '.yaml'; for a claim, its thing: org:zte. Else you are asked."
        ),
    ] = None,
    root: RootOption = Path(),
) -> None:
    """Write a new file of facts, or a claim in one, by asking; or a skeleton to fill."""
    from kg.author import write_skeleton  # noqa: PLC0415
    from kg.form import ask_claim, ask_thing  # noqa: PLC0415

    _demand_root(root)
    kind = {"organisation": "org"}.get(kind, kind)
    if kind == "claim":
        path = ask_claim(root, slug or _ask("About which thing? (such as org:zte)", [], None), _ask)
    elif slug is None:
        path = ask_thing(root, kind, _ask)
    else:
        path = write_skeleton(root, kind, slug)
    out.print(f"Wrote {path}. {'Fill it, then run' if slug and kind != 'claim' else 'Now run'} 'kg check'.")


def _ask(question: str, choices: Sequence[str], usual: str | None) -> str:
    """Ask on the terminal, again where an answer is none of the choices; a few letters that fit only one of them are enough."""
    if choices and usual is None:
        err.print(", ".join(choices), style="dim", markup=False)
    while True:
        text = str(typer.prompt(question, default=usual, show_default=bool(usual), prompt_suffix=" ", err=True)).strip()
        fitting = [choice for choice in choices if choice.casefold().startswith(text.casefold())]
        if not choices or text in choices or text == usual:
            return text
        if len(fitting) == 1 and text:
            return fitting[0]
        err.print(f"'{text}' is none of these: {', '.join(fitting or choices)}.", markup=False)


@app.command()
def schema(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path("build/schema"),
    root: RootOption = Path(),
) -> None:
    """Write JSON Schemas for the files of facts, by which editors complete and check while one writes."""
    from kg.schema import write_schemas  # noqa: PLC0415 (rdflib takes half a second to import)

    _demand_root(root)
    out.print(f"Wrote {len(write_schemas(root, folder))} schemas to {folder}. docs/authoring.md says how editors find them.")


@app.command()
def link(  # noqa: PLR0913, PLR0917 (the options of one command)
    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="[KIND]...", help="Folders under data/, such as org; all without.")
    ] = None,
    check_all: Annotated[bool, typer.Option("--check", help="Look at the items of the links there are instead.")] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Write what Wikidata says of them to data/wikidata.nt instead.")
    ] = False,
    limit: Annotated[int, typer.Option(help="Most things to look for; 0 for all.", min=0)] = 0,
    contact: Annotated[str, typer.Option(envvar="KG_CONTACT", help="Your address, which Wikidata asks for.")] = "",
    proposals: Annotated[Path, typer.Option(help="Folder for proposed files.")] = Path("proposals"),
    root: RootOption = Path(),
    build_folder: BuildOption = Path("build"),
    api: Annotated[str, typer.Option(help="Address of the API of a Wikibase.")] = "https://www.wikidata.org/w/api.php",
    service: Annotated[str, typer.Option(help="Address of its query service.")] = "https://query.wikidata.org/sparql",
) -> None:
    """Propose links to Wikidata for things that nobody looked for there, as files to review; nothing is accepted by itself."""
    from kg.link import KINDS, check_links, facts, patch, propose, unlinked, write_report  # noqa: PLC0415
    from kg.query import open_store  # noqa: PLC0415
    from kg.wikidata import Wikidata  # noqa: PLC0415

    if unknown := sorted(set(kinds or ()) - set(KINDS)):
        raise KgError(f"No links are made for '{unknown[0]}'. Kinds: {', '.join(KINDS)}.")
    store, wikidata = open_store(build_folder), Wikidata(build_folder / "wikidata", contact, api, service)
    if refresh:
        _demand_root(root)
        with _bar("Reading items") as progress:
            triples = facts(store, wikidata, progress)
        (root / "data" / "wikidata.nt").write_text("".join(f"{triple} .\n" for triple in sorted(triples, key=str)), "utf-8")
        out.print(f"Wrote {len(triples):,} triples to data/wikidata.nt. Read the difference, then build.", highlight=False)
        return
    if check_all:
        _demand_root(root)
        with _bar("Checking links") as progress:
            report = check_links(store, wikidata, progress)
        path = write_report(report, build_folder)
        _print_report(report, path)
        if moved := patch(report, root):
            (build_folder / "links.patch").write_text(moved, "utf-8")
            out.print(f"Merged items: review and apply {build_folder / 'links.patch'} with 'git apply'.")
        return
    things = unlinked(store, kinds or KINDS)
    with _bar("Looking for items") as progress:
        written = propose(store, wikidata, things[: limit or None], proposals, progress)
    out.print(f"{len(written)} proposals below {proposals}/link. Review each, then move it to data/link/.", highlight=False)


@app.command()
def load(  # noqa: PLR0913, PLR0917 (the options of one command)
    target: Annotated[
        str, typer.Argument(envvar="KG_STORE", metavar="TARGET", help="Address at which an engine answers SPARQL queries.")
    ] = "",
    check_only: Annotated[
        bool, typer.Option("--check", help="Compare what is there with the release, and change nothing.")
    ] = False,
    bulk: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Write N-Quads (.nq.gz) for a bulk loader of its own instead.")
    ] = None,
    remove: Annotated[str | None, typer.Option(metavar="ID", help="Take this older release out of it instead.")] = None,
    version: Annotated[
        str, typer.Option("--release", metavar="VERSION", help="One of the kept releases; without, the one that is served.")
    ] = "",
    graphs: Annotated[
        str, typer.Option(envvar="KG_STORE_GRAPHS", metavar="URL", help="Address of its graph store, where that is not known.")
    ] = "",
    build_folder: BuildOption = Path("build"),
) -> None:
    """Load a release into an engine of your own (docs/engines.md), compare it, and make it the current one there."""
    from kg import transfer  # noqa: PLC0415
    from kg.release import RELEASES, current_release, read_release  # noqa: PLC0415

    chosen = read_release(build_folder / RELEASES / version) if version else current_release(build_folder)
    if bulk:
        try:
            number = transfer.write_for_bulk(chosen, bulk)
        except OSError as error:
            raise KgError(f"{bulk} cannot be written: {error.strerror}.") from None
        out.print(
            f"{number:,} quads in {bulk}. When they are loaded, run 'kg load' to compare them and to switch.", highlight=False
        )
        return
    settings = read_settings(os.environ | {"KG_STORE": target, "KG_STORE_GRAPHS": graphs})
    if not target:
        raise KgError("Say which engine: kg load https://…/sparql, or set KG_STORE.")
    if remove:
        transfer.remove(remove, settings)
    elif check_only:
        _print_compared(transfer.compare(chosen, settings), chosen)
    else:
        try:
            with _bar("Loading") as progress:
                compared = transfer.load(chosen, settings, progress)
        except KeyboardInterrupt:
            raise KgError("Interrupted. Run 'kg load' again: it goes on from where it was.") from None
        _print_compared(compared, chosen)
    there, current = transfer.held(settings)
    out.print(f"Releases there: {', '.join(there) or 'none'}. Current: {current or 'none'}.", highlight=False)


def _print_compared(compared: Sequence[Compared], release: Release) -> None:
    table = Table("graph", Column("here", justify="right"), Column("there", justify="right"), "sample", box=None)
    for each in compared:
        same = "the same" if each.hash_here == each.hash_there else "[red]differs[/red]"
        table.add_row(escape(each.graph.rpartition("/")[2]), f"{each.here:,}", f"{each.there:,}", same)
    out.print(table)
    if all(each.is_equal for each in compared):
        out.print(f"Release {release.manifest.name} ({release.manifest.id}) is there.", highlight=False)
        return
    if not any(each.there for each in compared):
        raise KgError(f"Release {release.manifest.name} ({release.manifest.id}) is not there. Run 'kg load' without --check.")
    for line in [line for each in compared for line in each.differing][:_SHOWN]:
        out.print(escape(line), highlight=False)
    raise KgError("What is there is not the release, and was not made the current one now.")


@app.command()
def export(
    static: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the whole site as files that any web server can hold.")
    ] = None,
    wikidata: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write sourced facts and things that Wikidata lacks. Nothing is sent.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="URL", help="With --static: where they will lie, for the sitemap, previews and the 404 page."),
    ] = None,
    build_folder: BuildOption = Path("build"),
) -> None:
    """Write the site as files, or what could be given to Wikidata."""
    if static and not wikidata:
        _export_static(static, address, build_folder)
    elif wikidata and not static and address is None:
        _export_wikidata(wikidata, build_folder)
    else:
        raise KgError(
            "Say one thing to write: --static FOLDER for the whole site as files, with --address URL if you know where it will "
            "lie, or --wikidata FOLDER for what could be given to Wikidata."
        )


def _export_static(folder: Path, address: str | None, build_folder: Path) -> None:
    from kg.web.copying import write_copy  # noqa: PLC0415

    if address is not None and not address.startswith(("https://", "http://")):
        raise KgError(f"--address is that of a folder on the web, such as https://example.org/vigia/. [got {address}]")
    with _bar("Writing files") as progress:
        base = address and address.rstrip("/") + "/"
        number = write_copy(build_folder, folder, base, read_settings(os.environ), progress)
    out.print(f"{number:,} files in {folder}. docs/static.md says how to host them.", highlight=False)
    if base is None:
        out.print("Without --address there are no sitemap.xml and robots.txt, and previews of links have no picture.", style="dim")


def _export_wikidata(folder: Path, build_folder: Path) -> None:
    from kg.query import open_store  # noqa: PLC0415
    from kg.quickstatements import gifts  # noqa: PLC0415

    files = gifts(open_store(build_folder))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8", newline="")
    out.print(files["about.txt"], end="", markup=False, highlight=False, soft_wrap=True)
    out.print(f"All of it is in {folder}.", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that shows how far a long task is."""
    with Progress(console=err, transient=True) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _print_report(report: Report, path: Path) -> None:
    table = Table("link", "item", "state", Column("detail", overflow="fold"), box=None)
    for each in report.findings:
        if each.state != "ok":
            table.add_row(escape(each.link.rpartition("/")[2]), each.item, each.state, escape(each.detail))
    if table.row_count:
        out.print(table)
    faulty = {each.link for each in report.findings if each.state != "ok"}
    out.print(f"{report.links} links, {len(faulty)} to look at. Report: {path}", highlight=False)
    if report.kind_unknown:
        out.print(
            f"Of {len(report.kind_unknown)} it could not be told whether the item is still of the right kind.", highlight=False
        )


def _parameters(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for name, equals, _ in pairs:
        if not equals:
            raise KgError(f"Write parameters as name=value. [got {name}]")
    return {name: value for name, _, value in pairs}


def _demand_root(root: Path) -> None:
    if not (root / "data" / "context.jsonld").is_file():
        raise KgError(f"{root.resolve()} holds no data/context.jsonld. Run this in the repository, or name it with --root.")


def _print_findings(findings: list[Finding] | tuple[Finding, ...]) -> None:
    shown = _on_one_screen(findings) if out.is_terminal else findings
    for finding in shown:
        colour = _COLOURS[finding.severity]
        text = Text.assemble((str(finding.place), "bold"), ": ", (str(finding.severity), colour), f": {finding.message}")
        if out.is_terminal:
            out.print(text, width=min(out.width, _WIDTH))
        else:
            out.print(text, soft_wrap=True)
    if left := len(findings) - len(shown):
        out.print(f"{left} more are left out here: 'kg check | less' shows all.", markup=False, highlight=False)
    if files := {finding.place.path for finding in violations(list(findings))}:
        out.print(f"More may appear once these are right: a file with a violation is not checked further ({len(files)} so far).")
    count = {severity: sum(finding.severity is severity for finding in findings) for severity in Severity}
    out.print(
        ", ".join(f"{number} {severity}{'' if number == 1 else 's'}" for severity, number in count.items()) + ".", highlight=False
    )


def _on_one_screen(findings: Sequence[Finding]) -> Sequence[Finding]:
    """As many as fit on a screen, the violations first, each group in its order."""
    ranked = sorted(findings, key=lambda finding: finding.severity is not Severity.VIOLATION)
    width, lines = min(out.width, _WIDTH), 0
    for number, finding in enumerate(ranked):
        text = f"{finding.place}: {finding.severity}: {finding.message}"
        lines += len(Text(text).wrap(out, width))
        if lines > _LINES:
            return ranked[:number]
    return findings


def _print_names(covered: Names) -> None:
    shares = ", ".join(f"{code} {number} ({number / max(covered.things, 1):.0%})" for code, number in covered.by_language.items())
    out.print(f"Names of {covered.things} things: {shares}.", highlight=False)


def _print_coverage(listed: list[Part], output: ReportFormat) -> None:
    if output is not ReportFormat.TEXT:
        print(json.dumps([asdict(part) for part in listed], indent=2, ensure_ascii=False))
        return
    table = Table("source", "part", Column("resting", justify="right"), Column("reason", overflow="fold"), box=None)
    for part in listed:
        table.add_row(escape(part.source), escape(part.name), str(part.resting), escape(part.reason))
    out.print(table)
    empty = [part for part in listed if not part.resting]
    unexplained = sum(not part.reason for part in empty)
    out.print(f"{len(listed)} parts; nothing rests on {len(empty)}, for {unexplained} of them without a reason.", highlight=False)


def _github(finding: Finding) -> str:
    """https://docs.github.com/actions/reference/workflow-commands-for-github-actions"""
    message = finding.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    path = finding.place.path.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    return f"::{_GITHUB[finding.severity]} file={path},line={finding.place.line},title={finding.rule}::{message}"


def main() -> None:
    """Run the command; what we raise on purpose ends as one sentence and exit status 2."""
    try:
        app()
    except KgError as error:
        err.print(str(error), style="red", markup=False, highlight=False)
        sys.exit(2)
