"""Names that somebody wrote come in; the things of a directory that these may mean go out, scored."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, log
from typing import NamedTuple

from rapidfuzz.distance import DamerauLevenshtein

from kg.database import GIVEN, Connected, InMemory
from kg.directory import Name, Thing, fill, pieces, read_name, unpacked
from kg.spelling import ADDED, Speller, Spelling, readings

_MOST_READ = 5_000  # entries of the index that one name may cost
_LOOKED_AT = 60  # names that are compared closely
_LIKE = 0.75  # how like two words must be to be taken for one
_SHORTEST = 6  # letters of a word that may be mistyped
_BEGINNING = 3  # letters by which a word may be cut short
_SHORTENED, _INITIAL = 0.85, 0.8  # what a word that is cut short, or only its first letter, is worth
_ADDED = 0.4  # what a word counts that companies add to their names, where one of them lacks it
_WHOLE = 0.85  # how like two names must be, all of either as one word, for that to count
#: From this score on, and with odds so many times those of the next, a candidate is taken for the thing that was meant.
MATCH, AHEAD = 50.0, 2.7
_KEPT = 20_000  # names, and words, that are kept in memory
_HOPELESS = 1.0  # a score below which a candidate is not worth showing
_HOLDING = "SELECT substr(numbers, 1, ?) FROM piece WHERE id = ?"
_NAMED = """SELECT thing.id, text, words, name.countries, joined, written, made, part, iri, classes, thing.countries, mobile
    FROM name JOIN thing ON thing.id = name.thing WHERE name.id = ?"""


@dataclass(frozen=True)
class Wanted:
    """A name that somebody wrote, the classes of which the thing must be one, and where it belongs, as far as that is known."""

    name: str
    classes: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Candidate:
    """A thing that may be meant, by which of its names; the logarithm of the odds that it is, and whether it is taken for it."""

    iri: str
    name: str
    odds: float
    named: float  # how like the names are, from 0 to 1
    country: bool | None  # whether the countries agree, where both are known
    is_match: bool = False

    @property
    def score(self) -> float:
        """How likely it is, in percent."""
        return round(100 / (1 + exp(-self.odds)), 1)


class Features(NamedTuple):
    """What speaks for and against a candidate, each from 0 to 1."""

    known: float  # share of what was written that the name has, by weight
    covered: float  # share of the name that was written
    both: float  # the product of the two
    same: float  # whether they have the same words
    joined: float  # how like they are as one word each
    every: float  # whether the name has every word that was written
    whole: float  # whether every word of the name was written
    strange: float  # weight of the rarest word that was written and is not in the name
    missing: float  # weight of the rarest word of the name that was not written
    telling: float  # weight of the rarest word that both have
    agrees: float  # whether the countries agree
    differs: float  # whether they differ
    elsewhere: float  # whether a row of another country means a thing that may act there
    unsure: float  # whether a country was written in which the thing is not known to be
    unsaid: float  # whether the name has a country that was not written
    numbers: float  # whether the numbers differ
    made: float  # whether the name is of initials that nobody wrote down
    part: float  # whether only a part of what was written was compared
    inner: float  # whether only a part of the name was


#: How much each counts; set by `python -m bench.reconciliation --fit`, on names that the figures in the documentation do not use.
WEIGHTS = Features(
    known=1.58,
    covered=0.75,
    both=6.37,
    same=-0.64,
    joined=2.71,
    every=2.21,
    whole=0.59,
    strange=2.11,
    missing=0.62,
    telling=2.05,
    agrees=1.40,
    differs=-9.18,
    elsewhere=-0.59,
    unsure=-3.42,
    unsaid=-2.89,
    numbers=-10.06,
    made=1.98,
    part=-3.87,
    inner=-2.29,
)
BIAS = -10.02


@dataclass(frozen=True)
class _Near:
    """A name of a thing that is compared closely."""

    number: int  # of the thing
    thing: Thing
    name: Name


class Matcher:
    """Finds things by names as people write them."""

    def __init__(self, database: Connected) -> None:
        """Of a directory, which `kg.directory` wrote."""
        self._database = database
        connection = database.connection
        countries: dict[str, list[str]] = defaultdict(list)
        for code, name in connection.execute("SELECT code, name FROM country"):
            countries[code].append(name)
        self._speller = Speller(countries)
        self._lengths = unpacked("H", connection.execute("SELECT lengths FROM length").fetchone()[0])
        self._total = connection.execute("SELECT count(*) FROM thing").fetchone()[0] + 1
        self._most = log(self._total) + 0.5
        # What is asked for again and again; of a graph of usual size, all of it.
        self._named, self._weight = lru_cache(_KEPT)(self._read), lru_cache(_KEPT)(self._tell)

    @classmethod
    def of(cls, things: Iterable[Thing], countries: Mapping[str, Iterable[str]]) -> Matcher:
        """Of some things, for the thread that asks; `countries`: code of two letters → names in any language."""
        database = InMemory()
        fill(database.connection, things, countries)
        return cls(database)

    def country(self, text: str) -> str | None:
        """The code of a country by its name in any language, or by its code."""
        return self._speller.country(text)

    def find(self, wanted: Wanted, limit: int) -> list[Candidate]:
        """The likeliest things, best first; at most one of them is a match."""
        best: dict[int, Candidate] = {}
        compared = list(self.compare(wanted))
        # What is called so is meant before what would have such initials; and these have to be all that was written.
        named = any(features.same and features.known == 1 and not features.made for _, _, features in compared)
        for number, candidate, features in compared:
            if features.made and (named or not features.every):
                continue
            if number not in best or candidate.odds > best[number].odds:
                best[number] = candidate
        return decide(each for each in best.values() if each.score >= _HOPELESS)[:limit]

    def compare(self, wanted: Wanted) -> Iterator[tuple[int, Candidate, Features]]:
        """Each name that comes near one of the readings of what was written."""
        for place, text in enumerate(readings(wanted.name)):
            spelling = self._speller.spell(text)
            for each in self._near(spelling, wanted.classes):
                features = self._features(wanted, spelling, each, is_part=place > 0)
                agrees = True if features.agrees else False if features.differs or features.elsewhere else None
                odds = BIAS + sum(weight * value for weight, value in zip(WEIGHTS, features, strict=True))
                yield each.number, Candidate(each.thing.iri, each.name.text, odds, round(features.both, 3), agrees), features

    def _tell(self, word: str) -> float:
        """How much a word tells: the rarer the more."""
        row = self._database.connection.execute("SELECT things FROM word WHERE word = ?", (word,)).fetchone()
        return 0.5 + log(self._total / row[0]) if row else self._most

    def _read(self, number: int) -> _Near:
        thing, *name, iri, classes, countries, is_mobile = self._database.connection.execute(_NAMED, (number,)).fetchone()
        known = Thing(iri, (), frozenset(classes.split()), frozenset(countries.split()), bool(is_mobile))
        return _Near(thing, known, read_name(name))

    def _near(self, spelling: Spelling, classes: frozenset[str]) -> list[_Near]:
        """Of the names that share most pieces with what was written, rare pieces first, those of things of some class."""
        connection = self._database.connection
        text = f"SELECT id, names FROM piece WHERE piece IN {GIVEN} ORDER BY names, piece"  # noqa: S608 (a constant)
        shared: Counter[int] = Counter()
        read = 0
        for piece, names in connection.execute(text, (json.dumps(list(pieces(spelling))),)).fetchall():
            read += names
            if read > _MOST_READ and shared:
                break
            (content,) = connection.execute(_HOLDING, (4 * _MOST_READ, piece)).fetchone()
            shared.update(unpacked("I", content))
        lengths, length = self._lengths, len(spelling.joined) + 2
        nearest = list(shared)
        if len(shared) > _LOOKED_AT:
            nearest = sorted(shared, key=lambda n: (-shared[n] / (length + lengths[n]), n))[:_LOOKED_AT]
        near = map(self._named, nearest)
        return [each for each in near if not classes or classes & each.thing.classes]

    def _features(self, wanted: Wanted, spelling: Spelling, near: _Near, *, is_part: bool) -> Features:
        name, thing, theirs = near.name, near.thing, near.name.spelling
        matched, strange, missing = _align(spelling, theirs)

        def lacking(word: str) -> float:
            return self._weight(word) * (_ADDED if thing.is_mobile and word in ADDED else 1)

        weight = sum(self._weight(word) for word, _, _ in matched) + sum(map(lacking, strange))
        of_name = sum(self._weight(word) for _, word, _ in matched) + sum(map(lacking, missing))
        known = sum(self._weight(word) * like for word, _, like in matched) / weight if weight else 0.0
        covered = sum(self._weight(word) * like for _, word, like in matched) / of_name if of_name else 0.0
        joined = DamerauLevenshtein.normalized_similarity(spelling.joined, theirs.joined, score_cutoff=_WHOLE)
        agrees, differs, elsewhere, unsure, unsaid = _lands(wanted, spelling, theirs, thing)
        return Features(
            known,
            covered,
            known * covered,
            float(set(spelling.words) == set(theirs.words)),
            joined,
            float(not strange),
            float(not missing),
            max(map(lacking, strange), default=0.0) / self._most,
            max(map(lacking, missing), default=0.0) / self._most,
            max((self._weight(word) for _, word, _ in matched), default=0.0) / self._most,
            agrees,
            differs,
            elsewhere,
            unsure,
            unsaid,
            float(bool(spelling.numbers - theirs.numbers) and (bool(theirs.numbers) or bool(spelling.numbers - _digits(spelling)))),
            float(name.is_made),
            float(is_part),
            float(name.is_part),
        )


def _align(one: Spelling, other: Spelling) -> tuple[list[tuple[str, str, float]], list[str], list[str]]:
    """Pairs of words with how like they are, then the words that only one or only the other has."""
    if one.joined == other.joined:
        return [(word, word, 1.0) for word in other.words], [], []
    left = list(other.words)
    matched = [(word, word, 1.0) for word in one.words if word in left]
    for word, _, _ in matched:
        left.remove(word)
    written, theirs = dict(zip(one.words, one.written, strict=False)), dict(zip(other.words, other.written, strict=False))
    strange = []
    for word in one.words:
        if word in other.words:
            continue
        pairs = ((_like(written.get(word, word), theirs.get(their, their)), their) for their in left)
        likeness, likest = max(pairs, default=(0.0, ""))
        if likeness:
            left.remove(likest)
            matched.append((word, likest, likeness))
        else:
            strange.append(word)
    return matched, strange, left


def _digits(spelling: Spelling) -> frozenset[str]:
    return frozenset(word for word in spelling.numbers if any(map(str.isdigit, word)))


def _lands(wanted: Wanted, spelling: Spelling, theirs: Spelling, thing: Thing) -> tuple[float, float, float, float, float]:
    """Whether the countries agree, differ, differ as they may, and whether one is written or named that the other side lacks."""
    if spelling.countries and theirs.countries and spelling.countries != theirs.countries:
        return 0.0, 1.0, 0.0, 0.0, 0.0
    known = theirs.countries or thing.countries
    if spelling.countries:
        agrees = bool(spelling.countries & known)
        return float(agrees), float(bool(known) and not agrees), 0.0, float(not known), 0.0
    if wanted.countries and known:
        agrees = bool(wanted.countries & known)
        may = not agrees and thing.is_mobile and not theirs.countries
        return float(agrees), float(not agrees and not may), float(may), 0.0, 0.0
    return 0.0, 0.0, 0.0, 0.0, float(bool(theirs.countries))


def _like(one: str, other: str) -> float:
    """How like a word that was written is to one of a name, from 0 to 1."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) == 1:
        return _INITIAL if longer.startswith(shorter) and shorter.isalpha() else 0.0
    if any(map(str.isdigit, one + other)):
        return 0.0
    if len(one) >= _BEGINNING and other.startswith(one):
        return _SHORTENED
    if len(shorter) < _SHORTEST:
        return 0.0
    return DamerauLevenshtein.normalized_similarity(one, other, score_cutoff=_LIKE)


def decide(candidates: Iterable[Candidate]) -> list[Candidate]:
    """In the order of their odds; the first as a match, if it is good enough and no other comes near."""
    ranked = sorted(candidates, key=lambda each: (-each.odds, each.iri))
    if not ranked or ranked[0].score < MATCH:
        return ranked
    if len(ranked) > 1 and ranked[0].odds - ranked[1].odds < log(AHEAD):
        return ranked
    return [replace(ranked[0], is_match=True), *ranked[1:]]
