"""What sessions cost when nobody looks at them, and what happens when their store is gone."""

from __future__ import annotations

import asyncio
import time
import typing as t

import pytest

from erlen import Erlen, request, session, websocket
from erlen.sessionstores import guard
from erlen.sessionstores.settings import store_for
from erlen.sessionstores.store import Record, Store
from erlen.testing import WebsocketRejected
from systems.session_stores import SERVERS, Backend, backend_for

TIMEOUT = 0.4


@pytest.fixture(scope="module", params=SERVERS)
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Backend]:
    with backend_for(request.param, tmp_path_factory) as backend:
        yield backend


def make_app(store: t.Any, **settings: t.Any) -> Erlen:
    app = Erlen(__name__)
    app.config.update(SESSION_STORE=store, SESSION_STORE_TIMEOUT=TIMEOUT, **settings)

    @app.get("/idle")
    def idle() -> str:
        return "idle"

    @app.get("/aidle")
    async def aidle() -> str:
        return "idle"

    @app.get("/get")
    def get() -> dict[str, t.Any]:
        return dict(session)

    @app.get("/aget")
    async def aget() -> dict[str, t.Any]:
        return dict(session)

    @app.get("/set/<key>")
    def put(key: str) -> str:
        session[key] = 1
        return "written"

    @app.get("/aset/<key>")
    async def aput(key: str) -> str:
        session[key] = 1
        return "written"

    @app.get("/stream")
    def stream() -> t.Iterator[str]:
        session["streamed"] = 1
        return iter(["writ", "ten"])

    @app.websocket("/ws")
    async def ws() -> None:
        await websocket.send_json(dict(session))

    return app


@pytest.fixture
def app(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Erlen]:
    monkeypatch.setattr(guard, "PAUSE", 0.3)
    app = make_app(backend.url)
    yield app
    app._current_plans()
    app.session_interface.keeper.store.close()  # type: ignore[attr-defined]


def check_gone(app: Erlen, client: t.Any) -> None:
    """Routes without sessions answer; the others say 503 in time."""
    for path in ("/idle", "/aidle"):
        assert client.get(path).text == "idle"
    for number, path in enumerate(("/get", "/aget", "/set/b", "/aset/b", "/stream")):
        begun = time.monotonic()
        answer = client.get(path)
        took = time.monotonic() - begun
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2"), path
        assert "written" not in answer.text
        # The first may have waited; the others know already.
        assert took < (3 if number == 0 else 0.25), (path, took)
    # Nobody has a session yet: only writing asks the store.
    new = app.test_client()
    assert new.get("/get").json == {}
    for path in ("/set/b", "/aset/b", "/stream"):
        answer = new.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2"), path
        assert "written" not in answer.text and "Set-Cookie" not in answer.headers
    with pytest.raises(WebsocketRejected) as rejected, client.websocket_connect("/ws") as link:
        link.receive()
    assert rejected.value.response.status_code == 503

    async def ask() -> list[int]:
        async with app.async_client() as other:
            other.set_cookie("session", client.get_cookie("session").value)
            paths = ("/get", "/aget", "/aget", "/aset/b", "/aidle")
            return [(await other.get(path)).status_code for path in paths]

    assert asyncio.run(ask()) == [503, 503, 503, 503, 200]


def wait_until_back(client: t.Any, path: str = "/get") -> t.Any:
    end = time.monotonic() + 5
    while (answer := client.get(path)).status_code == 503 and time.monotonic() < end:
        time.sleep(0.05)
    assert answer.status_code == 200
    return answer


