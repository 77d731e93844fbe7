"""``url_for``: every URL and every error as Flask's."""

from __future__ import annotations

import typing as t

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st

import erlen
from sidebyside import BOTH, call


class Shouting(str):
    """A value that is written with ``str()``."""

    def __str__(self) -> str:
        return self.upper()


def make(fw: t.Any, **settings: t.Any) -> t.Any:
    app = fw.Flask("urls", static_folder=None, subdomain_matching=settings.pop("subdomains", False))
    app.config.update(settings)

    def view(**values: t.Any) -> str:
        return "view"

    app.add_url_rule("/", "index", view)
    app.add_url_rule("/i/<int:number>", "number", view)
    app.add_url_rule("/s/<name>", "name", view)
    app.add_url_rule("/s/<name>/more", "name", view, methods=["POST"])
    app.add_url_rule("/p/<path:path>", "path", view)
    app.add_url_rule("/d/", "defaults", view, defaults={"page": 1})
    app.add_url_rule("/d/<int:page>", "defaults", view)
    app.add_url_rule("/f/<float:x>/<any(a,b):kind>/<uuid:key>", "many", view)
    app.add_url_rule("/ws", "socket", view, websocket=True)
    outer, inner = fw.Blueprint("outer", "outer"), fw.Blueprint("inner", "inner")
    for bp in (outer, inner):
        bp.add_url_rule("/", "index", view)
        bp.add_url_rule("/<lang>/page", "page", view)
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/outer")
    return app


def outcome(function: t.Callable[[], t.Any]) -> tuple[str, str]:
    try:
        return "url", function()
    except Exception as error:
        return type(error).__name__, str(error)


APPS = {
    "plain": {},
    "name": {"SERVER_NAME": "example.com:8080"},
    "root": {
        "SERVER_NAME": "example.com",
        "APPLICATION_ROOT": "/app",
        "PREFERRED_URL_SCHEME": "https",
    },
    "subdomains": {"SERVER_NAME": "example.com", "subdomains": True},
}
PAIRS = {
    name: (make(flask, **settings), make(erlen, **settings)) for name, settings in APPS.items()
}

endpoints = st.sampled_from(
    "index number name path defaults many socket outer.index outer.page outer.inner.index"
    " outer.inner.page .index .page .inner.index missing .missing outer static".split()
)
scalars = st.one_of(
    st.integers(-5, 5),
    st.text(max_size=6),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.sampled_from(["a/b", "ä ö", "%2F", "?", "a&b=c", Shouting("loud"), "a", "b"]),
    st.uuids(),
)
names = st.sampled_from(["number", "name", "path", "page", "x", "kind", "key", "lang", "q", "r"])
values = st.dictionaries(names, st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=5)
options = st.fixed_dictionaries(
    {},
    optional={
        "_anchor": st.one_of(st.none(), st.text(max_size=5), st.just("a b#c/é%")),
        "_method": st.sampled_from([None, "GET", "POST", "post", "PUT"]),
        "_scheme": st.sampled_from([None, "https", "ftp", ""]),
        "_external": st.sampled_from([None, True, False]),
    },
)
requests = st.sampled_from(
    [
        call("/"),
        call("/", "POST"),
        call("/missing"),
        call("/", base_url="http://other.example:99/root/"),
        call("/", base_url="https://example.com/"),
        call("/outer/"),
        call("/outer/de/page"),
        call("/outer/inner/"),
        call("/", environ={"SCRIPT_NAME": "/\xc3\xa4"}),
        call("/", environ={"SCRIPT_NAME": "/a b/"}),
    ]
)


@pytest.mark.filterwarnings("ignore:Current server name")
@pytest.mark.parametrize("name", PAIRS)
@given(requests, endpoints, values, options)
def test_in_a_request(
    name: str, request: t.Any, endpoint: str, values: dict[str, t.Any], options: t.Any
) -> None:
    found = []
    for app in PAIRS[name]:
        with app.request_context(request.make_environ()):
            found.append(outcome(lambda: app.url_for(endpoint, **options, **values)))
    assert found[1] == found[0]


