"""Shapes of countries, from the npm package world-atlas, come in; a drawing of the world and the middle of each country go out.

world-atlas holds Natural Earth (public domain), which draws borders as they are kept, not as they are claimed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import pi, radians
from pathlib import Path
from typing import Any

from babel.core import get_global

_WIDTH = 960.0
_SCALE = _WIDTH / (2 * pi * 0.8707)
_HEIGHT = round(_SCALE * 2.5)  # to the south of Tierra del Fuego; Antarctica is left out
_SMALLEST = 0.5  # area of what is drawn, in square units
_TOLERANCE = 0.3  # how far a line may stray from the true one, in units
_LEFT_OUT = {"010"}
_STYLE = (
    "<style>path{fill:#e2e2da;stroke:#fdfdfb;stroke-width:.4}"
    "@media(prefers-color-scheme:dark){path{fill:#2b3033;stroke:#151718}}</style>"
)

_Point = tuple[float, float]


def main(source: Path, target: Path) -> None:
    """Read the TopoJSON and write `world.svg` and `world.json`."""
    topology = json.loads(source.read_text("utf-8"))
    arcs = list(_decode(topology))
    drawn = [_simplified(arc) for arc in arcs]
    paths, centres = [], {}
    for shape in topology["objects"]["countries"]["geometries"]:
        number = shape.get("id", "")
        if number in _LEFT_OUT:
            continue
        rings = [ring for ring in _flat_rings(shape, drawn) if _area(ring) >= _SMALLEST]
        if lines := "".join(map(_path, rings)):
            paths.append(f'<path d="{lines}"/>')
        if code := _code(number):
            centres[code] = [round(part, 1) for part in _middle(max(_flat_rings(shape, arcs), key=_area))]
    box = f'viewBox="0 0 {_WIDTH:.0f} {_HEIGHT}" width="{_WIDTH:.0f}" height="{_HEIGHT}"'
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{_STYLE}{"".join(paths)}</svg>\n'
    target.mkdir(parents=True, exist_ok=True)
    (target / "world.svg").write_text(drawing, "utf-8")
    said = {"width": _WIDTH, "height": _HEIGHT, "centres": dict(sorted(centres.items()))}
    (target / "world.json").write_text(json.dumps(said) + "\n", "utf-8")


def _project(longitude: float, latitude: float) -> _Point:
    """Natural Earth I, the projection of Tom Patterson by the polynomial of Bojan Šavrič."""
    x, y = radians(longitude), radians(latitude)
    y2 = y * y
    y4 = y2 * y2
    across = x * (0.8707 - 0.131979 * y2 + y4 * (-0.013791 + y4 * (0.003971 * y2 - 0.001529 * y4)))
    up = y * (1.007226 + y2 * (0.015085 + y4 * (-0.044475 + 0.028874 * y2 - 0.005916 * y4)))
    return _WIDTH / 2 + _SCALE * across, _SCALE * (1.42 - up)


def _decode(topology: Mapping[str, Any]) -> Iterator[list[_Point]]:
    """The arcs as points in degrees (TopoJSON specification, 2.1.4)."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * sx + tx, y * sy + ty))
        yield points


def _simplified(arc: list[_Point]) -> list[_Point]:
    """The points that matter (Douglas and Peucker 1973). Neighbours share their arcs, so no gap opens between them."""
    if len(arc) < 3:
        return arc
    flat = [_project(*point) for point in arc]
    far, place = max((_distance(flat[number], flat[0], flat[-1]), number) for number in range(1, len(flat) - 1))
    if far < _TOLERANCE:
        return [arc[0], arc[-1]]
    return _simplified(arc[: place + 1])[:-1] + _simplified(arc[place:])


def _distance(point: _Point, start: _Point, end: _Point) -> float:
    """From a point to the line between two others, or to the first of them where they are one."""
    (x, y), (x1, y1), (x2, y2) = point, start, end
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    if length == 0:
        return float(((x - x1) ** 2 + (y - y1) ** 2) ** 0.5)
    return float(abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length)


def _flat_rings(shape: Mapping[str, Any], arcs: Sequence[list[_Point]]) -> list[list[_Point]]:
    """The closed lines of a country, each in one piece even where it crosses the 180th meridian."""
    polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
    rings = (_unwrapped(_joined(indexes, arcs)) for polygon in polygons for indexes in polygon)
    return [[_project(*point) for point in ring] for ring in rings]


def _joined(indexes: Sequence[int], arcs: Sequence[list[_Point]]) -> list[_Point]:
    points: list[_Point] = []
    for index in indexes:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        points += arc[1:] if points else arc
    return points


def _unwrapped(points: list[_Point]) -> list[_Point]:
    shift, last, moved = 0, points[0][0], []
    for longitude, latitude in points:
        if abs(longitude - last) > 180:
            shift += -360 if longitude > last else 360
        last = longitude
        moved.append((longitude + shift, latitude))
    return moved


def _path(ring: Sequence[_Point]) -> str:
    """The line with one decimal."""
    spots: list[_Point] = []
    for x, y in ring:
        spot = round(x, 1), round(y, 1)
        if not spots or spot != spots[-1]:
            spots.append(spot)
    if len(spots) < 3:
        return ""
    steps = (f"{_short(x2 - x1)} {_short(y2 - y1)}" for (x1, y1), (x2, y2) in pairwise(spots))
    return f"M{_short(spots[0][0])} {_short(spots[0][1])}l{' '.join(steps)}z".replace(" -", "-")


def _short(number: float) -> str:
    """-0.5 → -.5, 3.0 → 3."""
    text = f"{number:.1f}".removesuffix(".0")
    return "0" if text in ("-0", "0") else text.replace("0.", ".") if text.lstrip("-").startswith("0.") else text


def _area(ring: Sequence[_Point]) -> float:
    return abs(_signed(ring))


def _signed(ring: Sequence[_Point]) -> float:
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True)) / 2


def _middle(ring: Sequence[_Point]) -> _Point:
    """The centroid of the largest piece."""
    area = _signed(ring)
    x = y = 0.0
    for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        part = x1 * y2 - x2 * y1
        x, y = x + (x1 + x2) * part, y + (y1 + y2) * part
    return x / (6 * area), y / (6 * area)


def _code(number: str) -> str | None:
    """484 → MX (ISO 3166-1); None for what has no number there."""
    known: Mapping[str, list[str]] = get_global("territory_aliases")
    return next(iter(known.get(number, [])), None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
