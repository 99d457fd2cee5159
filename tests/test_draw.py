"""Pictures: well-formed, inside their frame, nothing upon anything else, whatever the dates are."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import combinations
from xml.etree import ElementTree

import pytest

from kg.draw import Dot, Edge, Node, Span, layers, timeline, tree, world

SVG = "{http://www.w3.org/2000/svg}"


def drawn(spans: list[Span]) -> ElementTree.Element:
    return ElementTree.fromstring(timeline(spans).replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1))  # noqa: S314 (ours)


def boxes(picture: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    """Left, right, top and bottom of each mark."""
    found = []
    for mark in picture.iter():
        of = {name: float(value) for name, value in mark.attrib.items() if name in ("cx", "cy", "r", "x", "y", "width", "height")}
        if mark.tag == SVG + "circle":
            found.append((of["cx"] - of["r"], of["cx"] + of["r"], of["cy"] - of["r"], of["cy"] + of["r"]))
        elif mark.tag == SVG + "rect":
            found.append((of["x"], of["x"] + of["width"], of["y"], of["y"] + of["height"]))
    return found


def some_spans(seed: int) -> list[Span]:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    spans = []
    for _ in range(chance.randrange(1, 40)):
        start = date(chance.randrange(1900, 2030), chance.randrange(1, 13), chance.randrange(1, 29))
        end = start + timedelta(chance.randrange(0, 8000)) if chance.random() < 0.6 else None
        spans.append(Span(start, end, chance.random() < 0.5, chance.random() < 0.3))
    return spans


@pytest.mark.parametrize("seed", range(30))
def test_every_span_has_its_mark_and_hides_no_other(seed: int) -> None:
    spans = some_spans(seed)
    picture = drawn(spans)
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    marks = boxes(picture)
    assert len(marks) == len(spans)
    assert all(0 <= left <= right <= width and 0 <= top <= bottom <= height for left, right, top, bottom in marks)
    for one, other in combinations(marks, 2):
        assert one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2], (one, other)


@pytest.mark.parametrize("seed", range(30))
def test_years_are_few_and_each_stands_once(seed: int) -> None:
    years = [int(text.text or "") for text in drawn(some_spans(seed)).iter(SVG + "text")]
    assert years == sorted(set(years))
    assert 1 <= len(years) <= 13


def test_what_is_later_stands_further_right() -> None:
    days = [date(2010, 1, 1), date(2012, 6, 1), date(2020, 12, 31)]
    marks = boxes(drawn([Span(day, day, False) for day in days]))
    assert [mark[0] for mark in marks] == sorted(mark[0] for mark in marks)
    assert len({mark[0] for mark in marks}) == 3


def test_a_year_alone_is_shown_in_its_middle() -> None:
    whole, middle = boxes(
        drawn([Span(date(2010, 1, 1), date(2010, 12, 31), False), Span(date(2010, 7, 2), date(2010, 7, 2), False)])
    )
    assert whole[0] == pytest.approx(middle[0], abs=0.5)


def test_what_has_no_end_goes_on_to_the_end() -> None:
    (open_, closed) = boxes(drawn([Span(date(2010, 1, 1), None, True), Span(date(2010, 1, 1), date(2011, 1, 1), True)]))
    assert {open_[1], closed[1]} == {max(open_[1], closed[1]), min(open_[1], closed[1])}
    assert 'class="state open"' in timeline([Span(date(2010, 1, 1), None, True)])
    assert 'class="event doubtful"' in timeline([Span(date(2010, 1, 1), None, False, True)])


def test_nothing_has_no_picture() -> None:
    assert timeline([]) == ""


# Boxes and lines


def graph(seed: int) -> tuple[dict[str, Node], list[Edge]]:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    keys = [f"n{number}" for number in range(chance.randrange(2, 40))]
    nodes = {key: Node(f"{key} <&> " + "word " * chance.randrange(8), chance.choice((None, f"/{key}?a&b"))) for key in keys}
    pairs = sorted({(chance.choice(keys), chance.choice(keys)) for _ in keys})
    edges = [Edge(*pair, f"{chance.randrange(101)} %", chance.random() < 0.2) for pair in pairs if pair[0] != pair[1]]
    return nodes, edges


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1))  # noqa: S314 (ours)


@pytest.mark.parametrize("seed", range(40))
def test_every_thing_has_a_box_and_every_tie_a_line_inside_the_frame(seed: int) -> None:
    nodes, edges = graph(seed)
    picture = parsed(layers(nodes, edges, "n0", "Who & whom"))
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    found = boxes(picture)
    assert len(found) == len(nodes)
    assert all(0 <= left < right <= width and 0 <= top < bottom <= height for left, right, top, bottom in found)
    for one, other in combinations(found, 2):
        assert one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
    assert len(list(picture.iter(SVG + "path"))) == len(edges)
    assert sum("focus" in box.attrib["class"] for box in picture.iter(SVG + "rect")) == 1


def test_owners_stand_above_what_they_own_and_a_circle_is_marked() -> None:
    nodes = {key: Node(key, f"/{key}") for key in ("a", "b", "c")}
    text = layers(nodes, [Edge("a", "b", "60 %"), Edge("b", "c", "<1 %"), Edge("c", "a", "5 %")], "b", "t")
    tops = {link.attrib["href"]: float(next(link.iter(SVG + "rect")).attrib["y"]) for link in parsed(text).iter(SVG + "a")}
    assert set(tops) == {"/a", "/c"}  # what the page is about is no link to itself
    assert tops["/a"] < tops["/c"]
    assert text.count("line circle") == 1
    assert "&lt;1 %" in text


@pytest.mark.parametrize("name", ["short", "a name of two lines, no more", "x" * 100, "many words " * 20, "<script>", "", " "])
def test_a_name_fits_its_box(name: str) -> None:
    texts = [text.text or "" for text in parsed(layers({"a": Node(name, None)}, [], "a", "t")).iter(SVG + "text")]
    assert 1 <= len(texts) <= 2
    assert all(len(text) <= 24 for text in texts)
    shown = "".join(texts).replace("…", "").replace(" ", "")
    assert name.replace(" ", "").startswith(shown)


@pytest.mark.parametrize("seed", range(30))
def test_dots_of_a_map_hide_no_other_and_stay_near_their_place(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    dots = [
        Dot(chance.uniform(200, 400), chance.uniform(150, 420), str(n), chance.random(), f"<{n}>", f"/x?a=1&b={n}")
        for n in range(chance.randrange(1, 16))
    ]
    picture = ElementTree.fromstring(  # noqa: S314 (ours)
        world(dots, "/world.svg?v=1&x", 960, 439, "a & b").replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    )
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    circles = [(float(c.attrib["cx"]), float(c.attrib["cy"]), float(c.attrib["r"])) for c in picture.iter(SVG + "circle")]
    assert len(circles) == len(dots)
    for (x, y, r), (x2, y2, r2) in combinations(circles, 2):
        assert (x - x2) ** 2 + (y - y2) ** 2 >= (r + r2 - 1) ** 2
    for x, y, r in circles:
        assert r >= 12
        assert -r < x < width + r
        assert -r < y < height + r


def test_two_dots_at_one_place_part() -> None:
    dots = [Dot(300, 300, "1", 1, "a", None), Dot(300, 300, "2", 1, "b", None)]
    picture = ElementTree.fromstring(world(dots, "/w", 960, 439, "t").replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1))  # noqa: S314
    (x, y, r), (x2, y2, _) = [
        (float(c.attrib["cx"]), float(c.attrib["cy"]), float(c.attrib["r"])) for c in picture.iter(SVG + "circle")
    ]
    assert (x - x2) ** 2 + (y - y2) ** 2 >= (2 * r) ** 2


def test_a_tree_has_each_name_to_the_right_of_what_it_is_below_of() -> None:
    below = {"": ["a", "d"], "a": ["b"], "b": ["c"]}
    nodes = {key: Node(f"<{key}>", f"/{key}" if key != "d" else None) for key in "abcd"}
    picture = ElementTree.fromstring(tree(below, nodes, "t").replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1))  # noqa: S314 (ours)
    places = {text.text: (float(text.attrib["x"]), float(text.attrib["y"])) for text in picture.iter(SVG + "text")}
    assert places["<a>"][0] < places["<b>"][0] < places["<c>"][0]
    assert places["<d>"][0] == places["<a>"][0]
    assert len({y for _, y in places.values()}) == 4
    assert len(list(picture.iter(SVG + "a"))) == 3


@pytest.mark.parametrize("seed", range(40))
def test_no_label_lies_on_a_box_or_on_another_label(seed: int) -> None:
    nodes, edges = graph(seed)
    picture = parsed(layers(nodes, edges, "n0", "t"))
    labels = [
        (
            float(text.attrib["x"]) - 3.3 * len(text.text or ""),
            float(text.attrib["x"]) + 3.3 * len(text.text or ""),
            float(text.attrib["y"]),
        )
        for text in picture.iter(SVG + "text")
        if text.attrib.get("class") == "label"
    ]
    for (left, right, y), (left2, right2, y2) in combinations(labels, 2):
        assert abs(y - y2) >= 12 or right <= left2 or right2 <= left
    for left, right, y in labels:
        for start, end, top, bottom in boxes(picture):
            assert y <= top or y - 10 >= bottom or right <= start or left >= end
