"""Hostile queries and clients, over HTTP, against a server of the real data: each is refused or ended, and nobody else notices."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from kg.release import Release
from web.attacking import (
    QUERY,
    Answer,
    Footprint,
    Listener,
    Patient,
    ask,
    connect,
    drain,
    exchange,
    footprint,
    metric,
    query,
    statuses,
)
from web.running import Running, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other clients need other addresses of 127.0.0.0/8, and /proc")

LIMIT = 2.0  # seconds a query may take
GRACE = 1.0  # seconds over the limit, and that somebody else's simple query may take
SETTINGS = {"KG_TIMEOUT": f"{LIMIT:g}", "KG_MEMORY": "300", "KG_RESULT_BYTES": "5000000", "KG_CLIENT_BURST": "1000000"}
AT_ONCE = 5  # hostile queries
HOST = b"Host: x\r\n"
PROBLEM = "https://w3id.org/vigia/problem#"


def count(pattern: str) -> str:
    """A query that takes the whole of a pattern but answers little."""
    return f"SELECT (COUNT(*) AS ?n) WHERE {{ {pattern} }}"


def many(number: int, piece: str, separator: str = " ") -> str:
    """A piece so many times, with # and ## for this and the next number."""
    return separator.join(piece.replace("##", str(i + 1)).replace("#", str(i)) for i in range(number))


def nested(number: int, opening: str, inner: str, closing: str) -> str:
    """A thing within itself."""
    return opening * number + inner + closing * number


# What may become of a query: the status, the type of its problem, and the whole of its sentence.
LESS = "Ask for less: fewer patterns, a LIMIT, no ORDER BY over everything."
PLACE = r"Line \d+, column \d+: .*(did not expect “.+”|something is missing or wrong just before this place|do not match)\."
OUTCOMES = {
    "rows": (200, "", ""),
    "slow": (504, "timeout", f"This query took longer than 2 seconds. {LESS}"),
    "memory": (507, "too-heavy", f"This query needed more than 300 MiB of memory. {LESS}"),
    "deep": (507, "too-heavy", "This query is nested too deeply, or is too long a chain, to be evaluated. Write it flatter."),
    "large": (413, "answer-too-large", "The answer is larger than 5,000,000 bytes. Add a LIMIT, or download the whole data."),
    "long": (413, "request-too-large", re.compile(r"This query is longer than 1,000,000 bytes\. Shorten it, or download .*\.")),
    "wrong": (400, "bad-query", re.compile(PLACE)),
    "formless": (400, "bad-query", "Line 1, column 1: a query says SELECT, ASK, CONSTRUCT or DESCRIBE, after any PREFIX lines."),
    "brackets": (400, "bad-query", re.compile(r"This query nests brackets [\d,]+ deep\. At most 128 are allowed\.")),
    "update": (403, "read-only", "This endpoint is read-only: it answers SELECT, ASK, CONSTRUCT and DESCRIBE, no updates."),
    "refused": (422, "service-refused", re.compile(r"SERVICE may call only <http://127\.0\.0\.1:\d+/sparql>, with .*\.")),
}  # fmt: skip

SPO, PRODUCT = "?a ?b ?c", "?a ?b ?c . ?d ?e ?f"
ANY = "(!<urn:x>)"  # a path of one step, whichever
DOUBLING = "SELECT ?v40 WHERE {{ BIND('aaaaaaaa' AS ?v0) {} }}"
ELSEWHERE = "<http://127.0.0.1:{forbidden}/sparql>"  # a listener, whose port is put in later
ESCAPED = ELSEWHERE.replace("h", r"\u0068", 1)

