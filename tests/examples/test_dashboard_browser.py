"""The dashboard in Chromium: plots in both themes, filters, an upload, a plot that moves."""

from __future__ import annotations

import os
import shutil
import sys
import time
import typing as t
from pathlib import Path

import pytest

from running import ROOT, Running, free_port, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

INSTALL = "on Debian: apt-get install chromium; and pip install playwright"
SWITCHES = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update --disable-dev-shm-usage"
).split()
SECONDS = 30_000
FIRST_POINT = "Date.parse(JSON.parse(document.querySelector('#points').textContent)[0].at)"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def chromium() -> t.Iterator[t.Any]:
    api = pytest.importorskip("playwright.sync_api", reason=f"Playwright is missing; {INSTALL}")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(f"Chromium is missing; {INSTALL}")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


class Site:
    """The application on Uvicorn, which can be restarted on its port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self) -> t.ContextManager[Running]:
        options = f"--factory dashboard:create_app --port {self.port} --timeout-graceful-shutdown 1"
        paths = [ROOT / "examples" / "dashboard", ROOT / "src"]
        env = {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "DASHBOARD_UPLOAD_FOLDER": str(self.folder),
            "DASHBOARD_DEMO_SECONDS": "0.1",
        }
        command = [sys.executable, "-m", "uvicorn", *options.split()]
        return running(command, self.port, self.folder, **env)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    pytest.importorskip("matplotlib", reason="Matplotlib is missing: pip install matplotlib")
    pytest.importorskip("scipy", reason="SciPy is missing: pip install scipy")
    found = Site(tmp_path_factory.mktemp("dashboard"))
    with found.serve():
        yield found


class Page:
    """A page of the browser that notes what goes wrong on it."""

    def __init__(self, chromium: t.Any, site: Site, width: int, height: int, theme: str) -> None:
        self.context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(SECONDS)
        self.site = site
        self.wrong: list[str] = []
        self.addresses: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._note)
        self.page.on("request", lambda request: self.addresses.append(request.url))

    def _note(self, message: t.Any) -> None:
        # A server that is restarted is no fault of the page.
        if message.type == "error" and "ERR_" not in message.text:
            self.wrong.append(message.text)

    def go(self, path: str) -> None:
        self.page.goto(self.site.url + path)

    def ask(self, script: str) -> t.Any:
        return self.page.evaluate(script)

    def wait(self, script: str) -> None:
        # Not `wait_for_function`: the page's policy forbids the eval that it uses.
        end = time.monotonic() + SECONDS / 1000
        while not self._so(script):
            if time.monotonic() > end:
                text = self.ask("document.body.innerText")
                pytest.fail(f"not so: {script}\n{self.wrong}\n{text}")
            self.page.wait_for_timeout(40)

    def _so(self, script: str) -> bool:
        from playwright.sync_api import Error

        try:
            return bool(self.ask(script))
        except Error as error:
            # The page reloads itself if the server no longer has what it missed.
            if "navigation" not in str(error):
                raise
            return False

    def check(self) -> None:
        """The page fits the window, loads nothing from elsewhere, and nothing went wrong."""
        assert self.ask("document.documentElement.scrollWidth <= innerWidth")
        assert self.wrong == []
        assert [a for a in self.addresses if not a.startswith(self.site.url)] == []

    def see(self) -> bytes:
        """A screenshot of the whole page, kept for people in ``SCREENSHOTS``."""
        picture: bytes = self.page.screenshot(full_page=True)
        assert picture.startswith(PNG)
        return picture

    def colours(self, css: str) -> int:
        """How many colours there are in an element: one that was not drawn has one."""
        from io import BytesIO

        import numpy
        from PIL import Image

        picture = self.page.locator(css).first.screenshot()
        pixels = numpy.asarray(Image.open(BytesIO(picture)).convert("RGB"))
        return len(numpy.unique(pixels.reshape(-1, 3), axis=0))

    def plots(self) -> list[str]:
        """The addresses of the plots that the browser chose, once it has them all."""
        self.wait("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
        found = self.ask("[...document.querySelectorAll('.plot img')].map(i => i.currentSrc)")
        return t.cast("list[str]", found)


@pytest.fixture
def open_page(chromium: t.Any, site: Site) -> t.Iterator[t.Callable[..., Page]]:
    pages = []

    def open_page(width: int = 1280, height: int = 900, theme: str = "light") -> Page:
        pages.append(Page(chromium, site, width, height, theme))
        return pages[-1]

    yield open_page
    for page in pages:
        page.context.close()


def keep(tmp_path: Path, **pictures: bytes) -> None:
    """Write screenshots where somebody who wants to see them says."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    for name, picture in pictures.items():
        (folder / f"dashboard-{name}.png").write_bytes(picture)


def test_the_plots_fit_the_window_and_the_theme(
    open_page: t.Callable[..., Page], tmp_path: Path
) -> None:
    pictures = {}
    for name, width, theme, scales in [
        ("light", 1280, "light", ["wide", "half", "half"]),
        ("dark", 1280, "dark", ["wide", "half", "half"]),
        ("phone", 380, "dark", ["narrow"] * 3),
    ]:
        page = open_page(width, theme=theme)
        page.go("/")
        plots = page.plots()
        assert [f"theme={theme}" in address for address in plots] == [True] * 3
        assert [f"scale={scale}" in a for a, scale in zip(plots, scales, strict=True)] == [True] * 3
        assert page.colours(".plot img") > 50
        page.check()
        pictures[name] = page.see()
    keep(tmp_path, **pictures)
    assert len(set(pictures.values())) == 3


