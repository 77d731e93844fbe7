"""Commands that installed packages add, each loaded when it is asked for."""

from __future__ import annotations

import sys
import typing as t
from importlib import import_module

import click

# Ours last: of two plugins with one name, the last one stays.
PLUGIN_GROUPS = ("flask.commands", "erlen.commands")


class Plugins:
    """The plugins that are installed, by name; none is imported before it is used.

    One that was written for Flask imports it, which has to be Erlen by then. So the
    application comes first: it may stand Erlen behind the name itself.
    """

    def __init__(self) -> None:
        from importlib.metadata import entry_points

        self._found: dict[str, tuple[t.Any, str]] = {
            entry_point.name: (entry_point, group)
            for group in PLUGIN_GROUPS
            for entry_point in entry_points(group=group)
        }
        self._loaded: dict[str, click.Command] = {}

    def names(self) -> list[str]:
        """The names of all commands."""
        return list(self._found)

    def get(self, name: str, load_app: t.Callable[[], t.Any]) -> click.Command | None:
        """Get a command.

        Args:
            name: Its name.
            load_app: Loads the application, for commands that were written for Flask.

        Returns:
            None if there is no such command, or none that could run here.

        Raises:
            ImportError: The plugin is broken.
        """
        if name not in self._found:
            return None
        command = self._loaded.get(name)
        if command is None:
            entry_point, group = self._found[name]
            if group == "flask.commands" and not _stand_behind_flask(load_app):
                complain(
                    f"The command {name!r} is for Flask, and the application has imported Flask"
                    " itself. Use 'erlen --as-flask' to have both run on Erlen."
                )
                return None
            command = self._loaded[name] = entry_point.load()
        return command


def _stand_behind_flask(load_app: t.Callable[[], t.Any]) -> bool:
    """Have ``import flask`` mean Erlen; False if the application has made that impossible."""
    if "flask" in sys.modules:
        return True
    try:
        load_app()
    except Exception:
        # The command loads it again and shows the error; its --help needs no application.
        pass
    alias = import_module("erlen.flask_alias")
    try:
        alias.install_as_flask()
    except alias.FlaskAlreadyImportedError:
        return False
    return True


def complain(text: str) -> None:
    """Print an error that does not end the program.

    Args:
        text: What is wrong, and the mend.
    """
    click.secho(f"Error: {text}\n", err=True, fg="red")
