"""Cookies: those that a client sends, and those that an application sets."""

from __future__ import annotations

import json
import typing as t

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import erlen
from bad_inputs.calls import Answer, get, make, raw, same, served, twins
from bad_inputs.cases import Cases, assert_linear

cookie = Cases()


def setup(app: t.Any) -> None:
    source = erlen.request if isinstance(app, erlen.Erlen) else flask.request

    @app.get("/")
    def show() -> dict[str, t.Any]:
        return {"cookies": list(source.cookies.items(multi=True))}


def both(header: str) -> list[list[str]]:
    """The cookies as the view sees them, here and with Flask."""
    answer = same(twins(setup), headers={"Cookie": header})
    return json.loads(answer.text)["cookies"]


@cookie("CK-01", header="=__Host-test=bad", seen=[])
@cookie("CK-01-blank", header=" =__Host-test=bad; \t=x", seen=[])
@cookie("CK-01-beside", header="=__Host-test=bad; a=b", seen=[["a", "b"]])
@cookie("CK-13", header="a=\xff; b=c", seen=[["a", "\ufffd"], ["b", "c"]])
@cookie("CK-13-control", header="a=\x01; b=\x7f", seen=[["a", "\x01"], ["b", "\x7f"]])
@cookie("CK-13-quoted", header='a="\\377"; b="\\400"', seen=None)
@cookie("CK-13-open", header='a="b; c=d', seen=None)
@cookie("CK-13-escape", header='a="\\', seen=None)
@cookie("CK-14", header="\u2000__Host-x=bad".encode().decode("latin-1"), seen=None)
@cookie("CK-14-nbsp", header="\xc2\xa0__Host-x=bad", seen=None)
@cookie("CK-14-next", header="\xc2\x85__Host-x=bad; \x1c__Host-x=bad", seen=None)
def odd_cookies(header: str, seen: t.Any) -> None:
    found = both(header)
    assert "__Host-x" not in dict(found) and "__Host-test" not in dict(found)
    if seen is not None and "\xff" not in header:
        assert found == seen


@cookie("CK-02", left=True)
def many_cookies() -> None:
    apps = twins(setup)
    many = "; ".join(f"a{i}=b" for i in range(10_000))
    assert len(json.loads(same(apps, headers={"Cookie": many}).text)["cookies"]) == 10_000

    def run(count: int) -> None:
        get(apps[0], headers={"Cookie": "; ".join(f"a{i}=b" for i in range(count))})

    assert_linear(run, 4000)


