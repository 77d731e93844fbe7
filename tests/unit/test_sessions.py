"""Sessions are Flask's: the same cookies, headers, flags and errors."""

from __future__ import annotations

import time
import typing as t
import uuid
from datetime import UTC, datetime, timedelta
from unittest import mock

import flask
import flask.sessions
import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.wrappers import Request, Response

from erlen import sessions
from erlen.json.tag import JSONTag
from erlen.sessions import (
    NullSession,
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
    is_stock_interface,
)
from standins import StandInApp, context_of, flask_app

KEY = "a secret"
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=8),
        st.binary(max_size=5),
        st.uuids(),
        st.text(max_size=5).map(Markup),
        st.just(datetime(2020, 2, 29, 1, 2, 3, tzinfo=UTC)),
    ),
    lambda items: st.one_of(
        st.lists(items, max_size=3),
        st.lists(items, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3), items, max_size=3),
    ),
    max_leaves=6,
)
KEYS = st.one_of(st.text(max_size=5), st.sampled_from([" t", " di", " b", "_permanent", " t__"]))
DATA = st.dictionaries(KEYS, VALUES, max_size=5)


class Pair:
    """The same thing done by both implementations."""

    def __init__(self, **settings: t.Any) -> None:
        settings.setdefault("SECRET_KEY", KEY)
        self.app = StandInApp(**settings)
        self.flask = flask_app(**settings)
        self.ours: t.Any = SecureCookieSessionInterface()
        self.theirs: t.Any = flask.sessions.SecureCookieSessionInterface()

    def open(self, cookie: str | None) -> tuple[t.Any, t.Any]:
        environ = {} if cookie is None else {"HTTP_COOKIE": cookie}
        with context_of(self.app, environ), self.flask.app_context():
            ours = self.ours.open_session(self.app, Request(environ))
            lazily = self.ours.read_session(self.app, environ)
            assert lazily is None or lazily == ours
            return ours, self.theirs.open_session(self.flask, Request(environ))

    def save(self, ours: t.Any, theirs: t.Any, vary: str | None = None) -> tuple[t.Any, t.Any]:
        """The headers that saving adds, or the error."""
        results = []
        for app, interface, session, context in (
            (self.app, self.ours, ours, context_of(self.app)),
            (self.flask, self.theirs, theirs, self.flask.app_context()),
        ):
            response = Response()
            if vary is not None:
                response.headers["Vary"] = vary
            with context:
                try:
                    interface.save_session(app, session, response)
                except Exception as error:
                    results.append((type(error), str(error)))
                else:
                    results.append(list(response.headers))
        return results[0], results[1]


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """One moment for both, that the signatures are made at."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)


def cookie_of(headers: t.Any) -> str:
    return dict(headers)["Set-Cookie"].partition(";")[0]


@given(DATA, st.booleans(), st.booleans())
def test_cookies_are_the_same(data: dict[str, t.Any], accessed: bool, modified: bool) -> None:
    pair = Pair()
    opened = pair.open(None)
    for session in opened:
        session.update(data)
        session.accessed = accessed
        session.modified = modified
    ours, theirs = pair.save(*opened)
    if "Expires" in str(theirs):
        # The moment is read from the clock itself: it may differ by a second.
        assert len(str(ours)) == len(str(theirs))
    else:
        assert ours == theirs
    if "Set-Cookie" in dict(theirs):
        assert cookie_of(ours) == cookie_of(theirs)
        one, two = pair.open(cookie_of(theirs))
        assert one == two
        assert isinstance(one, SecureCookieSession)
        assert not one.modified and not one.accessed


@given(DATA)
def test_read_by_the_other(data: dict[str, t.Any]) -> None:
    pair = Pair()
    serializer = pair.theirs.get_signing_serializer(pair.flask)
    with pair.flask.app_context():
        ours, theirs = pair.open(f"session={serializer.dumps(data)}")
    assert ours == theirs == data


@given(
    st.text(
        st.one_of(st.sampled_from(' \t;="\\,.aé\x00\n'), st.sampled_from(list("session"))),
        max_size=20,
    ),
    st.text(' \t;="ab.', max_size=6),
    st.sampled_from(["session=", "session", 'session="', "session =", "xsession=", "sessionx="]),
)
def test_the_cookie_is_found_as_by_werkzeug(before: str, after: str, name: str) -> None:
    pair = Pair()
    with context_of(pair.app):
        cookie = sessions._compiled(pair.ours, pair.app)
        assert cookie is not None
        for header in (
            f"{before}{name}{after}",
            f"{before}; {name}{after}",
            f"{name}{after};{before}",
        ):
            environ = {"HTTP_COOKIE": header}
            assert cookie.find(environ) == Request(environ).cookies.get("session")


def test_ck_04_the_first_of_two_cookies_is_used() -> None:
    pair = Pair()
    good = pair.theirs.get_signing_serializer(pair.flask).dumps({"a": 1})
    assert pair.open(f"session=evil; session={good}") == ({}, {})
    assert pair.open(f"session={good}; session=evil") == ({"a": 1}, {"a": 1})
    assert pair.open(f"session; session={good}") == ({}, {})


class TestBadCookies:
    @pytest.fixture
    def good(self) -> str:
        pair = Pair()
        return t.cast(str, pair.theirs.get_signing_serializer(pair.flask).dumps({"a": 1}))

    def test_se_01_flipped_bits(self, good: str) -> None:
        pair = Pair()
        for place in range(len(good)):
            for bit in range(7):
                char = chr(ord(good[place]) ^ 1 << bit)
                cookie = f"session={good[:place]}{char}{good[place + 1 :]}"
                ours, theirs = pair.open(cookie)
                # Of the signature's last character two bits count for nothing,
                # and white space may stand anywhere in Base64.
                assert ours == theirs

    @pytest.mark.timed
    @pytest.mark.parametrize(
        "value",
        [
            "x",
            ".",
            "..",
            "." * 1000,
            "x" * 1_000_000,
            "eyJ" * 300_000 + ".aaaaaa." + "x" * 27,
            "é",
            "\xff" * 10,
            "a.b.c.d",
            '"quoted.a.b"',
        ],
    )
    def test_se_02_garbage(self, value: str) -> None:
        pair = Pair()
        pair.open(None)
        start = time.perf_counter()
        with context_of(pair.app):
            session = pair.ours.open_session(pair.app, Request({"HTTP_COOKIE": f"session={value}"}))
        assert session == {}
        # Ample for a slow machine: it is linear work on at most a megabyte.
        assert time.perf_counter() - start < 0.5
        assert pair.open(f"session={value}") == ({}, {})

    @pytest.mark.parametrize("cut", [1, 5, 20, 28, 34, 40])
    def test_se_02_truncated(self, good: str, cut: int) -> None:
        assert Pair().open(f"session={good[:-cut]}") == ({}, {})

    @pytest.mark.parametrize(("age", "valid"), [(30, True), (32, False), (-1, False)])
    def test_se_11_days_of_age(self, age: int, valid: bool) -> None:
        pair = Pair()
        now = time.time()
        with mock.patch("time.time", lambda: now - 86_400 * age):
            value = pair.theirs.get_signing_serializer(pair.flask).dumps({"a": 1})
        wanted = {"a": 1} if valid else {}
        assert pair.open(f"session={value}") == (wanted, wanted)

    @pytest.mark.parametrize(
        "payload", ["[1]", '"x"', "5", '{" t":[["a",1]]}', '{" b":"&"}', "{", "[" * 100_000, "NaN"]
    )
    def test_signed_but_no_session(self, payload: str) -> None:
        """Only who has the key can send these; the outcome is Flask's all the same."""
        pair = Pair()

        class Raw:
            @staticmethod
            def dumps(obj: str) -> str:
                return obj

        serializer = pair.theirs.get_signing_serializer(pair.flask)
        serializer.serializer = Raw
        cookie = f"session={serializer.dumps(payload)}"
        results = []
        for app, interface, context in (
            (pair.app, pair.ours, context_of(pair.app)),
            (pair.flask, pair.theirs, pair.flask.app_context()),
        ):
            with context:
                try:
                    opened = interface.open_session(app, Request({"HTTP_COOKIE": cookie}))
                    results.append(dict(opened))
                except Exception as error:
                    results.append((type(error), str(error)))
        assert results[0] == results[1]


