"""The command as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

Write = t.Callable[..., Path]
Run = t.Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    import erlen

    source = Path(erlen.__file__).parent.parent

    def run(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *args],
            env={**os.environ, "PYTHONPATH": str(source), **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


APP = """\
from erlen import Erlen
app = Erlen("mine")
@app.get("/here")
def here(): return ""
@app.cli.command()
def name():
    "Say the name."
    from erlen import current_app
    print(current_app.name)
"""


def test_finds_the_application(run: Run, write: Write) -> None:
    write("app.py", APP)
    assert run("-m", "erlen", "name").stdout == "mine\n"
    assert "/here" in run("-m", "erlen", "routes").stdout
    assert "Say the name." in run("-m", "erlen").stdout + run("-m", "erlen").stderr
    assert "Say the name." in run("-m", "erlen", "--help").stdout


def test_the_advice_names_the_command(run: Run) -> None:
    result = run("-m", "erlen", "routes")
    assert result.returncode == 2
    assert "Use the 'python -m erlen --app' option" in result.stderr


def test_a_broken_import(run: Run, write: Write) -> None:
    path = write("app.py", "\nimport a_typo_of_mine\n")
    result = run("-m", "erlen", "run")
    assert result.returncode == 2
    assert f'File "{path}", line 2, in <module>' in result.stderr
    assert "No module named 'a_typo_of_mine'" in result.stderr


@pytest.mark.parametrize("code", ["x = (", "1 / 0", "undefined"])
def test_another_error_in_the_users_module(run: Run, write: Write, code: str) -> None:
    path = write("app.py", f"\n{code}\n")

    for command in ("run", "routes", "shell", "mine"):
        result = run("-m", "erlen", command)
        assert result.returncode == 1
        assert f'File "{path}", line 2' in result.stderr


def test_an_application_for_flask(run: Run, write: Write) -> None:
    write("app.py", APP.replace("from erlen import Erlen", "from flask import Flask as Erlen"))
    assert "/here" in run("-m", "erlen", "--as-flask", "routes").stdout
    assert "/here" in run("-m", "erlen", "routes", ERLEN_AS_FLASK="1").stdout
    assert run("-m", "erlen", "--as-flask", "name").stdout == "mine\n"
    result = run("-m", "erlen", "routes")
    assert result.returncode == 2
    assert "erlen --as-flask" in result.stderr


@pytest.mark.parametrize("words", ["--as-flask --help", "--help --as-flask", "--as-flask"])
def test_the_help_of_an_application_for_flask(run: Run, write: Write, words: str) -> None:
    write("mine.py", APP.replace("from erlen import Erlen", "from flask import Flask as Erlen"))
    for more in ({"FLASK_APP": "mine"}, {"ERLEN_APP": "mine"}):
        result = run("-m", "erlen", *words.split(), **more)
        text = result.stdout + result.stderr
        assert "\n  name " in text
        assert "Error" not in text


def test_the_check_of_the_routes(run: Run, write: Write) -> None:
    path = write("app.py", APP)
    result = run("-m", "erlen", "routes", "--check")
    assert (result.returncode, result.stdout) == (0, "No conflicts were found.\n")
    write("app.py", APP + '@app.get("/here")\ndef again(): return ""\n')
    result = run("-m", "erlen", "routes", "--check")
    assert result.returncode == 1
    assert f"{path}:3" in result.stdout
    assert f"{path}:10" in result.stdout


def test_the_shell(run: Run, write: Write) -> None:
    write("app.py", APP)
    command = "import sys, erlen.cli; sys.argv = ['erlen', 'shell']; erlen.cli.main()"
    import erlen

    source = Path(erlen.__file__).parent.parent
    result = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "PYTHONPATH": str(source)},
        input="print(app.name, g)\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "mine <flask.g of 'mine'>" in result.stdout
    assert "App: mine" in result.stderr


UNUSED = "ast code inspect platform ssl importlib.metadata werkzeug.serving werkzeug.debug dotenv"


def test_importing_it_is_cheap(run: Run) -> None:
    """Each of these is wanted by one command only."""
    result = run(
        "-c",
        "import sys, erlen, erlen.app; before = set(sys.modules); import erlen.cli;"
        f"print([n for n in {UNUSED!r}.split() if n in sys.modules and n not in before])",
    )
    assert result.stdout == "[]\n", result.stderr


def test_names() -> None:
    import flask.cli

    import erlen.cli

    # Not the names that a room of its own does not need.
    theirs = {
        name
        for name, value in vars(flask.cli).items()
        if not name.startswith("__") and getattr(value, "__module__", "") == "flask.cli"
    }
    inner = {"F", "_set_app", "_set_debug", "_env_file_callback", "_path_is_ancestor"}
    assert {name for name in theirs - inner if not hasattr(erlen.cli, name)} == set()
    assert erlen.cli.FlaskGroup is erlen.cli.ErlenGroup
    assert set(erlen.cli.__all__) <= {*vars(erlen.cli), *erlen.cli._FROM_WERKZEUG}

    for name in erlen.cli.__all__:
        assert getattr(erlen.cli, name) is not None

    with pytest.raises(AttributeError, match=r"module 'erlen.cli' has no attribute 'x'"):
        erlen.cli.x
