"""``erlen run`` with websockets and async views: reload and debugger included."""

from __future__ import annotations

import http.client
import re
import sys
import time
import typing as t
from pathlib import Path

import pytest

from running import Running, free_port, running

pytest.importorskip("uvicorn", reason="uvicorn is missing: pip install uvicorn")
client = pytest.importorskip(
    "websockets.sync.client", reason="websockets is missing: pip install websockets"
)

from websockets.exceptions import WebSocketException  # noqa: E402

CODE = """\
from erlen import Erlen, websocket

app = Erlen(__name__)


@app.get("/")
async def index():
    return "WORD"


@app.get("/fail")
async def fail():
    secret = 6 * 7
    return str(secret / 0)


@app.websocket("/echo")
async def echo():
    while True:
        await websocket.send("WORD " + await websocket.receive())
"""


def run(folder: Path, *options: str, **env: str) -> t.ContextManager[Running]:
    port = free_port()
    command = [sys.executable, "-m", "erlen", "--app", "live", "run", "--port", str(port)]
    return running([*command, *options], port, folder, PYTHONUNBUFFERED="1", **env)


def get(server: Running, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def say(server: Running, word: str) -> str:
    with client.connect(f"ws://127.0.0.1:{server.port}/echo") as ws:
        ws.send(word)
        return str(ws.recv(timeout=10))


def test_websockets_the_debugger_and_a_reload(tmp_path: Path) -> None:
    module = tmp_path / "live.py"
    module.write_text(CODE.replace("WORD", "one"))
    with run(tmp_path, "--debug", WERKZEUG_DEBUG_PIN="off") as server:
        assert " * ASGI, for the websocket '/echo'" in server.text
        assert get(server, "/") == (200, "one")
        assert say(server, "hello") == "one hello"
        status, page = get(server, "/fail")
        assert status == 500 and "ZeroDivisionError" in page and "Debugger" in page
        secret = re.search(r'SECRET = "(\w+)"', page)
        frame = max(re.findall(r'id="frame-(\d+)"', page), key=page.index)
        assert secret is not None
        query = f"/?__debugger__=yes&cmd=secret%2B1&frm={frame}&s={secret[1]}"
        assert "43" in get(server, query)[1]
        time.sleep(1)
        module.write_text(CODE.replace("WORD", "two"))
        end = time.monotonic() + 20
        found = ""
        while found != "two hello" and time.monotonic() < end:
            try:
                found = say(server, "hello")
            except (OSError, WebSocketException):
                time.sleep(0.1)
        assert found == "two hello"
        assert get(server, "/") == (200, "two")


def test_without_the_server(tmp_path: Path) -> None:
    (tmp_path / "live.py").write_text(CODE.replace("WORD", "one"))
    (tmp_path / "hidden.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'uvicorn' else find(name, *a)\n"
        "from erlen.cli import main\n"
        "main()\n"
    )
    port = free_port()
    command = [sys.executable, "hidden.py", "--app", "live", "run", "--port", str(port)]
    with running(command, port, tmp_path, PYTHONUNBUFFERED="1") as server:
        assert "pip install 'erlen[run]'" in server.text
        assert get(server, "/") == (200, "one")
