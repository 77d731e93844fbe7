"""Plans: what is declared late is seen by the next request, overrides take their slot."""

from __future__ import annotations

import gc
import inspect
import typing as t
from collections import defaultdict
from datetime import timedelta

import flask
import pytest
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Rule

import erlen
from erlen import signals
from erlen.plan import SLOTS, scopes_of
from erlen.state import epoch
from sidebyside import Call, answers, call, compare, counted_general, plan, quiet, serve


class CustomError(Exception):
    pass


def small(fw: t.Any, log: list[t.Any], cls: t.Any = None) -> t.Any:
    app = (cls or fw.Flask)("plans", static_folder=None)
    app.secret_key = "secret"

    @app.get("/")
    def index() -> str:
        return "index"

    @app.get("/dict")
    def table() -> dict[str, int]:
        return {"b": 1, "a": 2}

    @app.get("/fails")
    def fails() -> str:
        raise CustomError("fails")

    @app.get("/session")
    def write() -> str:
        fw.session["a"] = 1
        return "written"

    @app.get("/n/<int:number>")
    def number(number: int) -> str:
        return f"{fw.request.endpoint} {number}"

    return app


PATHS = ["/", "/dict", "/fails", "/session", "/n/4", "/missing"]


def after(response: t.Any) -> t.Any:
    response.headers["X-After"] = "1"
    return response


def take_over(app: t.Any, name: str, value: t.Any) -> None:
    setattr(app, name, value)


def _json_provider(fw: t.Any) -> t.Any:
    class Provider(fw.json.provider.DefaultJSONProvider):  # type: ignore[misc]
        def dumps(self, obj: t.Any, **kwargs: t.Any) -> str:
            return "<dumped>"

    return Provider


def _request_class(fw: t.Any) -> t.Any:
    class Request(fw.Request):  # type: ignore[misc]
        @property
        def endpoint(self) -> str:
            return "mine"

    return Request


def _response_class(fw: t.Any) -> t.Any:
    class Response(fw.Response):  # type: ignore[misc]
        default_mimetype = "text/plain"

    return Response


def _session_interface(fw: t.Any) -> t.Any:
    class Interface(fw.sessions.SecureCookieSessionInterface):  # type: ignore[misc]
        def save_session(self, app: t.Any, session: t.Any, response: t.Any) -> None:
            response.headers["X-Session"] = repr(dict(session))

    return Interface()


def _set_rule(fw: t.Any, app: t.Any) -> None:
    app.url_map.add(Rule("/missing", endpoint="index"))


def _connect(name: str) -> t.Callable[[t.Any, t.Any], None]:
    def change(fw: t.Any, app: t.Any) -> None:
        def receiver(sender: t.Any, **extra: t.Any) -> None:
            app.config.setdefault("SEEN", []).append((name, sorted(extra)))

        app.receiver = receiver
        getattr(fw, name).connect(receiver, app)
        app.config["SEEN"] = []

    return change


