"""A folder of releases, or RDF files, come in; a running server that prints its address goes out."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn

from kg.errors import KgError
from kg.settings import Settings
from kg.store.sandbox import can_forbid_sockets
from kg.web.app import create_app
from kg.web.site import open_files, open_release


def serve(build: Path, files: Sequence[Path], host: str, port: int, settings: Settings) -> None:
    """Serve until interrupted; raises KgError where there is nothing to serve or the address is taken."""
    listener = _listen(host, port)
    site = open_files(files, settings) if files else open_release(build, settings)
    if not can_forbid_sockets():
        print("This system cannot forbid sockets to query workers; SERVICE is refused by reading the query only.")
    shown = f"[{host}]" if ":" in host else host
    what = f"{len(files)} files" if files else f"release {site.manifest.id if site.manifest else ''}"
    print(
        f"Serving {what} on http://{'localhost' if host == '127.0.0.1' else shown}:{listener.getsockname()[1]}/  (Ctrl-C stops)",
        flush=True,
    )
    server = uvicorn.Server(uvicorn.Config(create_app(site), log_level="warning", access_log=False, server_header=False))
    with suppress(KeyboardInterrupt):  # uvicorn has stopped cleanly and says so by raising it again
        server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Take the address before anything is loaded, so that a taken port is said at once."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)  # from now on clients wait instead of being refused
    except OSError as error:
        raise KgError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port or --host.") from error
    return listener