#: name → query, and what may become of it.
HOSTILE: dict[str, tuple[str, str]] = {
    # products
    "count of two patterns": (count(PRODUCT), "slow memory"),
    "count of three patterns": (count(f"{PRODUCT} . ?g ?h ?i"), "slow memory"),
    "count of four patterns": (count(f"{PRODUCT} . ?g ?h ?i . ?j ?k ?l"), "slow memory"),
    "ORDER BY": (f"SELECT * WHERE {{ {PRODUCT} }} ORDER BY ?f ?a LIMIT 1", "memory slow"),
    "DISTINCT": (f"SELECT DISTINCT ?a ?b ?e ?f WHERE {{ {PRODUCT} }}", "large memory slow"),
    "COUNT DISTINCT": (f"SELECT (COUNT(DISTINCT ?x) AS ?n) {{ {PRODUCT} BIND(CONCAT(STR(?a), STR(?f)) AS ?x) }}", "slow memory"),
    "GROUP BY": (f"SELECT ?a ?f (COUNT(*) AS ?n) {{ {PRODUCT} }} GROUP BY ?a ?f HAVING (?n > 9999999)", "slow memory"),
    "sorted subselects": (
        "SELECT * { { SELECT * { ?a ?b ?c } ORDER BY ?c } { SELECT * { ?d ?e ?f } ORDER BY ?f } } ORDER BY ?a",
        "memory slow",
    ),
    "VALUES": (count(many(6, f"VALUES ?v# {{ {' '.join(map(str, range(60)))} }}")), "slow memory"),
    "graphs": (count("GRAPH ?g { ?a ?b ?c } GRAPH ?h { ?d ?e ?f }"), "slow memory"),
    "OPTIONAL in OPTIONAL": (count("?a ?b ?c OPTIONAL { ?d ?e ?f OPTIONAL { ?g ?h ?i OPTIONAL { ?j ?k ?l } } }"), "memory slow"),
    "sixty OPTIONALs": (f"SELECT * {{ {SPO} {nested(60, f'OPTIONAL {{ {SPO} ', '', '}')} }}", "large slow memory"),
    "NOT EXISTS": (count(f"{SPO} FILTER NOT EXISTS {{ ?d ?e ?f FILTER(STR(?f) = CONCAT(STR(?a), 'x')) }}"), "slow memory"),
    "unbound in EXISTS": (count(f"{SPO} FILTER EXISTS {{ ?x ?y ?z . ?u ?v ?w FILTER(?z = ?nothing) }}"), "slow memory"),
    "MINUS": (count(f"{SPO} MINUS {{ ?a ?e ?f . ?g ?h ?c . ?x ?y ?z }}"), "memory slow"),
    "CONSTRUCT": (f"CONSTRUCT {{ ?a ?b [ ?e [ ?b ?f ] ] }} WHERE {{ {PRODUCT} }}", "large slow"),
    "CONSTRUCT of nothing": (f"CONSTRUCT {{ ?c ?b ?a }} WHERE {{ {PRODUCT} FILTER(isLiteral(?c)) }}", "slow memory"),
    "long template": (f"CONSTRUCT {{ {many(10_000, '?a <urn:#> ?c .')} }} WHERE {{ {SPO} }}", "large slow"),
    "DESCRIBE *": (f"DESCRIBE * WHERE {{ {PRODUCT} }}", "slow memory"),
    "far OFFSET": (f"SELECT * WHERE {{ {PRODUCT} }} OFFSET 3000000000 LIMIT 1", "slow memory"),
    "largest OFFSET and LIMIT": (f"SELECT * {{ {SPO} }} OFFSET 18446744073709551615 LIMIT 18446744073709551615", "rows"),
    "LIMIT that is no number": (f"SELECT * WHERE {{ {SPO} }} LIMIT {'9' * 10_000}", "wrong"),
    # paths
    "closure over everything": (count("?a (rdf:type|rdfs:label|!rdf:type)* ?b"), "slow memory"),
    "closure over cycles": (count(f"?a {ANY}* ?b"), "memory slow"),
    "closure both ways": (count("?a ((!<urn:x>)|(!^<urn:x>))+ ?b . ?b ((!<urn:x>)|(!^<urn:x>))* ?a"), "slow memory"),
    "twenty closures": (count(f"?a {many(20, ANY + '*', '/')} ?b"), "memory slow"),
    "forty optional steps": (count(f"?a {many(40, ANY + '?', '/')} ?b"), "slow memory"),
    "closure of closures": (count(f"?a {nested(110, '(', '!<urn:x>', ')*')} ?b"), "slow memory"),
    "five thousand steps": (count(f"?a {many(5000, 'rdfs:label', '/')} ?b"), "memory deep slow"),
    "twenty thousand denied": (count(f"?a !({many(20_000, '<urn:#>', '|')}) ?b"), "slow memory"),
    # text
    "backtracking": (f"SELECT (REGEX('{'a' * 50_000}!', '^(a+)+$') AS ?x) {{}}", "rows"),
    "counted repetition": (f"SELECT * {{ {SPO} FILTER REGEX(STR(?c), '((a{{100}}){{100}}){{100}}') }}", "slow memory"),
    "many alternatives": (f"SELECT * {{ {SPO} FILTER REGEX(STR(?c), '{many(80_000, 'w#', '|')}') }}", "large slow memory"),
    "a pattern from each row": (count(f"{PRODUCT} FILTER REGEX(STR(?c), STR(?f))"), "slow memory"),
    "REPLACE doubling": (DOUBLING.format(many(40, "BIND(REPLACE(?v#, 'a', 'aa') AS ?v##)")), "memory slow"),
    "CONCAT doubling": (DOUBLING.format(many(40, "BIND(CONCAT(?v#, ?v#) AS ?v##)")), "memory slow"),
    "GROUP_CONCAT": (f"SELECT (GROUP_CONCAT(?x) AS ?y) {{ {PRODUCT} BIND(CONCAT(STR(?a), STR(?f)) AS ?x) }}", "memory slow"),
    "literal of 900 kB": (f"SELECT ('{'x' * 900_000}' AS ?x) {{}}", "rows"),
    "fifty of them": (f"SELECT * {{ VALUES ?y {{ {many(50, '#')} }} BIND('{'x' * 900_000}' AS ?x) }}", "large slow"),
    "number of 900,000 digits": (f"SELECT ({'1' * 900_000} * 2 AS ?x) {{}}", "rows"),
    "year that no calendar has": ("SELECT (YEAR('99999999999999999999-01-01T00:00:00Z'^^xsd:dateTime) AS ?x) {}", "rows"),
    # length
    "IN of 100,000": (count(f"{SPO} FILTER(?c IN ({many(100_000, '#', ',')}))"), "slow memory"),
    "VALUES of 100,000": (count(f"{SPO} VALUES ?c {{ {many(100_000, '#')} }}"), "rows slow"),
    "CONCAT of 100,000": (f"SELECT (CONCAT({many(100_000, chr(39) + 'a' + chr(39), ',')}) AS ?x) {{}}", "rows slow"),
    "ten thousand UNIONs": (f"SELECT * {{ {many(10_000, '{ ?x# a <urn:#> }', ' UNION ')} }}", "deep slow"),
    "ten thousand patterns": (f"SELECT * {{ {many(10_000, '?v# ?p# ?v## .')} }}", "deep slow"),
    "a thousand patterns": (f"SELECT * {{ {many(1000, '?v# ?p# ?v## .')} }}", "slow memory"),
    "ten thousand BINDs": (f"SELECT * {{ {many(10_000, 'BIND(# AS ?v#)')} }}", "deep slow"),
    "five thousand OPTIONALs": (f"SELECT * {{ {many(5000, 'OPTIONAL { ?v# <urn:#> ?v## }')} }}", "slow deep memory"),
    "five thousand aggregates": (f"SELECT {many(5000, '(COUNT(DISTINCT ?c) AS ?v#)')} {{ {SPO} }}", "slow deep memory"),
    "thirty thousand columns": (f"SELECT {many(30_000, '?v#')} {{ ?v1 ?b ?c }}", "slow large memory"),
    "twenty thousand graphs": (f"SELECT * {many(20_000, 'FROM <urn:#>')} {many(10_000, 'FROM NAMED <urn:#>')} {{ {SPO} }}", "rows"),
    "the same graph 10,000 times": (
        f"SELECT (COUNT(*) AS ?n) {many(10_000, 'FROM <https://w3id.org/vigia/graph/derived>')} {{ {PRODUCT} }}",
        "slow memory",
    ),
    "collection of 30,000": (f"SELECT * {{ ?a ?b ({many(30_000, '#')}) }}", "deep slow"),
    "comment of 990 kB": (f"#{'x' * 990_000}\nSELECT * {{ {SPO} }} LIMIT 1", "rows"),
    "comment of 1 MB": (f"#{'x' * 1_000_000}\nSELECT * {{ {SPO} }} LIMIT 1", "long"),
    "400,000 comments": (f"{'#' + chr(10)}" * 400_000 + f"SELECT * {{ {SPO} }} LIMIT 1", "rows"),
    "half a megabyte of lines before a fault": ("\n" * 500_000 + "SELECT * { ?s ?p }", "wrong"),
    "update of half a megabyte": (f"INSERT DATA {{ {many(25_000, '<urn:a> <urn:b> # .')} }}", "update"),
    "nothing": ("", "formless"),
    # depth
    "127 braces": (f"SELECT * {nested(128, '{', f' {SPO} ', '}')} LIMIT 1", "rows"),
    "129 braces": (f"SELECT * {nested(129, '{', f' {SPO} ', '}')} LIMIT 1", "brackets"),
    "400,000 parentheses": (f"SELECT * {{ FILTER{nested(400_000, '(', '1', ')')} }}", "brackets slow"),
    "ten thousand functions": (f"SELECT ({nested(10_000, 'STR(', '1', ')')} AS ?x) {{}}", "brackets"),
    "50,000 triple terms": (f"SELECT * {{ ?a ?b {nested(50_000, '<<( ?a ?b ', '?c', ' )>>')} }}", "brackets slow"),
    "forty triple terms": (f"SELECT * {{ ?a ?b {nested(40, '<<( ?a ?b ', '?c', ' )>>')} }}", "rows"),
    "50,000 reified triples": (f"SELECT * {{ {nested(50_000, '<< ', '?c', ' ?p ?o >>')} ?p ?o }}", "deep slow"),
    "triple terms in triple terms": (
        f"SELECT * {{ BIND(<urn:z> AS ?v0) {many(60, 'BIND(TRIPLE(<urn:s>, <urn:p>, ?v#) AS ?v##)')} }}",
        "rows",
    ),
    "ten thousand !": (f"SELECT * {{ FILTER({'!' * 10_000}true) }}", "deep slow"),
    "ten thousand -": (f"SELECT ({'- ' * 10_000}1 AS ?x) {{}}", "wrong"),
    "ten thousand ^": (count(f"?a {'^' * 10_000}rdf:type ?b"), "wrong"),
    "a hundred - in parentheses": (f"SELECT ({nested(110, '-(', '1', ')')} AS ?x) {{}}", "rows"),
    "ten thousand +": (f"SELECT (1{' + 1' * 10_000} AS ?x) {{}}", "deep slow"),
    "ten thousand ||": (f"SELECT * {{ FILTER(true{' || ?x' * 10_000}) }}", "deep slow"),
    "ten thousand &&": (f"SELECT * {{ FILTER(true{' && ?x' * 10_000}) }}", "deep slow"),
    "sixty NOT EXISTS": (f"SELECT * {{ {SPO} {nested(60, f'FILTER NOT EXISTS {{ {SPO} ', '', '}')} }} LIMIT 1", "rows slow"),
    "sixty subselects": (f"SELECT * {nested(60, '{ { SELECT * ', f' {{ {SPO} }} ', '} }')} LIMIT 1", "rows"),
    "120 blank nodes": (f"SELECT * {{ {nested(120, '[ ?p ', '?x', ' ]')} }}", "slow memory rows"),
    # other servers
    "SERVICE": (f"SELECT * {{ SERVICE {ELSEWHERE} {{ {SPO} }} }}", "refused"),
    "SERVICE SILENT": (f"SELECT * {{ SERVICE SILENT {ELSEWHERE} {{ {SPO} }} }}", "refused"),
    "service in small letters": (f"SELECT * {{ service\tsilent\n{ELSEWHERE} {{ {SPO} }} }}", "refused"),
    "SERVICE behind a full stop": (f"SELECT * {{ ?a ?b 1.SERVICE SILENT{ELSEWHERE} {{ {SPO} }} }}", "refused"),
    "SERVICE before a comment": (f"SELECT * {{ SERVICE#\n{ELSEWHERE} {{ {SPO} }} }}", "refused"),
    "SERVICE of a variable": (f"SELECT * {{ VALUES ?x {{ {ELSEWHERE} }} SERVICE ?x {{ {SPO} }} }}", "refused"),
    "SERVICE of a prefix": (f"PREFIX x: {ELSEWHERE} SELECT * {{ SERVICE x: {{ {SPO} }} }}", "refused"),
    "SERVICE of an escaped address": (f"SELECT * {{ SERVICE {ESCAPED} {{ {SPO} }} }}", "refused"),
    "SERVICE of a file": (f"SELECT * {{ SERVICE <file:///etc/passwd> {{ {SPO} }} }}", "refused"),
    "SERVICE beside an allowed one": (f"SELECT * {{ SERVICE <{{allowed}}> {{ }} SERVICE {ELSEWHERE} {{ {SPO} }} }}", "refused"),
    "SERVICE in an allowed one": (f"SELECT * {{ SERVICE <{{allowed}}> {{ SERVICE {ELSEWHERE} {{ {SPO} }} }} }}", "refused"),
    "SERVICE with an escaped letter": (f"SELECT * {{ {chr(92)}u0053ERVICE {ELSEWHERE} {{ {SPO} }} }}", "wrong refused"),
    "SERVICE behind a string that looks longer": (
        f"SELECT * {{ VALUES ?x {{ \"\"\"a\" }} SERVICE SILENT {ELSEWHERE} {{ {SPO} }} }} #\"\"\"",
        "wrong refused",
    ),
    "SERVICE ten thousand times": (f"SELECT * {{ {many(10_000, 'SERVICE <urn:#> { }')} }}", "refused"),
    "SERVICE that never answers": (f"SELECT * {{ SERVICE <{{allowed}}> {{ {SPO} }} }}", "slow"),
    # characters
    "half a surrogate": (r"SELECT ('\uD800' AS ?x) {}", "wrong"),
    "surrogate in UTF-8": ("SELECT ('\ud800' AS ?x) {}", "not-text"),
    "beyond Unicode": (r"SELECT ('\U00110000' AS ?x) {}", "wrong"),
    "escaped NUL": (r"SELECT ('\u0000' AS ?x) {}", "rows"),
    "NUL in a string": ("SELECT ('\0' AS ?x) {}", "rows"),
    "NUL among words": ("SELECT * {\0}", "wrong"),
    "BOM in a query": (f"SELECT * {{ \ufeff {SPO} }} LIMIT 1", "wrong"),
    "marks from right to left": ("SELECT ('\u202e\u2066\u200f' AS ?x) {}", "rows"),
    "no characters": ("SELECT ('\ufffe\uffff' AS ?x) {}", "rows"),
    "400,000 accents on one letter": (f"SELECT ('e{chr(0x301) * 400_000}' AS ?x) {{}}", "rows"),
    "escaped braces": (f"SELECT * {nested(10_000, chr(92) + 'u007B', SPO, chr(92) + 'u007D')}", "wrong brackets deep"),
}  # fmt: skip
OUTCOMES["not-text"] = (400, "bad-request", "The body is not UTF-8 text.")


