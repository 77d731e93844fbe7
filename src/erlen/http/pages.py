"""The small pages that Werkzeug writes: redirects and errors."""

from __future__ import annotations

import re
import typing as t
from functools import partial

from markupsafe import escape
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.utils import redirect

from .headers import Pair
from .lazyresponse import Response
from .ondemand import length_pair, lengths, media_type_pair
from .statuses import Status, known, parse_status
from .uris import is_uri, to_uri

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_HTML = media_type_pair("text/html")

# Taken from Werkzeug's own page, whose target is in it twice.
_BEFORE, _BETWEEN, _AFTER = redirect("target:").get_data(True).split("target:")

#: Longer targets reach no client: servers and clients stop reading a header
#: line at 64 KiB or far below (http.client 64 KiB, nginx 8 KiB).
MAX_LOCATION = 65_536


#: No browser follows a redirect to these; other schemes belong to applications.
_SCRIPTS = ("javascript:", "vbscript:", "data:")
_skipped = partial(re.compile(r"[\x00-\x20]+").sub, "")


def redirect_response(location: str, code: int = 302, Response: t.Any = Response) -> t.Any:
    """Make the response that sends the client elsewhere: ``werkzeug.utils.redirect``.

    Args:
        location: The target.
        code: The status code. Default: 302.
        Response: The class to make it of. Default: ``erlen.Response``.

    Returns:
        The response.

    Raises:
        BadRequest: The target is longer than ``MAX_LOCATION``, or no URL, or one
            that is a script.
        ValueError: The target has a line break in it.
    """
    if type(location) is not str:
        return redirect(location, code, Response)
    if len(location) > MAX_LOCATION:
        raise BadRequest("The target of the redirect is too long.")
    if not is_uri(location):
        _check_location(location)
        return redirect(location, code, Response)
    if not getattr(Response, "_plainly_made", False):
        return redirect(location, code, Response)
    # Of what needs escaping, only these two can be in such a location.
    html = location
    if "&" in location or "'" in location:
        html = str(escape(location))
    body = f"{_BEFORE}{html}{_BETWEEN}{html}{_AFTER}".encode()
    response = Response.__new__(Response)
    response.response = [body]
    response._status, response._status_code = known.get(code) or parse_status(code)
    length = len(body)
    response._lazy = [_HTML, lengths.get(length) or length_pair(length), ("Location", location)]
    response._sized = True
    return response


def _check_location(location: str) -> None:
    # Browsers skip controls and spaces before a scheme, and tabs and line ends in it.
    if _skipped(location[:256]).lower().startswith(_SCRIPTS):
        raise BadRequest("The target of the redirect is not an address.")
    try:
        to_uri(location)
    except ValueError:
        raise BadRequest("The target of the redirect is not a URL.") from None


_PAGE_PARTS = ("get_headers", "get_body", "get_description", "name")
_HARMLESS = frozenset({"response", "description", "code", "original_exception"})

#: Finished pages by class, code and description. Bounded: descriptions can
#: hold what a client sent.
_pages: dict[t.Any, tuple[Status, bytes, Pair]] = {}
_PAGES_LIMIT = 128
_PAGE_SIZE_LIMIT = 4096

#: By class: 2 if nothing of the page is overridden, 1 if only parts of it are,
#: 0 if the class has a way of its own to answer.
_plainness: dict[type, int] = {}


def _plainness_of(cls: type) -> int:
    def stock(*parts: str) -> bool:
        return all(getattr(cls, part) is getattr(HTTPException, part) for part in parts)

    plainness = 0
    if stock("get_response", "__call__"):
        plainness = 2 if stock(*_PAGE_PARTS) else 1
    if len(_plainness) < 1024:
        _plainness[cls] = plainness
    return plainness


def http_error_response(
    error: HTTPException, environ: WSGIEnvironment | None = None, Response: t.Any = Response
) -> t.Any:
    """Make the page of an HTTP error: what its ``get_response`` gives.

    Args:
        error: The error.
        environ: The WSGI environment, for errors that look at it; errors with a
            response of their own are run as an application with it.
            Default: None.
        Response: The class to make it of. Default: ``erlen.Response``.

    Returns:
        The response; it can be changed without an effect on later ones.
    """
    cls = type(error)
    plainness = _plainness.get(cls)
    if plainness is None:
        plainness = _plainness_of(cls)
    if not plainness or error.response is not None or not Response._plainly_made:
        return _general(error, environ, Response)
    if plainness == 1 or not error.__dict__.keys() <= _HARMLESS:
        if "get_response" in error.__dict__:
            return _general(error, environ, Response)
        return Response(error.get_body(environ), error.code, error.get_headers(environ))
    key = (cls, error.code, error.description)
    page = _pages.get(key)
    if page is None:
        page = _render(error, Response)
        if len(_pages) < _PAGES_LIMIT and len(page[1]) < _PAGE_SIZE_LIMIT:
            _pages[key] = page
    status, body, length = page
    response = Response.__new__(Response)
    response.response = [body]
    response._status, response._status_code = status
    response._lazy = [_HTML, length]
    response._sized = True
    return response


def _render(error: HTTPException, Response: t.Any) -> tuple[Status, bytes, Pair]:
    body = error.get_body().encode()
    code = Response.default_status if error.code is None else error.code
    return parse_status(code), body, length_pair(len(body))


def _general(error: HTTPException, environ: WSGIEnvironment | None, Response: t.Any) -> t.Any:
    """As Flask does it: the error is an application, whose answer is taken over."""
    if environ is None:
        return Response.force_type(error.get_response())
    return Response.force_type(error, environ)