class TestKeys:
    def test_se_04_the_current_key_signs(self) -> None:
        pair = Pair(SECRET_KEY_FALLBACKS=["older", "old"])
        session = SecureCookieSession({"a": 1})
        session.modified = True
        headers, _ = pair.save(session, session)
        alone = Pair()
        assert alone.open(cookie_of(headers)) == ({"a": 1}, {"a": 1})

    @pytest.mark.parametrize("key", ["older", "old", KEY, b"bytes"])
    def test_fallbacks_verify(self, key: str | bytes) -> None:
        pair = Pair(SECRET_KEY_FALLBACKS=["older", b"bytes", "old"])
        value = Pair(SECRET_KEY=key)
        cookie = "session=" + value.theirs.get_signing_serializer(value.flask).dumps({"a": 1})
        assert pair.open(cookie) == ({"a": 1}, {"a": 1})

    def test_se_05_a_key_that_is_not_listed(self) -> None:
        other = Pair(SECRET_KEY="other")
        cookie = "session=" + other.theirs.get_signing_serializer(other.flask).dumps({"a": 1})
        assert Pair(SECRET_KEY_FALLBACKS=["old"]).open(cookie) == ({}, {})

    def test_keys_changed_at_any_time(self) -> None:
        pair = Pair(SECRET_KEY_FALLBACKS=[])
        cookie = "session=" + pair.theirs.get_signing_serializer(pair.flask).dumps({"a": 1})
        assert pair.open(cookie)[0] == {"a": 1}
        pair.app.secret_key = "new"
        assert pair.open(cookie)[0] == {}
        # In place, which no container of ours notices.
        pair.app.config["SECRET_KEY_FALLBACKS"].append(KEY)
        assert pair.open(cookie)[0] == {"a": 1}
        pair.app.config["SECRET_KEY_FALLBACKS"][:] = ["x"]
        assert pair.open(cookie)[0] == {}

    def test_without_a_key(self) -> None:
        pair = Pair(SECRET_KEY=None)
        assert pair.open("session=x") == (None, None)
        assert pair.ours.get_signing_serializer(pair.app) is None
        assert not pair.ours.must_refresh(pair.app, {"HTTP_COOKIE": "session=x"})

    def test_key_of_a_wrong_type(self) -> None:
        pair = Pair(SECRET_KEY=5)
        cookie = "session=" + "a.b." + "c" * 27
        errors = []
        for app, interface, context in (
            (pair.app, pair.ours, context_of(pair.app)),
            (pair.flask, pair.theirs, pair.flask.app_context()),
        ):
            with context, pytest.raises((TypeError, AttributeError)) as caught:
                interface.open_session(app, Request({"HTTP_COOKIE": cookie}))
            errors.append((caught.type, str(caught.value)))
        assert errors[0] == errors[1]