@pytest.fixture(scope="module")
def listeners() -> Iterator[tuple[Listener, Listener]]:
    """Two servers that never answer: one that SERVICE may call, and one that it may not."""
    allowed, forbidden = Listener(), Listener()
    yield allowed, forbidden
    allowed.close()
    forbidden.close()


@pytest.fixture(scope="module")
def server(real: tuple[Path, Release], listeners: tuple[Listener, Listener]) -> Iterator[Running]:
    """A server of the real data, with tight limits and without throttling."""
    with serving("--build", real[0], **SETTINGS, KG_SERVICES=listeners[0].address) as running:
        yield running


@pytest.fixture(scope="module")
def before(server: Running) -> Footprint:
    """What the server takes once it has done some of everything."""
    for text in ("SELECT * { ?a ?b ?c } LIMIT 10000", count(PRODUCT), "DESCRIBE ?a WHERE { ?a a kg:Organisation }"):
        query(server, text)
        ask(server, "GET", f"/sparql?{urlencode({'query': text})}", Accept="text/html")
    ask(server, "GET", "/dump/kg.nq")
    return settled(server)


def settled(server: Running) -> Footprint:
    """What the server takes once nobody asks anything."""
    deadline = time.monotonic() + 5
    taken = footprint(server)
    while time.monotonic() < deadline:
        time.sleep(0.3)
        last, taken = taken, footprint(server)
        if last == taken:
            break
    return taken


