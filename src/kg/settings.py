"""Settings: the environment comes in once, at the edge; one frozen value goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from kg.errors import KgError


@dataclass(frozen=True)
class Settings:
    """What an operator may set, each by the environment variable `KG_<NAME>`."""

    workers: int = 2  # processes that answer queries at the same time
    timeout: float = 30.0  # seconds a query may take
    memory: int = 1024  # MiB that a query may need on top of the store
    result_bytes: int = 64_000_000  # size over which an answer is refused
    query_bytes: int = 1_000_000  # size over which a query is refused
    waiting: int = 32  # queries that may wait for a worker


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from `KG_…` variables; raises KgError that names a variable whose value is no positive number."""
    given = {}
    for field in fields(Settings):
        name = "KG_" + field.name.upper()
        if (text := environment.get(name)) is None:
            continue
        default = getattr(Settings, field.name)
        try:
            given[field.name] = type(default)(text)
        except ValueError:
            raise KgError(f"{name} must be a number, such as {default}. [got {text}]") from None
        if not 0 < given[field.name] < float("inf"):
            raise KgError(f"{name} must be larger than zero. [got {text}]")
    return Settings(**given)
