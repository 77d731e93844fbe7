"""The request: Flask's own one on the same environ gives the same attributes."""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import json
import pickle
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import flask
import pytest
import werkzeug.wrappers
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage, Headers, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.routing import Rule
from werkzeug.test import EnvironBuilder

from erlen import json as erlen_json
from erlen import state
from erlen.http.request import Request, new_request
from erlen.json.provider import DefaultJSONProvider

#: Every public attribute that Flask's request has without a call.
ATTRIBUTES = [
    name
    for name in dir(flask.Request)
    if not name.startswith("_")
    and not callable(getattr(flask.Request, name))
    and name not in ("json_module", "input_stream", "stream")
]


def value_of(request: Any, name: str) -> Any:
    """The attribute in a form that can be compared, or the class of its HTTP error."""
    try:
        value = getattr(request, name)
    except HTTPException as error:
        return type(error)
    return comparable(value)


def comparable(value: Any) -> Any:
    if isinstance(value, MultiDict):
        return True, [(k, comparable(v)) for k, v in value.items(multi=True)]
    if isinstance(value, FileStorage):
        content = value.read()
        value.seek(0)
        return value.filename, value.name, list(value.headers), content
    if isinstance(value, Headers):
        return sorted(value)
    if type(value).__module__.startswith("werkzeug"):
        parts = list(value) if isinstance(value, (list, dict)) else None
        return type(value), parts, {k: str(v) for k, v in getattr(value, "__dict__", {}).items()}
    return value


def assert_same(environ: dict[str, Any], body: bytes, skip: tuple[str, ...] = ()) -> None:
    for name in ATTRIBUTES:
        if name in skip:
            continue
        theirs = flask.Request({**environ, "wsgi.input": io.BytesIO(body)})
        ours = Request({**environ, "wsgi.input": io.BytesIO(body)})
        expected = value_of(theirs, name)
        if name == "environ":
            continue
        assert value_of(ours, name) == expected, name
        assert value_of(ours, name) == expected, f"{name} at the second look"
        theirs.close()
        ours.close()


class App(SimpleNamespace):
    """Can be referred to weakly, as applications can."""


@contextlib.contextmanager
def application(**config: Any) -> Iterator[App]:
    """As much of an application context as a request looks at."""
    settings = {
        "MAX_CONTENT_LENGTH": None,
        "MAX_FORM_MEMORY_SIZE": 500_000,
        "MAX_FORM_PARTS": 1_000,
        **config,
    }
    app = App(config=settings, debug=False)
    app.json = DefaultJSONProvider(app)
    token = state.set_current(SimpleNamespace(app=app, has_request=False))  # type: ignore[arg-type]
    try:
        yield app
    finally:
        state.reset_current(token)


latin = st.text(alphabet=st.characters(max_codepoint=255), max_size=20)
utf8 = st.text(max_size=12).map(lambda text: text.encode("utf-8", "replace").decode("latin-1"))


def header(*samples: str) -> st.SearchStrategy[str]:
    return st.one_of(
        st.sampled_from(samples), st.text(alphabet="aA1;=,\"\\ -*/:.q%'<>W", max_size=25)
    )


