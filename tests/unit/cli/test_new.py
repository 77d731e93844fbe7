"""The commands `erlen new` and `erlen deploy`, as far as no other process is needed."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
from click.testing import CliRunner

from erlen import Erlen
from erlen.cli.deploy import KINDS, served_name
from erlen.cli.main import cli
from erlen.scaffolding import deployment


def test_new(tmp_path: Path) -> None:
    command = ["new", "shop", "--in", str(tmp_path), "--database", "postgresql", "--login"]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0
    for step in ("pip install", "createdb shop", "erlen db upgrade", "erlen add-user"):
        assert step in result.output
    again = CliRunner().invoke(cli, command)
    assert again.exit_code == 1 and "Nothing was written" in again.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["json"], "would hide"),
        (["shop", "--login"], "--database sqlite"),
        (["shop", "--database", "oracle"], "'oracle' is not one of"),
    ],
)
def test_new_says_no(tmp_path: Path, options: list[str], said: str) -> None:
    result = CliRunner().invoke(cli, ["new", "--in", str(tmp_path), *options])
    assert result.exit_code != 0 and said in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "names", "expected"),
    [
        ("site_x", {"app": "app"}, "site_x:app"),
        ("site_x", {"other": "app"}, "site_x:other"),
        ("site_x", {"create_app": "factory"}, "site_x:create_app()"),
        ("site_x:other", {"other": "app"}, "site_x:other"),
        ("site_x:make", {"make": "factory"}, "site_x:make()"),
        ("site_x:make(1)", {"make": "factory"}, "site_x:make(1)"),
    ],
)
def test_how_gunicorn_finds_it(
    path: str, names: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Erlen("site_x")
    module = types.ModuleType("site_x")
    for name, kind in names.items():
        setattr(module, name, app if kind == "app" else lambda: app)
    monkeypatch.setitem(sys.modules, "site_x", module)
    assert served_name(path, app) == expected


def test_kinds_are_those_that_there_are() -> None:
    assert KINDS == list(deployment.KINDS)
