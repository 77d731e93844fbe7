"""The start of a request for those who wait for it, where requests walk through plans.

Flask tells the receivers of ``appcontext_pushed`` and opens the session before it
matches the URL. A session in Flask's own cookie can wait until somebody asks for it;
any other interface is asked for every request. A plan does either as its first step,
and only if there is somebody to be told.
"""

from __future__ import annotations

import typing as t

from . import signals
from .http.request import Request, new_request
from .state import get_current
from .steporder import Step


def first_step(app: t.Any, eager: bool) -> Step | None:
    """Make the step that comes before all others; None if nobody waits for it.

    Args:
        app: The application.
        eager: Whether every request opens its session.
    """
    told = signals.appcontext_pushed.has_receivers_for(app)
    if not (told or eager):
        return None

    interface = app.session_interface
    cls = app.request_class

    def open_request(environ: t.Any) -> t.Any:
        request = cls(environ)
        request.json_module = app.json
        return request

    def begin(endpoint: t.Any, values: t.Any) -> None:
        ctx = get_current()
        if ctx._tokens is not None:
            # Context.push has done all this.
            return
        # What happens here sees a request that isn't matched yet, and so do its errors.
        plan: t.Any = ctx.plan
        ctx.plan = None
        if told:
            signals.appcontext_pushed.send(app, _async_wrapper=app.ensure_sync)
        request = ctx._request
        if eager:
            if request is None:
                environ, stock = ctx.environ, cls is Request
                request = new_request(environ, None, None) if stock else open_request(environ)
                ctx._request = request
            session = interface.open_session(app, request)
            ctx._opened = interface.make_null_session(app) if session is None else session
        ctx.plan = plan
        if request is not None:
            rule = request.url_rule = plan.rule
            if rule is None:
                request.routing_exception = plan.miss()
            else:
                request.view_args = ctx.view_args

    return begin


def session_ahead(plans: t.Any, endpoint: str | None) -> Step | None:
    """Make the step that opens the session of a view on an event loop, which must not wait.

    Args:
        plans: The application's plans.
        endpoint: The view's.

    Returns:
        None unless the session is kept on the server and such a view is known to use it.
    """
    if not plans.stored_session or endpoint not in plans.app.session_interface.expected:
        return None

    def open_session(endpoint: t.Any, values: t.Any) -> None:
        ctx = get_current()
        if ctx._opened is None and "HTTP_COOKIE" in ctx.environ:
            ctx._open_session()

    return open_session


def recover_begun(recover: Step) -> Step:
    """Keep the errors of :func:`first_step` from the handlers of an application.

    They go on to ``handle_exception``, as what ``Context.push`` raises does.

    Args:
        recover: Answers the errors of everything that comes later.
    """

    def take(error: Exception) -> t.Any:
        if get_current().plan is not None:
            return recover(error)
        try:
            raise error
        finally:
            # This frame is in the error's traceback: they would keep each other alive.
            del error

    return take
