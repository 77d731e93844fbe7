"""An event loop in a thread of its own, for the connections of a backend.

What a view does on the server's loop, or in its thread, can't hold them up; and they
live on between requests, whatever loop or thread those run in.
"""

from __future__ import annotations

import asyncio
import os
import threading
import typing as t

T = t.TypeVar("T")
Coroutine = t.Coroutine[t.Any, t.Any, T]


class LoopThread:
    """The loop, started at first need, and again in a process that was forked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        #: Called in a child process, before its loop starts.
        self.on_fork: t.Callable[[], None] | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        loop = self._loop
        if loop is not None and self._pid == os.getpid():
            return loop
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                if self._pid and self.on_fork is not None:
                    self.on_fork()
                self._loop = loop = asyncio.new_event_loop()
                self._pid = os.getpid()
                thread = threading.Thread(
                    target=loop.run_forever, name="erlen-channels", daemon=True
                )
                thread.start()
            return self._loop

    def wait(self, coroutine: Coroutine[T]) -> T:
        """Run a coroutine on the loop, and block until it is done."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    async def await_(self, coroutine: Coroutine[T]) -> T:
        """Run a coroutine on the loop, and await it on another one."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.loop))

    def post(self, function: t.Callable[..., t.Any], *args: t.Any) -> None:
        """Call a function on the loop, soon."""
        try:
            self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            # Closed: the interpreter ends.
            pass
