"""The only place where sync and async cross.

Under WSGI, coroutine functions run on one event loop per process, in a thread
of its own, started at first need. A pooled async client and a task made with
``create_task`` live on between requests.
"""

from __future__ import annotations

import contextvars
import functools
import os
import threading
import typing as t

if t.TYPE_CHECKING:
    import asyncio

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_pid = 0


def running_loop() -> asyncio.AbstractEventLoop:
    """The process's event loop, started at first need and again after a fork."""
    global _loop, _pid
    if _loop is not None and _pid == os.getpid():
        return _loop
    import asyncio

    with _lock:
        if _loop is None or _pid != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="erlen-loop", daemon=True).start()
            _loop, _pid = loop, os.getpid()
    return _loop


def async_to_sync(func: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """Wrap a coroutine function so that calling it waits for its result.

    The caller's context variables are seen inside, and what is set inside is
    seen by the caller afterwards.

    Args:
        func: A coroutine function.

    Returns:
        A function.

    Raises:
        RuntimeError: On call, from the event loop's own thread.
    """

    @functools.wraps(func)
    def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        import asyncio

        loop = running_loop()
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is loop:
            raise RuntimeError(
                f"{func.__qualname__} was called from a coroutine; write 'await' before the call."
            )
        done = threading.Event()
        context = contextvars.copy_context()
        box: list[t.Any] = [None, None]

        async def main() -> None:
            try:
                box[0] = await func(*args, **kwargs)
            except BaseException as error:
                box[1] = error
            finally:
                done.set()

        loop.call_soon_threadsafe(_start, loop, main, context)
        done.wait()
        _take_over(context)
        if box[1] is not None:
            try:
                raise box[1]
            finally:
                box.clear()
        return box[0]

    # Whoever asks is told that this is no coroutine function any more.
    call.__wrapped__ = func
    return call


_tasks: set[t.Any] = set()


def _start(loop: t.Any, main: t.Any, context: contextvars.Context) -> None:
    task = loop.create_task(main(), context=context)
    # The loop keeps weak references only.
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def _take_over(context: contextvars.Context) -> None:
    """Set here what was set there."""
    for variable, value in context.items():
        if variable.get(_missing) is not value:
            variable.set(value)


_missing: t.Any = object()
