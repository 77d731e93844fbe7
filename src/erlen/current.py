"""What can be asked of the current context, and done with it."""

from __future__ import annotations

import sys
import typing as t

from .state import get_current, reset_current, set_current

if t.TYPE_CHECKING:
    from .ctx import Context
    from .typing import AfterRequest

F = t.TypeVar("F", bound=t.Callable[..., t.Any])


def has_request_context() -> bool:
    """Whether a request is being handled (or a test request context is active)."""
    ctx = get_current(None)
    return ctx is not None and ctx.has_request


def has_websocket_context() -> bool:
    """Whether a websocket is being served; its handshake is a request, too."""
    return _websocket_context() is not None


def _websocket_context() -> t.Any:
    ctx: t.Any = get_current(None)
    while ctx is not None and not hasattr(ctx, "websocket"):
        # An application context lets what is around it shine through.
        ctx = ctx._outer if ctx.environ is None else None
    return ctx


def has_app_context() -> bool:
    """Whether ``current_app`` and ``g`` can be used."""
    return get_current(None) is not None


def request_context(caller: str) -> Context:
    """The context that holds the current request.

    Args:
        caller: Name of the public function that needs it, for the error.

    Raises:
        RuntimeError: There is no request.
    """
    ctx = get_current(None)
    if ctx is not None:
        ctx = ctx.with_request()
    if ctx is None:
        raise RuntimeError(
            f"'{caller}' can only be used when a request context is active,"
            " such as in a view function."
        )
    return ctx


def after_this_request(f: AfterRequest) -> AfterRequest:
    """Run ``f(response)`` on the response of this request only.

    Args:
        f: Takes the response and returns it or another one.

    Raises:
        RuntimeError: There is no request.
    """
    ctx = request_context("after_this_request")
    ctx._after_request_functions.append(ctx.as_step(f))
    return f


def copy_current_request_context(f: F) -> F:
    """Wrap ``f`` so that it runs in a copy of the current request context.

    For work handed to another thread or greenlet while the request lasts.

    Args:
        f: A function or a coroutine function.

    Raises:
        RuntimeError: There is no request.
    """
    import functools
    import inspect

    ctx = request_context("copy_current_request_context").copy()
    app = ctx.app

    def wrapper(*args: t.Any, **kwargs: t.Any) -> t.Any:
        with ctx:
            return app.ensure_sync(f)(*args, **kwargs)

    async def inside(*args: t.Any, **kwargs: t.Any) -> t.Any:
        token = set_current(ctx)
        error: BaseException | None = None
        try:
            return await f(*args, **kwargs)
        except BaseException as exc:
            error = exc
            raise
        finally:
            reset_current(token)
            await app._end_copy(ctx, error)
            error = None

    def either(*args: t.Any, **kwargs: t.Any) -> t.Any:
        # A coroutine awaits it, or makes it a task; a thread waits for it.
        return (inside if _is_on_loop() else app.ensure_sync(inside))(*args, **kwargs)

    chosen = either if inspect.iscoroutinefunction(f) else wrapper
    return t.cast(F, functools.update_wrapper(chosen, f))


def _is_on_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def after_this_websocket(f: F) -> F:
    """Run ``f(response)`` when the view of this websocket has ended; as in Quart.

    Args:
        f: Takes the response that refused the websocket, None if it was accepted, and
            returns the response to go on with.

    Raises:
        RuntimeError: There is no websocket.
    """
    ctx = _current_websocket("after_this_websocket")
    ctx.after_websocket = (*ctx.after_websocket, ctx.app.ensure_sync(f))
    return f


def copy_current_websocket_context(f: F) -> F:
    """Wrap ``f`` so that ``websocket`` and all else of the context is there when it runs.

    For a thread, or a callback from outside. A task that the view makes has the
    context anyway.

    Args:
        f: A function or a coroutine function, to be called while the websocket lasts.

    Raises:
        RuntimeError: There is no websocket.
    """
    import functools
    import inspect

    ctx = _current_websocket("copy_current_websocket_context")

    if inspect.iscoroutinefunction(f):

        async def wrapper(*args: t.Any, **kwargs: t.Any) -> t.Any:
            token = set_current(ctx)
            try:
                return await f(*args, **kwargs)
            finally:
                reset_current(token)

    else:

        def wrapper(*args: t.Any, **kwargs: t.Any) -> t.Any:  # type: ignore[misc]
            token = set_current(ctx)
            try:
                return f(*args, **kwargs)
            finally:
                reset_current(token)

    return t.cast(F, functools.update_wrapper(wrapper, f))


def _current_websocket(caller: str) -> t.Any:
    ctx = _websocket_context()
    if ctx is None:
        raise RuntimeError(
            f"'{caller}' can only be used while a websocket is served, such as in its view."
        )
    return ctx