SETTINGS = [
    {},
    {"SESSION_COOKIE_NAME": "sid"},
    {"SESSION_COOKIE_NAME": "my session"},
    {"SESSION_COOKIE_NAME": "é"},
    {"SESSION_COOKIE_DOMAIN": ".example.com"},
    {"SESSION_COOKIE_PATH": "/ä b"},
    {"APPLICATION_ROOT": "/app"},
    {"SESSION_COOKIE_HTTPONLY": False},
    {"SESSION_COOKIE_SECURE": True},
    {"SESSION_COOKIE_SAMESITE": "lax"},
    {"SESSION_COOKIE_SAMESITE": "wrong"},
    {"SESSION_COOKIE_PARTITIONED": True},
    {"PERMANENT_SESSION_LIFETIME": timedelta(hours=1)},
    {"SESSION_REFRESH_EACH_REQUEST": False},
    {
        "SESSION_COOKIE_DOMAIN": "example.com",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_SAMESITE": "None",
        "SESSION_COOKIE_PARTITIONED": True,
        "SESSION_COOKIE_PATH": "/x",
    },
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("vary", [None, "", "Accept", "cookie", "*"])
@pytest.mark.parametrize("permanent", [False, True])
@pytest.mark.parametrize(
    ("data", "accessed", "modified"),
    [
        ({}, False, False),
        ({}, True, False),
        ({}, True, True),
        ({"a": 1}, False, False),
        ({"a": 1}, True, False),
        ({"a": 1}, True, True),
        ({"a": 1}, False, True),
    ],
)
def test_headers(
    settings: dict[str, t.Any],
    vary: str | None,
    permanent: bool,
    data: dict[str, t.Any],
    accessed: bool,
    modified: bool,
) -> None:
    pair = Pair(**settings)
    opened = pair.open(None)
    for session in opened:
        session.update(data)
        if permanent and data:
            session.permanent = True
        session.accessed, session.modified = accessed, modified
    for _ in range(3):
        ours, theirs = pair.save(*opened, vary=vary)
        if ours == theirs:
            break
    assert ours == theirs


def test_expiry_follows_the_clock_and_the_lifetime() -> None:
    pair = Pair()
    session = SecureCookieSession({"_permanent": True})
    for lifetime in (timedelta(days=1), timedelta(days=2, microseconds=5), timedelta(days=-1)):
        pair.app.config["PERMANENT_SESSION_LIFETIME"] = lifetime
        pair.flask.config["PERMANENT_SESSION_LIFETIME"] = lifetime
        for _ in range(3):
            ours, theirs = pair.save(session, session)
            if ours == theirs:
                break
        assert ours == theirs


def test_too_large_a_cookie_warns() -> None:
    pair = Pair(MAX_COOKIE_SIZE=100)
    session = SecureCookieSession({"a": "x" + uuid.uuid4().hex * 200})
    session.modified = True

    class FlaskResponse(Response):
        max_cookie_size = 100

    with context_of(pair.app), pytest.warns(UserWarning, match="cookie is too large"):
        pair.ours.save_session(pair.app, session, FlaskResponse())


class TestSession:
    @pytest.mark.parametrize(
        ("change", "modified"),
        [
            (lambda s: s.__setitem__("a", 2), True),
            (lambda s: s.__delitem__("a"), True),
            (lambda s: s.clear(), True),
            (lambda s: s.pop("a"), True),
            (lambda s: s.pop("x", None), False),
            (lambda s: s.popitem(), True),
            (lambda s: s.setdefault("a", 1), False),
            (lambda s: s.setdefault("x", 1), True),
            (lambda s: s.update(x=1), True),
            (lambda s: s.update({}), True),
            (lambda s: s.__ior__({"x": 1}), True),
            (lambda s: setattr(s, "permanent", True), True),
            (lambda s: s.get("a"), False),
            (lambda s: "a" in s, False),
            (lambda s: list(s), False),
            (lambda s: len(s), False),
            (lambda s: s.permanent, False),
            (lambda s: s["list"].append(1), False),
            (lambda s: s | {"x": 1}, False),
            (lambda s: s.copy(), False),
        ],
    )
    def test_modified(self, change: t.Any, modified: bool) -> None:
        for kind in (SecureCookieSession, flask.sessions.SecureCookieSession):
            session = kind({"a": 1, "list": []})
            assert not session.modified
            change(session)
            assert session.modified is modified
            assert not session.accessed
            assert not session.new

    def test_like_flasks(self) -> None:
        ours, theirs = SecureCookieSession({"a": 1}), flask.sessions.SecureCookieSession({"a": 1})
        assert repr(ours) == repr(theirs)
        assert ours == theirs
        assert SecureCookieSession() == SecureCookieSession(None) == {}
        assert SecureCookieSession([("a", 1)]) == {"a": 1}  # type: ignore[arg-type]
        assert issubclass(SecureCookieSession, sessions.SessionMixin)
        assert issubclass(SecureCookieSession, dict)

    def test_own_on_update(self) -> None:
        seen = []

        class Session(SecureCookieSession):
            def __init__(self) -> None:
                super().__init__()
                self.on_update = seen.append  # type: ignore[assignment]

        session = Session()
        session["a"] = 1
        session.pop("a")
        assert len(seen) == 2
        assert not session.modified
        session.on_update = None
        session["a"] = 1
        assert len(seen) == 2

    @pytest.mark.parametrize(
        "change",
        [
            lambda s: s.__setitem__("a", 2),
            lambda s: s.__delitem__("a"),
            lambda s: s.clear(),
            lambda s: s.pop("a"),
            lambda s: s.popitem(),
            lambda s: s.setdefault("a", 1),
            lambda s: s.update(x=1),
            lambda s: setattr(s, "permanent", True),
        ],
    )
    def test_null_session(self, change: t.Any) -> None:
        texts = []
        for kind in (NullSession, flask.sessions.NullSession):
            session = kind()
            assert session.get("a") is None
            assert not session.permanent
            with pytest.raises(RuntimeError) as caught:
                change(session)
            texts.append(str(caught.value))
        assert texts[0] == texts[1]


class TestRefresh:
    @given(
        st.dictionaries(
            st.text("ab_", max_size=6), st.one_of(st.integers(), st.text()), max_size=4
        ),
        st.sampled_from([None, True, False, 0, 1, "yes"]),
    )
    def test_never_missed(self, data: dict[str, t.Any], permanent: t.Any) -> None:
        pair = Pair()
        if permanent is not None:
            data["_permanent"] = permanent
        value = pair.theirs.get_signing_serializer(pair.flask).dumps(data)
        for cookie in (f"session={value}", f"a=b; session={value}; c=d", f'x="1";session={value}'):
            environ = {"HTTP_COOKIE": cookie}
            with context_of(pair.app, environ):
                refresh = pair.ours.must_refresh(pair.app, environ)
            if permanent:
                assert refresh
            elif value[0] != "." and "_permanent" not in data:
                assert not refresh

    def test_setting_and_absence(self) -> None:
        pair = Pair()
        environ = {"HTTP_COOKIE": "session=.compressed"}
        assert pair.ours.must_refresh(pair.app, environ)
        assert not pair.ours.must_refresh(pair.app, {})
        assert not pair.ours.must_refresh(pair.app, {"HTTP_COOKIE": "a=b"})
        pair.app.config["SESSION_REFRESH_EACH_REQUEST"] = False
        assert not pair.ours.must_refresh(pair.app, environ)

    def test_se_07_refreshed_without_access_has_vary(self) -> None:
        pair = Pair()
        session = SecureCookieSession({"_permanent": True})
        ours, theirs = pair.save(session, session)
        assert [name for name, _ in ours] == [name for name, _ in theirs]
        assert dict(ours)["Vary"] == "Cookie"


class TestOverrides:
    def same(self, pair: Pair, data: t.Any = None) -> None:
        """Both write the same, and read what they wrote."""
        session = data or {"b": 1, "a": ("x", 1.5)}
        opened = pair.open(None)
        for one in opened:
            one.update(session)
        ours, theirs = pair.save(*opened)
        assert ours == theirs
        one, two = pair.open(cookie_of(theirs))
        assert one == two == session

    def test_stock(self) -> None:
        assert is_stock_interface(SecureCookieSessionInterface())
        pair = Pair()
        self.same(pair)
        assert sessions._compiled(pair.ours, pair.app) is not None

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("salt", "other"),
            ("key_derivation", "django-concat"),
            ("digest_method", staticmethod(__import__("hashlib").sha256)),
        ],
    )
    def test_attributes(self, monkeypatch: pytest.MonkeyPatch, name: str, value: t.Any) -> None:
        plain = value.__func__ if isinstance(value, staticmethod) else value
        pair = Pair()
        self.same(pair)
        setattr(pair.ours, name, plain)
        setattr(pair.theirs, name, plain)
        self.same(pair)
        assert not is_stock_interface(pair.ours)
        delattr(pair.ours, name)
        delattr(pair.theirs, name)
        self.same(pair)
        assert is_stock_interface(pair.ours)

        monkeypatch.setattr(SecureCookieSessionInterface, name, value)
        monkeypatch.setattr(flask.sessions.SecureCookieSessionInterface, name, value)
        assert not is_stock_interface(pair.ours)
        self.same(pair)
        monkeypatch.undo()
        assert is_stock_interface(pair.ours)

        ours = type("Ours", (SecureCookieSessionInterface,), {name: value})
        theirs = type("Theirs", (flask.sessions.SecureCookieSessionInterface,), {name: value})
        pair.ours, pair.theirs = ours(), theirs()
        self.same(pair)
        assert not is_stock_interface(pair.ours)

    def test_a_method_of_a_subclass(self) -> None:
        class Ours(SecureCookieSessionInterface):
            def get_cookie_domain(self, app: t.Any) -> str:
                return "example.org"

        class Theirs(flask.sessions.SecureCookieSessionInterface):
            get_cookie_domain = Ours.get_cookie_domain

        pair = Pair()
        pair.ours, pair.theirs = Ours(), Theirs()
        self.same(pair)
        opened = pair.open(None)
        for session in opened:
            session["a"] = 1
        assert "Domain=example.org" in dict(pair.save(*opened)[0])["Set-Cookie"]

    def test_a_registered_tag(self) -> None:
        class Money:
            def __init__(self, cents: int) -> None:
                self.cents = cents

            def __eq__(self, other: object) -> bool:
                return isinstance(other, Money) and other.cents == self.cents

        class TagMoney(JSONTag):
            __slots__ = ()
            key = " money"

            def check(self, value: t.Any) -> bool:
                return isinstance(value, Money)

            def to_json(self, value: t.Any) -> t.Any:
                return value.cents

            def to_python(self, value: t.Any) -> t.Any:
                return Money(value)

        pair = Pair()
        self.same(pair)
        serializers = (pair.ours.serializer, pair.theirs.serializer)
        for serializer in serializers:
            serializer.register(TagMoney, index=0)
        try:
            assert not is_stock_interface(pair.ours)
            self.same(pair, {"price": Money(5)})
        finally:
            for serializer in serializers:
                del serializer.order[0], serializer.tags[" money"]
        assert is_stock_interface(pair.ours)

    def test_another_session_class(self) -> None:
        class Session(SecureCookieSession):
            pass

        pair = Pair()
        pair.ours.session_class = Session
        assert type(pair.open(None)[0]) is Session
        assert not is_stock_interface(pair.ours)

    def test_json_provider_of_the_application(self) -> None:
        pair = Pair()
        for app in (pair.app, pair.flask):
            app.json.sort_keys = False
        self.same(pair)
        for app in (pair.app, pair.flask):
            app.json.ensure_ascii = False
        self.same(pair, {"é": "ü"})

    def test_computed_settings(self) -> None:
        class App(StandInApp):
            keys: t.ClassVar[list[str]] = ["one"]

            @property
            def secret_key(self) -> str:  # type: ignore[override]
                return self.keys[-1]

        app, interface = App(), SecureCookieSessionInterface()
        with context_of(app):
            value = interface.get_signing_serializer(app).dumps({"a": 1})  # type: ignore[union-attr]
            request = Request({"HTTP_COOKIE": f"session={value}"})
            assert interface.open_session(app, request) == {"a": 1}
            App.keys.append("two")
            assert interface.open_session(app, request) == {}

    def test_own_request_and_response_classes(self) -> None:
        class OwnRequest(Request):
            cookies = {"session": "x"}  # type: ignore[assignment]

        class OwnResponse(Response):
            def set_cookie(self, key: str, value: str = "", **kwargs: t.Any) -> None:
                super().set_cookie(f"own-{key}", value, **kwargs)

        pair = Pair()
        good = pair.theirs.get_signing_serializer(pair.flask).dumps({"a": 1})
        environ = {"HTTP_COOKIE": f"session={good}"}
        with context_of(pair.app, environ):
            assert pair.ours.open_session(pair.app, Request(environ)) == {"a": 1}
            assert pair.ours.open_session(pair.app, OwnRequest(environ)) == {}
            request = Request(environ)
            request.cookies = {"session": ""}  # type: ignore[assignment]
            assert pair.ours.open_session(pair.app, request) == {}

            session = SecureCookieSession({"a": 1})
            session.modified = True
            response = OwnResponse()
            pair.ours.save_session(pair.app, session, response)
            assert response.headers["Set-Cookie"].startswith("own-session=")

    def test_one_interface_for_two_applications(self) -> None:
        one, two = StandInApp(SECRET_KEY="one"), StandInApp(SECRET_KEY="two")
        interface = SecureCookieSessionInterface()
        for app in (one, two, one, two):
            with context_of(app):
                value = interface.get_signing_serializer(app).dumps({"a": app.secret_key})  # type: ignore[union-attr]
                request = Request({"HTTP_COOKIE": f"session={value}"})
                assert interface.open_session(app, request) == {"a": app.secret_key}

    def test_outside_of_the_context(self) -> None:
        """Without a current application the keys aren't sorted, in Flask either."""
        pair = Pair()
        session = SecureCookieSession({"b": 1, "a": 2})
        session.modified = True
        ours, theirs = Response(), Response()
        pair.ours.save_session(pair.app, session, ours)
        pair.theirs.save_session(pair.flask, session, theirs)
        assert ours.headers == theirs.headers


