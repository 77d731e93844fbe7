"""Every request has an id, from the first hook to the last background task."""

from __future__ import annotations

import asyncio
import logging
import threading
import typing as t

import pytest

from erlen import Erlen, Response, copy_current_request_context, request, stream_with_context
from erlen.ops import Ops, request_id

from .conftest import Ask, by_asgi_here, by_wsgi


def make(**settings: t.Any) -> Erlen:
    app = Erlen("ops_app", static_folder=None)
    app.config.update(REQUEST_ID_HEADER="X-Request-ID", **settings)
    Ops(app)

    @app.get("/")
    def index() -> dict[str, t.Any]:
        return {"id": request_id()}

    @app.get("/async")
    async def on_loop() -> dict[str, t.Any]:
        await asyncio.sleep(0)
        return {"id": await asyncio.create_task(later())}

    async def later() -> str | None:
        return request_id()

    return app


@pytest.mark.parametrize("path", ["/", "/async"])
def test_a_valid_id_is_kept_and_given_back(ask: Ask, path: str) -> None:
    answer = ask(make(), path, {"X-Request-ID": "edge-1/a=b"})
    assert answer.json == {"id": "edge-1/a=b"}
    assert answer.header("X-Request-ID") == ["edge-1/a=b"]


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "é", "a;b", "<script>", "a,b", "%0d%0a"])
def test_an_invalid_one_is_replaced(ask: Ask, bad: str) -> None:
    answer = ask(make(), "/", {"X-Request-ID": bad})
    assert answer.status == 200
    assert len(answer.json["id"]) == 32
    assert answer.header("X-Request-ID") == [answer.json["id"]]


def test_each_request_has_its_own(ask: Ask) -> None:
    app = make()
    assert len({ask(app, "/").json["id"] for _ in range(50)}) == 50
    assert request_id() is None


def test_of_clients_that_are_not_trusted(ask: Ask) -> None:
    answer = ask(make(REQUEST_ID_TRUSTED=False), "/", {"X-Request-ID": "mine"})
    assert answer.json["id"] != "mine"
    assert answer.header("X-Request-ID") == [answer.json["id"]]


def test_two_headers_are_no_id() -> None:
    from .conftest import scope_of

    scope = scope_of("/", {}, "GET")
    scope["headers"] += [(b"x-request-id", b"one"), (b"x-request-id", b"two")]
    sent: list[t.Any] = []

    async def receive() -> t.Any:
        return {"type": "http.request", "body": b""}

    async def send(message: t.Any) -> None:
        sent.append(message)

    asyncio.run(make()(scope, receive, send))  # type: ignore[arg-type]
    assert b"one" not in sent[1]["body"]
    assert b"two" not in sent[1]["body"]


