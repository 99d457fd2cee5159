"""An address of the application comes in; the file of a static copy that answers it goes out. The one table of files is here."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from kg.web.reports import PAGES
from kg.web.text import LANGUAGES

_ASIDE = {"lang", "v"}  # parameters that have no part in what an answer holds, but for its language
_ASKED = {"on", "sort"}  # what only the application can do to a list


@dataclass(frozen=True)
class _Row:
    """What a path looks like, and the file: `{0}` is the first group of the path, `{lang}` the language, others are parameters."""

    path: str
    file: str
    tells: tuple[str, ...] = ()  # parameters whose values stand before the ending of the file: `ar.map.html`
    keeps: bool = False  # whether all other parameters stay behind the name, for the script of the page


_TABLE = (
    _Row("/", "{lang}/index.html"),
    _Row(f"/(about|disagreements|problem|sparql|{'|'.join(PAGES)})", "{lang}/{0}.html"),
    _Row("/search", "{lang}/search.html", keeps=True),
    _Row(r"/things\.js", "{lang}/things.js"),
    # Some systems take page/def/Claim.html and page/def/claim.html for one file.
    _Row("/page/def/([A-Z][^/]*)", "{lang}/page/def/{0}.class.html"),
    _Row("/page/(.+)", "{lang}/page/{0}.html", ("start",)),
    _Row(r"/browse/(\w+)\.(csv|json)", "{lang}/browse/{0}.{1}"),
    _Row(r"/browse/(\w+)", "{lang}/browse/{0}.html", ("view",), keeps=True),
    _Row("/browse", "{lang}/browse/{class}.html"),
    _Row("/questions", "{lang}/sparql.html"),
    _Row(r"/questions/([\w-]+)", "{lang}/questions/{0}.html"),
    _Row(r"/api/queries/([\w-]+)\.(csv|json)", "questions/{0}.{1}"),
    _Row(r"/cite/(.+)\.(bib|json)", "{lang}/cite/{0}.{1}", ("of",)),
    _Row(r"/card/(.+)\.png", "{lang}/card/{0}.png"),
    _Row(r"/release/([\w.-]+)", "{lang}/release/{0}.html"),
    _Row(r"/(release/[\w.-]+/.+)", "{0}"),
    _Row("/(releases|changes)", "{lang}/{0}.html", ("from", "to")),
    _Row(r"/changes\.(csv|json)", "changes.{0}", ("from", "to")),
    _Row("/(data|dump|static)/(.+)", "{0}/{1}"),
    _Row("/void", "void.ttl"),
    _Row(r"/(\.well-known/void|(?:void|dcat)\.\w+|robots\.txt|favicon\.ico|apple-touch-icon\.png)", "{0}"),
    _Row(r"/sitemap\.xml", "sitemap.xml", ("part",)),
    _Row("/404", "404.html"),
    # What papers name, a folder each, so that any server answers with what lies in it.
    _Row("/((?:id|code|graph)/.+|def|def/.+|dataset|catalogue)", "{0}/index.html"),
)
_SAFE = re.compile(r"(?:(?!\.+/)[\w.-]+/)*[\w.-]+", re.ASCII)


@dataclass(frozen=True)
class Place:
    """A file, below the folder of the copy, and what stands behind its name in links to it."""

    file: str
    query: str = ""

    def seen_from(self, file: str) -> str:
        """The link to it from another file of the copy."""
        return _relative(self.file, posixpath.dirname(file) or ".") + (f"?{self.query}" if self.query else "")


@lru_cache(maxsize=1 << 16)
def _relative(file: str, folder: str) -> str:
    return quote(posixpath.relpath(file, folder))


@lru_cache(maxsize=1 << 16)
def place_of(address: str) -> Place | None:
    """Where the answer to an address, such as `/page/org/zte?lang=es`, lies; None where a copy has no file for it."""
    parts = urlsplit(address)
    pairs = parse_qsl(parts.query)
    given = {"lang": "", **dict(pairs)}
    if given["lang"] not in LANGUAGES:
        given["lang"] = ""
    path = unquote(parts.path)
    for row in _TABLE:
        if match := re.fullmatch(row.path, path):
            return _placed(row, match, given, pairs)
    return None


def _placed(row: _Row, match: re.Match[str], given: Mapping[str, str], pairs: list[tuple[str, str]]) -> Place | None:
    if "{class}" in row.file and "class" not in given:
        return None
    stem, dot, ending = row.file.format(*match.groups(), **given).rpartition(".")
    told = [given[name] for name in row.tells if given.get(name, "0") not in {"", "0", "page"}]
    file = ".".join([stem, *told, ending]) if dot else ending
    if row.file.startswith("{lang}") and not given["lang"]:  # there a language is chosen
        file = f"{match[0].strip('/')}/index.html".lstrip("/")
    rest = [pair for pair in pairs if pair[0] not in _ASIDE and pair[0] not in row.tells and f"{{{pair[0]}}}" not in row.file]
    is_answered = not rest or (row.keeps and _ASKED.isdisjoint(dict(rest)))
    return Place(file, urlencode(rest)) if is_answered and _SAFE.fullmatch(file) else None
