"""The response sends, and says, exactly what Flask's does."""

from __future__ import annotations

import copy
import gc
import pickle
import typing as t
import warnings
from http import HTTPStatus

import flask.wrappers
import pytest
import werkzeug.wrappers
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.test import create_environ, run_wsgi_app

from erlen.http.headers import Headers
from erlen.http.response import Response

FlaskResponse = flask.wrappers.Response

CHUNKS = st.lists(st.one_of(st.text("aé☃", max_size=3), st.binary(max_size=3)), max_size=4)
BODIES = st.one_of(
    st.none(),
    st.text("abé☃", max_size=4),
    st.binary(max_size=4),
    st.binary(max_size=4).map(bytearray),
    CHUNKS,
    CHUNKS.map(tuple),
    CHUNKS.map(lambda chunks: ("generator", chunks)),
)
STATUSES = st.one_of(
    st.none(),
    st.integers(100, 599),
    st.sampled_from([0, 999, *HTTPStatus]),
    st.sampled_from(["404", "404 Nope", " 200 OK ", "Nope", "201 Ünï"]),
)
LOCATIONS = st.one_of(
    st.sampled_from(
        ["/a", "/a?b=c#d", "//h/x", "a/../b", "http://é.example/é?é", "http://h", "/☃"]
    ),
    st.text("/a:?#é%&=.h", max_size=8).map(lambda text: "/" + text),
)
HEADER = st.one_of(
    st.tuples(st.sampled_from(["X-A", "x-a", "ETag"]), st.text("abé", max_size=4)),
    st.tuples(st.sampled_from(["Content-Length", "content-length"]), st.sampled_from(["1", "99"])),
    st.tuples(st.just("Content-Type"), st.sampled_from(["text/css", "image/png"])),
    st.tuples(st.sampled_from(["Location", "location", "Content-Location"]), LOCATIONS),
)
HEADERS = st.one_of(
    st.none(),
    st.lists(HEADER, max_size=3),
    st.lists(HEADER, max_size=3).map(dict),
    st.lists(HEADER, max_size=3).map(WerkzeugHeaders),
    st.lists(HEADER, max_size=3).map(Headers),
)
TYPES = st.sampled_from([None, "text/plain", "application/json", "image/svg+xml", "x", ""])
FULL_TYPES = st.sampled_from([None, "text/plain; charset=latin-1", "application/json"])
ENVIRONS = st.builds(
    lambda method: create_environ("/p/a", "http://h.example/r", method=method),
    st.sampled_from(["GET", "HEAD", "POST"]),
)


def build(cls: t.Any, arguments: dict[str, t.Any]) -> t.Any:
    """Make a response; generators and headers are its own."""
    arguments = dict(arguments)
    body = arguments["response"]
    if isinstance(body, tuple) and body[:1] == ("generator",):
        arguments["response"] = (chunk for chunk in body[1])
    elif isinstance(body, list):
        arguments["response"] = list(body)
    arguments["headers"] = copy.copy(arguments["headers"])
    return cls(**arguments)


def send(response: t.Any, environ: t.Any) -> tuple[t.Any, ...]:
    """What a server gets: status, headers and body, or the error."""
    got: list[t.Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: t.Any = None) -> None:
        got[:] = [status, headers]

    try:
        result = response(environ, start_response)
        body = b"".join(result)
    except Exception as error:
        return type(error), str(error)
    if hasattr(result, "close"):
        result.close()
    return (*got, body)


ARGUMENTS = st.fixed_dictionaries(
    {
        "response": BODIES,
        "status": STATUSES,
        "headers": HEADERS,
        "mimetype": TYPES,
        "content_type": FULL_TYPES,
        "direct_passthrough": st.booleans(),
    }
)

