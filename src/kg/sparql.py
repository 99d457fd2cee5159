"""A SPARQL text comes in; what kind of request it is, which other servers it calls, or the same with other names, goes out.

It is not parsed here, only taken apart into words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from kg.errors import BadQuery, ServiceRefused
from kg.names import PREFIXES

# What can hold a word without meaning it: comments, IRIs, strings. Order matters: long strings before short ones.
# Nothing is read more than twice: what is tried is never given back (`*+`), and a string that does not end is one all the same.
_TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\r\n]*+)
  | (?P<iri><(?:[^<>"{}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*+>)
  | (?P<string>\"\"\"(?:[^"\\]|\\.|"(?!""))*+(?:\"\"\")? | '''(?:[^'\\]|\\.|'(?!''))*+(?:''')?
             | "(?:[^"\\\r\n]|\\.)*+"? | '(?:[^'\\\r\n]|\\.)*+'?)
  | (?P<variable>[?$]\w++)
  | (?P<language>@[A-Za-z]\w*+)
  | (?P<run>[\w.-]*+)(?P<local>:(?:[\w.:%-]|\\[uU][0-9A-Fa-f]++|\\[_~.\-!$&'()*+,;=/?\#@%])*+)
  | (?P<bare>[\w.-]++)
  | \s++
  | .
    """,
    re.VERBOSE | re.DOTALL,
)
_GRAPH_OF_VARIABLE = re.compile(r"GRAPH(?:\s|\#[^\r\n]*)*+[?$]", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]\w*+")
_PREFIX = re.compile(r"[^\W\d_][\w.-]*+$")
_CHOICES = {"LIMIT", "OFFSET", "SAMPLE", "GROUP_CONCAT"}
_FORMS = {"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"}
_XSD = PREFIXES["xsd"]
_UPDATES = {"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"}
_WITHIN_CLAUSE = {"BY", "DISTINCT", "REDUCED"}
_BY_NOTHING = re.compile(r"GROUP\s+BY\s*+(?=$|ORDER\b|HAVING\b|LIMIT\b)")
_OF_GRAPHS = {"FROM", "NAMED", "GRAPH"}
_SIGNS = frozenset(".;,{[(/|^")  # what stands between patterns, or begins a group, a collection or a step of a path
_DEPTH = 128  # brackets within brackets
_SERVICE = re.compile(r"SERVICE\s+(?:SILENT\s+)?<([^<>]*)>", re.IGNORECASE | re.ASCII)  # or ſ and ı count as S and I
# The letters at the end of an IRI, a name or a variable. Not behind any word: `1SERVICE` and `trueSERVICE` are two.
_NAMED_SERVICE = re.compile(r"(?:[/:#][\w-]*|[?$][a-z_]\w*|[?$])service", re.IGNORECASE | re.ASCII)
_ESCAPE = re.compile(r"\\u", re.IGNORECASE)  # a letter in disguise
_READ_UNLIKE = re.compile(r"[#\r\x00]|\\u", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(?:u(?P<four>[0-9A-Fa-f]{4})|U(?P<eight>[0-9A-Fa-f]{8})|.)|[\r\x00]", re.DOTALL)
_SPELLED = {chr(code): f"\\u{code:04X}" for code in range(0x20)} | {
    **{'"': r"\"", "'": r"\'", "\\": r"\\"},
    **{"\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"},
}
_NOT_IN_IRI = frozenset('<>"{}|^`\\') | frozenset(map(chr, range(0x21))) | {""}
_CALL = re.compile(r"""(?:>|:[^\s(){}<>"']*+)\s*+\(""")  # perhaps: a name, or the end of an IRI, before a bracket
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+")
_SCHEME_OF_IRI = re.compile(rf"<({_SCHEME.pattern}):")
_SCHEMES = {"http", "https", "urn", "tag", "mailto", "tel", "geo", "doi", "info", "ftp"}
_CONDITIONS = {"ORDER", "GROUP", "HAVING"}  # behind which calls may stand in a row
_A_TERM = "term"
# Behind these a subject or a predicate may stand, before a path or a collection in brackets.
_BEFORE_PATTERNS = {_A_TERM, *"{}.?;[])"}
_CLAUSES = _CONDITIONS | {"PREFIX", "BASE", "SELECT", "WHERE", "LIMIT", "OFFSET", "VALUES"}
_VOLATILE = re.compile(r"\b(?:now|rand|uuid|struuid|bnode)\s*(?:#[^\r\n]*[\r\n]\s*)*\(|\bservice\b")
_VOLATILE_WORDS = ("now", "rand", "uuid", "bnode", "service")  # looked for first, for they are quicker to find
_KEYWORDS = re.compile(r"expected (?:one of )?([A-Z_]+(?:, [A-Z_]+)*)")
_POSITION = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)


