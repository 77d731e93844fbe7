from __future__ import annotations

import os
import platform
import sys
import typing as t
from pathlib import Path

import click
import pytest

Write = t.Callable[..., Path]


@pytest.fixture
def group(side: t.Any) -> t.Any:
    group = side.Group(create_app=lambda: side.App("x"), context_settings={})

    @group.command(with_appcontext=False)
    @click.pass_obj
    def show(obj: t.Any) -> None:
        click.echo(f"{obj.app_import_path} {os.environ.get('FLASK_DEBUG')}")

    return group


def test_version(side: t.Any) -> None:
    output = side.invoke(side.Group(), "--version").output
    assert f"Python {platform.python_version()}\n" in output
    assert "\nFlask 3." in output
    assert "\nWerkzeug 3." in output


def test_version_of_ours(erlen_side: t.Any) -> None:
    lines = erlen_side.invoke(erlen_side.Group(), "--version").output.splitlines()
    assert lines[1] == f"Erlen {sys.modules['erlen'].__version__}"


def test_version_is_not_printed_for_a_completion(
    side: t.Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ctx = click.Context(click.Command("x"), resilient_parsing=True)
    side.cli.get_version(ctx, side.cli.version_option, True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("option", ["-A", "--app"])
def test_app(side: t.Any, group: t.Any, option: str) -> None:
    assert side.invoke(group, option, "mod:name", "show").output == "mod:name None\n"


def test_app_from_the_environment(side: t.Any, group: t.Any) -> None:
    result = side.invoke(group, "show", env={"FLASK_APP": "a"})
    assert result.output == "a None\n"
    result = side.invoke(group, "--app", "b", "show", env={"FLASK_APP": "a"})
    assert result.output == "b None\n"


@pytest.mark.parametrize(
    ("args", "before", "after"),
    [
        ([], None, "None"),
        ([], "1", "1"),
        ([], "0", "0"),
        (["--debug"], None, "1"),
        (["--debug"], "0", "1"),
        (["--no-debug"], None, "0"),
        (["--no-debug"], "1", "0"),
    ],
)
def test_debug(side: t.Any, group: t.Any, args: list[str], before: str | None, after: str) -> None:
    os.environ.pop("FLASK_DEBUG", None)

    if before is not None:
        os.environ["FLASK_DEBUG"] = before

    assert side.invoke(group, *args, "show").output == f"None {after}\n"


class TestEnvFile:
    def test_is_read_before_the_other_options(
        self, side: t.Any, group: t.Any, write: Write
    ) -> None:
        write("settings.env", "FLASK_APP=from_file\n")
        result = side.invoke(group, "-e", "settings.env", "show")
        assert result.output == "from_file None\n"

    def test_from_the_environment(self, side: t.Any, group: t.Any, write: Write) -> None:
        write("settings.env", "FLASK_APP=from_file\n")
        result = side.invoke(group, "show", env={"FLASK_ENV_FILE": "settings.env"})
        assert result.output == "from_file None\n"

    def test_must_be_there(self, side: t.Any, group: t.Any) -> None:
        result = side.invoke(group, "-e", "missing.env", "show")
        assert result.exit_code == 2
        assert "does not exist" in result.stderr

    def test_needs_dotenv(
        self, side: t.Any, group: t.Any, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write("settings.env", "A=1\n")
        monkeypatch.setitem(sys.modules, "dotenv", None)
        result = side.invoke(group, "-e", "settings.env", "show")
        assert result.exit_code == 2
        assert "python-dotenv must be installed to load an env file." in result.stderr

    def test_default_files(self, side: t.Any, group: t.Any, write: Write) -> None:
        write(".env", "FLASK_APP=from_env\n")
        assert side.invoke(group, "show").output == "from_env None\n"

    def test_default_files_can_be_skipped(self, side: t.Any, group: t.Any, write: Write) -> None:
        write(".env", "FLASK_APP=from_env\n")
        result = side.invoke(group, "show", env={"FLASK_SKIP_DOTENV": "1"})
        assert result.output == "None None\n"
        group.load_dotenv = False
        assert side.invoke(group, "show").output == "None None\n"


class TestAsFlask:
    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        import erlen.flask_alias

        calls: list[str] = []
        monkeypatch.setattr(
            erlen.flask_alias, "install_as_flask", lambda **kwargs: calls.append("installed")
        )
        return calls

    def invoke(self, erlen_side: t.Any, calls: list[str], *args: str, **env: str) -> None:
        def load(*args: t.Any) -> t.Any:
            calls.append("loaded")
            return erlen_side.App("x")

        erlen_side.invoke(
            erlen_side.cli.cli, *args, env=env, obj=erlen_side.cli.ScriptInfo(create_app=load)
        )

    def test_comes_before_the_application(self, erlen_side: t.Any, calls: list[str]) -> None:
        self.invoke(erlen_side, calls, "--app", "x", "--as-flask", "routes")
        assert calls == ["installed", "loaded"]

    @pytest.mark.parametrize("args", [["routes"], ["--help"], []])
    def test_from_the_environment(
        self, erlen_side: t.Any, calls: list[str], args: list[str]
    ) -> None:
        self.invoke(erlen_side, calls, *args, ERLEN_AS_FLASK="1")
        assert calls[0] == "installed"

    def test_not_unless_asked_for(self, erlen_side: t.Any, calls: list[str]) -> None:
        self.invoke(erlen_side, calls, "routes")
        assert calls == ["loaded"]
