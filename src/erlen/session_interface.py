"""Sessions, and how an application opens and saves them; part of ``flask.sessions``."""

from __future__ import annotations

import typing as t
from collections.abc import MutableMapping
from datetime import UTC, datetime

from werkzeug.datastructures import CallbackDict

from .watch import Watched

if t.TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response


class SessionMixin(MutableMapping[str, t.Any]):
    """What makes a dictionary a session."""

    #: Whether the session was made by this request; few kinds can tell.
    new = False

    #: Whether it has to be saved; kinds that can't tell always say so.
    modified = True

    #: Whether it was asked for during the request, set by the context. The
    #: response then gets ``Vary: Cookie`` (Flask 3.1.3).
    accessed = False

    @property
    def permanent(self) -> bool:
        """Whether the session outlives the browser's: the key ``_permanent``."""
        return self.get("_permanent", False)  # type: ignore[no-any-return]

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self["_permanent"] = bool(value)


def _mark_modified(session: t.Any) -> None:
    session.modified = True


class SecureCookieSession(CallbackDict[str, t.Any], SessionMixin):
    """A session that knows whether it was changed.

    Only changes of the dictionary itself are seen: set ``modified`` after
    changing something inside a value.

    Args:
        initial: the first content; default: empty.
    """

    modified = False

    # On the class, so that a session doesn't cost a function of its own.
    on_update = staticmethod(_mark_modified)

    def __init__(self, initial: t.Mapping[str, t.Any] | None = None) -> None:
        dict.__init__(self, () if initial is None else initial)

    def __setitem__(self, key: str, value: t.Any) -> None:
        dict.__setitem__(self, key, value)
        if (update := self.on_update) is not None:
            update(self)


class NullSession(SecureCookieSession):
    """What stands for the session if there is no secret key: empty, and read-only."""

    def _fail(self, *args: t.Any, **kwargs: t.Any) -> t.NoReturn:
        raise RuntimeError(
            "The session is unavailable because no secret "
            "key was set.  Set the secret_key on the "
            "application to something unique and secret."
        )

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = _fail
    del _fail


class SessionInterface(Watched):
    """How sessions are opened and saved: the base to implement with another store.

    A subclass has to define `open_session` and `save_session`; an instance is
    put in place by assigning it to ``app.session_interface``. It must expect
    several requests with the same session at a time.
    """

    #: What `make_null_session` makes and `is_null_session` looks for.
    null_session_class = NullSession

    #: Whether sessions are pickled; for extensions that want to know.
    pickle_based = False

    def make_null_session(self, app: t.Any) -> NullSession:
        """What stands for a session that couldn't be opened."""
        return self.null_session_class()

    def is_null_session(self, obj: object) -> bool:
        """Whether the object only stands for a session; it isn't saved then."""
        return isinstance(obj, self.null_session_class)

    def get_cookie_name(self, app: t.Any) -> str:
        """The cookie's name: ``SESSION_COOKIE_NAME``."""
        return app.config["SESSION_COOKIE_NAME"]  # type: ignore[no-any-return]

    def get_cookie_domain(self, app: t.Any) -> str | None:
        """The cookie's domain: ``SESSION_COOKIE_DOMAIN``; None is this host alone."""
        return app.config["SESSION_COOKIE_DOMAIN"]  # type: ignore[no-any-return]

    def get_cookie_path(self, app: t.Any) -> str:
        """The cookie's path: ``SESSION_COOKIE_PATH``, else ``APPLICATION_ROOT``."""
        config = app.config
        path: str = config["SESSION_COOKIE_PATH"] or config["APPLICATION_ROOT"]
        return path

    def get_cookie_httponly(self, app: t.Any) -> bool:
        """Whether scripts can't read it: ``SESSION_COOKIE_HTTPONLY``."""
        return app.config["SESSION_COOKIE_HTTPONLY"]  # type: ignore[no-any-return]

    def get_cookie_secure(self, app: t.Any) -> bool:
        """Whether it is sent over HTTPS only: ``SESSION_COOKIE_SECURE``."""
        return app.config["SESSION_COOKIE_SECURE"]  # type: ignore[no-any-return]

    def get_cookie_samesite(self, app: t.Any) -> str | None:
        """``"Strict"``, ``"Lax"`` or None: ``SESSION_COOKIE_SAMESITE``."""
        return app.config["SESSION_COOKIE_SAMESITE"]  # type: ignore[no-any-return]

    def get_cookie_partitioned(self, app: t.Any) -> bool:
        """Whether it is kept apart per top-level site: ``SESSION_COOKIE_PARTITIONED``."""
        return app.config["SESSION_COOKIE_PARTITIONED"]  # type: ignore[no-any-return]

    def get_expiration_time(self, app: t.Any, session: SessionMixin) -> datetime | None:
        """When the cookie ends: None with the browser, else after
        ``PERMANENT_SESSION_LIFETIME``."""
        if session.permanent:
            now = datetime.now(UTC)
            return now + app.permanent_session_lifetime  # type: ignore[no-any-return]
        return None

    def should_set_cookie(self, app: t.Any, session: SessionMixin) -> bool:
        """Whether the response gets a cookie: the session was changed, or is
        permanent and ``SESSION_REFRESH_EACH_REQUEST`` is set."""
        return session.modified or (
            session.permanent and app.config["SESSION_REFRESH_EACH_REQUEST"]
        )

    def open_session(self, app: t.Any, request: Request) -> SessionMixin | None:
        """The session of a request.

        Args:
            app: the application.
            request: the request, in whose context this is called.

        Returns:
            The session; None for a null session.
        """
        raise NotImplementedError()

    def save_session(self, app: t.Any, session: SessionMixin, response: Response) -> None:
        """Keep the session, unless it is a null session, and tell the client.

        Args:
            app: the application.
            session: what `open_session` returned.
            response: the response that is about to be sent.
        """
        raise NotImplementedError()
