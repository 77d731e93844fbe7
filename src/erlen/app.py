"""The application: the façade over routing, plans, contexts and drivers."""

from __future__ import annotations

import inspect
import os
import typing as t
from datetime import timedelta
from types import TracebackType

from werkzeug.datastructures import ImmutableDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from . import recover
from . import signals
from . import typing as ft
from . import urls
from .appbase import App
from .ctx import Context
from .ctx import request_context as current_request_context
from .globals import g
from .globals import request
from .globals import session
from .helpers import get_flashed_messages
from .helpers import get_load_dotenv
from .http.request import Request
from .http.response import Response
from .plan import SLOTS
from .plan import Plans
from .plan import in_order
from .respond import make_response
from .runner import run
from .server.wsgi import wsgi_app
from .sessions import SecureCookieSessionInterface
from .sessions import SessionInterface
from .state import epoch
from .state import get_current
from .templating import Environment

if t.TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse
    from _typeshed.wsgi import WSGIEnvironment
    from click import Group

    from .testing import FlaskClient
    from .testing import FlaskCliRunner

_ExcInfo = tuple[t.Any, t.Any, TracebackType | None]


# Exception classes can be made without end by a program.
_HANDLERS_KEPT = 512


class _Stale:
    """Stands for the plans of an application that has not been asked yet."""

    epoch = -1


