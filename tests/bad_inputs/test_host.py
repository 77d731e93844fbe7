"""The Host header, and what proxies say in its place."""

from __future__ import annotations

import typing as t

import flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.debug import DebuggedApplication
from werkzeug.middleware.proxy_fix import ProxyFix

import erlen
from bad_inputs.calls import Answer, get, make, raw, same, served, twins
from bad_inputs.cases import Cases

host = Cases()


def setup(app: t.Any) -> None:
    package = erlen if isinstance(app, erlen.Erlen) else flask

    @app.get("/")
    def show() -> dict[str, t.Any]:
        request = package.request
        return {
            "host": request.host,
            "url": request.url,
            "built": package.url_for("show", _external=True),
            "static": package.url_for("static", filename="a.js"),
            "address": request.remote_addr,
        }


def trusting(*hosts: str) -> t.Callable[[t.Any], None]:
    def add(app: t.Any) -> None:
        setup(app)
        app.config["TRUSTED_HOSTS"] = list(hosts)

    return add


def proxied(**trusted: int) -> t.Callable[[t.Any], None]:
    def add(app: t.Any) -> None:
        setup(app)
        app.wsgi_app = ProxyFix(app.wsgi_app, **trusted)

    return add


@host("HO-01", left=True, value="evil.com")
@host("HO-07", left=True, value="localhost:99999")
@host("HO-07-letters", left=True, value="localhost:abc")
@host("HO-07-zero", left=True, value="localhost:0")
@host("HO-07-octal", left=True, value="localhost:080")
@host("HO-07-empty", left=True, value="localhost:")
@host("HO-08", left=True, value="user@evil.com")
@host("HO-08-fragment", left=True, value="evil.com#")
@host("HO-08-space", left=True, value="a b")
@host("HO-08-latin", left=True, value="\xe9")
@host("HO-08-path", left=True, value="evil.com/path")
@host("HO-08-empty", left=True, value="")
@host("HO-08-two", left=True, value="a.com, b.com")
@host("HO-08-bracket", left=True, value="[::1")
@host("HO-08-nul", left=True, value="a\0b")
def any_host_by_default(value: str) -> None:
    # Health checks and containers send what is no host name; only an unknown host is none.
    assert same(twins(setup), headers={"Host": value}).status == 200


@host("HO-02", value="evil.com")
@host("HO-02-port", value="evil.com:80")
@host("HO-02-empty", value="")
@host("HO-02-user", value="example.com@evil.com")
@host("HO-02-fragment", value="evil.com#example.com")
def untrusted(value: str) -> None:
    apps = twins(trusting("example.com"))
    assert same(apps, headers={"Host": value}).status == 400
    assert same(apps, headers={"Host": "example.com:8080"}).status == 200


@host("HO-10", value="aex.org")
@host("HO-10-dot", value="exampleXcom")
@host("HO-10-suffix", value="example.com.evil.com")
@host("HO-10-user", value="example.com@evil")
@host("HO-10-hyphen", value="evil-ex.org")
@host("HO-10-line", value="example.com\n")
@host("HO-10-dots", value="example.com..")
@host("HO-10-first-dot", value=".example.com")
@host("HO-10-kelvin", value="\u212a.ex.org".encode().decode("latin-1"))
def almost_trusted(value: str) -> None:
    assert same(twins(trusting(".ex.org", "example.com")), headers={"Host": value}).status == 400


@host("HO-11", value="EXAMPLE.com", seen="EXAMPLE.com")
@host("HO-11-dot", value="example.com.", seen="example.com.")
@host("HO-11-port", value="Example.COM:8080", seen="Example.COM:8080")
@host("HO-11-dot-port", value="example.com.:8080", seen="example.com.:8080")
@host("HO-11-below", value="A.Ex.Org", seen="A.Ex.Org")
def trusted_in_other_letters(value: str, seen: str) -> None:
    app = make(trusting(".ex.org", "example.com"))
    # Twice: what was found out about a host is remembered.
    for _ in range(2):
        answer = get(app, headers={"Host": value})
        assert answer.status == 200
        assert f'"host":"{seen}"' in answer.text
    other = make(setup)

    @other.before_request
    def trust() -> None:
        erlen.request.trusted_hosts = [".ex.org", "example.com"]

    assert get(other, headers={"Host": value}).status == 200


@host("HO-04", left=True, target="@google.com")
@host("HO-04-host", left=True, target="evil.com")
def target_without_a_slash(target: str) -> None:
    answer = same(twins(setup), target)
    assert answer.status == 404 and b"google" not in answer.body


