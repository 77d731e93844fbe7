"""Each test that takes ``side`` runs on Flask and on Erlen: what it expects is what Flask does."""

from __future__ import annotations

import importlib
import os
import sys
import typing as t
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path

import pytest
from click.testing import CliRunner, Result


class Side:
    """One of the two packages: its application class, its command line, its proxy."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cli = importlib.import_module(f"{name}.cli")
        self.App = getattr(importlib.import_module(f"{name}.app"), name.title())
        self.current_app = importlib.import_module(f"{name}.globals").current_app
        self.Group = self.cli.FlaskGroup

    def invoke(self, command: t.Any, *args: str, **kwargs: t.Any) -> Result:
        # In a context of its own: Flask leaves the application's behind when
        # it prints its help.
        try:
            runner = CliRunner(mix_stderr=False)
        except TypeError:  # click 8.2 keeps both streams by itself
            runner = CliRunner()

        return copy_context().run(lambda: runner.invoke(command, list(args), **kwargs))


@pytest.fixture(params=["flask", "erlen"])
def side(request: pytest.FixtureRequest) -> Side:
    return Side(request.param)


@pytest.fixture
def erlen_side() -> Side:
    return Side("erlen")


@pytest.fixture
def both() -> tuple[Side, Side]:
    return Side("flask"), Side("erlen")


@pytest.fixture(autouse=True)
def clean_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty current directory; variables, path and modules as they were before."""
    monkeypatch.chdir(tmp_path)
    environ = dict(os.environ)
    path, modules = sys.path[:], set(sys.modules)

    for name in environ:
        if name.startswith(("FLASK_", "ERLEN_", "WERKZEUG_")):
            del os.environ[name]

    yield
    os.environ.clear()
    os.environ.update(environ)
    sys.path[:] = path

    for name in set(sys.modules) - modules:
        # Only what a test wrote: a second copy of a real package would have
        # classes of its own.
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> t.Callable[..., Path]:
    """Write a file below the current directory."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write
