"""Handshakes and frames that harm, on real servers, and event streams that nobody reads."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import subprocess
import sys
import time
import typing as t
import zlib
from pathlib import Path

import pytest

import erlen
from bad_inputs.calls import make, served
from bad_inputs.cases import Cases
from bad_inputs.raw_websocket import RawWebsocket
from erlen.testing import WebsocketClosed, WebsocketRejected
from running import ROOT, Running, asgi_server

websocket = Cases()
APP = "servers.websocket_app:app"
#: Some servers hang up without a code, or without a close frame.
SILENT = (1005, None)
Start = t.Callable[..., Running]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Start]:
    """Starts servers, each at its first use."""
    with contextlib.ExitStack() as stack:
        known: dict[str, Running] = {}

        def start(name: str, options: str = "") -> Running:
            key = name + options
            if key not in known:
                folder = tmp_path_factory.mktemp(name)
                known[key] = stack.enter_context(asgi_server(name, APP, folder, options))
            return known[key]

        yield start
        for server in known.values():
            # Uvicorn and Hypercorn log some of it with tracebacks of their own.
            assert "erlen/server" not in server.text, server.text


def origin_status(origin: str, **settings: t.Any) -> int:
    app = make()
    app.config.update(settings)
    app.add_websocket("/", "view", lambda: erlen.blocking_websocket.accept())
    try:
        with app.test_client().websocket_connect("/", headers={"Origin": origin}):
            return 101
    except WebsocketRejected as error:
        return error.response.status_code


@websocket("WS-01", origin="https://evil.example")
@websocket("WS-01-null", origin="null")
@websocket("WS-01-port", origin="http://localhost:8080")
@websocket("WS-01-suffix", origin="http://localhost.evil.example")
@websocket("WS-01-user", origin="http://localhost@evil.example")
@websocket("WS-01-empty", origin="")
@websocket("WS-01-two", origin="http://localhost, https://evil.example")
def page_of_another_site(origin: str) -> None:
    assert origin_status(origin) == 403
    assert origin_status(origin, WEBSOCKET_ALLOWED_ORIGINS=["https://good.example"]) == 403
    assert origin_status("http://localhost") == 101
    allowed = ["https://evil.example"]
    assert origin_status("https://evil.example", WEBSOCKET_ALLOWED_ORIGINS=allowed) == 101


@websocket("WS-01-uvicorn", name="uvicorn")
@websocket("WS-01-hypercorn", name="hypercorn")
@websocket("WS-01-granian", name="granian")
def page_of_another_site_through_a_server(name: str, start: Start) -> None:
    port = start(name).port
    with RawWebsocket(port, "/open/echo", "Origin: https://evil.example\r\n") as ws:
        assert ws.status == 403
    with RawWebsocket(port, "/open/echo", f"Origin: http://127.0.0.1:{port}\r\n") as ws:
        assert ws.status == 101


@websocket("WS-02")
def part_of_autobahn() -> None:
    """All of it: ``conformance/autobahn``, twenty seconds per server."""
    wstest = ROOT / ".conformance" / "autobahn" / "python2" / "bin" / "wstest"
    found = str(wstest) if wstest.exists() else shutil.which("wstest")
    if found is None:
        pytest.skip("Autobahn's testsuite is missing; conformance/autobahn installs it")
    pytest.importorskip("uvicorn", reason="uvicorn is missing: pip install uvicorn")
    command = [sys.executable, str(ROOT / "conformance" / "autobahn"), "--servers", "uvicorn"]
    command += ["--cases", "1.1.*", "5.1", "6.3.*", "7.9.*", "--python", sys.executable]
    done = subprocess.run([*command, "--wstest", found], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@websocket("WS-04", name="uvicorn")
@websocket("WS-04-wsproto", name="wsproto")
@websocket("WS-04-hypercorn", name="hypercorn")
@websocket("WS-04-granian", name="granian")
def frames_against_the_protocol(name: str, start: Start) -> None:
    for options in (
        {"opcode": 1, "payload": b"x", "masked": False},
        {"opcode": 1, "payload": b"x", "bits": 0x80 | 0x40},
        {"opcode": 1, "payload": b"x", "bits": 0x80 | 0x10},
        {"opcode": 3, "payload": b"x"},
        {"opcode": 11},
        {"opcode": 9, "payload": b"x" * 126},
        {"opcode": 0, "payload": b"nothing to go on with"},
    ):
        with RawWebsocket(start(name).port, "/open/echo") as ws:
            ws.frame(**options)  # type: ignore[arg-type]
            assert ws.close_code() in (1002, *SILENT), options


@websocket("WS-05", name="uvicorn")
@websocket("WS-05-wsproto", name="wsproto")
@websocket("WS-05-hypercorn", name="hypercorn")
@websocket("WS-05-granian", name="granian")
def text_that_is_not_utf8(name: str, start: Start) -> None:
    for text in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok \xc0\xaf"):
        with RawWebsocket(start(name).port, "/open/echo") as ws:
            ws.frame(1, text)
            assert ws.close_code() in (1007, *SILENT), text


@websocket("WS-07", name="uvicorn")
@websocket("WS-07-wsproto", name="wsproto")
@websocket("WS-07-hypercorn", name="hypercorn")
@websocket("WS-07-granian", name="granian")
def compressed_bomb(name: str, start: Start) -> None:
    """60 MiB of zeros in 60 kB; a server without compression gets 8 MiB as they are."""
    more = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    with RawWebsocket(start(name).port, "/open/echo", more) as ws:
        assert ws.status == 101
        if "permessage-deflate" in ws.head:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = packer.compress(bytes(60 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
            ws.frame(2, packed[:-4], bits=0x80 | 0x40)
        else:
            ws.frame(2, bytes(8 << 20))
        assert ws.close_code() == 1009


@websocket("WS-07-client")
def message_over_the_limit() -> None:
    app = make()
    app.add_websocket("/", "view", lambda: erlen.blocking_websocket.receive())
    with app.test_client().websocket_connect("/") as ws:
        ws.send(bytes((1 << 20) + 1))
        with pytest.raises(WebsocketClosed, match="1009"):
            ws.receive()


@websocket("WS-08", name="uvicorn")
@websocket("WS-08-wsproto", name="wsproto")
@websocket("WS-08-granian", name="granian")
def subprotocol_that_is_not_ascii(name: str, start: Start) -> None:
    """Hypercorn 0.18 hangs up with a traceback of its own, before the application is asked."""
    for value in ("\xff\xfe", "caf\xe9, two", "a b", ",,,", "x" * 5000):
        path = "/open/about/1"
        with RawWebsocket(start(name).port, path, f"Sec-WebSocket-Protocol: {value}\r\n") as ws:
            assert ws.status in (0, 101, 400, 431), value


@websocket("WS-08-scope", subprotocols=["\xff"])
@websocket("WS-08-scope-empty", subprotocols=[""])
@websocket("WS-08-scope-many", subprotocols=["x"] * 10_000)
def subprotocol_in_the_scope(subprotocols: list[str]) -> None:
    app = make()

    @app.websocket("/")
    async def view() -> None:
        assert erlen.websocket.requested_subprotocols == subprotocols
        with pytest.raises(ValueError, match="did not offer"):
            await erlen.websocket.accept(subprotocol="chat")
        await erlen.websocket.accept()

    with app.test_client().websocket_connect("/", subprotocols=subprotocols):
        pass


@websocket("WS-10", name="uvicorn")
@websocket("WS-10-wsproto", name="wsproto")
@websocket("WS-10-hypercorn", name="hypercorn")
@websocket("WS-10-granian", name="granian")
def hook_that_authenticates(name: str, start: Start) -> None:
    port = start(name).port
    with RawWebsocket(port, "/private") as ws:
        assert ws.status == 401
    with RawWebsocket(port, "/private", "Authorization: x\r\n") as ws:
        assert ws.status == 101


@websocket("WS-11", name="uvicorn")
@websocket("WS-11-wsproto", name="wsproto")
@websocket("WS-11-hypercorn", name="hypercorn")
@websocket("WS-11-granian", name="granian")
def client_that_never_reads(name: str, start: Start) -> None:
    """The view would send a gigabyte; it waits, and memory stays."""
    server = start(name)
    before = resident(server)
    with RawWebsocket(server.port, "/open/flood") as ws:
        assert ws.status == 101
        time.sleep(1.5)
        assert resident(server) - before < 20
    server.wait_for_text("flood sent", timeout=20)
    assert int(server.text.split("flood sent ")[-1].split()[0]) < 100


def resident(server: Running) -> int:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.request("GET", "/open/resident")
        return int(connection.getresponse().read())


@websocket("WS-13", name="uvicorn")
@websocket("WS-13-wsproto", name="wsproto")
@websocket("WS-13-hypercorn", name="hypercorn")
@websocket("WS-13-granian", name="granian")
def client_that_vanishes(name: str, start: Start) -> None:
    """It answers neither a ping nor with a message: by ``idle_timeout`` on every server."""
    server = start(name)
    with RawWebsocket(server.port, "/open/silent") as ws:
        assert ws.status == 101
        server.wait_for_text("silent began")
        server.wait_for_text("silent ended", timeout=3)


@websocket("WS-13-ping")
def client_that_answers_no_ping(start: Start) -> None:
    """By Uvicorn's own pings, which are on by default (20 s and 20 s; here half a second)."""
    server = start("uvicorn", "--ws-ping-interval 0.5 --ws-ping-timeout 0.5")
    with RawWebsocket(server.port, "/open/busy") as ws:
        assert ws.status == 101
        server.wait_for_text("busy ended", timeout=5)


