"""The same echo and the same event stream: on Erlen, on Starlette, and on nothing.

``SOCKETS_APP=erlen python -m uvicorn sockets_app:app``. Each also says how much memory its
process occupies.
"""

from __future__ import annotations

import asyncio
import gc
import os
import typing as t

Event = dict[str, t.Any]
Send = t.Callable[[Event], t.Awaitable[None]]
Receive = t.Callable[[], t.Awaitable[Event]]

HEARTBEAT = 15.0


def resident() -> str:
    """Kilobytes of memory that the process occupies, after a collection."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return str(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024)


def make_erlen() -> t.Any:
    """The application on Erlen."""
    from erlen import Erlen, websocket
    from erlen.channels import Channels
    from erlen.sse import EventStream

    app = Erlen("sockets", static_folder=None)
    channels = Channels()

    @app.websocket("/ws/<int:room>")
    async def echo(room: int) -> None:
        while True:
            await websocket.send(await websocket.receive())

    @app.get("/events")
    async def events() -> EventStream:
        return EventStream(channels.subscribe("news"), heartbeat=HEARTBEAT)

    app.add_url_rule("/resident", "resident", resident)
    return app


def make_starlette() -> t.Any:
    """The application on Starlette, as its documentation shows it."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    queues: set[asyncio.Queue[bytes]] = set()

    async def echo(websocket: t.Any) -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.send_text(await websocket.receive_text())
        except WebSocketDisconnect:
            pass

    async def follow() -> t.AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes] = asyncio.Queue(100)
        queues.add(queue)
        try:
            yield b":\n\n"
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), HEARTBEAT)
                except TimeoutError:
                    yield b":\n\n"
        finally:
            queues.discard(queue)

    async def events(request: t.Any) -> t.Any:
        return StreamingResponse(follow(), media_type="text/event-stream")

    async def memory(request: t.Any) -> t.Any:
        return PlainTextResponse(resident())

    routes: list[t.Any] = [WebSocketRoute("/ws/{room:int}", echo), Route("/events", events)]
    return Starlette(routes=[*routes, Route("/resident", memory)])


def make_bare() -> t.Any:
    """The server alone: no routing, no framework."""

    async def bare(scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (event := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": event["text"]})
        elif scope["type"] == "http":
            body = resident().encode() if scope["path"] == "/resident" else b":\n\n"
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            more = scope["path"] == "/events"
            await send({"type": "http.response.body", "body": body, "more_body": more})
            while more and (await receive())["type"] != "http.disconnect":
                pass

    return bare


_MAKERS = {"erlen": make_erlen, "starlette": make_starlette, "bare": make_bare}

app = _MAKERS[os.environ["SOCKETS_APP"]]()
