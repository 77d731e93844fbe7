"""The end of a worker in good order: SIGTERM tells that it comes before it is there.

From then on readiness fails, streams of events and websockets get their goodbye, and the
server does what it does with the signal: it finishes the requests in flight.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import typing as t
import weakref

from .greenlets import start_thread

#: What ends streams of the whole process, such as ``erlen.sse.close_all``.
closers: list[t.Callable[[], t.Any]] = []
#: Applications that want to know.
_apps: weakref.WeakSet[t.Any] = weakref.WeakSet()
#: What is under way on event loops.
_closing: set[t.Any] = set()


class Watch:
    """The handler of SIGTERM, in front of the one that was there."""

    previous: t.Any = None
    #: Whether the signal has come, and the delay has not passed.
    waiting = False

    def install(self) -> None:
        """Become the handler; does nothing outside of the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        found = signal.getsignal(signal.SIGTERM)
        # None: somebody has set it in C, who would be lost.
        if found is None or found == self.handle:
            return
        self.previous = found
        signal.signal(signal.SIGTERM, self.handle)
        if hasattr(signal, "siginterrupt"):
            signal.siginterrupt(signal.SIGTERM, False)

    def handle(self, number: int, frame: t.Any) -> None:
        """Begin draining, and hand the signal on when the delay has passed."""
        delay = 0.0
        for app in tuple(_apps):
            delay = max(delay, app.config["DRAIN_DELAY"])
            app.__dict__["draining"] = True
        if delay and not self.waiting:
            self.waiting = True
            pid = os.getpid()
            timer = threading.Timer(delay, os.kill, (pid, number))
            timer.daemon = True
            timer.start()
            return
        self.waiting = False
        # In a thread: what this one was doing may hold the locks that are needed.
        start_thread(_close_all, "erlen-drain")
        self.hand_on(number, frame)

    def hand_on(self, number: int, frame: t.Any) -> None:
        """Do what the signal did before."""
        if callable(self.previous):
            self.previous(number, frame)
        elif self.previous == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


watch = Watch()


def watch_for_end(app: t.Any) -> None:
    """Have an application drain at SIGTERM.

    Args:
        app: The application.
    """
    _apps.add(app)
    watch.install()


def drain(app: t.Any) -> None:
    """Drain an application now.

    Args:
        app: The application.
    """
    app.__dict__["draining"] = True
    _apps.add(app)
    start_thread(_close_all, "erlen-drain")


def _close_all() -> None:
    for close in closers:
        close()
    for app in tuple(_apps):
        for loop, sockets in tuple((app.__dict__.get("_sockets") or {}).items()):
            _close_sockets(loop, sockets)


def _close_sockets(loop: t.Any, sockets: t.Any) -> None:
    import asyncio

    from ..http.closecodes import GOING_AWAY

    closing = sockets.drain(GOING_AWAY, "The server restarts.", 10.0)
    try:
        future = asyncio.run_coroutine_threadsafe(closing, loop)
    except RuntimeError:
        # The loop is closed, and with it what was on it.
        closing.close()
        return
    _closing.add(future)
    future.add_done_callback(_closing.discard)


def readiness(app: t.Any, checks: t.Sequence[t.Callable[[], t.Any]]) -> t.Callable[[], t.Any]:
    """The view that says whether a worker wants requests.

    Args:
        app: The application.
        checks: Each raises or returns False if something is missing.
    """
    # A server may have set its handler since the application was made.
    watch_for_end(app)
    headers = {"Cache-Control": "no-store"}

    def ready() -> t.Any:
        if app.draining:
            return {"status": "draining"}, 503, headers
        failed = [check.__name__ for check in checks if not _passes(app, check)]
        if failed:
            return {"status": "failing", "failed": failed}, 503, headers
        return {"status": "ready"}, 200, headers

    return ready


def _passes(app: t.Any, check: t.Callable[[], t.Any]) -> bool:
    try:
        return app.ensure_sync(check)() is not False
    except Exception:
        app.log_exception(sys.exc_info())
        return False
