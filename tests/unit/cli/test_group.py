from __future__ import annotations

import importlib.metadata
import os
import typing as t
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

Write = t.Callable[..., Path]


class EntryPoint:
    def __init__(self, name: str, load: t.Callable[[], t.Any]) -> None:
        self.name, self.load = name, load


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: found.get(group, []))
    return found


def saying(text: str) -> click.Command:
    @click.command()
    def say() -> None:
        click.echo(text)

    return say


class TestAppGroup:
    @pytest.fixture
    def app(self, side: t.Any) -> t.Any:
        return side.App("mine")

    def invoke(self, side: t.Any, app: t.Any, *args: str) -> t.Any:
        return side.invoke(app.cli, *args, obj=side.cli.ScriptInfo(create_app=lambda: app))

    def test_commands_have_a_context(self, side: t.Any, app: t.Any) -> None:
        @app.cli.command("show-name")
        def show() -> None:
            click.echo(side.current_app.name)

        assert self.invoke(side, app, "show-name").output == "mine\n"

    def test_without_a_context(self, side: t.Any, app: t.Any) -> None:
        @app.cli.command(with_appcontext=False)
        def show() -> None:
            click.echo(bool(side.current_app))

        assert self.invoke(side, app, "show").output == "False\n"

    def test_subgroups_are_of_the_same_kind(self, side: t.Any, app: t.Any) -> None:
        @app.cli.group()
        def sub() -> None: ...

        @sub.group(cls=click.Group)
        def plain() -> None: ...

        @sub.command()
        def show() -> None:
            click.echo(side.current_app.name)

        assert type(sub) is side.cli.AppGroup
        assert type(plain) is click.Group
        assert self.invoke(side, app, "sub", "show").output == "mine\n"

    def test_options_and_errors_work_as_in_click(self, side: t.Any, app: t.Any) -> None:
        @app.cli.command()
        @click.option("--times", type=int, required=True)
        @click.argument("word")
        def say(times: int, word: str) -> None:
            click.echo(word * times)

        assert self.invoke(side, app, "say", "--times", "2", "ab").output == "abab\n"
        assert self.invoke(side, app, "say", "ab").exit_code == 2
        assert self.invoke(side, app, "say", "--times", "x", "ab").exit_code == 2


