"""A Memcached of its own for tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t
from pathlib import Path

import pytest

from running import Running, free_port, running


def memcached_command(port: int) -> list[str]:
    """The command line of a Memcached; skips the test if there is none."""
    pytest.importorskip(
        "pymemcache", reason="the client is missing: pip install 'erlen[memcached]'"
    )
    if shutil.which("memcached") is None:
        pytest.skip("memcached is missing; on Debian: apt-get install memcached")
    command = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-t", "2", "-m", "32"]
    # It runs as root only if it is told to.
    return [*command, "-u", "root"] if os.geteuid() == 0 else command


@contextlib.contextmanager
def memcached_server(folder: Path, port: int | None = None) -> t.Iterator[Running]:
    """Run Memcached until the end of the block.

    Args:
        folder: For its output.
        port: Where it listens. Default: a free port.
    """
    port = port or free_port()
    with running(memcached_command(port), port, folder) as server:
        yield server
