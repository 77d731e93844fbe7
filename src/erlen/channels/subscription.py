"""A subscription: what comes in, for threads and for coroutines."""

from __future__ import annotations

import typing as t
from collections import deque

from .inbox import EndOfInbox, Inbox
from .message import Message

if t.TYPE_CHECKING:
    from types import TracebackType


class Backend(t.Protocol):
    """Where messages are kept and passed on."""

    async def publish(self, channel: str, text: str, event: str | None) -> str:
        """Pass a message on; gives its id."""

    async def attach(self, subscription: Subscription) -> None:
        """Begin to deliver."""

    def detach(self, subscription: Subscription) -> None:
        """Deliver no more; from any thread, never waiting."""

    async def count(self, channel: str) -> int:
        """How many subscriptions a channel has, in all processes."""

    async def recent(self, channel: str) -> list[Message]:
        """The messages that are kept, the oldest first."""

    async def aclose(self) -> None:
        """Let go of connections."""


class Subscription:
    """The messages of one or several channels, made by ``channels.subscribe()``.

    For ``with`` and ``for``, or ``async with`` and ``async for``. It is open from the
    beginning of the block, or from the first message that is asked for.

    Args:
        hub: What runs a backend's coroutine in either colour.
        channels: Names of the channels.
        after: Id of the last message that is known; what came since is delivered first.
            ``""`` delivers all that is kept, None nothing.
        queue: Messages that may wait.
        overflow: What happens if more wait; see :class:`erlen.channels.Channels`.
    """

    def __init__(
        self,
        hub: t.Any,
        channels: tuple[str, ...],
        after: str | None,
        queue: int,
        overflow: str,
    ) -> None:
        self.channels = channels
        self.after = after
        self.inbox: Inbox[Message] = Inbox(queue, overflow)
        #: Whether messages were lost: kept no longer, or published while no connection was there.
        self.missed = False
        self._hub = hub
        self._opened = False
        self._replay: deque[Message] = deque()
        #: Places up to which messages were replayed.
        self._replayed_to: dict[str, tuple[int, int]] = {}

    @property
    def dropped(self) -> int:
        """How many messages were lost because the queue was full."""
        return self.inbox.dropped

    def __repr__(self) -> str:
        return f"<Subscription to {', '.join(map(repr, self.channels))}>"

    # -- opening and closing ----------------------------------------------------------

    def open(self) -> None:
        """Begin to collect messages; returns when none that comes later is missed."""
        if not self._opened:
            self._opened = True
            self._hub.wait(self._hub.backend.attach(self))

    async def aopen(self) -> None:
        """The same as :meth:`open`, in a coroutine."""
        if not self._opened:
            self._opened = True
            await self._hub.await_(self._hub.backend.attach(self))

    def close(self) -> None:
        """End the subscription; whoever waits for a message is woken."""
        if self._opened:
            self._hub.backend.detach(self)
        self._opened = True
        self.inbox.close(now=True)
        self._replay.clear()

    def __del__(self) -> None:
        if self.__dict__.get("_opened") and not self.inbox.ended:
            self.close()

    def __enter__(self) -> t.Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> t.Self:
        await self.aopen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- the backend's side --------------------------------------------------------------

    def replay(self, messages: t.Iterable[Message]) -> None:
        """Deliver what was kept, before all else.

        Args:
            messages: The messages, the oldest first.
        """
        self._replay.extend(messages)
        if self._replay:
            newest = self._replay[-1]
            self._replayed_to[newest.channel] = newest.key

    def _is_new(self, message: Message) -> bool:
        # What was replayed may have come by the channel meanwhile.
        last = self._replayed_to.get(message.channel)
        return last is None or message.key > last

    # -- the reader's side ----------------------------------------------------------------

    def get(self, timeout: float | None = None) -> Message:
        """Wait for the next message in a thread.

        Args:
            timeout: Seconds to wait; None waits for ever.

        Raises:
            TimeoutError: None came in time.
            EndOfInbox: The subscription was closed.
            SlowConsumer: Too many messages waited.
        """
        self.open()
        if self._replay:
            return self._replay.popleft()
        while not self._is_new(message := self.inbox.get(timeout)):
            pass
        return message

    async def aget(self, timeout: float | None = None) -> Message:
        """The same as :meth:`get`, in a coroutine."""
        await self.aopen()
        if self._replay:
            return self._replay.popleft()
        while not self._is_new(message := await self.inbox.aget(timeout)):
            pass
        return message

    def __iter__(self) -> t.Iterator[Message]:
        return self

    def __next__(self) -> Message:
        try:
            return self.get()
        except EndOfInbox:
            raise StopIteration from None

    def __aiter__(self) -> t.AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        try:
            return await self.aget()
        except EndOfInbox:
            raise StopAsyncIteration from None
