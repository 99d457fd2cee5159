"""Names that somebody wrote come in; the things of a directory that these may mean go out, scored."""

from __future__ import annotations

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import nlargest
from math import exp, log
from operator import mul
from typing import NamedTuple

from rapidfuzz.distance import DamerauLevenshtein

from kg.database import GIVEN, Connected, InMemory
from kg.directory import Name, Thing, fill, pieces, read_name, unpacked
from kg.index import fold
from kg.spelling import ADDED, ARTICLES, KNOWN, LEVELS, OFFICES, SORTS, Speller, Spelling, readings

_MOST_READ = 5_000  # entries of the index that one name may cost
_LOOKED_AT = 60  # names that are compared closely
_LIKE = 0.75  # how like two words must be to be taken for one
_SHORTEST, _SHORTER = 6, 4  # letters of a word that may be mistyped, and of one where all else is alike
_BEGINNING = 3  # letters by which a word may be cut short
_SHORTENED, _INITIAL = 0.85, 0.8  # what a word that is cut short, or only its first letter, is worth
_ADDED = 0.4  # what a word counts that companies add to their names, where one of them lacks it
_WHOLE = 0.85  # how like two names must be, all of either as one word, for that to count
#: From this score on, and with odds so many times those of the next, a candidate is taken for the thing that was meant.
MATCH, AHEAD = 50.0, 2.7
_UNSAID = SORTS - {"agreement"}  # of which people say as a rule whether they mean it
_KEPT = 20_000  # names, and words, that are kept in memory
_HELD = 2_000  # pieces of which is kept in memory which names hold them: 40 MB at most
#: A score below which a candidate is not worth showing.
HOPELESS = 1.0
_HOLDING = "SELECT substr(numbers, 1, ?) FROM piece WHERE id = ?"
_NAMED = """SELECT thing.id, text, words, name.countries, joined, written, made, part, iri, classes, thing.countries, mobile, sorts
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
    is_guess: bool = False  # whether nothing but initials that nobody wrote down as its name speaks for it

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
    agrees: float  # whether the countries agree, and nothing says that it is another thing of the same place
    differs: float  # whether they differ
    elsewhere: float  # whether a row of another country means a thing that may act there
    unsure: float  # whether a country was written in which the thing is not known to be
    unsaid: float  # whether the name has a country that was not written
    numbers: float  # whether the numbers differ
    made: float  # whether the name is of initials that nobody wrote down
    guess: float  # whether it is, and the countries are not known to agree
    part: float  # whether only a part of what was written was compared
    inside: float  # whether it was what stands in brackets
    inner: float  # whether only a part of the name was
    other: float  # whether a word was written that says it is another sort of thing
    rank: float  # whether a rank was written that the place does not have
    unsorted: float  # whether the word that says which sort of thing it is was not written
    added: float  # whether all that was written besides the name of a company is what companies add to their names
    brand: float  # whether what was written besides it is something else
    places: float  # whether another town, region or country was written than that in the name
    tail: float  # whether what was written are but the last words of the name
    more: float  # whether a word was written that the name of the town, region or country has not
    less: float  # whether such a name has a word that was not written
    bare: float  # whether such a name has an article that was not written
    near: float  # whether such a name has no word as it was written
    cut: float  # whether no word is the same, and one was cut short


#: How much each counts; set by `python -m bench.reconciliation --fit`, on names that the figures in the documentation do not use.
WEIGHTS = Features(
    known=2.92,
    covered=3.3,
    both=5.19,
    same=-0.17,
    joined=2.22,
    every=2.63,
    whole=0.44,
    strange=3.31,
    missing=0.47,
    telling=7.09,
    agrees=2.15,
    differs=-9.12,
    elsewhere=-0.55,
    unsure=-4.7,
    unsaid=-3.44,
    numbers=-10.46,
    made=-0.06,
    guess=-7.2,
    part=-2.86,
    inside=-1.65,
    inner=-2.54,
    other=-3.15,
    rank=-7.43,
    unsorted=-2.51,
    added=1.14,
    brand=-0.97,
    places=-0.22,
    tail=-1.87,
    more=-3.15,
    less=-6.05,
    bare=-6.75,
    near=-0.61,
    cut=-2.13,
)
BIAS = -17.27


class _Lands(NamedTuple):
    """What the countries say, each 0 or 1, as `Features` has it."""

    agrees: float = 0.0
    differs: float = 0.0
    elsewhere: float = 0.0
    unsure: float = 0.0
    unsaid: float = 0.0


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
        rows = connection.execute("SELECT words, sorts FROM name JOIN thing ON thing.id = name.thing WHERE sorts != ''")
        self._places = {words for words, sorts in rows if " " not in words and not LEVELS.isdisjoint(sorts.split())}
        # What is asked for again and again; of a graph of usual size, all of it.
        self._named, self._weight = lru_cache(_KEPT)(self._read), lru_cache(_KEPT)(self._tell)
        self._holding = lru_cache(_HELD)(self._hold)

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
        for number, candidate, _ in self.compare(wanted):
            if number not in best or candidate.odds > best[number].odds:
                best[number] = candidate
        return decide(each for each in best.values() if each.score >= HOPELESS)[:limit]

    def compare(self, wanted: Wanted) -> list[tuple[int, Candidate, Features]]:
        """Each name that comes near one of the readings of what was written, with the number of its thing."""
        compared = list(self._compare(wanted))
        # What is called so is meant before what would have such initials; and these have to be all that was written.
        named = any(features.same and features.known == 1 and not features.made for _, _, features in compared)
        return [each for each in compared if not each[2].made or (each[2].every and not named)]

    def _compare(self, wanted: Wanted) -> Iterator[tuple[int, Candidate, Features]]:
        whole = self._speller.spell(wanted.name)
        for place, text in enumerate(readings(wanted.name)):
            spelling = self._speller.spell(text)
            for each in self._near(spelling, wanted.classes):
                lands = _lands(wanted, spelling, each.name.spelling, each.thing)
                features = self._features(wanted, whole, spelling, each, lands, is_part=place > 0)
                if features is None:
                    continue
                agrees = True if lands.agrees else False if lands.differs or lands.elsewhere else None
                odds = BIAS + sum(map(mul, WEIGHTS, features))
                yield (
                    each.number,
                    Candidate(each.thing.iri, each.name.text, odds, round(features.both, 3), agrees, is_guess=bool(features.guess)),
                    features,
                )

    def _tell(self, word: str) -> float:
        """How much a word tells: the rarer the more."""
        row = self._database.connection.execute("SELECT things FROM word WHERE word = ?", (word,)).fetchone()
        return 0.5 + log(self._total / row[0]) if row else self._most

    def _read(self, number: int) -> _Near:
        thing, *name, iri, classes, countries, is_mobile, sorts = self._database.connection.execute(_NAMED, (number,)).fetchone()
        of, within, sorted_as = (frozenset(text.split()) for text in (classes, countries, sorts))
        known = Thing(iri, (), of, within, bool(is_mobile), sorted_as)
        return _Near(thing, known, read_name(name))

    def _hold(self, piece: int) -> array[int]:
        """Of the names that hold a piece, the first."""
        (content,) = self._database.connection.execute(_HOLDING, (4 * _MOST_READ, piece)).fetchone()
        return unpacked("I", content)

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
            shared.update(self._holding(piece))
        near = map(self._named, self._nearest(shared, len(spelling.joined) + 2))
        return [each for each in near if not classes or classes & each.thing.classes]

    def _nearest(self, shared: Mapping[int, int], length: int) -> list[int]:
        """Of names, with how many pieces they share with one of so many pieces, those that are compared closely."""
        lengths = self._lengths
        shares = {number: pieces / (length + lengths[number]) for number, pieces in shared.items()}
        if len(shares) <= _LOOKED_AT:
            return list(shares)
        least = nlargest(_LOOKED_AT, shares.values())[-1]  # found sooner than all are put in order
        likely = [number for number, share in shares.items() if share >= least]
        return sorted(likely, key=lambda number: (-shares[number], number))[:_LOOKED_AT]

    def _features(  # noqa: PLR0913 (all that is compared)
        self, wanted: Wanted, whole: Spelling, spelling: Spelling, near: _Near, lands: _Lands, *, is_part: bool
    ) -> Features | None:
        """What is compared; None of names that have no word in common, as there is no hope for them whatever else agrees."""
        name, thing, theirs = near.name, near.thing, near.name.spelling
        joined = DamerauLevenshtein.normalized_similarity(spelling.joined, theirs.joined, score_cutoff=_WHOLE)
        matched, strange, missing = _align(spelling, theirs, _SHORTER if joined else _SHORTEST)
        if not matched:
            return None
        written = spelling.as_written
        strange = [word for word in strange if word not in thing.sorts or written.get(word) in OFFICES]
        inexact = [like for _, _, like in matched] if all(like < 1 for _, _, like in matched) else []
        is_place = not thing.sorts.isdisjoint(LEVELS)
        is_longer = thing.is_mobile and bool(strange) and not missing
        is_area = is_place or "country" in thing.sorts
        ranks = {word for word in LEVELS.intersection(whole.words) if word not in theirs.words and word not in thing.sorts}

        def lacking(word: str) -> float:
            return self._weight(word) * (_ADDED if thing.is_mobile and word in ADDED else 1)

        weight = sum(self._weight(word) for word, _, _ in matched) + sum(map(lacking, strange))
        of_name = sum(self._weight(word) for _, word, _ in matched) + sum(map(lacking, missing))
        known = sum(self._weight(word) * like for word, _, like in matched) / weight if weight else 0.0
        covered = sum(self._weight(word) * like for _, word, like in matched) / of_name if of_name else 0.0
        other = not (SORTS - LEVELS).isdisjoint(strange) or (is_place and not OFFICES.isdisjoint(map(written.get, strange)))
        rank = is_area and bool(ranks)
        unsorted = bool(thing.sorts) and not is_area and not _UNSAID.isdisjoint(missing) and thing.sorts.isdisjoint(spelling.words)
        unsorted = unsorted and not spelling.numbers
        more = is_place and any(len(word) > 2 and word not in SORTS for word in strange)
        less = is_place and not SORTS.issuperset(missing)
        is_another = other or rank or unsorted or more or less
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
            float(lands.agrees and not is_another),
            lands.differs,
            lands.elsewhere,
            lands.unsure,
            lands.unsaid,
            float(bool(spelling.numbers - theirs.numbers) and (bool(theirs.numbers) or bool(spelling.numbers - _digits(spelling)))),
            float(name.is_made),
            float(name.is_made and not lands.agrees),
            float(is_part),
            float(is_part and not whole.joined.startswith(spelling.joined)),
            float(name.is_part),
            float(other),
            float(rank),
            float(unsorted),
            float(is_longer and ADDED.issuperset(strange)),
            float(is_longer and not ADDED.issuperset(strange)),
            float(not self._places.isdisjoint(strange) and not self._places.isdisjoint(missing)),
            float(thing.is_mobile and not strange and bool(missing) and missing[0] == theirs.words[0]),
            float(more),
            float(less),
            float(is_area and not joined and _lacks_article(wanted.name, name.text)),
            4 * (1 - max(inexact)) if is_area and inexact else 0.0,
            float(_SHORTENED in inexact) * (2 if is_area else 1),
        )


def _align(one: Spelling, other: Spelling, shortest: int) -> tuple[list[tuple[str, str, float]], list[str], list[str]]:
    """Pairs of words with how like they are, then the words that only one or only the other has."""
    if one.joined == other.joined:
        return [(word, word, 1.0) for word in other.words], [], []
    left = list(other.words)
    matched = [(word, word, 1.0) for word in one.words if word in left]
    for word, _, _ in matched:
        left.remove(word)
    written, theirs = one.as_written, other.as_written
    strange = []
    for word in one.words:
        if word in other.words:
            continue
        said = written.get(word, word)
        likeness, likest = max(((_like(said, theirs.get(their, their), shortest), their) for their in left), default=(0.0, ""))
        if likeness:
            left.remove(likest)
            matched.append((word, likest, likeness))
        else:
            strange.append(word)
    return matched, strange, left


def _lacks_article(written: str, name: str) -> bool:
    first = fold(name).partition(" ")[0]
    return first in ARTICLES and first not in fold(written).split()


def _digits(spelling: Spelling) -> frozenset[str]:
    return frozenset(word for word in spelling.numbers if any(map(str.isdigit, word)))


def _lands(wanted: Wanted, spelling: Spelling, theirs: Spelling, thing: Thing) -> _Lands:
    """Whether the countries agree, differ, differ as they may, and whether one is written or named that the other side lacks."""
    if spelling.countries and theirs.countries and spelling.countries != theirs.countries:
        return _Lands(differs=1.0)
    known = theirs.countries or thing.countries
    if spelling.countries:
        agrees = bool(spelling.countries & known)
        return _Lands(float(agrees), float(bool(known) and not agrees), unsure=float(not known))
    if wanted.countries and known:
        agrees = bool(wanted.countries & known)
        may = not agrees and thing.is_mobile and not theirs.countries
        return _Lands(float(agrees), float(not agrees and not may), float(may))
    return _Lands(unsaid=float(bool(theirs.countries)))


def _like(one: str, other: str, shortest: int) -> float:
    """How like a word that was written is to one of a name, from 0 to 1."""
    shorter, longer = (one, other) if len(one) <= len(other) else (other, one)
    if len(shorter) == 1:
        return _INITIAL if longer.startswith(shorter) and shorter.isalpha() else 0.0
    is_cut = len(one) >= _BEGINNING and other.startswith(one)
    # The lengths alone rule most pairs out: letters that are lacking have been left out.
    if not is_cut and (len(shorter) < shortest or len(shorter) < _LIKE * len(longer) or one in KNOWN):
        return 0.0
    if any(map(str.isdigit, one + other)):
        return 0.0
    return _SHORTENED if is_cut else DamerauLevenshtein.normalized_similarity(one, other, score_cutoff=_LIKE)


def decide(candidates: Iterable[Candidate]) -> list[Candidate]:
    """In the order of their odds; the first as a match, if it is good enough, no guess, and no other comes near."""
    ranked = sorted(candidates, key=lambda each: (-each.odds, each.iri))
    if not ranked or ranked[0].score < MATCH or ranked[0].is_guess:
        return ranked
    if len(ranked) > 1 and ranked[0].odds - ranked[1].odds < log(AHEAD):
        return ranked
    return [replace(ranked[0], is_match=True), *ranked[1:]]
