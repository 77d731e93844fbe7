"""The blog, served by real processes on PostgreSQL and on SQLite, with Chromium in front of it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import typing as t
import urllib.request
from pathlib import Path

import pytest

from running import ROOT, free_port, running
from services.postgres import Cluster

BLOG = ROOT / "examples" / "blog"
INSTALL = "on Debian: apt-get install chromium chromium-driver; and pip install selenium"
PASSWORD = "four quiet trees"
# Quiet and self-contained: no calls home, no first-run pages, no GPU, no shared memory of a host.
CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update --disable-dev-shm-usage"
    " --hide-scrollbars --force-color-profile=srgb"
).split()
POSTS = {
    "Why alders stand with their feet in the water": (
        "Most trees drown. An alder breathes through small openings in its bark, and sends the air"
        " down into roots that lie under water all winter.\n\n"
        "In the roots live bacteria that take nitrogen out of the air. That is why nettles grow so"
        " well below alders, and why nobody ever had to manure a meadow beside a row of them.\n\n"
        "Venice stands on alder piles. Kept wet, the wood turns as hard as stone."
    ),
    "A kingfisher, twice in one week": (
        "First only the whistle, then a line of blue, knee-high above the water. It fishes from"
        " the same branch every morning at eight."
    ),
    "High water": (
        "The gauge at the mill read two metres ten on Thursday. By Sunday the reeds were out"
        " again, combed flat, pointing to the sea."
    ),
}


@pytest.fixture(scope="module")
def site(postgres_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[str]:
    """The blog on Gunicorn and PostgreSQL, as its README starts it; gives its address."""
    folder, port = tmp_path_factory.mktemp("blog"), free_port()
    with postgres_cluster.database("blog") as url:
        env = {"BLOG_DATABASE_URL": url, "BLOG_SECRET_KEY": "for tests"}
        path = f"{ROOT / 'src'}{os.pathsep}{BLOG}"
        command = [sys.executable, "-m", "erlen", "--app", "blog", "db", "upgrade"]
        environ = {**os.environ, **env, "PYTHONPATH": path}
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        line = f"-m gunicorn -b 127.0.0.1:{port} --no-control-socket --threads 4 blog:create_app()"
        command = [sys.executable, *line.split()]
        with running(command, port, folder, None, **env, PYTHONPATH=path) as server:
            yield f"http://127.0.0.1:{port}"
            assert "Traceback" not in server.text, server.text


class Browser:
    """A headless Chromium on one site."""

    def __init__(self, site: str, folder: Path) -> None:
        from selenium import webdriver

        self.site = site
        options = webdriver.ChromeOptions()
        names = ("chromium", "chromium-browser", "google-chrome")
        options.binary_location = next(filter(None, map(shutil.which, names)))
        for switch in [*CHROMIUM, f"--user-data-dir={folder / 'profile'}"]:
            options.add_argument(switch)
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(60)

    def resize(self, width: int, height: int, dark: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def go(self, path: str) -> None:
        self.driver.get(self.site + path)
        self.check_page()

    def click(self, label: str) -> None:
        """Click the link or button of this label and wait for the next page."""
        from selenium.webdriver.support.expected_conditions import staleness_of
        from selenium.webdriver.support.ui import WebDriverWait

        page = self.driver.find_element("xpath", "/html")
        for place in ("//main", "//header"):
            path = f"{place}//*[self::a or self::button][normalize-space()='{label}']"
            if found := self.driver.find_elements("xpath", path):
                found[0].click()
                break
        else:
            pytest.fail(f"{label!r} is not on the page:\n{self.text}")
        WebDriverWait(self.driver, 30).until(staleness_of(page))
        self.check_page()

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            element = self.driver.find_element("xpath", f"//main//*[@name='{name}']")
            element.clear()
            element.send_keys(value)

    @property
    def text(self) -> str:
        return self.driver.find_element("xpath", "//body").text

    def check_page(self) -> None:
        """What holds for every page: it fits the window, has one heading and labelled fields."""
        wide, window, headings, unnamed = self.driver.execute_script(
            "return [document.documentElement.scrollWidth, window.innerWidth,"
            " document.querySelectorAll('h1').length,"
            " [...document.querySelectorAll('input:not([type=hidden]), textarea')]"
            "   .filter(field => !field.labels.length).length]"
        )
        path = self.driver.current_url
        assert wide <= window, f"{path} is wider than the window"
        assert (headings, unnamed) == (1, 0), path
        log = [entry["message"] for entry in self.driver.get_log("browser")]
        assert not [entry for entry in log if "Content Security Policy" in entry], log

    def picture(self, path: Path) -> Picture:
        """What the window shows, also kept in a file."""
        content = self.driver.get_screenshot_as_png()
        path.write_bytes(content)
        return Picture(content)


class Picture:
    """The pixels of a screenshot."""

    def __init__(self, content: bytes) -> None:
        from PIL import Image

        with Image.open(io.BytesIO(content)) as image:
            self.image = image.convert("RGB")
        counted = self.image.getcolors(self.image.width * self.image.height)
        #: How often each colour occurs, the most frequent first.
        self.colours = sorted(counted, reverse=True)

    @property
    def background(self) -> tuple[int, int, int]:
        return self.colours[0][1]

    def share(self, colour: tuple[int, int, int]) -> float:
        """The part of the picture that has exactly this colour."""
        size = self.image.width * self.image.height
        return next((count / size for count, found in self.colours if found == colour), 0)


@pytest.fixture
def browser(site: str, tmp_path: Path) -> t.Iterator[Browser]:
    pytest.importorskip("selenium", reason=f"Selenium is missing; {INSTALL}")
    pytest.importorskip("PIL", reason="Pillow is missing: pip install pillow")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip(f"Chromium is missing; {INSTALL}")
    if not shutil.which("chromedriver"):
        pytest.skip(f"Chromium's driver is missing; {INSTALL}")
    browser = Browser(site, tmp_path)
    try:
        yield browser
    finally:
        browser.driver.quit()


PAPER, NIGHT, ACCENT = (251, 248, 242), (22, 26, 22), (47, 107, 79)


@pytest.mark.browser
@pytest.mark.slow
def test_from_joining_to_reading(browser: Browser, tmp_path: Path) -> None:
    browser.resize(1280, 900)
    browser.go("/")
    browser.click("Join and write the first post")
    browser.fill(name="Ida Erle", password=PASSWORD, again="another one")
    browser.click("Create the account")
    assert "The two differ." in browser.text
    browser.picture(tmp_path / "join.png")
    browser.fill(name="Ida Erle", password=PASSWORD, again=PASSWORD)
    browser.click("Create the account")
    browser.fill(name="Ida Erle", password=PASSWORD)
    browser.picture(tmp_path / "login.png")
    browser.click("Log in")
    for title, body in reversed(POSTS.items()):
        browser.click("Write")
        browser.fill(title=title, body=body)
        if title == "High water":
            browser.picture(tmp_path / "write.png")
        browser.click("Save")
        assert "Published." in browser.text and title in browser.text
    browser.go("/posts/3")
    shown = browser.picture(tmp_path / "post.png")
    assert shown.image.size == (1280, 900) and shown.background == PAPER
    browser.go("/")
    check_start_page(browser, tmp_path)
    browser.click("Log out")
    browser.go("/nothing")
    browser.picture(tmp_path / "error.png")


def check_start_page(browser: Browser, folder: Path) -> None:
    shown = browser.picture(folder / "start.png")
    assert shown.image.size == (1280, 900)
    # Paper behind cards, letters with smooth edges, the accent's button and leaf.
    assert shown.background == PAPER and 0.3 < shown.share(PAPER) < 0.9
    assert len(shown.colours) > 100 and shown.share(ACCENT) > 0.001
    browser.resize(1280, 900, dark=True)
    dark = browser.picture(folder / "dark.png")
    assert dark.background == NIGHT and dark.share(PAPER) == 0
    browser.resize(360, 740)
    browser.check_page()
    phone = browser.picture(folder / "phone.png")
    # The menu fits beside the name.
    assert browser.driver.find_element("tag name", "header").size["height"] < 80
    assert phone.image.size == (360, 740) and len(phone.colours) > 100


@pytest.mark.slow
def test_one_command_starts_it(tmp_path: Path) -> None:
    """On SQLite, with tables and a secret key of its own making."""
    copy, port = tmp_path / "blog", free_port()
    shutil.copytree(BLOG / "blog", copy / "blog")
    path = str(ROOT / "src")
    command = [sys.executable, "-m", "erlen", "--app", "blog", "run", "--port", str(port)]
    with running(command, port, tmp_path, copy, PYTHONPATH=path, BLOG_DATABASE_URL="") as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            assert b"Join and write the first post" in answer.read()
        assert "Traceback" not in server.text, server.text
    made = {file.name for file in (copy / "instance").iterdir()}
    assert made >= {"blog.sqlite", "secret_key"}


@pytest.mark.slow
def test_its_tests_on_postgresql(postgres_cluster: Cluster) -> None:
    with postgres_cluster.database("blog_tests") as url:
        env = {**os.environ, "BLOG_TEST_DATABASE_URL": url, "PYTHONPATH": str(ROOT / "src")}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
        done = subprocess.run(command, cwd=BLOG, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
