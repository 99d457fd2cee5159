"""A static copy: every link in it leads to a file of it, no page needs the application, and servers and browsers can do with it."""

from __future__ import annotations

import contextlib
import filecmp
import http.client
import http.server
import json
import os
import posixpath
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import html5lib
import pyoxigraph as ox
import pytest
from playwright.sync_api import Browser, sync_playwright

from kg.build import build
from kg.errors import KgError
from kg.names import BASE, local_path
from kg.release import NQUADS, Release
from kg.settings import Settings
from kg.web.assets import MADE
from kg.web.copying import MARK, write_copy
from kg.web.text import LANGUAGES
from repository import ROOT

LINKING = {"href", "src", "srcset", "action", "poster", "data", "formaction"}
ADDRESS = "https://example.org/vigia/"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell") or shutil.which("google-chrome")
DOCS = (ROOT / "docs" / "static.md").read_text("utf-8")


@dataclass
class Checked:
    """A page as a browser reads it."""

    ids: set[str] = field(default_factory=set)
    links: list[tuple[str, str, str]] = field(default_factory=list)  # element, attribute, value
    forms: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def graph(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release]:
    """A release of the small graph, and of the one thing that a stored question names."""
    root = tmp_path_factory.mktemp("model") / "root"
    shutil.copytree(model, root)
    (root / "data" / "place" / "latin-america.yaml").write_text(
        "id: plc:latin-america\ntype: Place\nkind: region\nlabel: {es: América Latina}\n", "utf-8"
    )
    folder = tmp_path_factory.mktemp("build")
    return folder, build(root, folder)


@pytest.fixture(scope="module")
def copy(graph: tuple[Path, Release], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it, made for an address with a path."""
    folder = tmp_path_factory.mktemp("web") / "vigia"
    told: list[tuple[int, int]] = []
    number = write_copy(graph[0], folder, ADDRESS, Settings(), lambda *progress: told.append(progress))
    assert told[-1] == (number, number)
    assert sum(path.is_file() for path in folder.rglob("*")) == number + 2  # the mark, and a word to GitHub
    return folder


@pytest.fixture(scope="module")
def checked(copy: Path) -> dict[str, Checked]:
    """All pages; each is valid HTML."""
    return {path.relative_to(copy).as_posix(): check(path) for path in sorted(copy.rglob("*.html"))}


def check(path: Path) -> Checked:
    try:
        tree = html5lib.HTMLParser(strict=True).parse(path.read_text("utf-8"))
    except html5lib.html5parser.ParseError as error:
        raise AssertionError(path) from error
    page = Checked()
    for element in tree.iter():
        name = str(element.tag).rpartition("}")[2]
        if "id" in element.attrib:
            assert element.attrib["id"] not in page.ids, (path, element.attrib["id"])
            page.ids.add(element.attrib["id"])
        for key, value in element.attrib.items():
            attribute = str(key).rpartition("}")[2]
            is_picture = attribute == "content" and element.attrib.get("property") == "og:image"
            if is_picture or (attribute in LINKING and name != "base"):
                page.links.append((name, attribute, value))
        if name == "form":
            page.forms.append(element.attrib.get("action", ""))
    return page


def seen_from(file: str, link: str) -> str:
    """The file that a link of another leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), unquote(link))) if link else file


