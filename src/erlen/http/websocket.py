"""The websocket object: what a view receives from, sends to and closes.

The methods only name what is wanted; the connection behind them, made by the driver,
does it. :class:`Websocket` is for coroutines, :class:`BlockingWebsocket` has the same
methods for views that are plain functions.
"""

from __future__ import annotations

import typing as t
from asyncio import CancelledError

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from .closecodes import INVALID_DATA, TOO_BIG

if t.TYPE_CHECKING:
    from werkzeug.datastructures import (
        Authorization,
        Headers,
        ImmutableMultiDict,
        LanguageAccept,
        MIMEAccept,
        MultiDict,
    )
    from werkzeug.routing import Rule
    from werkzeug.user_agent import UserAgent

T = t.TypeVar("T")
Data = str | bytes
HeadersIn = t.Mapping[str, str] | t.Iterable[tuple[str, str]]


class WebsocketDisconnect(CancelledError):
    """The websocket has ended: the peer closed it, vanished, or was closed on.

    Raised by ``receive`` and ``send``. A view need not catch it: let out, it ends the
    view and nothing is logged. As in Quart it is an ``asyncio.CancelledError``, which
    ``except Exception`` does not catch.

    Args:
        code: The close code; 1005 if there was none, 1006 if the connection broke.
        reason: The text behind it.
    """

    def __init__(self, code: int = 1005, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"The websocket has ended with code {self.code}" + (
            f": {self.reason}" if self.reason else "."
        )


class BadMessage(BadRequest):
    """A message is not what was asked for; ends the websocket with code 1007."""

    close_code = INVALID_DATA


class MessageTooBig(RequestEntityTooLarge):
    """A message is larger than the limit; ends the websocket with code 1009."""

    close_code = TOO_BIG


class Connection(t.Protocol):
    """What a driver has for a websocket object."""

    scope: dict[str, t.Any]

    @property
    def subprotocols(self) -> list[str]:
        """What the client offers."""

    @property
    def is_open(self) -> bool:
        """Whether messages can be exchanged."""

    def receive(self) -> t.Coroutine[t.Any, t.Any, Data]:
        """The next message."""

    def send(self, data: Data) -> t.Coroutine[t.Any, t.Any, None]:
        """Send a message."""

    def accept(
        self, headers: HeadersIn | None, subprotocol: str | None
    ) -> t.Coroutine[t.Any, t.Any, None]:
        """Answer the handshake."""

    def close(self, code: int, reason: str) -> t.Coroutine[t.Any, t.Any, None]:
        """End the websocket."""

    def wait(self, waited: t.Coroutine[t.Any, t.Any, T], timeout: float | None = None) -> T:
        """Wait in a thread for what happens on the connection's event loop."""


class Handshake:
    """The handshake's side of a websocket: all attributes of its HTTP request.

    Args:
        ctx: The context, whose ``request`` is the handshake.
        connection: The connection.
    """

    __slots__ = ("_ctx", "_connection")

    if t.TYPE_CHECKING:
        access_route: list[str]
        accept_languages: LanguageAccept
        accept_mimetypes: MIMEAccept
        args: MultiDict[str, str]
        authorization: Authorization | None
        blueprint: str | None
        blueprints: list[str]
        cookies: ImmutableMultiDict[str, str]
        endpoint: str | None
        full_path: str
        headers: Headers
        host: str
        is_secure: bool
        method: str
        origin: str | None
        path: str
        query_string: bytes
        remote_addr: str | None
        root_path: str
        script_root: str
        url_rule: Rule | None
        user_agent: UserAgent
        view_args: dict[str, t.Any] | None

    def __init__(self, ctx: t.Any, connection: Connection) -> None:
        self._ctx = ctx
        self._connection = connection

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url!r}>"

    @property
    def scope(self) -> dict[str, t.Any]:
        """The ASGI scope."""
        return self._connection.scope

    @property
    def http_version(self) -> str:
        """The version of HTTP that the handshake came by, e.g. ``"1.1"``."""
        return t.cast(str, self.scope.get("http_version", "1.1"))

    @property
    def requested_subprotocols(self) -> list[str]:
        """The subprotocols that the client offers, the one it likes best first."""
        return self._connection.subprotocols

    @property
    def connected(self) -> bool:
        """Whether the websocket is accepted, and neither side has closed it."""
        return self._connection.is_open

    @property
    def scheme(self) -> str:
        """``ws`` or ``wss``."""
        return _as_websocket(self._ctx.request.scheme)

    @property
    def url(self) -> str:
        """The whole URL, beginning with ``ws://`` or ``wss://``."""
        return _as_websocket(self._ctx.request.url)

    @property
    def base_url(self) -> str:
        """:attr:`url` without the query string."""
        return _as_websocket(self._ctx.request.base_url)

    @property
    def host_url(self) -> str:
        """Scheme and host."""
        return _as_websocket(self._ctx.request.host_url)

    @property
    def root_url(self) -> str:
        """Scheme, host and root path."""
        return _as_websocket(self._ctx.request.root_url)

    @property
    def url_root(self) -> str:
        """The same as :attr:`root_url`."""
        return self.root_url

    def _loads(self, data: Data) -> t.Any:
        try:
            return self._ctx.app.json.loads(data)
        except (ValueError, RecursionError) as error:
            raise BadMessage(f"The message is not JSON: {error}"[:500]) from None

    def _dumps(self, args: tuple[t.Any, ...], kwargs: dict[str, t.Any]) -> str:
        if args and kwargs:
            raise TypeError("send_json() takes positional or keyword arguments, not both.")
        value = kwargs if not args else args[0] if len(args) == 1 else args
        return t.cast(str, self._ctx.app.json.dumps(value))


