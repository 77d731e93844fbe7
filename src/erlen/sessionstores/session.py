"""A session that is kept on the server."""

from __future__ import annotations

import typing as t

from ..session_interface import SecureCookieSession

if t.TYPE_CHECKING:
    from .errors import StoreUnavailable
    from .keeper import Keeper
    from .store import Record

T = t.TypeVar("T")


class StoredSession(SecureCookieSession):
    """A session whose data is in a store, and whose random id is in the cookie.

    Changes inside of values (a list that grew) are noticed as well. What requests of the
    same session change at the same time is merged key by key; for a change that depends on
    the value there was, see `update_atomic`.

    Args:
        keeper: What reads and writes it.
        life: Seconds that it lives after it was last used.
    """

    #: Whether the store had none for this request.
    new = True
    #: The id, as it is in the cookie.
    _id: str | None = None
    #: Under which the store has it; None: it has not.
    _key: str | None = None
    _record: Record | None = None
    #: Whose it was when it was read.
    _owner: str | None = None
    _was_permanent = False
    _rotate = False
    #: Why it could not be saved, until there is a response to say so.
    _failure: StoreUnavailable | None = None

    def __init__(self, keeper: Keeper, life: float) -> None:
        super().__init__()
        self._keeper = keeper
        self._life = life

    def regenerate(self) -> None:
        """Give the session a new id with this response; the old one is worth nothing then.

        It happens by itself when the user changes (``SESSION_USER_KEYS``). Call it where
        else what a visitor may do grows, such as after asking for the password again.
        """
        self._rotate = self.modified = True

    def update_atomic(self, change: t.Callable[[dict[str, t.Any]], T]) -> T:
        """Change the session in one step that no other request can come between.

        The change is made, and written, now. ::

            def count(data):
                data["n"] = data.get("n", 0) + 1
                return data["n"]

            session.update_atomic(count)

        Args:
            change: Takes the newest data and changes it in place. It may be called several
                times, so it does nothing else.

        Returns:
            What ``change`` returned.

        Raises:
            SessionEnded: The session has been ended meanwhile (409).
            StoreUnavailable: The store does not answer (503).
            TypeError: ``change`` is a coroutine function.
        """
        return self._keeper.update(self, change)

    async def aupdate_atomic(self, change: t.Callable[[dict[str, t.Any]], T]) -> T:
        """As :meth:`update_atomic` for coroutines: the event loop goes on meanwhile.

        Args:
            change: A plain function, which is called in a thread.
        """
        from ..server.threads.pool import pool_of
        from ..state import get_current

        pool = pool_of(get_current().app)
        return t.cast(T, await pool.call(self._keeper.update, self, change))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {dict.__repr__(self)}>"
