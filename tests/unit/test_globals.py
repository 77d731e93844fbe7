"""The proxies behave as Flask's, inside and outside of their contexts."""

from __future__ import annotations

import copy
import inspect
import operator
import re
import typing as t
from collections.abc import MutableMapping

import pytest
from werkzeug.local import LocalProxy

import erlen
from erlen.errors import OutsideContextError
from sidebyside import BOTH

both = pytest.mark.parametrize("fw", BOTH)
NAMES = ["current_app", "g", "request", "session"]
INNER = ["app_ctx", "request_ctx"]


def make(fw: t.Any) -> t.Any:
    app = fw.Flask("globals", static_folder=None)
    app.secret_key = "secret"
    app.add_url_rule("/<x>", "view", lambda x: x)
    return app


def plain(text: str) -> str:
    """A text without the names of classes that are our own."""
    return re.sub(r"_(App|Request|Session|Globals|)Proxy", "LocalProxy", text).replace(
        "Erlen", "Flask"
    )


def outcome(function: t.Callable[[], t.Any]) -> tuple[str, t.Any]:
    try:
        rv = function()
    except BaseException as error:
        # The class and the rest of the text are our own.
        name = "RuntimeError" if isinstance(error, RuntimeError) else type(error).__name__
        if isinstance(error, AttributeError):
            return name, ""
        return name, plain(str(error).partition("\n")[0])
    return "value", rv if isinstance(rv, (str, int, bool, list, dict, tuple)) else type(rv).__name__


#: What can be done with a proxy.
OPERATIONS: dict[str, t.Callable[[t.Any], t.Any]] = {
    "bool": bool,
    "repr": lambda p: repr(p).replace("Erlen", "Flask").partition(" at ")[0],
    "str": lambda p: str(p).replace("Erlen", "Flask").partition(" at ")[0],
    "attribute": lambda p: p.nothing,
    "set": lambda p: setattr(p, "mine", 5) or p.mine,
    "delete": lambda p: setattr(p, "mine", 5) or delattr(p, "mine") or hasattr(p, "mine"),
    "delete missing": lambda p: delattr(p, "nothing"),
    "hasattr": lambda p: hasattr(p, "nothing"),
    "item": lambda p: p["a"],
    "set item": lambda p: operator.setitem(p, "a", 1) or p["a"],
    "delete item": lambda p: operator.delitem(p, "missing"),
    "contains": lambda p: "a" in p,
    "iter": lambda p: sorted(map(str, p)),
    "len": len,
    "dir": lambda p: "__class__" in dir(p),
    "call": lambda p: p(),
    "equal": lambda p: p == p._get_current_object(),
    "other": lambda p: p == object(),
    "hash": lambda p: hash(p) == hash(p._get_current_object()),
    "class": lambda p: plain(p.__class__.__name__),
    "isinstance": lambda p: isinstance(p, MutableMapping),
    "type": lambda p: isinstance(p, LocalProxy),
    "doc": lambda p: isinstance(p.__doc__, (str, type(None))),
    "dict": lambda p: isinstance(p.__dict__, dict),
    "copy": lambda p: type(copy.copy(p)).__name__.replace("Erlen", "Flask"),
    "same object": lambda p: p._get_current_object() is p._get_current_object(),
    "callable": callable,
    "name": lambda p: p.__name__,
    "wrapped": lambda p: p.__wrapped__ is not None,
    "unwrap": lambda p: inspect.unwrap(p) is not None,
    "or": lambda p: p | {"b": 1},
    "get": lambda p: p.get("a", 3),
    "pop": lambda p: p.pop("missing", 4),
    "name attribute": lambda p: p.name,
}


@pytest.mark.parametrize("context", ["none", "app", "request"])
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", NAMES)
def test_an_operation_on_a_proxy(name: str, operation: str, context: str) -> None:
    found = []
    for fw in BOTH:
        app = make(fw)
        run = OPERATIONS[operation]
        if context == "none":
            found.append(outcome(lambda: run(getattr(fw, name))))
            continue
        with app.app_context() if context == "app" else app.test_request_context("/v?q=1"):
            found.append(outcome(lambda: run(getattr(fw, name))))
    if operation == "iter" and found[1][0] == "RuntimeError":
        # Flask says "not iterable" even where there is only no context.
        assert found[0][0] == "TypeError" and found[1][1].startswith("Working outside of")
        return
    assert found[1] == found[0]


