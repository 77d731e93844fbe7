"""Files as responses."""

from __future__ import annotations

import mimetypes
import os
import time
import typing as t
from datetime import datetime
from functools import lru_cache
from io import FileIO
from posixpath import splitext
from zlib import adler32

from werkzeug.exceptions import NotFound
from werkzeug.http import quote_etag
from werkzeug.security import safe_join
from werkzeug.utils import send_file as werkzeug_send_file

from .dates import date_text, now_text
from .filebody import BLOCK, CONDITIONS, FileBody, open_regular, read_whole
from .filenames import clean_name, disposition
from .headers import Pair
from .lazyresponse import Response
from .ondemand import media_type_pair

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    MaxAge = None | int | t.Callable[[str | None], int | None]

#: As the environ has them.
_CONDITIONS = frozenset("HTTP_" + name.upper().replace("-", "_") for name in CONDITIONS)

_ACCEPT_RANGES = ("Accept-Ranges", "bytes")

#: Those beside which an ETag alone does not decide.
_OTHER_CONDITIONS = _CONDITIONS - {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"}

_make_conditional = Response.make_conditional


class _Known:
    """The headers of a file, as long as it does not change."""

    __slots__ = ("etag", "extension", "guessed", "mtime", "pairs", "size")

    def __init__(self, mtime: float, size: int) -> None:
        self.mtime = mtime
        self.size = size
        self.pairs: list[Pair] = []
        self.etag: Pair | None = None
        self.extension = ""
        self.guessed: str | None = None


#: By path, name, media type, attachment, max_age and etag. Bounded: there may be
#: more files than memory.
_known: dict[t.Any, _Known] = {}
_KNOWN_LIMIT = 512


def _describe(
    path: str,
    name: str | None,
    mimetype: str | None,
    as_attachment: bool,
    max_age: int | None,
    etag: bool | str,
    known: _Known,
) -> None:
    """Work out a file's headers, in Werkzeug's order."""
    add = known.pairs.append
    if name is None:
        name = os.path.basename(path)
    if mimetype is None:
        known.extension = splitext(name)[1]
        known.guessed = mimetypes.types_map.get(known.extension)
        mimetype, encoding = mimetypes.guess_type(name)
        # An attachment keeps its encoding: browsers would save a.tar.gz unpacked.
        if encoding is not None and not as_attachment:
            add(("Content-Encoding", encoding))
    add(("Content-Disposition", disposition(clean_name(name), as_attachment)))
    add(media_type_pair("application/octet-stream" if mimetype is None else mimetype))
    add(("Content-Length", str(known.size)))
    add(("Last-Modified", date_text(known.mtime)))
    if max_age is None:
        add(("Cache-Control", "no-cache"))
    else:
        first = "public" if max_age > 0 else "no-cache"
        add(("Cache-Control", f"{first}, max-age={max_age}"))
    if isinstance(etag, str):
        known.etag = ("ETag", quote_etag(etag))
    elif etag:
        check = adler32(os.fsencode(path)) & 0xFFFFFFFF
        known.etag = ("ETag", f'"{known.mtime}-{known.size}-{check}"')


def _recall(
    path: str,
    name: str | None,
    mimetype: str | None,
    as_attachment: bool,
    max_age: int | None,
    etag: bool | str,
    status: os.stat_result,
) -> _Known:
    key = (path, name, mimetype, as_attachment, max_age, etag)
    known = _known.get(key)
    if (
        known is not None
        and known.mtime == status.st_mtime
        and known.size == status.st_size
        # The application may teach mimetypes a type at any time.
        and (not known.extension or mimetypes.types_map.get(known.extension) == known.guessed)
    ):
        return known
    known = _Known(status.st_mtime, status.st_size)
    _describe(path, name, mimetype, as_attachment, max_age, etag, known)
    if len(_known) >= _KNOWN_LIMIT:
        _known.pop(next(iter(_known)), None)
    _known[key] = known
    return known


def _respond(
    environ: WSGIEnvironment,
    known: _Known,
    max_age: int | None,
    descriptor: int,
    cls: t.Any,
    path: str,
) -> t.Any:
    """Make the response to GET or HEAD of an open file."""
    pairs = known.pairs.copy()
    if max_age is not None:
        pairs.append(("Expires", date_text(time.time() + max_age)))
    if known.etag is not None:
        pairs.append(known.etag)
    response = cls.__new__(cls)
    response.direct_passthrough = True
    response._lazy = pairs
    response._sized = True
    if not environ.keys().isdisjoint(_CONDITIONS):
        return _respond_conditionally(environ, known, response, descriptor)
    pairs.append(("Date", now_text()))
    pairs.append(_ACCEPT_RANGES)
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is not None:
        response.response = wrapper(FileIO(descriptor, "rb"), 8192)
        return response
    body: t.Any = None
    if known.size <= BLOCK and environ["REQUEST_METHOD"] == "GET" and "asgi.scope" not in environ:
        # (An event loop must not wait for a disk.)
        body = read_whole(descriptor, known.size)
    response.response = FileBody(descriptor, known.size, path) if body is None else body
    return response


def _is_current(environ: WSGIEnvironment, known: _Known) -> bool:
    """Tell whether the client has this very file, and asks for nothing else."""
    return (
        known.etag is not None
        and environ.get("HTTP_IF_NONE_MATCH") == known.etag[1]
        and environ.keys().isdisjoint(_OTHER_CONDITIONS)
    )


def _respond_conditionally(
    environ: WSGIEnvironment, known: _Known, response: t.Any, descriptor: int
) -> t.Any:
    body = response.response = FileBody(descriptor, known.size)
    if _is_current(environ, known):
        body.close()
        response._lazy += (("Date", now_text()), _ACCEPT_RANGES)
        response.status = 304
        return response
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=known.size)
    except BaseException:
        body.close()
        raise
    return response


