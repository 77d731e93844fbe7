"""Paths and methods that are meant to slip past a rule, or to cost too much."""

from __future__ import annotations

import typing as t

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.routing import BaseConverter

import erlen
from bad_inputs.calls import get, make, raw, same, served, twins
from bad_inputs.cases import Cases, assert_linear

routing = Cases()
method = Cases()


def setup(app: t.Any) -> None:
    package = erlen if isinstance(app, erlen.Erlen) else flask

    @app.get("/")
    def index() -> str:
        return "index"

    @app.get("/admin")
    def admin() -> str:
        return f"ADMIN {package.request.path}"

    @app.get("/str/<x>")
    def text(x: str) -> dict[str, str]:
        return {"x": x}

    @app.get("/int/<int:x>")
    def integer(x: int) -> str:
        return str(x)

    @app.get("/float/<float:x>")
    def fraction(x: float) -> str:
        return str(x)

    @app.route("/echo", methods=["GET", "POST"])
    def echo() -> str:
        return package.request.method

    @app.get("/p/<path:a>/x/<path:b>/y/<path:c>/z")
    def paths(a: str, b: str, c: str) -> str:
        return "paths"

    @app.get("/file/<path:p>")
    def file(p: str) -> str:
        return p

    @app.get("/dir/")
    def folder() -> str:
        return "dir"


@routing("UR-01", target="//admin")
@routing("UR-01-three", target="///admin")
@routing("UR-01-end", target="/admin/")
@routing("UR-01-dot", target="/./admin")
@routing("UR-01-dots", target="/x/../admin")
@routing("UR-01-backslash", target="/%5cadmin")
@routing("UR-01-case", target="/ADMIN")
@routing("UR-02", target="/admin%2f")
@routing("UR-02-inside", target="/str/a%2fb")
@routing("UR-02-before", target="/%2fadmin")
@routing("UR-02-twice", target="/str/a%252fb")
@routing("UR-04", target="/admin;x=1")
@routing("UR-04-space", target="/admin%20")
@routing("UR-04-nul", target="/admin%00")
@routing("UR-04-line", target="/admin%0a")
@routing("UR-04-tab", target="/%09admin")
@routing("UR-04-question", target="/admin%3f")
@routing("UR-04-overlong", target="/%c1%a1dmin")
@routing("UR-05", target="/%zz")
@routing("UR-05-percent", target="/%")
@routing("UR-05-bytes", target="/%ff%fe")
def same_answer(target: str) -> None:
    answer = same(twins(setup), target)
    assert answer.status in (200, 308, 404)
    if answer.status == 200 and b"ADMIN" in answer.body:
        # A guard on request.path sees what the route saw.
        assert answer.text == "ADMIN /admin"
    elif "admin" in target:
        assert answer.status in (308, 404)