@pytest.mark.parametrize("path", ["/nothing", "/fail", "/redirect"])
def test_on_answers_that_no_view_made(ask: Ask, path: str) -> None:
    app = make()
    app.add_url_rule("/fail", "fail", lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    app.add_url_rule("/redirect/", "redirect", lambda: "")
    answer = ask(app, path, {"X-Request-ID": "abc"})
    assert answer.status in (404, 500, 308)
    assert answer.header("X-Request-ID") == ["abc"]


def test_the_application_may_set_the_header_itself(ask: Ask) -> None:
    app = make()
    app.add_url_rule("/own", "own", lambda: ("", 200, {"x-request-id": "own"}))
    assert ask(app, "/own").header("X-Request-ID") == ["own"]


def test_while_a_body_streams(ask: Ask) -> None:
    app = make()

    @app.get("/stream")
    def stream() -> Response:
        def parts() -> t.Iterator[str]:
            yield str(request_id())
            yield "/" + str(request_id())

        return Response(stream_with_context(parts()))

    assert ask(app, "/stream", {"X-Request-ID": "abc"}).body == b"abc/abc"
    assert request_id() is None


def test_hooks_and_error_handlers(ask: Ask) -> None:
    app = make()
    seen: list[str | None] = []
    app.before_request(lambda: seen.append(request_id()))
    app.teardown_request(lambda error: seen.append(request_id()))

    @app.errorhandler(404)
    def missing(error: Exception) -> tuple[str, int]:
        seen.append(request_id())
        return "", 404

    ask(app, "/none", {"X-Request-ID": "abc"})
    assert seen == ["abc"] * 3


def test_threads_that_copy_the_request(ask: Ask) -> None:
    app = make()
    seen: list[str | None] = []

    @app.get("/thread")
    def in_thread() -> str:
        @copy_current_request_context
        def work() -> None:
            seen.append(request_id())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return request.path

    assert ask(app, "/thread", {"X-Request-ID": "abc"}).status == 200
    assert seen == ["abc"]


def test_threads_that_copy_the_request_of_a_coroutine() -> None:
    app = make()
    seen: list[str | None] = []

    @app.get("/thread")
    async def in_thread() -> str:
        @copy_current_request_context
        def work() -> None:
            seen.append(request_id())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return ""

    asyncio.run(by_asgi_here(app, "/thread", {"X-Request-ID": "abc"}, "GET"))
    assert seen == ["abc"]


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_background_tasks(ask: Ask, kind: str) -> None:
    app = make()
    done = threading.Event()
    seen: list[str | None] = []

    def task() -> None:
        seen.append(request_id())
        done.set()

    async def coroutine() -> None:
        task()

    @app.get("/task")
    def begin() -> str:
        app.add_background_task(task if kind == "function" else coroutine)
        return ""

    if ask.colour == "wsgi":  # type: ignore[attr-defined]
        by_wsgi(app, "/task", {"X-Request-ID": "abc"}, "GET")
        assert done.wait(10)
    else:

        async def main() -> None:
            await by_asgi_here(app, "/task", {"X-Request-ID": "abc"}, "GET")
            while not done.is_set():
                await asyncio.sleep(0.005)

        asyncio.run(asyncio.wait_for(main(), 10))
    assert seen == ["abc"]


def test_in_any_format_of_logs(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    app = make()
    logger = logging.getLogger("ops.test.format")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(request_id)s|%(message)s"))
    logger.addHandler(handler)

    @app.get("/log")
    def log() -> str:
        logger.warning("inside")
        # What used to work still does: a name that was taken would raise KeyError.
        logger.warning("given", extra={"request_id": "other"})
        return ""

    try:
        ask(app, "/log", {"X-Request-ID": "abc"})
        logger.warning("outside")
    finally:
        logger.removeHandler(handler)
    assert capsys.readouterr().err.splitlines() == ["abc|inside", "other|given", "-|outside"]


def test_records_of_another_factory(caplog: pytest.LogCaptureFixture) -> None:
    stock = logging.getLogRecordFactory()
    logging.setLogRecordFactory(lambda *args, **kwargs: stock(*args, **kwargs))
    app = make()

    @app.get("/log")
    def log() -> str:
        logging.getLogger("ops.test.other").warning("inside")
        return ""

    by_wsgi(app, "/log", {"X-Request-ID": "abc"}, "GET")
    assert [record.request_id for record in caplog.records] == ["abc"]  # type: ignore[attr-defined]


def test_an_application_mounted_in_another_keeps_its_id() -> None:
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    inner, outer = make(), make()
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/in": inner})  # type: ignore[method-assign]
    inside = by_wsgi(outer, "/in/", {"X-Request-ID": "abc"}, "GET")
    assert inside.json == {"id": "abc"}
    assert inside.header("X-Request-ID") == ["abc"]


# Under ASGI the test's own event loop for each request would leave cycles.
@pytest.mark.parametrize("ask", ["wsgi"], indirect=True)
def test_a_served_request_leaves_nothing_for_the_collector(ask: Ask) -> None:
    import gc

    app = make(ACCESS_LOG=True)
    logging.getLogger("erlen.access").setLevel(logging.CRITICAL)
    ask(app, "/")
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            ask(app, "/")
        assert gc.collect() < 20
    finally:
        gc.enable()
