"""Sessions in Redis, or in what speaks its protocol."""

from __future__ import annotations

import hashlib
import os
import typing as t
import weakref

from .store import Record, Store

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as LostConnection
    from redis.exceptions import NoScriptError, RedisError, ResponseError
    from redis.retry import Retry
except ImportError as error:
    raise ImportError(
        "Sessions in Redis need the package 'redis': pip install 'erlen[redis]'"
    ) from error

# The first 24 bytes tell writes apart. An answer of 1 or 2 is CHANGED or GONE; a write whose
# answer was lost is found made when it is tried again.
_REPLACE = """
local now = redis.call('GETRANGE', KEYS[1], 0, 23)
if now == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 0
end
if now == '' then return 2 end
if now == string.sub(ARGV[2], 1, 24) then return 0 end
return 1
"""
# The same for a session that gets another key or has an owner, whose sessions are in a set
# ordered by when they expire.
_MOVE = """
local mark = string.sub(ARGV[2], 1, 24)
if redis.call('GETRANGE', KEYS[2], 0, 23) == mark then return 0 end
if ARGV[1] ~= '' then
  local now = redis.call('GETRANGE', KEYS[1], 0, 23)
  if now == '' then return 2 end
  if now ~= ARGV[1] then return 1 end
  if KEYS[1] ~= KEYS[2] then redis.call('DEL', KEYS[1]) end
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
if KEYS[3] then
  local time = redis.call('TIME')
  time = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', time)
  redis.call('ZADD', KEYS[3], time + ARGV[3], KEYS[2])
  if redis.call('PTTL', KEYS[3]) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', KEYS[3], ARGV[3])
  end
end
return 0
"""
_END_ALL = """
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if key ~= ARGV[1] then
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[1], key)
  end
end
"""


class Connections:
    """Connections to Redis, the one that was used last taken first.

    They are the client library's; what its client does around each command (looking whether
    the connection is alive, counting, telling observers) takes as long as the command.
    One that has ended unnoticed is found out by using it: all commands here may be sent twice.

    Args:
        pool: The connection pool of a client, which says how to connect.
    """

    def __init__(self, pool: t.Any) -> None:
        self._pool = pool
        self._idle: list[t.Any] = []
        _all.add(self)

    def ask(self, *command: str | bytes | int) -> t.Any:
        """Send a command; gives the answer.

        Args:
            command: Its words.

        Raises:
            RedisError: There is none, or it is an error.
        """
        packed = _packed(command)
        while True:
            try:
                connection, fresh = self._idle.pop(), False
            except IndexError:
                pool = self._pool
                connection, fresh = pool.connection_class(**pool.connection_kwargs), True
            try:
                connection.send_packed_command((packed,))
                answer = connection.read_response(disable_decoding=True)
            except LostConnection:
                connection.disconnect()
                if fresh:
                    raise
                continue
            except ResponseError:
                self._idle.append(connection)
                raise
            except BaseException:
                connection.disconnect()
                raise
            self._idle.append(connection)
            return answer

    def forget(self) -> None:
        """Leave the connections to the parent of a fork."""
        self._idle = []

    def close(self) -> None:
        """End those that nobody uses."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.disconnect()


_all: weakref.WeakSet[Connections] = weakref.WeakSet()


def _packed(command: t.Sequence[str | bytes | int]) -> bytes:
    parts = [b"*%d" % len(command)]
    for word in command:
        raw = word if type(word) is bytes else str(word).encode()
        parts += (b"$%d" % len(raw), raw)
    parts.append(b"")
    return b"\r\n".join(parts)


class _Script:
    """A script, by its digest: the server has it after the first time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_replace, _move, _end_all = map(_Script, (_REPLACE, _MOVE, _END_ALL))


class RedisStore(Store):
    """Sessions in Redis: one round trip to read, one to write.

    Args:
        client: A ``redis.Redis``, or the URL for one (``redis://``, ``rediss://``, ``unix://``).
        timeout: Seconds to wait for a connection, and for an answer.
        prefix: What keys begin with.
    """

    name = "Redis"
    failures = (RedisError, OSError)

    def __init__(self, client: t.Any, timeout: float = 1.0, prefix: str = "erlen") -> None:
        if isinstance(client, str):
            client = redis.Redis.from_url(
                client,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                # A pooled connection may have ended unnoticed. Waiting twice helps nobody.
                retry=Retry(NoBackoff(), 1, supported_errors=(LostConnection,)),
            )
        self._client = client
        self._connections = Connections(client.connection_pool)
        self._execute = self._connections.ask
        self._sessions, self._owners = f"{prefix}:session:", f"{prefix}:user:"

    def _run(self, script: _Script, keys: t.Sequence[str], *arguments: t.Any) -> t.Any:
        try:
            return self._execute("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return self._execute("EVAL", script.text, len(keys), *keys, *arguments)

    def read(self, key: str) -> Record | None:
        """What is kept under a key."""
        raw = self._execute("GET", self._sessions + key)
        return None if raw is None else Record(raw)

    def create(self, key: str, raw: bytes, life: float, owner: str | None) -> None:
        """Keep a new session."""
        key = self._sessions + key
        if owner is None:
            self._execute("SET", key, raw, "PX", _milliseconds(life))
        else:
            keys = (key, key, self._owners + owner)
            self._run(_move, keys, "", raw, _milliseconds(life))

    def replace(self, key: str, record: Record, raw: bytes, life: float, owner: str | None) -> int:
        """Replace a session if it still is as it was read."""
        if owner is not None:
            return self.move(key, record, key, raw, life, owner)
        keys = (self._sessions + key,)
        return int(self._run(_replace, keys, record.raw[:24], raw, _milliseconds(life)))

    def move(
        self, key: str, record: Record, new_key: str, raw: bytes, life: float, owner: str | None
    ) -> int:
        """As :meth:`replace`, under another key."""
        keys = [self._sessions + key, self._sessions + new_key]
        if owner is not None:
            keys.append(self._owners + owner)
        return int(self._run(_move, keys, record.raw[:24], raw, _milliseconds(life)))

    def delete(self, key: str) -> None:
        """End a session."""
        self._execute("DEL", self._sessions + key)

    def end_all(self, owner: str, keep: str | None) -> None:
        """End all sessions of an owner."""
        self._run(_end_all, (self._owners + owner,), "" if keep is None else self._sessions + keep)

    def close(self) -> None:
        """Let go of connections."""
        self._connections.close()
        self._client.close()


def _milliseconds(life: float) -> int:
    return max(int(life * 1000), 1)


def _in_child() -> None:
    # Parent and child must not read each other's answers.
    for connections in _all:
        connections.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
