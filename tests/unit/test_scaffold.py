"""What applications and blueprints share: declaring, folders, resources."""

from __future__ import annotations

import typing as t
from datetime import timedelta
from pathlib import Path

import pytest

import erlen
from erlen.registry import COMPILED
from erlen.state import epoch
from sidebyside import BOTH, serve

both = pytest.mark.parametrize("fw", BOTH)

SETUP: dict[str, tuple[t.Any, ...]] = {
    "add_url_rule": ("/x", "x", lambda: "x"),
    "after_request": (lambda response: response,),
    "before_request": (lambda: None,),
    "context_processor": (dict,),
    "endpoint": ("x",),
    "errorhandler": (404,),
    "get": ("/x",),
    "post": ("/x",),
    "put": ("/x",),
    "delete": ("/x",),
    "patch": ("/x",),
    "register_error_handler": (404, lambda error: "x"),
    "route": ("/x",),
    "teardown_request": (lambda error: None,),
    "url_defaults": (lambda endpoint, values: None,),
    "url_value_preprocessor": (lambda endpoint, values: None,),
}
SETUP_OF_APPS: dict[str, tuple[t.Any, ...]] = {
    "add_template_filter": (str, "x"),
    "add_template_global": (str, "x"),
    "add_template_test": (str, "x"),
    "register_blueprint": (None,),
    "shell_context_processor": (dict,),
    "teardown_appcontext": (lambda error: None,),
    "template_filter": ("x",),
    "template_global": ("x",),
    "template_test": ("x",),
}


@both
@pytest.mark.parametrize("name", [*SETUP, *SETUP_OF_APPS])
def test_set_up_ends_with_the_first_request(fw: t.Any, name: str) -> None:
    app = fw.Flask("scaffold", static_folder=None)
    serve(app)
    text = (
        f"^The setup method '{name}' can no longer be called on the application. It has already"
        " handled its first request, any changes will not be applied consistently.\n"
    )
    with pytest.raises(AssertionError, match=text):
        getattr(app, name)(*{**SETUP, **SETUP_OF_APPS}[name])


@both
def test_what_decorators_return_and_where_they_put_it(fw: t.Any) -> None:
    app = fw.Flask("scaffold", static_folder=None)

    def function(*args: t.Any) -> t.Any:
        return None

    tables = {
        "before_request": "before_request_funcs",
        "after_request": "after_request_funcs",
        "teardown_request": "teardown_request_funcs",
        "url_defaults": "url_default_functions",
        "url_value_preprocessor": "url_value_preprocessors",
        "context_processor": "template_context_processors",
    }
    for name, table in tables.items():
        assert getattr(app, name)(function) is function
        assert getattr(app, table)[None][-1] is function
    assert app.errorhandler(KeyError)(function) is function
    assert app.error_handler_spec[None][None][KeyError] is function
    assert app.errorhandler(404)(function) is function
    assert list(app.error_handler_spec[None][404].values()) == [function]
    assert app.endpoint("e")(function) is function
    assert app.view_functions["e"] is function
    assert app.route("/x", endpoint="x", methods=["PUT"])(function) is function
    assert app.teardown_appcontext(function) is function
    assert app.teardown_appcontext_funcs == [function]


@both
def test_method_shortcuts(fw: t.Any) -> None:
    app = fw.Flask("scaffold", static_folder=None)
    for method in ("get", "post", "put", "delete", "patch"):
        getattr(app, method)(f"/{method}", endpoint=method)(lambda: "x")
        (rule,) = app.url_map.iter_rules(method)
        assert rule.methods - {"OPTIONS", "HEAD"} == {method.upper()}
        with pytest.raises(
            TypeError, match="^Use the 'route' decorator to use the 'methods' argum"
        ):
            getattr(app, method)("/x", methods=["GET"])


class TestWhatRaisesTheEpoch:
    def bumps(self, owner: t.Any, name: str, value: t.Any) -> bool:
        before = epoch.value
        setattr(owner, name, value)
        return epoch.value > before

    @pytest.mark.parametrize("make", [lambda: erlen.Erlen("x"), lambda: erlen.Blueprint("x", "x")])
    def test_tables_do(self, make: t.Callable[[], t.Any]) -> None:
        owner = make()
        for name in sorted(COMPILED & set(vars(owner))):
            assert self.bumps(owner, name, getattr(owner, name)), name

    def test_overrides_do(self) -> None:
        app = erlen.Erlen("x")
        for name in ("dispatch_request", "request_class", "session_interface", "make_response"):
            assert self.bumps(app, name, getattr(app, name)), name
        before = epoch.value
        del app.dispatch_request
        assert epoch.value > before

    def test_others_do_not(self) -> None:
        app = erlen.Erlen("x")
        for name in ("counter", "_private", "db", "_plans"):
            assert not self.bumps(app, name, 1), name
        app.hits = 0
        before = epoch.value
        app.hits += 1
        assert epoch.value == before


