"""Where the repository is, and how to copy its model without its facts."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent


def copy_model(target: Path) -> None:
    """Ontology, shapes, queries, context and code lists, into a new folder."""
    for folder in ("ontology", "shapes", "queries"):
        shutil.copytree(ROOT / folder, target / folder)
    (target / "data").mkdir()
    shutil.copy(ROOT / "data" / "context.jsonld", target / "data")
    shutil.copytree(ROOT / "data" / "code", target / "data" / "code")
