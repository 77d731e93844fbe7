"""From an exception to the answer: which handler, and what if there is none."""

from __future__ import annotations

import sys
import typing as t

from werkzeug.exceptions import (
    BadRequestKeyError,
    HTTPException,
    InternalServerError,
    default_exceptions,
)

from . import signals
from .state import get_current

if t.TYPE_CHECKING:
    from .http.request import Request

Handler = t.Callable[[t.Any], t.Any]


def class_and_code(exc_class_or_code: t.Any) -> tuple[type[Exception], int | None]:
    """The exception class to register a handler for, and its HTTP code.

    Args:
        exc_class_or_code: An exception class, or an HTTP status code.

    Raises:
        TypeError: An instance was given.
        ValueError: No subclass of ``Exception``, or a code without a class.
    """
    if isinstance(exc_class_or_code, int):
        try:
            exc_class: t.Any = default_exceptions[exc_class_or_code]
        except KeyError:
            raise ValueError(
                f"'{exc_class_or_code}' is not a recognized HTTP"
                " error code. Use a subclass of HTTPException with"
                " that code instead."
            ) from None
    else:
        exc_class = exc_class_or_code
    if isinstance(exc_class, Exception):
        raise TypeError(
            f"{exc_class!r} is an instance, not a class. Handlers can"
            " only be registered for Exception classes or HTTP error codes."
        )
    if not issubclass(exc_class, Exception):
        raise ValueError(f"'{exc_class.__name__}' is not a subclass of Exception.")
    if issubclass(exc_class, HTTPException):
        return exc_class, exc_class.code
    return exc_class, None


def find_handler(
    spec: t.Any, error: Exception, scopes: t.Iterable[str]
) -> Handler | None:
    """The handler for an error: by code then by class, blueprints before the application.

    Args:
        spec: Scope to code to class to handler (``error_handler_spec``).
        error: What was raised.
        scopes: Blueprint names, the innermost first.
    """
    cls, code = class_and_code(type(error))
    names = (*scopes, None)
    for wanted in (code, None) if code is not None else (None,):
        for name in names:
            handlers = spec.get(name, _EMPTY).get(wanted)
            if not handlers:
                continue
            for ancestor in cls.__mro__:
                handler = handlers.get(ancestor)
                if handler is not None:
                    return t.cast(Handler, handler)
    return None


_EMPTY: dict[t.Any, t.Any] = {}


def current_scopes() -> tuple[str, ...]:
    """The blueprint names of the current request."""
    ctx = get_current(None)
    if ctx is None or not ctx.has_request:
        return ()
    plan = ctx.plan
    return plan.scopes if plan is not None else tuple(ctx.request.blueprints)


def http_exception(app: t.Any, error: HTTPException) -> t.Any:
    """Answer an HTTP error by its handler, or by itself.

    Proxy exceptions (code None) and routing redirects are no errors: they are
    the answer.
    """
    from werkzeug.routing import RoutingException

    if error.code is None or isinstance(error, RoutingException):
        return error
    handler = app._find_error_handler(error, current_scopes())
    return error if handler is None else app.ensure_sync(handler)(error)


def user_exception(app: t.Any, error: Exception) -> t.Any:
    """Answer what a view or hook raised, if a handler is registered for it.

    Raises:
        Exception: The error itself, if nobody takes it.
    """
    if isinstance(error, BadRequestKeyError) and (
        app.debug or app.config["TRAP_BAD_REQUEST_ERRORS"]
    ):
        error.show_exception = True
    if isinstance(error, HTTPException) and not app.trap_http_exception(error):
        return app.handle_http_exception(error)
    handler = app._find_error_handler(error, current_scopes())
    if handler is None:
        raise error
    return app.ensure_sync(handler)(error)


def trapped(app: t.Any, error: Exception) -> bool:
    """Whether an HTTP error is to be treated as a programming error."""
    config = app.config
    if config["TRAP_HTTP_EXCEPTIONS"]:
        return True
    wanted = config["TRAP_BAD_REQUEST_ERRORS"]
    if wanted is None and app.debug and isinstance(error, BadRequestKeyError):
        return True
    if wanted:
        from werkzeug.exceptions import BadRequest

        return isinstance(error, BadRequest)
    return False


def unhandled(app: t.Any, error: Exception) -> t.Any:
    """Log what nobody took and answer 500, or let it through while developing.

    Raises:
        Exception: The error, if exceptions propagate (debug, testing).
    """
    exc_info = sys.exc_info()
    signals.got_request_exception.send(app, _async_wrapper=app.ensure_sync, exception=error)
    if propagates(app):
        if exc_info[1] is error:
            raise
        raise error
    app.log_exception(exc_info)
    server_error: t.Any = InternalServerError(original_exception=error)
    handler = app._find_error_handler(server_error, current_scopes())
    if handler is not None:
        server_error = app.ensure_sync(handler)(server_error)
    return app.finalize_request(server_error, from_error_handler=True)


def propagates(app: t.Any) -> bool:
    """Whether unhandled exceptions reach the server or the test."""
    propagate = app.config["PROPAGATE_EXCEPTIONS"]
    return bool(app.testing or app.debug if propagate is None else propagate)


def raise_routing_exception(app: t.Any, request: Request) -> t.NoReturn:
    """Raise what matching ended with; in debug mode explain a redirect that loses a form.

    Raises:
        HTTPException: The routing error.
        FormDataRoutingRedirect: In debug mode, a redirect that would drop the body.
    """
    from werkzeug.routing import RequestRedirect

    error = request.routing_exception
    if (
        not app.debug
        or not isinstance(error, RequestRedirect)
        or error.code in {307, 308}
        or request.method in {"GET", "HEAD", "OPTIONS"}
    ):
        raise error  # type: ignore[misc]
    from .debughelpers import FormDataRoutingRedirect

    raise FormDataRoutingRedirect(request)