CHANGES: dict[str, t.Callable[[t.Any], t.Any]] = {
    "nothing": lambda r: None,
    "look": lambda r: r.headers,
    "header": lambda r: r.headers.__setitem__("X-After", "1"),
    "length": lambda r: r.headers.__setitem__("Content-Length", "7"),
    "no type": lambda r: r.headers.remove("Content-Type"),
    "headers": lambda r: setattr(r, "headers", WerkzeugHeaders({"X": "1"})),
    "own headers": lambda r: setattr(r, "headers", Headers({"X": "1"})),
    "location": lambda r: setattr(r, "location", "/ü"),
    "two locations": lambda r: r.headers.extend([("Location", "/ü"), ("location", "/b")]),
    "absolute": lambda r: (
        setattr(r, "location", "b"),
        setattr(r, "autocorrect_location_header", True),
    ),
    "status": lambda r: setattr(r, "status", 204),
    "code": lambda r: setattr(r, "status_code", 304),
    "data": lambda r: setattr(r, "data", "new"),
    "response": lambda r: setattr(r, "response", ["ü", b"b"]),
    "stream": lambda r: setattr(r, "response", iter(["ü", b"b"])),
    "mimetype": lambda r: setattr(r, "mimetype", "text/xml"),
    "cookie": lambda r: r.set_cookie("a", "b"),
    "two cookies": lambda r: (r.set_cookie("a", "b"), r.delete_cookie("c", path="/x")),
    "vary": lambda r: r.vary.add("Cookie"),
    "cache": lambda r: setattr(r.cache_control, "max_age", 3),
    "no length": lambda r: setattr(r, "automatically_set_content_length", False),
    "sequence": lambda r: r.make_sequence(),
    "freeze": lambda r: r.freeze(),
    "etag": lambda r: r.add_etag(),
    "callback": lambda r: r.call_on_close(lambda: None),
    "write": lambda r: r.stream.write(b"more"),
    "passthrough": lambda r: setattr(r, "direct_passthrough", not r.direct_passthrough),
    "leak": lambda r: (
        r.headers.__class__._list.__get__(r.headers) if isinstance(r.headers, Headers) else 0
    ),
}

LOOKS: dict[str, t.Callable[[t.Any], t.Any]] = {
    "headers": lambda r: list(r.headers),
    "status": lambda r: (r.status, r.status_code),
    "type": lambda r: (r.mimetype, r.mimetype_params, r.content_type, r.is_json),
    "length": lambda r: (r.content_length, r.calculate_content_length()),
    "sequence": lambda r: (r.is_sequence, r.is_streamed),
    "repr": repr,
    "wsgi": lambda r: list(r.get_wsgi_headers(create_environ(method="GET"))),
    "data": lambda r: r.get_data(),
    "text": lambda r: r.get_data(as_text=True),
    "encoded": lambda r: list(r.iter_encoded()),
    "passthrough": lambda r: (r.direct_passthrough, len(r._on_close)),
    "app iter": lambda r: b"".join(r.get_app_iter(create_environ(method="GET"))),
}


def tried(function: t.Callable[[t.Any], t.Any], response: t.Any) -> t.Any:
    try:
        return function(response)
    except Exception as error:
        return type(error), str(error)


@given(ARGUMENTS, st.lists(st.sampled_from(sorted(CHANGES)), max_size=3), ENVIRONS)
def test_sends_what_flask_sends(arguments: t.Any, changes: list[str], environ: t.Any) -> None:
    mine, theirs = build(Response, arguments), build(FlaskResponse, arguments)
    for change in changes:
        a, b = tried(CHANGES[change], mine), tried(CHANGES[change], theirs)
        assert (a if isinstance(a, tuple) else 0) == (b if isinstance(b, tuple) else 0), change
    assert send(mine, environ) == send(theirs, environ)


@given(ARGUMENTS, st.lists(st.sampled_from(sorted(LOOKS)), max_size=4))
def test_looks_as_flasks(arguments: t.Any, looks: list[str]) -> None:
    mine, theirs = build(Response, arguments), build(FlaskResponse, arguments)
    for look in looks:
        assert tried(LOOKS[look], mine) == tried(LOOKS[look], theirs), look


@given(ARGUMENTS, ENVIRONS)
def test_can_be_sent_twice(arguments: t.Any, environ: t.Any) -> None:
    mine, theirs = build(Response, arguments), build(FlaskResponse, arguments)
    assert send(mine, environ) == send(theirs, environ)
    assert send(mine, environ) == send(theirs, environ)


def test_a_server_may_change_the_headers_it_got() -> None:
    response = Response("a")

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: t.Any = None) -> None:
        headers.append(("X", "1"))

    response(create_environ(), start_response)
    assert "X" not in response.headers
    response(create_environ(), start_response)
    assert "X" not in response.headers


OVERRIDES: dict[str, dict[str, t.Any]] = {
    "get_wsgi_headers": {"get_wsgi_headers": lambda self, environ: WerkzeugHeaders({"X-Own": "1"})},
    "get_app_iter": {"get_app_iter": lambda self, environ: [b"own"]},
    "get_wsgi_response": {"get_wsgi_response": lambda self, environ: ([b"own"], "299 Own", [])},
    "__call__": {"__call__": lambda self, environ, start: start("299 Own", []) or [b"own"]},
    "iter_encoded": {"iter_encoded": lambda self: iter([b"own"])},
    "default_status": {"default_status": 201},
    "default_mimetype": {"default_mimetype": "text/x-own"},
    "no mimetype": {"default_mimetype": None},
    "autocorrect": {"autocorrect_location_header": True},
    "no length": {"automatically_set_content_length": False},
    "is_sequence": {"is_sequence": False},
    "set_data": {"set_data": lambda self, value: setattr(self, "response", [b"own"])},
    "status": {
        "status": property(
            lambda self: "299 Own", lambda self, value: setattr(self, "_status_code", 299)
        )
    },
    "close": {"close": lambda self: None},
}