# Each happens behind the first request, past Flask's set-up methods, as extensions do it.
CHANGES: dict[str, t.Callable[[t.Any, t.Any], t.Any]] = {
    "before": lambda fw, app: app.before_request_funcs[None].append(lambda: "hook"),
    "before setdefault": lambda fw, app: app.before_request_funcs.setdefault(None, []).append(
        lambda: "hook"
    ),
    "before assigned": lambda fw, app: take_over(
        app, "before_request_funcs", {None: [lambda: "hook"]}
    ),
    "before item": lambda fw, app: app.before_request_funcs.update({None: [lambda: "hook"]}),
    "before or": lambda fw, app: app.before_request_funcs.__ior__({None: [lambda: "hook"]}),
    "after": lambda fw, app: app.after_request_funcs[None].append(after),
    "after inserted": lambda fw, app: app.after_request_funcs[None].insert(0, after),
    "processor": lambda fw, app: app.url_value_preprocessors[None].append(
        lambda endpoint, values: values and values.update(number=9)
    ),
    "view": lambda fw, app: app.view_functions.__setitem__("index", lambda: "other"),
    "view updated": lambda fw, app: app.view_functions.update(index=lambda: "other"),
    "view gone": lambda fw, app: app.view_functions.pop("index"),
    "handler": lambda fw, app: app.error_handler_spec[None][None].__setitem__(
        CustomError, lambda error: "handled"
    ),
    "handler dict": lambda fw, app: app.error_handler_spec[None].__setitem__(
        None, {CustomError: lambda error: "handled"}
    ),
    "handler plain": lambda fw, app: app.error_handler_spec.__setitem__(
        None, defaultdict(dict, {404: {NotFound: lambda error: "handled"}})
    ),
    "handler setdefault": lambda fw, app: (
        app.error_handler_spec.setdefault(None, {})
        .setdefault(404, {})
        .update({NotFound: lambda error: "handled"})
    ),
    "handler assigned": lambda fw, app: take_over(
        app,
        "error_handler_spec",
        {None: defaultdict(dict, {404: {NotFound: lambda error: "handled"}})},
    ),
    "rule": _set_rule,
    "config": lambda fw, app: app.config.update(SESSION_COOKIE_NAME="other"),
    "config item": lambda fw, app: app.config.__setitem__("SESSION_COOKIE_SECURE", True),
    "config trap": lambda fw, app: app.config.__setitem__("TRAP_HTTP_EXCEPTIONS", True),
    "testing": lambda fw, app: take_over(app, "testing", True),
    "debug": lambda fw, app: take_over(app, "debug", True),
    "secret key": lambda fw, app: take_over(app, "secret_key", None),
    "lifetime": lambda fw, app: take_over(app, "permanent_session_lifetime", timedelta(1)),
    "json": lambda fw, app: take_over(app, "json", _json_provider(fw)(app)),
    "json option": lambda fw, app: take_over(app.json, "sort_keys", False),
    "json dumps": lambda fw, app: take_over(app.json, "dumps", lambda obj, **kw: "<dumped>"),
    "json mimetype": lambda fw, app: take_over(app.json, "mimetype", "text/json"),
    "request class": lambda fw, app: take_over(app, "request_class", _request_class(fw)),
    "response class": lambda fw, app: take_over(app, "response_class", _response_class(fw)),
    "session interface": lambda fw, app: take_over(
        app, "session_interface", _session_interface(fw)
    ),
    "blueprint": lambda fw, app: (
        setattr(app, "_got_first_request", False) or app.register_blueprint(_blueprint(fw))
    ),
    "started": _connect("request_started"),
    "finished": _connect("request_finished"),
    "tearing down": _connect("request_tearing_down"),
    "app tearing down": _connect("appcontext_tearing_down"),
    "pushed": _connect("appcontext_pushed"),
    "popped": _connect("appcontext_popped"),
    "exception": _connect("got_request_exception"),
}


def _blueprint(fw: t.Any) -> t.Any:
    bp = fw.Blueprint("late", "late")
    bp.add_url_rule("/missing", "found", lambda: "found")
    bp.app_errorhandler(CustomError)(lambda error: "handled")
    return bp


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("way", ["general", "planned"])
def test_a_late_change_is_seen_by_the_next_request(name: str, way: str) -> None:
    def run(fw: t.Any) -> tuple[list[t.Any], list[t.Any], t.Any]:
        app = small(fw, [])
        quiet(app)
        warm = [serve(app, path) for path in PATHS * 2]
        CHANGES[name](fw, app)
        if fw is erlen and way == "planned":
            plan(app)
        found = [serve(app, path) for path in PATHS]
        return warm, found, app.config.get("SEEN")

    expected, found = run(flask), run(erlen)
    gc.collect()  # or receivers would still be there for the next test
    assert found == expected
    assert name in ("lifetime",) or found[0][:6] != found[1] or found[2]


@pytest.mark.parametrize(
    "name", "request_started request_finished request_tearing_down appcontext_tearing_down".split()
)
def test_a_disconnected_receiver_is_not_called(name: str) -> None:
    app = small(erlen, [])
    seen: list[t.Any] = []

    def receiver(sender: t.Any, **extra: t.Any) -> None:
        seen.append(extra)

    signal = getattr(signals, name)
    with signal.connected_to(receiver, app):
        for _ in range(3):
            serve(app)
    assert len(seen) == 3
    serve(app)
    assert len(seen) == 3


