"""Numbers of items and names come in; what Wikidata has under them goes out, asked politely and remembered.

As its rules ask (https://www.mediawiki.org/wiki/API:Etiquette): one request at a time, many items in one, a name that says who
asks, `maxlag`, and patience where it says to wait.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from kg.errors import KgError

T = TypeVar("T")

API = "https://www.wikidata.org/w/api.php"
SERVICE = "https://query.wikidata.org/sparql"
_AGENT = "vigia-link/0.1 (knowledge graph of surveillance technology in Latin America; {contact})"
#: What an item is called where its editors gave one name for all languages.
ANY_LANGUAGE = "mul"
LANGUAGES = ("en", "es", "pt", ANY_LANGUAGE)
_BATCH = 50  # items in one request: what the API allows
_LAG = 5  # seconds behind which its servers may be
_SECONDS = 30.0  # that an answer may take
_TRIES = 5
_LONGEST_WAIT = 120.0  # seconds; who asks for more is asked again another day
_FRESH = 7 * 24 * 3600  # seconds for which an answer is not asked for again
_BUSY = {429, 500, 502, 503, 504}
#: What is read of an item, by its property.
INSTANCE_OF, COUNTRY, PART_OF, PARENT = "P31", "P17", "P361", "P749"
COORDINATES, WEBSITE, INCEPTION = "P625", "P856", "P571"
ISO_COUNTRY, ISO_REGION, LEI = "P297", "P300", "P1278"
_NUMBER = re.compile(r"Q[1-9][0-9]*")
_NOT_IN_IRI = re.compile(r'[\x00-\x20<>"{}|^`\\]')


class WikidataSilent(KgError):
    """Wikidata did not answer, or not in a way that can be read. Nothing was changed."""


@dataclass(frozen=True)
class Item:
    """An item as it stood on a day: `asked` is the number that was asked for, `number` the one it has, if it was merged."""

    asked: str
    number: str
    revision: int
    read: date
    labels: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)  # property → values as texts
    is_missing: bool = False

    @property
    def is_merged(self) -> bool:
        """Whether another item has taken its place."""
        return self.asked != self.number

    @property
    def names(self) -> list[str]:
        """All that it is called, in the languages that were asked for."""
        return list(dict.fromkeys([*self.labels.values(), *(alias for aliases in self.aliases.values() for alias in aliases)]))

    @property
    def label(self) -> str:
        """Its name in English if it has one, else in another language, else its number."""
        return _preferred(self.labels) or self.number

    @property
    def description(self) -> str:
        """What it is, in English if it is said so, else in another language; may be empty."""
        return _preferred(self.descriptions)


class Wikidata:
    """Asks Wikidata; what it answered before is read from a folder."""

    def __init__(  # noqa: PLR0913 (what a client can be set to)
        self,
        cache: Path,
        contact: str = "",
        api: str = API,
        service: str = SERVICE,
        *,
        sleep: Callable[[float], None] = time.sleep,
        seconds: float = _SECONDS,
    ) -> None:
        """`contact`: how whoever runs this can be reached, as the rules of Wikidata ask; `seconds`: how long an answer may take."""
        self._cache, self._api, self._service, self._sleep = cache, api, service, sleep
        agent = _AGENT.format(contact=contact or "no contact given")
        self._client = httpx2.Client(timeout=seconds, headers={"User-Agent": agent}, follow_redirects=False)

    def search(self, name: str, language: str) -> list[str]:
        """The numbers of items that are called so or begin so, the likeliest first."""
        wanted = {
            "action": "wbsearchentities",
            "search": name,
            "language": language,
            "uselang": language,
            "type": "item",
            "limit": "10",
            "format": "json",
        }
        return self._ask(self._api, wanted, lambda answer: [_number(_a(dict, hit)["id"]) for hit in _a(list, answer["search"])])

    def with_value(self, prop: str, values: Iterable[str]) -> list[str]:
        """The numbers of items that have one of these texts, or addresses, as the value of a property, from the query service."""
        terms = [
            f"<{value}>" if prop == WEBSITE else json.dumps(value, ensure_ascii=False) for value in values if _fits(prop, value)
        ]
        if not terms:
            return []
        query = f"SELECT DISTINCT ?item {{ VALUES ?value {{ {' '.join(terms)} }} ?item wdt:{prop} ?value }} LIMIT 10"
        return self._ask(self._service, {"query": query, "format": "json"}, _bound)

    def items(self, numbers: Iterable[str], languages: Sequence[str] = LANGUAGES) -> Iterator[Item]:
        """Each item by its number, those that are merged or missing as well; its names in these languages, or in all for none."""
        wanted_all = list(dict.fromkeys(numbers))
        for start in range(0, len(wanted_all), _BATCH):
            some = wanted_all[start : start + _BATCH]
            wanted = {
                "action": "wbgetentities",
                "ids": "|".join(some),
                "props": "info|labels|aliases|descriptions|claims",
                "format": "json",
            } | ({"languages": "|".join(languages)} if languages else {})
            yield from self._ask(self._api, wanted, partial(_items, asked=some))

    def _ask(self, address: str, parameters: Mapping[str, str], read: Callable[[dict[str, Any]], T]) -> T:
        """What is read in the answer, which comes from the folder if it is there and fresh, with the day on which it was given.

        Only what can be read is remembered.
        """
        digest = hashlib.sha256(json.dumps([address, sorted(parameters.items())]).encode()).hexdigest()
        file = self._cache / f"{digest[:32]}.json"
        if file.exists() and time.time() - file.stat().st_mtime < _FRESH:
            try:
                return read(json.loads(file.read_text("utf-8")))
            except _UNREADABLE:
                file.unlink()
        answer = self._fetch(address, parameters) | {"read": date.today().isoformat()}
        try:
            found = read(answer)
        except _UNREADABLE as error:
            said = f"{type(error).__name__}: {error}; in {json.dumps(answer, ensure_ascii=False)[:200]}"
            raise WikidataSilent(f"{address} gave an answer that cannot be used; nothing was changed. [got {said}]") from None
        self._cache.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".part")
        draft.write_text(json.dumps(answer), "utf-8")
        draft.replace(file)
        return found

    def _fetch(self, address: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        asked = dict(parameters) | ({"maxlag": str(_LAG)} if address == self._api else {})
        said = "nothing"
        for attempt in range(_TRIES):
            wait = 2.0**attempt
            try:
                answer = self._client.get(address, params=asked)
            except httpx2.HTTPError as error:
                said = f"{type(error).__name__}: {error}"
            else:
                wait = _asked_to_wait(answer, wait)
                read = _read(answer)
                if isinstance(read, dict):
                    return read
                said = read
                if answer.status_code not in _BUSY and not said.startswith(_AGAIN):
                    break
            if wait > _LONGEST_WAIT:
                said = f"wait {wait:.0f} seconds"
                break
            if attempt < _TRIES - 1:
                self._sleep(wait)
        raise WikidataSilent(f"{address} did not answer as it should; nothing was changed. Try again later. [it said: {said}]")


_AGAIN = ("maxlag", "no JSON", "ratelimited")
# How it shows that an answer is not of the form that the API and the query service promise.
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)


def _read(answer: httpx2.Response) -> dict[str, Any] | str:
    """The JSON of an answer, or what is wrong with it."""
    try:
        body = answer.json()
    except ValueError:
        return f"no JSON, status {answer.status_code}"
    if not isinstance(body, dict):
        return f"no JSON object, status {answer.status_code}"
    if error := body.get("error"):
        return f"{error.get('code')}: {error.get('info')}" if isinstance(error, dict) else str(error)
    return body if answer.is_success else f"status {answer.status_code}"


def _asked_to_wait(answer: httpx2.Response, usual: float) -> float:
    """The seconds that a server asks for (RFC 9110, 10.2.3: a number, or the date until which to wait), or those that are usual."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return max(float(text), usual)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return usual
    until = until if until.tzinfo else until.replace(tzinfo=UTC)  # a date of no zone is of UTC
    return max((until - datetime.now(UTC)).total_seconds(), usual)


