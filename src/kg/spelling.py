"""A name comes in; what it is compared by goes out: its words without accents, legal forms and articles, and in one language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from kg.index import fold

_LONGEST = 300  # characters of a name that are looked at
_MOST_WORDS = 24
_WORD = re.compile(r"[^\W_]+")
_DOTTED = re.compile(r"\b(?:[^\W\d_]\.[ ]?){2,}")  # S.A., S. A., C.V., U.S.
_BRACKETED = re.compile(r"\(([^()]*)\)")
_SHORT_YEAR = re.compile(r"0[0-2]\d")  # 2016 as Uruguay numbers its laws: 387/016
_DASHED = re.compile(r"\s[-–—]\s")
_SHORT = re.compile(r"[A-ZÁÉÍÓÚÑ0-9&/ -]{2,12}")
_FEWEST_INITIALS = 3


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Articles, and words that join others.
_SMALL = _set("""
    a al and as at between by com con da das dc de del do dos e el em en entre for from in la las lo los na nas no nos o of on os
    para pela pelo por sobre the to um uma un una with y
    filial subsidiary subsidiaria
""")

# What a company's or association's name ends with and people leave out or write otherwise: Argentina, Bolivia, Brazil, Chile,
# Colombia, Mexico, Peru, Paraguay, Uruguay, and where vendors come from.
_FORMS = frozenset(
    tuple(line.split())
    for line in """
    sa|sa de cv|sab de cv|sapi de cv|s de rl de cv|s de rl|sas de cv|de cv|saci|sacif|sacifi|saic|sapem|srl|sac|saa|saeca|sae|eas
    eirl|sau|sca|scrl
    ltda|ltda me|ltda epp|limitada|cia ltda|e cia|y cia|cia|eireli|epp|spa|sas|sas bic|esp|eice|sem|ep
    sociedad anonima|sociedade anonima
    sociedad anonima de capital variable|sociedad por acciones simplificada|sociedad de responsabilidad limitada|de capital variable
    ltd|limited|co|co ltd|company|company limited|corp|corporation|inc|incorporated|llc|llp|lp|plc|pty ltd|pvt ltd|pte ltd
    gmbh|gmbh co kg|ag|kg|se|sl|slu|bv|nv|oy|oyj|ab|aps|asa|sro|kk|jsc|ojsc|pjsc|ooo|oao|pao|ao
    """.replace("\n", "|").split("|")
    if line.split()
)
_LONGEST_FORM = max(map(len, _FORMS))

_MEANINGS = (Path(__file__).parent / "meanings.txt").read_text("utf-8")
# What stands for several words.
_EXPANDED = {
    "tlc": ("free", "trade", "agreement"),
    "fta": ("free", "trade", "agreement"),
    "tpa": ("trade", "promotion", "agreement"),
    "mou": ("memorandum", "understanding"),
    "ut": ("union", "temporary"),
    "bsas": ("buenos", "aires"),
    "gore": ("government", "region"),
    "tpc": ("trade", "promotion", "agreement"),
    "cancilleria": ("ministry", "foreign"),
    "chancelaria": ("ministry", "foreign"),
    "interamericano": ("inter", "american"),
    "interamericana": ("inter", "american"),
    "centroamericano": ("central", "american"),
    "centroamericana": ("central", "american"),
    "smartcity": ("smart", "municipality"),
    "mininter": ("ministry", "interior"),
    "minseg": ("ministry", "security"),
    "ue": ("european", "union"),
    "eu": ("european", "union"),
    "ia": ("artificial", "intelligence"),
    "ai": ("artificial", "intelligence"),
    "cd": ("municipality",),
    "onu": ("united", "nations"),
    "un": ("united", "nations"),
}
#: Words that companies add to their names, or leave out.
ADDED = _set("""
    technology solutions systems system service group company digital security electronic international global interactive software
    communications telecommunications identification commerce trade industries holding corporate business informatics network
""")
#: Words for the rank of a place, which its name may have or lack.
LEVELS = _set("state province department region municipality capital district commune canton neighbourhood")
#: Words that say what sort of thing bears a name, often the name of a place: with another of them it is another thing.
SORTS = LEVELS | _set("""
    airport port bridge crossing stadium station metro bus mall market hospital prison school university club football league
    highway zone river lake bay valley gulf island cape
    ministry secretariat undersecretariat directorate agency authority institute commission court senate congress parliament
    government police army navy guard prosecutor comptroller registry embassy ombudsman council chamber assembly fire
    bank fund foundation association union alliance community party committee
    law decree resolution regulation agreement
