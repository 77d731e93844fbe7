"""Urlencoded bodies and query strings."""

from __future__ import annotations

import json
import typing as t

import flask
from hypothesis import given, settings
from hypothesis import strategies as st

import erlen
from bad_inputs.calls import call, environ, get, make, raw, same, served, twins
from bad_inputs.cases import Cases, assert_linear

form = Cases()

TYPE = "application/x-www-form-urlencoded"


def setup(app: t.Any) -> None:
    source = erlen.request if isinstance(app, erlen.Erlen) else flask.request

    @app.route("/", methods=["GET", "POST"])
    def show() -> dict[str, t.Any]:
        return {
            "form": list(source.form.items(multi=True)),
            "args": list(source.args.items(multi=True)),
        }

    @app.route("/count", methods=["GET", "POST"])
    def count() -> str:
        return f"{len(source.form)} {len(source.args)}"


def both(body: bytes, content_type: str = TYPE) -> t.Any:
    """The form as the view sees it, here and with Flask."""
    return json.loads(same(twins(setup), method="POST", body=body, content_type=content_type).text)[
        "form"
    ]


def ours(body: bytes, content_type: str = TYPE) -> t.Any:
    answer = get(make(setup), method="POST", body=body, content_type=content_type)
    assert answer.status == 200
    return json.loads(answer.text)["form"]


@form("FF-01", left=True)
def many_fields() -> None:
    app = make(setup)

    def run(count: int) -> None:
        body = b"&".join(b"k%d=v" % i for i in range(count))
        answer = get(app, "/count", method="POST", body=body, content_type=TYPE)
        assert answer.text == f"{count} 0"

    assert_linear(run, 10_000)
    body = b"a=v&" * 3000
    assert len(both(body)) == 3000


@form("FF-01-limit")
def many_fields_over_the_limit_of_the_body() -> None:
    app = make(setup)
    app.config["MAX_CONTENT_LENGTH"] = 10_000
    assert get(app, method="POST", body=b"a=b&" * 5000, content_type=TYPE).status == 413


@form("FF-02", left=True)
def many_arguments() -> None:
    apps = twins(setup)
    assert same(apps, "/count?" + "&".join(f"k{i}=v" for i in range(2000))).text == "0 2000"
    assert_linear(lambda n: get(apps[0], "/count?" + "&".join(f"k{i}=v" for i in range(n))), 8000)


@form("FF-04")
def semicolon_is_no_separator() -> None:
    assert both(b"a=1;b=2") == [["a", "1;b=2"]]
    assert json.loads(same(twins(setup), "/?a=1;b=2").text)["args"] == [["a", "1;b=2"]]


@form("FF-05", body=b"a=%zz&b=%&c=%ff")
@form("FF-05-cut", body=b"a=%f&%=%2&%%%=%e2%82")
@form("FF-05-surrogate", body=b"a=%ed%b2%80")
@form("FF-05-u", body=b"a=%u00e9")
def bad_escapes(body: bytes) -> None:
    assert both(body)


@form("FF-05-raw")
def raw_bytes_stay() -> None:
    # Flask loses the whole form.
    assert ours(b"a=1&b=\xff&c=3") == [["a", "1"], ["b", "%FF"], ["c", "3"]]


@form("FF-05-query")
def raw_bytes_in_the_query() -> None:
    answer = get(make(setup), "/?a=1&b=\xff")
    assert json.loads(answer.text)["args"] == [["a", "1"], ["b", "%FF"]]


@form("FF-07", charset="utf-16")
@form("FF-07-bogus", charset="bogus")
@form("FF-07-utf7", charset="utf-7")
def charset_of_the_form(charset: str) -> None:
    assert both(b"a=%c3%a9", f"{TYPE}; charset={charset}") == [["a", "é"]]


@form("FF-08")
def nul_is_passed_through() -> None:
    assert both(b"a=%00&b=x%00y&%00=c") == [["a", "\0"], ["b", "x\0y"], ["\0", "c"]]


class Chunked:
    """A body without a length, as servers hand over chunked ones."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1) -> bytes:
        piece, self._data = self._data[:size], self._data[size:]
        return piece


@form("FF-10", size=1001, status=413)
@form("FF-10-limit", size=1000, status=200)
@form("FF-10-large", size=1_000_000, status=413)
def chunked_over_the_limit(size: int, status: int) -> None:
    app = make(setup)
    app.config["MAX_CONTENT_LENGTH"] = 1000
    body = Chunked(b"a=" + b"x" * (size - 2))
    made = environ("/", "POST", content_type=TYPE, headers={"Transfer-Encoding": "chunked"})
    made.update({"wsgi.input": body, "wsgi.input_terminated": True})
    assert call(app, made).status == status


@form("FF-10-server")
def chunked_over_the_limit_on_a_server() -> None:
    app = make(setup)
    app.config["MAX_CONTENT_LENGTH"] = 1000
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: {TYPE}\r\nConnection: close\r\n\r\n"
    ).encode()
    chunk = b"400\r\n" + b"a" * 1024 + b"\r\n"
    with served(app) as port:
        assert raw(port, head + chunk * 2 + b"0\r\n\r\n").startswith(b"HTTP/1.1 413")
        assert raw(port, head + b"5\r\na=b&c\r\n0\r\n\r\n").startswith(b"HTTP/1.1 200")


@form("FF-10-broken", broken=b"zz\r\n")
@form("FF-10-negative", broken=b"-5\r\nabcde\r\n")
@form("FF-10-short", broken=b"5\r\nabcdeXX")
def broken_chunks_on_a_server(broken: bytes) -> None:
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: {TYPE}\r\nConnection: close\r\n\r\n"
    ).encode()
    with served(make(setup)) as port:
        assert raw(port, head + broken).startswith(b"HTTP/1.1 400")


@form("FF-10-length", length="abc", status=400)
@form("FF-10-minus", length="-1", status=400)
@form("FF-10-plus", length="+3", status=400)
@form("FF-10-digits", length="٣", status=400)
@form("FF-10-two", length="3, 3", status=400)
@form("FF-10-huge", length="9" * 5000, status=400)
@form("FF-10-cut", length="9", status=400)
def lengths(length: str, status: int) -> None:
    made = environ("/", "POST", b"a=b", TYPE)
    made["CONTENT_LENGTH"] = length
    assert call(make(setup), made).status == status


@form("FF-11", unit=b"&")
@form("FF-11-equals", unit=b"=")
@form("FF-11-plus", unit=b"+")
@form("FF-11-percent", unit=b"%")
@form("FF-11-escapes", unit=b"%41")
@form("FF-11-pairs", unit=b"=&")
def separators_only(unit: bytes) -> None:
    app = make(setup)

    def run(count: int) -> None:
        body = unit * count
        assert get(app, "/count", method="POST", body=body, content_type=TYPE).status == 200

    assert_linear(run, 40_000)


test_form = form.test()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([b"a", b"=", b"&", b"%", b"4", b"1", b"+", b";", b"%ff", b"%00"])))
def test_any_ascii_form_is_flasks(scraps: list[bytes]) -> None:
    body = b"".join(scraps)
    same(TWINS, method="POST", body=body, content_type=TYPE)
    same(TWINS, "/?" + body.decode())


@settings(max_examples=200, deadline=None)
@given(st.binary())
def test_any_bytes_lose_nothing(body: bytes) -> None:
    answer = get(TWINS[0], method="POST", body=body, content_type=TYPE)
    assert answer.status == 200
    assert len(json.loads(answer.text)["form"]) == sum(1 for pair in body.split(b"&") if pair)


TWINS = twins(setup)
