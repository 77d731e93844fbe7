"""Rendering inside an application: the same views give the same answers under Flask."""

from __future__ import annotations

import typing as t
from pathlib import Path

import flask
import jinja2
import pytest
from markupsafe import Markup

import erlen
from erlen import templating

PACKAGES = [flask, erlen]
TEMPLATES = {
    "page.html": "{{ title }} {{ request.path }} {{ request.args.q }} {{ g.user }}",
    "plain.txt": "{{ title }}",
    "page.html.j2": "{{ title }}",
    "image.svg": "{{ title }}",
    "base.html": "<{% block body %}base{% endblock %}> {{ request.path }}",
    "child.html": "{% extends 'base.html' %}"
    "{% block body %}{{ g.user }}{{ super() }}{% endblock %}",
    "macros.html": "{% macro m(x) %}{{ x }} {{ request.path }} {{ g.user }}{% endmacro %}"
    "{% set attribute = 'value' %}",
    "import.html": "{% import 'macros.html' as lib %}{{ lib.m(title) }}",
    "context.html": "{% from 'macros.html' import m with context %}{{ m(title) }}",
    "include.html": "{% include 'page.html' %}{% include ['absent', 'plain.txt'] %}",
    "session.html": "{{ session.user }}{% if session.user %}{% endif %}",
    "config.html": "{{ config.TESTING }}{{ url_for('view') }}{{ get_flashed_messages() }}",
    "data.html": "<script>var x = {{ title|tojson }};</script>",
    "mine.html": "{{ mine }} {{ shared }} {{ bp }} {{ self }}",
    "dict.html": "{{ d.a }}{{ d['b'] }}{{ d.c }}"
    "{% for k in d %}{{ loop.index }}{{ k }}{% endfor %}",
    "broken.html": "{% if %}",
    "fails.html": "start{{ 1 // 0 }}",
}


class Both:
    """A Flask and an Erlen application made alike, with their packages."""

    def __init__(self, folder: Path) -> None:
        for name, source in TEMPLATES.items():
            (folder / name).write_text(source)
        self.folder = folder

    def answers(
        self,
        setup: t.Callable[[t.Any, t.Any], t.Any],
        path: str = "/?q=<q>",
        config: dict[str, t.Any] | None = None,
    ) -> t.Any:
        """Set up both, ask both, assert that they agree, and return the answer.

        Args:
            setup: gets package and application; what it returns is the view's.
            path: to ask for.
            config: of the applications.
        """
        found = []
        for package in PACKAGES:
            factory = package.Flask if package is flask else erlen.Erlen
            app = factory("app", root_path=str(self.folder), template_folder=str(self.folder))
            app.secret_key = "secret"
            app.config.update(config or {})

            @app.before_request
            def user(package: t.Any = package) -> None:
                package.g.user = "<user>"

            view = setup(package, app)
            app.add_url_rule("/", "view", view)
            response = app.test_client().get(path)
            found.append((response.status_code, response.text, response.headers.get("Vary")))
        assert found[0] == found[1]
        return found[1]


@pytest.fixture
def both(tmp_path: Path) -> Both:
    return Both(tmp_path)


@pytest.mark.parametrize("name", [n for n in TEMPLATES if n not in ("broken.html", "fails.html")])
def test_each_template(both: Both, name: str) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        app.context_processor(lambda: {"shared": "<shared>", "mine": "no"})
        return lambda: package.render_template(
            name, title="<t>", mine=Markup("<i>"), d={"a": "<a>", "b": 2}
        )

    assert both.answers(setup)[0] == 200


def test_escaping_by_file_name(both: Both) -> None:
    """TM-01 and TM-02: what a Flask application sees today."""

    def ask(name: str) -> str:
        return both.answers(lambda p, app: lambda: p.render_template(name, title="<b>"))[1]

    assert ask("page.html.j2") == ask("plain.txt") == "<b>"
    assert ask("image.svg") == "&lt;b&gt;"


def test_tojson_in_a_script(both: Both) -> None:
    """TM-07."""
    value = "</script>'\"&"
    _, text, _ = both.answers(lambda p, app: lambda: p.render_template("data.html", title=value))
    assert "</script>'" not in text and "\\u003c/script\\u003e\\u0027" in text


