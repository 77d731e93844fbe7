"""How a response leaves as ASGI messages: whole, as a file, or chunk by chunk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import typing as t

from ...http.filebody import BLOCK, FileBody

Send = t.Callable[[dict[str, t.Any]], t.Awaitable[None]]
Receive = t.Callable[[], t.Awaitable[dict[str, t.Any]]]
RawHeaders = list[tuple[bytes, bytes]]

#: Headers as they go out, by what they are made of. Begun anew when it is full.
_KNOWN: dict[tuple[str, str], tuple[bytes, bytes]] = {}
_KNOWN_LIMIT = 2048
_VALUE_LIMIT = 100

HTML = (b"content-type", b"text/html; charset=utf-8")
JSON = (b"content-type", b"application/json")
LENGTHS: dict[int, tuple[bytes, bytes]] = {}


def raw_length(length: int) -> tuple[bytes, bytes]:
    """The Content-Length header of a number of bytes."""
    pair = (b"content-length", b"%d" % length)
    if len(LENGTHS) < _KNOWN_LIMIT:
        LENGTHS[length] = pair
    return pair


def raw_headers(pairs: t.Iterable[tuple[str, str]]) -> RawHeaders:
    """Headers as ASGI has them: bytes, the names in lower case.

    Args:
        pairs: Names and values.
    """
    known = _KNOWN.get
    return [known(pair) or _raw(pair) for pair in pairs]


def _raw(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    name, value = pair
    raw = (name.lower().encode("latin-1"), value.encode("latin-1"))
    # Cookies never come again, and long values seldom do.
    if len(value) <= _VALUE_LIMIT and raw[0] != b"set-cookie":
        if len(_KNOWN) >= _KNOWN_LIMIT:
            _KNOWN.clear()
        _KNOWN[pair] = raw
    return raw


async def send_whole(send: Send, status: int, headers: RawHeaders, body: bytes) -> None:
    """Send a response whose body is there.

    Args:
        send: The server's.
        status: The code.
        headers: As they go out.
        body: Empty for HEAD, 204 and the like.
    """
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def code_of(line: str) -> int:
    """The code of a status line.

    Args:
        line: The line, e.g. ``"200 OK"``.
    """
    return int(line[:3].split()[0])


# -- files ------------------------------------------------------------------------

_NOWAIT = getattr(os, "RWF_NOWAIT", 0)


def read_at_once(descriptor: int, size: int, position: int) -> bytes | None:
    """Read from a file what is in memory already.

    Args:
        descriptor: The open file.
        size: Bytes wanted.
        position: Where to begin.

    Returns:
        What was there, empty at the end of the file; None if the disk would have to
        be waited for, or the system cannot tell.
    """
    if not _NOWAIT:
        return None
    buffer = bytearray(size)
    try:
        count = os.preadv(descriptor, (buffer,), position, _NOWAIT)
    except OSError:
        # Not in memory, or a file system that cannot tell.
        return None
    if count < size:
        del buffer[count:]
    return bytes(buffer)


async def send_file(
    send: Send,
    status: int,
    headers: RawHeaders,
    file: FileBody,
    hop: t.Callable[..., t.Awaitable[t.Any]],
    by_path: bool,
) -> None:
    """Send a file, which is closed at the end.

    Args:
        send: The server's.
        status: The code.
        headers: As they go out.
        file: The file; sent from its position on.
        hop: Calls a function in a thread, to wait for the disk.
        by_path: Whether the server offers to read files itself.
    """
    try:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if by_path and file.path is not None and not file.tell():
            await send({"type": "http.response.pathsend", "path": file.path})
            return
        descriptor, position, left = file.place()
        while True:
            wanted = left if left < BLOCK else BLOCK
            data = read_at_once(descriptor, wanted, position)
            if data is None:
                data = await hop(os.pread, descriptor, wanted, position)
            position += len(data)
            left -= len(data)
            # A file that was cut off meanwhile ends early: the server sees that the
            # length it announced was not reached.
            more = left > 0 and bool(data)
            await send({"type": "http.response.body", "body": data, "more_body": more})
            if not more:
                return
    finally:
        file.close()


# -- clients that go away -----------------------------------------------------------


class Watch:
    """Calls a function when the client has gone, until it is stopped.

    Most streams end before the loop gets to anything else: the watch begins only when
    one has to wait.

    Args:
        receive: The server's.
        gone: What to call; takes nothing.
    """

    __slots__ = ("seen", "_receive", "_gone", "_loop", "_task", "_handle")

    def __init__(self, receive: Receive, gone: t.Callable[[], t.Any]) -> None:
        #: Whether the client was seen to go.
        self.seen = False
        self._receive = receive
        self._gone = gone
        self._loop = loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._handle: asyncio.Handle | None = loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._handle = None
        self._task = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            # The rest of a body that nobody wants.
            pass
        self.seen = True
        self._gone()

    def stop(self) -> None:
        """Stop watching."""
        if self._handle is not None:
            self._handle.cancel()
        elif self._task is not None:
            self._task.cancel()
        self._handle = self._task = None


async def send_chunks(
    send: Send,
    receive: Receive,
    body: t.AsyncIterable[t.Any],
    failed: t.Callable[[BaseException], t.Any],
) -> None:
    """Send the chunks of an asynchronous iterable, each before the next is made.

    When the client goes away, the iterable is cancelled where it waits, and closed.

    Args:
        send: The server's.
        receive: The server's.
        body: Text or bytes.
        failed: Told what the iterable raised.
    """
    task = asyncio.current_task()
    if not isinstance(task, asyncio.Task):
        # Granian has tasks that can't be cancelled.
        await asyncio.create_task(send_chunks(send, receive, body, failed))
        return
    watch = Watch(receive, task.cancel)
    iterator = body.__aiter__()
    try:
        async for chunk in iterator:
            if type(chunk) is not bytes:
                chunk = chunk.encode() if isinstance(chunk, str) else bytes(chunk)
            try:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except OSError:
                # How servers say that the client has gone (ASGI, HTTP 2.4).
                return
        watch.stop()
        with contextlib.suppress(OSError):
            await send({"type": "http.response.body", "body": b""})
    except asyncio.CancelledError:
        if not watch.seen:
            raise
        task.uncancel()
    except Exception as error:
        failed(error)
        raise
    finally:
        watch.stop()
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
