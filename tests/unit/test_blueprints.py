"""Blueprints: registered, nested and named as in Flask."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

import erlen
import erlen.blueprints
from sidebyside import BOTH, call, compare, serve

both = pytest.mark.parametrize("fw", BOTH)


def app_of(fw: t.Any, **options: t.Any) -> t.Any:
    app = fw.Flask("blueprints", static_folder=None, **options)
    app.secret_key = "secret"
    return app


def shown(app: t.Any) -> list[t.Any]:
    """Everything that registering leaves in an application."""
    rules = [
        (rule.rule, rule.endpoint, sorted(rule.methods), rule.subdomain, rule.defaults)
        for rule in app.url_map.iter_rules()
    ]
    return [rules, sorted(app.view_functions), sorted(app.blueprints)]


def named(fw: t.Any, name: str, **options: t.Any) -> t.Any:
    bp = fw.Blueprint(name, name, **options)
    bp.add_url_rule("/", "index", lambda **values: f"{name} {fw.request.endpoint} {values}")
    bp.add_url_rule("", "empty", lambda **values: f"{name} empty")
    bp.add_url_rule("/<int:x>", "number", lambda **values: f"{name} {values}", defaults={"y": 2})
    return bp


REGISTRATIONS: dict[str, tuple[dict[str, t.Any], dict[str, t.Any]]] = {
    "prefix": ({"url_prefix": "/p"}, {}),
    "prefix with slash": ({"url_prefix": "/p/"}, {}),
    "prefix option": ({"url_prefix": "/p"}, {"url_prefix": "/q"}),
    "root prefix": ({"url_prefix": "/p"}, {"url_prefix": "/"}),
    "defaults": (
        {"url_prefix": "/<lang>", "url_defaults": {"z": 1}},
        {"url_defaults": {"z": 2, "w": 3}},
    ),
    "subdomain": ({"url_prefix": "/p", "subdomain": "a"}, {}),
    "subdomain option": ({"url_prefix": "/p", "subdomain": "a"}, {"subdomain": "b"}),
    "name": ({"url_prefix": "/p"}, {"name": "other"}),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("case", REGISTRATIONS)
def test_registering(case: str, nested: bool) -> None:
    made, options = REGISTRATIONS[case]
    found = []
    for fw in BOTH:
        app = app_of(fw)
        bp = named(fw, "bp", **made)
        if nested:
            outer = named(fw, "outer", url_prefix="/outer", subdomain="o")
            outer.register_blueprint(bp, **options)
            app.register_blueprint(outer)
            app.register_blueprint(outer, url_prefix="/again", name="again")
        else:
            app.register_blueprint(bp, **options)
        found.append(shown(app))
    assert found[1] == found[0]


def test_served() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = app_of(fw)
        outer, inner = named(fw, "outer", url_prefix="/o"), named(fw, "inner", url_prefix="/i")
        outer.register_blueprint(inner)
        outer.register_blueprint(inner, name="twin", url_prefix="/t")
        app.register_blueprint(outer)
        app.register_blueprint(outer, name="second", url_prefix="/s")

        @app.get("/scopes")
        def scopes() -> str:
            return "x"

        @app.after_request
        def after(response: t.Any) -> t.Any:
            log.append((fw.request.blueprint, fw.request.blueprints))
            return response

        return app

    paths = [
        "/o/",
        "/o",
        "/o/3",
        "/o/i/",
        "/o/i/4",
        "/o/t/",
        "/s/",
        "/s/i/",
        "/s/t/5",
        "/scopes",
        "/x",
    ]
    compare(make, *paths)


def test_hooks_of_every_kind() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        app = app_of(fw)
        bp, other = named(fw, "bp", url_prefix="/bp"), named(fw, "other", url_prefix="/other")

        def note(name: str) -> t.Callable[..., t.Any]:
            def hook(*args: t.Any) -> t.Any:
                log.append((name, fw.request.path))
                return args[0] if name.endswith("after") else None

            return hook

        bp.before_app_request(note("app before"))
        bp.after_app_request(note("app after"))
        bp.teardown_app_request(note("app teardown"))
        bp.app_url_value_preprocessor(note("app processor"))
        bp.before_request(note("before"))
        bp.after_request(note("after"))
        bp.teardown_request(note("teardown"))
        bp.url_value_preprocessor(note("processor"))
        bp.app_url_defaults(lambda endpoint, values: values.setdefault("q", "app"))
        bp.url_defaults(lambda endpoint, values: values.setdefault("r", "bp"))
        bp.app_errorhandler(404)(lambda error: ("nothing", 404))
        bp.errorhandler(403)(lambda error: ("bp forbids", 403))
        bp.add_url_rule("/no", "no", lambda: fw.abort(403))
        bp.add_url_rule("/urls", "urls", lambda: fw.url_for(".index") + fw.url_for("other.index"))
        other.add_url_rule("/no", "no", lambda: fw.abort(403))
        app.register_blueprint(bp)
        app.register_blueprint(other)
        return app

    compare(
        make, "/bp/", "/other/", "/bp/no", "/other/no", "/bp/urls", "/missing", call("/bp/", "HEAD")
    )


def test_templates_of_every_kind() -> None:
    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        from importlib import import_module

        render = import_module(f"{fw.__name__}.templating").render_template_string
        app, bp = app_of(fw), fw.Blueprint("bp", "bp", url_prefix="/bp")
        bp.app_template_filter("twice")(lambda value: value * 2)
        bp.add_app_template_filter(lambda value: value[::-1], "back")
        bp.app_template_test("short")(lambda value: len(value) < 3)
        bp.add_app_template_test(lambda value: len(value) > 3, "long")
        bp.app_template_global("five")(lambda: 5)
        bp.add_app_template_global(lambda: 6, "six")
        bp.app_context_processor(lambda: {"everywhere": "E"})
        bp.context_processor(lambda: {"here": "H"})

        @bp.app_template_filter()
        def shout(value: str) -> str:
            return value.upper()

        text = (
            "{{ 'ab'|twice }}{{ 'ab'|back }}{{ 'a'|shout }}{{ 'a' is short }}{{ 'abcd' is long }}"
            "{{ five() }}{{ six() }}{{ everywhere }}{{ here }}"
        )
        bp.add_url_rule("/", "index", lambda: render(text))
        app.add_url_rule("/", "index", lambda: render(text))
        app.register_blueprint(bp)
        return app

    compare(make, "/bp/", "/")


@both
class TestRefused:
    def test_names(self, fw: t.Any) -> None:
        with pytest.raises(ValueError, match="^'name' may not be empty"):
            fw.Blueprint("", "x")
        with pytest.raises(ValueError, match="^'name' may not contain a dot '.' character"):
            fw.Blueprint("a.b", "x")
        bp = fw.Blueprint("bp", "bp")
        with pytest.raises(ValueError, match="^'endpoint' may not contain a dot '.' character"):
            bp.add_url_rule("/", "a.b", lambda: "x")

        def view() -> str:
            return "x"

        view.__name__ = "a.b"
        with pytest.raises(ValueError, match="^'view_func' name may not contain a dot '.' char"):
            bp.add_url_rule("/", "x", view)

    def test_twice(self, fw: t.Any) -> None:
        app, bp = app_of(fw), named(fw, "bp", url_prefix="/p")
        app.register_blueprint(bp)
        with pytest.raises(ValueError) as same:
            app.register_blueprint(bp)
        assert str(same.value) == (
            "The name 'bp' is already registered for this blueprint. Use 'name=' to provide a"
            " unique name."
        )
        with pytest.raises(
            ValueError, match="is already registered for a different blueprint\\. Use"
        ):
            app.register_blueprint(named(fw, "bp"))
        with pytest.raises(ValueError, match="for a different blueprint\\. Use"):
            app.register_blueprint(named(fw, "x"), name="bp")

    def test_on_itself(self, fw: t.Any) -> None:
        bp = named(fw, "bp")
        with pytest.raises(ValueError, match="^Cannot register a blueprint on itself"):
            bp.register_blueprint(bp)

    def test_after_registration(self, fw: t.Any) -> None:
        app, bp = app_of(fw), named(fw, "bp", url_prefix="/p")
        app.register_blueprint(bp)
        calls: dict[str, t.Callable[[], t.Any]] = {
            "add_url_rule": lambda: bp.add_url_rule("/x", "x"),
            "before_request": lambda: bp.before_request(lambda: None),
            "record": lambda: bp.record(lambda state: None),
            "register_blueprint": lambda: bp.register_blueprint(named(fw, "x")),
            "errorhandler": lambda: bp.errorhandler(404),
            "app_template_filter": lambda: bp.app_template_filter("x"),
        }
        for name, method in calls.items():
            with pytest.raises(
                AssertionError, match=f"^The setup method '{name}' can no longer be"
            ):
                method()

    def test_after_the_first_request(self, fw: t.Any) -> None:
        app = app_of(fw)
        serve(app)
        with pytest.raises(
            AssertionError, match="^The setup method 'register_blueprint' can no lo"
        ):
            app.register_blueprint(named(fw, "bp"))


@both
class TestStates:
    def test_what_is_recorded(self, fw: t.Any) -> None:
        app, bp = app_of(fw), fw.Blueprint("bp", "bp", url_prefix="/p")
        seen: list[t.Any] = []
        bp.record(lambda state: seen.append(("each", state.first_registration, state.url_prefix)))
        bp.record_once(lambda state: seen.append(("once", state.app is app, state.blueprint is bp)))
        app.register_blueprint(bp)
        app.register_blueprint(bp, name="other", url_prefix="/q")
        assert seen == [("each", True, "/p"), ("once", True, True), ("each", False, "/q")]

    def test_a_state_of_ones_own(self, fw: t.Any) -> None:
        class State(fw.blueprints.BlueprintSetupState):  # type: ignore[misc]
            def add_url_rule(self, rule: str, *args: t.Any, **kwargs: t.Any) -> None:
                super().add_url_rule(f"/mine{rule}", *args, **kwargs)

        class Own(fw.Blueprint):  # type: ignore[misc]
            def make_setup_state(self, app: t.Any, options: t.Any, first: bool = False) -> t.Any:
                return State(self, app, options, first)

        app, bp = app_of(fw), Own("bp", "bp")
        bp.add_url_rule("/x", "x", lambda: "x")
        app.register_blueprint(bp)
        assert [rule.rule for rule in app.url_map.iter_rules()] == ["/mine/x"]

    def test_register_overridden(self, fw: t.Any) -> None:
        seen: list[t.Any] = []

        class Own(fw.Blueprint):  # type: ignore[misc]
            def register(self, app: t.Any, options: t.Any) -> None:
                seen.append(options)
                super().register(app, options)

        app, outer, inner = app_of(fw), named(fw, "outer", url_prefix="/o"), Own("inner", "inner")
        outer.register_blueprint(inner, url_prefix="/x")
        app.register_blueprint(outer)
        assert seen == [{"url_prefix": "/o/x", "name_prefix": "outer"}]


@both
def test_folders(fw: t.Any, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("static")
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "t.html").write_text("page {{ request.blueprint }}")
    bp = fw.Blueprint(
        "bp",
        "bp",
        root_path=str(tmp_path),
        static_folder="files",
        template_folder="pages",
        url_prefix="/bp",
    )
    from importlib import import_module

    render = import_module(f"{fw.__name__}.templating").render_template
    bp.add_url_rule("/t", "t", lambda: render("t.html"))
    app = app_of(fw)
    app.register_blueprint(bp)
    for _ in range(2):
        assert serve(app, "/bp/files/a.txt").body == b"static"
        assert serve(app, "/bp/t").body == b"page bp"
        assert serve(app, "/bp/files/b.txt").status == "404 NOT FOUND"
    with app.test_request_context("/bp/t"):
        assert fw.url_for(".static", filename="a.txt") == "/bp/files/a.txt"


@both
def test_commands(fw: t.Any) -> None:
    app = app_of(fw)
    for name, group in (("a", {}), ("b", {"cli_group": None}), ("c", {"cli_group": "named"})):
        bp = fw.Blueprint(name, name, **group)
        bp.cli.command(f"cmd-{name}")(lambda: None)
        app.register_blueprint(bp)
    assert sorted(app.cli.commands) == ["a", "cmd-b", "named"]


def test_decorators_without_parentheses() -> None:
    """As Flask's next release has it."""
    app, bp = app_of(erlen), erlen.Blueprint("bp", "bp")

    @bp.app_template_filter  # type: ignore[arg-type]
    def shout(value: str) -> str:
        return value.upper()

    app.register_blueprint(bp)
    assert app.jinja_env.filters["shout"] is shout
