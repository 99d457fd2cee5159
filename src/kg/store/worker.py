"""Inside a worker process: requests come in over a socket; answers go out."""

from __future__ import annotations

import json
import socket
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyoxigraph as ox

from kg.errors import BadQuery
from kg.names import BASE
from kg.sparql import is_update, refuse_depth, syntax_error
from kg.store import Dump, Request
from kg.store.message import FRAME, ORDER, Check, Order, Reply, read_request, write_reply
from kg.store.writing import Refused, Rules, write_dataset, write_result

if TYPE_CHECKING:
    from collections.abc import Iterator

_READ = 1 << 16  # bytes read at once
_WORDS = 500  # characters of an error that are passed on
_Found = ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples


def work(connection: socket.socket, store: ox.Store, rules: Rules) -> None:
    """Answer requests until the other end closes."""
    for number, request in _orders(connection):
        reply = _answer(store, read_request(request), rules)
        if isinstance(reply.body, bytes):
            connection.sendall(write_reply(number, reply))
        else:
            with reply.body as file:
                socket.send_fds(connection, [write_reply(number, reply)], [file.fileno()])


def _orders(connection: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Numbers and requests in turn, but for those that are taken back before their turn."""
    received, room = bytearray(), memoryview(bytearray(_READ))
    waiting: deque[tuple[int, bytes]] = deque()
    while True:
        try:
            size = connection.recv_into(room, 0, socket.MSG_DONTWAIT if waiting else 0)
        except BlockingIOError:
            pass
        else:
            if not size:
                return
            received += room[:size]
        while (order := _first_order(received)) is not None:
            number, request = order
            if request:
                waiting.append(order)
            else:
                waiting = deque(other for other in waiting if other[0] <= number)
                connection.sendall(FRAME.pack(number, 0, 0))
            del received[: ORDER.size + len(request)]
        if waiting:
            yield waiting.popleft()


def _first_order(received: bytearray) -> tuple[int, bytes] | None:
    if len(received) < ORDER.size:
        return None
    number, length = ORDER.unpack_from(received)
    end = ORDER.size + length
    return (number, bytes(received[ORDER.size : end])) if len(received) >= end else None


def _answer(store: ox.Store, request: Order, rules: Rules) -> Reply:
    try:
        if isinstance(request, Check):
            return _checked(store, request, rules)
        return _dumped(store, request, rules) if isinstance(request, Dump) else _queried(store, request, rules)
    except Refused as refusal:
        return Reply(*refusal.args)
    except BadQuery as error:
        return Reply("query", json.dumps([str(error), error.line, error.column]))
    except (ValueError, RuntimeError, OSError) as error:
        return Reply("error", str(error)[:_WORDS])


def _checked(store: ox.Store, check: Check, rules: Rules) -> Reply:
    """What sort of query it is: on a store that holds nothing, evaluating it costs hardly more than reading it."""
    try:
        result, added = _evaluate(store, Request(check.text, None, None), rules)
    except (ValueError, RuntimeError, OSError) as error:
        if isinstance(error, SyntaxError):
            raise
        return Reply("", "boolean prefixes")  # of all sorts only an ASK is evaluated before its rows are wanted
    sort = "boolean" if isinstance(result, ox.QueryBoolean) else "rows" if isinstance(result, ox.QuerySolutions) else "graph"
    return Reply("", f"{sort} prefixes" if added else sort)


def _queried(store: ox.Store, request: Request, rules: Rules) -> Reply:
    result, _ = _evaluate(store, request, rules)
    is_graph = isinstance(result, ox.QueryTriples)
    name = request.graph if is_graph else request.results
    if name is None:
        return Reply("format", "graph" if is_graph else "results")
    return write_result(result, name, rules, request.encoding, request.rows)


def _evaluate(store: ox.Store, request: Request, rules: Rules) -> tuple[_Found, bool]:
    """What it finds, and whether prefixes that we know were added.

    What is wrong with a long text takes long to say, so it is said here and not in the server.
    """
    refuse_depth(request.text)
    try:
        return _evaluated(store, request, rules)
    except SyntaxError as error:
        if is_update(request.text):
            raise Refused("update") from None
        raise syntax_error(error, request.text) from None


def _evaluated(store: ox.Store, request: Request, rules: Rules) -> tuple[_Found, bool]:
    more: dict[str, Any] = {"base_iri": BASE}
    if request.default_graphs or request.named_graphs:
        more["default_graph"] = [ox.NamedNode(iri) for iri in request.default_graphs]
        more["named_graphs"] = [ox.NamedNode(iri) for iri in request.named_graphs]
    try:
        return store.query(request.text, **more), False
    except SyntaxError:
        # It may lack prefixes that we know. Handing them over costs as much as a short query, so most should not pay for it.
        return store.query(request.text, prefixes=dict(rules.prefixes), **more), True


def _dumped(store: ox.Store, request: Dump, rules: Rules) -> Reply:
    if request.graph is None:
        quads = chain.from_iterable(store.quads_for_pattern(None, None, None, graph) for graph in _graphs(store))
        return write_dataset(quads, request.format, rules, request.encoding)
    graph = ox.DefaultGraph() if request.graph == "default" else ox.NamedNode(request.graph)
    if not isinstance(graph, ox.DefaultGraph) and not store.contains_named_graph(graph):
        return Reply("absent")
    triples = (quad.triple for quad in store.quads_for_pattern(None, None, None, graph))
    return write_result(triples, request.format, rules, request.encoding)


def _graphs(store: ox.Store) -> list[ox.DefaultGraph | ox.NamedNode | ox.BlankNode]:
    return [ox.DefaultGraph(), *sorted(store.named_graphs(), key=str)]
