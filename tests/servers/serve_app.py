"""What the tests of ``erlen serve``, ``erlen run`` and of draining serve."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import typing as t
from pathlib import Path

from erlen import Erlen, request, websocket
from erlen.sse import EventLog, EventStream

app = Erlen(__name__)
sync = Erlen(__name__)
log = EventLog()
#: Tests change what this file says, and reload.
VERSION = Path(os.environ.get("VERSION_FILE", os.devnull)).read_text()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def about() -> dict[str, t.Any]:
    return {
        "version": VERSION,
        "scheme": request.scheme,
        "http": request.environ.get("SERVER_PROTOCOL"),
        "pid": os.getpid(),
        "asgi": "asgi.scope" in request.environ or "erlen" in threading.current_thread().name,
    }


def slow() -> str:
    say("slow begun")
    time.sleep(float(request.args.get("seconds", "0.3")))
    return "slow done"


def events() -> EventStream:
    log.append("first")
    return EventStream(log.follow(""))


def check() -> bool:
    return VERSION != "failing"


async def async_check() -> None:
    if VERSION == "raising":
        raise LookupError("on purpose")


for each in (app, sync):
    each.config["DRAIN_DELAY"] = float(os.environ.get("DRAIN_DELAY", "0"))
    each.add_readiness("/ready", check, async_check)
    each.add_url_rule("/events", "events", events)
    each.add_url_rule("/", "about", about)
    each.add_url_rule("/slow", "slow", slow)
sync.add_url_rule("/fail", "fail", lambda: 1 / 0)  # type: ignore[arg-type, return-value]


@app.get("/aslow")
async def aslow() -> str:
    say("slow begun")
    await asyncio.sleep(float(request.args.get("seconds", "0.3")))
    return "aslow done"


@app.get("/fail")
async def fail() -> str:
    return str(1 / 0)


@app.get("/later")
def later() -> str:
    app.add_background_task(background)
    return "later"


async def background() -> None:
    await asyncio.sleep(0.5)
    say("background done")


@app.websocket("/echo")
async def echo() -> None:
    while True:
        await websocket.send(await websocket.receive())


@app.after_serving
async def ended() -> None:
    say("ended")
