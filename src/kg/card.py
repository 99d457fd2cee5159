"""A name and a few words come in; the picture that other sites show with a link to a page goes out, and the icon of the site."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_SIZE = (1200, 630)  # pixels, as those sites ask for it
_MARGIN = 80
_WIDTH = _SIZE[0] - 2 * _MARGIN  # of the text
_INK, _SOFT, _PAPER, _LINK = "#1b1b1a", "#575752", "#fdfdfb", "#0b5c6b"
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
    picture = Image.new("RGB", _SIZE, _PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 16, _SIZE[1]), fill=_LINK)
    small = ImageFont.truetype(plain, 34)
    draw.text((_MARGIN, 70), _shortened(above, small, _WIDTH), font=small, fill=_SOFT)
    lines, font = _fitted(name, bold)
    for number, line in enumerate(lines):
        draw.text((_MARGIN, 140 + number * font.size * 1.2), line, font=font, fill=_INK)
    draw.text((_MARGIN, 500), _shortened(below, small, _WIDTH), font=small, fill=_INK)
    picture.paste(_eye(48), (_MARGIN, 552))
    draw.text((_MARGIN + 62, 552), "Vigía", font=ImageFont.truetype(bold, 34), fill=_LINK)
    # Edges of letters need few colours; so a picture is a third of the size, and sooner written.
    return _written(picture.quantize(128, method=Image.Quantize.FASTOCTREE), "PNG")


def draw_icon(size: int, kind: str) -> bytes:
    """The icon as a square of so many pixels, as `PNG` or `ICO`."""
    return _written(_eye(size), kind)


def _eye(size: int) -> Image.Image:
    large = size * _FINE
    picture = Image.new("RGB", (large, large), _PAPER)
    draw, unit = ImageDraw.Draw(picture), large / 32
    upper = _curve((2, 16), (7, 7), (25, 7), (30, 16))
    lower = _curve((30, 16), (25, 25), (7, 25), (2, 16))
    draw.line([(x * unit, y * unit) for x, y in (*upper, *lower)], fill=_LINK, width=round(2.5 * unit), joint="curve")
    draw.ellipse([11 * unit, 11 * unit, 21 * unit, 21 * unit], fill=_LINK)
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
        font = ImageFont.truetype(path, size)
        lines = _wrapped(name, font)
        if len(lines) <= _MOST_LINES and len(lines) * size * 1.2 <= 340:
            return lines, font
    kept = lines[:_MOST_LINES]
    return [*kept[:-1], _shortened(f"{kept[-1]} …", font, _WIDTH)], font


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
    picture.save(file, kind)
    return file.getvalue()
