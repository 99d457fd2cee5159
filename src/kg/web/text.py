"""Languages of the interface: a request comes in, the language to answer in and its texts, dates and numbers go out."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from html import unescape
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request

from kg.entity import CLAIM_LIMIT
from kg.names import BASE, DEF, MENTION, PREFIXES, compact, expand, is_ours, local_path
from kg.page import Value
from kg.web.assets import address_of
from kg.web.variants import heed

#: In the order in which they are offered; the first is the fallback.
LANGUAGES = {"en": "English", "es": "Español", "pt": "Português"}
_LOCALE = Path(__file__).parent / "locale"
_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?")
_DAYS: dict[Literal["year", "month", "day"], int] = {"year": 365, "month": 30, "day": 1}  # as Babel counts them
_XSD = PREFIXES["xsd"]


def choose_language(request: Request) -> str:
    """`?lang=` wins, then Accept-Language (RFC 9110, 12.5.4), then English; `pt-BR` gets `pt`."""
    if (asked := request.query_params.get("lang", "")) in LANGUAGES:
        return asked
    wanted = []
    for position, part in enumerate((heed(request, "Accept-Language") or "").split(",")):
        tag, _, weight = part.partition(";q=")
        try:
            wanted.append((-float(weight or 1), position, tag.strip().lower().split("-")[0]))
        except ValueError:
            continue
    return next((tag for weight, _, tag in sorted(wanted) if tag in LANGUAGES and weight < 0), "en")


@cache
def environment(language: str) -> Environment:
    """The templates of one language."""
    env = Environment(
        loader=PackageLoader("kg.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    env.install_gettext_translations(_translations(language), newstyle=True)  # type: ignore[attr-defined]
    env.globals |= {
        "language": language,
        "languages": LANGUAGES,
        "compact": compact,
        "kg": DEF,
        "base": BASE,
        "static": address_of,
        "claim_limit": CLAIM_LIMIT,
    }
    env.tests["ending_with_stop"] = lambda text: text.endswith(".")
    env.filters |= {
        "shown": lambda value: shown(value, language),
        "number": lambda n: format_decimal(n, locale=language),
        "linked": linked,
        "day": lambda day: format_date(date.fromisoformat(day), "long", locale=language),
    }
    return env


@cache
def _translations(language: str) -> Translations:
    """Compiled from the `.po` file at start: no `.mo` file to forget."""
    path = _LOCALE / f"{language}.po"
    if not path.exists():
        return Translations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def shown(value: Value, language: str) -> str:
    """The text of a value as the language writes it: 105,000,000 or 105.000.000, March 2024 or marzo de 2024."""
    locale = Locale.parse(language)
    kind, text = value.datatype or "", value.text
    try:
        if kind in (_XSD + "decimal", _XSD + "integer"):
            return format_decimal(text, locale=locale)
        if kind == _XSD + "date":
            return format_date(date.fromisoformat(text), "long", locale=locale)
        if kind == _XSD + "gYearMonth":
            return format_date(date.fromisoformat(text + "-01"), locale.datetime_skeletons["yMMMM"].pattern, locale=locale)
        if kind == _XSD + "duration":
            return _duration(text, language)
    except (ValueError, ArithmeticError):  # not what its type says, or beyond what can be written out
        return text
    return text


def linked(text: str, query: str, mentions: Mapping[str, Value]) -> Markup:
    """A text in which things that it names as queries do, such as `org:zte`, are links to their pages, by their names if known."""
    parts = []
    end = 0
    for match in MENTION.finditer(text):
        address = page_link(expand(match[0]), query)
        name = mentions[match[0]].text if match[0] in mentions else match[0]
        parts += [escape(text[end : match.start()]), Markup('<a href="{}">{}</a>').format(address, name)]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _duration(text: str, language: str) -> str:
    match = _DURATION.fullmatch(text)
    if not match:
        return text
    spans = [(unit, int(number) * days) for (unit, days), number in zip(_DAYS.items(), match.groups(), strict=True) if number]
    # A threshold that no span reaches makes Babel keep the unit that the source uses: 18 months, not a year and a half.
    return " ".join(format_timedelta(timedelta(days), unit, threshold=1e9, locale=language) for unit, days in spans)


#: Names the newest release in an address, from any other.
LATEST = "latest"
_OURS = re.compile(r'\b(href|src|data-words)="(/[^"]*)"')
_FORM = re.compile(r"<form\b[^>]*>")


def page_link(iri: str, query: str = "") -> str | None:
    """Where our pages link to for an IRI: our own page of it, or the address itself where it is one of the web."""
    if iri.startswith(DEF):
        return f"/page/def/{iri.removeprefix(DEF)}{query}"
    if is_ours(iri):
        path = local_path(iri)
        return "/page" + path.removeprefix("/id") + query
    return iri if iri.startswith(("http://", "https://")) else None


def pin_address(address: str, release: str) -> str:
    """An address of ours as it leads into a release; what is the same in all of them stays."""
    if address.startswith(("/static/", "/card/", "/favicon", "/apple-touch-icon", "//")) or f"release={LATEST}" in address:
        return address
    path, mark, anchor = address.partition("#")
    return f"{path}{'&' if '?' in path else '?'}release={quote(release)}{mark}{anchor}"


def pin(html: str, release: str) -> str:
    """A page whose links and forms stay in a release."""
    linked = _OURS.sub(lambda match: f'{match[1]}="{escape(pin_address(unescape(match[2]), release))}"', html)
    field = f'<input type="hidden" name="release" value="{escape(release)}">'
    return _FORM.sub(lambda match: match[0] + field, linked)


def resource_link(iri: str, language: str | None) -> str | None:
    """Where pages of another data set link to: the page that we make of any IRI."""
    if is_ours(iri):
        return page_link(iri, f"?lang={language}" if language else "")
    return "/resource?" + urlencode({"iri": iri, **({"lang": language} if language else {})})