""")
#: Words for the office that governs a place: whoever writes them does not mean the place.
OFFICES = _set("alcalde alcaldia ayuntamiento hall intendencia mayor mayors municipalidad prefeito prefeitura")
#: Articles that a name of a place begins with.
ARTICLES = _set("el la las lo los")
# What stands before or behind the name of a country in its long form; a state by itself is a part of Mexico, no country.
_STATE = _set("republic plurinational bolivariana oriental federativa popular kingdom islamic")
#: Words that tell one of two namesakes from the other.
_TELLING = _set("jr junior filho hijo neto sr ii iii iv")
_CANONICAL = {word: line.split()[0] for line in _MEANINGS.splitlines() if not line.startswith("#") for word in line.split()}
_PAIRS = {tuple(word.split("+")): first for word, first in _CANONICAL.items() if "+" in word}

#: Words that are known, and so not mistyped.
KNOWN = frozenset(_CANONICAL)

# How people call what belongs to a country, by its code of two letters (ISO 3166-1).
_DEMONYMS = """
ar argentine argentinean argentinian argentino argentina argentinos argentinas
bo bolivian boliviano boliviana
br brazilian brasileno brasilena brasileiro brasileira
cl chilean chileno chilena
cn chinese chino china chines chinesa
co colombian colombiano colombiana
cr costarricense
cu cuban cubano cubana
do dominican dominicano dominicana
ec ecuadorian ecuatoriano ecuatoriana equatoriano equatoriana
gt guatemalan guatemalteco guatemalteca
hn honduran hondureno hondurena hondurenho hondurenha
mx mexican mexicano mexicana
ni nicaraguan nicaraguense
pa panamanian panameno panamena panamenho panamenha
pe peruvian peruano peruana
py paraguayan paraguayo paraguaya paraguaio paraguaia
sv salvadoran salvadoreno salvadorena salvadorenho salvadorenha
us us usa estadounidense estadunidense eeuu eua
uk uk british britanico britanica
uy uruguayan uruguayo uruguaya uruguaio uruguaia
ve venezuelan venezolano venezolana venezuelano venezuelana
"""
_OF_COUNTRIES = {
    word: "gb" if code == "uk" else code for code, *words in map(str.split, _DEMONYMS.strip().splitlines()) for word in words
}


# The same in several words.
_MORE_COUNTRIES = {
    ("ee", "uu"): "us",
    ("estados", "unidos", "de", "america"): "us",
    ("united", "states", "of", "america"): "us",
    ("estados", "unidos", "da", "america"): "us",
    ("holanda",): "nl",
    ("republica", "checa"): "cz",
    ("republica", "tcheca"): "cz",
    ("czech", "republic"): "cz",
    ("republica", "de", "corea"): "kr",
    ("republic", "of", "korea"): "kr",
    ("gran", "bretana"): "gb",
    ("great", "britain"): "gb",
}


@dataclass(frozen=True)
class Spelling:
    """The words of a name, the codes of countries that it names beside them, and all of it as one word.

    People disagree on where a word ends; `joined` is without accents, capitals, blanks and legal form.
    """

    words: tuple[str, ...]
    countries: frozenset[str]
    joined: str
    written: tuple[str, ...] = ()  # each of the words as it was written

    @cached_property
    def numbers(self) -> frozenset[str]:
        """What tells this name from others that are alike: numbers, and words such as junior."""
        return frozenset(word for word in self.words if word in _TELLING or any(map(str.isdigit, word)))

    @cached_property
    def as_written(self) -> dict[str, str]:
        """The words, each as it was written."""
        return dict(zip(self.words, self.written, strict=False))


class Speller:
    """Knows the names of countries: code of two letters → names in any language."""

    def __init__(self, countries: Mapping[str, Iterable[str]]) -> None:
        self._phrases: dict[tuple[str, ...], str] = {(word,): code for word, code in _OF_COUNTRIES.items()} | _MORE_COUNTRIES
        for code, names in countries.items():
            self._phrases |= {tuple(_WORD.findall(fold(name))): code.lower() for name in names}
        self._longest = max(map(len, self._phrases))
        self._codes = set(self._phrases.values())

    def spell(self, name: str) -> Spelling:
        """The name as it is compared."""
        words = _without_initials(_without_form(_words(name)))
        others, countries = self._part(words)
        kept = {canonical: word for word in reversed(others) if word not in _SMALL for canonical in reversed(_meant(word))}
        joined = "".join(words)
        if countries and (
            _STATE.issuperset(kept) or kept.keys() == {"state", "plurinational"}
        ):  # a country by itself, or in its long form, is what the name is made of
            return Spelling(tuple(sorted(countries)), frozenset(), joined)
        if not kept:
            return Spelling(tuple(dict.fromkeys(words)), frozenset(), joined)
        return Spelling(tuple(reversed(kept)), frozenset(countries), joined, tuple(reversed(kept.values())))

    def plain(self, name: str) -> Spelling:
        """The words as they stand, the names of countries among them."""
        words = _words(name)
        return Spelling(tuple(dict.fromkeys(words)), frozenset(), "".join(words))

    def country(self, text: str) -> str | None:
        """The code of a country given by its name or its code."""
        words = tuple(_words(text))
        return self._phrases.get(words) or (words[0] if len(words) == 1 and words[0] in self._codes else None)

    def _part(self, words: list[str]) -> tuple[list[str], set[str]]:
        """The words that name no country, and the countries that the others name."""
        kept, countries, place = [], set(), 0
        while place < len(words):
            for length in range(min(self._longest, len(words) - place), 0, -1):
                code = self._phrases.get(tuple(words[place : place + length]))
                if code:
                    countries.add(code)
                    place += length
                    break
            else:
                kept.append(words[place])
                place += 1
        return kept, countries


def readings(name: str) -> list[str]:
    """The names that one with brackets or a dash stands for: whole, without them, and what is in them if that is an acronym."""
    parts = [*_BRACKETED.findall(name), *_DASHED.split(name)[1:]]
    outside = " ".join(_BRACKETED.sub(_kept_number, _DASHED.split(name)[0]).split())
    acronyms = [text.strip() for text in parts if _SHORT.fullmatch(text.strip()) or _is_made_of(text.strip(), outside)]
    return list(dict.fromkeys(text for text in (name, outside, *acronyms) if text))


def _is_made_of(word: str, name: str) -> bool:
    """Whether one word is made of letters of a name in their order, as Sedena is."""
    if len(word.split()) != 1 or fold(word[:1]) != fold(name[:1]):
        return False
    letters = iter(fold(name))
    return all(letter in letters for letter in fold(word))


def _kept_number(match: re.Match[str]) -> str:
    """A year in brackets tells one namesake from another: it stays."""
    return f" {match[1]} " if any(map(str.isdigit, match[1])) else " "


def initials(name: str) -> str | None:
    """The acronym that a name would have, of three letters or more."""
    words = [word for word in _WORD.findall(fold(_BRACKETED.sub(" ", name))) if word not in _SMALL]
    return "".join(word[0] for word in words) if len(words) >= _FEWEST_INITIALS else None


def _meant(word: str) -> tuple[str, ...]:
    """The words that stand for one; of two ways to write a year, the longer."""
    if _SHORT_YEAR.fullmatch(word):
        return (f"2{word}",)
    return _EXPANDED.get(word, (_CANONICAL.get(word, word),))


def _words(name: str) -> list[str]:
    return _paired(_WORD.findall(_undotted(fold(name[:_LONGEST]).replace("bs. as.", "bsas")))[:_MOST_WORDS])


def _paired(words: list[str]) -> list[str]:
    """The words, two that are one idea only together as that idea."""
    for place, pair in enumerate(pairwise(words)):
        if pair in _PAIRS:
            return [*words[:place], _PAIRS[pair], *_paired(words[place + 2 :])]
    return words


def _undotted(text: str) -> str:
    return _DOTTED.sub(lambda match: re.sub(r"[. ]", "", match[0]) + " ", text)


def _without_form(words: list[str]) -> list[str]:
    """Without the legal forms at the end, unless nothing else is there."""
    for length in range(min(_LONGEST_FORM, len(words) - 1), 0, -1):
        if tuple(words[-length:]) in _FORMS:
            return _without_form(words[:-length])
    return words


def _without_initials(words: list[str]) -> list[str]:
    """Without a word that only repeats the others as an acronym."""
    for place, word in enumerate(words):
        rest = words[:place] + words[place + 1 :]
        first = "".join(other[0] for other in rest if other not in _SMALL)
        if len(first) >= _FEWEST_INITIALS and word == first:
            return rest
    return words