def _as_websocket(url: str) -> str:
    return "ws" + url.removeprefix("http").removeprefix("ws")


def _of_request(name: str) -> property:
    return property(
        lambda self: getattr(self._ctx.request, name), doc=f"``{name}`` of the handshake."
    )


for _name in (
    "access_route accept_languages accept_mimetypes args authorization blueprint blueprints"
    " cookies endpoint full_path headers host is_secure method origin path query_string"
    " remote_addr root_path script_root url_rule user_agent view_args"
).split():
    setattr(Handshake, _name, _of_request(_name))


class Websocket(Handshake):
    """A websocket in a coroutine; what ``erlen.websocket`` stands for.

    The first ``receive`` or ``send`` accepts the handshake, if nothing did before.
    """

    __slots__ = ()

    def receive(self) -> t.Coroutine[t.Any, t.Any, Data]:
        """Wait for the next message.

        Returns:
            A ``str`` for a text message, ``bytes`` for a binary one.

        Raises:
            WebsocketDisconnect: The websocket has ended.
            MessageTooBig: The message is larger than ``WEBSOCKET_MAX_MESSAGE_SIZE``.
        """
        return self._connection.receive()

    def send(self, data: Data) -> t.Coroutine[t.Any, t.Any, None]:
        """Send a message; waits while the peer takes none.

        Args:
            data: A ``str`` makes a text message, ``bytes`` a binary one.

        Raises:
            WebsocketDisconnect: The peer has gone.
            RuntimeError: The websocket was closed here.
            TypeError: Something else than text or bytes.
        """
        return self._connection.send(data)

    async def receive_json(self) -> t.Any:
        """Wait for the next message and decode it with the application's JSON provider.

        Raises:
            BadMessage: It is not JSON.
        """
        return self._loads(await self._connection.receive())

    async def send_json(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Send a value as JSON text.

        Args:
            args: The value; several become a list.
            kwargs: In place of it, the items of an object.
        """
        await self._connection.send(self._dumps(args, kwargs))

    def accept(
        self, headers: HeadersIn | None = None, subprotocol: str | None = None
    ) -> t.Coroutine[t.Any, t.Any, None]:
        """Accept the handshake; only needed for what the arguments are for.

        Args:
            headers: Headers of the answer.
            subprotocol: One of :attr:`requested_subprotocols`.

        Raises:
            ValueError: A subprotocol that was not offered, or a header that can't be sent.
            RuntimeError: The handshake has been answered already.
            WebsocketDisconnect: The client has gone.
        """
        return self._connection.accept(headers, subprotocol)

    def close(self, code: int = 1000, reason: str = "") -> t.Coroutine[t.Any, t.Any, None]:
        """End the websocket; before it is accepted, refuse it with 403.

        Does nothing if it has ended already.

        Args:
            code: The close code: 1000, 1001, 1008, 1011, ... or one from 3000 to 4999.
            reason: Up to 123 bytes for the client.

        Raises:
            ValueError: The code or the reason can't be sent.
        """
        return self._connection.close(code, reason)


class BlockingWebsocket(Handshake):
    """A websocket in a view that is a plain function, which runs in a thread.

    The methods are those of :class:`Websocket`, but wait themselves.
    """

    __slots__ = ()

    def receive(self, timeout: float | None = None) -> Data:
        """Wait for the next message; see :meth:`Websocket.receive`.

        Args:
            timeout: Seconds to wait; None waits for ever.

        Raises:
            TimeoutError: No message came in time; none is lost.
        """
        return self._connection.wait(self._connection.receive(), timeout)

    def send(self, data: Data) -> None:
        """Send a message; see :meth:`Websocket.send`."""
        self._connection.wait(self._connection.send(data))

    def receive_json(self, timeout: float | None = None) -> t.Any:
        """Wait for the next message and decode it; see :meth:`Websocket.receive_json`."""
        return self._loads(self.receive(timeout))

    def send_json(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Send a value as JSON text; see :meth:`Websocket.send_json`."""
        self.send(self._dumps(args, kwargs))

    def accept(self, headers: HeadersIn | None = None, subprotocol: str | None = None) -> None:
        """Accept the handshake; see :meth:`Websocket.accept`."""
        self._connection.wait(self._connection.accept(headers, subprotocol))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the websocket; see :meth:`Websocket.close`."""
        self._connection.wait(self._connection.close(code, reason))