def test_no_sha1(monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIPS build raises when the session is used, not before."""

    def missing(*args: t.Any, **kwargs: t.Any) -> t.Any:
        raise ValueError("unsupported hash type")

    pair = Pair()
    monkeypatch.setattr("hashlib.sha1", missing)
    with context_of(pair.app):
        assert pair.ours.open_session(pair.app, Request({})) == {}
        assert sessions._compiled(pair.ours, pair.app) is None


def test_interface_is_abstract() -> None:
    interface = SessionInterface()
    for call in (
        lambda: interface.open_session(None, t.cast(t.Any, None)),
        lambda: interface.save_session(None, SecureCookieSession(), Response()),
    ):
        with pytest.raises(NotImplementedError):
            call()
    assert interface.is_null_session(interface.make_null_session(None))
    assert not interface.is_null_session(SecureCookieSession())
    assert interface.pickle_based is False


def test_names_are_flasks() -> None:
    for name, value in vars(flask.sessions).items():
        if getattr(value, "__module__", "") == "flask.sessions" and name[0] != "_":
            assert hasattr(sessions, name)
            if isinstance(value, type):
                missing = set(vars(value)) - set(dir(getattr(sessions, name)))
                assert missing <= {"__annotations__", "__firstlineno__", "__static_attributes__"}
    assert sessions.URLSafeTimedSerializer is URLSafeTimedSerializer
    assert isinstance(sessions.session_json_serializer, sessions.TaggedJSONSerializer)
    with pytest.raises(AttributeError):
        _ = sessions.nothing