@routing("UR-07", unit="a")
@routing("UR-07-slashes", unit="/")
@routing("UR-07-segments", unit="a/")
@routing("UR-07-dots", unit="../")
@routing("UR-07-escaped", unit="%2f")
def long_path(unit: str) -> None:
    app = make(setup)

    def run(size: int) -> None:
        answer = get(app, "/" + unit * (size // len(unit)))
        # As long as it was: the page of a redirect is cut by nobody.
        assert answer.status in (200, 308, 400, 404)

    assert_linear(run, 60_000)


@routing("UR-08", unit="x/y/")
@routing("UR-08-one", unit="x/")
@routing("UR-08-end", unit="x/y/z/")
def several_path_converters(unit: str) -> None:
    app = make(setup)
    assert get(app, "/p/a/x/b/y/c/z").text == "paths"
    assert_linear(lambda n: get(app, "/p/" + unit * n), 1000)
    assert get(app, "/p/" + unit * 1000).status == 404


@routing("UR-10", target="/int/" + "1" * 5000, status=404)
@routing("UR-10-limit", target="/int/" + "1" * 4301, status=404)
@routing("UR-10-float", target="/float/" + "1" * 5000 + ".5", status=None)
@routing("UR-14", target="/int/007", status=200)
@routing("UR-14-plus", target="/int/+1", status=404)
@routing("UR-14-minus", target="/int/-1", status=404)
@routing("UR-14-underscore", target="/int/5_0", status=404)
@routing("UR-14-space", target="/int/%205", status=404)
@routing("UR-14-line", target="/int/5%0a", status=404)
@routing("UR-14-hex", target="/int/0x5", status=404)
@routing("UR-14-exponent", target="/float/1e5", status=404)
@routing("UR-14-nan", target="/float/nan", status=404)
@routing("UR-14-superscript", target="/int/%c2%b2", status=404)
def numbers(target: str, status: int | None) -> None:
    ours, theirs = (get(app, target) for app in twins(setup))
    if status is None:
        status = theirs.status
    assert (ours.status, ours.body) == (status, theirs.body if theirs.status == status else b"")


@routing("UR-11", left=True, target="/int/%d9%a1%d9%a2", seen="12")
@routing("UR-11-float", left=True, target="/float/%d9%a1.%d9%a2", seen="1.2")
@routing("UR-11-wide", left=True, target="/int/%ef%bc%91", seen="1")
def digits_of_other_scripts(target: str, seen: str) -> None:
    # People type their own digits, and Werkzeug's converters take them.
    answer = same(twins(setup), target)
    assert (answer.status, answer.text) == (200, seen)


@routing("UR-13", target="/str/x%0a", seen="x\n")
@routing("UR-13-escape", target="/str/%1b[31m", seen="\x1b[31m")
@routing("UR-16", target="/str/%ef%bd%81", seen="\uff41")
@routing("UR-16-ligature", target="/str/%ef%ac%81", seen="\ufb01")
@routing("UR-16-accent", target="/str/e%cc%81", seen="e\u0301")
def passed_through(target: str, seen: str) -> None:
    import json

    assert json.loads(same(twins(setup), target).text) == {"x": seen}


@routing("UR-17", target="*", name="OPTIONS")
@routing("UR-17-get", target="*", name="GET")
@routing("UR-19", left=True, target="evil.com:80", name="CONNECT")
@routing("UR-20-at", left=True, target="@echo", name="GET")
@routing("UR-20-bytes", left=True, target="%ff", name="GET")
def no_path(target: str, name: str) -> None:
    assert same(twins(setup), target, method=name).status == 404


@routing("UR-20", left=True)
def path_without_a_slash() -> None:
    # Gateways that cut a prefix off leave such paths.
    assert same(twins(setup), "echo").text == "GET"


@routing("UR-20-empty")
def empty_path() -> None:
    apps = twins(setup)
    assert same(apps, "").status in (200, 308)
    assert same(apps, "", SCRIPT_NAME="/mounted").status in (200, 308)
    assert same(apps, "", PATH_INFO=None).status in (200, 308)


@routing("UR-17-server", line=b"OPTIONS * HTTP/1.1", status=b"404")
@routing("UR-19-server", line=b"CONNECT evil.com:80 HTTP/1.1", status=b"404")
@routing("UR-20-server", line=b"GET echo HTTP/1.1", status=b"")
@routing("UR-20-absolute", line=b"GET http://localhost/echo HTTP/1.1", status=b"200")
@routing("UR-05-server", line=b"GET /\xff\xfe HTTP/1.1", status=b"404")
@routing("UR-07-server", line=b"GET /" + b"a" * 70_000 + b" HTTP/1.1", status=b"414")
def on_a_server(line: bytes, status: bytes) -> None:
    with served(make(setup)) as port:
        answer = raw(port, line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert not answer.startswith(b"HTTP/1.1 5")


class Nested(BaseConverter):
    """A regular expression that takes exponential time to fail."""

    regex = "(?:a+)+b"


@routing("UR-22", left=True)
def nested_quantifiers_of_a_converter() -> None:
    def add(app: t.Any) -> None:
        app.url_map.converters["nested"] = Nested
        app.add_url_rule("/<nested:x>/end", "index", lambda x: x)

    apps = twins(add)
    assert same(apps, "/aaab/end").text == "aaab"
    assert same(apps, "/aaaa/end").status == 404
    assert_linear(lambda n: get(apps[0], "/" + "b" * n + "/end"), 10_000)


@routing("UR-23")
def many_hosts() -> None:
    app = erlen.Erlen("bad_inputs_app", host_matching=True, static_folder=None)
    app.add_url_rule("/", "index", lambda: "index", host="known.com")
    app.add_url_rule("/any", "any", lambda name: name, host="<name>.com")
    assert get(app, headers={"Host": "known.com"}).text == "index"
    for i in range(10_000):
        assert get(app, headers={"Host": f"h{i}.org"}).status == 404
        if i < 2000:
            assert get(app, "/any", headers={"Host": f"h{i}.com"}).text == f"h{i}"
    plans = app._plans
    sizes = {
        name: len(value)
        for name, value in vars(plans).items()
        if isinstance(value, (dict, set, list))
    }
    assert max(sizes.values()) < 1500, sizes


@routing("UR-23-paths")
def many_paths_and_methods() -> None:
    app = make(setup)
    for i in range(5000):
        assert get(app, f"/missing/{i}").status == 404
        assert get(app, "/echo", method=f"M{i}").status == 405
    plans = app._plans
    assert max(len(v) for v in vars(plans).values() if isinstance(v, (dict, set, list))) < 1500


test_routing = routing.test()


@method("ME-01", name="FOO")
@method("ME-01-propfind", name="PROPFIND")
@method("ME-01-trace", name="TRACE")
@method("ME-01-query", name="QUERY")
@method("ME-01-delete", name="DELETE")
@method("ME-01-odd", name="G\xe9T")
@method("ME-01-long", name="A" * 10_000)
@method("ME-01-space", name="GET ")
def not_allowed(name: str) -> None:
    for target in ("/echo", "/str/a"):
        answer = same(twins(setup), target, method=name)
        assert answer.status == 405
        assert {"GET", "HEAD", "OPTIONS"} <= set(answer.header("Allow").split(", "))


@method("ME-02", left=True, name="get")
@method("ME-02-post", left=True, name="Post")
def lower_case(name: str) -> None:
    # What fetch() makes of "patch" arrives like this.
    answer = same(twins(setup), "/echo", method=name)
    assert (answer.status, answer.text) == (200, name.upper())


@method("ME-04")
def head_of_a_failing_generator() -> None:
    closed = []

    def add(app: t.Any) -> None:
        @app.get("/")
        def stream() -> t.Iterator[str]:
            def chunks() -> t.Iterator[str]:
                try:
                    yield "a"
                    raise RuntimeError
                finally:
                    closed.append(app)

            return chunks()

    for app in twins(add):
        answer = get(app, method="HEAD")
        assert (answer.status, answer.body) == (200, b"")
    # It was never begun, so nothing had to end.
    assert closed == []


@method("ME-04-begun")
def head_closes_the_body() -> None:
    class Body:
        closed = 0

        def __iter__(self) -> t.Iterator[bytes]:
            raise RuntimeError

        def close(self) -> None:
            self.closed += 1

    for cls, package in ((erlen.Erlen, erlen), (flask.Flask, flask)):
        body = Body()
        app = make(cls=cls)
        app.add_url_rule("/", "index", lambda: package.Response(body))
        assert get(app, method="HEAD").status == 200
        assert body.closed == 1


@method("ME-05", headers={"X-HTTP-Method-Override": "GET"})
@method("ME-05-short", headers={"X-HTTP-Method": "GET"})
@method("ME-05-other", headers={"X-Method-Override": "GET"})
def override_is_ignored(headers: dict[str, str]) -> None:
    body = b"_method=GET"
    answer = same(
        twins(setup),
        "/admin?_method=GET",
        method="POST",
        body=body,
        content_type="application/x-www-form-urlencoded",
        headers=headers,
    )
    assert answer.status == 405


@method("ME-07", length=True)
@method("ME-07-chunked", length=False)
def request_inside_a_body(length: bool) -> None:
    inner = b"GET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    if length:
        data = head + b"Content-Length: %d\r\n\r\n" % len(inner) + inner
    else:
        chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner)
        data = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk
    with served(make(setup)) as port:
        answer = raw(port, data)
    assert answer.count(b"HTTP/1.1 200") == 1 and b"ADMIN" not in answer


test_method = method.test()


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(max_codepoint=255), max_size=20)
    | st.lists(
        st.sampled_from(["/", "admin", "int", "1", "p", "x", "y", "z", "..", ".", "str", "%", "\\"])
    ).map("".join),
    st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "FOO"]),
)
def test_any_path_is_flasks(path: str, name: str) -> None:
    answer = same(TWINS, method=name, PATH_INFO=path)
    assert answer.status in (200, 308, 404, 405)


TWINS = twins(setup)


@pytest.mark.parametrize("target", ["/admin", "//admin", "/%61dmin"])
def test_a_guard_on_the_path_sees_what_the_route_sees(target: str) -> None:
    app = make(setup)

    @app.before_request
    def guard() -> t.Any:
        return ("no", 403) if erlen.request.path.startswith("/admin") else None

    assert get(app, target).status in (308, 403)
