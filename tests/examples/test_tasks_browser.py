"""The task queue in Chromium: pictures are ordered, watched while they are drawn, and seen."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from running import ROOT, free_port, running
from services.celery import celery_worker
from services.redis import redis_server

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage"
).split()
EXAMPLE = str(ROOT / "examples" / "tasks")


class Site:
    """The example on Gunicorn and Redis.

    Args:
        folder: For what they write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = contextlib.ExitStack()
        self._broker = contextlib.ExitStack()
        self.broker_port = free_port()
        self.start_broker()
        results = self._stack.enter_context(redis_server(folder))
        self.env = {
            "PYTHONPATH": EXAMPLE,
            "FRACTALS_INSTANCE": str(folder / "instance"),
            "FRACTALS_BROKER_URL": f"redis://127.0.0.1:{self.broker_port}/0",
            "FRACTALS_RESULTS_URL": f"redis://127.0.0.1:{results.port}/1",
            "FRACTALS_SECRET_KEY": "for tests",
        }
        port = free_port()
        words = f"-m gunicorn -b 127.0.0.1:{port} --no-control-socket --threads 4"
        command = [sys.executable, *words.split(), "fractals:create_app()"]
        self._stack.enter_context(running(command, port, folder, **self.env))
        self.url = f"http://127.0.0.1:{port}"

    def start_broker(self) -> None:
        self._broker.enter_context(redis_server(self.folder, self.broker_port))

    def stop_broker(self) -> None:
        self._broker.close()

    def worker(self) -> t.ContextManager[t.Any]:
        """A worker for the length of a ``with`` block."""
        return celery_worker("fractals.worker", self.folder, **self.env)

    def close(self) -> None:
        self._stack.close()
        self._broker.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    pytest.importorskip("celery", reason="Celery is missing: pip install 'erlen[tasks]'")
    pytest.importorskip("gunicorn", reason="Gunicorn is missing: pip install gunicorn")
    site = Site(tmp_path_factory.mktemp("fractals"))
    yield site
    site.close()


@pytest.fixture
def page(site: Site) -> Iterator[t.Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is missing: pip install playwright"
    )
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is missing; on Debian: apt-get install chromium")
    with playwright.sync_playwright() as library:
        browser = library.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(20_000)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on(
            "console",
            lambda message: page.problems.append(message.text) if message.type == "error" else None,
        )
        yield page
        browser.close()


def order(page: t.Any, place: str, size: str) -> None:
    page.check(f"[value={place}]")
    page.check(f"[value={size}]")
    page.click("button")
    page.wait_for_selector(".pictures li:first-child[data-state]")


def wait_until(page: t.Any, condition: str) -> None:
    """Wait for a condition of the page's; its policy forbids Playwright's own way."""
    end = time.monotonic() + 30
    while not page.evaluate(condition):
        assert time.monotonic() < end, page.text_content("main")
        page.wait_for_timeout(50)


def picture_of(page: t.Any, name: str, folder: Path) -> bytes:
    """A screenshot that is no blank sheet; the page is not wider than its window."""
    wide, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window
    wait_until(page, "[...document.images].every(image => image.complete)")
    data: bytes = page.screenshot(path=str(folder / f"{name}.png"), full_page=True)
    assert len(data) > 20_000
    return data


@pytest.mark.browser
@pytest.mark.slow
def test_pictures_are_drawn_while_one_looks(page: t.Any, site: Site, tmp_path: Path) -> None:
    page.goto(site.url)
    assert page.is_visible(".empty")
    order(page, "whole", "small")
    order(page, "seahorses", "medium")
    assert page.get_attribute(".pictures li:nth-child(1)", "data-state") == "waiting"
    picture_of(page, "waiting", tmp_path)
    with site.worker():
        page.wait_for_selector(".pictures li:nth-child(2)[data-state=ready] img")
        # It takes seconds: it is seen while it is drawn.
        page.wait_for_selector(".pictures li:nth-child(1)[data-state=drawing]")
        share = "document.querySelector('li:nth-child(1) progress').value"
        wait_until(page, f"{share} > 10 && {share} < 100")
        assert " of 320" in page.text_content(".pictures li:nth-child(1) .note")
        picture_of(page, "drawing", tmp_path)
        order(page, "elephants", "small")
        page.wait_for_selector(".pictures li:nth-child(1)[data-state=ready] img", timeout=60_000)
    sizes = page.evaluate(
        "Promise.all([...document.querySelectorAll('.frame img')].map("
        "image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])))"
    )
    assert sizes == [[240, 160], [480, 320], [240, 160]]
    colours = page.evaluate(
        "() => { const canvas = new OffscreenCanvas(240, 160), pen = canvas.getContext('2d');"
        " pen.drawImage(document.querySelector('li:nth-child(3) img'), 0, 0);"
        " return new Set(new Uint32Array(pen.getImageData(0, 0, 240, 160).data.buffer)).size; }"
    )
    assert colours > 100
    picture_of(page, "ready", tmp_path)
    page.set_viewport_size({"width": 360, "height": 740})
    picture_of(page, "narrow", tmp_path)
    page.set_viewport_size({"width": 1200, "height": 900})
    page.emulate_media(color_scheme="dark")
    picture_of(page, "dark", tmp_path)
    assert page.problems == []


@pytest.mark.browser
@pytest.mark.slow
def test_the_broker_is_away(page: t.Any, site: Site, tmp_path: Path) -> None:
    page.goto(site.url)
    site.stop_broker()
    page.check("[value=island]")
    page.click("button")
    page.wait_for_selector(".problem")
    assert "closed at the moment" in page.text_content(".problem")
    assert page.is_checked("[value=island]")
    picture_of(page, "away", tmp_path)
    site.start_broker()
    order(page, "island", "small")
    with site.worker():
        page.wait_for_selector(".pictures li:nth-child(1)[data-state=ready] img")
    assert [text for text in page.problems if "503" not in text] == []
