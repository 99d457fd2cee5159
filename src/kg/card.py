"""A name and a few words come in; the picture that other sites show with a link to a page goes out, and the icon of the site."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageColor, ImageDraw, ImageFont

_SIZE = _RIGHT, _BOTTOM = 1200, 630  # pixels, as those sites ask for it
_MARGIN = 80
_WIDTH = _SIZE[0] - 2 * _MARGIN  # of the text
_INK, _SOFT, _PAPER, _LINK = "#1b1b1a", "#575752", "#fdfdfb", "#0b5c6b"
_INKS = (_SOFT, _INK, _LINK)
_FULL = 255  # as much of an ink as there can be
_SHADES = 5  # of each ink, for the edges of letters: with the paper 16 colours, which are half a byte
_BAR = 17  # pixels at the left
_PLACES = (  # boxes in which an ink lies
    (_LINK, (0, 0, _BAR, _BOTTOM)),
    (_SOFT, (_BAR, 0, _RIGHT, 140)),
    (_INK, (_BAR, 140, _RIGHT, 550)),
    (_LINK, (_BAR, 550, _RIGHT, _BOTTOM)),
)
_FINE = 4  # icons are drawn larger and made smaller, so that their edges are smooth
_SIZES = (76, 64, 54, 46)  # of the name: the first in which it fits
_MOST_LINES = 4

#: What set-up leaves (`web/make.py`): Noto Sans, plain and bold.
PLAIN, BOLD = "noto-sans-400.woff", "noto-sans-700.woff"


def draw_card(name: str, above: str, below: str, fonts: Path) -> bytes | None:
    """A PNG with a name, what kind of thing it is above and a line below; None where set-up could not fetch the letters."""
    plain, bold = fonts / PLAIN, fonts / BOLD
    if not plain.exists() or not bold.exists():
        return None
    picture = Image.new("L", _SIZE)  # how much of an ink is where: which ink it is, the place says
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, _BAR - 1, _SIZE[1]), fill=_FULL)
    small = _font(plain, 34)
    draw.text((_MARGIN, 70), _shortened(above, small, _WIDTH), font=small, fill=_FULL)
    lines, font = _fitted(name, bold)
    for number, line in enumerate(lines):
        draw.text((_MARGIN, 140 + number * font.size * 1.2), line, font=font, fill=_FULL)
    draw.text((_MARGIN, 500), _shortened(below, small, _WIDTH), font=small, fill=_FULL)
    picture.paste(_eye(48, "L", 0, _FULL), (_MARGIN, 552))
    draw.text((_MARGIN + 62, 552), "Vigía", font=_font(bold, 34), fill=_FULL)
    return _written(_inked(picture), "PNG")


def _inked(picture: Image.Image) -> Image.Image:
    """The picture in 16 colours, which are known: to search for them takes longer than all else."""
    for ink, box in _PLACES:
        first = _INKS.index(ink) * _SHADES
        amounts = (round(amount * _SHADES / _FULL) for amount in range(_FULL + 1))
        shades = [amount and first + amount for amount in amounts]
        picture.paste(picture.crop(box).point(shades), box)
    picture.putpalette(_palette())
    return picture


@cache
def _palette() -> list[int]:
    paper = ImageColor.getrgb(_PAPER)
    shades = [(ImageColor.getrgb(ink), step / _SHADES) for ink in _INKS for step in range(1, _SHADES + 1)]
    mixed = [round(of + (to - of) * part) for ink, part in shades for of, to in zip(paper, ink, strict=True)]
    return [*paper, *mixed]


def draw_icon(size: int, kind: str) -> bytes:
    """The icon as a square of so many pixels, as `PNG` or `ICO`."""
    return _written(_eye(size, "RGB", _PAPER, _LINK), kind)


@cache
def _eye(size: int, mode: str, paper: str | int, ink: str | int) -> Image.Image:
    large = size * _FINE
    picture = Image.new(mode, (large, large), paper)
    draw, unit = ImageDraw.Draw(picture), large / 32
    upper = _curve((2, 16), (7, 7), (25, 7), (30, 16))
    lower = _curve((30, 16), (25, 25), (7, 25), (2, 16))
    draw.line([(x * unit, y * unit) for x, y in (*upper, *lower)], fill=ink, width=round(2.5 * unit), joint="curve")
    draw.ellipse([11 * unit, 11 * unit, 21 * unit, 21 * unit], fill=ink)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def _curve(*points: tuple[float, float]) -> list[tuple[float, float]]:
    """Points on a cubic Bézier curve."""
    found = []
    for step in range(41):
        t = step / 40
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
        found.append(
            (
                sum(w * x for w, (x, _) in zip(weights, points, strict=True)),
                sum(w * y for w, (_, y) in zip(weights, points, strict=True)),
            )
        )
    return found


def _fitted(name: str, path: Path) -> tuple[Sequence[str], ImageFont.FreeTypeFont]:
    """The lines of the name in the largest letters in which they fit; the last is cut where none is small enough."""
    for size in _SIZES:
        font = _font(path, size)
        lines = _wrapped(name, font)
        if len(lines) <= _MOST_LINES and len(lines) * size * 1.2 <= 340:
            return lines, font
    kept = lines[:_MOST_LINES]
    return [*kept[:-1], _shortened(f"{kept[-1]} …", font, _WIDTH)], font


_font = cache(ImageFont.truetype)  # to read one takes longer than to write with it


def _wrapped(text: str, font: ImageFont.FreeTypeFont) -> list[str]:
    lines = [""]
    for word in text.split():
        for piece in _pieces(word, font):
            longer = f"{lines[-1]} {piece}".strip()
            if font.getlength(longer) <= _WIDTH or not lines[-1]:
                lines[-1] = longer
            else:
                lines.append(piece)
    return lines


def _pieces(word: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """A word that is wider than the picture, in pieces that are not."""
    pieces = [""]
    for letter in word:
        if font.getlength(pieces[-1] + letter) > _WIDTH:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _written(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, compress_type=zlib.Z_RLE)  # of flat colours as small as the usual way, in half the time
    return file.getvalue()
