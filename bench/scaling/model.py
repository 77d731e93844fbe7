"""How capacity and waiting grow with workers: the formulas behind docs/scaling.md."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple


class Usl(NamedTuple):
    """The universal scalability law (Gunther): requests a second of ``n`` workers.

    ``rate * n / (1 + contention * (n - 1) + coherence * n * (n - 1))``
    """

    rate: float
    contention: float
    coherence: float

    def __call__(self, n: float) -> float:
        """Requests a second of ``n`` workers."""
        return self.rate * n / (1 + self.contention * (n - 1) + self.coherence * n * (n - 1))

    @property
    def peak(self) -> float:
        """Workers beyond which more of them do less; infinite without coherence."""
        if self.coherence <= 0:
            return math.inf
        return math.sqrt(max(1 - self.contention, 0) / self.coherence)


def fit_usl(points: Sequence[tuple[float, float]]) -> Usl:
    """The law that is nearest to what was measured, with no coefficient below zero.

    ``n / x`` is linear in the unknowns, so that least squares need no search.

    Args:
        points: Workers and requests a second, at least one pair.

    Raises:
        ValueError: No points, or one that is not positive.
    """
    if not points or any(n <= 0 or x <= 0 for n, x in points):
        raise ValueError("A fit needs points with workers and requests above zero.")
    columns = [[1.0 for _ in points], [n - 1 for n, _ in points], [n * (n - 1) for n, _ in points]]
    wanted = [n / x for n, x in points]
    best: tuple[float, list[float]] | None = None
    for used in ((0,), (0, 1), (0, 2), (0, 1, 2)):
        found = _least_squares([columns[i] for i in used], wanted)
        if found is None or any(value < 0 for value in found[1:]) or found[0] <= 0:
            continue
        whole = [0.0, 0.0, 0.0]
        for i, value in zip(used, found, strict=True):
            whole[i] = value
        error = sum(
            (sum(c[k] * v for c, v in zip(columns, whole, strict=True)) - wanted[k]) ** 2
            for k in range(len(points))
        )
        if best is None or error < best[0] - 1e-18:
            best = (error, whole)
    if best is None:
        raise ValueError("No law of this form fits.")
    base, first, second = best[1]
    return Usl(1 / base, first / base, second / base)


def _least_squares(columns: list[list[float]], wanted: list[float]) -> list[float] | None:
    """Solve the normal equations by elimination; None if they have no single solution."""
    size = len(columns)
    rows = [
        [sum(a * b for a, b in zip(left, right, strict=True)) for right in columns]
        + [sum(a * b for a, b in zip(left, wanted, strict=True))]
        for left in columns
    ]
    for i in range(size):
        pivot = max(range(i, size), key=lambda r: abs(rows[r][i]))
        if abs(rows[pivot][i]) < 1e-12:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in itertools.chain(range(i), range(i + 1, size)):
            factor = rows[r][i] / rows[i][i]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [rows[i][size] / rows[i][i] for i in range(size)]


def erlang_c(servers: int, load: float) -> float:
    """The part of requests that wait at all (M/M/c).

    Args:
        servers: Slots: threads or processes that answer one request at a time.
        load: Arrivals a second times seconds of service (erlangs), below ``servers``.

    Raises:
        ValueError: More comes than can be answered: the queue grows without end.
    """
    if not 0 <= load < servers:
        raise ValueError(f"{servers} slots cannot carry a load of {load:g}.")
    # The recursion of Erlang B does not overflow, unlike factorials.
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def mean_wait(servers: int, rate: float, service: float) -> float:
    """Seconds that a request waits for a slot, on average (M/M/c).

    Args:
        servers: As for :func:`erlang_c`.
        rate: Arrivals a second.
        service: Seconds that one takes.
    """
    return erlang_c(servers, rate * service) * service / (servers - rate * service)


def late_share(servers: int, rate: float, service: float, limit: float) -> float:
    """The part of requests that wait longer than ``limit`` seconds (M/M/c)."""
    spare = servers / service - rate
    return erlang_c(servers, rate * service) * math.exp(-spare * limit)


def slots_needed(rate: float, service: float, limit: float, share: float = 0.05) -> int:
    """The fewest slots with which at most ``share`` of the requests wait beyond ``limit``.

    Args:
        rate: Arrivals a second.
        service: Seconds that one takes.
        limit: Seconds.
        share: Between 0 and 1.
    """
    servers = math.floor(rate * service) + 1
    while late_share(servers, rate, service, limit) > share:
        servers += 1
    return servers


class Costs(NamedTuple):
    """CPU seconds that one request takes, by whom."""

    worker: float
    redis: float


def capacity(costs: Costs, cores: int, use: float = 0.7) -> tuple[float, str]:
    """Requests a second of replicas with one Redis, and what limits them.

    Args:
        costs: Per request.
        cores: Of all replicas together; each has as many workers as cores.
        use: How busy they may be: above it, waiting grows steeply.
    """
    by_cores = use * cores / costs.worker
    by_redis = use / costs.redis if costs.redis > 0 else math.inf
    return (by_cores, "workers") if by_cores <= by_redis else (by_redis, "Redis")
