"""Response headers that would split a response, and request headers that are nonsense."""

from __future__ import annotations

import typing as t

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException

import erlen
from bad_inputs.calls import call, environ, get, make, raw, same, served, twins
from bad_inputs.cases import Cases, assert_linear
from erlen.http.headers import Headers

header = Cases()
parsed = Cases()


@header("HI-01", value="a\r\nX: y")
@header("HI-01-cr", value="a\rX: y")
@header("HI-01-lf", value="a\nX: y")
@header("HI-01-end", value="a\r\n")
def value_with_a_line_break(value: str) -> None:
    for change in changes("X-A", value):
        with pytest.raises(ValueError):
            change()


def changes(name: str, value: str) -> list[t.Callable[[], t.Any]]:
    """Every way to set a header."""
    return [
        lambda: Headers([(name, value)]),
        lambda: Headers({name: value}),
        lambda: Headers().add(name, value),
        lambda: Headers().set(name, value),
        lambda: Headers().setdefault(name, value),
        lambda: Headers().setlist(name, [value]),
        lambda: Headers().setlistdefault(name, [value]),
        lambda: Headers().extend({name: value}),
        lambda: Headers().update([(name, value)]),
        lambda: Headers().__setitem__(name, value),
        lambda: Headers().__setitem__(slice(0, 0), [(name, value)]),
        lambda: Headers().__ior__({name: value}),
        lambda: erlen.Response(headers={name: value}),
        lambda: erlen.Response(headers=[(name, value)]),
        lambda: erlen.Response().headers.add(name, value),
    ]


@header("HI-02", name="X\r\nY")
@header("HI-02-space", name="X Y")
@header("HI-02-colon", name="X:")
@header("HI-02-empty", name="")
@header("HI-02-nul", name="X\0")
@header("HI-02-unicode", name="X-\u2000")
def bad_name(name: str) -> None:
    for change in changes(name, "v"):
        with pytest.raises(ValueError):
            change()


@header("HI-02-view", name="X: y\r\nZ", value="v")
@header("HI-01-view", name="X", value="v\r\nZ: y")
@header("HI-05-view", name="X", value="\u20ac")
def in_the_tuple_of_a_view(name: str, value: str) -> None:
    app = make()
    app.add_url_rule("/", "index", lambda: ("body", {name: value}))
    answer = get(app)
    # The application's error: no header of the answer is from the input.
    assert answer.status == 500
    assert {key for key, _ in answer.headers} == {"Content-Type", "Content-Length"}


@header("HI-04", status="200 OK\r\nX-Inj: y")
@header("HI-04-lf", status="200 OK\nX-Inj: y")
@header("HI-04-nul", status="200 \0")
@header("HI-04-unicode", status="200 \u20ac")
@header("HI-04-empty", status="")
def bad_status(status: str) -> None:
    with pytest.raises(ValueError):
        erlen.Response(status=status)
    with pytest.raises(ValueError):
        erlen.Response().status = status
    app = make()
    app.add_url_rule("/", "index", lambda: ("body", status))
    assert get(app).line == "500 INTERNAL SERVER ERROR"


@header("HI-05")
def value_beyond_latin1() -> None:
    for change in changes("X-A", "\u20ac"):
        with pytest.raises(ValueError, match="x-a"):
            change()


@header("HI-05-latin1")
def value_in_latin1() -> None:
    def add(app: t.Any) -> None:
        app.add_url_rule("/", "index", lambda: ("", {"X-A": "\xe9"}))

    assert same(twins(add)).header("X-A") == "\xe9"


@header("HI-07", content_type="text/html\r\nX: y")
@header("HI-07-lf", content_type="text/html\n")
def bad_content_type(content_type: str) -> None:
    for make_one in (
        lambda: erlen.Response(content_type=content_type),
        lambda: erlen.Response(mimetype=content_type),
        lambda: setattr(erlen.Response(), "content_type", content_type),
        lambda: setattr(erlen.Response(), "mimetype", content_type),
    ):
        with pytest.raises(ValueError):
            make_one()


def show_headers(app: t.Any) -> None:
    source = erlen.request if isinstance(app, erlen.Erlen) else flask.request

    @app.route("/", methods=["GET", "POST"])
    def show() -> str:
        return f"{source.headers.getlist('X-Forwarded-For')}"


@header("HI-08")
def underscore_beside_hyphen() -> None:
    request = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"X_Forwarded_For: evil\r\nX-Forwarded-For: good\r\n\r\n"
    )
    for app in twins(show_headers):
        with served(app) as port:
            answer = raw(port, request)
        assert b"good" in answer and b"evil" not in answer


