"""How requests share calls, and how they leave."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from modelserver.batching import Batcher, Closing, QueueFull


class Model:
    """Doubles its rows; notes each call, and waits for ``gate`` before it answers."""

    def __init__(self) -> None:
        self.calls: list[list[float]] = []
        self.gate = threading.Event()
        self.gate.set()

    def predict(self, rows: Any) -> Any:
        self.calls.append(rows.ravel().tolist())
        assert self.gate.wait(10)
        if np.any(rows < 0):
            raise ValueError("negative")
        return rows * 2


def run(test: Callable[[Batcher], Awaitable[None]], model: Model, **options: Any) -> None:
    """Run a test with a batcher, which is closed behind it."""
    settings = {"max_batch": 4, "max_wait": 0.05, "max_queue": 8, **options}

    async def main() -> None:
        batcher = Batcher(model.predict, **settings)
        try:
            await test(batcher)
        finally:
            model.gate.set()
            await batcher.close()

    asyncio.run(main())


def row(number: float) -> Any:
    return np.array([[number]], float)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_concurrent_requests_share_a_call_and_get_their_own_rows() -> None:
    model = Model()

    async def test(batcher: Batcher) -> None:
        results = await asyncio.gather(*(batcher.predict(row(n)) for n in range(3)))
        assert [r.tolist() for r in results] == [[[0.0]], [[2.0]], [[4.0]]]

    run(test, model)
    assert model.calls == [[0.0, 1.0, 2.0]]


def test_a_full_batch_does_not_wait() -> None:
    model = Model()

    async def test(batcher: Batcher) -> None:
        async with asyncio.timeout(5):
            await asyncio.gather(*(batcher.predict(row(n)) for n in range(8)))

    run(test, model, max_wait=60)
    assert model.calls == [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]


def test_a_lonely_request_waits_no_longer_than_it_should() -> None:
    async def test(batcher: Batcher) -> None:
        began = time.monotonic()
        await batcher.predict(row(1))
        assert 0.05 <= time.monotonic() - began < 2

    run(test, Model())


def test_requests_are_never_torn() -> None:
    model = Model()

    async def test(batcher: Batcher) -> None:
        sizes = [3, 3, 1, 4, 2]
        arrays = [np.full((size, 1), float(n)) for n, size in enumerate(sizes)]
        results = await asyncio.gather(*map(batcher.predict, arrays))
        for array, result in zip(arrays, results, strict=True):
            assert (result == array * 2).all()

    run(test, model, max_queue=100)
    assert model.calls == [[0.0] * 3, [1.0] * 3 + [2.0], [3.0] * 4, [4.0] * 2]


def test_a_full_queue_says_when_to_come_back() -> None:
    model = Model()
    model.gate.clear()

    async def test(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.predict(np.ones((4, 1))))
        await until(lambda: model.calls)
        waiting = [asyncio.create_task(batcher.predict(row(n))) for n in range(8)]
        await until(lambda: batcher.waiting == 8)
        with pytest.raises(QueueFull) as caught:
            await batcher.predict(row(9))
        assert caught.value.retry_after >= 1
        model.gate.set()
        await asyncio.gather(first, *waiting)
        assert (await batcher.predict(row(9))).tolist() == [[18.0]]

    run(test, model)


def test_who_gives_up_is_not_computed() -> None:
    model = Model()
    model.gate.clear()

    async def test(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.predict(np.ones((4, 1))))
        await until(lambda: model.calls)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await batcher.predict(row(5))
        assert batcher.waiting == 0
        assert batcher.busy_for > 0.01
        model.gate.set()
        await first
        await batcher.predict(row(6))

    run(test, model)
    assert model.calls == [[1.0] * 4, [6.0]]


def test_one_bad_request_does_not_spoil_the_others() -> None:
    model = Model()

    async def test(batcher: Batcher) -> None:
        results = await asyncio.gather(
            *(batcher.predict(row(n)) for n in (1, -1, 2)), return_exceptions=True
        )
        assert [r.tolist() for r in (results[0], results[2])] == [[[2.0]], [[4.0]]]
        assert isinstance(results[1], ValueError)

    run(test, model)
    assert model.calls == [[1.0, -1.0, 2.0], [1.0], [-1.0], [2.0]]


def test_a_model_that_loses_rows() -> None:
    model = Model()
    model.predict = lambda rows: rows[1:]  # type: ignore[method-assign]

    async def test(batcher: Batcher) -> None:
        with pytest.raises(ValueError, match="0 results for 1 rows"):
            await batcher.predict(row(1))

    run(test, model)


def test_the_end_answers_all_who_wait() -> None:
    model = Model()
    model.gate.clear()

    async def test(batcher: Batcher) -> None:
        tasks = [asyncio.create_task(batcher.predict(row(n))) for n in range(6)]
        await until(lambda: model.calls)
        ending = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(Closing):
            await batcher.predict(row(1))
        model.gate.set()
        results = await asyncio.gather(*tasks)
        assert [r.tolist() for r in results] == [[[2.0 * n]] for n in range(6)]
        await ending

    run(test, model)
