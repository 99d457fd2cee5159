"""Nothing comes in; the machine, the day and the versions of all that was measured go out."""

from __future__ import annotations

import datetime
import platform
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.servers import ROOT

_PACKAGES = ("oxigraph", "rdflib", "rdflib-endpoint")
_SERVED = ("vigia", "pyoxigraph", "fastapi", "starlette", "uvicorn")


def describe(rounds: int, seconds: float) -> dict[str, object]:
    """What a reader needs to judge the numbers."""
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "rounds": rounds,
        "seconds": seconds,
        "machine": f"{psutil.cpu_count()} cores ({_processor()}), {psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"{platform.system()} {platform.release().partition('-')[0]}, Python {platform.python_version()}",
        "commit": _run("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"),
        "versions": {**_served(), **{name: version(name) for name in _PACKAGES}, **_programs()},
    }


def _served() -> dict[str, str]:
    """Versions in the environment of the server, which is not ours."""
    code = f"from importlib.metadata import version\nfor name in {_SERVED!r}: print(name, version(name))"
    lines = _run(str(ROOT / ".venv" / "bin" / "python"), "-c", code).splitlines()
    return dict(line.split() for line in lines)


def _programs() -> dict[str, str]:
    found = {name: _run(name, "-v") for name in ("wrk", "nginx") if shutil.which(name)}
    return {name: match[1] for name, text in found.items() if (match := re.search(r"(\d+\.\d+(?:\.\d+)?)", text))}


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    match = re.search(r"^model name\s*: (.+)$", file.read_text(), re.MULTILINE) if file.exists() else None
    return match[1] if match else platform.processor() or platform.machine()


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    return (done.stdout + done.stderr).strip()