@pytest.mark.parametrize("body", ["text", ["a", b"b"], None])
@pytest.mark.parametrize("override", OVERRIDES.values(), ids=OVERRIDES.keys())
@pytest.mark.parametrize("how", ["class", "mixin", "grandchild"])
def test_overrides_are_honoured(override: t.Any, body: t.Any, how: str) -> None:
    environ = create_environ("/p/a")

    def derive(base: t.Any) -> t.Any:
        if how == "mixin":
            return type("Own", (type("Mixin", (), override), base), {})
        cls = type("Own", (base,), override)
        return type("Grandchild", (cls,), {}) if how == "grandchild" else cls

    mine, theirs = (
        derive(base)(body, headers={"Location": "b"}) for base in (Response, FlaskResponse)
    )
    assert send(mine, environ) == send(theirs, environ)
    mine, theirs = derive(Response)(body), derive(FlaskResponse)(body)
    assert send(mine, environ) == send(theirs, environ)
    assert mine.status_code == theirs.status_code


def test_init_override() -> None:
    class Own(Response):
        def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
            super().__init__(*args, **kwargs)
            self.headers["X-Own"] = "1"

    assert Own.of_body(b"a", "text/plain").headers["X-Own"] == "1"
    assert "x-own" in str(send(Own("a"), create_environ())).lower()


def test_of_body() -> None:
    response = Response.of_body(b"{}", "application/json", 201)
    same = FlaskResponse(b"{}", 201, content_type="application/json")
    assert send(response, create_environ()) == send(same, create_environ())
    assert response.is_json and response.data == b"{}"


def test_isinstance_and_equality_of_defaults() -> None:
    response = Response()
    assert isinstance(response, werkzeug.wrappers.Response)
    for name in ("default_mimetype", "default_status", "autocorrect_location_header"):
        assert getattr(Response, name) == getattr(FlaskResponse, name)
    assert {name for name in dir(FlaskResponse) if name[0] != "_"} <= set(dir(Response))


def test_same_headers_object_is_kept() -> None:
    for headers in (Headers(), WerkzeugHeaders({"X": "1"})):
        assert Response("a", headers=headers).headers is headers


# Closing


class Source:
    """A body that counts how often it is closed."""

    def __init__(self, chunks: t.Iterable[t.Any]) -> None:
        self.chunks = chunks
        self.closed = 0

    def __iter__(self) -> t.Iterator[t.Any]:
        return iter(self.chunks)

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204, 304])
@pytest.mark.parametrize("touch", [False, True])
def test_body_and_callbacks_close_once(method: str, status: int, touch: bool) -> None:
    source, calls = Source(["a", b"b"]), []
    response = Response(source, status)
    response.call_on_close(lambda: calls.append(1))
    if touch:
        response.headers["X"] = "1"
    result = response(create_environ(method=method), lambda status, headers: None)
    b"".join(result)
    assert not calls and not source.closed
    result.close()  # type: ignore[attr-defined]
    result.close()  # type: ignore[attr-defined]
    assert calls == [1] and source.closed == 1


@pytest.mark.parametrize("body", ["text", b"bytes", ["a", "b"], None])
def test_callbacks_of_a_plain_body(body: t.Any) -> None:
    calls: list[int] = []
    response = Response(body)
    response._on_close.append(lambda: calls.append(1))
    run_wsgi_app(response, create_environ(), buffered=True)
    assert calls == [1]


def test_generator_that_raises() -> None:
    closed = []

    def generate() -> t.Iterator[str]:
        try:
            yield "a"
            raise RuntimeError("mid-stream")
        finally:
            closed.append(1)

    result = Response(generate())(create_environ(), lambda status, headers: None)
    iterator = iter(result)
    assert next(iterator) == b"a"
    with pytest.raises(RuntimeError, match="mid-stream"):
        next(iterator)
    result.close()  # type: ignore[attr-defined]
    assert closed == [1]


def test_context_manager() -> None:
    source = Source([])
    with Response(source):
        pass
    assert source.closed == 1


def test_file_like_body_is_passed_through_untouched() -> None:
    source = Source([b"a"])
    response = Response(source, direct_passthrough=True)
    assert response(create_environ(), lambda status, headers: None) is source


# Changing the class


def test_force_type_from_werkzeug() -> None:
    calls: list[int] = []
    foreign = werkzeug.wrappers.Response("a", 201, {"X": "1"})
    foreign.call_on_close(lambda: calls.append(1))
    response = Response.force_type(foreign)
    assert response is foreign and type(response) is Response
    response.headers["Y"] = "2"
    status, headers, body = send(response, create_environ())
    assert (status, body, calls) == ("201 CREATED", b"a", [1])
    assert ("X", "1") in headers and ("Y", "2") in headers


