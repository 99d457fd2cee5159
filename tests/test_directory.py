"""The directory: equal for equal stores, and the same whether it is in a file or in memory."""

from __future__ import annotations

import csv
import gc
import threading
from array import array
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.database import Database, InMemory
from kg.directory import SPACE, Thing, packed, things_of, unpacked, write_directory
from kg.errors import ReleaseMissing
from kg.matching import Matcher, Wanted
from kg.names import DEF
from kg.release import DIRECTORY, STORE, Release
from repository import ROOT


@pytest.fixture(scope="module")
def store(real: tuple[Path, Release]) -> ox.Store:
    return ox.Store.read_only(str(real[1].path / STORE))


@pytest.fixture(scope="module")
def database(real: tuple[Path, Release]) -> Database:
    return Database(real[1].path / DIRECTORY)


def labelled() -> Iterator[Wanted]:
    with (ROOT / "tests" / "reconciliation" / "names.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Wanted(row["name"], frozenset({DEF + row["type"]} if row["type"] else ()))


def test_equal_stores_give_equal_files(real: tuple[Path, Release], store: ox.Store, tmp_path: Path) -> None:
    again = tmp_path / DIRECTORY
    again.write_text("what stood there")
    write_directory(store, again)
    assert again.read_bytes() == (real[1].path / DIRECTORY).read_bytes()


def test_it_finds_the_same_in_a_file_and_in_memory(store: ox.Store, database: Database) -> None:
    countries: dict[str, list[str]] = {}
    for code, name in database.connection.execute("SELECT code, name FROM country"):
        countries.setdefault(code, []).append(name)
    held, filed = Matcher.of(things_of(store), countries), Matcher(database)
    rows = list(labelled())[::7]
    assert len(rows) > 100
    assert [held.find(row, 5) for row in rows] == [filed.find(row, 5) for row in rows]


def test_what_a_name_may_mean_is_in_it_and_nothing_else(store: ox.Store, database: Database) -> None:
    kept = {iri: set(classes.split()) for iri, classes in database.connection.execute("SELECT iri, classes FROM thing")}
    assert len(kept) > 500
    assert all(iri.startswith(SPACE) for iri in kept)
    assert not {cls for classes in kept.values() for cls in classes} & {DEF + "Source", DEF + "Claim", DEF + "Link"}
    for iri in list(kept)[::50]:
        found = store.query(f"SELECT ?class {{ <{iri}> a ?class FILTER(STRSTARTS(STR(?class), '{DEF}')) }}")
        assert {row[0].value for row in found} == kept[iri]  # type: ignore[union-attr]


def test_uses_are_counted_as_a_query_counts_them(store: ox.Store, database: Database) -> None:
    uses = list(database.connection.execute("SELECT property, class, things FROM use"))
    assert len(uses) > 100
    for key, cls, things in uses[::40]:
        (row,) = store.query(f"SELECT (COUNT(DISTINCT ?s) AS ?n) {{ ?s a <{cls}> ; <{key}> ?o }}")  # type: ignore[misc]
        assert int(row["n"].value) == things  # type: ignore[index,union-attr]


def test_of_a_name_like_very_many_others_the_shortest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    things = [Thing(f"x:{number}", [f"Camera {'of the city ' * (number % 7)}{number}"]) for number in range(300)]
    matcher = Matcher.of([*things, Thing("x:wanted", ["Camera"])], {})
    monkeypatch.setattr("kg.matching._MOST_READ", 20)
    assert matcher.find(Wanted("Camera"), 1)[0].iri == "x:wanted"


@pytest.mark.parametrize("kind", ["H", "I"])
@pytest.mark.parametrize("order", ["little", "big"])
def test_numbers_are_written_alike_on_every_machine(kind: str, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = array(kind, [0, 1, 258, 65535])
    monkeypatch.setattr("kg.directory.sys.byteorder", order)
    assert unpacked(kind, packed(numbers)) == numbers
    # What a machine of the other order would read of the same numbers is what it would have written.
    assert packed(numbers) == (numbers.tobytes() if order == "little" else array(kind, reversed(numbers)).tobytes()[::-1])


@pytest.mark.filterwarnings("error")
def test_a_connection_may_be_let_go_by_any_thread(real: tuple[Path, Release]) -> None:
    held: list[object] = []

    def hold() -> None:
        for database in (InMemory(), Database(real[1].path / DIRECTORY)):
            held.append(database.connection)  # type: ignore[attr-defined]

    for work in (hold, held.clear):  # what cannot be closed there is an error that pytest finds
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    gc.collect()


def test_a_file_that_is_missing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ReleaseMissing, match="Run 'kg build'"):
        Database(tmp_path / DIRECTORY)
