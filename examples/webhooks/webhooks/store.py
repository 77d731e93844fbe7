"""What was received, in SQLite: each signed message once, each event once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.resources import files
from pathlib import Path


class Replayed(Exception):
    """The very same signed message has been here before."""


class Store:
    """A file with all that was received; any number of processes may share it.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._connection() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(files(__package__).joinpath("schema.sql").read_text())

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        try:
            yield db
        finally:
            db.close()

    @contextmanager
    def delivery(
        self, vendor: str, signed: bytes, expires: float | None = None
    ) -> Iterator[sqlite3.Connection]:
        """Take a delivery in, for ``with``: all of the block is kept, or nothing.

        If the block fails, the vendor is told so and comes again, as if nothing had been.

        Args:
            vendor: Who sent it.
            signed: What the signature is about.
            expires: When the signature is too old by itself; then it is forgotten here.

        Raises:
            Replayed: It has been here before.
        """
        now = time.time()
        with self._connection() as db:
            # The lock first: two of the same kind can't both find nothing.
            db.execute("BEGIN IMMEDIATE")
            try:
                db.execute("DELETE FROM deliveries WHERE expires < ?", (now,))
                values = (vendor, sha256(signed).hexdigest(), now, expires)
                try:
                    db.execute("INSERT INTO deliveries VALUES (?, ?, ?, ?)", values)
                except sqlite3.IntegrityError:
                    raise Replayed from None
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def count(self) -> dict[str, int]:
        """How many there are of each."""
        with self._connection() as db:
            names = ("deliveries", "events", "payments", "messages")
            return {
                name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names
            }


def is_new(db: sqlite3.Connection, vendor: str, event: str, kind: str) -> bool:
    """Remember an event; False if it was known.

    Args:
        db: What :meth:`Store.delivery` gave.
        vendor: Who sent it.
        event: Its id.
        kind: What it is.
    """
    values = (vendor, event, kind, time.time())
    return db.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", values).rowcount == 1
