"""What the server and its workers say to each other arrives as it was sent; what is no reply is not taken for one."""

from __future__ import annotations

import random
import struct
from itertools import product

import pytest

from kg.store import Dump, Request
from kg.store.message import FRAME, Reply, read_reply, read_request, write_reply, write_request

FORMATS = ("json", "xml", "csv", "tsv", "turtle", "ntriples", "jsonld", "rdfxml", "trig", "nquads")
DIGEST = "00112233445566778899aabb"


@pytest.mark.parametrize(
    "request_",
    [
        Request("ASK {}", "json", None),
        Request("ASK {}", None, "turtle"),
        Request("ñ\0\U0001f600 'x'", "csv", "ntriples", ("http://a/1", "http://a/2"), ("http://a/3",), "br", 20, 2.5),
        Request("x" * 1_000_000, "json", "jsonld", encoding="gzip", rows=0, timeout=1e-9),
        Dump("nquads"),
        Dump("turtle", "default", "gzip", 1.0),
        Dump("turtle", "http://a/ñ"),
    ],
    ids=lambda request: f"{type(request).__name__} {len(str(request))}",
)
def test_a_request_arrives_as_it_was_sent(request_: Request | Dump) -> None:
    arrived = read_request(write_request(request_))
    assert type(arrived) is type(request_)
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in vars(arrived).items()}
    assert fields == vars(request_)


@pytest.mark.parametrize(("fmt", "coding", "partial"), [*product(FORMATS, ("", "gzip", "br"), (False, True))])
def test_an_answer_arrives_as_it_was_sent(fmt: str, coding: str, partial: bool) -> None:
    reply = Reply("", "", fmt, coding, partial, False, DIGEST, 3, b"\0\n\xff")
    assert unframed(write_reply(5, reply)) == reply


def test_of_an_answer_in_a_file_all_but_the_file_arrives() -> None:
    with open(__file__, "rb") as file:  # noqa: PTH123 (what the worker has is an open file)
        data = write_reply(5, Reply("", "", "nquads", "", False, True, DIGEST, 1 << 40, file))
    assert unframed(data) == Reply("", "", "nquads", "", False, True, DIGEST, 1 << 40, b"")


@pytest.mark.parametrize("text", ["", "Línea 1\0\n'\"", "x" * 100_000, "\ud800"])
def test_a_failure_arrives_as_it_was_sent(text: str) -> None:
    reply = Reply("syntax", text)
    assert unframed(write_reply(5, reply)) == reply


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0",
        b"\0{",
        b"\0[]",
        b'\0["a"]',
        b'\0["a", "b", "c"]',
        b"\0" + b"[" * 100_000,
        b"\0\xff",
        b"\1",
        b"\1" + bytes(23),
        b"\1" + bytes(25),
        b"\1" + struct.pack("!BB??12sQ", len(FORMATS), 0, False, False, bytes(12), 0),
        b"\1" + struct.pack("!BB??12sQ", 0, 3, False, False, bytes(12), 0),
    ],
    ids=range(13),
)
def test_what_is_no_reply_is_not_taken_for_one(head: bytes) -> None:
    with pytest.raises((ValueError, TypeError, IndexError, RecursionError, struct.error)):
        read_reply(head, b"")


def test_whatever_a_hostile_worker_sends_is_an_error_or_a_reply_of_known_parts() -> None:
    chance = random.Random(1)  # noqa: S311 (no secret)
    good = [write_reply(5, Reply("", "", "csv", "br", True, False, DIGEST, 3, b""))[FRAME.size :]]
    good.append(write_reply(5, Reply("error", "text"))[FRAME.size :])
    replies = 0
    for _ in range(5000):
        head = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 4)):
            head[chance.randrange(len(head))] = chance.randrange(256)
        try:
            reply = read_reply(bytes(head), b"body")
        except (ValueError, TypeError, IndexError, RecursionError, struct.error):
            continue
        replies += 1
        if reply.failure or reply.text or not reply.format:
            assert type(reply.failure) is type(reply.text) is str
            assert not reply.in_file
        else:
            assert reply.format in FORMATS
            assert reply.coding in ("", "gzip", "br")
            assert type(reply.partial) is type(reply.in_file) is bool
            assert len(bytes.fromhex(reply.digest)) == 12
            assert 0 <= reply.size < 1 << 64
    assert replies > 500


def unframed(data: bytes) -> Reply:
    number, head, body = FRAME.unpack_from(data)
    assert number == 5
    assert len(data) == FRAME.size + head + body
    return read_reply(data[FRAME.size : FRAME.size + head], data[FRAME.size + head :])
