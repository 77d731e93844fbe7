"""The walk of a plan: every step in Flask's order, on all levels."""

from __future__ import annotations

import asyncio
import typing as t

import pytest

import erlen
from erlen.ctx import Context
from erlen.runner import arun, run
from sidebyside import call, compare


class OneError(Exception):
    pass


STEPS = "processor before view after teardown handler".split()
LEVELS = "app outer inner".split()


def make_app(
    fw: t.Any,
    log: list[t.Any],
    answering: tuple[str, str] | None = None,
    failing: tuple[str, str] | None = None,
    handled: bool = False,
) -> t.Any:
    """Two of every hook on the application and on two nested blueprints."""
    app = fw.Flask("runner", static_folder=None)
    app.secret_key = "secret"
    outer, inner = fw.Blueprint("outer", "outer"), fw.Blueprint("inner", "inner")
    app.teardown_appcontext(lambda error: log.append(("app teardown", repr(error))))

    def step(kind: str, level: str, number: int) -> t.Any:
        def note(*args: t.Any) -> t.Any:
            shown = [
                repr(arg)
                if isinstance(arg, (str, dict, Exception, type(None)))
                else arg.status_code
                for arg in args
            ]
            log.append((kind, level, number, shown))
            if number == 0 and failing == (kind, level):
                raise OneError(f"{kind} {level}")
            if number == 0 and answering == (kind, level):
                return f"{kind} {level}", 203
            if kind == "after":
                args[0].headers.add("X-Order", f"{level}{number}")
                return args[0]
            return None

        return note

    for level, owner in zip(LEVELS, (app, outer, inner)):
        for number in range(2):
            owner.url_value_preprocessor(step("processor", level, number))
            owner.before_request(step("before", level, number))
            owner.after_request(step("after", level, number))
            owner.teardown_request(step("teardown", level, number))
        owner.add_url_rule("/<int:x>", "view", lambda x: log.append(("view", x)) or f"view {x}")
        if handled:
            owner.register_error_handler(OneError, lambda e, level=level: f"{level} handled {e}")
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/outer")
    return app


PATHS = ["/1", "/outer/2", "/outer/inner/3", "/missing", call("/1", "OPTIONS"), call("/1", "HEAD")]


def test_the_order() -> None:
    (first, *_) = compare(make_app, *PATHS, call("/outer/2", "POST"), general=1)
    assert [entry[0] for entry in first.log if entry[1] != "outer"] == (
        ["processor"] * 2
        + ["before"] * 2
        + ["view"]
        + ["after"] * 2
        + ["teardown"] * 2
        + ["app teardown"]
    )


@pytest.mark.parametrize("level", LEVELS)
def test_a_before_hook_that_answers(level: str) -> None:
    compare(lambda fw, log: make_app(fw, log, answering=("before", level)), *PATHS)


@pytest.mark.parametrize("handled", [False, True])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", ["processor", "before", "after"])
def test_a_step_that_raises(kind: str, level: str, handled: bool) -> None:
    compare(lambda fw, log: make_app(fw, log, failing=(kind, level), handled=handled), *PATHS)


def test_url_processors_change_the_arguments() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = fw.Flask("runner", static_folder=None)
        bp = fw.Blueprint("bp", "bp", url_prefix="/<lang>")

        @bp.url_value_preprocessor
        def pull(endpoint: str, values: dict[str, t.Any]) -> None:
            fw.g.lang = values.pop("lang")

        @bp.url_defaults
        def push(endpoint: str, values: dict[str, t.Any]) -> None:
            values.setdefault("lang", fw.g.lang)

        @bp.get("/<int:x>")
        def view(x: int) -> str:
            return f"{fw.g.lang} {x} {fw.request.view_args} {fw.url_for('.view', x=x + 1)}"

        @app.url_value_preprocessor
        def double(endpoint: str, values: dict[str, t.Any] | None) -> None:
            if values and "x" in values:
                values["x"] *= 2

        app.register_blueprint(bp)
        return app

    (answer, _) = compare(make, "/de/4", "/missing")
    assert answer.body == b"de 8 {'x': 8} /de/9"


def test_session_and_g_are_there_for_every_step() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = fw.Flask("runner", static_folder=None)
        app.secret_key = "secret"

        def note(*args: t.Any) -> t.Any:
            fw.g.count = fw.g.get("count", 0) + 1
            fw.session["count"] = fw.g.count
            log.append((fw.g.count, fw.request.path, fw.current_app.name))
            return args[0] if args and hasattr(args[0], "headers") else None

        app.before_request(note)
        app.after_request(note)
        app.get("/")(lambda: note() or str(fw.session))

        @app.teardown_request
        def teardown(error: BaseException | None) -> None:
            log.append((fw.g.count, dict(fw.session)))

        return app

    compare(make, "/", "/missing")


def test_both_colours() -> None:
    """The asynchronous twin, over the same plan with every step a coroutine function."""
    log: list[t.Any] = []
    app = make_app(erlen, log)
    plans = app._current_plans()

    def later(step: t.Any) -> t.Any:
        async def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
            await asyncio.sleep(0)
            return step(*args, **kwargs)

        return call

    found = []
    for path in ("/1", "/outer/2", "/outer/inner/3"):
        environ = call(path).make_environ()
        for colour in ("sync", "async"):
            plan, args = plans.resolve(environ)
            log.clear()
            with Context(app, environ, None, None, plan, args) as ctx:
                if colour == "sync":
                    response = run(plan, ctx)
                else:
                    plan.processors = tuple(map(later, plan.processors))
                    plan.before = tuple(map(later, plan.before))
                    plan.after = tuple(map(later, plan.after))
                    plan.view = later(plan.view)
                    response = asyncio.run(arun(plan, ctx))
            found.append((response.get_data(), list(response.headers), list(log)))
        assert found[-1] == found[-2]
