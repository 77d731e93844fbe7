"""Many requests of one session at the same time, over several processes: nothing is lost."""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from running import ROOT, Running, free_port, running
from systems.session_stores import NAMES, Backend, backend_for

SYSTEMS = ROOT / "tests" / "systems"
GUNICORN = "-m gunicorn -b 127.0.0.1:{port} --no-control-socket --workers 2 --threads 8"
UVICORN = "-m uvicorn --port {port} --log-level warning"


@pytest.fixture(scope="module", params=NAMES)
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Backend]:
    with backend_for(request.param, tmp_path_factory) as backend:
        yield backend


def serve(line: str, backend: Backend, folder: Path) -> t.ContextManager[Running]:
    port = free_port()
    words = [sys.executable, *line.format(port=port).split(), "sessions_app:app"]
    return running(words, port, folder, cwd=SYSTEMS, STORE=backend.url)


class Site:
    """Three processes that serve one application: two by WSGI, one by ASGI."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports

    def ask(self, number: int, path: str, cookie: str = "") -> tuple[int, str, str | None]:
        """Status, body and cookie of an answer of one of the servers."""
        port = self.ports[number % len(self.ports)]
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        link.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = link.getresponse()
        body = answer.read().decode()
        link.close()
        return answer.status, body, answer.getheader("Set-Cookie")

    def at_once(self, paths: list[str], cookie: str) -> list[str]:
        """The bodies of answers to requests of one session, twenty-four at a time."""
        with ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(self.ask, itertools.count(), paths, itertools.repeat(cookie)))
        assert {status for status, _, _ in answers} == {200}
        assert {cookie for _, _, cookie in answers} == {None}
        return [body for _, body, _ in answers]

    def begin(self) -> str:
        """The cookie of a new session."""
        set_cookie = self.ask(0, "/begin")[2]
        assert set_cookie is not None
        return set_cookie.partition(";")[0]


@pytest.fixture(scope="module")
def site(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with serve(GUNICORN, backend, folder) as one, serve(UVICORN, backend, folder) as two:
        yield Site([one.port, two.port])


def test_a_hundred_increments_give_a_hundred(site: Site) -> None:
    cookie = site.begin()
    paths = ["/count", "/count", "/acount", "/acount"] * 25
    numbers = [int(body) for body in site.at_once(paths, cookie)]
    # Each saw a number of its own.
    assert sorted(numbers) == list(range(1, 101))
    assert json.loads(site.ask(0, "/get", cookie)[1])["n"] == 100


def test_different_keys_are_all_kept(site: Site) -> None:
    cookie = site.begin()
    names = [f"k{number}" for number in range(60)]
    paths = [f"/{'akey' if number % 3 else 'key'}/{name}" for number, name in enumerate(names)]
    site.at_once(paths, cookie)
    found = json.loads(site.ask(0, "/get", cookie)[1])
    assert set(found) == {"begun", *names}
    # It really were several processes.
    assert len(set(found.values()) - {True}) >= 2
