"""Sessions in Memcached.

It has no way to find the sessions of a user. So each user has a key with a random *stamp*,
each of the user's sessions carries it, and one whose stamp isn't the present one has ended.
If Memcached drops the stamp for want of memory, the user has to sign in again; nobody stays
signed in who should not.
"""

from __future__ import annotations

import math
import os
import secrets
import time
import typing as t
import weakref

from .codec import HEADER
from .store import CHANGED, DONE, GONE, Record, Store

try:
    from pymemcache.client.base import PooledClient
    from pymemcache.exceptions import MemcacheError, MemcacheUnexpectedCloseError
except ImportError as error:
    raise ImportError(
        "Sessions in Memcached need the package 'pymemcache': pip install 'erlen[memcached]'"
    ) from error

#: Seconds from which on Memcached takes an expiry for a date; and of a year.
_MONTH, _YEAR = 30 * 24 * 3600, 365 * 24 * 3600

#: How often a call is tried on another connection: a server that was started anew has ended
#: all those in the pool.
_STALE = 64

_OWNER = 64
_FRONT = 1 + _OWNER + 22
_stores: weakref.WeakSet[MemcachedStore] = weakref.WeakSet()


class MemcachedStore(Store):
    """Sessions in Memcached: one round trip to read, two where somebody is signed in.

    Args:
        client: A client of pymemcache that several threads may use, or a server as
            ``memcached://host:port`` or ``memcached:///path/of/socket``.
        timeout: Seconds to wait for a connection, and for an answer.
        prefix: What keys begin with.
    """

    name = "Memcached"
    failures = (MemcacheError, OSError)

    def __init__(self, client: t.Any, timeout: float = 1.0, prefix: str = "erlen") -> None:
        self._server = client if isinstance(client, str) else None
        self._timeout = timeout
        self._client: t.Any = client if self._server is None else self._connect()
        self._sessions, self._owners = f"{prefix}:session:", f"{prefix}:user:"
        _stores.add(self)

    def _connect(self) -> PooledClient:
        return PooledClient(
            server_of(t.cast(str, self._server)),
            connect_timeout=self._timeout,
            timeout=self._timeout,
            no_delay=True,
        )

    def begin(self) -> None:
        """Let the parent of a fork keep its connections."""
        if self._server is not None:
            self._client = self._connect()

    def _do(self, command: str, *arguments: t.Any) -> t.Any:
        for _ in range(_STALE):
            try:
                return getattr(self._client, command)(*arguments)
            except (ConnectionResetError, BrokenPipeError, MemcacheUnexpectedCloseError):
                # A connection from before: it has been taken out of the pool.
                continue
        return getattr(self._client, command)(*arguments)

    # -- stamps --------------------------------------------------------------------------

    def _stamp_of(self, owner: str, life: float) -> bytes:
        """The present stamp of a user, made if there is none; lives on."""
        key = self._owners + owner
        for _ in range(3):
            found: bytes | None = self._do("get", key)
            if found is not None:
                self._do("touch", key, _expiry(life), False)
                return found
            stamp = secrets.token_urlsafe(16).encode()
            if self._do("add", key, stamp, _expiry(life), False):
                return stamp
        raise MemcacheError("a key can't be read just after it was written")

    # -- sessions ------------------------------------------------------------------------

    def _fetch(self, key: str) -> tuple[bytes, bytes, t.Any] | None:
        """A session's bytes, what stands before them, and what is needed to replace them."""
        value, cas = self._do("gets", self._sessions + key)
        if not value:
            # Empty: moved to another key.
            return None
        if value[:1] != b"@":
            return value[1:], b"-", cas
        front, raw = value[:_FRONT], value[_FRONT:]
        return (raw, front, cas) if self._is_present(front) else None

    def _is_present(self, front: bytes) -> bool:
        """Whether the stamp before a session's bytes still is its user's."""
        if front == b"-":
            return True
        owner = front[1 : 1 + _OWNER].decode("ascii", "replace")
        return bool(self._do("get", self._owners + owner) == front[1 + _OWNER :])

    def _front(self, owner: str | None, life: float) -> bytes:
        return b"-" if owner is None else b"@%b%b" % (owner.encode(), self._stamp_of(owner, life))

    def read(self, key: str) -> Record | None:
        """What is kept under a key."""
        found = self._fetch(key)
        return None if found is None else Record(found[0], found[1:])

    def create(self, key: str, raw: bytes, life: float, owner: str | None) -> None:
        """Keep a new session."""
        front = self._front(owner, life)
        self._do("set", self._sessions + key, front + raw, _expiry(life), False)

    def _exchange(self, key: str, record: Record, raw: bytes, value: t.Any, expiry: int) -> int:
        """Put a value in a session's place, if that is as it was read."""
        front, cas = record.token or (b"-", None)
        if cas is None or not self._is_present(front):
            found = self._fetch(key)
            if found is None:
                return GONE
            now, front, cas = found
            if now[:HEADER] != record.raw[:HEADER]:
                return DONE if now[:HEADER] == raw[:HEADER] else CHANGED
        made = self._do("cas", self._sessions + key, value(front), cas, expiry)
        return DONE if made else GONE if made is None else CHANGED

    def replace(self, key: str, record: Record, raw: bytes, life: float, owner: str | None) -> int:
        """Replace a session if it still is as it was read."""
        if owner is not None:
            self._do("touch", self._owners + owner, _expiry(life), False)
        outcome = self._exchange(key, record, raw, lambda front: front + raw, _expiry(life))
        if outcome is CHANGED:
            # Perhaps by this write, whose answer was lost.
            found = self._fetch(key)
            if found is None:
                return GONE
            return DONE if found[0][:HEADER] == raw[:HEADER] else CHANGED
        return outcome

    def move(
        self, key: str, record: Record, new_key: str, raw: bytes, life: float, owner: str | None
    ) -> int:
        """As :meth:`replace`, under another key."""
        fronts: list[bytes] = []

        def leave(front: bytes) -> bytes:
            # An empty value for a second: only one of two who move a session finds it.
            fronts.append(front)
            return b""

        outcome = self._exchange(key, record, raw, leave, 1)
        if outcome is DONE:
            front = fronts[0]
            if owner is None or front[1 : 1 + _OWNER] != owner.encode():
                front = self._front(owner, life)
            # Else with the stamp it had: should the user be signed out now, it has ended.
            self._do("set", self._sessions + new_key, front + raw, _expiry(life), False)
        return outcome

    def delete(self, key: str) -> None:
        """End a session."""
        self._do("delete", self._sessions + key, False)

    def end_all(self, owner: str, keep: str | None) -> None:
        """End all sessions of an owner."""
        found = None if keep is None else self._fetch(keep)
        if found is None:
            self._do("delete", self._owners + owner, False)
            return
        raw, front, cas = found
        stamp = secrets.token_urlsafe(16).encode()
        # The kept session sets both to what they should be when it is used again, and ends in
        # time by the date that is in it.
        self._do("set", self._owners + owner, stamp, _expiry(_YEAR), False)
        if front != b"-":
            value = b"@%b%b%b" % (owner.encode(), stamp, raw)
            self._do("cas", self._sessions + t.cast(str, keep), value, cas, _expiry(_YEAR))

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()


def server_of(url: str) -> t.Any:
    """The server that a URL names: host and port, or the path of a socket.

    Args:
        url: ``memcached://host:port``, or ``memcached:///path``.

    Raises:
        ValueError: It names no server.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.hostname:
        return parts.hostname, parts.port or 11211
    if len(parts.path) > 1:
        return parts.path
    raise ValueError(
        f"{url!r} names no server: write memcached://host:11211 or memcached:///path/of/socket."
    )


def _expiry(life: float) -> int:
    seconds = max(math.ceil(life), 1)
    return seconds if seconds <= _MONTH else int(time.time()) + seconds


def _in_child() -> None:
    # Parent and child must not read each other's answers.
    for store in _stores:
        store.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
