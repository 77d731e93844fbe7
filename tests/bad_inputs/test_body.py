"""Bodies and messages that harm, as raw bytes to real servers.

What is no HTTP at all is the server's to refuse. What it lets through comes to the
application, and a view never takes half a form for a whole one.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t

import pytest

from bad_inputs.cases import Cases
from running import Running
from servers.lines import SERVERS, serving

body = Cases()
APP = "servers.http_app:app"
HEAD = "Host: 127.0.0.1\r\nConnection: close\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
PARTS = "Content-Type: multipart/form-data; boundary=B\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
FILES = (
    b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--B\r\n'
    b'Content-Disposition: form-data; name="f"; filename="x"\r\n\r\nabc'
)
#: Every kind of server once; those that differ in nothing but their workers are left out.
TRIED = [
    *("gunicorn-gthread", "waitress", "granian-wsgi", "uwsgi"),
    *("uvicorn", "hypercorn", "granian", "gunicorn-asgi"),
]
Start = t.Callable[[str], Running]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Start]:
    """Starts servers, each at its first use."""
    with contextlib.ExitStack() as stack:
        known: dict[str, Running] = {}

        def start(name: str) -> Running:
            if name not in known:
                folder = tmp_path_factory.mktemp(name)
                known[name] = stack.enter_context(serving(name, APP, folder))
            return known[name]

        yield start
        for server in known.values():
            assert "erlen/" not in server.text, server.text


def post(path: str, more: str, content: bytes = b"", version: str = "HTTP/1.1") -> bytes:
    return f"POST {path} {version}\r\n{HEAD}{more}\r\n".encode("latin-1") + content


class Reply(t.NamedTuple):
    status: int
    text: str


def send(server: Running, data: bytes, leave: bool = False) -> Reply:
    """Send bytes and read the answer; status 0 where there is none.

    Args:
        server: The server.
        data: What is sent.
        leave: Send no more after that, as a client that goes away.
    """
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=8) as connection:
        # The server may have closed already.
        with contextlib.suppress(OSError):
            connection.sendall(data)
            if leave:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                received += piece
    text = received.decode("latin-1")
    return Reply(int(text.split()[1]) if text.startswith("HTTP/1") else 0, text)


def each(name: str, but: str = "") -> t.Any:
    """One case for each server.

    Args:
        name: The case's id.
        but: Servers that do otherwise by themselves; docs/reference/bad-input.md says what.
    """

    def decorator(function: t.Any) -> t.Any:
        for server in TRIED:
            if server not in but.split():
                body(f"{name}-{server}", server=server)(function)
        return function

    return decorator


@each("BD-01")
def length_below_zero(server: str, start: Start) -> None:
    answer = send(start(server), post("/form", FORM + "Content-Length: -1\r\n", b"a=123"))
    assert answer.status == 400


@each("BD-02")
def length_that_is_no_number(server: str, start: Start) -> None:
    for value in ("abc", "+5", "0_5", "0x5", "5.0", "\xd9\xa5"):
        answer = send(start(server), post("/form", f"{FORM}Content-Length: {value}\r\n", b"a=123"))
        assert answer.status == 400, value


@each("BD-04")
def half_a_form(server: str, start: Start) -> None:
    """Waitress, Uvicorn and Gunicorn's ASGI worker close without an answer."""
    for path in ("/form", "/aform"):
        data = post(path, FORM + "Content-Length: 100\r\n", b"amount=1&to=x&note=1234")
        assert send(start(server), data, leave=True).status in (400, 0)


@each("BD-05")
def half_an_upload(server: str, start: Start) -> None:
    whole = post("/form", PARTS + "Content-Length: 1000\r\n", FILES)
    chunks = post("/form", PARTS + CHUNKED, b"%x\r\n%b\r\n" % (len(FILES), FILES))
    for data in (whole, chunks):
        assert send(start(server), data, leave=True).status in (400, 0)


@each("BD-07")
def two_ways_to_tell_the_length(server: str, start: Start) -> None:
    """Refused; or only the chunks count (RFC 9112 6.3), where the server hides the other."""
    data = post("/form", FORM + "Content-Length: 5\r\n" + CHUNKED, b"3\r\na=1\r\n0\r\n\r\n")
    answer = send(start(server), data)
    if server in ("waitress", "granian-wsgi", "granian", "uwsgi"):
        assert answer.status == 200 and '{"a":["1"]}' in answer.text
    else:
        assert answer.status == 400


@each("BD-08")
def transfer_coding_that_nobody_knows(server: str, start: Start) -> None:
    data = post("/form", FORM + "Transfer-Encoding: xchunked\r\n", b"3\r\na=1\r\n0\r\n\r\n")
    answer = send(start(server), data)
    assert answer.status in (400, 501)


