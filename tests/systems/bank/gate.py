"""Where a transfer waits between its two writes, so that a test can do something meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

URL = os.environ["BANK_URL"]
#: How SQLAlchemy is told to use psycopg 3.
ALCHEMY_URL = URL.replace("postgresql://", "postgresql+psycopg://")
LIMIT = 15.0


class Stopped(Exception):
    """A transfer that fails halfway."""


def waits(how: str) -> Iterator[float]:
    """The pauses, in seconds, to make between the two writes.

    Args:
        how: ``gate`` to wait for the file, ``fail`` to fail here, or nothing.
    """
    if how == "fail":
        raise Stopped("between the two writes")
    if how != "gate":
        return
    folder = Path(os.environ["BANK_GATE"])
    (folder / "arrived").touch()
    end = time.monotonic() + LIMIT
    while not (folder / "go").exists():
        if time.monotonic() > end:
            raise TimeoutError("nobody opened the gate")
        yield 0.01


def between(how: str) -> None:
    """Do what a test wants between two writes of a plain function."""
    for pause in waits(how):
        time.sleep(pause)