def test_filters_and_what_is_wrong_with_them(open_page: t.Callable[..., Page]) -> None:
    page = open_page()
    page.go("/")
    for place in ("Old Bridge", "Harbour Link", "Ferry Steps"):
        page.page.get_by_label(place, exact=True).uncheck(force=True)
    page.page.get_by_label("From").fill("2024-01-01")
    page.page.get_by_label("Each point is a").select_option("month")
    page.page.get_by_role("button", name="Show").click()
    page.page.wait_for_url("**step=month**")
    assert page.ask("document.querySelectorAll('tbody tr').length") == 2
    assert all("from=2024-01-01" in address for address in page.plots())
    page.check()
    page.go("/?step=never")
    assert "A step is one of day, week, month" in page.ask("document.body.innerText")


def test_a_file_of_ones_own(open_page: t.Callable[..., Page]) -> None:
    page = open_page()
    page.go("/upload")
    for content in (b"day,place,count\n2025-03-01,Gate,none\n", None):
        if content is None:
            rows = [f"2025-03-{day:02},Gate,{100 + day}" for day in range(1, 32)]
            content = ("day,place,count\n" + "\n".join(rows)).encode()
        file = {"name": "my.csv", "mimeType": "text/csv", "buffer": content}
        page.page.get_by_label("File").set_input_files(file)
        page.page.get_by_role("button", name="Show it").click()
        page.page.wait_for_load_state("load")
        if "data=" not in page.page.url:
            alert = page.page.get_by_role("alert").inner_text()
            assert alert == "Line 2: a count is a whole number from 0 on, not 'none'."
            page.wrong.clear()  # The browser itself notes the 400.
    assert "data=" in page.page.url
    assert "3,596 counted" in page.ask("document.querySelector('.lead').innerText")
    page.plots()
    page.check()
    page.page.get_by_role("button", name="Show").click()
    page.page.wait_for_load_state("load")
    assert "3,596 counted" in page.ask("document.querySelector('.lead').innerText")
    with page.page.expect_download() as download:
        page.page.get_by_role("link", name="CSV").click()
    text = Path(download.value.path()).read_text()
    assert text.splitlines()[1] == "2025-03-01,Gate,101"


def test_the_plot_moves_and_survives_a_reload(
    open_page: t.Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(1000, 800)
    svg = "document.querySelector('.live svg')"
    page.go("/live/")
    page.wait("document.querySelector('.state').dataset.state === 'open'")
    page.wait(f"{svg}.dataset.points > 4")
    line = page.ask(f"{svg}.querySelector('.smooth').getAttribute('d')")
    last = page.ask(f"+{svg}.dataset.last")
    before = page.see()
    # Five readings are half a second; the window holds a hundred and twenty.
    page.wait(f"+{svg}.dataset.last >= {last} + 400")
    assert page.ask(f"{svg}.querySelector('.smooth').getAttribute('d')") != line
    assert page.see() != before
    assert page.colours(".live svg") > 20
    assert float(page.ask("document.querySelector('#now').textContent")) >= 0
    # A reload loses nothing: what was there comes with the page, and it goes on from there.
    first = page.ask(FIRST_POINT)
    points, last = page.ask(f"[+{svg}.dataset.points, +{svg}.dataset.last]")
    page.page.reload()
    page.wait(f"{svg}.dataset.points")
    assert page.ask(f"+{svg}.dataset.points") >= points
    assert page.ask(FIRST_POINT) >= first
    again = page.ask(f"+{svg}.dataset.last")
    assert again >= last
    page.wait(f"+{svg}.dataset.last > {again}")
    # What the page came with is in the order of its time, each reading once.
    times = "JSON.parse(document.querySelector('#points').textContent).map(p => Date.parse(p.at))"
    assert page.ask(f"{times}.every((at, n, all) => !n || at > all[n - 1])")
    page.check()
    page.page.set_viewport_size({"width": 380, "height": 700})
    page.wait(f"{svg}.getAttribute('viewBox').split(' ')[2] < 380")
    page.check()
    keep(tmp_path, live=page.see())


def test_it_comes_back_after_a_restart(
    open_page: t.Callable[..., Page], tmp_path_factory: pytest.TempPathFactory
) -> None:
    page = open_page(1000, 800)
    page.site = Site(tmp_path_factory.mktemp("restarted"))
    svg = "document.querySelector('.live svg')"
    with page.site.serve():
        page.go("/live/")
        page.wait(f"{svg}.dataset.points > 2")
        last = page.ask(f"+{svg}.dataset.last")
    page.wait("document.querySelector('.state').dataset.state === 'closed'")
    with page.site.serve():
        page.wait("document.querySelector('.state').dataset.state === 'open'")
        page.wait(f"+{svg}.dataset.last > {last}")
        page.check()
