"""Metrics for Prometheus, by its own client library."""

from __future__ import annotations

import os
import typing as t
import weakref
from time import perf_counter

from .current import Observation
from .probes import Answer, Page

INSTALL = "pip install 'erlen[metrics]'"

#: Methods that are counted by name; a client can make up others without end.
_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT WEBSOCKET".split())
#: What stands for the path of a request that no rule matched.
UNMATCHED = "<unmatched>"


def client_library() -> t.Any:
    """The module ``prometheus_client``.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    try:
        import prometheus_client
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        raise ModuleNotFoundError(
            f"METRICS_PATH needs the package 'prometheus-client': {INSTALL}",
            name="prometheus_client",
        ) from None
    return prometheus_client


class Metrics:
    """The metrics of all applications that share a registry.

    Args:
        registry: A ``CollectorRegistry``.
        buckets: Upper bounds of the histogram, in seconds; None: the library's.
    """

    def __init__(self, registry: t.Any, buckets: t.Sequence[float] | None) -> None:
        library = client_library()
        own = {"buckets": tuple(buckets)} if buckets is not None else {}
        labels = ("method", "route", "status")
        self._count = library.Counter(
            "http_requests_total", "Requests answered.", labels, registry=registry
        )
        self._time = library.Histogram(
            "http_request_duration_seconds",
            "Seconds from a request's arrival to the end of its answer.",
            labels,
            registry=registry,
            **own,
        )
        self._open = library.Gauge(
            "http_requests_in_flight",
            "Requests under way.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._sockets = library.Gauge(
            "websockets_open",
            "Websockets that are open.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._socket_count = library.Counter(
            "websockets_total", "Websockets that have ended.", labels[1:], registry=registry
        )
        # The children: looking one up by its labels costs more than counting.
        self._known: dict[tuple[str, str, int], tuple[t.Any, t.Any]] = {}

    def begin(self, seen: Observation) -> None:
        """Count a request that begins."""
        (self._open if seen.kind == "http" else self._sockets).inc()

    def end(self, seen: Observation) -> None:
        """Count a request that has ended."""
        route = seen.rule or UNMATCHED
        # A peer that leaves before there is an answer: the code is Nginx's.
        status = seen.status or 499
        if seen.kind != "http":
            self._sockets.dec()
            self._socket_count.labels(route, status).inc()
            return
        self._open.dec()
        key = (seen.method if seen.method in _METHODS else "OTHER", route, status)
        known = self._known.get(key)
        if known is None:
            known = (self._count.labels(*key), self._time.labels(*key))
            self._known[key] = known
        count, time = known
        count.inc()
        time.observe(perf_counter() - seen.began)


_made: weakref.WeakKeyDictionary[t.Any, Metrics] = weakref.WeakKeyDictionary()


def metrics_of(registry: t.Any, buckets: t.Sequence[float] | None) -> Metrics:
    """The metrics of a registry, made at first use: each name may be there once.

    Args:
        registry: A ``CollectorRegistry``; None: the library's own, for the process.
        buckets: As for :class:`Metrics`.
    """
    registry = registry if registry is not None else client_library().REGISTRY
    found = _made.get(registry)
    if found is None:
        found = _made[registry] = Metrics(registry, buckets)
    return found


class MetricsPage(Page):
    """The page that Prometheus asks for.

    With ``PROMETHEUS_MULTIPROC_DIR`` in the environment it has the sums of all processes
    that share the folder.

    Args:
        registry: As for :func:`metrics_of`.
    """

    def __init__(self, registry: t.Any) -> None:
        self.registry = registry

    def answer(self, header: t.Callable[[str], str]) -> Answer:
        """See :class:`Page`."""
        library = client_library()
        registry = self.registry if self.registry is not None else library.REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            from prometheus_client import multiprocess

            registry = library.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        encode, media_type = library.exposition.choose_encoder(header("accept"))
        return "200 OK", media_type, encode(registry)

    async def answer_async(self, header: t.Callable[[str], str]) -> Answer:
        """See :class:`Page`; in a thread apart from those of the application."""
        import asyncio

        # Collectors of the user's own may block, and so may the files of other processes.
        return await asyncio.to_thread(self.answer, header)