def test_attribute_names_are_checked(both: Both) -> None:
    """TM-05: a key that would end the attribute is refused."""
    for key in ("a b", "a/b", "a>b", "a=b"):

        def view(package: t.Any, app: t.Any, key: str = key) -> t.Any:
            source = "<p{{ a|xmlattr }}>"
            return lambda: package.render_template_string(source, a={key: 1})

        assert both.answers(view)[0] == 500


@pytest.mark.timed
def test_large_texts_take_linear_time(both: Both) -> None:
    """TM-08 and TM-10, scaled down: doubling the text at most triples the time."""
    import time

    app = erlen.Erlen("app")

    def cost(filter: str, text: str) -> float:
        best = 9e9
        for _ in range(5):
            start = time.process_time()
            erlen.render_template_string("{{ v|" + filter + " }}", v=text)
            best = min(best, time.process_time() - start)
        return best

    with app.app_context():
        for filter, piece in (("urlize", "."), ("wordwrap", "word "), ("indent", "a\n")):
            assert cost(filter, piece * 40_000) < 3 * cost(filter, piece * 20_000) + 0.01


def test_sandbox_range_is_limited() -> None:
    """TM-11, with the sandbox put into the application."""
    from jinja2.sandbox import SandboxedEnvironment

    class Sandbox(templating.Environment, SandboxedEnvironment):
        pass

    app = erlen.Erlen("app")
    app.jinja_environment = Sandbox
    with app.app_context(), pytest.raises(OverflowError):
        erlen.render_template_string("{% for i in range(10 ** 9) %}{{ i }}{% endfor %}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ request }}{{ g }}",
        "{{ request is defined }}{{ request.args.q|upper }}",
        "{% set request = 5 %}{{ request }}",
        "{{ seen(request) }}",
        "{{ names()|join(',') }}",
        "{% for x in [1] %}{{ request.path }}{% endfor %}",
        "{% macro m() %}{{ request.path }}{{ g.user }}{% endmacro %}{{ m() }}",
        "{% include 'page.html' %}",
        "{% extends 'child.html' %}",
        "{{ 'user' in g }}{{ g.get('user') }}{{ session is mapping }}",
    ],
)
def test_request_and_g(both: Both, source: str) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        base, named = app.app_ctx_globals_class, {"__repr__": lambda self: "<g>"}
        app.app_ctx_globals_class = type("Globals", (base,), named)

        @app.template_global()
        def seen(value: t.Any) -> str:
            return f"{type(value).__name__} {value is package.request._get_current_object()}"

        @app.template_global()
        @jinja2.pass_context
        def names(context: t.Any) -> list[str]:
            return sorted(f"{k}:{type(v).__name__}" for k, v in context.items() if k in "gtrequest")

        return lambda: package.render_template_string(source, title="<t>")

    assert both.answers(setup)[0] == 200


def test_given_names_win_over_all(both: Both) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        app.context_processor(lambda: {"a": 1, "b": 1, "request": "processor"})
        return lambda: package.render_template_string(
            "{{ a }}{{ b }}{{ g }}{{ request }}", a=2, g=3
        )

    assert both.answers(setup)[1] == "213processor"


def test_processors_of_nested_blueprints(both: Both) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        outer = package.Blueprint("outer", "outer", url_prefix="/outer")
        inner = package.Blueprint("inner", "inner", url_prefix="/inner")
        app.context_processor(lambda: dict.fromkeys("abc", "app"))
        outer.context_processor(lambda: dict.fromkeys("bc", "outer"))
        inner.context_processor(lambda: {"c": "inner"})
        outer.app_context_processor(lambda: {"d": "all"})
        inner.add_url_rule(
            "/", "page", lambda: package.render_template_string("{{ a }}{{ b }}{{ c }}{{ d }}")
        )
        outer.register_blueprint(inner)
        app.register_blueprint(outer)
        return lambda: package.render_template_string("{{ a }}{{ b }}{{ c }}{{ d }}")

    assert both.answers(setup)[1] == "appappappall"
    assert both.answers(setup, "/outer/inner/")[1] == "appouterinnerall"


def test_async_processor(both: Both) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        @app.context_processor
        async def later() -> dict[str, t.Any]:
            return {"a": "async"}

        return lambda: package.render_template_string("{{ a }}")

    assert both.answers(setup)[1] == "async"


def test_session_only_when_used(both: Both) -> None:
    used = both.answers(lambda p, app: lambda: p.render_template("session.html"))
    unused = both.answers(lambda p, app: lambda: p.render_template("page.html"))
    assert used[2] == "Cookie" and unused[2] is None


