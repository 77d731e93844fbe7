"""Celery on Redis and on RabbitMQ: a web server sends tasks, a worker runs them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sys
import time
import typing as t
from pathlib import Path

import pytest

from running import ROOT, Running, free_port, running
from services.celery import celery_worker
from services.rabbitmq import address, rabbitmq_server
from services.redis import redis_server

pytest.importorskip("celery", reason="Celery is missing: pip install 'erlen[tasks]'")

PATHS = os.pathsep.join(str(ROOT / name) for name in ("tests/systems", "src", "tests"))


class Answer(t.NamedTuple):
    """What a page answered."""

    status: int
    headers: t.Any
    json: t.Any


class Queue:
    """A broker, which can be stopped and started again, a store of results, and a web server.

    Args:
        kind: ``redis`` or ``rabbitmq``.
        folder: For what they write.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self._stack = contextlib.ExitStack()
        self._broker = contextlib.ExitStack()
        self._port: int | None = None
        self.start_broker()
        results = self._stack.enter_context(redis_server(folder))
        self.env = {
            "BROKER": self.address,
            "RESULTS": f"redis://127.0.0.1:{results.port}/1",
            "PYTHONPATH": PATHS,
        }
        self.web = self._stack.enter_context(self._web())

    def start_broker(self) -> None:
        """Start the broker, on the port it had."""
        kind = rabbitmq_server if self.kind == "rabbitmq" else redis_server
        server = self._broker.enter_context(kind(self.folder, self._port))
        self._port = server.port
        self.address = f"redis://127.0.0.1:{server.port}/0"
        if self.kind == "rabbitmq":
            self.address = address(server)

    def stop_broker(self) -> None:
        self._broker.close()

    def close(self) -> None:
        self._stack.close()
        self._broker.close()

    def _web(self) -> t.ContextManager[Running]:
        pytest.importorskip("gunicorn", reason="Gunicorn is missing: pip install gunicorn")
        port = free_port()
        words = f"-m gunicorn -b 127.0.0.1:{port} --no-control-socket --threads 4 tasks_site:app"
        return running([sys.executable, *words.split()], port, self.folder, **self.env)

    def worker(self, *options: str) -> t.ContextManager[Running]:
        """A worker for the length of a ``with`` block."""
        return celery_worker("tasks_site:celery", self.folder, *options, **self.env)

    def ask(self, method: str, path: str, body: t.Any = None, **headers: str) -> Answer:
        """One request to the web server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=30)
        try:
            content = None if body is None else json.dumps(body)
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(
                method, path, content, {"Content-Type": "application/json", **headers}
            )
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        kind = response.headers.get_content_type()
        return Answer(
            response.status, response.headers, json.loads(text) if "json" in kind else text
        )

    def start(self, name: str, id: str = "", **arguments: t.Any) -> str:
        """Send a task; gives its id."""
        answer = self.ask(
            "POST", f"/tasks/{name}", arguments, **({"X_Request_ID": id} if id else {})
        )
        assert answer.status == 202, answer
        return str(answer.json["id"])

    def status(self, id: str) -> dict[str, t.Any]:
        """How far a task is, by the page that tells."""
        answer = self.ask("GET", f"/tasks/{id}")
        assert answer.status == 200, answer
        return t.cast("dict[str, t.Any]", answer.json)

    def wait(
        self, id: str, until: t.Callable[[dict[str, t.Any]], bool] = lambda status: status["ready"]
    ) -> dict[str, t.Any]:
        """Ask for a task until it is ready, or what else is wanted."""
        end = time.monotonic() + 30
        while not until(status := self.status(id)):
            assert time.monotonic() < end, status
            time.sleep(0.05)
        return status


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def queue(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Any:
    queue = Queue(request.param, tmp_path_factory.mktemp(request.param))
    yield queue
    queue.close()


@pytest.fixture(scope="module")
def worker(queue: Queue) -> t.Iterator[Running]:
    """A worker that the tests share until one has stopped it."""
    with queue.worker() as worker:
        yield worker


def test_a_task_has_the_context_and_the_id_of_the_request(
    queue: Queue, worker: Running, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    status = queue.wait(queue.start("about", id="from-the-browser", number=7, note=str(note)))
    assert status["state"] == "SUCCESS"
    assert status["result"] == {
        "product": 70,
        "request_id": "from-the-browser",
        "in_request": False,
    }
    assert note.read_text() == "torn down"


def test_without_an_id_there_is_the_one_that_the_response_names(
    queue: Queue, worker: Running, tmp_path: Path
) -> None:
    answer = queue.ask("POST", "/tasks/about", {"number": 1, "note": str(tmp_path / "note")})
    found = queue.wait(answer.json["id"])["result"]["request_id"]
    assert found and found == answer.headers["X-Request-ID"]


def test_a_coroutine_function(queue: Queue, worker: Running) -> None:
    assert queue.wait(queue.start("later", number=4))["result"] == 40


def test_a_task_is_tried_again(queue: Queue, worker: Running, tmp_path: Path) -> None:
    status = queue.wait(queue.start("flaky", id="one-of-many", path=str(tmp_path / "tries")))
    assert status["result"] == {"attempts": 3, "request_id": "one-of-many"}
    assert (tmp_path / "tries").read_text() == "one-of-many\n" * 3


def test_a_task_of_a_task_has_the_same_id(queue: Queue, worker: Running, tmp_path: Path) -> None:
    path = tmp_path / "tries"
    queue.wait(queue.start("passes_on", id="all-the-way", path=str(path)))
    end = time.monotonic() + 20
    while not path.exists() or path.read_text().count("\n") < 3:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert path.read_text() == "all-the-way\n" * 3


def test_a_task_that_fails(queue: Queue, worker: Running) -> None:
    status = queue.wait(queue.start("fails"))
    assert (status["state"], status["error"], status["result"]) == ("FAILURE", "on purpose", None)


def test_progress(queue: Queue, worker: Running, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    id = queue.start("count", total=5, stop_at=2, gate=str(gate))
    status = queue.wait(id, lambda status: status["done"] == 2)
    assert (status["state"], status["total"], status["note"]) == ("PROGRESS", 5, "step 2")
    assert not status["ready"]
    gate.touch()
    assert queue.wait(id)["result"] == "counted"


def test_the_broker_goes_and_comes_back(queue: Queue, worker: Running) -> None:
    assert queue.wait(queue.start("later", number=1))["result"] == 10
    queue.stop_broker()
    for _ in range(2):
        began = time.monotonic()
        answer = queue.ask("POST", "/tasks/later", {"number": 2})
        took = time.monotonic() - began
        assert answer.status == 503, answer
        assert "The task queue can&#39;t be reached." in answer.json
        assert int(answer.headers["Retry-After"]) > 0
        assert took < 5
    # What needs no broker still answers.
    assert queue.ask("GET", "/").json == "well"
    queue.start_broker()
    end = time.monotonic() + 20
    while (answer := queue.ask("POST", "/tasks/later", {"number": 3})).status != 202:
        assert answer.status == 503 and time.monotonic() < end, answer
    # The worker was not restarted either.
    assert queue.wait(answer.json["id"])["result"] == 30
    assert worker.process.poll() is None


def test_a_worker_that_is_killed_leaves_its_task_to_the_next(
    queue: Queue, worker: Running, tmp_path: Path
) -> None:
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    worker.stop()
    # A worker that does tasks itself (solo) has no time to acknowledge one before its end, late
    # or not; one with a child has.
    with queue.worker("-P", "prefork", "-c", "1") as first:
        id = queue.start("careful", path=str(begun), gate=str(gate))
        end = time.monotonic() + 20
        while not begun.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        first.stop(signal.SIGKILL)
    assert queue.status(id)["ready"] is False
    gate.touch()
    if queue.kind == "redis":
        # It gives a lost task out again after `visibility_timeout`, to a worker that begins.
        time.sleep(1)
    with queue.worker():
        status = queue.wait(id)
    assert (status["state"], status["result"]) == ("SUCCESS", 2)
    assert begun.read_text() == "begun\nbegun\n"
