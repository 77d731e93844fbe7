"""Sessions in Redis, or in what speaks its protocol."""

from __future__ import annotations

import hashlib
import typing as t

from .store import Record, Store

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as LostConnection
    from redis.exceptions import NoScriptError, RedisError
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
        self._execute = client.execute_command
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
        self._client.close()


def _milliseconds(life: float) -> int:
    return max(int(life * 1000), 1)
