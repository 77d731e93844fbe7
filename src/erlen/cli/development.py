"""``erlen run`` where ASGI is wanted: Uvicorn, with Werkzeug's reloader and debugger."""

from __future__ import annotations

import typing as t
from importlib.util import find_spec

import click

from ._public import public

INSTALL = "pip install 'erlen[run]'"
Message = dict[str, t.Any]


def find_asgi_server(app: t.Any) -> bool:
    """Whether an application is to be served by ASGI; says so, and what is missing.

    Args:
        app: The application, or what stands in for one that can't be loaded.
    """
    if not hasattr(app, "asgi_app"):
        return False
    from ..server.needs import wants_asgi

    reason = wants_asgi(app)
    if reason is None:
        return False
    found = find_spec("uvicorn") is not None
    if not public("is_running_from_reloader")():
        if found:
            click.echo(f" * ASGI, for {reason}")
        else:
            click.secho(
                f" * WSGI only: Uvicorn, which would serve {reason}, is not installed: {INSTALL}",
                fg="yellow",
            )
    return found


def run_asgi(host: str, port: int, app: t.Any, **options: t.Any) -> None:
    """Serve an application with Uvicorn until it is interrupted.

    Args:
        host: The address to listen on.
        port: The port to listen on, 0 for any free one.
        app: The application.
        options: As for Werkzeug's ``run_simple``.
    """
    if not options["threaded"]:
        app.config["THREADS"] = 1
    target = Debugged(app) if options["use_debugger"] else app
    if not options["use_reloader"]:
        _serve(host, port, target, options["ssl_context"])
        return
    # Werkzeug's run_simple has it from there, too.
    from werkzeug._reloader import run_with_reloader

    run_with_reloader(
        lambda: _serve(host, port, target, options["ssl_context"]),
        extra_files=options["extra_files"],
        exclude_patterns=options["exclude_patterns"],
    )


def _serve(host: str, port: int, app: t.Any, certificate: t.Any) -> None:
    import uvicorn

    context = _ssl_context(certificate)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        ssl_context_factory=None if context is None else lambda config, default: context,
    )
    # Where the last connection never ends, an interrupted server should.
    config.timeout_graceful_shutdown = 3
    uvicorn.Server(config).run()


def _ssl_context(certificate: t.Any) -> t.Any:
    if certificate is None:
        return None
    from werkzeug.serving import generate_adhoc_ssl_context, load_ssl_context

    if certificate == "adhoc":
        return generate_adhoc_ssl_context()
    if isinstance(certificate, tuple):
        return load_ssl_context(*certificate)
    return certificate


class Debugged:
    """ASGI middleware: errors of requests go to Werkzeug's interactive debugger.

    Args:
        app: The application.
    """

    def __init__(self, app: t.Any) -> None:
        from werkzeug.debug import DebuggedApplication

        self.app = app
        self.debugger = DebuggedApplication(_raise_error, evalex=True)

    async def __call__(self, scope: Message, receive: t.Any, send: t.Any) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if b"__debugger__=yes" in scope["query_string"]:
            await self._answer(scope, send, None)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if started:
                raise
            await self._answer(scope, send, error)

    async def _answer(self, scope: Message, send: t.Any, error: Exception | None) -> None:
        from ..server.threads.pool import pool_of

        pool = pool_of(self.app)
        status, headers, body = await pool.call(self._ask, scope, error)
        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    def _ask(self, scope: Message, error: Exception | None) -> tuple[int, t.Any, bytes]:
        """Ask the debugger, which speaks WSGI."""
        from werkzeug.test import run_wsgi_app

        from ..server.scope import make_environ

        environ = make_environ(scope)
        environ["erlen.error"] = error
        body, status, headers = run_wsgi_app(self.debugger, environ, buffered=True)
        return int(status.split()[0]), headers, b"".join(body)


def _raise_error(environ: t.Any, start_response: t.Any) -> t.Any:
    error = environ.pop("erlen.error", None)
    if error is None:
        start_response("404 NOT FOUND", [("Content-Type", "text/plain")])
        return [b"The debugger knows nothing of this."]
    raise error