def _send_path(
    path: str,
    environ: WSGIEnvironment,
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: MaxAge = None,
    use_x_sendfile: bool = False,
    response_class: t.Any = Response,
    _root_path: os.PathLike[str] | str | None = None,
) -> t.Any:
    """Send a regular file the short way; None if that is not possible."""
    if (
        not conditional
        or last_modified is not None
        or use_x_sendfile
        or not getattr(response_class, "_plainly_made", False)
        or response_class.make_conditional is not _make_conditional
        or environ["REQUEST_METHOD"] not in ("GET", "HEAD")
    ):
        return None
    if _root_path is None:
        path = os.path.abspath(path)
    elif path[:1] != "/" or os.sep != "/":
        path = os.path.join(_root_path, path)
    if callable(max_age):
        max_age = max_age(path)
    if max_age is not None and type(max_age) is not int:
        return None
    if (opened := open_regular(path)) is None:
        return None
    descriptor, status = opened
    try:
        known = _recall(path, download_name, mimetype, bool(as_attachment), max_age, etag, status)
    except BaseException:
        os.close(descriptor)
        raise
    return _respond(environ, known, max_age, descriptor, response_class, path)


def send_file(
    path_or_file: os.PathLike[t.Any] | str | t.IO[bytes],
    environ: WSGIEnvironment,
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: MaxAge = None,
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
        download_name: The name to save it under; control characters are left
            out, and it is cut to 255 bytes. Default: the path's last part.
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
    options: dict[str, t.Any] = {
        "mimetype": mimetype,
        "as_attachment": as_attachment,
        "download_name": download_name,
        "conditional": conditional,
        "etag": etag,
        "last_modified": last_modified,
        "max_age": max_age,
        "use_x_sendfile": use_x_sendfile,
        "response_class": response_class,
        "_root_path": _root_path,
    }
    if isinstance(path_or_file, (str, os.PathLike)):
        response = _send_path(os.fspath(path_or_file), environ, **options)
        if response is not None:
            return response
    if download_name is not None:
        cleaned = clean_name(download_name)
        if cleaned != download_name and mimetype is None:
            options["mimetype"] = mimetypes.guess_type(download_name)[0]
        options["download_name"] = cleaned
    return werkzeug_send_file(path_or_file, environ, **options)


@lru_cache(512)
def _join(root: str, directory: str, path: str) -> str | None:
    """The path below a directory, or None where it would lead out of it."""
    joined = safe_join(directory, path)
    # "a.txt/" names no file: relative links in it would lead elsewhere.
    if joined is None or "\0" in joined or path.endswith("/"):
        return None
    return os.path.join(root, joined)


def send_from_directory(
    directory: os.PathLike[str] | str,
    path: os.PathLike[str] | str,
    environ: WSGIEnvironment,
    **kwargs: t.Any,
) -> t.Any:
    """Send a file from below a directory, whatever path the client asks for.

    Symbolic links are followed, as in Flask: who may write into the directory
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
    if full is None:
        raise NotFound()
    try:
        response = _send_path(full, environ, **kwargs)
    except (OSError, ValueError):
        # What is there but cannot be read is the operator's error, not a 404.
        if os.path.isfile(full):
            raise
        raise NotFound() from None
    if response is None:
        if not os.path.isfile(full):
            raise NotFound()
        return send_file(full, environ, **kwargs)
    return response


def serve_file(
    environ: WSGIEnvironment,
    root: str,
    directory: str,
    filename: str,
    max_age: int | None = None,
    use_x_sendfile: bool = False,
    response_class: t.Any = Response,
) -> t.Any:
    """Send a static file: ``send_from_directory`` with what static routes need.

    Args:
        environ: The WSGI environment.
        root: What a relative directory begins from.
        directory: The directory.
        filename: The path below it, as the client asks for it.
        max_age: Seconds to cache it. Default: None, caches ask each time.
        use_x_sendfile: Let the server in front send it. Default: False.
        response_class: The class of the response. Default: ``erlen.Response``.

    Returns:
        The response.

    Raises:
        NotFound: There is no such regular file below the directory.
    """
    return send_from_directory(
        directory,
        filename,
        environ,
        max_age=max_age,
        use_x_sendfile=use_x_sendfile,
        response_class=response_class,
        _root_path=root,
    )
