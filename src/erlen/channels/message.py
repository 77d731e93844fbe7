"""One message of a channel, and the order of messages."""

from __future__ import annotations

import re
import typing as t

from .. import json

_id = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII).fullmatch
Key = tuple[int, int]
_missing: t.Any = object()


def parse_id(text: str) -> Key | None:
    """The number behind a message's id; None for what is no id.

    Args:
        text: Any text: a client sends it back.
    """
    found = _id(text)
    return (int(found[1]), int(found[2])) if found else None


class Message:
    """What was published.

    Args:
        channel: Name of the channel.
        id: Its place in the channel: milliseconds and a number, ``"1700000000000-0"``.
        text: The data as JSON text.
        event: Name of the event for server-sent events, or None.
    """

    __slots__ = ("channel", "id", "text", "event", "key", "_data")

    def __init__(self, channel: str, id: str, text: str, event: str | None = None) -> None:
        self.channel = channel
        self.id = id
        self.text = text
        self.event = event
        self.key = parse_id(id) or (0, 0)
        self._data: t.Any = _missing

    @property
    def data(self) -> t.Any:
        """The data, decoded once for all who got the message: not to be changed."""
        if self._data is _missing:
            self._data = json.loads(self.text)
        return self._data

    def __repr__(self) -> str:
        return f"<Message {self.id} of {self.channel!r}: {self.text[:80]}>"
