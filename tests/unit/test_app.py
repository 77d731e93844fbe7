"""The application object: what it is made of, and what it is asked from outside."""

from __future__ import annotations

import logging
import sys
import typing as t
from pathlib import Path

import flask
import pytest
from werkzeug.routing import Map, Rule

import erlen
from sidebyside import BOTH, compare, plan, serve

both = pytest.mark.parametrize("fw", BOTH)


def same(text: str) -> str:
    return text.replace("Erlen", "Flask")


@both
class TestMaking:
    def test_instance_path(self, fw: t.Any, tmp_path: Path) -> None:
        app = fw.Flask("app", instance_path=str(tmp_path), instance_relative_config=True)
        assert app.instance_path == str(tmp_path)
        assert str(app.config.root_path) == str(tmp_path)
        (tmp_path / "a.txt").write_text("grün", encoding="utf-8")
        with app.open_instance_resource("a.txt") as file:
            assert file.read() == "grün".encode()
        with app.open_instance_resource("a.txt", "r") as file:
            assert file.read() == "grün"
        with app.open_instance_resource("b.txt", "w") as file:
            file.write("x")
        assert (tmp_path / "b.txt").read_text() == "x"
        with pytest.raises(
            ValueError, match="^If an instance path is provided it must be absolute"
        ):
            fw.Flask("app", instance_path="relative")

    def test_found_by_itself(self, fw: t.Any) -> None:
        for name in ("app", "flask", "json", "__main__"):
            found = [
                (
                    other.Flask(name).root_path,
                    other.Flask(name).instance_path,
                    other.Flask(name).name,
                )
                for other in BOTH
            ]
            assert found[0] == found[1]

    def test_static_host(self, fw: t.Any) -> None:
        app = fw.Flask("app", host_matching=True, static_host="static.example")
        (rule,) = app.url_map.iter_rules()
        assert rule.host == "static.example"
        for options in ({"host_matching": True}, {"static_host": "x"}):
            with pytest.raises(
                AssertionError, match="^Invalid static_host/host_matching combination"
            ):
                fw.Flask("app", **options)

    def test_an_application_is_freed(self, fw: t.Any) -> None:
        import gc
        import weakref

        app = fw.Flask("app")
        ref = weakref.ref(app)
        del app
        gc.collect()
        assert ref() is None

    def test_factories(self, fw: t.Any) -> None:
        class Settings(fw.Config):  # type: ignore[misc]
            pass

        class OwnMap(Map):
            pass

        class OwnRule(Rule):
            pass

        class App(fw.Flask):  # type: ignore[misc]
            config_class = Settings
            url_map_class = OwnMap
            url_rule_class = OwnRule
            default_config = {**fw.Flask.default_config, "MINE": 1}

        app = App("app")
        app.add_url_rule("/", "index", lambda: "own")
        assert type(app.config) is Settings
        assert isinstance(app.url_map, OwnMap)
        assert all(type(rule) is OwnRule for rule in app.url_map.iter_rules())
        assert app.config["MINE"] == 1
        for _ in range(3):
            assert serve(app).body == b"own"


@both
@pytest.mark.parametrize("host_matching", [False, True])
def test_a_map_of_ones_own_takes_the_place(fw: t.Any, host_matching: bool) -> None:
    app = fw.Flask("app")
    app.add_url_rule("/old", "old", lambda: "old")
    app.url_map = url_map = Map(host_matching=host_matching)
    url_map.add(Rule("/a", endpoint="old", host="localhost"))
    for _ in range(3):
        assert serve(app, "/old").status == "404 NOT FOUND"
        assert serve(app, "/a").body == b"old"
    # Through the object that the program has kept.
    url_map.add(Rule("/b/<x>", endpoint="late", host="localhost"))
    app.view_functions["late"] = lambda x: x
    url_map.strict_slashes = False
    assert app.url_map is url_map
    for _ in range(3):
        assert serve(app, "/b/1").body == b"1"
    with app.test_request_context("/"):
        assert fw.url_for("late", x=2) == "/b/2"


def test_the_same_names() -> None:
    """Everything public that Flask's application has."""
    names = {name for name in dir(flask.Flask("x")) if not name.startswith("_")}
    assert names <= set(dir(erlen.Erlen("x")))
    assert erlen.Flask is erlen.Erlen