@both
class TestFolders:
    def test_static(self, fw: t.Any, tmp_path: Path) -> None:
        cases: list[tuple[dict[str, t.Any], tuple[t.Any, ...]]] = [
            ({}, (True, f"{tmp_path}/static", "/static")),
            ({"static_folder": None}, (False, None, None)),
            ({"static_folder": "a/b/"}, (True, f"{tmp_path}/a/b", "/b")),
            ({"static_folder": Path("a")}, (True, f"{tmp_path}/a", "/a")),
            ({"static_folder": "/abs/x"}, (True, "/abs/x", "/x")),
            ({"static_folder": ""}, (True, f"{tmp_path}/", "")),
            ({"static_url_path": "/u/"}, (True, f"{tmp_path}/static", "/u")),
            ({"static_url_path": ""}, (True, f"{tmp_path}/static", "")),
            ({"static_url_path": "/u", "static_folder": None}, (False, None, "/u")),
        ]
        for options, expected in cases:
            app = fw.Flask("scaffold", root_path=str(tmp_path), **options)
            found = (app.has_static_folder, app.static_folder, app.static_url_path)
            assert found == expected, options
            rules = [rule.rule for rule in app.url_map.iter_rules()]
            assert rules == ([f"{expected[2]}/<path:filename>"] if expected[0] else [])

    def test_static_without_a_folder(self, fw: t.Any) -> None:
        app = fw.Flask("scaffold", static_folder=None)
        with pytest.raises(RuntimeError, match="'static_folder' must be set to serve static_files"):
            app.send_static_file("x")

    def test_served(self, fw: t.Any, tmp_path: Path) -> None:
        (tmp_path / "static").mkdir()
        (tmp_path / "static" / "a.txt").write_text("static")
        app = fw.Flask("scaffold", root_path=str(tmp_path))
        seen: list[t.Any] = []
        app.get_send_file_max_age = lambda name: seen.append(name) or 5
        for _ in range(2):
            answer = serve(app, "/static/a.txt")
            assert answer.body == b"static"
            assert "max-age=5" in str(answer.header("Cache-Control"))
        assert set(seen) == {"a.txt"}

    @pytest.mark.parametrize("value", [None, 60, timedelta(minutes=2), 0])
    def test_max_age(self, fw: t.Any, value: t.Any) -> None:
        app = fw.Flask("scaffold")
        app.config["SEND_FILE_MAX_AGE_DEFAULT"] = value
        expected = 120 if isinstance(value, timedelta) else value
        with app.app_context():
            assert app.get_send_file_max_age("x") == expected

    def test_resources(self, fw: t.Any, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_bytes("grün".encode())
        app = fw.Flask("scaffold", root_path=str(tmp_path))
        with app.open_resource("a.txt") as file:
            assert file.read() == "grün".encode()
        with app.open_resource("a.txt", "r") as file:
            assert file.read() == "grün"
        with app.open_resource("a.txt", "rt", encoding="latin-1") as file:
            assert file.read() == "grÃ¼n"
        for mode in ("w", "a", "r+", "x"):
            with pytest.raises(ValueError, match="^Resources can only be opened for reading"):
                app.open_resource("a.txt", mode)

    def test_loader(self, fw: t.Any, tmp_path: Path) -> None:
        app = fw.Flask("scaffold", root_path=str(tmp_path), template_folder="pages")
        assert app.jinja_loader.searchpath == [f"{tmp_path}/pages"]
        assert fw.Flask("scaffold", template_folder=None).jinja_loader is None
        app.jinja_loader = None
        assert app.jinja_loader is None


@both
def test_repr(fw: t.Any) -> None:
    assert repr(fw.Flask("name")).replace("Erlen", "Flask") == "<Flask 'name'>"
    assert repr(fw.Blueprint("name", "x")) == "<Blueprint 'name'>"
