"""Bodies in chunks (RFC 9112 7.1) where the server leaves putting them together to others."""

from __future__ import annotations

import importlib
import typing as t

from werkzeug.exceptions import BadRequest, HTTPException, LengthRequired
from werkzeug.exceptions import NotImplemented as UnknownCoding

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class RefusedInput:
    """Stands for a body that cannot be had: reading it fails.

    Args:
        error: What reading raises.
    """

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, size: int = -1) -> bytes:
        """Fail.

        Args:
            size: Bytes to read.
        """
        raise self._error

    def close(self) -> None:
        """There is nothing to close."""


def ambiguous() -> RefusedInput:
    """What stands for a body that two headers end in different places.

    RFC 9112 6.3: such a request may be an attempt to smuggle another one in.
    """
    error = BadRequest("The length of the body is ambiguous: remove Transfer-Encoding.")
    return RefusedInput(error)


class UwsgiInput:
    """A chunked body, which uWSGI gives by a function of its own.

    Args:
        next_chunk: Gives the next chunk; none at the end.
    """

    def __init__(self, next_chunk: t.Callable[[], bytes]) -> None:
        self._next = next_chunk
        self._held = b""
        self._more = True

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes; all there are if it is negative.

        Args:
            size: Most bytes to read.

        Raises:
            OSError: The client went away, or sends too slowly.
        """
        pieces = [self._held]
        length = len(self._held)
        while self._more and (size < 0 or length < size):
            piece = self._next()
            self._more = bool(piece)
            pieces.append(piece)
            length += len(piece)
        data = b"".join(pieces)
        if size < 0:
            size = length
        self._held = data[size:]
        return data[:size]


def chunked_input(environ: WSGIEnvironment) -> t.Any:
    """What gives a chunked body that ``wsgi.input`` does not give.

    Args:
        environ: WSGI environment.

    Raises:
        LengthRequired: This server has no way; the body would be lost.
        NotImplemented: The body comes in a coding that nobody here knows (RFC 9112 6.1).
    """
    if "uwsgi.version" not in environ:
        raise LengthRequired("This server passes no body without a Content-Length on.")
    if environ["HTTP_TRANSFER_ENCODING"].strip().lower() != "chunked":
        raise UnknownCoding("The only transfer coding that is understood is 'chunked'.")
    kept = environ.get("erlen.chunked_input")
    if kept is None:
        kept = UwsgiInput(importlib.import_module("uwsgi").chunked_read)
        environ["erlen.chunked_input"] = kept
    return kept


def receive_chunks(ctx: t.Any) -> None:
    """Receive a chunked body at once, as another thread than the request's may read it.

    Args:
        ctx: The current context, or None.
    """
    environ = getattr(ctx, "environ", None)
    if (
        environ is None
        or "HTTP_TRANSFER_ENCODING" not in environ
        or "wsgi.input_terminated" in environ
    ):
        return
    maximum = ctx.app.config["MAX_CONTENT_LENGTH"]
    body: t.Any
    try:
        body = _spool(chunked_input(environ), maximum)
    except (OSError, HTTPException) as error:
        # Whoever reads the body is told; a view may do without it.
        body = RefusedInput(error)
    environ["wsgi.input"], environ["wsgi.input_terminated"] = body, True


def _spool(source: UwsgiInput, maximum: int | None) -> t.IO[bytes]:
    from tempfile import SpooledTemporaryFile

    file = t.cast("t.IO[bytes]", SpooledTemporaryFile(1 << 20))  # noqa: SIM115
    while chunk := source.read(65_536):
        file.write(chunk)
        if maximum is not None and file.tell() > maximum:
            # Who reads it finds one byte too many.
            break
    file.seek(0)
    return file
