"""Pictures that go with links: the right size, and no name too long for them."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from kg.card import BOLD, draw_card, draw_icon
from kg.web.assets import MADE

_BOXES = ((0, 0, 17, 630), (80, 60, 600, 130), (80, 140, 600, 300), (80, 490, 600, 548), (80, 550, 600, 630), (1150, 0, 1200, 630))


@pytest.mark.parametrize("name", ["ECU 911", "word " * 60, "x" * 300, "Ñandú «ç»", ""])
def test_a_card_takes_any_name(name: str) -> None:
    if not (MADE / BOLD).exists():
        pytest.skip("set-up could not fetch the letters")
    picture = Image.open(io.BytesIO(draw_card(name, "Initiative", "Ecuador · active " * 20, MADE) or b""))
    assert picture.size == (1200, 630)
    assert picture.format == "PNG"
    margin = picture.crop((1140, 0, 1200, 630)).getcolors()
    assert margin
    assert len(margin) == 1  # nothing runs out of the picture


def test_a_card_has_the_colours_of_the_site() -> None:
    if not (MADE / BOLD).exists():
        pytest.skip("set-up could not fetch the letters")
    picture = Image.open(io.BytesIO(draw_card("█" * 9, "█" * 9, "█" * 9, MADE) or b"")).convert("RGB")
    bar, above, name, below, sign, edge = ([min(band.tobytes()) for band in picture.crop(box).split()] for box in _BOXES)
    assert bar == sign == [0x0B, 0x5C, 0x6B]
    assert above == [0x57, 0x57, 0x52]
    assert name == below == [0x1B, 0x1B, 0x1A]
    assert edge == [0xFD, 0xFD, 0xFB]


def test_the_same_words_give_the_same_bytes() -> None:
    assert draw_card("a", "b", "c", MADE) == draw_card("a", "b", "c", MADE)


@pytest.mark.parametrize(("size", "kind"), [(32, "ICO"), (180, "PNG")])
def test_icons_are_squares_of_their_size(size: int, kind: str) -> None:
    assert Image.open(io.BytesIO(draw_icon(size, kind))).size == (size, size)
