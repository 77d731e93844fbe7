"""The open websockets of an application on one event loop."""

from __future__ import annotations

import asyncio
import typing as t

from ...http.closecodes import GOING_AWAY
from ...marks import is_wrapped
from .sweep import Sweep

if t.TYPE_CHECKING:
    from .connection import Connection


class Sockets:
    """What is open, and whether more may come.

    Args:
        loop: The event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.sweep = Sweep(loop)
        self.connections: set[Connection] = set()
        #: How many of them have a view in a thread.
        self.threads = 0
        #: Whether the server is about to end.
        self.draining = False
        self._empty: asyncio.Future[None] | None = None

    def admits(self, config: t.Mapping[str, t.Any]) -> bool:
        """Whether one more may be opened.

        Args:
            config: The application's settings.
        """
        most = config.get("WEBSOCKET_MAX_CONNECTIONS")
        return not self.draining and (most is None or len(self.connections) < most)

    def remove(self, connection: Connection) -> None:
        """A connection and its view have ended.

        Args:
            connection: The connection.
        """
        self.connections.discard(connection)
        if not self.connections and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    async def drain(self, code: int, reason: str, timeout: float) -> int:
        """Close all websockets, refuse new ones, and wait for the views.

        Args:
            code: The close code.
            reason: The text behind it.
            timeout: Seconds to wait for the views.

        Returns:
            How many views have not ended by then.
        """
        self.draining = True
        for connection in tuple(self.connections):
            connection.abandon(code, reason)
        if self.connections:
            self._empty = self.sweep.loop.create_future()
            await asyncio.wait([self._empty], timeout=timeout)
        return len(self.connections)


def sockets_of(app: t.Any) -> Sockets:
    """The websockets of an application on the running event loop.

    Args:
        app: The application.
    """
    loop = asyncio.get_running_loop()
    known: dict[asyncio.AbstractEventLoop, Sockets] = app.__dict__.setdefault("_sockets", {})
    sockets = known.get(loop)
    if sockets is None:
        for ended in [other for other in known if other.is_closed()]:
            del known[ended]
        sockets = known[loop] = Sockets(loop)
        if is_wrapped(app, "wsgi_app"):
            app.logger.warning(
                "Websockets do not pass through what is wrapped around 'wsgi_app': WSGI has none."
                " Wrap ASGI middleware around 'asgi_app', and check access in before_websocket."
            )
    return sockets


async def close_all(
    app: t.Any, code: int = GOING_AWAY, reason: str = "The server restarts.", timeout: float = 10.0
) -> int:
    """Close all websockets of an application on the running loop, before the server ends.

    Args:
        app: The application.
        code: The close code.
        reason: The text behind it.
        timeout: Seconds to wait for the views.

    Returns:
        How many views have not ended by then.
    """
    if "_sockets" not in app.__dict__:
        return 0
    return await sockets_of(app).drain(code, reason, timeout)
