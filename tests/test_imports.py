"""The import direction, as a test. A module may import only what its row names, and each half only its own libraries."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"
MAY_IMPORT = {
    "finding": "",
    "csvw": "",
    "errors": "finding",
    "names": "errors",
    "settings": "errors",
    "formats": "errors",
    "sparql": "errors names",
    "jsonld": "",
    "language": "",
    "release": "errors",
    "context": "errors names",
    "rdf": "names",
    "void": "names rdf",
    "dcat": "names rdf release void",
    "lodcloud": "names void",
    "crate": "names release void",
    "statements": "csvw names",
    "claims": "csvw names rdf statements",
    "sources": "csvw names",
    "followthemoney": "csvw names rdf",
    "changes": "csvw names",
    "database": "errors",
    "index": "names rdf",
    "history": "errors names",
    "version": "errors history",
    "registry": "finding names rdf version",
    "search": "database index",
    "spelling": "index",
    "directory": "names rdf spelling",
    "matching": "database directory index spelling",
    "wikidata": "errors",
    "link": "directory errors matching names rdf release wikidata",
    "quickstatements": "names rdf",
    "load": "context finding names",
    "derive": "errors names",
    "validate": "errors finding load names",
    "hygiene": "errors finding load names",
    "author": "context errors names validate",
    "schema": "author context names",
    "form": "errors names schema",
    "coverage": "errors language names rdf",
    "query": "errors names release",
    "facet": "query",
    "roster": "facet language names rdf",
    "examples": "language names query",
    "publication": "claims crate csvw dcat directory errors examples facet finding followthemoney history index load lodcloud "
    "names query rdf release roster sources statements validate version void",
    "build": "derive errors finding hygiene load names publication rdf registry release validate version",
    "store": "errors formats jsonld names release settings sparql",
    "transfer": "errors names release settings store",
    "ownership": "store",
    "tombstones": "names store",
    "cite": "",
    "draw": "",
    "atlas": "",
    "card": "",
    "listing": "database facet names roster store",
    "page": "",
    "compose": "language names page store",
    "table": "names page store",
    "vocabulary": "compose errors names query store",
    "catalogue": "compose database matching names store",
    "entity": "cite compose errors names page store void",
    "web": "atlas card catalogue changes cite crate database dcat directory draw entity errors examples facet formats index jsonld "
    "listing matching names ownership page query release search settings sparql store table tombstones vocabulary void",
    "cli": "author build changes coverage errors finding form history link publication query quickstatements registry "
    "release schema settings transfer version web wikidata",
    "__main__": "cli",
}
# Which library belongs to which modules; pyoxigraph and the standard library are everybody's.
ONLY_IN = {
    "rdflib": {"schema", "validate"},
    "pyshacl": {"validate"},
    "pyrudof": {"validate"},
    "cramjam": {"publication"},
    "yaml": {"form", "load", "registry", "schema", "version"},
    "pyld": {"jsonld"},
    "httpx2": {"web", "wikidata"},
    "aiohttp": {"store"},
    "rapidfuzz": {"matching", "search"},
    "prometheus_client": {"web"},
    "pythonjsonlogger": {"web"},
    "brotli": {"store", "web"},
    "babel": {"web"},
    "PIL": {"card"},
    "fastapi": {"web"},
    "starlette": {"web"},
    "jinja2": {"web"},
    "uvicorn": {"web"},
    "typer": {"cli"},
    "rich": {"cli"},
}
FILES = sorted(SRC.rglob("*.py"))


def layer(module: str) -> str:
    return module.removeprefix("kg.").split(".")[0]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports from the top, `from kg...`"
            found |= {f"kg.{alias.name}" for alias in node.names} if node.module == "kg" else {str(node.module)}
    return found


def module_of(path: Path) -> str:
    return layer(".".join(path.relative_to(SRC).with_suffix("").parts))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_imports_point_one_way(path: Path) -> None:
    module = module_of(path)
    if module == "__init__":
        return
    allowed = {module, *MAY_IMPORT[module].split()}
    assert {layer(name) for name in imports(path) if name.startswith("kg.")} <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_libraries_stay_in_their_half(path: Path) -> None:
    used = {name.split(".")[0] for name in imports(path)}
    misplaced = {library for library in used & set(ONLY_IN) if module_of(path) not in ONLY_IN[library]}
    assert not misplaced


def test_pages_do_not_know_which_store_they_run_on() -> None:
    used = set().union(*(imports(path) for path in FILES if module_of(path) == "web"))
    assert {name for name in used if name.startswith("kg.store")} <= {"kg.store", "kg.store.backends", "kg.store.clients"}
    assert not [
        path
        for path in (SRC / "kg" / "web").rglob("*.py")
        if re.search(r"settings\.store|RemoteStore|OxigraphStore", path.read_text("utf-8"))
    ]


def test_every_row_names_only_rows_above_it() -> None:
    seen: set[str] = set()
    for module, allowed in MAY_IMPORT.items():
        assert set(allowed.split()) <= seen, module
        seen.add(module)


def test_every_module_opens_with_a_sentence() -> None:
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path
