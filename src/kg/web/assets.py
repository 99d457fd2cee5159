"""The files that pages load come in; their bytes, and addresses that change with them so that browsers may keep them, go out."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from kg.errors import NotFound

FOLDER = Path(__file__).parent / "static"
#: What set-up makes of the front-end parts that it fetches (`web/`); empty where it cannot.
MADE = FOLDER / "made"
_FOREVER = "public, max-age=31536000, immutable"
_FOR_NOW = "public, max-age=300"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".txt": "text/plain; charset=utf-8"}


def assets() -> APIRouter:
    """The route for files."""
    router = APIRouter(default_response_class=Response, include_in_schema=False)

    @router.get("/static/{name:path}")
    def static(request: Request, name: str) -> Response:
        if name not in _files():
            raise NotFound(f"There is no file '{name}' here.")
        body, digest = _files()[name]
        # Where servers of two versions stand side by side, one is asked for a file of the other, and has something else.
        kept = {digest: _FOREVER, "": _FOR_NOW}.get(request.query_params.get("v", ""), "no-store")
        suffix = Path(name).suffix
        kind = _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
        return Response(body, media_type=kind, headers={"Cache-Control": kept})

    return router


def address_of(name: str) -> str | None:
    """Where a file lies, for as long as its bytes are these; None where set-up could not make it."""
    return f"/static/{name}?v={_files()[name][1]}" if name in _files() else None


@cache
def _files() -> Mapping[str, tuple[bytes, str]]:
    """Name → bytes, and the first hexadecimal digits of their SHA-256. Only what is listed here is ever served."""
    paths = (path for path in sorted(FOLDER.rglob("*")) if path.is_file())
    read = ((path.relative_to(FOLDER).as_posix(), path.read_bytes()) for path in paths)
    return {name: (body, hashlib.sha256(body).hexdigest()[:12]) for name, body in read}
