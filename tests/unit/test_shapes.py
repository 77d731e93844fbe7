"""Flask 3.2 hands the context to what dispatches: both shapes of calls and of overrides work."""

from __future__ import annotations

import functools
import sys
import typing as t
from types import FrameType
from unittest import mock

import pytest
from werkzeug.exceptions import NotFound

import erlen
from erlen.ctx import AppContext, Context
from erlen.globals import app_ctx
from erlen.shapes import CONTEXT_FIRST, takes_context
from sidebyside import Call, call, compare, plan, quiet, serve

NAMES = sorted(CONTEXT_FIRST)
CALLS = [call("/"), call("/fails"), call("/template"), call("/nowhere"), call("/", "OPTIONS")]


class Trouble(Exception):
    pass


def site(fw: t.Any, log: list[t.Any], cls: t.Any) -> t.Any:
    app = cls("shapes", static_folder=None)
    app.add_url_rule("/", "index", lambda: "index")
    app.add_url_rule("/template", "page", lambda: fw.render_template_string("{{ told }}"))
    app.before_request(lambda: log.append("before"))
    app.after_request(lambda response: log.append("after") or response)
    app.teardown_request(lambda error: log.append("teardown"))
    app.teardown_appcontext(lambda error: log.append("end"))
    app.context_processor(lambda: {"told": "told"})
    app.errorhandler(NotFound)(lambda error: ("handled", 404))

    @app.get("/fails")
    def fails() -> str:
        raise Trouble("fails")

    quiet(app)
    return app


