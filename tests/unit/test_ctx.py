"""Contexts: pushed, popped, copied, held; never seen by anybody else."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import threading
import typing as t
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

import erlen
from erlen.ctx import AppContext, Context, RequestContext
from sidebyside import BOTH, Call, call, compare, plan, quiet, serve

both = pytest.mark.parametrize("fw", BOTH)


def in_a_context_of_its_own(test: t.Any) -> t.Any:
    """What a test leaves in the context variables is not the next one's."""

    @functools.wraps(test)
    def run(*args: t.Any, **kwargs: t.Any) -> None:
        contextvars.copy_context().run(test, *args, **kwargs)

    return run


def make(fw: t.Any, log: list[t.Any] | None = None) -> t.Any:
    app = fw.Flask("contexts", static_folder=None)
    app.secret_key = "secret"
    app.add_url_rule("/", "index", lambda: "index")
    app.add_url_rule("/i/<int:x>", "int", lambda x: str(x))
    if log is not None:
        app.teardown_request(lambda error: log.append(("request", repr(error))))
        app.teardown_appcontext(lambda error: log.append(("app", repr(error))))
    return app


class TestPushAndPop:
    @both
    def test_test_request_context(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = make(fw, log)
        with app.test_request_context("/i/4?q=1", method="POST", data={"a": "b"}) as ctx:
            assert fw.request.args["q"] == "1"
            assert fw.request.form["a"] == "b"
            assert isinstance(fw.request.routing_exception, Exception)
            assert fw.current_app == app
            assert ctx.request is fw.request._get_current_object()
            fw.g.x = 1
            assert log == []
        assert log == [("request", "None"), ("app", "None")]
        assert not fw.has_request_context()
        assert not fw.has_app_context()

    @both
    def test_matched_when_pushed(self, fw: t.Any) -> None:
        app = make(fw)
        with app.test_request_context("/i/4"):
            assert fw.request.endpoint == "int"
            assert fw.request.view_args == {"x": 4}
            assert fw.request.url_rule.rule == "/i/<int:x>"
            assert app.dispatch_request() == "4"
        with app.test_request_context("/missing"):
            assert fw.request.endpoint is None
            assert fw.request.view_args is None
            assert fw.request.url_rule is None
            assert fw.request.routing_exception.code == 404

    @both
    def test_an_error_reaches_the_teardown(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = make(fw, log)
        with pytest.raises(ValueError, match="inside"), app.test_request_context():
            raise ValueError("inside")
        assert log == [("request", "ValueError('inside')"), ("app", "ValueError('inside')")]

    @both
    def test_what_is_being_handled_is_the_default_error(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = make(fw, log)
        ctx = app.test_request_context()
        ctx.push()
        try:
            raise ValueError("handled")
        except ValueError:
            ctx.pop()
        ctx = app.app_context()
        ctx.push()
        try:
            raise ValueError("handled")
        except ValueError:
            app.do_teardown_appcontext()
        ctx.pop(None)
        handled = "ValueError('handled')"
        assert log == [("request", handled), ("app", handled), ("app", handled), ("app", "None")]

    @both
    def test_twice(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = make(fw, log)
        ctx = app.test_request_context("/i/1")
        with ctx:
            fw.g.x = 1
            with ctx:
                assert fw.request.view_args == {"x": 1}
            assert fw.g.x == 1
            assert log == []
        assert len(log) == 2

    @both
    def test_again_after_the_end(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = make(fw, log)
        ctx = app.app_context()
        for _ in range(2):
            with ctx:
                assert fw.current_app == app
        assert log == [("app", "None")] * 2

    @both
    def test_nested_application_contexts_have_their_own_g(self, fw: t.Any) -> None:
        app = make(fw)
        with app.app_context():
            fw.g.x = 1
            with app.app_context():
                assert "x" not in fw.g
            assert fw.g.x == 1

    @both
    def test_a_request_shares_the_g_around_it(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app, other = make(fw, log), make(fw)
        with app.app_context():
            fw.g.x = 1
            with app.test_request_context():
                assert fw.g.x == 1
                fw.g.y = 2
            assert fw.g.y == 2
            assert log == [("request", "None")]
            with other.test_request_context():
                assert "x" not in fw.g
                assert fw.current_app == other
        assert log == [("request", "None"), ("app", "None")]

    @both
    def test_an_application_context_lets_the_request_shine_through(self, fw: t.Any) -> None:
        app, other = make(fw), make(fw)
        other.name = "other"
        with app.test_request_context("/i/3"):
            fw.session["a"] = 1
            with other.app_context():
                assert fw.current_app.name == "other"
                assert fw.request.path == "/i/3"
                assert fw.session["a"] == 1
                assert fw.has_request_context()

    @both
    @in_a_context_of_its_own
    def test_the_wrong_one(self, fw: t.Any) -> None:
        app = make(fw)
        first, second = app.app_context(), app.app_context()
        first.push()
        second.push()
        with pytest.raises(
            AssertionError, match=r"^Popped wrong app context\. \(<.* instead of <.*>\)$"
        ):
            first.pop()

    @both
    @in_a_context_of_its_own
    def test_the_wrong_request(self, fw: t.Any) -> None:
        app = make(fw)
        first, second = app.test_request_context(), app.test_request_context()
        first.push()
        second.push()
        with pytest.raises(AssertionError, match=r"^Popped wrong request context\. \("):
            first.pop()

    def test_nothing_happens_to_the_right_one(self) -> None:
        app = make(erlen)
        first, second = app.app_context(), app.app_context()
        with first, second:
            with pytest.raises(AssertionError):
                first.pop()
            assert erlen.globals.app_ctx == second
        assert not erlen.has_app_context()

    def test_popped_without_being_pushed(self) -> None:
        app = make(erlen)
        with pytest.raises(AssertionError, match="Popped wrong app context"):
            app.app_context().pop()
        with pytest.raises(AssertionError, match="Popped wrong request context"):
            app.test_request_context().pop()

    @both
    def test_made_by_hand(self, fw: t.Any) -> None:
        """As extensions make them, and before the application has served anything."""
        app = make(fw)
        environ = Call("/i/5").make_environ()
        with fw.ctx.RequestContext(app, environ) as ctx:
            assert fw.request.view_args == {"x": 5}
            assert ctx.app is app
        request = fw.Request(environ)
        with fw.ctx.RequestContext(app, environ, request=request):
            assert fw.request._get_current_object() is request
        session = fw.sessions.SecureCookieSession({"a": 1})
        with fw.ctx.RequestContext(app, environ, session=session):
            assert fw.session["a"] == 1
        with fw.ctx.AppContext(app):
            assert fw.current_app == app

    def test_both_names_are_one_class(self) -> None:
        assert AppContext is Context is RequestContext

    @both
    def test_repr(self, fw: t.Any) -> None:
        app = make(fw)
        with app.test_request_context("/i/3?q=1", method="POST"):
            text = repr(fw.globals.request_ctx)
        assert text.startswith("<RequestContext 'http://localhost/i/3?q=1' [POST] of contexts")

    @both
    def test_the_session_of_a_context(self, fw: t.Any) -> None:
        app = make(fw)
        with app.test_request_context():
            ctx = fw.globals.request_ctx
            assert not ctx._session.accessed
            fw.session["a"] = 1
            fw.session.clear()
            assert ctx._session is fw.session._get_current_object()
            assert ctx._session.modified and ctx._session.accessed

    def test_only_what_is_asked_for_is_made(self) -> None:
        app = make(erlen)
        app._freeze()
        ctx = app.request_context(Call("/").make_environ())
        assert (ctx._request, ctx._opened, ctx._g) == (None, None, None)

    @both
    def test_g_of_ones_own_class(self, fw: t.Any) -> None:
        class Globals(fw.ctx._AppCtxGlobals):  # type: ignore[misc]
            def __bool__(self) -> bool:
                return False

        app = make(fw)
        app.app_ctx_globals_class = Globals
        with app.app_context():
            fw.g.x = 1
            assert fw.g.x == 1
            assert fw.g.get("x") == 1
            assert type(fw.g._get_current_object()) is Globals

    @both
    def test_namespace(self, fw: t.Any) -> None:
        app = make(fw)
        with app.app_context():
            g = fw.g
            assert repr(g) == "<flask.g of 'contexts'>"
            g.x = 1
            assert (g.get("x"), g.get("y"), g.get("y", 5)) == (1, None, 5)
            assert g.setdefault("y", 2) == g.y == 2
            assert list(g) == ["x", "y"]
            assert g.pop("y") == 2
            assert g.pop("y", 3) == 3
            with pytest.raises(KeyError):
                g.pop("y")
            with pytest.raises(AttributeError):
                g.y  # noqa: B018
            del g.x
            assert "x" not in g

    def test_signals_of_nested_contexts(self) -> None:
        def made(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = make(fw)

            def receiver(name: str) -> t.Any:
                def receive(sender: t.Any, **extra: t.Any) -> None:
                    log.append(name)

                return receive

            app.receivers = [receiver("pushed"), receiver("popped")]
            fw.appcontext_pushed.connect(app.receivers[0], app)
            fw.appcontext_popped.connect(app.receivers[1], app)

            def index() -> str:
                with app.app_context():
                    log.append("inner")
                with app.test_request_context():
                    log.append("request")
                return "index"

            app.view_functions["index"] = index
            return app

        compare(made, "/", general=None)
        gc.collect()  # or the receivers would still be there for the next test


class TestCopies:
    @both
    def test_the_same_request_and_session(self, fw: t.Any) -> None:
        app = make(fw)
        with app.test_request_context("/i/3"):
            ctx = fw.globals.request_ctx
            copied = ctx.copy()
            fw.session["a"] = 1
        with copied:
            assert fw.globals.request_ctx._get_current_object() is copied
            assert fw.request._get_current_object() is ctx.request
            assert fw.session["a"] == 1
            assert fw.request.view_args == {"x": 3}
            assert "x" not in fw.g

    @both
    @pytest.mark.parametrize("opened", [False, True])
    def test_in_another_thread(self, fw: t.Any, opened: bool) -> None:
        """What the thread writes into the session before the answer is part of it."""
        app = make(fw)

        @app.get("/thread")
        def view() -> str:
            if opened:
                fw.session["own"] = 1

            @fw.copy_current_request_context
            def work(value: int) -> str:
                fw.session["thread"] = value
                return f"{fw.request.path} {fw.current_app.name}"

            with ThreadPoolExecutor(1) as pool:
                return pool.submit(work, 5).result()

        client = app.test_client()
        for _ in range(3):
            assert client.get("/thread").text == "/thread contexts"
            with client.session_transaction() as session:
                assert session["thread"] == 5

    @both
    def test_in_a_greenlet(self, fw: t.Any) -> None:
        greenlet = pytest.importorskip("greenlet")
        app = make(fw)
        with app.test_request_context("/i/3"):

            @fw.copy_current_request_context
            def work() -> str:
                return str(fw.request.path)

            assert greenlet.greenlet(work).switch() == "/i/3"

    @both
    def test_a_coroutine_function(self, fw: t.Any) -> None:
        app = make(fw)
        with app.test_request_context("/i/3"):

            @fw.copy_current_request_context
            async def work() -> str:
                await asyncio.sleep(0)
                return str(fw.request.path)

            assert work() == "/i/3"

    @both
    @pytest.mark.parametrize("name", ["copy_current_request_context", "after_this_request"])
    def test_needs_a_request(self, fw: t.Any, name: str) -> None:
        with pytest.raises(
            RuntimeError,
            match=f"^'{name}' can only be used when a request context is active, such as in a view",
        ):
            getattr(fw, name)(lambda: None)


class TestAfterThisRequest:
    def test_in_order_and_once(self) -> None:
        def made(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = make(fw)

            @app.after_request
            def always(response: t.Any) -> t.Any:
                log.append("always")
                return response

            @app.get("/view")
            def view() -> str:
                @fw.after_this_request
                def first(response: t.Any) -> t.Any:
                    log.append("first")
                    response.headers["X-First"] = "1"
                    return response

                @fw.after_this_request
                async def second(response: t.Any) -> t.Any:
                    log.append("second")
                    return fw.Response("replaced", headers=response.headers)

                return "view"

            @app.get("/nested")
            def nested() -> str:
                with app.app_context():
                    fw.after_this_request(lambda response: log.append("nested") or response)
                return "view"

            @app.get("/fails")
            def fails() -> str:
                fw.after_this_request(lambda response: log.append("failed") or response)
                return str(1 / 0)

            @app.get("/breaks")
            def breaks() -> str:
                fw.after_this_request(lambda response: 1 / 0)
                return "view"

            return app

        compare(made, "/view", "/nested", "/fails", "/", "/missing", "/breaks")

    @both
    def test_from_a_hook(self, fw: t.Any) -> None:
        app = make(fw)

        def hook() -> None:
            fw.after_this_request(lambda response: response.headers.add("X-A", "1") or response)

        app.before_request(hook)
        for path in ("/", "/", "/missing", "/missing"):
            assert serve(app, path).header("X-A") == "1"


class TestSeparation:
    """No context is seen by another thread, greenlet or task."""

    def test_threads(self) -> None:
        app = make(erlen)
        barrier = threading.Barrier(4)

        @app.get("/slow/<int:x>")
        def slow(x: int) -> str:
            erlen.g.x = x
            erlen.session["x"] = x
            barrier.wait(10)
            seen = (erlen.g.x, erlen.session["x"], erlen.request.view_args["x"])
            barrier.wait(10)
            return str(set(seen) == {x})

        plan(app)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda x: serve(app, f"/slow/{x}").body, range(40)))
        assert found == [b"True"] * 40

    def test_a_thread_starts_without(self) -> None:
        app = make(erlen)
        seen: list[bool] = []
        with app.test_request_context():
            thread = threading.Thread(target=lambda: seen.append(erlen.has_app_context()))
            thread.start()
            thread.join()
        assert seen == [False]

    @pytest.mark.wsgi
    def test_greenlets(self) -> None:
        greenlet = pytest.importorskip("greenlet")
        app = make(erlen)
        main = greenlet.getcurrent()

        @app.get("/slow/<int:x>")
        def slow(x: int) -> str:
            erlen.g.x = x
            main.switch()
            return f"{erlen.g.x} {erlen.request.view_args}"

        plan(app)
        lets = [greenlet.greenlet(lambda x=x: serve(app, f"/slow/{x}").body) for x in range(3)]
        for let in lets:
            let.switch()
            assert not erlen.has_app_context()
        assert [let.switch() for let in lets] == [f"{x} {{'x': {x}}}".encode() for x in range(3)]

    def test_tasks(self) -> None:
        app = make(erlen)

        async def work(x: int) -> tuple[t.Any, ...]:
            with app.test_request_context(f"/i/{x}"):
                erlen.g.x = x
                await asyncio.sleep(0)
                return erlen.g.x, erlen.request.path

        async def main() -> list[t.Any]:
            found = await asyncio.gather(*(work(x) for x in range(5)))
            assert not erlen.has_app_context()
            return found

        assert asyncio.run(main()) == [(x, f"/i/{x}") for x in range(5)]

    def test_a_task_started_inside_keeps_the_context(self) -> None:
        app = make(erlen)

        async def main() -> str:
            with app.test_request_context("/i/3"):
                task = asyncio.ensure_future(inner())
            return await task

        async def inner() -> str:
            return erlen.request.path

        assert asyncio.run(main()) == "/i/3"


class TestLeaks:
    def test_a_context_is_freed_with_its_request(self) -> None:
        app = make(erlen)
        kept: list[t.Any] = []

        @app.get("/keep")
        def keep() -> str:
            kept.append(weakref.ref(erlen.globals.request_ctx._get_current_object()))
            kept.append(weakref.ref(erlen.request._get_current_object()))
            erlen.session["a"] = erlen.g.x = 1
            return "kept"

        gc.disable()
        try:
            for _ in range(3):
                serve(app, "/keep")
            assert [ref() for ref in kept] == [None] * len(kept)
        finally:
            gc.enable()

    def test_with_blocks_leave_no_garbage(self) -> None:
        app = make(erlen)
        app.teardown_request(lambda error: None)

        def run() -> None:
            with app.app_context():
                erlen.g.x = 1
            with app.test_request_context("/i/4"):
                erlen.session["a"] = 1
            with app.app_context(), app.test_request_context("/missing"):
                pass
            try:
                with app.test_request_context():
                    raise ValueError
            except ValueError:
                pass

        run()
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                run()
            assert gc.collect() == 0
        finally:
            gc.enable()


class TestAdapters:
    def test_made_at_first_use(self) -> None:
        app = make(erlen)
        calls: list[t.Any] = []
        original = app.create_url_adapter

        @app.get("/adapter")
        def view() -> str:
            assert erlen.globals.request_ctx._adapter is not None
            adapter = erlen.globals.request_ctx.url_adapter
            assert adapter is erlen.globals.request_ctx.url_adapter
            return str(adapter.path_info)

        assert [serve(app, "/adapter").body for _ in range(3)] == [b"/adapter"] * 3
        app.create_url_adapter = lambda request: calls.append(request) or original(request)
        serve(app, "/adapter")
        assert len([request for request in calls if request is not None]) == 1

    @both
    def test_without_server_name(self, fw: t.Any) -> None:
        app = make(fw)
        with app.app_context():
            assert fw.globals.app_ctx.url_adapter is None
        app.config["SERVER_NAME"] = "example.com"
        with app.app_context():
            assert fw.globals.app_ctx.url_adapter.build("index", force_external=True) == (
                "http://example.com/"
            )

    @both
    def test_a_failing_adapter_is_the_requests_routing_error(self, fw: t.Any) -> None:
        app = make(fw)
        app.config["TRUSTED_HOSTS"] = ["good.example"]
        quiet(app)
        with app.test_request_context(base_url="http://bad.example"):
            assert fw.request.routing_exception.code == 400
            assert fw.request.url_rule is None
        assert serve(app, call("/", environ={"HTTP_HOST": "bad.example"})).status[:3] == "400"


@both
def test_what_extensions_put_on_the_context(fw: t.Any) -> None:
    # Flask-SocketIO replaces the session; others the request or the after_this_request list.
    app = make(fw)
    with app.test_request_context("/") as ctx:
        session = fw.sessions.SecureCookieSession({"user": 1})
        ctx._session = session
        assert fw.session["user"] == 1 and ctx.session is session
        request = app.request_class({**ctx.request.environ, "PATH_INFO": "/other"})
        ctx.request = request
        assert fw.request.path == "/other"
        ctx._after_request_functions = [lambda response: app.make_response("changed")]
        assert app.process_response(app.make_response("first")).get_data() == b"changed"


class TestAnApplicationContextHasNoRequest:
    @both
    @pytest.mark.parametrize("name", ["request", "session"])
    def test_it_can_be_asked(self, fw: t.Any, name: str) -> None:
        app = make(fw)
        with app.app_context() as ctx:
            assert not hasattr(ctx, name)
            assert not hasattr(fw.globals.app_ctx, name)
            assert getattr(ctx, name, None) is None
            with pytest.raises(AttributeError):
                getattr(ctx, name)

    @both
    @pytest.mark.parametrize("name", ["request", "session"])
    def test_the_proxies_say_what_is_missing(self, fw: t.Any, name: str) -> None:
        app = make(fw)
        proxy = getattr(fw, name)
        with app.app_context():
            for ask in (
                lambda: hasattr(proxy, "args"),
                lambda: hasattr(proxy, "get"),
                lambda: hasattr(proxy, "anything"),
                lambda: getattr(proxy, "path", None),
                lambda: "key" in proxy,
                lambda: proxy._get_current_object(),
            ):
                with pytest.raises(RuntimeError, match="Working outside of request") as found:
                    ask()
                assert not isinstance(found.value, AttributeError)
            assert not proxy

    @pytest.mark.parametrize("name", ["request", "session"])
    def test_it_is_flask_3_2s_error_as_well(self, name: str) -> None:
        app = make(erlen)
        ctx = app.app_context()
        with pytest.raises(RuntimeError, match="Working outside of request context"):
            getattr(ctx, name)
        with app.test_request_context("/"):
            assert hasattr(erlen.globals.app_ctx, name)
            with ctx:
                assert hasattr(ctx, name)
        assert not hasattr(ctx, name)
