"""A Dash application behind gunicorn, used by Chromium."""

import shutil
from pathlib import Path

import pytest
import requests
from served import free_port, serve

HERE = Path(__file__).resolve().parent
# Quiet and self-contained: no calls home, no first-run pages, no GPU, no shared memory of a host.
SWITCHES = (
    "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    " disable-component-update disable-sync disable-dev-shm-usage"
).split()
INSTALL = "Chromium or its driver is missing; on Debian: apt-get install chromium chromium-driver"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    port, folder = free_port(), tmp_path_factory.mktemp("site")
    words = ("-m", "gunicorn", "dash_site.wsgi:server", "-b", f"127.0.0.1:{port}", "-w", "2")
    with serve(*words, port=port, folder=folder, cwd=HERE, ready="/plain") as address:
        yield address
        assert "Traceback" not in (folder / "server.log").read_text()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver")
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next((path for name in names if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip(INSTALL)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in SWITCHES:
        options.add_argument(f"--{switch}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    browser.set_page_load_timeout(60)
    yield browser
    browser.quit()


@pytest.fixture
def page(site, browser):
    browser.get(f"{site}/board/")
    yield Page(browser)
    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [entry for entry in severe if "favicon" not in entry["message"]]


class Page:
    """The page that is open."""

    def __init__(self, browser):
        self.browser = browser

    def find(self, selector):
        self.wait(lambda: self.browser.find_elements("css selector", selector))
        return self.browser.find_element("css selector", selector)

    def wait(self, done):
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.browser, 60).until(lambda _: done())

    def wait_for(self, selector, text):
        def shown():
            # In one step: the page may draw the element anew between two.
            script = "return document.querySelector(arguments[0])?.innerText"
            return self.browser.execute_script(script, selector) == text

        self.wait(shown)


def test_it_is_served(site):
    assert requests.get(f"{site}/plain", timeout=30).json() == {"path": "/plain", "visits": 0}
    assert requests.get(f"{site}/board/_dash-layout", timeout=30).json()["type"] == "Div"


def test_the_page_is_drawn(page):
    page.wait_for("#title", "Garden")
    assert page.find("#title").value_of_css_property("color") == "rgba(1, 2, 3, 1)"
    assert page.browser.execute_script("return window.fromAssets") == "loaded"
    assert page.find("#graph .main-svg")
    assert page.browser.title == "Garden"


def test_a_word_goes_to_the_server_and_back(page):
    page.find("#name").send_keys("Ann")
    page.wait_for("#greeting", "Hello Ann under the oak")
    page.wait_for("#client", "in the browser: Ann")


def test_what_a_callback_adds_has_callbacks(page):
    # Each click waits for the answer to the one before: an answer that is late is dropped.
    for total in ("total 0", "total 1"):
        page.wait_for("#total", total)
        page.find("#add").click()
    page.wait_for("#total", "total 3")
    page.wait_for("#beds > div:nth-child(1) span", "bed 1: 2")
    page.wait_for("#beds > div:nth-child(2) span", "bed 2: 4")
    page.browser.find_elements("css selector", "#beds input")[1].send_keys("0")
    page.wait_for("#total", "total 21")


def test_the_session_lives_in_the_browser(page):
    page.wait(lambda: page.find("#visits").text)
    before = int(page.find("#visits").text.strip("[").split(",")[0])
    page.find("#title").click()
    page.wait(lambda: page.find("#visits").text.startswith(f"[{before + 1},"))
