"""Gunicorn's configuration for metrics of several workers; see docs/howto/observability.md."""

from prometheus_client import multiprocess


def child_exit(server, worker):  # type: ignore[no-untyped-def]
    multiprocess.mark_process_dead(worker.pid)
