"""Calls of an application as a server makes them, without a client in between."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import typing as t
from urllib.parse import unquote_to_bytes

import flask
from werkzeug.serving import make_server

import erlen

Environ = dict[str, t.Any]


def environ(
    target: str = "/",
    method: str = "GET",
    body: bytes = b"",
    content_type: str | None = None,
    headers: dict[str, str] | None = None,
    **extra: t.Any,
) -> Environ:
    """The WSGI environ that a server makes of a request.

    Args:
        target: The request target as it stands in the request line; percent-encoding is undone
            once, as PEP 3333 has it.
        method: The method.
        body: The body; a Content-Length is sent unless it is empty.
        content_type: The Content-Type.
        headers: More headers. ``Host`` is ``localhost`` unless given; None leaves it out.
        extra: Further keys; None takes one out.
    """
    path, _, query = target.partition("?")
    made: Environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.encode("utf-8")).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if body:
        made["CONTENT_LENGTH"] = str(len(body))
    if content_type is not None:
        made["CONTENT_TYPE"] = content_type
    for name, value in (headers or {}).items():
        made["HTTP_" + name.upper().replace("-", "_")] = value
    made.update(extra)
    return {key: value for key, value in made.items() if value is not None}


class Answer:
    """What a server would have sent."""

    def __init__(self) -> None:
        self.line = ""
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    @property
    def status(self) -> int:
        return int(self.line[:3])

    @property
    def text(self) -> str:
        return self.body.decode()

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None


def call(app: t.Any, request: Environ) -> Answer:
    """Send a request; an exception that leaves the application is the test's failure."""
    answer = Answer()

    def start_response(line: str, headers: t.Any, exc_info: t.Any = None) -> t.Any:
        assert type(line) is str and type(headers) is list
        answer.line, answer.headers = line, headers
        return None

    body = app(request, start_response)
    try:
        for chunk in body:
            assert type(chunk) is bytes
            answer.body += chunk
    finally:
        if hasattr(body, "close"):
            body.close()
    # What no server can send is an answer that never arrives.
    answer.line.encode("latin-1")
    for name, value in answer.headers:
        assert name and not set("\r\n:\0 ") & set(name.encode("latin-1").decode("latin-1"))
        assert not set("\r\n") & set(value.encode("latin-1").decode("latin-1"))
    return answer


def get(app: t.Any, target: str = "/", **options: t.Any) -> Answer:
    """``call`` with an environ made of the arguments."""
    return call(app, environ(target, **options))


Setup = t.Callable[[t.Any], t.Any]


def make(setup: Setup | None = None, cls: t.Any = erlen.Erlen, **options: t.Any) -> t.Any:
    """An application that ``setup`` was applied to."""
    app = cls("bad_inputs_app", root_path="/nonexistent", **options)
    app.config["SECRET_KEY"] = "key"
    if setup is not None:
        setup(app)
    return app


def twins(setup: Setup | None = None, **options: t.Any) -> tuple[t.Any, t.Any]:
    """The same application on Erlen and on Flask."""
    return make(setup, **options), make(setup, flask.Flask, **options)


def comparable(answer: Answer) -> list[tuple[str, t.Any]]:
    """The headers in an order of their own; Allow is a set, in Flask in a random order."""
    return sorted(
        (name, sorted(value.split(", ")) if name == "Allow" else [value])
        for name, value in answer.headers
    )


def same(apps: tuple[t.Any, t.Any], target: str = "/", **options: t.Any) -> Answer:
    """Our answer, which is Flask's: status, headers and body."""
    ours, theirs = (get(app, target, **options) for app in apps)
    assert ours.line == theirs.line
    assert comparable(ours) == comparable(theirs)
    assert ours.body == theirs.body
    return ours


@contextlib.contextmanager
def served(app: t.Any) -> t.Iterator[int]:
    """Werkzeug's server with the application, on a port that is given."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def raw(port: int, data: bytes) -> bytes:
    """Send bytes and read until the server closes; a server that waits is a failure."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                received += piece
    return received
