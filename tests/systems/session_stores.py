"""The stores that sessions are tested on: each a real one, that can be stopped and started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import time
import typing as t
from pathlib import Path
from urllib.parse import unquote

import pytest

from running import free_port
from services.memcached import memcached_server
from services.postgres import postgres_server
from services.redis import redis_server

NAMES = ["redis", "memcached", "postgres", "sqlite", "file"]
#: Those that can be gone while an application runs.
SERVERS = ["redis", "memcached", "postgres", "file"]


class Backend:
    """One store.

    Args:
        name: Which.
        folder: For its files.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.process: t.Any = None
        self._running: contextlib.ExitStack | None = None
        self._cluster: t.Any = None
        self._stack = contextlib.ExitStack()
        self.port = free_port() if name in ("redis", "memcached") else 0
        if name == "postgres":
            self._cluster = self._stack.enter_context(postgres_server())
            self.process = self._cluster._server.process
        self.start()

    @property
    def url(self) -> str:
        """What ``SESSION_STORE`` is set to."""
        if self.name == "postgres":
            return t.cast(str, self._cluster.url("postgres", "postgresql+psycopg"))
        return {
            "redis": f"redis://127.0.0.1:{self.port}/0",
            "memcached": f"memcached://127.0.0.1:{self.port}",
            "sqlite": f"sqlite:///{self.folder}/sessions.db",
            "file": f"file://{self.folder}/disk/sessions",
        }[self.name]

    def start(self) -> None:
        """Start it, again on the same port."""
        if self.name in ("redis", "memcached"):
            server = redis_server if self.name == "redis" else memcached_server
            self._running = contextlib.ExitStack()
            running = self._running.enter_context(server(self.folder, self.port))
            self.process = running.process
        elif self.name == "postgres" and self._running is not None:
            self._cluster.start()
        elif self.name == "file":
            (self.folder / "disk").mkdir(exist_ok=True)

    def stop(self) -> None:
        """Stop it; for files, the disk is gone."""
        if self.name in ("redis", "memcached"):
            t.cast(contextlib.ExitStack, self._running).close()
        elif self.name == "postgres":
            self._cluster.stop()
            self._running = contextlib.ExitStack()
        elif self.name == "file":
            shutil.rmtree(self.folder / "disk")

    @contextlib.contextmanager
    def silent(self) -> t.Iterator[None]:
        """Have it take connections and questions, and answer none of them.

        Servers are suspended; a database has its table locked; files have lost their disk.
        """
        if self.name == "postgres":
            import psycopg

            with psycopg.connect(self._cluster.url("postgres")) as connection:
                connection.execute("LOCK TABLE erlen_sessions IN ACCESS EXCLUSIVE MODE")
                yield
        elif self.name == "file":
            away = (self.folder / "disk").rename(self.folder / "away")
            try:
                yield
            finally:
                away.rename(self.folder / "disk")
        else:
            os.killpg(self.process.pid, signal.SIGSTOP)
            try:
                self._wait_until_stopped()
                yield
            finally:
                os.killpg(self.process.pid, signal.SIGCONT)

    def _wait_until_stopped(self) -> None:
        # Each of its threads takes note in its own time.
        tasks = list(Path(f"/proc/{self.process.pid}/task").glob("*/stat"))
        while any(task.read_text().rpartition(")")[2].split()[0] != "T" for task in tasks):
            time.sleep(0.005)

    def close(self) -> None:
        """Stop it for good."""
        if self.name in ("redis", "memcached"):
            t.cast(contextlib.ExitStack, self._running).close()
        self._stack.close()

    def contents(self) -> bytes:
        """All that is kept, keys and values."""
        if self.name == "redis":
            import redis

            with redis.Redis(port=self.port) as client:
                keys = list(client.scan_iter())
                values = [client.get(k) for k in keys if client.type(k) == b"string"]
            return b"\n".join(keys + values)
        if self.name == "memcached":
            return self._dump()
        if self.name == "postgres":
            rows = self._cluster.run("SELECT key, version, owner, data FROM erlen_sessions")
            return repr(
                [[bytes(x) if isinstance(x, memoryview) else x for x in r] for r in rows]
            ).encode()
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return b"\n".join(path.name.encode() + path.read_bytes() for path in files)

    def _dump(self) -> bytes:
        from pymemcache.client.base import Client

        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as link:
            link.sendall(b"lru_crawler metadump all\r\n")
            text = b""
            while not text.endswith(b"END\r\n"):
                text += link.recv(65536)
        lines = [line.split()[0].decode() for line in text.splitlines()]
        keys = [unquote(line[4:]) for line in lines if line.startswith("key=")]
        client = Client(("127.0.0.1", self.port))
        values = [client.get(key) or b"" for key in keys]
        client.close()
        return text + b"\n".join(values)


@contextlib.contextmanager
def backend_for(name: str, factory: pytest.TempPathFactory) -> t.Iterator[Backend]:
    """A store until the end of the block."""
    backend = Backend(name, factory.mktemp(f"store-{name}"))
    try:
        yield backend
    finally:
        backend.close()
