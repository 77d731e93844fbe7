"""Conditions and ranges of a request, where we differ from Werkzeug."""

from __future__ import annotations

import typing as t
from datetime import UTC

from werkzeug.http import parse_date

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response


def without_useless_range(environ: WSGIEnvironment) -> WSGIEnvironment:
    """Leave out a Range header that is to be ignored.

    Several ranges would ask for a multipart answer, which costs more than the
    whole body as soon as somebody asks for thousands. Characters beyond ASCII
    are no digits, whatever ``str.isdigit`` says.

    Args:
        environ: The WSGI environment, with a Range header.

    Returns:
        The same environment, or a copy of it without Range.
    """
    value = environ["HTTP_RANGE"]
    if value.isascii() and "," not in value:
        return environ
    return {name: item for name, item in environ.items() if name != "HTTP_RANGE"}


def unmodified_since_fails(response: Response, environ: WSGIEnvironment) -> bool:
    """Tell whether If-Unmodified-Since forbids the answer (RFC 9110 13.1.4).

    Args:
        response: The response, with its Last-Modified if it has one.
        environ: The WSGI environment, with If-Unmodified-Since.

    Returns:
        True if the content was changed after the date in the request.
    """
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or "HTTP_IF_MATCH" in environ:
        return False
    since = parse_date(environ["HTTP_IF_UNMODIFIED_SINCE"])
    changed = response.last_modified
    if since is None or changed is None:
        return False
    return changed.astimezone(UTC) > since
