"""The rooms: which there are, and how messages get into them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from erlen import abort, current_app
from erlen.channels import Channels

#: The channel of the page that follows all rooms.
EVERYWHERE = "everywhere"


def channels() -> Channels:
    """The application's channels."""
    found: Channels = current_app.extensions["channels"]
    return found


def channel_of(room: str) -> str:
    """The channel of a room; a room that there is not is a 404."""
    if room not in current_app.config["ROOMS"]:
        abort(404)
    return f"room:{room}"


async def tell(room: str, kind: str, name: str, **more: Any) -> None:
    """Send something to everybody in a room."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    message = {"kind": kind, "name": name, "room": room, "at": now, **more}
    await channels().apublish(channel_of(room), message)
    if kind == "said":
        await channels().apublish(EVERYWHERE, message, event="said")
