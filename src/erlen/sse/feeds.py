"""Sources of events, each made into something that can be waited for with a timeout.

A generator can't be asked whether its next item is there. It runs in a thread or task of
its own, one item ahead, so that its stream can send heartbeats meanwhile.
"""

from __future__ import annotations

import contextvars
import threading
import typing as t
from collections.abc import AsyncIterable, Iterable

from ..channels import Inbox, Subscription
from ..channels.message import Message
from ..http.sse import Event, encode
from ..server.threads.bridge import running_loop

if t.TYPE_CHECKING:
    import asyncio

ToEvent = t.Callable[[t.Any], t.Any]


class Feed(t.Protocol):
    """What a stream takes its events from."""

    def get(self, timeout: float | None) -> bytes:
        """The next event, in a thread; raises TimeoutError, EndOfInbox or the source's error."""

    async def aget(self, timeout: float | None) -> bytes:
        """The same, in a coroutine."""

    def close(self) -> None:
        """Nothing more is wanted; from any thread, never waiting."""

    def end(self, error: BaseException) -> None:
        """Raise an error in whoever gets the next event; from any thread."""


def feed_of(source: t.Any, to_event: ToEvent | None) -> Feed:
    """Make a feed of a source; nothing runs before the first event is asked for.

    Args:
        source: A subscription, an iterable or an asynchronous iterable.
        to_event: Makes an event of what the source gives.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(source, Subscription):
        return SubscriptionFeed(source, to_event)
    if isinstance(source, AsyncIterable):
        return TaskFeed(source, to_event)
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes, dict)):
        return ThreadFeed(source, to_event)
    raise TypeError(
        "The source of an EventStream is a subscription, a generator or an asynchronous"
        f" generator, not {source!r}."
    )


class SubscriptionFeed:
    """The messages of a channel.

    Args:
        subscription: The subscription.
        to_event: Makes an event of a message.
    """

    def __init__(self, subscription: Subscription, to_event: ToEvent | None) -> None:
        self._subscription = subscription
        self._to_event = to_event
        self._context = contextvars.copy_context()
        self._gap_told = False

    def _encode(self, message: Message) -> bytes:
        if self._to_event is not None:
            return self._context.run(lambda: encode(self._to_event(message)))  # type: ignore[misc]
        return encode_message(message)

    def _gap(self) -> bytes:
        # Once per gap: the page should fetch afresh what it shows.
        if not self._subscription.missed:
            return b""
        self._subscription.missed = False
        return bytes(Event("", event="gap"))

    def get(self, timeout: float | None) -> bytes:
        """The next event, in a thread."""
        subscription = self._subscription
        subscription.open()
        return self._gap() or self._encode(subscription.get(timeout))

    async def aget(self, timeout: float | None) -> bytes:
        """The next event, in a coroutine."""
        subscription = self._subscription
        await subscription.aopen()
        return self._gap() or self._encode(await subscription.aget(timeout))

    def close(self) -> None:
        """End the subscription."""
        self._subscription.close()

    def end(self, error: BaseException) -> None:
        """Raise an error in whoever gets the next event."""
        self._subscription.inbox.close(error, now=True)


def encode_message(message: Message) -> bytes:
    """The event of a message: its id, its event's name, its data.

    Args:
        message: The message.
    """
    # JSON text has no line breaks: only text has to be decoded.
    data = message.data if message.text[:1] == '"' else message.text
    return bytes(Event(data, message.id, message.event))


class _Pumped:
    """A source that something else runs, one item ahead.

    Args:
        source: The source.
        to_event: Makes an event of an item.
    """

    def __init__(self, source: t.Any, to_event: ToEvent | None) -> None:
        self._source = source
        self._to_event = to_event
        # The request's: what the source asks of it is answered.
        self._context = contextvars.copy_context()
        self._inbox: Inbox[bytes] = Inbox(1)
        self._started = False

    def _encode(self, item: t.Any) -> bytes:
        if isinstance(item, Message) and self._to_event is None:
            return encode_message(item)
        return encode(item if self._to_event is None else self._to_event(item))

    def _start(self) -> None:
        raise NotImplementedError

    def get(self, timeout: float | None) -> bytes:
        """The next event, in a thread."""
        if not self._started:
            self._started = True
            self._start()
        return self._inbox.get(timeout)

    async def aget(self, timeout: float | None) -> bytes:
        """The next event, in a coroutine."""
        if not self._started:
            self._started = True
            self._start()
        return await self._inbox.aget(timeout)

    def close(self) -> None:
        """Nothing more is wanted."""
        self._inbox.close(now=True)

    def end(self, error: BaseException) -> None:
        """Raise an error in whoever gets the next event."""
        self._inbox.close(error, now=True)


class ThreadFeed(_Pumped):
    """A generator, run in a thread of its own.

    It can't be interrupted: when the stream ends, it is closed as soon as it gives its
    next item.
    """

    def _start(self) -> None:
        run = self._context.run
        threading.Thread(target=run, args=(self._pump,), name="erlen-events", daemon=True).start()

    def _pump(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._source:
                if not self._inbox.put_waiting(self._encode(item)):
                    break
        except BaseException as raised:
            error = raised
        try:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
        except BaseException as raised:
            error = error or raised
        self._inbox.close(error)
        error = None

    def close(self) -> None:
        """Nothing more is wanted."""
        super().close()
        if not self._started:
            # A generator that never ran is closed by its end.
            self._source = None


class TaskFeed(_Pumped):
    """An asynchronous generator, run in a task of its own."""

    def __init__(self, source: t.Any, to_event: ToEvent | None) -> None:
        super().__init__(source, to_event)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def _start(self) -> None:
        import asyncio

        here = asyncio._get_running_loop()
        if here is not None:
            self._loop = here
            self._task = here.create_task(self._pump(), context=self._context)
            return
        # A WSGI server's thread: the process's loop runs it.
        self._loop = running_loop()
        self._loop.call_soon_threadsafe(self._start_there)

    def _start_there(self) -> None:
        assert self._loop is not None
        if not self._inbox.ended:
            self._task = self._loop.create_task(self._pump(), context=self._context)

    async def _pump(self) -> None:
        error: BaseException | None = None
        iterator = self._source.__aiter__()
        try:
            async for item in iterator:
                if not await self._inbox.aput_waiting(self._encode(item)):
                    break
        except BaseException as raised:
            error = raised
        try:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
        except BaseException as raised:
            error = error or raised
        self._inbox.close(error)
        error = None

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """Cancel the generator where it waits."""
        super().close()
        self._end_task()

    def end(self, error: BaseException) -> None:
        """Raise an error in whoever gets the next event, and cancel the generator."""
        super().end(error)
        self._end_task()

    def _end_task(self) -> None:
        import asyncio

        if self._loop is None:
            return
        if asyncio._get_running_loop() is self._loop:
            self._stop()
            return
        try:
            self._loop.call_soon_threadsafe(self._stop)
        except RuntimeError:
            # The loop is closed, and with it the task.
            pass
