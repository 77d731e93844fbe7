"""The response that is a stream of events."""

from __future__ import annotations

import logging
import typing as t
import weakref

from ..channels.inbox import EndOfInbox, NothingCame, SlowConsumer
from ..globals import request
from ..http.response import Response
from ..http.sse import HEARTBEAT, Event
from ..server.draining import closers
from .feeds import Feed, ToEvent, feed_of

logger = logging.getLogger("erlen.sse")

#: The streams that are being sent by this process.
_open: weakref.WeakSet[_Body] = weakref.WeakSet()

_HEADERS = {
    # A proxy may neither keep events nor wait for more of them, nor change them.
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


class _Closing(Exception):
    """The server ends: say goodbye."""


class EventStream(Response):
    """A response of server-sent events, for a view to return.

    Works under WSGI and ASGI with sources of either colour. In an ``async def`` view
    under ASGI a stream costs no thread; elsewhere each occupies one.

    Args:
        source: A subscription to a channel, ``log.follow()``, or a generator, sync or
            async, of :class:`Event`, text, or what JSON can say.
        heartbeat: Seconds of silence after which a comment is sent, which keeps proxies
            patient and notices clients that have left; None sends none.
        retry: Milliseconds that a browser waits before it comes back. Default: its own.
        closing: The last event when the server ends; None sends none.
        to_event: Makes an event, or data for one, of what the source gives.
        status: The status code.
        headers: More headers.

    Raises:
        TypeError: The source is none.
        ValueError: A heartbeat that is no number above 0.
    """

    def __init__(
        self,
        source: t.Any,
        *,
        heartbeat: float | None = 15.0,
        retry: int | None = None,
        closing: Event | None = Event("", event="close"),  # noqa: B008 - never changed
        to_event: ToEvent | None = None,
        status: int = 200,
        headers: t.Any = None,
    ) -> None:
        if heartbeat is not None and not heartbeat > 0:
            raise ValueError(f"'heartbeat' is a number of seconds or None, not {heartbeat!r}.")
        # The first bytes: servers send the headers with them.
        opening = HEARTBEAT if retry is None else bytes(Event(retry=retry))
        body = _Body(feed_of(source, to_event), heartbeat, opening, closing)
        super().__init__(body, status, content_type="text/event-stream; charset=utf-8")
        for name, value in _HEADERS.items():
            self.headers[name] = value
        if headers is not None:
            self.headers.update(headers)


class _Body:
    """The bytes of a stream, for drivers of either colour.

    Args:
        feed: Where events come from.
        heartbeat: Seconds of silence before a comment, or None.
        opening: The first bytes.
        closing: The last event when the server ends.
    """

    def __init__(
        self, feed: Feed, heartbeat: float | None, opening: bytes, closing: Event | None
    ) -> None:
        self._feed = feed
        self._heartbeat = heartbeat
        self._opening = opening
        self._closing = b"" if closing is None else bytes(closing)

    def __iter__(self) -> t.Iterator[bytes]:
        _open.add(self)
        try:
            yield self._opening
            while True:
                try:
                    yield self._feed.get(self._heartbeat)
                except NothingCame:
                    yield HEARTBEAT
        except EndOfInbox:
            return
        except SlowConsumer as error:
            logger.warning("An event stream ends, its client reads too slowly: %s", error)
        except _Closing:
            yield self._closing
        finally:
            self.close()

    async def __aiter__(self) -> t.AsyncIterator[bytes]:
        _open.add(self)
        try:
            yield self._opening
            while True:
                try:
                    yield await self._feed.aget(self._heartbeat)
                except NothingCame:
                    yield HEARTBEAT
        except EndOfInbox:
            return
        except SlowConsumer as error:
            logger.warning("An event stream ends, its client reads too slowly: %s", error)
        except _Closing:
            yield self._closing
        finally:
            self.close()

    def close(self) -> None:
        """Let the source go; a second call does nothing."""
        _open.discard(self)
        self._feed.close()

    def say_goodbye(self) -> None:
        """End with the closing event."""
        self._feed.end(_Closing())


def close_all() -> int:
    """End all streams of this process with their closing event, before the server ends.

    Browsers come back by themselves, with the id of the last event they got.

    Returns:
        How many there were.
    """
    bodies = list(_open)
    for body in bodies:
        body.say_goodbye()
    return len(bodies)


closers.append(close_all)


def last_event_id() -> str | None:
    """The id that a browser sends when it comes back: of the last event that it got.

    Returns:
        None if this is its first visit.
    """
    return request.headers.get("Last-Event-ID") or None
