"""The functions that end a request are made ready once, and late ones are not lost."""

from __future__ import annotations

import sys
import typing as t
from types import FrameType

import pytest

import erlen
from erlen import signals
from erlen.plan import Plans
from sidebyside import call, compare, plan, quiet, serve


class Counting(erlen.Erlen):
    """Notes for which functions it was asked."""

    asked: t.ClassVar[list[str]] = []

    def ensure_sync(self, func: t.Any) -> t.Any:
        self.asked.append(func.__name__)
        return super().ensure_sync(func)


def test_functions_are_made_ready_once() -> None:
    app = Counting("ready", static_folder=None)
    ended: list[str] = []
    app.add_url_rule("/", "index", lambda: "index")

    @app.teardown_request
    async def of_request(error: t.Any) -> None:
        ended.append("request")

    @app.teardown_appcontext
    def of_app(error: t.Any) -> None:
        ended.append("app")

    for _ in range(3):
        plan(app)
        assert serve(app).body == b"index"
    assert ended == ["request", "app"] * 3
    for name in ("of_request", "of_app"):
        assert Counting.asked.count(name) == 1, Counting.asked


def test_what_is_declared_during_a_request_runs_at_its_end() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = fw.Flask("late", static_folder=None)
        app.teardown_appcontext_funcs.append(lambda error: log.append("first"))

        @app.get("/")
        def index() -> str:
            if len(app.teardown_appcontext_funcs) == 1:
                app.teardown_appcontext_funcs.append(lambda error: log.append("late"))
                late = app.teardown_request_funcs.setdefault(None, [])
                late.append(lambda error: log.append("late request"))
            return "index"

        return app

    assert compare(make, "/")[0].log == ["late request", "late", "first"]


def test_scopes_have_their_own() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = fw.Flask("scopes", static_folder=None)
        app.add_url_rule("/", "index", lambda: "index")
        inner, outer = fw.Blueprint("inner", "inner"), fw.Blueprint("outer", "outer")
        inner.add_url_rule("/in", "view", lambda: "view")
        outer.add_url_rule("/out", "view", lambda: "view")
        for scope, name in ((app, "app"), (inner, "inner"), (outer, "outer")):
            for number in (1, 2):
                scope.teardown_request(lambda error, told=f"{name} {number}": log.append(told))
        outer.register_blueprint(inner, url_prefix="/deep")
        app.register_blueprint(outer)
        return app

    compare(make, "/", "/out", "/deep/in", "/nowhere", call("/out", "OPTIONS"))


@pytest.mark.parametrize("kind", ["request", "appcontext"])
def test_all_run_and_the_first_error_counts(kind: str) -> None:
    app = erlen.Erlen("failing", static_folder=None)
    quiet(app)
    ended: list[str] = []
    declare = app.teardown_request if kind == "request" else app.teardown_appcontext

    @app.get("/")
    def index() -> str:
        return "index"

    for name in ("one", "two"):

        def fail(error: t.Any, name: str = name) -> None:
            ended.append(name)
            raise ValueError(name)

        declare(fail)
    for _ in range(2):
        plan(app)
        ended.clear()
        assert serve(app).body == b"index"
        assert ended == ["two", "one"]
    app.testing = True
    plan(app)
    assert serve(app).error == "ValueError: two"


def test_an_application_without_requests_makes_no_plans() -> None:
    app = erlen.Erlen("command", static_folder=None)
    ended: list[t.Any] = []
    app.teardown_appcontext(ended.append)
    with app.app_context():
        pass
    assert ended == [None]
    assert not isinstance(app._plans, Plans)


def _calls(app: t.Any) -> list[str]:
    """The functions that a request enters in the modules that end it."""
    found: list[str] = []

    def profile(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        module = code.co_filename.rpartition("/erlen/")[2]
        if event == "call" and module in ("ending.py", "teardown.py", "steps.py"):
            found.append(code.co_name)

    plan(app)
    serve(app)
    sys.setprofile(profile)
    try:
        serve(app)
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.wsgi
def test_without_teardown_functions_nothing_is_paid() -> None:
    app = erlen.Erlen("bare", static_folder=None)
    app.add_url_rule("/", "index", lambda: "index")
    assert _calls(app) == []
    app.teardown_request_funcs.setdefault(None, []).append(lambda error: None)
    assert "do_teardown_request" in _calls(app)


def test_receivers_are_told_without_functions() -> None:
    app = erlen.Erlen("told", static_folder=None)
    app.add_url_rule("/", "index", lambda: "index")
    heard: list[str] = []

    def ended(sender: t.Any, exc: t.Any, **extra: t.Any) -> None:
        heard.append(f"{sender.name} {exc}")

    with signals.request_tearing_down.connected_to(ended, app):
        assert serve(app).body == b"index"
    with signals.appcontext_tearing_down.connected_to(ended, app), app.app_context():
        pass
    assert heard == ["told None", "told None"]
