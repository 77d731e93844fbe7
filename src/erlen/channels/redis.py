"""Channels over Redis: all processes that use the same server share them.

Live messages go by PUBLISH, and with ``history`` into a stream besides. One connection
per process listens; what it missed while Redis was gone is read from the stream.
"""

from __future__ import annotations

import asyncio
import logging
import os
import typing as t
import uuid
import weakref
from functools import partial

from .errors import ChannelsUnavailable
from .message import Key, Message, parse_id

try:
    import redis.asyncio as redis
    from redis.exceptions import RedisError
except ImportError as error:
    raise ImportError(
        "Channels over Redis need the package 'redis': pip install 'erlen[redis]'"
    ) from error

if t.TYPE_CHECKING:
    from .inbox import Inbox
    from .subscription import Subscription
    from .thread import LoopThread

logger = logging.getLogger("erlen.channels")

#: Seconds after which a process that said nothing is not counted any more, and between
#: two times that it says so.
PRESENT, REFRESH = 30, 10
#: Seconds to wait for an answer, and between two tries to connect.
ANSWER, LONGEST_PAUSE = 5.0, 5.0

# One step, so that nobody sees a message in the stream but not in the channel.
_PUBLISH = """
local id
if ARGV[1] == '0' then
  local now = redis.call('TIME')
  id = (now[1] * 1000 + math.floor(now[2] / 1000)) .. '-' .. now[2]
else
  id = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[1], '*', 'e', ARGV[3], 'd', ARGV[4])
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
redis.call('PUBLISH', KEYS[1], id .. '\\n' .. ARGV[3] .. '\\n' .. ARGV[4])
return id
"""
_HERE = """
local now = redis.call('TIME')
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  local ends = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[3]
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ends)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
"""
_COUNT = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local all, total = redis.call('HGETALL', KEYS[1]), 0
for i = 1, #all, 2 do
  local count, ends = string.match(all[i + 1], '(%d+) (%d+)')
  if tonumber(ends) > now then total = total + tonumber(count)
  else redis.call('HDEL', KEYS[1], all[i]) end
end
return total
"""

Entry = tuple["Inbox[Message]", "weakref.ref[Subscription]"]


class _Topic:
    """One channel that this process listens to."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        #: Done when Redis has confirmed that it sends.
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: Place of the last message that was delivered, or was there before.
        self.last: Key | None = None
        #: What came from the stream may come once more by the channel.
        self.filled_to: Key = (-1, -1)


