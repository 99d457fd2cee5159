"""Words that somebody typed come in; the things that they may mean go out, the likeliest first."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log1p
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from kg.database import Database
from kg.index import FIELDS, fold

_WORD = re.compile(r"\w+")
_LONGEST = 200  # characters that are looked at
_MOST_WORDS = 12
_CANDIDATES = 300  # things, the best by their words alone, that are looked at closely
_LIKE_ENOUGH = 0.7  # how like a known word must be to one that is not, from 0 to 1
_SHORTEST = 4  # characters of a word that is taken for a mistake
# How much more a word says in a name than in a description; and what stands exactly so is what was meant.
_RANKED = """SELECT thing.id, iri, class, links, -bm25(words, 10, 8, 10, 1) AS worth FROM words JOIN thing ON thing.id = words.rowid
    WHERE words MATCH :words AND :class IN ('', class) ORDER BY worth DESC, iri LIMIT :most"""
_COUNTED = """SELECT class, count(*) AS n FROM words JOIN thing ON thing.id = words.rowid
    WHERE words MATCH ? GROUP BY class ORDER BY n DESC, class"""
_SAME, _BEGINS, _NAMED = 100.0, 20.0, 10.0
_Row = tuple[int, str, str, int, float]


@dataclass(frozen=True)
class Hit:
    """A thing that was found, by which of its texts, and in what language that is."""

    iri: str
    cls: str
    text: str
    field: str  # name, alias, identifier or text
    language: str


@dataclass(frozen=True)
class Found:
    """What was found: some of it, how much there is in all and of each class, and what was looked for instead, if it was."""

    hits: Sequence[Hit]
    total: int
    classes: dict[str, int]
    instead: str | None = None


class Search:
    """Looks into the file that `kg.index` wrote."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    def find(self, text: str, cls: str = "", start: int = 0, limit: int = 20) -> Found:
        """Things that all words lead to, of a class if one is given; where there are none, those of the likeliest other words."""
        words = _words(text)
        if not words:
            return Found((), 0, {})
        connection = self._database.connection
        classes, instead = dict(connection.execute(_COUNTED, (_begin_so(words),))), None
        if not classes and (likely := [self._likely(word) for word in words]) != words:
            classes = dict(connection.execute(_COUNTED, (_begin_so(likely),)))
            words, instead = likely, " ".join(likely) if classes else None
        given = {"words": _begin_so(words), "class": cls, "most": max(_CANDIDATES, start + limit)}
        rows = connection.execute(_RANKED, given).fetchall()
        rows.sort(key=lambda row: (-_worth(connection, row, words), row[1]))
        hits = [_hit(connection, row, words) for row in rows[start : start + limit]]
        return Found(hits, classes.get(cls, 0) if cls else sum(classes.values()), classes, instead)

    def everything(self) -> list[tuple[str, str, int, list[tuple[str, str]]]]:
        """All things by their IRIs: each with its class, how many links lead to it, and its texts behind their fields."""
        connection = self._database.connection
        texts: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for number, field, text in connection.execute("SELECT thing, field, text FROM text ORDER BY thing, field, text, language"):
            texts[number].append((field, text))
        rows = connection.execute("SELECT id, iri, class, links FROM thing ORDER BY iri").fetchall()
        return [(iri, cls, links, texts[number]) for number, iri, cls, links in rows]

    def _likely(self, word: str) -> str:
        """The word of the vocabulary that this may be a mistyping of, or itself."""
        if len(word) < _SHORTEST or word in self._vocabulary:
            return word
        near = process.extractOne(
            word, self._vocabulary.keys(), scorer=DamerauLevenshtein.normalized_similarity, score_cutoff=_LIKE_ENOUGH
        )
        return near[0] if near else word

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        """All words, the most frequent first, each with in how many things it is."""
        return dict(self._database.connection.execute("SELECT term, doc FROM vocabulary ORDER BY doc DESC, term"))


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text[:_LONGEST]).replace("_", " "))[:_MOST_WORDS]


def _begin_so(words: Iterable[str]) -> str:
    """What FTS5 calls a query for words that begin so; quotation marks keep a word from being read as an operator."""
    return " ".join(f'"{word}"*' for word in words)


def _worth(connection: sqlite3.Connection, row: _Row, words: Sequence[str]) -> float:
    number, _, _, links, worth = row
    typed = " ".join(words)
    texts = connection.execute("SELECT folded FROM text WHERE thing = ? AND field != 'text'", (number,))
    called = [" ".join(_WORD.findall(folded)) for (folded,) in texts]
    worth += _SAME * (typed in called) + _BEGINS * any(name.startswith(typed) for name in called)
    return worth + _NAMED * any(all(word in name for word in words) for name in called) + log1p(links)


def _hit(connection: sqlite3.Connection, row: _Row, words: Sequence[str]) -> Hit:
    """The thing with the text that shows best why it was found."""
    texts = connection.execute("SELECT field, language, text, folded FROM text WHERE thing = ?", (row[0],)).fetchall()
    best = min(texts, key=lambda text: (-sum(word in text[3] for word in words), FIELDS.index(text[0]), len(text[2])))
    return Hit(row[1], row[2], best[2], best[0], best[1])