def test_session_is_not_opened_by_a_page_without_it(tmp_path: Path) -> None:
    both = Both(tmp_path)
    app = erlen.Erlen("app", template_folder=str(both.folder))
    opened = []

    class Interface(type(app.session_interface)):  # type: ignore[misc]
        def open_session(self, app: t.Any, request: t.Any) -> t.Any:
            opened.append(1)
            return super().open_session(app, request)

    with app.test_request_context():
        app.session_interface = Interface()
        erlen.render_template("page.html")
        erlen.render_template_string("{{ 1 }}")
        assert not opened
        erlen.render_template("session.html")
        assert opened


def test_without_a_request(tmp_path: Path) -> None:
    folder = Both(tmp_path).folder
    found = []
    for package, factory in ((flask, flask.Flask), (erlen, erlen.Erlen)):
        app = factory("app", template_folder=str(folder))
        with app.app_context():
            package.g.user = "<u>"
            found.append(package.render_template_string("{{ g.user }}{{ config.DEBUG }}"))
            with pytest.raises(RuntimeError, match="outside of request"):
                package.render_template("page.html")
        with pytest.raises(RuntimeError, match="Working outside of application context"):
            package.render_template("page.html")
        for render in (package.stream_template, package.render_template_string):
            with pytest.raises(RuntimeError, match="Working outside of application context"):
                render("x")
    assert found[0] == found[1] == "&lt;u&gt;False"


@pytest.mark.parametrize("name", ["absent.html", ["absent.html", "nor.html"], [], "../page.html"])
def test_missing_templates(tmp_path: Path, name: t.Any) -> None:
    errors = []
    for package, factory in ((flask, flask.Flask), (erlen, erlen.Erlen)):
        app = factory("app", template_folder=str(Both(tmp_path).folder))
        with app.test_request_context(), pytest.raises(jinja2.TemplateNotFound) as caught:
            package.render_template(name)
        errors.append((type(caught.value), str(caught.value)))
    assert errors[0] == errors[1]


def test_lists_and_template_objects(both: Both) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        def view() -> str:
            template = app.jinja_env.get_template("plain.txt")
            return "".join(
                [
                    package.render_template(["absent", "plain.txt"], title=1),
                    package.render_template(template, title=2),
                    package.render_template(["absent", template], title=3),
                    *package.stream_template(["absent", template], title=4),
                ]
            )

        return view

    assert both.answers(setup)[1] == "1234"


@pytest.mark.parametrize("stream", [False, True])
def test_signals(both: Both, stream: bool) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        def view() -> str:
            log: list[t.Any] = []

            def record(kind: str) -> t.Any:
                def receive(sender: t.Any, template: t.Any, context: t.Any) -> None:
                    kinds = [type(context[k]).__name__ for k in ("request", "g")]
                    context["added"] = "added"
                    log.append((kind, sender is app, template.name, list(context), kinds))

                return receive

            before, after = record("before"), record("after")
            with (
                package.before_render_template.connected_to(before, app),
                package.template_rendered.connected_to(after, app),
            ):
                render = package.stream_template if stream else package.render_template
                text = "".join(render("page.html", title="t"))
            with package.template_rendered.connected_to(after, app):
                package.render_template("plain.txt", title="{{ added }}")
            return f"{text}\n{log}"

        return view

    text = both.answers(setup)[1]
    assert text.count("before") == 1 and text.count("'after'") == 2


def test_before_signal_can_change_the_context(both: Both) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        def change(sender: t.Any, template: t.Any, context: t.Any) -> None:
            context["title"] = "changed"

        def view() -> str:
            with package.before_render_template.connected_to(change, app):
                return package.render_template("plain.txt", title="given")

        return view

    assert both.answers(setup)[1] == "changed"


def test_update_template_context_may_be_overridden(both: Both) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        original = app.update_template_context

        def update(context: dict[str, t.Any]) -> None:
            original(context)
            context["title"] = f"{context['title']}!{type(context['request']).__name__}"

        app.update_template_context = update
        return lambda: package.render_template("plain.txt", title="given")

    assert both.answers(setup)[1] == "given!Request"


def test_update_template_context_called_directly() -> None:
    app = erlen.Erlen("app")
    with app.test_request_context("/p"):
        context: dict[str, t.Any] = {"a": 1, "g": 2}
        app.update_template_context(context)
        assert context["request"] is erlen.request._get_current_object()
        assert list(context) == ["a", "g", "request"] and context["g"] == 2