def test_removed_hooks_are_gone() -> None:
    app = small(erlen, [])
    hook = lambda: "hook"  # noqa: E731
    app.before_request(hook)
    assert [serve(app).body for _ in range(2)] == [b"hook"] * 2
    app.before_request_funcs[None].remove(hook)
    assert serve(app).body == b"index"


class TestWhatDoesNotCount:
    @pytest.mark.parametrize(
        "change",
        [
            lambda app: setattr(app, "counter", 1),
            lambda app: setattr(app, "_private", 1),
            lambda app: app.extensions.update(mine=object()),
            lambda app: setattr(app, "_got_first_request", True),
            lambda app: serve(app),
            lambda app: serve(app, "/missing"),
            lambda app: serve(app, "/fails"),
            lambda app: serve(app, "/session"),
            lambda app: app.jinja_env,
            lambda app: app.logger,
            lambda app: app.url_map.bind("h").build("index"),
            lambda app: app.app_context().push() or erlen.globals.app_ctx.pop(),
        ],
    )
    def test_plans_are_kept(self, change: t.Callable[[t.Any], t.Any]) -> None:
        app = small(erlen, [])
        quiet(app)
        for path in PATHS * 2:
            serve(app, path)
        before, plans = epoch.value, app._plans
        change(app)
        assert epoch.value == before
        serve(app)
        assert app._plans is plans

    def test_the_route_table_outlives_other_changes(self) -> None:
        app = small(erlen, [])
        table = app._current_plans().table
        app.config["ANY"] = 1
        assert app._current_plans().table is table
        app._got_first_request = False
        app.add_url_rule("/new", "new", lambda: "new")
        assert app._current_plans().table is not table


# -- overrides ------------------------------------------------------------------------