@host("HO-05", left=True)
def without_a_host() -> None:
    answer = same(twins(setup), headers={}, HTTP_HOST=None)
    assert answer.status == 200 and '"host":"localhost"' in answer.text
    assert same(twins(trusting("example.com")), HTTP_HOST=None).status == 400


@host("HO-05-server")
def without_a_host_on_a_server() -> None:
    with served(make(setup)) as port:
        answer = raw(port, b"GET / HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


@host("HO-13")
def only_forwarded() -> None:
    apps = twins(trusting("allowed.com"))
    forwarded = {"X-Forwarded-Host": "allowed.com"}
    assert same(apps, headers=forwarded, HTTP_HOST=None).status == 400
    assert same(apps, headers={**forwarded, "Host": "evil.com"}).status == 400


@host("HO-14", value="1.1.1.1, 2.2.2.2", seen="2.2.2.2")
@host("HO-14-garbage", value="1.1.1.1, \xff", seen=None)
@host("HO-14-empty", value=",", seen=None)
def last_proxy_counts(value: str, seen: str | None) -> None:
    answer = same(twins(proxied(x_for=1)), headers={"X-Forwarded-For": value})
    assert answer.status == 200
    if seen is not None:
        assert f'"address":"{seen}"' in answer.text


@host("HO-16", left=True, name="X-Forwarded-Proto", value="javascript")
@host("HO-17", left=True, name="X-Forwarded-Prefix", value="//evil.com")
@host("HO-16-host", left=True, name="X-Forwarded-Host", value="evil.com")
def trusted_proxy_says_nonsense(name: str, value: str) -> None:
    apps = twins(proxied(x_proto=1, x_host=1, x_prefix=1))
    assert same(apps, headers={name: value}).status == 200


@host("HO-16-colon", name="X-Forwarded-Proto", value="http://evil.com/?")
@host("HO-16-bracket", name="X-Forwarded-Proto", value="[")
@host("HO-16-port", name="X-Forwarded-Port", value="abc")
@host("HO-17-bytes", name="X-Forwarded-Prefix", value="/\xff")
def trusted_proxy_says_what_is_no_url(name: str, value: str) -> None:
    app = make(proxied(x_proto=1, x_host=1, x_prefix=1, x_port=1))
    assert get(app, headers={name: value}).status in (200, 400)


@host("HO-19-none")
def forwarded_without_a_proxy() -> None:
    headers = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil.com",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=6.6.6.6;host=evil.com;proto=https",
        "X-Original-URL": "/evil",
        "X-Rewrite-URL": "/evil",
    }
    answer = same(twins(setup), headers=headers)
    assert answer.status == 200
    assert b"evil" not in answer.body and b"6.6.6.6" not in answer.body


@host("HO-19", left=True)
def forwarded_by_any_peer() -> None:
    # ProxyFix counts proxies, it does not know them.
    apps = twins(proxied(x_for=1))
    answer = same(apps, headers={"X-Forwarded-For": "6.6.6.6"}, REMOTE_ADDR="203.0.113.9")
    assert '"address":"6.6.6.6"' in answer.text


@host("HO-20", left=True)
def rebound_name_on_the_development_server() -> None:
    for app in twins(setup):
        app.debug = True
        assert get(app, headers={"Host": "attacker.com"}).status == 200


@host("HO-20-debugger")
def rebound_name_at_the_debugger() -> None:
    debugged = DebuggedApplication(make(setup), evalex=True)
    for command in ("printpin", "pinauth&pin=1"):
        target = f"/console?__debugger__=yes&cmd={command}&s={debugged.secret}"
        assert get(debugged, target, headers={"Host": "attacker.com"}).status == 400
    assert get(debugged, "/console", headers={"Host": "attacker.com"}).status == 400


test_host = host.test()


def answers(value: str, *, trusted: bool) -> Answer:
    return get(TRUSTING[0] if trusted else TWINS[0], headers={"Host": value})


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.characters(max_codepoint=255), max_size=20)
    | st.lists(st.sampled_from(list("a.:[]@0%-") + ["example.com", "EXAMPLE"])).map("".join)
)
def test_any_host_is_answered(value: str) -> None:
    ours, theirs = (get(app, headers={"Host": value}) for app in TWINS)
    assert ours.status == theirs.status or (ours.status, theirs.status) == (400, 500)
    trusted, theirs = (get(app, headers={"Host": value}) for app in TRUSTING)
    assert trusted.status in (200, 400)
    if theirs.status == 200:
        assert trusted.status == 200
    if trusted.status == 200:
        name = value.lower().partition(":")[0].removesuffix(".")
        assert name == "example.com" or name.endswith(".ex.org")


TWINS = twins(setup)
TRUSTING = twins(trusting(".ex.org", "example.com"))