@pytest.mark.parametrize("environment", ["stock", "options", "context_class", "undefined"])
def test_replaced_environments(both: Both, environment: str) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        class Stock(jinja2.Environment):
            def __init__(self, app: t.Any, **options: t.Any) -> None:
                super().__init__(loader=app.create_global_jinja_loader(), **options)

        class OwnContext(jinja2.runtime.Context):
            def resolve_or_missing(self, key: str) -> t.Any:
                return "own" if key == "title" else super().resolve_or_missing(key)

        base = package.Flask.jinja_environment if package is flask else templating.Environment
        if environment == "stock":
            app.jinja_environment = Stock
        elif environment == "context_class":
            app.jinja_environment = type("Own", (base,), {"context_class": OwnContext})
        elif environment == "undefined":
            app.jinja_options = {"undefined": jinja2.StrictUndefined}
        else:
            app.jinja_options = {"variable_start_string": "<<", "variable_end_string": ">>"}
        return lambda: package.render_template("page.html", title="<t>")

    status, text, _ = both.answers(setup)
    assert status == 200
    assert ("own" in text) == (environment == "context_class")


@pytest.mark.parametrize("name", ["page.html", "include.html", "child.html", "session.html"])
def test_streams_keep_the_context(both: Both, name: str) -> None:
    def setup(package: t.Any, app: t.Any) -> t.Any:
        return lambda: package.stream_template(name, title="<t>")

    assert both.answers(setup)[0] == 200


def test_stream_of_a_string_and_of_an_application_context() -> None:
    found = []
    for package, factory in ((flask, flask.Flask), (erlen, erlen.Erlen)):
        app = factory("app")
        with app.app_context():
            package.g.user = "u"
            pieces = package.stream_template_string(
                "{{ g.user }}{% for x in y %}{{ x }}{% endfor %}", y="ab"
            )
        # Flask gave the object, so the stream may outlive the context.
        found.append(list(pieces))
    assert found[0] == found[1] == ["u", "a", "b"]


def test_failures(both: Both) -> None:
    for name in ("broken.html", "fails.html"):
        assert both.answers(lambda p, app, n=name: lambda: p.render_template(n))[0] == 500


def test_blueprint_folders_and_search_order(tmp_path: Path) -> None:
    found = []
    for package, factory in ((flask, flask.Flask), (erlen, erlen.Erlen)):
        for folder, names in {"app": "a", "one": "ab", "two": "abc"}.items():
            (tmp_path / folder).mkdir(exist_ok=True)
            for name in names:
                (tmp_path / folder / name).write_text(folder)
        app = factory("app", root_path=str(tmp_path), template_folder="app")
        for folder in ("one", "two"):
            app.register_blueprint(
                package.Blueprint(folder, folder, root_path=str(tmp_path), template_folder=folder)
            )
        loader = app.create_global_jinja_loader()
        with app.app_context():
            texts = [package.render_template(name) for name in "abc"]
        owners = [owner.name for owner, _ in loader._iter_loaders("a")]
        found.append((texts, sorted(loader.list_templates()), owners, type(loader).__name__))
    assert found[0] == found[1]
    assert found[1][0] == ["app", "one", "two"]


def test_explained_search(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logs = []
    for package, factory in ((flask, flask.Flask), (erlen, erlen.Erlen)):
        caplog.clear()
        app = factory("app", template_folder=str(Both(tmp_path).folder))
        app.config["EXPLAIN_TEMPLATE_LOADING"] = True
        app.debug = True
        app.register_blueprint(package.Blueprint("bp", "bp", template_folder=str(tmp_path)))
        with app.app_context():
            package.render_template("plain.txt")
            with pytest.raises(jinja2.TemplateNotFound):
                package.render_template("absent.txt")
        logs.append([r.getMessage() for r in caplog.records])
    assert logs[0] == logs[1] and len(logs[1]) == 2


def test_template_changes_are_seen_in_debug_mode(tmp_path: Path) -> None:
    import os

    for reload in (True, False):
        page = tmp_path / "page.txt"
        page.write_text("old")
        app = erlen.Erlen("app", template_folder=str(tmp_path))
        app.config["TEMPLATES_AUTO_RELOAD"] = reload
        with app.app_context():
            assert erlen.render_template("page.txt") == "old"
            page.write_text("new")
            os.utime(page, (1, 1))
            assert erlen.render_template("page.txt") == ("new" if reload else "old")
