"""Groups of commands: for an application, and for the command line as a whole."""

from __future__ import annotations

import os
import typing as t

import click

from ..state import get_current
from .discover import NoAppException
from .info import ScriptInfo, run_to_its_end, with_appcontext
from .options import (
    app_option,
    as_flask_option,
    debug_option,
    env_file_option,
    version_option,
)
from .plugins import Plugins, complain
from .routes import routes_command
from .run import run_command
from .shell import shell_command
from .variables import command_prefix, lend_variables

if t.TYPE_CHECKING:
    from ..app import Erlen


class AppGroup(click.Group):
    """A click group whose commands run inside the application context.

    ``app.cli`` and ``blueprint.cli`` are such groups. As Flask 3.1.
    """

    @t.overload
    def command(self, name: t.Callable[..., t.Any], /) -> click.Command: ...
    @t.overload
    def command(
        self, *args: t.Any, **kwargs: t.Any
    ) -> t.Callable[[t.Callable[..., t.Any]], click.Command]: ...
    def command(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Make a command of a function, as `click.Group.command` does.

        Args:
            *args: For click.
            **kwargs: For click, and ``with_appcontext``: False leaves the
                function without an application context. Default: True.

        Returns:
            The decorator; the command itself where it is used without parentheses.
        """
        if len(args) == 1 and not kwargs and callable(args[0]):
            return self.command()(args[0])
        wrapped = kwargs.pop("with_appcontext", True)
        register = super().command

        def decorator(f: t.Callable[..., t.Any]) -> click.Command:
            function = with_appcontext(f) if wrapped else run_to_its_end(f)
            return t.cast(click.Command, register(*args, **kwargs)(function))

        return decorator

    @t.overload
    def group(self, name: t.Callable[..., t.Any], /) -> click.Group: ...
    @t.overload
    def group(
        self, *args: t.Any, **kwargs: t.Any
    ) -> t.Callable[[t.Callable[..., t.Any]], click.Group]: ...
    def group(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Make a subgroup of a function; it is an `AppGroup` too by default.

        Args:
            *args: For click.
            **kwargs: For click.

        Returns:
            The decorator; the group itself where it is used without parentheses.
        """
        if len(args) == 1 and not kwargs and callable(args[0]):
            return self.group()(args[0])
        kwargs.setdefault("cls", AppGroup)
        return super().group(*args, **kwargs)


class ErlenGroup(AppGroup):
    """The group behind ``erlen``: built-in commands, plugins, the application's own.

    Needed only for a script of one's own around a factory. As Flask 3.1's
    ``FlaskGroup``, which is the same class by another name.

    Args:
        add_default_commands: Whether it has ``run``, ``shell`` and ``routes``.
        create_app: Makes the application. Default: ``--app`` says where it is.
        add_version_option: Whether it has ``--version``.
        load_dotenv: Whether ``.env`` and ``.flaskenv`` are read.
        set_debug_flag: Whether the application's debug mode is set from
            ``--debug`` and the environment.
        **extra: For `click.Group`.
    """

    def __init__(
        self,
        add_default_commands: bool = True,
        create_app: t.Callable[..., Erlen] | None = None,
        add_version_option: bool = True,
        load_dotenv: bool = True,
        set_debug_flag: bool = True,
        **extra: t.Any,
    ) -> None:
        # Options with callbacks rather than a callback of the group: that one
        # is free for the user.
        params = [*(extra.pop("params", None) or ())]
        params += [env_file_option, app_option, debug_option]

        if add_version_option:
            params.append(version_option)

        settings = extra.setdefault("context_settings", {})
        settings.setdefault("auto_envvar_prefix", "FLASK")
        super().__init__(params=params, **extra)
        self.create_app = create_app
        self.load_dotenv = load_dotenv
        self.set_debug_flag = set_debug_flag
        self._plugins: Plugins | None = None

        if add_default_commands:
            for command in (run_command, shell_command, routes_command):
                self.add_command(command)

    @property
    def plugins(self) -> Plugins:
        """The commands of installed packages."""
        if self._plugins is None:
            self._plugins = Plugins()

        return self._plugins

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Get a command by name: built-in, plugin, or the application's.

        The application is loaded for the last kind only, so that a broken one
        does not hinder the others.

        Args:
            ctx: The group's context. An application context is entered with
                it for the application's commands.
            name: The command.

        Returns:
            The command, or None if there is none.
        """
        info = ctx.ensure_object(ScriptInfo)
        # A plugin may take the place of one of ours.
        command = self.plugins.get(name, info.load_app) or super().get_command(ctx, name)

        if command is not None:
            return command

        try:
            app = info.load_app()
        except NoAppException as error:
            complain(error.format_message())
            return None

        # Here and not at the command: parameter callbacks want it too.
        active = get_current(None)

        if active is None or active.app is not app:
            ctx.with_resource(app.app_context())

        return app.cli.get_command(ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names of all commands, sorted.

        What hinders the application from loading is printed, and its commands
        are left out.

        Args:
            ctx: The group's context.

        Returns:
            The names.
        """
        names = {*super().list_commands(ctx), *self.plugins.names()}

        try:
            names.update(ctx.ensure_object(ScriptInfo).load_app().cli.list_commands(ctx))
        except NoAppException as error:
            complain(error.format_message())
        except Exception:
            from traceback import format_exc

            click.secho(f"{format_exc()}\n", err=True, fg="red")

        return sorted(names)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: t.Any,
    ) -> click.Context:
        """Make the context, with a `ScriptInfo` as its object.

        Args:
            info_name: The name it was called by.
            args: The command line.
            parent: The context around it. Default: none.
            **extra: For `click.Context`.

        Returns:
            The context.
        """
        # Makes app.run() do nothing: without a __main__ guard it would serve
        # at import, in front of whichever command was asked for.
        os.environ["FLASK_RUN_FROM_CLI"] = "true"

        if "obj" not in extra and "obj" not in self.context_settings:
            extra["obj"] = ScriptInfo(
                create_app=self.create_app,
                set_debug_flag=self.set_debug_flag,
                load_dotenv_defaults=self.load_dotenv,
            )

        return super().make_context(info_name, args, parent=parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line of the group.

        Args:
            ctx: The group's context.
            args: The command line.

        Returns:
            What is left for the command.
        """
        try:
            return self._parse(ctx, args)
        except BaseException:
            # Nobody will: click closes a context only once parsing has ended
            # well, and --help has loaded the application by then.
            ctx.close()
            raise

    def _parse(self, ctx: click.Context, args: list[str]) -> list[str]:
        lend_variables(ctx, self, ctx.auto_envvar_prefix or "")

        # Click answers a bare call and a lone --help before it reads variables,
        # and could then not list the commands of the application they name.
        rest = args

        if as_flask_option in self.params:
            rest = [arg for arg in args if arg not in as_flask_option.opts]

        lone_help = len(rest) == 1 and rest[0] in self.get_help_option_names(ctx)

        if lone_help or (not rest and self.no_args_is_help):
            if as_flask_option in self.params:
                given = {"as_flask": True} if len(rest) < len(args) else {}
                as_flask_option.handle_parse_result(ctx, given, [])

            env_file_option.handle_parse_result(ctx, {}, [])
            app_option.handle_parse_result(ctx, {}, [])
            args = rest

        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the command line names.

        Args:
            ctx: The group's context.
            args: The command's name and what follows it.

        Returns:
            The name, the command, and what follows.
        """
        name, command, rest = super().resolve_command(ctx, args)

        if name and command is not None and ctx.auto_envvar_prefix:
            prefix = command_prefix(ctx.auto_envvar_prefix, name)
            lend_variables(ctx, command, prefix)

        return name, command, rest