@dataclass
class Siege:
    """What became of all hostile queries, and of somebody patient meanwhile."""

    answers: dict[str, Answer] = field(default_factory=dict)
    patient: Patient | None = None


@pytest.fixture(scope="module")
def slow_clients(server: Running, before: Footprint) -> Iterator[dict[str, _Slow]]:
    """Clients that take their time, all begun now, while other tests run."""
    form = f"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: {QUERY}\r\nContent-Length: 1000\r\n\r\n".encode()
    clients = {
        "head by the second": _Slow(server, b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\n"),
        "body by the second": _Slow(server, form),
        "nothing": _Slow(server, b"", drip=False),
        "half a body": _Slow(server, form + b"ASK", drip=False),
    }
    yield clients
    for client in clients.values():
        client.close()


class _Slow:
    """A client that sends a byte each second."""

    def __init__(self, server: Running, first: bytes, drip: bool = True) -> None:
        self._connection = connect(server, "127.0.0.3", patience=1)
        self._drip, self._begun = drip, time.monotonic()
        self._connection.sendall(first)
        self.received, self.seconds = b"", 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self._thread.start()

    def _go_on(self) -> None:
        with contextlib.suppress(ConnectionError):
            while not self._end.is_set():
                if self._drip:
                    self._connection.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    part = self._connection.recv(1 << 16)
                    if not part:
                        break
                    self.received += part
        self.seconds = time.monotonic() - self._begun

    def wait(self, seconds: float) -> None:
        """Until the server has had enough; fails if that takes longer."""
        self._thread.join(max(0.0, self._begun + seconds - time.monotonic()))
        assert not self._thread.is_alive(), f"The connection is open after {seconds:.0f} seconds."

    def close(self) -> None:
        """End it, whatever it is at."""
        self._end.set()
        self._thread.join()
        self._connection.close()


@pytest.fixture(scope="module")
def siege(server: Running, before: Footprint, slow_clients: dict[str, _Slow], listeners: tuple[Listener, Listener]) -> Siege:
    """All hostile queries, a few at a time and each few from other addresses, while somebody else asks simple ones."""
    places = {"{allowed}": listeners[0].address, "{forbidden}": listeners[1].address.split(":")[2].split("/")[0]}
    sources = [f"127.0.1.{number + 1}" for number in range(AT_ONCE)]
    found = Siege()

    def attack(name: str) -> None:
        text = HOSTILE[name][0]
        for place, value in places.items():
            text = text.replace(place, value)
        source = sources.pop()
        found.answers[name] = query(server, text, source)
        sources.append(source)

    with Patient(server) as patient, ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(attack, HOSTILE))
    found.patient = patient
    return found


