"""The front of the channels: publish and subscribe, in both colours."""

from __future__ import annotations

import typing as t

from .. import json
from .inbox import OVERFLOWS
from .memory import MemoryBackend
from .message import Message
from .subscription import Backend, Subscription

T = t.TypeVar("T")
Coroutine = t.Coroutine[t.Any, t.Any, T]

_LONGEST_NAME = 200


class Runner(t.Protocol):
    """Runs a backend's coroutines."""

    def wait(self, coroutine: Coroutine[T]) -> T:
        """Block until it is done."""

    def await_(self, coroutine: Coroutine[T]) -> t.Awaitable[T]:
        """Await that it is done."""


class AtOnce:
    """Runs coroutines that never wait."""

    def wait(self, coroutine: Coroutine[T]) -> T:
        """The coroutine's result."""
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return t.cast(T, stop.value)
        raise AssertionError("a backend in memory never waits")

    def await_(self, coroutine: Coroutine[T]) -> t.Awaitable[T]:
        """The coroutine itself."""
        return coroutine


class Channels:
    """Channels by name: what is published in one reaches all who subscribe to it.

    Args:
        url: ``memory://`` for this process, ``redis://host:port/0`` (or ``rediss://``,
            ``unix://``) for all processes that use the same Redis; needs ``erlen[redis]``.
        history: Messages to keep of each channel, for those who come back.
        keep: Seconds to keep them after the last one.
        queue: Messages that may wait for one subscription.
        overflow: What happens if more wait: ``close`` ends the subscription with
            ``SlowConsumer``, ``drop_oldest`` and ``drop_newest`` lose messages, which
            ``subscription.dropped`` counts.
        prefix: What the names in Redis begin with.

    Raises:
        ValueError: An unknown kind of URL, or a number that can't work.
    """

    def __init__(
        self,
        url: str = "memory://",
        *,
        history: int = 0,
        keep: float = 3600.0,
        queue: int = 100,
        overflow: str = "close",
        prefix: str = "erlen:channels",
    ) -> None:
        if type(history) is not int or history < 0:
            raise ValueError(f"'history' is a number of messages, not {history!r}.")
        if overflow not in OVERFLOWS:
            raise ValueError(f"'overflow' is one of {', '.join(OVERFLOWS)}, not {overflow!r}.")
        self.queue = queue
        self.overflow = overflow
        self.backend: Backend
        self._runner: Runner
        scheme = url.partition(":")[0]
        if scheme == "memory":
            self.backend, self._runner = MemoryBackend(history, keep), AtOnce()
        elif scheme in ("redis", "rediss", "unix"):
            from .redis import RedisBackend
            from .thread import LoopThread

            thread = LoopThread()
            self._runner = thread
            self.backend = RedisBackend(url, history, keep, prefix, thread)
        else:
            raise ValueError(
                f"There are no channels over {scheme!r}. Use memory:// or redis://host:port/0."
            )

    def wait(self, coroutine: Coroutine[T]) -> T:
        """Run a backend's coroutine and block until it is done."""
        return self._runner.wait(coroutine)

    def await_(self, coroutine: Coroutine[T]) -> t.Awaitable[T]:
        """Run a backend's coroutine and await it."""
        return self._runner.await_(coroutine)

    # -- publishing -----------------------------------------------------------------------

    def publish(self, channel: str, data: t.Any, event: str | None = None) -> str:
        """Send a message to all who subscribe to a channel; from sync code.

        Args:
            channel: Name of the channel.
            data: What JSON can say.
            event: Name of the event, for server-sent events.

        Returns:
            The message's id.

        Raises:
            ChannelsUnavailable: Redis can't be reached.
            TypeError: The data is not JSON's.
        """
        return self.wait(self._publish(channel, data, event))

    async def apublish(self, channel: str, data: t.Any, event: str | None = None) -> str:
        """The same as :meth:`publish`, from a coroutine."""
        return await self.await_(self._publish(channel, data, event))

    def _publish(self, channel: str, data: t.Any, event: str | None) -> Coroutine[str]:
        check_name(channel)
        if event is not None and not set("\r\n\0").isdisjoint(event):
            raise ValueError("The name of an event has no line breaks.")
        return self.backend.publish(channel, json.dumps(data), event)

    # -- subscribing -----------------------------------------------------------------------

    def subscribe(
        self,
        *channels: str,
        after: str | None = None,
        queue: int | None = None,
        overflow: str | None = None,
    ) -> Subscription:
        """Make a subscription, for ``with`` or ``async with``.

        Args:
            channels: Names of one or several channels.
            after: Id of the last message that is known (``Last-Event-ID``): what came
                since, as far as it is kept, is delivered first. ``""`` delivers all that
                is kept. Only for one channel.
            queue: In place of the channels' own.
            overflow: Likewise.
        """
        if not channels:
            raise TypeError("Name the channels to subscribe to.")
        for channel in channels:
            check_name(channel)
        if after is not None and len(channels) > 1:
            raise TypeError("An id belongs to one channel: subscribe to one with 'after'.")
        return Subscription(
            self,
            tuple(dict.fromkeys(channels)),
            after,
            self.queue if queue is None else queue,
            overflow or self.overflow,
        )

    # -- who is there, what was -------------------------------------------------------------

    def count(self, channel: str) -> int:
        """How many subscriptions a channel has, in all processes."""
        return self.wait(self.backend.count(channel))

    async def acount(self, channel: str) -> int:
        """The same as :meth:`count`, from a coroutine."""
        return await self.await_(self.backend.count(channel))

    def recent(self, channel: str) -> list[Message]:
        """The messages of a channel that are kept, the oldest first."""
        return self.wait(self.backend.recent(channel))

    async def arecent(self, channel: str) -> list[Message]:
        """The same as :meth:`recent`, from a coroutine."""
        return await self.await_(self.backend.recent(channel))

    def close(self) -> None:
        """Let go of the connections to Redis."""
        self.wait(self.backend.aclose())

    async def aclose(self) -> None:
        """The same as :meth:`close`, from a coroutine."""
        await self.await_(self.backend.aclose())


def check_name(channel: str) -> None:
    """Refuse a name that is no text, empty or endless: it may come from a client.

    Args:
        channel: The name.

    Raises:
        ValueError: It can't be a channel's.
    """
    if not isinstance(channel, str) or not 0 < len(channel) <= _LONGEST_NAME:
        raise ValueError(f"The name of a channel is a text of 1 to {_LONGEST_NAME} characters.")
