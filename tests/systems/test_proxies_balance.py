"""HAProxy balances two workers: one dies under load, one is drained; every request is counted."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import re
import signal
import threading
import time
import typing as t
from collections import Counter
from pathlib import Path

import pytest

from running import Running
from services.certificates import Authority
from services.haproxy import haproxy
from systems.proxying import httpx, worker

CLIENTS = 6
#: One with threads that waits for nobody, one on an event loop.
SERVERS = ("gunicorn-gthread", "granian")


class Load:
    """Clients that ask again and again, and what became of each request.

    Args:
        authority: Whom they trust.
        port: Of the balancer.
    """

    def __init__(self, authority: Authority, port: int) -> None:
        self._context = authority.context()
        self._port = port
        self._numbers = itertools.count()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        #: Method, number and path to the status, or to what went wrong.
        self.answers: dict[str, int | str] = {}
        #: Numbers that no request has.
        self.skipped: set[int] = set()
        #: Which worker has answered.
        self.by: Counter[str] = Counter()

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: t.Any) -> None:
        self.stop()

    def stop(self) -> None:
        """Let each client have its last answer."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with contextlib.closing(self._connect()) as kept:
            while not self._end.is_set():
                number = next(self._numbers)
                if number % 2 == 0:
                    self._send(kept, "GET", number)
                    continue
                # On a connection that was used before, the balancer may close instead of
                # answering 502, and writes no line in its log.
                with contextlib.closing(self._connect()) as fresh:
                    self._send(fresh, "POST", number, b"x" * 100)

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "localhost", self._port, timeout=20, context=self._context
        )

    def _send(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        number: int,
        body: bytes | None = None,
    ) -> None:
        try:
            connection.request(method, f"/work/{number}", body)
            answer = connection.getresponse()
            self.by[answer.read().decode()] += 1
            self.answers[f"{method} {number}"] = answer.status
        except (OSError, http.client.HTTPException) as error:
            self.answers[f"{method} {number}"] = repr(error)
            connection.close()

    def begun(self) -> int:
        """A number that is higher than that of each request so far."""
        number = next(self._numbers)
        self.skipped.add(number)
        return number

    def more(self, count: int = 200) -> None:
        """Wait for as many more answers."""
        wanted = len(self.answers) + count
        end = time.monotonic() + 30
        while len(self.answers) < wanted:
            assert time.monotonic() < end, f"{wanted} wanted, {len(self.answers)} answered"
            time.sleep(0.005)

    @property
    def lost(self) -> set[str]:
        """The requests that were not answered with 200."""
        return {request for request, answer in self.answers.items() if answer != 200}


class Balanced(t.NamedTuple):
    one: Running
    two: Running
    front: Running
    load: Load
    log: Path

    def done(self, what: str) -> Counter[str]:
        """What the workers say they have begun, or ended: worker, method and number."""
        lines = self.log.read_text().splitlines()
        return Counter(line.partition(" ")[2] for line in lines if line.startswith(f"{what} "))


@pytest.fixture(params=SERVERS)
def balanced(request: pytest.FixtureRequest, tmp_path: Path) -> t.Iterator[Balanced]:
    """Two workers behind a balancer, with clients that do not stop."""
    log = tmp_path / "work.log"
    log.touch()
    authority = Authority(tmp_path / "authority")
    with contextlib.ExitStack() as stack:
        workers = []
        for name in ("one", "two"):
            env = {"PROXIED_NAME": name, "PROXIED_LOG": str(log), "PROXIED_DRAIN_DELAY": "0.6"}
            found = stack.enter_context(worker(request.param, tmp_path, **env))
            # Gunicorn listens before there is anybody to answer.
            assert httpx.get(f"http://127.0.0.1:{found.port}/ready", timeout=20).status_code == 200
            workers.append(found)
        addresses = (f"127.0.0.1:{workers[0].port}", f"127.0.0.1:{workers[1].port}")
        front = stack.enter_context(haproxy(addresses, authority.issue(), tmp_path))
        load = stack.enter_context(Load(authority, front.port))
        load.more()
        yield Balanced(*workers, front, load, log)


def count(found: Balanced) -> None:
    """Every request was answered; no POST was done twice, none that was answered not at all."""
    load = found.load
    numbers = {number_of(request) for request in load.answers}
    assert numbers | load.skipped == {*range(max(numbers) + 1)}
    begun, ended = found.done("begin"), found.done("end")
    posts: Counter[str] = Counter()
    for entry, times in begun.items():
        name, request = entry.split(" ", 1)
        if request.startswith("POST"):
            posts[request] += times
    assert [request for request, times in posts.items() if times > 1] == []
    worked = {entry.split(" ", 1)[1] for entry in ended}
    answered = {request for request, answer in load.answers.items() if answer == 200}
    assert answered <= worked


def test_a_worker_dies_and_then_the_other(balanced: Balanced) -> None:
    """No request is lost but those that it had in its hands."""
    load = balanced.load
    assert load.lost == set()
    assert min(load.by["one"], load.by["two"]) > len(load.answers) / 4
    os.killpg(balanced.two.process.pid, signal.SIGKILL)
    load.more(300)
    balanced.front.wait_for_text("Server notes/two is DOWN")
    served_by_two = load.by["two"]
    load.more(200)
    assert load.by["two"] == served_by_two
    lost = load.lost
    assert len(lost) <= CLIENTS
    for request in lost:
        was_in_its_hands(balanced, request)

    os.killpg(balanced.one.process.pid, signal.SIGKILL)
    balanced.front.wait_for_text("backend 'notes' has no server available")
    begun, and_here = time.monotonic(), load.begun()
    load.more(50)
    # Visitors are told at once.
    assert time.monotonic() - begun < 5
    load.stop()
    late = [answer for name, answer in load.answers.items() if number_of(name) > and_here]
    assert len(late) >= 40 and {*late} == {503}
    count(balanced)


def was_in_its_hands(balanced: Balanced, request: str) -> None:
    """The balancer had sent a lost request to the dead worker, and had no whole answer."""
    answer = balanced.load.answers[request]
    # A GET is asked again, unless its visitor has the beginning of an answer already.
    cut = "IncompleteRead" in str(answer)
    assert cut or (request.startswith("POST ") and answer == 502), (request, answer)
    path = f"/work/{number_of(request)} "
    lines = [line for line in balanced.front.text.splitlines() if path in line]
    assert len(lines) == 1 and "notes/two " in lines[0] and re.search(r" S[HD]--", lines[0])


def number_of(request: str) -> int:
    return int(request.split()[1])


def test_a_worker_is_drained(balanced: Balanced) -> None:
    """SIGTERM, readiness, the delay: nothing is lost at all."""
    load = balanced.load
    assert balanced.two.stop(signal.SIGTERM) == 0
    balanced.front.wait_for_text("Server notes/two is DOWN")
    load.more(200)
    load.stop()
    count(balanced)
    assert load.lost == set(), balanced.front.text
    assert load.by["two"] > 0
    assert balanced.done("begin") == balanced.done("end")
