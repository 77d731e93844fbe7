"""Channels over Redis: other processes, and a Redis that goes and comes back."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

import erlen
from erlen.channels import Channels, ChannelsUnavailable
from erlen.channels.message import Message
from running import free_port
from services.redis import redis_server

pytest.importorskip("redis", reason="the client is missing: pip install 'erlen[redis]'")
redis_backend: t.Any = importlib.import_module("erlen.channels.redis")

OTHER = """
import sys, time
from erlen.channels import Channels
channels = Channels(sys.argv[1], prefix=sys.argv[2])
with channels.subscribe("a") as messages:
    print("ready", flush=True)
    for message in messages:
        print(message.data, flush=True)
        channels.publish("answers", message.data + 1)
"""


def test_other_processes(redis_url: str) -> None:
    command = [sys.executable, "-c", OTHER, redis_url, "processes"]
    channels = Channels(redis_url, prefix="processes")
    env = {**os.environ, "PYTHONPATH": str(Path(erlen.__file__).parents[1])}
    options: t.Any = {"stdout": subprocess.PIPE, "text": True, "env": env}
    others = [subprocess.Popen(command, **options) for _ in range(2)]
    try:
        for other in others:
            assert other.stdout.readline() == "ready\n"  # type: ignore[union-attr]
        with channels.subscribe("answers") as answers:
            assert channels.count("a") == 2
            channels.publish("a", 1)
            assert [answers.get(timeout=5).data for _ in range(2)] == [2, 2]
    finally:
        for other in others:
            other.kill()
            other.wait()
            other.stdout.close()  # type: ignore[union-attr]
        channels.close()


def test_a_process_that_was_killed_is_not_counted(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_backend, "PRESENT", 1)
    monkeypatch.setattr(redis_backend, "REFRESH", 0.2)
    dead = Channels(redis_url, prefix="killed")
    alive = Channels(redis_url, prefix="killed")
    with alive.subscribe("a"):
        ghost = dead.subscribe("a")
        ghost.open()
        assert alive.count("a") == 2
        # It says nothing any more, but has taken leave neither.
        for task in list(dead.backend._tasks):  # type: ignore[attr-defined]
            task.get_loop().call_soon_threadsafe(task.cancel)
        time.sleep(2.5)
        assert alive.count("a") == 1
    alive.close()
    dead.close()


def test_after_a_fork(redis_url: str) -> None:
    channels = Channels(redis_url, prefix="fork", history=10)
    channels.publish("a", "parent")
    with channels.subscribe("a") as subscription:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(10)
                channels.publish("a", "child")
                with channels.subscribe("a", after="") as own:
                    found = [own.get(timeout=5).data for _ in range(2)]
                status = 0 if found == ["parent", "child"] else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert subscription.get(timeout=5).data == "child"
    channels.close()


def wait_for(condition: t.Callable[[], bool], seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def publishes(channels: Channels, data: t.Any) -> bool:
    try:
        channels.publish("a", data)
    except ChannelsUnavailable:
        return False
    return True


def test_redis_goes_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    channels = Channels(f"redis://127.0.0.1:{port}/0", history=10)
    with redis_server(tmp_path, port):
        subscription = channels.subscribe("a")
        subscription.open()
        channels.publish("a", 1)
        assert subscription.get(timeout=5).data == 1
    with pytest.raises(ChannelsUnavailable, match="Redis does not answer"):
        channels.publish("a", "nobody hears it")
    with pytest.raises(ChannelsUnavailable), channels.subscribe("b"):
        pass
    with redis_server(tmp_path, port):
        wait_for(lambda: publishes(channels, 2))
        # The old subscription lives; this Redis knows nothing of what was before.
        assert subscription.get(timeout=15).data == 2
        wait_for(lambda: subscription.missed)
        assert channels.count("a") == 1
        channels.publish("a", 3)
        assert subscription.get(timeout=5).data == 3
        assert asyncio.run(channels.acount("a")) == 1
        subscription.close()
        channels.close()
    assert "Redis is gone" in caplog.text
    assert "Redis is back" in caplog.text


def test_what_was_published_during_the_break(redis_url: str) -> None:
    """Only the listening connection breaks, as by a proxy: nothing is lost."""
    channels = Channels(redis_url, prefix="break", history=100, queue=1000)
    other = Channels(redis_url, prefix="break", history=100)
    with channels.subscribe("a") as subscription, channels.subscribe("quiet") as quiet:
        number = 0
        for _ in range(3):
            for _ in range(5):
                number += 1
                other.publish("a", number)
            other.wait(other.backend.client.client_kill_filter(_type="pubsub"))  # type: ignore[attr-defined]
            for _ in range(5):
                number += 1
                other.publish("a", number)
        found = [subscription.get(timeout=10).data for _ in range(number)]
        assert found == list(range(1, number + 1))
        assert not subscription.missed
        assert not quiet.missed
        with pytest.raises(TimeoutError):
            subscription.get(timeout=0.2)
    channels.close()
    other.close()


def test_a_break_without_history_is_known(redis_url: str) -> None:
    channels = Channels(redis_url, prefix="known")
    with channels.subscribe("a") as subscription:
        channels.wait(channels.backend.client.client_kill_filter(_type="pubsub"))  # type: ignore[attr-defined]
        wait_for(lambda: subscription.missed)
        channels.publish("a", 1)
        assert subscription.get(timeout=5).data == 1
    channels.close()


def test_subscribing_and_leaving_all_the_time(redis_url: str) -> None:
    channels = Channels(redis_url, prefix="busy")

    async def one(name: str) -> None:
        for number in range(20):
            async with channels.subscribe(name) as subscription:
                await channels.apublish(name, number)
                while (await subscription.aget(5)).data != number:
                    pass

    async def main() -> None:
        await asyncio.gather(*(one(f"room {number % 3}") for number in range(12)))

    asyncio.run(main())
    wait_for(lambda: all(channels.count(f"room {number}") == 0 for number in range(3)))
    channels.close()


def test_nothing_stays_in_redis(redis_url: str) -> None:
    channels = Channels(redis_url, prefix="stay", history=2, keep=100)
    with channels.subscribe("a"):
        for number in range(5):
            channels.publish("a", number)
        client: t.Any = channels.backend.client  # type: ignore[attr-defined]
        keys = sorted(channels.wait(client.keys("stay*")))
        assert keys == ["stay/here:a", "stay:a"]
        assert all(0 < channels.wait(client.ttl(key)) <= 100 for key in keys)
        assert channels.wait(client.xlen("stay:a")) == 2
    channels.close()


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (None, ([1, 2, 3], False)),
        ((0, 0), ([1, 2, 3], True)),
        ((1, 0), ([2, 3], True)),
        ((3, 0), ([], True)),
        ((9, 0), ([1, 2, 3], False)),
    ],
)
def test_what_came_since(after: t.Any, expected: t.Any) -> None:
    kept = [Message("a", f"{n}-0", str(n)) for n in (1, 2, 3)]
    later, complete = redis_backend.since(kept, after, 4)
    assert ([message.data for message in later], complete) == expected
    full = redis_backend.since(kept, (0, 0), 3)
    assert full == (kept, False)
    assert redis_backend.since([], (5, 0), 3) == ([], False)
    assert redis_backend.since([], (0, 0), 3) == ([], True)