HEADERS = {
    "HTTP_HOST": header("example.com", "example.com:80", "EX.org:8080", "[::1]:5", "[::::]", "a b"),
    "HTTP_COOKIE": header("a=1; b=2", 'a="x\\"y"; c', "=x; a==b;; d = e ", 'a="\\303\\251"'),
    "CONTENT_TYPE": header("text/html; charset=utf-8", "application/json", "Application/X+JSON"),
    "HTTP_ACCEPT": header("text/html,*/*;q=0.8", "a/b;q=nan", "a/b;q=1e400"),
    "HTTP_ACCEPT_LANGUAGE": header("en-US,en;q=0.5"),
    "HTTP_ACCEPT_CHARSET": header("utf-8"),
    "HTTP_ACCEPT_ENCODING": header("gzip, br;q=0.1"),
    "HTTP_CACHE_CONTROL": header("no-cache, max-age=3", "max-age=x"),
    "HTTP_PRAGMA": header("no-cache"),
    "HTTP_IF_MATCH": header('"a", W/"b"', "*"),
    "HTTP_IF_NONE_MATCH": header('"a"', "*"),
    "HTTP_IF_MODIFIED_SINCE": header(
        "Tue, 15 Nov 1994 08:12:31 GMT",
        "Tue, 15 Nov 99999 08:12:31 GMT",
        "Tue, 15 Nov 1994 08:12:31 +9999999",
    ),
    "HTTP_IF_UNMODIFIED_SINCE": header("Tue, 15 Nov 1994 08:12:31 GMT"),
    "HTTP_IF_RANGE": header('"a"', "Tue, 15 Nov 1994 08:12:31 GMT"),
    "HTTP_RANGE": header("bytes=0-5", "bytes=-5", "bytes=5-1", "bytes=0-0,5-"),
    "HTTP_DATE": header("Tue, 15 Nov 1994 08:12:31 GMT"),
    "HTTP_MAX_FORWARDS": header("5", "x"),
    "HTTP_AUTHORIZATION": header("Basic YTpi", "Bearer x=", 'Digest a="b", c', "Basic =", "basic"),
    "HTTP_X_FORWARDED_FOR": header("1.1.1.1, 2.2.2.2"),
    "HTTP_USER_AGENT": header("Mozilla"),
    "HTTP_ORIGIN": header("http://a"),
    "HTTP_REFERER": header("http://a/b"),
    "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": header("X-A, x-b"),
    "CONTENT_LENGTH": st.integers(0, 30).map(str),
}
ENVIRON = st.fixed_dictionaries(
    {},
    optional={
        "REQUEST_METHOD": st.sampled_from(["GET", "POST", "put", "PATCH", "FOO"]),
        "wsgi.url_scheme": st.sampled_from(["http", "https", "ws", "wss"]),
        "SCRIPT_NAME": st.one_of(st.sampled_from(["", "/app/"]), utf8.map("/{}".format)),
        "PATH_INFO": st.one_of(st.sampled_from(["", "/", "//x", "a/b", "/%41"]), utf8, latin),
        "QUERY_STRING": st.one_of(st.text(alphabet="ab=&+%c3A9;", max_size=20), utf8),
        "SERVER_NAME": st.sampled_from(["localhost", "::1", "/unix"]),
        "SERVER_PORT": st.sampled_from(["80", "443", "8000", "", "x"]),
        "REMOTE_ADDR": st.just("127.0.0.1"),
        "REMOTE_USER": st.just("ada"),
        **HEADERS,
    },
)


@given(ENVIRON, st.binary(max_size=30))
def test_same_as_flask(environ: dict[str, Any], body: bytes) -> None:
    body = body.ljust(int(environ.get("CONTENT_LENGTH", "0")), b"x")
    environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", **environ}
    skip: tuple[str, ...] = ()
    if "[::::]" in environ.get("HTTP_HOST", ""):
        skip = ("url", "base_url", "host_url", "root_url", "url_root")  # a ValueError in Flask
    assert_same(environ, body, skip)


fields = st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=12)), max_size=5).map(
    lambda pairs: [(k, v) for k, v in pairs if "\r" not in k and "\n" not in k]
)


@given(fields, st.booleans(), st.lists(st.binary(max_size=40), max_size=3))
def test_same_forms_as_flask(
    pairs: list[tuple[str, str]], as_multipart: bool, files: list[bytes]
) -> None:
    data: MultiDict[str, Any] = MultiDict()
    for key, text in pairs:
        data.add(key.encode("utf-8", "replace").decode(), text.encode("utf-8", "replace").decode())
    if as_multipart:
        for number, content in enumerate(files):
            data.add("file", (io.BytesIO(content), f"näme {number}.txt", "text/x; charset=latin1"))
    kind = "multipart/form-data" if as_multipart else "application/x-www-form-urlencoded"
    builder = EnvironBuilder(method="POST", data=data, content_type=kind, query_string="q=1")
    environ = builder.get_environ()
    builder.close()
    assert_same(environ, environ["wsgi.input"].read())