class RedisBackend:
    """The connections of one process; its coroutines run on the loop of ``thread``.

    Args:
        url: Where Redis is.
        history: Messages to keep of each channel.
        keep: Seconds to keep them after the last one.
        prefix: What names in Redis begin with.
        thread: The loop.
    """

    def __init__(
        self, url: str, history: int, keep: float, prefix: str, thread: LoopThread
    ) -> None:
        self._url, self._prefix, self._thread = url, prefix, thread
        self._history, self._keep = history, max(int(keep), 1)
        thread.on_fork = self._begin
        self._begin()

    def _begin(self) -> None:
        self._client: t.Any = None
        self._pubsub: t.Any = None
        #: Channels that the present connection was told to subscribe to.
        self._asked: set[str] = set()
        self._topics: dict[str, _Topic] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = False
        #: Held while the connection is told what to subscribe to.
        self._telling = asyncio.Lock()
        self._worker = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"

    @property
    def client(self) -> t.Any:
        """The client for all but listening."""
        if self._client is None:
            self._client = redis.Redis.from_url(
                self._url,
                decode_responses=True,
                socket_timeout=ANSWER,
                socket_connect_timeout=ANSWER,
                health_check_interval=REFRESH,
            )
        return self._client

    def _key(self, channel: str) -> str:
        return f"{self._prefix}:{channel}"

    def _here(self, channel: str) -> str:
        return f"{self._prefix}/here:{channel}"

    async def _ask(
        self, command: t.Callable[..., t.Any], *arguments: t.Any, again: bool = True
    ) -> t.Any:
        """Ask Redis; once more where asking twice does no harm.

        A pooled connection may have ended unnoticed.
        """
        try:
            return await command(*arguments)
        except (RedisError, OSError) as error:
            if not again:
                raise ChannelsUnavailable(f"Redis does not answer: {error}") from error
        return await self._ask(command, *arguments, again=False)

    # -- publishing ----------------------------------------------------------------------

    async def publish(self, channel: str, text: str, event: str | None) -> str:
        """Pass a message on; gives its id."""
        arguments = (self._history, self._keep, event or "", text)
        ask = partial(self._ask, self.client.eval, _PUBLISH, 1, self._key(channel))
        # Never twice: it might come twice.
        return t.cast(str, await ask(*arguments, again=False))

    async def recent(self, channel: str) -> list[Message]:
        """The messages that are kept, the oldest first."""
        found = await self._ask(self.client.xrange, self._key(channel))
        return [
            Message(channel, id, fields.get("d", "null"), fields.get("e") or None)
            for id, fields in found
        ]

    # -- subscribing -----------------------------------------------------------------------

    async def attach(self, subscription: Subscription) -> None:
        """Begin to deliver; done when Redis has confirmed it."""
        entry = subscription.inbox, weakref.ref(subscription)
        for channel in subscription.channels:
            topic = self._topics.get(channel)
            if topic is None:
                topic = self._topics[channel] = _Topic()
            topic.entries.append(entry)
        if not self._listening:
            self._listening = True
            self._start(self._listen())
            self._start(self._refresh())
        try:
            async with asyncio.timeout(ANSWER):
                await self._tell()
                for channel in subscription.channels:
                    await self._begin_with(channel, subscription)
        except (TimeoutError, OSError) as error:
            self._detach(subscription.inbox, subscription.channels)
            raise ChannelsUnavailable(f"Redis does not answer: {error}") from error

    async def _begin_with(self, channel: str, subscription: Subscription) -> None:
        topic = self._topics[channel]
        await asyncio.shield(topic.ready)
        if self._history and topic.last is None:
            ask = partial(self.client.xrevrange, count=1)
            newest = await self._ask(ask, self._key(channel))
            if topic.last is None:
                topic.last = parse_id(newest[0][0]) if newest else (0, 0)
        if subscription.after is not None:
            await self._replay(channel, subscription)
        await self._say_here(channel)

    async def _replay(self, channel: str, subscription: Subscription) -> None:
        kept = await self.recent(channel)
        after = t.cast(str, subscription.after)
        if after != "":
            kept, complete = since(kept, parse_id(after), self._history)
            subscription.missed = subscription.missed or not complete
        subscription.replay(kept)

    def detach(self, subscription: Subscription) -> None:
        """Deliver no more; from any thread, never waiting."""
        self._thread.post(self._detach, subscription.inbox, subscription.channels)

    def _detach(self, inbox: Inbox[Message], channels: tuple[str, ...]) -> None:
        for channel in channels:
            topic = self._topics.get(channel)
            if topic is None:
                continue
            topic.entries = [entry for entry in topic.entries if entry[0] is not inbox]
            self._start(self._leave(channel))

    async def _leave(self, channel: str) -> None:
        try:
            await self._tell()
            await self._say_here(channel)
        except OSError:
            # The next connection subscribes to what is wanted then.
            pass

    def _start(self, work: t.Coroutine[t.Any, t.Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        """Tell the connection what is listened to now, if there is a connection."""
        async with self._telling:
            pubsub = self._pubsub
            # Here, in one step with the command: one that is subscribed to again until
            # now is the old one.
            for channel in [c for c, topic in self._topics.items() if not topic.entries]:
                del self._topics[channel]
            if pubsub is None:
                return
            wanted = set(self._topics)
            more, less = wanted - self._asked, self._asked - wanted
            self._asked = wanted
            if more:
                await self._ask(pubsub.subscribe, *map(self._key, more), again=False)
            if less:
                await self._ask(pubsub.unsubscribe, *map(self._key, less), again=False)

    # -- listening --------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Listen for good; connect again whenever the connection is lost."""
        pause, told = 0.05, False
        while True:
            pubsub = self.client.pubsub()
            try:
                async with self._telling:
                    self._asked = set(self._topics)
                    channels = (f"{self._prefix}/all", *map(self._key, self._asked))
                    await pubsub.subscribe(*channels)
                    self._pubsub = pubsub
                if told:
                    logger.warning("Redis is back.")
                pause, told = 0.05, False
                while True:
                    found = await pubsub.get_message(timeout=REFRESH)
                    if found is not None:
                        await self._take(found)
            except (RedisError, OSError) as error:
                if not told:
                    logger.warning("Redis is gone, its channels wait for it: %s", error)
                told = True
            finally:
                self._pubsub = None
                await _close(pubsub)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _take(self, found: dict[str, t.Any]) -> None:
        channel = found["channel"].removeprefix(f"{self._prefix}:")
        topic = self._topics.get(channel)
        if topic is None:
            return
        if found["type"] == "message":
            id, event, text = found["data"].split("\n", 2)
            message = Message(channel, id, text, event or None)
            if message.key > topic.filled_to:
                _deliver(topic, message)
        elif found["type"] == "subscribe":
            if topic.ready.done():
                # Once more: the connection was lost and made again.
                await self._fill_gap(channel, topic)
            else:
                topic.ready.set_result(None)

    async def _fill_gap(self, channel: str, topic: _Topic) -> None:
        missed: list[Message] = []
        complete = False
        if self._history:
            kept = await self.recent(channel)
            missed, complete = since(kept, topic.last or (0, 0), self._history)
        for message in missed:
            topic.filled_to = message.key
            _deliver(topic, message)
        if not complete:
            for _, reference in topic.entries:
                subscription = reference()
                if subscription is not None:
                    subscription.missed = True
        await self._say_here(channel)

    # -- who is here -------------------------------------------------------------------------

    async def _say_here(self, channel: str) -> None:
        topic = self._topics.get(channel)
        count = len(topic.entries) if topic is not None else 0
        arguments = (self._worker, count, int(PRESENT * 1000))
        await self._ask(self.client.eval, _HERE, 1, self._here(channel), *arguments)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH)
            for channel in list(self._topics):
                try:
                    await self._say_here(channel)
                except ChannelsUnavailable:
                    break

    async def count(self, channel: str) -> int:
        """How many subscriptions a channel has, in all processes that are alive."""
        return int(await self._ask(self.client.eval, _COUNT, 1, self._here(channel)))

    async def aclose(self) -> None:
        """Let go of the connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for channel, topic in list(self._topics.items()):
            for inbox, _ in topic.entries:
                inbox.close()
            topic.entries.clear()
            try:
                await self._say_here(channel)
            except ChannelsUnavailable:
                break
        client = self._client
        self._begin()
        if client is not None:
            await _close(client)


async def _close(connection: t.Any) -> None:
    try:
        await connection.aclose()
    except (RedisError, OSError):
        # It was lost already.
        pass


def _deliver(topic: _Topic, message: Message) -> None:
    topic.last = message.key
    for entry in tuple(topic.entries):
        if not entry[0].put(message):
            topic.entries.remove(entry)


def since(kept: list[Message], after: Key | None, history: int) -> tuple[list[Message], bool]:
    """What of a history came after a message.

    Args:
        kept: The history, the oldest first.
        after: Place of the last message that is known; (0, 0) if there was none before,
            None for an id that is none of ours.
        history: How many messages are kept at most.

    Returns:
        The later messages, and whether none is missing between.
    """
    if after is None or (kept and after > kept[-1].key):
        # From another Redis, or one that has lost its data.
        return kept, False
    later = [message for message in kept if message.key > after]
    # What was known is still there, or something older: nothing in between was dropped.
    return later, len(later) < len(kept) or (after == (0, 0) and len(kept) < history)
