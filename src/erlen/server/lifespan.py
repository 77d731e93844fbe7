"""The life of a worker: what runs before its first request and after its last one.

A server of ASGI says when (the lifespan protocol). Where it does not, and under WSGI,
the first request starts the application, and the exit of the interpreter ends it.
Everything is called from one thread: functions directly, coroutine functions on the
loop that serves.
"""

from __future__ import annotations

import os
import threading
import typing as t
from inspect import isasyncgenfunction

from ..state import epoch
from .atend import at_end

if t.TYPE_CHECKING:
    import asyncio

Receive = t.Callable[[], t.Awaitable[dict[str, t.Any]]]
Send = t.Callable[[dict[str, t.Any]], t.Awaitable[None]]


class AsyncHeld:
    """An asynchronous generator of ``while_serving``, in a task of its own.

    What it enters before its ``yield`` and leaves after it (a task group, say) wants to
    be entered and left in the same task.

    Args:
        generator: The generator.
    """

    def __init__(self, generator: t.Any) -> None:
        self._generator = generator
        self._stop: t.Any = None
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Run it up to its ``yield``."""
        import asyncio

        loop = asyncio.get_running_loop()
        begun: asyncio.Future[None] = loop.create_future()
        self._stop = asyncio.Event()
        self._task = loop.create_task(self._run(begun))
        await asyncio.wait([begun, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not begun.done():
            begun.cancel()
            await self._task

    async def _run(self, begun: t.Any) -> None:
        async for _ in self._generator:
            if not begun.done():
                begun.set_result(None)
            await self._stop.wait()

    async def end(self) -> None:
        """Run the rest."""
        if self._task is not None:
            self._stop.set()
            await self._task


class Lifespan:
    """The life of one application in one worker.

    Args:
        app: The application.
    """

    def __init__(self, app: t.Any) -> None:
        self.app = app
        self._lock = threading.Lock()
        self._pid = 0
        #: What ends the generators that have begun, the last one first.
        self._endings: list[t.Callable[[], t.Any]] = []

    @property
    def begun(self) -> bool:
        """Whether this process has started the application."""
        return self._pid == os.getpid()

    def begin(self) -> None:
        """Start the application, unless it has been; from a thread that may wait.

        Raises:
            Exception: What a function of ``before_serving`` or ``while_serving`` raised.
        """
        with self._lock:
            if self.begun:
                return
            app = self.app
            try:
                with app.app_context():
                    for function in app.before_serving_funcs:
                        app.ensure_sync(function)()
                    for function in app.while_serving_gens:
                        self._hold(function)
            except BaseException:
                app.logger.exception("The application could not start")
                self._unwind()
                raise
            self._pid = os.getpid()
            app.__dict__["_begun"] = True

    def _hold(self, function: t.Any) -> None:
        if isasyncgenfunction(function):
            held = AsyncHeld(function())
            self.app.async_to_sync(held.begin)()
            self._endings.insert(0, self.app.async_to_sync(held.end))
            return
        generator = function()
        next(generator)
        self._endings.insert(0, lambda: next(generator, None))

    def end(self) -> None:
        """End the application, if it was started; from a thread that may wait.

        Background tasks come first. Everything is called, whatever one raises.

        Raises:
            Exception: The first error.
        """
        with self._lock:
            if not self.begun:
                return
            self._pid = 0
            app = self.app
            app.__dict__.pop("_begun", None)
            # The next request, if there is one, starts it again.
            epoch.bump()
            failed: Exception | None = None
            with app.app_context():
                for function in app.after_serving_funcs:
                    try:
                        app.ensure_sync(function)()
                    except Exception as error:
                        app.logger.exception("An error while the application ended")
                        failed = failed or error
                failed = self._unwind() or failed
            if failed is not None:
                try:
                    raise failed
                finally:
                    del failed

    def _unwind(self) -> Exception | None:
        failed: Exception | None = None
        endings, self._endings = self._endings, []
        for ending in endings:
            try:
                ending()
            except Exception as error:
                self.app.logger.exception("An error while the application ended")
                failed = failed or error
        return failed

    def at_exit(self) -> None:
        """End the application, if its server did not."""
        if self.begun:
            wait_for_tasks(self.app)
            try:
                self.end()
            except Exception:
                # It has been logged; there is nobody left to be told.
                pass


def wait_for_tasks(app: t.Any) -> None:
    """Wait for the background tasks, if there ever was one.

    Args:
        app: The application.
    """
    tasks = app.__dict__.get("_background")
    if tasks is not None:
        tasks.at_exit()


def lifespan_of(app: t.Any) -> Lifespan:
    """The life of an application.

    Args:
        app: The application.
    """
    life: Lifespan | None = app.__dict__.get("_lifespan")
    if life is None:
        life = app.__dict__["_lifespan"] = Lifespan(app)
        at_end(life.at_exit)
        _lives.append(life)
    return life


_lives: list[Lifespan] = []


def _in_child() -> None:
    for life in _lives:
        life._lock = threading.Lock()
        life._endings = []
        life.app.__dict__.pop("_begun", None)
    # Requests look again whether there is something to start.
    epoch.bump()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def is_empty(app: t.Any) -> bool:
    """Whether nothing is to be done when a worker begins or ends.

    Args:
        app: The application.
    """
    return not (app.before_serving_funcs or app.after_serving_funcs or app.while_serving_gens)


def begin(app: t.Any) -> None:
    """Start an application before its first request, where no server did.

    Args:
        app: The application.
    """
    if is_empty(app):
        app.__dict__["_begun"] = True
    else:
        lifespan_of(app).begin()


async def abegin(app: t.Any) -> None:
    """The same, on the loop of a server that knows no lifespans."""
    if is_empty(app):
        app.__dict__["_begun"] = True
    else:
        from .threads.pool import pool_of

        await pool_of(app).call(lifespan_of(app).begin)


async def serve_lifespan(app: t.Any, receive: Receive, send: Send) -> None:
    """Serve the lifespan protocol (ASGI, Lifespan 2.0).

    Args:
        app: The application.
        receive: The server's.
        send: The server's.
    """
    from .draining import watch_for_end
    from .threads.pool import pool_of

    while True:
        message = await receive()
        what = message["type"]
        try:
            if what == "lifespan.startup":
                watch_for_end(app)
                await abegin(app)
            elif what == "lifespan.shutdown":
                pool = pool_of(app)
                await pool.call(wait_for_tasks, app)
                if not is_empty(app):
                    await pool.call(lifespan_of(app).end)
        except Exception as error:
            await send({"type": f"{what}.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": f"{what}.complete"})
        if what == "lifespan.shutdown":
            return
