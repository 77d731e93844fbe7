"""The event loop of a process under WSGI, run by whoever has something for it to do.

To wake the thread of a loop and to be woken by it takes far longer than what most
coroutines do. So an idle loop has no thread: the thread of a request runs it, until its
own coroutine has ended. What that leaves behind (a task, a timer, an open connection, the
coroutines of other threads) a thread in the background goes on with; while that one runs
the loop, requests hand their coroutines over to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import typing as t

Coroutine = t.Coroutine[t.Any, t.Any, t.Any]


class SharedLoop(asyncio.SelectorEventLoop):
    """An event loop that many threads run, one at a time."""

    if t.TYPE_CHECKING:
        # What asyncio's own loop knows of itself, and says to nobody.
        _ready: t.Sized
        _scheduled: list[t.Any]
        _selector: t.Any
        _signal_handlers: dict[int, t.Any]
        _timer_cancelled_count: int

    def __init__(self) -> None:
        super().__init__()
        #: Held by the thread that runs the loop.
        self._turn = threading.Lock()
        #: Released to wake the thread in the background.
        self._wanted = threading.Lock()
        self._wanted.acquire()
        self._waking = threading.Lock()
        self._thread: threading.Thread | None = None
        #: Whether nobody runs the loop, as there is nothing to do.
        self._rests = True
        #: Whether the thread in the background runs it.
        self._served = False

    def call_soon_threadsafe(  # type: ignore[override]
        self, *args: t.Any, **kwargs: t.Any
    ) -> asyncio.Handle:
        """As the loops of asyncio do it; wakes the thread in the background if need be."""
        handle = super().call_soon_threadsafe(*args, **kwargs)
        if self._rests:
            self._wake()
        return handle

    def lead(self, main: t.Callable[[], Coroutine], context: t.Any, left: set[t.Any]) -> bool:
        """Run the loop in this thread until a coroutine stops it, if nobody runs it.

        Args:
            main: Makes the coroutine; it calls :meth:`stop` at its end.
            context: The context it runs in.
            left: Gets the coroutine's task if this thread is interrupted.

        Returns:
            False if another thread has the loop; then nothing was done.
        """
        if not self._turn.acquire(False):
            return False
        self._rests = False
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

    def rest(self) -> None:
        """Let the thread in the background wait until it is wanted, if nothing is to do."""
        if self._served and self._is_idle():
            self.stop()

    def _leave(self) -> None:
        """Give the loop up, to the thread in the background if something is to do."""
        idle = self._is_idle()
        self._rests = True
        self._turn.release()
        # Who called something since the first look, and before this thread rested, has
        # not woken anybody.
        if not idle or self._ready:
            self._wake()

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

    def _wake(self) -> None:
        with self._waking:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="erlen-loop", daemon=True)
                self._thread.start()
            if self._wanted.locked():
                self._wanted.release()

    def _serve(self) -> None:
        while True:
            self._wanted.acquire()
            self._turn.acquire()
            self._rests = False
            self._served = True
            try:
                self.call_soon(self.rest)
                # A task that raises one of these has it already.
                with contextlib.suppress(SystemExit, KeyboardInterrupt):
                    self.run_forever()
            finally:
                self._served = False
                self._leave()
