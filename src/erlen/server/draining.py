"""The end of a worker in good order: SIGTERM tells that it comes before it is there.

From then on readiness fails, streams of events and websockets get their goodbye, and the
server does what it does with the signal: it finishes the requests in flight.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import typing as t
import weakref

from ..marks import instead
from .threads.greenlets import start_thread

#: What ends streams of the whole process, such as ``erlen.sse.close_all``.
closers: list[t.Callable[[], t.Any]] = []
#: Applications that want to know.
_apps: weakref.WeakSet[t.Any] = weakref.WeakSet()
#: What is under way on event loops.
_closing: set[t.Any] = set()


_IDLE, _DELAYED, _CLOSING = range(3)
#: Seconds that websockets have for their goodbye before the server gets the signal.
_GOODBYE = 2.0


class Watch:
    """The handler of SIGTERM, in front of the one that was there."""

    previous: t.Any = None
    state = _IDLE

    def install(self) -> None:
        """Become the handler; does nothing outside of the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        found = _handler_of_loop() or signal.getsignal(signal.SIGTERM)
        # None: somebody has set it in C, who would be lost.
        if found is None or found == self.handle:
            return
        self.previous = found
        signal.signal(signal.SIGTERM, self.handle)
        if hasattr(signal, "siginterrupt"):
            signal.siginterrupt(signal.SIGTERM, False)

    def handle(self, number: int, frame: t.Any) -> None:
        """Begin draining, and hand the signal on when it is time; a second one does at once."""
        delay = 0.0
        for app in tuple(_apps):
            delay = max(delay, app.config["DRAIN_DELAY"])
            app.__dict__["draining"] = True
        if delay and self.state == _IDLE:
            self.state = _DELAYED
            self._come_again(delay, number)
            return
        if self.state != _CLOSING:
            self.state = _CLOSING
            sockets = any(True for _ in _open_sockets())
            # In a thread: what this one was doing may hold the locks that are needed.
            start_thread(lambda: self._close(sockets, number), "erlen-drain")
            if sockets:
                return
        self.state = _IDLE
        self.hand_on(number, frame)

    def _close(self, again: bool, number: int) -> None:
        closing = _close_all()
        if again:
            from concurrent.futures import wait

            wait(closing, _GOODBYE)
            if self.state == _CLOSING:
                os.kill(os.getpid(), number)

    def _come_again(self, delay: float, number: int) -> None:
        pid = os.getpid()

        def wait() -> None:
            time.sleep(delay)
            os.kill(pid, number)

        # No Timer: gevent's loop, in which handlers may run, can't wait for it to start.
        start_thread(wait, "erlen-delay")

    def hand_on(self, number: int, frame: t.Any) -> None:
        """Do what the signal did before."""
        if callable(self.previous):
            self.previous(number, frame)
        elif self.previous == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def _handler_of_loop() -> t.Any:
    """What the running loop does at SIGTERM, taken from it, as a handler; None if nothing.

    The loop would learn of the signal besides, and leave no time.
    """
    asyncio = sys.modules.get("asyncio")
    loop: t.Any = None if asyncio is None else asyncio._get_running_loop()
    handles = getattr(loop, "_signal_handlers", None)
    handle = handles.get(signal.SIGTERM) if isinstance(handles, dict) else None
    if handle is None:
        return None
    loop.remove_signal_handler(signal.SIGTERM)
    return lambda number, frame: loop.call_soon_threadsafe(handle._run)


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


def _open_sockets() -> t.Iterator[tuple[t.Any, t.Any]]:
    """The event loops that have websockets, and the websockets of an application there."""
    for app in tuple(_apps):
        for loop, sockets in tuple((app.__dict__.get("_sockets") or {}).items()):
            if sockets.connections:
                yield loop, sockets


def _close_all() -> list[t.Any]:
    """End what stays open; gives what is done when the websockets have ended."""
    for close in closers:
        close()
    return [_close_sockets(loop, sockets) for loop, sockets in _open_sockets()]


def _close_sockets(loop: t.Any, sockets: t.Any) -> t.Any:
    import asyncio
    from concurrent.futures import Future

    from ..http.closecodes import GOING_AWAY

    closing = sockets.drain(GOING_AWAY, "The server restarts.", 10.0)
    try:
        future: Future[t.Any] = asyncio.run_coroutine_threadsafe(closing, loop)
    except RuntimeError:
        # The loop is closed, and with it what was on it.
        closing.close()
        future = Future()
        future.set_result(None)
        return future
    _closing.add(future)
    future.add_done_callback(_closing.discard)
    return future


def readiness(app: t.Any, checks: t.Sequence[t.Callable[[], t.Any]]) -> t.Callable[[], t.Any]:
    """The view that says whether a worker wants requests.

    Args:
        app: The application.
        checks: Each raises or returns False if something is missing.
    """
    from .checks import Readiness, check_of

    # A server may have set its handler since the application was made.
    watch_for_end(app)
    headers = {"Cache-Control": "no-store"}
    state = Readiness(app, [check_of(function) for function in checks])

    def ready() -> t.Any:
        return (*state.answer(), headers)

    async def ready_on_loop() -> t.Any:
        return (*await state.answer_async(), headers)

    return instead(ready, ready_on_loop)