def words(query: str) -> list[str]:
    """The bare words of a query in upper case: no comments, strings, IRIs, names or variables."""
    return [word.upper() for word, _ in _bare_words(query)]


def _bare_words(query: str) -> Iterator[tuple[str, int]]:
    """The same as they are written, with their places."""
    for match in _TOKEN.finditer(query):
        if run := match["bare"]:
            for word in _WORD.finditer(run):
                yield word[0], match.start() + word.start()


def is_update(query: str) -> bool:
    """Whether this is an update request rather than a query."""
    for word in words(query):
        if word in _FORMS:
            return False
        if word in _UPDATES:
            return True
    return False


def refuse_depth(query: str) -> None:
    """Raise BadQuery if brackets are nested so deep that the parser would run out of stack."""
    if sum(query.count(bracket) for bracket in "{([") <= _DEPTH:
        return
    depth = deepest = 0
    for match in _TOKEN.finditer(query):
        if match[0] in "{([":
            depth += 1
            deepest = max(deepest, depth)
        elif match[0] in "})]":
            depth -= 1
    if deepest > _DEPTH:
        raise BadQuery(f"This query nests brackets {deepest:,} deep. At most {_DEPTH} are allowed.")


def services(query: str, allowed: Collection[str], strict: bool = False) -> set[str]:
    """The other servers that the query calls; raises ServiceRefused unless each is one of the allowed, written out in full.

    A query without SERVICE is evaluated where no connection can be opened, so a mistake about strings and comments does no harm.
    One that calls others is evaluated where connections are possible. There we do not rely on reading strings and comments as
    the engine does: wherever the letters stand, an allowed address must follow. With `strict`, which is for platforms that cannot
    forbid connections, this holds for every query, but for letters that end a word which no keyword can be part of: those of IRIs,
    names and variables.
    """
    if "service" not in query.lower() or (not strict and "SERVICE" not in words(query)):
        return set()
    if strict and "service" not in _NAMED_SERVICE.sub(" ", query).lower():
        return set()
    called = _SERVICE.findall(query)
    if len(called) != query.lower().count("service") or _ESCAPE.search(query) or not set(called) <= set(allowed):
        listed = ", ".join(f"<{address}>" for address in sorted(allowed))
        raise ServiceRefused(
            f"SERVICE may call only {listed}, with the address written out behind the word, without escapes; "
            "nor may the word stand anywhere else in such a query."
            if allowed
            else "This endpoint calls no others: SERVICE is not allowed. Query the other endpoint yourself, or have it call ours."
        )
    return set(called)


def is_volatile(query: str) -> bool:
    """Whether the query may give another answer the next time, because it asks for the time, for chance, or others."""
    lowered = query.lower()
    return any(word in lowered for word in _VOLATILE_WORDS) and bool(_VOLATILE.search(lowered))


def is_open(query: str) -> bool:
    """Whether an engine may choose what the answer is: which rows a LIMIT leaves, which value a SAMPLE takes."""
    return bool(_CHOICES & set(words(query)))


def plain(query: str) -> str:
    """The same query without comments and without letters in disguise, so that all engines read it alike.

    They do not agree on where a comment ends (Virtuoso's goes on behind a carriage return), nor on when `\\u` is read: what one
    takes for a comment or a string, another would take for a part of the query.
    """
    if not _READ_UNLIKE.search(query):
        return query
    return "".join(map(_plain, _TOKEN.finditer(query)))


def _plain(token: re.Match[str]) -> str:
    if token["comment"]:
        return ""
    if token["string"]:
        return _ESCAPED.sub(lambda escape: _SPELLED.get(_letter(escape), _letter(escape) or escape[0]), token[0])
    if token["iri"]:
        return _ESCAPED.sub(lambda escape: escape[0] if (letter := _letter(escape)) in _NOT_IN_IRI else letter, token[0])
    return token[0].replace("\r\n", "\n").replace("\r", "\n")


