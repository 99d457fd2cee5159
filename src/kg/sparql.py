"""A SPARQL text comes in; what kind of request it is, and whether it calls other servers, goes out. It is not parsed here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kg.errors import BadQuery, MethodRefused
from kg.names import PREFIXES

# What can hold a word without meaning it: comments, IRIs, strings. Order matters: long strings before short ones.
_TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\r\n]*)
  | (?P<iri><[^<>"{}|^`\\\x00-\x20]*>)
  | (?P<string>\"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\" | '''(?:[^'\\]|\\.|'(?!''))*''' | "(?:[^"\\\r\n]|\\.)*" | '(?:[^'\\\r\n]|\\.)*')
  | (?P<name>[\w.-]*:[\w.:%\\-]*)
  | (?P<variable>[?$]\w+)
  | (?P<word>@?[A-Za-z]\w*)
  | .
    """,
    re.VERBOSE | re.DOTALL,
)
_FORMS = {"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"}
_UPDATES = {"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"}
_DEPTH = 128  # brackets within brackets
_POSITION = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)


def words(query: str) -> list[str]:
    """The bare words of a query in upper case: no comments, strings, IRIs, names or variables."""
    return [match["word"].upper() for match in _TOKEN.finditer(query) if match["word"]]


def is_update(query: str) -> bool:
    """Whether this is an update request rather than a query."""
    for word in words(query):
        if word in _FORMS:
            return False
        if word in _UPDATES:
            return True
    return False


def refuse_update(query: str) -> None:
    """Raise MethodRefused if this is an update."""
    if is_update(query):
        raise MethodRefused("This endpoint is read-only: it answers SELECT, ASK, CONSTRUCT and DESCRIBE, no updates.")


def refuse_depth(query: str) -> None:
    """Raise BadQuery if brackets are nested so deep that the parser would run out of stack."""
    depth = deepest = 0
    for match in _TOKEN.finditer(query):
        if match[0] in "{([":
            depth += 1
            deepest = max(deepest, depth)
        elif match[0] in "})]":
            depth -= 1
    if deepest > _DEPTH:
        raise BadQuery(f"This query nests brackets {deepest:,} deep. At most {_DEPTH} are allowed.")


def refuse_service(query: str) -> None:
    """Raise BadQuery if the query asks this server to call another one.

    The barrier is that query workers have no sockets; this is the friendly answer before it.
    """
    if "SERVICE" in words(query):
        raise BadQuery(
            "This endpoint does not call others: SERVICE is not allowed. Query the other endpoint yourself, or have it call ours."
        )


def syntax_error(error: SyntaxError, query: str) -> BadQuery:
    """The parser's complaint in plain words, with the place counted from 1."""
    if stray := _undeclared(query):
        return BadQuery(
            f"{stray.where}: the prefix {stray.text} is not declared. Add a line: PREFIX {stray.text} <…>", *stray.position
        )
    match = _POSITION.search(str(error))
    if not match:
        return BadQuery(f"This query does not parse: {error}")
    line, column = int(match[1]), int(match[2])
    lines = query.splitlines() or [""]
    found = lines[line - 1][column - 1 : column + 19].strip() if line <= len(lines) else ""
    if not _FORMS & set(words(query)):
        line, column = _first_word(query)
        what = "a query says SELECT, ASK, CONSTRUCT or DESCRIBE, after any PREFIX lines"
    elif found:
        what = f"did not expect “{found}”"
    elif query.count("{") != query.count("}"):
        what = "the query ends too early; the braces { } do not match"
    else:
        what = "something is missing or wrong just before this place"
    return BadQuery(f"Line {line}, column {column}: {what}.", line, column)


def _place(query: str, start: int) -> tuple[int, int]:
    before = query[:start]
    return before.count("\n") + 1, start - before.rfind("\n")


def _first_word(query: str) -> tuple[int, int]:
    """Where the query should have said what it is."""
    starts = (
        match.start() for match in _TOKEN.finditer(query) if match["word"] and match["word"].upper() not in ("PREFIX", "BASE")
    )
    return _place(query, next(starts, 0))


@dataclass(frozen=True)
class _Stray:
    text: str
    position: tuple[int, int]

    @property
    def where(self) -> str:
        return f"Line {self.position[0]}, column {self.position[1]}"


def _undeclared(query: str) -> _Stray | None:
    """The first prefix that is used without being declared or known here, and where: the parser only says that it stumbled."""
    declared = {*PREFIXES, *re.findall(r"PREFIX\s+([\w-]*):", query, re.IGNORECASE)}
    for match in _TOKEN.finditer(query):
        if match["name"] and (prefix := match["name"].split(":")[0]) not in declared and prefix != "_":
            return _Stray(prefix + ":", _place(query, match.start()))
    return None
