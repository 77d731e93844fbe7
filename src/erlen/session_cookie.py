"""A session cookie under one application's settings, worked out beforehand.

`SecureCookieSessionInterface` uses this while nothing of Flask's defaults was
overridden; it reads and writes what itsdangerous would.
"""

from __future__ import annotations

import re
import typing as t
from datetime import UTC, datetime
from time import time

from ._signing import TimedSigner, UnknownSignatureError, pack, unpack
from .config import Config, ConfigAttribute
from .http.cookies import find_cookie
from .json import fast
from .json.provider import _default, is_stock
from .state import epoch, get_current

if t.TYPE_CHECKING:
    from werkzeug.sansio.response import Response

    from .json.tag import TaggedJSONSerializer

#: Names that can be looked for in the header as they are.
_simple_name = re.compile(r"[\w.+$&!#%'*^`|~-]+", re.ASCII).fullmatch

_SETTINGS = fast.EncoderSettings(_default, True, True)
_write_quickly = fast.quick_encoder(_SETTINGS)
_write_text = fast.text_encoder(_SETTINGS, fast.COMPACT)
_PLAIN = frozenset({str, int, bool, float, type(None)})

#: ``"_permanent"`` in Base64, at each of the three offsets that it can have.
_PERMANENT = ("Il9wZXJtYW5lbnQi", "JfcGVybWFuZW50I", "iX3Blcm1hbmVudC")


class Tail(t.NamedTuple):
    """A Set-Cookie header after the value: as it is, and around an expiry date."""

    plain: str
    before: str
    after: str


