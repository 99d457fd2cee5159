"""The outline of the world, where it was fetched at set-up, comes in; where each country stands on it goes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: What set-up leaves (`web/world.py`).
OUTLINE, CENTRES = "world.svg", "world.json"


@dataclass(frozen=True)
class Atlas:
    """A drawing of the world, and in its units the middle of each country, by its code of two letters (ISO 3166-1)."""

    width: float
    height: float
    centres: Mapping[str, tuple[float, float]]


def read_atlas(folder: Path) -> Atlas | None:
    """None where set-up could not fetch it: pages then have lists without maps."""
    try:
        said = json.loads((folder / CENTRES).read_text("utf-8"))
        if not (folder / OUTLINE).exists():
            return None
    except FileNotFoundError:
        return None
    return Atlas(said["width"], said["height"], {code: (x, y) for code, (x, y) in said["centres"].items()})
