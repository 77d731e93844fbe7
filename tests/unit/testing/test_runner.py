from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import click
import pytest


@pytest.fixture
def app(side: t.Any) -> t.Any:
    app = side.make()

    @app.cli.command("show")
    @click.argument("word", default="none")
    def show(word: str) -> None:
        click.echo(f"{side.api.current_app.name} {word}")

    return app


def test_the_applications_commands(app: t.Any) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(args=["show"]).output == "mine none\n"
    assert runner.invoke(args="show word").output == "mine word\n"


def test_one_command(app: t.Any) -> None:
    assert app.test_cli_runner().invoke(app.cli.commands["show"]).output == "mine none\n"
    assert app.test_cli_runner().invoke(app.cli.commands["show"], ["w"]).output == "mine w\n"


def test_an_object_of_ones_own(side: t.Any, app: t.Any) -> None:
    other = side.App("other")
    info = side.cli.ScriptInfo(create_app=lambda: other)
    assert app.test_cli_runner().invoke(args=["show"], obj=info).output == "other none\n"


def test_the_class_can_be_replaced(side: t.Any, app: t.Any) -> None:
    class Runner(side.testing.FlaskCliRunner): ...

    app.test_cli_runner_class = Runner
    runner = app.test_cli_runner(env={"A": "1"})
    assert isinstance(runner, Runner)
    assert runner.env == {"A": "1"}
    assert runner.app is app


def test_a_client_needs_no_click() -> None:
    code = "import sys, erlen.testing; print('click' in sys.modules)"
    source = Path(sys.modules["erlen"].__file__ or "").parent.parent
    output = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
    )
    assert output.stdout == "False\n", output.stderr


def test_names() -> None:
    import flask.testing

    import erlen.testing

    def own(module: t.Any) -> set[str]:
        return {
            n
            for n in vars(module)
            if "Flask" in n or n.endswith(("Builder", "get_werkzeug_version"))
        }

    assert {n for n in own(flask.testing) if not hasattr(erlen.testing, n)} == set()
    assert erlen.testing.FlaskClient is erlen.testing.ErlenClient
    assert erlen.testing.FlaskCliRunner is erlen.testing.ErlenCliRunner

    with pytest.raises(AttributeError, match=r"module 'erlen.testing' has no attribute 'x'"):
        erlen.testing.x