@websocket("WS-14", name="uvicorn")
@websocket("WS-14-wsproto", name="wsproto")
@websocket("WS-14-hypercorn", name="hypercorn")
@websocket("WS-14-granian", name="granian")
def close_codes_that_may_not_be_sent(name: str, start: Start) -> None:
    for code in (0, 999, 1004, 1005, 1006, 1016, 2999, 5000, 65535):
        with RawWebsocket(start(name).port, "/open/echo") as ws:
            ws.frame(8, code.to_bytes(2, "big"))
            assert ws.close_code() in (1002, *SILENT), code
    for payload in (b"x", b"\x03\xe8\xff"):
        with RawWebsocket(start(name).port, "/open/echo") as ws:
            ws.frame(8, payload)
            assert ws.close_code() in (1002, 1007, *SILENT), payload


@websocket("WS-14-own", code=1005)
@websocket("WS-14-own-low", code=999)
@websocket("WS-14-own-high", code=5000)
def close_codes_of_the_view(code: int) -> None:
    app = make()

    @app.websocket("/")
    async def view() -> None:
        await erlen.websocket.accept()
        with pytest.raises(ValueError, match=str(code)):
            await erlen.websocket.close(code)
        with pytest.raises(ValueError, match="123 bytes"):
            await erlen.websocket.close(4000, "x" * 124)

    with app.test_client().websocket_connect("/"):
        pass


