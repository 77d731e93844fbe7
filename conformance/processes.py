"""Commands as process groups of their own, ended with all that they have started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

# How long pytest has to stop the servers that its tests have started.
PATIENCE = 15

_running: set[int] = set()


def run(command: list[str], cwd: Path, env: dict[str, str], log: Path, seconds: float) -> bool:
    """Run a command; False if it took longer than that many seconds and was ended."""
    with open(log, "w") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdout=output, stderr=output, start_new_session=True
        )
    _running.add(process.pid)
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        send(process.pid, signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        return False
    finally:
        # What tests have left running goes with them.
        send(process.pid, signal.SIGKILL)
        process.wait()
        _running.discard(process.pid)


def interrupt_all() -> None:
    """End every command that other threads are running."""
    for group in list(_running):
        send(group, signal.SIGINT)
    end = time.monotonic() + PATIENCE
    while _running and time.monotonic() < end:
        time.sleep(0.1)
    for group in list(_running):
        send(group, signal.SIGKILL)


def send(group: int, number: signal.Signals) -> None:
    """Send a signal to a group of processes that may have gone."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass
