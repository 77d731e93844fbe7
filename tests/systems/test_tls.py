"""TLS and HTTP/2 by ``erlen serve`` itself, without a proxy."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

from running import Running, free_port, running
from services.certificates import Authority
from systems.proxying import FORGED, VISITOR, Visitor, httpx

pytest.importorskip("granian", reason="missing: pip install 'erlen[serve]'")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def serve(authority: Authority, folder: Path, days: float = 1) -> t.ContextManager[Running]:
    port = free_port()
    issued = authority.issue(days=days)
    line = f"-m erlen --app systems.proxied_app:app serve --port {port}"
    line += f" --ssl-certificate {issued.chain} --ssl-keyfile {issued.key}"
    return running([sys.executable, *line.split()], port, folder)


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Running]:
    with serve(authority, tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.mark.parametrize("http2", [True, False])
def test_pages_bodies_and_events(server: Running, authority: Authority, http2: bool) -> None:
    visitor = Visitor(authority, server.port, http2=http2)
    with visitor.client as client:
        answer = visitor.get("/about/x", **FORGED)
        assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        found = answer.json()
        # Nobody is trusted: there is no proxy.
        assert (found["address"], found["peer"], found["root"]) == (VISITOR, None, "")
        assert found["url"] == f"{visitor.base}/about/x"
        assert found["protocol"].startswith("HTTP/2" if http2 else "HTTP/1.1")
        body = bytes(range(256)) * 4000
        assert client.post("/echo", content=body).content == body
        with client.stream("GET", "/events") as stream:
            lines = (line for line in stream.iter_lines() if line.startswith("data"))
            assert next(lines) == "data: first"
            assert client.post("/go-on").status_code == 200
            assert next(lines) == "data: second"


def test_a_websocket(server: Running, authority: Authority) -> None:
    visitor = Visitor(authority, server.port)
    with visitor.client, visitor.talk("/talk", Origin=visitor.base) as connection:
        assert connection.hello == [VISITOR, f"wss://localhost:{server.port}/talk"]
        connection.send("hello")
        assert connection.recv(timeout=20) == "hello"


def test_another_authority(server: Running, tmp_path: Path) -> None:
    stranger = Visitor(Authority(tmp_path, "Another authority"), server.port)
    with stranger.client, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.get("/about/x")


def test_a_certificate_that_has_expired(authority: Authority, tmp_path: Path) -> None:
    with serve(authority, tmp_path, days=-1) as server:
        visitor = Visitor(authority, server.port)
        with visitor.client, pytest.raises(httpx.ConnectError, match="certificate has expired"):
            visitor.get("/about/x")
