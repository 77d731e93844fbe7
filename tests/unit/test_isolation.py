"""A hundred thousand requests over threads, greenlets and tasks: none sees another's context."""

from __future__ import annotations

import asyncio
import random
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

import erlen
from erlen import Erlen, current_app, g, request, session

EACH = 33_334
WORKERS = 8


def make(pause: t.Callable[[], t.Any]) -> Erlen:
    """An application that compares what it sees before and after it gave way.

    Args:
        pause: Lets others run; may be awaitable.
    """
    app = Erlen(__name__)
    app.secret_key = "key"

    @app.before_request
    def remember() -> None:
        g.number = request.args["n"]

    @app.after_request
    def tell(response: t.Any) -> t.Any:
        response.headers["X-Number"] = f"{g.number} {request.args['n']}"
        return response

    @app.teardown_request
    def leave(error: BaseException | None) -> None:
        assert g.number == request.args["n"]

    def seen(number: int) -> str:
        # Of the same application: it shares g, as in Flask 3.1.
        with app.test_request_context(f"/?n={number}&inner=yes"):
            assert request.args["inner"] == "yes" and g.number == str(number)
        assert "inner" not in request.args
        assert current_app._get_current_object() is app
        return f"{number} {g.number} {request.args['n']} {request.path} {session.get('x')}"

    @app.get("/sync/<int:number>")
    def view(number: int) -> str:
        pause()
        return seen(number)

    @app.get("/async/<int:number>")
    async def async_view(number: int) -> str:
        await pause()
        return seen(number)

    @app.get("/thread/<int:number>")
    def in_thread(number: int) -> str:
        time.sleep(0)
        return seen(number)

    return app


def expected(colour: str, number: int) -> bytes:
    return f"{number} {number} {number} /{colour}/{number} None".encode()


def wsgi_call(app: Erlen, colour: str, number: int) -> None:
    told: list[t.Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": f"/{colour}/{number}",
        "QUERY_STRING": f"n={number}",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
    }
    body = app(environ, lambda status, headers, exc=None: told.append((status, dict(headers))))
    assert b"".join(body) == expected(colour, number)
    close = getattr(body, "close", None)
    if close is not None:
        close()
    assert told[0][0] == "200 OK" and told[0][1]["X-Number"] == f"{number} {number}"


def test_threads() -> None:
    chance = random.Random(1)
    app = make(lambda: time.sleep(0) if chance.random() < 0.3 else None)
    numbers = iter(range(EACH))
    lock = threading.Lock()

    def work() -> int:
        done = 0
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return done
            wsgi_call(app, "sync", number)
            done += 1

    with ThreadPoolExecutor(WORKERS) as pool:
        done = [pool.submit(work) for _ in range(WORKERS)]
        assert sum(item.result() for item in done) == EACH
    assert not erlen.has_request_context() and not erlen.has_app_context()


def test_greenlets() -> None:
    greenlet = pytest.importorskip("greenlet", reason="missing: pip install greenlet")
    main = greenlet.getcurrent()
    app = make(lambda: main.switch())
    failures: list[BaseException] = []
    done = 0

    def work(numbers: t.Iterable[int]) -> None:
        nonlocal done
        try:
            for number in numbers:
                wsgi_call(app, "sync", number)
                done += 1
        except BaseException as error:
            failures.append(error)

    waiting = []
    for start in range(100):
        new = greenlet.greenlet(work)
        waiting.append(new)
        new.switch(range(start, EACH, 100))
    chance = random.Random(2)
    while waiting:
        index = chance.randrange(len(waiting))
        if waiting[index].dead:
            waiting.pop(index)
        else:
            waiting[index].switch()
    assert failures == [] and done == EACH
    assert not erlen.has_request_context()


async def asgi_call(app: Erlen, number: int, colour: str = "async") -> None:
    sent: list[t.Any] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": f"/{colour}/{number}",
        "query_string": b"n=%d" % number,
        "headers": [(b"host", b"localhost")],
    }

    async def receive() -> t.Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: t.Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 200
    assert dict(sent[0]["headers"])[b"x-number"] == b"%d %d" % (number, number)
    assert sent[1]["body"] == expected(colour, number)


def test_tasks() -> None:
    app = make(lambda: asyncio.sleep(0))

    async def work(numbers: t.Iterable[int]) -> None:
        for number in numbers:
            await asgi_call(app, number)

    async def main() -> None:
        await asyncio.gather(*(work(range(start, EACH, 100)) for start in range(100)))
        assert not erlen.has_request_context()

    asyncio.run(main())


def test_tasks_that_wait_for_threads() -> None:
    """Sync views under ASGI, each in a thread, and async ones on the loop beside them."""
    app = make(lambda: asyncio.sleep(0))

    async def main() -> None:
        for start in range(0, 3000, 100):
            calls = [asgi_call(app, number, "thread") for number in range(start, start + 100)]
            calls += [asgi_call(app, number) for number in range(start, start + 100)]
            await asyncio.gather(*calls)

    asyncio.run(main())


class Pool:
    """Five connections; whoever finds none waits."""

    def __init__(self) -> None:
        self.free = threading.Semaphore(5)
        self.most = self.used = 0
        self.lock = threading.Lock()

    def take(self) -> None:
        assert self.free.acquire(timeout=30), "deadlock: no connection came back"
        with self.lock:
            self.used += 1
            self.most = max(self.most, self.used)

    def give(self) -> None:
        with self.lock:
            self.used -= 1
        self.free.release()


@pytest.mark.parametrize("mixed", [False, True], ids=["sync", "with an async hook"])
@pytest.mark.parametrize("threads", [3, 5, 40])
def test_views_over_a_small_pool_never_wait_for_ever(mixed: bool, threads: int) -> None:
    """Taken in a hook, given back at teardown: each may need a thread of its own."""
    app = Erlen(__name__)
    app.config["THREADS"] = threads
    pool = Pool()

    @app.before_request
    def connect() -> None:
        pool.take()

    if mixed:

        @app.before_request
        async def between() -> None:
            await asyncio.sleep(0.001)

    @app.teardown_request
    def disconnect(error: BaseException | None) -> None:
        pool.give()

    @app.get("/")
    def view() -> str:
        time.sleep(0.001)
        return "done"

    async def main() -> None:
        client = app.async_client()
        answers = await asyncio.wait_for(
            asyncio.gather(*(client.get("/") for _ in range(200))), timeout=60
        )
        assert [answer.status_code for answer in answers] == [200] * 200

    asyncio.run(main())
    assert pool.used == 0 and 1 <= pool.most <= 5
