"""The loop that threads share: run by one at a time, and never left with something to do."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from erlen.server.threads import bridge
from erlen.server.threads.bridge import async_to_sync, running_loop
from erlen.server.threads.shared import SharedLoop

LIMIT = 20


@pytest.fixture(autouse=True)
def loop(monkeypatch: pytest.MonkeyPatch) -> SharedLoop:
    """A process's loop at its beginning, for each test."""
    monkeypatch.setattr(bridge, "_loop", None)
    found = running_loop()
    assert isinstance(found, SharedLoop)
    return found


def wait_until(true: t.Callable[[], t.Any]) -> None:
    deadline = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


async def thread() -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


def leads(loop: SharedLoop) -> bool:
    """Whether calls run the loop themselves."""
    found = async_to_sync(thread)() == threading.get_ident()
    assert found is not loop.is_running()
    return found


def test_the_caller_runs_the_loop_when_nobody_else_does(loop: SharedLoop) -> None:
    for _ in range(3):
        assert leads(loop)
    assert loop._thread is None
    # From another thread as well, as long as they come one behind the other.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(leads, loop).result(LIMIT)
    assert leads(loop)


def test_it_gets_a_thread_when_something_is_left(loop: SharedLoop) -> None:
    ran: list[int] = []

    async def later() -> None:
        await asyncio.sleep(0.05)
        ran.append(threading.get_ident())

    async def work() -> t.Any:
        return asyncio.get_running_loop().create_task(later())

    task = async_to_sync(work)()
    wait_until(lambda: ran)
    background = loop._thread
    assert background is not None and background.daemon and background.name == "erlen-loop"
    assert ran == [background.ident]
    wait_until(task.done)
    # For good.
    assert not leads(loop)


def test_an_open_connection_is_watched_between_calls(loop: SharedLoop) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    heard: list[bytes] = []

    async def listen() -> None:
        asyncio.get_running_loop().add_reader(ours, lambda: heard.append(ours.recv(9)))

    async def stop() -> None:
        asyncio.get_running_loop().remove_reader(ours)

    with ours, theirs:
        async_to_sync(listen)()
        theirs.send(b"hello")
        wait_until(lambda: heard == [b"hello"])
        async_to_sync(stop)()


def test_a_timer_that_was_cancelled_is_nothing_left(loop: SharedLoop) -> None:
    async def work() -> None:
        async with asyncio.timeout(3600):
            await asyncio.sleep(0)

    async_to_sync(work)()
    assert not loop._scheduled
    assert leads(loop)


def test_another_thread_wakes_it(loop: SharedLoop) -> None:
    assert leads(loop)
    done = threading.Event()
    loop.call_soon_threadsafe(done.set)
    assert done.wait(LIMIT)
    assert asyncio.run_coroutine_threadsafe(thread(), loop).result(LIMIT)
    assert not leads(loop)


def test_a_coroutine_that_waits_for_a_thread(loop: SharedLoop) -> None:
    def inside() -> int:
        # In a thread of its own, while the first one has the loop and waits for it.
        return async_to_sync(thread)()

    async def work() -> tuple[int, int]:
        return await asyncio.to_thread(inside), threading.get_ident()

    here = threading.get_ident()
    assert async_to_sync(work)() == (here, here)
    assert not leads(loop)


def test_a_call_that_meets_another_stays_in_one_thread(loop: SharedLoop) -> None:
    """What it holds may work in one thread only, as a connection of sqlite3."""

    async def long() -> set[int]:
        ran = {threading.get_ident()}
        for _ in range(20):
            await asyncio.sleep(0.001)
            ran.add(threading.get_ident())
        return ran

    async def first() -> set[int]:
        while not loop._crowded:
            await asyncio.sleep(0.001)
        return await long()

    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(async_to_sync(first))]
        wait_until(loop.is_running)
        calls += [pool.submit(async_to_sync(long)) for _ in range(2)]
        found = [call.result(LIMIT) for call in calls]
    assert [len(ran) for ran in found] == [1, 1, 1]
    assert loop._thread is not None
    assert found[1] == found[2] == {loop._thread.ident} != found[0]
    assert not leads(loop)


def test_calls_that_wait_for_each_other(loop: SharedLoop) -> None:
    here: list[int] = []

    async def meet() -> int:
        here.append(1)
        while len(here) < 3:
            await asyncio.sleep(0.001)
        return 1

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: async_to_sync(meet)(), range(3), timeout=LIMIT)) == [1] * 3


def test_a_loop_that_somebody_stops_goes_on(loop: SharedLoop) -> None:
    async def work() -> str:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0.01)
        return "worked"

    assert async_to_sync(work)() == "worked"
    loop.call_soon_threadsafe(loop.stop)
    for _ in range(3):
        assert async_to_sync(work)() == "worked"


@pytest.mark.parametrize("attempt", range(5))
def test_many_threads_and_kinds_of_work(loop: SharedLoop, attempt: int) -> None:
    """Nobody waits for ever, whatever moment the loop gets its thread in."""
    left: list[t.Any] = []

    async def nothing() -> int:
        return 1

    async def sleeps() -> int:
        await asyncio.sleep(0.0005)
        return 1

    async def in_thread() -> int:
        return await asyncio.to_thread(int, "1")

    async def leaves() -> int:
        left.append(loop.create_task(sleeps()))
        return 1

    async def limited() -> int:
        async with asyncio.timeout(60):
            return await sleeps()

    kinds = [nothing, thread, sleeps, in_thread, leaves, limited]

    def work(number: int) -> int:
        calls = (kinds[(number + turn + attempt) % 6] for turn in range(30))
        return sum(1 for kind in calls if async_to_sync(kind)())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8), timeout=60)) == [30] * 8
    wait_until(lambda: all(task.done() for task in left))


INTERRUPTED = """
import asyncio, os, signal, threading
from erlen.server.threads.bridge import async_to_sync

# Ignored in what a shell has put into the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
cancelled = threading.Event()

async def work():
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(0.05)
        cancelled.set()
        raise

async def fine():
    return 7

try:
    async_to_sync(work)()
except KeyboardInterrupt:
    assert cancelled.wait(10)
    print("interrupted", async_to_sync(fine)())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupted_caller_leaves_its_coroutine_cancelled() -> None:
    found = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60
    )
    assert (found.stdout, found.stderr) == ("interrupted 7\n", "")


FORKED = """
import asyncio, gc, os, threading, time
from erlen.server.threads.bridge import async_to_sync, running_loop

async def nothing():
    await asyncio.sleep(0)

async_to_sync(nothing)()
child = os.fork()
if child == 0:
    async_to_sync(nothing)()
    gc.collect()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
other = threading.Thread(target=async_to_sync(lambda: asyncio.sleep(2)))
other.start()
while not running_loop().is_running():
    time.sleep(0.001)
begun = time.monotonic()
# The other thread has to hear that there is something to do.
async_to_sync(nothing)()
assert time.monotonic() - begun < 1.5
other.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_does_not_close_what_its_parent_listens_to() -> None:
    found = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60
    )
    assert (found.returncode, found.stderr) == (0, "")