def test_it_is_whole(copy: Path, checked: dict[str, Checked]) -> None:
    for language in LANGUAGES:
        for file in (
            *(
                "index",
                "charts",
                "unknown",
                "coverage",
                "quality",
                "links",
                "disagreements",
                "about",
                "sparql",
                "search",
                "releases",
                "changes",
                "problem",
            ),
            *(
                "page/org/maker",
                "page/initiative/xa-cameras",
                "page/def",
                "page/def/Claim.class",
                "page/def/claim",
                "page/graph/data",
            ),
            *("page/code/role", "page/code/role/provider", "browse/Company", "browse/Company.map", "browse/Source.timeline"),
            *("browse/Participation", "questions/supplies-and-operates"),
        ):
            assert f"{language}/{file}.html" in checked
        for file in ("cite/org/maker.bib", "cite/org/maker.sources.json", "browse/Company.csv", "browse/Company.json", "things.js"):
            assert (copy / language / file).stat().st_size, file
        if (MADE / "noto-sans-700.woff").exists():
            assert (copy / language / "card/org/maker.png").read_bytes().startswith(b"\x89PNG")
    for file in (
        *(f"data/org/maker.{ending}" for ending in ("ttl", "nt", "jsonld", "rdf")),
        *("data/def.ttl", "data/graph/data.nt", "void.ttl", ".well-known/void", "questions/supplies-and-operates.csv"),
        *(
            "dataset/index.html",
            "catalogue/index.html",
            "dcat.ttl",
            "favicon.ico",
            "apple-touch-icon.png",
            "robots.txt",
            "404.html",
            "index.html",
            ".nojekyll",
        ),
    ):
        assert (copy / file).is_file(), file
    assert json.loads((copy / MARK).read_text("utf-8"))["address"] == ADDRESS


def test_no_two_files_are_one_where_capitals_do_not_count(copy: Path) -> None:
    files = [path.relative_to(copy).as_posix() for path in copy.rglob("*")]
    assert len({file.lower() for file in files}) == len(files)


def test_every_link_leads_to_a_file_and_every_anchor_to_an_element(copy: Path, checked: dict[str, Checked]) -> None:
    followed = 0
    for file, page in checked.items():
        for element, attribute, value in page.links:
            if attribute == "content":
                assert value.startswith(ADDRESS), (file, value)
                assert (copy / value.removeprefix(ADDRESS)).is_file(), (file, value)
                continue
            parts = urlsplit(value)
            if parts.scheme:
                assert parts.scheme in {"http", "https"}, (file, value)
                assert element == "a" or (element == "link" and attribute == "href"), (file, value)
                assert not parts.netloc.startswith(("copy.", "localhost", "127.")), (file, value)
                continue
            assert not value.startswith("/"), (file, value)
            target = seen_from(file, parts.path)
            assert not target.startswith(".."), (file, value)
            assert (copy / target).is_file(), (file, value)
            assert not parts.query or re.fullmatch(r"\w\w/(browse/\w+|search)\.html", target), (file, value)
            if parts.fragment and target in checked:
                assert unquote(parts.fragment) in checked[target].ids, (file, value)
            followed += 1
    assert followed > 20_000


def test_no_page_needs_the_application(copy: Path, checked: dict[str, Checked]) -> None:
    forms = {(file.partition("/")[0], seen_from(file, to)) for file, page in checked.items() for to in page.forms}
    assert forms == {(language, f"{language}/search.html") for language in LANGUAGES}
    for path in copy.rglob("*"):
        if path.is_file():
            body = path.read_bytes()
            assert b"copy.invalid" not in body, path
            assert b"localhost" not in body or path.name == "sparql.html", path
    for language in LANGUAGES:
        page = (copy / language / "sparql.html").read_text("utf-8")
        assert "<textarea" not in page
        assert "oxigraph load" in page
        assert '<a href="../dump/' in page


def test_each_page_leads_to_itself_in_the_other_languages(checked: dict[str, Checked]) -> None:
    pages = [file for file in checked if file[:3] in {"en/", "es/", "pt/"}]
    assert len(pages) > 1000
    for file in pages:
        led = {seen_from(file, value) for element, _, value in checked[file].links if element == "a"}
        assert {f"{language}{file[2:]}" for language in LANGUAGES} <= led, file