@pytest.mark.filterwarnings("ignore:Current server name")
@pytest.mark.parametrize("name", PAIRS)
@given(requests, endpoints, values)
def test_while_a_planned_request_runs(
    name: str, request: t.Any, endpoint: str, values: dict[str, t.Any]
) -> None:
    """The planned way has no adapter until somebody asks for one."""
    found = []
    for fw, app in zip(BOTH, PAIRS[name]):
        urls: list[t.Any] = []

        def hook(app: t.Any = app, fw: t.Any = fw) -> str:
            urls.append(outcome(lambda: fw.url_for(endpoint, **values)))
            urls.append(outcome(lambda: fw.url_for(endpoint, _external=True, **values)))
            with app.app_context():
                urls.append(outcome(lambda: fw.url_for(endpoint, **values)))
            return "done"

        app.before_request_funcs[None][:] = [hook]
        for _ in range(2):
            b"".join(app(request.make_environ(), lambda *args: None))
        found.append(urls)
        app.before_request_funcs[None].clear()
    assert found[1] == found[0]


@pytest.mark.parametrize("name", PAIRS)
@given(endpoints, values, options)
def test_without_a_request(
    name: str, endpoint: str, values: dict[str, t.Any], options: t.Any
) -> None:
    found = []
    for app in PAIRS[name]:
        bare = outcome(lambda: app.url_for(endpoint, **options, **values))
        with app.app_context():
            found.append((bare, outcome(lambda: app.url_for(endpoint, **options, **values))))
    if name == "plain" and options.get("_external") is False:
        # A path needs no server: here Flask has only an error.
        assert {kind for kind, _ in found[0]} == {"RuntimeError"}
        with PAIRS[name][0].test_request_context():
            wanted = outcome(lambda: PAIRS[name][0].url_for(endpoint, **options, **values))
        if wanted[0] == "url" and not endpoint.startswith(".") and endpoint != "socket":
            assert found[1] == (wanted, wanted)
        return
    if name == "plain" and options.get("_scheme") is not None:
        return
    assert found[1] == found[0]


def test_a_path_without_a_server_name() -> None:
    app = make(erlen)
    app.config["APPLICATION_ROOT"] = "/root"
    assert app.url_for("number", number=3, q="ä", _external=False) == "/root/i/3?q=%C3%A4"
    with app.app_context():
        assert erlen.url_for("index", _external=False, _anchor="top") == "/root/#top"
        with pytest.raises(RuntimeError, match="^Unable to build URLs outside an active request"):
            erlen.url_for("index")


def test_outside_of_everything() -> None:
    with pytest.raises(RuntimeError, match="^Working outside of application context"):
        erlen.url_for("index")


