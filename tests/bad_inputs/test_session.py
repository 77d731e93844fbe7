"""Session cookies: forged, stale, and what goes back with them."""

from __future__ import annotations

import json
import random
import string
import typing as t
import warnings
from datetime import timedelta

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

import erlen
from bad_inputs.calls import Answer, get, make, same, twins
from bad_inputs.cases import Cases, assert_linear

session = Cases()

MONTH = 31 * 24 * 3600
# More than a cookie holds, however well it is compressed.
LARGE = "".join(random.Random(1).choices(string.ascii_letters, k=9000))


def setup(app: t.Any) -> None:
    ours = isinstance(app, erlen.Erlen)
    source = erlen.session if ours else flask.session
    package = erlen if ours else flask

    @app.get("/")
    def read() -> dict[str, t.Any]:
        return dict(source)

    @app.get("/count")
    def count() -> str:
        source["n"] = source.get("n", 0) + 1
        return str(source["n"])

    @app.get("/large")
    def large() -> str:
        source["n"] = LARGE
        return "large"

    @app.get("/untouched")
    def untouched() -> str:
        return "untouched"

    @app.get("/missing")
    def missing() -> str:
        source["n"] = 1
        package.abort(404)

    @app.get("/stale")
    def stale() -> t.Any:
        source["n"] = 1
        return package.Response(status=304)

    @app.get("/fails")
    def fails() -> str:
        source["n"] = 1
        raise RuntimeError

    @app.get("/permanent")
    def permanent() -> str:
        source.permanent = True
        return ""


def pair(answer: Answer) -> str:
    header = answer.header("Set-Cookie")
    assert header is not None
    return header.partition(";")[0]


def cookie_of(app: t.Any) -> str:
    return pair(get(app, "/count"))


def read(app: t.Any, cookie: str) -> t.Any:
    answer = get(app, headers={"Cookie": cookie})
    assert answer.status == 200
    return json.loads(answer.text)


@session("SE-01")
def every_flipped_bit() -> None:
    app = make(setup)
    cookie = cookie_of(app)
    assert read(app, cookie) == {"n": 1}
    start = len("session=")
    end = cookie.rindex(".")
    for position in range(start, end):
        for bit in range(7):
            flipped = chr(ord(cookie[position]) ^ 1 << bit)
            assert read(app, cookie[:position] + flipped + cookie[position + 1 :]) == {}
    # The last character of the signature has bits that base64 leaves unused.
    for position in range(end + 1, len(cookie) - 1):
        for other in "Aa0-_":
            forged = cookie[:position] + other + cookie[position + 1 :]
            assert read(app, forged) == ({"n": 1} if forged == cookie else {})


