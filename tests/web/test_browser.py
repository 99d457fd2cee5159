"""Pages in a real browser: nothing to scroll sideways, nothing that axe finds, at phone and desktop widths, light and dark."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from kg.release import MANIFEST, Release
from kg.settings import Settings
from kg.web.app import archived, create_app
from kg.web.assets import MADE
from kg.web.site import open_release

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell") or shutil.which("google-chrome")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
OLD = "2026-01-01"
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
    "/charts?lang=es",
    "/unknown",
    "/coverage",
    "/quality?lang=pt",
    "/disagreements",
    "/browse/Initiative?view=map",
    "/browse/Company?view=map&lang=es",
    "/browse/Source?view=timeline",
    "/page/country/ar?lang=es",
    "/page/country/cn",
    "/page/initiative/bo-bol-110",
    "/page/def/provider?lang=es",
    "/page/def/Initiative",
    "/questions/origin-and-destination",
    "/questions/initiatives-by-country",
    "/problem",
    "/about?lang=pt",
    "/page/contract/ar-jujuy-zte-2017?lang=pt",
    "/page/person/marcelo-ebrard",
    "/page/place/ar-jujuy?lang=es",
    "/page/agreement/eu-mercosur",
    "/links?lang=es",
    "/page/link/plc-ar-guaymallen?lang=pt",
    "/browse/Link",
    "/reconcile/es/preview?id=org/zte",
    "/changes",
    "/changes?of=org:zte&lang=es",
    "/releases?lang=pt",
    f"/release/{OLD}?release={OLD}&lang=es",
    "/cited?query=SELECT+*+%7B+%3Fs+kg%3Aprovider+%3Fo+%7D&lang=pt",
    f"/page/initiative/bo-bol-110?release={OLD}",
]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def address(real: tuple[Path, Release], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real data, with an older release that is the same."""
    folder = tmp_path_factory.mktemp("browser")
    shutil.copytree(real[0], folder, dirs_exist_ok=True)
    older = folder / "releases" / OLD
    shutil.copytree(real[1].path, older)
    (older / MANIFEST).write_text(json.dumps(json.loads((older / MANIFEST).read_text()) | {"version": OLD}))
    site = open_release(folder, Settings())
    server = uvicorn.Server(uvicorn.Config(archived(create_app(site), site, folder), port=0, log_level="error"))
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
    foreign: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith(address) else None)
    page.goto(address + path, wait_until="load")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    results = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
    assert results.violations_count == 0, results.generate_report()
    # Layout is the same in both schemes, colours are not.
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    results = Axe().run(page, options={"runOnly": {"type": "rule", "values": ["color-contrast"]}})
    assert results.violations_count == 0, results.generate_report()
    assert not [message for message in messages if "the server responded with a status of 40" not in message]
    assert foreign == []
    page.close()


@pytest.mark.parametrize("path", ["/", "/browse/Initiative?lang=es", "/page/org/idemia-argentina?lang=pt", "/charts", "/page/def"])
def test_the_keyboard_reaches_everything_and_one_sees_where_one_is(browser: Browser, address: str, path: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address + path, wait_until="load")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url.endswith("#main"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    unreachable = page.evaluate("""
        [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
            .filter(element => element.tabIndex < 0 || (element.closest('[aria-hidden=true]')))
            .map(element => element.outerHTML.slice(0, 100))""")
    assert unreachable == []
    blind = page.evaluate("""
        [...document.querySelectorAll('main a[href], main summary, main [tabindex]')].slice(0, 60).filter(element => {
            if (!element.checkVisibility()) return false;
            element.focus({ focusVisible: true });
            const style = getComputedStyle(element);
            const shape = element.querySelector('circle, rect');
            return style.outlineStyle === 'none' && !(shape && Number.parseFloat(getComputedStyle(shape).strokeWidth) >= 3);
        }).map(element => element.outerHTML.slice(0, 100))""")
    assert blind == []
    page.close()


@pytest.fixture
def sparql(browser: Browser, address: str) -> Iterator[Page]:
    """The SPARQL page with its editor; whatever it loads comes from us, and it complains of nothing."""
    if not (MADE / "editor.js").exists():
        pytest.skip("set-up could not make the editor")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    messages, foreign = [], []
    page.on("console", lambda message: messages.append(message.text))
    page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith(address) else None)
    page.goto(address + "/sparql", wait_until="load")
    yield page
    assert [message for message in messages if "400 (Bad Request)" not in message] == []
    assert foreign == []
    page.close()


