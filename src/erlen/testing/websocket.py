"""The client's end of a websocket in a test: sync and async, without a server.

The sync session has its own event loop in a thread; the async one runs on the test's.
"""

from __future__ import annotations

import asyncio
import typing as t

if t.TYPE_CHECKING:
    from types import TracebackType

    from werkzeug.test import TestResponse

Event = dict[str, t.Any]
Data = str | bytes
T = t.TypeVar("T")

#: Seconds that a test waits before it fails.
TIMEOUT = 5.0


class WebsocketRejected(Exception):
    """The application refused the handshake.

    Args:
        response: What it answered.
    """

    def __init__(self, response: TestResponse) -> None:
        super().__init__(response)
        self.response = response

    def __str__(self) -> str:
        return f"The websocket was refused: {self.response.status}"


class WebsocketClosed(Exception):
    """The application has closed the websocket.

    Args:
        code: The close code.
        reason: The text behind it.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"The websocket was closed with code {self.code}. {self.reason}".rstrip()


class _Gone(ConnectionResetError):
    """What a server raises when a message can't reach the client (ASGI 2.4)."""


class Peer:
    """What a server is for the application: ``receive``, ``send``, and who runs it.

    Args:
        app: Called with scope, receive and send.
        scope: The ASGI scope.
    """

    def __init__(self, app: t.Callable[..., t.Any], scope: Event) -> None:
        self.app = app
        self.scope = scope
        self.to_app: asyncio.Queue[Event] = asyncio.Queue()
        self.from_app: asyncio.Queue[Event | None] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None
        self.gone = False
        #: With what it was closed, by either side.
        self.code, self.reason = 1005, ""

    async def receive(self) -> Event:
        """The next message for the application."""
        return await self.to_app.get()

    async def send(self, event: Event) -> None:
        """A message of the application."""
        if self.gone:
            raise _Gone
        if event["type"] == "websocket.close":
            self.leave(event.get("code", 1000), event.get("reason") or "")
        self.from_app.put_nowait(event)

    def tell(self, event: Event) -> None:
        """Put a message where the application finds it."""
        self.to_app.put_nowait(event)

    async def start(self) -> Event:
        """Run the application up to its answer to the handshake."""
        self.tell({"type": "websocket.connect"})
        self.task = asyncio.create_task(self._run())
        return await self.next()

    async def _run(self) -> None:
        try:
            await self.app(self.scope, self.receive, self.send)
        finally:
            self.from_app.put_nowait(None)

    async def next(self) -> Event:
        """The application's next message.

        Raises:
            Exception: What the application raised.
            WebsocketClosed: It ended without another message.
        """
        event = await self.from_app.get()
        if event is not None:
            return event
        self.from_app.put_nowait(None)
        await self.result()
        raise WebsocketClosed(1006, "The application ended without closing the websocket.")

    async def result(self) -> None:
        """Wait for the application, and raise what it raised."""
        if self.task is not None:
            await asyncio.wait([self.task])
            if not self.task.cancelled():
                error = self.task.exception()
                if error is not None:
                    raise error

    def leave(self, code: int, reason: str) -> None:
        """One side closes the websocket."""
        if not self.gone:
            self.gone, self.code, self.reason = True, code, reason
            self.tell({"type": "websocket.disconnect", "code": code, "reason": reason})


Answer = t.Callable[[int, list[tuple[str, str]], bytes], "TestResponse"]


