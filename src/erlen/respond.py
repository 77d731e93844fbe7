"""From what a view returned to a response, by Flask's rules."""

from __future__ import annotations

import typing as t
from collections.abc import AsyncIterable, Iterator

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from .http.pages import http_error_response
from .state import get_current


class Prepared:
    """A whole answer that is the same for every request: status, headers, body.

    Args:
        status: The status line, e.g. ``"404 NOT FOUND"``.
        headers: Name and value pairs.
        body: The bytes to send.
    """

    __slots__ = ("status", "headers", "body")

    def __init__(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @classmethod
    def of(cls, response: BaseResponse) -> Prepared:
        """What ``response`` would send, taken once."""
        body = response.get_data()
        headers = [(name, value) for name, value in response.headers if name != "Content-Length"]
        return cls(response.status, [*headers, ("Content-Length", str(len(body)))], body)


def make_response(app: t.Any, rv: t.Any) -> t.Any:
    """Turn a view's return value into a response object (Flask 3.1).

    Args:
        app: The application, for its response class and JSON provider.
        rv: str, bytes, dict, list, generator, response, WSGI callable, or a
            tuple ``(body, status, headers)``, ``(body, status)``, ``(body, headers)``.

    Returns:
        An instance of ``app.response_class``.

    Raises:
        TypeError: None was returned, or something that can't be a response.
    """
    cls = app.response_class
    if type(rv) is cls:
        return rv
    status = headers = None
    if isinstance(rv, tuple):
        rv, status, headers = _unpack(rv)
    if rv is None:
        raise TypeError(
            f"The view function for {_endpoint()!r} did not return a valid response."
            " The function either returned None or ended without a return statement."
        )
    if not isinstance(rv, cls):
        if isinstance(rv, (str, bytes, bytearray, Iterator, AsyncIterable)):
            rv = cls(rv, status=status, headers=headers)
            status = headers = None
        else:
            rv = _coerce(app, cls, rv)
    if status is not None:
        if isinstance(status, (str, bytes, bytearray)):
            rv.status = status
        else:
            rv.status_code = status
    if headers:
        rv.headers.update(headers)
    return rv


def _unpack(rv: tuple[t.Any, ...]) -> tuple[t.Any, t.Any, t.Any]:
    if len(rv) == 3:
        return rv
    if len(rv) == 2:
        if isinstance(rv[1], (Headers, dict, tuple, list)):
            return rv[0], None, rv[1]
        return rv[0], rv[1], None
    raise TypeError(
        "The view function did not return a valid response tuple."
        " The tuple must have the form (body, status, headers),"
        " (body, status), or (body, headers)."
    )


def _coerce(app: t.Any, cls: t.Any, rv: t.Any) -> t.Any:
    if isinstance(rv, (dict, list)):
        return app.json.response(rv)
    if isinstance(rv, HTTPException):
        # It is the answer now. With the frames it came through it would be garbage
        # that only the collector finds: one of them holds what it returned.
        rv.__traceback__ = None
        if hasattr(cls, "_plainly_made"):
            return http_error_response(rv, _environ(), cls)
    if isinstance(rv, Prepared):
        # Something came in between that wants a response object: a test client, say.
        return cls(rv.body, status=rv.status, headers=rv.headers)
    reason = ""
    if isinstance(rv, BaseResponse) or callable(rv):
        try:
            return cls.force_type(rv, _environ())
        except TypeError as error:
            reason = f"{error}\n"
            cause: BaseException | None = error
    else:
        cause = None
    raise TypeError(
        f"{reason}The view function did not return a valid"
        " response. The return type must be a string,"
        " dict, list, tuple with headers or status,"
        " Response instance, or WSGI callable, but it"
        f" was a {type(rv).__name__}."
    ) from cause


def _endpoint() -> str | None:
    ctx = get_current(None)
    return ctx.request.endpoint if ctx is not None and ctx.has_request else None


def _environ() -> t.Any:
    ctx = get_current(None)
    return ctx.request.environ if ctx is not None and ctx.has_request else {}
