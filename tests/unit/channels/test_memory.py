"""Channels in memory: what is kept, and for how long."""

from __future__ import annotations

import threading
import typing as t

import pytest

from erlen.channels import Channels, memory
from erlen.channels.inbox import EndOfInbox, Inbox


def topics(channels: Channels) -> dict[str, t.Any]:
    return channels.backend._topics  # type: ignore[attr-defined]


def test_channels_that_nobody_uses_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    monkeypatch.setattr(memory, "monotonic", lambda: clock)
    channels = Channels(history=3, keep=100)
    plain = Channels()
    for number in range(50):
        channels.publish(f"room {number}", 1)
        plain.publish(f"room {number}", 1)
    with channels.subscribe("room 3"):
        clock += 90
        channels.publish("room 4", 1)
        assert len(topics(channels)) == 50
        clock += 70
        channels.publish("new", 1)
        plain.publish("new", 1)
        assert set(topics(channels)) == {"room 3", "room 4", "new"}
        assert set(topics(plain)) == {"new"}


def test_an_id_of_an_earlier_life_is_known_to_be_old() -> None:
    first = Channels(history=10)
    id = first.publish("a", 1)
    second = Channels(history=10)
    second.backend._last = (second.backend._last[0] + 1000, 0)  # type: ignore[attr-defined]
    second.publish("a", 2)
    with second.subscribe("a", after=id) as subscription:
        assert subscription.get(timeout=1).data == 2
        assert subscription.missed


def test_a_clock_that_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 2_000_000_000_000_000_000
    monkeypatch.setattr(memory, "time_ns", lambda: now)
    channels = Channels(history=10)
    ids = [channels.publish("a", 1)]
    now -= 10**12
    ids += [channels.publish("a", 2), channels.publish("a", 3)]
    with channels.subscribe("a", after=ids[0]) as subscription:
        assert [subscription.get(timeout=1).data for _ in range(2)] == [2, 3]


def test_many_publish_at_once() -> None:
    channels = Channels(queue=10_000)
    with channels.subscribe("a") as one, channels.subscribe("a") as two:

        def publish(name: int) -> None:
            for number in range(200):
                channels.publish("a", [name, number])

        threads = [threading.Thread(target=publish, args=(name,)) for name in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = [[sub.get(timeout=5) for _ in range(1000)] for sub in (one, two)]
    # All get the same order, and it is that of the ids.
    assert [m.id for m in found[0]] == [m.id for m in found[1]]
    assert [m.key for m in found[0]] == sorted(m.key for m in found[0])


def test_an_inbox_waits_for_room() -> None:
    inbox: Inbox[int] = Inbox(2)
    done = []

    def feed() -> None:
        for number in range(10):
            if not inbox.put_waiting(number):
                done.append("left")
                return
        done.append("all")

    thread = threading.Thread(target=feed)
    thread.start()
    assert [inbox.get(1) for _ in range(5)] == [0, 1, 2, 3, 4]
    inbox.close(now=True)
    thread.join(5)
    assert done == ["left"]
    with pytest.raises(EndOfInbox):
        inbox.get()


def test_an_inbox_ends_with_an_error() -> None:
    inbox: Inbox[int] = Inbox(2)
    inbox.put(1)
    inbox.close(KeyError("why"))
    inbox.close(ValueError("too late"))
    assert not inbox.put(2)
    assert inbox.get() == 1
    for _ in range(2):
        with pytest.raises(KeyError, match="why"):
            inbox.get()
    assert len(inbox) == 0 and inbox.ended
