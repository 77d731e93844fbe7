"""Receiving on one websocket: who reads from the server, and who waits for whom.

A view that waits in ``receive`` awaits the server's own ``receive``: an idle connection
has one task and few frames. Where that will not do, because the view is busy elsewhere,
because several tasks receive, or because the server loses messages when a waiting
``receive`` is cancelled, a second task reads ahead into a bounded buffer.
"""

from __future__ import annotations

import asyncio
import typing as t

from ...http.closecodes import ABNORMAL, NO_STATUS, TOO_BIG
from ...http.websocket import Data, MessageTooBig, WebsocketDisconnect

if t.TYPE_CHECKING:
    from .sweep import Sweep

Event = dict[str, t.Any]
Receive = t.Callable[[], t.Awaitable[Event]]
Task = asyncio.Task[t.Any]

NEW, ACCEPTING, OPEN, CLOSED, GONE = range(5)

#: Servers whose ``receive`` may be cancelled without losing a message. Granian's may not.
_SAFE_RECEIVE = ("uvicorn.", "asyncio.", "erlen.")


class Limits(t.NamedTuple):
    """What a connection may use.

    Args:
        message_size: Bytes of a message; None for any number.
        queue: Messages that are read ahead of a busy view.
        idle: Seconds without a message from the peer; None for any time.
        send: Seconds that the peer may take to read a message; None for any time.
    """

    message_size: int | None
    queue: int
    idle: float | None
    send: float | None


