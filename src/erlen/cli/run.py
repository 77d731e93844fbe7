"""``erlen run``: Werkzeug's development server, or Uvicorn where the application wants ASGI."""

from __future__ import annotations

import os
import typing as t

import click

from ._public import public
from .development import find_asgi_server, run_asgi
from .info import ScriptInfo, pass_script_info
from .options import debug_option
from .params import CertParamType, SeparatedPathType, _validate_key

if t.TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def show_server_banner(debug: bool, app_import_path: str | None) -> None:
    """Print what is about to be served, once and not at every reload.

    Args:
        debug: Whether debug mode is on.
        app_import_path: What the user named; None prints nothing about it.
    """
    if public("is_running_from_reloader")():
        return

    if app_import_path is not None:
        click.echo(f" * Serving Flask app '{app_import_path}'")

    if debug is not None:
        click.echo(f" * Debug mode: {'on' if debug else 'off'}")


def _load_or_stand_in(info: ScriptInfo) -> WSGIApplication:
    """Load the application; after a reload, one that shows why it can't be loaded.

    The first start must fail on an error. After a reload the server stays, so
    that the next saved change is picked up.
    """
    try:
        return t.cast("WSGIApplication", info.load_app())
    except Exception as error:
        if not public("is_running_from_reloader")():
            raise error from None

        from traceback import print_exc

        print_exc()
        return _failing_app(error)


def _failing_app(error: Exception) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> t.Iterable[bytes]:
        raise error from None

    return app


@click.command("run", short_help="Start the development server.")
@click.option("--host", "-h", default="127.0.0.1", help="The address to listen on.")
@click.option("--port", "-p", default=5000, help="The port to listen on.")
@click.option(
    "--cert",
    type=CertParamType(),
    help="A certificate file, to serve HTTPS; 'adhoc' makes one.",
    is_eager=True,
)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    callback=_validate_key,
    expose_value=False,
    help="The key file of the certificate.",
)
@click.option(
    "--reload/--no-reload",
    default=None,
    help="Restart when code changes. On by default in debug mode.",
)
@click.option(
    "--debugger/--no-debugger",
    default=None,
    help="Show errors in the interactive debugger. On by default in debug mode.",
)
@click.option(
    "--with-threads/--without-threads",
    default=True,
    help="Serve each request in a thread of its own.",
)
@click.option(
    "--extra-files",
    default=None,
    type=SeparatedPathType(),
    help=f"More files whose change restarts the server, separated by {os.path.pathsep!r}.",
)
@click.option(
    "--exclude-patterns",
    default=None,
    type=SeparatedPathType(),
    help="Files that match do not restart the server (fnmatch patterns,"
    f" separated by {os.path.pathsep!r}).",
)
@pass_script_info
def run_command(
    info: ScriptInfo,
    host: str,
    port: int,
    reload: bool | None,
    debugger: bool | None,
    with_threads: bool,
    cert: t.Any,
    extra_files: list[str] | None,
    exclude_patterns: list[str] | None,
) -> None:
    """Serve the application on this machine, for development.

    Not for production: it is neither fast nor hardened.

    With --debug, it restarts when code changes and shows errors in an
    interactive debugger.
    """
    app = _load_or_stand_in(info)
    debug = public("get_debug_flag")()
    public("show_server_banner")(debug, info.app_import_path)
    serve = run_asgi if find_asgi_server(app) else public("run_simple")
    serve(
        host,
        port,
        app,
        use_reloader=debug if reload is None else reload,
        use_debugger=debug if debugger is None else debugger,
        threaded=with_threads,
        ssl_context=cert,
        extra_files=extra_files,
        exclude_patterns=exclude_patterns,
    )


# First, as in the group: `erlen --debug run` and `erlen run --debug` are the same.
run_command.params.insert(0, debug_option)
