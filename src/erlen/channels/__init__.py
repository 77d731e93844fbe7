"""Broadcast channels: one publishes, all who subscribe get it; in memory or over Redis.

::

    channels = Channels("redis://localhost:6379/0", history=100)

    channels.publish("news", {"text": "hello"})        # await channels.apublish(...)

    with channels.subscribe("news") as messages:       # async with ...
        for message in messages:                       # async for ...
            print(message.data)
"""

from __future__ import annotations

from .errors import ChannelsUnavailable as ChannelsUnavailable
from .hub import Channels as Channels
from .inbox import EndOfInbox as EndOfInbox
from .inbox import Inbox as Inbox
from .inbox import SlowConsumer as SlowConsumer
from .message import Message as Message
from .subscription import Subscription as Subscription

__all__ = [
    "Channels",
    "ChannelsUnavailable",
    "EndOfInbox",
    "Inbox",
    "Message",
    "SlowConsumer",
    "Subscription",
]