@websocket("WS-16")
@websocket("WS-16-asgi", asgi=True)
def client_leaves_a_silent_event_stream(start: Start, asgi: bool = False) -> None:
    """At the next heartbeat by WSGI, at once by ASGI."""
    if asgi:
        server = start("uvicorn")
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/open/stream")
        response = connection.getresponse()
        server.wait_for_text("stream began")
        response.close()
        connection.close()
        server.wait_for_text("stream ended", timeout=0.4)
        return
    from erlen.channels import Channels
    from erlen.sse import EventStream

    channels = Channels()
    app = make()
    app.add_url_rule("/", "view", lambda: EventStream(channels.subscribe("silence"), heartbeat=0.2))
    with served(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.read(3) == b":\n\n"
        until = time.monotonic() + 5
        while not channels.count("silence"):
            assert time.monotonic() < until
            time.sleep(0.01)
        response.close()
        connection.close()
        until = time.monotonic() + 2
        while channels.count("silence"):
            assert time.monotonic() < until
            time.sleep(0.01)


@websocket("WS-17", name="uvicorn")
@websocket("WS-17-wsproto", name="wsproto")
@websocket("WS-17-hypercorn", name="hypercorn")
@websocket("WS-17-granian", name="granian")
def second_request_behind_the_handshake(name: str, start: Start) -> None:
    """What is announced as a handshake's body, or follows a 101, is never a request.

    Uvicorn 0.54 does not answer a handshake with a body at all.
    """
    hidden = b"GET /open/page HTTP/1.1\r\nHost: x\r\n\r\n"
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden)
    for more, behind in (
        ("", hidden),
        (f"Content-Length: {len(hidden)}\r\n", hidden),
        ("Transfer-Encoding: chunked\r\n", chunked),
    ):
        with RawWebsocket(start(name).port, "/open/echo", more, behind, timeout=1) as ws:
            if ws.status == 101:
                ws.frame(8, (1000).to_bytes(2, "big"))
            received = ws.everything()
        assert b"HTTP/1.1 200" not in received, more
        assert not received.endswith(b"page"), more


@websocket("WS-17-wsgi")
def handshake_with_a_body_by_wsgi(tmp_path: Path) -> None:
    app = make()
    app.add_websocket("/", "view", lambda: None)
    app.add_url_rule("/page", "page", lambda: "page")
    hidden = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"
    with served(app) as port:
        more = f"Content-Length: {len(hidden)}\r\n"
        with RawWebsocket(port, "/", more, hidden) as ws:
            assert ws.status == 501
            assert b"HTTP/1.1 200" not in ws.everything()


test_websocket = websocket.test()
