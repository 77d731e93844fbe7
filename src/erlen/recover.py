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
from werkzeug.routing import RequestRedirect, RoutingException

from . import signals
from .state import get_current, reset_current, set_current

if t.TYPE_CHECKING:
    from types import FrameType

    from .ctx import Context
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


def find_handler(spec: t.Any, error: Exception, scopes: t.Iterable[str]) -> Handler | None:
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
    if ctx is None:
        return ()
    plan = ctx.plan
    if plan is not None:
        return plan.scopes
    return tuple(ctx.request.blueprints) if ctx.has_request else ()


def http_exception(app: t.Any, error: HTTPException) -> t.Any:
    """Answer an HTTP error by its handler, or by itself.

    Proxy exceptions (code None) and routing redirects are no errors: they are
    the answer.
    """
    if isinstance(error, RequestRedirect):
        return own_redirect(app, error)
    if error.code is None or isinstance(error, RoutingException):
        return error
    handler = app._known_handler(error, current_scopes())
    return error if handler is None else handler(error)


def own_redirect(app: t.Any, error: RequestRedirect) -> RequestRedirect:
    """Leave the host out of a redirect by the router if only the client vouches for it.

    A cache could hand the answer to a forged Host header to others. The client
    completes the path with the address it asked for (RFC 9110 10.2.2). Where the
    server goes by that name, or ``TRUSTED_HOSTS`` is set, the URL is Flask's.

    Args:
        app: The application.
        error: The redirect; changed in place.
    """
    ctx = get_current(None)
    if ctx is None or not ctx.has_request or app.config["TRUSTED_HOSTS"] is not None:
        return error
    request = ctx.request
    _, _, rest = error.new_url.partition("://")
    host, slash, path = rest.partition("/")
    name = host.partition(":")[0]
    # Two slashes at the start would make the path a host.
    forged = name != request.environ.get("SERVER_NAME") and host.lower() == request.host.lower()
    if name and forged and path[:1] not in ("/", "\\"):
        error.new_url = slash + path
    return error


def user_exception(app: t.Any, error: Exception) -> t.Any:
    """Answer what a view or hook raised, if a handler is registered for it.

    Raises:
        Exception: The error itself, if nobody takes it.
    """
    if isinstance(error, HTTPException):
        if isinstance(error, BadRequestKeyError) and (
            app.debug or app.config["TRAP_BAD_REQUEST_ERRORS"]
        ):
            error.show_exception = True
        if not app.trap_http_exception(error):
            return app.handle_http_exception(error)
    handler = app._known_handler(error, current_scopes())
    if handler is None:
        try:
            raise error
        finally:
            # This frame is in the error's traceback: they would keep each other alive.
            del error
    return handler(error)


def recovery(app: t.Any, scopes: tuple[str, ...]) -> Handler:
    """:func:`user_exception` for one plan, with the handlers that it found before.

    Args:
        app: The application.
        scopes: Blueprint names of the plan, the innermost first.
    """
    known: dict[type, Handler] = {}

    def recover(error: Exception) -> t.Any:
        handler = known.get(type(error))
        if handler is not None:
            return handler(error)
        try:
            # What becomes of an HTTP error depends on more than its class.
            if not isinstance(error, HTTPException) and len(known) < _HANDLERS_KEPT:
                handler = app._known_handler(error, scopes)
                if handler is not None:
                    known[type(error)] = handler
            return user_exception(app, error)
        finally:
            # As there: raised again, the error would hold this frame, and it the error.
            del error

    return recover


#: Classes of errors per plan; an application may make any number of them.
_HANDLERS_KEPT = 64


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
    if getattr(error, "is_outage", False):
        # No fault of the application: it says so wherever it came up, in an after hook, too.
        app.logger.error("%s", error)
        answer = app.handle_user_exception(error)
        return app.finalize_request(answer, from_error_handler=True)
    exc_info = sys.exc_info()
    signals.got_request_exception.send(app, _async_wrapper=app.ensure_sync, exception=error)
    if propagates(app):
        if exc_info[1] is error:
            raise
        raise error
    app.log_exception(exc_info)
    server_error: t.Any = InternalServerError(original_exception=error)
    handler = app._known_handler(server_error, current_scopes())
    if handler is None:
        return app.finalize_request(server_error, from_error_handler=True)
    try:
        answer = handler(server_error)
        return app.finalize_request(answer, from_error_handler=True)
    except Exception as failure:
        # The last resort: a page that no code of the application has a part in. What watches
        # for errors would have seen this one escape on Flask: tell it.
        if failure is not error and failure is not server_error:
            send = signals.got_request_exception.send
            send(app, _async_wrapper=app.ensure_sync, exception=failure)
        app.log_exception(sys.exc_info())
        return app.finalize_request(server_error, from_error_handler=True)


def body_failed(ctx: Context, error: BaseException) -> bool:
    """Log what broke a streamed body off, from within its ``close``.

    The server knows about it as well, but the application's log would not.

    Args:
        ctx: The request's context, which has ended.
        error: What the server is handling; it may be its own, e.g. that the
            client has gone.

    Returns:
        Whether it is the body's.
    """
    if not isinstance(error, Exception) or not _comes_from_body(error):
        return False
    if not propagates(ctx.app):
        token = set_current(ctx)
        try:
            ctx.app.log_exception((type(error), error, error.__traceback__))
        finally:
            reset_current(token)
    return True


def _comes_from_body(error: BaseException) -> bool:
    """Whether an error was raised below the server's frame, and not by the server's code."""
    frames = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        frames.add(frame)
        frame = frame.f_back
    server = None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame in frames:
            server = step
        step = step.tb_next
    if server is None or server.tb_next is None:
        return False
    return _package(server.tb_next.tb_frame) != _package(server.tb_frame)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


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
