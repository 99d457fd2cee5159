"""A folder of releases, or RDF files, come in; a running server that prints its address goes out."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn

from kg.errors import KgError
from kg.settings import Settings
from kg.web.app import archived, create_app
from kg.web.guard import guarded
from kg.web.operation import log_as_json
from kg.web.site import Site, open_files, open_release


def serve(build: Path, files: Sequence[Path], host: str, port: int, settings: Settings) -> None:
    """Serve until interrupted; raises KgError where there is nothing to serve or the address is taken."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # as Ctrl-C, so that nothing is left behind before all runs
    _allow_many_connections()
    listener = _listen(host, port)
    with suppress(KeyboardInterrupt):  # uvicorn has stopped cleanly and says so by raising it again
        site = open_files(files, settings) if files else open_release(build, settings)
        try:
            for note in site.store.condition().notes:
                print(note)
            _run(
                site, build, listener, f"{len(files)} files" if files else f"release {site.manifest.name if site.manifest else ''}"
            )
        finally:
            asyncio.run(site.store.close())


def _run(site: Site, build: Path, listener: socket.socket, what: str) -> None:
    settings = site.settings
    log_as_json()
    front = create_app(site)
    archive = archived(front, site, build)
    config = uvicorn.Config(
        archive,
        http=guarded(front.exact),
        loop="uvloop",
        ws="none",
        log_config=None,
        log_level="error",  # what strangers send amiss is no event
        access_log=False,  # addresses are nobody's business
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        timeout_graceful_shutdown=int(settings.timeout) + 2,  # running queries are answered
    )
    host, port, *_ = listener.getsockname()
    shown = f"[{host}]" if ":" in host else "localhost" if host == "127.0.0.1" else host
    server = _Server(config, f"Serving {what} on http://{shown}:{port}/  (Ctrl-C stops)")
    logging.getLogger("uvicorn.error").addFilter(lambda _: archive.failure is None)  # which says more than uvicorn can
    with suppress(SystemExit):  # by which it says that it could not start
        server.run(sockets=[listener])
    if archive.failure:
        raise archive.failure
    if not server.started:
        raise KgError("The server could not start. Its own message stands above.")


class _Server(uvicorn.Server):
    """Says where it is as soon as it answers, and not where it cannot."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        await super().startup(sockets)
        if self.started:
            print(self._greeting, flush=True)


def _allow_many_connections() -> None:
    """Take as many file descriptors as the system gives: each client needs one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # "unlimited" is too many for some systems
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _listen(host: str, port: int) -> socket.socket:
    """Take the address before anything is loaded, so that a taken port is said at once."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio sets TCP_NODELAY only on sockets that say that they are TCP.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)  # from now on clients wait instead of being refused
    except OSError as error:
        raise KgError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port or --host.") from error
    return listener
