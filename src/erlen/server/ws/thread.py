"""Where the sync parts of a websocket run: a thread of the pool, for a step or for good."""

from __future__ import annotations

import asyncio
import contextvars
import typing as t
from queue import SimpleQueue

from ..threads.pool import Job, carry_back, mailbox_of, pool_of

#: Seconds that a view in a thread has to notice that the server cancels it.
_GRACE = 5.0


def _new_job(function: t.Callable[[], t.Any]) -> Job:
    return Job(function, contextvars.copy_context(), mailbox_of(asyncio.get_running_loop()))


async def _outcome(job: Job, cancelled: t.Callable[[], None] | None = None) -> t.Any:
    """Wait for a job; a cancellation waits for its end, too, for what it does goes on."""
    error: asyncio.CancelledError | None = None
    while not job.future.done():
        try:
            if error is None:
                await asyncio.shield(job.future)
            else:
                await asyncio.wait([job.future], timeout=_GRACE)
                break
        except asyncio.CancelledError as raised:
            error = raised
            if cancelled is not None:
                cancelled()
    if error is not None:
        try:
            raise error
        finally:
            del error
    carry_back(job.context)
    return job.take()


class Threads:
    """Runs each step in some thread of the pool.

    Args:
        app: The application.
    """

    __slots__ = ("app",)

    def __init__(self, app: t.Any) -> None:
        self.app = app

    async def run(self, function: t.Callable[[], t.Any]) -> t.Any:
        """Call a function in a thread; context variables go with it and come back.

        Args:
            function: Takes nothing.
        """
        job = _new_job(function)
        pool_of(self.app).submit(job, True)
        return await _outcome(job)

    def stop(self) -> None:
        """Nothing is kept."""


class OneThread(Threads):
    """Keeps one thread for all steps of a websocket whose view is a plain function.

    Args:
        app: The application.
        cancelled: Called when the server cancels the websocket, to tell the view.
    """

    __slots__ = ("_jobs", "_cancelled")

    def __init__(self, app: t.Any, cancelled: t.Callable[[], None]) -> None:
        super().__init__(app)
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._cancelled = cancelled
        pool_of(app).submit(_new_job(self._work), True)

    def _work(self) -> None:
        # Others may need a thread while this one waits for its peer.
        pool_of(self.app).lend()
        while (job := self._jobs.get()) is not None:
            job.run()

    async def run(self, function: t.Callable[[], t.Any]) -> t.Any:
        """Call a function in the thread.

        Args:
            function: Takes nothing.
        """
        job = _new_job(function)
        self._jobs.put(job)
        return await _outcome(job, self._cancelled)

    def stop(self) -> None:
        """Give the thread back, once it has done what it was given."""
        self._jobs.put(None)
