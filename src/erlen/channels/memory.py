"""Channels inside one process."""

from __future__ import annotations

import typing as t
from _thread import allocate_lock
from collections import deque
from time import monotonic, time_ns

from .inbox import Inbox
from .message import Key, Message, parse_id

if t.TYPE_CHECKING:
    from .subscription import Subscription

#: Seconds between two looks for channels that nobody uses any more.
_SWEEP = 60.0


class _Topic:
    """One channel.

    Args:
        history: Messages to keep.
        last: Place of the newest message of any channel.
    """

    __slots__ = ("lock", "inboxes", "kept", "floor", "last", "used")

    def __init__(self, history: int, last: Key) -> None:
        self.lock = allocate_lock()
        self.inboxes: dict[Inbox[Message], None] = {}
        self.kept: deque[Message] = deque(maxlen=history)
        #: Nothing is known of what was published up to here.
        self.floor = last
        self.last = last
        self.used = monotonic()


class MemoryBackend:
    """Keeps subscriptions and history in the process.

    Args:
        history: Messages to keep of each channel.
        keep: Seconds to keep those of a channel where nothing happens.
    """

    def __init__(self, history: int, keep: float) -> None:
        self._history = history
        self._keep = keep
        self._lock = allocate_lock()
        self._topics: dict[str, _Topic] = {}
        # Ids of an earlier life of this process are lower.
        self._last: Key = (time_ns() // 1_000_000, 0)
        self._swept = monotonic()

    def _topic(self, channel: str) -> _Topic:
        topic = self._topics.get(channel)
        if topic is None:
            topic = self._topics[channel] = _Topic(self._history, self._last)
        return topic

    def _next_key(self) -> Key:
        now, (then, number) = time_ns() // 1_000_000, self._last
        # A clock that is set back changes nothing.
        self._last = key = (now, 0) if now > then else (then, number + 1)
        return key

    async def publish(self, channel: str, text: str, event: str | None) -> str:
        """Pass a message on; gives its id."""
        with self._lock:
            if monotonic() - self._swept > _SWEEP:
                self._sweep()
            topic = self._topic(channel)
            topic.used = monotonic()
            key = self._next_key()
            # The next message must not overtake this one.
            topic.lock.acquire()
        try:
            message = Message(channel, f"{key[0]}-{key[1]}", text, event)
            topic.last = key
            if self._history:
                if len(topic.kept) == self._history:
                    topic.floor = topic.kept[0].key
                topic.kept.append(message)
            ended = [inbox for inbox in topic.inboxes if not inbox.put(message)]
            for inbox in ended:
                del topic.inboxes[inbox]
        finally:
            topic.lock.release()
        return message.id

    def _sweep(self) -> None:
        now = self._swept = monotonic()
        for name, topic in list(self._topics.items()):
            unused = not topic.inboxes and now - topic.used > self._keep
            if unused or not (topic.inboxes or topic.kept):
                del self._topics[name]

    async def attach(self, subscription: Subscription) -> None:
        """Begin to deliver."""
        for channel in subscription.channels:
            with self._lock:
                topic = self._topic(channel)
                topic.used = monotonic()
                topic.lock.acquire()
            try:
                _replay(topic, subscription)
                topic.inboxes[subscription.inbox] = None
            finally:
                topic.lock.release()

    def detach(self, subscription: Subscription) -> None:
        """Deliver no more."""
        for channel in subscription.channels:
            with self._lock:
                topic = self._topics.get(channel)
                if topic is None:
                    continue
                topic.lock.acquire()
            try:
                topic.inboxes.pop(subscription.inbox, None)
                topic.used = monotonic()
            finally:
                topic.lock.release()

    async def count(self, channel: str) -> int:
        """How many subscriptions a channel has."""
        topic = self._topics.get(channel)
        return len(topic.inboxes) if topic is not None else 0

    async def recent(self, channel: str) -> list[Message]:
        """The messages that are kept, the oldest first."""
        with self._lock:
            topic = self._topics.get(channel)
            if topic is None:
                return []
            with topic.lock:
                return list(topic.kept)

    async def aclose(self) -> None:
        """Nothing is held."""


def _replay(topic: _Topic, subscription: Subscription) -> None:
    after = subscription.after
    if after is None:
        return
    if after == "":
        subscription.replay(topic.kept)
        return
    key = parse_id(after)
    if key is None or key < topic.floor or key > topic.last:
        # Not ours, or so old that something may be missing.
        subscription.missed = True
        key = (-1, -1)
    subscription.replay(message for message in topic.kept if message.key > key)