class TestGroup:
    def test_default_commands(self, side: t.Any) -> None:
        assert sorted(side.Group().commands) == ["routes", "run", "shell"]
        assert side.Group(add_default_commands=False).commands == {}

    def test_options(self, both: t.Any) -> None:
        def shapes(**kwargs: t.Any) -> list[t.Any]:
            return [
                [
                    (p.name, p.opts, p.secondary_opts, p.is_eager)
                    for p in side.Group(**kwargs).params
                ]
                for side in both
            ]

        extra = click.Option(["--extra"])

        for kwargs in ({}, {"add_version_option": False}, {"params": [extra]}):
            theirs, ours = shapes(**kwargs)
            assert theirs == ours

    def test_attributes(self, side: t.Any) -> None:
        group = side.Group(create_app=len, load_dotenv=False, set_debug_flag=False)
        assert (group.create_app, group.load_dotenv, group.set_debug_flag) == (len, False, False)
        assert group.context_settings == {"auto_envvar_prefix": "FLASK"}

    def test_context_settings_are_kept(self, side: t.Any) -> None:
        settings = {"auto_envvar_prefix": "MINE", "max_content_width": 90}
        assert side.Group(context_settings=dict(settings)).context_settings == settings

    def test_marks_the_process(self, side: t.Any) -> None:
        side.Group().make_context("x", ["run"])
        assert os.environ["FLASK_RUN_FROM_CLI"] == "true"

    def test_the_object_of_the_context(self, side: t.Any) -> None:
        group = side.Group(create_app=len, load_dotenv=False, set_debug_flag=False)
        info = group.make_context("x", ["run"]).obj
        assert (info.create_app, info.load_dotenv_defaults, info.set_debug_flag) == (
            len,
            False,
            False,
        )
        assert group.make_context("x", ["run"], obj=info).obj is info

    def test_commands_of_the_application(self, side: t.Any) -> None:
        app = side.App("mine")
        seen = []

        @app.cli.command(with_appcontext=False)
        @click.argument("x", callback=lambda *args: seen.append(side.current_app.name))
        def show(x: None) -> None:
            click.echo(side.current_app.name)

        group = side.Group(create_app=lambda: app)
        result = side.invoke(group, "show", "1")
        assert (result.exit_code, result.output, seen) == (0, "mine\n", ["mine"])
        assert not side.current_app

    def test_built_in_commands_need_no_application(self, side: t.Any) -> None:
        def create_app() -> t.Any:
            raise ZeroDivisionError

        assert side.invoke(side.Group(create_app=create_app), "run", "--help").exit_code == 0

    def test_an_error_of_the_application_is_not_hidden(self, side: t.Any) -> None:
        def create_app() -> t.Any:
            raise ZeroDivisionError

        result = side.invoke(side.Group(create_app=create_app), "mine")
        assert isinstance(result.exception, ZeroDivisionError)

    def test_no_application(self, side: t.Any) -> None:
        result = side.invoke(side.Group(), "mine")
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: Could not locate a Flask application.")
        assert "No such command 'mine'" in result.stderr

    def test_help_lists_the_commands_of_the_application(self, side: t.Any, write: Write) -> None:
        app = side.App.__name__
        write(
            "app.py",
            f"from {side.name}.app import {app}\napp = {app}('x')\n"
            "@app.cli.command()\ndef my_own(): 'What it does.'\n",
        )

        for args in (["--help"], []):
            output = side.invoke(side.Group(), *args).output
            assert "What it does." in output

    @pytest.mark.parametrize("args", [["--help"], []])
    def test_help_finds_it_through_the_variable(
        self, side: t.Any, write: Write, monkeypatch: pytest.MonkeyPatch, args: list[str]
    ) -> None:
        app = side.App.__name__
        write(
            "other.py",
            f"from {side.name}.app import {app}\nx = {app}('x')\n"
            "@x.cli.command()\ndef my_own(): 'What it does.'\n",
        )
        monkeypatch.setenv("FLASK_APP", "other")
        assert "What it does." in side.invoke(side.Group(), *args).output

    def test_help_shows_why_the_application_does_not_load(self, side: t.Any, write: Write) -> None:
        write("app.py", "def broken():\n    return 1 / 0\nbroken()\n")
        result = side.invoke(side.Group(), "--help")
        assert result.exit_code == 0
        assert 'app.py", line 2, in broken' in result.stderr
        assert "ZeroDivisionError" in result.stderr
        assert "Usage:" in result.stdout

    @pytest.mark.parametrize("args", [["--help"], [], ["--nonsense"]])
    def test_leaves_no_context_behind(self, erlen_side: t.Any, args: list[str]) -> None:
        app = erlen_side.App("mine")
        app.cli.command("say")(lambda: None)
        CliRunner().invoke(erlen_side.Group(create_app=lambda: app), args)
        assert not erlen_side.current_app

    def test_nested(self, side: t.Any) -> None:
        outer = click.Group("outer")
        group = side.Group(name="inner", create_app=lambda: side.App("mine"))
        outer.add_command(group)

        @group.command()
        def show() -> None:
            click.echo(side.current_app.name)

        assert side.invoke(outer, "inner", "show").output == "mine\n"

    def test_of_two_applications_the_loaded_one_counts(self, side: t.Any) -> None:
        app, active = side.App("loaded"), side.App("active")

        @app.cli.command(with_appcontext=False)
        def show() -> None:
            click.echo(side.current_app.name)

        with active.app_context():
            result = side.invoke(side.Group(create_app=lambda: app), "show")
            assert side.current_app.name == "active"

        assert result.output == "loaded\n"


class TestPlugins:
    def test_flask_commands(self, side: t.Any, plugins: t.Any) -> None:
        plugins["flask.commands"] = [EntryPoint("say", lambda: saying("hello"))]
        assert side.invoke(side.Group(), "say").output == "hello\n"
        assert "say" in side.invoke(side.Group(), "--help").output

    def test_ours_outrank_those_for_flask(self, erlen_side: t.Any, plugins: t.Any) -> None:
        plugins["flask.commands"] = [EntryPoint("say", lambda: saying("flask"))]
        plugins["erlen.commands"] = [EntryPoint("say", lambda: saying("erlen"))]
        assert erlen_side.invoke(erlen_side.Group(), "say").output == "erlen\n"

    def test_loaded_once(self, side: t.Any, plugins: t.Any) -> None:
        loaded = []

        def load() -> click.Command:
            loaded.append(1)
            return saying("x")

        plugins["flask.commands"] = [EntryPoint("say", load)]
        group = side.Group()
        side.invoke(group, "say")
        side.invoke(group, "--help")
        assert loaded == [1]

    def test_none_is_imported_for_another_command(self, erlen_side: t.Any, plugins: t.Any) -> None:
        loaded = []
        plugins["flask.commands"] = [EntryPoint("say", lambda: loaded.append(1) or saying("x"))]
        assert erlen_side.invoke(erlen_side.Group(), "run", "--help").exit_code == 0
        assert loaded == []

    def test_one_may_replace_ours(self, side: t.Any, plugins: t.Any) -> None:
        plugins["flask.commands"] = [EntryPoint("run", lambda: saying("mine"))]
        assert side.invoke(side.Group(), "run").output == "mine\n"

    def test_a_broken_one_is_not_hidden(self, side: t.Any, plugins: t.Any) -> None:
        def load() -> t.Any:
            raise ModuleNotFoundError("No module named 'redis'", name="redis")

        plugins["flask.commands"] = [EntryPoint("say", load)]
        assert isinstance(side.invoke(side.Group(), "say").exception, ModuleNotFoundError)
