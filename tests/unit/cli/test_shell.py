from __future__ import annotations

import code
import sys
import typing as t
from pathlib import Path

import pytest

Write = t.Callable[..., Path]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, t.Any]]:
    calls: list[dict[str, t.Any]] = []
    monkeypatch.setattr(code, "interact", lambda **kwargs: calls.append(kwargs))
    monkeypatch.setattr(sys, "__interactivehook__", lambda: None, raising=False)
    return calls


def open_shell(side: t.Any, app: t.Any, **env: str) -> None:
    result = side.invoke(side.Group(create_app=lambda: app), "shell", env=env)
    assert result.exit_code == 0, result.output


def test_banner(both: t.Any, opened: t.Any, tmp_path: Path) -> None:
    for side in both:
        open_shell(side, side.App("mine", instance_path=str(tmp_path)))

    assert opened[0]["banner"] == opened[1]["banner"]
    assert "App: mine" in opened[0]["banner"]


def test_names(side: t.Any, opened: t.Any) -> None:
    app = side.App("mine")
    app.shell_context_processor(lambda: {"x": 1})
    open_shell(side, app)
    assert opened[0]["local"]["x"] == 1
    assert opened[0]["local"]["app"] is app


def test_startup_file(side: t.Any, opened: t.Any, write: Write) -> None:
    path = write("startup.py", "# -*- coding: utf-8 -*-\ny = 'ж'\nx = 0\n")
    app = side.App("mine")
    app.shell_context_processor(lambda: {"x": 1})
    open_shell(side, app, PYTHONSTARTUP=str(path))
    local = opened[0]["local"]
    assert (local["y"], local["x"]) == ("ж", 1)


def test_a_missing_startup_file_is_no_error(side: t.Any, opened: t.Any) -> None:
    open_shell(side, side.App("mine"), PYTHONSTARTUP="missing.py")
    assert len(opened) == 1


def test_the_tab_key_completes_the_shells_names(
    side: t.Any, opened: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    readline = pytest.importorskip("readline")
    order: list[t.Any] = []
    monkeypatch.setattr(readline, "set_completer", order.append)
    monkeypatch.setattr(sys, "__interactivehook__", lambda: order.append("hook"))
    app = side.App("mine")
    app.shell_context_processor(lambda: {"zebra_crossing": 1})
    open_shell(side, app)
    complete, hook = order
    assert complete("zebra_c", 0) == "zebra_crossing"
    assert hook == "hook"


def test_without_readline(side: t.Any, opened: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "readline", None)
    called: list[int] = []
    monkeypatch.setattr(sys, "__interactivehook__", lambda: called.append(1))
    open_shell(side, side.App("mine"))
    assert called == [1]


def test_without_a_hook(side: t.Any, opened: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys, "__interactivehook__")
    open_shell(side, side.App("mine"))
    assert len(opened) == 1
