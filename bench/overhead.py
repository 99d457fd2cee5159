"""Engines, each with `kg serve` before it, come in; the same queries are sent to both in turn, and the times go out.

One at a time, the difference tells what our layer adds; with several connections, the ratio tells what it costs of the throughput:
where the two share all cores, and where the engine has half of them to itself, as one that runs elsewhere has its own.
Short look-ups and stored questions are told apart: where the engine works long, anything before it looks cheap. Where nginx is
installed it is asked, too, and only passes on: what it costs, no layer goes below. So does `bench.passing`, in Python: what that
costs, no layer in Python goes below.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bench import wrk
from bench.asked import things
from bench.process import apart, can_keep_apart
from bench.queries import ROWS, Query, stored
from bench.samples import APART, SHARED
from bench.servers import OURS, ROOT, Server, await_listening, free_port, running
from kg.store.holding import Holding

if TYPE_CHECKING:
    from bench.scale import Run

_TINY = 40  # look-ups in a round
_CONNECTIONS = 8
_LOADED = (50_000, 2_000_000)  # triples between which throughput is measured: it tells the same of others, and takes minutes
_MOST = 0.5  # seconds that a stored question may take, the slower of the two ways
_NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
_PASSING_ON = """worker_processes 1; pid "{folder}/nginx.pid"; daemon off; error_log "{folder}/nginx.log";
events {{}}
http {{
    access_log off; client_body_temp_path "{folder}"; proxy_temp_path "{folder}"; fastcgi_temp_path "{folder}";
    uwsgi_temp_path "{folder}"; scgi_temp_path "{folder}"; keepalive_requests 10000000;
    upstream engine {{ server 127.0.0.1:{behind}; keepalive 32; keepalive_requests 10000000; }}
    server {{
        listen 127.0.0.1:{port}; large_client_header_buffers 4 64k;
        location / {{ proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffers 16 64k;
            proxy_max_temp_file_size 0; }}
    }}
}}
"""


@dataclass(frozen=True)
class Direct(Query):
    """A query as the engine behind us is sent it: with the graphs that it is about."""

    form: Sequence[tuple[str, str]] = ()

    def path(self, endpoint: str) -> str:
        """See `Query`."""
        return f"{endpoint}?{urlencode(self.form)}"


def measure(run: Run, rounds: int, seconds: float, tell: Callable[[str], None]) -> None:
    """Both ways to each engine, in each round in random order."""
    from bench.scale import release  # noqa: PLC0415 (which asks us)

    folder = release(run.build)
    holding = Holding(json.loads((folder / "manifest.json").read_text("utf-8"))["id"])
    questions = [Query(one.name, one.text) for one in stored(folder / "queries")]
    for target, engine in run.engines.items():
        if target not in run.servers:
            continue
        ours = run.servers[target]
        pairs = _suitable(run, target, holding, questions)
        looked = [
            Query("lookup", f"SELECT ?p ?o WHERE {{ <{iri}> ?p ?o }}") for iri in _drawn(folder, run.draw, _TINY * (rounds + 1))
        ]
        with ExitStack() as stack:
            ways = {"ours": (ours, 0), "direct": (engine, 1)}
            if _NGINX:
                ways["nginx"] = (stack.enter_context(_passing_on(run, engine)), 1)
            ways["passing"] = (stack.enter_context(_passing_in_python(run, engine)), 1)
            for number in range(rounds + 1):
                tiny = [(one, _direct(holding, one)) for one in looked[number * _TINY : (number + 1) * _TINY]]
                _single(run, target, number, "tiny", tiny, ways)
                _single(run, target, number, "stored", pairs, ways)
                if number and _LOADED[0] <= run.triples <= _LOADED[1]:
                    _loads(run, target, number, "tiny", tiny, seconds, ways)
                    _loads(run, target, number, "stored", pairs, seconds, ways)
        tell(f"  overhead over {target}: {len(pairs)} stored questions")


@contextmanager
def _passing_on(run: Run, engine: Server) -> Iterator[Server]:
    """nginx before an engine, with one process and kept connections, that neither reads nor keeps anything."""
    port, config = free_port(), run.work / "nginx.conf"
    config.write_text(_PASSING_ON.format(folder=run.work, behind=engine.port, port=port), "utf-8")
    with running(f"nginx-{engine.name}", (port, engine.endpoint), [str(_NGINX), "-c", str(config)], run.work) as server:
        await_listening(server)
        yield server


@contextmanager
def _passing_in_python(run: Run, engine: Server) -> Iterator[Server]:
    port = free_port()
    command = [str(OURS.with_name("python")), "-m", "bench.passing", f"http://127.0.0.1:{engine.port}", str(port)]
    with running(f"passing-{engine.name}", (port, engine.endpoint), command, run.work, PYTHONPATH=str(ROOT)) as server:
        await_listening(server)
        yield server


def _direct(holding: Holding, one: Query) -> Direct:
    return Direct(one.name, one.text, one.accept, tuple(holding.form(one.text)))


def _drawn(folder: Path, draw: random.Random, count: int) -> list[str]:
    iris = things(folder)
    return [draw.choice(iris) for _ in range(count)]


def _suitable(run: Run, target: str, holding: Holding, questions: Sequence[Query]) -> list[tuple[Query, Direct]]:
    """The questions that are answered on the direct way as well, and soon."""
    quick = {sample.item for sample in run.samples.find("question, first", run.size, target) if sample.value < _MOST}
    return [(one, _direct(holding, one)) for one in questions if one.name in quick]


def _single(  # noqa: PLR0913, PLR0917
    run: Run, target: str, number: int, kind: str, pairs: Sequence[tuple[Query, Query]], ways: Mapping[str, tuple[Server, int]]
) -> None:
    """One at a time, over connections that are kept; which comes first is drawn anew each time."""
    for pair in pairs:
        for way in run.draw.sample(sorted(ways), len(ways)):
            server, place = ways[way]
            reply = server.client.ask(pair[place])
            if reply.status != 200:
                run.samples.blame(f"single, {kind}", run.size, f"{target}, {way}", pair[place].name, f"status {reply.status}")
            elif number:
                run.keep(f"single, {kind}", number, f"{target}, {way}", pair[place].name, reply.seconds)


def _loads(  # noqa: PLR0913, PLR0917
    run: Run,
    target: str,
    number: int,
    kind: str,
    pairs: Sequence[tuple[Query, Query]],
    seconds: float,
    ways: Mapping[str, tuple[Server, int]],
) -> None:
    engine = ways["direct"][0]
    for where in (SHARED, APART) if can_keep_apart() else (SHARED,):
        for way in run.draw.sample(sorted(ways), len(ways)):
            server, place = ways[way]
            lines = [(ROWS, pair[place].path(server.endpoint)) for pair in pairs]
            requests = wrk.write_requests(lines, run.work / "requests.txt")
            near = ways["ours"][0] if server is engine else server
            with apart(engine.process, near.process) if where == APART else nullcontext():
                load = wrk.load(server, requests, _CONNECTIONS, seconds)
            run.keep(f"load, {kind}", number, f"{target}, {way}", where, load.good)
            run.keep(f"processor, {kind}", number, f"{target}, {way}", where, sum(load.processor.values()))
            if load.errors:
                run.samples.blame(f"load, {kind}", run.size, f"{target}, {way}", where, f"{load.errors:.1%} errors")
