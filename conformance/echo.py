"""What the Autobahn testsuite talks to: an echo on Erlen, and the same without a framework."""

from __future__ import annotations

from typing import Any

from erlen import Erlen, websocket

app = Erlen(__name__, static_folder=None)
app.config["WEBSOCKET_MAX_MESSAGE_SIZE"] = 64 * 1024 * 1024


@app.websocket("/")
async def echo() -> None:
    while True:
        await websocket.send(await websocket.receive())


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The same application for the server alone."""
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": f"{event['type']}.complete"})
            if event["type"] == "lifespan.shutdown":
                return
    if (await receive())["type"] != "websocket.connect":
        return
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text")
        answer = {"bytes": event["bytes"]} if text is None else {"text": text}
        await send({"type": "websocket.send", **answer})
