"""A small server that answers as Wikidata does, for tests: over real HTTP, from items that a test gives it, with faults on demand.

Replies in `recorded/` are Wikidata's own (CC0), from the test data of Wikidata-Toolkit (Apache-2.0); of the merged item only three
languages and a few properties were kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

RECORDED = Path(__file__).parent / "recorded"


class Wikibase:
    """What the server knows, what it was asked, and how it is to fail next."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        self.agents: set[str] = set()
        self.faults: list[tuple[int, dict[str, str], bytes]] = []  # answers to give first: status, headers, body
        self.address = ""

    def item(self, number: str, labels: dict[str, str], claims: dict[str, list[Any]] | None = None, **more: Any) -> None:
        """Make an item known; claims are property → values, a text or the number of an item."""
        written = {
            prop: [{"mainsnak": {"datavalue": {"value": _value(value)}}, "rank": "normal"} for value in values]
            for prop, values in (claims or {}).items()
        }
        texts = {code: {"language": code, "value": text} for code, text in labels.items()}
        self.items[number] = {"id": number, "lastrevid": 7, "labels": texts, "claims": written, **more}

    def recorded(self, number: str) -> None:
        """Make an item known by a reply that was recorded from Wikidata itself."""
        self.items |= json.loads((RECORDED / f"wbgetentities-{number}.json").read_text("utf-8"))["entities"]

    def fail(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer the next request so."""
        self.faults.append((status, headers, body))

    def answer(self, given: dict[str, str]) -> dict[str, Any]:
        """As the API and the query service do."""
        if given.get("action") == "wbsearchentities":
            name = given["search"].casefold()
            hits = [
                {"id": number, "label": number}
                for number, item in self.items.items()
                if any(label["value"].casefold().startswith(name) for label in item["labels"].values())
            ]
            return {"searchinfo": {"search": given["search"]}, "search": hits, "success": 1}
        if given.get("action") == "wbgetentities":
            found = {number: self.items.get(number, {"id": number, "missing": ""}) for number in given["ids"].split("|")}
            return {"entities": found, "success": 1}
        return {"head": {"vars": ["item"]}, "results": {"bindings": []}}


def _value(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) and value[:1] == "Q" and value[1:].isdigit() else value


@contextmanager
def wikibase() -> Iterator[Wikibase]:
    """Run the server."""
    known = Wikibase()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = {key: values[-1] for key, values in parse_qs(urlsplit(self.path).query).items()}
            known.asked.append(given)
            known.agents.add(self.headers["User-Agent"])
            status, headers, body = known.faults.pop(0) if known.faults else (200, {}, json.dumps(known.answer(given)).encode())
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.address = f"http://127.0.0.1:{server.server_port}/w/api.php"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
