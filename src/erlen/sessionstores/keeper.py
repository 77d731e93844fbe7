"""What is done with a session in a store, whatever the store and the cookie are."""

from __future__ import annotations

import hashlib
import inspect
import logging
import random
import secrets
import time
import typing as t

from . import codec
from .errors import SessionEnded, StoreUnavailable
from .guard import Guard
from .session import StoredSession
from .store import CHANGED, DONE, GONE, Record, Store

T = t.TypeVar("T")

logger = logging.getLogger("erlen.sessions")

#: What part of its life may have gone by before a session that was used is written again
#: only to live on: a write in twenty instead of one with each request.
SLACK = 0.05

#: Seconds to go on trying while others keep writing the same session.
PATIENCE = 10.0


def digest(text: str) -> str:
    """What stands for an id or a user in a store.

    Args:
        text: The id.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Keeper:
    """Reads, writes and ends the sessions of an application.

    Args:
        store: Where they are.
        user_keys: Names of the session's keys that say who is signed in.
    """

    def __init__(self, store: Store, user_keys: t.Sequence[str]) -> None:
        self.store = store
        self._ask = Guard(store)
        self._user_keys = tuple(user_keys)

    def owner_of(self, data: t.Mapping[str, t.Any]) -> str | None:
        """Whose a session is; None if nobody is signed in.

        Args:
            data: The session.
        """
        for key in self._user_keys:
            user = data.get(key)
            if user is not None:
                return digest(f"user {user}")
        return None

    # -- reading -------------------------------------------------------------------------

    def open(self, id: str | None, life: float) -> StoredSession:
        """The session with an id; a new one if the store has none: the id is not adopted.

        Args:
            id: From the cookie, and of the form that ids have.
            life: Seconds that a session lives after it was last used.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        session = StoredSession(self, life)
        if id is None:
            return session
        key = digest(id)
        record = self._ask(self.store.read, key)
        data = None if record is None else self._load(record, life)
        if data is None:
            return session
        dict.update(session, data)
        session.new = False
        session._id, session._key, session._record = id, key, record
        session._owner = self.owner_of(session)
        session._was_permanent = session.permanent
        return session

    def _load(self, record: Record, life: float) -> dict[str, t.Any] | None:
        try:
            return codec.load(record.raw) if codec.age(record.raw) < life else None
        except ValueError:
            logger.warning("What the store (%s) has is no session: ignored.", self.store.name)
            return None

    # -- writing -------------------------------------------------------------------------

    def save(self, session: StoredSession) -> str | None:
        """Write a session, if it has to be written.

        Args:
            session: What `open` gave.

        Returns:
            The id, if it is a new one.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        if not session:
            if session._key is not None:
                self._ask(self.store.delete, session._key)
                session._key = None
            return None
        owner = self.owner_of(session)
        if session._key is None:
            # One that has ended meanwhile is not brought back to life.
            return self._create(session, owner) if session.new and session.modified else None
        if session._rotate or owner != session._owner:
            return self._move(session, owner)
        if self.is_due(session):
            self._replace(session)
        return None

    def save_in_place(self, session: StoredSession) -> bool:
        """Write a session that the store has and that keeps its id, if it has to be written.

        Args:
            session: What `open` gave, not empty.

        Returns:
            False if it needs another id: then nothing was done.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        if session._rotate or self.owner_of(session) != session._owner:
            return False
        if session.modified or self.is_due(session):
            self._replace(session)
        return True

    def is_due(self, session: StoredSession) -> bool:
        """Whether saving a session comes to a write.

        Args:
            session: What `open` gave.
        """
        record = session._record
        if record is None:
            return bool(session) and session.modified
        if session.modified:
            return True
        if codec.age(record.raw) > session._life * SLACK:
            return True
        return codec.is_nested(session) and codec.dump(session) != record.raw[codec.HEADER :]

    def _create(self, session: StoredSession, owner: str | None) -> str:
        id, key, raw = *_new_id(), codec.seal(session)
        self._ask(self.store.create, key, raw, session._life, owner)
        _adopt(session, id, key, Record(raw), owner)
        return id

    def _replace(self, session: StoredSession) -> None:
        key, owner = t.cast(str, session._key), session._owner
        raw, record = codec.seal(session), t.cast(Record, session._record)
        outcome = self._ask(self.store.replace, key, record, raw, session._life, owner)
        if outcome is DONE:
            session._record, session.modified = Record(raw), False
            return

        def write(raw: bytes, record: Record) -> int:
            arguments = (key, record, raw, session._life, owner)
            return t.cast(int, self._ask(self.store.replace, *arguments))

        if outcome is GONE or self._write(session, write) is GONE:
            self._lost(session)

    def _move(self, session: StoredSession, owner: str | None) -> str | None:
        key = t.cast(str, session._key)
        id, new_key = _new_id()

        def write(raw: bytes, record: Record) -> int:
            arguments = (key, record, new_key, raw, session._life, owner)
            return t.cast(int, self._ask(self.store.move, *arguments))

        if self._write(session, write) is DONE:
            _adopt(session, id, new_key, t.cast(Record, session._record), owner)
            return id
        if owner is not None and owner != session._owner:
            # Who signs in does so, whatever became of the session before.
            return self._create(session, owner)
        self._lost(session)
        return None

    def _write(
        self,
        session: StoredSession,
        write: t.Callable[[bytes, Record], int],
        change: t.Callable[[dict[str, t.Any]], t.Any] | None = None,
    ) -> int:
        """Write what the session has become on top of what others wrote meanwhile."""
        first = record = t.cast(Record, session._record)
        theirs = None if change is None else codec.load(record.raw)
        for _ in _tries(self.store.name):
            if theirs is None:
                data: dict[str, t.Any] = session
            else:
                # Objects of their own with each try: what `change` did to the last is void.
                mine = codec.parse(codec.dump(session))
                data = codec.merge(codec.load(first.raw), mine, theirs)
            if change is not None:
                change(data)
            raw = codec.seal(data)
            outcome = write(raw, record)
            if outcome is DONE:
                if data is not session:
                    dict.clear(session)
                    dict.update(session, data)
                session._record, session.modified = Record(raw), False
            if outcome is not CHANGED:
                return outcome
            newest = self._ask(self.store.read, t.cast(str, session._key))
            if newest is None:
                return GONE
            record, theirs = newest, codec.load(newest.raw)
        raise AssertionError("never reached")

    def _lost(self, session: StoredSession) -> None:
        # Neither kept nor told to the client: its cookie may be a newer one already.
        logger.info("A session has ended while a request changed it: the change is dropped.")
        session._key = session._record = None
        session.new = False

    def update(self, session: StoredSession, change: t.Callable[[dict[str, t.Any]], T]) -> T:
        """Change a session in one step; see :meth:`StoredSession.update_atomic`.

        Args:
            session: What `open` gave.
            change: Takes the data.
        """
        if inspect.iscoroutinefunction(change):
            raise TypeError(
                f"{change!r} is a coroutine function: 'update_atomic' takes a plain function,"
                " which only changes the dictionary it is given."
            )
        if session._key is None:
            if not session.new:
                raise SessionEnded
            # Nobody else knows its id, which does not exist yet.
            return change(session)
        key, results = session._key, []

        def write(raw: bytes, record: Record) -> int:
            arguments = (key, record, raw, session._life, session._owner)
            return t.cast(int, self._ask(self.store.replace, *arguments))

        outcome = self._write(session, write, lambda data: results.append(change(data)))
        if outcome is GONE:
            self._lost(session)
            raise SessionEnded
        return results[-1]

    # -- ending --------------------------------------------------------------------------

    def end_all(self, user: t.Any, keep: StoredSession | None) -> None:
        """End all sessions of a user.

        Args:
            user: What the sessions have under one of ``SESSION_USER_KEYS``.
            keep: One that stays.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        key = None if keep is None else keep._key
        self._ask(self.store.end_all, digest(f"user {user}"), key)


def _new_id() -> tuple[str, str]:
    """An id of 256 random bits, and its key."""
    id = secrets.token_urlsafe(32)
    return id, digest(id)


def _adopt(session: StoredSession, id: str, key: str, record: Record, owner: str | None) -> None:
    session._id, session._key, session._record, session._owner = id, key, record, owner
    session._rotate = session.modified = session.new = False


def _tries(name: str) -> t.Iterator[int]:
    """Once, and again after ever longer pauses, as often as there is time."""
    end = time.monotonic() + PATIENCE
    number = 0
    while True:
        yield number
        if time.monotonic() > end:
            raise StoreUnavailable(name, f"others wrote the same session for {PATIENCE:.0f} s")
        # By chance, so that those who met do not meet again.
        time.sleep(random.random() * 0.001 * 2 ** min(number, 5))
        number += 1
