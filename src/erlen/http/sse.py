"""The format of server-sent events (HTML Living Standard 9.2.5)."""

from __future__ import annotations

import re
import typing as t

from .. import json

_split_lines = re.compile(r"\r\n|\r|\n").split
_forbidden = frozenset("\r\n\0")

#: A comment that nobody sees: it keeps proxies from closing a silent stream, and tells
#: the server whether the client is still there.
HEARTBEAT = b":\n\n"


class Event:
    """One server-sent event.

    Args:
        data: Text, which may have several lines, or what JSON can say. None sends none:
            browsers then only take note of ``id`` and ``retry``.
        id: What the client sends back as ``Last-Event-ID`` when it comes back.
        event: Name of the event; browsers call it ``message`` by default.
        retry: Milliseconds that the client waits before it comes back.
        comment: Text for whoever looks at the stream.

    Raises:
        ValueError: A line break or NUL where it would begin another field, or half of
            a character.
    """

    __slots__ = ("data", "id", "event", "retry", "comment", "_encoded")

    def __init__(
        self,
        data: t.Any = None,
        id: str | int | None = None,
        event: str | None = None,
        retry: int | None = None,
        comment: str | None = None,
    ) -> None:
        self.data = data
        self.id = None if id is None else str(id)
        self.event = event
        self.retry = retry
        self.comment = comment
        # Here, so that a mistake shows where it was made, and in the application's context.
        self._encoded = self._encode()

    def _encode(self) -> bytes:
        lines = []
        if self.comment is not None:
            lines += [f": {line}" for line in _split_lines(self.comment)]
        for name, value in (("event", self.event), ("id", self.id)):
            if value is not None:
                lines.append(f"{name}: {_checked(name, value)}")
        if self.retry is not None:
            if type(self.retry) is not int or self.retry < 0:
                raise ValueError(f"'retry' is a number of milliseconds, not {self.retry!r}.")
            lines.append(f"retry: {self.retry}")
        if self.data is not None:
            lines += [f"data: {line}" for line in _split_lines(text_of(self.data))]
        try:
            return "\n".join((*lines, "\n")).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"An event is UTF-8, which half a character is not: {error}") from None

    def __bytes__(self) -> bytes:
        return self._encoded

    def __repr__(self) -> str:
        return f"<Event {self._encoded.decode()!r}>"


def _checked(name: str, value: str) -> str:
    if not isinstance(value, str) or not _forbidden.isdisjoint(value):
        raise ValueError(f"The {name} of an event is a text without line breaks, not {value!r}.")
    return value


def text_of(data: t.Any) -> str:
    """The data of an event as text: text as it is, all else as JSON.

    Args:
        data: The data.
    """
    if isinstance(data, str):
        return data
    if isinstance(data, (bytes, bytearray)):
        raise TypeError("The data of an event is text or JSON. Decode bytes first.")
    return json.dumps(data)


def encode(item: t.Any) -> bytes:
    """What a stream sends for an item that it was given.

    Args:
        item: An :class:`Event`, or data for one.
    """
    return bytes(item) if isinstance(item, Event) else bytes(Event(item))
