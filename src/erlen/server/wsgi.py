"""The WSGI driver (PEP 3333): environ in, ``start_response`` and a body out."""

from __future__ import annotations

import sys
import typing as t
from itertools import chain

from ..ctx import Context
from ..http.ondemand import length_pair, lengths
from ..http.request import Request
from ..http.response import Response
from ..http.statuses import with_body
from ..http.streams import Stream
from ..plan import Plan, Plans
from ..recover import body_failed, propagates
from ..respond import Prepared
from ..runner import run
from ..state import epoch, get_current, reset_current, set_current

HTML = ("Content-Type", "text/html; charset=utf-8")
JSON = ("Content-Type", "application/json")
_PRESERVE = "werkzeug.debug.preserve_context"
_new_context: t.Any = object.__new__


def new_context(app: t.Any, environ: t.Any, plan: Plan, view_args: t.Any) -> Context:
    """What ``Context(...)`` gives for a matched request, at less cost.

    Calling a class goes through two more layers than the assignments take together.

    Args:
        app: The application.
        environ: The WSGI environ.
        plan: The plan of the matched endpoint.
        view_args: The arguments of the view.
    """
    ctx: Context = _new_context(Context)
    ctx.app = app
    ctx.environ = environ
    ctx.plan = plan
    ctx.view_args = view_args
    ctx.touched = False
    ctx._request = ctx._opened = ctx._g = None
    return ctx


def wsgi_app(app: t.Any, environ: t.Any, start_response: t.Any) -> t.Any:
    """Answer one request.

    This is ``Erlen.wsgi_app``. A request whose plan is known runs straight
    through; everything unusual takes :func:`general`, which is Flask's
    protocol step by step.

    Args:
        app: The application.
        environ: The WSGI environ.
        start_response: As PEP 3333 has it.

    Returns:
        The body.
    """
    plans = app._plans
    if plans.epoch != epoch.value:
        plans = app._freeze()
    # The known hosts are none where the application needs the general way.
    if (
        environ.get("HTTP_HOST") not in plans.hosts
        or _PRESERVE in environ
        or "HTTP_UPGRADE" in environ
        or get_current(None) is not None
    ):
        return general(app, environ, start_response)
    methods = plans.static.get(environ.get("PATH_INFO"))
    plan = methods.get(environ["REQUEST_METHOD"]) if methods is not None else None
    if plan is not None:
        args = plan.constants.copy() if plan.constants is not None else {}
    else:
        plan, args = plans.resolve(environ)
        if plan is None:
            return general(app, environ, start_response)
    ctx = new_context(app, environ, plan, args)
    error: BaseException | None = None
    token = set_current(ctx)
    try:
        try:
            rv = run(plan, ctx)
            # A bare value comes from a light plan only.
            kind: t.Any = type(rv)
            if ctx._opened is not None or (
                "HTTP_COOKIE" in environ and plans.must_refresh(app, environ)
            ):
                body, rv = None, _ready(plans, plan, ctx, rv)
            elif kind is str:
                body, kind = rv.encode(), HTML
            elif kind is dict and (line := plans.json_line) is not None:
                body, kind = line(rv), JSON
            elif kind is Response:
                body = None
            else:
                body, rv = None, _ready(plans, plan, ctx, rv)
        except Exception as exc:
            error = exc
            body, rv = None, app.handle_exception(exc)
        except BaseException as exc:
            error = exc
            raise
        if body is None:
            return _send(ctx, rv, environ, start_response, plan.teardown)
        length = len(body)
        start_response("200 OK", [kind, lengths.get(length) or length_pair(length)])
        # A list: some servers have a shorter way for it than for other iterables.
        return [body]
    except Exception as exc:
        if error is not None:
            raise
        error = exc
        return _send_error(ctx, exc, environ, start_response, plan.teardown)
    finally:
        if plan.teardown or ctx.touched:
            _end(app, ctx, error, token)
        else:
            request = ctx._request
            if request is not None and (
                request.__class__ is not Request or request.__dict__.get("files")
            ):
                ctx.close_request()
            reset_current(token)
        # The frame in the error's traceback must not keep the error itself.
        error = None


def _ready(plans: Plans, plan: Plan, ctx: Context, rv: t.Any) -> t.Any:
    """What the runner gave, ready to send: a response, or status, headers and body."""
    kind = type(rv)
    if not plan.light or ctx.touched:
        return rv
    session = more = None
    if ctx._opened is not None or "HTTP_COOKIE" in ctx.environ:
        session = plans.session_to_save(ctx)
    if kind is Response:
        return rv if session is None else plan.close(ctx, rv)
    if session is not None:
        more = plans.session_headers(session)
    if session is None or more is not None:
        status, value = "200 OK", rv
        if kind is tuple and len(rv) == 2 and type(rv[1]) is int and rv[1] in with_body:
            status, value = with_body[rv[1]], rv[0]
            kind = type(value)
        if kind is str:
            return _bare(status, value.encode(), HTML, more)
        if (kind is dict or kind is list) and plans.json_line is not None:
            return _bare(status, plans.json_line(value), JSON, more)
        if kind is Prepared and value is rv:
            return rv.status, [*rv.headers, *(more or ())], rv.body
    rv = plan.respond(rv)
    return rv if session is None else plan.close(ctx, rv)


