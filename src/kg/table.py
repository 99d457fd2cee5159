"""The rows of an answer come in; a table with names instead of addresses, and the charts that its columns allow, go out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import groupby

import pyoxigraph as ox

from kg.names import PREFIXES
from kg.page import Value
from kg.store import Term

_NUMBERS = {PREFIXES["xsd"] + name for name in ("integer", "decimal", "double", "float", "int", "long", "nonNegativeInteger")}
_MOST_BARS = 60
_MOST_LINES = 30  # rows or columns of a matrix

_Row = Sequence[Value | None]


@dataclass(frozen=True)
class Table:
    """An answer to read: what each row holds under the variables."""

    columns: Sequence[str]
    rows: Sequence[_Row]

    def without(self, hidden: Collection[str]) -> Table:
        """The same without some columns."""
        kept = [place for place, name in enumerate(self.columns) if name not in hidden]
        return Table([self.columns[place] for place in kept], [[row[place] for place in kept] for row in self.rows])

    def groups(self, column: str) -> list[tuple[Value | None, Table]]:
        """One table for each run of rows with the same value in a column, which they then lack; all in one for no such column."""
        if column not in self.columns:
            return [(None, self)]
        place = list(self.columns).index(column)
        rest = [name for name in self.columns if name != column]
        runs = groupby(self.rows, key=lambda row: row[place])
        return [(value, Table(rest, [[*row[:place], *row[place + 1 :]] for row in rows])) for value, rows in runs]


@dataclass(frozen=True)
class Chart:
    """A picture of some columns.

    `bars` has a label and numbers, `matrix` a row, a column and a number, `map` a country and a number, `money` a label, an amount
    and a currency, `links` two things and a label, `chain` things of which each leads to the next.
    """

    kind: str
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Bar:
    """One row of a bar chart: each part with where it begins and how long it is, in per cent of the longest row."""

    label: Value | None
    parts: Sequence[tuple[float, float]]
    numbers: Sequence[Value | None]
    row: _Row


@dataclass(frozen=True)
class Matrix:
    """Numbers by two things; a cell has its number, how much of the greatest it is (1 to 5), and its row."""

    across: Sequence[Value]
    down: Sequence[Value]
    cells: Mapping[tuple[str, str], tuple[Value, int, _Row]]

    def at(self, one: Value, other: Value) -> tuple[Value, int, _Row] | None:
        """The cell in the row of one thing and the column of another."""
        return self.cells.get((_key(one), _key(other)))


def value_of(term: Term, names: Mapping[str, Value]) -> Value:
    """A thing by its name, a literal as it is."""
    if isinstance(term, ox.NamedNode):
        return names.get(term.value) or Value(term.value, term.value)
    if isinstance(term, ox.Literal):
        return Value(term.value, language=term.language, datatype=term.datatype.value)
    return Value(str(term))


def tabulate(columns: Sequence[str], rows: Iterable[Sequence[Term | None]], names: Mapping[str, Value]) -> Table:
    """The table of an answer."""
    return Table(columns, [[None if term is None else value_of(term, names) for term in row] for row in rows])


def asked_chart(table: Table, asked: Sequence[str]) -> Chart | None:
    """The chart that a stored question names: its kind, and the variables that it shows."""
    if not asked or not table.rows:
        return None
    kind, *names = asked
    return Chart(kind, tuple(list(table.columns).index(name) for name in names if name in table.columns))


def fitting_charts(table: Table, is_country: Callable[[str], bool]) -> list[Chart]:
    """The charts that any answer allows: one label and one number in each row make bars, two labels and a number a matrix, and
    countries a map."""
    things = [place for place in range(len(table.columns)) if all(_is_thing(row[place]) for row in table.rows)]
    numbers = [place for place in range(len(table.columns)) if all(number_of(row[place]) is not None for row in table.rows)]
    if not table.rows or len(numbers) > 1:
        return []
    found = []
    places = [place for place in things if all(is_country(str(_iri(row[place]))) for row in table.rows)]
    if places and _is_unique(table, places[:1]):
        found.append(Chart("map", (places[0], *numbers)))
    if numbers and len(things) == 1 and len(table.rows) <= _MOST_BARS and _is_unique(table, things):
        found.append(Chart("bars", (things[0], numbers[0])))
    if numbers and len(things) == 2 and len(table.columns) == 3 and _is_unique(table, things) and not _is_unique(table, things[:1]):
        sides = [{_iri(row[place]) for row in table.rows} for place in things]
        if max(map(len, sides)) <= _MOST_LINES:
            found.append(Chart("matrix", (things[0], things[1], numbers[0])))
    return found


def bars(table: Table, chart: Chart) -> list[Bar]:
    """The rows of a bar chart, in the order of the table. Numbers below nought have no bar."""
    label, *columns = chart.columns
    numbers = [[max(number_of(row[place]) or Decimal(0), Decimal(0)) for place in columns] for row in table.rows]
    most = max((sum(row) for row in numbers), default=Decimal(0)) or Decimal(1)
    found = []
    for row, lengths in zip(table.rows, numbers, strict=True):
        parts, start = [], Decimal(0)
        for length in lengths:
            parts.append((float(100 * start / most), float(100 * length / most)))
            start += length
        found.append(Bar(row[label], parts, [row[place] for place in columns], row))
    return found


def money(table: Table, chart: Chart) -> list[tuple[Value, list[Bar]]]:
    """A bar chart for each currency: sums in two currencies are never set against each other."""
    label, amount, currency = chart.columns
    by_currency: dict[str, list[_Row]] = {}
    for row in table.rows:
        if (unit := row[currency]) and row[amount]:
            by_currency.setdefault(unit.text, []).append(row)
    charts = []
    for name, rows in sorted(by_currency.items()):
        charts.append((Value(name), bars(Table(table.columns, rows), Chart("bars", (label, amount)))))
    return charts


def matrix(table: Table, chart: Chart) -> Matrix:
    """Rows and columns stand in the order of their names."""
    down, across, number = chart.columns
    most = max((number_of(row[number]) or Decimal(0) for row in table.rows), default=Decimal(0)) or Decimal(1)
    cells = {}
    for row in table.rows:
        if (value := row[number]) and (one := row[down]) and (other := row[across]):
            level = 1 + int(4 * (number_of(value) or 0) / most)
            cells[_key(one), _key(other)] = value, min(level, 5), row
    return Matrix(_distinct(table, across), _distinct(table, down), cells)


def totals(table: Table, chart: Chart) -> list[tuple[Value, Decimal]]:
    """What stands at each country of a map: the number in its row, or else how many rows it has."""
    country, *number = chart.columns
    found: dict[str, tuple[Value, Decimal]] = {}
    for row in table.rows:
        if value := row[country]:
            more = (number_of(row[number[0]]) or Decimal(0)) if number else Decimal(1)
            found[_key(value)] = value, found.get(_key(value), (value, Decimal(0)))[1] + more
    return list(found.values())


def number_of(value: Value | None) -> Decimal | None:
    """The number that a literal is, or None."""
    if value is None or value.iri or value.datatype not in _NUMBERS:
        return None
    try:
        number = Decimal(value.text)
    except InvalidOperation:  # a double may be written INF or NaN
        return None
    return number if number.is_finite() else None


def _key(value: Value) -> str:
    return value.iri or value.text


def _iri(value: Value | None) -> str | None:
    return value.iri if value else None


def _is_thing(value: Value | None) -> bool:
    return bool(value and value.iri)


def _is_unique(table: Table, places: Collection[int]) -> bool:
    keys = [tuple(_iri(row[place]) for place in places) for row in table.rows]
    return len(set(keys)) == len(keys)


def _distinct(table: Table, place: int) -> list[Value]:
    values = {_key(value): value for row in table.rows if (value := row[place])}
    return sorted(values.values(), key=lambda value: value.text.casefold())
