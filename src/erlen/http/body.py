"""The request's body: how long it is, how much may be read, what cuts it off.

Three things a body may not do: be read past the limit (413), end before its
``Content-Length`` (400), or fail half-way and look complete (400). Servers
that announce ``wsgi.input_terminated`` (Gunicorn always does) report a client
that went away as an ordinary end of file, so the length is compared here.
"""

from __future__ import annotations

import sys
import typing as t
from io import BytesIO

from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    HTTPException,
    RequestEntityTooLarge,
)
from werkzeug.http import parse_set_header
from werkzeug.wsgi import LimitedStream

if t.TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import WSGIEnvironment

#: Bytes read by one call at most. A buffered reader may allocate what it is
#: asked for before anything came, so an announced length is not to be trusted.
READ_STEP = 1_114_112

#: Bytes per read where a body is only passed on.
CHUNK = 65_536


class Malformed(ValueError):
    """The ``Content-Length`` is there but is no length."""


def declared_length(environ: WSGIEnvironment) -> int | None:
    """The number of bytes that the client announced.

    Args:
        environ: WSGI environment.

    Returns:
        ``None`` if there is no ``Content-Length`` or the body is chunked; 0 for
        an empty value, which CGI-like servers pass for a request without body.

    Raises:
        Malformed: the value is not 1*DIGIT (RFC 9110 8.6).
    """
    raw = environ.get("CONTENT_LENGTH")
    if raw is None:
        return None
    encoding = environ.get("HTTP_TRANSFER_ENCODING")
    if encoding is not None and "chunked" in parse_set_header(encoding):
        return None
    if raw.isascii() and raw.isdigit() and len(raw) < 20:
        return int(raw)
    return _unusual_length(raw.strip(" \t"))


def _unusual_length(raw: str) -> int:
    if not raw:
        return 0
    if raw.isascii() and raw.isdigit() and len(raw) < 20:
        return int(raw)
    raise Malformed(raw)


if t.TYPE_CHECKING:

    class RequestStream(t.IO[bytes]):
        """What ``request.stream`` is: a file, and an asynchronous iterable of bytes."""

        def __aiter__(self) -> t.AsyncIterator[bytes]: ...


class MemoryBody(BytesIO):
    """A body, or what is left of one, that is here as a whole."""

    async def __aiter__(self) -> t.AsyncIterator[bytes]:
        """What is left, in pieces of a common size."""
        while data := self.read(CHUNK):
            yield data


class BodyStream(LimitedStream):
    """The part of ``wsgi.input`` that belongs to this request.

    Unlike Werkzeug's class it never cuts a body silently: ``read()`` past a
    maximum is a 413 like every other read, and a body of exactly the maximum
    is whole.

    Args:
        stream: ``wsgi.input``.
        limit: bytes that may be read.
        is_max: the limit is the application's, not the ``Content-Length``.
        expected: bytes that must come before the end of the stream.
    """

    def __init__(
        self, stream: t.IO[bytes], limit: int, is_max: bool = False, expected: int = 0
    ) -> None:
        super().__init__(stream, limit, is_max)
        self._expected = expected
        self._failed: type[HTTPException] | None = None

    def read(self, size: int | None = -1) -> bytes:
        """Read up to ``size`` bytes, or all that is left.

        Raises:
            RequestEntityTooLarge: there is more than the application allows.
            ClientDisconnected: there is less than the client announced, or
                the server failed to read.
        """
        if size is None or size < 0:
            return self.readall()
        remaining = self.limit - self._pos
        if self._failed:
            self._fail(self._failed)
        if not size:
            return b""
        if remaining > 0:
            return self._take(min(size, remaining))
        # The maximum is reached: only one more byte tells whether the body ends here.
        if self._limit_is_max and self._take(1):
            self._fail(RequestEntityTooLarge)
        return b""

    def _take(self, size: int) -> bytes:
        try:
            data = self._stream.read(size)
        except Exception as error:
            if not is_transport(error):
                raise
            self._fail(ClientDisconnected, error)
        if data:
            self._pos += len(data)
        elif self._pos < self._expected:
            self._fail(ClientDisconnected)
        return data

    async def __aiter__(self) -> t.AsyncIterator[bytes]:
        """What is left, in the pieces in which it arrives; see :meth:`read` for what it raises."""
        while data := await self._next():
            yield data

    async def _next(self) -> bytes:
        receive = getattr(self._stream, "next_chunk", None)
        if receive is None:
            if isinstance(self._stream, BytesIO):
                return self.read(CHUNK)
            from asyncio import get_running_loop

            # It may have to be waited for, or read from a disk.
            return await get_running_loop().run_in_executor(None, self.read, CHUNK)
        if self._failed:
            self._fail(self._failed)
        try:
            data: bytes = await receive()
        except OSError as error:
            self._fail(ClientDisconnected, error)
        self._pos += len(data)
        if not data and self._pos < self._expected:
            self._fail(ClientDisconnected)
        if self._limit_is_max and self._pos > self.limit:
            self._fail(RequestEntityTooLarge)
        return data

    def _fail(self, kind: type[HTTPException], cause: Exception | None = None) -> t.NoReturn:
        # What comes after an error is not the body: every later read fails too.
        self._failed = kind
        raise kind() from cause

    def readall(self) -> bytes:
        """Read all that is left; see :meth:`read` for what it raises."""
        first = self.read(READ_STEP)
        pieces = [first]
        while data := self.read(READ_STEP):
            pieces.append(data)
        return b"".join(pieces) if len(pieces) > 1 else first

    def exhaust(self) -> bytes:
        """Read all that is left."""
        return self.readall()

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Read into a buffer; see :meth:`read` for what it raises."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


