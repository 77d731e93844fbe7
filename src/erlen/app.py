"""The application: the façade over routing, plans, contexts and drivers."""

from __future__ import annotations

import os
import typing as t

from werkzeug.datastructures import ImmutableDict
from werkzeug.routing import MapAdapter

from . import urls
from .config import DEFAULTS
from .ctx import Context
from .globals import g, request, session
from .helpers import get_flashed_messages, get_load_dotenv
from .http.request import Request
from .http.response import Response
from .plan import SLOTS
from .server.wsgi import wsgi_app
from .sessions import SecureCookieSessionInterface, SessionInterface
from .steps import Steps
from .template_context import update_template_context

if t.TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from click import Group

    from .templating import Environment
    from .testing import FlaskClient, FlaskCliRunner
    from .testing.asyncclient import AsyncErlenClient
    from .testing.served import ServedApp


class _LateDriver:
    """The ASGI driver, which a program that only speaks WSGI never loads."""

    def __get__(self, instance: t.Any, owner: t.Any) -> t.Any:
        from .server.asgi import asgi_app

        # From now on it is a method like any other.
        t.cast(t.Any, Erlen).asgi_app = asgi_app
        return getattr(owner if instance is None else instance, "asgi_app")  # noqa: B009


class Erlen(Steps):
    """A WSGI and ASGI application with Flask's interface.

    Args:
        import_name: Name of the module it is made in, usually ``__name__``.
        static_url_path: URL prefix of the static files; the folder's name if None.
        static_folder: Folder of static files, relative to the root path.
        static_host: Host of the static rule, with ``host_matching``.
        host_matching: Whether rules name their host.
        subdomain_matching: Whether rules may name a subdomain of ``SERVER_NAME``.
        template_folder: Folder of templates, relative to the root path.
        instance_path: Folder of files that belong to the installation, absolute.
        instance_relative_config: Whether configuration files are looked for there.
        root_path: Folder that relative paths start from; found from the module if None.

    Raises:
        ValueError: A relative ``instance_path``.
    """

    default_config: t.Mapping[str, t.Any] = ImmutableDict(DEFAULTS)
    request_class: type[Request] = Request
    response_class: type[Response] = Response
    session_interface: SessionInterface = SecureCookieSessionInterface()
    test_client_class: type[FlaskClient] | None = None
    async_client_class: type[AsyncErlenClient] | None = None
    test_cli_runner_class: type[FlaskCliRunner] | None = None

    _stock: t.ClassVar[dict[str, t.Any]] = {}

    # -- the server's side -----------------------------------------------------------

    # The driver itself is the method: delegating would cost every request a call.
    wsgi_app = wsgi_app

    _native: t.Any

    if t.TYPE_CHECKING:

        async def asgi_app(
            self,
            scope: dict[str, t.Any],
            receive: Callable[[], Awaitable[dict[str, t.Any]]],
            send: Callable[[dict[str, t.Any]], Awaitable[None]],
        ) -> None:
            """Serve an ASGI connection; may be wrapped in middleware, like ``wsgi_app``."""

    else:
        asgi_app = _LateDriver()

    @t.overload
    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> t.Any: ...

    @t.overload
    def __call__(
        self,
        environ: dict[str, t.Any],
        start_response: Callable[[], Awaitable[dict[str, t.Any]]],
        send: Callable[[dict[str, t.Any]], Awaitable[None]],
    ) -> Awaitable[None]: ...

    def __call__(
        self,
        environ: t.Any = None,
        start_response: t.Any = None,
        send: t.Any = None,
        *,
        scope: t.Any = None,
        receive: t.Any = None,
    ) -> t.Any:
        """Answer a WSGI request, or with a third argument serve an ASGI connection.

        Goes through whatever is wrapped around ``wsgi_app`` and ``asgi_app``. Daphne
        names its arguments; nobody else does.
        """
        if send is None:
            if start_response is None:
                raise TypeError(
                    "Erlen.__call__() missing 2 required positional arguments:"
                    " 'environ' and 'start_response'"
                )
            return self.wsgi_app(environ, start_response)
        return self.asgi_app(environ or scope, start_response or receive, send)

    def run(
        self,
        host: str | None = None,
        port: int | None = None,
        debug: bool | None = None,
        load_dotenv: bool = True,
        **options: t.Any,
    ) -> None:
        """Serve the application with Werkzeug's development server.

        Args:
            host: Address to listen on; that of ``SERVER_NAME`` or ``127.0.0.1``.
            port: Port to listen on; that of ``SERVER_NAME`` or 5000.
            debug: Sets debug mode, if given.
            load_dotenv: Whether ``.env`` and ``.flaskenv`` are read.
            options: For ``werkzeug.serving.run_simple``.
        """
        from .cli.serve import run_application

        run_application(self, host, port, debug, load_dotenv and get_load_dotenv(), options)

    # -- contexts ---------------------------------------------------------------------

    def app_context(self) -> Context:
        """An application context, for ``with``."""
        return Context(self)

    def request_context(self, environ: WSGIEnvironment) -> Context:
        """A request context for a WSGI environ, for ``with``.

        Args:
            environ: A WSGI environ.
        """
        ctx = Context(self, environ)
        if not self._current_plans().lazy_session or type(ctx).__init__ is not Context.__init__:
            ctx.request  # noqa: B018 - the eager protocol has the request from the start
        return ctx

    def test_request_context(self, *args: t.Any, **kwargs: t.Any) -> Context:
        """A request context for made-up data, for ``with``.

        Args:
            args: As for ``werkzeug.test.EnvironBuilder``: path, base_url, ...
            kwargs: Likewise.
        """
        from .testing import EnvironBuilder

        builder = EnvironBuilder(self, *args, **kwargs)
        try:
            return self.request_context(builder.get_environ())
        finally:
            builder.close()

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Bind the URL map to a request, or to ``SERVER_NAME``; may be overridden.

        Args:
            request: The request, None outside of one.

        Raises:
            SecurityError: The Host header is invalid or not in ``TRUSTED_HOSTS``.
        """
        return urls.create_adapter(self, request)

    # -- URLs ------------------------------------------------------------------------------

    url_for = urls.url_for

    # -- work after the response ---------------------------------------------------------

    def add_background_task(
        self, func: Callable[..., t.Any], /, *args: t.Any, **kwargs: t.Any
    ) -> None:
        """Call a function when the current response has been sent; outside of one at once.

        It runs in an application context of its own. A worker waits for it before it
        exits, as long as ``BACKGROUND_TASK_SHUTDOWN_TIMEOUT`` says.

        Args:
            func: A function, which runs in a thread, or a coroutine function.
            args: Its arguments.
            kwargs: Likewise.
        """
        from .server.background import add_task

        add_task(self, func, args, kwargs)

    #: Whether this worker is about to end: SIGTERM has come, or :meth:`drain` was called.
    draining = False

    def drain(self) -> None:
        """Fail readiness, and end streams of events and websockets with their goodbye.

        SIGTERM does it where the server leaves that to Python; for servers that do not,
        or for an orchestrator that asks by a request of its own.
        """
        from .server.draining import drain

        drain(self)

    def add_readiness(
        self, rule: str = "/ready", *checks: Callable[[], t.Any], endpoint: str = "readiness"
    ) -> None:
        """Add a page that tells a load balancer whether this worker wants requests.

        It answers 200, and 503 while a check fails or from SIGTERM on. With the setting
        ``DRAIN_DELAY`` the server learns of the signal that many seconds later.

        Args:
            rule: Its path.
            checks: Functions or coroutine functions; one that raises or returns False
                fails.
            endpoint: Its name.
        """
        from .server.draining import readiness

        self.add_url_rule(rule, endpoint, readiness(self, checks), methods=["GET"])

    # -- templates, shell, tests --------------------------------------------------------------

    def create_jinja_environment(self) -> Environment:
        """Make the Jinja environment with Flask's globals; may be overridden."""
        options = dict(self.jinja_options)
        options.setdefault("autoescape", self.select_jinja_autoescape)
        if "auto_reload" not in options:
            auto_reload = self.config["TEMPLATES_AUTO_RELOAD"]
            options["auto_reload"] = self.debug if auto_reload is None else auto_reload
        env = self.jinja_environment(self, **options)
        env.globals.update(
            url_for=self.url_for,
            get_flashed_messages=get_flashed_messages,
            config=self.config,
            # Imported templates have no context of their own.
            request=request,
            session=session,
            g=g,
        )
        env.policies["json.dumps_function"] = self.json.dumps
        return t.cast("Environment", env)

    update_template_context = update_template_context

    def make_shell_context(self) -> dict[str, t.Any]:
        """The names of ``erlen shell``."""
        rv = {"app": self, "g": g}
        for processor in self.shell_context_processors:
            rv.update(self.ensure_sync(processor)())
        return rv

    def open_instance_resource(
        self, resource: str, mode: str = "rb", encoding: str | None = "utf-8"
    ) -> t.IO[t.AnyStr]:
        """Open a file below the instance folder.

        Args:
            resource: Path relative to the instance folder.
            mode: As for ``open``.
            encoding: For text modes.
        """
        path = os.path.join(self.instance_path, resource)
        if "b" in mode:
            return t.cast("t.IO[t.AnyStr]", open(path, mode))
        return t.cast("t.IO[t.AnyStr]", open(path, mode, encoding=encoding))

    @property
    def cli(self) -> Group:
        """The application's command group, made at first use."""
        return t.cast("Group", self._kept("_cli", self._make_cli))

    @cli.setter
    def cli(self, value: Group) -> None:
        self._cli = value

    def _make_cli(self) -> Group:
        from .cli import AppGroup

        group = AppGroup()
        group.name = self.name
        return group

    def test_client(self, use_cookies: bool = True, **kwargs: t.Any) -> FlaskClient:
        """A client that calls the application without a server.

        Args:
            use_cookies: Whether it keeps cookies.
            kwargs: For ``test_client_class``.
        """
        cls = self.test_client_class
        if cls is None:
            from .testing import FlaskClient as cls
        return cls(self, self.response_class, use_cookies=use_cookies, **kwargs)  # type: ignore[misc]

    def async_client(self, use_cookies: bool = True, **kwargs: t.Any) -> AsyncErlenClient:
        """A client for coroutines, that calls the application by ASGI, without a server.

        Args:
            use_cookies: Whether it keeps cookies.
            kwargs: For ``async_client_class``.
        """
        cls = self.async_client_class
        if cls is None:
            from .testing.asyncclient import AsyncErlenClient as cls
        return cls(self, self.response_class, use_cookies=use_cookies, **kwargs)  # type: ignore[misc]

    def test_app(self) -> ServedApp:
        """The application as it is while it is served, for ``async with`` or ``with``.

        What runs before serving has run inside of the block, and what runs after it
        behind it. ``test_client()`` of what the block gives is a client of its colour.
        """
        from .testing.served import ServedApp

        return ServedApp(self)

    def test_cli_runner(self, **kwargs: t.Any) -> FlaskCliRunner:
        """A runner for the application's commands.

        Args:
            kwargs: For ``test_cli_runner_class``.
        """
        cls = self.test_cli_runner_class
        if cls is None:
            from .testing import FlaskCliRunner as cls
        return cls(self, **kwargs)  # type: ignore[misc]


_kept = (*SLOTS, "inject_url_defaults", "wsgi_app")
Erlen._stock.update({name: getattr(Erlen, name) for name in _kept})

#: The same class under the name that Flask's users know.
Flask = Erlen