class Erlen(App):
    """A WSGI application with Flask's interface.

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

    default_config: t.Mapping[str, t.Any] = ImmutableDict(
        {
            "DEBUG": None,
            "TESTING": False,
            "PROPAGATE_EXCEPTIONS": None,
            "SECRET_KEY": None,
            "SECRET_KEY_FALLBACKS": None,
            "PERMANENT_SESSION_LIFETIME": timedelta(days=31),
            "USE_X_SENDFILE": False,
            "TRUSTED_HOSTS": None,
            "SERVER_NAME": None,
            "APPLICATION_ROOT": "/",
            "SESSION_COOKIE_NAME": "session",
            "SESSION_COOKIE_DOMAIN": None,
            "SESSION_COOKIE_PATH": None,
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SECURE": False,
            "SESSION_COOKIE_PARTITIONED": False,
            "SESSION_COOKIE_SAMESITE": None,
            "SESSION_REFRESH_EACH_REQUEST": True,
            "MAX_CONTENT_LENGTH": None,
            "MAX_FORM_MEMORY_SIZE": 500_000,
            "MAX_FORM_PARTS": 1_000,
            "SEND_FILE_MAX_AGE_DEFAULT": None,
            "TRAP_BAD_REQUEST_ERRORS": None,
            "TRAP_HTTP_EXCEPTIONS": False,
            "EXPLAIN_TEMPLATE_LOADING": False,
            "PREFERRED_URL_SCHEME": "http",
            "TEMPLATES_AUTO_RELOAD": None,
            "MAX_COOKIE_SIZE": 4093,
            "PROVIDE_AUTOMATIC_OPTIONS": True,
        }
    )
    request_class: type[Request] = Request
    response_class: type[Response] = Response
    session_interface: SessionInterface = SecureCookieSessionInterface()
    test_client_class: type[FlaskClient] | None = None
    test_cli_runner_class: type[FlaskCliRunner] | None = None

    _stock: t.ClassVar[dict[str, t.Any]] = {}
    _plans: Plans = _Stale()  # type: ignore[assignment]

    def __init__(self, import_name: str, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(import_name, *args, **kwargs)
        bound = inspect.signature(App.__init__).bind(self, import_name, *args, **kwargs)
        self._add_static_rule(
            bound.arguments.get("static_host"), bound.arguments.get("host_matching", False)
        )

    def _add_static_rule(self, static_host: str | None, host_matching: bool) -> None:
        if not self.has_static_folder:
            return
        assert bool(static_host) == host_matching, (
            "Invalid static_host/host_matching combination"
        )
        # The view must not keep the application alive.
        import weakref

        self_ref = weakref.ref(self)

        def static(**kwargs: t.Any) -> Response:
            return self_ref().send_static_file(**kwargs)  # type: ignore[union-attr]

        self.add_url_rule(
            f"{self.static_url_path}/<path:filename>",
            endpoint="static",
            host=static_host,
            view_func=static,
        )

    # -- the server's side -----------------------------------------------------------

    # The driver itself is the method: delegating would cost every request a call.
    wsgi_app = wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> t.Any:
        """Answer a WSGI request, through whatever is wrapped around ``wsgi_app``."""
        return self.wsgi_app(environ, start_response)

    def _freeze(self) -> Plans:
        """Compile what was declared; called when the epoch has moved."""
        previous = self.__dict__.get("_plans")
        plans = self._plans = Plans(self, previous)
        return plans

    def _current_plans(self) -> Plans:
        plans = self._plans
        return plans if plans.epoch == epoch.value else self._freeze()

    def _recheck_overrides(self) -> None:
        """Notice methods that were replaced on the class itself, as mocks do."""
        plans = self.__dict__.get("_plans")
        if plans is not None:
            from .plan import overridden

            if overridden(self) != plans.overridden:
                epoch.bump()

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

    # -- the steps of a request ---------------------------------------------------------

    def full_dispatch_request(self) -> Response:
        """Handle the current request up to its finished response; may be overridden."""
        ctx = current_request_context("full_dispatch_request")
        plans = self._current_plans()
        self._got_first_request = True
        plan = plans.plan_in(ctx)
        if ctx._opened is None and plans.lazy_session and "HTTP_COOKIE" in ctx.environ:
            if plans.must_refresh(self, ctx.environ):
                ctx._open_session()
        rv = run(plan, ctx)
        if plan.light and not ctx.touched:
            rv = plan.close(ctx, plan.respond(rv))
        return t.cast(Response, rv)

    def preprocess_request(self) -> ft.ResponseReturnValue | None:
        """Run the URL processors and before hooks; may be overridden.

        Returns:
            What a hook answered instead of the view, or None.
        """
        ctx = current_request_context("preprocess_request")
        names = (None, *reversed(ctx.request.blueprints))
        for processor in in_order(self.url_value_preprocessors, names):
            processor(ctx.request.endpoint, ctx.request.view_args)
        for hook in in_order(self.before_request_funcs, names):
            rv = self.ensure_sync(hook)()
            if rv is not None:
                return t.cast("ft.ResponseReturnValue", rv)
        return None

    def dispatch_request(self) -> ft.ResponseReturnValue:
        """Call the view of the current request; may be overridden.

        Raises:
            HTTPException: The request matched no rule.
        """
        req = current_request_context("dispatch_request").request
        if req.routing_exception is not None:
            self.raise_routing_exception(req)
        rule: t.Any = req.url_rule
        if getattr(rule, "provide_automatic_options", False) and req.method == "OPTIONS":
            return self.make_default_options_response()
        view = self.ensure_sync(self.view_functions[rule.endpoint])
        return t.cast("ft.ResponseReturnValue", view(**(req.view_args or {})))

    def make_default_options_response(self) -> Response:
        """The answer to an automatic OPTIONS request; may be overridden."""
        adapter = current_request_context("make_default_options_response").url_adapter
        rv = self.response_class()
        rv.allow.update(adapter.allowed_methods())  # type: ignore[union-attr]
        return rv

    def raise_routing_exception(self, request: Request) -> t.NoReturn:
        """Raise what matching the request ended with; may be overridden."""
        recover.raise_routing_exception(self, request)

    def make_response(self, rv: ft.ResponseReturnValue) -> Response:
        """Turn what a view returned into a response; may be overridden.

        Args:
            rv: See :func:`erlen.respond.make_response`.

        Raises:
            TypeError: It can't be a response.
        """
        return t.cast(Response, make_response(self, rv))

    def finalize_request(
        self, rv: ft.ResponseReturnValue | HTTPException, from_error_handler: bool = False
    ) -> Response:
        """Make the response and run what comes after the view; may be overridden.

        Args:
            rv: What the view or an error handler returned.
            from_error_handler: Whether an error in here is logged, not raised.
        """
        response = self.make_response(rv)  # type: ignore[arg-type]
        try:
            response = self.process_response(response)
            signals.request_finished.send(
                self, _async_wrapper=self.ensure_sync, response=response
            )
        except Exception:
            if not from_error_handler:
                raise
            self.logger.exception("Request finalizing failed with an error while handling an error")
        return response

    def process_response(self, response: Response) -> Response:
        """Run the after hooks and save the session; may be overridden.

        Args:
            response: The response so far.
        """
        ctx = current_request_context("process_response")
        for hook in ctx.after:
            response = self.ensure_sync(hook)(response)
        names = (*ctx.request.blueprints, None)
        for hook in in_order(self.after_request_funcs, names, backwards=True):
            response = self.ensure_sync(hook)(response)
        return t.cast(Response, self._current_plans().close(ctx, response))

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Run the teardown functions of the request; may be overridden.

        All of them run; the first error is raised at the end.

        Args:
            exc: The exception that ended the request, or None.
        """
        names = (*recover.current_scopes(), None)
        hooks = in_order(self.teardown_request_funcs, names, backwards=True)
        self._tear_down(hooks, signals.request_tearing_down, exc)

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
        """Run the teardown functions of the application context; may be overridden.

        Args:
            exc: The exception that ended the context, or None.
        """
        hooks = reversed(self.teardown_appcontext_funcs)
        self._tear_down(hooks, signals.appcontext_tearing_down, exc)

    def _tear_down(
        self, hooks: t.Iterable[t.Any], signal: t.Any, exc: BaseException | None
    ) -> None:
        failed: list[Exception] = []
        for hook in hooks:
            try:
                self.ensure_sync(hook)(exc)
            except Exception as error:
                failed.append(error)
        if signal.receivers:
            signal.send(self, _async_wrapper=self.ensure_sync, exc=exc)
        if failed:
            raise failed[0]

    # -- errors --------------------------------------------------------------------------

    def _find_error_handler(
        self, e: Exception, blueprints: t.Iterable[str]
    ) -> ft.ErrorHandlerCallable | None:
        known = self._current_plans().handlers
        key = (type(e), *blueprints)
        if key not in known:
            if len(known) > _HANDLERS_KEPT:
                known.clear()
            known[key] = recover.find_handler(self.error_handler_spec, e, key[1:])
        return t.cast("ft.ErrorHandlerCallable | None", known[key])

    def handle_http_exception(self, e: HTTPException) -> HTTPException | ft.ResponseReturnValue:
        """Answer an HTTP error; may be overridden."""
        return t.cast("HTTPException", recover.http_exception(self, e))

    def handle_user_exception(self, e: Exception) -> HTTPException | ft.ResponseReturnValue:
        """Answer what a view or hook raised; may be overridden."""
        return t.cast("HTTPException", recover.user_exception(self, e))

    def handle_exception(self, e: Exception) -> Response:
        """Answer an error that nobody took with 500, or let it through; may be overridden."""
        return t.cast(Response, recover.unhandled(self, e))

    def log_exception(self, exc_info: _ExcInfo | tuple[None, None, None]) -> None:
        """Log an unhandled error; may be overridden.

        Args:
            exc_info: As ``sys.exc_info()`` gives it.
        """
        from .logging import printable

        where = "outside of a request"
        ctx = get_current(None)
        if ctx is not None and ctx.has_request:
            where = f"{printable(ctx.request.path)} [{printable(ctx.request.method)}]"
        self.logger.error(f"Exception on {where}".replace("%", "%%"), exc_info=exc_info)

    # -- sync and async --------------------------------------------------------------------

    def ensure_sync(self, func: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        """A function that can be called without ``await``; may be overridden.

        Args:
            func: A function or a coroutine function.
        """
        if inspect.iscoroutinefunction(func):
            return self.async_to_sync(func)
        return func

    def async_to_sync(
        self, func: t.Callable[..., t.Coroutine[t.Any, t.Any, t.Any]]
    ) -> t.Callable[..., t.Any]:
        """Wrap a coroutine function so that it runs on the process's event loop.

        Args:
            func: A coroutine function.
        """
        from .server.bridge import async_to_sync

        return async_to_sync(func)

    # -- URLs ------------------------------------------------------------------------------

    url_for = urls.url_for

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
        return t.cast(Environment, env)

    def update_template_context(self, context: dict[str, t.Any]) -> None:
        """Add what the context processors give to a template's context; may be overridden.

        Args:
            context: Changed in place; what it has already is kept.
        """
        names: tuple[str | None, ...] = (None,)
        ctx = get_current(None)
        if ctx is not None and ctx.has_request:
            names = (None, *reversed(ctx.request.blueprints))
        given = context.copy()
        for processor in in_order(self.template_context_processors, names):
            context.update(self.ensure_sync(processor)())
        context.update(given)

    def make_shell_context(self) -> dict[str, t.Any]:
        """The names of ``erlen shell``."""
        rv = {"app": self, "g": g}
        for processor in self.shell_context_processors:
            rv.update(processor())
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
    def cli(self) -> Group:  # type: ignore[override]
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
            from .testing import FlaskClient as cls  # type: ignore[no-redef]
        return cls(self, self.response_class, use_cookies=use_cookies, **kwargs)  # type: ignore[misc]

    def test_cli_runner(self, **kwargs: t.Any) -> FlaskCliRunner:
        """A runner for the application's commands.

        Args:
            kwargs: For ``test_cli_runner_class``.
        """
        cls = self.test_cli_runner_class
        if cls is None:
            from .testing import FlaskCliRunner as cls  # type: ignore[no-redef]
        return cls(self, **kwargs)  # type: ignore[misc]


Erlen._stock.update({name: getattr(Erlen, name) for name in SLOTS})

#: The same class under the name that Flask's users know.
Flask = Erlen
