"""The test client: requests without a server, and their contexts afterwards."""

from __future__ import annotations

import typing as t
from contextlib import ExitStack, contextmanager
from copy import copy

import werkzeug.test
from werkzeug.wrappers import Request as BaseRequest

from .environ import EnvironBuilder

if t.TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.test import TestResponse

    from ..app import Erlen
    from ..sessions import SessionMixin
    from .websocket import WebsocketSession

# Under this key Werkzeug's debugger and this client leave a function that
# receives the contexts a server would have thrown away.
PRESERVE_KEY = "werkzeug.debug.preserve_context"

# Under this one, what is to be done when the response was sent; as in
# `erlen.server.background`.
SENT_KEY = "erlen.sent"

_werkzeug_version = ""


def _get_werkzeug_version() -> str:
    global _werkzeug_version

    if not _werkzeug_version:
        from importlib.metadata import version

        _werkzeug_version = version("werkzeug")

    return _werkzeug_version


class ErlenClient(werkzeug.test.Client):
    """Werkzeug's test client, for one application.

    Used with ``with``, ``request``, ``session`` and ``g`` of the last request
    stay within reach until the next request or the end of the block. As
    Flask 3.1's ``FlaskClient``, which is the same class by another name.

    Args:
        *args: For `werkzeug.test.Client`; first the application.
        **kwargs: For `werkzeug.test.Client`.
    """

    application: Erlen

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self.preserve_context = False
        self._new_contexts: list[t.ContextManager[t.Any]] = []
        self._context_stack = ExitStack()
        #: What every environ has unless the call says otherwise.
        self.environ_base: dict[str, t.Any] = {
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_USER_AGENT": f"Werkzeug/{_get_werkzeug_version()}",
        }

    @contextmanager
    def session_transaction(self, *args: t.Any, **kwargs: t.Any) -> t.Iterator[SessionMixin]:
        """Open the session that the client's cookies hold, and save it back.

        ::

            with client.session_transaction() as session:
                session["user_id"] = 1

        Args:
            *args: For ``app.test_request_context``: sessions may depend on it.
            **kwargs: For ``app.test_request_context``.

        Returns:
            A context manager that gives the session and saves it at the end.

        Raises:
            TypeError: The client was made with ``use_cookies=False``.
            RuntimeError: The session interface gives no session, such as for
                want of a secret key.
        """
        if self._cookies is None:
            raise TypeError("Cookies are disabled. Create a client with 'use_cookies=True'.")

        app = self.application
        ctx = app.test_request_context(*args, **kwargs)
        self._add_cookies_to_wsgi(ctx.request.environ)

        with ctx:
            session = app.session_interface.open_session(app, ctx.request)

        if session is None:
            raise RuntimeError("Session backend did not open a session.")

        yield session
        response = app.response_class()

        if app.session_interface.is_null_session(session):
            return

        with ctx:
            interface = app.session_interface
            # One that keeps sessions on the server can say so if it couldn't.
            getattr(interface, "store_session", interface.save_session)(app, session, response)

        self._update_cookies_from_response(
            ctx.request.host.partition(":")[0],
            ctx.request.path,
            response.headers.getlist("Set-Cookie"),
        )

    def _copy_environ(self, other: WSGIEnvironment) -> WSGIEnvironment:
        environ = {**self.environ_base, **other}

        if self.preserve_context:
            environ[PRESERVE_KEY] = self._new_contexts.append

        return environ

    def _request_from_builder_args(
        self, args: tuple[t.Any, ...], kwargs: dict[str, t.Any]
    ) -> BaseRequest:
        kwargs["environ_base"] = self._copy_environ(kwargs.get("environ_base", {}))
        builder = EnvironBuilder(self.application, *args, **kwargs)

        try:
            return builder.get_request()
        finally:
            builder.close()

    def _request_from(self, args: tuple[t.Any, ...], kwargs: dict[str, t.Any]) -> BaseRequest:
        """The request that the arguments of `open` describe."""
        given = args[0] if args else None

        # Copies: the caller may send the same thing again.
        if isinstance(given, werkzeug.test.EnvironBuilder):
            builder = copy(given)
            builder.environ_base = self._copy_environ({**(builder.environ_base or {})})
            return builder.get_request()

        if isinstance(given, dict):
            return EnvironBuilder.from_environ(
                given, app=self.application, environ_base=self._copy_environ({})
            ).get_request()

        if isinstance(given, BaseRequest):
            request = copy(given)
            request.environ = self._copy_environ(request.environ)
            return request

        return self._request_from_builder_args(args, kwargs)

    def open(
        self,
        *args: t.Any,
        buffered: bool = False,
        follow_redirects: bool = False,
        **kwargs: t.Any,
    ) -> TestResponse:
        """Send a request.

        Args:
            *args: For `EnvironBuilder`, without the application; or one
                builder, environ or request.
            buffered: Whether the whole body is read and the response closed
                before this returns. Default: False.
            follow_redirects: Whether redirects are followed. Default: False.
            **kwargs: For `EnvironBuilder`.

        Returns:
            The response.
        """
        request = self._request_from(args, kwargs)

        # Here and not at the end of the request before: until now its context
        # was within reach. Redirects and later requests start without it.
        self._context_stack.close()
        self._tell_application()
        sent: list[t.Callable[[], t.Any]] = []
        request.environ[SENT_KEY] = sent
        response = super().open(request, buffered=buffered, follow_redirects=follow_redirects)
        response.json_module = self.application.json  # type: ignore[assignment]

        for start in sent:
            start()

        for context in self._new_contexts:
            self._context_stack.enter_context(context)

        self._new_contexts.clear()
        return response

    def websocket_connect(
        self,
        *args: t.Any,
        subprotocols: t.Iterable[str] = (),
        timeout: float = 5.0,
        **kwargs: t.Any,
    ) -> WebsocketSession:
        """Open a websocket.

        ::

            with client.websocket_connect("/echo") as ws:
                ws.send("hello")
                assert ws.receive() == "hello"

        Args:
            *args: As for `open`.
            subprotocols: What the client offers, the best first. Default: none.
            timeout: Seconds that each step may take. Default: 5.
            **kwargs: As for `open`: ``headers``, ``query_string``, ``base_url``, ...

        Returns:
            A session for ``with``; entering it raises `WebsocketRejected` with the
            response, if the application refuses the handshake.
        """
        from .handshake import session_for
        from .websocket import WebsocketSession

        request = self._request_from(args, kwargs)
        request.environ.pop(PRESERVE_KEY, None)
        self._tell_application()
        return WebsocketSession(session_for(self, request, subprotocols, timeout))

    def _tell_application(self) -> None:
        # A test may have replaced methods of a class (mock.patch), which the
        # compiled plans cannot see. Served requests never pay for this look.
        recheck = getattr(self.application, "_recheck_overrides", None)

        if recheck is not None:
            recheck()

    def __enter__(self) -> t.Self:
        if self.preserve_context:
            raise RuntimeError("Cannot nest client invocations")

        self.preserve_context = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.preserve_context = False
        self._context_stack.close()
