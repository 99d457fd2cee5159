"""Answers for spreadsheet programs: read the same everywhere, with names beside addresses, and never as a formula."""

from __future__ import annotations

import csv
import io

import pytest
from starlette.testclient import TestClient

from kg.page import Value
from kg.table import Table
from kg.web.sheet import write_sheet


def read(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode("utf-16")), "excel-tab"))


def test_things_have_a_name_and_an_address() -> None:
    table = Table(("who", "n"), [[Value("Policía «ñ»", "http://a/b"), Value("3")], [None, Value("4")]])
    body = write_sheet(table)
    assert body.startswith(b"\xff\xfe")
    assert read(body) == [["who", "who IRI", "n"], ["Policía «ñ»", "http://a/b", "3"], ["", "", "4"]]


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@x", "\tx", '=HYPERLINK("http://x")'])
def test_no_cell_becomes_a_formula(text: str) -> None:
    assert read(write_sheet(Table(("a",), [[Value(text)]])))[1][0][0] == "'"


def test_a_negative_number_stays_one() -> None:
    number = Value("-3.5", datatype="http://www.w3.org/2001/XMLSchema#decimal")
    assert read(write_sheet(Table(("a",), [[number]])))[1] == ["-3.5"]


def test_no_rows_still_have_a_head() -> None:
    assert read(write_sheet(Table(("a", "b"), []))) == [["a", "b"]]


def test_the_endpoint_gives_all_rows_in_the_language_asked_for(real_client: TestClient) -> None:
    query = "SELECT ?country ?s WHERE { ?s kg:country ?country }"
    answer = real_client.get("/sparql", params={"query": query, "format": "excel", "lang": "es"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-16le"
    assert "attachment" in answer.headers["content-disposition"]
    rows = read(answer.content)
    assert rows[0] == ["country", "country IRI", "s", "s IRI"]
    assert any(row[0] == "México" for row in rows)
    plain = real_client.get("/sparql", params={"query": query, "format": "csv"}).text
    assert len(rows) == len(plain.splitlines())


def test_what_is_no_table_is_no_sheet(client: TestClient) -> None:
    assert client.get("/sparql", params={"query": "ASK {}", "format": "excel"}).status_code == 406
    assert (
        client.get("/sparql", params={"query": "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", "format": "excel"}).status_code == 406
    )


def test_too_many_rows_are_refused_not_cut(client: TestClient) -> None:
    digits = "VALUES ?{0} { 0 1 2 3 4 5 6 7 8 9 }"
    query = "SELECT ?a { " + " ".join(digits.replace("{0}", name) for name in "abcdef") + " }"
    answer = client.get("/sparql", params={"query": query, "format": "excel"})
    assert answer.status_code == 413
    assert answer.json()["type"].endswith("answer-too-large")
