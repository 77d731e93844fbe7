"""What type checkers have to refuse."""

from __future__ import annotations

from erlen import Erlen, blocking_websocket, websocket
from erlen.sse import Event

app = Erlen(__name__)


@app.websocket("/")
async def view() -> None:
    await websocket.send(5)  # refused
    await websocket.close("1000")  # refused
    text: str = websocket.receive()  # refused
    print(text)
    print(websocket.nonsense)  # refused


@app.websocket("/sync")
def sync() -> None:
    blocking_websocket.send({"a": 1})  # refused
    blocking_websocket.receive(timeout="1")  # refused


Event("x", retry="soon")  # refused
app.add_websocket(5)  # refused
