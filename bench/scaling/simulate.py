"""Requests through a balancer, replicas and one Redis: an event at a time.

What formulas leave out is in here: a balancer that does not know who is free, and a
Redis that all replicas wait for while they hold their slots.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

Draw = Callable[[random.Random], float]


def exponential(mean: float) -> Draw:
    """Times that vary as those of a Poisson process."""
    return lambda rng: rng.expovariate(1 / mean)


def constant(seconds: float) -> Draw:
    """Always the same."""
    return lambda rng: seconds


class Result(NamedTuple):
    """What a run came to, without its first tenth, in which the queues fill."""

    latencies: list[float]
    waits: list[float]
    #: Simulated seconds.
    took: float
    #: Part of the time that Redis was busy.
    redis_busy: float

    def latency(self, part: float) -> float:
        """The latency that ``part`` of the requests do not exceed."""
        return self.latencies[min(int(part * len(self.latencies)), len(self.latencies) - 1)]

    @property
    def mean_wait(self) -> float:
        """Seconds that a request waits for a slot, on average."""
        return sum(self.waits) / len(self.waits)

    @property
    def throughput(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.took


class _Request:
    __slots__ = ("arrived", "began", "replica", "visits")

    def __init__(self, arrived: float, replica: int, visits: int) -> None:
        self.arrived, self.began, self.replica, self.visits = arrived, 0.0, replica, visits


class Cluster:
    """Replicas behind a balancer.

    Args:
        replicas: How many.
        slots: Requests that each answers at a time.
        service: Seconds of a request at its replica.
        redis: Seconds of one command of Redis, which does one at a time; None: not used.
        visits: Commands of one request.
        policy: How the balancer chooses: ``"random"``, ``"roundrobin"`` or ``"leastconn"``.
        seed: Of the random numbers: the same seed, the same run.
    """

    def __init__(
        self,
        replicas: int,
        slots: int,
        service: Draw,
        redis: Draw | None = None,
        visits: int = 2,
        policy: str = "leastconn",
        seed: int = 1,
    ) -> None:
        if policy not in ("random", "roundrobin", "leastconn"):
            raise ValueError(f"No balancer chooses by {policy!r}.")
        self.service, self.redis, self.visits, self.policy = service, redis, visits, policy
        self.rng = random.Random(seed)
        self._slots = [slots] * replicas
        self._under_way = [0] * replicas
        self._queues: list[deque[_Request]] = [deque() for _ in range(replicas)]
        self._redis_queue: deque[_Request] = deque()
        self._redis_free = True
        self._busy = 0.0
        self._events: list[tuple[float, int, str, _Request | None]] = []
        self._number = 0
        self._turn = 0
        self._done: list[tuple[float, float, float]] = []

    def run(self, rate: float, requests: int) -> Result:
        """Let requests arrive at random, ``rate`` a second on average, until all have ended."""
        self._at(self.rng.expovariate(rate), "arrive")
        left = requests - 1
        while self._events:
            now, _, what, request = heapq.heappop(self._events)
            if what == "arrive":
                if left:
                    left -= 1
                    self._at(now + self.rng.expovariate(rate), "arrive")
                self._arrive(now)
            elif request is not None:
                (self._served if what == "served" else self._redis_done)(now, request)
        kept = self._done[len(self._done) // 10 :]
        took = kept[-1][0] - kept[0][0]
        latencies = sorted(latency for _, latency, _ in kept)
        return Result(latencies, [wait for _, _, wait in kept], took, self._busy / kept[-1][0])

    def _at(self, when: float, what: str, request: _Request | None = None) -> None:
        self._number += 1
        heapq.heappush(self._events, (when, self._number, what, request))

    def _choose(self) -> int:
        count = len(self._slots)
        if self.policy == "random":
            return self.rng.randrange(count)
        self._turn = (self._turn + 1) % count
        if self.policy == "roundrobin":
            return self._turn
        # In turn among those with the fewest requests, as HAProxy does.
        order = (*range(self._turn, count), *range(self._turn))
        return min(order, key=self._under_way.__getitem__)

    def _arrive(self, now: float) -> None:
        visits = self.visits if self.redis is not None else 0
        request = _Request(now, self._choose(), visits)
        self._under_way[request.replica] += 1
        if self._slots[request.replica]:
            self._begin(now, request)
        else:
            self._queues[request.replica].append(request)

    def _begin(self, now: float, request: _Request) -> None:
        self._slots[request.replica] -= 1
        request.began = now
        self._at(now + self.service(self.rng), "served", request)

    def _served(self, now: float, request: _Request) -> None:
        if request.visits:
            self._redis_queue.append(request)
            self._redis_next(now)
            return
        self._done.append((now, now - request.arrived, request.began - request.arrived))
        self._under_way[request.replica] -= 1
        self._slots[request.replica] += 1
        queue = self._queues[request.replica]
        if queue:
            self._begin(now, queue.popleft())

    def _redis_next(self, now: float) -> None:
        if self._redis_free and self._redis_queue and self.redis is not None:
            self._redis_free = False
            took = self.redis(self.rng)
            self._busy += took
            self._at(now + took, "redis", self._redis_queue.popleft())

    def _redis_done(self, now: float, request: _Request) -> None:
        self._redis_free = True
        request.visits -= 1
        self._redis_next(now)
        # The slot is held: a thread waits for the next answer, or ends here.
        self._served(now, request)