# Queries


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_query_ends_in_time_and_in_true_words(siege: Siege, name: str) -> None:
    answer, allowed = siege.answers[name], HOSTILE[name][1].split()
    assert answer.seconds < LIMIT + GRACE
    assert answer.status in {OUTCOMES[outcome][0] for outcome in allowed}, answer.body[:300]
    if answer.status == 200:
        check_rows(answer)
    else:
        check_problem(answer, allowed)


def check_rows(answer: Answer) -> None:
    """Whether it is whole SPARQL JSON."""
    assert answer.headers["content-type"] == "application/sparql-results+json"
    assert isinstance(answer.document["results"]["bindings"], list)


def check_problem(answer: Answer, allowed: list[str]) -> None:
    """Whether status, type and sentence are those of one allowed outcome."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.document
    assert document["status"] == answer.status
    assert document["title"]
    for status, kind, sentence in (OUTCOMES[outcome] for outcome in allowed):
        if (status, PROBLEM + kind) == (answer.status, document["type"]) and _says(document["detail"], sentence):
            break
    else:
        pytest.fail(f"{document['type']}: {document['detail']}")
    if document["detail"].startswith("Line"):
        assert document["detail"].startswith(f"Line {document['line']}, column {document['column']}:")


def _says(detail: str, sentence: str | re.Pattern[str]) -> bool:
    return detail == sentence if isinstance(sentence, str) else bool(sentence.fullmatch(detail))


def test_each_end_that_a_query_can_have_is_seen(siege: Siege) -> None:
    """A machine that is busy otherwise makes anything slow, so that alone says little."""
    assert {answer.status for answer in siege.answers.values()} == {status for status, _, _ in OUTCOMES.values()}


def test_nobody_else_notices(siege: Siege) -> None:
    patient = siege.patient
    assert patient is not None
    print(f"{len(patient.seconds)} answers, p99 {patient.percentile(0.99):.3f} s, slowest {max(patient.seconds):.3f} s")
    assert patient.faults == []
    assert len(patient.seconds) > 100
    assert max(patient.seconds) < GRACE


def test_only_the_server_that_is_allowed_was_called(siege: Siege, listeners: tuple[Listener, Listener]) -> None:
    allowed, forbidden = listeners
    assert allowed.came == 1
    assert forbidden.came == 0


# Each is a text on which some way to read it takes the square of that in time.
TEXTS = {
    "full stops": "." * 300_000,
    "digits": "1" * 300_000,
    "letters and full stops": ".a" * 150_000,
    "underscores": "_1" * 150_000,
    "letters of others": "é" * 150_000,
    "hyphens": "a-" * 150_000,
    "escapes in a string without end": '"' + r"\"" * 150_000,
    "escapes behind quotation marks": r"\"" * 150_000,
    "long strings without end": r'\"""x"' * 50_000,
    "addresses without end": "<a" * 150_000,
    "prefixes without end": "PREFIX " * 40_000,
    "colons": ":" * 300_000,
    "question marks": "?" * 300_000,
}
#: What makes us read the text at all: many brackets, a word, a fault.
REASONS = {
    "brackets": "SELECT * {{ FILTER((" + "()" * 129 + ") {} }}",
    "SERVICE": "SELECT * {{ SERVICE {} }}",
    "fault": "SELECT * {{ ?s ?p {} }} }}",
}


@pytest.fixture(scope="module")
def victim(small: tuple[Path, Release]) -> Iterator[Running]:
    """A server of its own for what may hold a server up for ever."""
    with serving("--build", small[0], **SETTINGS) as running:
        yield running


@pytest.fixture
def besieged(real: tuple[Path, Release]) -> Iterator[Running]:
    """The same, with the stored questions of the real data, for one test."""
    with serving("--build", real[0], **SETTINGS) as running:
        yield running


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("text", TEXTS)
def test_no_text_holds_the_server_up(victim: Running, text: str, reason: str) -> None:
    before = ask(victim, "GET", "/health", source="127.0.0.2", patience=1)
    assert before.status == 200, "It is held up still by the test before."
    answer = query(victim, REASONS[reason].format(TEXTS[text]), patience=LIMIT + GRACE)
    assert answer.status in (400, 422, 507), answer.body[:200]
    assert answer.seconds < LIMIT + GRACE


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_blanks_hold_the_page_up(besieged: Running, method: str) -> None:
    """The page looks whether the query is a stored question with other values."""
    text = f"VALUES ?country {{{' ' * 20_000}"
    if method == "GET":
        answer = ask(besieged, "GET", f"/sparql?{urlencode({'query': text})}", patience=LIMIT + GRACE, Accept="text/html")
    else:
        answer = query(besieged, text, patience=LIMIT + GRACE, Accept="text/html")
    assert answer.status == 400, answer.body[:200]


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_many_long_wrong_queries_at_once_hold_nobody_up(victim: Running, accept: str) -> None:
    """What is said about a fault must be found out where it holds up nobody."""
    texts = [f"SELECT * {{ {many(30_000, '?a ?b ?c# . ')} ?a ?b }} # {number}" for number in range(6)]
    texts += [f"SELECT * {{ # service {number}\n{'{' * 900_000}" for number in range(6)]
    query(victim, "ASK {", Accept=accept)  # the first page takes longer: its template is compiled
    with Patient(victim) as patient, ThreadPoolExecutor(len(texts)) as pool:
        answers = list(pool.map(lambda text: query(victim, text, Accept=accept), texts))
    found = {answer.status for answer in answers}
    assert 400 in found
    assert found <= {400, 503, 504}  # they are long, and all of one client
    assert patient.faults == []
    assert max(patient.seconds) < GRACE


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("SELECT * {\n ?a é ?c }", 2, 5),
        ("SELECT + { ?a ?b ?c }", 1, 8),
        ("SELECT * { \ufeff ?a ?b ?c }", 1, 12),
        ("SELECT (1 = 1 = 2 AS ?x) {}", 1, 15),
    ],
    ids=["letter", "plus", "mark", "equals"],
)
def test_what_is_shown_of_a_fault_holds_the_fault(victim: Running, text: str, line: int, column: int) -> None:
    """The parser itself may name a place that lies behind it."""
    problem = query(victim, text).document
    assert problem["line"] == line
    assert problem["column"] <= column
    shown = problem["detail"].partition("“")[2].partition("”")[0]
    assert text.split("\n")[line - 1][column - 1 :].startswith(shown[column - problem["column"] :])
    assert len(shown) > column - problem["column"]


# Clients that send what they should not

POST = f"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: {QUERY}\r\n".encode()
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"
ASK_ALL = b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\n"
#: name → what is sent, and the statuses that may come, in order; 0 for none.
SENT: dict[str, tuple[bytes, set[int]]] = {
    "body of 10 MB": (POST + b"Content-Length: 10000000\r\n\r\n" + b"#" * 10_000_000, {413}),
    "chunks of 10 MB": (CHUNKED + (b"10000\r\n" + b"#" * 65536 + b"\r\n") * 160 + b"0\r\n\r\n", {413}),
    "body of a terabyte": (POST + b"Content-Length: 1000000000000\r\n\r\n" + b"#" * 4_000_000, {413}),
    "header without end": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 5_000_000, {400, 431}),
    "headers without end": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 1_000_000, {400, 431}),
    "200 headers": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 200 + b"\r\n", {400, 431}),
    "target of 5 MB": (GET % (b"/sparql?query=" + b"a" * 5_000_000), {400, 414, 431}),
    "10,000 parameters": (GET % (b"/sparql?" + b"&".join(b"a%d" % number for number in range(10_000))), {400}),
    "10,000 parameters of a page": (GET % (b"/page/def?" + b"&".join(b"a%d" % number for number in range(10_000))), {200, 400}),
    "chunk of garbage": (CHUNKED + b"zzz\r\nhello\r\n0\r\n\r\n", {400}),
    "chunk without measure": (CHUNKED + b"f" * 30 + b"\r\nhello", {400}),
    "length below zero": (POST + b"Content-Length: -5\r\n\r\nASK{}", {400}),
    "length in words": (POST + b"Content-Length: five\r\n\r\nASK{}", {400}),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nASK{}xx", {400}),
    "length and chunks": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nASK{}\r\n0\r\n\r\n", {400}),
    "chunks that are none": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n5\r\nASK{}\r\n0\r\n\r\n", {400}),
    "body that is not UTF-8": (POST + b"Content-Length: 6\r\n\r\nASK{\xe9}", {400}),
    "path that is not UTF-8": (GET % b"/page/%ff%fe", {400, 404}),
    "path of raw bytes": (GET % b"/page/\xe9\xff", {400, 404}),
    "query that is not UTF-8": (GET % b"/sparql?query=%ff", {400}),
    "query of raw bytes": (GET % b"/sparql?query=\xff", {400}),
    "escapes that are none": (GET % b"/sparql?query=ASK%zz%{}", {400}),
    "parameter that is not UTF-8": (GET % b"/browse?class=%ff%00", {400}),
    "graph that is not UTF-8": (GET % b"/rdf-graph-store?graph=%ff", {400}),
    "language that is not UTF-8": (GET % b"/page/def?lang=%ff%00", {200}),
    "file called NUL": (GET % b"/static/%00", {404}),
    "question called NUL": (GET % b"/questions/%00", {404}),
    "path of 5,000 letters": (GET % (b"/static/" + b"a" * 5000), {404}),
    "headers that are not text": (ASK_ALL + b"Host: \xff\r\nAccept: \xff\r\nAccept-Encoding: \xff\r\n\r\n", {200, 400, 406}),
    "type that is not text": (b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: \xff\r\nContent-Length: 5\r\n\r\nASK{}", {415}),
    "NUL in a header": (b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", {400}),
    "NUL in the target": (GET % b"/\0", {400}),
    "100,000 NULs": (b"\0" * 100_000, {400, 431}),
    "HTTP/0.9": (b"GET /health\r\n\r\n", {0, 200, 400}),
    "HTTP/1.0": (b"GET /health HTTP/1.0\r\n\r\n", {200}),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
    "TLS": (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"a" * 500, {400}),
    "absolute form": (GET % b"http://elsewhere.example/sparql?query=ASK%7B%7D", {200}),
    "web socket": (ASK_ALL + b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", {200, 400}),
    "HTTP/2 by upgrade": (ASK_ALL + b"Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", {200, 400}),
    "TRACE": (b"TRACE /sparql HTTP/1.1\r\nHost: x\r\n\r\n", {405}),
    "CONNECT": (b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", {400, 404, 405}),
    "PUT": (b"PUT /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nASK{}", {405}),
    "DELETE of a page": (b"DELETE /page/def HTTP/1.1\r\nHost: x\r\n\r\n", {405}),
    "method that is none": (b"FOO /sparql HTTP/1.1\r\nHost: x\r\n\r\n", {400, 405}),
    "OPTIONS of everything": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", {204}),
}  # fmt: skip


@pytest.mark.parametrize("name", SENT)
def test_what_is_no_request_is_refused(server: Running, before: Footprint, name: str) -> None:
    sent, allowed = SENT[name]
    begun = time.monotonic()
    received = exchange(server, sent)
    assert time.monotonic() - begun < 3
    assert set(statuses(received) or [0]) <= allowed, received[:300]
    assert b"Traceback" not in received
    assert ask(server, "GET", "/health", source="127.0.0.2").seconds < GRACE


def test_what_follows_a_short_body_is_no_answer_to_somebody_else(server: Running) -> None:
    """The rest of a body that is longer than was said is no request: it is refused, and the connection ends."""
    received = exchange(server, POST + b"Content-Length: 5\r\n\r\nASK{}garbage\r\n\r\n")
    assert statuses(received)[-1] == 400


def test_fifty_requests_in_one_packet_are_answered_in_order(server: Running) -> None:
    sent = b"".join(GET % f"/sparql.csv?query={quote(f'SELECT ({number} AS ?n) {{}}')}".encode() for number in range(50))
    received = exchange(server, sent, silence=1)
    assert statuses(received) == [200] * 50
    assert re.findall(rb"\r\n\r\nn\r\n(\d+)\r\n", received) == [b"%d" % number for number in range(50)]


@pytest.mark.parametrize(
    "path",
    [
        "/sparql?query=ASK%7B%7D&format=json{}",
        "/page/def?lang=es{}",
        "/id/org/x{}",
        "/data/org/x{}.ttl",
        "/questions/x{}",
        "/resource?iri=http://a/{}",
        "/browse?class=http://a/{}",
        "/rdf-graph-store?graph=http://a/{}",
        "/dump/kg.ttl?x={}",
    ],
)
def test_no_header_is_slipped_in(server: Running, path: str) -> None:
    received = exchange(server, GET % path.format("%0d%0aX-Slipped:%20in%0d%0a%0d%0a").encode())
    head = received.partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 ")
    assert b"x-slipped" not in head.lower()


@pytest.mark.parametrize("path", ["/", "/sparql", "/void.ttl", "/openapi.json", "/def", "/id/graph", "//elsewhere.example/sparql/"])
def test_no_host_is_taken_over_that_could_be_a_script(server: Running, path: str) -> None:
    answer = ask(server, "GET", path, Host='elsewhere.example"><script>', Accept="text/turtle, text/html;q=0.5, application/json")
    assert answer.status < 500
    assert b'elsewhere.example">' not in answer.body
    assert "elsewhere.example" not in answer.headers.get("location", "")


@pytest.mark.parametrize("prefix", ["/dump/", "/data/", "/static/", "/questions/", "/page/", "/void/"])
@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd",
        "..%2f..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/manifest.json",
        "..%5c..%5cmanifest.json",
        "/etc/passwd",
        "....//manifest.json",
        "manifest.json",
        "..%2fmanifest.json",
        "..%00/manifest.json",
    ],
)
def test_no_path_leads_out(server: Running, prefix: str, path: str) -> None:
    received = exchange_quickly(server, GET % (prefix + path).encode())
    assert statuses(received)[0] in (400, 404)
    assert b"root:" not in received
    assert b"sha256" not in received


def exchange_quickly(server: Running, sent: bytes) -> bytes:
    """The same as `exchange` for one request, without waiting for more."""
    return exchange(server, sent.replace(HOST, HOST + b"Connection: close\r\n", 1))


# Clients that hold on to what they have


def test_idle_connections_keep_nobody_out(server: Running, before: Footprint) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(200):
            connection = stack.enter_context(connect(server, "127.0.0.4"))
            if number % 2:
                connection.sendall(b"GET / HT")
        with Patient(server) as patient:
            time.sleep(0.5)
    assert patient.faults == []
    assert max(patient.seconds) < GRACE


def test_who_hangs_up_frees_the_worker_at_once(server: Running, before: Footprint) -> None:
    body = f"{count(PRODUCT)} # hung up".encode()
    connection = connect(server, "127.0.0.5")
    connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    until(lambda: metric(server, 'kg_queries{stage="old"}') == 1)
    busy = footprint(server)
    connection.close()
    begun = time.monotonic()
    until(lambda: metric(server, 'kg_queries{stage="old"}') == 0)
    until(lambda: footprint(server).processes < busy.processes)
    assert time.monotonic() - begun < GRACE / 2
    assert footprint(server).zombies == 0


def until(condition: Callable[[], bool], patience: float = 1.5) -> None:
    """Wait for something that should be so soon."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "It has not come about."
        time.sleep(0.02)


