"""Visitors that come through proxies, and what stands behind these."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import typing as t
from pathlib import Path

import pytest

from running import Running
from servers.lines import serving
from services.certificates import Authority

httpx = pytest.importorskip("httpx", reason="missing: pip install 'httpx[http2]'")
pytest.importorskip("h2", reason="missing: pip install 'httpx[http2]'")

APP = "systems.proxied_app:app"
#: An address of the loopback that is not the one that proxies call from.
VISITOR = "127.0.0.9"
TRUSTED = '["127.0.0.1", "unix"]'
HEADERS = '["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Prefix"]'
#: What a visitor may try.
FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X_Forwarded_For": "6.6.6.6",
    "X_Forwarded_Prefix": "/evil",
    "SCRIPT_NAME": "/evil",
    "Forwarded": "for=6.6.6.6;proto=http;host=evil.example",
}


def worker(
    name: str, folder: Path, options: str = "", headers: str = HEADERS, **env: str
) -> t.ContextManager[Running]:
    """The application on a server, told whom to trust.

    Args:
        name: One of ``servers.lines.SERVERS``.
        folder: For its output.
        options: More for its command line.
        headers: The setting ``TRUSTED_PROXY_HEADERS``.
        env: More for its environment.
    """
    env = {"PROXIED_TRUSTED_PROXIES": TRUSTED, "PROXIED_TRUSTED_PROXY_HEADERS": headers, **env}
    return serving(name, APP, folder, options, **env)


class Visitor:
    """Somebody who trusts an authority, and comes from :data:`VISITOR`.

    Args:
        authority: Whom they trust.
        port: Of what they visit.
        scheme: How they visit it.
        http2: Whether their client speaks HTTP/2.
    """

    def __init__(
        self, authority: Authority, port: int, scheme: str = "https", http2: bool = True
    ) -> None:
        self.authority = authority
        self.base = f"{scheme}://localhost:{port}"
        self.port = port
        transport = httpx.HTTPTransport(
            verify=authority.context(), http2=http2, local_address=VISITOR, trust_env=False
        )
        self.client = httpx.Client(
            transport=transport, base_url=self.base, timeout=20, trust_env=False
        )

    def get(self, path: str, **headers: str) -> t.Any:
        """GET a page."""
        return self.client.get(path, headers=headers)

    def connect(self) -> ssl.SSLSocket:
        """A connection with TLS, from their address."""
        address = ("127.0.0.1", self.port)
        raw = socket.create_connection(address, timeout=20, source_address=(VISITOR, 0))
        return self.authority.context().wrap_socket(raw, server_hostname="localhost")

    @contextlib.contextmanager
    def talk(self, path: str, **headers: str) -> t.Iterator[t.Any]:
        """A websocket; its first message is read."""
        sync = pytest.importorskip("websockets.sync.client", reason="pip install websockets")
        connection = sync.connect(
            f"wss://localhost:{self.port}{path}",
            sock=socket.create_connection(
                ("127.0.0.1", self.port), timeout=20, source_address=(VISITOR, 0)
            ),
            ssl=self.authority.context(),
            additional_headers=headers,
            proxy=None,
        )
        with connection as found:
            found.hello = json.loads(found.recv(timeout=20))
            yield found