def write(page: Page, text: str) -> None:
    page.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def test_the_editor_colours_and_runs_a_query(sparql: Page) -> None:
    write(sparql, "SELECT ?n { VALUES ?n { 41 42 } }")
    assert sparql.locator(".cm-line span").count() > 3
    sparql.keyboard.press("Control+Enter")
    sparql.wait_for_selector("#answer table")
    assert sparql.locator("#answer tbody tr").count() == 2
    assert "query=SELECT" in sparql.url
    sparql.reload()
    assert sparql.locator("#answer tbody tr").count() == 2


def test_the_editor_asks_the_release_that_is_open(sparql: Page, address: str) -> None:
    """By GET, and by POST where the query is too long for an address."""
    asked: list[str] = []
    sparql.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    for remark in ("", "#" + "x" * 6000):
        sparql.goto(f"{address}/sparql?release={OLD}", wait_until="load")
        asked.clear()
        write(sparql, "SELECT ?n { VALUES ?n { 41 42 } }")
        sparql.keyboard.insert_text(remark)
        sparql.get_by_role("button", name="Run").click()
        sparql.wait_for_selector("#answer table")
        (query,) = [each for each in asked if "/sparql" in each]
        assert query.startswith("POST" if remark else "GET")
        assert f"release={OLD}" in query
        assert f"release={OLD}" in str(sparql.locator("#answer a").first.get_attribute("href"))


def test_the_editor_marks_an_error_where_it_is(sparql: Page) -> None:
    write(sparql, "SELECT *\nWHERE { ?s ?p }")
    sparql.get_by_role("button", name="Run").click()
    sparql.wait_for_selector("#problem")
    assert sparql.locator(".cm-lintRange-error, .cm-lintPoint-error").count() == 1
    assert sparql.locator(".cm-lint-marker-error").count() == 1


@pytest.mark.parametrize(
    ("typed", "offered", "written"), [("Hikvis", "Hikvision", "org:hikvision"), ("kg:provid", "kg:provider", "kg:provider")]
)
def test_the_editor_completes_names_and_terms(sparql: Page, typed: str, offered: str, written: str) -> None:
    write(sparql, "ASK { ?s ?p ")
    sparql.keyboard.type(typed)
    sparql.locator(".cm-completionLabel", has_text=offered).first.wait_for()
    sparql.locator(".cm-tooltip-autocomplete li", has=sparql.get_by_text(offered, exact=True)).first.click()
    assert written in sparql.locator("#query").evaluate("area => area.value")


def test_a_query_can_be_stopped_and_frees_its_worker(sparql: Page, address: str) -> None:
    def running() -> float:
        text = sparql.request.get(address + "/metrics").text()
        return sum(
            float(line.split()[-1]) for line in text.splitlines() if line.startswith('kg_queries{stage="') and "idle" not in line
        )

    before = running()
    write(sparql, "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }")
    sparql.keyboard.press("Control+Enter")
    sparql.get_by_role("button", name="Stop").click()
    sparql.get_by_text("Stopped.").wait_for()
    for _ in range(50):
        if running() <= before:
            break
        sparql.wait_for_timeout(100)
    assert running() <= before


def test_tab_leaves_the_editor(sparql: Page) -> None:
    sparql.locator(".cm-content").click()
    sparql.keyboard.press("Tab")
    assert sparql.evaluate("document.activeElement.id") == "format"


@pytest.mark.parametrize("path", ["/sparql", "/browse/Initiative?view=map", "/charts", "/page/initiative/ec-ecu-911"])
def test_without_javascript_a_page_is_whole(browser: Browser, address: str, path: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + path, wait_until="load")
    assert page.locator("h1").is_visible()
    if path == "/sparql":
        page.locator("#query").fill("SELECT ?n { VALUES ?n { 41 42 } }")
        page.get_by_role("button", name="Run").click()
        assert page.locator("#answer tbody tr").count() == 2
    context.close()


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 60),
        ("/page/initiative/ec-ecu-911?lang=es", 60),
        ("/page/org/hikvision", 60),
        ("/page/source/alsur-2025", 60),
        ("/links?lang=es", 60),
        ("/sparql", 180),
    ],
)
def test_a_first_visit_is_light_and_nothing_moves(browser: Browser, address: str, path: str, most: int) -> None:
    """Kilobytes over the line, requests, and layout shift, as in the budgets of the project."""
    context = browser.new_context(viewport={"width": 412, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    asked: list[str] = []  # the browser's own pictures, such as that of a field for dates, are no requests
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver(list => { for (const entry of list.getEntries()) window.moved += entry.value })"
        ".observe({ type: 'layout-shift', buffered: true })"
    )
    page.goto(address + path, wait_until="networkidle")
    assert sum(sizes) <= most * 1000
    assert len(asked) <= 4, asked
    assert page.evaluate("window.moved") == 0
    context.close()