class Reading:
    """The receiving half of a connection.

    Args:
        receive: The server's ``receive``.
        sweep: Looks after the connection.
        limits: What it may use.
    """

    __slots__ = (
        *("state", "limits", "code", "reason", "task", "blocking"),
        *("_receive", "_sweep", "_direct", "_reading", "_waiters", "_buffer", "_buffered"),
        *("_room", "_since", "_told", "_cancelled", "__weakref__"),
    )

    def __init__(self, receive: Receive, sweep: Sweep, limits: Limits) -> None:
        self.state = NEW
        self.limits = limits
        #: Close code and reason, once it has ended.
        self.code, self.reason = NO_STATUS, ""
        #: The task that is cancelled when the peer goes, unless its view is in a thread.
        self.task = asyncio.current_task()
        self.blocking = False
        self._receive, self._sweep = receive, sweep
        owner = type(getattr(receive, "__self__", None)).__module__
        self._direct = f"{owner}.".startswith(_SAFE_RECEIVE)
        #: Who awaits the server's ``receive``.
        self._reading: Task | None = None
        self._waiters: list[tuple[asyncio.Future[None], Task | None]] = _NOBODY
        self._buffer: list[Event] = _NOTHING
        self._buffered = 0
        self._room: asyncio.Future[None] | None = None
        #: When the peer was last heard of, if that matters.
        self._since: float | None = None
        self._told = self._cancelled = False

    @property
    def ended(self) -> bool:
        """Whether either side has ended it."""
        return self.state >= CLOSED

    async def accept(self) -> None:
        """Answer the handshake."""
        raise NotImplementedError

    def close_soon(self, code: int, reason: str) -> None:
        """End the websocket from outside of its view."""
        raise NotImplementedError

    def check_time(self, now: float) -> None:
        """See whether a timeout has passed."""
        raise NotImplementedError

    async def _until_open(self) -> None:
        """Accept what is not accepted yet; refuse what has ended."""
        while self.state == ACCEPTING:
            await self._turn()
        if self.state == NEW:
            await self.accept()
        elif self.state != OPEN:
            # A loop that goes on and on must not keep all others from running.
            if self._told:
                await asyncio.sleep(0)
            raise self._disconnect()

    def _disconnect(self) -> WebsocketDisconnect:
        self._told = True
        return WebsocketDisconnect(self.code, self.reason)

    async def receive(self) -> Data:
        """The next message; see ``Websocket.receive``."""
        if self.state != OPEN or self._reading or self._buffer or not self._direct:
            if not await self._is_mine_to_read():
                return self._content(self._next())
        self._reading = reader = asyncio.current_task()
        self._sweep.back(self)
        try:
            event = await self._receive()
        except asyncio.CancelledError:
            if self.state == OPEN:
                raise
            raise self._disconnect() from None
        finally:
            self._stop_reading()
        if event["type"] == "websocket.disconnect":
            self._lost(event, reader)
            raise self._disconnect()
        return self._content(event)

    async def _is_mine_to_read(self) -> bool:
        """Wait for a message in the buffer, or for the right to read in one's own task."""
        while True:
            if self._buffer:
                return False
            if self.state != OPEN:
                await self._until_open()
            elif self._reading:
                await self._turn()
            elif self._direct:
                return True
            else:
                self.read_ahead()

    def _stop_reading(self) -> None:
        self._reading = None
        if self.state == OPEN:
            self._sweep.away(self)
        if self._waiters:
            self._wake()

    def _next(self) -> Event:
        event = self._buffer.pop(0)
        self._buffered -= _size(event)
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        if self._buffer and self._waiters:
            self._wake()
        return event

    def _content(self, event: Event) -> Data:
        if self._since is not None:
            self._since = self._sweep.loop.time()
        data: Data | None = event.get("text")
        if data is None:
            data = event.get("bytes") or b""
        limit = self.limits.message_size
        if limit is not None and len(data) * 4 > limit and _length(data) > limit:
            self.close_soon(TOO_BIG, f"The limit is {limit} bytes.")
            raise MessageTooBig(f"A message may have {limit} bytes at most.")
        return data

    # -- reading ahead ---------------------------------------------------------------

    def read_ahead(self) -> None:
        """Let a task of its own read, until somebody waits in ``receive`` again."""
        if self.state == OPEN and not self._reading:
            self._sweep.back(self)
            self._reading = self._sweep.loop.create_task(self._read_on())

    async def _read_on(self) -> None:
        if self._buffer is _NOTHING:
            self._buffer = []
        try:
            while self.state == OPEN:
                event = await self._receive()
                if event["type"] == "websocket.disconnect":
                    self._lost(event, None)
                    return
                self._buffer.append(event)
                self._buffered += _size(event)
                if self._waiters:
                    self._wake()
                    if self._direct:
                        return
                await self._until_room()
        except Exception:
            # The server's own failure, which the loop logs as that of a task.
            self._lost({"code": ABNORMAL}, None)
            raise
        finally:
            self._stop_reading()

    async def _until_room(self) -> None:
        most = self.limits.message_size
        while len(self._buffer) >= self.limits.queue or (
            most is not None and self._buffered >= most
        ):
            self._room = self._sweep.loop.create_future()
            await self._room

    async def _turn(self) -> None:
        """Wait until something has changed."""
        if self._waiters is _NOBODY:
            self._waiters = []
        waiter = self._sweep.loop.create_future()
        entry = waiter, asyncio.current_task()
        self._waiters.append(entry)
        try:
            await waiter
        except asyncio.CancelledError:
            if entry in self._waiters:
                self._waiters.remove(entry)
            elif not waiter.cancelled():
                # It was this one's turn: the next one's now.
                self._wake()
            if self.ended:
                raise self._disconnect() from None
            raise

    def _wake(self) -> None:
        while self._waiters:
            waiter, _ = self._waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return

    def _wake_all(self) -> None:
        while self._waiters:
            self._wake()

    # -- the end ---------------------------------------------------------------------

    def _lost(self, event: Event, receiver: Task | None) -> None:
        """The peer has gone: end the view, unless it learns so by itself.

        Args:
            event: With code and reason.
            receiver: The task that was told.
        """
        self._sweep.forget(self)
        if self.ended:
            self._wake_all()
            return
        self.state = GONE
        self.code = event.get("code") or NO_STATUS
        self.reason = event.get("reason") or ""
        waiting = self._view_waits(receiver)
        # Before the view: a task that it waits for is to tell it the reason.
        self._wake_all()
        self._end_view(waiting)

    def _view_waits(self, receiver: Task | None) -> bool:
        return receiver is self.task or any(task is self.task for _, task in self._waiters)

    def _end_view(self, waiting: bool) -> None:
        if not self.blocking:
            if not waiting and self.task is not None:
                self._cancelled = True
                self.task.cancel(f"The websocket has ended with code {self.code}.")
        elif self._reading is not None:
            self._reading.cancel()

    async def take_back(self) -> bool:
        """Undo the cancellation of the view, once it has ended.

        Returns:
            Whether the server has cancelled it as well.
        """
        task = t.cast(Task, self.task)
        if self._cancelled:
            task.uncancel()
            try:
                # It may have come too late for the view to see it.
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                pass
        return task.cancelling() > 0


def _size(event: Event) -> int:
    return len(event.get("text") or event.get("bytes") or "")


def _length(data: Data) -> int:
    """Bytes that a message had on the wire."""
    return len(data.encode("utf-8", "replace")) if isinstance(data, str) else len(data)


#: Stand in for what most connections never need. Never changed. (Lists, because they are
#: short: a deque takes half a kilobyte before anything is in it.)
_NOBODY: t.Any = []
_NOTHING: t.Any = []
