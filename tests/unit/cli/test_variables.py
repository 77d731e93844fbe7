"""``ERLEN_X`` means what ``FLASK_X`` means, and wins."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import click
import pytest

Write = t.Callable[..., Path]


@pytest.fixture
def group(erlen_side: t.Any) -> t.Any:
    app = erlen_side.App("x")
    group = erlen_side.Group(create_app=lambda: app)

    @app.cli.command()
    @click.option("--word")
    def greet_all(word: str | None) -> None:
        click.echo(f"{word} {erlen_side.current_app.debug}")

    @app.cli.group()
    def deep() -> None: ...

    @deep.command("down")
    @click.option("--word")
    def down(word: str | None) -> None:
        click.echo(word)

    @group.command()
    @click.pass_obj
    def where(obj: t.Any) -> None:
        click.echo(str(obj.app_import_path))

    return group


@pytest.mark.parametrize(
    ("env", "word"),
    [
        ({}, None),
        ({"FLASK_GREET_ALL_WORD": "f"}, "f"),
        ({"ERLEN_GREET_ALL_WORD": "e"}, "e"),
        ({"ERLEN_GREET_ALL_WORD": "e", "FLASK_GREET_ALL_WORD": "f"}, "e"),
        ({"ERLEN_GREET_ALL_WORD": "", "FLASK_GREET_ALL_WORD": "f"}, "f"),
    ],
)
def test_options_of_the_applications_commands(
    erlen_side: t.Any, group: t.Any, env: dict[str, str], word: str | None
) -> None:
    result = erlen_side.invoke(group, "greet-all", env=env)
    assert result.output == f"{word} False\n"
    assert "FLASK_GREET_ALL_WORD" not in os.environ


def test_the_command_line_outranks_both(erlen_side: t.Any, group: t.Any) -> None:
    env = {"ERLEN_GREET_ALL_WORD": "e", "FLASK_GREET_ALL_WORD": "f"}
    assert erlen_side.invoke(group, "greet-all", "--word", "c", env=env).output == "c False\n"


def test_nested_commands(erlen_side: t.Any, group: t.Any) -> None:
    assert (
        erlen_side.invoke(group, "deep", "down", env={"ERLEN_DEEP_DOWN_WORD": "e"}).output == "e\n"
    )


@pytest.mark.parametrize(
    ("env", "path"),
    [
        ({"ERLEN_APP": "e"}, "e"),
        ({"ERLEN_APP": "e", "FLASK_APP": "f"}, "e"),
        ({"FLASK_APP": "f"}, "f"),
    ],
)
def test_app(erlen_side: t.Any, group: t.Any, env: dict[str, str], path: str) -> None:
    assert erlen_side.invoke(group, "where", env=env).output == f"{path}\n"


@pytest.mark.parametrize(
    ("args", "env", "debug"),
    [
        ([], {"ERLEN_DEBUG": "1"}, True),
        ([], {"ERLEN_DEBUG": "0", "FLASK_DEBUG": "1"}, False),
        ([], {"ERLEN_DEBUG": "1", "FLASK_DEBUG": "0"}, True),
        (["--no-debug"], {"ERLEN_DEBUG": "1"}, False),
        (["--debug"], {"ERLEN_DEBUG": "0"}, True),
    ],
)
def test_debug(
    erlen_side: t.Any, group: t.Any, args: list[str], env: dict[str, str], debug: bool
) -> None:
    assert erlen_side.invoke(group, *args, "greet-all", env=env).output == f"None {debug}\n"


def test_a_file_may_set_them(erlen_side: t.Any, group: t.Any, write: Write) -> None:
    write("settings", "ERLEN_APP=from_file\n")
    result = erlen_side.invoke(group, "where", env={"ERLEN_ENV_FILE": "settings"})
    assert result.output == "from_file\n"


def test_skip_dotenv(erlen_side: t.Any, group: t.Any, write: Write) -> None:
    write(".env", "FLASK_APP=from_file\n")
    assert erlen_side.invoke(group, "where", env={"ERLEN_SKIP_DOTENV": "1"}).output == "None\n"


def test_run(erlen_side: t.Any, group: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[t.Any] = []
    monkeypatch.setattr(
        erlen_side.cli, "run_simple", lambda host, port, app, **kw: served.append((host, port))
    )
    env = {"ERLEN_RUN_PORT": "81", "FLASK_RUN_PORT": "82", "FLASK_RUN_HOST": "h"}
    erlen_side.invoke(group, "run", env=env)
    assert served == [("h", 81)]


def test_a_prefix_of_ones_own_is_left_alone(erlen_side: t.Any) -> None:
    group = erlen_side.Group(context_settings={"auto_envvar_prefix": "MINE"})
    seen = []

    @group.command(with_appcontext=False)
    @click.option("--word", callback=lambda ctx, param, value: seen.append(value))
    def say(word: None) -> None: ...

    erlen_side.invoke(group, "say", env={"ERLEN_SAY_WORD": "e", "FLASK_SAY_WORD": "f"})
    erlen_side.invoke(group, "say", env={"ERLEN_SAY_WORD": "e", "MINE_SAY_WORD": "m"})
    assert seen == [None, "m"]


def test_no_other_variable_is_touched(erlen_side: t.Any, group: t.Any) -> None:
    seen = {}

    @group.command()
    def look() -> None:
        seen.update(os.environ)

    erlen_side.invoke(group, "look", env={"ERLEN_TITLE": "x"})
    assert seen["ERLEN_TITLE"] == "x"
    assert "FLASK_TITLE" not in seen


def test_all_is_set_back_after_a_help_too(erlen_side: t.Any, group: t.Any) -> None:
    os.environ.update(ERLEN_APP="e", FLASK_APP="f")

    for args in (["--help"], [], ["missing"], ["where"]):
        erlen_side.invoke(group, *args)
        assert os.environ["FLASK_APP"] == "f"
