"""What the tests of proxies put behind them."""

from __future__ import annotations

import os
import threading
import time
import typing as t

from erlen import Erlen, request, session, url_for, websocket
from erlen.sse import EventStream

app = Erlen(__name__)
app.secret_key = "secret"
app.config.from_prefixed_env("PROXIED")
app.config["DRAIN_DELAY"] = float(os.environ.get("PROXIED_DRAIN_DELAY", "0"))
app.add_readiness("/ready")

_go_on = threading.Event()
_lock = threading.Lock()
NAME = os.environ.get("PROXIED_NAME", "")


def note(text: str) -> None:
    """Write a line of what was begun and ended, which outlives this process."""
    with open(os.environ["PROXIED_LOG"], "a") as log:
        log.write(f"{text}\n")


@app.get("/about/<name>")
def about(name: str) -> dict[str, t.Any]:
    environ = request.environ
    return {
        "name": name,
        "address": request.remote_addr,
        "peer": environ.get("asgi.scope", environ).get("erlen.peer"),
        "url": request.url,
        "path": request.path,
        "root": request.script_root,
        "link": url_for("folder", _external=True),
        "static": url_for("static", filename="a.css"),
        "protocol": environ["SERVER_PROTOCOL"],
    }


@app.get("/folder/")
def folder() -> str:
    return "folder"


@app.get("/visits")
def visits() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.post("/echo")
def echo() -> t.Any:
    return request.get_data(), {"Content-Type": "application/octet-stream"}


@app.get("/events")
def events() -> EventStream:
    def generate() -> t.Iterator[str]:
        _go_on.clear()
        yield "first"
        # The client says so when it has the first event.
        yield "second" if _go_on.wait(10) else "nobody has got the first"

    return EventStream(generate())


@app.post("/go-on")
def go_on() -> str:
    _go_on.set()
    return ""


@app.websocket("/talk")
async def talk() -> None:
    await websocket.send_json([websocket.remote_addr, websocket.url])
    while True:
        await websocket.send(await websocket.receive())


@app.route("/work/<number>", methods=["GET", "POST"])
def work(number: str) -> str:
    note(f"begin {NAME} {request.method} {number}")
    time.sleep(float(request.args.get("seconds", "0.01")))
    note(f"end {NAME} {request.method} {number}")
    return NAME
