"""A bounded queue between any two threads or event loops.

Whoever puts or gets may be a thread that blocks or a coroutine that awaits. One reader
at a time: an inbox belongs to one subscription or stream.
"""

from __future__ import annotations

import typing as t
from _thread import allocate_lock
from collections import deque
from time import monotonic

from ..server.threads.pool import mailbox_of

if t.TYPE_CHECKING:
    import asyncio

T = t.TypeVar("T")

OVERFLOWS = ("close", "drop_oldest", "drop_newest")


class EndOfInbox(Exception):
    """Nothing more will come."""


class NothingCame(TimeoutError):
    """The time to wait for the next message is over."""


class SlowConsumer(Exception):
    """Messages came faster than they were taken, and more than the queue holds.

    Ends a subscription, unless it may drop messages.
    """


class _Waiter:
    """A thread, or a coroutine on a loop, that waits for a change.

    Args:
        loop: The loop; None for a thread.
    """

    __slots__ = ("_future", "_lock", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        self._future: t.Any = None
        if loop is None:
            self._lock = allocate_lock()
            self._lock.acquire()
        else:
            self._future = loop.create_future()

    def wake(self) -> None:
        """Let it go on; from any thread, once."""
        if self._loop is None:
            self._lock.release()
            return
        import asyncio

        if asyncio._get_running_loop() is self._loop:
            self._wake_future()
        else:
            mailbox_of(self._loop).post(self._wake_future)

    def _wake_future(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    def wait(self, timeout: float | None) -> None:
        """Block the thread until it is woken, or for some seconds."""
        self._lock.acquire(timeout=-1 if timeout is None else max(timeout, 0))

    async def await_(self, timeout: float | None) -> None:
        """Await being woken, or some seconds."""
        if timeout is None:
            await self._future
            return
        import asyncio

        await asyncio.wait([self._future], timeout=timeout)


class Inbox(t.Generic[T]):
    """The queue.

    Args:
        limit: Items that it holds.
        overflow: What becomes of an item that there is no room for: ``close`` ends the
            inbox behind what it holds, ``drop_oldest`` and ``drop_newest`` lose one.
    """

    __slots__ = (
        *("limit", "overflow", "dropped", "_lock", "_items", "_end", "_reader", "_writer"),
        "__weakref__",
    )

    def __init__(self, limit: int, overflow: str = "close") -> None:
        if type(limit) is not int or limit < 1:
            raise ValueError(f"The limit of a queue is a number from 1 on, not {limit!r}.")
        if overflow not in OVERFLOWS:
            raise ValueError(f"'overflow' is one of {', '.join(OVERFLOWS)}, not {overflow!r}.")
        self.limit = limit
        self.overflow = overflow
        #: How many items were lost.
        self.dropped = 0
        self._lock = allocate_lock()
        self._items: deque[T] = deque()
        self._end: BaseException | None = None
        self._reader: _Waiter | None = None
        self._writer: _Waiter | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def ended(self) -> bool:
        """Whether nothing more can be put."""
        return self._end is not None

    # -- putting -------------------------------------------------------------------------

    def put(self, item: T) -> bool:
        """Put an item, never waiting.

        Args:
            item: The item.

        Returns:
            Whether the inbox goes on.
        """
        with self._lock:
            if self._end is not None:
                return False
            if len(self._items) >= self.limit:
                if self.overflow == "close":
                    self._end = SlowConsumer(
                        f"More than {self.limit} messages waited to be taken. Take them faster,"
                        " raise 'queue', or allow some to be lost with overflow='drop_oldest'."
                    )
                    return False
                self.dropped += 1
                if self.overflow == "drop_newest":
                    return True
                self._items.popleft()
            self._items.append(item)
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.wake()
        return True

    def _put_or_wait(self, item: T, loop: t.Any) -> tuple[bool, _Waiter | None]:
        with self._lock:
            if self._end is not None:
                return False, None
            if len(self._items) >= self.limit:
                self._writer = waiter = _Waiter(loop)
                return True, waiter
            self._items.append(item)
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.wake()
        return True, None

    def put_waiting(self, item: T) -> bool:
        """Put an item from a thread, waiting for room.

        Args:
            item: The item.

        Returns:
            Whether the inbox goes on.
        """
        while True:
            on, waiter = self._put_or_wait(item, None)
            if waiter is None:
                return on
            waiter.wait(None)

    async def aput_waiting(self, item: T) -> bool:
        """The same as :meth:`put_waiting`, from a coroutine."""
        import asyncio

        loop = asyncio.get_running_loop()
        while True:
            on, waiter = self._put_or_wait(item, loop)
            if waiter is None:
                return on
            await waiter.await_(None)

    def close(self, error: BaseException | None = None, *, now: bool = False) -> None:
        """Put nothing more.

        Args:
            error: Raised in the reader behind the last item; None ends it quietly.
            now: Whether what is in it is thrown away.
        """
        with self._lock:
            if self._end is None:
                self._end = error or EndOfInbox()
            if now:
                self._items.clear()
            waiters = [waiter for waiter in (self._reader, self._writer) if waiter is not None]
            self._reader = self._writer = None
        for waiter in waiters:
            waiter.wake()

    # -- getting -------------------------------------------------------------------------

    def _get_or_wait(self, loop: t.Any) -> tuple[T | None, _Waiter | None]:
        with self._lock:
            if self._items:
                item = self._items.popleft()
                writer, self._writer = self._writer, None
            elif self._end is not None:
                # A new traceback each time, and no frames that are kept.
                raise self._end.with_traceback(None)
            elif self._reader is not None:
                raise RuntimeError("Somebody else waits for the next message already.")
            else:
                self._reader = waiter = _Waiter(loop)
                return None, waiter
        if writer is not None:
            writer.wake()
        return item, None

    def _leave(self, waiter: _Waiter) -> None:
        with self._lock:
            if self._reader is waiter:
                self._reader = None

    def get(self, timeout: float | None = None) -> T:
        """Take the next item in a thread.

        Args:
            timeout: Seconds to wait; None waits for ever.

        Raises:
            EndOfInbox: It was closed, and is empty.
            TimeoutError: Nothing came in time.
        """
        until = None if timeout is None else monotonic() + timeout
        while True:
            item, waiter = self._get_or_wait(None)
            if waiter is None:
                return t.cast(T, item)
            try:
                waiter.wait(None if until is None else until - monotonic())
            finally:
                self._leave(waiter)
            if until is not None and monotonic() >= until and not self._items:
                if self._end is None:
                    raise NothingCame("No message came in time.")

    async def aget(self, timeout: float | None = None) -> T:
        """The same as :meth:`get`, in a coroutine."""
        import asyncio

        loop = asyncio.get_running_loop()
        until = None if timeout is None else monotonic() + timeout
        while True:
            item, waiter = self._get_or_wait(loop)
            if waiter is None:
                return t.cast(T, item)
            try:
                await waiter.await_(None if until is None else max(until - monotonic(), 0))
            finally:
                self._leave(waiter)
            if until is not None and monotonic() >= until and not self._items:
                if self._end is None:
                    raise NothingCame("No message came in time.")
