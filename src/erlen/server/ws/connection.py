"""One websocket on an ASGI server: the handshake, sending, and the end."""

from __future__ import annotations

import asyncio
import typing as t

from ...http.closecodes import ABNORMAL, GOING_AWAY, check_close
from ...http.websocket import Data, HeadersIn, WebsocketDisconnect
from ..threads.waiting import wait
from .headers import as_bytes, checked
from .reading import ACCEPTING, CLOSED, NEW, OPEN, Event, Limits, Reading, Receive, Task

if t.TYPE_CHECKING:
    from .sweep import Sweep

T = t.TypeVar("T")
Send = t.Callable[[Event], t.Awaitable[None]]

#: Messages after which a loop that only sends lets others run.
_BURST = 16
#: Seconds that a close may take where the peer reads nothing.
_CLOSE_SECONDS = 2.0


class Connection(Reading):
    """The states of one websocket.

    Args:
        scope: The ASGI scope.
        receive: The server's ``receive``.
        send: The server's ``send``.
        sweep: Looks after the connection.
        limits: What it may use.
    """

    __slots__ = ("scope", "on_accept", "_send", "_sent", "_sending", "_senders", "_closing")

    def __init__(
        self, scope: Event, receive: Receive, send: Send, sweep: Sweep, limits: Limits
    ) -> None:
        super().__init__(receive, sweep, limits)
        self.scope = scope
        #: Gives more headers for the answer to the handshake.
        self.on_accept: t.Callable[[], t.Awaitable[list[tuple[str, str]]]] | None = None
        self._send = send
        self._sent = self._senders = 0
        self._sending: float | None = None
        self._closing: Task | None = None

    @property
    def subprotocols(self) -> list[str]:
        """What the client offers."""
        return list(self.scope.get("subprotocols") or ())

    @property
    def is_open(self) -> bool:
        """Whether messages can be exchanged."""
        return self.state == OPEN

    # -- the handshake ---------------------------------------------------------------

    async def accept(
        self, headers: HeadersIn | None = None, subprotocol: str | None = None
    ) -> None:
        """Answer the handshake with 101; see ``Websocket.accept``."""
        if self.state != NEW:
            if headers or subprotocol or self.state == CLOSED:
                raise RuntimeError(
                    "The handshake has been answered already. Call accept() with headers or"
                    " a subprotocol before the first receive() or send()."
                )
            await self._until_open()
            return
        if subprotocol is not None and subprotocol not in self.subprotocols:
            raise ValueError(
                f"The client did not offer the subprotocol {subprotocol!r}, but"
                f" {self.subprotocols}: choose from websocket.requested_subprotocols."
            )
        pairs = checked(headers)
        self.state = ACCEPTING
        try:
            if self.on_accept is not None:
                pairs += await self.on_accept()
            event: Event = {"type": "websocket.accept", "subprotocol": subprotocol}
            event["headers"] = as_bytes(pairs)
            await self._tell(event)
            if self.state == ACCEPTING:
                self._begin()
        finally:
            if self.state == ACCEPTING:
                self.state = NEW
            self._wake_all()

    def _begin(self) -> None:
        self.state = OPEN
        self._sweep.away(self)
        if self.limits.idle is not None:
            self._since = self._sweep.loop.time()
            self._sweep.time(self)

    async def refuse(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer the handshake with an HTTP response, where the server can send one.

        Args:
            status: The status code; a server without the extension sends 403.
            headers: The headers.
            body: The body.
        """
        if self.state != NEW:
            return
        self.state = CLOSED
        try:
            if "websocket.http.response" not in (self.scope.get("extensions") or ()):
                await self._tell({"type": "websocket.close"})
                return
            start = {"type": "websocket.http.response.start", "status": status}
            await self._tell({**start, "headers": as_bytes(headers)})
            await self._tell({"type": "websocket.http.response.body", "body": body})
        except WebsocketDisconnect:
            # Nobody is left to be told.
            pass

    # -- sending ---------------------------------------------------------------------

    async def send(self, data: Data) -> None:
        """Send a message; see ``Websocket.send``."""
        if isinstance(data, str):
            event: Event = {"type": "websocket.send", "text": str(data)}
        elif isinstance(data, (bytes, bytearray, memoryview)):
            event = {"type": "websocket.send", "bytes": bytes(data)}
        else:
            raise TypeError(
                f"A message is text or bytes, not {type(data).__name__}."
                " Use send_json() for other values."
            )
        if self.state != OPEN:
            if self.state == CLOSED and self._closing is None:
                raise RuntimeError("Nothing can be sent after close().")
            await self._until_open()
        self._sent += 1
        if self._sent % _BURST == 0:
            await asyncio.sleep(0)
        await (self._tell(event) if self.limits.send is None else self._tell_in_time(event))

    async def _tell_in_time(self, event: Event) -> None:
        now = self._sweep.loop.time
        self._senders += 1
        if self._senders == 1:
            self._sending = now()
            self._sweep.time(self)
        try:
            await self._tell(event)
        finally:
            self._senders -= 1
            self._sending = now() if self._senders else None
            if not self._senders and self._since is None:
                self._sweep.forget_time(self)

    async def _tell(self, event: Event) -> None:
        try:
            await self._send(event)
        except (OSError, RuntimeError) as error:
            # An OSError says that the peer has gone (ASGI 2.4). Uvicorn has a RuntimeError
            # for what comes after a close that it has sent itself.
            if isinstance(error, RuntimeError) and self.state != OPEN:
                raise
            self._lost({"code": ABNORMAL}, asyncio.current_task())
            raise self._disconnect() from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the websocket; see ``Websocket.close``."""
        check_close(code, reason)
        while self.state == ACCEPTING:
            await self._turn()
        if self.state > OPEN:
            return
        self._end(code, reason)
        try:
            await self._tell({"type": "websocket.close", "code": code, "reason": reason})
        except WebsocketDisconnect:
            # The peer was faster.
            pass

    # -- the end ---------------------------------------------------------------------

    def _end(self, code: int, reason: str) -> None:
        self.state, self.code, self.reason = CLOSED, code, reason
        self._sweep.forget(self)
        self._wake_all()

    def close_soon(self, code: int, reason: str) -> None:
        """End the websocket from outside of its view.

        Args:
            code: The close code.
            reason: The text behind it.
        """
        if self.state != OPEN:
            return
        self._end(code, reason)
        self._closing = self._sweep.loop.create_task(self._say_close(code, reason))

    async def _say_close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, RuntimeError):
            # TimeoutError is one: whoever reads nothing is not told.
            pass

    def abandon(self, code: int, reason: str) -> None:
        """End the websocket and its view.

        Args:
            code: The close code.
            reason: The text behind it.
        """
        if self.state == OPEN:
            waiting = self._view_waits(None)
            self.close_soon(code, reason)
            self._end_view(waiting)

    def check_time(self, now: float) -> None:
        """End the websocket if its peer has been silent, or has read nothing, for too long."""
        idle, send = self.limits.idle, self.limits.send
        if send is not None and self._sending is not None and now - self._sending > send:
            self.abandon(GOING_AWAY, f"Nothing was read for {send:g} seconds.")
        elif idle is not None and self._since is not None and now - self._since > idle:
            self.abandon(GOING_AWAY, f"Nothing came for {idle:g} seconds.")

    async def finish(self) -> None:
        """Leave nothing behind once the view has ended."""
        self._sweep.forget(self)
        if self._reading is not None and self._reading is not self.task:
            self._reading.cancel()
        self._wake_all()
        if self._closing is not None:
            await asyncio.wait([self._closing])

    def wait(self, waited: t.Coroutine[t.Any, t.Any, T], timeout: float | None = None) -> T:
        """Wait in a thread for one of the coroutines of this connection.

        Args:
            waited: The coroutine.
            timeout: Seconds to wait; None waits for ever.

        Raises:
            TimeoutError: It took longer.
            RuntimeError: Called in the event loop.
        """
        return wait(self._sweep.loop, waited, timeout)
