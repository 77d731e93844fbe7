"""A Redis of its own for tests."""

from __future__ import annotations

import contextlib
import shutil
import typing as t
from pathlib import Path

import pytest

from running import Running, free_port, running


def redis_command(port: int, folder: Path) -> list[str]:
    """The command line of a Redis that keeps nothing on disk; skips the test if there is none."""
    pytest.importorskip("redis", reason="the client is missing: pip install 'erlen[redis]'")
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is missing; on Debian: apt-get install redis-server")
    options = f"--port {port} --bind 127.0.0.1 --appendonly no --dir {folder}"
    # An empty argument turns snapshots off.
    return ["redis-server", *options.split(), "--save", ""]


@contextlib.contextmanager
def redis_server(folder: Path, port: int | None = None) -> t.Iterator[Running]:
    """Run Redis until the end of the block.

    Args:
        folder: For its output.
        port: Where it listens. Default: a free port.
    """
    port = port or free_port()
    with running(redis_command(port, folder), port, folder) as server:
        yield server
