"""The only place where sync code waits for asynchronous code.

Under WSGI, coroutine functions run on one event loop per process, made at first need: a
pooled async client and a task made with ``create_task`` live on between requests. The
thread of a request runs that loop itself as long as nobody else has to. In a thread of an ASGI
server's pool they run on that server's loop.
"""

from __future__ import annotations

import contextvars
import functools
import os
import sys
import threading
import typing as t
from collections.abc import AsyncIterable, Iterator

from ...http.chunked import receive_chunks
from ...state import get_current
from . import greenlets
from .greenlets import allocate_lock
from .jobs import settle
from .pool import carry_back, here, mailbox_of

if t.TYPE_CHECKING:
    import asyncio

    from .shared import SharedLoop

_lock = threading.Lock()
_new_lock: t.Callable[[], t.Any] = allocate_lock
#: Lets the loop's thread read a body that the server gives to the request's thread only.
_lend_input: t.Callable[[t.Any], None] | None = None
_loop: asyncio.AbstractEventLoop | None = None
#: The process's loop, if it is one that any thread may run.
_shared: SharedLoop | None = None
_pid = 0


def running_loop() -> asyncio.AbstractEventLoop:
    """The process's event loop, started at first need and again after a fork."""
    global _loop, _pid, _new_lock, _lend_input
    if _loop is not None and _pid == os.getpid():
        return _loop
    with _lock:
        if _loop is None or _pid != os.getpid():
            patches = greenlets.monkey()
            if patches is not None:
                loop = greenlets.new_loop(patches)
                _new_lock = greenlets.GreenletLock
                _lend_input = greenlets.lend_input
                greenlets.start_thread(loop.run_forever, "erlen-loop")
            else:
                # uWSGI's own module, which only its processes have.
                _lend_input = receive_chunks if "uwsgi" in sys.modules else None
                loop = _new_loop()
            _loop, _pid = loop, os.getpid()
    return _loop


def _new_loop() -> asyncio.AbstractEventLoop:
    """A loop that threads share; or, running, whatever a policy has put in its place."""
    global _shared
    import asyncio

    from .shared import PRIVATE, SharedLoop

    loop = asyncio.new_event_loop()
    if type(loop) is asyncio.SelectorEventLoop and all(hasattr(loop, name) for name in PRIVATE):
        loop.close()
        _shared = SharedLoop()
        return _shared
    _shared = None
    greenlets.start_thread(loop.run_forever, "erlen-loop")
    return loop


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
        context = contextvars.copy_context()
        try:
            return _Crossing(func, args, kwargs, context).result()
        finally:
            carry_back(context)

    # Whoever asks is told that this is no coroutine function any more.
    call.__wrapped__ = func
    return call


def receiver_to_sync(
    receiver: t.Callable[..., t.Any], waiting: t.Callable[..., t.Any]
) -> t.Callable[..., t.Any]:
    """An asynchronous receiver of a signal that sync code sends.

    In a thread the sender waits for it. On an event loop it can't; nobody asks for what
    a receiver returns, so it runs as a task, soon.

    Args:
        receiver: A coroutine function.
        waiting: The same as a function that waits.
    """

    @functools.wraps(receiver)
    def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        from asyncio import _get_running_loop

        loop = _get_running_loop()
        if loop is None:
            return waiting(*args, **kwargs)
        task = loop.create_task(receiver(*args, **kwargs))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
        return None

    return call


_tasks: set[t.Any] = set()


class _Crossing:
    """One coroutine that a thread waits for.

    Args:
        func: A coroutine function.
        args: Its arguments.
        kwargs: Likewise.
        context: The context it runs in.
    """

    __slots__ = (
        "_func",
        "_args",
        "_kwargs",
        "_context",
        "_loop",
        "_told",
        "_rv",
        "_error",
        "_task",
    )

    def __init__(
        self, func: t.Any, args: t.Any, kwargs: t.Any, context: contextvars.Context
    ) -> None:
        self._func = func
        self._args = args
        self._kwargs = kwargs
        self._context = context
        self._told: t.Any = None
        self._rv: t.Any = None
        self._error: BaseException | None = None
        self._task: t.Any = None

    def result(self) -> t.Any:
        """Run it and wait; raises what it raises."""
        from asyncio import _get_running_loop

        loop = here.loop or running_loop()
        running = _get_running_loop()
        if running is loop:
            raise RuntimeError(
                f"{self._func.__qualname__} was called from a coroutine;"
                " write 'await' before the call."
            )
        worker = here.worker
        if worker is not None:
            # A thread that only waits is not one of those that the limit is about.
            worker.pool.lend()
        self._loop = loop
        if _lend_input is not None:
            _lend_input(get_current(None))
        if running is not None or loop is not _shared or not self._lead(loop):
            self._wait(loop)
        error, self._error = self._error, None
        if error is None:
            return self._rv
        try:
            raise error
        finally:
            del error

    def _lead(self, loop: t.Any) -> bool:
        """Run it by running the loop; False if another thread does."""
        self._told = loop.stop
        return loop.lead(self._main, self._context, _tasks)  # type: ignore[no-any-return]

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the loop's thread run it."""
        done = allocate_lock() if here.loop is not None else _new_lock()
        done.acquire()
        self._told = done.release
        mailbox_of(loop).post(self._start)
        try:
            done.acquire()
        except BaseException:
            # Interrupted from the keyboard: nobody waits any more.
            loop.call_soon_threadsafe(self._cancel)
            raise

    def _start(self) -> None:
        task = self._task = self._loop.create_task(self._main(), context=self._context)
        # The loop keeps weak references only.
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _main(self) -> None:
        try:
            self._rv = await settle(await self._func(*self._args, **self._kwargs))
        except BaseException as error:
            self._error = error
        finally:
            self._task = None
            self._told()


def iterate(chunks: AsyncIterable[t.Any]) -> Iterator[t.Any]:
    """Iterate an asynchronous iterable from sync code.

    Args:
        chunks: The iterable; closed at the end, also if that comes early.
    """
    iterator = chunks.__aiter__()
    context = contextvars.copy_context()

    def run(func: t.Any) -> t.Any:
        return _Crossing(func, (), {}, context).result()

    try:
        while True:
            try:
                chunk = run(iterator.__anext__)
            except StopAsyncIteration:
                return
            yield chunk
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            run(close)
