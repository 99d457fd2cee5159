"""A page of the application comes in; the same page with links to the files of a static copy, and what they lead to, go out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape, unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

from kg.errors import KgError
from kg.web.places import Place, place_of

#: Where the application answers while it is copied; no page keeps it.
ORIGIN = "http://copy.invalid"
# Templates escape what they are given, so that a tag holds no other ">", and no text holds a tag. <base> is no link.
_TAG = re.compile(r"<(?!base\s)[a-z][^>]*>")
_LINK = re.compile(r'(?<=\s)(href|src|action|content)="([^"]*)"')
_ADDRESS = re.compile(re.escape(ORIGIN) + r"[^\s<\"']*")
#: Where an address leads that only redirects; itself, if it does not.
Settle = Callable[[str], str]


@dataclass
class Relinking:
    """The links of one file."""

    address: str  # that it answers
    place: Place
    language: str
    settle: Settle
    base: str | None  # where the copy will lie, for what must be absolute
    linked: dict[str, str] = field(default_factory=dict)  # files that are linked to, each with an address that it answers

    def page(self, html: str) -> str:
        """HTML with all its links made relative."""
        return _TAG.sub(lambda tag: _LINK.sub(self._attribute, tag[0]), html)

    def text(self, text: str) -> str:
        """Any other text, such as a sitemap, with addresses where the copy will lie."""
        return _ADDRESS.sub(lambda match: escape((self.base or "") + self._found(unescape(match[0])).seen_from("")), text)

    def _attribute(self, match: re.Match[str]) -> str:
        name, value = match[1], unescape(match[2])
        if name == "content" and not value.startswith(ORIGIN):
            return match[0]
        if not value.startswith(("/", "?", ORIGIN)):
            return match[0]
        address, hash_, anchor = value.removeprefix(ORIGIN).partition("#")
        if address.startswith("?"):
            address = urlsplit(self.address).path + address
        settled, _, moved = self.settle(_in_language(address, self.language)).partition("#")
        place = self._found(settled)
        # What shows a preview of a page elsewhere does not know where the page lies.
        link = self.base + place.seen_from("") if name == "content" and self.base else place.seen_from(self.place.file)
        if name == "action":  # a form writes its own
            link = link.partition("?")[0]
        return f'{name}="{escape(link)}{hash_ or "#" if anchor or moved else ""}{escape(anchor or moved)}"'

    def _found(self, address: str) -> Place:
        address = address.removeprefix(ORIGIN)
        place = place_of(address)
        if place is None:
            raise KgError(f"The page {self.address} links to {address}, for which a copy has no file (kg.web.places).")
        self.linked[place.file] = _bare(address, place)
        return place


@lru_cache(maxsize=1 << 16)
def _in_language(address: str, language: str) -> str:
    """The address with the language of a page that links to it, unless it names one."""
    parts = urlsplit(address)
    pairs = parse_qsl(parts.query)
    if language and "lang" not in dict(pairs):
        pairs.append(("lang", language))
    return parts.path + (f"?{urlencode(pairs)}" if pairs else "")


@lru_cache(maxsize=1 << 16)
def _bare(address: str, place: Place) -> str:
    """The address without what only scripts read, so that each file is written once."""
    parts = urlsplit(address)
    left = dict(parse_qsl(place.query))
    pairs = [(key, value) for key, value in parse_qsl(parts.query) if key not in left]
    return parts.path + (f"?{urlencode(sorted(pairs))}" if pairs else "")