def test_who_reads_nothing_keeps_no_worker(server: Running, before: Footprint) -> None:
    text = f"SELECT * {{ BIND('{'x' * 48_000}' AS ?x) VALUES ?n {{ {many(100, '#')} }} }}".encode()  # 4.8 MB
    held = []
    with contextlib.ExitStack() as stack, Patient(server) as patient:
        for _ in range(5):
            held.append(stack.enter_context(connect(server, "127.0.0.6", buffer=4096)))
            held[-1].sendall(POST + b"Content-Length: %d\r\n\r\n" % len(text) + text)
        assert all(connection.recv(12) == b"HTTP/1.1 200" for connection in held)
        assert metric(server, 'kg_queries{stage="old"}') == 0
        assert metric(server, 'kg_queries{stage="young"}') <= 1  # of the patient one
        held[0].settimeout(5)
        assert len(drain(held[0])) > 4_800_000  # whoever begins to read gets all of it
    assert patient.faults == []
    assert max(patient.seconds) < GRACE


def test_sixty_slow_queries_of_one_leave_room_for_others(server: Running, before: Footprint) -> None:
    texts = [f"{count(PRODUCT)} # {number}" for number in range(60)]
    with Patient(server) as patient, ThreadPoolExecutor(len(texts)) as pool:
        answers = list(pool.map(lambda text: query(server, text, "127.0.0.7"), texts))
        assert query(server, f"{count(PRODUCT)} # another", "127.0.0.8").status == 504
    assert patient.faults == []
    assert max(patient.seconds) < GRACE
    counts = {status: sum(answer.status == status for answer in answers) for status in (503, 504)}
    assert sum(counts.values()) == 60
    assert counts[504] >= 3
    assert counts[503] >= 40
    for answer in answers:
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            assert answer.kind == "overloaded"
            assert answer.document["detail"] == (
                "You have too many long queries running at the same time. Try again in 10 seconds."
            )
            assert answer.headers["retry-after"] == "10"


