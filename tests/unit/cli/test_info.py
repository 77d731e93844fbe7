from __future__ import annotations

import typing as t
from pathlib import Path

import click
import pytest

Write = t.Callable[..., Path]


def source(side: t.Any, name: str, variable: str = "app") -> str:
    app = side.App.__name__
    return f"from {side.name}.app import {app}\n{variable} = {app}({name!r})\n"


def test_the_application_is_loaded_once(side: t.Any) -> None:
    info = side.cli.ScriptInfo(create_app=lambda: side.App("made"))
    assert info.load_app() is info.load_app()


@pytest.mark.parametrize(
    "path", ["sub/shop.py", "sub/shop.py:app", "sub/shop:app", "{tmp}/sub/shop.py:app"]
)
def test_import_paths(side: t.Any, write: Write, tmp_path: Path, path: str) -> None:
    write("sub/shop.py", source(side, "right"))
    info = side.cli.ScriptInfo(path.format(tmp=tmp_path))
    assert info.load_app().name == "right"


def test_the_factory_outranks_the_path(side: t.Any, write: Write) -> None:
    write("shop1.py", source(side, "wrong"))
    info = side.cli.ScriptInfo("shop1.py", create_app=lambda: side.App("right"))
    assert info.load_app().name == "right"


@pytest.mark.parametrize(("files", "expected"), [(["app"], "app"), (["app", "wsgi"], "wsgi")])
def test_default_files(side: t.Any, write: Write, files: list[str], expected: str) -> None:
    for name in files:
        write(f"{name}.py", source(side, name))

    assert side.cli.ScriptInfo().load_app().name == expected


def test_a_broken_default_file_is_not_passed_over(side: t.Any, write: Write) -> None:
    write("wsgi.py", "import a_typo_of_mine\n")
    write("app.py", source(side, "wrong"))

    with pytest.raises(side.cli.NoAppException, match="a_typo_of_mine"):
        side.cli.ScriptInfo().load_app()


def test_nothing_there(both: t.Any) -> None:
    texts = []

    for side in both:
        with pytest.raises(side.cli.NoAppException) as caught:
            side.cli.ScriptInfo().load_app()

        texts.append(caught.value.format_message())

    assert texts[0] == texts[1]
    assert "FLASK_APP" in texts[0]


@pytest.mark.parametrize("value", ["1", "0", "true", "no", ""])
@pytest.mark.parametrize("set_debug_flag", [True, False])
def test_debug_flag(
    both: t.Any, monkeypatch: pytest.MonkeyPatch, value: str, set_debug_flag: bool
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", value)
    found = [
        side.cli.ScriptInfo(create_app=lambda App=side.App: App("x"), set_debug_flag=set_debug_flag)
        .load_app()
        .debug
        for side in both
    ]
    assert found[0] is found[1]


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("value", [None, "", "0", "1", "False", "yes"])
def test_skip_dotenv(
    both: t.Any, monkeypatch: pytest.MonkeyPatch, value: str | None, default: bool
) -> None:
    if value is not None:
        monkeypatch.setenv("FLASK_SKIP_DOTENV", value)

    found = [
        side.cli.ScriptInfo(load_dotenv_defaults=default).load_dotenv_defaults for side in both
    ]
    assert found[0] is found[1]


def test_data_belongs_to_one_invocation(side: t.Any) -> None:
    first, second = side.cli.ScriptInfo(), side.cli.ScriptInfo()
    first.data["x"] = 1
    assert second.data == {}


def test_pass_script_info_makes_one(side: t.Any) -> None:
    @click.command()
    @side.cli.pass_script_info
    def show(info: t.Any) -> None:
        click.echo(type(info) is side.cli.ScriptInfo)

    assert side.invoke(show).output == "True\n"


class TestWithAppcontext:
    def test_loads_the_application(self, side: t.Any) -> None:
        @click.command()
        @side.cli.with_appcontext
        def show() -> None:
            """Its text."""
            click.echo(side.current_app.name)

        info = side.cli.ScriptInfo(create_app=lambda: side.App("loaded"))
        result = side.invoke(show, obj=info)
        assert (result.exit_code, result.output) == (0, "loaded\n")
        assert show.help == "Its text."
        assert not side.current_app

    def test_keeps_an_active_context(self, side: t.Any) -> None:
        @side.cli.with_appcontext
        def show() -> str:
            return t.cast(str, side.current_app.name)

        active = side.App("active")
        info = side.cli.ScriptInfo(create_app=lambda: side.App("loaded"))

        with active.app_context(), click.Context(click.Command("x"), obj=info):
            assert show() == "active"

    def test_the_context_lasts_for_subcommands(self, side: t.Any) -> None:
        @click.group()
        @side.cli.with_appcontext
        def outer() -> None: ...

        @outer.command()
        def inner() -> None:
            click.echo(side.current_app.name)

        info = side.cli.ScriptInfo(create_app=lambda: side.App("loaded"))
        assert side.invoke(outer, "inner", obj=info).output == "loaded\n"
