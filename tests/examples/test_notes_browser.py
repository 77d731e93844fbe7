"""The notes application, served by a real process, used by Chromium and by a plain HTTP client."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "four quiet trees"
LIMIT = 1024 * 1024
INSTALL = "on Debian: apt-get install chromium chromium-driver; and pip install selenium"
# Quiet and self-contained: no calls home, no first-run pages, no GPU, no shared memory of a host.
CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_until_served(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The application in a process group of its own; gives its address."""
    folder = tmp_path_factory.mktemp("notes")
    log, port = folder / "server.log", free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NOTES_")}
    env = {
        **kept,
        "PYTHONPATH": str(ROOT / "src"),
        "NOTES_DATA_FOLDER": str(folder / "data"),
        "NOTES_MAX_CONTENT_LENGTH": str(LIMIT),
    }
    command = [sys.executable, "-m", "erlen", "--app", "notes", "run", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT / "examples" / "notes",
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_served(f"http://127.0.0.1:{port}/", process, log)
        yield f"http://127.0.0.1:{port}"
        assert process.poll() is None, f"the server stopped:\n{log.read_text()}"
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, wanted)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                continue


class PlainClient:
    """Cookies, forms and nothing else, on the standard library."""

    def __init__(self, site: str) -> None:
        self.site = site
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self.opener = urllib.request.build_opener(cookies)

    def open(self, path: str, data: bytes | None = None, **options: Any) -> tuple[int, str, bytes]:
        """Send a request, follow redirects; gives status, final path and body."""
        request = urllib.request.Request(self.site + path, data, **options)
        try:
            with self.opener.open(request, timeout=30) as response:
                return response.status, urllib.parse.urlsplit(response.url).path, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, path, error.read()

    def token(self, page: str) -> str:
        found = re.search(rb'name="csrf_token" value="([^"]+)"', self.open(page)[2])
        assert found, page
        return found[1].decode()

    def send(self, path: str, page: str | None = None, **fields: str) -> tuple[int, str, bytes]:
        fields["csrf_token"] = self.token(page or path)
        return self.open(path, urllib.parse.urlencode(fields).encode())

    def upload(self, note: str, name: str, content: bytes) -> tuple[int, str, bytes]:
        form = "--edge\r\nContent-Disposition: form-data; name="
        body = f'{form}"csrf_token"\r\n\r\n{self.token(note)}\r\n'.encode()
        body += f'{form}"file"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n--edge--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=edge"}
        return self.open(f"{note}/files", body, headers=headers)


def test_a_plain_client(site: str) -> None:
    client = PlainClient(site)
    status, path, _ = client.send("/register", name="plain", password=PASSWORD)
    assert (status, path) == (200, "/login")
    assert client.send("/login", name="plain", password="a wrong guess")[0] == 400
    status, path, page = client.send("/login", name="plain", password=PASSWORD)
    assert (status, path) == (200, "/") and b"Nothing here yet" in page

    status, note, page = client.send("/notes/new", title="Plum & tart", body="500 g\nplums")
    assert status == 200 and note.startswith("/notes/") and b"Plum &amp; tart" in page
    content = bytes(range(256)) * 1000
    page = client.upload(note, "plums.bin", content)[2]
    assert b"Attached plums.bin." in page
    found = re.search(rb'href="([^"]+/files/\d+)"', page)
    assert found and client.open(found[1].decode())[2] == content
    assert client.upload(note, "large.bin", b"x" * 3 * LIMIT)[0] == 413

    page = client.send(f"{note}/edit", title="Plum tart", body="less sugar")[2]
    assert b"Changes saved." in page and b"less sugar" in page
    assert b">Plum tart<" in client.open("/?q=sugar")[2]
    assert b">Plum tart<" not in client.open("/?q=plums")[2]

    data = json.dumps({"title": "From a program"}).encode()
    headers = {"Content-Type": "application/json"}
    status, _, body = client.open("/api/notes", data, headers=headers)
    assert status == 201 and json.loads(body)["title"] == "From a program"
    assert json.loads(client.open("/api/notes")[2])["total"] == 2

    status, path, page = client.send(f"{note}/delete")
    assert (status, path) == (200, "/") and b"is deleted." in page
    assert client.open(note)[0] == 404
    assert client.open(note, b"title=x")[0] == 405
    assert client.open(f"{note}/edit", b"title=x")[0] == 400
    assert client.send("/logout", page="/")[:2] == (200, "/")
    assert client.open("/notes/new")[1] == "/login"


