"""Websockets through real servers, with a client that is not ours."""

from __future__ import annotations

import http.client
import json
import socket
import time
import typing as t
from pathlib import Path

import pytest

from running import ASGI_SERVERS, Running, asgi_server

client = pytest.importorskip(
    "websockets.sync.client", reason="websockets is missing: pip install websockets"
)
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402

APP = "servers.websocket_app:app"
#: Granian 2.8 does not send the headers of an accepted handshake.
WITH_HEADERS = [name for name in ASGI_SERVERS if name != "granian"]


@pytest.fixture(scope="module", params=list(ASGI_SERVERS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Running]:
    with asgi_server(request.param, APP, tmp_path_factory.mktemp("server")) as found:
        found.name = request.param  # type: ignore[attr-defined]
        yield found


def connect(server: Running, path: str, **options: t.Any) -> t.Any:
    return client.connect(f"ws://127.0.0.1:{server.port}{path}", **options)


def refused(server: Running, path: str, **options: t.Any) -> t.Any:
    with pytest.raises(InvalidStatus) as caught, connect(server, path, **options):
        pass
    return caught.value.response


def closed(ws: t.Any) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        ws.recv(timeout=10)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.mark.parametrize("path", ["/open/echo", "/open/sync"])
def test_an_echo(server: Running, path: str) -> None:
    with connect(server, path) as ws:
        for data in ("", "text", "\u20ac", b"", b"\x00\xff", "x" * 200_000, b"y" * 200_000):
            ws.send(data)
            assert ws.recv(timeout=10) == data
        for number in range(200):
            ws.send(str(number))
        assert [ws.recv(timeout=10) for _ in range(200)] == [str(n) for n in range(200)]


def test_what_the_view_knows(server: Running) -> None:
    with connect(server, "/open/about/7?a=b", subprotocols=["one", "two"]) as ws:
        assert json.loads(ws.recv(timeout=10)) == {
            "number": 7,
            "url": f"ws://127.0.0.1:{server.port}/open/about/7?a=b",
            "args": {"a": "b"},
            "subprotocols": ["one", "two"],
            "link": f"ws://127.0.0.1:{server.port}/open/about/2",
        }
        assert closed(ws) == (1000, "")


def test_a_subprotocol_and_headers(server: Running) -> None:
    with connect(server, "/open/protocol", subprotocols=["one", "two"]) as ws:
        assert ws.subprotocol == "two"
        if server.name != "granian":  # type: ignore[attr-defined]
            # Granian 2.8 does not send headers of its own accord.
            assert ws.response.headers["X-Own"] == "1"


@pytest.mark.parametrize("server", WITH_HEADERS, indirect=True, scope="module")
def test_a_session(server: Running) -> None:
    headers = {}
    for visits in (1, 2):
        with connect(server, "/open/session", additional_headers=headers) as ws:
            assert json.loads(ws.recv(timeout=10)) == visits
            headers["Cookie"] = ws.response.headers["Set-Cookie"].partition(";")[0]


def test_refusals(server: Running) -> None:
    response = refused(server, "/private")
    assert response.status_code == 401
    assert json.loads(response.body) == {"why": "nobody"}
    with connect(server, "/private", additional_headers={"Authorization": "x"}) as ws:
        assert ws.recv(timeout=10) == "secret"
    assert refused(server, "/open/nowhere").status_code == 404
    assert refused(server, "/open/page").status_code == 400
    assert refused(server, "/open/echo", origin="https://evil.example").status_code == 403
    assert refused(server, "/open/fail-early").status_code == 500
    own = f"http://127.0.0.1:{server.port}"
    with connect(server, "/open/echo", origin=own) as ws:
        ws.send("x")
        assert ws.recv(timeout=10) == "x"


def test_a_plain_request(server: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/open/echo")
    response = connection.getresponse()
    assert response.status == 400
    response.read()
    connection.request("GET", "/open/page")
    assert connection.getresponse().read() == b"page"
    connection.close()


def test_close_codes(server: Running) -> None:
    with connect(server, "/open/close") as ws:
        assert closed(ws) == (4321, "enough")
    with connect(server, "/open/fail") as ws:
        assert closed(ws)[0] == 1011
    server.wait_for_text("ZeroDivisionError: on purpose")


def test_a_message_over_the_limit(server: Running) -> None:
    with connect(server, "/open/echo") as ws:
        ws.send("x" * 2_000_000)
        assert closed(ws)[0] == 1009


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_busy_view_ends_with_its_peer(server: Running, how: str) -> None:
    before = server.text.count("busy ended")
    started = server.text.count("busy\n")
    with connect(server, "/open/busy") as ws:
        server.wait_for_text("busy\n", times=started + 1)
        if how == "abort":
            ws.socket.shutdown(socket.SHUT_RDWR)
    server.wait_for_text("busy ended", times=before + 1, timeout=5)
    server.wait_for_text("teardown /open/busy None")


def test_receiving_with_timeouts_loses_nothing(server: Running) -> None:
    with connect(server, "/open/timeouts") as ws:
        for number in range(500):
            ws.send(str(number))
            if number % 7 == 0:
                time.sleep(0.001)
        assert ws.recv(timeout=10) == "500"


def test_a_peer_that_reads_nothing(server: Running, tmp_path: Path) -> None:
    """Back pressure: the view waits, and memory does not grow by what it sends."""

    def resident() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/open/resident")
        found = int(connection.getresponse().read())
        connection.close()
        return found

    before = resident()
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    raw.sendall(
        b"GET /open/flood HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    time.sleep(2)
    grown = resident() - before
    raw.close()
    server.wait_for_text("flood sent", timeout=20)
    sent = int(server.text.split("flood sent ")[-1].split()[0])
    assert sent < 100
    assert grown < 20, f"{grown} MiB more"


def test_all_that_began_was_torn_down(server: Running) -> None:
    """Last: what the tests before opened has ended, each exactly once."""
    time.sleep(0.2)
    assert server.text.count("busy\n") == server.text.count("teardown /open/busy")
    for trouble in ("was never retrieved", "was never awaited", "Task was destroyed"):
        assert trouble not in server.text
