"""The second colour: a request that a test makes by WSGI travels through ``asgi_app``.

With ``--colour asgi``, ``app(environ, start_response)`` turns its environ into a scope,
has an event loop serve it, and gives the messages back as WSGI has them, chunk by chunk.
With ``--colour native`` all plans run on the loop, with every sync step in a thread, as if
there were a coroutine function in each of them.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import sys
import threading
import typing as t

import erlen
from erlen.testing.exchange import http_scope, status_line

_missing: t.Any = object()


class Exchange:
    """One request between the thread of the test and the loop."""

    def __init__(self, app: t.Any, environ: dict[str, t.Any]) -> None:
        self.app = app
        self.environ = environ
        self.messages: queue.Queue[t.Any] = queue.Queue()
        self.context = contextvars.copy_context()
        self.gone = asyncio.Event()
        self.taken: asyncio.Future[None] | None = None
        self.received = False
        self.ended = False
        loop().call_soon_threadsafe(self._start)

    # on the loop

    def _start(self) -> None:
        self.task = loop().create_task(self._serve(), context=self.context)

    async def _serve(self) -> None:
        try:
            await self.app.asgi_app(http_scope(self.environ), self._receive, self._send)
        except BaseException as error:
            self.messages.put(error)
            self.task = None
        else:
            self.messages.put(None)

    async def _receive(self) -> dict[str, t.Any]:
        if not self.received:
            self.received = True
            return {"type": "http.request", "body": self._body(), "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    def _body(self) -> bytes:
        source = self.environ.get("wsgi.input")
        if source is None:
            return b""
        if "wsgi.input_terminated" in self.environ:
            pieces = []
            while piece := source.read(65536):
                pieces.append(piece)
            return b"".join(pieces)
        length = self.environ.get("CONTENT_LENGTH") or "0"
        return source.read(int(length)) if length.isdigit() else b""

    async def _send(self, message: dict[str, t.Any]) -> None:
        if self.gone.is_set():
            return
        self.taken = loop().create_future()
        self.messages.put(message)
        await self.taken

    # in the test's thread

    def next(self) -> t.Any:
        """The next message; None at the end. What the application raised is raised."""
        if self.ended:
            return None
        message = self.messages.get(timeout=30)
        if isinstance(message, dict):
            loop().call_soon_threadsafe(self._take)
            return message
        self.ended = True
        for variable, value in self.context.items():
            if variable.get(_missing) is not value:
                variable.set(value)
        try:
            if message is not None:
                raise message
            return None
        finally:
            # The frame in the error's traceback must not keep the error.
            del message

    def _take(self) -> None:
        if self.taken is not None and not self.taken.done():
            self.taken.set_result(None)

    def leave(self) -> None:
        """The client goes away; wait until the application has ended."""
        loop().call_soon_threadsafe(self._leave)
        while not self.ended:
            self.next()

    def _leave(self) -> None:
        self.gone.set()
        self._take()


class Body:
    """What ``app(environ, start_response)`` returns."""

    def __init__(self, exchange: Exchange, first: t.Any) -> None:
        self.exchange = exchange
        self.first = first

    def __iter__(self) -> t.Iterator[bytes]:
        message, self.first = self.first, None
        while message is not None:
            if message.get("body"):
                yield message["body"]
            message = self.exchange.next()

    def close(self) -> None:
        self.exchange.leave()


def through_asgi(app: t.Any, environ: dict[str, t.Any], start_response: t.Any) -> t.Any:
    """Answer a WSGI request by the ASGI application."""
    exchange = Exchange(app, environ)
    start = exchange.next()
    if start is None:
        raise RuntimeError("asgi_app returned without a response")
    assert start["type"] == "http.response.start"
    headers = [(n.decode("latin-1").title(), v.decode("latin-1")) for n, v in start["headers"]]
    start_response(status_line(start["status"]), headers)
    message = exchange.next()
    if message is None or not message.get("more_body"):
        # Whole: the application has ended when its server hears of the body's end.
        body = b"" if message is None else message.get("body", b"")
        while exchange.next() is not None:
            pass
        return [body]
    return Body(exchange, message)


_loop: t.Any = None


def loop() -> asyncio.AbstractEventLoop:
    """The loop that stands for a server's."""
    global _loop
    if _loop is None:
        _loop = asyncio.new_event_loop()
        threading.Thread(target=_loop.run_forever, name="server", daemon=True).start()
    return _loop


#: Whether the test that runs has the second colour.
painted = False

#: Whether all plans run on the loop.
native = False


def seen(status: str, headers: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
    """What of a status line and headers is left when they have gone through ASGI.

    It has no reason phrases, and its names of headers are in lower case.
    """
    if not painted:
        return status, headers
    return status_line(int(status.split()[0])), [(name.title(), value) for name, value in headers]


def paint(monkeypatch: t.Any, native: bool) -> None:
    """Have all requests of a test go through ``asgi_app``.

    Args:
        monkeypatch: Pytest's.
        native: Whether every plan is taken for one with coroutine functions in it.
    """
    monkeypatch.setattr(sys.modules[__name__], "native", native)
    if native:
        monkeypatch.setattr("erlen.server.loop.building.Builder._is_native", lambda self: True)
    original = erlen.Erlen.__call__

    def call(self: t.Any, environ: t.Any, start_response: t.Any, send: t.Any = None) -> t.Any:
        if send is None:
            return through_asgi(self, environ, start_response)
        return original(self, environ, start_response, send)

    call.__name__, call.__qualname__ = original.__name__, original.__qualname__
    monkeypatch.setattr(erlen.Erlen, "__call__", call)
    monkeypatch.setattr(sys.modules[__name__], "painted", True)
