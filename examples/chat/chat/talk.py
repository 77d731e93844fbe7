"""The websocket of a room."""

from __future__ import annotations

import asyncio
from typing import Any

from erlen import Blueprint, current_app, session, websocket
from erlen.channels import Subscription

from .rooms import channel_of, channels, tell

bp = Blueprint("talk", __name__)


@bp.before_websocket
def known_people_only() -> Any:
    """Refuse those who have not said their name."""
    if "name" not in session:
        return "Say your name first.", 401
    return None


@bp.websocket("/rooms/<room>/talk")
async def talk(room: str) -> None:
    """Pass on what is said, until the visitor leaves.

    ``?after=ID`` brings what was said since that message: a browser that lost its
    connection goes on where it was. Without it, all that is kept comes first.
    """
    name = session["name"]
    channel = channel_of(room)
    after = websocket.args.get("after", "")
    async with channels().subscribe(channel, after=after) as messages:
        await tell(room, "came", name, present=await channels().acount(channel))
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(send_all(messages))
                both.create_task(receive_all(room, name))
        finally:
            # The subscription still counts here.
            present = await channels().acount(channel) - 1
            await tell(room, "went", name, present=max(present, 0))


async def send_all(messages: Subscription) -> None:
    """Send what comes by the channel."""
    async for message in messages:
        await websocket.send_json({"id": message.id, **message.data})


async def receive_all(room: str, name: str) -> None:
    """Publish what the visitor says."""
    most = current_app.config["MAX_TEXT"]
    while True:
        said = await websocket.receive_json()
        text = said.get("text") if isinstance(said, dict) else None
        if not isinstance(text, str) or not text.strip():
            await websocket.send_json(kind="refused", why="A message is text.")
        elif len(text) > most:
            why = f"A message has {most} characters at most."
            await websocket.send_json(kind="refused", why=why)
        else:
            await tell(room, "said", name, text=text.strip())
