"""Redirects that lead to where a client, not the application, wants them to."""

from __future__ import annotations

import typing as t
from urllib.parse import quote

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import erlen
from bad_inputs.calls import Answer, get, make, raw, same, served, twins
from bad_inputs.cases import Cases, seconds

redirects = Cases()


def setup(app: t.Any) -> None:
    package = erlen if isinstance(app, erlen.Erlen) else flask

    @app.route("/dir/", methods=["GET", "POST"])
    def folder() -> str:
        return "dir"

    @app.get("/<path:p>/sub/")
    def below(p: str) -> str:
        return p

    @app.get("/<path:p>")
    def any_path(p: str) -> str:
        return p

    @app.get("/file/<path:p>")
    def file(p: str) -> str:
        return package.url_for("file", p=p)

    @app.get("/go")
    def go() -> t.Any:
        return package.redirect(package.request.args["next"])

    @app.get("/build")
    def build() -> str:
        return package.url_for(package.request.args["e"], p=package.request.args["p"])


def strict(app: t.Any) -> None:
    @app.get("/<path:p>/")
    def folder(p: str) -> str:
        return p


@redirects("RD-01", target="//evil.com/dir")
@redirects("RD-01-slashes", target="///evil.com/dir")
@redirects("RD-01-backslash", target="/%5cevil.com/dir")
@redirects("RD-01-escaped", target="/%2f%2fevil.com/dir")
@redirects("RD-01-both", target="/%5c/evil.com/dir")
@redirects("RD-01-tab", target="/%09/evil.com/dir")
@redirects("RD-01-scheme", target="/http://evil.com/dir")
@redirects("RD-01-at", target="/@evil.com/dir")
def no_other_host(target: str) -> None:
    for host in ("localhost", "example.com"):
        for add in (setup, strict):
            answer = get(make(add), target, headers={"Host": host})
            location = answer.header("Location")
            if location is not None:
                assert location.startswith((f"http://{host}/", "/"))
                assert location[:2] not in ("//", "/\\") and "\t" not in location


def going(target: str) -> Answer:
    app = make()
    app.add_url_rule("/", "index", lambda: erlen.redirect(target))
    return get(app)


@redirects("RD-02", left=True, target="//evil.com")
@redirects("RD-02-whole", left=True, target="https://evil.com/")
@redirects("RD-02-slashes", left=True, target="/\\evil.com")
@redirects("RD-02-own", left=True, target="myapp://callback")
@redirects("RD-02-mail", left=True, target="mailto:a@example.com")
def anywhere(target: str) -> None:
    # Logins, shops and shortened links lead to other hosts and to other programs.
    answer = same(twins(setup), f"/go?next={quote(target, safe='')}")
    assert answer.status == 302


@redirects("RD-04", target="javascript:alert(1)")
@redirects("RD-04-case", target="JavaScript:alert(1)")
@redirects("RD-04-space", target="  javascript:alert(1)")
@redirects("RD-04-control", target="\x01javascript:alert(1)")
@redirects("RD-04-tab", target="java\tscript:alert(1)")
@redirects("RD-04-data", target="data:text/html,<script>alert(1)</script>")
@redirects("RD-04-vb", target="vbscript:x")
@redirects("RD-05", target="\ufb03" * 300_000)
@redirects("RD-05-long", target="/" + "a" * 70_000)
@redirects("RD-05-bracket", target="http://[")
@redirects("RD-05-netloc", target="http://\u2100.com/")
@redirects("RD-05-surrogate", target="/\ud800")
def no_target(target: str) -> None:
    answer = going(target)
    assert answer.status == 400
    assert answer.header("Location") is None


@redirects("RD-04-class")
def no_target_for_a_response_class_of_ones_own() -> None:
    class Own(erlen.Response):
        def __init__(self, *args: t.Any, **options: t.Any) -> None:
            super().__init__(*args, **options)

    app = make(setup)
    app.response_class = Own
    assert get(app, "/go?next=javascript:x").status == 400
    assert get(app, "/go?next=/x").status == 302


@redirects("RD-05-time")
def long_target_in_little_time() -> None:
    small = "\ufb03" * 1000
    long = "\ufb03" * 300_000
    assert seconds(lambda: going(long)) < 500 * max(seconds(lambda: going(small)), 0.0001)


