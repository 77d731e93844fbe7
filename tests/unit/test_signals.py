"""Signals are Blinker's, and tell the epoch who listens."""

from __future__ import annotations

import gc
import typing as t

import blinker
import flask.signals
import pytest

from erlen import signals
from erlen.state import epoch


@pytest.fixture
def signal() -> t.Iterator[blinker.NamedSignal]:
    signal = signals._signals.signal("test")
    yield signal
    signal._clear_state()
    del signals._signals["test"]


class Bumped:
    """Asserts that the block bumps the epoch."""

    def __enter__(self) -> None:
        self.before = epoch.value

    def __exit__(self, *error: object) -> None:
        assert epoch.value > self.before


def test_names_are_flasks() -> None:
    public = {name for name in vars(flask.signals) if not name.startswith("_")}
    assert public - {"annotations"} <= set(vars(signals))
    for name in public:
        theirs = getattr(flask.signals, name)
        if isinstance(theirs, blinker.NamedSignal):
            assert getattr(signals, name).name == theirs.name
    assert signals.Namespace is blinker.Namespace


def test_connecting_and_disconnecting(signal: blinker.NamedSignal) -> None:
    def receive(sender: t.Any, **extra: t.Any) -> t.Any:
        return sender, extra

    with Bumped():
        assert signal.connect(receive) is receive
    assert signal.send(1, a=2) == [(receive, (1, {"a": 2}))]
    with Bumped():
        signal.disconnect(receive)
    assert not signal.receivers


def test_a_further_sender(signal: blinker.NamedSignal) -> None:
    def receive(sender: t.Any) -> None:
        pass

    one, two = object(), object()
    signal.connect(receive, one)
    with Bumped():
        signal.connect(receive, two)
    with Bumped():
        signal.disconnect(receive, one)
    assert not list(signal.receivers_for(one))
    assert list(signal.receivers_for(two)) == [receive]


def test_death_of_a_weak_receiver(signal: blinker.NamedSignal) -> None:
    def receive(sender: t.Any) -> None:
        pass

    signal.connect(receive)
    with Bumped():
        del receive
        gc.collect()
    assert not signal.receivers


def test_connected_to_connect_via_and_muted(signal: blinker.NamedSignal) -> None:
    seen = []
    before = epoch.value
    with signal.connected_to(seen.append):
        assert epoch.value > before
        assert len(signal.send(1)) == 1 and seen == [1]
        before = epoch.value
    assert epoch.value > before
    assert not signal.receivers

    with Bumped():

        @signal.connect_via(blinker.ANY)
        def receive(sender: t.Any) -> None:
            seen.append(sender)

    signal.send(2)
    with Bumped(), signal.muted():
        signal.send(3)
    assert seen == [1, 2]


def test_receivers_can_be_changed_and_replaced(signal: blinker.NamedSignal) -> None:
    signal.connect(print)
    with Bumped():
        signal.receivers.clear()
    with Bumped():
        signal.receivers = {}
    with Bumped():
        signal.receivers[1] = print


def test_receiver_connected_signal(signal: blinker.NamedSignal) -> None:
    told = []
    signal.receiver_connected.connect(
        lambda at, receiver, sender, weak: told.append((at, receiver)), weak=False
    )
    signal.connect(print)
    assert told == [(signal, print)]
