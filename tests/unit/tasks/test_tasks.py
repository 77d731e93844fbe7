"""Celery for an application, without a worker: settings, contexts, outages."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("celery")

from celery import current_app as current_celery  # noqa: E402
from celery import shared_task, signature  # noqa: E402
from kombu.exceptions import EncodeError  # noqa: E402

from erlen import Erlen, current_app, g, has_app_context  # noqa: E402
from erlen.ops import request_id, use_request_id  # noqa: E402
from erlen.tasks import (  # noqa: E402
    QueueUnavailable,
    TaskStatus,
    celery_app,
    report_progress,
    task_status,
)
from erlen.tasks.settings import sender_settings, worker_settings  # noqa: E402

MEMORY = {"broker_url": "memory://", "result_backend": "cache+memory://"}


@pytest.fixture
def app() -> Erlen:
    app = Erlen(__name__)
    app.config["WORD"] = "found"
    return app


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def closed_port() -> int:
    with silent_server() as port:
        return port


# -- settings --------------------------------------------------------------------------


def test_settings_come_from_the_application(app: Erlen) -> None:
    app.config["CELERY"] = {**MEMORY, "task_serializer": "json", "timezone": "Europe/Berlin"}
    celery = celery_app(app, timezone="UTC")
    assert celery.conf.broker_url == "memory://"
    assert celery.conf.timezone == "UTC"
    assert app.extensions["celery"] is celery
    assert current_celery._get_current_object() is celery


def test_shared_tasks_are_its_own(app: Erlen) -> None:
    celery = celery_app(app, **MEMORY)

    @shared_task
    def shared() -> str:
        return str(current_app.config["WORD"])

    assert shared.app is celery and shared() == "found"


def test_senders_do_not_wait_long() -> None:
    found = sender_settings({"broker_url": "redis://localhost/1"})
    assert found["broker_transport_options"]["socket_connect_timeout"] == 2
    assert found["broker_transport_options"]["max_retries"] == 1
    said = {"broker_transport_options": {"max_retries": 9, "visibility_timeout": 60}}
    found = sender_settings({"broker_url": "redis://localhost/1", **said})
    options = found["broker_transport_options"]
    assert (options["max_retries"], options["visibility_timeout"]) == (9, 60)
    assert options["socket_timeout"] == 5
    assert sender_settings({"redis_socket_timeout": 1})["redis_socket_timeout"] == 1


def test_what_is_sent_to_rabbitmq_is_confirmed() -> None:
    found = sender_settings({"broker_url": "amqp://guest@localhost//"})
    assert found["broker_transport_options"]["confirm_publish"] is True
    found = worker_settings({"broker_url": "amqp://guest@localhost//"}, {})
    assert found["broker_transport_options"] == {"confirm_publish": True}


def test_workers_have_what_celery_says() -> None:
    said = {"broker_transport_options": {"visibility_timeout": 60}}
    found = worker_settings(said, {"redis_socket_timeout": 120, "broker_connection_timeout": 4})
    assert found["broker_transport_options"] == {"visibility_timeout": 60}
    assert found["redis_socket_timeout"] == 120 and found["broker_connection_timeout"] == 4
    assert found.keys() == sender_settings(said).keys()


def test_a_worker_that_begins(app: Erlen) -> None:
    from celery.signals import celeryd_init

    celery = celery_app(app, broker_url="redis://localhost/1")
    worker = SimpleNamespace(app=celery)
    assert celery.conf.redis_socket_timeout == 5
    celeryd_init.send(sender="here", instance=worker, conf=celery.conf, options={})
    assert celery.conf.redis_socket_timeout == 120
    assert not celery.conf.broker_transport_options
    other = celery_app(Erlen("other"), broker_url="redis://localhost/1")
    assert other.conf.redis_socket_timeout == 5


def test_each_application_of_a_factory_has_its_own_tasks() -> None:
    made = []
    for word in ("one", "two"):
        celery = celery_app(Erlen(__name__), task_always_eager=True, **MEMORY)

        @celery.task(name="own.word")
        def own(word: str = word) -> str:
            return word

        made.append(celery)
    found = [celery.tasks["own.word"].delay().get() for celery in made]
    assert found == ["one", "two"]


# -- contexts --------------------------------------------------------------------------


def test_called_like_a_function(app: Erlen) -> None:
    celery = celery_app(app, **MEMORY)

    @celery.task
    def word() -> tuple[str, Any]:
        return current_app.config["WORD"], g.get("user")

    assert word() == ("found", None)
    assert not has_app_context()
    with app.app_context():
        g.user = "Ann"
        assert word() == ("found", "Ann")
    with Erlen("other").app_context():
        assert word() == ("found", None)


def test_eager(app: Erlen) -> None:
    celery = celery_app(app, task_always_eager=True, **MEMORY)

    @celery.task
    async def word() -> tuple[str, str | None]:
        return current_app.config["WORD"], request_id()

    @app.get("/")
    def index() -> Any:
        with use_request_id("abc"):
            return list(word.delay().get())

    assert app.test_client().get("/").json == ["found", "abc"]


def test_the_id_is_in_the_message(app: Erlen) -> None:
    celery = celery_app(app, **MEMORY)

    @celery.task(name="word")
    def word() -> None:
        pass

    with use_request_id("abc"):
        word.delay()
        word.apply_async(headers={"other": 1})
        celery.send_task("elsewhere")
        signature("word", app=celery).delay()
        (word.si() | word.si()).delay()
        word.apply_async(headers={"request_id": "mine"})
    word.delay()
    with celery.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery")
        found = [queue.get(block=False).headers for _ in range(7)]
    assert [headers.get("request_id") for headers in found] == [*["abc"] * 5, "mine", None]
    assert found[1]["other"] == 1


# -- how far ----------------------------------------------------------------------------


def test_status(app: Erlen) -> None:
    celery = celery_app(app, **MEMORY)
    store = celery.backend
    with app.app_context():
        assert task_status("unknown") == TaskStatus("unknown", "PENDING")
        store.store_result("a", {"done": 2, "total": 5, "note": "x", "more": 1}, "PROGRESS")
        assert task_status("a") == TaskStatus("a", "PROGRESS", False, 2, 5, "x")
        store.store_result("b", [1, 2], "SUCCESS")
        assert task_status("b") == TaskStatus("b", "SUCCESS", True, result=[1, 2])
        store.store_result("c", LookupError("why"), "FAILURE")
        assert task_status("c") == TaskStatus("c", "FAILURE", True, error="why")
        store.store_result("d", LookupError(), "RETRY")
        assert task_status("d") == TaskStatus("d", "RETRY", False, error="LookupError")


def test_progress_without_a_worker(app: Erlen) -> None:
    celery = celery_app(app, **MEMORY)

    @celery.task
    def work() -> str:
        report_progress(1, 2)
        return "done"

    assert work() == "done"
    report_progress(1)


def test_no_celery(app: Erlen) -> None:
    with app.app_context(), pytest.raises(LookupError, match=r"celery_app\(app\)"):
        task_status("a")


# -- outages -----------------------------------------------------------------------------


def addresses(port: int) -> dict[str, str]:
    return {
        "redis": f"redis://127.0.0.1:{port}/0",
        "amqp": f"amqp://guest@127.0.0.1:{port}//",
    }


@pytest.mark.parametrize("kind", ["redis", "amqp"])
@pytest.mark.parametrize("silent", [False, True])
def test_a_broker_that_does_not_answer(app: Erlen, kind: str, silent: bool) -> None:
    if kind == "redis":
        pytest.importorskip("redis")
    with silent_server() if silent else contextlib.nullcontext(closed_port()) as port:
        celery = celery_app(
            app,
            broker_url=addresses(port)[kind],
            broker_transport_options={"socket_timeout": 0.5} if kind == "redis" else {},
            broker_connection_timeout=0.5,
        )

        @celery.task
        def work() -> None:
            pass

        @app.post("/")
        def start() -> str:
            return str(work.delay().id)

        began = time.monotonic()
        response = app.test_client().post("/")
        took = time.monotonic() - began
    assert response.status_code == 503 and "task queue" in response.text
    assert response.headers["Retry-After"] == "5"
    assert took < 5


@pytest.mark.parametrize("silent", [False, True])
def test_a_store_of_results_that_does_not_answer(app: Erlen, silent: bool) -> None:
    pytest.importorskip("redis")
    with silent_server() if silent else contextlib.nullcontext(closed_port()) as port:
        celery = celery_app(
            app,
            broker_url="memory://",
            result_backend=f"redis://127.0.0.1:{port}/0",
            redis_socket_timeout=0.5,
        )

        @celery.task
        def work() -> None:
            pass

        @app.get("/<id>")
        def show(id: str) -> Any:
            return app.json.response(task_status(id))

        began = time.monotonic()
        response = app.test_client().get("/a")
        assert response.status_code == 503 and "results" in response.text
        # What is sent meanwhile is not lost: the broker is there.
        assert work.delay().id
    assert time.monotonic() - began < 5


def test_a_mistake_is_no_outage(app: Erlen) -> None:
    celery = celery_app(app, **MEMORY)

    @celery.task
    def work(value: object) -> None:
        pass

    with pytest.raises(EncodeError):
        work.delay(object())


def test_it_is_an_error_of_http() -> None:
    assert QueueUnavailable("x").code == 503


def test_without_celery() -> None:
    code = (
        "import sys; sys.modules['celery'] = None\n"
        "import erlen.tasks\n"
        "try: erlen.tasks.celery_app\n"
        "except ImportError as error: print(error)\n"
        "try: erlen.tasks.nothing\n"
        "except AttributeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [
        "erlen.tasks.celery_app needs Celery, which is not installed: pip install 'erlen[tasks]'",
        "module 'erlen.tasks' has no attribute 'nothing'",
    ], done.stderr
