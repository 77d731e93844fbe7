"""JSON bodies."""

from __future__ import annotations

import gzip
import json
import typing as t

import flask
from flask.json.tag import TaggedJSONSerializer as FlasksSerializer

import erlen
from bad_inputs.calls import Answer, get, make, same, twins
from bad_inputs.cases import Cases, assert_linear
from erlen.json.tag import TaggedJSONSerializer

json_cases = Cases()


def setup(app: t.Any) -> None:
    ours = isinstance(app, erlen.Erlen)
    source = erlen.request if ours else flask.request
    session = erlen.session if ours else flask.session

    @app.post("/")
    def show() -> dict[str, t.Any]:
        return {"got": source.get_json()}

    @app.post("/type")
    def kind() -> str:
        return type(source.json).__name__

    @app.post("/silent")
    def silent() -> dict[str, t.Any]:
        return {"got": source.get_json(silent=True)}

    @app.post("/session")
    def store() -> str:
        session["data"] = source.json
        session.update(source.json)
        return ""

    @app.get("/session")
    def read() -> dict[str, t.Any]:
        return dict(session)


def send(body: bytes, content_type: str | None = "application/json", target: str = "/") -> Answer:
    return get(make(setup), target, method="POST", body=body, content_type=content_type)


def both(body: bytes, content_type: str = "application/json", target: str = "/") -> Answer:
    return same(twins(setup), target, method="POST", body=body, content_type=content_type)


@json_cases("JS-01", body=b"[" * 100_000)
@json_cases("JS-01-objects", body=b'{"a":' * 100_000)
@json_cases("JS-01-closed", body=b"[" * 100_000 + b"]" * 100_000)
@json_cases("JS-01-mixed", body=b'[{"a":' * 50_000 + b"1" + b"}]" * 50_000)
def nested(body: bytes) -> None:
    assert send(body).status == 400
    assert send(body, target="/silent").text.split() == ['{"got":null}']
    app = make(setup)
    app.config["DEBUG"] = True
    assert get(app, method="POST", body=body, content_type="application/json").status == 400


@json_cases("JS-02", left=True, body=b"NaN")
@json_cases("JS-02-infinity", left=True, body=b"[Infinity, -Infinity, 1e999]")
def not_a_number(body: bytes) -> None:
    # Python clients send these, and scientific applications live on them.
    ours, theirs = (
        get(app, method="POST", body=body, content_type="application/json") for app in twins(setup)
    )
    assert ours.status == theirs.status == 200
    assert str(json.loads(ours.body)) == str(json.loads(theirs.body))


@json_cases("JS-04")
def repeated_key() -> None:
    assert json.loads(both(b'{"a":1,"a":2}').text) == {"got": {"a": 2}}


@json_cases("JS-05", body=b'"\xff"')
@json_cases("JS-05-cut", body=b'"\xe2\x82"')
@json_cases("JS-05-overlong", body=b'"\xc0\xaf"')
def not_utf8(body: bytes) -> None:
    assert send(body).status == 400


@json_cases("JS-05-escape")
def lone_surrogate() -> None:
    # Python's decoder takes them, escaped or not; so does Flask.
    assert json.loads(both(b'"\xed\xa0\x80"').body) == {"got": "\ud800"}
    assert json.loads(both(b'"\\ud800"').body) == {"got": "\ud800"}


@json_cases("JS-07")
def byte_order_mark() -> None:
    assert json.loads(both(b'\xef\xbb\xbf{"a":1}').text) == {"got": {"a": 1}}
    assert json.loads(both('"é"'.encode("utf-16")).text) == {"got": "é"}


@json_cases("JS-08", body=b"1" * 5000)
@json_cases("JS-08-minus", body=b"[-" + b"1" * 5000 + b"]")
def long_integer(body: bytes) -> None:
    assert send(body).status == 400


@json_cases("JS-08-float")
def long_fraction() -> None:
    assert both(b"0." + b"1" * 5000).status == 200


@json_cases("JS-10", left=True)
def large_array() -> None:
    # No limit unless the application sets one, and then it holds.
    app = make(setup)

    def run(size: int) -> None:
        body = b"[" + b"1," * size + b"1]"
        answer = get(app, "/type", method="POST", body=body, content_type="application/json")
        assert (answer.status, answer.text) == (200, "list")

    assert_linear(run, 50_000)
    app.config["MAX_CONTENT_LENGTH"] = 1000
    body = b"[" + b"1," * 600 + b"1]"
    assert get(app, method="POST", body=body, content_type="application/json").status == 413


@json_cases("JS-11", content_type="text/plain")
@json_cases("JS-11-none", content_type=None)
@json_cases("JS-11-form", content_type="application/x-www-form-urlencoded")
@json_cases("JS-11-like", content_type="application/jsonp")
@json_cases("JS-11-parameter", content_type="text/plain; application/json")
def other_type(content_type: str | None) -> None:
    assert send(b'{"a":1}', content_type).status == 415


@json_cases("JS-13", body=b"")
@json_cases("JS-13-blank", body=b" \r\n\t")
def empty(body: bytes) -> None:
    assert both(body).status == 400


@json_cases("JS-14", body=b"[1,]")
@json_cases("JS-14-object", body=b'{"a":1,}')
@json_cases("JS-14-comment", body=b"[1] // x")
@json_cases("JS-14-inside", body=b"[1 /* x */]")
@json_cases("JS-14-garbage", body=b'{"a":1}x')
@json_cases("JS-14-two", body=b"{}{}")
@json_cases("JS-14-quotes", body=b"{'a': 1}")
@json_cases("JS-14-bare", body=b"{a: 1}")
@json_cases("JS-14-control", body=b'"a\nb"')
@json_cases("JS-14-nul", body=b'"a"\0')
@json_cases("JS-14-zero", body=b"[01]")
@json_cases("JS-14-plus", body=b"[+1]")
@json_cases("JS-14-point", body=b"[.5]")
@json_cases("JS-14-hex", body=b"[0x10]")
@json_cases("JS-14-escape", body=b'"\\x41"')
@json_cases("JS-14-cut", body=b'{"a": "b')
def not_json(body: bytes) -> None:
    assert both(body).status == 400


@json_cases("JS-16")
def compressed_body_stays_compressed() -> None:
    bomb = gzip.compress(b'"' + b"a" * 10_000_000 + b'"')
    answer = get(
        make(setup),
        method="POST",
        body=bomb,
        content_type="application/json",
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.status == 400


@json_cases("JS-17", data={" b": "AAAA", " di": {" t": [1]}})
@json_cases("JS-17-tuple", data={" t": [1, 2]})
@json_cases("JS-17-escape", data={" di__": 1, " m": "<b>", " u": "x", " d": "x"})
@json_cases("JS-17-nested", data={" di": {" di": {" b": "AAAA"}}})
def tags_in_a_session(data: dict[str, t.Any]) -> None:
    app = make(setup)
    body = json.dumps(data).encode()
    answer = get(app, "/session", method="POST", body=body, content_type="application/json")
    cookie = answer.header("Set-Cookie")
    assert answer.status == 200 and cookie is not None
    read = get(app, "/session", headers={"Cookie": cookie.partition(";")[0]})
    assert json.loads(read.text) == {**data, "data": data}
    assert FlasksSerializer().loads(TaggedJSONSerializer().dumps(data)) == data


test_json = json_cases.test()