@pytest.mark.parametrize("touch", [False, True])
def test_force_type_to_werkzeug(touch: bool) -> None:
    mine = Response("a", 201)
    calls: list[int] = []
    mine.call_on_close(lambda: calls.append(1))
    if touch:
        mine.headers["X"] = "1"
    foreign = werkzeug.wrappers.Response.force_type(mine)
    assert type(foreign) is werkzeug.wrappers.Response
    foreign.headers["Y"] = "2"
    assert send(foreign, create_environ())[0] == "201 CREATED"
    assert calls == [1] and foreign.content_length == 1


def test_force_type_of_an_application() -> None:
    def app(environ: t.Any, start_response: t.Any) -> t.Any:
        start_response("418 TEA", [("X", "1")])
        return [b"a"]

    response = Response.force_type(app, create_environ())  # type: ignore[arg-type]
    assert (response.status, response.data) == ("418 TEA", b"a")
    assert Response.from_app(app, create_environ()).data == b"a"
    with pytest.raises(TypeError, match="without an environ"):
        Response.force_type(app)  # type: ignore[arg-type]


def test_force_type_to_a_subclass_of_ours() -> None:
    class Own(Response):
        pass

    response = Own.force_type(Response("a"))
    assert type(response) is Own and send(response, create_environ())[2] == b"a"


def test_pickle_and_copy() -> None:
    for touch in (False, True):
        response = Response("a", 201)
        if touch:
            response.freeze()
        for twin in (pickle.loads(pickle.dumps(response)), copy.copy(response)):
            assert twin.status_code == 201 and twin.data == b"a"
            assert twin.headers["Content-Type"] == "text/html; charset=utf-8"


# Bad input


@pytest.mark.parametrize("status", ["200 OK\r\nX-Inj: y", "200 O\nK", "a\rb", "200 \0", "200 ☃"])
def test_hi_04_status_of_more_than_one_line(status: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        Response(status=status)
    response = Response()
    with pytest.raises(ValueError, match="one line"):
        response.status = status
    assert response.status == "200 OK"


@pytest.mark.parametrize("status", ["", "  "])
def test_empty_status(status: str) -> None:
    with pytest.raises(ValueError, match="Empty status argument"):
        Response(status=status)


def test_hi_07_content_type_with_line_break() -> None:
    for name in ("content_type", "mimetype"):
        with pytest.raises(ValueError, match="newline"):
            Response("a", **{name: "text/plain\r\nX: y"})
    with pytest.raises(ValueError, match="newline"):
        Response.of_body(b"", "a\nb")


def test_hi_02_name_in_foreign_headers() -> None:
    response = Response("a", headers=WerkzeugHeaders([("X\r\nY", "1")]))
    with pytest.raises(ValueError, match="name"):
        response(create_environ(), lambda status, headers: None)


@pytest.mark.parametrize("status", [100, 101, 199, 204, 304])
def test_hi_11_no_body_where_none_may_be(status: int) -> None:
    for body in ("text", ["a"], iter(["a"])):
        assert send(Response(body, status), create_environ())[2] == b""


# JSON


def test_json() -> None:
    response = Response('{"a": 1}', mimetype="application/problem+json")
    pytest.importorskip("erlen.json")
    assert response.is_json and response.json == {"a": 1} == response.get_json()
    assert Response("{}").json is None
    assert Response("{}").get_json(force=True) == {}
    broken = Response("{", mimetype="application/json")
    assert broken.get_json(silent=True) is None
    with pytest.raises(ValueError):
        broken.get_json()


# Cyclic garbage


MAKERS: list[t.Callable[[], Response]] = [
    lambda: Response("text"),
    lambda: Response(["a", b"b"]),
    lambda: Response(chunk for chunk in ["a", b"b", "c"]),
    lambda: Response("text", 304),
    lambda: Response("text", headers={"X": "1", "Location": "/ü"}),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_is_left_for_the_collector(make: t.Callable[[], Response], method: str) -> None:
    def serve() -> None:
        response = make()
        response.headers["X"] = "1"
        response.call_on_close(lambda: None)
        run_once(response)
        run_once(make())

    def run_once(response: Response) -> None:
        result = response(environ, lambda status, headers: None)
        for _ in result:
            pass
        if hasattr(result, "close"):
            result.close()

    environ = create_environ(method=method)
    serve()
    gc.collect()
    gc.disable()
    try:
        serve()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_cookie_limit_outside_of_an_application() -> None:
    assert Response().max_cookie_size == 4093
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Response().set_cookie("a", "x" * 5000)
    assert "The 'a' cookie is too large" in str(caught[0].message)
