"""A request that came by ASGI, answered by ``wsgi_app`` in one thread.

This is how sync plans run under ASGI, and whatever is wrapped around ``wsgi_app``: from
the first hook to the teardown, a streamed body included, in one thread, as under WSGI.
"""

from __future__ import annotations

import contextvars
import typing as t
from _thread import allocate_lock
from collections import deque

from ...http.filebody import FileBody
from ..scope import Scope, make_environ
from ..threads.pool import Mailbox, carry_back, mailbox_of, pool_of
from .receiving import AsyncBody, LoopInput
from .sending import RawHeaders, Receive, Send, Watch, code_of, raw_headers, send_file, send_whole

if t.TYPE_CHECKING:
    import asyncio

#: Bytes and chunks that a thread may be ahead of the client.
WINDOW_BYTES = 131_072
WINDOW_CHUNKS = 64


class Pipe:
    """Chunks on their way from a thread to the loop, never more than a window.

    Args:
        mailbox: Of the loop.
    """

    __slots__ = (
        "_mailbox",
        "_lock",
        "_room",
        "_chunks",
        "_size",
        "_blocked",
        "_waiter",
        "_ended",
        "gone",
    )

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._lock = allocate_lock()
        self._room = allocate_lock()
        self._room.acquire()
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._blocked = False
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        #: Whether nobody takes the chunks any more.
        self.gone = False

    def put(self, chunk: bytes) -> bool:
        """Hand on a chunk, from the thread; waits while too much is on its way.

        Args:
            chunk: The chunk.

        Returns:
            Whether anybody is left to take more.
        """
        with self._lock:
            self._chunks.append(chunk)
            self._size += len(chunk)
            blocked = self._size > WINDOW_BYTES or len(self._chunks) > WINDOW_CHUNKS
            self._blocked = blocked and not self.gone
        if self._waiter is not None:
            self._mailbox.post(self._wake)
        if self._blocked:
            self._room.acquire()
        return not self.gone

    def end(self) -> None:
        """Say that no chunk follows, from the thread."""
        self._ended = True
        self._mailbox.post(self._wake)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def take(self) -> list[bytes] | None:
        """The chunks that are there, on the loop; None at the end."""
        while True:
            with self._lock:
                chunks = list(self._chunks)
                self._chunks.clear()
                self._size = 0
                if self._blocked:
                    self._blocked = False
                    self._room.release()
                ended = self._ended and not chunks
                if not chunks and not ended:
                    self._waiter = waiter = self._mailbox.loop.create_future()
            if chunks:
                return chunks
            if ended:
                return None
            await waiter

    def leave(self) -> None:
        """Take no more chunks; the thread learns it with its next one."""
        with self._lock:
            self.gone = True
            self._chunks.clear()
            if self._blocked:
                self._blocked = False
                self._room.release()
        self._wake()


class Exchange:
    """One request under way in a thread; a job for :class:`erlen.server.threads.pool.Pool`.

    Args:
        app: The application.
        environ: The WSGI environ.
        mailbox: Of the loop.
    """

    __slots__ = (
        "app",
        "environ",
        "mailbox",
        "context",
        "future",
        "done",
        "error",
        "status",
        "headers",
        "whole",
        "file",
        "pipe",
    )

    def __init__(self, app: t.Any, environ: t.Any, mailbox: Mailbox) -> None:
        self.app = app
        self.environ = environ
        self.mailbox = mailbox
        self.context = contextvars.copy_context()
        #: Set when there is something to send, and again when the thread has done.
        self.future: asyncio.Future[None] = mailbox.loop.create_future()
        self.done = False
        self.error: BaseException | None = None
        self.status = 0
        self.headers: RawHeaders = []
        self.whole: bytes | None = None
        self.file: FileBody | None = None
        self.pipe: Pipe | None = None

    # -- in the thread ---------------------------------------------------------------

    def run(self) -> None:
        """Answer the request."""
        try:
            self.context.run(self._serve)
        except BaseException as error:
            self.error = error
        self.done = True
        self.environ = None
        if self.pipe is not None:
            self.pipe.end()
        self.mailbox.post(self._wake)

    def _wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)

    def _serve(self) -> None:
        body = self.app.wsgi_app(self.environ, self._start_response)
        kind = body.__class__
        if kind is tuple or kind is list:
            self.whole = body[0] if len(body) == 1 else b"".join(body)
        elif kind is FileBody:
            # The loop reads it, and closes it.
            self.file = body
        else:
            self._stream(body)

    def _start_response(self, status: str, headers: t.Any, exc_info: t.Any = None) -> t.Any:
        try:
            if exc_info is not None and self.pipe is not None:
                raise exc_info[1].with_traceback(exc_info[2])
        finally:
            exc_info = None
        self.status = code_of(status)
        self.headers = raw_headers(headers)
        return self._write

    def _write(self, data: bytes) -> None:
        (self.pipe or self._open()).put(data)

    def _open(self) -> Pipe:
        """Begin the body: the headers go out now."""
        pipe = self.pipe = Pipe(self.mailbox)
        # Others may need a thread while the client takes its time.
        pool_of(self.app).lend()
        self.mailbox.post(self._wake)
        return pipe

    def _stream(self, body: t.Iterable[bytes]) -> None:
        # PEP 3333: start_response may be called with the first chunk.
        pipe = self._open() if self.status else None
        try:
            for chunk in body:
                if pipe is None:
                    pipe = self.pipe or self._open()
                if chunk and not pipe.put(chunk):
                    break
        finally:
            # Here, where the error that broke the body off is still being handled.
            close = getattr(body, "close", None)
            if close is not None:
                close()