@pytest.mark.parametrize("fw", BOTH)
class TestHooks:
    def test_defaults_from_application_and_blueprints(self, fw: t.Any) -> None:
        app = make(fw)
        seen: list[t.Any] = []

        def default(scope: str) -> t.Callable[[str, dict[str, t.Any]], None]:
            def add(endpoint: str, values: dict[str, t.Any]) -> None:
                seen.append((scope, endpoint))
                values.setdefault("lang", scope)

            return add

        for scope in (None, "outer", "outer.inner"):
            app.url_default_functions[scope].append(default(str(scope)))
        with app.test_request_context("/outer/"):
            assert fw.url_for("outer.inner.page") == "/outer/inner/None/page"
            assert fw.url_for(".page", lang="x") == "/outer/x/page"
            assert fw.url_for("index") == "/?lang=None"
        assert seen == [
            ("None", "outer.inner.page"),
            ("outer", "outer.inner.page"),
            ("outer.inner", "outer.inner.page"),
            ("None", "outer.page"),
            ("outer", "outer.page"),
            ("None", "index"),
        ]

    def test_an_overridden_inject_url_defaults(self, fw: t.Any) -> None:
        app = make(fw)
        app.inject_url_defaults = lambda endpoint, values: values.update(q=endpoint)
        with app.test_request_context():
            assert app.url_for("index") == "/?q=index"

    def test_build_error_handlers(self, fw: t.Any) -> None:
        app = make(fw)
        seen: list[t.Any] = []

        def passing(error: Exception, endpoint: str, values: dict[str, t.Any]) -> None:
            seen.append((type(error).__name__, endpoint, dict(values)))

        def raising(error: Exception, endpoint: str, values: dict[str, t.Any]) -> str:
            if endpoint == "broken":
                raise ValueError("broken")
            raise error

        def answering(error: Exception, endpoint: str, values: dict[str, t.Any]) -> str | None:
            return f"/found/{endpoint}" if endpoint == "lost" else None

        app.url_build_error_handlers[:] = [passing, raising, answering]
        with app.test_request_context():
            assert app.url_for("lost", q=1, _anchor="a") == "/found/lost"
            with pytest.raises(ValueError, match="broken"):
                app.url_for("broken")
            with pytest.raises(Exception, match="Could not build url for endpoint 'nowhere'"):
                app.url_for("nowhere")
        extra = {"_anchor": "a", "_method": None, "_scheme": None, "_external": False}
        assert seen[0] == ("BuildError", "lost", {"q": 1, **extra})
        assert len(seen) == 3

    def test_handlers_may_be_added_late(self, fw: t.Any) -> None:
        app = make(fw)
        with app.test_request_context():
            with pytest.raises(Exception, match="Could not build"):
                app.url_for("nowhere")
            app.url_build_error_handlers.append(lambda error, endpoint, values: "/x")
            assert app.url_for("nowhere") == "/x"

    def test_rules_may_be_added_late(self, fw: t.Any) -> None:
        from werkzeug.routing import Rule

        app = make(fw)
        with app.test_request_context():
            assert app.url_for("index") == "/"
            app.url_map.add(Rule("/late/<x>", endpoint="late"))
            assert app.url_for("late", x=1) == "/late/1"

    def test_url_for_overridden(self, fw: t.Any) -> None:
        class App(fw.Flask):  # type: ignore[misc]
            def url_for(self, endpoint: str, **values: t.Any) -> str:
                return f"mine:{super().url_for(endpoint, **values)}"

        app = App("urls")
        app.add_url_rule("/", "index", lambda: "x")
        with app.test_request_context():
            assert fw.url_for("index", q=1) == "mine:/?q=1"
            app.url_for = lambda endpoint, **values: sorted(values)
            assert fw.url_for("index", q=1) == "_anchor _external _method _scheme q".split()

    def test_an_adapter_of_ones_own(self, fw: t.Any) -> None:
        app = make(fw)
        with app.test_request_context():
            fw.globals.request_ctx.url_adapter = app.url_map.bind("adapter.example", "/mount")
            assert app.url_for("index") == "/mount/"
            assert app.url_for("index", _external=True) == "http://adapter.example/mount/"

    def test_another_application_inside_a_request(self, fw: t.Any) -> None:
        app, other = make(fw), fw.Flask("other")
        other.add_url_rule("/other", "other", lambda: "x")
        with app.test_request_context(base_url="http://h/m"), other.app_context():
            assert app.url_for("index") == "/m/"

    def test_scheme_needs_external(self, fw: t.Any) -> None:
        app = make(fw)
        with app.test_request_context():
            with pytest.raises(
                ValueError, match="^When specifying '_scheme', '_external' must be True"
            ):
                app.url_for("index", _scheme="https", _external=False)
            assert app.url_for("index", _scheme="https") == "https://localhost/"


def test_own_names_of_values() -> None:
    """Flask can't pass ``self``; ``url_for`` takes the application by position only."""
    app = make(erlen)
    app.add_url_rule("/odd/<app>", "odd", lambda **values: "x")
    with app.test_request_context():
        assert erlen.url_for("odd", app=2) == "/odd/2"