@header("HI-10", left=True)
def longer_than_it_is() -> None:
    def add(app: t.Any) -> None:
        app.add_url_rule("/", "index", lambda: (iter(["short"]), {"Content-Length": "1000"}))

    apps = twins(add)
    assert same(apps).header("Content-Length") == "1000"
    for app in apps:
        with served(app) as port:
            # Werkzeug's server speaks HTTP/1.1 with keep-alive: the connection has to end.
            answer = raw(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert answer.endswith(b"\r\n\r\nshort")


@header("HI-11", status=204)
@header("HI-11-stale", status=304)
@header("HI-11-early", status=103)
@header("HI-11-switching", status=101)
def no_body(status: int) -> None:
    def add(app: t.Any) -> None:
        package = erlen if isinstance(app, erlen.Erlen) else flask
        app.add_url_rule("/text", "text", lambda: ("body", status))
        app.add_url_rule("/json", "json", lambda: ({"a": 1}, status))
        app.add_url_rule("/made", "made", lambda: package.Response("body", status))
        app.add_url_rule("/stream", "stream", lambda: (iter(["body"]), status))

        @app.get("/later")
        def later() -> t.Any:
            response = package.make_response("body")
            response.status_code = status
            return response

    apps = twins(add)
    for target in ("/text", "/json", "/made", "/stream", "/later"):
        answer = same(apps, target)
        assert (answer.status, answer.body) == (status, b"")
        assert answer.header("Content-Length") is None


test_header = header.test()


def attributes(request: t.Any) -> dict[str, t.Any]:
    """Every attribute of a request that may be read, by name."""
    found = {}
    for name in dir(type(request)):
        if name.startswith("_") or callable(getattr(type(request), name)):
            continue
        try:
            found[name] = getattr(request, name)
        except HTTPException:
            pass
        except RuntimeError as error:
            # Werkzeug's for what is not there at all.
            assert name in ("session", "json_module"), error
    return found


def probe(app: t.Any) -> None:
    source = erlen.request if isinstance(app, erlen.Erlen) else flask.request

    @app.route("/", methods=["GET", "POST"])
    def index() -> str:
        found = attributes(source._get_current_object())
        names = ("accept_mimetypes", "accept_languages", "accept_encodings", "accept_charsets")
        return "\n".join(repr(found.get(name)) for name in names)


@parsed("RG-16", value="text/html;q=nan")
@parsed("RG-16-large", value="text/html;q=1e400, a/b;q=99999999999999999999999999")
@parsed("RG-16-digits", value="text/html;q=\u0661".encode().decode("latin-1"))
@parsed("RG-16-minus", value="text/html;q=-1, a/b;q=0.5")
@parsed("RG-16-empty", value=",,;q=,;;q=1")
@parsed("RG-16-level", value="text/html;level=1;q=0.5;q=0.7;*=*")
@parsed("RG-16-types", value="/, */*, a/, /b, a, a/b/c")
def odd_accept(value: str) -> None:
    names = ("Accept", "Accept-Language", "Accept-Encoding", "Accept-Charset")
    assert same(twins(probe), headers=dict.fromkeys(names, value)).status == 200


@parsed("RG-16-many", unit="a/b;q=0.1,")
@parsed("RG-16-parameters", unit="a/b;a=b;")
@parsed("RG-16-quotes", unit='a/b;a="')
@parsed("RG-16-commas", unit=",")
def long_accept(unit: str) -> None:
    app = make(probe)
    assert_linear(lambda n: get(app, headers={"Accept": unit * n}), 1000)


@parsed("RG-17", value="Basic \xe9")
@parsed("RG-17-base64", value="Basic !!!!")
@parsed("RG-17-utf8", value="Basic /////w==")
@parsed("RG-17-padding", value="Basic Y")
@parsed("RG-17-colon", value="Basic YQ==")
@parsed("RG-17-empty", value="")
@parsed("RG-17-scheme", value="Basic")
@parsed("RG-17-digest", value='Digest a="b, c=\xff,,=')
@parsed("RG-17-bearer", value="Bearer \xff\x00")
@parsed("RG-17-long", value="Basic " + "A" * 1_000_001)
def odd_authorization(value: str) -> None:
    app = make()

    @app.get("/")
    def who() -> tuple[str, int]:
        given = erlen.request.authorization
        return (given.username or "") if given is not None and given.type == "basic" else "", 401

    assert get(app, headers={"Authorization": value}).status == 401


FIELDS = [
    "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization",
    "Cache-Control", "Content-Encoding", "Content-MD5", "Cookie", "Date", "Host",
    "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
    "Max-Forwards", "Origin", "Pragma", "Range", "Referer", "Transfer-Encoding", "User-Agent",
    "X-Forwarded-For", "Access-Control-Request-Headers", "Access-Control-Request-Method",
]  # fmt: skip


@parsed("RG-19", value="\x00\xff")
@parsed("RG-19-numbers", value="9" * 5000)
@parsed("RG-19-minus", value="-1")
@parsed("RG-19-quotes", value='"' * 100)
@parsed("RG-19-escape", value='a="\\')
@parsed("RG-19-equals", value="=,;=;,*=''%")
@parsed("RG-19-digits", value="bytes=\xd9\xa1-\xd9\xa2")
@parsed("RG-19-date", value="Mon, 99 Foo 99999 99:99:99 +9999999")
@parsed("RG-19-empty", value="")
@parsed("RG-19-brackets", value="[::1]:99999999999")
@parsed("RG-19-charset", value="a*=utf-7''%41; b*0*=rot13''a; *=1; a*1=2")
def nonsense_everywhere(value: str) -> None:
    app = make(probe)
    for name in FIELDS:
        allowed = (200, 400) if name == "Host" else (200,)
        assert get(app, headers={name: value}).status in allowed, name
    assert get(app, headers=dict.fromkeys(FIELDS, value)).status in (200, 400)
    for key in ("CONTENT_TYPE", "SCRIPT_NAME", "QUERY_STRING", "REMOTE_ADDR", "SERVER_NAME"):
        assert get(app, **{key: value}).status in (200, 400, 404), key
    assert get(app, method="POST", **{"CONTENT_LENGTH": value}).status in (200, 400)


test_header_parse = parsed.test()

VALUES = st.text(st.characters(max_codepoint=255), max_size=30) | st.lists(
    st.sampled_from(list("=;,\"\\ */-0159abq%'*[]@:") + ["bytes=", "q=", "W/", "utf-8''"])
).map("".join)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), VALUES, VALUES, VALUES)
def test_no_attribute_raises(
    headers: dict[str, str], content_type: str, query: str, path: str
) -> None:
    made = environ("/", "POST", b"body", content_type, headers)
    made.update(QUERY_STRING=query, PATH_INFO=path)
    attributes(erlen.Request(made))
    made["PATH_INFO"] = "/"
    assert call(APP, made).status in (200, 400, 413)


APP = make(probe)
