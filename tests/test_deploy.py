"""What operators start from, in `deploy/`: every file says what is so, and what is documented is what was tried."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from kg.cli import app
from kg.settings import Settings
from repository import ROOT
from web.proxies import DEPLOY, set_up

CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text("utf-8")
NGINX = (DEPLOY / "nginx.conf").read_text("utf-8")
HAPROXY = (DEPLOY / "haproxy.cfg").read_text("utf-8")
UNIT = (DEPLOY / "vigia@.service").read_text("utf-8")


def demand_command(words: list[str]) -> None:
    """It is one of `kg`, with options that it has; raises where it is not."""
    command = get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    command.make_context(words[0], words[1:])


def instruction(name: str) -> list[str]:
    """The arguments of one that stands there once."""
    (found,) = re.findall(rf"^{name} (\[.*\])$", CONTAINERFILE, re.MULTILINE)
    return list(yaml.safe_load(found))


def test_the_image_is_made_of_files_that_are_there_and_let_through() -> None:
    let_through = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"}
    copied = {source for line in re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINERFILE, re.MULTILINE) for source in line.split()}
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_runs_a_command_that_there_is() -> None:
    assert instruction("ENTRYPOINT") == ["kg"]
    demand_command(instruction("CMD"))
    assert not re.search(r"^USER (0|root)", CONTAINERFILE, re.MULTILINE)
    assert "/ready" in CONTAINERFILE
    wanted = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    based = re.search(r"^ARG BASE=python:3\.(\d+)-slim$", CONTAINERFILE, re.MULTILINE)
    assert wanted
    assert based
    assert int(based[1]) >= int(wanted[1])


def test_compose_starts_what_there_is() -> None:
    composed: dict[str, Any] = yaml.safe_load(COMPOSE)
    services = composed["services"]
    assert services.keys() == {"build", "load", "one", "two", "nginx"}
    assert [name for name, service in services.items() if "profiles" not in service] == ["one"]
    for name in ("build", "load"):
        demand_command(services[name]["command"])
    for name in ("build", "load", "one", "two"):
        service = services[name]
        built = (DEPLOY / service["build"]["context"]).resolve()
        assert (built / service["build"]["dockerfile"]).samefile(DEPLOY / "Containerfile")
        assert service["read_only"]
    assert {volume.partition(":")[0] for service in services.values() for volume in service["volumes"]} == {
        *composed["volumes"],
        "./nginx.conf",
    }
    for old, new in re.findall(r"s/([\d.:]+)/(\w+:\d+)/", COMPOSE):
        assert f"server {old} " in NGINX
        name, _, port = new.partition(":")
        assert name in services
        assert port in instruction("CMD")
    assert COMPOSE.count("s/127.0.0.1:") == NGINX.count("server 127.0.0.1:")


def test_everybody_waits_longer_than_a_query_may_take() -> None:
    seconds, size = Settings().timeout, Settings().query_bytes
    for text, pattern in (
        (NGINX, r"proxy_read_timeout (\d+)s"),
        (HAPROXY, r"timeout server (\d+)s"),
        (UNIT, r"TimeoutStopSec=(\d+)"),
        (COMPOSE, r"stop_grace_period: (\d+)s"),
    ):
        (waits,) = re.findall(pattern, text)
        assert int(waits) > seconds + 2
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m", NGINX)
    assert int(megabytes) * 2**20 > size * 1.5  # a form has more bytes than the query that it carries


def unit(folder: Path) -> Path:
    """The unit as for a front end on port 8001, with this very program."""
    path = folder / "vigia@8001.service"
    program = Path(sys.executable).with_name("kg")
    path.write_text(set_up(UNIT, {"/opt/vigia/.venv/bin/kg": str(program)}), "utf-8")
    return path


def test_the_unit_starts_a_command_that_there_is() -> None:
    (command,) = re.findall(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)
    program, *words = shlex.split(command.replace("%i", "8001"))
    assert Path(program).name == "kg"
    demand_command(words)
    for name in re.findall(r"^#? ?Environment=KG_(\w+)=", UNIT, re.MULTILINE):
        assert hasattr(Settings(), name.lower())


def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    binary = shutil.which("systemd-analyze") or pytest.skip("systemd is not installed")
    checked = subprocess.run([binary, "verify", unit(tmp_path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    weighed = subprocess.run(
        [binary, "security", "--offline=true", "--threshold=15", unit(tmp_path)], capture_output=True, text=True, check=False
    )
    assert weighed.returncode == 0, weighed.stdout[-500:]
