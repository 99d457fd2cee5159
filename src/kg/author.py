"""A kind and a slug come in; a skeleton file of facts, with the keys that fit there, goes out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kg.context import read_context
from kg.errors import KgError
from kg.names import DEF, KINDS, SLUG
from kg.validate import page_order

#: Kind → the classes of its things, the usual one first; narrower ones are in its folder as well.
TYPES: Mapping[str, tuple[str, ...]] = {
    "initiative": ("Initiative",),
    "programme": ("Programme",),
    "product": ("Product",),
    "org": ("Organisation",),
    "person": ("Person",),
    "country": ("Country",),
    "place": ("Place",),
    "procurement": ("Procurement",),
    "contract": ("Contract",),
    "law": ("LegalInstrument", "Provision"),
    "agreement": ("Agreement",),
    "measure": ("Measure",),
    "source": ("Source",),
    "link": ("Link",),
}
# An agreement has the shape of a legal instrument.
_SHAPED_LIKE = {"Agreement": "LegalInstrument"}
_WRITTEN = {"label", "claims", "cite"}


def write_skeleton(root: Path, kind: str, slug: str) -> Path:
    """Write `data/<kind>/<slug>.yaml` and return its path.

    Raises KgError where the kind is none, the slug is no slug, or the file is there already: nothing is overwritten.
    """
    if kind not in KINDS:
        raise KgError(f"There is no kind '{kind}'. Kinds: {', '.join(KINDS)}.")
    if not SLUG.fullmatch(slug):
        raise KgError(f"'{slug}' is not a slug: lower-case ASCII words joined by '-', such as ar-caba-srfp.")
    path = root / "data" / kind / f"{slug}.yaml"
    if path.exists():
        raise KgError(f"{path} is there already.")
    path.parent.mkdir(exist_ok=True)
    path.write_text(_skeleton(root, kind, slug), "utf-8")
    return path


def _skeleton(root: Path, kind: str, slug: str) -> str:
    name = TYPES[kind][0]
    lines = [f"id: {KINDS[kind]}:{slug}", f"type: {name}", *([] if kind == "link" else ["label: {es: …}"])]
    lines += [f"# {key}: …" for key in _keys(root, name)]
    if kind == "link":
        lines += ["cite: {source: src:…, locator: …}"]
    elif kind != "source":
        lines += ["cite: {source: src:…, locator: …}", "# claims:  # docs/authoring.md lists the types of claims and their keys"]
    return "\n".join(lines) + "\n"


def _keys(root: Path, name: str) -> list[str]:
    """The keys that the shape of the type allows, in its order."""
    context = read_context(root / "data" / "context.jsonld")
    key_of = {context.predicate(key): key for key in reversed(context.keys) if key not in ("id", "type")}
    order = page_order([root / "shapes" / "authoring.ttl"])
    return [key_of[iri] for iri in order[DEF + _SHAPED_LIKE.get(name, name)] if iri in key_of and key_of[iri] not in _WRITTEN]