def _letter(escape: re.Match[str]) -> str:
    """The letter that stands there by its number, or itself though some engines stumble over it; nothing for other escapes."""
    code = escape["four"] or escape["eight"]
    if not code:
        return "" if escape[0].startswith("\\") else escape[0]
    number = int(code, 16)
    return chr(number) if number < 0xD800 or 0xDFFF < number < 0x110000 else ""  # the others are halves of surrogates, or nothing


def refuse_foreign(query: str) -> None:
    """Raise BadQuery where a plain query might call what an engine has beyond SPARQL: any function by its IRI, but for conversions.

    Such functions read files and addresses, load classes, or end the process (`bif:http_get`, `java:…`, `fn:doc`). Whether an IRI
    before a bracket is one, or a predicate before a collection, is told by what stands before it; in doubt it is one.
    """
    if strange := next(_strange(query), None):
        listed = ", ".join(sorted(_SCHEMES))
        raise BadQuery(f"{strange} is nothing that this endpoint knows. IRIs in a query may begin with {listed}.")
    called = _called(query) if _CALL.search(query) else iter(())
    if foreign := next((iri for iri in called if not iri.startswith(_XSD)), None):
        raise BadQuery(f"<{foreign}> is no function of SPARQL. Only types of XML Schema are called by their IRIs: xsd:integer(?x).")


def is_foreign(iri: str) -> bool:
    """Whether it is of a scheme that no data has, and that engines may take for something else."""
    scheme, colon, _ = iri.partition(":")
    return bool(colon) and bool(_SCHEME.fullmatch(scheme)) and scheme.lower() not in _SCHEMES


def _strange(query: str) -> Iterator[str]:
    """The IRIs in a query that are foreign."""
    if any(scheme.lower() not in _SCHEMES for scheme in _SCHEME_OF_IRI.findall(query)):
        yield from (match["iri"] for match in _TOKEN.finditer(query) if match["iri"] and is_foreign(match["iri"][1:-1]))


def _called(query: str) -> Iterator[str]:
    """The functions that a query may call by their IRIs."""
    declared, prefix, clause = dict(PREFIXES), "", ""
    name, before, last = "", "", ""  # an IRI, what stands before it, and the last piece
    for match in _TOKEN.finditer(query):
        piece = match[0]
        if piece.isspace() or match["comment"]:
            continue
        if piece == "(" and name and (clause in _CONDITIONS or before not in _BEFORE_PATTERNS):
            yield name
        name = ""
        if match["bare"]:
            clause = piece.upper() if piece.upper() in _CLAUSES else clause
        elif piece in "{}":
            clause = ""
        elif match["local"] is not None and clause == "PREFIX" and last.upper() == "PREFIX":
            prefix = match["run"]
        elif match["iri"] and clause == "PREFIX":
            declared[prefix], clause = piece[1:-1], ""
        elif match["iri"] or match["local"] is not None:
            start, short, local = _prefixed(match) if match["local"] is not None else ("", "", piece[1:-1])
            name, before = declared.get(short, "") + local, start[-1:] or last
        is_term = match["variable"] or match["string"] or match["language"] or match["iri"] or match["local"] is not None
        last = _A_TERM if is_term else piece


@dataclass(frozen=True)
class Scoped:
    """A query that no longer says itself what it is about."""

    text: str
    default_graphs: Sequence[str]  # what stood behind FROM, in full
    named_graphs: Sequence[str]  # and behind FROM NAMED


