"""The event loop of a process under WSGI, run by the thread that has something for it to do.

To wake the thread of a loop and to be woken by it takes far longer than what most
coroutines do. So the loop has no thread at first: that of a request runs it, until its own
coroutine has ended. This goes on as long as requests come one behind the other and leave
nothing behind. From the first time that two of them meet, or that a task, a timer or an open
connection is left, the loop has a thread of its own for good: a coroutine must not be
carried from one thread to another at every turn, as it may hold what only works in one
(a connection of sqlite3).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import typing as t

#: What a loop has to know of itself, and asyncio's does not say to others.
PRIVATE = ("_ready", "_scheduled", "_selector", "_signal_handlers", "_timer_cancelled_count")

#: Seconds that a request waits for the one it meets first, before its coroutine is begun in
#: that one's thread, to be gone on with in another.
_PATIENCE = 0.1


class SharedLoop(asyncio.SelectorEventLoop):
    """An event loop that requests run themselves, or a thread of its own."""

    if t.TYPE_CHECKING:
        _ready: t.Sized
        _scheduled: list[t.Any]
        _selector: t.Any
        _signal_handlers: dict[int, t.Any]
        _timer_cancelled_count: int

    def __init__(self) -> None:
        super().__init__()
        self._pid = os.getpid()
        #: Held by the thread that runs the loop.
        self._turn = threading.Lock()
        #: Whether requests have met.
        self._crowded = False
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._started = threading.Event()

    def __del__(self) -> None:
        # It lives as long as its process, and nobody has to close it. A child must not: what
        # it stopped watching would not be watched in its parent either.
        if self._pid == os.getpid() and not self.is_running():
            self.close()

    def call_soon_threadsafe(  # type: ignore[override]
        self, *args: t.Any, **kwargs: t.Any
    ) -> asyncio.Handle:
        """As the loops of asyncio do it; gives the loop its thread if nobody runs it."""
        handle = super().call_soon_threadsafe(*args, **kwargs)
        if not self._turn.locked():
            self._start()
        return handle

    def lead(
        self,
        main: t.Callable[[], t.Coroutine[t.Any, t.Any, None]],
        context: t.Any,
        left: set[t.Any],
    ) -> bool:
        """Run the loop in this thread until a coroutine stops it, if nobody else runs it.

        Args:
            main: Makes the coroutine; it calls :meth:`stop` at its end.
            context: The context it runs in.
            left: Gets the coroutine's task if this thread is interrupted.

        Returns:
            False if another thread has the loop; then nothing was done.
        """
        if self._started.is_set():
            return False
        if self._crowded or self._thread is not None or not self._turn.acquire(False):
            self._meet()
            return False
        try:
            task = self.create_task(main(), context=context)
            try:
                while not task.done():
                    self.run_forever()
            except BaseException:
                left.add(task)
                task.add_done_callback(left.discard)
                task.cancel()
                raise
        finally:
            self._leave()
        return True

    def _meet(self) -> None:
        """Give the loop its thread; wait a little for who runs it now."""
        self._crowded = True
        # Who has it sees the mark after its release, if not before.
        if self._turn.acquire(False):
            self._turn.release()
            self._start()
        self._started.wait(_PATIENCE)

    def _leave(self) -> None:
        idle = self._is_idle()
        self._turn.release()
        # Who called something since the first look, and before nobody ran the loop, has not
        # given it its thread.
        if not idle or self._ready or self._crowded:
            self._start()

    def _is_idle(self) -> bool:
        """Whether nothing can happen but what another thread asks for.

        A task that waits for something else than a timer or a file descriptor waits for
        another task, or for a thread.
        """
        if self._ready or self._signal_handlers or len(self._selector.get_map()) > 1:
            # One descriptor is the loop's own.
            return False
        timers = self._scheduled
        if timers:
            if not all(timer.cancelled() for timer in timers):
                return False
            for timer in timers:
                timer._scheduled = False
            timers.clear()
            self._timer_cancelled_count = 0
        return True

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="erlen-loop", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        self._turn.acquire()
        self._started.set()
        while True:
            # A task that raises one of these has it already.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self.run_forever()
