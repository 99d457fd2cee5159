"""Running servers come in; seconds of pages that nobody asked for before, and pages a second from memory, go out."""

from __future__ import annotations

import http.client
import time
from functools import cache
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

from bench import wrk
from bench.bench import Bench
from bench.data import Data
from bench.servers import UNCACHED, Server, start_ours

UNSEEN = "ours"  # remembers nothing
_SEEN = "ours, cached"
_SHARE = 250  # pages of things in each round, drawn anew
_PRESSED = 60  # pages that are asked for over and over
_CLAIMS = 10_000
_TIMES = 40
_BASE = "https://w3id.org/vigia/"
_LARGE = "/page/org/large"


def render(bench: Bench, number: int) -> None:
    """Pages of things, each for the first time; and one of a thing of which very much is said."""
    server = bench.servers[UNSEEN]
    paths = bench.draw.sample(_paths(server), _SHARE)
    seconds = [_seconds(server, path) for path in paths]
    bench.keep("page p95", number, UNSEEN, "things", quantiles(seconds, n=20)[-1])
    bench.keep("page longest", number, UNSEEN, "things", max(seconds))
    file = _write_large(bench.work / "large.nt")
    data = Data("large", file, 0, False, lambda _: [], [], [], [])
    with start_ours("ours, large", data, bench.work, UNCACHED) as large:
        _seconds(large, _LARGE)
        taken = [_seconds(large, _LARGE) for _ in range(_TIMES)]
        bench.keep("page p95", number, UNSEEN, f"{_CLAIMS:,} claims", quantiles(taken, n=20)[-1])


def remembered(bench: Bench, number: int) -> None:
    """Pages that were asked for before, from 16 clients; nginx serves the same bytes as files."""
    paths = _paths(bench.servers[_SEEN])[:: max(1, len(_paths(bench.servers[_SEEN])) // _PRESSED)][:_PRESSED]
    for server in bench.shuffled(_SEEN, "nginx"):
        lines = [("text/html", f"/page{place}.html" if server.name == "nginx" else path) for place, path in enumerate(paths)]
        load = wrk.load(server, wrk.write_requests(lines, bench.work / f"{server.name}-pages.txt"), 16, bench.seconds)
        bench.keep("pages", number, server.name, "16 clients", load.good)
        if load.errors:
            bench.samples.blame("pages", bench.data.name, server.name, "16 clients", f"{load.errors:.1%} errors")


def lay_out(bench: Bench) -> None:
    """Fill the memory of the server, and lay the same bytes out for nginx."""
    server = bench.servers[_SEEN]
    paths = _paths(server)
    for place, path in enumerate(paths[:: max(1, len(paths) // _PRESSED)][:_PRESSED]):
        body = _read(server, path)
        if "nginx" in bench.servers:
            (bench.work / "nginx" / "files" / f"page{place}.html").write_bytes(body)


@cache
def _paths_of(address: str) -> tuple[str, ...]:
    host, _, port = address.partition(":")
    connection = http.client.HTTPConnection(host, int(port), 60)
    connection.request("GET", "/sitemap.xml")
    text = connection.getresponse().read().decode()
    connection.close()
    places = (part.partition("</loc>")[0] for part in text.split("<loc>")[1:])
    return tuple(sorted({urlsplit(place).path for place in places if "/page/" in place}))


def _paths(server: Server) -> tuple[str, ...]:
    """The pages of things, as the sitemap has them."""
    return _paths_of(f"127.0.0.1:{server.port}")


def _seconds(server: Server, path: str) -> float:
    started = time.perf_counter()
    _read(server, path)
    return time.perf_counter() - started


def _read(server: Server, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, 60)
    connection.request("GET", path, headers={"Accept": "text/html"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} was answered with {answer.status}.")
    return body


def _write_large(file: Path) -> Path:
    """A company of which ten thousand claims are made, each with a citation of its own."""
    if file.exists():
        return file
    thing, kg, rdf = f"<{_BASE}id/org/large>", f"{_BASE}def#", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    lines = [f'{thing} <{rdf}type> <{kg}Company> .\n{thing} {label} "Large"@en .\n']
    for place in range(_CLAIMS):
        claim, node, source = f"<{_BASE}id/org/large/c{place}>", f"<{_BASE}id/node/n{place}>", f"<{_BASE}id/source/s{place % 500}>"
        said = {
            f"<{rdf}type>": f"<{kg}QuantityClaim>",
            f"<{kg}measure>": f"<{_BASE}code/quantity/camera>",
            f"<{kg}quantity>": f'"{place}"^^<http://www.w3.org/2001/XMLSchema#integer>',
            f"<{kg}fromDate>": f'"20{place % 25:02}-01-01"^^<http://www.w3.org/2001/XMLSchema#date>',
            f"<{kg}rank>": f"<{_BASE}code/rank/normal>",
            f"<{kg}certainty>": f"<{_BASE}code/certainty/reported>",
            f"<{kg}citation>": node,
        }
        lines.append(
            f'{thing} <{kg}claim> {claim} .\n{node} <{kg}source> {source} .\n{source} {label} "Source {place % 500}"@en .\n'
        )
        lines += [f"{claim} {key} {value} .\n" for key, value in said.items()]
    file.write_text("".join(lines), "utf-8")
    return file
