"""A bounded memory of events, for those who come back."""

from __future__ import annotations

import typing as t

from ..channels import Channels

if t.TYPE_CHECKING:
    from ..channels import Message, Subscription

_NAME = "log"


class EventLog:
    """The last events of one process, numbered, and all who follow them.

    For several processes, or for events that outlive a restart, use
    :class:`erlen.channels.Channels` over Redis with ``history``.

    Args:
        size: Events to keep.
        queue: Events that may wait for one follower.
        overflow: What happens if more wait; see :class:`erlen.channels.Channels`.
    """

    def __init__(self, size: int = 1000, *, queue: int = 100, overflow: str = "close") -> None:
        # What is kept stays: there is no other channel to make room for.
        self._channels = Channels(history=size, keep=float("inf"), queue=queue, overflow=overflow)

    def append(self, data: t.Any, event: str | None = None) -> str:
        """Add an event and send it to all who follow; from sync and async code alike.

        Args:
            data: Text, or what JSON can say.
            event: Name of the event.

        Returns:
            The event's id.
        """
        return self._channels.publish(_NAME, data, event)

    def follow(self, after: str | None = None) -> Subscription:
        """What comes from now on, as a source for an ``EventStream``.

        Args:
            after: Id of the last event that is known (``Last-Event-ID``): what came since
                goes first. None begins with the next one, ``""`` with the oldest.
        """
        return self._channels.subscribe(_NAME, after=after)

    def __iter__(self) -> t.Iterator[Message]:
        return iter(self._channels.recent(_NAME))

    def __len__(self) -> int:
        return len(self._channels.recent(_NAME))

    @property
    def followers(self) -> int:
        """How many streams follow."""
        return self._channels.count(_NAME)
