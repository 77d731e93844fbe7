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
def at_rest() -> t.Iterator[None]:
    """Each test begins and ends with a loop that nobody runs."""
    loop = shared()
    wait_until(lambda: loop._rests)
    yield
    wait_until(lambda: loop._rests)


def shared() -> SharedLoop:
    loop = running_loop()
    assert isinstance(loop, SharedLoop)
    return loop


def wait_until(true: t.Callable[[], t.Any]) -> None:
    deadline = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


async def thread() -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


def test_the_caller_runs_an_idle_loop() -> None:
    assert async_to_sync(thread)() == threading.get_ident()
    assert not shared().is_running()


def test_a_thread_in_the_background_has_it_while_something_is_left() -> None:
    done = threading.Event()
    ran: list[int] = []

    async def later() -> None:
        await asyncio.sleep(0.3)
        ran.append(threading.get_ident())
        done.set()

    async def work() -> t.Any:
        return asyncio.get_running_loop().create_task(later())

    task = async_to_sync(work)()
    wait_until(shared().is_running)
    assert async_to_sync(thread)() != threading.get_ident()
    assert done.wait(LIMIT)
    # It goes on until the next coroutine has ended, and then rests.
    async_to_sync(thread)()
    wait_until(lambda: shared()._rests)
    assert task.done() and ran != [threading.get_ident()]
    assert async_to_sync(thread)() == threading.get_ident()
    background = shared()._thread
    assert background is not None and background.daemon and background.name == "erlen-loop"


def test_an_open_connection_is_watched_between_calls() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    heard: list[bytes] = []

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, lambda: heard.append(ours.recv(9)))

    async def stop() -> None:
        asyncio.get_running_loop().remove_reader(ours)

    with ours, theirs:
        async_to_sync(listen)()
        theirs.send(b"hello")
        wait_until(lambda: heard == [b"hello"])
        async_to_sync(stop)()


def test_a_timer_that_was_cancelled_is_not_waited_for() -> None:
    async def work() -> None:
        async with asyncio.timeout(3600):
            await asyncio.sleep(0)

    async_to_sync(work)()
    assert shared()._rests and not shared()._scheduled
    assert async_to_sync(thread)() == threading.get_ident()


def test_another_thread_wakes_an_idle_loop() -> None:
    done = threading.Event()
    shared().call_soon_threadsafe(done.set)
    assert done.wait(LIMIT)
    assert asyncio.run_coroutine_threadsafe(thread(), shared()).result(LIMIT)
    async_to_sync(thread)()


def test_a_coroutine_that_waits_for_a_thread() -> None:
    def inside() -> int:
        time.sleep(0.05)
        # In a thread of its own, while the first one has the loop.
        return async_to_sync(thread)()

    async def work() -> tuple[int, int]:
        return await asyncio.to_thread(inside), threading.get_ident()

    here = threading.get_ident()
    assert async_to_sync(work)() == (here, here)


def test_others_go_on_when_the_one_that_runs_it_has_ended() -> None:
    begun = threading.Event()

    async def long() -> str:
        begun.set()
        await asyncio.sleep(0.2)
        return "long"

    async def first() -> str:
        while not begun.is_set():
            await asyncio.sleep(0.001)
        return "first"

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(async_to_sync(first))
        wait_until(shared().is_running)
        other = pool.submit(async_to_sync(long))
        assert one.result(LIMIT) == "first"
        assert not other.done()
        assert other.result(LIMIT) == "long"


def test_a_loop_that_somebody_stops_goes_on() -> None:
    async def work() -> str:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0.01)
        return "worked"

    assert async_to_sync(work)() == "worked"


def test_many_threads_and_kinds_of_work() -> None:
    """Nobody waits for ever, whatever moment the loop changes hands in."""
    loop, left = shared(), []

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
        return sum(1 for turn in range(200) if async_to_sync(kinds[(number + turn) % 6])())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8), timeout=120)) == [200] * 8
    wait_until(lambda: all(task.done() for task in left))
    async_to_sync(thread)()
    wait_until(lambda: not bridge._tasks)


INTERRUPTED = """
import asyncio, os, signal, threading
from erlen.server.threads.bridge import async_to_sync

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
