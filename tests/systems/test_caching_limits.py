"""Flask-Caching, Flask-Limiter and Flask-Login, unmodified, on Redis and Memcached.

Two servers serve one application, by WSGI and by ASGI: what one of them has counted, cached
or signed in, the other knows.
"""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import httpx
import pytest

from running import ROOT, Running, free_port, running
from systems.session_stores import Backend, backend_for

SYSTEMS = ROOT / "tests" / "systems"
SERVERS = {
    "gunicorn": "-m gunicorn -b 127.0.0.1:{port} --no-control-socket --workers 2 --threads 4",
    "uvicorn": "-m uvicorn --port {port} --log-level warning",
}


@pytest.fixture(scope="module", params=["redis", "memcached"])
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Backend]:
    with backend_for(request.param, tmp_path_factory) as backend:
        yield backend


def serve(name: str, backend: Backend, folder: Path) -> t.ContextManager[Running]:
    port = free_port()
    words = [sys.executable, *SERVERS[name].format(port=port).split(), "store_site:app"]
    return running(words, port, folder, cwd=SYSTEMS, STORE=backend.url)


class Site:
    """The same application on two servers.

    Args:
        ports: Where they listen.
    """

    def __init__(self, ports: list[int]) -> None:
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        self.client = httpx.Client(trust_env=False, timeout=20)

    def get(self, path: str, count: int) -> list[httpx.Response]:
        """Answers of the servers in turn."""
        return [self.client.get(self.urls[n % 2] + path) for n in range(count)]


@pytest.fixture(scope="module")
def site(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with serve("gunicorn", backend, folder) as one, serve("uvicorn", backend, folder) as two:
        site = Site([one.port, two.port])
        yield site
        site.client.close()


@pytest.mark.parametrize("path", ["/now", "/now?page=2", "/anow"])
def test_a_view_is_cached_for_all_processes(site: Site, path: str) -> None:
    answers = site.get(path, 8)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["time"] > 0
    assert answers[0].text != site.get("/now?page=3", 1)[0].text


def test_a_function_is_memoized_until_it_is_forgotten(site: Site) -> None:
    first = {answer.text for answer in site.get("/squared/12", 6)}
    assert len(first) == 1 and "144" in first.pop()
    other = {answer.text for answer in site.get("/squared/13", 2)}
    site.client.post(site.urls[0] + "/forget/12")
    again = {answer.text for answer in site.get("/squared/12", 6)}
    assert len(again) == 1 and not again & first
    assert {answer.text for answer in site.get("/squared/13", 2)} == other


@pytest.mark.parametrize("path", ["/limited", "/alimited"])
def test_a_limit_holds_over_all_processes(site: Site, path: str) -> None:
    answers = site.get(f"{path}?who=ann", 9)
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 4
    assert answers[0].headers["X-RateLimit-Limit"] == "5"
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers[:3]] == ["4", "3", "2"]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert site.get(f"{path}?who=bob", 1)[0].status_code == 200


def test_flask_logins_login_gives_the_session_a_new_id(site: Site) -> None:
    client = site.client
    client.cookies.clear()
    assert site.get("/me", 1)[0].status_code == 401
    site.get("/login/ann", 1)
    first = client.cookies["session"]
    assert [answer.json() for answer in site.get("/me", 2)] == [
        {"user": "ann", "cart": "apple"}
    ] * 2
    site.get("/login/bob", 1)
    assert client.cookies["session"] != first
    stolen = httpx.get(site.urls[1] + "/me", cookies={"session": first}, trust_env=False)
    assert stolen.status_code == 401
    with httpx.Client(trust_env=False) as phone:
        phone.get(site.urls[0] + "/login/bob")
        assert phone.get(site.urls[1] + "/me").status_code == 200
        site.get("/everywhere", 1)
        assert phone.get(site.urls[1] + "/me").status_code == 401
    site.get("/login/bob", 1)
    second = client.cookies["session"]
    site.get("/logout", 1)
    assert client.cookies["session"] != second
    assert site.get("/me", 1)[0].status_code == 401
    client.cookies.clear()


def test_without_the_store_pages_are_made_and_limits_counted_here(
    tmp_path_factory: pytest.TempPathFactory, backend: Backend
) -> None:
    """Each process goes on by itself; whoever needs a session is told to come again."""
    name = backend.name
    with (
        backend_for(name, tmp_path_factory) as mine,
        serve("uvicorn", mine, tmp_path_factory.mktemp("alone")) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client,
    ):
        assert client.get("/now").text == client.get("/now").text
        client.get("/login/ann")
        mine.stop()
        assert client.get("/").text == "here"
        pages = [client.get("/now") for _ in range(2)]
        assert [page.status_code for page in pages] == [200, 200]
        assert pages[0].text != pages[1].text
        assert client.get("/me").status_code == 503
        codes = [client.get("/limited?who=ann").status_code for _ in range(5)]
        assert codes[0] == 200 and codes[-1] == 429
        mine.start()
