"""Chunked bodies that the server does not put together."""

from __future__ import annotations

import sys
import types
import typing as t

import pytest
from werkzeug.exceptions import BadRequest, ClientDisconnected, LengthRequired

from erlen.http.body import is_transport, open_stream
from erlen.http.chunked import UwsgiInput, ambiguous


def chunks(*pieces: bytes) -> t.Callable[[], bytes]:
    rest = list(pieces)
    return lambda: rest.pop(0) if rest else b""


def environ(**more: t.Any) -> dict[str, t.Any]:
    import io

    return {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(b"never"), **more}


def test_pieces_of_any_size() -> None:
    stream = UwsgiInput(chunks(b"abc", b"d", b"efgh"))
    assert [stream.read(2), stream.read(0), stream.read(4), stream.read(9)] == [
        *(b"ab", b"", b"cdef"),
        b"gh",
    ]
    assert stream.read(1) == b""
    assert UwsgiInput(chunks(b"abc", b"d")).read() == b"abcd"


def test_uwsgi_is_asked_for_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("uwsgi")
    module.chunked_read = chunks(b"a=1", b"&b=2")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    request = environ(**{"uwsgi.version": b"2.0"})
    assert open_stream(request, None).read(4) == b"a=1&"
    # Opened again, it goes on where it was.
    assert open_stream(request, 100).read() == b"b=2"


def test_uwsgi_whose_client_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> bytes:
        raise OSError("unable to receive chunked part")

    module = types.ModuleType("uwsgi")
    module.chunked_read = broken  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    with pytest.raises(ClientDisconnected):
        open_stream(environ(**{"uwsgi.version": b"2.0"}), None).read()


def test_another_server_is_told_to_say_the_length() -> None:
    with pytest.raises(LengthRequired, match="Content-Length"):
        open_stream(environ(), None)


def test_an_ambiguous_body_is_never_read() -> None:
    stream = open_stream(
        environ(**{"wsgi.input": ambiguous(), "wsgi.input_terminated": True}), None
    )
    with pytest.raises(BadRequest, match="ambiguous"):
        stream.read()


def test_errors_that_are_the_clients() -> None:
    gunicorn = type("InvalidChunkSize", (Exception,), {"__module__": "gunicorn.http.errors"})
    assert is_transport(gunicorn()) and is_transport(OSError()) and is_transport(ValueError())
    assert not is_transport(KeyError()) and not is_transport(BadRequest())
