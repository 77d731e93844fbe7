"""Selenium and Playwright drive Chromium on an application that ``live_server`` serves."""

from __future__ import annotations

import shutil
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from erlen import (
    Erlen,
    Response,
    flash,
    redirect,
    render_template_string,
    request,
    session,
    websocket,
)
from erlen.sse import EventStream
from erlen.testing import LiveServer

CHROMIUM = "Chromium is missing; on Debian: apt-get install chromium chromium-driver"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage"
).split()

PAGE = """\
<!doctype html>
<title>Guests</title>
<link rel="icon" href="data:,">
{% for message in get_flashed_messages() %}<p class="message">{{ message }}</p>{% endfor %}
<form method="post" enctype="multipart/form-data">
  <input name="name"><input type="file" name="file"><button>Sign</button>
</form>
<ol>{% for name in session.names %}<li>{{ name }}</li>{% endfor %}</ol>
<p id="echo"></p>
<p id="events"></p>
<script>
  const socket = new WebSocket("{{ url_for('echo') }}");
  socket.onopen = () => socket.send("ping");
  socket.onmessage = ({data}) => document.querySelector("#echo").textContent = data;
  const source = new EventSource("{{ url_for('events') }}");
  source.onmessage = ({data}) => document.querySelector("#events").textContent += data;
</script>
"""


@pytest.fixture
def app() -> Erlen:
    """Forms, files, a session, messages, a websocket and an event stream."""
    app = Erlen(__name__)
    app.config.update(TESTING=True, SECRET_KEY="for tests")

    @app.get("/")
    def guests() -> str:
        return render_template_string(PAGE)

    @app.post("/")
    def sign() -> Response:
        size = len(request.files["file"].read())
        session["names"] = [*session.get("names", []), request.form["name"]]
        flash(f"{request.form['name']} brought {size} bytes")
        return redirect("/")

    @app.websocket("/echo")
    async def echo() -> None:
        await websocket.send(f"heard {await websocket.receive()}")

    @app.get("/events")
    async def events() -> EventStream:
        async def numbers() -> t.AsyncIterator[str]:
            for number in "123":
                yield number

        return EventStream(numbers())

    return app


@pytest.fixture
def chromium() -> str:
    """Where it is."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip(CHROMIUM)
    return found


@pytest.fixture
def driver(chromium: str, tmp_path: Path) -> Iterator[t.Any]:
    """Chromium, driven by Selenium."""
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="Selenium is missing: pip install selenium"
    )
    if shutil.which("chromedriver") is None:
        pytest.skip(CHROMIUM)
    options = webdriver.ChromeOptions()
    # With both paths given, Selenium looks for nothing elsewhere.
    options.binary_location = chromium
    for flag in ["--headless=new", *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(shutil.which("chromedriver"))
    )
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium: str) -> Iterator[t.Any]:
    """A page of Chromium, driven by Playwright."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is missing: pip install playwright"
    )
    with playwright.sync_playwright() as library:
        browser = library.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(15_000)
        yield page
        browser.close()


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """A file to upload."""
    path = tmp_path / "note.txt"
    path.write_text("seven b")
    return path


@pytest.mark.browser
def test_selenium(live_server: LiveServer, driver: t.Any, note: Path) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    def texts(css: str) -> list[str]:
        return [element.text for element in driver.find_elements("css selector", css)]

    driver.get(live_server.url)
    for name in ("Ann", "Zoë"):
        driver.find_element("name", "name").send_keys(name)
        driver.find_element("name", "file").send_keys(str(note))
        driver.find_element("css selector", "button").click()
        message = f"{name} brought 7 bytes"
        WebDriverWait(driver, 15).until(lambda _: texts(".message") == [message])
    assert texts("li") == ["Ann", "Zoë"]
    WebDriverWait(driver, 15).until(lambda _: texts("#echo") == ["heard ping"])
    WebDriverWait(driver, 15).until(lambda _: texts("#events")[0].startswith("123"))
    cookie = driver.get_cookie("session")
    assert cookie["httpOnly"] and cookie["domain"] == live_server.host
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.browser
def test_playwright(live_server: LiveServer, page: t.Any, note: Path) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(live_server.url)
    for name in ("Ann", "Zoë"):
        page.fill("[name=name]", name)
        page.set_input_files("[name=file]", note)
        page.click("button")
        assert page.text_content(".message") == f"{name} brought 7 bytes"
    assert page.locator("li").all_text_contents() == ["Ann", "Zoë"]
    page.wait_for_function("document.querySelector('#echo').textContent == 'heard ping'")
    page.wait_for_function("document.querySelector('#events').textContent.startsWith('123')")
    cookies = page.context.cookies()
    assert [(one["name"], one["httpOnly"]) for one in cookies] == [("session", True)]
    assert problems == []


@pytest.mark.browser
def test_a_server_that_is_gone(app: Erlen, page: t.Any) -> None:
    """The pages above were this server's: without it there are none."""
    import playwright.sync_api

    with LiveServer(app) as server:
        page.goto(server.url)
    with pytest.raises(playwright.sync_api.Error, match="ERR_CONNECTION_REFUSED"):
        page.goto(server.url)
