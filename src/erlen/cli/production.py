"""``erlen serve``: Granian with the application on it."""

from __future__ import annotations

import os
import sys
import typing as t

import click

from .discover import NoAppException
from .info import ScriptInfo, pass_script_info
from .options import debug_option

INSTALL = "pip install 'erlen[serve]'"


class Loader:
    """Loads the application, in each worker.

    Args:
        info: Where it is.
        threads: How many threads sync views have on an event loop; None leaves it to
            the setting.
    """

    def __init__(self, info: ScriptInfo, threads: int | None) -> None:
        self.path = info.app_import_path
        self.create_app = info.create_app
        self.set_debug_flag = info.set_debug_flag
        self.threads = threads
        # A worker that was not forked has to be told.
        self.as_flask = "erlen.flask_alias" in sys.modules

    def __call__(self) -> t.Any:
        """Load it."""
        if self.as_flask:
            from importlib import import_module

            import_module("erlen.flask_alias").install_as_flask()
        # What is in '.env' is in the environment already.
        info = ScriptInfo(self.path, self.create_app, self.set_debug_flag, False)
        app = info.load_app()
        if self.threads is not None:
            app.config["THREADS"] = self.threads
        return app

    def find_reason(self) -> str | None:
        """Why the application wants ASGI, found without loading it in this process.

        Workers that start after a reload must find new code, and no connection that
        their parent has opened.

        Raises:
            NoAppException: There is none.
            click.ClickException: It can't be loaded; why, has been printed.
        """
        import multiprocessing

        if "fork" not in multiprocessing.get_all_start_methods():
            return _reason(self)
        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_tell_reason, args=(self, sender))
        process.start()
        sender.close()
        try:
            missing, reason = receiver.recv()
        except EOFError:
            raise click.ClickException("The application can't be loaded.") from None
        finally:
            process.join()
        if missing is not None:
            raise NoAppException(missing)
        return t.cast("str | None", reason)


def _reason(loader: Loader) -> str | None:
    from ..server.needs import wants_asgi

    return wants_asgi(loader())


def _tell_reason(loader: Loader, sender: t.Any) -> None:
    found: tuple[str | None, str | None]
    try:
        found = None, _reason(loader)
    except NoAppException as error:
        found = error.format_message(), None
    sender.send(found)
    # Nothing that the application wants done at the end of a worker is done here.
    sender.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _granian() -> t.Any:
    try:
        import granian
    except ImportError:
        raise click.ClickException(
            f"'erlen serve' needs Granian, which is not installed: {INSTALL}"
        ) from None
    return granian


def _check_tls(certificate: str | None, key: str | None) -> None:
    if (certificate is None) != (key is None):
        missing = "--ssl-keyfile" if key is None else "--ssl-certificate"
        raise click.UsageError(f"TLS needs both a certificate and its key: {missing} is missing.")


OPTIONS = [
    debug_option,
    click.Option(["--host", "-h"], default="127.0.0.1", show_default=True, help="Where to listen."),
    click.Option(["--port", "-p"], default=8000, show_default=True, help="Where to listen."),
    click.Option(
        ["--workers", "-w"],
        default=1,
        show_default=True,
        type=click.IntRange(1),
        help="How many processes serve.",
    ),
    click.Option(
        ["--threads", "-t"],
        type=click.IntRange(1),
        help="How many sync views run at a time in each worker. Default: 8 under WSGI,"
        " the setting THREADS under ASGI.",
    ),
    click.Option(
        ["--interface"],
        type=click.Choice(["auto", "wsgi", "asgi"]),
        default="auto",
        show_default=True,
        help="The protocol; 'auto' takes ASGI if the application has async views,"
        " websockets or functions around serving.",
    ),
    click.Option(
        ["--http"],
        type=click.Choice(["auto", "1", "2"]),
        default="auto",
        show_default=True,
        help="The version of HTTP.",
    ),
    click.Option(
        ["--ssl-certificate"],
        type=click.Path(exists=True, dir_okay=False, resolve_path=True),
        help="The certificate's file (PEM), to serve HTTPS.",
    ),
    click.Option(
        ["--ssl-keyfile"],
        type=click.Path(exists=True, dir_okay=False, resolve_path=True),
        help="The file with the key of the certificate (PEM).",
    ),
    click.Option(["--access-log/--no-access-log"], default=False, help="Log every request."),
    click.Option(
        ["--shutdown-timeout"],
        default=30,
        show_default=True,
        type=click.IntRange(1),
        help="Seconds that a worker has to finish its requests when it is to end.",
    ),
    click.Option(
        ["--pid-file"],
        type=click.Path(dir_okay=False, resolve_path=True),
        help="Where to write the process id; SIGHUP to it loads new code.",
    ),
]


@click.command("serve", params=[*OPTIONS], short_help="Serve the application in production.")
@pass_script_info
def serve_command(
    info: ScriptInfo,
    /,
    threads: int | None,
    interface: str,
    **options: t.Any,
) -> None:
    """Serve the application with Granian.

    SIGTERM ends it once the requests in flight are answered; SIGHUP starts
    new workers, with new code, before the old ones end.
    """
    _check_tls(options["ssl_certificate"], options["ssl_keyfile"])
    granian = _granian()
    loader = Loader(info, None)
    reason = None if interface == "wsgi" else loader.find_reason()
    if interface == "auto":
        interface = "wsgi" if reason is None else "asgi"
        click.echo(f"Protocol: {interface.upper()}" + (f", for {reason}" if reason else ""))
    if interface == "asgi":
        loader.threads = threads
    server = make_server(granian, info.app_import_path or "app", interface, threads, options)
    server.serve(target_loader=loader, wrap_loader=False)


def _constants() -> t.Any:
    from importlib import import_module

    return import_module("granian.constants")


def make_server(
    granian: t.Any, name: str, interface: str, threads: int | None, options: dict[str, t.Any]
) -> t.Any:
    """A Granian as the options say.

    Args:
        granian: The package.
        name: What is served, for the log.
        interface: ``wsgi`` or ``asgi``.
        threads: Of ``--threads``.
        options: The other options.
    """
    from pathlib import Path

    pid_file, certificate = options["pid_file"], options["ssl_certificate"]
    return granian.Granian(
        name,
        address=options["host"],
        port=options["port"],
        interface=_constants().Interfaces(interface),
        workers=options["workers"],
        blocking_threads=(threads or 8) if interface == "wsgi" else None,
        http=_constants().HTTPModes(options["http"]),
        log_access=options["access_log"],
        # A worker that crashed is replaced, one that can't start ends the server.
        respawn_failed_workers=True,
        workers_kill_timeout=options["shutdown_timeout"],
        pid_file=None if pid_file is None else Path(pid_file),
        ssl_cert=None if certificate is None else Path(certificate),
        ssl_key=None if certificate is None else Path(options["ssl_keyfile"]),
        ssl_protocol_min=_constants().SSLProtocols.tls12,
    )
