"""``app.run()``: the development server without the command line."""

from __future__ import annotations

import os
import typing as t

import click

from ._public import public

if t.TYPE_CHECKING:
    from ..app import Erlen


def run_application(
    app: Erlen,
    host: str | None,
    port: int | str | None,
    debug: bool | None,
    load_dotenv: bool,
    options: dict[str, t.Any],
) -> None:
    """Serve an application with Werkzeug's development server. As Flask 3.1's ``app.run``.

    Args:
        app: The application.
        host: The address to listen on; None or empty takes that of
            ``SERVER_NAME``, else 127.0.0.1.
        port: The port to listen on, 0 for any free one; None takes that of
            ``SERVER_NAME``, else 5000.
        debug: Sets debug mode; None leaves it to ``FLASK_DEBUG``.
        load_dotenv: Whether ``.env`` and ``.flaskenv`` are read, unless the
            environment says otherwise.
        options: For Werkzeug's server.
    """
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        _explain_that_it_was_ignored()
        return

    if public("get_load_dotenv")(load_dotenv):
        public("load_dotenv")()

        if "FLASK_DEBUG" in os.environ or "ERLEN_DEBUG" in os.environ:
            app.debug = public("get_debug_flag")()

    if debug is not None:
        app.debug = bool(debug)

    options.setdefault("use_reloader", app.debug)
    options.setdefault("use_debugger", app.debug)
    options.setdefault("threaded", True)
    public("show_server_banner")(app.debug, app.name)

    # Not through the package: this is where tests of applications replace it.
    from werkzeug.serving import run_simple

    try:
        run_simple(*_address(app, host, port), app, **options)
    finally:
        # In a shell, routes may be added again before the next run.
        app._got_first_request = False


def _explain_that_it_was_ignored() -> None:
    if not public("is_running_from_reloader")():
        click.secho(
            " * Ignoring a call to 'app.run()' that would block the current 'flask' CLI"
            " command.\n   Only call 'app.run()' in an 'if __name__ == \"__main__\"' guard.",
            fg="red",
        )


def _address(app: Erlen, host: str | None, port: int | str | None) -> tuple[str, int]:
    """What is not given comes from SERVER_NAME, and what is not there is a default."""
    named_host, _, named_port = (app.config.get("SERVER_NAME") or "").partition(":")

    if not port and port != 0:
        port = named_port or 5000

    return host or named_host or "127.0.0.1", int(port)