def test_every_iri_of_the_graph_leads_to_its_page_and_data(
    copy: Path, graph: tuple[Path, Release], checked: dict[str, Checked]
) -> None:
    terms = {term for quad in ox.parse(path=graph[1].path / NQUADS) for term in (quad.subject, quad.predicate, quad.object)}
    iris = {term.value for term in terms if isinstance(term, ox.NamedNode) and term.value.startswith(f"{BASE}id/")}
    assert len(iris) > 40
    for iri in iris:
        file = local_path(iri).lstrip("/") + "/index.html"
        targets = [seen_from(file, value.partition("#")[0]) for _, _, value in checked[file].links]
        (turtle,) = [target for target in targets if target.endswith(".ttl")]
        assert iri in {quad.subject.value for quad in ox.parse(path=copy / turtle) if isinstance(quad.subject, ox.NamedNode)}, iri
        pages = [target for target in targets if "/page/" in target]
        assert len(pages) == 3, iri
    maker = (copy / "id/org/maker/origin/index.html").read_text("utf-8")
    assert '"../../../../pt/page/org/maker.html#origin"' in maker
    for term in (term for term in iris if term.startswith(f"{BASE}def#")):
        assert term.rpartition("#")[2] in checked["es/page/def.html"].ids


def test_what_machines_read(copy: Path) -> None:
    tree = ElementTree.fromstring((copy / "sitemap.xml").read_bytes())  # noqa: S314 (ours)
    addresses = {element.text or element.attrib["href"] for element in tree.iter() if element.text or "href" in element.attrib}
    listed = {address for address in addresses if address.startswith("http")}
    assert len(listed) > 70
    for address in listed:
        assert address.startswith(ADDRESS)
        assert (copy / address.removeprefix(ADDRESS)).is_file(), address
    assert f"Sitemap: {ADDRESS}sitemap.xml" in (copy / "robots.txt").read_text("utf-8")
    assert "sparqlEndpoint" not in (copy / "void.ttl").read_text("utf-8")
    for language in LANGUAGES:
        text = (copy / language / "things.js").read_text("utf-8")
        things = json.loads(text.removeprefix("const THINGS = ").removesuffix(";\n"))
        assert len(things) > 100
        assert all((copy / language / thing["file"]).is_file() for thing in things)


