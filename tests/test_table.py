"""Tables and charts: bars are as long as their numbers, sums of two currencies never meet, and only what fits is drawn."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kg.names import PREFIXES
from kg.page import Value
from kg.table import Chart, Table, asked_chart, bars, fitting_charts, matrix, money, number_of, tabulate, totals

XSD = PREFIXES["xsd"]


def thing(name: str) -> Value:
    return Value(name, f"https://w3id.org/vigia/id/country/{name}")


def number(text: str, kind: str = "integer") -> Value:
    return Value(text, datatype=XSD + kind)


def is_country(iri: str) -> bool:
    return "/country/" in iri


ONE_EACH = Table(("country", "n"), [[thing("ar"), number("3")], [thing("br"), number("6")]])
PAIRS = Table(
    ("from", "to", "n"),
    [[thing("cn"), thing("ar"), number("4")], [thing("cn"), thing("br"), number("1")], [thing("us"), thing("ar"), number("2")]],
)


def test_terms_become_values_with_names() -> None:
    zte = ox.NamedNode("https://w3id.org/vigia/id/org/zte")
    rows = [[zte, ox.Literal("hola", language="es"), None], [ox.NamedNode("http://a/b"), ox.Literal(3), ox.BlankNode("x")]]
    table = tabulate(("a", "b", "c"), rows, {zte.value: Value("ZTE", zte.value)})
    assert table.rows[0] == [Value("ZTE", zte.value), Value("hola", language="es", datatype=PREFIXES["rdf"] + "langString"), None]
    assert table.rows[1][0] == Value("http://a/b", "http://a/b")
    assert number_of(table.rows[1][1]) == 3


@pytest.mark.parametrize(
    ("table", "kinds"),
    [
        (ONE_EACH, {"map", "bars"}),
        (PAIRS, {"matrix"}),
        (Table(("country",), [[thing("ar")], [thing("br")]]), {"map"}),
        (Table(("country",), [[thing("ar")], [thing("ar")], [thing("br")]]), set()),
        (Table(("a", "n"), [[Value("x", "http://x"), number("1")], [Value("x", "http://x"), number("2")]]), set()),
        (Table(("a", "n", "m"), [[thing("ar"), number("1"), number("2")]]), set()),
        (Table(("a", "n"), [[Value("x", "http://x"), number("1")], [Value("y", "http://y"), None]]), set()),
        (Table(("a", "n"), [[Value(str(n), f"http://{n}"), number("1")] for n in range(1000)]), set()),
        (Table(("a",), [[Value("text")]]), set()),
        (Table(("country", "n"), []), set()),
    ],
)
def test_only_charts_that_fit_are_found(table: Table, kinds: set[str]) -> None:
    assert {chart.kind for chart in fitting_charts(table, is_country)} == kinds


def test_a_named_chart_shows_the_named_columns() -> None:
    assert asked_chart(PAIRS, ("matrix", "to", "from", "n")) == Chart("matrix", (1, 0, 2))
    assert asked_chart(PAIRS, ()) is None
    assert asked_chart(Table(PAIRS.columns, []), ("matrix", "to", "from", "n")) is None


def test_bars_are_as_long_as_their_numbers() -> None:
    table = Table(
        ("a", "n", "m"), [[thing("ar"), number("3"), number("1")], [thing("br"), number("0"), number("2")], [None, None, None]]
    )
    drawn = bars(table, Chart("bars", (0, 1, 2)))
    assert drawn[0].parts == [(0.0, 75.0), (75.0, 25.0)]
    assert drawn[1].parts == [(0.0, 0.0), (0.0, 50.0)]
    assert drawn[2].parts == [(0.0, 0.0), (0.0, 0.0)]


@pytest.mark.parametrize("text", ["-5", "1e3", "INF", "NaN", "12.5", "many"])
def test_no_number_breaks_a_bar(text: str) -> None:
    table = Table(("a", "n"), [[thing("ar"), number(text, "double")], [thing("br"), number("2")]])
    for bar in bars(table, Chart("bars", (0, 1))):
        assert all(0 <= start <= 100 and 0 <= length <= 100 for start, length in bar.parts)


def test_currencies_never_share_a_scale() -> None:
    table = Table(
        ("what", "amount", "currency"),
        [
            [Value("loan"), number("1000000"), Value("CLP")],
            [Value("budget"), number("10"), Value("USD")],
            [Value("sale"), number("5"), Value("USD")],
            [Value("unknown"), None, None],
        ],
    )
    drawn = {currency.text: rows for currency, rows in money(table, Chart("money", (0, 1, 2)))}
    assert {currency: len(rows) for currency, rows in drawn.items()} == {"CLP": 1, "USD": 2}
    assert [rows[0].parts[0][1] for rows in drawn.values()] == [100.0, 100.0]
    assert drawn["USD"][1].parts[0][1] == 50.0


def test_a_matrix_has_each_pair_once() -> None:
    drawn = matrix(PAIRS, Chart("matrix", (0, 1, 2)))
    assert [value.text for value in drawn.down] == ["cn", "us"]
    assert [value.text for value in drawn.across] == ["ar", "br"]
    held = drawn.at(thing("cn"), thing("ar"))
    assert held
    assert (held[0].text, held[1]) == ("4", 5)
    assert drawn.at(thing("us"), thing("br")) is None


def test_a_map_counts_rows_where_there_is_no_number() -> None:
    table = Table(("country",), [[thing("ar")], [thing("ar")], [thing("br")], [None]])
    assert {value.text: int(total) for value, total in totals(table, Chart("map", (0,)))} == {"ar": 2, "br": 1}
    assert {value.text: int(total) for value, total in totals(ONE_EACH, Chart("map", (0, 1)))} == {"ar": 3, "br": 6}


def test_groups_are_runs_of_one_value() -> None:
    table = Table(("source", "part"), [[thing("a"), Value("1")], [thing("a"), Value("2")], [thing("b"), Value("3")]])
    assert [(name and name.text, len(group.rows), group.columns) for name, group in table.groups("source")] == [
        ("a", 2, ["part"]),
        ("b", 1, ["part"]),
    ]
    assert table.groups("") == [(None, table)]
