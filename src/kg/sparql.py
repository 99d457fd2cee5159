"""A SPARQL text comes in; what kind of request it is, and whether it calls other servers, goes out. It is not parsed here."""

from __future__ import annotations

import re

from kg.errors import BadQuery

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
    if is_update(query):
        return BadQuery("This endpoint is read-only: it answers SELECT, ASK, CONSTRUCT and DESCRIBE, no updates.")
    match = _POSITION.search(str(error))
    if not match:
        return BadQuery(f"This query does not parse: {error}")
    line, column = int(match[1]), int(match[2])
    lines = query.splitlines() or [""]
    shown = lines[line - 1] if line <= len(lines) else ""
    found = shown[column - 1 : column + 19].strip()
    what = f"did not expect “{found}”" if found else "the query ends too early"
    return BadQuery(f"Line {line}, column {column}: {what}.{_hint(query, match[3])}", line, column)


def _hint(query: str, complaint: str) -> str:
    if not _FORMS & set(words(query)):
        return " A query says SELECT, ASK, CONSTRUCT or DESCRIBE, after any PREFIX lines."
    if prefix := re.search(r"[Pp]refix not found", complaint):
        used = {match["name"].split(":")[0] for match in _TOKEN.finditer(query) if match["name"]}
        declared = set(re.findall(r"PREFIX\s+([\w-]*):", query, re.IGNORECASE))
        unknown = ", ".join(sorted(name + ":" for name in used - declared)) or prefix[0]
        return f" A prefix may be undeclared; used without PREFIX: {unknown}"
    if query.count("{") != query.count("}"):
        return " The braces { } do not match."
    return ""
