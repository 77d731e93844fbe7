"""Looks after the open websockets of one event loop, twice a second while there is need.

A view that waits in ``receive`` learns by itself that its peer has gone. One that does
something else for longer (waits for a channel, sleeps, sends) would not: its connection
is read ahead. Timeouts are found here too. An idle connection costs nothing, and no
connection has a timer of its own.
"""

from __future__ import annotations

import asyncio
import typing as t

#: Seconds between two looks.
PERIOD = 0.5


class Swept(t.Protocol):
    """What is looked after."""

    def read_ahead(self) -> None:
        """The view has been away for a whole period."""

    def check_time(self, now: float) -> None:
        """See whether a timeout has passed."""


class Sweep:
    """The connections of one event loop.

    Args:
        loop: The loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._away: set[Swept] = set()
        self._away_before: set[Swept] = set()
        self._timed: set[Swept] = set()
        self._timer: asyncio.TimerHandle | None = None

    def away(self, connection: Swept) -> None:
        """A view has left ``receive``."""
        self._away.add(connection)
        if self._timer is None:
            self._start()

    def back(self, connection: Swept) -> None:
        """A view waits in ``receive``, or its connection is read ahead."""
        self._away.discard(connection)
        self._away_before.discard(connection)

    def time(self, connection: Swept) -> None:
        """Look at a connection's timeouts from now on."""
        self._timed.add(connection)
        if self._timer is None:
            self._start()

    def forget_time(self, connection: Swept) -> None:
        """A connection has no timeout any more."""
        self._timed.discard(connection)

    def forget(self, connection: Swept) -> None:
        """A connection has ended."""
        self.back(connection)
        self._timed.discard(connection)

    def _start(self) -> None:
        self._timer = self.loop.call_later(PERIOD, self._look)

    def _look(self) -> None:
        self._timer = None
        late, self._away_before = self._away_before, self._away
        self._away = set()
        for connection in late:
            connection.read_ahead()
        if self._timed:
            now = self.loop.time()
            for connection in tuple(self._timed):
                connection.check_time(now)
        if self._away_before or self._away or self._timed:
            self._start()
