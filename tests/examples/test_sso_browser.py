"""Single sign-on in Chromium, started as its README says: sign in, look, say no, sign out."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from running import ROOT, free_port, running
from services.oidc import installed

INSTALL = "on Debian: apt-get install chromium chromium-driver; and pip install selenium"
# Quiet and self-contained: no calls home, no first-run pages, no GPU, no shared memory of a host.
CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update --disable-dev-shm-usage"
).split()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo: the application and the provider, by one command."""
    installed()
    folder, port, provider_port = tmp_path_factory.mktemp("sso"), free_port(), free_port()
    options = f"--port {port} --provider-port {provider_port}".split()
    command = [sys.executable, "-m", "erlen", "--app", "sso", "demo", *options]
    env = {"SSO_SESSION_STORE": (folder / "sessions").as_uri(), "NO_COLOR": "1"}
    with running(command, port, folder, cwd=ROOT / "examples" / "sso", **env) as server:
        yield f"http://localhost:{port}"
        assert "Traceback" not in server.text, server.text


class Browser:
    """A headless Chromium.

    Args:
        site: The address that paths belong to.
        folder: For its profile and its screenshots.
    """

    def __init__(self, site: str, folder: Path) -> None:
        from selenium import webdriver

        self.site = site
        # Where SCREENSHOTS is set, they stay.
        self.pictures = Path(os.environ.get("SCREENSHOTS", folder))
        options = webdriver.ChromeOptions()
        names = ("chromium", "chromium-browser", "google-chrome")
        options.binary_location = next(filter(None, map(shutil.which, names)))
        for switch in [*CHROMIUM, f"--user-data-dir={folder / 'profile'}"]:
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(60)

    def look(self, width: int, height: int, scheme: str = "light") -> None:
        """Set the size of the window and the colours that the visitor prefers."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def go(self, path: str) -> None:
        self.driver.get(self.site + path)

    def click(self, css: str) -> None:
        self.driver.find_element("css selector", css).click()

    def text(self, css: str = "main") -> str:
        found: str = self.driver.find_element("css selector", css).text
        return found

    def wait_for(self, path: str) -> None:
        self.wait(lambda: self.driver.current_url.partition("?")[0].endswith(path))

    def wait(self, condition: Callable[[], Any]) -> None:
        end = time.monotonic() + 20
        while not self.holds(condition):
            if time.monotonic() > end:
                pytest.fail(f"{self.driver.current_url}\n{self.text('body')}\n{self.log()}")
            time.sleep(0.05)

    def holds(self, condition: Callable[[], Any]) -> bool:
        from selenium.common.exceptions import StaleElementReferenceException

        try:
            return bool(condition())
        except StaleElementReferenceException:
            # The next page came while this one was looked at.
            return False

    def log(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def picture(self, name: str) -> None:
        """Take a screenshot; the page fits the window, is not empty, and nothing was blocked."""
        wide, window = self.driver.execute_script(
            "return [document.documentElement.scrollWidth, window.innerWidth]"
        )
        assert wide <= window, name
        script = "return [...document.images].every(i => i.complete && i.naturalWidth > 0)"
        assert self.driver.execute_script(script), name
        problems = [entry for entry in self.log() if "Content Security Policy" in entry]
        assert not problems, problems
        path = self.pictures / f"{name}.png"
        assert self.driver.save_screenshot(str(path)) and path.stat().st_size > 8000, name


@pytest.fixture
def browser(site: str, tmp_path: Path) -> Iterator[Browser]:
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


@pytest.mark.browser
@pytest.mark.slow
def test_signing_in_and_out(browser: Browser) -> None:
    browser.look(1200, 800)
    browser.go("/")
    assert "One account, every application" in browser.text("h1")
    browser.picture("welcome")
    browser.click("main .primary")
    browser.wait(lambda: "Demo provider" in browser.text("h1"))
    browser.picture("provider")
    # Saying no first.
    browser.click("button[name=cancel]")
    browser.wait_for("/callback")
    assert browser.text("h1") == "You were not signed in"
    browser.picture("refused")
    browser.click("main .primary")
    browser.wait(lambda: "Demo provider" in browser.text("h1"))
    browser.click("button.first")
    browser.wait_for("/profile")
    assert browser.text("h1") == "Ada"
    assert "ada@example.test" in browser.text() and "verified" in browser.text()
    browser.picture("profile")
    browser.click("summary")
    assert "nonce" in browser.text("details")
    for width, scheme in ((1200, "dark"), (360, "light"), (360, "dark")):
        browser.look(width, 800, scheme)
        browser.picture(f"profile-{width}-{scheme}")
    # Scripts cannot read the cookie.
    assert browser.driver.execute_script("return document.cookie") == ""
    browser.click(".top button")
    # The form leads to the provider, which the page's policy has to allow.
    browser.wait(lambda: browser.text("h1") == "Sign out")
    browser.picture("provider-sign-out")
    browser.click("button[name=logout]")
    browser.wait_for("/signed-out")
    assert "Here, and at the provider" in browser.text()
    browser.picture("signed-out")
    browser.go("/profile")
    browser.wait(lambda: "Demo provider" in browser.text("h1"))


@pytest.mark.browser
@pytest.mark.slow
def test_problems_and_the_way_back(browser: Browser) -> None:
    browser.look(360, 740)
    browser.go("/callback?state=tampered&code=x")
    assert browser.text("h1") == "This sign-in has run out"
    browser.picture("problem-360")
    browser.go("/")
    browser.picture("welcome-360")
    browser.look(1200, 800, "dark")
    browser.picture("welcome-dark")
    browser.go("/callback?state=tampered&code=x")
    browser.picture("problem-dark")
    browser.click("main .primary")
    browser.wait(lambda: "Demo provider" in browser.text("h1"))
    browser.picture("provider-dark")
