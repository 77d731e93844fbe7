"""From a request's body to ``form`` and ``files``."""

from __future__ import annotations

import typing as t

from werkzeug.wrappers import Request as WerkzeugRequest

from .body import CHUNK, READ_STEP, MemoryBody, checked_length
from .query import QUOTE_INVALID, empty_multidict, multidict, parse_query

if t.TYPE_CHECKING:
    from werkzeug.datastructures import FileStorage, ImmutableMultiDict

    from .body import RequestStream
    from .request import Request

    Form = ImmutableMultiDict[str, str]
    Files = ImmutableMultiDict[str, FileStorage]

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

#: Bytes of a file that stay in memory when the body is larger than one read.
SPOOL = 262_144


def read_form(request: Request) -> tuple[Form, Files]:
    """Parse the body of a request whose parsing nobody has overridden.

    ``request.stream`` is at its end afterwards, unless the content type is not
    a form's: then the body is still there to be read.

    Args:
        request: the request.

    Returns:
        ``form`` and ``files``.

    Raises:
        HTTPException: 400 or 413 if the body is not a form or too large for one.
    """
    mimetype = _form_type(request)
    if mimetype == URLENCODED:
        body = request._read_all() if request._cached_data is None else _whole_body(request)
        return parse_query(body.decode("utf-8", QUOTE_INVALID)), empty_multidict()
    if mimetype == MULTIPART:
        return _read_multipart(request)
    if mimetype:
        if request._cached_data is not None:
            request.stream = t.cast("RequestStream", MemoryBody(request._cached_data))
        request.stream  # noqa: B018  (a shallow request must not have its body parsed)
    else:
        request.stream  # noqa: B018  (a shallow request must not have its body parsed)
    return empty_multidict(), empty_multidict()


def _form_type(request: Request) -> str:
    """The media type that the body is parsed as; empty if it shall not be parsed."""
    stock = type(request).want_form_data_parsed is _want_form_data_parsed
    if stock:
        known: str | None = request.__dict__.get("mimetype")
        if known:
            return known
        if known is None and request.environ.get("CONTENT_TYPE") == URLENCODED:
            # What browsers send: nothing to take apart.
            return URLENCODED
    return request.mimetype if request.want_form_data_parsed else ""


_want_form_data_parsed = WerkzeugRequest.want_form_data_parsed


def _whole_body(request: Request) -> bytes:
    """The body at once; ``request.stream`` is left at its end."""
    cached = request._cached_data
    if cached is None:
        return request._read_all()
    request.stream = t.cast("RequestStream", MemoryBody(cached))
    request.stream.seek(0, 2)
    return cached


def _read_multipart(request: Request) -> tuple[Form, Files]:
    if request._cached_data is not None or _fits_in_memory(request):
        body = _whole_body(request)
        pieces = iter((body,))
        in_memory = READ_STEP
        del body
    else:
        read = request.stream.read
        pieces = iter(lambda: read(CHUNK), b"")
        in_memory = SPOOL
    return _parse(request, pieces, in_memory)


def _fits_in_memory(request: Request) -> bool:
    length = checked_length(request.environ, request.max_content_length)
    return length is not None and length <= READ_STEP


def _parse(request: Request, pieces: t.Iterator[bytes], in_memory: int) -> tuple[Form, Files]:
    first = next(pieces, b"")
    if not first:
        return empty_multidict(), empty_multidict()
    from .multipart import MultipartParser, boundary_bytes

    parser = MultipartParser(
        boundary_bytes(request.mimetype_params.get("boundary")),
        request.max_form_memory_size,
        request.max_form_parts,
        in_memory,
    )
    try:
        parser.feed(first)
        del first
        for piece in pieces:
            parser.feed(piece)
        parser.finish()
    except BaseException:
        parser.discard()
        raise
    return multidict(parser.fields), multidict(parser.files)