def _bare(
    status: str,
    body: bytes,
    content_type: tuple[str, str],
    more: list[tuple[str, str]] | None,
) -> t.Any:
    headers = [content_type, lengths.get(len(body)) or length_pair(len(body))]
    if more:
        headers += more
    return status, headers, body


def _send(
    ctx: Context, response: t.Any, environ: t.Any, start_response: t.Any, teardown: bool
) -> t.Any:
    """Hand the response to the server; a stream puts the teardown off until it has ended."""
    if type(response) is tuple:
        status, headers, body = response
        start_response(status, headers)
        return [body] if environ["REQUEST_METHOD"] != "HEAD" else []
    body = response(environ, start_response)
    if teardown and getattr(response, "is_streamed", False) and not response.direct_passthrough:
        return _Stream(body, ctx)
    if type(body) is Stream:
        body.on_failure = (body_failed, ctx)
    return body


def _send_error(
    ctx: Context, error: Exception, environ: t.Any, start_response: t.Any, teardown: bool
) -> t.Any:
    """Answer what went wrong while a response was sent.

    The server may have its headers already: with ``exc_info`` they are replaced (PEP 3333).
    """

    def start_again(status: str, headers: t.Any, exc_info: t.Any = None) -> t.Any:
        return start_response(status, headers, exc_info or sys.exc_info())

    return _send(ctx, ctx.app.handle_exception(error), environ, start_again, teardown)


class _Stream:
    """A streamed body that tears its context down when the server closes it."""

    __slots__ = ("_body", "_ctx")

    def __init__(self, body: t.Any, ctx: Context) -> None:
        self._body = body
        self._ctx: Context | None = ctx
        ctx.hold()

    def __iter__(self) -> t.Iterator[bytes]:
        return chain(self._body, self._ended())

    def _ended(self) -> t.Iterator[bytes]:
        # Reached when the body is exhausted: not every caller closes.
        self.close()
        return
        yield b""

    def close(self) -> None:
        """End the stream; PEP 3333 has the server call this however it ended."""
        ctx, self._ctx = self._ctx, None
        error = sys.exception()
        if error is not None and ctx is not None and body_failed(ctx, error):
            ctx._error = error
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except BaseException as failure:
            if ctx is not None:
                ctx._error = ctx._error or failure
            raise
        finally:
            error = None
            if ctx is not None:
                ctx.release()


def _end(app: t.Any, ctx: Context, error: BaseException | None, token: t.Any) -> None:
    """End a context that :func:`wsgi_app` set itself."""
    if error is not None and app.should_ignore_error(error):
        error = None
    held = ctx.held
    try:
        if held:
            ctx._error = error
        else:
            ctx.tear_down(error)
    except Exception:
        _teardown_failed(app)
    finally:
        reset_current(token)
        if not held:
            ctx.leave()


def _teardown_failed(app: t.Any) -> None:
    """A teardown function raised: the response is kept, the error is shown or logged."""
    if propagates(app):
        raise
    app.log_exception(sys.exc_info())


def _begin(app: t.Any) -> None:
    from .lifespan import begin

    begin(app)


def general(app: t.Any, environ: t.Any, start_response: t.Any) -> t.Any:
    """Answer one request by Flask's whole protocol: context, push, match, dispatch, pop."""
    if not app._begun:
        _begin(app)
    ctx = app.request_context(environ)
    error: BaseException | None = None
    teardown = _PRESERVE not in environ
    try:
        try:
            ctx.push()
            plans: Plans = app._plans
            response = app.full_dispatch_request()
            host = environ.get("HTTP_HOST")
            if not plans.general and host not in plans.hosts and ctx.url_adapter is not None:
                plans.accept_host(host)
        except Exception as exc:
            error = exc
            response = app.handle_exception(exc)
        except BaseException as exc:
            error = exc
            raise
        return _send(ctx, response, environ, start_response, teardown)
    except Exception as exc:
        if error is not None:
            raise
        error = exc
        return _send_error(ctx, exc, environ, start_response, teardown)
    finally:
        if not teardown:
            environ[_PRESERVE](ctx)
        if error is not None and app.should_ignore_error(error):
            error = None
        try:
            ctx.pop(error)
        except Exception:
            _teardown_failed(app)
        error = None
