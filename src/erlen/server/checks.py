"""Whether a worker wants requests: checks with a time limit each, all at a time.

A check that hangs is left alone in its thread: there is never a second call of it at the
same time, and while it hangs it counts as failed.
"""

from __future__ import annotations

import sys
import threading
import time
import typing as t
from inspect import iscoroutinefunction

from ..state import reset_current, set_current

if t.TYPE_CHECKING:
    import asyncio

#: How a check ended.
PASSED, FAILED, LATE = "passed", "failed", "timed out"

Function = t.Callable[[], t.Any]


class _Run:
    """One call of a check in a thread; all who ask meanwhile wait for it.

    Args:
        check: The check.
        app: The application, whose context it runs in.
    """

    def __init__(self, check: Check, app: t.Any) -> None:
        from concurrent.futures import Future

        self.began = time.monotonic()
        self.done: Future[tuple[str, t.Any]] = Future()
        self._check = check
        self._app = app
        # With gevent's patches it is a greenlet, as the check's drivers expect.
        threading.Thread(target=self._work, name="erlen-check", daemon=True).start()

    def _work(self) -> None:
        try:
            with self._app.app_context():
                passed = self._app.ensure_sync(self._check.function)() is not False
            self.done.set_result((PASSED if passed else FAILED, None))
        except BaseException:
            self.done.set_result((FAILED, sys.exc_info()))


class Check:
    """One thing that a worker needs.

    Args:
        function: A function or a coroutine function; it raises or returns False if the
            thing is missing.
        name: What it is called in answers and logs.
        timeout: Seconds that it may take; None: as many as the application says.
    """

    def __init__(self, function: Function, name: str, timeout: float | None = None) -> None:
        self.function = function
        self.name = name
        self.timeout = timeout
        self._run: _Run | None = None
        self._lock = threading.Lock()

    def begin(self, app: t.Any) -> _Run:
        """Call it in a thread, or find the call that is under way.

        Args:
            app: The application.
        """
        with self._lock:
            run = self._run
            if run is None or run.done.done():
                run = self._run = _Run(self, app)
            return run


class Readiness:
    """What a worker answers when it is asked whether it wants requests.

    Args:
        app: The application.
        checks: May grow later.
        timeout: Seconds that a check without a limit of its own may take.
    """

    def __init__(self, app: t.Any, checks: t.Sequence[Check], timeout: float = 1.0) -> None:
        self.app = app
        self.checks = checks
        self.timeout = timeout
        self._failing: set[str] = set()

    def limit_of(self, check: Check) -> float:
        """The seconds that a check may take."""
        return self.timeout if check.timeout is None else check.timeout

    def answer(self) -> tuple[dict[str, t.Any], int]:
        """Ask all checks, from a thread: what to answer, and the status."""
        if self.app.draining:
            return {"status": "draining"}, 503
        runs = [(check, check.begin(self.app)) for check in self.checks]
        return self._sum_up([(check, self._wait(check, run)) for check, run in runs])

    def _wait(self, check: Check, run: _Run) -> tuple[str, t.Any]:
        left = run.began + self.limit_of(check) - time.monotonic()
        try:
            return run.done.result(max(left, 0))
        except TimeoutError:
            return LATE, None

    async def answer_async(self) -> tuple[dict[str, t.Any], int]:
        """Ask all checks, from an event loop, which goes on serving meanwhile."""
        if self.app.draining:
            return {"status": "draining"}, 503
        if not self.checks:
            return self._sum_up([])
        from asyncio import ensure_future

        waits = [(check, ensure_future(self._await(check))) for check in self.checks]
        return self._sum_up([(check, await wait) for check, wait in waits])

    async def _await(self, check: Check) -> tuple[str, t.Any]:
        import asyncio

        limit = self.limit_of(check)
        if iscoroutinefunction(check.function):
            done: asyncio.Future[tuple[str, t.Any]]
            done = asyncio.ensure_future(self._on_loop(check.function))
        else:
            run = check.begin(self.app)
            done = asyncio.wrap_future(run.done)
            limit = max(run.began + limit - time.monotonic(), 0)
        finished, _ = await asyncio.wait([done], timeout=limit)
        if finished:
            return done.result()
        if iscoroutinefunction(check.function):
            # Not awaited: it may not want to end.
            done.cancel()
        return LATE, None

    async def _on_loop(self, function: t.Callable[[], t.Awaitable[t.Any]]) -> tuple[str, t.Any]:
        from .background import tear_down

        app = self.app
        ctx = app.app_context()
        token = set_current(ctx)
        try:
            passed = await function() is not False
            return (PASSED if passed else FAILED), None
        except Exception:
            return FAILED, sys.exc_info()
        finally:
            reset_current(token)
            if app.teardown_appcontext_funcs:
                await tear_down(app, ctx, None)

    def _sum_up(self, found: list[tuple[Check, tuple[str, t.Any]]]) -> tuple[dict[str, t.Any], int]:
        failed, late = [], []
        for check, (how, error) in found:
            self._tell(check, how, error)
            if how != PASSED:
                failed.append(check.name)
            if how == LATE:
                late.append(check.name)
        # The signal may have come while the checks ran.
        if self.app.draining:
            return {"status": "draining"}, 503
        if failed:
            more = {"timed_out": late} if late else {}
            return {"status": "failing", "failed": failed, **more}, 503
        return {"status": "ready"}, 200

    def _tell(self, check: Check, how: str, error: t.Any) -> None:
        """Log a check that begins to fail, or has passed again; not each time it is asked."""
        name = check.name
        if how == PASSED:
            if name in self._failing:
                self._failing.discard(name)
                self.app.logger.warning(f"Readiness: the check {name!r} passes again.")
        elif name not in self._failing:
            self._failing.add(name)
            why = f" (after {self.limit_of(check):g} s)" if how == LATE else ""
            text = f"Readiness: the check {name!r} {how}{why}."
            self.app.logger.error(text, exc_info=error)


def check_of(function: Function, name: str | None = None, timeout: float | None = None) -> Check:
    """A check by its function.

    Args:
        function: As for :class:`Check`.
        name: Default: the function's own.
        timeout: As for :class:`Check`.

    Raises:
        TypeError: It can't be called.
        ValueError: The limit is not a positive number.
    """
    if not callable(function):
        raise TypeError(f"A readiness check is a function, not {function!r}.")
    if timeout is not None and not timeout > 0:
        raise ValueError(f"A readiness check needs some time: timeout={timeout!r} is none.")
    called: str = name or getattr(function, "__name__", None) or repr(function)
    return Check(function, called, timeout)
