"""Ranges and conditions."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import erlen
from bad_inputs.calls import Answer, get, make, raw, same, served, twins
from bad_inputs.cases import Cases, assert_linear

ranges = Cases()
conditional = Cases()

TEXT = b"0123456789"


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> t.Any:
    folder = tmp_path_factory.mktemp("static")
    for name, content in (("a.txt", TEXT), ("empty.txt", b"")):
        (folder / name).write_bytes(content)
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))

    def setup(app: t.Any) -> None:
        package = erlen if isinstance(app, erlen.Erlen) else flask

        @app.route("/made", methods=["GET", "POST", "PUT"])
        def made() -> t.Any:
            response = package.Response(TEXT, mimetype="text/plain")
            response.set_etag("tag")
            response.last_modified = 1_000_000_000
            return response.make_conditional(
                package.request, accept_ranges=True, complete_length=len(TEXT)
            )

    return twins(setup, static_folder=str(folder), static_url_path="/static")


def fetch(apps: t.Any, target: str = "/static/a.txt", method: str = "GET", **given: str) -> Answer:
    headers = {name.replace("_", "-"): value for name, value in given.items()}
    return get(apps[0], target, method=method, headers=headers)


@ranges("RG-01", value="bytes=" + ",".join(["0-0"] * 10_000))
@ranges("RG-01-open", value="bytes=" + "0-," * 100_000 + "0-")
@ranges("RG-01-suffix", value="bytes=" + ",".join(["-1"] * 10_000))
@ranges("RG-01-overlap", value="bytes=0-9,0-9,0-9")
@ranges("RG-02", value="bytes=0-0,5-6")
@ranges("RG-02-order", value="bytes=5-6,0-0")
@ranges("RG-02-space", value="bytes=0-0, 5-6")
@ranges("RG-05", value="bytes=\u0660-\u0661".encode().decode("latin-1"))
@ranges("RG-05-superscript", value="bytes=\xb2-\xb3")
def whole_file(apps: t.Any, value: str) -> None:
    for target in ("/static/a.txt", "/made"):
        answer = fetch(apps, target, Range=value)
        assert (answer.status, answer.body) == (200, TEXT)
        assert answer.header("Content-Length") == "10"


@ranges("RG-01-time")
def many_ranges_in_little_time(apps: t.Any) -> None:
    assert_linear(lambda n: fetch(apps, Range="bytes=" + "0-0," * n + "0-0"), 5000)
    assert_linear(lambda n: fetch(apps, Range="bytes=" + "0" * n + "-"), 5000)


@ranges("RG-04", value="bytes=-0")
@ranges("RG-04-digits", value="bytes=99999999999999999999-")
@ranges("RG-04-beyond", value="bytes=10-")
@ranges("RG-04-huge", value="bytes=" + "9" * 5000 + "-")
def not_satisfiable(apps: t.Any, value: str) -> None:
    for target in ("/static/a.txt", "/made"):
        assert fetch(apps, target, Range=value).status == 416


@ranges("RG-04-backwards", value="bytes=5-2")
@ranges("RG-04-unit", value="lines=0-1")
@ranges("RG-04-empty", value="bytes=")
@ranges("RG-04-letters", value="bytes=a-b")
@ranges("RG-04-signs", value="bytes=+1-+2")
@ranges("RG-04-minus", value="bytes=--1")
@ranges("RG-04-none", value="")
@ranges("RG-04-underscore", value="bytes=1_0-")
@ranges("RG-04-nul", value="bytes=0-\0")
@ranges("RG-04-end", value="bytes=0-" + "9" * 5000)
def malformed(apps: t.Any, value: str) -> None:
    for target in ("/static/a.txt", "/made"):
        ours, theirs = (get(app, target, headers={"Range": value}) for app in apps)
        assert ours.status in (200, 206, 416)
        if ours.status == 206:
            assert ours.body in TEXT and ours.body == theirs.body


@ranges("RG-07")
def not_for_other_methods(apps: t.Any) -> None:
    for method in ("POST", "PUT"):
        answer = same(apps, "/made", method=method, headers={"Range": "bytes=0-0"})
        assert (answer.status, answer.body) == (200, TEXT)


@ranges("RG-07-head")
def head_of_a_range(apps: t.Any) -> None:
    answer = fetch(apps, method="HEAD", Range="bytes=2-4")
    assert (answer.status, answer.body) == (206, b"")
    assert answer.header("Content-Range") == "bytes 2-4/10"
    assert answer.header("Content-Length") == "3"


@ranges("RG-08", value="bytes=0-0")
@ranges("RG-08-open", value="bytes=0-")
@ranges("RG-08-suffix", value="bytes=-1")
def empty_file(apps: t.Any, value: str) -> None:
    ours, theirs = (get(app, "/static/empty.txt", headers={"Range": value}) for app in apps)
    assert ours.status == theirs.status and ours.status in (200, 416)
    if ours.status == 200:
        assert ours.body == b""


test_range = ranges.test()


@conditional("RG-10", method="GET", status=304)
@conditional("RG-10-head", method="HEAD", status=304)
@conditional("RG-10-write", method="PUT", status=200)
def any_tag(apps: t.Any, method: str, status: int) -> None:
    # A write that has happened is not refused: make_conditional is for what is read.
    assert same(apps, "/made", method=method, headers={"If-None-Match": "*"}).status == status
    if method != "PUT":
        assert fetch(apps, method=method, If_None_Match="*").status == 304


DATES = {
    "": "garbage",
    "-year": "Mon, 01 Jan 99999 00:00:00 GMT",
    "-zone": "Mon, 01 Jan 2024 00:00:00 +9999999",
    "-minus": "Mon, 01 Jan 2024 00:00:00 -9999",
    "-day": "Mon, 99 Jan 2024 00:00:00 GMT",
    "-empty": "",
    "-zero": "Mon, 00 Jan 0000 00:00:00 GMT",
    "-bytes": "\xff\xfe",
    "-long": "1" * 10_000,
    "-nul": "\0",
}


def invalid_date(apps: t.Any, value: str) -> None:
    for name in ("If-Modified-Since", "If-Unmodified-Since", "If-Range", "Date"):
        for target in ("/static/a.txt", "/made"):
            answer = get(apps[0], target, headers={name: value})
            assert (answer.status, answer.body) == (200, TEXT), name
    answer = get(apps[0], "/made", headers={"If-Range": value, "Range": "bytes=0-0"})
    assert answer.status in (200, 206)


for _name, _value in DATES.items():
    conditional(f"RG-11{_name}", value=_value)(invalid_date)


@conditional("RG-13", value="Mon, 01 Jan 2001 00:00:00 GMT", status=412)
@conditional("RG-13-same", value="Sun, 09 Sep 2001 01:46:40 GMT", status=200)
@conditional("RG-13-later", value="Mon, 01 Jan 2024 00:00:00 GMT", status=200)
def unmodified_since(apps: t.Any, value: str, status: int) -> None:
    for target in ("/static/a.txt", "/made"):
        answer = fetch(apps, target, If_Unmodified_Since=value)
        assert answer.status == status
        # RFC 9110 13.1.4: not beside If-Match.
        tag = fetch(apps, target).header("ETag")
        assert fetch(apps, target, If_Unmodified_Since=value, If_Match=tag).status == 200


@conditional("RG-10-tags", unit='"a",')
@conditional("RG-10-weak", unit='W/"a",')
@conditional("RG-10-open", unit='"')
@conditional("RG-10-bare", unit="a ")
def many_tags(apps: t.Any, unit: str) -> None:
    assert_linear(lambda n: fetch(apps, If_None_Match=unit * n), 2000)
    assert_linear(lambda n: fetch(apps, If_Match=unit * n), 2000)


@conditional("RG-14", value="")
@conditional("RG-14-range", value="bytes=0-299999")
@conditional("RG-14-several", value="bytes=0-99999,200000-299999")
def file_that_shrinks(tmp_path: Path, value: str) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * 300_000)
    app = make(static_folder=str(tmp_path), static_url_path="/static")
    from bad_inputs.calls import environ

    made = environ("/static/large.bin", headers={"Range": value} if value else {})
    sent: list[t.Any] = []
    body = app(made, lambda *args: sent.extend(args))
    chunks = iter(body)
    size = len(next(chunks))
    path.write_bytes(b"")
    size += sum(map(len, chunks))
    body.close()
    # Short of what was announced: the server closes, and the client knows.
    assert size < int(dict(sent[1])["Content-Length"])


@conditional("RG-14-grows")
def file_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * 100_000)
    app = make(static_folder=str(tmp_path), static_url_path="/static")
    from bad_inputs.calls import environ

    body = app(environ("/static/large.bin"), lambda *args: None)
    chunks = iter(body)
    size = len(next(chunks))
    with path.open("ab") as file:
        file.write(b"y" * 100_000)
    size += sum(map(len, chunks))
    body.close()
    assert size == 100_000


@conditional("RG-14-server")
def file_that_shrinks_on_a_server(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * 100_000)
    app = make(static_folder=str(tmp_path), static_url_path="/static")

    def shrinking(environ: t.Any, start_response: t.Any) -> t.Any:
        body = app(environ, start_response)
        path.write_bytes(b"short")
        return body

    request = b"GET /static/large.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with served(shrinking) as port:
        head, _, body = raw(port, request).partition(b"\r\n\r\n")
    assert b"Content-Length: 100000" in head and len(body) < 100_000


test_conditional = conditional.test()

PIECES = st.lists(
    st.sampled_from(list("0159-,= ") + ["bytes", "bytes=", "\xb2", "*", '"', "W/", "/"])
).map("".join)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["Range", "If-Range", "If-None-Match", "If-Match", "If-Modified-Since",
             "If-Unmodified-Since"]
        ),
        PIECES | PIECES.map("bytes={}".format) | st.text(st.characters(max_codepoint=255)),
        max_size=3,
    )
)  # fmt: skip
def test_any_condition_is_answered(headers: dict[str, str]) -> None:
    def setup(app: t.Any) -> None:
        package = erlen if isinstance(app, erlen.Erlen) else flask

        @app.get("/")
        def index() -> t.Any:
            response = package.Response(TEXT)
            response.set_etag("5")
            return response.make_conditional(
                package.request, accept_ranges=True, complete_length=len(TEXT)
            )

    ours, theirs = (get(app, headers=headers) for app in twins(setup))
    assert ours.status in (200, 206, 304, 412, 416)
    value = headers.get("Range", "")
    if "," not in value and value.isascii() and "If-Unmodified-Since" not in headers:
        assert (ours.status, ours.body) == (theirs.status, theirs.body)
