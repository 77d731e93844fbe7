"""The end of a request on an event loop: errors nobody took, teardown functions."""

from __future__ import annotations

import typing as t

from ... import signals
from ...recover import propagates
from ...state import epoch
from ..scope import ScopeContext
from .building import ends_of_app, ends_of_request
from .plans import NativePlans
from .steps import AsyncStep, NativePlan, notifier


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
    ends_request, ends_app = plan.ends_request, plan.ends_app
    if native.epoch != epoch.value or ctx.plan is None:
        # What was declared meanwhile counts; and a request whose beginning failed
        # belongs to no blueprint.
        native = NativePlans(app)
        scopes = plan.scopes if ctx.plan is not None else ()
        ends_request, ends_app = tuple(ends_of_request(native, scopes)), tuple(ends_of_app(native))
    failed: BaseException | None = None
    try:
        failed = await _run(ends_request, error)
        try:
            if ctx._request is not None:
                ctx.close_request()
        except BaseException as failure:
            failed = failed or failure
        if ctx._outer is None or ctx.app_ctx is ctx:
            late = await _run(ends_app, error)
            failed = failed or late
            del late
        if failed is not None:
            if not isinstance(failed, Exception) or propagates(app):
                raise failed
            app.log_exception((type(failed), failed, failed.__traceback__))
    finally:
        del failed, error


async def _run(steps: t.Iterable[AsyncStep], error: BaseException | None) -> BaseException | None:
    """Run teardown functions; the first error, or what is none and ends the walk at once."""
    failed: BaseException | None = None
    try:
        for step in steps:
            try:
                await step(error)
            except Exception as failure:
                failed = failed or failure
            except BaseException as failure:
                return failure
        return failed
    finally:
        del failed, error


async def leave(native: NativePlans, ctx: ScopeContext) -> None:
    """Say that the application context has ended, if it was this one's own.

    Args:
        native: The application's plans.
        ctx: The request's context, which is current no more.
    """
    told = signals.appcontext_popped.receivers and ctx.app_ctx is ctx
    ctx._outer = None
    if told:
        await notifier(native, signals.appcontext_popped)()
