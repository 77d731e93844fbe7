"""Sessions in files, for one machine: all its processes may use the same folder."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import typing as t
from pathlib import Path

from .codec import HEADER
from .store import CHANGED, DONE, GONE, Record, Store

try:
    import fcntl
except ImportError as error:
    raise ImportError(
        "Sessions in files need locks that this system does not have. Use another SESSION_STORE,"
        " such as sqlite:///sessions.db: pip install 'erlen[sqlalchemy]'"
    ) from error

#: Seconds between two times that a process removes what has expired.
SWEEP = 600.0

#: Files that are locked instead of the sessions, which come and go.
_LOCKS = 256


class FileStore(Store):
    """Sessions in files of a folder; a file's time is when its session expires.

    Args:
        folder: Made if it isn't there, for this user alone.
        timeout: Seconds to wait for who is writing the same session.
    """

    name = "files"
    failures = (OSError,)

    def __init__(self, folder: str | os.PathLike[str], timeout: float = 1.0) -> None:
        self._folder = Path(folder)
        self._timeout = timeout
        self._sessions = self._folder / "sessions"
        self._owners = self._folder / "users"
        self._locks = self._folder / "locks"
        self._swept = time.monotonic()

    def _path(self, key: str) -> Path:
        return self._sessions / key

    @contextlib.contextmanager
    def _locked(self, key: str) -> t.Iterator[None]:
        """Keep other threads and processes from writing a session, for a bounded time."""
        path = self._locks / f"{int(key[:8], 16) % _LOCKS:02x}"
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            self._make_folder()
            self._locks.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._wait_for(lock)
            yield
        finally:
            os.close(lock)

    def _wait_for(self, lock: int) -> None:
        end, pause = time.monotonic() + self._timeout, 0.0002
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    raise TimeoutError("a lock of the session folder is held for long") from None
            time.sleep(pause)
            pause = min(pause * 2, 0.01)

    def read(self, key: str) -> Record | None:
        """What is kept under a key."""
        try:
            with open(self._path(key), "rb") as file:
                if os.fstat(file.fileno()).st_mtime <= time.time():
                    return None
                return Record(file.read())
        except FileNotFoundError:
            if not self._folder.is_dir():
                self._make_folder()
            return None

    def _make_folder(self) -> None:
        # The parent must be there: a disk that isn't mounted is a store that is gone.
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def _write(self, key: str, raw: bytes, life: float, owner: str | None) -> None:
        path = self._path(key)
        draft = path.with_name(f".{key}.{os.getpid()}.{threading.get_ident()}")
        self._make_folder()
        self._sessions.mkdir(mode=0o700, exist_ok=True)
        expires = time.time() + life
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(raw)
        os.utime(draft, (expires, expires))
        if owner is not None:
            # Before the session: none may be there that signing out would not find.
            folder = self._owners / owner
            for place in (self._owners, folder):
                place.mkdir(mode=0o700, exist_ok=True)
            (folder / key).touch(0o600)
        os.replace(draft, path)

    def create(self, key: str, raw: bytes, life: float, owner: str | None) -> None:
        """Keep a new session."""
        self._write(key, raw, life, owner)
        now = time.monotonic()
        if now - self._swept > SWEEP:
            self._swept = now
            self.sweep()

    def _check(self, key: str, record: Record, raw: bytes) -> int:
        found = self.read(key)
        if found is None:
            return GONE
        if found.raw[:HEADER] != record.raw[:HEADER]:
            return DONE if found.raw[:HEADER] == raw[:HEADER] else CHANGED
        return DONE

    def replace(self, key: str, record: Record, raw: bytes, life: float, owner: str | None) -> int:
        """Replace a session if it still is as it was read."""
        with self._locked(key):
            outcome = self._check(key, record, raw)
            if outcome is DONE:
                self._write(key, raw, life, owner)
            return outcome

    def move(
        self, key: str, record: Record, new_key: str, raw: bytes, life: float, owner: str | None
    ) -> int:
        """As :meth:`replace`, under another key."""
        with self._locked(key):
            outcome = self._check(key, record, raw)
            if outcome is DONE:
                self._write(new_key, raw, life, owner)
                self._path(key).unlink(missing_ok=True)
            return outcome

    def delete(self, key: str) -> None:
        """End a session."""
        # With the lock: who is about to write it must not bring it back.
        with self._locked(key):
            self._path(key).unlink(missing_ok=True)

    def end_all(self, owner: str, keep: str | None) -> None:
        """End all sessions of an owner."""
        folder = self._owners / owner
        with contextlib.suppress(FileNotFoundError):
            for key in os.listdir(folder):
                if key != keep:
                    self.delete(key)
                    (folder / key).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what has expired, and who has no session any more."""
        now = time.time()
        with os.scandir(self._sessions) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if entry.stat().st_mtime <= now:
                        os.unlink(entry.path)
        if not self._owners.is_dir():
            return
        for folder in self._owners.iterdir():
            for mark in folder.iterdir():
                # Not one that is about to get its session.
                with contextlib.suppress(FileNotFoundError):
                    if not self._path(mark.name).exists() and mark.stat().st_mtime < now - 60:
                        mark.unlink()