# Clients that ask too much


@pytest.fixture(scope="module")
def strict(small: tuple[Path, Release]) -> Iterator[Running]:
    """A server that gives each client one second, and believes one proxy."""
    with serving("--build", small[0], **SETTINGS | {"KG_CLIENT_BURST": "1"}, KG_PROXIES="127.0.0.20") as running:
        yield running


HEAVY = count(f"{PRODUCT} . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o")


def exhaust(server: Running, source: str, **headers: str) -> None:
    """Use up the time of a client."""
    assert query(server, HEAVY, source, **headers).status == 504
    refused = query(server, "ASK {}", source, **headers)
    assert refused.status == 429
    assert refused.kind == "throttled"
    assert 1 <= int(refused.headers["retry-after"]) <= 3
    assert re.fullmatch(
        r"You have used your 1 seconds? of query time; 1 more come with each second\. Try again in \d seconds?\.",
        refused.document["detail"],
    )


def test_who_has_used_his_time_waits_and_others_do_not(strict: Running) -> None:
    exhaust(strict, "127.0.0.10")
    assert query(strict, "ASK {}", "127.0.0.11").status == 200
    assert ask(strict, "GET", "/page/def", source="127.0.0.10").status == 200  # pages are no queries


def test_nobody_is_somebody_else_by_saying_so(strict: Running) -> None:
    exhaust(strict, "127.0.0.12")
    for header in ("X_Forwarded_For", "Forwarded", "X_Real_IP", "Client_IP", "True_Client_IP"):
        assert query(strict, "ASK {}", "127.0.0.12", **{header: "for=198.51.100.7"[4 * (header != "Forwarded") :]}).status == 429


