"""Stored questions: `.rq` files with a `#+` header and values for their parameters come in; answers go out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyoxigraph as ox

from kg.errors import BadRequest, NotFound
from kg.names import PREFIXES, compact, expand
from kg.release import QUERIES, STORE, current_release

_HEADER = re.compile(r"^#\+ (?P<key>[a-z]+)(?:@(?P<language>[a-z]+))?: *(?P<value>.*)$", re.MULTILINE)
_VALUES = r"VALUES \?{name} \{{(?P<term>[^{{}}]*+)\}}"
_LONGEST = 20_000  # characters of a question with its values
_ADDRESSES = ("http://", "https://", "urn:")
_TYPED = re.compile(r"\"(?P<text>[^\"]*)\"(?:\^\^(?P<datatype>\S+))?")


@dataclass(frozen=True)
class Question:
    """One stored query. Its parameters are the variables that its header names and a `VALUES ?name { … }` gives a default."""

    name: str
    text: str
    header: Mapping[tuple[str, str], str]
    parameters: tuple[str, ...]

    def title(self, language: str) -> str:
        """The question as a person would ask it, in English where the language has none."""
        return self.header.get(("title", language)) or self.header.get(("title", "en")) or self.name

    def heading(self, language: str) -> str:
        """What its answer is called on the page of a thing."""
        return self.header.get(("heading", language)) or self.title(language)

    def description(self, language: str) -> str:
        """What the rows mean."""
        return self.header.get(("description", language)) or self.header.get(("description", "en")) or ""

    @property
    def theme(self) -> str:
        """The group it is listed under."""
        return self.header.get(("theme", ""), "other")

    def columns(self, language: str) -> Mapping[str, str]:
        """What pages call its variables, where the header says so: `origin=Origin; initiatives=Initiatives`."""
        given = self.header.get(("columns", language)) or self.header.get(("columns", "en")) or ""
        pairs = (part.partition("=") for part in given.split(";"))
        return {name.strip(): title.strip() for name, _, title in pairs if title}

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Those of its rows, in their order; none where it makes a graph."""
        answer = ox.Store().query(self.text)
        return tuple(variable.value for variable in answer.variables) if isinstance(answer, ox.QuerySolutions) else ()

    @property
    def chart(self) -> tuple[str, ...]:
        """The picture of its answer: a kind of chart and the variables that it shows; empty where none is named."""
        return tuple(self.header.get(("chart", ""), "").split())

    @property
    def link(self) -> str:
        """Where the numbers of its chart lead to: an address in which `{variable}` stands for the value in the same row."""
        return self.header.get(("link", ""), "")

    @property
    def group(self) -> str:
        """The variable by whose values its rows are set apart; empty for none."""
        return self.header.get(("group", ""), "")

    @property
    def is_folded(self) -> bool:
        """Whether pages fold each of these groups, where rows are many."""
        return ("fold", "") in self.header

    @property
    def hidden(self) -> frozenset[str]:
        """Variables that pages do not show: what rows are only sorted by."""
        return frozenset(self.header.get(("hide", ""), "").split())

    @property
    def pages(self) -> tuple[str, ...]:
        """The pages of several questions on which its answer stands."""
        return tuple(self.header.get(("page", ""), "").split())

    @property
    def panel(self) -> tuple[tuple[str, ...], str] | None:
        """The classes of things on whose pages its answer stands, and the parameter that is the thing."""
        *classes, parameter = self.header.get(("panel", ""), "").split() or ("",)
        return (tuple(classes), parameter) if classes else None

    @property
    def place(self) -> int:
        """Among those that stand on the same page."""
        return int(self.header.get(("order", ""), "1000"))

    def default(self, parameter: str) -> str:
        """The value that the file itself gives to a parameter, as SPARQL text."""
        match = re.search(_VALUES.format(name=re.escape(parameter)), self.text)
        if not match:
            raise BadRequest(f"The question {self.name} names the parameter '{parameter}' but gives it no VALUES.")
        return match["term"].strip(" ")

    def bound(self, values: Mapping[str, str]) -> str:
        """The query text with other values for its parameters; raises BadRequest where one is unknown or unfit."""
        text = _HEADER.sub("", self.text).lstrip()
        for name, value in values.items():
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise BadRequest(f"The question {self.name} has no parameter '{name}'. Parameters: {known}.")
            term = _term(name, value, self.default(name))
            text = re.sub(_VALUES.format(name=re.escape(name)), lambda _, t=term, n=name: f"VALUES ?{n} {{ {t} }}", text)  # type: ignore[misc]
        return text

    def is_asked_by(self, text: str) -> bool:
        """Whether a query is this question, whichever values it gives to the parameters."""
        return self._skeleton(text) == self._skeleton(self.bound({}))

    def _skeleton(self, text: str) -> str:
        for name in self.parameters:
            text = re.sub(_VALUES.format(name=re.escape(name)), "", text)
        return " ".join(text.split())  # browsers send other line ends than the file has


