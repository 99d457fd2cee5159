"""Values come in; pictures go out, as SVG that takes its colours from the page. Each stands beside a list or table of the same."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import pairwise

_WIDTH = 720  # units of the picture, which the page scales
_MARGIN = 24
_ROW = 14
_RADIUS = 5
_AXIS = 26  # below the rows
_MOST_TICKS = 12
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True)
class Span:
    """Something that was from one day on, until another, or on one day or in one month or year only."""

    start: date
    end: date | None  # None where it has no end that is known
    lasts: bool  # a state that goes on, not an event
    doubtful: bool = False


def timeline(spans: Sequence[Span]) -> str:
    """A strip of years with dots for events and bars for what lasted; rows so that nothing hides another. Empty for no spans."""
    if not spans:
        return ""
    first = min(span.start.year for span in spans)
    last = max((span.end or span.start).year for span in spans) + 1
    scale = (_WIDTH - 2 * _MARGIN) / ((date(last, 1, 1) - date(first, 1, 1)).days)

    def place(day: date) -> float:
        return _MARGIN + (day - date(first, 1, 1)).days * scale

    rows: list[float] = []  # how far each row is taken
    marks = []
    for span in sorted(spans, key=lambda span: (span.start, span.end or date.max)):
        left, right = place(span.start), place(span.end or date(last, 1, 1))
        if not span.lasts:
            left = right = (left + (right if span.end else left)) / 2
        row = next((number for number, taken in enumerate(rows) if taken < left - 2 * _RADIUS), len(rows))
        rows[row : row + 1] = [right]
        marks.append(_mark(span, left, right, 10 + row * _ROW))
    height = 10 + len(rows) * _ROW
    axis = _years(first, last, place, height)
    size = f'viewBox="0 0 {_WIDTH} {height + _AXIS}" width="{_WIDTH}" height="{height + _AXIS}"'
    return f'<svg class="timeline" {size} aria-hidden="true">{axis}{"".join(marks)}</svg>'


def _mark(span: Span, left: float, right: float, y: int) -> str:
    kind = " doubtful" if span.doubtful else ""
    if not span.lasts:
        return f'<circle class="event{kind}" cx="{left:.1f}" cy="{y}" r="{_RADIUS}"/>'
    open_ = "" if span.end else " open"
    width = max(right - left, 2)
    return f'<rect class="state{kind}{open_}" x="{left:.1f}" y="{y - 3}" width="{width:.1f}" height="6" rx="3"/>'


def _years(first: int, last: int, place: Callable[[date], float], height: int) -> str:
    step = next((step for step in _STEPS if (last - first) / step <= _MOST_TICKS), _STEPS[-1])
    years = range(-(-first // step) * step, last + 1, step)
    parts = [f'<line class="axis" x1="{_MARGIN}" x2="{_WIDTH - _MARGIN}" y1="{height}" y2="{height}"/>']
    for year in years:
        x = place(date(year, 1, 1))
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{height}" y2="{height + 5}"/>')
        parts.append(f'<text x="{x:.1f}" y="{height + 20}">{year}</text>')
    return "".join(parts)


def _called(title: str) -> str:
    """How a picture is called: by words, or by `#` and the id of the heading above it."""
    return f'aria-labelledby="{escape(title[1:])}"' if title.startswith("#") else f'aria-label="{escape(title)}"'


_BOX_WIDTH, _BOX_HEIGHT, _BESIDE = 200, 48, 20
_LABEL_HEIGHT, _BETWEEN = 20, 26  # of a row of labels; between two rows
_LETTER = 6.6  # width of a letter of a label
_LINE = 24  # characters in a line of a box
_SWEEPS = 6  # by which what is tied comes to stand together
_LOOP = 44  # how far a line that closes a circle reaches out


@dataclass(frozen=True)
class Node:
    """A box with a name, which is a link."""

    name: str
    address: str | None


@dataclass(frozen=True)
class Edge:
    """A line from what stands above to what stands below."""

    above: str
    below: str
    label: str
    doubtful: bool = False


#: A box by its key, or where an edge passes a row: the number of the edge and of the row.
_Item = str | tuple[int, int]


def layers(nodes: Mapping[str, Node], edges: Sequence[Edge], focus: str, title: str) -> str:
    """Boxes in rows, each above all that it has a line down to, with the labels of the lines in rows of their own between them.

    Lines that close a circle run at the side. After Sugiyama, Tagawa and Toda 1981: a line that passes a row has a place in it.
    """
    depth, circle = _depths(list(nodes), edges)
    plain = [edge for edge in edges if (edge.above, edge.below) not in circle]
    rows = _rows_of(nodes, depth, plain)
    chains = [_chain(number, edge, depth) for number, edge in enumerate(plain)]
    labels = {chain[1]: edge.label for chain, edge in zip(chains, plain, strict=True)}
    near: dict[_Item, list[_Item]] = defaultdict(list)
    for chain in chains:
        for one, other in pairwise(chain):
            near[one].append(other)
            near[other].append(one)
    widths = {
        item: _BOX_WIDTH if isinstance(item, str) else _LETTER * len(labels.get(item, "")) + 8 for row in rows for item in row
    }
    _sort(rows, near)
    across = _across(rows, near, widths)
    down = [sum(_row_height(above) + _BETWEEN for above in range(level)) + 8 for level in range(len(rows))]
    left = min((across[item] - widths[item] / 2 for row in rows for item in row), default=0)
    right = max((across[item] + widths[item] / 2 for row in rows for item in row), default=0)
    at = {item: (across[item] - left + 8, down[level]) for level, row in enumerate(rows) for item in row}
    lines = [_line([at[item] for item in chain], chain, edge) for chain, edge in zip(chains, plain, strict=True)]
    lines += [_loop(at[edge.above], at[edge.below], edge) for edge in edges if (edge.above, edge.below) in circle]
    boxes = [_box(nodes[key], at[key][0] - _BOX_WIDTH / 2, at[key][1], key == focus) for key in nodes]
    width = right - left + 16 + (2 * _LOOP + _LETTER * max((len(edge.label) for edge in edges), default=0) if circle else 0)
    height = down[-1] + _row_height(len(rows) - 1) + 8
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return f'<svg class="layers" {size} role="group" {_called(title)}>{"".join(lines)}{"".join(boxes)}</svg>'


def _row_height(level: int) -> int:
    return _LABEL_HEIGHT if level % 2 else _BOX_HEIGHT


def _depths(keys: Sequence[str], edges: Sequence[Edge]) -> tuple[dict[str, int], set[tuple[str, str]]]:
    """How many boxes stand above each, and the edges that close a circle."""
    down = defaultdict(list)
    for edge in edges:
        down[edge.above].append(edge.below)
    order, circle = _visit(keys, down)
    depth = dict.fromkeys(keys, 0)
    for key in reversed(order):
        for below in down[key]:
            if (key, below) not in circle:
                depth[below] = max(depth[below], depth[key] + 1)
    return depth, circle


def _chain(number: int, edge: Edge, depth: Mapping[str, int]) -> list[_Item]:
    """From box to box, by a place in every row between; the first of these has the label."""
    passed: list[_Item] = [(number, level) for level in range(2 * depth[edge.above] + 1, 2 * depth[edge.below])]
    return [edge.above, *passed, edge.below]


def _rows_of(nodes: Mapping[str, Node], depth: Mapping[str, int], edges: Sequence[Edge]) -> list[list[_Item]]:
    rows: list[list[_Item]] = [[] for _ in range(2 * max(depth.values(), default=0) + 1)]
    for key in nodes:
        rows[2 * depth[key]].append(key)
    for number, edge in enumerate(edges):
        for item in _chain(number, edge, depth)[1:-1]:
            rows[int(item[1])].append(item)
    return rows


def _sort(rows: Sequence[list[_Item]], near: Mapping[_Item, Sequence[_Item]]) -> None:
    """What is tied comes to stand together (barycentre method)."""
    place = {item: number / max(len(row), 1) for row in rows for number, item in enumerate(row)}
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            row.sort(key=lambda item: sum(place[other] for other in near[item]) / len(near[item]) if near[item] else place[item])
            place |= {item: number / max(len(row), 1) for number, item in enumerate(row)}


def _across(
    rows: Sequence[Sequence[_Item]], near: Mapping[_Item, Sequence[_Item]], widths: Mapping[_Item, float]
) -> dict[_Item, float]:
    """The middle of each item: as near below and above what it is tied to as its neighbours in the row let it."""
    across: dict[_Item, float] = {}
    for row in rows:
        start = -sum(widths[item] + _BESIDE for item in row) / 2
        for item in row:
            across[item] = start + widths[item] / 2
            start += widths[item] + _BESIDE
    for sweep in range(2 * _SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            wanted = [sum(across[other] for other in near[item]) / len(near[item]) if near[item] else across[item] for item in row]
            placed: list[float] = []
            for item, wish in zip(row, wanted, strict=True):
                least = placed[-1] + (widths[row[len(placed) - 1]] + widths[item]) / 2 + _BESIDE if placed else wish
                placed.append(max(wish, least))
            aside = sum(one - wish for one, wish in zip(placed, wanted, strict=True)) / max(len(row), 1)
            across |= {item: one - aside for item, one in zip(row, placed, strict=True)}
    return across


def _visit(keys: Sequence[str], down: Mapping[str, Sequence[str]]) -> tuple[list[str], set[tuple[str, str]]]:
    """The keys, each behind all that is below it; and the edges that lead back to where one came from."""
    order: list[str] = []
    circle: set[tuple[str, str]] = set()
    open_: set[str] = set()

    def visit(key: str) -> None:
        open_.add(key)
        for below in down[key]:
            if below in open_:
                circle.add((key, below))
            elif below not in order:
                visit(below)
        open_.discard(key)
        order.append(key)

    for key in keys:
        if key not in order:
            visit(key)
    return order, circle


def _line(points: Sequence[tuple[float, float]], chain: Sequence[_Item], edge: Edge) -> str:
    """A line from the foot of one box to the head of another, straight down through the rows that it passes."""
    (x, y), *_ = points
    path = [f"M{x:.0f},{y + _BOX_HEIGHT:.0f}"]
    foot = y + _BOX_HEIGHT
    for (x2, y2), item in zip(points[1:], chain[1:], strict=True):
        middle = (foot + y2) / 2
        path.append(f"C{x:.0f},{middle:.0f} {x2:.0f},{middle:.0f} {x2:.0f},{y2:.0f}")
        x, foot = x2, y2
        if not isinstance(item, str):
            foot += _row_height(item[1])
            path.append(f"V{foot:.0f}")
    kind = "line" + " doubtful" * edge.doubtful
    label = (
        f'<text class="label" x="{points[1][0]:.0f}" y="{points[1][1] + 14:.0f}">{escape(edge.label)}</text>' if edge.label else ""
    )
    return f'<path class="{kind}" d="{"".join(path)}"/>{label}'


def _loop(above: tuple[float, float], below: tuple[float, float], edge: Edge) -> str:
    """A line that closes a circle, at the right of both boxes."""
    x1, y1, x2, y2 = above[0] + _BOX_WIDTH / 2, above[1] + _BOX_HEIGHT / 2, below[0] + _BOX_WIDTH / 2, below[1] + _BOX_HEIGHT / 2
    if above == below:
        y1, y2 = y1 - 8, y2 + 8
    out = max(x1, x2) + _LOOP
    path = f"M{x1:.0f},{y1:.0f}C{out:.0f},{y1:.0f} {out:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"
    kind = "line circle" + " doubtful" * edge.doubtful
    return (
        f'<path class="{kind}" d="{path}"/>'
        f'<text class="label start" x="{out - 8:.0f}" y="{(y1 + y2) / 2 + 4:.0f}">{escape(edge.label)}</text>'
    )


def _box(node: Node, x: float, y: float, is_focus: bool) -> str:
    lines = _wrapped(node.name)
    first = y + _BOX_HEIGHT / 2 + 5 - 8 * (len(lines) - 1)
    texts = "".join(
        f'<text x="{x + _BOX_WIDTH / 2:.0f}" y="{first + 16 * number:.0f}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    kind = "box focus" if is_focus else "box"
    box = f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="6"/>{texts}'
    if node.address is None or is_focus:
        return f"<g>{box}</g>"
    return f'<a href="{escape(node.address)}" aria-label="{escape(node.name)}">{box}</a>'


def _wrapped(name: str) -> list[str]:
    """The name in two lines at most."""
    if len(name) <= _LINE:
        return [name]
    cut = name.rfind(" ", 0, _LINE + 1)
    first, rest = (name[:cut], name[cut + 1 :]) if cut > 0 else (name[:_LINE], name[_LINE:])
    return [first, rest if len(rest) <= _LINE else rest[: _LINE - 1].rstrip() + "…"]


_MAP_WIDTH = 440  # units of the picture
_AROUND = 1.35  # how much wider than its dots a map is
_LEAST = 90.0  # units of the outline that a map shows at least
_TALLEST = 1.2  # height of a map by its width
_SMALL, _LARGE = 15.0, 30.0  # radius of a dot: a target of 24 pixels at least (WCAG 2.2, 2.5.8)
_PUSHES = 60  # by which dots that hide each other come apart


@dataclass(frozen=True)
class Dot:
    """A number at a place of the outline, which is a link."""

    x: float
    y: float
    number: str
    size: float  # of the dot, as part of the largest one's area
    name: str
    address: str | None


def world(dots: Sequence[Dot], outline: str, width: float, height: float, title: str) -> str:
    """Dots on the part of the outline that holds them all; `width` and `height` are those of the whole outline."""
    left, top, wide, high = _window(dots, width, height)
    scale = _MAP_WIDTH / wide
    places = _apart([((dot.x - left) * scale, (dot.y - top) * scale, _radius(dot)) for dot in dots])
    marks = [_dot(dot, *place) for dot, place in zip(dots, places, strict=True)]
    box = f"0 0 {_MAP_WIDTH} {high * scale:.0f}"
    image = (
        f'<image href="{escape(outline)}" x="{-left * scale:.1f}" y="{-top * scale:.1f}" '
        f'width="{width * scale:.1f}" height="{height * scale:.1f}"/>'
    )
    size = f'viewBox="{box}" width="{_MAP_WIDTH}" height="{high * scale:.0f}"'
    return f'<svg class="world" {size} role="group" {_called(title)}>{image}{"".join(marks)}</svg>'


def _window(dots: Sequence[Dot], width: float, height: float) -> tuple[float, float, float, float]:
    """The part of the outline to be shown: left, top, width and height."""
    xs, ys = [dot.x for dot in dots], [dot.y for dot in dots]
    wide = min(max(_AROUND * (max(xs) - min(xs)), _LEAST), width)
    high = min(max(_AROUND * (max(ys) - min(ys)), wide / 2), height)
    wide = max(wide, min(high / _TALLEST, width))
    left = min(max((min(xs) + max(xs) - wide) / 2, 0), width - wide)
    top = min(max((min(ys) + max(ys) - high) / 2, 0), height - high)
    return left, top, wide, high


def _radius(dot: Dot) -> float:
    return max(_SMALL, _LARGE * math.sqrt(dot.size))


def _apart(places: Sequence[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """The same circles, moved as little as it takes that none covers another."""
    moved = [list(place) for place in places]
    for _ in range(_PUSHES):
        still = True
        for number, one in enumerate(moved):
            for other in moved[:number]:
                dx, dy = one[0] - other[0] or 0.01, one[1] - other[1]  # two at one place have to part somehow
                distance = (dx * dx + dy * dy) ** 0.5
                if (short := one[2] + other[2] + 1 - distance) > 0:
                    still = False
                    step = short / distance / 2
                    one[0], one[1] = one[0] + dx * step, one[1] + dy * step
                    other[0], other[1] = other[0] - dx * step, other[1] - dy * step
        if still:
            break
    return [(x, y, radius) for x, y, radius in moved]


def _dot(dot: Dot, x: float, y: float, radius: float) -> str:
    label = f"{dot.name}: {dot.number}"
    mark = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{escape(label)}</title></circle>'
        f'<text x="{x:.1f}" y="{y + 5:.1f}">{escape(dot.number)}</text>'
    )
    return f'<a href="{escape(dot.address)}" aria-label="{escape(label)}">{mark}</a>' if dot.address else f"<g>{mark}</g>"


_STEP, _LINE_HEIGHT = 28, 28


def tree(below: Mapping[str, Sequence[str]], nodes: Mapping[str, Node], title: str) -> str:
    """Names under one another, each to the right of what it is below of; those under the empty key stand leftmost."""
    places: list[tuple[int, str, int]] = []  # depth, key, row of what it is below of

    def walk(key: str, depth: int, above: int) -> None:
        for one in below.get(key, ()):
            places.append((depth, one, above))
            walk(one, depth + 1, len(places) - 1)

    walk("", 0, -1)
    parts = []
    for row, (depth, key, above) in enumerate(places):
        x, y = 8 + depth * _STEP, 20 + row * _LINE_HEIGHT
        if above >= 0:
            parts.append(f'<path class="line" d="M{x - _STEP + 6},{26 + above * _LINE_HEIGHT}V{y - 5}H{x - 4}"/>')
        text = f'<text x="{x}" y="{y}">{escape(nodes[key].name)}</text>'
        address = nodes[key].address
        parts.append(f'<a href="{escape(address)}">{text}</a>' if address else text)
    height = 20 + len(places) * _LINE_HEIGHT
    size = f'viewBox="0 0 420 {height}" width="420" height="{height}"'
    return f'<svg class="tree" {size} role="group" {_called(title)}>{"".join(parts)}</svg>'
