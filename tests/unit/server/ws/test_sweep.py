"""Looking after connections: those that are away for long, those whose time is over."""

from __future__ import annotations

import asyncio
import typing as t

import pytest

from erlen.server.ws import sweep
from erlen.server.ws.sweep import Sweep


class Swept:
    def __init__(self) -> None:
        self.read: list[float] = []
        self.checked = 0

    def read_ahead(self) -> None:
        self.read.append(asyncio.get_running_loop().time())

    def check_time(self, now: float) -> None:
        self.checked += 1


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "PERIOD", 0.02)


def run(test: t.Callable[[Sweep], t.Coroutine[t.Any, t.Any, None]]) -> None:
    async def main() -> None:
        await test(Sweep(asyncio.get_running_loop()))

    asyncio.run(main())


@pytest.mark.timed
def test_one_that_is_away_for_a_period_is_read_ahead_once() -> None:
    async def test(watch: Sweep) -> None:
        away, back = Swept(), Swept()
        begun = asyncio.get_running_loop().time()
        watch.away(away)
        watch.away(back)
        await asyncio.sleep(0.005)
        watch.back(back)
        await asyncio.sleep(0.1)
        assert len(away.read) == 1
        assert 0.02 <= away.read[0] - begun < 0.1
        assert back.read == []

    run(test)


def test_nothing_runs_where_nothing_is_to_be_done() -> None:
    async def test(watch: Sweep) -> None:
        assert watch._timer is None
        one = Swept()
        watch.away(one)
        watch.back(one)
        await asyncio.sleep(0.05)
        assert watch._timer is None
        watch.time(one)
        await asyncio.sleep(0.05)
        assert one.checked >= 1
        watch.forget_time(one)
        await asyncio.sleep(0.05)
        checked = one.checked
        assert watch._timer is None
        watch.time(one)
        watch.away(one)
        watch.forget(one)
        await asyncio.sleep(0.05)
        assert (one.checked, one.read) == (checked, [])

    run(test)


def test_those_that_come_and_go_all_the_time_are_left_alone() -> None:
    async def test(watch: Sweep) -> None:
        busy = Swept()
        for _ in range(50):
            watch.away(busy)
            await asyncio.sleep(0.002)
            watch.back(busy)
        assert busy.read == []

    run(test)
