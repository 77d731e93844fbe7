"""The sync steps of a websocket, each called in a thread."""

from __future__ import annotations

import asyncio
import sys
import typing as t

from werkzeug.exceptions import Forbidden, HTTPException, InternalServerError
from werkzeug.routing import WebsocketMismatch

from ... import signals
from ...http.closecodes import INTERNAL_ERROR, NORMAL, code_for_status, short_reason
from ...recover import propagates
from .context import WebsocketContext

Refusal = tuple[int, list[tuple[str, str]], bytes]


def cause_of(group: BaseExceptionGroup[t.Any]) -> Exception:
    """What a group of errors from a view's tasks is about.

    Args:
        group: The group.

    Returns:
        Its only error; the group of all of them, if there are several.

    Raises:
        asyncio.CancelledError: They only say that the websocket has ended.
        BaseException: One is to end the program.
    """
    rest = group.split(asyncio.CancelledError)[1]
    if rest is None:
        raise asyncio.CancelledError from group
    while isinstance(rest, BaseExceptionGroup) and len(rest.exceptions) == 1:
        rest = rest.exceptions[0]
    if not isinstance(rest, Exception):
        raise rest
    return rest


def begin(ctx: WebsocketContext) -> t.Any:
    """Run the URL processors and before hooks.

    Args:
        ctx: The websocket's context.

    Returns:
        What a hook returned, or None.
    """
    plan = ctx.plan
    processors, before = plan.first
    for processor in processors:
        processor(plan.endpoint, ctx.view_args)
    for hook in before:
        rv = hook()
        if rv is not None:
            return rv
    return None


def view_of(ctx: WebsocketContext) -> t.Callable[..., t.Any]:
    """The view of a websocket.

    Args:
        ctx: The websocket's context.

    Raises:
        HTTPException: No rule matched.
        RuntimeError: The rule has no view.
    """
    view = ctx.plan.view
    if ctx.plan.rule is None:
        error = ctx.request.routing_exception
        if isinstance(error, WebsocketMismatch):
            error.description = "This address takes no websockets: ask for it by HTTP."
        ctx.app.raise_routing_exception(ctx.request)
    if view is None:
        raise RuntimeError(
            f"The websocket rule of the endpoint {ctx.plan.endpoint!r} has no view. Register"
            " one with add_websocket(), or in app.view_functions."
        )
    if signals.websocket_started.receivers:
        signals.websocket_started.send(ctx.app, _async_wrapper=ctx.app.ensure_sync)
    return t.cast("t.Callable[..., t.Any]", view)


def arguments_of(ctx: WebsocketContext) -> dict[str, t.Any]:
    """The arguments of the view, as the hooks have left them.

    Args:
        ctx: The websocket's context.
    """
    request = ctx._request
    args = ctx.view_args if request is None else request.view_args
    return args or {}


def told_of_end() -> bool:
    """Whether anybody listens to ``websocket_finished``."""
    return bool(signals.websocket_finished.receivers)


def _after(ctx: WebsocketContext, response: t.Any) -> t.Any:
    for hook in (*ctx.after_websocket, *ctx.plan.after):
        response = hook(response)
    if told_of_end():
        send = signals.websocket_finished.send
        send(ctx.app, _async_wrapper=ctx.app.ensure_sync, response=response)
    return response


def _sent(ctx: WebsocketContext, response: t.Any) -> Refusal:
    """What a response object sends."""
    status, headers = 0, []

    def start_response(line: str, pairs: t.Any, exc_info: t.Any = None) -> t.Any:
        nonlocal status, headers
        status, headers = int(line[:3]), pairs

    chunks = response(ctx.environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return status, headers, body


def refusal(ctx: WebsocketContext, rv: t.Any) -> Refusal:
    """The answer to a handshake that nobody accepted.

    Args:
        ctx: The websocket's context.
        rv: What a hook, the view or an error handler returned.
    """
    if rv is None:
        rv = Forbidden("The websocket was not accepted.")
    return _sent(ctx, _after(ctx, ctx.app.finalize_request(rv)))


def failure(ctx: WebsocketContext, error: Exception) -> Refusal:
    """The answer to a handshake that ended in an error.

    Args:
        ctx: The websocket's context.
        error: What nobody took.
    """
    _tell(ctx, error)
    try:
        raise error
    except Exception:
        # What logs it asks for the error that is being handled.
        response = ctx.app.handle_exception(error)
    finally:
        del error
    return _sent(ctx, _after(ctx, response) if ctx.plan is not None else response)


def _tell(ctx: WebsocketContext, error: Exception) -> None:
    if signals.got_websocket_exception.receivers:
        send = signals.got_websocket_exception.send
        send(ctx.app, _async_wrapper=ctx.app.ensure_sync, exception=error)


def outcome(ctx: WebsocketContext, rv: t.Any) -> tuple[int, str]:
    """Close code and reason for what came of a websocket that was accepted.

    Args:
        ctx: The websocket's context.
        rv: What the view or an error handler returned.
    """
    code, response = NORMAL, None
    reason: str | None = ""
    if isinstance(rv, HTTPException):
        code = getattr(rv, "close_code", None) or code_for_status(rv.code or 500)
        reason = rv.description if hasattr(rv, "close_code") else rv.name
    elif rv is not None:
        response = ctx.app.make_response(rv)
        code = code_for_status(response.status_code)
        if code == NORMAL:
            ctx.app.logger.warning(
                "%s returned something after the websocket was accepted, which cannot be"
                " sent any more. Send it as a message before.",
                ctx.plan.name,
            )
    _after(ctx, response)
    return code, short_reason(reason or "")


def late_failure(ctx: WebsocketContext, error: Exception) -> tuple[int, str]:
    """Close code and reason for an error that nobody took.

    Args:
        ctx: The websocket's context.
        error: The error.

    Raises:
        Exception: The error, if exceptions propagate.
    """
    app = ctx.app
    _tell(ctx, error)
    signals.got_request_exception.send(app, _async_wrapper=app.ensure_sync, exception=error)
    if propagates(app):
        raise error
    app.log_exception((type(error), error, error.__traceback__))
    last = InternalServerError(original_exception=error)
    handler = app._known_handler(last, ctx.plan.scopes)
    if handler is None:
        return INTERNAL_ERROR, ""
    return outcome(ctx, handler(last) or last)


def tear_down(ctx: WebsocketContext, error: BaseException | None) -> None:
    """Run the teardown functions; all of them, whatever one of them raises.

    Args:
        ctx: The websocket's context.
        error: What ended the websocket, or None.

    Raises:
        Exception: What a teardown function raised, where exceptions propagate.
    """
    app = ctx.app
    if error is not None and app.should_ignore_error(error):
        error = None
    hooks = [
        *(ctx.plan.teardown if ctx.plan is not None else ()),
        _tell_teardown(app),
        ctx.tear_down,
    ]
    for hook in hooks:
        try:
            hook(error)
        except Exception:
            if propagates(app):
                raise
            app.log_exception(sys.exc_info())


def _tell_teardown(app: t.Any) -> t.Callable[[t.Any], None]:
    def tell(error: BaseException | None) -> None:
        if signals.websocket_tearing_down.receivers:
            send = signals.websocket_tearing_down.send
            send(app, _async_wrapper=app.ensure_sync, exc=error)

    return tell
