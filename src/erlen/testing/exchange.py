"""One request to the ASGI application, without a server."""

from __future__ import annotations

import asyncio
import typing as t
from collections.abc import AsyncIterable, Iterable
from urllib.parse import quote_from_bytes

from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES

from ..server.scope import EXTRA

Message = dict[str, t.Any]
Pieces = Iterable[bytes] | AsyncIterable[bytes]

#: Keys of an environ that a scope has in places of their own.
_DERIVED = frozenset(
    "REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING SERVER_PROTOCOL SERVER_NAME SERVER_PORT"
    " REMOTE_ADDR REMOTE_PORT CONTENT_TYPE CONTENT_LENGTH REQUEST_URI RAW_URI".split()
)


def http_scope(environ: Message) -> Message:
    """The scope that a server would have made of the same request.

    Args:
        environ: Its WSGI environ.
    """
    headers = []
    extra = {}
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            name = key[5:].replace("_", "-").lower()
            headers.append((name.encode("latin-1"), value.encode("latin-1", "replace")))
        elif key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            name = key.replace("_", "-").lower()
            headers.append((name.encode(), value.encode("latin-1", "replace")))
        elif key not in _DERIVED and not key.startswith("wsgi."):
            extra[key] = value
    root = environ.get("SCRIPT_NAME", "").encode("latin-1", "replace")
    raw = root + environ.get("PATH_INFO", "").encode("latin-1", "replace")
    port = environ.get("SERVER_PORT", "")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2],
        "method": environ.get("REQUEST_METHOD", "GET"),
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": raw.decode("utf-8", "replace"),
        "raw_path": quote_from_bytes(raw).encode(),
        "root_path": root.decode("utf-8", "replace"),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1", "replace"),
        "headers": headers,
        "server": (environ.get("SERVER_NAME", "localhost"), int(port) if port.isdigit() else None),
        "state": {},
        "extensions": {},
    }
    if environ.get("REMOTE_ADDR"):
        scope["client"] = (environ["REMOTE_ADDR"], int(environ.get("REMOTE_PORT") or 50000))
    if extra:
        scope[EXTRA] = extra
    return scope


def status_line(code: int) -> str:
    """The line that belongs to a status code."""
    return f"{code} {HTTP_STATUS_CODES.get(code, 'Unknown').upper()}"


class Gone(ConnectionResetError):
    """What a server raises when a message can't reach the client (ASGI, HTTP 2.4)."""


class Exchange:
    """A request under way; the application runs in a task of its own.

    Args:
        app: The ASGI application.
        environ: The WSGI environ of the request.
        pieces: The body, piece by piece, in place of the environ's.
    """

    def __init__(self, app: t.Any, environ: Message, pieces: Pieces | None = None) -> None:
        self._body = _pieces_of(environ) if pieces is None else _with_end(pieces)
        self._sent = False
        self._gone = asyncio.Event()
        #: At most one: the application gets no further ahead of who reads.
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue(1)
        self._started: Message | None = None
        self._task = asyncio.create_task(app(http_scope(environ), self._receive, self._send))
        self._task.add_done_callback(self._ended)

    # -- the application's side ---------------------------------------------------------

    async def _receive(self) -> Message:
        if not self._sent:
            async for piece, more in self._body:
                self._sent = not more
                return {"type": "http.request", "body": piece, "more_body": more}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone.is_set():
            raise Gone("The client has gone.")
        put = asyncio.ensure_future(self._messages.put(message))
        gone = asyncio.ensure_future(self._gone.wait())
        await asyncio.wait([put, gone], return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not put.done():
            put.cancel()
            raise Gone("The client has gone.")

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._messages.full():
            # Whoever reads finds the task ended behind the last message.
            return
        self._messages.put_nowait(None)

    # -- the client's side ---------------------------------------------------------------

    async def _next(self) -> Message | None:
        if self._messages.empty() and self._task.done():
            return None
        return await self._messages.get()

    async def start(self) -> tuple[str, Headers]:
        """Wait for the status and the headers.

        Raises:
            Exception: What the application raised.
            RuntimeError: It returned without an answer.
        """
        message = await self._next()
        if message is None:
            await self._task
            raise RuntimeError("The application returned without an answer.")
        headers = Headers(
            [
                (name.decode("latin-1").title(), value.decode("latin-1"))
                for name, value in message["headers"]
            ]
        )
        return status_line(message["status"]), headers

    async def chunks(self) -> t.AsyncIterator[bytes]:
        """The chunks of the body; then the application has ended.

        Raises:
            Exception: What the application raised.
        """
        while (message := await self._next()) is not None:
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                # Now a server would tell that the client is no longer interested.
                self._gone.set()
        await self._task

    async def leave(self) -> None:
        """Go away, and wait for the application's end."""
        self._gone.set()
        async for _ in self.chunks():
            pass


async def _pieces_of(environ: Message) -> t.AsyncIterator[tuple[bytes, bool]]:
    """The body of an environ: pieces, and whether there are more."""
    source: t.Any = environ.get("wsgi.input")
    length = environ.get("CONTENT_LENGTH") or ""
    left = int(length) if length.isdigit() else 0
    if source is None:
        left = 0
    while left > 65_536:
        piece = source.read(65_536)
        left -= len(piece)
        if not piece:
            break
        yield piece, True
    yield (source.read(left) if left else b""), False


async def _with_end(pieces: Pieces) -> t.AsyncIterator[tuple[bytes, bool]]:
    if isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            yield piece, True
    else:
        for piece in pieces:
            yield piece, True
    yield b"", False
