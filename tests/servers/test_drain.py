"""SIGTERM under load: what is in flight is finished, what is open gets its goodbye."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import threading
import time
import typing as t
from pathlib import Path

import pytest

from running import Running
from servers.lines import serving

APP = {"wsgi": "servers.serve_app:sync", "asgi": "servers.serve_app:app"}
#: Each with its protocol.
SERVERS = {
    "erlen-serve": "asgi",
    "uvicorn": "asgi",
    "hypercorn": "asgi",
    "gunicorn-gthread": "wsgi",
    "gunicorn-gevent": "wsgi",
    "gunicorn-uvicorn": "asgi",
    "gunicorn-asgi": "asgi",
}


#: Hypercorn's workers get no signal: they learn of the end when their connections are cut.
SIGNALLED = [name for name in SERVERS if name != "hypercorn"]
SOCKETS = [name for name in SIGNALLED if SERVERS[name] == "asgi"]
#: Under WSGI the suite of HTTP has them.
BACKGROUND = [name for name, protocol in SERVERS.items() if protocol == "asgi"]


@pytest.fixture(params=list(SERVERS))
def server(request: pytest.FixtureRequest, tmp_path: Path) -> t.Iterator[Running]:
    with serving(request.param, APP[SERVERS[request.param]], tmp_path) as found:
        yield found


def get(server: Running, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Load:
    """Clients that ask again and again, until they are refused."""

    def __init__(self, server: Running, path: str, clients: int) -> None:
        self.server = server
        self.path = path
        self.answers: list[tuple[int, bytes]] = []
        self.refusals: list[Exception] = []
        self.threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _ask(self) -> None:
        while True:
            try:
                self.answers.append(get(self.server, self.path))
            except (ConnectionError, http.client.RemoteDisconnected) as error:
                self.refusals.append(error)
                return


def test_requests_in_flight_are_finished(server: Running) -> None:
    path = "/slow" if server.protocol == "wsgi" else "/aslow"  # type: ignore[attr-defined]
    get(server, path)
    load = Load(server, f"{path}?seconds=0.2", 6)
    time.sleep(0.7)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0, server.text
    for thread in load.threads:
        thread.join(20)
    whole = (200, path[1:].encode() + b" done")
    assert {*load.answers} == {whole}
    assert len(load.refusals) == 6
    # Each request that reached the application was answered.
    assert server.text.count("slow begun") == len(load.answers) + 1


@pytest.mark.parametrize("server", SIGNALLED, indirect=True)
def test_streams_of_events_say_goodbye(server: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/events")
    response = connection.getresponse()
    while b"first" not in response.readline():
        pass
    server.process.send_signal(signal.SIGTERM)
    rest = response.read()
    assert b"event: close\n" in rest
    connection.close()
    assert server.process.wait(20) == 0, server.text


@pytest.mark.parametrize("server", SOCKETS, indirect=True)
def test_websockets_are_closed(server: Running) -> None:
    client = pytest.importorskip(
        "websockets.sync.client", reason="websockets is missing: pip install websockets"
    )
    from websockets.exceptions import ConnectionClosed

    with client.connect(f"ws://127.0.0.1:{server.port}/echo") as ws:
        ws.send("x")
        assert ws.recv(timeout=10) == "x"
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as caught:
            ws.recv(timeout=10)
    assert caught.value.rcvd is not None and caught.value.rcvd.code in (1001, 1012)
    assert server.process.wait(20) == 0, server.text


@pytest.mark.parametrize("server", BACKGROUND, indirect=True)
def test_background_tasks_end(server: Running) -> None:
    assert get(server, "/later") == (200, b"later")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    assert "background done" in server.text
    assert server.text.index("background done") < server.text.index("ended\n")


@pytest.mark.parametrize("name", SIGNALLED)
def test_readiness_fails_first(name: str, tmp_path: Path) -> None:
    with serving(name, APP[SERVERS[name]], tmp_path, DRAIN_DELAY="1.5") as server:
        status, body = get(server, "/ready")
        assert (status, json.loads(body)) == (200, {"status": "ready"})
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        kept = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        with contextlib.closing(kept):
            assert get(server, "/slow?seconds=0")[0] == 200
            status, body = get(server, "/ready")
            assert (status, json.loads(body)) == (503, {"status": "draining"})
        assert server.process.wait(20) == 0, server.text


@pytest.mark.parametrize(("version", "failed"), [("failing", "check"), ("raising", "async_check")])
def test_a_check_that_fails(version: str, failed: str, tmp_path: Path) -> None:
    file = tmp_path / "version"
    file.write_text(version)
    with serving("uvicorn", APP["asgi"], tmp_path, VERSION_FILE=str(file)) as server:
        status, body = get(server, "/ready")
        assert (status, json.loads(body)) == (503, {"status": "failing", "failed": [failed]})
