"""Sessions in a signed cookie; with `session_interface` the names of ``flask.sessions``."""

from __future__ import annotations

import hashlib
import typing as t

from .json.tag import JSONTag, TaggedJSONSerializer
from .session_cookie import SessionCookie, can_compile, comes_from_us, in_context_of
from .session_interface import NullSession as NullSession
from .session_interface import SecureCookieSession
from .session_interface import SessionInterface as SessionInterface
from .session_interface import SessionMixin as SessionMixin
from .state import epoch

if t.TYPE_CHECKING:
    from itsdangerous import URLSafeTimedSerializer
    from werkzeug.wrappers import Request, Response


session_json_serializer = TaggedJSONSerializer()


def _lazy_sha1(string: bytes = b"") -> t.Any:
    """SHA-1, looked up when it is used: a FIPS build of OpenSSL may not have it,
    and the user must be able to name another digest before that matters."""
    return hashlib.sha1(string)


class SecureCookieSessionInterface(SessionInterface):
    """Keeps sessions in signed cookies, in the format of itsdangerous (and Flask).

    While nothing is overridden, on the class or on the instance, an application
    opens the session when somebody asks for it. A subclass, or an instance with
    attributes of its own, is called for every request as in Flask.
    """

    #: Separates this use of the secret key from others.
    salt = "cookie-session"
    #: The digest of the signature.
    digest_method = staticmethod(_lazy_sha1)
    #: How the signing key is made from the secret key and the salt.
    key_derivation = "hmac"
    #: Writes and reads the data.
    serializer = session_json_serializer
    #: What `open_session` makes.
    session_class = SecureCookieSession

    def get_signing_serializer(self, app: t.Any) -> URLSafeTimedSerializer | None:
        """The serializer for cookies; None without a secret key.

        ``SECRET_KEY_FALLBACKS`` are accepted, the current key signs.
        """
        if not app.secret_key:
            return None
        from itsdangerous import URLSafeTimedSerializer

        fallbacks = app.config["SECRET_KEY_FALLBACKS"] or ()
        return URLSafeTimedSerializer(
            # itsdangerous signs with the last one.
            [*fallbacks, app.secret_key],
            salt=self.salt,
            serializer=self.serializer,
            signer_kwargs={
                "key_derivation": self.key_derivation,
                "digest_method": self.digest_method,
            },
        )

    def open_session(self, app: t.Any, request: Request) -> SecureCookieSession | None:
        """The session in the request's cookie; an empty one if that isn't valid.

        Returns:
            None without a secret key.
        """
        cookie = _compiled(self, app)
        if cookie is not None and _has_plain_cookies(request):
            return self._read(app, cookie, cookie.find(request.environ))
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        return self._read_slowly(app, serializer, request.cookies.get(self.get_cookie_name(app)))

    def read_session(self, app: t.Any, environ: dict[str, t.Any]) -> SecureCookieSession | None:
        """The session of a request that nobody made an object of.

        Args:
            app: the application, which is the current one.
            environ: the WSGI environ.

        Returns:
            What `open_session` returns, except that None only means that this
            has to be asked.
        """
        cookie = _compiled(self, app)
        if cookie is None:
            return None
        return self._read(app, cookie, cookie.find(environ))

    def _read(
        self, app: t.Any, cookie: SessionCookie, text: str | None
    ) -> SecureCookieSession | None:
        if not text:
            return SecureCookieSession()
        try:
            return SecureCookieSession(cookie.load(text))
        except Exception:
            # Not as we write it. It may be valid all the same.
            return self._read_slowly(app, self.get_signing_serializer(app), text)

    def _read_slowly(self, app: t.Any, serializer: t.Any, text: str | None) -> SecureCookieSession:
        if not text:
            return self.session_class()
        from itsdangerous import BadSignature

        max_age = int(app.permanent_session_lifetime.total_seconds())
        try:
            data = serializer.loads(text, max_age=max_age)
        except (BadSignature, OSError, OverflowError):
            # The last two: a timestamp that is beyond the calendar.
            return self.session_class()
        return self.session_class(data)

    def must_refresh(self, app: t.Any, environ: dict[str, t.Any]) -> bool:
        """Whether the session has to be opened and saved though nobody touched it.

        A permanent session lives on with every request. Asked instead of opening
        the session of each; True may turn out to be for nothing.

        Args:
            app: the application.
            environ: the WSGI environ.
        """
        if "HTTP_COOKIE" not in environ:
            return False
        cookie = _compiled(self, app)
        if cookie is None:
            return bool(app.secret_key) and bool(app.config["SESSION_REFRESH_EACH_REQUEST"])
        return cookie.refresh and cookie.may_be_permanent(environ)

    def session_headers(
        self, app: t.Any, session: SessionMixin, response_class: type[Response]
    ) -> list[tuple[str, str]] | None:
        """What `save_session` would add to a response that has no ``Vary`` yet.

        Args:
            app: the application, which is the current one.
            session: the session, not a null session.
            response_class: the class of the response that isn't made.

        Returns:
            The headers in their order; None if there has to be a response for
            `save_session`.
        """
        cookie = _compiled(self, app)
        if cookie is None or type(session) is not SecureCookieSession:
            return None
        modified = session.modified
        if not session and modified:
            return None
        vary = [("Vary", "Cookie")] if session.accessed else []
        if not session:
            return vary
        if not modified and not (cookie.refresh and session.get("_permanent", False)):
            return vary
        if not in_context_of(app):
            return None
        header = cookie.header(session, response_class)
        if header is None:
            return None
        if vary:
            return [("Vary", "Cookie"), ("Set-Cookie", header)]
        return [("Set-Cookie", header), ("Vary", "Cookie")]

    def save_session(self, app: t.Any, session: SessionMixin, response: Response) -> None:
        """Send the session's cookie, if it was changed or has to be refreshed.

        A session that was emptied deletes the cookie. ``Vary: Cookie`` is added
        if the session was looked at or sent.
        """
        headers = response.headers
        if "Vary" not in headers:
            pairs = self.session_headers(app, session, type(response))
            if pairs is not None:
                for name, value in pairs:
                    headers.add(name, value)
                return
        if session.accessed:
            response.vary.add("Cookie")
        attributes = self._cookie_attributes(app)
        if not session:
            if session.modified:
                response.delete_cookie(self.get_cookie_name(app), **attributes)
                response.vary.add("Cookie")
            return
        if not self.should_set_cookie(app, session):
            return
        expires = self.get_expiration_time(app, session)
        serializer = t.cast("URLSafeTimedSerializer", self.get_signing_serializer(app))
        value = serializer.dumps(dict(session))
        response.set_cookie(self.get_cookie_name(app), value, expires=expires, **attributes)
        response.vary.add("Cookie")

    def _cookie_attributes(self, app: t.Any) -> dict[str, t.Any]:
        return {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "partitioned": self.get_cookie_partitioned(app),
            "samesite": self.get_cookie_samesite(app),
            "httponly": self.get_cookie_httponly(app),
        }


