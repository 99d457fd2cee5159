"""Pages in a real browser: nothing to scroll sideways, nothing that axe finds, at phone and desktop widths, light and dark."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from kg.release import Release
from kg.settings import Settings
from kg.web.app import create_app
from kg.web.site import open_release

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell") or shutil.which("google-chrome")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
PATHS = [
    "/",
    "/browse?class=Organisation",
    "/browse/Initiative?lang=pt",
    "/browse/Initiative?country=cty:mx&modality=modality:facial-recognition&lang=es",
    "/browse/Source?sort=publisher",
    "/search?q=facial",
    "/search?q=hikvison&lang=es",
    "/page/initiative/ec-ecu-911?lang=es",
    "/page/org/idemia-argentina?lang=pt",
    "/page/source/alsur-2025",
    "/page/measure/ar-caba-srfp-suspension",
    "/page/def?lang=es",
    "/page/code/role",
    "/sparql?query=SELECT+*+%7B+%3Fs+%3Fp+%3Fo+%7D+LIMIT+50&format=html",
    "/sparql?query=SELECT&format=html",
    "/page/org/nobody",
]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def address(real: tuple[Path, Release]) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(open_release(real[0], Settings())), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"])
        yield browser
        browser.close()


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_and_is_accessible(browser: Browser, address: str, path: str, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(address + path, wait_until="load")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    results = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
    assert results.violations_count == 0, results.generate_report()
    assert not [message for message in messages if "Content Security Policy" in message]
    page.close()
