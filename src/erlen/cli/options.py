"""The options that every group of commands has."""

from __future__ import annotations

import os
import typing as t
from importlib import import_module

import click
from click.core import ParameterSource

from ._public import public
from .info import ScriptInfo
from .variables import lend_variables


def get_version(ctx: click.Context, param: click.Parameter, value: t.Any) -> None:
    """Print the versions of what is running, and end. A click callback.

    Args:
        ctx: The context that is ended.
        param: The option.
        value: Whether the option was given.
    """
    if not value or ctx.resilient_parsing:
        return

    click.echo("\n".join(_versions()), color=ctx.color)
    ctx.exit()


def _versions() -> t.Iterator[str]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    yield f"Python {platform.python_version()}"
    yield f"Erlen {import_module('erlen').__version__}"

    # Flask as well, where it is: somebody who reports a problem should see
    # that both are there, or that one stands for the other.
    for name in ("Flask", "Werkzeug"):
        try:
            yield f"{name} {version(name.lower())}"
        except PackageNotFoundError:
            pass


version_option = click.Option(
    ["--version"],
    help="Show the versions of Erlen and what it stands on.",
    expose_value=False,
    callback=get_version,
    is_flag=True,
    is_eager=True,
)


def _use_as_flask(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    if value and not ctx.resilient_parsing:
        # By name: the alias is a layer above this one.
        import_module("erlen.flask_alias").install_as_flask()

    return value


# Eager, and first: the application and the plugins import flask.
as_flask_option = click.Option(
    ["--as-flask"],
    help="Stand behind the name 'flask', so that an application written for Flask runs unchanged.",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_use_as_flask,
)


def _set_app(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        ctx.ensure_object(ScriptInfo).app_import_path = value

    return value


# Eager, so that --help can list the application's commands. Eager options run
# in this order: it must come before --help, which click appends.
app_option = click.Option(
    ["-A", "--app"],
    metavar="IMPORT",
    help="Where the application is: 'module' or 'module:name', where the module"
    " is a dotted name or a file. The name can be left out for 'app',"
    " 'application', 'create_app' and 'make_app'; 'name(args)' calls a factory"
    " with arguments.",
    is_eager=True,
    expose_value=False,
    callback=_set_app,
)


def _set_debug(ctx: click.Context, param: click.Parameter, value: bool) -> bool | None:
    # A flag that was not given is False; that must not switch off what the
    # environment switched on.
    if ctx.get_parameter_source(param.name or "") in (
        ParameterSource.DEFAULT,
        ParameterSource.DEFAULT_MAP,
        None,
    ):
        return None

    # In the environment, not in ScriptInfo: a factory can ask for it while it
    # runs, and the reloader's child inherits it.
    os.environ["FLASK_DEBUG"] = flag = "1" if value else "0"

    if "ERLEN_DEBUG" in os.environ:
        os.environ["ERLEN_DEBUG"] = flag

    return value


debug_option = click.Option(
    ["--debug/--no-debug"],
    help="Switch debug mode on or off.",
    expose_value=False,
    callback=_set_debug,
)


def _load_env_file(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _has_dotenv():
        raise click.BadParameter(
            "python-dotenv must be installed to load an env file.", ctx=ctx, param=param
        )

    defaults = ctx.ensure_object(ScriptInfo).load_dotenv_defaults

    # Without python-dotenv too: it prints a tip if there are files to read.
    if value is not None or defaults:
        public("load_dotenv")(value, load_defaults=defaults)
        lend_variables(ctx, ctx.command, ctx.auto_envvar_prefix or "")

    return value


def _has_dotenv() -> bool:
    try:
        import dotenv  # noqa: F401
    except ImportError:
        return False

    return True


# Eager, and before the others, which may be set by what it reads.
env_file_option = click.Option(
    ["-e", "--env-file"],
    type=click.Path(exists=True, dir_okay=False),
    help="Set environment variables from this file. It outranks '.env' and"
    " '.flaskenv'; a variable that is set already outranks all files. Needs"
    " python-dotenv.",
    is_eager=True,
    expose_value=False,
    callback=_load_env_file,
)
