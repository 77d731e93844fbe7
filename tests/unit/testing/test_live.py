"""The server in a thread: which one, what it serves, how it ends."""

from __future__ import annotations

import http.client
import importlib.util
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from erlen import Erlen, request, session, websocket
from erlen.testing import LiveServer

BINARY = {"Content-Type": "application/octet-stream"}


def read(url: str, **options: Any) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, **options), timeout=10) as response:
        return response.read().decode()


@pytest.fixture
def app() -> Erlen:
    app = Erlen(__name__)
    app.secret_key = "key"

    @app.route("/hello/<name>")
    def hello(name: str) -> str:
        return f"Hello, {name} on {request.host}"

    @app.post("/size")
    def size() -> dict[str, int]:
        return {"size": len(request.data)}

    @app.get("/lines")
    def lines() -> Iterator[str]:
        return iter(["one\n", "two\n"])

    return app


def with_websocket(app: Erlen) -> Erlen:
    @app.websocket("/echo")
    async def echo() -> None:
        while True:
            await websocket.send(f"heard {await websocket.receive()}")

    return app


@pytest.mark.parametrize("asgi", [False, True])
def test_requests(app: Erlen, asgi: bool) -> None:
    with LiveServer(app, asgi=asgi) as server:
        assert read(f"{server.url}/hello/Ann") == f"Hello, Ann on 127.0.0.1:{server.port}"
        assert read(f"{server}/size", data=b"x" * 100_000, headers=BINARY) == '{"size":100000}\n'
        assert read(f"{server}/lines") == "one\ntwo\n"


def test_by_wsgi_unless_the_application_wants_more(app: Erlen) -> None:
    seen = []

    @app.before_request
    def see() -> None:
        seen.append("asgi.scope" in request.environ)

    with LiveServer(app) as server:
        read(f"{server}/hello/a")
    app._got_first_request = False
    with LiveServer(with_websocket(app)) as server:
        read(f"{server}/hello/a")
    assert seen == [False, True]


def test_websockets(app: Erlen) -> None:
    client = pytest.importorskip("websockets.sync.client")
    with LiveServer(with_websocket(app)) as server:
        with client.connect(f"{server.ws_url}/echo") as ws:
            ws.send("you")
            assert ws.recv(timeout=10) == "heard you"


def test_urls(app: Erlen) -> None:
    with LiveServer(with_websocket(app)) as server:
        assert server.url_for("hello", name="ä") == f"{server.url}/hello/%C3%A4"
        assert server.url_for("echo") == f"{server.ws_url}/echo"
        assert server.url_for("hello", name="a", _external=False) == "/hello/a"


@pytest.mark.parametrize("asgi", [False, True])
def test_around_serving(app: Erlen, asgi: bool) -> None:
    seen = []

    @app.while_serving
    def around() -> Iterator[None]:
        seen.append("begin")
        yield
        seen.append("end")

    with LiveServer(app) as server:
        assert seen == ["begin"]
        read(f"{server}/hello/a")
    assert seen == ["begin", "end"]


def test_a_start_that_fails(app: Erlen, caplog: pytest.LogCaptureFixture) -> None:
    @app.before_serving
    def fail() -> None:
        raise LookupError("no database")

    server = LiveServer(app)
    with pytest.raises(RuntimeError, match="did not start to serve; the log says why"):
        server.start()
    assert "no database" in caplog.text
    server.stop()


@pytest.mark.parametrize("asgi", [False, True])
def test_connections_end_with_the_server(app: Erlen, asgi: bool) -> None:
    server = LiveServer(app, asgi=asgi)
    server.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    for _ in range(2):
        connection.request("GET", "/hello/a")
        assert connection.getresponse().read().startswith(b"Hello")
    threads = {t for t in threading.enumerate() if "process_request" in t.name}
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 3
    # As soon as it notices: nothing is served on any more.
    with pytest.raises((http.client.HTTPException, OSError)):
        for _ in range(2):
            connection.request("GET", "/hello/a")
            connection.getresponse().read()
            connection.auto_open = 0
    connection.close()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_a_response_on_its_way_is_finished(app: Erlen) -> None:
    begun, result = threading.Event(), []

    @app.get("/slow")
    def slow() -> str:
        begun.set()
        time.sleep(0.2)
        return "done"

    server = LiveServer(app)
    server.start()
    thread = threading.Thread(target=lambda: result.append(read(f"{server}/slow")))
    thread.start()
    assert begun.wait(5)
    server.stop()
    thread.join(5)
    assert result == ["done"]


@pytest.mark.parametrize("asgi", [False, True])
def test_an_error_is_a_500(app: Erlen, asgi: bool) -> None:
    app.testing = False

    @app.get("/fail")
    def fail() -> str:
        raise LookupError

    with LiveServer(app, asgi=asgi) as server:
        with pytest.raises(urllib.error.HTTPError) as caught:
            read(f"{server}/fail")
        caught.value.close()
        assert caught.value.code == 500


def test_the_port_of_one_before(app: Erlen) -> None:
    with LiveServer(app) as first:
        read(f"{first}/hello/a")
        with pytest.raises(OSError):
            LiveServer(app, port=first.port).start()
        with pytest.raises(RuntimeError, match="started already"):
            first.start()
    with LiveServer(app, port=first.port) as second:
        assert read(f"{second}/hello/a") == f"Hello, a on 127.0.0.1:{first.port}"


def test_without_uvicorn(app: Erlen, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "erlen.testing.live.find_spec", lambda name: None if name == "uvicorn" else find(name)
    )
    with LiveServer(app) as server:
        assert read(f"{server}/hello/a").startswith("Hello")
    app._got_first_request = False
    with pytest.raises(RuntimeError, match=r"websocket '/echo'.*pip install 'erlen\[run\]'"):
        LiveServer(with_websocket(app)).start()


def test_what_the_test_changes_is_seen(app: Erlen) -> None:
    @app.get("/config")
    def config() -> str:
        session["seen"] = True
        return str(app.config["WORD"])

    with LiveServer(app) as server:
        for word in ("one", "two"):
            app.config["WORD"] = word
            assert read(server.url_for("config")) == word