@session("SE-02", value=lambda good: good[: len(good) // 2])
@session("SE-02-large", value=lambda good: "a" * 1_000_000)
@session("SE-02-large-dots", value=lambda good: "." * 1_000_000)
@session("SE-02-dots", value=lambda good: "." * 1000)
@session("SE-02-bytes", value=lambda good: "\xff\xfe.\x80.\x81")
@session("SE-02-empty", value=lambda good: "")
@session("SE-02-dot", value=lambda good: ".")
@session("SE-02-zipped", value=lambda good: "." + good)
@session("SE-02-quoted", value=lambda good: '"\\377\\376"')
@session("SE-10", value=lambda good: "0123456789abcdef0123456789abcdef")
def forged(value: t.Callable[[str], str]) -> None:
    app = make(setup)
    cookie = "session=" + value(cookie_of(app).removeprefix("session="))
    assert read(app, cookie) == {}
    assert get(app, "/untouched", headers={"Cookie": cookie}).status == 200
    # What was not ours is not taken over: the session begins anew.
    assert get(app, "/count", headers={"Cookie": cookie}).text == "1"


@session("SE-02-latin")
def beyond_base64() -> None:
    # Its decoder skips what is no digit of it, in Flask too.
    apps = twins(setup)
    cookie = cookie_of(apps[1])
    for added in ("\xe9", "\xff", "\x80=", "!"):
        assert same(apps, headers={"Cookie": cookie + added}).status == 200


@session("SE-02-time")
def forged_in_linear_time() -> None:
    app = make(setup)
    for unit in ("a", ".", "a.", "\xff"):
        assert_linear(lambda n, unit=unit: read(app, "session=" + unit * n), 20_000)


@session("SE-02-bomb")
def zip_bomb_without_the_key() -> None:
    app = make(setup)
    other = make(setup)
    other.config["SECRET_KEY"] = "another"
    data = {"x": "a" * 10_000_000}
    bomb = other.session_interface.get_signing_serializer(other).dumps(data)
    assert read(app, f"session={bomb}") == {}


def rotated(app: t.Any) -> None:
    setup(app)
    app.config["SECRET_KEY"] = "new"
    app.config["SECRET_KEY_FALLBACKS"] = ["key"]


@session("SE-04")
def new_cookies_have_the_new_key() -> None:
    old = cookie_of(make(setup))
    app = make(rotated)
    new = pair(get(app, "/count", headers={"Cookie": old}))
    alone = make(setup)
    alone.config["SECRET_KEY"] = "new"
    assert read(app, old) == {"n": 1}
    assert read(alone, new) == {"n": 2}


@session("SE-05")
def dropped_key() -> None:
    old = cookie_of(make(setup))
    app = make(rotated)
    app.config["SECRET_KEY_FALLBACKS"] = ["older"]
    assert read(app, old) == {}


@session("SE-07")
def refreshed_session_varies() -> None:
    apps = twins(setup)
    cookie = pair(get(apps[0], "/permanent"))
    answer = get(apps[0], "/untouched", headers={"Cookie": cookie})
    assert answer.header("Vary") == "Cookie" and answer.header("Set-Cookie")
    assert get(apps[1], "/untouched", headers={"Cookie": cookie}).header("Vary") == "Cookie"


@session("SE-08", left=True)
def no_cache_control() -> None:
    ours, theirs = (get(app, "/count") for app in twins(setup))
    assert [name for name, _ in ours.headers] and ours.header("Cache-Control") is None
    assert {name for name, _ in ours.headers} == {name for name, _ in theirs.headers}
    assert ours.header("Vary") == theirs.header("Vary") == "Cookie"


class Clock(TimestampSigner):
    """Signs at another time."""

    offset = 0

    def get_timestamp(self) -> int:
        return super().get_timestamp() + self.offset


@session("SE-11", offset=-MONTH - 24 * 3600, seen={})
@session("SE-11-future", offset=24 * 3600, seen={})
@session("SE-11-fresh", offset=-MONTH + 3600, seen={"n": 1})
@session("SE-11-eternity", offset=10**18, seen={})
def other_times(offset: int, seen: t.Any) -> None:
    import hashlib

    apps = twins(setup)
    signer = type("Signer", (Clock,), {"offset": offset})
    from flask.sessions import TaggedJSONSerializer

    serializer = URLSafeTimedSerializer(
        "key",
        salt="cookie-session",
        serializer=TaggedJSONSerializer(),
        signer=signer,
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1},
    )
    cookie = f"session={serializer.dumps({'n': 1})}"
    assert read(apps[0], cookie) == seen
    if offset < 10**9:
        # Flask fails on what is beyond the calendar.
        assert read(apps[1], cookie) == seen


@session("SE-13", left=True)
def another_application_with_the_same_key() -> None:
    apps = twins(setup)
    for cookie in map(cookie_of, apps):
        assert [read(app, cookie) for app in apps] == [{"n": 1}, {"n": 1}]


@session("SE-14", left=True)
def digest_is_flasks() -> None:
    apps = twins(setup)
    for app in apps:
        signature = cookie_of(app).rpartition(".")[2]
        assert len(signature) == 27  # 20 bytes, SHA-1


@session("SE-16", left=True)
def flags_are_flasks() -> None:
    ours, theirs = (get(app, "/count", **{"wsgi.url_scheme": "https"}) for app in twins(setup))
    flags = [answer.header("Set-Cookie").partition(";")[2] for answer in (ours, theirs)]
    assert flags == [" HttpOnly; Path=/"] * 2


@session("SE-17", left=True)
def too_large_for_a_cookie() -> None:
    sizes = []
    for app in twins(setup):
        with pytest.warns(UserWarning, match="session"):
            answer = get(app, "/large")
        assert answer.text == "large"
        sizes.append(len(answer.header("Set-Cookie")))
    assert sizes[0] == sizes[1] > 4093


@session("SE-19")
def last_write_wins() -> None:
    # A cookie has no lock; docs/reference/bad-input.md says so.
    app = make(setup)
    cookie = cookie_of(app)
    first = get(app, "/count", headers={"Cookie": cookie})
    second = get(app, "/count", headers={"Cookie": cookie})
    assert first.text == second.text == "2"


@session("SE-20", target="/missing", method="GET")
@session("SE-20-stale", target="/stale", method="GET")
@session("SE-20-head", target="/count", method="HEAD")
@session("SE-20-error", target="/fails", method="GET")
@session("SE-20-head-error", target="/fails", method="HEAD")
@session("SE-20-options", target="/count", method="OPTIONS")
def rules_of_other_answers(target: str, method: str) -> None:
    ours, theirs = (get(app, target, method=method) for app in twins(setup))
    assert ours.line == theirs.line
    assert ours.body == theirs.body
    assert ours.all("Vary") == theirs.all("Vary")
    assert len(ours.all("Set-Cookie")) == len(theirs.all("Set-Cookie"))
    if method != "OPTIONS":
        assert ours.header("Vary") == "Cookie" and ours.header("Set-Cookie")


@session("SE-22")
def salt_and_key_do_not_run_together() -> None:
    class Salted(erlen.sessions.SecureCookieSessionInterface):
        salt = "ion"

    class Longer(erlen.sessions.SecureCookieSessionInterface):
        salt = "session"

    apps = []
    for interface, key in ((Salted(), "keysess"), (Longer(), "key"), (Longer(), "keysess")):
        app = make(setup)
        app.session_interface = interface
        app.config["SECRET_KEY"] = key
        apps.append(app)
    cookies = [cookie_of(app) for app in apps]
    for app, own in zip(apps, cookies):
        assert [read(app, cookie) for cookie in cookies] == [
            {"n": 1} if cookie is own else {} for cookie in cookies
        ]


@session("SE-05-none")
def without_a_key() -> None:
    app = make(setup)
    cookie = cookie_of(app)
    app.config["SECRET_KEY"] = None
    assert read(app, cookie) == {}


@session("SE-11-lifetime")
def short_lifetime() -> None:
    app = make(setup)
    cookie = cookie_of(app)
    app.permanent_session_lifetime = timedelta(seconds=-1)
    assert read(app, cookie) == {}


test_session = session.test()


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_no_value_opens_a_session(value: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(TWINS, headers={"Cookie": f"session={value}"})
        assert get(TWINS[0], "/untouched", headers={"Cookie": f"session={value}"}).status == 200


TWINS = twins(setup)
