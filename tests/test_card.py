"""Pictures that go with links: the right size, and no name too long for them."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from kg.card import BOLD, draw_card, draw_icon
from kg.web.assets import MADE


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


def test_the_same_words_give_the_same_bytes() -> None:
    assert draw_card("a", "b", "c", MADE) == draw_card("a", "b", "c", MADE)


@pytest.mark.parametrize(("size", "kind"), [(32, "ICO"), (180, "PNG")])
def test_icons_are_squares_of_their_size(size: int, kind: str) -> None:
    assert Image.open(io.BytesIO(draw_icon(size, kind))).size == (size, size)