@cookie("CK-02-server")
def many_cookies_over_the_limit_of_a_server() -> None:
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: "
    with served(make(setup)) as port:
        answer = raw(port, request + b"a=b; " * 20_000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431")


@cookie("CK-02-quotes", unit='a="b"; ')
@cookie("CK-02-open", unit='a="')
@cookie("CK-02-escapes", unit='"\\')
@cookie("CK-02-blank", unit=" ")
@cookie("CK-02-separators", unit=";")
@cookie("CK-02-equals", unit="=")
def repeated(unit: str) -> None:
    app = make(setup)
    assert_linear(lambda n: get(app, headers={"Cookie": unit * n}), 4000)


def signed(app: t.Any, **data: t.Any) -> str:
    return app.session_interface.get_signing_serializer(app).dumps(data)


@cookie("CK-04")
def tossed_session() -> None:
    def add(app: t.Any) -> None:
        source = erlen.session if isinstance(app, erlen.Erlen) else flask.session

        @app.get("/")
        def who() -> str:
            return source.get("user", "nobody")

    apps = twins(add)
    good, evil = (signed(apps[1], user=name) for name in ("good", "evil"))
    for first, second, seen in (
        (evil, good, "evil"),
        (good, evil, "good"),
        ("forged", good, "nobody"),
    ):
        header = f"session={first}; session={second}"
        assert same(apps, headers={"Cookie": header}).text == seen


def setting(*args: t.Any, **options: t.Any) -> t.Callable[[t.Any], None]:
    def add(app: t.Any) -> None:
        package = erlen if isinstance(app, erlen.Erlen) else flask

        @app.get("/")
        def view() -> t.Any:
            response = package.make_response("")
            response.set_cookie(*args, **options)
            return response

    return add


@cookie("CK-05", left=True, args=("__Host-x", "1"), options={"domain": "example.com"})
@cookie("CK-05-path", left=True, args=("__Host-x", "1"), options={"secure": True, "path": "/a"})
@cookie("CK-05-secure", left=True, args=("__Secure-x", "1"), options={})
@cookie("CK-10", left=True, args=("a", "1"), options={"samesite": "None"})
def dropped_by_browsers(args: t.Any, options: t.Any) -> None:
    # Over plain HTTP, and in tests, applications run with such a cookie.
    answer = same(twins(setting(*args, **options)))
    assert answer.status == 200 and answer.header("Set-Cookie")


@cookie("CK-07", name="a;b")
@cookie("CK-07-equals", name="a b=")
@cookie("CK-07-line", name="a\r\nX")
@cookie("CK-07-nul", name="a\0")
@cookie("CK-07-tab", name="\ta")
@cookie("CK-11", name="")
@cookie("CK-11-blank", name=" ")
def bad_name(name: str) -> None:
    with pytest.raises(ValueError, match="Cookie name"):
        erlen.Response().set_cookie(name, "x")


@cookie("CK-08", domain="evil.com;Path=/x")
@cookie("CK-08-line", domain="evil.com\r\nX: y")
@cookie("CK-08-space", domain="evil.com Secure")
@cookie("CK-08-comma", domain="evil.com,other.com")
def bad_domain(domain: str) -> None:
    with pytest.raises(ValueError):
        erlen.Response().set_cookie("a", "x", domain=domain)


@cookie("CK-08-path", options={"path": "/;Domain=evil.com"})
@cookie("CK-08-line-path", options={"path": "/\r\nX: y"})
@cookie("CK-08-expires", options={"expires": "now; Domain=evil.com"})
@cookie("CK-08-samesite", options={"samesite": "Lax; Domain=evil.com"})
@cookie("CK-08-age", options={"max_age": "1; Domain=evil.com"})
@cookie("CK-08-value", options={"value": "x; Domain=evil.com\r\nX: y"})
def no_other_way_to_a_domain(options: dict[str, t.Any]) -> None:
    response = erlen.Response()
    try:
        response.set_cookie("a", **options)
    except (ValueError, TypeError):
        return
    assert "; domain=" not in response.headers["Set-Cookie"].lower()


@cookie("CK-16")
def partitioned_is_secure() -> None:
    answer = same(twins(setting("a", "1", partitioned=True)))
    assert answer.header("Set-Cookie") == "a=1; Secure; Path=/; Partitioned"


@cookie("CK-17")
def deleting_needs_the_same_attributes() -> None:
    options: dict[str, t.Any] = {
        "secure": True, "httponly": True, "samesite": "None", "partitioned": True,
    }  # fmt: skip
    response = erlen.Response()
    response.delete_cookie("__Host-x", **options)
    text = response.headers["Set-Cookie"]
    assert text.startswith("__Host-x=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; ")
    assert text.endswith("Secure; HttpOnly; Path=/; SameSite=None; Partitioned")


@cookie("CK-17-session")
def clearing_a_session() -> None:
    def add(app: t.Any) -> None:
        app.config.update(
            SESSION_COOKIE_NAME="__Host-session",
            SESSION_COOKIE_SECURE=True,
            SESSION_COOKIE_SAMESITE="None",
            SESSION_COOKIE_PARTITIONED=True,
        )
        source = erlen.session if isinstance(app, erlen.Erlen) else flask.session

        @app.get("/")
        def view() -> str:
            source.clear()
            return ""

    apps = twins(add)
    header = f"__Host-session={signed(apps[1], user=1)}"
    answer = same(apps, headers={"Cookie": header})
    assert answer.header("Set-Cookie").endswith("SameSite=None; Partitioned")


test_cookie = cookie.test()


def attributes(answer: Answer) -> t.Any:
    return json.loads(answer.text)["cookies"]


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_any_header_is_flasks(header: str) -> None:
    same(TWINS, headers={"Cookie": header})


TWINS = twins(setup)