class _Iteration(Exchange):
    """A body that only a thread can iterate, as its loop must not be blocked.

    Args:
        app: The application.
        body: The body.
        mailbox: Of the loop.
    """

    __slots__ = ("_body",)

    def __init__(self, app: t.Any, body: t.Iterable[bytes], mailbox: Mailbox) -> None:
        super().__init__(app, None, mailbox)
        self._body = body

    def _serve(self) -> None:
        self._stream(self._body)


async def send_iterable(
    app: t.Any,
    status: int,
    headers: RawHeaders,
    body: t.Iterable[bytes],
    receive: Receive,
    send: Send,
) -> None:
    """Send a body that is iterated and closed in a thread.

    Args:
        app: The application.
        status: The code.
        headers: As they go out.
        body: The body.
        receive: The server's.
        send: The server's.
    """
    pool = pool_of(app)
    exchange = _Iteration(app, body, mailbox_of(pool.running_loop()))
    exchange.status, exchange.headers = status, headers
    # The request has begun: others may wait for what it holds.
    pool.submit(exchange, True)
    await _finish(exchange, {}, receive, send, pool.call)


async def serve(app: t.Any, scope: Scope, receive: Receive, send: Send, body: t.Any) -> None:
    """Answer a request by ``wsgi_app`` in a thread.

    Args:
        app: The application.
        scope: The scope, of type ``http``.
        receive: The server's.
        send: The server's.
        body: What was received of the body: bytes, or a file.
    """
    pool = pool_of(app)
    mailbox = mailbox_of(pool.running_loop())
    if isinstance(body, AsyncBody):
        body = LoopInput(body, mailbox.loop)
    exchange = Exchange(app, make_environ(scope, body), mailbox)
    pool.submit(exchange, False)
    await _finish(exchange, scope, receive, send, pool.call)


async def _finish(
    exchange: Exchange, scope: Scope, receive: Receive, send: Send, hop: t.Any
) -> None:
    """Send what a thread gives, as it gives it; raises what it raised."""
    await exchange.future
    error: BaseException | None = None
    try:
        if exchange.pipe is not None:
            await _send_stream(exchange, receive, send)
        elif exchange.error is None:
            carry_back(exchange.context)
            await _send_rest(exchange, scope, send, hop)
        error, exchange.error = exchange.error, None
        if error is not None:
            raise error
    finally:
        error = None


async def _send_rest(exchange: Exchange, scope: Scope, send: Send, hop: t.Any) -> None:
    if exchange.file is None:
        await send_whole(send, exchange.status, exchange.headers, exchange.whole or b"")
        return
    by_path = "http.response.pathsend" in (scope.get("extensions") or ())
    await send_file(send, exchange.status, exchange.headers, exchange.file, hop, by_path)


async def _send_stream(exchange: Exchange, receive: Receive, send: Send) -> None:
    """Send what the thread makes, and wait until it has closed it."""
    pipe = t.cast(Pipe, exchange.pipe)
    exchange.future = future = exchange.mailbox.loop.create_future()
    watch = Watch(receive, pipe.leave)
    start = {
        "type": "http.response.start",
        "status": exchange.status,
        "headers": exchange.headers,
    }
    try:
        await send(start)
        while (chunks := await pipe.take()) is not None:
            for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        watch.stop()
        if exchange.error is None and not pipe.gone:
            await send({"type": "http.response.body", "body": b""})
    except OSError:
        # Servers say in this way that the client has gone (ASGI, HTTP 2.4).
        pass
    finally:
        watch.stop()
        pipe.leave()
        if not exchange.done:
            await future
        carry_back(exchange.context)