def old(fw: t.Any, log: list[t.Any], name: str) -> t.Any:
    """An override in Flask 3.1's shape."""

    def override(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        log.append((name, len(args), sorted(kwargs)))
        return getattr(fw.Flask, name)(self, *args, **kwargs)

    return override


def new(fw: t.Any, log: list[t.Any], name: str) -> t.Any:
    """An override in Flask 3.2's, which hands the context on."""

    def override(self: t.Any, ctx: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        assert ctx is app_ctx._get_current_object()
        assert ctx.app is self
        log.append((name, len(args), sorted(kwargs)))
        return getattr(fw.Flask, name)(self, ctx, *args, **kwargs)

    return override


def annotated(fw: t.Any, log: list[t.Any], name: str) -> t.Any:
    def override(self: t.Any, current: AppContext, *args: t.Any, **kwargs: t.Any) -> t.Any:
        assert isinstance(current, Context)
        log.append((name, len(args), sorted(kwargs)))
        return getattr(fw.Flask, name)(self, current, *args, **kwargs)

    return override


def decorated(fw: t.Any, log: list[t.Any], name: str) -> t.Any:
    inner = new(fw, log, name)

    @functools.wraps(inner)
    def override(*args: t.Any, **kwargs: t.Any) -> t.Any:
        return inner(*args, **kwargs)

    return override


def by_keyword(fw: t.Any, log: list[t.Any], name: str) -> t.Any:
    def override(self: t.Any, ctx: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        log.append((name, len(args), sorted(kwargs)))
        if args:
            return getattr(fw.Flask, name)(self, ctx, *args, **kwargs)
        return getattr(fw.Flask, name)(self, ctx=ctx, **kwargs)

    return override


NEW_SHAPES = [new, annotated, decorated, by_keyword]


def on_class(app: t.Any, cls: t.Any, name: str, override: t.Any) -> None:
    setattr(cls, name, override)


def on_instance(app: t.Any, cls: t.Any, name: str, override: t.Any) -> None:
    setattr(app, name, override.__get__(app))


def by_partial(app: t.Any, cls: t.Any, name: str, override: t.Any) -> None:
    setattr(app, name, functools.partial(override, app))


PLACES = [on_class, on_instance, by_partial]


def same(shape: t.Any, name: str, place: t.Any) -> None:
    """An application whose override has this shape does what one on Flask 3.1 does."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        cls = type("App", (fw.Flask,), {})
        app = site(fw, log, cls)
        override = (old if fw is not erlen else shape)(fw, log, name)
        place(app, cls, name, override)
        return app

    found = compare(make, *CALLS, general=None)
    assert any(entry[0] == name for answer in found for entry in answer.log)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", [old, *NEW_SHAPES])
@pytest.mark.parametrize("name", NAMES)
def test_an_override_that_is_put_there(name: str, shape: t.Any, place: t.Any) -> None:
    same(shape, name, place)


@pytest.mark.parametrize("base", ["subclass", "mixin", "subclass of a subclass"])
@pytest.mark.parametrize("shape", [old, *NEW_SHAPES])
@pytest.mark.parametrize("name", NAMES)
def test_an_override_of_a_class(name: str, shape: t.Any, base: str) -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        body = {name: (old if fw is not erlen else shape)(fw, log, name)}
        if base == "mixin":
            cls = type("App", (type("Mixin", (), body), fw.Flask), {})
        else:
            cls = type("App", (fw.Flask,), body)
        if base.endswith("of a subclass"):
            cls = type("Below", (cls,), {})
        return site(fw, log, cls)

    compare(make, *CALLS, general=None)


class TestChains:
    """Classes of both shapes above one another, each calling the next by ``super()``."""

    def chain(self, log: list[str], *shapes: str) -> t.Any:
        """The class of the first shape is the base, that of the last the application's."""
        cls: t.Any = erlen.Erlen
        for number, shape in enumerate(shapes):
            make = self.new if shape == "new" else self.old
            cls = make(log, cls, f"{shape} {number}")
        return cls

    def new(self, log: list[str], base: t.Any, name: str) -> t.Any:
        class New(base):  # type: ignore[misc]
            def dispatch_request(self, ctx: t.Any) -> t.Any:
                log.append(name)
                assert ctx is app_ctx._get_current_object()
                return super().dispatch_request(ctx)

            def finalize_request(self, ctx: t.Any, rv: t.Any, *args: t.Any, **more: t.Any) -> t.Any:
                log.append(f"{name} end")
                return super().finalize_request(ctx, rv, *args, **more)

        return New

    def old(self, log: list[str], base: t.Any, name: str) -> t.Any:
        class Old(base):  # type: ignore[misc]
            def dispatch_request(self) -> t.Any:
                log.append(name)
                return super().dispatch_request()

            def finalize_request(self, rv: t.Any, from_error_handler: bool = False) -> t.Any:
                log.append(f"{name} end")
                return super().finalize_request(rv, from_error_handler)

        return Old

    @pytest.mark.parametrize(
        "shapes",
        [
            ("new",),
            ("old",),
            ("old", "new"),
            ("new", "old"),
            ("old", "new", "old"),
            ("new", "old", "new"),
            ("old", "old", "new"),
        ],
    )
    def test_all_are_called(self, shapes: tuple[str, ...]) -> None:
        log: list[str] = []
        app = site(erlen, [], self.chain(log, *shapes))
        names = [f"{shape} {number}" for number, shape in enumerate(shapes)][::-1]
        for _ in range(2):
            plan(app)
            log.clear()
            assert serve(app).body == b"index"
            assert log == [*names, *(f"{name} end" for name in names)]
        if "new" in shapes:
            with app.test_request_context("/") as ctx:
                assert app.dispatch_request() == app.dispatch_request(ctx) == "index"

    def test_old_overrides_alone_stay_as_they_were_written(self) -> None:
        cls = self.chain([], "old", "old")
        assert cls.dispatch_request.__qualname__.endswith("Old.dispatch_request")
        assert not hasattr(cls.dispatch_request, "__wrapped__")


class TestCallers:
    """Who calls erlen's methods may hand over the context, or not."""

    @pytest.mark.parametrize("how", ["not", "first", "keyword", "proxy"])
    def test_every_method(self, how: str) -> None:
        app = site(erlen, [], erlen.Erlen)
        with app.test_request_context("/") as ctx:
            first: list[t.Any] = {"first": [ctx], "proxy": [app_ctx]}.get(how, [])
            more: dict[str, t.Any] = {"ctx": ctx} if how == "keyword" else {}
            assert app.preprocess_request(*first, **more) is None
            assert app.dispatch_request(*first, **more) == "index"
            assert app.full_dispatch_request(*first, **more).data == b"index"
            assert "GET" in app.make_default_options_response(*first, **more).allow
            handled = app.handle_user_exception(*first, NotFound(), **more)
            assert handled == ("handled", 404)
            assert app.handle_http_exception(*first, NotFound(), **more) == ("handled", 404)
            failed = app.handle_exception(*first, Trouble(), **more)
            assert failed.status_code == 500
            app.log_exception(*first, (None, None, None), **more)
            response = app.finalize_request(*first, "text", **more)
            assert response.data == b"text"
            assert app.finalize_request(*first, "a", from_error_handler=True, **more).data == b"a"
            assert app.process_response(*first, response, **more) is response
            values: dict[str, t.Any] = {}
            app.update_template_context(*first, values, **more)
            assert values["told"] == "told"
            app.do_teardown_request(*first, None, **more)
            app.do_teardown_appcontext(*first, exc=None, **more)

    def test_a_context_that_is_not_the_current_one(self) -> None:
        app = site(erlen, [], erlen.Erlen)
        app.add_url_rule("/<name>", "named", lambda name: f"{erlen.request.path} {name}")
        outer, inner = (app.test_request_context(path) for path in ("/outer", "/inner"))
        with outer:
            with inner:
                assert app.dispatch_request(outer) == "/outer outer"
                assert erlen.request.path == "/inner"
            assert app.dispatch_request(outer) == "/outer outer"

    @pytest.mark.parametrize("shape", NEW_SHAPES)
    def test_old_and_new_callers_of_a_new_override(self, shape: t.Any) -> None:
        log: list[t.Any] = []
        cls = type(
            "App", (erlen.Erlen,), {"dispatch_request": shape(erlen, log, "dispatch_request")}
        )
        app = site(erlen, log, cls)
        with app.test_request_context("/") as ctx:
            assert app.dispatch_request() == app.dispatch_request(ctx) == "index"
            assert app.dispatch_request(ctx=ctx) == "index"
        with pytest.raises(RuntimeError, match="Working outside of application context"):
            app.dispatch_request()

    def test_templates_are_rendered_for_a_context(self) -> None:
        from erlen.templating import _render

        app = site(erlen, [], erlen.Erlen)
        template = app.jinja_env.from_string("{{ told }}")
        with app.app_context() as ctx:
            assert _render(app, template, {}) == "told"
            assert _render(ctx, template, {}) == "told"  # type: ignore[arg-type]


def test_contexts_as_flask_3_2_makes_them() -> None:
    app = site(erlen, [], erlen.Erlen)
    environ = Call("/fails").make_environ()
    with AppContext.from_environ(app, environ) as ctx:
        assert ctx.has_request
        assert erlen.request.endpoint == "fails"
    with AppContext(app, request=app.request_class(environ)) as ctx:
        assert ctx.has_request
        assert erlen.request.endpoint == "fails"
    assert not AppContext(app).has_request


@pytest.mark.parametrize(
    ("function", "bound", "expected"),
    [
        (lambda self, ctx: None, False, True),
        (lambda self, ctx, e: None, False, True),
        (lambda self, e: None, False, False),
        (lambda self: None, False, False),
        (lambda self, *ctx: None, False, False),
        (lambda self, *, ctx: None, False, False),
        (lambda ctx: None, False, False),
        (lambda ctx: None, True, True),
        (functools.partial(lambda a, ctx: None, 1), True, True),
        (mock.Mock(), True, False),
        (dict.get, True, False),
        (print, True, False),
    ],
)
def test_what_takes_a_context(function: t.Any, bound: bool, expected: bool) -> None:
    assert takes_context(function, bound) is expected


def test_annotations_tell_as_well() -> None:
    def by_class(self: t.Any, c: Context) -> None: ...
    def by_text(self: t.Any, c: t.Any) -> None: ...
    def other(self: t.Any, c: int) -> None: ...

    by_class.__annotations__["c"] = Context
    for text in ("AppContext", "flask.ctx.AppContext", "'ctx.RequestContext'"):
        by_text.__annotations__["c"] = text
        assert takes_context(by_text, False), text
    by_text.__annotations__["c"] = "MyAppContext"
    assert not takes_context(by_text, False)
    other.__annotations__["c"] = int
    assert takes_context(by_class, False)
    assert not takes_context(other, False)


def test_a_class_is_patched_while_it_serves() -> None:
    app = site(erlen, [], type("App", (erlen.Erlen,), {}))
    client = app.test_client()
    assert client.get("/").text == "index"
    for owner in (erlen.Erlen, type(app)):
        with mock.patch.object(owner, "dispatch_request", return_value="mocked") as mocked:
            assert client.get("/").text == "mocked"
            mocked.assert_called_once_with()
        assert client.get("/").text == "index"
        with mock.patch.object(owner, "dispatch_request", lambda self, ctx: f"{ctx.request.path}"):
            assert client.get("/").text == "/"
        assert client.get("/").text == "index"


class TestWithoutOverridesNothingIsPaid:
    def calls(self, app: t.Any) -> list[str]:
        found: list[str] = []

        def profile(frame: FrameType, event: str, argument: object) -> None:
            if event == "call" and frame.f_code.co_filename.endswith("/erlen/shapes.py"):
                found.append(frame.f_code.co_name)

        for path in ("/", "/fails", "/template"):
            for _ in range(3):
                plan(app)
                serve(app, path)
        sys.setprofile(profile)
        try:
            for path in ("/", "/template"):
                serve(app, path)
        finally:
            sys.setprofile(None)
        return found

    def test_no_call(self) -> None:
        app = site(erlen, [], erlen.Erlen)
        app.teardown_request_funcs.clear()
        assert self.calls(app) == []

    def test_the_signature_is_read_once(self) -> None:
        cls = type("App", (erlen.Erlen,), {"dispatch_request": lambda self, ctx: "new"})
        app = site(erlen, [], cls)
        with mock.patch("erlen.shapes.inspect.signature", side_effect=AssertionError):
            for _ in range(3):
                plan(app)
                assert serve(app).body == b"new"


class TestDecoratorsWithoutParentheses:
    @pytest.mark.parametrize("bare", [True, False])
    def test_template_parts(self, bare: bool) -> None:
        app = site(erlen, [], erlen.Erlen)
        bp = erlen.Blueprint("bp", "bp")
        for owner, prefix in ((app, ""), (bp, "app_")):
            for kind in ("filter", "test", "global"):
                decorator = getattr(owner, f"{prefix}template_{kind}")

                def part(*values: t.Any) -> str:
                    return "called"

                part.__name__ = f"{prefix}my_{kind}"
                assert (decorator if bare else decorator())(part) is part
        app.register_blueprint(bp)
        text = "{{ 1|my_filter }} {{ 1 is my_test }} {{ my_global() }} {{ 1|app_my_filter }}"
        with app.app_context():
            found = erlen.render_template_string(f"{text} {{{{ 1 is app_my_test }}}}")
        assert found == "called called called called called"

    def test_commands(self) -> None:
        app = site(erlen, [], erlen.Erlen)
        bp = erlen.Blueprint("bp", "bp")

        @app.cli.command
        def bare() -> None:
            print(erlen.current_app.name)

        @bp.cli.command
        def of_blueprint() -> None:
            print(erlen.current_app.name)

        @app.cli.group
        def some() -> None:
            """Some commands."""

        @some.command
        def inner() -> None:
            print("inner", erlen.current_app.name)

        app.register_blueprint(bp, cli_group=None)
        run = app.test_cli_runner().invoke
        assert run(args=["bare"]).output == "shapes\n"
        assert run(args=["of-blueprint"]).output == "shapes\n"
        assert run(args=["some", "inner"]).output == "inner shapes\n"
