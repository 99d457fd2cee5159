"""Stored questions: their header, their parameters, and that nothing in a value can become query text."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib

from kg.errors import BadRequest, NotFound
from kg.query import Answers, open_answers, read_question
from kg.release import TURTLE, Release
from repository import ROOT

FILES = sorted((ROOT / "queries").glob("*.rq"))
EXPECTED = ROOT / "tests" / "expected"


@pytest.fixture(scope="module")
def answers(real: tuple[Path, Release]) -> Answers:
    return open_answers(real[0])


UNANSWERED = {"retired", "wikidata-disagrees"}  # test_registry.py and test_link.py answer them


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_question_is_titled_in_three_languages_and_runs_anywhere(path: Path) -> None:
    question = read_question(path)
    for language in ("en", "es", "pt"):
        assert question.header["title", language]
        assert question.header["description", language]
    assert question.theme != "other"
    for parameter in question.parameters:
        assert question.default(parameter)
    ox.Store().query(question.text)  # without our prefixes: the file declares its own


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_answer_is_the_expected_one(answers: Answers, path: Path) -> None:
    """Rows that were read against the sources; a change of data that changes them must change the file too."""
    rows = list(csv.reader(io.StringIO(answers.serialised(path.stem, {}, ox.QueryResultsFormat.CSV).decode())))
    assert len(rows) > 1 or path.stem in UNANSWERED, "a question that nothing answers"
    assert rows == list(csv.reader((EXPECTED / f"{path.stem}.csv").read_text("utf-8").splitlines()))


@pytest.fixture(scope="module")
def graph(real: tuple[Path, Release]) -> rdflib.Graph:
    return rdflib.Graph().parse(real[1].path / TURTLE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_another_engine_gives_the_same_rows(graph: rdflib.Graph, path: Path) -> None:
    if path.stem in UNANSWERED:
        pytest.skip("asks a named graph, which the one file that is read here has not")
    rows = sorted([str(term) if term is not None else "" for term in row] for row in graph.query(path.read_text("utf-8")))
    assert rows == sorted(list(csv.reader((EXPECTED / f"{path.stem}.csv").read_text("utf-8").splitlines()))[1:])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rows_have_one_order_in_every_engine(path: Path) -> None:
    """All that is selected is sorted by, or all that is grouped by: rows that are equal in that are one row."""
    question = read_question(path)
    if not question.variables:
        return
    (clause,) = re.findall(r"ORDER BY (.*)", question.text)
    grouped = re.search(r"^GROUP BY (.*)", question.text, re.MULTILINE)
    by = set(re.findall(r"\?(\w+)", clause))
    assert by >= set(question.variables) or (grouped and by >= set(re.findall(r"\?(\w+)", grouped[1])))


def test_every_expected_answer_has_its_question() -> None:
    assert {path.stem for path in EXPECTED.glob("*.csv")} == {path.stem for path in FILES}


def test_parameters_take_other_values(answers: Answers) -> None:
    before = answers.rows("shareholders-on-a-date", {})
    after = answers.rows("shareholders-on-a-date", {"day": "2025-01-01"})
    assert before[0] == after[0]
    assert {row[0] for row in before[1]} == {row[0] for row in after[1]}
    assert before[1] != after[1]


@pytest.mark.parametrize(
    "value",
    ['2022-01-01" } } #', '"^^<x> } SELECT * { ?s ?p ?o', "\\", "\n", '""" }'],
)
def test_a_literal_stays_a_literal(answers: Answers, tmp_path: Path, value: str) -> None:
    with pytest.raises(BadRequest, match="must exist, and be written like 2022-06-01"):
        answers.questions.find("shareholders-on-a-date").bound({"day": value})
    file = tmp_path / "echo.rq"
    file.write_text('#+ parameter: text\nSELECT ?text { VALUES ?text { "any" } }', "utf-8")
    (row,) = ox.Store().query(read_question(file).bound({"text": value}))
    assert row["text"].value == value


@pytest.mark.parametrize("day", ["", "2025", "01/03/2025", "2025-02-30"])
def test_a_day_that_is_none_is_refused(answers: Answers, day: str) -> None:
    with pytest.raises(BadRequest, match="must exist, and be written like"):
        answers.questions.find("shareholders-on-a-date").bound({"day": day})


@pytest.mark.parametrize("value", ["org:x> } #", "no address", "foo:zte", "http://a/ b", "<http://a/>", ""])
def test_an_address_stays_an_address(answers: Answers, value: str) -> None:
    with pytest.raises(BadRequest, match="must be an address"):
        answers.questions.find("shareholders-on-a-date").bound({"company": value})


def test_unknown_names_are_told_what_there_is(answers: Answers) -> None:
    with pytest.raises(NotFound, match="provider-unknown"):
        answers.questions.find("nothing")
    with pytest.raises(BadRequest, match="Parameters: company, day"):
        answers.questions.find("shareholders-on-a-date").bound({"date": "2022"})
