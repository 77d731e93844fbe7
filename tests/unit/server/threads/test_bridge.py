"""Coroutine functions under WSGI: one loop per process, contexts both ways."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import threading
import time
import typing as t

import pytest

import erlen
from erlen.server.threads import bridge
from erlen.server.threads.bridge import async_to_sync, running_loop
from sidebyside import BOTH, call, compare, plan, quiet, serve

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")


class OneError(Exception):
    pass


def make(fw: t.Any, log: list[t.Any]) -> t.Any:
    app = fw.Flask("bridge", static_folder=None)
    app.secret_key = "secret"

    @app.before_request
    async def before() -> None:
        await asyncio.sleep(0)
        fw.g.before = True
        log.append(("before", fw.request.path))

    @app.after_request
    async def after(response: t.Any) -> t.Any:
        log.append(("after", response.status_code, fw.g.get("seen")))
        response.headers["X-After"] = "1"
        return response

    @app.teardown_request
    async def teardown(error: BaseException | None) -> None:
        log.append(("teardown", repr(error)))

    @app.teardown_appcontext
    async def app_teardown(error: BaseException | None) -> None:
        log.append(("app", repr(error)))

    @app.errorhandler(OneError)
    async def handle(error: OneError) -> t.Any:
        await asyncio.sleep(0)
        return f"handled {error}", 409

    @app.errorhandler(404)
    async def missing(error: Exception) -> t.Any:
        return "missing", 404

    @app.url_value_preprocessor
    def process(endpoint: str, values: t.Any) -> None:
        log.append(("processor", endpoint))

    @app.get("/")
    async def index() -> t.Any:
        fw.g.seen = fw.g.before
        fw.session["a"] = 1
        return "index"

    @app.get("/raises")
    async def raises() -> t.Any:
        raise OneError("raised")

    @app.get("/unhandled")
    async def unhandled() -> t.Any:
        raise KeyError("unhandled")

    @app.get("/abort")
    async def abort() -> t.Any:
        fw.abort(403)

    @app.get("/none")
    async def none() -> t.Any:
        return None

    @app.get("/exit")
    async def leave() -> t.Any:
        raise SystemExit(3)

    @app.get("/after")
    async def after_this() -> t.Any:
        @fw.after_this_request
        async def last(response: t.Any) -> t.Any:
            response.headers["X-This"] = "1"
            return response

        return "after"

    class View(fw.views.MethodView):  # type: ignore[misc]
        async def get(self, x: int) -> t.Any:
            return {"x": x}

    app.add_url_rule("/view/<int:x>", view_func=View.as_view("view"))

    @app.get("/sync")
    def sync() -> str:
        async def inner() -> str:
            return str(fw.request.path)

        return str(app.ensure_sync(inner)())

    return app


@pytest.fixture(scope="module", autouse=True)
def flasks_bridge() -> None:
    pytest.importorskip("asgiref")


def test_everything_asynchronous_is_as_in_flask() -> None:
    paths = "/ /raises /unhandled /abort /none /after /view/3 /sync /missing".split()
    compare(make, *paths, call("/", "HEAD"), call("/", "OPTIONS"), call("/", "POST"), general=1)


@pytest.mark.parametrize("fw", BOTH)
def test_errors_reach_the_caller_where_they_propagate(fw: t.Any) -> None:
    app = make(fw, [])
    app.testing = True
    assert serve(app, "/unhandled").error == "KeyError: 'unhandled'"
    assert serve(app, "/exit").error == "SystemExit: 3"


class TestTheLoop:
    @pytest.mark.wsgi
    def test_one_for_all_requests_and_threads(self) -> None:
        app = make(erlen, [])
        loops: set[t.Any] = set()

        async def view() -> str:
            loops.add(asyncio.get_running_loop())
            return "view"

        app.view_functions["index"] = view
        workers = [threading.Thread(target=serve, args=(app,)) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        serve(app)
        assert loops == {running_loop()}

    def test_requests_wait_side_by_side(self) -> None:
        app = make(erlen, [])
        arrived = []
        both_there = asyncio.Event()

        async def view() -> str:
            arrived.append(1)
            if len(arrived) == 2:
                both_there.set()
            await asyncio.wait_for(both_there.wait(), 10)
            return "met"

        app.view_functions["index"] = view
        found: list[bytes] = []
        workers = [threading.Thread(target=lambda: found.append(serve(app).body)) for _ in "ab"]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(20)
        assert found == [b"met", b"met"]

    def test_a_task_lives_on_and_keeps_its_context(self) -> None:
        app = make(erlen, [])
        done = threading.Event()
        seen: list[t.Any] = []

        async def later() -> None:
            await asyncio.sleep(0.05)
            seen.append(variable.get(None))
            done.set()

        async def view() -> str:
            variable.set("set in the view")
            asyncio.get_running_loop().create_task(later())
            return "view"

        app.view_functions["index"] = view
        contextvars.copy_context().run(serve, app)
        assert seen == []
        gc.collect()
        assert done.wait(10)
        assert seen == ["set in the view"]

    def test_finished_tasks_are_let_go(self) -> None:
        async def work() -> None:
            await asyncio.sleep(0)

        for _ in range(20):
            async_to_sync(work)()
        deadline = time.monotonic() + 10
        while bridge._tasks and time.monotonic() < deadline:
            time.sleep(0.01)
        assert bridge._tasks == set()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_forked_child_gets_its_own(self) -> None:
        async def work() -> int:
            await asyncio.sleep(0)
            return 7

        assert async_to_sync(work)() == 7
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = async_to_sync(work)()
            finally:
                os._exit(code)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                break
            time.sleep(0.01)
        else:
            os.kill(child, 9)
            os.waitpid(child, 0)
            pytest.fail("the child hangs")
        assert os.waitstatus_to_exitcode(status) == 7
        assert async_to_sync(work)() == 7


def settle() -> None:
    """Wait until the loop has done with what was asked of it."""

    async def work() -> None:
        await asyncio.sleep(0)

    async_to_sync(work)()
    deadline = time.monotonic() + 10
    while bridge._tasks and time.monotonic() < deadline:
        time.sleep(0.01)


class TestCalls:
    def test_arguments_result_and_name(self) -> None:
        async def work(a: int, *, b: int) -> tuple[int, int]:
            "What it does."
            return a, b

        call = async_to_sync(work)
        assert call(1, b=2) == (1, 2)
        assert (call.__name__, call.__doc__) == ("work", "What it does.")
        assert call.__wrapped__ is work  # type: ignore[attr-defined]

    def test_context_variables_both_ways(self) -> None:
        async def work() -> str:
            seen = variable.get()
            variable.set("from inside")
            return seen

        def run() -> tuple[str, str]:
            variable.set("from outside")
            return async_to_sync(work)(), variable.get()

        assert contextvars.copy_context().run(run) == ("from outside", "from inside")

    @pytest.mark.parametrize(
        "error", [ValueError("x"), SystemExit(2), KeyboardInterrupt(), asyncio.CancelledError()]
    )
    def test_errors_are_the_callers(self, error: BaseException) -> None:
        async def work() -> None:
            raise error

        with pytest.raises(type(error)) as caught:
            async_to_sync(work)()
        assert caught.value is error

        async def fine() -> int:
            return 1

        assert async_to_sync(fine)() == 1

    def test_a_stop_iteration_does_not_hang(self) -> None:
        async def work() -> None:
            raise StopIteration

        with pytest.raises(RuntimeError, match="StopIteration"):
            async_to_sync(work)()

    def test_from_the_loops_own_thread(self) -> None:
        async def inner() -> None:
            pass

        async def outer() -> None:
            async_to_sync(inner)()

        with pytest.raises(RuntimeError, match="inner was called from a coroutine; write 'await'"):
            async_to_sync(outer)()

    def test_from_another_running_loop(self) -> None:
        async def inner() -> t.Any:
            return asyncio.get_running_loop()

        async def outer() -> t.Any:
            return async_to_sync(inner)(), asyncio.get_running_loop()

        ours, theirs = asyncio.run(outer())
        assert ours is running_loop() is not theirs

    def test_wrong_arguments(self) -> None:
        async def work(a: int) -> None:
            pass

        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            async_to_sync(work)()

    def test_no_garbage(self) -> None:
        async def fails() -> None:
            raise ValueError("x")

        app = make(erlen, [])
        quiet(app)

        def run() -> None:
            try:
                async_to_sync(fails)()
            except ValueError:
                pass
            for path in ("/", "/raises", "/view/3"):
                serve(app, path)

        plan(app)
        for _ in range(3):
            run()
        settle()
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                run()
            settle()
            assert gc.collect() == 0
        finally:
            gc.enable()


def test_ensure_sync_leaves_functions_alone() -> None:
    app = make(erlen, [])

    def function() -> None:
        pass

    assert app.ensure_sync(function) is function


def test_asyncio_is_not_imported_before_it_is_needed() -> None:
    import subprocess
    import sys

    program = "import sys, erlen.server.threads.bridge; print('asyncio' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "False", found.stderr
