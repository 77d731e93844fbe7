"""HTTP through a real socket: every server, both protocols, the same answers."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from running import Running
from servers.lines import SERVERS, serving

APP = "servers.http_app:app"
TRAIL = "values before abefore shop-before view shop-after after aafter"


@pytest.fixture(scope="module", params=list(SERVERS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Running]:
    with serving(request.param, APP, tmp_path_factory.mktemp("server")) as found:
        yield found


class Reply(t.NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> t.Any:
        return json.loads(self.body)


def call(
    server: Running,
    path: str,
    method: str = "GET",
    body: t.Any = None,
    headers: dict[str, str] | None = None,
    **options: t.Any,
) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, path, body, headers or {}, **options)
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


def counts(server: Running) -> t.Any:
    return call(server, "/counts").json


def wait_for_count(server: Running, what: str, wanted: int, timeout: float = 10) -> None:
    end = time.monotonic() + timeout
    while counts(server).get(what, 0) < wanted and time.monotonic() < end:
        time.sleep(0.05)
    assert counts(server).get(what, 0) == wanted, what


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_hooks_context_variables_and_links(server: Running, kind: str) -> None:
    other = {"sync": "async", "async": "sync"}[kind]
    reply = call(server, f"/shop/{kind}/7?customer=anna")
    assert reply.status == 200
    assert reply.json == {"number": 7, "customer": "anna", "link": f"/shop/{other}/2"}
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers.get_all("Content-Length") == [str(len(reply.body))]
    assert reply.headers["X-Trail"] == TRAIL
    assert reply.headers["X-Customer"] == "anna!"
    assert call(server, f"/shop/{kind}/7").json["customer"] == "nobody"


def test_what_a_view_knows(server: Running) -> None:
    path = "/about/caf%C3%A9/a%20b?x=1&x=%C3%A4&y="
    headers = {"X-Own": "1", "User-Agent": "tester", "Cookie": "a=1; b=2"}
    reply = call(server, path, headers=headers)
    host = f"127.0.0.1:{server.port}"
    assert reply.json == {
        "rest": "caf\u00e9/a b",
        "path": "/about/caf\u00e9/a b",
        "url": f"http://{host}/about/caf\u00e9/a%20b?x=1&x=\u00e4&y=",
        "base": f"http://{host}/about/caf\u00e9/a%20b",
        "host": host,
        "scheme": "http",
        "root": "",
        "method": "GET",
        "args": {"x": ["1", "\u00e4"], "y": [""]},
        "query": "x=1&x=%C3%A4&y=",
        "remote": "127.0.0.1",
        "agent": "tester",
        "own": ["1"],
        "cookies": {"a": "1", "b": "2"},
        "link": f"http://{host}/about/x%20y",
    }


@pytest.mark.parametrize("path", ["/visits", "/avisits"])
def test_a_session(server: Running, path: str) -> None:
    headers: dict[str, str] = {}
    for visits in (1, 2, 3):
        reply = call(server, path, headers=headers)
        assert reply.body == str(visits).encode()
        assert "Cookie" in reply.headers["Vary"]
        cookie = reply.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "Path=/" in cookie
        headers["Cookie"] = cookie.partition(";")[0]
    assert call(server, path, headers={"Cookie": "session=forged"}).body == b"1"


def test_errors(server: Running) -> None:
    reply = call(server, "/nowhere")
    assert (reply.status, reply.json) == (404, {"error": "nothing here", "path": "/nowhere"})
    assert reply.headers["X-Trail"] == "values before abefore after aafter"
    reply = call(server, "/visits", "DELETE")
    assert reply.status == 405
    assert {*reply.headers["Allow"].split(", ")} == {"GET", "HEAD", "OPTIONS"}
    for path in ("/divide", "/adivide"):
        reply = call(server, path)
        assert (reply.status, reply.json) == (500, {"error": "on purpose"})
        assert reply.headers["X-Trail"] == "values before abefore after aafter"
    reply = call(server, "/teapot")
    assert reply.status == 418 and b"teapot" in reply.body
    reply = call(server, "/broken")
    assert reply.status == 500 and b"Internal Server Error" in reply.body
    assert b"nobody takes this" not in reply.body
    server.wait_for_text("RuntimeError: nobody takes this")
    assert "Exception on /broken [GET]" in server.text


@pytest.mark.parametrize("path", ["/json", "/ajson"])
def test_json(server: Running, path: str) -> None:
    value = {"a": [1, 2.5, None, True, "\u20ac"]}
    headers = {"Content-Type": "application/json"}
    assert call(server, path, "POST", json.dumps(value), headers).json == {"got": value}
    assert call(server, path, "POST", "{", headers).status == 400
    assert call(server, path, "POST", "", headers).status == 400
    assert call(server, path, "POST", "{}").status == 415


@pytest.mark.parametrize("path", ["/form", "/aform"])
def test_forms(server: Running, path: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = call(server, path, "POST", "a=1&a=2&b=%C3%A4+x", headers)
    assert reply.json == {"fields": {"a": ["1", "2"], "b": ["\u00e4 x"]}, "files": {}}
    size = 1_500_000
    body = b"".join(
        [
            b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n',
            b'--edge\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n',
            b"Content-Type: application/octet-stream\r\n\r\n",
            b"\x00\r\n\xff" * (size // 4),
            b"\r\n--edge--\r\n",
        ]
    )
    reply = call(server, path, "POST", body, {"Content-Type": "multipart/form-data; boundary=edge"})
    assert reply.json == {"fields": {"a": ["b"]}, "files": {"f": ["f.bin", size]}}


def test_too_large(server: Running) -> None:
    assert call(server, "/small", "POST", b"x" * 1000).body == b"1000"
    assert call(server, "/small", "POST", b"x" * 1001).status == 413


@pytest.mark.parametrize("path", ["/echo", "/aecho"])
def test_bodies(server: Running, path: str) -> None:
    for size in (0, 1, 65536, 3_000_000):
        body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        reply = call(server, path, "POST", body)
        assert reply.status == 200 and reply.body == body
        assert reply.headers.get_all("Content-Length") == [str(size)]
    for method in ("PUT", "PATCH", "DELETE"):
        if path == "/echo":
            assert call(server, path, method, b"body").body == b"body"


@pytest.mark.parametrize("path", ["/echo", "/aecho"])
def test_chunked_bodies(server: Running, path: str) -> None:
    chunks = [b"a" * 10, b"b" * 70_000, b"c"]
    headers = {"Transfer-Encoding": "chunked"}
    reply = call(server, path, "POST", iter(chunks), headers, encode_chunked=True)
    assert reply.status == 200
    assert reply.body == b"".join(chunks)


def test_a_body_that_nobody_reads(server: Running) -> None:
    head = "POST /unread HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n"
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as c:
        for _ in range(2):
            if c.sock is None:
                c.connect()
            # In one piece: Granian closes, unannounced, when a body comes behind its answer.
            c.sock.sendall(head.encode() + b"x" * 5000)
            response = http.client.HTTPResponse(c.sock, method="POST")
            response.begin()
            assert (response.status, response.read()) == (200, b"not read")
            if response.will_close:
                c.close()
            close_if_closed(server, c)


def close_if_closed(server: Running, connection: http.client.HTTPConnection) -> None:
    """uWSGI closes each connection without saying so."""
    if server.name == "uwsgi":  # type: ignore[attr-defined]
        connection.close()


def test_many_requests_on_one_connection(server: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for number in range(10):
        connection.request("GET", f"/shop/sync/{number}?customer=c{number}")
        response = connection.getresponse()
        assert json.loads(response.read())["customer"] == f"c{number}"
        close_if_closed(server, connection)
        connection.request("HEAD", f"/shop/async/{number}")
        assert connection.getresponse().read() == b""
        close_if_closed(server, connection)
        connection.request("GET", "/lines")
        assert connection.getresponse().read().count(b"line") == 5
        close_if_closed(server, connection)
    connection.close()


def test_head(server: Running) -> None:
    for path in ("/shop/sync/7", "/shop/async/7", "/static/letters.txt", "/big/100000"):
        got, head = call(server, path), call(server, path, "HEAD")
        assert head.status == 200 and head.body == b""
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
        assert head.headers["Content-Length"] == got.headers["Content-Length"]
        assert head.headers["X-Trail"] == got.headers["X-Trail"]


def test_options_and_no_content(server: Running) -> None:
    reply = call(server, "/json", "OPTIONS")
    assert reply.status == 200 and {*reply.headers["Allow"].split(", ")} == {"OPTIONS", "POST"}
    reply = call(server, "/nothing")
    assert (reply.status, reply.body) == (204, b"")


def test_files_and_ranges(server: Running) -> None:
    letters = b"abcdefghijklmnopqrstuvwxyz\n"
    for path in ("/static/letters.txt", "/file"):
        reply = call(server, path)
        assert (reply.status, reply.body) == (200, letters)
        assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert reply.headers.get_all("Content-Length") == [str(len(letters))]
        tag = reply.headers["ETag"]
        reply = call(server, path, headers={"Range": "bytes=2-5"})
        assert (reply.status, reply.body) == (206, b"cdef")
        assert reply.headers["Content-Range"] == "bytes 2-5/27"
        assert reply.headers.get_all("Content-Length") == ["4"]
        reply = call(server, path, headers={"Range": "bytes=50-"})
        assert (reply.status, reply.headers["Content-Range"]) == (416, "bytes */27")
        reply = call(server, path, headers={"If-None-Match": tag})
        assert (reply.status, reply.body) == (304, b"")
    assert call(server, "/static/none.txt").status == 404
    assert call(server, "/static/../http_app.py").status in (400, 404)


@pytest.mark.parametrize("path", ["/lines", "/alines"])
def test_streams(server: Running, path: str) -> None:
    reply = call(server, f"{path}?customer=eve")
    assert reply.status == 200 and reply.headers["X-Own"] == "1"
    assert reply.body == b"".join(b"line %d of eve\n" % number for number in range(5))
    assert reply.headers["Content-Length"] is None
    assert call(server, path, "HEAD").body == b""


def test_redirects(server: Running) -> None:
    reply = call(server, "/old")
    assert (reply.status, reply.headers["Location"]) == (302, "/folder/")
    reply = call(server, "/folder?a=b")
    assert reply.status == 308
    assert reply.headers["Location"] == f"http://127.0.0.1:{server.port}/folder/?a=b"
    assert call(server, "/folder/").body == b"folder"


def test_cookies(server: Running) -> None:
    found = call(server, "/cookies").headers.get_all("Set-Cookie") or []
    assert len(found) == 3
    assert found[0] == "one=1; HttpOnly; Path=/"
    assert found[1].startswith('two="zwei \\303\\244"; ') and "Max-Age=60" in found[1]
    assert found[2].startswith("three=;") and "Max-Age=0" in found[2]


def test_a_large_answer(server: Running) -> None:
    reply = call(server, "/big/8000000")
    assert reply.body == b"0123456789" * 800_000
    assert reply.headers.get_all("Content-Length") == ["8000000"]


def test_requests_at_the_same_time(server: Running) -> None:
    """No request sees the context of another."""
    names = [f"c{number}" for number in range(60)]
    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(lambda name: call(server, f"/slow?customer={name}"), names))
    assert [reply.body.decode() for reply in found] == [f"{name} {name} {name}" for name in names]
    assert [reply.headers["X-Customer"] for reply in found] == names


@pytest.mark.parametrize("path", ["/endless", "/aendless"])
def test_a_client_that_leaves_a_stream(server: Running, path: str) -> None:
    known = counts(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        got = b""
        while len(got) < 200_000:
            got += raw.recv(65536)
    assert b" 200 " in got.partition(b"\r\n")[0]
    wait_for_count(server, f"{path[1:]} closed", known.get(f"{path[1:]} closed", 0) + 1)
    wait_for_count(server, f"teardown {path}", known.get(f"teardown {path}", 0) + 1)
    wait_for_count(server, f"ateardown {path}", known.get(f"ateardown {path}", 0) + 1)


@pytest.mark.parametrize("path", ["/form", "/aform"])
def test_a_client_that_leaves_an_upload(server: Running, path: str) -> None:
    """No view takes half a form for a whole one."""
    known = counts(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\na=1&b=".encode()
        )
        time.sleep(0.05)
    time.sleep(0.3)
    found = counts(server)
    assert found.get("form", 0) == known.get("form", 0)
    torn = found.get(f"teardown {path}", 0) - known.get(f"teardown {path}", 0)
    # Servers that take the whole body in first never ask the application.
    assert torn in (0, 1)


def test_background_tasks(server: Running) -> None:
    known = counts(server)
    begun = time.monotonic()
    assert call(server, "/late").body == b"later"
    for kind in ("sync", "async"):
        wait_for_count(server, f"background {kind}", known.get(f"background {kind}", 0) + 1)
    assert time.monotonic() - begun < 10


def test_bytes_that_are_no_request(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        raw.sendall(b"GARBAGE\r\n\r\n")
        raw.shutdown(socket.SHUT_WR)
        answer = raw.recv(1000)
    assert answer == b"" or re.match(rb"HTTP/1\.\d 4\d\d |.*Bad Request", answer, re.S)
    assert call(server, "/folder/").status == 200


def test_the_end(server: Running) -> None:
    """Last: it began once, every request was torn down once, and it ends once."""
    known = counts(server)
    assert known["begun"] == 1 and known["entered"] == 1
    for _ in range(3):
        call(server, "/shop/sync/9")
    wait_for_count(server, "teardown /shop/sync/9", known.get("teardown /shop/sync/9", 0) + 3)
    found = counts(server)
    paths = [name.removeprefix("teardown ") for name in found if name.startswith("teardown ")]
    # This request's own teardown is still to come, in one of the two.
    uneven = {p for p in paths if found[f"teardown {p}"] != found.get(f"ateardown {p}")}
    assert uneven <= {"/counts"}
    if server.name == "uwsgi":  # type: ignore[attr-defined]
        # A worker with a request that is not closed yet, be it answered, leaves without atexit.
        time.sleep(2)
    assert server.stop(signal.SIGTERM) == 0
    assert server.text.count("ended, begun 1") == 1
    assert server.text.count("has left") == 1
    for trouble in ("was never retrieved", "was never awaited", "Task was destroyed"):
        assert trouble not in server.text
