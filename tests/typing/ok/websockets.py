"""Websockets, event streams and channels, as users write them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from erlen import Blueprint, Erlen, Websocket, WebsocketDisconnect, blocking_websocket, websocket
from erlen.channels import Channels, Message, SlowConsumer
from erlen.sse import Event, EventLog, EventStream, last_event_id

app = Erlen(__name__)
bp = Blueprint("bp", __name__)
channels = Channels("memory://", history=10)
log = EventLog(10)


@app.websocket("/echo/<int:number>", max_message_size=1000)
async def echo(number: int) -> None:
    await websocket.accept({"X-Number": str(number)}, websocket.requested_subprotocols[0])
    while True:
        data: str | bytes = await websocket.receive()
        await websocket.send(data)
        await websocket.send_json({"host": websocket.host, "args": websocket.args["a"]})


@bp.websocket("/sync")
def sync() -> None:
    try:
        text = blocking_websocket.receive(timeout=1.5)
    except TimeoutError:
        blocking_websocket.close(4000, "slow")
    except WebsocketDisconnect as gone:
        print(gone.code + 1, gone.reason.upper())
    else:
        blocking_websocket.send(text)


@app.before_websocket
async def check() -> tuple[str, int] | None:
    return ("no", 401) if websocket.origin is None else None


@bp.teardown_app_websocket
def ended(exc: BaseException | None) -> None:
    print(exc)


def address(ws: Websocket) -> str:
    return ws.url.lower() + ws.headers["Host"]


@app.get("/numbers")
async def numbers() -> EventStream:
    async def count() -> AsyncIterator[Event]:
        for number in range(3):
            yield Event({"n": number}, id=number, event="n", retry=1000)
            await asyncio.sleep(1)

    return EventStream(count(), heartbeat=None)


@app.get("/texts")
def texts() -> EventStream:
    def lines() -> Iterator[str]:
        yield "one"

    return EventStream(lines())


@app.get("/news")
async def news() -> EventStream:
    return EventStream(channels.subscribe("news", after=last_event_id()), to_event=as_event)


@app.get("/log")
async def follow() -> EventStream:
    log.append({"a": 1}, event="x").upper()
    return EventStream(log.follow(after=last_event_id()))


def as_event(message: Message) -> Event:
    return Event(message.text, id=message.id)


async def talk() -> int:
    async with channels.subscribe("a", "b", overflow="drop_oldest") as messages:
        id: str = await channels.apublish("a", [1, 2])
        try:
            async for message in messages:
                print(message.channel + message.id, message.data, id)
        except SlowConsumer:
            pass
        return messages.dropped + await channels.acount("a")


def in_a_test() -> None:
    with app.test_client().websocket_connect("/echo/1", subprotocols=["a"], timeout=1) as ws:
        ws.send("x")
        received: str | bytes = ws.receive()
        print(received, ws.subprotocol)