def is_transport(error: Exception) -> bool:
    """Whether reading failed because of what the client sent, or because it went away.

    Args:
        error: What reading ``wsgi.input`` raised.
    """
    if isinstance(error, (OSError, ValueError)):
        return True
    # A broken chunk is an error of a class of Gunicorn's own.
    return type(error).__module__.startswith("gunicorn.http")


def open_stream(environ: WSGIEnvironment, maximum: int | None) -> RequestStream:
    """The request's body as a stream that keeps within its bounds.

    Args:
        environ: WSGI environment.
        maximum: most bytes that the application takes; ``None`` for no limit.

    Returns:
        A stream; an empty one if the request has no length and the server
        doesn't end the stream, as reading could then wait forever.

    Raises:
        RequestEntityTooLarge: the announced length is over the maximum.
        BadRequest: the announced length is malformed.
        LengthRequired: the body comes in chunks, and the server doesn't put them together.
    """
    length = checked_length(environ, maximum)
    stream = environ.get("wsgi.input")
    if stream is None:
        return t.cast("RequestStream", MemoryBody())
    if "wsgi.input_terminated" in environ:
        # What comes after a too short Content-Length is left in: middleware that
        # decompresses a body may forget to change the header.
        limit = sys.maxsize if maximum is None else maximum
        return t.cast(
            "RequestStream", BodyStream(stream, limit, maximum is not None, expected=length or 0)
        )
    if length is None:
        if "HTTP_TRANSFER_ENCODING" not in environ:
            return t.cast("RequestStream", MemoryBody())
        from .chunked import chunked_input

        limit = sys.maxsize if maximum is None else maximum
        stream = t.cast("t.IO[bytes]", chunked_input(environ))
        return t.cast("RequestStream", BodyStream(stream, limit, maximum is not None))
    return t.cast("RequestStream", BodyStream(stream, length, expected=length))


def checked_length(environ: WSGIEnvironment, maximum: int | None) -> int | None:
    """:func:`declared_length`, refused with 400 or 413 where it must be."""
    try:
        length = declared_length(environ)
    except Malformed:
        raise BadRequest("The Content-Length header is not a number.") from None
    if length is not None and maximum is not None and length > maximum:
        raise RequestEntityTooLarge()
    return length


def read_plain_body(environ: WSGIEnvironment, maximum: int | None) -> bytes | None:
    """Read a whole body of common size with one call, without a stream object.

    Args:
        environ: WSGI environment.
        maximum: most bytes that the application takes; ``None`` for no limit.

    Returns:
        The body; ``None`` if it takes :func:`open_stream` to read it, and
        nothing has been read.

    Raises:
        HTTPException: as :func:`open_stream` and reading its stream.
    """
    raw = environ.get("CONTENT_LENGTH")
    if (
        not raw
        or not (len(raw) < 8 and raw.isascii() and raw.isdigit())
        or "HTTP_TRANSFER_ENCODING" in environ
        or "wsgi.input_terminated" in environ
        or (stream := environ.get("wsgi.input")) is None
    ):
        return None
    length = int(raw)
    if maximum is not None and length > maximum:
        raise RequestEntityTooLarge()
    if length > READ_STEP:
        return None
    try:
        data: bytes = stream.read(length)
    except Exception as error:
        if not is_transport(error):
            raise
        raise ClientDisconnected() from error
    if len(data) < length:
        missing = length - len(data)
        data += BodyStream(stream, missing, expected=missing).readall()
    return data
