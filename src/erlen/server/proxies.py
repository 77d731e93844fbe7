"""The setting ``TRUSTED_PROXIES``: requests as they were before proxies passed them on.

Where it is set, a wrapper stands around ``wsgi_app`` and one around ``asgi_app``; where
it is not, there is none, and no request pays for it.
"""

from __future__ import annotations

import typing as t
from urllib.parse import quote

from werkzeug.exceptions import BadRequest

from ..http.forwarded import FOR, BadForwarded, Claims, Trust, joined, server_of
from ..marks import is_wrapped
from .scope import split_path

#: In an environ or scope: the peer that a request came from. Nobody reads it twice.
PEER = "erlen.peer"


def follow_settings(app: t.Any) -> None:
    """Put the wrappers in place, or change what they trust; called when a setting changes.

    Args:
        app: The application.

    Raises:
        TypeError: A setting is not a list of texts.
        ValueError: A setting has something in it that can't be meant.
    """
    proxies = app.config.get("TRUSTED_PROXIES")
    trust = None
    if proxies:
        trust = Trust(proxies, app.config.get("TRUSTED_PROXY_HEADERS") or (FOR,))
    found = app.__dict__.get("_proxies")
    if found is None and trust is not None:
        found = app.__dict__["_proxies"] = (ForwardedWSGI(app), ForwardedASGI(app))
        # By the front door: plans are made anew.
        app.wsgi_app, app.asgi_app = found
    for wrapper in found or ():
        wrapper.trust = trust


class ForwardedWSGI:
    """WSGI middleware that believes what trusted proxies say.

    Args:
        app: The application, whose ``wsgi_app`` it stands around.
    """

    trust: Trust | None = None

    def __init__(self, app: t.Any) -> None:
        #: Whether event loops have to go through what it stands around.
        self.wraps_other = is_wrapped(app, "wsgi_app")
        self._inner = app.wsgi_app

    def __call__(self, environ: dict[str, t.Any], start_response: t.Any) -> t.Any:
        """Answer a request."""
        trust = self.trust
        if trust is not None and PEER not in environ.get("asgi.scope", environ):
            peer = environ.get("REMOTE_ADDR")
            if trust.trusts(peer):
                values = tuple([environ.get(name) for name in trust.variables])
                try:
                    _believe(environ, trust.read(peer, values))
                except BadForwarded as error:
                    return BadRequest(str(error))(environ, start_response)
            environ[PEER] = peer
        return self._inner(environ, start_response)


def _believe(environ: dict[str, t.Any], claims: Claims) -> None:
    if claims.address != environ.get("REMOTE_ADDR"):
        # Their port and name are the proxy's.
        for name in ("REMOTE_ADDR", "REMOTE_PORT", "REMOTE_HOST"):
            environ.pop(name, None)
        if claims.address is not None:
            environ["REMOTE_ADDR"] = claims.address
    if claims.scheme is not None:
        environ["wsgi.url_scheme"] = claims.scheme
    scheme = environ["wsgi.url_scheme"]
    host = joined(claims, environ.get("HTTP_HOST"), scheme)
    if host is not None:
        environ["HTTP_HOST"] = host
        name, port = server_of(host, scheme)
        environ["SERVER_NAME"], environ["SERVER_PORT"] = name, str(port)
    if claims.prefix:
        environ["SCRIPT_NAME"] = claims.prefix + environ.get("SCRIPT_NAME", "")


class ForwardedASGI:
    """ASGI middleware that believes what trusted proxies say.

    Args:
        app: The application, whose ``asgi_app`` it stands around.
    """

    trust: Trust | None = None

    def __init__(self, app: t.Any) -> None:
        self._app = app
        #: What was wrapped around the application before.
        self._inner = vars(app).get("asgi_app")
        self.wraps_other = is_wrapped(app, "asgi_app")

    async def __call__(self, scope: dict[str, t.Any], receive: t.Any, send: t.Any) -> None:
        """Serve a connection."""
        trust = self.trust
        if trust is not None and scope["type"] in ("http", "websocket") and PEER not in scope:
            client = scope.get("client")
            peer = client[0] if client else None
            try:
                trusted = trust.trusts(peer)
                claims = trust.read(peer, _values(trust, scope)) if trusted else Claims(peer)
            except BadForwarded as error:
                await _refuse(scope, receive, send, error)
                return
            scope = {**scope, PEER: peer}
            if claims != (peer, None, None, None, ""):
                _believe_scope(scope, claims)
        # The driver is not loaded before it is needed: WSGI servers never do.
        await (self._inner or type(self._app).asgi_app.__get__(self._app))(scope, receive, send)


def _values(trust: Trust, scope: dict[str, t.Any]) -> tuple[str | None, ...]:
    raw = trust.raw
    values: list[str | None] = [None] * len(raw)
    for name, value in scope["headers"]:
        if name in raw:
            place, text = raw[name], value.decode("latin-1")
            before = values[place]
            values[place] = text if before is None else f"{before},{text}"
    return tuple(values)


def _host_of(scope: dict[str, t.Any]) -> str | None:
    for name, value in scope["headers"]:
        if name == b"host":
            return str(value.decode("latin-1"))
    return None


def _believe_scope(scope: dict[str, t.Any], claims: Claims) -> None:
    client = scope.get("client")
    if claims.address != (client[0] if client else None):
        scope["client"] = None if claims.address is None else (claims.address, 0)
    websocket = scope["type"] == "websocket"
    if claims.scheme is not None:
        scope["scheme"] = claims.scheme.replace("http", "ws") if websocket else claims.scheme
    scheme = "https" if scope.get("scheme") in ("https", "wss") else "http"
    host = joined(claims, _host_of(scope), scheme)
    if host is not None:
        others = [pair for pair in scope["headers"] if pair[0] != b"host"]
        scope["headers"] = [(b"host", host.encode()), *others]
        scope["server"] = server_of(host, scheme)
    if claims.prefix:
        _mount(scope, claims.prefix)


def _mount(scope: dict[str, t.Any], prefix: str) -> None:
    """Put what a proxy cut off in front of the path again (ASGI: the path has the root)."""
    root, path = split_path(scope)
    raw = scope.get("raw_path")
    if raw is not None:
        rest = raw.removeprefix(quote(root).encode()) if root else raw
        scope["raw_path"] = (prefix + quote(root)).encode() + rest
    scope["root_path"] = prefix + root
    scope["path"] = prefix + root + path


async def _refuse(
    scope: dict[str, t.Any], receive: t.Any, send: t.Any, error: BadForwarded
) -> None:
    """Answer 400; a handshake where the server can't do that with its own 403."""
    websocket = scope["type"] == "websocket"
    if websocket:
        await receive()
        if "websocket.http.response" not in (scope.get("extensions") or ()):
            await send({"type": "websocket.close", "code": 1008, "reason": "Bad Request"})
            return
    kind = "websocket.http.response" if websocket else "http.response"
    body = BadRequest(str(error)).get_body().encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": f"{kind}.start", "status": 400, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
