"""The redirects that w3id.org is given, in the server that it runs: Apache."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repository import ROOT

APACHE = shutil.which("apache2") or shutil.which("httpd")
MODULES = Path("/usr/lib/apache2/modules")
CONFIG = """
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog {folder}/errors
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule rewrite_module {modules}/mod_rewrite.so
DocumentRoot {folder}/site
<Directory {folder}/site>
  AllowOverride All
  Require all granted
</Directory>
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if not APACHE or not MODULES.is_dir():
        pytest.skip("Apache (Debian's package apache2) is not installed.")
    folder = tmp_path_factory.mktemp("w3id")
    folder.parent.chmod(0o755)
    (folder / "site").mkdir()
    shutil.copytree(ROOT / "docs" / "w3id", folder / "site" / "vigia")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    (folder / "apache.conf").write_text(CONFIG.format(port=number, folder=folder, modules=MODULES))
    server = subprocess.Popen([APACHE, "-f", str(folder / "apache.conf"), "-DFOREGROUND"], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", number)) == 0:
                    break
            assert server.poll() is None, (folder / "errors").read_text()
            time.sleep(0.05)
        yield number
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "id/org/zte",
        "id/initiative/bo-bol-110/loan",
        "id/org/zte?release=2026-12-01",
        "def",
        "sparql?query=SELECT%20*%20%7B%20%3Fs%20%3Fp%20%22a%26b%22%20%7D&format=csv",
        "release/2026-12-01",
        "dump/vigia-2026-12-01.nq.gz",
        "code/role/provider",
    ],
)
def test_every_address_leads_to_the_same_one_at_the_server(port: int, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", f"/vigia/{path}", headers={"Accept": "text/turtle"})
    answer = connection.getresponse()
    assert answer.status == 302
    assert answer.getheader("Location") == f"https://vigia.example/{path}"
    connection.close()