JSONISH = st.one_of(
    st.binary(max_size=12),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode()),
    st.sampled_from(
        [b"", b"NaN", b"[Infinity]", b"1e400", b"-0", b'{"a":1,"a":2}', b"\xef\xbb\xbf1", b"1\x00",
         b'"\\ud800"', b'"\xed\xa0\x80"', b"\xff", b"9" * 30, b"9" * 5000, b"[1,]", b"'a'",
         b"//c\n1",
         b'"a\x01"', b"01", b"1 2", "[1]".encode("utf-16"), "[1]".encode("utf-32-be")]
    ),
)  # fmt: skip


@given(JSONISH, st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_same_json_as_flask(
    body: bytes, force: bool, silent: bool, as_json: bool, debug: bool
) -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/json" if as_json else "text/plain",
        "CONTENT_LENGTH": str(len(body)),
    }

    def result(request: Any) -> Any:
        try:
            return repr(request.get_json(force=force, silent=silent))
        except HTTPException as error:
            return type(error), error.description

    theirs = flask.Flask(__name__)
    theirs.debug = debug
    with theirs.app_context():
        expected = result(flask.Request({**environ, "wsgi.input": io.BytesIO(body)}))
    with application() as app:
        app.debug = debug
        ours = Request({**environ, "wsgi.input": io.BytesIO(body)})
        assert result(ours) == expected
        assert result(ours) == expected


def post(body: bytes, kind: str = "application/json", **extra: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **extra,
    }


@pytest.mark.parametrize("context", [True, False])
@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
def test_deep_json(body: bytes, context: bool) -> None:
    """JS-01."""
    with application() if context else contextlib.nullcontext():
        with pytest.raises(BadRequest):
            Request(post(body)).get_json()
        assert Request(post(body)).get_json(silent=True) is None


def test_own_json_provider() -> None:
    class Provider(DefaultJSONProvider):
        def loads(self, s: str | bytes, **kwargs: Any) -> Any:
            return "own", s

    with application() as app:
        app.json = Provider(app)
        assert Request(post(b"1")).get_json() == ("own", b"1")


def test_own_json_module() -> None:
    class Own(Request):
        json_module = SimpleNamespace(loads=lambda data: ("module", data))

    assert Own(post(b"1")).json == ("module", b"1")
    request = Request(post(b"1"))
    request.json_module = SimpleNamespace(loads=lambda data: ("instance", data))
    assert request.json == ("instance", b"1")
    assert Request.json_module is erlen_json


def test_json_is_cached_as_in_flask() -> None:
    request = Request(post(b"{}"))
    assert request.get_json() is request.get_json()
    assert request.get_json(cache=False) is not request.get_json()
    request = Request(post(b"bad"))
    assert request.get_json(silent=True) is None
    with pytest.raises(BadRequest):
        request.get_json()


def test_on_json_loading_failed_can_answer() -> None:
    class Own(Request):
        def on_json_loading_failed(self, e: ValueError | None) -> Any:
            return "fallback"

    assert Own(post(b"bad")).get_json() == "fallback"
    assert Own(post(b"1", "text/plain")).get_json() == "fallback"


# -- no attribute raises anything but an HTTP error (RG-17, RG-19)

anything = st.text(alphabet=st.characters(max_codepoint=0x3FF), max_size=30)


