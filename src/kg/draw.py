"""Values come in; pictures go out, as SVG that takes its colours from the page. Each stands beside a list or table of the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

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


_BOX_WIDTH, _BOX_HEIGHT, _BESIDE, _BETWEEN = 200, 48, 24, 64
_LINE = 24  # characters in a line of a box
_SWEEPS = 4  # by which what is tied comes to stand together


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


def layers(nodes: Mapping[str, Node], edges: Sequence[Edge], focus: str, title: str) -> str:
    """Boxes in rows, each above all that it has a line down to; lines that close a circle run at the side."""
    rows, circle = _rows_of(list(nodes), edges)
    width = max(map(len, rows)) * (_BOX_WIDTH + _BESIDE) + 3 * _BESIDE
    at = {
        key: (
            (width - len(row) * (_BOX_WIDTH + _BESIDE) + _BESIDE) / 2 + place * (_BOX_WIDTH + _BESIDE),
            8 + depth * (_BOX_HEIGHT + _BETWEEN),
        )
        for depth, row in enumerate(rows)
        for place, key in enumerate(row)
    }
    height = 16 + len(rows) * _BOX_HEIGHT + (len(rows) - 1) * _BETWEEN
    lines = [_line(edge, at[edge.above], at[edge.below], (edge.above, edge.below) in circle) for edge in edges]
    boxes = [_box(nodes[key], *at[key], key == focus) for key in nodes]
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg class="layers" {size} role="group" aria-label="{escape(title)}">{"".join(lines)}{"".join(boxes)}</svg>'


def _rows_of(keys: Sequence[str], edges: Sequence[Edge]) -> tuple[list[list[str]], set[tuple[str, str]]]:
    """The rows from top to bottom, and the edges that close a circle."""
    down, near = defaultdict(list), defaultdict(list)
    for edge in edges:
        down[edge.above].append(edge.below)
        near[edge.above].append(edge.below)
        near[edge.below].append(edge.above)
    order, circle = _visit(keys, down)
    depth = dict.fromkeys(keys, 0)
    for key in reversed(order):
        for below in down[key]:
            if (key, below) not in circle:
                depth[below] = max(depth[below], depth[key] + 1)
    rows = [[key for key in keys if depth[key] == level] for level in sorted(set(depth.values()))]
    place = {key: float(number) for row in rows for number, key in enumerate(row)}
    for _ in range(_SWEEPS):
        for row in rows:
            row.sort(key=lambda key: sum(place[other] for other in near[key]) / len(near[key]) if near[key] else place[key])
            place |= {key: float(number) for number, key in enumerate(row)}
    return rows, circle


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


def _line(edge: Edge, above: tuple[float, float], below: tuple[float, float], is_circle: bool) -> str:
    (x1, y1), (x2, y2) = above, below
    if is_circle:
        x1, y1, x2, y2 = x1 + _BOX_WIDTH, y1 + _BOX_HEIGHT / 2, x2 + _BOX_WIDTH, y2 + _BOX_HEIGHT / 2
        path, x = f"M{x1:.0f},{y1:.0f}C{x1 + 44:.0f},{y1:.0f} {x2 + 44:.0f},{y2:.0f} {x2:.0f},{y2:.0f}", (x1 + x2) / 2 + 33
    else:
        x1, y1, x2 = x1 + _BOX_WIDTH / 2, y1 + _BOX_HEIGHT, x2 + _BOX_WIDTH / 2
        middle = _BETWEEN / 2
        path, x = f"M{x1:.0f},{y1:.0f}C{x1:.0f},{y1 + middle:.0f} {x2:.0f},{y2 - middle:.0f} {x2:.0f},{y2:.0f}", (x1 + x2) / 2
    kind = "line" + " doubtful" * edge.doubtful + " circle" * is_circle
    return (
        f'<path class="{kind}" d="{path}"/><text class="label" x="{x:.0f}" y="{(y1 + y2) / 2 + 4:.0f}">{escape(edge.label)}</text>'
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
