"""A small server that answers as Wikidata does, for tests: over real HTTP, from items that a test gives it, with faults on demand.

Its query service evaluates the queries that it gets. Replies in `recorded/` are Wikidata's own (CC0), from the test data of
Wikidata-Toolkit (Apache-2.0) and, `wbgetentities-Q103940464.json` and `wbgetentities-labels-Q2746.json`, of nomenklatura (MIT);
of the merged item only three languages and a few properties were kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyoxigraph as ox

RECORDED = Path(__file__).parent / "recorded"
_MOST = 50  # items in one request
_PREFIXES = {"wd": "http://www.wikidata.org/entity/", "wdt": "http://www.wikidata.org/prop/direct/"}


class Wikibase:
    """What the server knows, what it was asked, and how it is to fail next."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        self.agents: set[str] = set()
        # Answers to give first: status, headers, body, and the seconds that it takes.
        self.faults: list[tuple[int, dict[str, str], bytes, float]] = []
        self.address = ""
        self.service = ""

    def item(self, number: str, labels: dict[str, str], claims: dict[str, list[Any]] | None = None, **more: Any) -> None:
        """Make an item known; claims are property → values, a text or the number of an item."""
        written = {
            prop: [{"mainsnak": {"datavalue": {"value": _value(value)}}, "rank": "normal"} for value in values]
            for prop, values in (claims or {}).items()
        }
        texts = {code: {"language": code, "value": text} for code, text in labels.items()}
        known = {"id": number, "lastrevid": 7, "labels": texts, "aliases": {}, "descriptions": {}, "claims": written}
        self.items[number] = known | more

    def recorded(self, number: str) -> None:
        """Make an item known by a reply that was recorded from Wikidata itself."""
        self.items |= json.loads((RECORDED / f"wbgetentities-{number}.json").read_text("utf-8"))["entities"]

    def fail(self, status: int, body: bytes = b"", seconds: float = 0, **headers: str) -> None:
        """Answer the next request so, after some seconds."""
        self.faults.append((status, headers, body, seconds))

    def answer(self, given: dict[str, str]) -> tuple[str, bytes]:
        """The type and the body of an answer of the API or the query service."""
        if "query" in given:
            return "application/sparql-results+json", self._bound(given["query"])
        act = {"wbsearchentities": self._search, "wbgetentities": self._entities}[given["action"]]
        return "application/json; charset=utf-8", json.dumps(act(given)).encode()

    def _search(self, given: dict[str, str]) -> dict[str, Any]:
        """Items of which a label or alias in the language, or in one that it falls back to, begins so."""
        name, hits = given["search"].casefold(), []
        for number, item in self.items.items():
            texts = [
                text
                for language in dict.fromkeys((given["language"], "mul", "en" if given["language"] != "mul" else "mul"))
                for text in (item["labels"].get(language), *item["aliases"].get(language, ()))
                if text
            ]
            if match := next((text for text in texts if text["value"].casefold().startswith(name)), None):
                found = {"type": "label", "language": match["language"], "text": match["value"]}
                concept = {"concepturi": _PREFIXES["wd"] + number, "url": f"//www.wikidata.org/wiki/{number}"}
                hits.append({"id": number, **concept, "title": number, "label": match["value"], "match": found})
        return {"searchinfo": {"search": given["search"]}, "search": hits[: int(given["limit"])], "success": 1}

    def _entities(self, given: dict[str, str]) -> dict[str, Any]:
        numbers = given["ids"].split("|")
        if len(numbers) > _MOST:
            return {
                "error": {"code": "toomanyvalues", "info": f'Too many values supplied for parameter "ids". The limit is {_MOST}.'}
            }
        found = {number: self.items.get(number, {"id": number, "missing": ""}) for number in numbers}
        languages = set(given["languages"].split("|")) if "languages" in given else None
        return {"entities": {number: _spoken(item, languages) for number, item in found.items()}, "success": 1}

    def _bound(self, query: str) -> bytes:
        """What the query finds in the items, as `application/sparql-results+json`."""
        store = ox.Store()
        for number, item in self.items.items():
            for prop, claims in item["claims"].items():
                for claim in claims:
                    if value := _term(claim["mainsnak"].get("datavalue", {}).get("value")):
                        key = ox.NamedNode(_PREFIXES["wdt"] + prop)
                        store.add(ox.Quad(ox.NamedNode(_PREFIXES["wd"] + number), key, value))
        results = store.query(query, prefixes=_PREFIXES)
        assert isinstance(results, ox.QuerySolutions)
        return bytes(results.serialize(format=ox.QueryResultsFormat.JSON) or b"")


def _spoken(item: dict[str, Any], languages: set[str] | None) -> dict[str, Any]:
    """An item with what it is called in some languages only."""
    if languages is None or "missing" in item:
        return item
    texts = ("labels", "aliases", "descriptions")
    return item | {key: {code: text for code, text in item[key].items() if code in languages} for key in texts}


def _value(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) and value[:1] == "Q" and value[1:].isdigit() else value


def _term(value: Any) -> ox.NamedNode | ox.Literal | None:
    """As the query service has it: items and addresses are IRIs."""
    if isinstance(value, dict):
        return ox.NamedNode(_PREFIXES["wd"] + value["id"]) if "id" in value else None
    return ox.NamedNode(value) if str(value).startswith(("http://", "https://")) else ox.Literal(str(value))


@contextmanager
def wikibase() -> Iterator[Wikibase]:
    """Run the server."""
    known = Wikibase()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path)
            given = {key: values[-1] for key, values in parse_qs(path.query).items()}
            known.asked.append(given)
            known.agents.add(self.headers["User-Agent"])
            if known.faults:
                status, headers, body, seconds = known.faults.pop(0)
                time.sleep(seconds)
            elif (path.path == "/sparql") != ("query" in given):
                status, headers, body = 404, {}, b""
            else:
                kind, body = known.answer(given)
                status, headers = 200, {"Content-Type": kind}
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Who was made to wait too long is gone."""

    server = Server(("127.0.0.1", 0), Handler)
    known.address = f"http://127.0.0.1:{server.server_port}/w/api.php"
    known.service = f"http://127.0.0.1:{server.server_port}/sparql"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