def _term(name: str, value: str, default: str) -> str:
    """The value as a term of the same sort as the default, written so that nothing in it can be read as query text."""
    if typed := _TYPED.fullmatch(default):
        datatype = expand((typed["datatype"] or "xsd:string").strip("<>"))
        if not _is_valid(value, datatype):
            raise BadRequest(f"The value of '{name}' must exist, and be written like {typed['text']}. [got {value[:100]}]")
        return str(ox.Literal(value, datatype=ox.NamedNode(datatype)))
    try:
        node = ox.NamedNode(expand(value))
    except ValueError:
        node = None
    if node is None or not node.value.startswith(_ADDRESSES):
        raise BadRequest(f"The value of '{name}' must be an address such as {default}. [got {value}]")
    return str(node)


def _is_valid(text: str, datatype: str) -> bool:
    """Whether the text may be read as a value of the datatype, which is for its constructor function to say (SPARQL 1.1, 17.5)."""
    answer = ox.Store().query(f"ASK {{ BIND(<{datatype}>({ox.Literal(text)}) AS ?value) FILTER(BOUND(?value)) }}")
    return bool(answer)


def read_question(path: Path) -> Question:
    """Read one `.rq` file."""
    text = path.read_text("utf-8")
    header: dict[tuple[str, str], str] = {}
    parameters: list[str] = []
    for match in _HEADER.finditer(text):
        if match["key"] == "parameter":
            parameters.append(match["value"].strip())
        else:
            header[match["key"], match["language"] or ""] = match["value"].strip()
    return Question(path.stem, text, header, tuple(parameters))


class Questions:
    """All stored questions of a release; none where there is no folder of them."""

    def __init__(self, folder: Path | None) -> None:
        self._questions = {path.stem: read_question(path) for path in sorted(folder.glob("*.rq"))} if folder else {}

    def all(self) -> list[Question]:
        """In the order of their names."""
        return list(self._questions.values())

    def find(self, name: str) -> Question:
        """Raises NotFound, with the names there are."""
        try:
            return self._questions[name]
        except KeyError:
            raise NotFound(f"There is no question '{name}'. Questions: {', '.join(self._questions)}.") from None

    def asked_by(self, text: str) -> Question | None:
        """The stored question that a query asks, if it is one."""
        if len(text) > _LONGEST:
            return None
        return next((question for question in self._questions.values() if question.is_asked_by(text)), None)


class Answers:
    """Stored questions answered in this process, without limits: for people at their own machine."""

    def __init__(self, questions: Questions, store: ox.Store) -> None:
        self.questions = questions
        self._store = store

    def serialised(self, name: str, values: Mapping[str, str], fmt: ox.QueryResultsFormat) -> bytes:
        """The answer in a format."""
        return self._solve(name, values).serialize(format=fmt) or b""

    def rows(self, name: str, values: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
        """The variables and the rows as short texts, for reading in a terminal."""
        solutions = self._solve(name, values)
        if isinstance(solutions, ox.QueryBoolean):
            return ["answer"], [[str(bool(solutions)).lower()]]
        names = [variable.value for variable in solutions.variables]
        return names, [[_short(row[name]) for name in names] for row in solutions]

    def _solve(self, name: str, values: Mapping[str, str]) -> ox.QuerySolutions | ox.QueryBoolean:
        result = self._store.query(self.questions.find(name).bound(values), prefixes=PREFIXES)
        if isinstance(result, ox.QueryTriples):
            raise BadRequest(f"The question {name} makes a graph, not rows.")
        return result


def _short(term: object) -> str:
    if isinstance(term, ox.NamedNode):
        return compact(term.value)
    return str(getattr(term, "value", "") if term is not None else "")


def open_store(build: Path) -> ox.Store:
    """The store of the current release below `build`; raises ReleaseMissing where there is none."""
    return ox.Store.read_only(str(current_release(build).path / STORE))


def open_answers(build: Path) -> Answers:
    """The questions and the store of the current release below `build`; raises ReleaseMissing where there is none."""
    release = current_release(build)
    return Answers(Questions(release.path / QUERIES), ox.Store.read_only(str(release.path / STORE)))