@given(
    st.dictionaries(
        st.sampled_from([*HEADERS, "QUERY_STRING", "PATH_INFO", "SCRIPT_NAME", "REQUEST_METHOD",
                         "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme", "REMOTE_ADDR",
                         "HTTP_TRANSFER_ENCODING", "HTTP_X_FORWARDED_FOR"]),
        st.one_of(anything, latin, *HEADERS.values()),
        max_size=6,
    ),
    st.binary(max_size=40),
)  # fmt: skip
def test_nothing_but_http_errors(environ: dict[str, Any], body: bytes) -> None:
    request = Request({**environ, "wsgi.input": io.BytesIO(body)})
    for name in [*ATTRIBUTES, "stream", "full_path"]:
        with contextlib.suppress(HTTPException):
            getattr(request, name)
    with contextlib.suppress(HTTPException):
        list(request.headers)
    repr(request)


@pytest.mark.parametrize(
    "value", ["Basic é", "Basic \xe9", "Basic \xff\xfe", "Basic 4pyT", "Basic 6Q=="]
)
def test_undecodable_authorization(value: str) -> None:
    """RG-17."""
    authorization = Request({"HTTP_AUTHORIZATION": value}).authorization
    assert authorization is None or value == "Basic 4pyT"


def test_raw_bytes_in_the_query() -> None:
    """RG-19: the same as if they had been percent-encoded."""
    request = Request({"QUERY_STRING": "a=\xff&b=\xc3\xa9&c=%FF", "PATH_INFO": "/\xff"})
    assert request.args == {"a": ["%FF"], "b": ["é"], "c": ["%FF"]}
    assert request.full_path == "/\ufffd?a=%FF&b=é&c=%FF"
    assert request.query_string == b"a=\xff&b=\xc3\xa9&c=%FF"


def test_raw_bytes_in_the_form() -> None:
    """Flask drops the whole form."""
    request = Request(post(b"a=\xff&b=1", "application/x-www-form-urlencoded"))
    assert request.form == {"a": ["%FF"], "b": ["1"]}


def test_environ_that_is_not_latin_1() -> None:
    """A server that breaks PEP 3333 gets text all the same."""
    request = Request(
        {"PATH_INFO": "/\u20ac", "QUERY_STRING": "a=\u20ac", "SCRIPT_NAME": "/\ud800"}
    )
    assert (request.path, request.args["a"], request.root_path) == ("/€", "€", "/?")


def test_invalid_ipv6_host() -> None:
    request = Request({"HTTP_HOST": "[::::]", "PATH_INFO": "/a"})
    assert request.url == "http:///a"


@pytest.mark.parametrize(
    "host", ["a:99999", "a:abc", "a:0", "a:080", "user@evil.com", "evil.com#", "a b", "é"]
)
def test_invalid_host_is_empty(host: str) -> None:
    """HO-07, HO-08: as in Werkzeug."""
    assert Request({"HTTP_HOST": host}).host == ""


@pytest.mark.parametrize(
    "host", ["aex.org", "exampleXcom", "example.com.evil.com", "example.com@evil"]
)
def test_untrusted_host(host: str) -> None:
    """HO-02, HO-10."""
    request = Request({"HTTP_HOST": host})
    request.trusted_hosts = [".ex.org", "example.com"]
    with pytest.raises(BadRequest):
        request.host  # noqa: B018
    with pytest.raises(BadRequest):
        request.url  # noqa: B018


# -- laziness


def test_construction_stores_the_environ_only() -> None:
    environ: dict[str, Any] = {}
    assert Request(environ, populate_request=False).__dict__ == {"environ": environ}
    assert environ == {}


def test_populate_request() -> None:
    environ: dict[str, Any] = {}
    request = Request(environ)
    assert environ["werkzeug.request"] is request
    Request(environ := {}, shallow=True)
    assert environ == {}


def test_new_request() -> None:
    rule = Rule("/", endpoint="a.b.index")
    request = new_request({"PATH_INFO": "/x"}, rule, {"id": 1})
    assert type(request) is Request
    assert isinstance(request, werkzeug.wrappers.Request)
    assert (request.path, request.url_rule, request.view_args) == ("/x", rule, {"id": 1})
    assert request.endpoint == "a.b.index"
    assert request.blueprint == "a.b"
    assert request.blueprints == ["a.b", "a"]
    assert request.routing_exception is None
    assert request.shallow is False


