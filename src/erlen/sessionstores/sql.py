"""Sessions in a database that SQLAlchemy knows."""

from __future__ import annotations

import os
import threading
import time
import typing as t
import weakref

from .codec import HEADER
from .store import CHANGED, DONE, GONE, Record, Store

try:
    import sqlalchemy as sa
    from sqlalchemy import exc
    from sqlalchemy.exc import NoSuchModuleError as NoSuchModuleError
except ImportError as error:
    raise ImportError(
        "Sessions in a database need the package 'sqlalchemy': pip install 'erlen[sqlalchemy]'"
    ) from error

#: Seconds between two times that a process removes what has expired.
SWEEP = 600.0

#: Seconds that SQLite waits for another writer: the database is busy then, not gone.
_SQLITE_WAIT = 15

_stores: weakref.WeakSet[SQLStore] = weakref.WeakSet()


def session_table(metadata: sa.MetaData, name: str = "erlen_sessions") -> sa.Table:
    """The table of the sessions, for an application that makes its tables by migrations.

    Args:
        metadata: What the table becomes part of.
        name: Its name: ``SESSION_STORE_PREFIX`` and ``_sessions``.
    """
    return sa.Table(
        name,
        metadata,
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("version", sa.String(HEADER), nullable=False),
        sa.Column("owner", sa.String(64), index=True),
        sa.Column("expires", sa.BigInteger, nullable=False, index=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )


class SQLStore(Store):
    """Sessions in a table, which is made if it isn't there.

    Args:
        engine: An engine of SQLAlchemy, not an asynchronous one, or the URL for one.
        timeout: Seconds to wait for a connection, and for an answer.
        prefix: What the table's name begins with.
    """

    name = "SQL"
    failures = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, OSError)

    def __init__(self, engine: t.Any, timeout: float = 1.0, prefix: str = "erlen") -> None:
        self._engine = make_engine(engine, timeout) if isinstance(engine, str) else engine
        if self._engine.dialect.is_async:
            raise ValueError(
                f"SESSION_STORE has the driver {self._engine.dialect.driver!r}, which needs"
                " asyncio; take one that does not, such as postgresql+psycopg or sqlite."
            )
        self._metadata = sa.MetaData()
        self._table = table = session_table(self._metadata, f"{prefix}_sessions")
        mine = table.c.key == sa.bindparam("k")
        self._select = sa.select(table.c.version, table.c.data).where(
            mine, table.c.expires > sa.bindparam("now")
        )
        self._insert = table.insert()
        self._update = table.update().where(mine, table.c.version == sa.bindparam("v"))
        self._delete = table.delete().where(mine)
        self._ready = False
        self._lock = threading.Lock()
        self._swept = time.monotonic()
        _stores.add(self)

    def begin(self) -> None:
        """Let the parent of a fork keep its connections."""
        self._engine.dispose(close=False)

    def _do(self, work: t.Callable[[sa.Connection], t.Any]) -> t.Any:
        """Do something in a transaction; once more on another connection if one was stale."""
        if not self._ready:
            self._make_table()
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
        with self._engine.begin() as connection:
            return work(connection)

    def _make_table(self) -> None:
        with self._lock:
            if self._ready:
                return
            try:
                self._metadata.create_all(self._engine)
            except exc.DBAPIError:
                # Another process was just as quick.
                if not sa.inspect(self._engine).has_table(self._table.name):
                    raise
            self._ready = True

    def read(self, key: str) -> Record | None:
        """What is kept under a key."""

        def work(connection: sa.Connection) -> Record | None:
            row = connection.execute(self._select, {"k": key, "now": _now()}).first()
            return None if row is None else Record(row[0].encode() + bytes(row[1]))

        return t.cast("Record | None", self._do(work))

    def create(self, key: str, raw: bytes, life: float, owner: str | None) -> None:
        """Keep a new session."""
        values = {"key": key, **_columns(raw, life, owner)}
        now = time.monotonic()
        sweep = now - self._swept > SWEEP
        if sweep:
            self._swept = now

        def work(connection: sa.Connection) -> None:
            connection.execute(self._insert, values)
            if sweep:
                gone = self._table.c.expires <= _now()
                connection.execute(self._table.delete().where(gone))

        self._do(work)

    def replace(self, key: str, record: Record, raw: bytes, life: float, owner: str | None) -> int:
        """Replace a session if it still is as it was read."""
        return self.move(key, record, key, raw, life, owner)

    def move(
        self, key: str, record: Record, new_key: str, raw: bytes, life: float, owner: str | None
    ) -> int:
        """As :meth:`replace`, under another key."""
        values = _columns(raw, life, owner)
        update = self._update.values(key=new_key, **values)
        which = {"k": key, "v": record.raw[:HEADER].decode()}

        def work(connection: sa.Connection) -> int:
            if connection.execute(update, which).rowcount:
                return DONE
            # Perhaps it was this write, whose answer was lost.
            for place in {key, new_key}:
                row = connection.execute(self._select, {"k": place, "now": _now()}).first()
                if row is not None:
                    return DONE if row[0] == values["version"] else CHANGED
            return GONE

        return int(self._do(work))

    def delete(self, key: str) -> None:
        """End a session."""
        self._do(lambda connection: connection.execute(self._delete, {"k": key}))

    def end_all(self, owner: str, keep: str | None) -> None:
        """End all sessions of an owner."""
        columns = self._table.c
        delete = self._table.delete().where(columns.owner == owner, columns.key != (keep or ""))
        self._do(lambda connection: connection.execute(delete))

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()


def make_engine(url: str, timeout: float) -> sa.Engine:
    """An engine whose connections wait no longer than they should.

    Args:
        url: A URL of SQLAlchemy.
        timeout: Seconds.
    """
    seconds = max(int(timeout + 0.999), 1)
    wait: dict[str, t.Any] = {}
    driver = sa.make_url(url).get_driver_name()
    if driver in ("psycopg", "psycopg2"):
        wait = {
            # The library takes 1 for 2.
            "connect_timeout": max(seconds, 2),
            # A network that is gone; a slow or locked database is for `statement_timeout`.
            "tcp_user_timeout": int(timeout * 1000),
            "keepalives_idle": 1,
            "keepalives_interval": 1,
            "keepalives_count": 2,
            "options": f"-c statement_timeout={int(timeout * 1000)}",
        }
    elif driver in ("pymysql", "mysqldb"):
        wait = {"connect_timeout": seconds, "read_timeout": seconds, "write_timeout": seconds}
    elif driver == "pysqlite":
        wait = {"timeout": _SQLITE_WAIT}
    options: dict[str, t.Any] = {}
    if driver != "pysqlite":
        options["pool_timeout"] = timeout
    return sa.create_engine(url, connect_args=wait, **options)


def _now() -> int:
    return int(time.time() * 1000)


def _columns(raw: bytes, life: float, owner: str | None) -> dict[str, t.Any]:
    return {
        "version": raw[:HEADER].decode(),
        "data": raw[HEADER:],
        "owner": owner,
        "expires": _now() + int(life * 1000),
    }


def _in_child() -> None:
    for store in _stores:
        store.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
