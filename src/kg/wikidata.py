"""Numbers of items and names come in; what Wikidata has under them goes out, asked politely and remembered.

As its rules ask (https://www.mediawiki.org/wiki/API:Etiquette): one request at a time, many items in one, a name that says who
asks, `maxlag`, and patience where it says to wait.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx2

from kg.errors import KgError

API = "https://www.wikidata.org/w/api.php"
SERVICE = "https://query.wikidata.org/sparql"
_AGENT = "vigia-link/0.1 (knowledge graph of surveillance technology in Latin America; {contact})"
LANGUAGES = ("en", "es", "pt")
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
        """All that it is called."""
        return [*self.labels.values(), *(alias for aliases in self.aliases.values() for alias in aliases)]


class Wikidata:
    """Asks Wikidata; what it answered before is read from a folder."""

    def __init__(
        self, cache: Path, contact: str = "", api: str = API, service: str = SERVICE, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`contact`: how whoever runs this can be reached, as the rules of Wikidata ask."""
        self._cache, self._api, self._service, self._sleep = cache, api, service, sleep
        agent = _AGENT.format(contact=contact or "no contact given")
        self._client = httpx2.Client(timeout=_SECONDS, headers={"User-Agent": agent}, follow_redirects=False)

    def search(self, name: str, language: str) -> list[str]:
        """The numbers of items that are called so or begin so, the likeliest first."""
        answer = self._ask(
            self._api,
            {
                "action": "wbsearchentities",
                "search": name,
                "language": language,
                "uselang": language,
                "type": "item",
                "limit": "10",
                "format": "json",
            },
        )
        return [str(hit["id"]) for hit in answer.get("search", ()) if isinstance(hit, dict) and "id" in hit]

    def with_value(self, prop: str, value: str) -> list[str]:
        """The numbers of items that have a text as the value of a property, from the query service."""
        literal = json.dumps(value, ensure_ascii=False)
        answer = self._ask(self._service, {"query": f"SELECT ?item {{ ?item wdt:{prop} {literal} }} LIMIT 10", "format": "json"})
        rows = answer.get("results", {}).get("bindings", ())
        return [str(row["item"]["value"]).rpartition("/")[2] for row in rows if "item" in row]

    def items(self, numbers: Iterable[str]) -> Iterator[Item]:
        """Each item by its number, those that are merged or missing as well."""
        wanted_all = list(dict.fromkeys(numbers))
        for start in range(0, len(wanted_all), _BATCH):
            some = wanted_all[start : start + _BATCH]
            wanted = {
                "action": "wbgetentities",
                "ids": "|".join(some),
                "props": "info|labels|aliases|descriptions|claims",
                "languages": "|".join(LANGUAGES),
                "format": "json",
            }
            answer = self._ask(self._api, wanted)
            entities = answer.get("entities")
            if not isinstance(entities, dict):
                raise WikidataSilent(f"Wikidata's answer has no items in it. [got {str(answer)[:200]}]")
            read = date.fromisoformat(answer["read"])
            for number in some:
                yield _item(number, entities.get(number), read)

    def _ask(self, address: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """The answer, from the folder if it is there and fresh; with the day on which it was read."""
        digest = hashlib.sha256(json.dumps([address, sorted(parameters.items())]).encode()).hexdigest()
        file = self._cache / f"{digest[:32]}.json"
        if file.exists() and time.time() - file.stat().st_mtime < _FRESH:
            return dict(json.loads(file.read_text("utf-8")))
        answer = self._fetch(address, parameters) | {"read": date.today().isoformat()}
        self._cache.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".part")
        draft.write_text(json.dumps(answer), "utf-8")
        draft.replace(file)
        return answer

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
    """The seconds that a server asks for (RFC 9110, 10.2.3, as a number), or those that are usual."""
    text = answer.headers.get("retry-after", "")
    return max(float(text), usual) if text.isdigit() else usual


def _item(asked: str, entity: Any, read: date) -> Item:
    if not isinstance(entity, dict) or "missing" in entity:
        return Item(asked, asked, 0, read, is_missing=True)
    labels = {code: str(label["value"]) for code, label in _dict(entity, "labels").items()}
    aliases = {code: [str(alias["value"]) for alias in listed] for code, listed in _dict(entity, "aliases").items()}
    descriptions = {code: str(text["value"]) for code, text in _dict(entity, "descriptions").items()}
    values = {prop: texts for prop, claims in _dict(entity, "claims").items() if (texts := _values(claims))}
    revision = int(entity.get("lastrevid", 0))
    return Item(asked, str(entity.get("id", asked)), revision, read, labels, aliases, descriptions, values)


def _dict(entity: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Where there is nothing, the API writes an empty list."""
    value = entity.get(key)
    return value if isinstance(value, dict) else {}


def _values(claims: Iterable[Mapping[str, Any]]) -> list[str]:
    """The values of the best rank, as Wikidata's own `wdt:` has them."""
    ranked: dict[str, list[str]] = {"preferred": [], "normal": []}
    for claim in claims:
        value = claim.get("mainsnak", {}).get("datavalue", {}).get("value")
        if value is not None and claim.get("rank") in ranked and (text := _text(value)):
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
