"""The threads that sync code runs in while an event loop serves.

Threads are taken last in, first out, so that a few of them stay warm. A call that
comes while a thread is being woken only joins the queue: whoever takes the first call
wakes the next thread, if there is more to do. What is done goes back to its loop
through one mailbox, which wakes the loop once for all that is in it. Thirty-two calls
under way cost a tenth of what ``run_in_executor`` asks for them.

The limit holds back requests that have not begun to use a thread. One that has begun
(a hook behind a view, the rest of a stream) is *urgent*: it may hold what the others
wait for, a connection of a pool say, so it never waits for a thread.
"""

from __future__ import annotations

import contextvars
import os
import typing as t
import weakref
from collections import deque
from functools import partial

from .greenlets import allocate_lock, start_thread
from .jobs import Job as Job
from .jobs import Mailbox as Mailbox
from .jobs import Work
from .jobs import carry_back as carry_back
from .jobs import here as here
from .jobs import mailbox_of as mailbox_of

if t.TYPE_CHECKING:
    import asyncio

#: Seconds after which a thread that found nothing to do ends.
IDLE_SECONDS = 30.0


class Worker:
    """One thread of a pool."""

    __slots__ = ("pool", "wake", "job", "counted", "awaited")

    def __init__(self, pool: Pool, counted: bool) -> None:
        self.pool = pool
        self.wake = allocate_lock()
        self.wake.acquire()
        self.job: Work | None = None
        #: Whether the thread is one of those that the limit is about.
        self.counted = counted
        #: Whether it is on its way to the queue.
        self.awaited = False

    def work(self) -> None:
        """Run jobs until there has been nothing to do for a while."""
        here.worker = self
        job = self.job
        while True:
            self.job = None
            if job is None:
                job = self.pool.next_job(self)
            while job is not None:
                here.loop = job.mailbox.loop
                job.run()
                job = self.pool.next_job(self)
            if not self.pool.rest(self):
                return
            job = self.job


class Pool:
    """Threads for one application.

    Args:
        size: How many requests that have not begun yet may occupy threads at a time.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        self._lock = allocate_lock()
        self._idle: list[Worker] = []
        self._queue: deque[Work] = deque()
        #: Threads that the limit is about.
        self._counted = 0
        #: Threads that are on their way to the queue.
        self._waking = 0
        self._made = 0

    def running_loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        from asyncio import get_running_loop

        # From now on without an import.
        self.__dict__["running_loop"] = get_running_loop
        return get_running_loop()

    # -- the loop's side -------------------------------------------------------------

    async def call(self, function: t.Callable[..., t.Any], *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Call a function in a thread; context variables go with it and come back.

        Args:
            function: The function.
            args: Its arguments.
            kwargs: Likewise.
        """
        return await self.run(partial(function, *args, **kwargs), True)

    async def run(self, function: t.Callable[[], t.Any], urgent: bool = False) -> t.Any:
        """Call a function in a thread.

        Args:
            function: Takes nothing.
            urgent: Whether it belongs to a request that has begun.
        """
        context = contextvars.copy_context()
        job = Job(function, context, mailbox_of(self.running_loop()))
        del function
        self.submit(job, urgent)
        await job.future
        carry_back(context)
        return job.take()

    def submit(self, job: Work, urgent: bool) -> None:
        """Have a job run, now or when a thread is free.

        Args:
            job: The job.
            urgent: Whether it never waits.
        """
        with self._lock:
            if urgent:
                worker = self._idle.pop() if self._idle else None
                if worker is None:
                    worker = self._new(counted=self._counted < self.size, job=job)
                    start = True
                else:
                    worker.job = job
                    start = False
            else:
                self._queue.append(job)
                if self._waking:
                    return
                worker, start = self._another()
        if worker is not None:
            self._go(worker, start)

    def _another(self) -> tuple[Worker | None, bool]:
        """A thread for the queue, and whether it has to be started; with the lock held."""
        if self._idle:
            worker, start = self._idle.pop(), False
        elif self._counted < self.size:
            worker, start = self._new(True, None), True
        else:
            return None, False
        worker.awaited = True
        self._waking += 1
        return worker, start

    def _new(self, counted: bool, job: Work | None) -> Worker:
        worker = Worker(self, counted)
        worker.job = job
        self._counted += counted
        return worker

    def _go(self, worker: Worker, start: bool) -> None:
        if not start:
            worker.wake.release()
            return
        self._made += 1
        try:
            start_thread(worker.work, f"erlen-{self._made}")
        except RuntimeError:
            with self._lock:
                self._counted -= worker.counted
                self._waking -= worker.awaited
                alone = not self._counted
            # The system gives no more threads. Those there are do the work, if there are any.
            if alone or worker.job is not None:
                raise

    # -- the threads' side -----------------------------------------------------------

    def next_job(self, worker: Worker) -> Work | None:
        """The next job for a thread that has nothing to do, or None.

        Args:
            worker: The thread.
        """
        other: Worker | None = None
        start = False
        with self._lock:
            if worker.awaited:
                worker.awaited = False
                self._waking -= 1
            if not worker.counted and self._counted < self.size:
                worker.counted = True
                self._counted += 1
            if not self._queue or not worker.counted:
                job = None
            else:
                job = self._queue.popleft()
                if self._queue and not self._waking:
                    other, start = self._another()
        if other is not None:
            self._go(other, start)
        return job

    def rest(self, worker: Worker) -> bool:
        """Wait for a job; whether there is one, or the thread is to end.

        Args:
            worker: The thread.
        """
        with self._lock:
            if self._queue and worker.counted:
                return True
            if not worker.counted:
                return False
            self._idle.append(worker)
        if worker.wake.acquire(timeout=IDLE_SECONDS):
            return True
        with self._lock:
            if worker in self._idle:
                self._idle.remove(worker)
                self._counted -= 1
                return False
        # Somebody has just taken it.
        worker.wake.acquire()
        return True

    def lend(self) -> None:
        """Take the thread that calls out of the count: a stream keeps it for long."""
        worker = here.worker
        if worker is None or worker.pool is not self:
            return
        other: Worker | None = None
        start = False
        with self._lock:
            if worker.counted:
                worker.counted = False
                self._counted -= 1
                if self._queue and not self._waking:
                    other, start = self._another()
        if other is not None:
            self._go(other, start)


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def _in_child() -> None:
    # Threads do not outlive a fork.
    for pool in _pools:
        pool._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def pool_of(app: t.Any) -> Pool:
    """The threads of an application, as many as its setting ``THREADS`` says.

    Args:
        app: The application.
    """
    pool: Pool | None = app.__dict__.get("_threads")
    if pool is None:
        size = app.config["THREADS"]
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"The setting THREADS must be a number from 1 on, not {size!r}.")
        pool = app.__dict__["_threads"] = Pool(size)
    return pool
