"""The end of a request on an event loop: errors nobody took, teardown functions."""

from __future__ import annotations

import typing as t

from .. import signals
from ..recover import propagates
from .native import NativePlans
from .scope import ScopeContext
from .steps import NativePlan, notifier


async def unhandled(native: NativePlans, error: Exception) -> t.Any:
    """Answer an error that nobody took, by the application's ``handle_exception``.

    It may be overridden, and logs, so it runs in a thread.

    Args:
        native: The application's plans.
        error: The error.

    Raises:
        Exception: The error, if exceptions propagate (debug, testing).
    """
    try:
        return await native.hop(_handle, native.app, error)
    finally:
        del error


def _handle(app: t.Any, error: Exception) -> t.Any:
    try:
        # What watches for errors asks for the one that is being handled.
        raise error
    except Exception as same:
        return app.handle_exception(same)
    finally:
        del error


async def end(
    native: NativePlans, plan: NativePlan, ctx: ScopeContext, error: BaseException | None
) -> None:
    """Run the teardown functions and close what the request holds; while it is current.

    All of them run, whatever one of them raises; the first error is logged, or raised
    where exceptions propagate.

    Args:
        native: The application's plans.
        plan: The plan that was run.
        ctx: The request's context.
        error: What ended the request, or None.
    """
    app = native.app
    if error is not None and app.should_ignore_error(error):
        error = None
    owns = ctx._outer is None or ctx.app_ctx is ctx
    failed: BaseException | None = None
    try:
        for step in (*plan.ends_request, _closer(ctx), *(plan.ends_app if owns else ())):
            try:
                await step(error)
            except BaseException as failure:
                failed = failed or failure
        ctx._outer = None
        if owns and signals.appcontext_popped.receivers:
            await notifier(native, signals.appcontext_popped)()
        if failed is not None:
            if not isinstance(failed, Exception) or propagates(app):
                raise failed
            app.log_exception((type(failed), failed, failed.__traceback__))
    finally:
        del failed, error


def _closer(ctx: ScopeContext) -> t.Any:
    """A step that closes the request, if it was ever made into an object."""

    async def close(error: BaseException | None) -> None:
        if ctx._request is not None:
            ctx.close_request()

    return close
