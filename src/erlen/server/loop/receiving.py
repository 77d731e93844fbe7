"""The request's body under ASGI: received as a whole, or while it is read.

A body is received before the first hook runs, so that ``request.get_json()``,
``request.form`` and all else that reads it needs no ``await``. Up to about a mebibyte
stays in memory, the rest goes to a temporary file. A view that is marked with
:func:`erlen.stream_body` gets it chunk by chunk instead, and so does one that may
raise the limit that the body is over.
"""

from __future__ import annotations

import typing as t
from io import BytesIO

from ...http.body import READ_STEP

if t.TYPE_CHECKING:
    import asyncio

Receive = t.Callable[[], t.Awaitable[dict[str, t.Any]]]
Hop = t.Callable[..., t.Awaitable[t.Any]]

#: What stands for the body of a client that went away while it sent.
GONE: t.Any = object()


class NotReceived(RuntimeError):
    """The body was asked for at once, but it has not been received."""

    def __init__(self) -> None:
        super().__init__(
            "The body of this request has not been received: its view is marked with"
            " 'stream_body', or it is larger than MAX_CONTENT_LENGTH. Read it with"
            " 'async for chunk in request.stream', or write 'await request.receive()'"
            " before it is used."
        )


class AsyncBody:
    """A body that is received as it is read: ``wsgi.input`` for a view that streams.

    Args:
        receive: The server's.
        hop: Calls a function in a thread.
        begun: What was received already.
    """

    __slots__ = ("_receive", "_hop", "_more", "_held")

    def __init__(self, receive: Receive, hop: Hop, begun: bytes = b"") -> None:
        self._receive = receive
        self._hop = hop
        self._more = True
        #: What is here: bytes to hand on first, then perhaps the rest, as a file.
        self._held: t.IO[bytes] = BytesIO(begun)

    async def next_chunk(self) -> bytes:
        """The next bytes that arrive; none at the end.

        Raises:
            OSError: The client went away.
        """
        chunk = self._held.read(READ_STEP)
        while not chunk and self._more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._more = False
                raise OSError("The client has gone.")
            self._more = message.get("more_body", False)
            chunk = message.get("body", b"")
        return chunk

    async def receive_rest(self, maximum: int | None) -> None:
        """Receive what is left, so that it can be read at once.

        Args:
            maximum: As for :func:`receive_body`.

        Raises:
            OSError: The client went away.
        """
        if not self._more:
            return
        body = await receive_body(self._receive, maximum, self._hop, self._held.read())
        if body is GONE:
            self._more = False
            raise OSError("The client has gone.")
        if isinstance(body, AsyncBody):
            self._held = body._held
            return
        self._more = False
        self._held = BytesIO(body) if isinstance(body, bytes) else body

    def read(self, size: int = -1) -> bytes:
        """Read what has been received.

        Args:
            size: Most bytes to read; all if negative.

        Raises:
            RuntimeError: There is more to come.
        """
        data = self._held.read(size)
        if self._more and (size < 0 or (size > 0 and not data)):
            raise NotReceived
        return data

    def close(self) -> None:
        """Close the temporary file, if there is one."""
        self._held.close()


class LoopInput:
    """The same for a thread, which waits for the loop to receive.

    Args:
        body: The body.
        loop: The loop that receives it.
    """

    def __init__(self, body: AsyncBody, loop: asyncio.AbstractEventLoop) -> None:
        self._body = body
        self._loop = loop
        self._held = b""

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes; all there are if it is negative.

        Raises:
            OSError: The client went away.
        """
        if size < 0:
            pieces = [self._next()]
            while pieces[-1]:
                pieces.append(self._next())
            return b"".join(pieces)
        data = self._next() if size else b""
        self._held = data[size:]
        return data[:size]

    async def next_chunk(self) -> bytes:
        """The next bytes that arrive, for who reads them on the loop after all."""
        data, self._held = self._held, b""
        return data or await self._body.next_chunk()

    async def receive_rest(self, maximum: int | None) -> None:
        """As :meth:`AsyncBody.receive_rest`."""
        await self._body.receive_rest(maximum)

    def _next(self) -> bytes:
        from asyncio import run_coroutine_threadsafe

        data, self._held = self._held, b""
        if data:
            return data
        return run_coroutine_threadsafe(self._body.next_chunk(), self._loop).result()


async def receive_body(
    receive: Receive, maximum: int | None, hop: Hop, begun: bytes = b"", message: t.Any = None
) -> t.Any:
    """Receive a body.

    Args:
        receive: The server's.
        maximum: Bytes that the application takes; None for no limit.
        hop: Calls a function in a thread.
        begun: What was received already.
        message: The next message, if that was received already.

    Returns:
        Bytes, or a temporary file at its begin; an :class:`AsyncBody` for a body that
        is too large, of which at least one byte too many was received; ``GONE`` if the
        client went away.
    """
    if message is None:
        message = await receive()
    if message["type"] == "http.disconnect":
        return GONE
    body: bytes = message.get("body", b"")
    if begun:
        body = begun + body
    if not message.get("more_body"):
        return body
    pieces, size = [body], len(body)
    limit = READ_STEP if maximum is None else min(READ_STEP, maximum)
    while size <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            return GONE
        piece = message.get("body", b"")
        pieces.append(piece)
        size += len(piece)
        if not message.get("more_body"):
            return b"".join(pieces)
    if limit == maximum:
        return AsyncBody(receive, hop, b"".join(pieces))
    return await _receive_file(receive, pieces, maximum, hop)


async def _receive_file(
    receive: Receive, pieces: list[bytes], maximum: int | None, hop: Hop
) -> t.Any:
    """Receive the rest into a temporary file, a mebibyte at a time."""
    from tempfile import TemporaryFile

    file = await hop(TemporaryFile)
    size = total = sum(map(len, pieces))
    more = True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                await hop(file.close)
                return GONE
            piece = message.get("body", b"")
            more = message.get("more_body", False)
            pieces.append(piece)
            size += len(piece)
            total += len(piece)
            if size >= READ_STEP:
                await hop(file.writelines, pieces)
                pieces, size = [], 0
            if maximum is not None and total > maximum:
                break
        await hop(file.writelines, pieces)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    if more:
        body = AsyncBody(receive, hop)
        body._held = file
        return body
    return file