def test_request_leaves_no_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            request = new_request(post(b"a=1", "application/x-www-form-urlencoded"), None, {})
            request.form, request.args, request.files, request.headers, request.url  # noqa: B018
            del request
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "name", ["args", "headers", "host", "path", "cookies", "json_module", "form"]
)
def test_attributes_can_be_set(name: str) -> None:
    request = Request({})
    marker = object()
    setattr(request, name, marker)
    assert getattr(request, name) is marker
    delattr(request, name)
    assert getattr(request, name) is not marker


def test_replaced_headers_and_query_count() -> None:
    request = Request({"HTTP_HOST": "a", "HTTP_COOKIE": "a=1", "QUERY_STRING": "a=1"})
    request.headers = Headers(
        {"Host": "b", "Cookie": "b=2", "Content-Type": "text/x; a=b", "Content-Length": "5"}
    )
    request.query_string = b"b=2"
    assert (request.host, request.cookies, request.args) == ("b", {"b": ["2"]}, {"b": ["2"]})
    assert (request.mimetype, request.mimetype_params) == ("text/x", {"a": "b"})
    assert (request.content_type, request.content_length) == ("text/x; a=b", 5)


def test_override_that_calls_super() -> None:
    class Own(Request):
        @property
        def stream(self) -> Any:
            return super().stream

        @property
        def args(self) -> Any:
            return super().args

    request = Own(post(b"12345", QUERY_STRING="a=1"))
    assert request.stream is request.stream
    assert request.args is request.args
    assert request.get_data() == b"12345"


def test_multidicts_can_be_pickled_and_copied() -> None:
    args = Request({"QUERY_STRING": "a=1&a=2"}).args
    assert pickle.loads(pickle.dumps(args)) == args
    mutable = copy.copy(args).copy()
    mutable["a"] = "3"
    assert args["a"] == "1"


# -- overrides take Werkzeug's path


def test_storage_classes() -> None:
    class Own(Request):
        parameter_storage_class = MultiDict
        dict_storage_class = MultiDict
        list_storage_class = list

    request = Own(
        post(
            b"f=1&f=2",
            "application/x-www-form-urlencoded",
            QUERY_STRING="a=1&a=%C3%A9",
            HTTP_COOKIE="c=1; c=2",
            REMOTE_ADDR="127.0.0.1",
        )  # fmt: skip
    )
    assert type(request.args) is type(request.form) is type(request.cookies) is MultiDict
    assert request.args == MultiDict([("a", "1"), ("a", "é")])
    assert request.form == MultiDict([("f", "1"), ("f", "2")])
    assert request.cookies == MultiDict([("c", "1"), ("c", "2")])
    assert type(request.access_route) is list


def multipart() -> dict[str, Any]:
    body = (
        b'--X\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n123\r\n'
        b'--X\r\nContent-Disposition: form-data; name="b"\r\n\r\n4\r\n--X--'
    )
    return post(body, "multipart/form-data; boundary=X")


def test_own_file_stream() -> None:
    made: list[io.BytesIO] = []

    def factory(*args: Any, **kwargs: Any) -> Any:
        made.append(io.BytesIO())
        return made[-1]

    class Own(Request):
        def _get_file_stream(self, *args: Any, **kwargs: Any) -> Any:
            return factory()

    request = Own(multipart())
    assert request.files["a"].stream is made[0]
    request = Request(multipart())
    request._get_file_stream = factory  # type: ignore[method-assign]
    assert request.files["a"].stream is made[1]
    assert request.form == {"b": ["4"]}