def test_the_same_defaults() -> None:
    assert dict(erlen.Erlen.default_config).keys() >= dict(flask.Flask.default_config).keys()
    for name, value in flask.Flask.default_config.items():
        assert erlen.Erlen.default_config[name] == value, name


@both
class TestRules:
    def test_methods(self, fw: t.Any) -> None:
        def view() -> str:
            return "x"

        view.methods = ["PUT"]  # type: ignore[attr-defined]
        view.required_methods = ["OPTIONS"]  # type: ignore[attr-defined]
        app = fw.Flask("app", static_folder=None)
        app.add_url_rule("/a", view_func=view)
        app.add_url_rule("/b", "b", view, methods=["post"])
        app.add_url_rule("/c", "c", lambda: "x")
        app.add_url_rule("/d", "d", lambda: "x", provide_automatic_options=True)
        app.add_url_rule("/e", "e", lambda: "x", provide_automatic_options=False)
        app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        app.add_url_rule("/f", "f", lambda: "x")
        found = {
            rule.rule: (sorted(rule.methods), rule.provide_automatic_options)
            for rule in app.url_map.iter_rules()
        }
        assert found == {
            "/a": (["OPTIONS", "PUT"], True),
            "/b": (["OPTIONS", "POST"], True),
            "/c": (["GET", "HEAD", "OPTIONS"], True),
            "/d": (["GET", "HEAD"], True),
            "/e": (["GET", "HEAD"], False),
            "/f": (["GET", "HEAD"], False),
        }

    def test_refused(self, fw: t.Any) -> None:
        app = fw.Flask("app", static_folder=None)
        with pytest.raises(
            TypeError, match=r"^Allowed methods must be a list of strings, for example"
        ):
            app.add_url_rule("/", "x", lambda: "x", methods="GET")
        app.add_url_rule("/", "x", lambda: "x")
        with pytest.raises(
            AssertionError, match="^View function mapping is overwriting an existing en"
        ):
            app.add_url_rule("/y", "x", lambda: "y")
        with pytest.raises(AssertionError, match="^expected view func if endpoint is not provided"):
            app.add_url_rule("/z")

    def test_the_view_may_come_later(self, fw: t.Any) -> None:
        app = fw.Flask("app", static_folder=None)
        app.add_url_rule("/", endpoint="late")

        @app.endpoint("late")
        def late() -> str:
            return "late"

        assert serve(app).body == b"late"

    def test_matching_by_host_and_subdomain(self, fw: t.Any) -> None:
        app = fw.Flask("app", static_folder=None, subdomain_matching=True)
        app.config["SERVER_NAME"] = "example.com"
        app.add_url_rule("/", "root", lambda: "root")
        app.add_url_rule("/", "sub", lambda sub: sub, subdomain="<sub>")
        client = app.test_client()
        for _ in range(2):
            assert client.get("/", base_url="http://example.com").text == "root"
            assert client.get("/", base_url="http://a.example.com").text == "a"
        app = fw.Flask("app", static_folder=None, host_matching=True)
        app.add_url_rule("/", "one", lambda: "one", host="one.example")
        app.add_url_rule("/", "any", lambda host: host, host="<host>")
        client = app.test_client()
        for _ in range(2):
            assert client.get("/", base_url="http://one.example").text == "one"
            assert client.get("/", base_url="http://two.example").text == "two.example"