def overriding(fw: t.Any, log: list[t.Any], name: str) -> t.Any:
    """A method that logs how it was called, and does what it overrides does."""
    original = getattr(fw.Flask, name)

    def override(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if args == (None,):
            # An adapter for the application alone, which Flask makes beforehand.
            return original(self, *args)
        kinds = [type(arg).__name__ for arg in args]
        kinds = ["function" if kind == "method" else kind for kind in kinds]
        log.append((name, kinds, sorted(kwargs)))
        rv = original(self, *args, **kwargs)
        log.append((name, type(rv).__name__))
        return rv

    return override


# How often an application asks is its own affair, not part of the protocol.
ASKED_AT_LEISURE = {"ensure_sync", "async_to_sync", "request_context"}


def observed(fw: t.Any, log: list[t.Any], app: t.Any) -> t.Any:
    app.before_request(lambda: log.append("before"))

    @app.after_request
    def after(response: t.Any) -> t.Any:
        log.append("after")
        return response

    app.teardown_request(lambda error: log.append("teardown"))
    app.register_error_handler(NotFound, lambda error: ("not here", 404))
    return app


CALLS = [*map(call, PATHS), call("/", "OPTIONS"), call("/", "POST"), call("/", "HEAD")]


@pytest.mark.parametrize("hooks", [False, True], ids=["bare", "hooks"])
@pytest.mark.parametrize("name", [name for name in SLOTS if name not in ASKED_AT_LEISURE])
def test_a_subclass_overrides(name: str, hooks: bool) -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        if name == "should_ignore_error" and not hooks:
            # Asked for the sake of teardown functions; without any Erlen doesn't.
            log = []
        cls = type("App", (fw.Flask,), {name: overriding(fw, log, name)})
        app = small(fw, log, cls)
        return observed(fw, log, app) if hooks else app

    compare(make, *CALLS, general=None)


@pytest.mark.parametrize("name", [name for name in SLOTS if name not in ASKED_AT_LEISURE])
def test_an_instance_overrides(name: str) -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = observed(fw, log, small(fw, log))
        serve(app)
        setattr(app, name, overriding(fw, log, name).__get__(app))
        return app

    compare(make, *CALLS, general=None)


def _raise(error: BaseException) -> t.NoReturn:
    raise error


#: Overrides that don't do what they override does: their result has to be used.
REPLACEMENTS: dict[str, t.Callable[[t.Any, t.Any], t.Any]] = {
    "full_dispatch_request": lambda fw, self: fw.Response("replaced"),
    "preprocess_request": lambda fw, self: "replaced",
    "dispatch_request": lambda fw, self: ("replaced", 201),
    "make_response": lambda fw, self, rv: fw.Response(f"<{type(rv).__name__}>"),
    "finalize_request": lambda fw, self, rv, from_error_handler=False: fw.Response("replaced"),
    "process_response": lambda fw, self, response: fw.Response(f"was {response.status}"),
    "handle_exception": lambda fw, self, e: fw.Response(f"<{e!r}>", 500),
    "handle_user_exception": lambda fw, self, e: f"<{type(e).__name__}>",
    "handle_http_exception": lambda fw, self, e: f"<{type(e).__name__}>",
    "trap_http_exception": lambda fw, self, e: True,
    "raise_routing_exception": lambda fw, self, request: _raise(CustomError(request.path)),
    "make_default_options_response": lambda fw, self: fw.Response("options"),
    "do_teardown_request": lambda fw, self, exc=None: None,
    "do_teardown_appcontext": lambda fw, self, exc=None: None,
    "create_url_adapter": lambda fw, self, request: self.url_map.bind("replaced", path_info="/n/7"),
    "should_ignore_error": lambda fw, self, error: True,
    "ensure_sync": lambda fw, self, func: func,
}


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_the_result_of_an_override_is_used(name: str) -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        def replacement(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
            return REPLACEMENTS[name](fw, self, *args, **kwargs)

        return observed(fw, log, small(fw, log, type("App", (fw.Flask,), {name: replacement})))

    compare(make, *CALLS, general=None)


def test_every_slot_is_flasks() -> None:
    """Same name, same parameters."""
    for name in SLOTS:
        ours, theirs = (
            list(inspect.signature(getattr(fw.Flask, name)).parameters) for fw in (erlen, flask)
        )
        assert ours == theirs, name


def test_ensure_sync_is_asked_for_every_function() -> None:
    wrapped: list[str] = []

    class App(erlen.Erlen):
        def ensure_sync(self, func: t.Any) -> t.Any:
            wrapped.append(func.__name__)
            return super().ensure_sync(func)

    app = small(erlen, [], App)

    def before() -> None:
        pass

    app.before_request(before)
    app.after_request(after)
    for _ in range(2):
        serve(app)
    assert {"before", "after", "index"} <= set(wrapped)


@pytest.mark.wsgi
def test_without_overrides_requests_are_planned() -> None:
    app = small(erlen, [])
    assert app._current_plans().overridden == frozenset()
    with counted_general() as taken:
        for path in ["/", *PATHS]:
            serve(app, path)
    assert taken == ["/"]


def test_a_patched_class_is_noticed_by_the_client() -> None:
    app = small(erlen, [])
    client = app.test_client()
    client.get("/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erlen.Erlen, "dispatch_request", lambda self: "patched")
        assert client.get("/").text == "patched"
    assert client.get("/").text == "index"


def test_custom_request_class_that_makes_its_own() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        class Request(fw.Request):  # type: ignore[misc]
            def __init__(self, environ: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
                log.append(("made", environ["PATH_INFO"]))
                super().__init__(environ, *args, **kwargs)

        app = small(fw, log)
        app.request_class = Request
        return app

    compare(make, *PATHS, general=6)


@pytest.mark.parametrize(
    ("endpoint", "scopes"),
    [
        (None, ()),
        ("a", ()),
        ("a.b", ("a",)),
        ("a.b.c", ("a.b", "a")),
        ("a.b.c.d", ("a.b.c", "a.b", "a")),
    ],
)
def test_scopes(endpoint: str | None, scopes: tuple[str, ...]) -> None:
    assert scopes_of(endpoint) == scopes


class TestRequestsThatHooksChange:
    """A before hook or processor may say what is dispatched, as in Flask."""

    def make(self, change: t.Callable[[t.Any, t.Any], None], by: str = "before") -> t.Any:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = small(fw, log)
            if by == "before":
                app.before_request(lambda: change(app, fw.request))
            else:
                app.url_value_preprocessor(lambda endpoint, values: change(app, fw.request))
            return app

        return make

    @pytest.mark.parametrize("by", ["before", "processor"])
    def test_view_args(self, by: str) -> None:
        def change(app: t.Any, request: t.Any) -> None:
            if request.view_args:
                request.view_args = {"number": 77}

        compare(self.make(change, by), *PATHS)

    @pytest.mark.parametrize("by", ["before", "processor"])
    def test_url_rule(self, by: str) -> None:
        def change(app: t.Any, request: t.Any) -> None:
            request.url_rule = next(rule for rule in app.url_map.iter_rules("index"))
            request.view_args = {}

        compare(self.make(change, by), *PATHS)

    def test_a_miss_becomes_a_hit(self) -> None:
        def change(app: t.Any, request: t.Any) -> None:
            request.routing_exception = None
            request.url_rule = next(rule for rule in app.url_map.iter_rules("index"))
            request.view_args = {}

        compare(self.make(change), *PATHS)

    def test_a_hit_becomes_a_miss(self) -> None:
        def change(app: t.Any, request: t.Any) -> None:
            request.routing_exception = NotFound("hidden")

        compare(self.make(change), *PATHS)

    def test_processors_of_a_miss_get_nothing(self) -> None:
        def make(fw: t.Any, log: list[t.Any]) -> t.Any:
            app = small(fw, log)
            app.url_value_preprocessor(lambda *args: log.append(args))
            return app

        compare(make, *PATHS, call("/", "POST"), general=1)


def test_a_rule_without_a_view_is_the_requests_error() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = observed(fw, log, small(fw, log))
        app.add_url_rule("/empty", "empty")
        app.add_url_rule("/caught", "caught")
        app.register_error_handler(KeyError, lambda error: f"caught {error}")
        return app

    (first, second) = compare(make, "/empty", "/caught")
    assert first.body == b"caught 'empty'"


def test_the_handler_memory_is_bounded() -> None:
    from erlen.steps import _HANDLERS_KEPT

    app = small(erlen, [])
    app.view_functions["index"] = lambda: _raise(type("Made", (CustomError,), {})())
    app.register_error_handler(CustomError, lambda error: type(error).__name__)
    for _ in range(_HANDLERS_KEPT + 20):
        assert serve(app).body == b"Made"
        assert len(app._plans.handlers) <= _HANDLERS_KEPT + 1


def test_a_subclass_that_wraps_everything() -> None:
    """Flask's protocol in one subclass, order included."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        names = [name for name in SLOTS if name not in ASKED_AT_LEISURE]
        body = {name: overriding(fw, log, name) for name in names}
        return observed(fw, log, small(fw, log, type("App", (fw.Flask,), body)))

    compare(make, *CALLS, general=None)


def test_signals_in_order() -> None:
    names = "request_started request_finished request_tearing_down appcontext_tearing_down"
    names += " appcontext_pushed appcontext_popped got_request_exception"

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = observed(fw, log, small(fw, log))
        app.receivers = []
        for name in names.split():

            def receiver(sender: t.Any, name: str = name, **extra: t.Any) -> None:
                shown = {key: type(value).__name__ for key, value in extra.items()}
                log.append((name, shown, fw.has_app_context()))

            app.receivers.append(receiver)
            getattr(fw, name).connect(receiver, app)
        return app

    compare(make, *CALLS, general=None)
    gc.collect()  # or the receivers would still be there for the next test


def test_answers_is_not_blind() -> None:
    """The comparison these tests rest on sees a difference."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = small(fw, log)
        app.view_functions["index"] = lambda: fw.__name__
        return app

    with pytest.raises(AssertionError):
        compare(make, "/")
    assert answers(erlen, make, [Call("/")])[0].body == b"erlen"


def test_http_exceptions_are_still_exceptions() -> None:
    app = small(erlen, [])
    with app.test_request_context("/missing"), pytest.raises(HTTPException):
        app.dispatch_request()