class SessionCookie:
    """Reads and writes the session cookie of one application.

    Valid until the epoch moves, and as long as `is_current` says so.

    Args:
        app: the application.
        salt: the interface's salt.
        serializer: the untouched tagged serializer.
        attributes: arguments for ``set_cookie``, without ``expires``.

    Raises:
        ValueError: the system has no SHA-1.
    """

    __slots__ = (
        "_expiry",
        "_fallbacks",
        "_fallbacks_seen",
        "_prefix",
        "_serializer",
        "_signer",
        "_tails",
        "app_class",
        "attributes",
        "epoch",
        "lifetime",
        "max_age",
        "max_size",
        "name",
        "refresh",
    )

    def __init__(
        self,
        app: t.Any,
        name: str,
        salt: str,
        serializer: TaggedJSONSerializer,
        attributes: dict[str, t.Any],
    ) -> None:
        self.epoch = epoch.value
        config = app.config
        self._fallbacks = config["SECRET_KEY_FALLBACKS"] or ()
        self._fallbacks_seen = tuple(self._fallbacks)
        keys = [*self._fallbacks_seen, app.secret_key]
        self._signer = TimedSigner([_as_bytes(key) for key in keys], salt.encode())
        self._serializer = serializer
        self.name = name
        self._prefix = f"{name}="
        self.attributes = attributes
        self.lifetime = app.permanent_session_lifetime
        self.max_age = int(self.lifetime.total_seconds())
        self.refresh = bool(config["SESSION_REFRESH_EACH_REQUEST"])
        # A class that isn't Flask-like has Werkzeug's limit.
        self.max_size = config.get("MAX_COOKIE_SIZE", 4093) or 1 << 62
        self._tails: dict[type, Tail | None] = {}
        self._expiry = (0, "")

    def is_current(self) -> bool:
        """Whether the list of fallback keys is still what it was.

        It is the one setting that users change in place, where no epoch sees it.
        """
        seen = self._fallbacks_seen
        return (not self._fallbacks and not seen) or tuple(self._fallbacks) == seen

    # -- reading ---------------------------------------------------------------

    def find(self, environ: dict[str, t.Any]) -> str | None:
        """The cookie's value in a request: what ``request.cookies.get`` gives.

        Args:
            environ: the WSGI environ.
        """
        header: str = environ.get("HTTP_COOKIE", "")
        prefix = self._prefix
        start = header.find(self.name)
        if start < 0:
            return None
        # By far the most requests have it at the start or after "; ", and no
        # quotes; the first mention of the name is then the cookie.
        if (
            header.startswith(prefix, start)
            and '"' not in header
            and (start == 0 or header.startswith("; ", start - 2))
        ):
            end = header.find(";", start)
            value = header[start + len(prefix) : end] if end > 0 else header[start + len(prefix) :]
            if " " not in value and "\t" not in value:
                return value
        return find_cookie(header, self.name)

    def load(self, text: str) -> dict[str, t.Any] | None:
        """The data of a cookie's value.

        Returns:
            None if it is too old, or from the future.

        Raises:
            Exception: of any class: ask itsdangerous what it thinks of the value.
        """
        payload = self._signer.unsign(text.encode("ascii"), self.max_age)
        if payload is None:
            return None
        raw = unpack(payload)
        # As text, should it not be ASCII: bytes may be taken for UTF-16.
        data = fast.loads(raw if raw.isascii() else raw.decode())
        # The keys of all tags begin with a space.
        if b'" ' in raw or b"\\u0020" in raw:
            data = self._serializer._untag_scan(data)
        if type(data) is not dict:
            raise UnknownSignatureError
        return data

    def may_be_permanent(self, environ: dict[str, t.Any]) -> bool:
        """Whether the request has a cookie of a permanent session, to all appearance.

        The signature isn't checked. Compressed data isn't looked into either (it
        could be a bomb): that may be permanent.
        """
        text = self.find(environ)
        if not text:
            return False
        if text[0] == ".":
            return True
        one, two, three = _PERMANENT
        return one in text or two in text or three in text

    # -- writing ---------------------------------------------------------------

    def dump(self, session: t.Mapping[str, t.Any]) -> str:
        """The cookie's value for the session's data."""
        data = dict(session)
        for value in data.values():
            if type(value) not in _PLAIN:
                data = self._tagged(data)
                break
        else:
            # A single key may be a tag, which has to be told apart.
            if len(data) == 1:
                data = self._tagged(data)
        raw = _write_quickly(data)
        if raw is None:
            raw = _write_text(data).encode()
        return self._signer.sign(pack(raw)).decode("ascii")

    def _tagged(self, value: t.Any) -> t.Any:
        """What the serializer's ``tag`` returns, without asking each tag in turn."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        tagged = self._tagged
        if kind is dict and (len(value) != 1 or next(iter(value)) not in self._serializer.tags):
            return {key: tagged(item) for key, item in value.items()}
        if kind is list:
            return [tagged(item) for item in value]
        if kind is tuple:
            return {" t": [tagged(item) for item in value]}
        return self._serializer.tag(value)

    def header(self, session: t.Mapping[str, t.Any], kind: type[Response]) -> str | None:
        """The Set-Cookie header that a response's ``set_cookie`` would add.

        Args:
            session: the data, not empty.
            kind: the response's class.

        Returns:
            The header's value; None if ``set_cookie`` has to be called: it is
            the user's own, or would warn about the size.
        """
        if kind not in self._tails:
            self._tails[kind] = self._make_tail(kind)
        tail = self._tails[kind]
        if tail is None:
            return None
        text = self._prefix + self.dump(session)
        if session.get("_permanent", False):
            text += f"{tail.before}{self._expires()}{tail.after}"
        else:
            text += tail.plain
        return text if len(text) <= self.max_size else None

    def _expires(self) -> str:
        now = int(time())
        second, text = self._expiry
        if second != now:
            from werkzeug.http import http_date

            text = http_date(datetime.now(UTC) + self.lifetime)
            # With a fraction in the lifetime the date changes within a second.
            if not self.lifetime.microseconds:
                self._expiry = now, text
        return text

    def _make_tail(self, kind: type[Response]) -> Tail | None:
        if not comes_from_us(kind, "__init__", "set_cookie", "headers", "vary"):
            return None
        if not comes_from_us(kind, "max_cookie_size"):
            return None
        texts = []
        for expires in (None, "@"):
            probe = kind()
            probe.set_cookie(self.name, "x", expires=expires, **self.attributes)
            head, found, tail = probe.headers["Set-Cookie"].partition("=x")
            if head != self.name or not found:
                return None
            texts.append(tail)
        before, _, after = texts[1].partition("@")
        return Tail(texts[0], before, after)


def _as_bytes(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key


def comes_from_us(kind: type, *names: str) -> bool:
    """Whether a class has the attributes as this package or Werkzeug defined them."""
    for name in names:
        for base in kind.__mro__:
            if name in vars(base):
                if base.__module__.partition(".")[0] not in ("erlen", "werkzeug", "builtins"):
                    return False
                break
        else:
            # An annotation without a value: each instance sets its own.
            if not hasattr(kind, name) and name != "headers":
                return False
    return True


def can_compile(app: t.Any, name: t.Any) -> bool:
    """Whether all that a session cookie depends on is watched by the epoch.

    A property in the place of a setting, a config class that computes its
    values or another JSON provider have to be asked at each request.

    Args:
        app: the application.
        name: the cookie's name.
    """
    kind = type(app)
    config = app.config
    return (
        isinstance(config, Config)
        and type(config).__getitem__ is Config.__getitem__
        and type(getattr(kind, "secret_key", None)) is ConfigAttribute
        and type(getattr(kind, "permanent_session_lifetime", None)) is ConfigAttribute
        and isinstance(name, str)
        and _simple_name(name) is not None
        and is_stock(app.json)
    )


def in_context_of(app: t.Any) -> bool:
    """Whether the application is the current one, whose JSON provider would be used."""
    context = get_current(None)
    return context is not None and context.app is app