def test_the_graph_can_be_asked_as_its_page_says(copy: Path, tmp_path: Path) -> None:
    page = (copy / "en" / "sparql.html").read_text("utf-8")
    (dump,) = re.findall(r"oxigraph load .*--file (\S+)", page)
    assert f'<a href="../dump/{dump}">' in page
    shutil.copy(copy / "dump" / dump, tmp_path)
    question = (copy / "en" / "questions" / "supplies-and-operates.html").read_text("utf-8")
    (text,) = re.findall(r"<pre>(.*?)</pre>", question, re.DOTALL)
    (tmp_path / "query.rq").write_text(unescape(text), "utf-8")
    lines = unescape(page).splitlines()
    python = "\n".join(line.partition(">>> ")[2].removesuffix("</pre></div>") for line in lines if line.startswith(">>> "))
    asked = subprocess.run([sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert "id/org/maker" in asked.stdout
    binary = Path(sys.executable).with_name("oxigraph")
    if not binary.exists():
        pytest.skip("the oxigraph server is not installed")
    (load,) = [line for line in lines if line.startswith("oxigraph load")]
    subprocess.run([binary, *load.split()[1:]], cwd=tmp_path, capture_output=True, timeout=60, check=True)
    options = ["query", "--location", "graph", "--query-file", "query.rq", "--results-format", "csv"]
    asked = subprocess.run([binary, *options], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert "id/org/maker" in asked.stdout


def test_twice_is_the_same(copy: Path, graph: tuple[Path, Release], tmp_path: Path) -> None:
    write_copy(graph[0], tmp_path / "again", ADDRESS, Settings(), lambda *_: None)
    one, other = ({path.relative_to(folder) for path in folder.rglob("*")} for folder in (copy, tmp_path / "again"))
    assert one == other
    files = [str(path) for path in one if (copy / path).is_file()]
    _, differing, unreadable = filecmp.cmpfiles(copy, tmp_path / "again", files, shallow=False)
    assert (differing, unreadable) == ([], [])


def test_a_folder_of_somebody_else_is_left_alone(graph: tuple[Path, Release], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("work")
    for name in ("mine", "file"):
        with pytest.raises(KgError, match=r"is no copy of the site .* Name another, or empty it"):
            write_copy(graph[0], tmp_path / name, None, Settings(), lambda *_: None)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "mine", "thesis.txt"]


def test_killed_half_way_it_leaves_the_old_copy_and_no_process(graph: tuple[Path, Release], tmp_path: Path) -> None:
    folder = tmp_path / "vigia"
    folder.mkdir()
    (folder / MARK).write_text("{}")
    command = [sys.executable, "-m", "kg", "export", "--static", str(folder), "--build", str(graph[0])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    draft = tmp_path / "vigia.part"
    await_(lambda: any(draft.rglob("*.html")))
    process.kill()
    process.wait()
    assert [path.name for path in folder.iterdir()] == [MARK]
    await_(lambda: not processes_of(process.pid))
    assert (draft / MARK).is_file()  # by which the next run knows that it may begin anew there


def await_(is_so: object) -> None:
    deadline = time.monotonic() + 60
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def processes_of(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The folder above a copy, as Python serves it: what lies in the copy has a path in front."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
            """As GitHub Pages does it."""
            if code != 404:
                return super().send_error(code, message, explain)
            body = (folder / "vigia" / "404.html").read_bytes()
            self.send_response(404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return None

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/vigia"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def address(copy: Path) -> Iterator[str]:
    with serving(copy.parent) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"])
        yield browser
        browser.close()


@pytest.mark.browser
@pytest.mark.parametrize("from_disk", [False, True])
@pytest.mark.parametrize(
    ("language", "words", "first", "told"),
    [
        ("es", "the maker", "Maker", "Resultados: "),
        ("pt", "MAKER", "Maker", "Resultados: "),
        ("en", "holidng", "Holding", "These are the results for: holding"),
    ],
)
def test_search_finds(
    browser: Browser, copy: Path, address: str, language: str, words: str, first: str, told: str, from_disk: bool
) -> None:
    page = browser.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{copy.as_uri() if from_disk else address}/{language}/page/org/maker.html")
    page.locator("#find").fill(words)
    page.keyboard.press("Enter")
    page.locator("#results a").first.wait_for()
    assert told in page.locator("#found").inner_text()
    link = page.locator("#results a").first
    assert first in link.inner_text()
    link.click()
    page.wait_for_url("**/page/org/*.html")
    assert page.locator("html").get_attribute("lang") == language
    assert faults == []
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("from_disk", [False, True])
def test_filters_of_a_list_work_and_can_be_taken_off(browser: Browser, copy: Path, address: str, from_disk: bool) -> None:
    page = browser.new_page()
    page.goto(f"{copy.as_uri() if from_disk else address}/es/browse/Company.html")
    rows = page.locator("tr[data-held]:visible")
    everything = rows.count()
    assert everything > 1
    link = page.locator(".facets li:visible a").first
    number = int(link.evaluate("link => link.nextSibling.textContent"))
    link.click()
    page.locator(".chips a", has_text="(quitar)").wait_for()
    assert rows.count() == number < everything
    assert page.locator("#left").inner_text() == f"{number} / "
    page.locator(".chips a", has_text="(quitar)").click()
    page.wait_for_function(f"document.querySelectorAll('tr[data-held]:not([hidden])').length === {everything}")
    name = page.locator("[data-facet]").first.get_attribute("data-facet")
    page.goto(page.url.partition("?")[0] + f"?{name}=none")
    assert rows.count() == 0
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("old", "file"),
    [
        ("/", "pt/index.html"),
        ("/id/org/maker", "pt/page/org/maker.html"),
        ("/id/org/maker/origin?lang=es", "es/page/org/maker.html#origin"),
        ("/def#provider", "pt/page/def.html#provider"),
        ("/page/org/maker?lang=es", "es/page/org/maker.html"),
        ("/page/def/Claim", "pt/page/def/Claim.class.html"),
        ("/browse/Company?country=cty%3Axb&lang=en", "en/browse/Company.html?country=cty%3Axb"),
        ("/questions/amounts?lang=es", "es/questions/amounts.html"),
        ("/charts", "pt/charts.html"),
    ],
)
def test_old_addresses_lead_on_in_a_language_of_the_reader(browser: Browser, copy: Path, address: str, old: str, file: str) -> None:
    # The 404 page knows its folder from the address that the copy was made for.
    page = browser.new_context(locale="pt-BR").new_page()
    page.goto(address + old)
    page.wait_for_url(f"{address}/{file}")
    assert page.locator("h1").is_visible()
    page.close()


@pytest.mark.browser
def test_where_nothing_is_the_404_page_says_so_and_leads_home(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/es/page/org/nobody.html")
    assert page.locator("h1").is_visible()
    page.locator("a[lang=es]").click()
    page.wait_for_url(f"{address}/es/index.html")
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    "file",
    [
        "es/index.html",
        "pt/browse/Company.html",
        "es/search.html?q=maker",
        "en/sparql.html",
        "es/about.html",
        "pt/questions/amounts.html",
    ],
)
def test_pages_of_a_copy_are_accessible_and_fit(browser: Browser, address: str, file: str) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415

    page = browser.new_page(viewport={"width": 320, "height": 900})
    page.goto(f"{address}/{file}", wait_until="load")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    results = Axe().run(
        page, options={"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
    )
    assert results.violations_count == 0, results.generate_report()
    page.close()


def nginx_settings(folder: Path, copy: Path, port: int) -> list[str]:
    """nginx with the rules that the documentation gives."""
    (shown,) = re.findall(r"```nginx\n(.*?)```", DOCS, re.DOTALL)
    site = shown.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("/srv/www", str(copy.parent))
    temporary = "".join(f"{kind}_temp_path {folder};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; daemon off;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}"
        f"types {{ text/html html; text/css css; image/png png; }}\n{site}}}\n"
    )
    return ["-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]


def apache_settings(folder: Path, copy: Path, port: int) -> list[str]:
    """Apache with the same; what stands in `.htaccess` may stand in the section of the folder as well."""
    (shown,) = re.findall(r"```apache\n(.*?)```", DOCS, re.DOTALL)
    modules = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
        for name in ("mpm_event", "authz_core", "dir", "mime", "rewrite")
    )
    (folder / "types").write_text("text/html html\ntext/css css\nimage/png png\n")
    (folder / "httpd.conf").write_text(
        f"ServerRoot {folder}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {folder}/pid\nErrorLog {folder}/errors\n"
        f"{modules}User nobody\nGroup nogroup\nTypesConfig {folder}/types\nDocumentRoot {copy.parent}\n"
        f"<Directory {copy}>\nRequire all granted\nAllowOverride None\n{shown}</Directory>\n"
    )
    return ["-f", str(folder / "httpd.conf"), "-DFOREGROUND"]


@pytest.fixture(scope="module", params=["nginx", "apache2"])
def host(request: pytest.FixtureRequest, copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with the copy below a path; the address of the copy."""
    binary = shutil.which(request.param) or shutil.which(request.param, path="/usr/sbin")
    if binary is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    for path in (folder, *copy.parents):  # who serves it is nobody, where the tests are run by root
        if os.geteuid() == 0 and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o055)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"nginx": nginx_settings, "apache2": apache_settings}[request.param](folder, copy, port)
    process = subprocess.Popen([binary, *settings])
    try:
        await_(lambda: process.poll() is not None or is_open(port))
        assert process.poll() is None, (folder / "errors").read_text() if (folder / "errors").exists() else "it ended at once"
        yield f"http://127.0.0.1:{port}/vigia"
    finally:
        process.terminate()
        process.wait(10)


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def ask(address: str, **headers: str) -> tuple[int, str, str]:
    """Status, where it leads or what it is, and the body."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)
    request = urllib.request.Request(address, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        answer = opener.open(request, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return (
            answer.status or 0,
            answer.headers.get("Location") or answer.headers["Content-Type"],
            answer.read().decode("utf-8", "replace"),
        )


def test_a_server_has_every_file_and_all_that_any_page_links_to(host: str, copy: Path, checked: dict[str, Checked]) -> None:
    files = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()} - {".nojekyll"}
    asked = {f"{host}/{file}" for file in files}
    for file, page in checked.items():
        local = (value for _, attribute, value in page.links if attribute != "content" and not urlsplit(value).scheme)
        asked |= {urljoin(f"{host}/{file}", value).partition("#")[0] for value in local}
    assert len(asked) > 3000
    where = urlsplit(host)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
    for address in sorted(asked):
        connection.request("GET", address.removeprefix(f"http://{where.netloc}"))
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, address
        file = unquote(urlsplit(address).path).removeprefix(f"{where.path}/")
        assert body == (copy / file).read_bytes(), address
    connection.close()


@pytest.mark.parametrize(
    ("path", "headers", "led"),
    [
        ("/id/org/maker", {"Accept": "text/turtle"}, "/data/org/maker.ttl"),
        ("/id/org/maker", {"Accept": "application/ld+json"}, "/data/org/maker.jsonld"),
        ("/id/org/maker/origin", {"Accept": "application/n-triples"}, "/data/org/maker.nt"),
        ("/code/role/provider", {"Accept": "application/rdf+xml"}, "/data/code/role/provider.rdf"),
        ("/def", {"Accept": "text/turtle"}, "/data/def.ttl"),
        ("/id/org/maker", {"Accept": "text/html", "Accept_Language": "pt-BR,pt;q=0.9"}, "/pt/page/org/maker.html"),
        ("/id/org/maker", {"Accept": "text/html,*/*;q=0.8", "Accept_Language": "es"}, "/es/page/org/maker.html"),
        ("/id/org/maker/origin?lang=es", {"Accept": "text/html"}, "/es/page/org/maker.html#origin"),
        ("/page/org/maker?lang=pt", {}, "/pt/page/org/maker.html?lang=pt"),
        ("/page/def/Claim", {"Accept_Language": "es"}, "/es/page/def/Claim.class.html"),
        ("/browse/Company?country=cty:xb&lang=es", {}, "/es/browse/Company.html?country=cty:xb&lang=es"),
        ("/questions/amounts", {"Accept_Language": "fr"}, "/en/questions/amounts.html"),
        ("/charts?lang=pt", {}, "/pt/charts.html?lang=pt"),
        ("/", {"Accept_Language": "es-MX"}, "/es/index.html"),
    ],
)
def test_a_server_leads_old_addresses_on_as_the_application_did(
    host: str, copy: Path, path: str, headers: dict[str, str], led: str
) -> None:
    status, location, _ = ask(host + path, **headers)
    assert status == 303
    assert urljoin(host + path, location) == host + led
    assert (copy / led.lstrip("/").partition("?")[0].partition("#")[0]).is_file()


def test_a_server_says_what_data_is_and_what_is_not_there(host: str) -> None:
    for ending, kind in (("ttl", "text/turtle"), ("jsonld", "application/ld+json"), ("rdf", "application/rdf+xml")):
        assert ask(f"{host}/data/org/maker.{ending}")[1].partition(";")[0] == kind
    status, _, body = ask(f"{host}/es/page/org/nobody.html")
    assert status == 404
    assert "There is no page here" in body
