"""From the setting ``SESSION_STORE`` to a session interface."""

from __future__ import annotations

import threading
import typing as t
from urllib.parse import unquote, urlsplit

from ..sessions import is_stock_interface
from .interface import StoredSessions
from .keeper import Keeper
from .store import Store

_lock = threading.Lock()

_FORMS = (
    "redis://host:6379/0, rediss://..., unix:///path/of/redis.sock, memcached://host:11211,"
    " file:///folder, a URL of SQLAlchemy (postgresql+psycopg://..., sqlite:///...), or an object:"
    " an SQLAlchemy engine or a Store"
)


def settle(app: t.Any) -> None:
    """Give an application the session interface that its settings ask for.

    One that somebody assigned, or that a subclass has, stays.

    Args:
        app: The application.

    Raises:
        ValueError: The setting names no store.
        ImportError: The store's package is missing.
    """
    with _lock:
        made = app.__dict__.get("_stored_sessions")
        own = vars(app).get("session_interface")
        if own is not None and (made is None or own is not made[1]):
            return
        if own is None and not is_stock_interface(type(app).session_interface):
            return
        config = app.config
        names = ("SESSION_STORE", "SESSION_STORE_TIMEOUT", "SESSION_STORE_PREFIX")
        wanted = [config.get(name) for name in (*names, "SESSION_USER_KEYS")]
        if made is not None and made[0] == wanted:
            return
        if wanted[0] in (None, "cookie"):
            if made is not None:
                del app.session_interface, app.__dict__["_stored_sessions"]
            return
        interface = StoredSessions(Keeper(store_for(*wanted[:3]), _names(wanted[3])))
        app.__dict__["_stored_sessions"] = wanted, interface
        app.session_interface = interface


def _names(value: t.Any) -> tuple[str, ...]:
    if value is None:
        return ()
    names = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"The setting SESSION_USER_KEYS is a list of names, not {value!r}.")
    return names


def store_for(wanted: t.Any, timeout: t.Any = 1.0, prefix: t.Any = "erlen") -> Store:
    """The store that ``SESSION_STORE`` names.

    Args:
        wanted: A URL, an engine of SQLAlchemy, or a store.
        timeout: Seconds to wait for a connection, and for an answer.
        prefix: What keys begin with.

    Raises:
        ValueError: It names no store.
        ImportError: The store's package is missing.
    """
    if isinstance(wanted, Store):
        return wanted
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
        raise ValueError(f"SESSION_STORE_TIMEOUT is a number of seconds above 0, not {timeout!r}.")
    if not isinstance(wanted, str):
        if type(wanted).__module__.startswith("sqlalchemy"):
            from .sql import SQLStore

            return SQLStore(wanted, timeout, prefix)
        raise ValueError(f"SESSION_STORE is a {type(wanted).__name__}. It can be: {_FORMS}.")
    # Only the scheme is told: the rest may have a password in it.
    scheme, found, _ = wanted.partition("://")
    if not found:
        raise ValueError(f"SESSION_STORE is no URL but {scheme[:40]!r}. It can be: {_FORMS}.")
    if scheme in ("redis", "rediss", "unix"):
        from .redis import RedisStore

        return RedisStore(wanted, timeout, prefix)
    if scheme == "memcached":
        from .memcached import MemcachedStore

        return MemcachedStore(wanted, timeout, prefix)
    if scheme == "file":
        from .files import FileStore

        return FileStore(_folder(wanted), timeout)
    return _sql_store(wanted, timeout, prefix)


def _folder(url: str) -> str:
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc or not path.startswith("/") or path == "/":
        raise ValueError(f"SESSION_STORE is {url!r}. Write file:///absolute/path/of/a/folder.")
    return path


def _sql_store(url: str, timeout: float, prefix: str) -> Store:
    from .sql import NoSuchModuleError, SQLStore

    try:
        return SQLStore(url, timeout, prefix)
    except NoSuchModuleError as error:
        scheme = url.partition("://")[0]
        message = f"SESSION_STORE has the scheme {scheme[:40]!r}. It can be: {_FORMS}."
        raise ValueError(message) from error