class Browser:
    """A headless Chromium on one site."""

    def __init__(self, site: str, folder: Path) -> None:
        from selenium import webdriver

        self.site, self.downloads = site, folder / "downloads"
        self.downloads.mkdir()
        options = webdriver.ChromeOptions()
        options.binary_location = str(chromium())
        for switch in [*CHROMIUM, f"--user-data-dir={folder / 'profile'}"]:
            options.add_argument(switch)
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(60)
        behaviour = {"behavior": "allow", "downloadPath": str(self.downloads)}
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)

    def resize(self, width: int, height: int, mobile: bool) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def find(self, path: str) -> Any:
        return self.driver.find_element("xpath", path)

    def go(self, path: str) -> None:
        self.driver.get(self.site + path)
        self.check_page()

    def click(self, label: str) -> None:
        """Click the link or button of this label and wait for the next page."""
        from selenium.webdriver.support.expected_conditions import staleness_of
        from selenium.webdriver.support.ui import WebDriverWait

        page = self.find("/html")
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
            element = self.find(f"//main//*[@name='{name}']")
            if element.get_attribute("type") != "file":
                element.clear()
            element.send_keys(value)

    @property
    def text(self) -> str:
        return self.find("//body").text

    @property
    def path(self) -> str:
        return self.driver.current_url.removeprefix(self.site)

    def check_page(self) -> None:
        """What holds for every page: it fits the window, has one heading and labelled fields."""
        wide, window, headings, unnamed = self.driver.execute_script(
            "return [document.documentElement.scrollWidth, window.innerWidth,"
            " document.querySelectorAll('h1').length,"
            " [...document.querySelectorAll('input:not([type=hidden]), textarea')]"
            "   .filter(field => !field.labels.length).length]"
        )
        assert wide <= window, f"{self.path} is wider than the window"
        assert (headings, unnamed) == (1, 0), self.path
        blocked = [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if "Content Security Policy" in entry["message"] or "style.css" in entry["message"]
        ]
        assert not blocked, blocked


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture
def browser(site: str, tmp_path: Path) -> Iterator[Browser]:
    pytest.importorskip("selenium", reason=f"Selenium is missing; {INSTALL}")
    if not chromium() or not shutil.which("chromedriver"):
        pytest.skip(f"Chromium or its driver is missing; {INSTALL}")
    browser = Browser(site, tmp_path)
    try:
        yield browser
    finally:
        browser.driver.quit()


WINDOWS = {"desktop": (1280, 900, False), "phone": (360, 740, True)}


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("window", WINDOWS)
def test_a_browser(browser: Browser, tmp_path: Path, window: str) -> None:
    browser.resize(*WINDOWS[window])
    enter(browser, window)
    write_and_edit(browser)
    attach_and_download(browser, tmp_path)
    search(browser)
    delete_and_leave(browser)


def enter(browser: Browser, name: str) -> None:
    browser.go("/")
    browser.click("Create an account")
    browser.fill(name="a!", password="short")
    browser.click("Create the account")
    assert "Use 10 to 256 characters." in browser.text
    browser.fill(name=name, password=PASSWORD)
    browser.click("Create the account")
    assert browser.path == "/login" and "Your account is ready." in browser.text
    browser.fill(name=name, password="a wrong guess")
    browser.click("Log in")
    assert "Name or password is wrong." in browser.text
    browser.fill(name=name, password=PASSWORD)
    browser.click("Log in")
    assert "Nothing here yet" in browser.text


def write_and_edit(browser: Browser) -> None:
    browser.click("Write the first note")
    browser.fill(title="Why alders grow by the water", body="Their roots <feed> the tree.\nSo.")
    browser.click("Save")
    assert "Note saved." in browser.text
    assert "Their roots <feed> the tree.\nSo." in browser.text
    browser.click("Edit")
    browser.fill(title="Alders", body="The wood hardens under water.")
    browser.click("Save")
    assert "Changes saved." in browser.text and "hardens under water" in browser.text
    # The longest word a title can be made of must still fit a phone.
    browser.click("New note")
    browser.fill(title="x" * 200, body="y" * 500)
    browser.click("Save")
    browser.click("All notes")
    browser.click("Alders")


def attach_and_download(browser: Browser, folder: Path) -> None:
    drawing, large = folder / "drawing.png", folder / "large.bin"
    drawing.write_bytes(b"\x89PNG" + bytes(5000))
    large.write_bytes(bytes(3 * LIMIT))
    browser.fill(file=str(drawing))
    browser.click("Attach")
    assert "Attached drawing.png." in browser.text and "5.0 kB" in browser.text
    browser.find("//a[text()='drawing.png']").click()
    saved = browser.downloads / "drawing.png"
    for _ in range(100):
        if saved.exists():
            break
        time.sleep(0.1)
    assert saved.read_bytes() == drawing.read_bytes()
    note = browser.path
    browser.fill(file=str(large))
    browser.click("Attach")
    assert "413" in browser.text and "1 MB at most" in browser.text
    browser.go(note.removesuffix("/files"))
    assert "large.bin" not in browser.text
    browser.click("Remove")
    assert "drawing.png is removed." in browser.text


def search(browser: Browser) -> None:
    browser.go("/")
    browser.fill(q="hard")
    browser.click("Search")
    assert "1 note with “hard”." in browser.text and "Alders" in browser.text
    browser.fill(q="nowhere")
    browser.click("Search")
    assert "No notes with “nowhere”." in browser.text
    browser.fill(q="<b>\"' OR 1=1")
    browser.click("Search")
    assert "No notes with “<b>\"' OR 1=1”." in browser.text
    browser.click("Show all")


def delete_and_leave(browser: Browser) -> None:
    browser.click("Alders")
    note = browser.path
    browser.click("Delete")
    assert "Delete this note?" in browser.text
    browser.click("Keep it")
    assert browser.path == note
    browser.click("Delete")
    browser.click("Delete")
    assert browser.path == "/" and "“Alders” is deleted." in browser.text
    browser.go(note)
    assert "Not Found" in browser.text
    browser.click("Log out")
    assert "You are logged out." in browser.text
    browser.go(note)
    assert browser.path.startswith("/login?next=")