def test_own_form_data_parser() -> None:
    class Parser(FormDataParser):
        def parse(self, *args: Any, **kwargs: Any) -> Any:
            stream, form, files = super().parse(*args, **kwargs)
            return stream, self.cls([*form.items(multi=True), ("own", "1")]), files

    class ByClass(Request):
        form_data_parser_class = Parser

    class ByMethod(Request):
        def make_form_data_parser(self) -> FormDataParser:
            return Parser(cls=self.parameter_storage_class)

    for cls in (ByClass, ByMethod):
        with cls(multipart()) as request:
            assert request.form["own"] == "1"


def test_want_form_data_parsed() -> None:
    class Own(Request):
        want_form_data_parsed = False  # type: ignore[assignment]

    request = Own(post(b"a=1", "application/x-www-form-urlencoded"))
    assert request.form == {}
    assert request.data == b"a=1"


# -- limits


@pytest.mark.parametrize(
    ("name", "setting", "default"),
    [
        ("max_content_length", "MAX_CONTENT_LENGTH", None),
        ("max_form_memory_size", "MAX_FORM_MEMORY_SIZE", 500_000),
        ("max_form_parts", "MAX_FORM_PARTS", 1000),
    ],
)
def test_limits_come_from_request_setting_and_default(
    name: str, setting: str, default: Any
) -> None:
    request = Request({})
    assert getattr(request, name) == default
    with application(**{setting: 7}):
        assert getattr(request, name) == 7
        setattr(request, name, 5)
        assert getattr(request, name) == 5

    class Own(Request):
        pass

    setattr(Own, name, 3)
    assert getattr(Own({}), name) == 3


@pytest.mark.parametrize(
    ("setting", "value"),
    [("MAX_CONTENT_LENGTH", 50), ("MAX_FORM_MEMORY_SIZE", 0), ("MAX_FORM_PARTS", 1)],
)
def test_limits_apply_to_multipart(setting: str, value: int) -> None:
    with application(**{setting: value}):
        request = Request(multipart())
        for _ in range(2):
            with pytest.raises(RequestEntityTooLarge):
                request.form  # noqa: B018


def test_multipart_without_a_boundary() -> None:
    """MP-05: Flask answers with an empty form; without a body nothing is lost."""
    with pytest.raises(BadRequest):
        Request(post(b"--X--", "multipart/form-data")).form  # noqa: B018
    with pytest.raises(BadRequest):
        Request(post(b"--X--", "multipart/form-data; boundary=")).form  # noqa: B018
    assert Request(post(b"", "multipart/form-data")).form == ImmutableMultiDict()


def test_files_are_closed_with_the_request() -> None:
    with Request(multipart()) as request:
        stream = request.files["a"].stream
    assert stream.closed


def test_large_upload_is_spooled() -> None:
    content = b"0123456789abcdef" * 131_072
    body = (
        b'--X\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n' + content
        + b"\r\n--X--"
    )  # fmt: skip
    with Request(post(body, "multipart/form-data; boundary=X")) as request:
        stream: Any = request.files["a"].stream
        assert stream._rolled
        assert stream.read() == content


# -- debug mode


def test_missing_enctype_is_explained() -> None:
    environ = post(b"foo=index.txt", "application/x-www-form-urlencoded")
    texts = []
    for debug_app, cls in ((flask.Flask(__name__), flask.Request), (None, Request)):
        with debug_app.app_context() if debug_app else application() as ctx:
            (debug_app or ctx).debug = True
            environ["wsgi.input"] = io.BytesIO(b"foo=index.txt")
            request = cls(environ)
            with pytest.raises(KeyError) as caught:
                request.files["foo"]
            texts.append(str(caught.value))
            with pytest.raises(BadRequest):
                request.files["missing"]
    assert texts[0] == texts[1]
    assert "no file contents were transmitted" in texts[1]


def test_missing_file_without_debug() -> None:
    with application():
        request = Request(post(b"foo=a", "application/x-www-form-urlencoded"))
        with pytest.raises(BadRequest):
            request.files["foo"]
