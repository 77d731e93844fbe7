"""``app.run()``: the development server started from code."""

from __future__ import annotations

import os
import typing as t

import click


def run_application(
    app: t.Any,
    host: str | None,
    port: int | None,
    debug: bool | None,
    load_dotenv: bool,
    options: dict[str, t.Any],
) -> None:
    """Serve ``app`` with Werkzeug's development server; see ``Erlen.run``.

    Under ``erlen run`` this only says that it is ignored: the command serves.
    """
    from . import load_dotenv as read_env_files
    from . import show_server_banner

    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        from werkzeug.serving import is_running_from_reloader

        if not is_running_from_reloader():
            click.secho(
                " * Ignoring a call to 'app.run()' that would block"
                " the current 'flask' CLI command.\n"
                "   Only call 'app.run()' in an 'if __name__ =="
                ' "__main__"\' guard.',
                fg="red",
            )
        return
    if load_dotenv:
        read_env_files()
        if "FLASK_DEBUG" in os.environ:
            from ..helpers import get_debug_flag

            app.debug = get_debug_flag()
    if debug is not None:
        app.debug = bool(debug)
    host, port = _address(app.config.get("SERVER_NAME"), host, port)
    options.setdefault("use_reloader", app.debug)
    options.setdefault("use_debugger", app.debug)
    options.setdefault("threaded", True)
    show_server_banner(app.debug, app.name)
    from werkzeug.serving import run_simple

    try:
        run_simple(host, port, app, **options)
    finally:
        # Started again from an interactive shell, set-up is allowed again.
        app._got_first_request = False


def _address(server_name: str | None, host: str | None, port: int | None) -> tuple[str, int]:
    name = number = None
    if server_name:
        name, _, number = server_name.partition(":")
    host = host or name or "127.0.0.1"
    if port or port == 0:
        return host, int(port)
    return host, int(number) if number else 5000