_SIMPLE_REQUESTS: dict[type, bool] = {}


def _has_plain_cookies(request: t.Any) -> bool:
    """Whether ``request.cookies`` would be made from the environ in the usual way."""
    kind = type(request)
    plain = _SIMPLE_REQUESTS.get(kind)
    if plain is None:
        plain = comes_from_us(kind, "cookies", "headers", "dict_storage_class")
        if len(_SIMPLE_REQUESTS) < 64:
            _SIMPLE_REQUESTS[kind] = plain
    return plain and "cookies" not in vars(request)


def _compiled(interface: SecureCookieSessionInterface, app: t.Any) -> SessionCookie | None:
    """The application's cookie, worked out beforehand; None if it can't be."""
    # In the application's own dictionary: an interface may serve several.
    cached = app.__dict__.get("_session_cookie")
    if cached is None or cached[0] != epoch.value or cached[1] is not interface:
        cached = epoch.value, interface, _compile(interface, app)
        app.__dict__["_session_cookie"] = cached
    cookie: SessionCookie | None = cached[2]
    if cookie is not None and not cookie.is_current():
        epoch.bump()
        return _compiled(interface, app)
    return cookie


def _compile(interface: SecureCookieSessionInterface, app: t.Any) -> SessionCookie | None:
    if not is_stock_interface(interface) or not app.secret_key:
        return None
    name = interface.get_cookie_name(app)
    if not can_compile(app, name):
        return None
    try:
        return SessionCookie(
            app,
            name,
            interface.salt,
            interface.serializer,
            interface._cookie_attributes(app),
        )
    except Exception:
        # A key of a wrong type, no SHA-1, ...: let the request raise it, as in
        # Flask, when it uses the session.
        return None


def is_stock_interface(interface: t.Any) -> bool:
    """Whether an interface is Flask's default in every part, and so may be lazy.

    Valid until the epoch moves.

    Args:
        interface: an application's ``session_interface``.
    """
    return (
        type(interface) is SecureCookieSessionInterface
        and not vars(interface)
        and _as_defined() == _AS_DEFINED
        and interface.serializer is session_json_serializer
        and _tags(session_json_serializer) == _TAGS
    )


# What Python itself writes into classes as they are used: ``isinstance`` with abstract
# ones, ``copy``, a look at annotations.
_NOTES = ("_abc_", "__slotnames__", "__annot")


def _as_defined() -> list[dict[str, t.Any]]:
    kinds = (
        SessionInterface,
        SecureCookieSessionInterface,
        SecureCookieSession,
        NullSession,
        TaggedJSONSerializer,
    )
    return [
        {name: value for name, value in vars(kind).items() if not name.startswith(_NOTES)}
        for kind in kinds
    ]


def _tags(serializer: TaggedJSONSerializer) -> tuple[list[type[JSONTag]], list[str]]:
    return [type(tag) for tag in serializer.order], list(serializer.tags)


_AS_DEFINED = _as_defined()
_TAGS = _tags(session_json_serializer)


def __getattr__(name: str) -> t.Any:
    # itsdangerous is imported when it is needed; Flask's module has its names.
    if name in ("BadSignature", "URLSafeTimedSerializer"):
        import itsdangerous

        return getattr(itsdangerous, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