@redirects("RD-05-line")
def target_with_a_line_break() -> None:
    with pytest.raises(ValueError):
        erlen.redirect("/\r\nX: y")
    with pytest.raises(ValueError):
        flask.redirect("/\r\nX: y")


@redirects("RD-05-emoji", target="/\U0001f600?\u20ac#\xe9")
@redirects("RD-05-quotes", target="/\"'<>&")
def odd_target(target: str) -> None:
    location = erlen.redirect(target)
    assert location.get_data() == flask.redirect(target).get_data()


@redirects("RD-07", host="evil.com")
@redirects("RD-07-port", host="evil.com:8080")
@redirects("RD-07-case", host="EVIL.com")
@redirects("RD-07-address", host="[::1]:80")
def host_of_the_client(host: str) -> None:
    for target, location in (("/dir", "/dir/"), ("/dir?a=%2f", "/dir/?a=%2f")):
        # Twice: what is known about a host changes the way that is taken.
        app = make(setup)
        for _ in range(2):
            answer = get(app, target, headers={"Host": host})
            assert (answer.status, answer.header("Location")) == (308, location)
            assert b"evil" not in answer.body.lower()


@redirects("RD-07-mounted")
def below_a_prefix() -> None:
    answer = get(make(setup), "/dir", headers={"Host": "evil.com"}, SCRIPT_NAME="/app")
    assert answer.header("Location") == "/app/dir/"


@redirects("RD-07-server")
def name_of_the_server() -> None:
    answer = same(twins(setup), "/dir")
    assert answer.header("Location") == "http://localhost/dir/"


@redirects("RD-07-trusted")
def trusted_host() -> None:
    def add(app: t.Any) -> None:
        setup(app)
        app.config["TRUSTED_HOSTS"] = ["example.com"]

    apps = twins(add)
    answer = same(apps, "/dir", headers={"Host": "example.com"})
    assert answer.header("Location") == "http://example.com/dir/"
    assert same(apps, "/dir", headers={"Host": "evil.com"}).status == 400


@redirects("RD-07-name")
def configured_name() -> None:
    def add(app: t.Any) -> None:
        setup(app)
        app.config["SERVER_NAME"] = "example.com"

    answer = get(make(add), "/dir", headers={"Host": "evil.com"})
    assert answer.header("Location") in ("/dir/", "http://example.com/dir/")


@redirects("RD-07-socket")
def on_a_server() -> None:
    request = b"GET /dir HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n\r\n"
    with served(make(setup)) as port:
        answer = raw(port, request)
    assert answer.startswith(b"HTTP/1.1 308") and b"Location: /dir/\r\n" in answer


@redirects("RD-08")
def post_stays_post() -> None:
    answer = same(twins(setup), "/dir", method="POST", body=b"a=b")
    assert answer.status == 308


@redirects("RD-10", left=True, value="/evil.com")
@redirects("RD-10-dots", left=True, value="../x")
@redirects("RD-10-two", left=True, value="//evil.com")
@redirects("RD-10-backslash", left=True, value="\\evil.com")
def built_url(value: str) -> None:
    for endpoint in ("file", "any_path"):
        answer = same(twins(setup), f"/build?e={endpoint}&p={quote(value, safe='')}")
        assert answer.text.startswith("/") and answer.text[:2] not in ("//", "/\\")


test_redirect = redirects.test()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(["/", "\\", "evil.com", "dir", "sub", ":", "@", "http:", "..", ".", "?"])
    ).map("".join),
    st.sampled_from(["localhost", "evil.com", "evil.com:80", "a.b:8080"]),
)
def test_no_redirect_leaves_the_host(path: str, host: str) -> None:
    for app in (ONE, TWO):
        answer = get(app, PATH_INFO="/" + path, headers={"Host": host})
        location = answer.header("Location")
        if location is None:
            continue
        if host == "localhost":
            assert location.startswith("http://localhost/")
        elif location[:1] == "/":
            assert location[1:2] not in ("/", "\\")
        else:
            assert location.startswith(f"http://{host.removesuffix(':80')}/")


ONE, TWO = make(setup), make(strict)
