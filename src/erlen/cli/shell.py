"""``erlen shell``: Python with the application at hand."""

from __future__ import annotations

import os
import sys
import typing as t

import click

from ..globals import current_app
from .info import with_appcontext


@click.command("shell", short_help="Start a Python shell with the application.")
@with_appcontext
def shell_command() -> None:
    """Start an interactive Python inside the application context.

    It knows the names that the application's shell context processors give
    it.
    """
    import code

    names: dict[str, t.Any] = {}
    _run_startup_file(names)
    names.update(current_app.make_shell_context())
    _start_readline(names)
    banner = (
        f"Python {sys.version} on {sys.platform}\n"
        f"App: {current_app.import_name}\n"
        f"Instance: {current_app.instance_path}"
    )
    code.interact(banner=banner, local=names)


def _run_startup_file(names: dict[str, t.Any]) -> None:
    """Run the user's PYTHONSTARTUP, as Python's own shell does."""
    path = os.environ.get("PYTHONSTARTUP")

    if path and os.path.isfile(path):
        with open(path, "rb") as file:
            exec(compile(file.read(), path, "exec"), names)


def _start_readline(names: dict[str, t.Any]) -> None:
    """Let the tab key complete the shell's names."""
    hook = getattr(sys, "__interactivehook__", None)

    if hook is None:
        return

    try:
        import readline
        from rlcompleter import Completer
    except ImportError:
        pass
    else:
        # Before the hook, which keeps a completer that is there. Its own one
        # would complete the names of erlen's __main__.
        readline.set_completer(Completer(names).complete)

    hook()