@both
class TestSettings:
    def test_attributes_are_settings(self, fw: t.Any) -> None:
        app = fw.Flask("app")
        for name, key in (("testing", "TESTING"), ("secret_key", "SECRET_KEY"), ("debug", "DEBUG")):
            setattr(app, name, "value")
            assert app.config[key] == "value"
            app.config[key] = False
            assert getattr(app, name) is False
        app.config["PERMANENT_SESSION_LIFETIME"] = 60
        assert app.permanent_session_lifetime.total_seconds() == 60

    def test_debug_reloads_templates(self, fw: t.Any) -> None:
        app = fw.Flask("app")
        assert not app.jinja_env.auto_reload
        app.debug = True
        assert app.jinja_env.auto_reload
        app = fw.Flask("app")
        app.config["TEMPLATES_AUTO_RELOAD"] = False
        app.debug = True
        assert not app.jinja_env.auto_reload

    def test_lazy_attributes_can_be_set(self, fw: t.Any) -> None:
        app = fw.Flask("app")
        logger = logging.getLogger("another")
        app.logger = logger
        assert app.logger is logger
        assert app.logger is app.logger
        assert app.jinja_env is app.jinja_env
        app.name = "renamed"
        assert same(repr(app)) == "<Flask 'renamed'>"

    def test_the_shell(self, fw: t.Any) -> None:
        app = fw.Flask("app")
        app.shell_context_processor(lambda: {"x": 1})
        found = app.make_shell_context()
        assert (found["app"], found["x"]) == (app, 1)
        assert found["g"] is fw.g

    def test_autoescape(self, fw: t.Any) -> None:
        app = fw.Flask("app")
        wanted = {None: True, "a.html": True, "a.svg": True, "a.xhtml": True, "a.txt": False}
        assert {name: app.select_jinja_autoescape(name) for name in wanted} == wanted


@both
class TestClients:
    def test_client(self, fw: t.Any) -> None:
        app = fw.Flask("app", static_folder=None)
        app.add_url_rule("/", "index", lambda: "x")
        assert app.test_client().get("/").text == "x"

        class Client(fw.testing.FlaskClient):  # type: ignore[misc]
            def __init__(self, *args: t.Any, extra: int = 0, **kwargs: t.Any) -> None:
                self.extra = extra
                super().__init__(*args, **kwargs)

        app.test_client_class = Client
        assert app.test_client(extra=5).extra == 5
        assert app.test_client(use_cookies=False)._cookies is None

    def test_runner(self, fw: t.Any) -> None:
        app = fw.Flask("app", static_folder=None)
        app.cli.command("hello")(lambda: print("hello"))
        assert app.cli.name == "app"
        assert app.test_cli_runner().invoke(args=["hello"]).output == "hello\n"


def test_run(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[t.Any] = []
    monkeypatch.setattr(
        "werkzeug.serving.run_simple", lambda *args, **kwargs: calls.append(args[:2])
    )
    monkeypatch.setenv("FLASK_SKIP_DOTENV", "1")
    monkeypatch.delenv("FLASK_RUN_FROM_CLI", raising=False)
    for server_name, options in (
        (None, {}),
        ("a.example:81", {}),
        (None, {"host": "0.0.0.0", "port": 0}),
        ("a.example", {"port": 9}),
    ):
        for fw in BOTH:
            app = fw.Flask("app")
            app.config["SERVER_NAME"] = server_name
            app.run(**options)
    assert calls[::2] == calls[1::2]
    assert calls[0] == ("127.0.0.1", 5000)


def test_called_through_middleware() -> None:
    """``app`` calls whatever is under ``wsgi_app``, on the instance or the class."""

    def make(fw: t.Any, log: list[t.Any]) -> t.Any:
        class App(fw.Flask):  # type: ignore[misc]
            def wsgi_app(self, environ: t.Any, start_response: t.Any) -> t.Any:
                log.append(environ["PATH_INFO"])
                return super().wsgi_app(environ, start_response)

        app = App("app", static_folder=None)
        app.add_url_rule("/", "index", lambda: "x")
        return app

    compare(make, "/", "/missing")


@pytest.mark.wsgi
def test_two_applications_do_not_meet() -> None:
    one, two = (erlen.Erlen(name, static_folder=None) for name in ("one", "two"))
    for app in (one, two):
        app.add_url_rule("/", "index", lambda: erlen.current_app.name)
        plan(app)
    assert [serve(app).body for app in (one, two, one, two)] == [b"one", b"two"] * 2
    two.before_request(lambda: "hook")
    assert [serve(app).body for app in (one, two, one, two)] == [b"one", b"hook"] * 2


def test_an_abstract_application_can_be_made() -> None:
    """A subclass may mix other bases in."""
    import abc

    class App(erlen.Erlen, abc.ABC):
        @property
        @abc.abstractmethod
        def part(self) -> int: ...

    with pytest.raises(TypeError):
        App("app")  # type: ignore[abstract]
    assert sys.version_info >= (3, 11)
