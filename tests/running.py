"""Real servers for tests: each a process group of its own, on a free port of the loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: What starts an ASGI server, and which package it is from.
ASGI_SERVERS = {
    "uvicorn": ("uvicorn", "-m uvicorn --port {port} {app}"),
    "wsproto": ("uvicorn", "-m uvicorn --port {port} --ws wsproto {app}"),
    "hypercorn": ("hypercorn", "-m hypercorn -b 127.0.0.1:{port} --graceful-timeout 1 {app}"),
    "granian": ("granian", "-m granian --interface asgi --port {port} {app}"),
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Running:
    """A server that runs.

    Args:
        process: Its process, the first of a group.
        port: Where it listens.
        log: What it writes.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    @property
    def text(self) -> str:
        """What it has written."""
        return self.log.read_text(errors="replace")

    def stop(self, wanted: int = signal.SIGTERM, timeout: float = 20) -> int:
        """Ask the process to end, as a supervisor does; gives the exit status.

        Not its group: a worker of uWSGI that gets the signal beside its master leaves
        at once. What is left of the group is killed.
        """
        for send, number in ((os.kill, wanted), (os.killpg, signal.SIGKILL)):
            if self.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    send(self.process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(timeout)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.returncode

    def wait_for_port(self) -> None:
        """Wait until it listens."""
        for _ in range(1200):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        pytest.fail(f"the server does not listen:\n{self.text}")

    def wait_for_text(self, text: str, timeout: float = 10, times: int = 1) -> None:
        """Wait until it has written something."""
        end = time.monotonic() + timeout
        while self.text.count(text) < times:
            if time.monotonic() > end:
                pytest.fail(f"{text!r} is not in the log {times} times:\n{self.text}")
            time.sleep(0.02)


@contextlib.contextmanager
def running(
    command: t.Sequence[str], port: int, folder: Path, cwd: Path | None = None, **env: str
) -> t.Iterator[Running]:
    """Run a server until the end of the block.

    Args:
        command: Its command line.
        port: Where it was told to listen.
        folder: For its output.
        cwd: Where it runs. Default: the folder.
        env: More for its environment.
    """
    log = folder / f"{Path(command[0]).name}-{port}.log"
    paths = [str(ROOT / "src"), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **env}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd or folder,
            env=environ,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Running(process, port, log)
    try:
        server.wait_for_port()
        yield server
    finally:
        server.stop()


def asgi_server(
    name: str, app: str, folder: Path, options: str = "", port: int | None = None, **env: str
) -> t.ContextManager[Running]:
    """An application on one of :data:`ASGI_SERVERS`; skips the test where it is missing.

    Args:
        name: The server.
        app: Import path of the application.
        folder: For its output.
        options: More for its command line.
        port: Where it listens. Default: a free one.
        env: More for its environment.
    """
    package, line = ASGI_SERVERS[name]
    pytest.importorskip(package, reason=f"{package} is missing: pip install {package}")
    port = port or free_port()
    words = line.format(port=port, app=app).split()
    return running([sys.executable, *words, *options.split()], port, folder, **env)
