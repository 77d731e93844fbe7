"""What channels promise, whatever they go over."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest

import erlen
from erlen.channels import Channels, EndOfInbox, Message, SlowConsumer
from erlen.channels.message import parse_id

from .conftest import Make


def texts(messages: t.Iterable[Message]) -> list[t.Any]:
    return [message.data for message in messages]


def take(subscription: t.Any, number: int) -> list[t.Any]:
    return [subscription.get(timeout=5).data for _ in range(number)]


def until_empty(channels: Channels, *names: str) -> None:
    """Leaving takes a moment: nobody waits for it."""
    until = time.monotonic() + 5
    while any(channels.count(name) for name in names):
        assert time.monotonic() < until
        time.sleep(0.01)


def nothing_more(subscription: t.Any) -> None:
    with pytest.raises(TimeoutError):
        subscription.get(timeout=0.05)


def test_all_subscribers_get_it(make: Make) -> None:
    channels = make()
    with channels.subscribe("a") as one, channels.subscribe("a") as two:
        with channels.subscribe("b") as other:
            id = channels.publish("a", {"text": "\u20ac\n\x00"})
            for subscription in (one, two):
                message = subscription.get(timeout=5)
                assert message.data == {"text": "\u20ac\n\x00"}
                assert (message.channel, message.id, message.event) == ("a", id, None)
                assert message.data is message.data
            nothing_more(other)
    assert "Message" in repr(message)


def test_the_order_is_kept(make: Make) -> None:
    channels = make(queue=1000)
    with channels.subscribe("a") as subscription:
        ids = [channels.publish("a", number) for number in range(300)]
        found = [subscription.get(timeout=5) for _ in range(300)]
    assert texts(found) == list(range(300))
    assert [message.id for message in found] == ids
    keys = [parse_id(id) for id in ids]
    assert keys == sorted(keys)


def test_several_channels(make: Make) -> None:
    channels = make()
    with channels.subscribe("a", "b", "a") as subscription:
        channels.publish("b", 1)
        channels.publish("a", 2)
        found = [subscription.get(timeout=5) for _ in range(2)]
        nothing_more(subscription)
    assert [(message.channel, message.data) for message in found] == [("b", 1), ("a", 2)]
    assert repr(subscription) == "<Subscription to 'a', 'b'>"


def test_the_colours_meet(make: Make) -> None:
    channels = make()

    async def main() -> list[t.Any]:
        async with channels.subscribe("a") as subscription:
            await channels.apublish("a", 1)
            await asyncio.to_thread(channels.publish, "a", 2)
            assert await channels.acount("a") == 1
            found = []
            async for message in subscription:
                found.append(message.data)
                if len(found) == 2:
                    break
            return found

    assert asyncio.run(main()) == [1, 2]
    # The connections outlive an event loop.
    assert asyncio.run(main()) == [1, 2]
    until_empty(channels, "a")


def test_a_thread_waits(make: Make) -> None:
    channels = make()
    box: list[t.Any] = []
    with channels.subscribe("a") as subscription:
        thread = threading.Thread(target=lambda: box.append(subscription.get().data))
        thread.start()
        time.sleep(0.05)
        asyncio.run(channels.apublish("a", "x"))
        thread.join(5)
    assert box == ["x"]


def test_closing_wakes_who_waits(make: Make) -> None:
    channels = make()
    box: list[t.Any] = []
    subscription = channels.subscribe("a")
    subscription.open()
    thread = threading.Thread(target=lambda: box.extend(subscription))
    thread.start()
    time.sleep(0.05)
    subscription.close()
    thread.join(5)
    assert not thread.is_alive()
    with pytest.raises(EndOfInbox):
        subscription.get()

    async def main() -> None:
        async with channels.subscribe("a") as other:
            waiting = asyncio.create_task(other.aget())
            await asyncio.sleep(0.05)
            other.close()
            with pytest.raises(EndOfInbox):
                await waiting
            assert [message async for message in other] == []

    asyncio.run(main())


def test_one_reader_at_a_time(make: Make) -> None:
    channels = make()

    async def main() -> None:
        async with channels.subscribe("a") as subscription:
            waiting = asyncio.create_task(subscription.aget())
            await asyncio.sleep(0.01)
            with pytest.raises(RuntimeError, match="waits for the next message already"):
                await subscription.aget()
            waiting.cancel()
            await asyncio.wait([waiting])
            await channels.apublish("a", 1)
            assert (await subscription.aget(5)).data == 1

    asyncio.run(main())


def test_a_cancelled_reader_loses_nothing(make: Make) -> None:
    channels = make(queue=1000)

    async def main() -> None:
        got = []
        async with channels.subscribe("a") as subscription:

            async def feed() -> None:
                for number in range(200):
                    await channels.apublish("a", number)

            feeding = asyncio.create_task(feed())
            while len(got) < 200:
                try:
                    got.append((await asyncio.wait_for(subscription.aget(), 0.0005)).data)
                except TimeoutError:
                    continue
            await feeding
        assert got == list(range(200))

    asyncio.run(main())


# -- slow consumers ---------------------------------------------------------------------------


def fill(channels: Channels, subscription: t.Any, number: int) -> None:
    for n in range(number):
        channels.publish("a", n)
    until = time.monotonic() + 2
    while len(subscription.inbox) < subscription.inbox.limit and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)


def test_a_slow_consumer_is_ended(make: Make) -> None:
    channels = make(queue=3)
    with channels.subscribe("a") as slow, channels.subscribe("a", queue=100) as quick:
        fill(channels, slow, 10)
        assert take(slow, 3) == [0, 1, 2]
        for _ in range(2):
            with pytest.raises(SlowConsumer, match="More than 3 messages"):
                slow.get(timeout=1)
        assert take(quick, 10) == list(range(10))
        assert channels.count("a") <= 2


@pytest.mark.parametrize(
    ("overflow", "expected"), [("drop_oldest", [7, 8, 9]), ("drop_newest", [0, 1, 2])]
)
def test_a_slow_consumer_may_lose_messages(make: Make, overflow: str, expected: list[int]) -> None:
    channels = make(queue=3, overflow=overflow)
    with channels.subscribe("a") as slow:
        fill(channels, slow, 10)
        until = time.monotonic() + 2
        while slow.dropped < 7 and time.monotonic() < until:
            time.sleep(0.01)
        assert take(slow, 3) == expected
        assert slow.dropped == 7
        channels.publish("a", "next")
        assert take(slow, 1) == ["next"]


# -- replay --------------------------------------------------------------------------------


def test_replay(make: Make) -> None:
    channels = make(history=5)
    ids = [channels.publish("a", number) for number in range(8)]
    assert texts(channels.recent("a")) == [3, 4, 5, 6, 7]

    def since(after: str | None) -> tuple[list[t.Any], bool]:
        with channels.subscribe("a", after=after) as subscription:
            found = []
            try:
                while True:
                    found.append(subscription.get(timeout=0.05).data)
            except TimeoutError:
                return found, subscription.missed

    assert since(None) == ([], False)
    assert since("") == ([3, 4, 5, 6, 7], False)
    assert since(ids[7]) == ([], False)
    assert since(ids[5]) == ([6, 7], False)
    assert since(ids[3]) == ([4, 5, 6, 7], False)
    # What is older may lack something in between.
    assert since(ids[0]) == ([3, 4, 5, 6, 7], True)
    for strange in ("nonsense", "0-0", "-1", "9" * 400, "\u0663-\u0663", "1-", "999999999999999-9"):
        assert since(strange) == ([3, 4, 5, 6, 7], True), strange
    assert asyncio.run(channels.arecent("nowhere")) == []


def test_replay_goes_over_into_the_present(make: Make) -> None:
    """Published all the while: nothing is lost, nothing comes twice."""
    channels = make(history=1000, queue=10_000)
    first = channels.publish("a", 0)
    stop = threading.Event()
    number = 0

    def publish() -> None:
        nonlocal number
        while not stop.is_set():
            number += 1
            channels.publish("a", number)
            time.sleep(0.0002)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        for _ in range(10):
            with channels.subscribe("a", after=first) as subscription:
                found = [subscription.get(timeout=5) for _ in range(20)]
                assert not subscription.missed
            numbers = texts(found)
            assert numbers == list(range(numbers[0], numbers[0] + 20))
            first = found[9].id
    finally:
        stop.set()
        thread.join()


def test_a_channel_without_history(make: Make) -> None:
    channels = make()
    id = channels.publish("a", 1)
    with channels.subscribe("a", after=id) as subscription:
        channels.publish("a", 2)
        assert take(subscription, 1) == [2]
    assert make.name == "redis" or channels.recent("a") == []  # type: ignore[attr-defined]


def test_events_have_names(make: Make) -> None:
    channels = make(history=3)
    channels.publish("a", "x", event="price")
    with channels.subscribe("a", after="") as subscription:
        assert subscription.get(timeout=5).event == "price"
        channels.publish("a", "y", event="other name")
        assert subscription.get(timeout=5).event == "other name"
    for wrong in ("a\nb", "a\rb", "a\0b"):
        with pytest.raises(ValueError, match="line breaks"):
            channels.publish("a", 1, event=wrong)


# -- presence ------------------------------------------------------------------------------


def test_how_many_are_there(make: Make) -> None:
    channels = make()
    assert channels.count("a") == 0
    with channels.subscribe("a"), channels.subscribe("a", "b"):
        assert (channels.count("a"), channels.count("b")) == (2, 1)
    until_empty(channels, "a", "b")


def test_a_forgotten_subscription_ends(make: Make) -> None:
    channels = make()
    subscription = channels.subscribe("a")
    subscription.open()
    assert channels.count("a") == 1
    del subscription
    gc.collect()
    until_empty(channels, "a")


# -- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "x" * 201, None, 1, b"a"])
def test_names(make: Make, name: t.Any) -> None:
    channels = make()
    with pytest.raises(ValueError, match="1 to 200 characters"):
        channels.publish(name, 1)
    with pytest.raises(ValueError, match="1 to 200 characters"):
        channels.subscribe(name)


@pytest.mark.parametrize("name", ["a b", "a\nb", "\u20ac", "a:b", "*", "x" * 200, "/here:a", "all"])
def test_odd_names_are_names(make: Make, name: str) -> None:
    channels = make(history=2)
    with channels.subscribe(name) as subscription:
        channels.publish(name, 1)
        assert take(subscription, 1) == [1]
        assert channels.count(name) == 1


def test_data_that_json_cannot_say(make: Make) -> None:
    channels = make()
    with pytest.raises(TypeError):
        channels.publish("a", object())


def test_arguments() -> None:
    for options in (
        {"url": "amqp://localhost"},
        {"history": -1},
        {"history": 1.5},
        {"overflow": "explode"},
    ):
        with pytest.raises(ValueError):
            Channels(**options)
    channels = Channels()
    with pytest.raises(TypeError, match="Name the channels"):
        channels.subscribe()
    with pytest.raises(TypeError, match="one with 'after'"):
        channels.subscribe("a", "b", after="1-0")
    for queue in (0, -1, 1.5):
        with pytest.raises(ValueError, match="from 1 on"):
            channels.subscribe("a", queue=queue)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="overflow"):
        channels.subscribe("a", overflow="explode")


def run(code: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(Path(erlen.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)


def test_without_the_client_of_redis() -> None:
    code = (
        "import sys\n"
        "sys.modules['redis'] = sys.modules['redis.asyncio'] = None\n"
        "from erlen.channels import Channels\n"
        "Channels()\n"
        "try:\n"
        "    Channels('redis://localhost')\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = run(code)
    assert "pip install 'erlen[redis]'" in done.stdout, done.stderr


def test_channels_in_memory_bring_no_redis_along() -> None:
    code = "import sys, erlen.channels; erlen.channels.Channels(); print('redis' in sys.modules)"
    done = run(code)
    assert done.stdout.strip() == "False", done.stderr
