"""Literals in answers of engines get their canonical form, however large an answer is and wherever it is cut into pieces."""

from __future__ import annotations

import io
import json
import random
import time
from typing import Any

import pytest

from kg.store import literals
from kg.store.literals import CanonicalJson, canonical

XSD = "http://www.w3.org/2001/XMLSchema#"
DATATYPES = (XSD + "decimal", XSD + "boolean")


def read(text: bytes, size: int = 100) -> bytes:
    reader = CanonicalJson(io.BytesIO(text), DATATYPES)
    pieces = list(iter(lambda: reader.read(size), b""))
    assert all(len(piece) <= size for piece in pieces)  # more than was asked for ends the process of who asked
    return b"".join(pieces)


def term(draw: random.Random) -> dict[str, Any]:
    """A term that an engine may give, or one that looks like another."""
    flat = {"type": "literal", "datatype": XSD + "decimal", "value": draw.choice(["3.0", "-0.50", "+7", "abc", ".5"])}
    return draw.choice([
        flat,
        {"value": draw.choice(["1", "0", "true"]), "datatype": XSD + "boolean", "type": "typed-literal"},
        {"type": "literal", "datatype": XSD + "integer", "value": "1"},
        {"type": "literal", "value": f'{{"datatype": "{XSD}decimal", "value": "3.0"}} \\ " }} {{'},
        {"type": "uri", "value": "http://example.org/{x}"},
        {"type": "triple", "value": {"subject": {"type": "uri", "value": "u:a"}, "object": flat}},
        {"type": "literal", "value": "x" * draw.randrange(400) + "\\" * draw.randrange(3) + '"}{'},
    ])  # fmt: skip


def expected(term: dict[str, Any]) -> dict[str, Any]:
    if term["type"] == "triple":
        return term | {"value": {name: expected(part) for name, part in term["value"].items()}}
    return term | ({"value": canonical(term["value"], term["datatype"])} if term.get("datatype") in DATATYPES else {})


@pytest.mark.parametrize("seed", range(100))
def test_terms_are_written_anew_wherever_an_answer_is_cut(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311
    monkeypatch.setattr(literals, "_PIECE", draw.choice([1, 3, 7, 50, 1000]))
    rows = [{name: term(draw) for name in "ab" if draw.random() < 0.9} for _ in range(draw.randrange(20))]
    answer = {"head": {"vars": ["a", "b"], "link": []}, "results": {"bindings": rows}}
    text = json.dumps(answer, indent=draw.choice([None, 1]), ensure_ascii=draw.random() < 0.5).encode()
    wanted = [{name: expected(one) for name, one in row.items()} for row in rows]
    assert json.loads(read(text, draw.choice([1, 10, 100]))) == answer | {"results": {"bindings": wanted}}


@pytest.mark.parametrize(
    "text", [b"", b"null", b"[1, 2", b'{"head": {"vars": ["a', b"<html>{}</html>", b'{"a": {"datatype": 1}}', b"{" * 99_999]
)
def test_what_is_no_answer_stays_as_it_is(text: bytes) -> None:
    assert read(text) == text


def test_a_long_literal_is_not_gone_through_over_and_over() -> None:
    text = b'{"results":{"bindings":[{"a":{"type":"literal","datatype":"%sdecimal","value":"%s"}}]}}' % (
        XSD.encode(),
        b"x" * 20_000_000,
    )
    begun = time.monotonic()
    assert len(read(text)) >= 20_000_000
    assert time.monotonic() - begun < 10
