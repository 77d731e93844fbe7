"""Commands of installed packages that were written for Flask, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

SRC = str(Path(__file__).resolve().parents[3] / "src")

PLUGIN = """\
import click
from flask import current_app
from flask.cli import with_appcontext


@click.command()
@with_appcontext
def say():
    click.echo(f"{current_app.name} is {type(current_app._get_current_object()).__module__}")
"""

APPS = {
    "installs": "import erlen\nerlen.install_as_flask()\nfrom flask import Flask as App",
    "native": "from erlen import Erlen as App",
    "too late": "import flask\nfrom erlen import Erlen as App",
}


@pytest.fixture
def run(tmp_path: Path) -> t.Callable[..., subprocess.CompletedProcess[str]]:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    info = tmp_path / "plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[flask.commands]\nsay = plugin:say\n")

    def run(app: str, *words: str) -> subprocess.CompletedProcess[str]:
        if app:
            (tmp_path / "app.py").write_text(f"{APPS[app]}\napp = App('mine')\n")
        env = {key: value for key, value in os.environ.items() if not key.startswith("FLASK_")}
        return subprocess.run(
            [sys.executable, "-m", "erlen", *words],
            cwd=tmp_path,
            env=env | {"PYTHONPATH": SRC},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.mark.parametrize("app", ["installs", "native"])
def test_one_for_flask_runs_on_erlen(run: t.Any, app: str) -> None:
    done = run(app, "say")
    assert (done.stdout, done.stderr) == ("mine is erlen.app\n", "")


@pytest.mark.parametrize("app", ["installs", "native"])
@pytest.mark.parametrize("words", [["--help"], ["routes"], ["--as-flask", "routes"]])
def test_the_application_comes_before_it(run: t.Any, app: str, words: list[str]) -> None:
    done = run(app, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Traceback" not in done.stdout
    if words == ["--help"]:
        assert "say" in done.stdout


def test_its_help_needs_no_application(run: t.Any) -> None:
    done = run("", "say", "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    done = run("", "say")
    assert done.returncode == 2
    assert "Could not locate a Flask application" in done.stderr


def test_an_application_that_imports_flask_itself(run: t.Any) -> None:
    done = run("too late", "say")
    assert done.returncode == 2
    assert "'say' is for Flask" in done.stderr
    assert "erlen --as-flask" in done.stderr
    done = run("too late", "--as-flask", "say")
    assert done.stdout == "mine is erlen.app\n"
    assert "/static/" in run("too late", "routes").stdout


def test_an_error_in_the_application_is_shown(run: t.Any, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise LookupError('broken here')\n")
    done = run("", "say")
    assert done.returncode == 1
    assert "LookupError: broken here" in done.stderr
