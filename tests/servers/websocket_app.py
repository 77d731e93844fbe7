"""What the tests of websockets on real servers talk to."""

from __future__ import annotations

import asyncio
import os
import sys
import typing as t

import erlen
from erlen import Erlen, session, websocket

app = Erlen(__name__, static_folder=None)
app.secret_key = "secret"


def say(text: str) -> None:
    """Tell the test something, through the server's log."""
    print(text, file=sys.stderr, flush=True)


@app.before_request
def check() -> t.Any:
    if "Authorization" in erlen.request.headers or "open" in erlen.request.path:
        return None
    return {"why": "nobody"}, 401


@app.teardown_websocket
def ended(exc: BaseException | None) -> None:
    say(f"teardown {erlen.request.path} {exc!r}")


@app.get("/open/page")
async def page() -> str:
    return "page"


@app.websocket("/open/echo")
async def echo() -> None:
    while True:
        await websocket.send(await websocket.receive())


@app.websocket("/open/sync")
def sync_echo() -> None:
    ws = erlen.blocking_websocket
    while True:
        ws.send(ws.receive())


@app.websocket("/open/about/<int:number>")
async def about(number: int) -> None:
    await websocket.send_json(
        number=number,
        url=websocket.url,
        args=websocket.args,
        subprotocols=websocket.requested_subprotocols,
        link=erlen.url_for("about", number=2),
    )


@app.websocket("/open/protocol")
async def protocol() -> None:
    await websocket.accept({"X-Own": "1"}, "two")
    session["late"] = 1


@app.websocket("/open/session")
async def visits() -> None:
    session["visits"] = session.get("visits", 0) + 1
    await websocket.send_json(session["visits"])


@app.websocket("/private")
async def private() -> None:
    await websocket.send("secret")


@app.websocket("/open/close")
async def close() -> None:
    await websocket.accept()
    await websocket.close(4321, "enough")


@app.websocket("/open/fail")
async def fail() -> None:
    await websocket.accept()
    raise ZeroDivisionError("on purpose")


@app.websocket("/open/fail-early")
async def fail_early() -> None:
    raise ZeroDivisionError("on purpose")


@app.websocket("/open/busy")
async def busy() -> None:
    await websocket.accept()
    say("busy")
    try:
        await asyncio.sleep(300)
    finally:
        say("busy ended")


@app.websocket("/open/timeouts")
async def timeouts() -> None:
    """Ask for each message with a timeout that mostly passes."""
    got = 0
    await websocket.accept()
    while got < 500:
        try:
            await asyncio.wait_for(websocket.receive(), 0.0005)
            got += 1
        except TimeoutError:
            pass
    await websocket.send(str(got))


@app.websocket("/open/flood")
async def flood() -> None:
    block = os.urandom(1 << 20)
    sent = 0
    await websocket.accept()
    try:
        for _ in range(1024):
            await websocket.send(block)
            sent += 1
    finally:
        with open("/proc/self/statm") as file:
            resident = int(file.read().split()[1]) * 4 // 1024
        say(f"flood sent {sent} resident {resident}")


@app.get("/open/resident")
async def resident() -> str:
    with open("/proc/self/statm") as file:
        return str(int(file.read().split()[1]) * 4 // 1024)


@app.websocket("/open/silent", idle_timeout=0.5)
async def silent() -> None:
    say("silent began")
    try:
        while True:
            await websocket.receive()
    finally:
        say("silent ended")


@app.get("/open/stream")
async def stream() -> t.Any:
    from erlen.sse import EventStream

    async def nothing() -> t.AsyncIterator[str]:
        say("stream began")
        try:
            await asyncio.sleep(300)
            yield "never"
        finally:
            say("stream ended")

    return EventStream(nothing(), heartbeat=0.5)