def scoped(query: str, names: Mapping[str, str], nowhere: str, base: str) -> Scoped:
    """The query without its FROM clauses, and with other names for graphs, however they are written: in full, relative, by prefix.

    Graphs that have no other name are `nowhere`. Where GRAPH stands before a variable, names of graphs elsewhere may be compared
    with it, and get their other names, too. Other IRIs are left as they are. Raises BadQuery where one is written with escapes.
    """
    declared, pieces = dict(PREFIXES), []
    graphs: dict[str, list[str]] = {"FROM": [], "NAMED": []}
    expected, prefix = "", ""
    compared = names if _GRAPH_OF_VARIABLE.search(query) else {}
    for match in _TOKEN.finditer(query):
        piece, before, after = match[0], "", ""
        word = piece.rpartition(".")[2].upper() if match["bare"] else ""  # a full stop, or a number with one, may stand before it
        iri = urljoin(base, piece[1:-1]) if match["iri"] else ""
        if expected in _OF_GRAPHS and (piece == "<" or "\\" in (match["local"] or match["iri"] or "")):
            raise BadQuery("Write the names of graphs without escapes.")
        if match["local"] is not None and expected == "PREFIX":
            prefix = match["run"]
        elif match["local"] is not None:
            before, name, local = _prefixed(match)
            after = local[len(local.rstrip(".")) :]
            iri = declared.get(name, "") + local.rstrip(".")
        if word in ("BASE", "PREFIX", "FROM", "GRAPH") or (word == "NAMED" and expected == "FROM"):
            expected = word
            piece = "" if word in graphs else piece
        elif iri and expected == "BASE":
            base, expected = iri, ""
        elif iri and expected == "PREFIX":
            declared[prefix], expected = iri, ""
        elif iri and expected in graphs:
            graphs[expected].append(iri)
            piece, expected = before + after, ""
        elif iri and (expected == "GRAPH" or iri in compared):
            piece, expected = f"{before}<{names.get(iri, nowhere)}>{after}", ""
        elif match["variable"]:
            expected = ""
        pieces.append(piece)
    return Scoped("".join(pieces), graphs["FROM"], graphs["NAMED"])


def _prefixed(match: re.Match[str]) -> tuple[str, str, str]:
    """What stands before a name with a prefix in the same run of characters (a full stop may), its prefix, and the rest of it."""
    named = _PREFIX.search(match["run"])
    start = named.start() if named else len(match["run"])
    return match["run"][:start], match["run"][start:], match["local"][1:]


def fixed(query: str, terms: Mapping[str, str]) -> str:
    """A SELECT query with terms for some of its variables, which are then no longer among what it selects or groups by.

    For queries of ours: a variable that has a term stands in SELECT and GROUP BY by itself, and not in those of a subquery.
    """
    pieces: list[str] = []
    depth, clause = 0, ""
    for match in _TOKEN.finditer(query):
        piece = match[0]
        if match["bare"] and not depth:
            clause = clause if piece.upper() in _WITHIN_CLAUSE else piece.upper()
        elif piece in "{(":
            clause = "" if piece == "{" else clause
            depth += 1
        elif piece in "})":
            depth -= 1
        elif match["variable"] and piece[1:] in terms:
            piece = "" if not depth and clause in ("SELECT", "GROUP") else terms[piece[1:]]
        pieces.append(piece)
    return _BY_NOTHING.sub("", "".join(pieces))


def patterns(query: str) -> int:
    """How many triple patterns, groups and steps of paths a query has at most, as far as that can be seen from its signs."""
    return 1 + sum(
        match[0] in _SIGNS or (match[0].endswith(".") and not (match["comment"] or match["iri"] or match["string"]))
        for match in _TOKEN.finditer(query)
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
    line, column = _begin(query, int(match[1]), int(match[2]), match[3])
    lines = query.split("\n")
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


def _begin(query: str, line: int, column: int, expected: str) -> tuple[int, int]:
    """Where the fault begins: when it stumbles over a keyword, the parser names the place behind as many characters as that has."""
    keywords = _KEYWORDS.fullmatch(expected.strip())
    if not keywords:
        return line, column
    before = query.split("\n", line)[:line]
    end = len("\n".join(before[:-1])) + (line > 1) + column - 1
    return _place(query, max(0, end - min(map(len, keywords[1].split(", ")))))


def _place(query: str, start: int) -> tuple[int, int]:
    before = query[:start]
    return before.count("\n") + 1, start - before.rfind("\n")


def _first_word(query: str) -> tuple[int, int]:
    """Where the query should have said what it is."""
    starts = (start for word, start in _bare_words(query) if word.upper() not in ("PREFIX", "BASE"))
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
        if match["local"] is None or match["run"].lstrip(".-") == "_":
            continue  # no name, or a blank node
        named = _PREFIX.search(match["run"])  # a full stop may stand before it
        prefix = named[0] if named else ""
        if prefix not in declared:
            return _Stray(prefix + ":", _place(query, match.start("local") - len(prefix)))
    return None
