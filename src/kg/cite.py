"""Works come in; how to cite them goes out: as a sentence, as BibTeX, as CSL-JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Kinds of sources (code/source) → types of CSL 1.0.2 and of BibTeX; all others are documents.
_TYPES: Mapping[str, tuple[str, str]] = {
    "academic-paper": ("article", "misc"),
    "book": ("book", "book"),
    "company-website": ("webpage", "misc"),
    "contract-document": ("document", "misc"),
    "court-decision": ("legal_case", "misc"),
    "dataset": ("dataset", "misc"),
    "gazette": ("legislation", "misc"),
    "news": ("article-newspaper", "misc"),
    "report": ("report", "techreport"),
    "resolution": ("legislation", "misc"),
    "social-media": ("post", "misc"),
    "video": ("motion_picture", "misc"),
    "website": ("webpage", "misc"),
}
_OTHER = ("document", "misc")
_PUBLISHED_BY = {"techreport": "institution", "book": "publisher"}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: "\\" + sign for sign in "{}&%$#_"},
}
_NO_KEY = re.compile(r"[^A-Za-z0-9-]+")


@dataclass(frozen=True)
class Work:
    """What can be cited. Who wrote it is a whole name: we do not know which part of it is the family's."""

    address: str  # its IRI
    title: str
    kind: str = "website"  # the last part of a code of `code/source`
    authors: tuple[str, ...] = ()
    publisher: str = ""
    issued: str = ""  # 2025, 2025-06 or 2025-06-01
    url: str = ""
    language: str = ""
    container: str = ""  # what it is a part of
    version: str = ""
    note: str = ""  # what a reader needs to check it

    @property
    def key(self) -> str:
        """What a text calls it by."""
        return _NO_KEY.sub("-", "vigia-" + self.address.partition("/id/")[2]).strip("-")


def sentence(work: Work) -> str:
    """Who (when). What. Where. The order of most styles."""
    who = "; ".join(work.authors) or work.publisher
    head = f"{who} ({work.issued})" if who and work.issued else who or work.issued
    publisher = work.publisher if work.authors else ""
    container = f"{work.container}, {work.version}" if work.container and work.version else work.container or work.version
    parts = [part.rstrip(".") for part in (head, work.title, container, publisher, work.note) if part]
    # No stop behind an address: whoever copies it would copy that, too.
    return ". ".join([*parts, work.url or f"[{work.address}]."])


def bibtex(works: Iterable[Work]) -> str:
    """One entry for each; addresses are written as the url field of biblatex takes them, verbatim."""
    return "\n".join(_entry(work) for work in works)


def csl(works: Iterable[Work]) -> list[dict[str, Any]]:
    """Items of CSL-JSON 1.0.2."""
    return [_item(work) for work in works]


def _entry(work: Work) -> str:
    _, kind = _TYPES.get(work.kind, _OTHER)
    fields = {
        "title": f"{{{_escaped(work.title)}}}",
        "author": " and ".join(f"{{{_escaped(name)}}}" for name in work.authors),
        _PUBLISHED_BY.get(kind, "organization"): _escaped(work.publisher),
        "howpublished": _escaped(work.container),
        "version": _escaped(work.version),
        "date": work.issued,
        "year": work.issued[:4],
        "language": work.language,
        "url": work.url.replace("\\", "%5C").replace("{", "%7B").replace("}", "%7D"),
        "note": _escaped(work.note) if work.url else f"Described at {_escaped(work.address)}",
    }
    lines = [f"  {name} = {{{value}}},\n" for name, value in fields.items() if value]
    return f"@{kind}{{{work.key},\n{''.join(lines)}}}\n"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(sign, sign) for sign in text)


def _item(work: Work) -> dict[str, Any]:
    item = {
        "id": work.key,
        "type": _TYPES.get(work.kind, _OTHER)[0],
        "title": work.title,
        "author": [{"literal": name} for name in work.authors],
        "publisher": work.publisher,
        "container-title": work.container,
        "version": work.version,
        "issued": {"date-parts": [[int(part) for part in work.issued.split("-")]]} if work.issued else None,
        "language": work.language,
        "URL": work.url,
        "note": work.note if work.url else f"Described at {work.address}",
    }
    return {name: value for name, value in item.items() if value}