REQUEST_NAMES = (
    "args form files json data method path headers cookies values endpoint view_args"
    " get_json url url_rule blueprint blueprints content_length is_json mimetype host full_path"
).split()


@pytest.mark.parametrize("name", REQUEST_NAMES)
def test_attributes_of_the_request(name: str) -> None:
    found = []
    for fw in BOTH:
        with make(fw).test_request_context("/v?q=1", json={"a": 1}, method="PUT"):
            found.append(outcome(lambda: getattr(fw.request, name)))
            assert getattr(fw.request, name) == getattr(fw.request._get_current_object(), name)
    assert found[1] == found[0]
    for fw in BOTH:
        with pytest.raises(RuntimeError, match="^Working outside of request context"):
            getattr(fw.request, name)


@both
@pytest.mark.parametrize("name", "args form data method path headers cookies values mine".split())
def test_attributes_can_be_set(fw: t.Any, name: str) -> None:
    with make(fw).test_request_context("/v?q=1", data={"a": 1}):
        setattr(fw.request, name, 7)
        assert getattr(fw.request, name) == 7
        assert getattr(fw.request._get_current_object(), name) == 7


@both
def test_inner_names(fw: t.Any) -> None:
    app = make(fw)
    for name in INNER:
        with pytest.raises(RuntimeError, match="^Working outside of"):
            getattr(fw.globals, name).app  # noqa: B018
    with app.test_request_context("/v"):
        assert fw.globals.app_ctx.app is app
        assert fw.globals.request_ctx.request.path == "/v"
        assert fw.globals.app_ctx.g is fw.g._get_current_object()
        with app.app_context() as inner:
            assert fw.globals.app_ctx._get_current_object() is inner
            assert fw.globals.request_ctx.request.path == "/v"


@both
def test_the_context_variables(fw: t.Any) -> None:
    app = make(fw)
    assert fw.globals._cv_app.get(None) is None
    with app.test_request_context("/v"):
        assert fw.globals._cv_app.get().app is app
        assert fw.globals._cv_request.get().request.path == "/v"


@both
def test_a_fresh_object_in_every_context(fw: t.Any) -> None:
    app = make(fw)
    with app.test_request_context("/a"):
        outer = fw.request._get_current_object()
        with app.test_request_context("/b"):
            assert fw.request.path == "/b"
            assert fw.request._get_current_object() is not outer
        assert fw.request._get_current_object() is outer


def test_what_is_missing_is_named() -> None:
    for name in ("request", "session", "g", "current_app"):
        kind = "request" if name in ("request", "session") else "application"
        with pytest.raises(OutsideContextError, match=f"'{name}' was used") as caught:
            getattr(erlen, name).anything  # noqa: B018
        assert caught.value.kind == kind
    app = make(erlen)
    with app.app_context(), pytest.raises(OutsideContextError, match="'session' was used"):
        erlen.session["a"]  # noqa: B018


def test_testing_for_truth_costs_no_text() -> None:
    """``if request:`` outside raises and forgets: the stack must not be searched for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("erlen.errors.call_site", lambda: 1 / 0)
        patch.setattr("erlen.errors._site_of", lambda error: 1 / 0)
        assert not erlen.request
        assert not erlen.current_app
        assert repr(erlen.session) == "<LocalProxy unbound>"


def test_copying_a_session_changes_nothing_for_others() -> None:
    """``copy`` leaves notes on the class, which are no changes of it."""
    app = make(erlen)
    with app.test_request_context():
        erlen.session["a"] = 1
        assert copy.copy(erlen.session._get_current_object()) == {"a": 1}
        assert copy.deepcopy(erlen.session._get_current_object()) == {"a": 1}
    app.config["ANY"] = 1
    assert app._current_plans().lazy_session
