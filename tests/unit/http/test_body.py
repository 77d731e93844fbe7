"""The body's bounds: 413 past the limit, 400 for what is cut off, nothing lost silently."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import LimitedStream

from erlen.http.body import BodyStream
from erlen.http.request import Request

BOUNDARY = "multipart/form-data; boundary=X"
URLENCODED = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X--'

READERS: dict[str, Callable[[Request], Any]] = {
    "data": lambda r: r.data,
    "get_data": lambda r: r.get_data(),
    "stream": lambda r: r.stream.read(),
    "pieces": lambda r: b"".join(iter(lambda: r.stream.read(7), b"")),
    "lines": lambda r: b"".join(r.stream),
    "form": lambda r: r.form,
    "files": lambda r: r.files,
    "values": lambda r: r.values,
    "json": lambda r: r.get_json(force=True),
    "silent": lambda r: r.get_json(force=True, silent=True),
}


def make(
    body: bytes | Any,
    length: int | str | None = None,
    terminated: bool = False,
    limit: int | None = None,
    kind: str = JSON,
    **extra: str,
) -> Request:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": kind,
        "wsgi.input": io.BytesIO(body) if isinstance(body, bytes) else body,
        **extra,
    }
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    if terminated:
        environ["wsgi.input_terminated"] = True
    request = Request(environ)
    request.max_content_length = limit
    return request


FORMS = (URLENCODED, BOUNDARY)
#: A body that is no form is not read for ``form``; it is for all others.
USES = [
    (kind, read)
    for kind in (JSON, *FORMS, "text/plain")
    for read in READERS
    if kind in FORMS or read not in ("form", "files", "values")
]


@pytest.fixture(params=USES, ids=lambda use: f"{use[1]}-{use[0][:20]}")
def use(request: pytest.FixtureRequest) -> tuple[str, Callable[[Request], Any]]:
    kind, read = request.param
    return kind, READERS[read]


def test_announced_over_the_limit(use: tuple[str, Any]) -> None:
    """BD-20: one byte more than allowed."""
    kind, read = use
    with pytest.raises(RequestEntityTooLarge):
        read(make(b"x" * 101, 101, limit=100, kind=kind))


def test_chunked_over_the_limit(use: tuple[str, Any]) -> None:
    """BD-11, FF-10: no Content-Length, the server ends the stream."""
    kind, read = use
    request = make(b"x=" + b"x" * 150, terminated=True, limit=100, kind=kind)
    for _ in range(3):  # what is left must not pass for the body at a second try
        with pytest.raises(RequestEntityTooLarge):
            read(request)


@pytest.mark.parametrize("terminated", [True, False])
def test_exactly_the_limit(terminated: bool) -> None:
    for reader in ("data", "get_data", "stream", "pieces", "lines"):
        request = make(b"x" * 100, None if terminated else 100, terminated, limit=100)
        assert READERS[reader](request) == b"x" * 100


@pytest.mark.parametrize("terminated", [True, False])
def test_cut_off(use: tuple[str, Any], terminated: bool) -> None:
    """BD-04, BD-05: the client went away; Gunicorn reports an end of file."""
    kind, read = use
    request = make(b"amount=1&to=bob&note=x", 100, terminated, kind=kind)
    for _ in range(2):
        with pytest.raises(BadRequest):
            read(request)


@pytest.mark.parametrize("length", ["-1", "abc", "+5", "0_5", "0x5", "5.0", "\u0665", "9" * 5000])
@pytest.mark.parametrize("terminated", [True, False])
def test_malformed_length(use: tuple[str, Any], length: str, terminated: bool) -> None:
    """BD-01, BD-02."""
    kind, read = use
    request = make(b"a=1&b", length, terminated, kind=kind)
    assert request.content_length is None
    with pytest.raises(BadRequest):
        read(request)


def test_malformed_length_of_a_body_that_nobody_reads() -> None:
    request = make(b"", "abc")
    assert request.args == {}
    assert request.content_length is None


@pytest.mark.parametrize(
    ("length", "number"), [("", 0), (" ", 0), (" 5 ", 5), ("005", 5), ("0", 0)]
)
def test_unusual_length(length: str, number: int) -> None:
    request = make(b"12345", length)
    assert request.content_length == number
    assert request.get_data() == b"12345"[:number]


def test_chunked_has_no_length() -> None:
    request = make(b"12345", "2", True, HTTP_TRANSFER_ENCODING="gzip, chunked")
    assert request.content_length is None
    assert request.get_data() == b"12345"


def test_no_length_and_no_end() -> None:
    """Reading could wait forever."""
    assert make(b"12345").get_data() == b""


def test_no_input() -> None:
    assert Request({"REQUEST_METHOD": "POST"}).get_data() == b""
    assert make(None, 0).get_data() == b""


def test_longer_than_announced() -> None:
    """The next request on the connection stays unread; a terminated stream is whole."""
    stream = io.BytesIO(b"1234567890")
    assert make(stream, 4).get_data() == b"1234"
    assert stream.tell() == 4
    assert make(b"1234567890", 4, True).get_data() == b"1234567890"
    with pytest.raises(RequestEntityTooLarge):
        make(b"1234567890", 4, True, limit=9).get_data()


class Failing(io.RawIOBase):
    """A server's input that fails after some bytes."""

    def __init__(self, body: bytes, error: Exception) -> None:
        self.body = io.BytesIO(body)
        self.error = error

    def read(self, size: int = -1) -> bytes:
        if self.error is not None and self.body.tell() >= 5:
            error, self.error = self.error, None  # type: ignore[assignment]
            raise error
        return self.body.read(min(size, 5))


