"""Sessions on the server: Redis, Memcached, a database or files behind one setting.

``SESSION_STORE`` says where sessions are; without it they stay in the signed cookie. The
client of a store is imported when the setting names it.
"""

from __future__ import annotations

import typing as t

from ..globals import session as _session
from ..state import get_current
from .errors import SessionEnded as SessionEnded
from .errors import StoreUnavailable as StoreUnavailable
from .session import StoredSession as StoredSession
from .store import Record as Record
from .store import Store as Store

#: The same object as ``erlen.session``, with the methods that stored sessions have for
#: type checkers.
session = t.cast(StoredSession, _session)


def sign_out(user: t.Any, keep_current: bool = False) -> None:
    """End all sessions of a user, on all devices, at once.

    For a changed password, a lost telephone, an account that is closed. Works in a request
    and in an application context, such as a command's.

    Args:
        user: What the sessions have under one of ``SESSION_USER_KEYS``: the user's id.
        keep_current: Whether the session of the current request stays.

    Raises:
        StoreUnavailable: The store does not answer (503).
        RuntimeError: Sessions are not on the server, or there is no application context.
    """
    keeper, current = _found(keep_current)
    keeper.end_all(user, current)


async def asign_out(user: t.Any, keep_current: bool = False) -> None:
    """As :func:`sign_out` for coroutines: the event loop goes on meanwhile.

    Args:
        user: The user's id.
        keep_current: Whether the session of the current request stays.
    """
    from ..server.threads.pool import pool_of

    keeper, current = _found(keep_current)
    await pool_of(get_current().app).call(keeper.end_all, user, current)


def _found(keep_current: bool) -> tuple[t.Any, StoredSession | None]:
    from ..errors import OutsideContextError
    from .interface import StoredSessions

    context: t.Any = get_current(None)
    if context is None:
        raise OutsideContextError("sign_out", "application")
    context.app._current_plans()
    interface = context.app.session_interface
    if not isinstance(interface, StoredSessions):
        raise RuntimeError(
            "'sign_out' needs sessions on the server: set SESSION_STORE. A signed cookie can't"
            " be taken back."
        )
    current = context.session if keep_current else None
    return interface.keeper, current if isinstance(current, StoredSession) else None
