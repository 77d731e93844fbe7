"""A PostgreSQL of its own for tests, and databases in it.

``postgres`` is the address of a database that only this test module uses. The cluster behind it
is started once per session, by the first test that asks.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

import pytest

from running import Running, free_port, running

INSTALL = "on Debian: apt-get install postgresql"
USER, PASSWORD = "erlen", "riverside"
#: What a test writes need not outlive the machine. It must outlive a crash of the server: hence
#: nothing about `synchronous_commit`, without which a commit may be lost then.
FAST = "fsync=off full_page_writes=off shared_buffers=32MB autovacuum=off"


def programs() -> Path:
    """The folder of PostgreSQL's programs, which Debian keeps off the PATH; may skip the test."""
    found = shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "postgres").exists() and (place / "initdb").exists():
            return place
    pytest.skip(f"PostgreSQL is missing; {INSTALL}")


def another_user() -> pwd.struct_passwd | None:
    """Whom it runs as, if we are root: it refuses that."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")


class Cluster:
    """A PostgreSQL server with its data.

    Args:
        folder: For everything it writes; other users must be able to get there.
    """

    def __init__(self, folder: Path) -> None:
        self.programs = programs()
        self.port = free_port()
        self._folder = folder
        self._data = folder / "data"
        self._stack = contextlib.ExitStack()
        self._databases = 0
        user = another_user()
        self._prefix: list[str] = []
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
            words = f"setpriv --reuid {user.pw_uid} --regid {user.pw_gid} --clear-groups"
            self._prefix = words.split()
        self._make()

    def _make(self) -> None:
        key = self._folder / "password"
        key.write_text(PASSWORD)
        options = (
            "--auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync --no-instructions"
        )
        where = ["-D", str(self._data), "-U", USER, f"--pwfile={key}"]
        command = [*self._prefix, str(self.programs / "initdb"), *options.split(), *where]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True)
        if done.returncode:
            pytest.fail(f"initdb failed:\n{done.stdout}{done.stderr}")

    def start(self) -> None:
        """Start it on its port, and wait until it takes connections."""
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", *FAST.split()]
        where = ["-D", str(self._data), "-p", str(self.port)]
        command = [*self._prefix, str(self.programs / "postgres"), *where]
        command += [word for setting in settings for word in ("-c", setting)]
        server = self._stack.enter_context(running(command, self.port, self._folder))
        self._server: Running = server
        end = time.monotonic() + 30
        # After a crash it listens first and recovers then.
        while not self._answers():
            if time.monotonic() > end:
                pytest.fail(f"PostgreSQL does not take connections:\n{server.text}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            return True
        return False

    def stop(self, crash: bool = False) -> None:
        """Stop it; clients are thrown out.

        Args:
            crash: At once, without writing anything down (an *immediate shutdown*): the next
                start has to recover. Otherwise what is uncommitted is rolled back first.
        """
        self._server.stop(signal.SIGQUIT if crash else signal.SIGINT)
        self._stack.close()

    def url(self, database: str, driver: str = "postgresql") -> str:
        """The address of a database.

        Args:
            database: Its name.
            driver: How the address starts. SQLAlchemy wants ``postgresql+psycopg``.
        """
        return f"{driver}://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def database(self, name: str = "test") -> t.Iterator[str]:
        """A new, empty database until the end of the block; gives its address.

        Args:
            name: What its name starts with.
        """
        self._databases += 1
        words = re.sub(r"\W+", "_", name.lower())[:40]
        name = f"{words}_{self._databases}"
        self.run(f'CREATE DATABASE "{name}"')
        try:
            yield self.url(name)
        finally:
            # Connections that a pool still holds must not keep it.
            self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def run(self, statement: t.LiteralString, *values: t.Any) -> list[tuple[t.Any, ...]]:
        """Run a statement as a superuser outside of any transaction; gives its rows."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def connections(self, url: str) -> int:
        """How many connections clients hold to the database of an address."""
        wanted = url.rpartition("/")[2]
        question = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        return int(self.run(question, wanted)[0][0])


@contextlib.contextmanager
def postgres_server() -> t.Iterator[Cluster]:
    """Run PostgreSQL until the end of the block; skips the test if there is none."""
    pytest.importorskip("psycopg", reason="the client is missing: pip install 'psycopg[binary]'")
    # Not pytest's folder: no other user may enter that.
    folder = Path(tempfile.mkdtemp(prefix="erlen-postgres-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        cluster = Cluster(folder)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_cluster() -> t.Iterator[Cluster]:
    """The server that the tests of this session share. Who stops it has to start it again."""
    with postgres_server() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def postgres(postgres_cluster: Cluster, request: pytest.FixtureRequest) -> t.Iterator[str]:
    """The address of an empty database for this test module: ``postgresql://...``."""
    with postgres_cluster.database(request.module.__name__.rpartition(".")[2]) as url:
        yield url
