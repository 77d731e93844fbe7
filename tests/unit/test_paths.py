"""Where modules live: as Flask finds it."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import types
import typing as t
from pathlib import Path

import flask.helpers
import flask.sansio.scaffold
import pytest

from erlen.paths import find_package, get_root_path


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Path]:
    """Packages of every kind, on the import path."""
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    windows = tmp_path / "win" / "Lib" / "site-packages"
    other = tmp_path / "other"
    for base, tag in ((site, "site"), (windows, "win"), (other, "other")):
        package = base / f"pkg_{tag}" / "inner"
        package.mkdir(parents=True)
        (package.parent / "__init__.py").touch()
        (package / "__init__.py").touch()
        (base / f"mod_{tag}.py").touch()
        space = base / f"space_{tag}" / "part"
        space.mkdir(parents=True)
        (space / "__init__.py").touch()
        (space.parent / "alone.py").touch()
        monkeypatch.syspath_prepend(str(base))
    yield tmp_path
    for name in list(sys.modules):
        if name.startswith(("pkg_", "mod_", "space_")):
            del sys.modules[name]


NAMES = [
    f"{name}{tag}{rest}"
    for tag in ("site", "win", "other")
    for name, rest in (
        ("pkg_", ""),
        ("pkg_", ".inner"),
        ("pkg_", ".missing"),
        ("mod_", ""),
        ("space_", ""),
        ("space_", ".part"),
        ("space_", ".alone"),
    )
] + ["missing", "__main__", "os", "flask", "flask.json", "not a module", "json.decoder", "sys"]


def outcome(function: t.Callable[[str], t.Any], name: str) -> t.Any:
    try:
        return function(name)
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("imported", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_as_flask(tree: Path, name: str, imported: bool) -> None:
    if imported:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    assert outcome(get_root_path, name) == outcome(flask.helpers.get_root_path, name)
    theirs = flask.sansio.scaffold.find_package
    assert outcome(find_package, name) == outcome(theirs, name)


def test_a_module_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "made_up", types.ModuleType("made_up"))
    assert get_root_path("made_up") == os.getcwd()


def test_a_loader_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loader:
        pass

    class Spec:
        loader = Loader()

    module = types.ModuleType("odd")
    monkeypatch.setitem(sys.modules, "odd", module)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: Spec())
    with pytest.raises(
        RuntimeError, match="^No root path can be found for the provided module 'odd'"
    ):
        get_root_path("odd")
    module.__file__ = "/somewhere/odd.py"
    assert get_root_path("odd") == "/somewhere"
