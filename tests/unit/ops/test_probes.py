"""Liveness and readiness: what they ask, how long they wait, what they say."""

from __future__ import annotations

import asyncio
import threading
import time
import typing as t

import pytest

from erlen import Erlen, current_app
from erlen.ops import Ops

from .conftest import Ask, by_asgi_here, scope_of


def make(*checks: t.Any, **settings: t.Any) -> Erlen:
    app = Erlen("ops_app", static_folder=None)
    app.config.update(HEALTH_PATH="/health", READINESS_PATH="/ready", **settings)
    ops = Ops()
    for check in checks:
        ops.check(check)
    ops.init_app(app)
    return app


def database() -> None:
    assert current_app.name == "ops_app"


async def cache() -> None:
    await asyncio.sleep(0)
    assert current_app.name == "ops_app"


def broken() -> None:
    raise ConnectionError("postgresql://user:secret@db/x")


async def broken_async() -> None:
    raise ConnectionError("secret")


def says_no() -> bool:
    return False


def test_ready(ask: Ask) -> None:
    answer = ask(make(database, cache), "/ready")
    assert (answer.status, answer.json) == (200, {"status": "ready"})
    assert answer.header("Content-Type") == ["application/json"]
    assert answer.header("Cache-Control") == ["no-store"]
    assert answer.header("Content-Length") == [str(len(answer.body))]


@pytest.mark.parametrize("check", [broken, broken_async, says_no])
def test_what_failed_is_named_and_nothing_else(
    ask: Ask, check: t.Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask(make(database, check, cache), "/ready")
    assert answer.status == 503
    assert answer.json == {"status": "failing", "failed": [check.__name__]}
    assert b"secret" not in answer.body
    (record,) = caplog.records
    assert f"the check '{check.__name__}' failed" in record.getMessage()
    assert (record.exc_info is not None) == (check is not says_no)


def test_logged_once_until_it_passes(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    well = True

    def sometimes() -> bool:
        return well

    app = make(sometimes)
    for well in (True, False, False, False, True, True, False):
        ask(app, "/ready")
    texts = [record.getMessage() for record in caplog.records]
    assert [text.rpartition("'")[2] for text in texts] == [" failed.", " passes again.", " failed."]


@pytest.mark.timed
def test_a_check_that_hangs(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    free, calls = threading.Event(), []

    def hangs() -> None:
        calls.append(1)
        free.wait(20)

    app = make(database, hangs, READINESS_TIMEOUT=0.2)
    began = time.monotonic()
    answer = ask(app, "/ready")
    took = time.monotonic() - began
    expected = {"status": "failing", "failed": ["hangs"], "timed_out": ["hangs"]}
    assert (answer.status, answer.json) == (503, expected)
    assert 0.2 <= took < 2
    # While it hangs it is not called again, nor waited for again.
    began = time.monotonic()
    for _ in range(5):
        assert ask(app, "/ready").json == expected
    assert time.monotonic() - began < 0.2
    assert len(calls) == 1
    free.set()
    deadline = time.monotonic() + 5
    while ask(app, "/ready").status != 200:
        assert time.monotonic() < deadline


@pytest.mark.timed
def test_a_coroutine_that_does_not_want_to_end(ask: Ask) -> None:
    async def stubborn() -> None:
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                pass

    app = make(stubborn, READINESS_TIMEOUT=0.1)
    if ask.colour == "wsgi":  # type: ignore[attr-defined]
        assert ask(app, "/ready").json["timed_out"] == ["stubborn"]
        return

    async def main() -> float:
        began = time.monotonic()
        answer = await by_asgi_here(app, "/ready", {}, "GET")
        assert answer.json["timed_out"] == ["stubborn"]
        return time.monotonic() - began

    assert asyncio.run(main()) < 0.5


def test_a_limit_of_its_own(ask: Ask) -> None:
    app = Erlen("ops_app")
    app.config.update(READINESS_PATH="/ready", READINESS_TIMEOUT=30)
    ops = Ops(app)

    @ops.check(name="the slow one", timeout=0.05)
    def slow() -> None:
        time.sleep(0.3)

    assert ask(app, "/ready").json["timed_out"] == ["the slow one"]


def test_checks_run_beside_each_other(ask: Ask) -> None:
    barrier = threading.Barrier(3)
    checks: list[t.Callable[[], t.Any]] = []
    for number in range(3):

        def check() -> None:
            barrier.wait(5)

        check.__name__ = f"check{number}"
        checks.append(check)
    assert ask(make(*checks, READINESS_TIMEOUT=5), "/ready").status == 200


def test_many_who_ask_share_a_call() -> None:
    calls: list[int] = []

    def slow() -> None:
        calls.append(1)
        time.sleep(0.3)

    app = make(slow)

    async def main() -> list[int]:
        answers = await asyncio.gather(*(by_asgi_here(app, "/ready", {}, "GET") for _ in range(20)))
        return [answer.status for answer in answers]

    assert asyncio.run(main()) == [200] * 20
    assert len(calls) == 1


def test_draining_is_told_at_once(ask: Ask) -> None:
    calls: list[int] = []
    app = make(lambda: calls.append(1))
    app.drain()
    answer = ask(app, "/ready")
    assert (answer.status, answer.json) == (503, {"status": "draining"})
    assert calls == []
    # The process is well: it must not be killed for it.
    assert ask(app, "/health").status == 200


def test_liveness_touches_nothing(ask: Ask) -> None:
    app = make(broken, TRUSTED_HOSTS=["example.org"])
    app.before_request(broken)
    app.teardown_request(lambda error: broken())
    answer = ask(app, "/health")
    assert (answer.status, answer.json) == (200, {"status": "alive"})
    assert ask(app, "/elsewhere").status != 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_methods(ask: Ask, path: str) -> None:
    app = make(database)
    head = ask(app, path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.header("Content-Length") == ask(app, path).header("Content-Length")
    post = ask(app, path, method="POST")
    assert (post.status, post.header("Allow")) == (405, ["GET, HEAD"])


def test_below_a_prefix() -> None:
    app = make(database)
    sent: list[t.Any] = []

    async def send(message: t.Any) -> None:
        sent.append(message)

    scope = {**scope_of("/shop/ready", {}, "GET"), "root_path": "/shop"}
    asyncio.run(app(scope, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 200


def test_add_readiness_has_the_same_limits(ask: Ask) -> None:
    app = Erlen("ops_app", static_folder=None)

    def hangs() -> None:
        time.sleep(1.5)

    app.add_readiness("/ready", database, hangs)
    answer = ask(app, "/ready")
    expected = {"status": "failing", "failed": ["hangs"], "timed_out": ["hangs"]}
    assert (answer.status, answer.json) == (503, expected)


@pytest.mark.parametrize("wrong", [None, "database"])
def test_what_is_no_check(wrong: t.Any) -> None:
    with pytest.raises(TypeError, match="A readiness check is a function"):
        Ops().check(timeout=1)(wrong)


def test_no_time() -> None:
    with pytest.raises(ValueError, match="needs some time"):
        Ops().check(timeout=0)(database)
