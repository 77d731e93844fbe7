"""The asynchronous test client: requests by ASGI, on the event loop of the test."""

from __future__ import annotations

import typing as t
from contextlib import AbstractContextManager

from werkzeug.test import ClientRedirectError

from .client import PRESERVE_KEY, ErlenClient
from .exchange import Exchange, Pieces

if t.TYPE_CHECKING:
    from types import TracebackType

    from werkzeug.test import TestResponse
    from werkzeug.wrappers import Request

    from ..sessions import SessionMixin
    from .websocket import AsyncWebsocketSession

_REDIRECTS = frozenset({301, 302, 303, 305, 307, 308})


class AsyncErlenClient(ErlenClient):
    """The test client for coroutines: what the sync client has, with ``await``.

    ::

        client = app.async_client()
        response = await client.post("/notes", json={"title": "tea"})
        assert response.json == {"id": 1}

    A response is there as a whole; :meth:`stream` gives one while it is made. With
    ``async with client:``, ``request``, ``session`` and ``g`` of the last request stay
    within reach.
    """

    async def open(  # type: ignore[override]
        self,
        *args: t.Any,
        buffered: bool = True,
        follow_redirects: bool = False,
        chunks: Pieces | None = None,
        **kwargs: t.Any,
    ) -> TestResponse:
        """Send a request, and wait for the whole response.

        Args:
            *args: For `EnvironBuilder`, without the application; or one
                builder, environ or request.
            buffered: Taken, as the sync client has it; a response is always whole.
            follow_redirects: Whether redirects are followed. Default: False.
            chunks: The body in pieces, from an iterable or an asynchronous one, sent
                as the application asks for them.
            **kwargs: For `EnvironBuilder`.

        Returns:
            The response.
        """
        response = await self._answer(self._request_from(args, kwargs), chunks)
        history: list[TestResponse] = []
        seen: set[t.Any] = set()
        while follow_redirects and response.status_code in _REDIRECTS:
            entry = (response.location, response.status_code)
            if entry in seen:
                raise ClientRedirectError(
                    f"Loop detected: A {response.status_code} redirect"
                    f" to {response.location} was already made."
                )
            seen.add(entry)
            response.history = tuple(history)
            history.append(response)
            # Asks for `open`, which gives something to be awaited.
            response = await t.cast("t.Any", self.resolve_redirect(response))
        response.history = tuple(history) or response.history
        return response

    async def _answer(self, request: Request, chunks: Pieces | None) -> TestResponse:
        exchange, status, headers = await self._begin(request, chunks)
        body = [chunk async for chunk in exchange.chunks()]
        self._enter_contexts()
        response = self.response_wrapper(body, status, headers, request=request)
        response.json_module = self.application.json  # type: ignore[assignment]
        return response

    async def _begin(self, request: Request, chunks: Pieces | None) -> tuple[Exchange, str, t.Any]:
        self._context_stack.close()
        self._tell_application()
        environ = request.environ
        self._add_cookies_to_wsgi(environ)
        if chunks is not None:
            environ.pop("CONTENT_LENGTH", None)
            environ["HTTP_TRANSFER_ENCODING"] = "chunked"
        exchange = Exchange(self.application, environ, chunks)
        try:
            status, headers = await exchange.start()
        finally:
            request.input_stream.close()
        self._update_cookies_from_response(
            request.host.partition(":")[0], request.path, headers.getlist("Set-Cookie")
        )
        return exchange, status, headers

    def _enter_contexts(self) -> None:
        for context in self._new_contexts:
            self._context_stack.enter_context(context)
        self._new_contexts.clear()

    def stream(
        self, method: str, *args: t.Any, chunks: Pieces | None = None, **kwargs: t.Any
    ) -> StreamedResponse:
        """Send a request whose response is read while it is made.

        ::

            async with client.stream("GET", "/numbers") as response:
                async for chunk in response:
                    ...

        At the end of the block the client goes away, if there is more to come.

        Args:
            method: The method.
            *args: As for :meth:`open`.
            chunks: As for :meth:`open`.
            **kwargs: As for :meth:`open`.
        """
        kwargs["method"] = method
        return StreamedResponse(self, self._request_from(args, kwargs), chunks)

    def websocket_connect(  # type: ignore[override]
        self,
        *args: t.Any,
        subprotocols: t.Iterable[str] = (),
        timeout: float = 5.0,
        **kwargs: t.Any,
    ) -> AsyncWebsocketSession:
        """Open a websocket, with ``async with``.

        Args:
            *args: As for :meth:`open`.
            subprotocols: What the client offers, the best first. Default: none.
            timeout: Seconds that each step may take. Default: 5.
            **kwargs: As for :meth:`open`.
        """
        from .handshake import session_for

        request = self._request_from(args, kwargs)
        request.environ.pop(PRESERVE_KEY, None)
        self._tell_application()
        return session_for(self, request, subprotocols, timeout)

    def session_transaction(  # type: ignore[override]
        self, *args: t.Any, **kwargs: t.Any
    ) -> SessionTransaction:
        """Open the session that the client's cookies hold, and save it back.

        Args:
            *args: For ``app.test_request_context``.
            **kwargs: For ``app.test_request_context``.

        Returns:
            For ``async with`` or ``with``: gives the session, and saves it at the end.
        """
        return SessionTransaction(super().session_transaction(*args, **kwargs))

    async def __aenter__(self) -> t.Self:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.__exit__(exc_type, exc_value, tb)


class SessionTransaction:
    """A session within reach, for ``with`` and ``async with``.

    Args:
        manager: What opens and saves it.
    """

    def __init__(self, manager: AbstractContextManager[SessionMixin]) -> None:
        self._manager = manager

    def __enter__(self) -> SessionMixin:
        return self._manager.__enter__()

    def __exit__(self, *error: t.Any) -> bool | None:
        return self._manager.__exit__(*error)

    async def __aenter__(self) -> SessionMixin:
        return self._manager.__enter__()

    async def __aexit__(self, *error: t.Any) -> bool | None:
        return self._manager.__exit__(*error)


class StreamedResponse:
    """A response that is read while it is made; see :meth:`AsyncErlenClient.stream`.

    Args:
        client: The client.
        request: The request.
        chunks: Its body in pieces, if it has such.
    """

    status: str
    status_code: int
    headers: t.Any

    def __init__(self, client: AsyncErlenClient, request: Request, chunks: Pieces | None) -> None:
        self._client = client
        self.request = request
        self._pieces = chunks
        self._exchange: Exchange | None = None

    async def __aenter__(self) -> StreamedResponse:
        self._exchange, self.status, self.headers = await self._client._begin(
            self.request, self._pieces
        )
        self.status_code = int(self.status.partition(" ")[0])
        return self

    async def __aexit__(self, *error: t.Any) -> None:
        if self._exchange is not None:
            await self._exchange.leave()
        self._client._enter_contexts()

    def __aiter__(self) -> t.AsyncIterator[bytes]:
        assert self._exchange is not None, "Use 'async with client.stream(...) as response:'."
        return self._exchange.chunks()

    async def read(self) -> bytes:
        """Read what is left."""
        return b"".join([chunk async for chunk in self])
