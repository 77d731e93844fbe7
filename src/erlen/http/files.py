"""Files as responses."""

from __future__ import annotations

import mimetypes
import os
import posixpath
import re
import time
import typing as t
from datetime import datetime
from functools import lru_cache
from stat import S_ISREG
from zlib import adler32

from werkzeug.exceptions import NotFound
from werkzeug.http import dump_options_header
from werkzeug.security import safe_join
from werkzeug.utils import send_file as werkzeug_send_file

from .dates import date_text, now_text
from .headers import Pair
from .response import Response, content_type_pair

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_BLOCK = 65_536

#: A FIFO must not make open() wait for somebody to write to it.
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)

#: Request headers that make the answer depend on more than the file.
_CONDITIONS = (
    "HTTP_RANGE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_MATCH",
    "HTTP_IF_UNMODIFIED_SINCE",
)

#: The longest file name of the common file systems, in bytes.
MAX_DOWNLOAD_NAME = 255


class FileBody:
    """An open file as a body: never more than it held when it was opened.

    Args:
        descriptor: The open file; closed with the body, or when it was read.
        size: How many bytes to send.
    """

    __slots__ = ("_descriptor", "_left", "_position", "_size")

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._left = size
        self._position = 0

    def __iter__(self) -> FileBody:
        return self

    def __next__(self) -> bytes:
        left = self._left
        if left <= 0 or self._descriptor < 0:
            raise StopIteration
        block = os.read(self._descriptor, left if left < _BLOCK else _BLOCK)
        # A file that was cut off meanwhile ends here; the server sees that
        # Content-Length was not reached, and closes the connection.
        self._left = left - len(block) if block else 0
        if not block:
            raise StopIteration
        return block

    def seekable(self) -> bool:
        """Tell that a range can be served without reading what is before it."""
        return True

    def seek(self, position: int) -> None:
        """Go on from a position, in bytes from the file's begin."""
        os.lseek(self._descriptor, position, os.SEEK_SET)
        self._left = max(self._size - position, 0)

    def tell(self) -> int:
        """The position of the next byte."""
        return self._size - self._left

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()


# Names and types


def clean_download_name(name: str) -> str:
    """Make a file name fit for a Content-Disposition header.

    Control characters are left out, since one of them would break the header
    or the client's file system, and the name is cut to 255 bytes, its
    extension kept.

    Args:
        name: The name that the application or a user chose.

    Returns:
        The name, unchanged if there is nothing wrong with it.
    """
    if name.isascii() and name.isprintable() and len(name) <= MAX_DOWNLOAD_NAME:
        return name
    name = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "", name)
    raw = name.encode("utf-8", "replace")
    if len(raw) > MAX_DOWNLOAD_NAME:
        stem, extension = posixpath.splitext(name)
        tail = extension.encode("utf-8", "replace")
        if len(tail) > 32:
            stem, tail = name, b""
        raw = stem.encode("utf-8", "replace")[: MAX_DOWNLOAD_NAME - len(tail)]
        raw = raw.decode("utf-8", "ignore").encode() + tail
    return raw.decode("utf-8")


_disposition_cache_size = 512


@lru_cache(_disposition_cache_size)
def _disposition(name: str, as_attachment: bool) -> str:
    value = "attachment" if as_attachment else "inline"
    if name.isascii():
        return dump_options_header(value, {"filename": name})
    import unicodedata
    from urllib.parse import quote

    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    # RFC 8187 attr-char
    encoded = quote(name, safe="!#$&+-.^_`|~")
    return dump_options_header(
        value, {"filename": plain, "filename*": f"UTF-8''{encoded}"}
    )


# The headers of a file


class Kind(t.NamedTuple):
    """What besides the file itself decides its headers."""

    path: str
    name: str
    mimetype: str | None
    as_attachment: bool
    max_age: int | None
    etag: bool | str


class _Known(t.NamedTuple):
    mtime: float
    size: int
    media_type: str | None
    extension: str
    pairs: list[Pair]
    validators: list[Pair]
    etag: str


_known: dict[Kind, _Known] = {}
_KNOWN_LIMIT = 512


def _describe(kind: Kind, mtime: float, size: int) -> _Known:
    """Work out a file's headers, in Werkzeug's order."""
    pairs: list[Pair] = []
    media_type, encoding = kind.mimetype, None
    if media_type is None:
        media_type, encoding = mimetypes.guess_type(kind.name)
    if encoding is not None and not kind.as_attachment:
        pairs.append(("Content-Encoding", encoding))
    name = clean_download_name(kind.name)
    pairs.append(("Content-Disposition", _disposition(name, kind.as_attachment)))
    pairs.append(content_type_pair(media_type or "application/octet-stream"))
    pairs.append(("Content-Length", str(size)))
    pairs.append(("Last-Modified", date_text(mtime)))
    pairs.append(("Cache-Control", _cache_control(kind.max_age)))
    etag = ""
    validators: list[Pair] = []
    if kind.etag:
        tag = kind.etag
        if tag is True:
            check = adler32(os.fsencode(kind.path)) & 0xFFFFFFFF
            tag = f"{mtime}-{size}-{check}"
        etag = f'"{tag}"'
        validators.append(("ETag", etag))
    extension = posixpath.splitext(kind.name)[1]
    known_type = None if kind.mimetype else mimetypes.types_map.get(extension)
    return _Known(mtime, size, known_type, extension, pairs, validators, etag)


def _cache_control(max_age: int | None) -> str:
    if max_age is None:
        return "no-cache"
    return f"public, max-age={max_age}" if max_age > 0 else f"no-cache, max-age={max_age}"


