"""nginx and HAProxy with TLS in front of an application: the same checks for both."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path
from urllib.parse import urljoin

import pytest

from running import Running
from services.certificates import Authority
from services.haproxy import haproxy
from services.nginx import nginx
from systems.proxying import FORGED, VISITOR, Visitor, httpx, worker

SERVER = "granian"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Running]:
    with worker(SERVER, tmp_path_factory.mktemp("worker")) as server:
        yield server


@contextlib.contextmanager
def proxy(
    name: str, upstream: int | str, authority: Authority, folder: Path, **changes: tuple[str, str]
) -> t.Iterator[Running]:
    certificate = authority.issue()
    address = f"127.0.0.1:{upstream}" if isinstance(upstream, int) else upstream
    if name == "nginx":
        with nginx(address, certificate, folder, **changes) as found:
            yield found
    else:
        # The second worker is not there: it is found out, and never asked.
        address = address.replace("unix:", "unix@")
        with haproxy((address, "127.0.0.1:9"), certificate, folder, **changes) as found:
            found.wait_for_text("Server notes/two is DOWN")
            yield found


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def front(
    request: pytest.FixtureRequest,
    behind: Running,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> t.Iterator[Running]:
    folder = tmp_path_factory.mktemp(request.param)
    with proxy(request.param, behind.port, authority, folder) as found:
        yield found


@pytest.fixture
def visitor(front: Running, authority: Authority) -> t.Iterator[Visitor]:
    found = Visitor(authority, front.port)
    with found.client:
        yield found


def test_the_application_knows_who_asked_for_what(visitor: Visitor) -> None:
    answer = visitor.get("/about/caf%C3%A9?a=1")
    assert answer.http_version == "HTTP/2"
    assert answer.json() == {
        "name": "caf\u00e9",
        "address": VISITOR,
        "peer": "127.0.0.1",
        "url": f"{visitor.base}/about/caf\u00e9?a=1",
        "path": "/about/caf\u00e9",
        "root": "",
        "link": f"{visitor.base}/folder/",
        "static": "/static/a.css",
        "protocol": "HTTP/1.1",
    }


def test_what_visitors_claim_is_not_believed(visitor: Visitor) -> None:
    found = visitor.get("/about/x", **FORGED).json()
    assert (found["address"], found["root"]) == (VISITOR, "")
    assert found["link"] == f"{visitor.base}/folder/"
    # One by one: none hides behind another.
    for name, value in FORGED.items():
        assert visitor.get("/about/x", **{name: value}).json() == found


def test_no_proxy_no_belief(behind: Running) -> None:
    """Whoever comes around the proxy is not one."""
    transport = httpx.HTTPTransport(local_address=VISITOR)
    with httpx.Client(transport=transport, base_url=f"http://127.0.0.1:{behind.port}") as client:
        found = client.get("/about/x", headers={**FORGED, "X-Forwarded-Proto": "https"}).json()
    assert (found["address"], found["peer"], found["root"]) == (VISITOR, VISITOR, "")
    assert found["link"] == f"http://127.0.0.1:{behind.port}/folder/"


def test_below_a_prefix(visitor: Visitor) -> None:
    found = visitor.get("/app/about/caf%C3%A9").json()
    assert (found["root"], found["path"]) == ("/app", "/about/caf\u00e9")
    assert found["url"] == f"{visitor.base}/app/about/caf\u00e9"
    assert found["link"] == f"{visitor.base}/app/folder/"
    assert found["static"] == "/app/static/a.css"
    assert "black" in visitor.get(found["static"]).text
    answer = visitor.get("/app/folder?a=b")
    assert answer.status_code == 308
    target = urljoin(f"{visitor.base}/app/folder", answer.headers["Location"])
    assert target == f"{visitor.base}/app/folder/?a=b"
    assert visitor.get(target).text == "folder"
    assert visitor.get("/app/visits").text == "1"
    assert visitor.get("/app/visits").text == "2"


def test_the_certificate_counts(visitor: Visitor, tmp_path: Path) -> None:
    stranger = Visitor(Authority(tmp_path / "other", "Another authority"), visitor.port)
    with stranger.client, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.get("/about/x")
    with visitor.connect() as connection:
        assert connection.version() in ("TLSv1.3", "TLSv1.2")


def test_browsers_are_told_to_stay_with_tls(visitor: Visitor, front: Running) -> None:
    for path in ("/about/x", "/nowhere", "/app/folder"):
        assert visitor.get(path).headers["Strict-Transport-Security"] == "max-age=31536000"
    plain = f"http://localhost:{front.plain_port}"  # type: ignore[attr-defined]
    answer = httpx.get(f"{plain}/about/x?a=b", trust_env=False)
    assert answer.status_code == 308
    assert answer.headers["Location"].startswith("https://localhost")
    assert answer.headers["Location"].endswith("/about/x?a=b")
    assert "Strict-Transport-Security" not in answer.headers


def test_old_clients(front: Running, authority: Authority) -> None:
    visitor = Visitor(authority, front.port, http2=False)
    with visitor.client:
        answer = visitor.get("/about/x")
        assert answer.http_version == "HTTP/1.1"
        assert answer.json()["address"] == VISITOR


@pytest.mark.parametrize("http2", [False, True])
def test_bodies(front: Running, authority: Authority, http2: bool) -> None:
    visitor = Visitor(authority, front.port, http2=http2)
    body = bytes(range(256)) * 8000
    with visitor.client as client:
        assert client.post("/echo", content=body).content == body
        chunks = (body[start : start + 50_000] for start in range(0, len(body), 50_000))
        assert client.post("/echo", content=chunks).content == body


@pytest.mark.parametrize("prefix", ["", "/app"])
def test_websockets(visitor: Visitor, prefix: str) -> None:
    with visitor.talk(f"{prefix}/talk", **FORGED) as connection:
        assert connection.hello == [VISITOR, f"wss://localhost:{visitor.port}{prefix}/talk"]
        for size in (1, 126, 70_000, 500_000):
            connection.send(b"x" * size)
            assert len(connection.recv(timeout=20)) == size
    # A page of the same site may, one of another may not.
    with visitor.talk("/talk", Origin=visitor.base):
        pass
    with (
        pytest.raises(Exception, match="403"),
        visitor.talk("/talk", Origin="https://evil.example"),
    ):
        pass


@pytest.mark.parametrize("http2", [False, True])
def test_events_are_not_held_back(front: Running, authority: Authority, http2: bool) -> None:
    # nginx keeps small pieces back from visitors with HTTP/1.1 only.
    visitor = Visitor(authority, front.port, http2=http2)
    with visitor.client, visitor.client.stream("GET", "/events") as answer:
        lines = (line for line in answer.iter_lines() if line.startswith("data"))
        assert next(lines) == "data: first"
        # The second one is sent when we say so.
        assert visitor.client.post("/go-on").status_code == 200
        assert next(lines) == "data: second"


def test_a_chain_of_proxies(behind: Running, authority: Authority, tmp_path: Path) -> None:
    """A visitor, HAProxy, nginx, the application: each adds what it saw."""
    with nginx(f"127.0.0.1:{behind.port}", authority.issue(), tmp_path) as inner:
        tls = f"127.0.0.1:{inner.port} ssl verify required ca-file {authority.file}"
        tls += " sni str(localhost)"
        check = ("default-server check", "default-server check check-sni localhost")
        with proxy("haproxy", tls, authority, tmp_path, check=check) as outer:
            visitor = Visitor(authority, outer.port)
            with visitor.client:
                found = visitor.get("/about/x", **FORGED).json()
                assert found["address"] == VISITOR
                assert found["link"] == f"{visitor.base}/folder/"


def test_a_socket_in_the_file_system(authority: Authority, tmp_path: Path) -> None:
    path = f"unix:{tmp_path}/app.sock"
    with worker("gunicorn-gthread", tmp_path, f"-b {path}"):
        with proxy("nginx", path, authority, tmp_path) as found:
            visitor = Visitor(authority, found.port)
            with visitor.client:
                about = visitor.get("/app/about/x", **FORGED).json()
    assert about["address"] == VISITOR
    assert about["link"] == f"{visitor.base}/app/folder/"
    assert not about["peer"]


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
@pytest.mark.parametrize("server", ["granian-wsgi", "gunicorn-gthread"])
def test_names_with_an_underscore_are_not_handed_on(
    name: str, server: str, authority: Authority, tmp_path: Path
) -> None:
    """Granian's WSGI takes them for those with a hyphen, Gunicorn takes SCRIPT_NAME."""
    with worker(server, tmp_path) as inner:
        with proxy(name, inner.port, authority, tmp_path) as found:
            visitor = Visitor(authority, found.port)
            with visitor.client:
                about = visitor.get("/about/x", **FORGED).json()
    assert (about["address"], about["root"]) == (VISITOR, "")
    assert about["link"] == f"{visitor.base}/folder/"


def test_no_worker(authority: Authority, tmp_path: Path) -> None:
    """The visitor is told, and at once."""
    with nginx("127.0.0.1:9", authority.issue(), tmp_path) as found:
        visitor = Visitor(authority, found.port)
        with visitor.client:
            answer = visitor.get("/about/x")
    assert answer.status_code == 502
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
