"""Sessions on the server as a session interface: cookies, contexts, and a store that is gone."""

from __future__ import annotations

import logging
import re
import sys
import typing as t

from werkzeug.exceptions import HTTPException

from ..http.cookies import find_cookie
from ..session_interface import SessionInterface, SessionMixin
from ..state import epoch, get_current
from .errors import StoreUnavailable
from .keeper import Keeper
from .session import StoredSession

if t.TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

logger = logging.getLogger("erlen.sessions")

#: What ids look like; for anything else the store isn't even asked.
_is_id = re.compile(r"[A-Za-z0-9_-]{43}").fullmatch

#: Headers of a response that are about what it was going to say.
_OF_CONTENT = ("content-", "etag", "last-modified", "location", "accept-ranges", "cache-control")


class StoredSessions(SessionInterface):
    """Keeps sessions in a store and a random id in the cookie.

    Made by the setting ``SESSION_STORE``. A session is opened when somebody asks for it,
    and a request that doesn't costs the store nothing.

    Args:
        keeper: Reads and writes them.
    """

    #: For the plans: requests that don't look at their session needn't have it opened.
    opens_late = True

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        #: Endpoints whose sessions were asked for on an event loop; they are opened ahead.
        self.expected: set[str] = set()

    # -- opening -------------------------------------------------------------------------

    def open_session(self, app: t.Any, request: Request) -> StoredSession:
        """The session of a request; an empty one without a cookie, or with an unknown id.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        return self._open(app, request.cookies.get(self.get_cookie_name(app)))

    def read_session(self, app: t.Any, environ: dict[str, t.Any]) -> StoredSession:
        """The session of a request that nobody made an object of.

        Args:
            app: The application.
            environ: The WSGI environ.
        """
        header = environ.get("HTTP_COOKIE")
        name = self.get_cookie_name(app)
        return self._open(app, find_cookie(header, name) if header else None)

    def _open(self, app: t.Any, id: str | None) -> StoredSession:
        life = app.permanent_session_lifetime.total_seconds()
        known = id if id is not None and _is_id(id) else None
        self._met(known is not None)
        return self.keeper.open(known, life)

    def _met(self, asks: bool) -> None:
        """Note in the context of the request that its session is being opened."""
        ctx: t.Any = get_current(None)
        while ctx is not None and not hasattr(ctx, "scope") and ctx.environ is None:
            # An application context within the request's.
            ctx = ctx._outer
        if ctx is None:
            return
        if hasattr(ctx, "scope"):
            # A loop must not wait for the store: the response has to pass where others save.
            ctx.touched = True
        plan = ctx.plan
        if asks and plan is not None and plan.endpoint is not None and _on_loop():
            # This once the loop waits for the store. From now on a thread does.
            if plan.endpoint not in self.expected:
                self.expected.add(plan.endpoint)
                epoch.bump()

    def must_refresh(self, app: t.Any, environ: dict[str, t.Any]) -> bool:
        """Whether a session that nobody touched has to be saved: never, it would cost a look.

        Args:
            app: The application.
            environ: The WSGI environ.
        """
        return False

    # -- saving --------------------------------------------------------------------------

    def saves_quickly(self, app: t.Any, session: SessionMixin) -> bool:
        """Whether saving a session asks nothing of the store.

        Args:
            app: The application.
            session: The session.
        """
        return not session.modified and not self.keeper.is_due(t.cast(StoredSession, session))

    def session_headers(
        self, app: t.Any, session: SessionMixin, response_class: type[t.Any]
    ) -> list[tuple[str, str]] | None:
        """Write the session, if it has to be written and its cookie stays as it is.

        Args:
            app: The application.
            session: The session.
            response_class: The class of the response that isn't made.

        Returns:
            The headers to send; None if there has to be a response for `save_session`.
        """
        if type(session) is not StoredSession:
            return None
        if session or session.modified:
            if session._key is None or session.permanent or session._was_permanent or not session:
                return None
            try:
                if not self.keeper.save_in_place(session):
                    return None
            except StoreUnavailable as error:
                session._failure = error
                return None
        return [("Vary", "Cookie")] if session.accessed else []

    def save_session(self, app: t.Any, session: SessionMixin, response: Response) -> None:
        """Write the session, if it was changed or has to live on, and send the cookie.

        If the store does not answer, the response becomes what the application says to
        that: 503, unless it has an error handler.
        """
        try:
            self.store_session(app, session, response)
        except StoreUnavailable as error:
            _refuse(app, response, error)

    def store_session(self, app: t.Any, session: SessionMixin, response: Response) -> None:
        """As :meth:`save_session`, but raises.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        if session.accessed:
            response.vary.add("Cookie")
        if not isinstance(session, StoredSession):
            return
        if session._failure is not None:
            raise session._failure
        modified = session.modified
        new_id = self.keeper.save(session)
        if not session:
            if modified:
                response.delete_cookie(self.get_cookie_name(app), **self._attributes(app))
                response.vary.add("Cookie")
                session.modified = False
            return
        if session._key is None or not (
            new_id is not None
            or session.permanent is not session._was_permanent
            or (session.permanent and (modified or app.config["SESSION_REFRESH_EACH_REQUEST"]))
        ):
            return
        session._was_permanent = session.permanent
        response.set_cookie(
            self.get_cookie_name(app),
            t.cast(str, session._id),
            expires=self.get_expiration_time(app, session),
            **self._attributes(app),
        )
        response.vary.add("Cookie")

    def _attributes(self, app: t.Any) -> dict[str, t.Any]:
        return {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "partitioned": self.get_cookie_partitioned(app),
            "samesite": self.get_cookie_samesite(app),
            "httponly": self.get_cookie_httponly(app),
        }


def _on_loop() -> bool:
    """Whether the code that runs here runs on an event loop, which must not wait."""
    # Not imported for this; and another thread may be in the middle of importing it.
    find = getattr(sys.modules.get("asyncio"), "_get_running_loop", None)
    return find is not None and find() is not None


def _refuse(app: t.Any, response: t.Any, error: HTTPException) -> None:
    """Turn a response into the answer to an error."""
    logger.error("%s", error)
    answer = app.make_response(app.handle_user_exception(error))
    close = getattr(response.response, "close", None)
    for name in [n for n, _ in response.headers if n.lower().startswith(_OF_CONTENT)]:
        del response.headers[name]
    response.status_code = answer.status_code
    response.direct_passthrough = False
    response.set_data(answer.get_data())
    for name, value in answer.headers:
        response.headers[name] = value
    if close is not None:
        close()