@each("BD-10", but="granian-wsgi")
def broken_chunks(server: str, start: Start) -> None:
    broken = (b"3\r\na=1XX0\r\n\r\n", b"30\r\na=1&b=", b"zz\r\na=1\r\n0\r\n\r\n")
    for content in broken[1:2] if server == "uwsgi" else broken:
        answer = send(start(server), post("/form", FORM + CHUNKED, content), leave=True)
        assert answer.status in (400, 0), content


@each("BD-11")
def chunks_over_the_limit(server: str, start: Start) -> None:
    data = post("/small", CHUNKED, b"7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n")
    assert send(start(server), data).status == 413


@each("BD-13")
def two_lengths(server: str, start: Start) -> None:
    """Equal ones may be taken for one (RFC 9110 8.6)."""
    lengths = "Content-Length: 3\r\nContent-Length: {}\r\n"
    for other, content in (("5", b"a=123"), ("3", b"a=1")):
        answer = send(start(server), post("/form", FORM + lengths.format(other), content))
        if other == "3" and answer.status == 200:
            assert '{"a":["1"]}' in answer.text
        else:
            assert answer.status == 400


@each("BD-14", but="uwsgi")
def space_before_the_colon(server: str, start: Start) -> None:
    answer = send(start(server), post("/form", FORM + "Content-Length : 5\r\n", b"a=123"))
    assert answer.status == 400


@each("BD-16")
def bare_carriage_return(server: str, start: Start) -> None:
    head = f"GET /about/x HTTP/1.1\r\n{HEAD}X-Own: b\rX-Evil: 1\r\n\r\n".encode()
    answer = send(start(server), head)
    assert answer.status in (400, 0) and "X-Evil" not in answer.text.partition("\r\n\r\n")[0]


@each("BD-17")
def control_characters_in_a_header(server: str, start: Start) -> None:
    for byte, allowed in (("\0", (400,)), ("\x0b", (400,)), ("\x85", (200, 400))):
        head = f"GET /about/x HTTP/1.1\r\n{HEAD}X-Own: a{byte}b\r\n\r\n".encode("latin-1")
        answer = send(start(server), head)
        # uWSGI lets all of them through: what is sent back has them escaped.
        assert answer.status in ((200,) if server == "uwsgi" else allowed)
        assert byte not in answer.text


@each("BD-19")
def other_protocols(server: str, start: Start) -> None:
    hello = bytes.fromhex("16030100c2010000be0303") + b"x" * 190
    for data in (b"GET /nothing\r\n\r\n", hello):
        assert send(start(server), data, leave=True).status in (400, 0)
    head = f"GET /folder/ HTTP/9.9\r\n{HEAD}\r\n".encode()
    # As a later 1.x, or not at all.
    assert send(start(server), head).status in (200, 400, 505, 0)


@each("BD-20")
def one_byte_too_many(server: str, start: Start) -> None:
    data = post("/small", "Content-Length: 1001\r\n", b"x" * 1001)
    assert send(start(server), data).status == 413


@each("BD-22", but="waitress hypercorn gunicorn-gthread gunicorn-asgi")
def too_much_announced(server: str, start: Start) -> None:
    """``Expect: 100-continue``: the answer comes before the body is sent."""
    data = post("/limited", "Expect: 100-continue\r\nContent-Length: 100000\r\n")
    answer = send(start(server), data)
    assert answer.status == 413 and " 100 " not in answer.text


def drip(port: int, stop: threading.Event) -> None:
    """A client that sends a byte now and then."""
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        contextlib.suppress(OSError),
    ):
        connection.sendall(post("/form", FORM + "Content-Length: 1000\r\n"))
        while not stop.wait(0.2):
            connection.sendall(b"x")


@each("BD-23", but="gunicorn-gthread granian-wsgi uwsgi")
def slow_clients(server: str, start: Start) -> None:
    """Twenty that send a byte each now and then; others are answered."""
    port = start(server).port
    stop = threading.Event()
    clients = [threading.Thread(target=drip, args=(port, stop)) for _ in range(20)]
    for client in clients:
        client.start()
    try:
        time.sleep(0.2)
        begun = time.monotonic()
        head = f"GET /folder/ HTTP/1.1\r\n{HEAD}\r\n".encode()
        assert send(start(server), head).status == 200
        assert time.monotonic() - begun < 1
    finally:
        stop.set()
        for client in clients:
            client.join()


test_body = body.test()


def test_all_servers_are_known() -> None:
    assert set(TRIED) <= set(SERVERS)
