"""Requests that come within a few milliseconds of each other share one call of the model."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

Predict = Callable[[Any], Any]


class QueueFull(Exception):
    """More rows wait than may.

    Args:
        retry_after: Seconds after which it is worth another try.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the queue is full; try again in {retry_after} s")
        self.retry_after = retry_after


class Closing(Exception):
    """The worker ends: nothing new is taken."""


class Job:
    """The rows of one request, and what is waited for."""

    def __init__(self, rows: Any, result: asyncio.Future[Any]) -> None:
        self.rows = rows
        self.result = result
        self.arrived = time.monotonic()


class Batcher:
    """Joins concurrent requests to calls of a model, which run in a thread, one at a time.

    Everything but the call itself happens on one event loop, so nothing needs a lock.

    Args:
        predict: Called with an array of rows; gives as many results.
        max_batch: Rows of one call at most.
        max_wait: Seconds that the first of them waits for others.
        max_queue: Rows that may wait in all.
    """

    def __init__(self, predict: Predict, max_batch: int, max_wait: float, max_queue: int) -> None:
        self.max_batch, self.max_wait, self.max_queue = max_batch, max_wait, max_queue
        self.calls = self.rows = self.waiting = 0
        self._predict = predict
        self._queue: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._thread = ThreadPoolExecutor(1, "predict")
        self._call_began: float | None = None
        # Seconds per call, lately.
        self._pace = max_wait
        self._worker = asyncio.create_task(self._work())

    async def predict(self, rows: Any) -> Any:
        """The model's results for some rows; if the caller is cancelled, they leave the queue.

        Args:
            rows: An array, at most ``max_batch`` long.

        Raises:
            QueueFull: Too many are waiting already.
            Closing: The worker ends.
        """
        if self._closing:
            raise Closing("the worker ends")
        if self.waiting + len(rows) > self.max_queue:
            calls = 1 + self.waiting / self.max_batch
            raise QueueFull(max(1, math.ceil(calls * self._pace)))
        job = Job(rows, asyncio.get_running_loop().create_future())
        self._queue.append(job)
        self.waiting += len(rows)
        self._wake.set()
        try:
            return await job.result
        finally:
            if job in self._queue:
                self._queue.remove(job)
                self.waiting -= len(rows)

    async def close(self) -> None:
        """Answer all who wait, then end."""
        self._closing = True
        self._wake.set()
        await self._worker
        self._thread.shutdown(wait=False)

    @property
    def busy_for(self) -> float:
        """Seconds since the call under way began; 0 without one."""
        return time.monotonic() - self._call_began if self._call_began is not None else 0.0

    async def _work(self) -> None:
        while True:
            while not self._queue:
                if self._closing:
                    return
                await self._woken(None)
            while self.waiting < self.max_batch and not self._closing and self._queue:
                left = self._queue[0].arrived + self.max_wait - time.monotonic()
                if left <= 0 or not await self._woken(left):
                    break
            batch = self._take()
            if batch:
                await self._answer(batch)

    async def _woken(self, timeout: float | None) -> bool:
        self._wake.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def _take(self) -> list[Job]:
        batch: list[Job] = []
        rows = 0
        while self._queue and (not batch or rows + len(self._queue[0].rows) <= self.max_batch):
            job = self._queue.popleft()
            self.waiting -= len(job.rows)
            rows += len(job.rows)
            batch.append(job)
        return batch

    async def _answer(self, batch: list[Job]) -> None:
        rows = np.concatenate([job.rows for job in batch])
        try:
            results = await self._call(rows)
        except Exception as error:
            if len(batch) == 1:
                settle(batch[0], error=error)
                return
            # One of them may be at fault: the others should not suffer for it.
            for job in batch:
                await self._answer([job])
            return
        start = 0
        for job in batch:
            end = start + len(job.rows)
            settle(job, results[start:end])
            start = end

    async def _call(self, rows: Any) -> Any:
        self.calls += 1
        self.rows += len(rows)
        self._call_began = began = time.monotonic()
        try:
            loop = asyncio.get_running_loop()
            results = await loop.run_in_executor(self._thread, self._predict, rows)
        finally:
            self._call_began = None
            self._pace += 0.2 * (time.monotonic() - began - self._pace)
        if len(results) != len(rows):
            raise ValueError(f"the model gave {len(results)} results for {len(rows)} rows")
        return results


def settle(job: Job, result: Any = None, error: Exception | None = None) -> None:
    """Answer a request, unless nobody waits any more."""
    if job.result.done():
        return
    if error is not None:
        job.result.set_exception(error)
    else:
        job.result.set_result(result)