def test_a_proxy_that_is_named_speaks_for_its_clients(strict: Running) -> None:
    exhaust(strict, "127.0.0.20", X_Forwarded_For="198.51.100.8")
    assert query(strict, "ASK {}", "127.0.0.20", X_Forwarded_For="198.51.100.9").status == 200
    # What a client has written itself stands before what the proxy has written.
    assert query(strict, "ASK {}", "127.0.0.20", X_Forwarded_For="198.51.100.10, 198.51.100.8").status == 429


# Clients that take their time, and what is left in the end


def test_a_head_must_arrive_in_time(slow_clients: dict[str, _Slow]) -> None:
    for name in ("head by the second", "nothing"):
        slow_clients[name].wait(18)
        assert slow_clients[name].received == b""


def test_a_body_must_arrive_in_time(slow_clients: dict[str, _Slow]) -> None:
    for name in ("body by the second", "half a body"):
        slow_clients[name].wait(28)
        received = slow_clients[name].received
        assert statuses(received) == [408]
        assert json.loads(received.partition(b"\r\n\r\n")[2])["type"] == PROBLEM + "too-slow"


def test_afterwards_all_is_as_before(server: Running, before: Footprint, siege: Siege) -> None:
    until(lambda: ask(server, "GET", "/health").status == 200, 5)
    assert ask(server, "GET", "/health").document["status"] == "ok"
    for stage in ("young", "old", "waiting"):
        assert metric(server, f'kg_queries{{stage="{stage}"}}') == 0
    after = settled(server)
    print(f"before {before}\nafter {after}")
    assert after.processes == before.processes
    assert after.zombies == 0
    assert after.files <= before.files + 8
    assert after.memory < before.memory + 150


def test_what_is_logged_says_neither_who_nor_what(server: Running, siege: Siege) -> None:
    logged = Path(f"/proc/{server.process.pid}/fd/2").read_text("utf-8")
    events = [json.loads(line) for line in logged.splitlines()]
    assert sum(event["message"] == "long query" for event in events) > 10
    assert "Traceback" not in logged
    assert not {"ERROR", "CRITICAL"} & {event["level"] for event in events}
    assert not re.search(r"127\.0\.\d+\.\d+", logged)
    assert not re.search(r"select|where|\?a\b|urn:|rdfs?:", logged, re.IGNORECASE)
