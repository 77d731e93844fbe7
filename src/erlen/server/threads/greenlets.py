"""What event loops need where gevent has put greenlets in the place of threads.

The running loop is known by thread: in a greenlet it would seem to run in all others.
So the process's loop, and the threads that work for it, are the system's; greenlets wait
for it in a way that lets the others go on.
"""

from __future__ import annotations

import sys
import threading
import typing as t

if t.TYPE_CHECKING:
    import asyncio


def _original(name: str) -> t.Callable[[], t.Any]:
    """A function of the system's, whatever stands in its place."""
    import _thread

    patches = monkey()
    if patches is None:
        return t.cast("t.Callable[[], t.Any]", getattr(_thread, name))
    return t.cast("t.Callable[[], t.Any]", patches.get_original("_thread", name))


def monkey() -> t.Any:
    """gevent's module of patches if it has patched threads, else None."""
    found: t.Any = sys.modules.get("gevent.monkey")
    return found if found is not None and found.is_module_patched("threading") else None


#: Makes a lock of the system's.
allocate_lock = _original("allocate_lock")
_get_ident = _original("get_ident")


def start_thread(target: t.Callable[[], t.Any], name: str) -> None:
    """Start a thread of the system's that ends with the process.

    Args:
        target: What it does.
        name: Its name, where it can have one.

    Raises:
        RuntimeError: The system gives no more.
    """
    patches = monkey()
    if patches is None:
        threading.Thread(target=target, name=name, daemon=True).start()
    else:
        patches.get_original("_thread", "start_new_thread")(target, ())


def new_loop(patches: t.Any) -> asyncio.AbstractEventLoop:
    """An event loop for a thread of the system's.

    Args:
        patches: What :func:`monkey` gave.
    """
    import asyncio

    selector = patches.get_original("selectors", "DefaultSelector")()
    return asyncio.SelectorEventLoop(selector)


class GreenletLock:
    """A lock for one greenlet that waits once, released by a thread of the system's."""

    __slots__ = ("_event", "_watcher")

    def __init__(self) -> None:
        self._event: t.Any = None
        self._watcher: t.Any = None

    def acquire(self) -> None:
        """The first call takes the lock, the second waits until it is released."""
        from gevent import get_hub
        from gevent.event import Event

        if self._event is None:
            self._event = Event()
            # It also keeps the greenlets' loop from ending for want of anything to do.
            self._watcher = get_hub().loop.async_()
            self._watcher.start(self._event.set)
            return
        try:
            self._event.wait()
        finally:
            watcher, self._watcher = self._watcher, None
            watcher.stop()
            watcher.close()

    def release(self) -> None:
        """Wake whoever waits; from any thread."""
        watcher = self._watcher
        if watcher is not None:
            watcher.send()


class Input:
    """A request's body, read in the thread whose greenlets have its socket.

    Args:
        stream: ``wsgi.input``.
    """

    def __init__(self, stream: t.Any) -> None:
        from gevent import get_hub

        self._stream = stream
        self._hub = get_hub()

    def _call(self, method: str, *args: t.Any) -> t.Any:
        call = getattr(self._stream, method)
        if _get_ident() == self._hub.thread_ident:
            return call(*args)
        from gevent import spawn

        done = allocate_lock()
        done.acquire()
        found: list[t.Any] = [None, None]

        def run() -> None:
            try:
                found[0] = call(*args)
            except BaseException as error:
                found[1] = error
            done.release()

        self._hub.loop.run_callback_threadsafe(spawn, run)
        done.acquire()
        error: BaseException | None = found.pop()
        try:
            if error is not None:
                raise error
            return found[0]
        finally:
            error = None

    def read(self, *args: t.Any) -> t.Any:
        """As the stream's."""
        return self._call("read", *args)

    def readline(self, *args: t.Any) -> t.Any:
        """As the stream's."""
        return self._call("readline", *args)

    def readlines(self, *args: t.Any) -> t.Any:
        """As the stream's."""
        return self._call("readlines", *args)

    def __iter__(self) -> t.Iterator[bytes]:
        return iter(self.readline, b"")


def lend_input(ctx: t.Any) -> None:
    """Let a request's body be read from other threads.

    Args:
        ctx: The current context, or None.
    """
    environ = getattr(ctx, "environ", None)
    if environ is not None:
        stream = environ.get("wsgi.input")
        if stream is not None and type(stream) is not Input:
            environ["wsgi.input"] = Input(stream)