def test_the_store_goes_and_comes_back(
    app: Erlen, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    client = app.test_client()
    client.get("/set/a")
    assert client.get("/get").json == {"a": 1}
    backend.stop()
    try:
        check_gone(app, client)
    finally:
        backend.start()
    # Without a restart of the application; what Redis and Memcached forgot, is forgotten.
    wait_until_back(client)
    client.get("/set/c")
    assert client.get("/get").json["c"] == 1
    assert client.get("/aget").json["c"] == 1
    with client.websocket_connect("/ws") as link:
        assert link.receive_json()["c"] == 1
    texts = [record.message for record in caplog.records if record.name == "erlen.sessions"]
    assert any("is gone" in text for text in texts) and any("is back" in text for text in texts)


def test_a_silent_store_is_not_waited_for(app: Erlen, backend: Backend) -> None:
    client = app.test_client()
    client.get("/set/a")
    with backend.silent():
        check_gone(app, client)
    assert wait_until_back(client).json["a"] == 1


def test_an_error_handler_answers_for_the_store(app: Erlen, backend: Backend) -> None:
    @app.errorhandler(503)
    def sorry(error: t.Any) -> tuple[str, int]:
        return f"sorry: {error.store}", 503

    client = app.test_client()
    client.get("/set/a")
    backend.stop()
    try:
        for path in ("/get", "/set/b"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.text.startswith("sorry: ")
        new = app.test_client().get("/set/b")
        assert new.text.startswith("sorry: ") and int(new.headers["Content-Length"]) == len(
            new.text
        )
    finally:
        backend.start()


def test_hooks_that_want_the_session_say_so_too(app: Erlen, backend: Backend) -> None:
    @app.after_request
    def look(response: t.Any) -> t.Any:
        # As Flask-Login does behind each request: no reason to ask the store.
        assert "_remember" not in session
        response.headers["X-Seen"] = "y" if request.path == "/idle" or "a" in session else "n"
        return response

    client = app.test_client()
    client.get("/set/a")
    backend.stop()
    try:
        assert client.get("/idle").text == "idle"
        answer = client.get("/aidle")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    finally:
        backend.start()


class Counted(Store):
    """Counts what a store is asked, and may take its time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.asked: list[str] = []
        self.pause = 0.0

    def read(self, key: str) -> Record | None:
        return self._ask("read", key)

    def create(self, *args: t.Any) -> None:
        self._ask("create", *args)

    def replace(self, *args: t.Any) -> int:
        return self._ask("replace", *args)

    def move(self, *args: t.Any) -> int:
        return self._ask("move", *args)

    def delete(self, key: str) -> None:
        self._ask("delete", key)

    def end_all(self, *args: t.Any) -> None:
        self._ask("end_all", *args)

    def _ask(self, name: str, *args: t.Any) -> t.Any:
        self.asked.append(name)
        time.sleep(self.pause)
        return getattr(self.store, name)(*args)

    def take(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture
def counted(tmp_path: t.Any) -> Counted:
    return Counted(store_for(f"file://{tmp_path}/sessions"))


def test_what_is_not_touched_is_not_asked_for(counted: Counted) -> None:
    app = make_app(counted)
    client = app.test_client()
    assert client.get("/get").json == {} and counted.take() == []
    client.set_cookie("session", "not an id")
    assert client.get("/get").json == {} and counted.take() == []
    client.get("/set/a")
    assert counted.take() == ["create"]
    for path, asked in {
        "/idle": [],
        "/aidle": [],
        "/nowhere": [],
        "/get": ["read"],
        "/aget": ["read"],
        "/set/b": ["read", "replace"],
        "/aset/b": ["read", "replace"],
    }.items():
        for _ in range(2):
            client.get(path)
            assert counted.take() == asked, path


def test_what_is_not_touched_is_not_asked_for_on_a_loop(counted: Counted) -> None:
    app = make_app(counted)

    async def ask() -> None:
        async with app.async_client() as client:
            await client.get("/set/a")
            counted.take()
            for _ in range(3):
                for path in ("/idle", "/aidle", "/nowhere"):
                    await client.get(path)
                assert counted.take() == []
                await client.get("/aget")
                assert counted.take() == ["read"]
                await client.get("/aset/b")
                assert counted.take() == ["read", "replace"]

    asyncio.run(ask())


def test_redis_hears_nothing_of_what_is_not_touched(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    import redis

    with backend_for("redis", tmp_path_factory) as backend:
        app = make_app(backend.url)
        client = app.test_client()
        # The second time, Redis knows the script.
        for key in "abc":
            client.get(f"/set/{key}")
        with redis.Redis(port=backend.port) as watcher:

            def commands(path: str) -> dict[str, int]:
                watcher.config_resetstat()
                client.get(path)
                stats = watcher.info("commandstats")
                return {name[8:]: stat["calls"] for name, stat in stats.items()}

            def own(path: str) -> dict[str, int]:
                seen = commands(path)
                return {n: c for n, c in seen.items() if not n.startswith(("config", "info"))}

            assert own("/idle") == own("/aidle") == {}
            assert own("/get") == {"get": 1}
            # Inside of the script: one GETRANGE and one SET.
            assert own("/set/b") == {"get": 1, "evalsha": 1, "getrange": 1, "set": 1}
        app.session_interface.keeper.store.close()  # type: ignore[attr-defined]


def test_the_loop_does_not_wait_for_the_store(counted: Counted) -> None:
    app = make_app(counted)

    async def ask() -> tuple[float, int]:
        client = app.async_client()
        await client.get("/aset/a")
        # Once each endpoint waits on the loop; from then on it is known.
        await client.get("/aget")
        await client.get("/aset/b")
        counted.pause = 0.2
        longest, ticks = 0.0, 0
        work = asyncio.gather(client.get("/aget"), client.get("/aset/c"), client.get("/get"))
        last = time.perf_counter()
        while not work.done():
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            longest, last, ticks = max(longest, now - last), now, ticks + 1
        assert [answer.status_code for answer in await work] == [200, 200, 200]
        return longest, ticks

    longest, ticks = asyncio.run(ask())
    assert longest < 0.15 and ticks > 15
