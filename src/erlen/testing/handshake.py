"""The handshake of a websocket that no server received, and what becomes of its answer."""

from __future__ import annotations

import typing as t
from http import HTTPStatus

from werkzeug.datastructures import Headers

from ..server.scope import EXTRA
from .websocket import TIMEOUT, AsyncWebsocketSession

if t.TYPE_CHECKING:
    from werkzeug.test import TestResponse
    from werkzeug.wrappers import Request

    from .client import ErlenClient


#: What a scope has another place for.
_ELSEWHERE = frozenset(
    "REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING SERVER_NAME SERVER_PORT SERVER_PROTOCOL"
    " REMOTE_ADDR REMOTE_PORT CONTENT_TYPE CONTENT_LENGTH REQUEST_URI RAW_URI".split()
)


def handshake_scope(environ: dict[str, t.Any], subprotocols: t.Iterable[str]) -> dict[str, t.Any]:
    """The ASGI scope of a handshake.

    Args:
        environ: The WSGI environ of the same request.
        subprotocols: What the client offers.
    """
    headers = [
        (key[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    offered = list(subprotocols)
    if offered:
        headers.append((b"sec-websocket-protocol", ", ".join(offered).encode("latin-1")))
    root = environ.get("SCRIPT_NAME", "").encode("latin-1").decode("utf-8", "replace")
    path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
    secure = environ.get("wsgi.url_scheme") in ("https", "wss")
    extra = {
        key: value
        for key, value in environ.items()
        if not key.startswith(("HTTP_", "wsgi.", "werkzeug.")) and key not in _ELSEWHERE
    }
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if secure else "ws",
        "path": root + path,
        "raw_path": environ.get("RAW_URI", root + path).encode("utf-8"),
        "root_path": root,
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "headers": headers,
        "client": (environ.get("REMOTE_ADDR", "127.0.0.1"), 50000),
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
        "subprotocols": offered,
        "state": {},
        "extensions": {"websocket.http.response": {}},
        EXTRA: extra,
    }


def session_for(
    client: ErlenClient,
    request: Request,
    subprotocols: t.Iterable[str] = (),
    timeout: float = TIMEOUT,
) -> AsyncWebsocketSession:
    """The websocket session of a test client, not connected yet.

    Args:
        client: Keeps the cookies.
        request: The handshake.
        subprotocols: What the client offers.
        timeout: Seconds that each step may take.
    """
    app = client.application
    environ = request.environ
    if client._cookies is not None:
        client._add_cookies_to_wsgi(environ)

    def answer(status: int, headers: list[tuple[str, str]], body: bytes) -> TestResponse:
        if client._cookies is not None:
            cookies = [value for name, value in headers if name.lower() == "set-cookie"]
            host = request.host.partition(":")[0]
            client._update_cookies_from_response(host, request.path, cookies)
        line = f"{status} {HTTPStatus(status).phrase}"
        response = client.response_wrapper(iter([body]), line, Headers(headers), request)
        response.json_module = app.json  # type: ignore[assignment]
        return response

    scope = handshake_scope(environ, subprotocols)
    return AsyncWebsocketSession(app.asgi_app, scope, answer, app.json, timeout)