@pytest.mark.parametrize("length", [None, 22])
@pytest.mark.parametrize("error", [OSError("bad chunk"), ValueError("closed"), TimeoutError()])
def test_failing_input(use: tuple[str, Any], length: int | None, error: Exception) -> None:
    """ER-11, BD-10: also when the next read after the error looks like an end of file."""
    kind, read = use
    request = make(Failing(b"a=1&b", error), length, length is None, kind=kind)
    for _ in range(2):
        with pytest.raises(BadRequest):
            read(request)


class Trickling(io.RawIOBase):
    """A server's input that returns less than was asked for."""

    def __init__(self, body: bytes) -> None:
        self.body = io.BytesIO(body)

    def read(self, size: int = -1) -> bytes:
        return self.body.read(min(size, 3) if size > 0 else size)


@pytest.mark.parametrize("terminated", [True, False])
@pytest.mark.parametrize("length", [None, len(MULTIPART)])
def test_short_reads(terminated: bool, length: int | None) -> None:
    if length is None and not terminated:
        return
    assert make(Trickling(MULTIPART), length, terminated).get_data() == MULTIPART
    form = make(Trickling(MULTIPART), length, terminated, kind=BOUNDARY).form
    assert form == {"a": ["1"]}


class Recording(io.BytesIO):
    """Notes how much was asked for at once."""

    largest = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None and size >= 0
        self.largest = max(self.largest, size)
        return super().read(size)


def test_announced_length_is_not_asked_for_at_once(use: tuple[str, Any]) -> None:
    """A buffered reader would allocate it before a byte came."""
    kind, read = use
    stream = Recording(b"x")
    with pytest.raises(BadRequest):
        read(make(stream, 10**12, kind=kind))
    assert stream.largest < 2_000_000


def test_large_body() -> None:
    body = bytes(range(256)) * 20_000
    assert make(body, len(body)).get_data() == body
    assert make(body, None, True).get_data() == body
    assert make(body, None, True, limit=len(body)).get_data() == body


def test_stream_is_a_limited_stream() -> None:
    stream = make(b"ab\ncd", 5).stream
    assert isinstance(stream, LimitedStream)
    assert isinstance(stream, BodyStream)
    assert stream.readline() == b"ab\n"
    assert stream.tell() == 3
    assert not stream.is_exhausted
    assert stream.exhaust() == b"cd"
    assert stream.is_exhausted
    assert stream.read() == b""


def test_readinto() -> None:
    stream = make(b"abcdef", 5).stream
    buffer = bytearray(3)
    assert stream.readinto(buffer) == 3
    assert bytes(buffer) == b"abc"
    assert stream.readinto(buffer) == 2
    assert stream.read(0) == b""
    assert io.BufferedReader(make(b"abcdef", 5).stream).read() == b"abcde"  # type: ignore[arg-type]


def test_stream_after_the_body_was_read() -> None:
    request = make(b"12345", 5)
    assert request.get_data() == b"12345"
    assert request.stream.read() == b""
    request = make(b"a=1", 3, kind=URLENCODED)
    assert request.form == {"a": ["1"]}
    assert request.stream.read() == b""
    assert request.get_data() == b""


def test_form_after_the_data() -> None:
    request = make(b"a=1", 3, kind=URLENCODED)
    assert request.get_data() == b"a=1"
    assert request.form == {"a": ["1"]}
    assert request.get_data() == b"a=1"


def test_data_of_a_body_that_is_no_form() -> None:
    request = make(b"12345", 5, kind="text/plain")
    assert request.form == {}
    assert request.data == b"12345"


def test_shallow() -> None:
    request = Request({"wsgi.input": io.BytesIO(b"x"), "CONTENT_LENGTH": "1"}, shallow=True)
    for reader in ("data", "get_data", "stream", "form"):
        with pytest.raises(RuntimeError, match="shallow=True"):
            READERS[reader](request)


def iterate(request: Request) -> Iterator[bytes]:
    yield from iter(lambda: request.stream.read(10), b"")


def test_client_disconnected_is_a_bad_request() -> None:
    with pytest.raises(ClientDisconnected):
        list(iterate(make(b"123", 5)))