def _a(kind: type[T], value: object) -> T:
    """The value, if it is of this kind; raises TypeError if not."""
    if isinstance(value, kind):
        return value
    raise TypeError(f"{kind.__name__} expected, not {str(value)[:60]!r}")


def _number(value: object) -> str:
    if _NUMBER.fullmatch(number := _a(str, value)):
        return number
    raise ValueError(f"no number of an item: {number[:60]!r}")


def _fits(prop: str, value: str) -> bool:
    """Whether a query can hold it: an address that is none would end it."""
    return prop != WEBSITE or not _NOT_IN_IRI.search(value)


def _bound(answer: Mapping[str, Any]) -> list[str]:
    """The numbers of the items in SPARQL results (https://www.w3.org/TR/sparql11-results-json/)."""
    rows = _a(list, answer["results"]["bindings"])
    return [_number(_a(str, row["item"]["value"]).rpartition("/")[2]) for row in rows]


def _items(answer: Mapping[str, Any], asked: Iterable[str]) -> list[Item]:
    entities, read = _a(dict, answer["entities"]), date.fromisoformat(answer["read"])
    return [_item(number, _a(dict, entities[number]), read) for number in asked]


def _item(asked: str, entity: Mapping[str, Any], read: date) -> Item:
    if "missing" in entity:
        return Item(asked, asked, 0, read, is_missing=True)
    labels = {code: _a(str, label["value"]) for code, label in _dict(entity, "labels").items()}
    aliases = {code: [_a(str, alias["value"]) for alias in _a(list, listed)] for code, listed in _dict(entity, "aliases").items()}
    descriptions = {code: _a(str, text["value"]) for code, text in _dict(entity, "descriptions").items()}
    values = {prop: texts for prop, claims in _dict(entity, "claims").items() if (texts := _values(_a(list, claims)))}
    return Item(asked, _number(entity["id"]), _a(int, entity["lastrevid"]), read, labels, aliases, descriptions, values)


def _dict(entity: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Where there is nothing, the API writes an empty list."""
    value = entity[key]
    return {} if value == [] else _a(dict, value)


def _preferred(texts: Mapping[str, str]) -> str:
    return next((texts[language] for language in LANGUAGES if language in texts), next(iter(texts.values()), ""))


def _values(claims: Iterable[Mapping[str, Any]]) -> list[str]:
    """The values of the best rank, as Wikidata's own `wdt:` has them; where one is unknown or none, there is no `datavalue`."""
    ranked: dict[str, list[str]] = {"preferred": [], "normal": [], "deprecated": []}
    for claim in claims:
        value = claim["mainsnak"].get("datavalue", {}).get("value")
        if value is not None and (text := _text(value)):
            ranked[claim["rank"]].append(text)
    return ranked["preferred"] or ranked["normal"]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        if "id" in value:
            return str(value["id"])
        if "time" in value:  # +1987-11-08T00:00:00Z and how exact it is: 9 a year, 10 a month, 11 a day
            length = {9: 5, 10: 8, 11: 11}.get(value.get("precision", 0), 0)
            return str(value["time"])[:length].removeprefix("+")
        if "latitude" in value:
            return f"{value['latitude']} {value['longitude']}"
        return str(value.get("text", ""))
    return ""
