"""The chat in Chromium: two tabs talk, and nothing is lost while the server restarts."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from running import ROOT, Running, asgi_server, free_port
from services.redis import redis_server

INSTALL = "on Debian: apt-get install chromium chromium-driver; and pip install selenium"
# Quiet and self-contained: no calls home, no first-run pages, no GPU, no shared memory of a host.
CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update --disable-dev-shm-usage"
).split()
EVERYWHERE = "everywhere"


class Site:
    """The application on Uvicorn, which can be restarted on its port.

    Args:
        folder: For the server's output.
        redis_url: What keeps the messages meanwhile.
    """

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.redis_url = redis_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        """Start the server."""
        self.server: Running = self._stack.enter_context(
            asgi_server(
                "uvicorn",
                "chat:create_app",
                self.folder,
                # Streams do not end by themselves: a second is all they get.
                "--factory --timeout-graceful-shutdown 1",
                self.port,
                PYTHONPATH=str(ROOT / "examples" / "chat"),
                CHAT_CHANNELS_URL=self.redis_url,
                CHAT_SECRET_KEY="a key that outlives the server",
            )
        )

    def stop(self) -> None:
        """Stop the server."""
        self._stack.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    pytest.importorskip("websockets", reason="websockets is missing: pip install websockets")
    folder = tmp_path_factory.mktemp("chat")
    with redis_server(folder) as redis:
        found = Site(folder, f"redis://127.0.0.1:{redis.port}/0")
        found.start()
        try:
            yield found
        finally:
            found.stop()


class Browser:
    """A headless Chromium with several tabs."""

    def __init__(self, site: Site, folder: Path) -> None:
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
        self.tabs: dict[str, str] = {}

    def open_tab(self, name: str) -> None:
        """A new tab, which is the current one then."""
        if self.tabs:
            self.driver.switch_to.new_window("tab")
        self.tabs[name] = self.driver.current_window_handle

    def use(self, name: str) -> None:
        """Make a tab the current one."""
        self.driver.switch_to.window(self.tabs[name])

    def resize(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def go(self, path: str) -> None:
        self.driver.get(self.site.url + path)

    def find(self, css: str) -> Any:
        return self.driver.find_element("css selector", css)

    def texts(self, css: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
        found: list[str] = self.driver.execute_script(script, css)
        return found

    def wait(self, condition: Callable[[], Any], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"{self.find('body').text}\n{self.driver.get_log('browser')}")
            time.sleep(0.05)

    def come_in(self, name: str, room: str) -> None:
        self.go("/")
        self.find("#name").send_keys(name)
        self.find("main button").click()
        link = f"a[href='/rooms/{room}']"
        self.wait(lambda: self.driver.find_elements("css selector", link))
        self.find(link).click()
        self.wait(lambda: self.driver.find_elements("css selector", ".composer"))
        self.wait_until_open()

    def wait_until_open(self) -> None:
        self.wait(lambda: self.find(".state").get_attribute("data-state") == "open")

    def say(self, text: str) -> None:
        self.find("textarea").send_keys(text)
        self.find(".composer button").click()

    def check_page(self) -> None:
        """The page fits the window, and nothing of it was blocked."""
        wide, window = self.driver.execute_script(
            "return [document.documentElement.scrollWidth, window.innerWidth]"
        )
        assert wide <= window
        log = [entry["message"] for entry in self.driver.get_log("browser")]
        assert not [entry for entry in log if "Content Security Policy" in entry], log


@pytest.fixture
def browser(site: Site, tmp_path: Path) -> Iterator[Browser]:
    pytest.importorskip("selenium", reason=f"Selenium is missing; {INSTALL}")
    if not shutil.which("chromium") and not shutil.which("google-chrome"):
        pytest.skip(f"Chromium is missing; {INSTALL}")
    if not shutil.which("chromedriver"):
        pytest.skip(f"Chromium's driver is missing; {INSTALL}")
    browser = Browser(site, tmp_path)
    try:
        yield browser
    finally:
        browser.driver.quit()


def publish(site: Site, channel: str, text: str, event: str | None = None) -> None:
    """Say something without the server, as another worker would."""
    from erlen.channels import Channels

    channels = Channels(site.redis_url, history=200, prefix="chat")
    message = {"kind": "said", "name": "Cy", "room": "kitchen", "text": text}
    channels.publish(channel, {**message, "at": "2026-01-01T00:00:00+00:00"}, event)
    channels.close()


@pytest.mark.browser
@pytest.mark.slow
def test_two_tabs_talk(browser: Browser, site: Site) -> None:
    browser.resize(1200, 800)
    browser.open_tab("ann")
    browser.come_in("Ann", "kitchen")
    browser.open_tab("bob")
    browser.go("/")
    browser.find(".top button").click()
    browser.wait(lambda: browser.driver.find_elements("css selector", "#name"))
    browser.come_in("Bob", "kitchen")
    browser.say("Hello <b>Ann</b>")
    browser.wait(lambda: browser.texts(".own p") == ["Hello <b>Ann</b>"])
    browser.check_page()
    browser.use("ann")
    browser.wait(lambda: browser.texts(".said:not(.own) p") == ["Hello <b>Ann</b>"])
    assert browser.find(".state").text == "2 people here"
    assert browser.texts(".moved") == ["Ann is here", "Bob is here"]
    browser.say("Hello Bob, two\u00a0words")
    browser.use("bob")
    browser.wait(lambda: browser.texts(".said:not(.own) p") == ["Hello Bob, two\u00a0words"])
    browser.resize(360, 700)
    browser.check_page()
    # Both come back by themselves, and have missed nothing.
    site.stop()
    browser.wait(lambda: browser.find(".state").get_attribute("data-state") == "closed")
    publish(site, "room:kitchen", "said while nobody listened")
    site.start()
    for tab in ("bob", "ann"):
        browser.use(tab)
        browser.wait_until_open()
        browser.wait(lambda: "said while nobody listened" in browser.texts(".said p"))
    browser.say("Still there?")
    browser.use("bob")
    browser.wait(lambda: "Still there?" in browser.texts(".said p"))
    said = ["Hello <b>Ann</b>", "Hello Bob, two\u00a0words"]
    assert browser.texts(".said p") == [*said, "said while nobody listened", "Still there?"]


@pytest.mark.browser
@pytest.mark.slow
def test_the_live_page_loses_nothing(browser: Browser, site: Site) -> None:
    """Events come all the while, and the server is restarted twice."""
    from erlen.channels import Channels

    browser.open_tab("live")
    browser.go("/live/")
    browser.wait_until_open()
    before = len(browser.texts(".stream p"))
    channels = Channels(site.redis_url, history=200, prefix="chat")
    stop = threading.Event()
    number = 0

    def publish() -> None:
        nonlocal number
        while not stop.wait(0.1):
            number += 1
            message = {"name": "Cy", "room": "kitchen", "text": f"event {number}"}
            at = {"at": "2026-01-01T00:00:00+00:00"}
            channels.publish(EVERYWHERE, {**message, **at}, event="said")

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        for _ in range(2):
            time.sleep(1)
            site.stop()
            browser.wait(lambda: browser.find(".state").get_attribute("data-state") == "closed")
            time.sleep(0.5)
            site.start()
            browser.wait_until_open()
        time.sleep(1)
    finally:
        stop.set()
        thread.join()
        channels.close()
    assert number > 30
    browser.wait(lambda: f"event {number}" in browser.texts(".stream p")[:1])
    found = browser.texts(".stream p")
    if before:
        found = found[:-before]
    assert found == [f"event {n}" for n in range(number, 0, -1)]
    browser.check_page()
