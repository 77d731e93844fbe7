"""Declaring websockets on applications and blueprints."""

from __future__ import annotations

import functools
import inspect
import typing as t

import pytest

from erlen import Blueprint, Erlen, websocket
from erlen.cli import routes_command
from erlen.guarding import guard, unguarded


async def view(**values: t.Any) -> None:
    await websocket.send_json(values)


def rules(app: Erlen) -> list[tuple[str, str, bool]]:
    return [(rule.rule, rule.endpoint, rule.websocket) for rule in app.url_map.iter_rules()]


def make() -> Erlen:
    app = Erlen("sockets", static_folder=None)
    app.testing = True
    return app


def test_the_decorator_gives_the_view_back() -> None:
    app = make()
    assert app.websocket("/a")(view) is view
    assert app.websocket("/b", endpoint="other")(view) is view
    assert rules(app) == [("/a", "view", True), ("/b", "other", True)]
    assert app.url_map._rules[0].methods == {"GET", "HEAD"}
    registered = app.view_functions["view"]
    assert registered.__name__ == "view"
    assert unguarded(registered) is view


def test_one_view_for_two_rules() -> None:
    app = make()
    app.websocket("/a", defaults={"page": 0})(view)
    app.websocket("/b/<int:page>")(view)
    for path, page in (("/b/0", 0), ("/b/3", 3)):
        with app.test_client().websocket_connect(path.replace("/b/0", "/a")) as ws:
            assert ws.receive_json() == {"page": page}


def test_two_views_for_one_endpoint() -> None:
    app = make()
    app.websocket("/a")(view)
    with pytest.raises(AssertionError, match="overwriting an existing endpoint"):
        app.add_websocket("/b", "view", lambda: None)


def test_what_is_refused() -> None:
    app = make()
    with pytest.raises(TypeError, match="no methods"):
        app.websocket("/", methods=["POST"])(view)
    with pytest.raises(TypeError, match="a function"):
        app.add_websocket("/", "x", "view")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        app.websocket("/", nonsense=1)(view)
    with pytest.raises(ValueError, match="dot"):
        Blueprint("bp", __name__).add_websocket("/", "a.b", view)
    app._got_first_request = True
    for late in (app.websocket, app.before_websocket, app.add_websocket):
        with pytest.raises(AssertionError, match="no longer be called"):
            late("/")


def test_a_rule_whose_view_comes_later() -> None:
    app = make()
    app.add_websocket("/", "later")
    with pytest.raises(RuntimeError, match="'later' has no view"):
        with app.test_client().websocket_connect("/"):
            pass
    app.view_functions["later"] = view
    with app.test_client().websocket_connect("/") as ws:
        assert ws.receive_json() == {}


def test_blueprints() -> None:
    app = make()
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    inner.websocket("/<name>")(view)
    outer.register_blueprint(inner, url_prefix="/in")
    app.register_blueprint(outer, url_prefix="/out")
    app.register_blueprint(outer, url_prefix="/again", name="again", url_defaults={"x": 1})
    assert rules(app) == [
        ("/out/in/<name>", "outer.inner.view", True),
        ("/again/in/<name>", "again.inner.view", True),
    ]
    with app.test_client().websocket_connect("/out/in/a") as ws:
        assert ws.receive_json() == {"name": "a"}


def test_guards_look_like_their_views() -> None:
    def plain(n: int) -> str:
        """What it does."""
        return str(n)

    guarded = guard(plain, {"max_message_size": 1})
    assert not inspect.iscoroutinefunction(guarded)
    assert inspect.iscoroutinefunction(guard(view))
    assert guarded.__doc__ == "What it does."
    assert guarded.websocket_options == {"max_message_size": 1}  # type: ignore[attr-defined]

    @functools.wraps(guarded)
    def wrapped(**values: t.Any) -> t.Any:
        return guarded(**values)

    assert unguarded(wrapped) is wrapped
    with pytest.raises(Exception, match="501"):
        wrapped(n=1)


def test_the_view_is_not_kept_alive() -> None:
    import gc
    import weakref

    def short_lived() -> None:
        pass

    reference = weakref.ref(short_lived)
    app = make()
    app.websocket("/")(short_lived)
    del app, short_lived
    gc.collect()
    assert reference() is None


def test_the_list_of_routes() -> None:
    app = make()
    app.websocket("/ws")(view)
    app.add_url_rule("/page", "page", lambda: "")
    runner = app.test_cli_runner()
    lines = runner.invoke(routes_command).output.splitlines()
    assert [line.split() for line in lines[2:]] == [
        ["page", "GET", "/page"],
        ["view", "websocket", "/ws"],
    ]
    app.websocket("/ws", endpoint="other")(view)
    checked = runner.invoke(routes_command, ["--check"])
    assert checked.exit_code == 1
    assert "/ws -> other" in checked.output and "never reached" in checked.output
