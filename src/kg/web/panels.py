"""A page comes in; the pictures on it, each with the same in words, go out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from babel.numbers import format_decimal
from markupsafe import Markup
from starlette.requests import Request

from kg.draw import Edge, Node, Span, layers, timeline
from kg.names import PREFIXES
from kg.ownership import Stake
from kg.page import Event, Page, Value
from kg.web.site import Site
from kg.web.text import choose_language

_DOUBTFUL = ("presumed", "unconfirmed", "disputed")


@dataclass(frozen=True)
class Tie:
    """One stake, in words."""

    owner: Value
    owned: Value
    share: str
    since: Value
    until: Value
    seen: Value  # when it was seen to be so: neither its beginning nor its end
    certainty: Value
    claim: str  # its IRI


@dataclass(frozen=True)
class Chart:
    """Who owns whom around a thing on a day, or on the last that is known."""

    picture: Markup
    ties: Sequence[Tie]
    day: date | None


def draw_timeline(page: Page) -> Markup:
    """The strip of what happened."""
    return Markup(timeline([_span(event) for event in page.events]))  # noqa: S704 (drawn from dates alone)


def _span(event: Event) -> Span:
    last = date.fromisoformat(event.last) if event.last else None
    return Span(date.fromisoformat(event.first), last, event.lasts, bool(event.doubt))


def draw_ownership(site: Site, request: Request, page: Page, day: date | None) -> Chart | None:
    """None where no stake is known."""
    if not site.ownership.has(page.iri):
        return None
    language, link = choose_language(request), site.linker(request)
    stakes = site.ownership.around(page.iri, day or date.max)
    things = {page.iri, *(end for stake in stakes for end in (stake.owner, stake.owned))}
    codes = {code for stake in stakes for code in (*stake.interests, stake.certainty)}
    names = site.entities.names(things | codes, language)
    shares: dict[tuple[str, str], list[str]] = defaultdict(list)
    for stake in stakes:
        shares[stake.owner, stake.owned].append(_share(stake, names, language))
    sure = {(stake.owner, stake.owned) for stake in stakes if not stake.certainty.endswith(_DOUBTFUL)}
    edges = [Edge(*pair, ", ".join(said), pair not in sure) for pair, said in shares.items()]
    nodes = {iri: Node(names[iri].text, link(iri)) for iri in sorted(things)}
    picture = Markup(layers(nodes, edges, page.iri, page.name.text)) if edges else Markup("")  # noqa: S704 (names are escaped there)
    return Chart(picture, [_tie(stake, names, language) for stake in stakes], day)


def _tie(stake: Stake, names: Mapping[str, Value], language: str) -> Tie:
    share = _share(stake, names, language)
    ends = names[stake.owner], names[stake.owned]
    since, until, seen = map(_dated, stake.stated)
    return Tie(*ends, share, since, until, seen, names[stake.certainty], stake.iri)


def _dated(text: str) -> Value:
    """A year, a month or a day, as exact as it is stated."""
    return Value(text, datatype=PREFIXES["xsd"] + {7: "gYearMonth", 10: "date"}.get(len(text), "gYear"))


def _share(stake: Stake, names: Mapping[str, Value], language: str) -> str:
    """In per cent, else in words."""
    if stake.percent:
        return f"{format_decimal(stake.percent, locale=language)} %"
    return ", ".join(names[code].text for code in stake.interests) or "?"