class AsyncWebsocketSession:
    """One websocket of an async test; made by ``websocket_connect``.

    Args:
        app: Called with scope, receive and send.
        scope: The ASGI scope.
        answer: Makes a test response of status, headers and body; takes up cookies.
        json: The application's JSON provider.
        timeout: Seconds that each step may take.
    """

    def __init__(
        self, app: t.Any, scope: Event, answer: Answer, json: t.Any, timeout: float = TIMEOUT
    ) -> None:
        self._app, self._scope = app, scope
        self._answer = answer
        self._json = json
        self._timeout = timeout
        self._accepted: TestResponse | None = None
        self._closed: WebsocketClosed | None = None
        #: The subprotocol that the application chose, or None.
        self.subprotocol: str | None = None

    @property
    def headers(self) -> t.Any:
        """The headers of the answer to the handshake."""
        return self._accepted.headers if self._accepted is not None else None

    async def connect(self) -> None:
        """Send the handshake.

        Raises:
            WebsocketRejected: The application refused it.
        """
        self._peer = Peer(self._app, self._scope)
        event = await self._within(self._peer.start())
        if event["type"] == "websocket.accept":
            self.subprotocol = event.get("subprotocol")
            self._accepted = self._answer(101, _texts(event.get("headers", ())), b"")
            return
        status, headers, body = 403, [], b""
        if event["type"] == "websocket.http.response.start":
            status, headers = event["status"], _texts(event.get("headers", ()))
            more = True
            while more:
                event = await self._within(self._peer.next())
                body += event.get("body", b"")
                more = event.get("more_body", False)
        self._peer.gone = True
        await self._within(self._peer.result())
        raise WebsocketRejected(self._answer(status, headers, body))

    async def _within(self, waited: t.Coroutine[t.Any, t.Any, T]) -> T:
        try:
            return await asyncio.wait_for(waited, self._timeout)
        except TimeoutError:
            raise TimeoutError(f"The application did nothing for {self._timeout:g} s.") from None

    async def send(self, data: Data) -> None:
        """Send a message to the application.

        Args:
            data: Text or bytes.

        Raises:
            WebsocketClosed: The application has closed the websocket.
        """
        if self._peer.gone:
            raise self._closed or WebsocketClosed(self._peer.code, self._peer.reason)
        kind = "text" if isinstance(data, str) else "bytes"
        self._peer.tell({"type": "websocket.receive", kind: data})

    async def receive(self) -> Data:
        """Wait for a message of the application.

        Raises:
            WebsocketClosed: The application has closed the websocket.
            TimeoutError: No message came in time.
        """
        if self._closed is not None:
            raise self._closed
        event = await self._within(self._peer.next())
        if event["type"] == "websocket.close":
            self._closed = WebsocketClosed(event.get("code", 1000), event.get("reason") or "")
            if self._closed.code == 1011:
                # An error, which says more than the code.
                await self._within(self._peer.result())
            raise self._closed
        text: str | None = event.get("text")
        return text if text is not None else t.cast(bytes, event["bytes"])

    async def send_json(self, data: t.Any) -> None:
        """Send a value as JSON text."""
        await self.send(self._json.dumps(data))

    async def receive_json(self) -> t.Any:
        """Wait for a message and decode it as JSON."""
        return self._json.loads(await self.receive())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the websocket, as a browser would, and wait for the view to end.

        Args:
            code: The close code.
            reason: The text behind it.

        Raises:
            Exception: What the application raised.
        """
        self._peer.leave(code, reason)
        await self._within(self._peer.result())

    async def vanish(self) -> None:
        """Leave without a word, as a client that lost its network, as far as a server sees it."""
        await self.close(1006)

    async def __aenter__(self) -> t.Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.close()
        except BaseException:
            # What went wrong in the test comes first.
            if error is None or isinstance(error, (WebsocketClosed, TimeoutError)):
                raise


def _texts(headers: t.Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


class WebsocketSession:
    """One websocket of a test; made by ``client.websocket_connect``.

    With ``with`` its methods wait themselves; ``async with`` gives the
    :class:`AsyncWebsocketSession`, whose methods are awaited.

    Args:
        session: The async session that does the work.
    """

    def __init__(self, session: AsyncWebsocketSession) -> None:
        self._session = session

    @property
    def headers(self) -> t.Any:
        """The headers of the answer to the handshake."""
        return self._session.headers

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the application chose, or None."""
        return self._session.subprotocol

    def _run(self, waited: t.Coroutine[t.Any, t.Any, T]) -> T:
        from ..server.threads.bridge import running_loop

        return asyncio.run_coroutine_threadsafe(waited, running_loop()).result()

    def send(self, data: Data) -> None:
        """Send a message; see :meth:`AsyncWebsocketSession.send`."""
        self._run(self._session.send(data))

    def receive(self) -> Data:
        """Wait for a message; see :meth:`AsyncWebsocketSession.receive`."""
        return self._run(self._session.receive())

    def send_json(self, data: t.Any) -> None:
        """Send a value as JSON text."""
        self._run(self._session.send_json(data))

    def receive_json(self) -> t.Any:
        """Wait for a message and decode it as JSON."""
        return self._run(self._session.receive_json())

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the websocket; see :meth:`AsyncWebsocketSession.close`."""
        self._run(self._session.close(code, reason))

    def vanish(self) -> None:
        """Leave without a word; see :meth:`AsyncWebsocketSession.vanish`."""
        self._run(self._session.vanish())

    def __enter__(self) -> t.Self:
        self._run(self._session.connect())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._session.__aexit__(kind, error, traceback))

    async def __aenter__(self) -> AsyncWebsocketSession:
        return await self._session.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.__aexit__(kind, error, traceback)