def _headers_of(kind: Kind, mtime: float, size: int) -> _Known:
    known = _known.get(kind)
    if (
        known is not None
        and known.mtime == mtime
        and known.size == size
        # The application may teach mimetypes a type at any time.
        and (kind.mimetype or mimetypes.types_map.get(known.extension) == known.media_type)
    ):
        return known
    known = _describe(kind, mtime, size)
    if len(_known) >= _KNOWN_LIMIT:
        del _known[next(iter(_known))]
    _known[kind] = known
    return known


# Serving


def _serve(
    environ: WSGIEnvironment, kind: Kind, descriptor: int, status: os.stat_result, cls: t.Any
) -> t.Any:
    """Make the response of an open regular file, for GET and HEAD."""
    size = status.st_size
    known = _headers_of(kind, status.st_mtime, size)
    pairs = known.pairs.copy()
    max_age = kind.max_age
    if max_age is not None:
        pairs.append(("Expires", date_text(time.time() + max_age)))
    pairs += known.validators
    response = cls.__new__(cls)
    response.direct_passthrough = True
    response._lazy = pairs
    body = FileBody(descriptor, size)
    response.response = body
    for condition in _CONDITIONS:
        if condition in environ:
            return _serve_conditionally(environ, response, known)
    pairs.append(("Date", now_text()))
    pairs.append(("Accept-Ranges", "bytes"))
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is not None:
        body._descriptor = -1
        response.response = wrapper(open(descriptor, "rb", buffering=0), 8192)
    return response


def _serve_conditionally(
    environ: WSGIEnvironment, response: t.Any, known: _Known
) -> t.Any:
    try:
        return response.make_conditional(environ, accept_ranges=True, complete_length=known.size)
    except Exception:
        response.response.close()
        raise


def send_file(
    path_or_file: os.PathLike[t.Any] | str | t.IO[bytes],
    environ: WSGIEnvironment,
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: None | int | t.Callable[[str | None], int | None] = None,
    use_x_sendfile: bool = False,
    response_class: t.Any = Response,
    _root_path: os.PathLike[str] | str | None = None,
) -> t.Any:
    """Send a file (``werkzeug.utils.send_file``).

    Never pass a path that came from a user: use ``send_from_directory``.

    Args:
        path_or_file: A path, or a file open in binary mode.
        environ: The WSGI environment.
        mimetype: The media type. Default: guessed from the name.
        as_attachment: Offer to save the file. Default: False.
        download_name: The name to save it under. Default: the path's last part.
        conditional: Answer conditions and ranges of the request. Default: True.
        etag: Send an ETag, or this one. Default: True.
        last_modified: When it was changed, seconds since 1970 or a datetime.
            Default: the file's own time.
        max_age: Seconds to cache it, or a function from the path to them.
            Default: None, caches ask each time.
        use_x_sendfile: Let the server in front send it. Default: False.
        response_class: The class of the response. Default: ``erlen.Response``.
        _root_path: What a relative path begins from. Default: the working directory.

    Returns:
        The response.

    Raises:
        OSError: The path cannot be opened.
        TypeError: A file without a name needs a type, or a name to be saved under.
        RequestedRangeNotSatisfiable: The range asked for lies outside of the file.
    """
    common = (
        isinstance(path_or_file, (str, os.PathLike))
        and conditional
        and last_modified is None
        and not use_x_sendfile
        and getattr(response_class, "_plainly_made", False)
        and response_class.make_conditional is Response.make_conditional
        and environ["REQUEST_METHOD"] in ("GET", "HEAD")
    )
    if common:
        path = os.fspath(t.cast("str", path_or_file))
        path = os.path.abspath(path) if _root_path is None else os.path.join(_root_path, path)
        descriptor = os.open(path, _OPEN_FLAGS)
        status = os.fstat(descriptor)
        if S_ISREG(status.st_mode):
            if callable(max_age):
                max_age = max_age(path)
            name = download_name if download_name is not None else os.path.basename(path)
            kind = Kind(path, name, mimetype, as_attachment, max_age, etag)
            return _serve(environ, kind, descriptor, status, response_class)
        os.close(descriptor)
    if download_name is not None:
        if mimetype is None:
            mimetype = mimetypes.guess_type(download_name)[0]
        download_name = clean_download_name(download_name)
    return werkzeug_send_file(
        path_or_file,
        environ,
        mimetype=mimetype,
        as_attachment=as_attachment,
        download_name=download_name,
        conditional=conditional,
        etag=etag,
        last_modified=last_modified,
        max_age=max_age,
        use_x_sendfile=use_x_sendfile,
        response_class=response_class,
        _root_path=_root_path,
    )


@lru_cache(512)
def _join(root: str, directory: str, filename: str) -> str | None:
    joined = safe_join(directory, filename)
    if joined is None or "\0" in joined or filename.endswith("/"):
        return None
    return os.path.join(root, joined)


def send_from_directory(
    directory: os.PathLike[str] | str,
    path: os.PathLike[str] | str,
    environ: WSGIEnvironment,
    **kwargs: t.Any,
) -> t.Any:
    """Send a file from below a directory, whatever the client asks for.

    Symbolic links are followed, as Flask does: who may write into the directory
    decides what is served.

    Args:
        directory: The directory; relative to ``_root_path`` if that is given.
        path: The path below it, with ``/`` between its parts.
        environ: The WSGI environment.
        **kwargs: What ``send_file`` takes.

    Returns:
        The response.

    Raises:
        NotFound: There is no such regular file below the directory.
    """
    root = kwargs.get("_root_path")
    full = _join("" if root is None else os.fspath(root), os.fspath(directory), os.fspath(path))
    if full is None or not os.path.isfile(full):
        raise NotFound()
    return send_file(full, environ, **kwargs)
