"""A release on disk comes in; the same in an engine elsewhere, compared and then made the current one there, goes out.

New graphs come first, under names that nobody asks for yet (`kg.store.holding`); only when all are there and compare well, the
graph of releases is replaced, by one PUT. Triples are sent in the order of the dump, and a graph is a set: how far an earlier
attempt came is seen from how many triples the engine has, and sending some of them again changes nothing. Whatever bulk loader an
engine has can do the sending instead (`write_for_bulk`); the rest is the same.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import pyoxigraph as ox

from kg.errors import EngineFailed, KgError
from kg.names import DATASET, LAYERS, PREFIXES, layer, release_iri
from kg.release import NQUADS, Release
from kg.settings import Settings
from kg.store.breaker import Breaker
from kg.store.dialects import DIALECTS
from kg.store.engine import SOLUTIONS, TRIPLES, Engine, Found
from kg.store.holding import POINTER, Holding, Unmarked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_LINES = 50_000  # triples that are sent at once: about 8 MB
_SECONDS = 3600.0  # that an engine may take to count, to compare or to drop a graph
_PIECE_SECONDS = 300.0  # that it may take to take in what is sent at once
_NOTICED = 12.0  # after which every server has seen that a release is gone (kg.store.remote looks every 5)
_SAMPLED = 5_000  # triples, about, of which the canonical hashes are compared
_SUBJECTS = 50  # in one question
_MOST = 1 << 28  # bytes of an answer
_MOST_LISTED = 3  # times that the graph of releases is written, where another writes it, too
_DEFAULT = "default"
_ENDS = {f" <{layer(name)}> .\n".encode(): layer(name) for name in LAYERS}
_SPACES = 4  # in a line that names a graph: subjects and predicates are IRIs, which have none
_COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
_CURRENT = ox.NamedNode("http://www.w3.org/ns/dcat#hasCurrentVersion")
_IDENTIFIER = ox.NamedNode(PREFIXES["dct"] + "identifier")
_PART_OF = ox.NamedNode(PREFIXES["dct"] + "isPartOf")
_TRIPLES = ox.NamedNode("http://rdfs.org/ns/void#triples")
#: How far it is: done, of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Compared:
    """A graph of the release here, and in the engine."""

    graph: str
    here: int  # triples
    there: int
    hash_here: str  # of a sample, in canonical form (RDFC-1.0: without blank nodes, sorted N-Triples); SHA-256
    hash_there: str
    differing: Sequence[str]  # some triples that only one side has

    @property
    def is_equal(self) -> bool:
        """Whether they are the same, as far as was looked."""
        return self.here == self.there and self.hash_here == self.hash_there


def load(release: Release, settings: Settings, progress: Progress) -> list[Compared]:
    """Load a release, from where an earlier attempt was cut short, and make it the current one there.

    What is there but differs is told and not made current. Raises KgError where the engine does not do as it is asked.
    """
    return asyncio.run(_load(release, settings, progress))


def compare(release: Release, settings: Settings) -> list[Compared]:
    """A release here, and what an engine has of it."""
    return asyncio.run(_compare_alone(release, settings))


def remove(release: str, settings: Settings) -> None:
    """Take a release out of an engine, by its id; raises KgError where it is the current one."""
    asyncio.run(_remove(release, settings))


def held(settings: Settings) -> tuple[list[str], str]:
    """The ids of the releases that an engine holds, and of the current one."""
    return asyncio.run(_held(settings))


def write_for_bulk(release: Release, path: Path) -> int:
    """The triples with the names that their graphs have in an engine, as N-Quads with gzip, for its own bulk loader; how many.

    Nobody knows which engine that will be, so what any of them would garble is disguised.
    """
    holding, number = Holding(release.manifest.id), 0
    garbled = sorted({iri for dialect in DIALECTS for iri in dialect.garbles})
    with gzip.open(path, "wb", compresslevel=5) as file:
        for graph, line in _lines(release):
            file.write(holding.disguised(line, garbled)[:-2] + f"<{holding.graph(graph)}> .\n".encode())
            number += 1
    return number


async def _load(release: Release, settings: Settings, progress: Progress) -> list[Compared]:
    holding = Holding(release.manifest.id)
    here = _count(release)
    async with _open(settings) as engine:
        there = {graph: await _count_there(engine, holding.graph(graph)) for graph in here}
        await _clear(engine, holding, [graph for graph in here if there[graph] > here[graph]], there)  # no earlier attempt of ours
        await _send(engine, release, here, there, progress)
        compared = await _compare(engine, release, here)
        if lost := [each.graph for each in compared if each.there != each.here]:  # of an early piece, or the engine loses some
            there = dict(here)
            await _clear(engine, holding, lost, there)
            await _send(engine, release, here, there, progress)
            compared = await _compare(engine, release, here)
        if all(each.is_equal for each in compared):
            await _point(engine, release, compared)
    return compared


async def _clear(engine: Engine, holding: Holding, graphs: Sequence[str], there: dict[str, int]) -> None:
    """Begin graphs anew."""
    for graph in graphs:
        await engine.write("DELETE", holding.graph(graph), b"", _SECONDS)
        there[graph] = 0


async def _send(engine: Engine, release: Release, here: Mapping[str, int], there: Mapping[str, int], progress: Progress) -> None:
    holding, total = Holding(release.manifest.id), sum(here.values())
    pieces: dict[str, list[bytes]] = {graph: [] for graph in here}
    read: Counter[str] = Counter()
    # What stands before the last piece is there, whole; of the last piece nobody knows.
    begin = {graph: there[graph] if there[graph] == here[graph] else there[graph] // _LINES * _LINES for graph in here}
    for graph, line in _lines(release):
        read[graph] += 1
        if read[graph] > begin[graph]:
            pieces[graph].append(line)
        if len(pieces[graph]) == _LINES or (pieces[graph] and read[graph] == here[graph]):
            triples = holding.disguised(b"".join(pieces[graph]), engine.dialect.garbles)
            await engine.write("POST", holding.graph(graph), triples, _PIECE_SECONDS)
            pieces[graph] = []
            progress(read.total(), total)


def _lines(release: Release) -> Iterator[tuple[str, bytes]]:
    """Each triple with its graph, as N-Triples, in the order of the dump."""
    with (release.path / NQUADS).open("rb") as file:
        for line in file:
            graph = next((graph for end, graph in _ENDS.items() if line.endswith(end)), _DEFAULT)
            if graph == _DEFAULT or line.count(b" ") < _SPACES:  # a triple about a graph ends so, too
                yield _DEFAULT, line
            else:
                yield graph, line[: -len(graph) - 6] + b" .\n"


def _count(release: Release) -> dict[str, int]:
    return dict(sorted(Counter(graph for graph, _ in _lines(release)).items()))


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Engine]:
    engine = Engine(settings, Breaker(), 2)
    try:
        await engine.open()
        yield engine
    finally:
        await engine.close()


async def _count_there(engine: Engine, graph: str) -> int:
    form = [("query", _COUNT), ("default-graph-uri", graph)]
    found = await engine.probe(form, SOLUTIONS, _SECONDS, _MOST)
    with _reading(found):
        body = cast("IO[bytes]", Unmarked(found.body, ""))
        (row,) = cast("ox.QuerySolutions", ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON))
        return int(row["n"].value)


@contextmanager
def _reading(found: Found) -> Iterator[None]:
    """Raise EngineFailed where an answer is not what was asked for, and close it."""
    with found.body:
        try:
            yield
        except (SyntaxError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise EngineFailed(f"The database gave an answer that is no {found.media_type}: {error}") from None


async def _triples(engine: Engine, query: str, graph: str, mark: str) -> set[ox.Triple]:
    found = await engine.probe([("query", query), ("default-graph-uri", graph)], TRIPLES, _SECONDS, _MOST)
    with _reading(found):
        quads = ox.parse(cast("IO[bytes]", Unmarked(found.body, mark)), format=ox.RdfFormat.from_media_type(found.media_type))
        return {ox.Triple(quad.subject, quad.predicate, engine.dialect.canonical(quad.object)) for quad in quads}


async def _compare_alone(release: Release, settings: Settings) -> list[Compared]:
    async with _open(settings) as engine:
        return await _compare(engine, release, _count(release))


async def _compare(engine: Engine, release: Release, here: Mapping[str, int]) -> list[Compared]:
    holding, compared = Holding(release.manifest.id), []
    for graph, sample in _sample(release, here).items():
        name = holding.graph(graph)
        ours = set(ox.parse(b"".join(sample), format=ox.RdfFormat.N_TRIPLES))
        mine, theirs = {quad.triple for quad in ours}, set()
        subjects = sorted({str(triple.subject) for triple in mine})
        for start in range(0, len(subjects), _SUBJECTS):
            some = " ".join(subjects[start : start + _SUBJECTS])
            query = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ VALUES ?s {{ {some} }} ?s ?p ?o }}"
            theirs |= await _triples(engine, query, name, holding.mark)
        differing = [f"only here: {triple}" for triple in mine - theirs] + [f"only there: {triple}" for triple in theirs - mine]
        there = await _count_there(engine, name)
        compared.append(Compared(graph, here[graph], there, _hash(mine), _hash(theirs), sorted(differing)))
    return compared


def _sample(release: Release, here: Mapping[str, int]) -> dict[str, list[bytes]]:
    """Of each graph all triples of some subjects: of those whose hash it hits."""
    parts = {graph: max(1, number // _SAMPLED) for graph, number in here.items()}
    sample: dict[str, list[bytes]] = {graph: [] for graph in here}
    for graph, line in _lines(release):
        digest = hashlib.blake2b(line.partition(b" ")[0], digest_size=8).digest()
        if int.from_bytes(digest) % parts[graph] == 0:
            sample[graph].append(line)
    return sample


def _hash(triples: Iterable[ox.Triple]) -> str:
    return hashlib.sha256("".join(sorted(f"{triple} .\n" for triple in triples)).encode()).hexdigest()


async def _point(engine: Engine, release: Release, compared: Sequence[Compared]) -> None:
    """Tell the graph of releases that this one is there, and the current one."""
    holding = Holding(release.manifest.id)
    iri = ox.NamedNode(holding.iri)
    told = {ox.Triple(iri, _IDENTIFIER, ox.Literal(holding.release)), ox.Triple(ox.NamedNode(DATASET), _CURRENT, iri)}
    for each in compared:
        graph = ox.NamedNode(holding.graph(each.graph))
        told |= {ox.Triple(graph, _PART_OF, iri), ox.Triple(graph, _TRIPLES, ox.Literal(each.here))}
    await _list(engine, lambda known: {triple for triple in known if triple.predicate != _CURRENT} | told)


async def _pointer(engine: Engine) -> set[ox.Triple]:
    return await _triples(engine, "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", POINTER, "")


async def _held(settings: Settings) -> tuple[list[str], str]:
    async with _open(settings) as engine:
        return _releases(await _pointer(engine))


def _releases(pointer: Iterable[ox.Triple]) -> tuple[list[str], str]:
    names = {str(triple.subject): getattr(triple.object, "value", "") for triple in pointer if triple.predicate == _IDENTIFIER}
    current = next((str(triple.object) for triple in pointer if triple.predicate == _CURRENT), "")
    return sorted(names.values()), names.get(current, "")


async def _remove(release: str, settings: Settings) -> None:
    async with _open(settings) as engine:
        pointer = await _pointer(engine)
        there, current = _releases(pointer)
        iri = ox.NamedNode(release_iri(release))
        graphs = {triple.subject for triple in pointer if triple.predicate == _PART_OF and triple.object == iri}
        if release not in there and not graphs:
            raise KgError(f"There is no release '{release}' in the engine. Releases there: {', '.join(there) or 'none'}.")
        if release == current:
            raise KgError(f"Release '{release}' is the current one there. Load another first.")
        # First nobody is to serve it any more. Its graphs stay on the list until they are gone, so that this can be done again.
        await _list(engine, lambda known: {triple for triple in known if triple.subject != iri})
        await asyncio.sleep(_NOTICED)  # or a server that still serves it would find things to be missing, and remember that
        for graph in sorted(graphs, key=str):
            if release in _releases(await _pointer(engine))[0]:
                raise KgError(
                    f"Release '{release}' was loaded again meanwhile. Not all of it may be there: run 'kg load' once more."
                )
            await engine.write("DELETE", str(getattr(graph, "value", "")), b"", _SECONDS)
        await _list(engine, lambda known: {triple for triple in known if triple.subject not in graphs})


async def _list(engine: Engine, changed: Callable[[set[ox.Triple]], set[ox.Triple]]) -> None:
    """Change the graph of releases; once more where another did so at the same moment, and wrote over it."""
    for _ in range(_MOST_LISTED):
        wanted = changed(await _pointer(engine))
        await engine.write("PUT", POINTER, _as_text(wanted), _SECONDS)
        there = await _pointer(engine)
        if all(triple.predicate == _CURRENT for triple in changed(there) ^ there):  # of which is current, the last says
            return
    raise EngineFailed("The graph of releases does not keep what is written to it. Is another 'kg load' running? Try again.")


def _as_text(triples: Iterable[ox.Triple]) -> bytes:
    return "".join(sorted(f"{triple} .\n" for triple in triples)).encode()
