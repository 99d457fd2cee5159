"""Settings: the environment comes in once, at the edge; one frozen value goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from kg.errors import KgError

_LINKS = ("https://", "http://", "mailto:")
_ENGINES = ("https://", "http://")
WIKIDATA = "https://query.wikidata.org/sparql"


@dataclass(frozen=True)
class Settings:
    """What an operator may set, each by the environment variable `KG_<NAME>`."""

    young: int = 2  # workers for queries in their first moment; best as many as there are processors
    old: int = 6  # queries that may be running for longer, each with a worker; one client has at most half of these places
    waiting: int = 128  # queries that may wait for a worker; one client has at most half of these places
    timeout: float = 30.0  # seconds a query may take
    memory: int = 512  # MiB that a worker may take, its copies of the store's pages included
    result_bytes: int = 64_000_000  # size over which an answer is refused
    spool_bytes: int = 1_000_000_000  # room on disk for large answers while they are being read
    query_bytes: int = 1_000_000  # size over which a query is refused
    client_burst: float = 120.0  # seconds of query time that a client may use at once
    client_rate: float = 1.0  # seconds of query time that a client gets back each second
    cache_bytes: int = 128_000_000  # memory for answers that were given before
    memory_triples: int = 3_000_000  # size of the store above which workers read it from disk
    services: tuple[str, ...] = (WIKIDATA,)  # addresses that SERVICE may call, separated by blanks; empty for none
    issues: str = ""  # where mistakes are reported: the address of a form for a new issue, or mailto:…; empty for nowhere
    proxies: tuple[str, ...] = ()  # addresses of proxies before this server, whose X-Forwarded-For is believed
    store: str = ""  # the address at which an engine of your own answers SPARQL queries; empty for the store of the release
    store_graphs: str = ""  # the address of its graph store, for `kg load`; empty where the kind of engine tells
    store_user: str = ""  # a user of the engine
    store_password: str = field(default="", repr=False)  # the password of the user
    store_token: str = field(default="", repr=False)  # instead of a user: what is sent as `Authorization: Bearer …`
    store_ca: str = ""  # a file of certificates (PEM) that the engine's must be signed by; empty for those the system trusts
    store_connections: int = 16  # queries of strangers that the engine is sent at the same time; as many of ours come on top


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from `KG_…` variables; raises KgError that names a variable whose value does not fit."""
    usual = Settings()
    given: dict[str, Any] = {}
    for setting in fields(Settings):
        name = "KG_" + setting.name.upper()
        if (text := environment.get(name)) is not None:
            given[setting.name] = _read(name, text, getattr(usual, setting.name))
    return Settings(**given)


def _read(name: str, text: str, usual: object) -> object:
    if isinstance(usual, tuple):
        return tuple(text.split())
    if isinstance(usual, str):
        _demand_address(name, text)
        return text
    try:
        value = float(text) if isinstance(usual, float) else int(text)
    except ValueError:
        raise KgError(f"{name} must be a number, such as {usual}. [got {text}]") from None
    if not (0 < value < float("inf") or (value == 0 and name == "KG_CACHE_BYTES")):
        raise KgError(f"{name} must be larger than zero. [got {text}]")
    return value


def _demand_address(name: str, text: str) -> None:
    allowed = {"KG_ISSUES": _LINKS, "KG_STORE": _ENGINES, "KG_STORE_GRAPHS": _ENGINES}.get(name)
    if not text or allowed is None:
        return
    if not text.startswith(allowed):
        raise KgError(f"{name} must begin with one of {', '.join(allowed)}. [got {text}]")
    if "@" in urlsplit(text).netloc:
        raise KgError(f"{name} must not hold a password, which would be logged: use KG_STORE_USER and KG_STORE_PASSWORD.")
