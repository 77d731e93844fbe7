"""Errors that name the place in the user's code."""

from __future__ import annotations

import copy
import pickle
import threading
import typing as t

import flask
import pytest
from werkzeug.local import LocalProxy

import erlen
from erlen.errors import OutsideContextError, call_site


def line_of(function: t.Callable[..., t.Any], offset: int = 1) -> str:
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno + offset}"


def caught(function: t.Callable[[], t.Any]) -> OutsideContextError:
    with pytest.raises(OutsideContextError) as info:
        function()
    return info.value


def read() -> t.Any:
    return erlen.request.args


def write() -> None:
    erlen.g.x = 1


def item() -> t.Any:
    return erlen.session["a"]


def call() -> t.Any:
    return erlen.url_for("index")


def iterate() -> t.Any:
    return list(erlen.session)


def through_werkzeug() -> t.Any:
    return erlen.current_app + 1


@pytest.mark.parametrize(
    ("function", "name", "kind"),
    [
        (read, "request", "request"),
        (write, "g", "application"),
        (item, "session", "request"),
        (call, "url_for", "application"),
        (iterate, "session", "request"),
        (through_werkzeug, "current_app", "application"),
    ],
)
def test_the_text(function: t.Callable[[], t.Any], name: str, kind: str) -> None:
    lines = str(caught(function)).splitlines()
    assert lines[0] == f"Working outside of {kind} context."
    assert lines[1] == ""
    assert lines[2].startswith(f"'{name}' was used at {line_of(function)}, but it needs ")
    assert ("app_context()" if kind == "application" else "test_request_context(") in lines[3]


@pytest.mark.parametrize("name", ["request", "session", "g", "current_app"])
def test_the_first_line_is_flasks(name: str) -> None:
    texts = []
    for fw in (flask, erlen):
        with pytest.raises(RuntimeError) as info:
            getattr(fw, name).x  # noqa: B018
        texts.append(str(info.value).splitlines()[0])
    assert texts[1] == texts[0]


def test_the_text_is_the_same_later_and_elsewhere() -> None:
    error = caught(read)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(str(error)))
    thread.start()
    thread.join()
    assert found == [str(error)]
    assert error.site == line_of(read)


@pytest.mark.parametrize("clone", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_it_travels(clone: t.Callable[[t.Any], t.Any]) -> None:
    """To another process there is no traceback; the place goes along."""
    error = caught(read)
    other = clone(error)
    assert type(other) is OutsideContextError
    assert str(other) == str(error)


def test_it_is_a_runtime_error_for_local_proxies() -> None:
    proxy = LocalProxy(lambda: erlen.request.args)
    assert repr(proxy) == "<LocalProxy unbound>"
    assert not proxy


def test_call_site() -> None:
    assert call_site() == line_of(test_call_site)


def test_rules_remember_where_they_were_made() -> None:
    app = erlen.Erlen("sites", static_folder=None)
    app.add_url_rule("/", "index", lambda: "x")
    assert set(app.rule_sources.values()) == {line_of(test_rules_remember_where_they_were_made, 2)}
