"""Work that goes on after the response: ``app.add_background_task``.

Coroutine functions run on the loop that served the request (under WSGI, the process's
own), functions in threads apart from those of requests. A worker waits for them before
it exits, as long as ``BACKGROUND_TASK_SHUTDOWN_TIMEOUT`` says.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
import time
import typing as t
from functools import partial
from inspect import iscoroutinefunction

from ..state import get_current, reset_current, set_current
from .atend import at_end
from .threads.pool import Pool, here, mailbox_of

if t.TYPE_CHECKING:
    import asyncio

Call = t.Callable[[], t.Any]

#: Under this key the test client leaves a list: it calls what is in it when it has the
#: response, which it does not always close.
SENT = "erlen.sent"

#: Threads for the tasks of one application, apart from those for its requests.
_THREADS = 16


def add_task(app: t.Any, func: t.Callable[..., t.Any], args: t.Any, kwargs: t.Any) -> None:
    """Run a function after the response of the current request; at once outside of one.

    Args:
        app: The application.
        func: A function or a coroutine function.
        args: Its arguments.
        kwargs: Likewise.
    """
    start = partial(tasks_of(app).start, partial(func, *args, **kwargs))
    ctx: t.Any = get_current(None)
    while ctx is not None and (ctx.app is not app or not ctx.has_request):
        ctx = ctx._outer
    if ctx is None:
        start()
        return
    if not ctx.background and not hasattr(ctx, "scope"):
        # By WSGI a response tells that it was sent. Where it comes to none, or it is
        # too late for that, the end of the context starts the tasks.
        ctx._after_request_functions.append(partial(_when_sent, ctx))
    ctx.background = (*ctx.background, start)
    ctx.touched = True


def _when_sent(ctx: t.Any, response: t.Any) -> t.Any:
    starts, ctx.background = ctx.background, ()
    sent = ctx.environ.get(SENT)
    for start in starts:
        if sent is None or response.is_streamed:
            response.call_on_close(start)
        else:
            sent.append(start)
    return response


class _Loop(t.NamedTuple):
    """What a thread of a pool asks its job for: the loop that it serves."""

    loop: t.Any


class Task:
    """One task under way.

    Args:
        tasks: Those of its application.
        call: What to call.
        loop: The loop it belongs to, if any.
    """

    def __init__(self, tasks: Tasks, call: Call, loop: asyncio.AbstractEventLoop | None) -> None:
        self.tasks = tasks
        self.call = call
        self.context = contextvars.copy_context()
        self.mailbox: t.Any = _Loop(loop)
        self.running: asyncio.Task[None] | None = None
        function = call.func if isinstance(call, partial) else call
        self.name = getattr(function, "__qualname__", None) or repr(function)

    def run(self) -> None:
        """Run a function, in a thread."""
        try:
            self.context.run(self._run)
        finally:
            self.tasks.ended(self)

    def _run(self) -> None:
        # The request has ended: its context must not shine through.
        set_current(None)  # type: ignore[arg-type]
        with self.tasks.app.app_context():
            try:
                self.call()
            except Exception:
                self._log()

    def start(self) -> None:
        """Run a coroutine function, on the loop."""
        task = self.mailbox.loop.create_task(self._arun(), context=self.context)
        self.running = task
        task.add_done_callback(lambda task: self.tasks.ended(self))

    async def _arun(self) -> None:
        app = self.tasks.app
        set_current(None)  # type: ignore[arg-type]
        ctx = app.app_context()
        token = set_current(ctx)
        error: BaseException | None = None
        try:
            await self.call()
        except Exception as exc:
            error = exc
            self._log()
        finally:
            reset_current(token)
            if app.teardown_appcontext_funcs:
                await self.tasks.pool.call(partial(_tear_down, ctx, error))
            error = None

    def _log(self) -> None:
        self.tasks.app.logger.error(
            f"Exception in the background task {self.name}", exc_info=sys.exc_info()
        )


async def tear_down(app: t.Any, ctx: t.Any, error: BaseException | None) -> None:
    """Run the teardown functions of a context, in a thread; from a coroutine.

    Args:
        app: The application.
        ctx: The context, which is current no more.
        error: What ended it, or None.
    """
    await tasks_of(app).pool.call(partial(_tear_down, ctx, error))


def _tear_down(ctx: t.Any, error: BaseException | None) -> None:
    token = set_current(ctx)
    try:
        ctx.tear_down(error)
    except Exception:
        ctx.app.log_exception(sys.exc_info())
    finally:
        reset_current(token)
        ctx.leave()


class Tasks:
    """The background tasks of one application in this process.

    Args:
        app: The application.
    """

    def __init__(self, app: t.Any) -> None:
        self.app = app
        self.pool = Pool(_THREADS)
        self._pid = os.getpid()
        self._running: set[Task] = set()
        self._changed = threading.Condition()

    def start(self, call: Call) -> None:
        """Start a task now.

        Args:
            call: A function or a coroutine function of no arguments.
        """
        loop = here.loop or _loop_here()
        asynchronous = iscoroutinefunction(call)
        if asynchronous and loop is None:
            from .threads.bridge import running_loop

            loop = running_loop()
        task = Task(self, call, loop)
        with self._changed:
            self._running.add(task)
        if asynchronous:
            mailbox_of(task.mailbox.loop).post(task.start)
        else:
            self.pool.submit(task, False)

    def ended(self, task: Task) -> None:
        """Called when a task has ended.

        Args:
            task: The task.
        """
        with self._changed:
            self._running.discard(task)
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait for the tasks, in a thread that may wait; cancel what takes too long."""
        timeout = self.app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"]
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while self._running:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            late = list(self._running)
        for task in late:
            self.app.logger.error(
                f"The background task {task.name} did not end in time"
                f" (BACKGROUND_TASK_SHUTDOWN_TIMEOUT is {timeout} s)."
            )
            running = task.running
            if running is not None:
                mailbox_of(task.mailbox.loop).post(running.cancel)

    def at_exit(self) -> None:
        """Wait for the tasks, if this is the process that started them."""
        if self._running and self._pid == os.getpid():
            self.finish()


def _loop_here() -> asyncio.AbstractEventLoop | None:
    """The running loop, if there is one in this thread."""
    asyncio = sys.modules.get("asyncio")
    return None if asyncio is None else asyncio._get_running_loop()


def tasks_of(app: t.Any) -> Tasks:
    """The background tasks of an application, in this process.

    Args:
        app: The application.
    """
    tasks: Tasks | None = app.__dict__.get("_background")
    if tasks is None or tasks._pid != os.getpid():
        tasks = app.__dict__["_background"] = Tasks(app)
        at_end(tasks.at_exit)
    return tasks
