"""The steps as methods: called directly, by an override with ``super()``, with errors."""

from __future__ import annotations

import sys
import typing as t

import pytest
from werkzeug.exceptions import Conflict, MethodNotAllowed, NotFound

import erlen
from erlen.steps import Steps
from sidebyside import BOTH, call, compare, quiet, serve

both = pytest.mark.parametrize("fw", BOTH)


def make(fw: t.Any, log: list[t.Any]) -> t.Any:
    app = fw.Flask("steps", static_folder=None)
    app.secret_key = "secret"

    @app.before_request
    def before() -> t.Any:
        log.append("before")
        return "stopped" if fw.request.args.get("stop") else None

    @app.after_request
    def after(response: t.Any) -> t.Any:
        log.append("after")
        response.headers["X-After"] = "1"
        return response

    app.teardown_request(lambda error: log.append(("request", repr(error))))
    app.teardown_appcontext(lambda error: log.append(("app", repr(error))))
    app.url_value_preprocessor(lambda endpoint, values: log.append((endpoint, values)))
    app.add_url_rule("/<int:x>", "view", lambda x: f"view {x}", methods=["GET", "POST"])
    app.add_url_rule("/fails", "fails", lambda: {}["missing"])
    app.register_error_handler(Conflict, lambda error: ("conflict", 299))
    return app


@both
class TestDirectCalls:
    """Inside ``test_request_context``, as tests and extensions do."""

    def test_full_dispatch_request(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = make(fw, log)
        with app.test_request_context("/4"):
            fw.session["a"] = 1
            response = app.full_dispatch_request()
            assert (response.get_data(), response.headers["X-After"]) == (b"view 4", "1")
            assert "Set-Cookie" in response.headers
            assert log == [("view", {"x": 4}), "before", "after"]
        assert app._got_first_request

    def test_preprocess_request(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = make(fw, log)
        with app.test_request_context("/4"):
            assert app.preprocess_request() is None
        with app.test_request_context("/4?stop=1"):
            assert app.preprocess_request() == "stopped"
        with app.test_request_context("/missing"):
            assert app.preprocess_request() is None
        assert [entry for entry in log if entry == (None, None)]

    def test_dispatch_request(self, fw: t.Any) -> None:
        app = make(fw, [])
        with app.test_request_context("/4"):
            assert app.dispatch_request() == "view 4"
        with app.test_request_context("/4", method="OPTIONS"):
            assert set(app.dispatch_request().allow) == {"GET", "HEAD", "OPTIONS", "POST"}
        with app.test_request_context("/missing"), pytest.raises(NotFound):
            app.dispatch_request()
        with app.test_request_context("/4", method="PUT"), pytest.raises(MethodNotAllowed):
            app.dispatch_request()

    def test_finalize_and_process(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = make(fw, log)
        with app.test_request_context("/4"):
            assert app.finalize_request(("x", 201)).headers["X-After"] == "1"
            assert app.process_response(fw.Response("x")).headers["X-After"] == "1"
            assert log == ["after", "after"]
            with pytest.raises(TypeError):
                app.finalize_request(None)

    def test_an_after_hook_that_fails_behind_an_error(
        self, fw: t.Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = make(fw, [])
        app.after_request(lambda response: {}["missing"])
        with app.test_request_context("/4"):
            with pytest.raises(KeyError):
                app.finalize_request("x")
            assert app.finalize_request("x", from_error_handler=True).get_data() == b"x"
        assert [record.getMessage() for record in caplog.records] == [
            "Request finalizing failed with an error while handling an error"
        ]

    def test_errors(self, fw: t.Any) -> None:
        app = make(fw, [])
        quiet(app)
        with app.test_request_context("/4"):
            assert app.handle_user_exception(Conflict()) == ("conflict", 299)
            assert app.handle_http_exception(Conflict()) == ("conflict", 299)
            error = NotFound()
            assert app.handle_user_exception(error) is error
            with pytest.raises(KeyError):
                try:
                    raise KeyError
                except KeyError as caught:
                    app.handle_user_exception(caught)
            try:
                raise KeyError("x")
            except KeyError as caught:
                response = app.handle_exception(caught)
            assert response.status_code == 500
            assert app.trap_http_exception(NotFound()) is False
            assert app.should_ignore_error(KeyError()) is False

    def test_teardown(self, fw: t.Any) -> None:
        log: list[t.Any] = []
        app = make(fw, log)
        with app.test_request_context("/4"):
            app.do_teardown_request()
            app.do_teardown_request(ValueError("given"))
            try:
                raise KeyError("handled")
            except KeyError:
                app.do_teardown_request()
                app.do_teardown_appcontext()
            assert log == [
                ("request", "None"),
                ("request", "ValueError('given')"),
                ("request", "KeyError('handled')"),
                ("app", "KeyError('handled')"),
            ]

    def test_outside(self, fw: t.Any) -> None:
        app = make(fw, [])
        for name in ("dispatch_request", "preprocess_request", "full_dispatch_request"):
            with pytest.raises(RuntimeError):
                getattr(app, name)()

    def test_log_exception(self, fw: t.Any, caplog: pytest.LogCaptureFixture) -> None:
        app = make(fw, [])
        with app.test_request_context("/4", method="POST"):
            try:
                raise KeyError("x")
            except KeyError:
                app.log_exception(sys.exc_info())
        (record,) = caplog.records
        assert record.getMessage() == "Exception on /4 [POST]"


def test_what_a_client_sends_cannot_forge_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    app = make(erlen, [])
    with app.test_request_context("/"):
        erlen.request.path = "/a\nERROR forged\x1b[0m"
        app.log_exception((None, None, None))
    assert caplog.records[0].getMessage() == r"Exception on /a\nERROR forged\x1b[0m [GET]"


def test_overrides_around_super() -> None:
    def made(fw: t.Any, log: list[t.Any]) -> t.Any:
        class App(fw.Flask):  # type: ignore[misc]
            def full_dispatch_request(self) -> t.Any:
                log.append("full")
                return super().full_dispatch_request()

            def preprocess_request(self) -> t.Any:
                log.append("preprocess")
                return super().preprocess_request()

            def dispatch_request(self) -> t.Any:
                rv = super().dispatch_request()
                return f"<{rv}>" if isinstance(rv, str) else rv

            def process_response(self, response: t.Any) -> t.Any:
                response = super().process_response(response)
                response.headers["X-Last"] = "1"
                return response

            def do_teardown_request(self, *args: t.Any) -> None:
                log.append(("teardown", len(args)))
                super().do_teardown_request(*args)

        module = type("Module", (), {**vars(fw), "Flask": App})
        return make(module, log)

    compare(
        made,
        "/4",
        "/4?stop=1",
        "/fails",
        "/missing",
        call("/4", "OPTIONS"),
        call("/4", "PUT"),
        general=6,
    )


@both
def test_teardown_runs_all_of_them_or_what_flask_runs(fw: t.Any) -> None:
    """A function that isn't an ``Exception``'s fault: ``SystemExit`` goes through at once."""
    log: list[str] = []
    app = fw.Flask("steps", static_folder=None)
    app.teardown_request(lambda error: log.append("first declared"))

    @app.teardown_request
    def leave(error: BaseException | None) -> None:
        raise SystemExit(1)

    app.get("/")(lambda: "x")
    assert serve(app).error == "SystemExit: 1"
    assert log == []


def test_the_default_is_not_part_of_the_protocol() -> None:
    """Nobody overrides a step by inheriting from the class that has them."""

    class App(erlen.Erlen):
        pass

    assert issubclass(App, Steps)
    assert App("x")._current_plans().overridden == frozenset()
