"""The client's end of a websocket: what it sends, what it raises."""

from __future__ import annotations

import asyncio
import typing as t

import pytest

from erlen import Erlen, websocket
from erlen.testing import WebsocketClosed, WebsocketRejected


@pytest.fixture
def app() -> Erlen:
    app = Erlen("testing", static_folder=None)
    app.testing = True
    app.secret_key = "secret"

    @app.websocket("/echo")
    async def echo() -> None:
        while True:
            await websocket.send(await websocket.receive())

    @app.websocket("/bye")
    async def bye() -> None:
        await websocket.send("one")
        await websocket.close(4000, "bye")

    @app.websocket("/mute")
    async def mute() -> None:
        await websocket.accept()
        await websocket.receive()

    @app.websocket("/fail")
    async def fail() -> None:
        await websocket.accept()
        raise ZeroDivisionError("view")

    @app.websocket("/forbidden")
    async def forbidden() -> t.Any:
        return {"why": "no"}, 403, {"Set-Cookie": "a=b"}

    return app


def test_a_session(app: Erlen) -> None:
    client = app.test_client()
    with client.websocket_connect("/echo") as ws:
        ws.send("a")
        ws.send(b"b")
        ws.send_json([1])
        assert [ws.receive(), ws.receive(), ws.receive_json()] == ["a", b"b", [1]]
        ws.close(1001)
        with pytest.raises(WebsocketClosed, match="1001"):
            ws.send("x")


def test_after_the_application_has_closed(app: Erlen) -> None:
    with app.test_client().websocket_connect("/bye") as ws:
        assert ws.receive() == "one"
        for _ in range(2):
            with pytest.raises(WebsocketClosed, match="code 4000. bye") as caught:
                ws.receive()
            assert (caught.value.code, caught.value.reason) == (4000, "bye")
        with pytest.raises(WebsocketClosed):
            ws.send("x")


def test_a_refusal_has_a_response(app: Erlen) -> None:
    client = app.test_client()
    with pytest.raises(WebsocketRejected, match="403 FORBIDDEN|403 Forbidden") as caught:
        with client.websocket_connect("/forbidden"):
            pytest.fail("accepted")
    assert caught.value.response.json == {"why": "no"}
    assert client.get_cookie("a") is not None


def test_no_message_comes(app: Erlen) -> None:
    with app.test_client().websocket_connect("/mute", timeout=0.1) as ws:
        with pytest.raises(TimeoutError, match=r"nothing for 0\.1 s"):
            ws.receive()


def test_what_the_view_raises(app: Erlen) -> None:
    with pytest.raises(ZeroDivisionError, match="view"):
        with app.test_client().websocket_connect("/fail"):
            pass
    with pytest.raises(ZeroDivisionError, match="view"):
        with app.test_client().websocket_connect("/fail") as ws:
            ws.receive()
    # What the test raises comes first.
    with pytest.raises(KeyError):
        with app.test_client().websocket_connect("/fail"):
            raise KeyError


def test_the_habits_of_the_client(app: Erlen) -> None:
    @app.websocket("/habits")
    async def habits() -> None:
        await websocket.send_json(
            [
                websocket.url,
                websocket.headers["X-A"],
                dict(websocket.cookies),
                websocket.remote_addr,
            ]
        )

    client = app.test_client()
    client.set_cookie("known", "1")
    client.environ_base["REMOTE_ADDR"] = "10.0.0.1"
    with client.websocket_connect(
        "/habits", base_url="https://example.org", query_string="a=1", headers={"X-A": "b"}
    ) as ws:
        assert ws.receive_json() == ["wss://example.org/habits?a=1", "b", {}, "10.0.0.1"]
    with client, client.websocket_connect("/habits", headers={"X-A": "c"}) as ws:
        assert ws.receive_json() == ["ws://localhost/habits", "c", {"known": "1"}, "10.0.0.1"]
    plain = app.test_client(use_cookies=False)
    with plain.websocket_connect("/echo") as ws:
        ws.send("x")
        assert ws.receive() == "x"


def test_an_application_that_says_nothing(app: Erlen) -> None:
    async def silent(scope: t.Any, receive: t.Any, send: t.Any) -> None:
        return None

    ws = app.test_client().websocket_connect("/echo")
    ws._session._app = silent
    with pytest.raises(WebsocketClosed, match="without closing"), ws:
        pass


def test_two_at_a_time(app: Erlen) -> None:
    client = app.test_client()
    with client.websocket_connect("/echo") as one, client.websocket_connect("/echo") as two:
        one.send("1")
        two.send("2")
        assert [two.receive(), one.receive()] == ["2", "1"]


def test_the_async_session(app: Erlen) -> None:
    async def main() -> None:
        client = app.test_client()
        async with client.websocket_connect("/echo") as ws:
            await ws.send("a")
            assert await ws.receive() == "a"
            await ws.send_json({"a": 1})
            assert await ws.receive_json() == {"a": 1}
            await ws.close(4000)
        async with client.websocket_connect("/bye") as ws:
            assert await ws.receive() == "one"
            with pytest.raises(WebsocketClosed, match="4000"):
                await ws.receive()
        with pytest.raises(WebsocketRejected):
            async with client.websocket_connect("/forbidden"):
                pytest.fail("accepted")
        with pytest.raises(ZeroDivisionError):
            async with client.websocket_connect("/fail") as ws:
                await ws.vanish()
        # All of it on the test's own loop.
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
