"""The declaring half of the application: settings, rules, templates, blueprints.

Under Flask's names this is ``flask.sansio.app.App``; :mod:`erlen.app` adds what
handles requests.
"""

from __future__ import annotations

import os
import sys
import typing as t
from datetime import timedelta

from werkzeug.datastructures import ImmutableDict
from werkzeug.exceptions import Aborter
from werkzeug.routing import Map
from werkzeug.routing import Rule as BaseRule

from . import recover
from .config import Config, ConfigAttribute
from .errors import call_site
from .http.response import redirect_response
from .json.provider import DefaultJSONProvider, JSONProvider
from .logging import create_logger
from .namespace import _AppCtxGlobals
from .routing.rules import Rule
from .routing.rules import watched as watched_map
from .scaffold import _endpoint_from_view_func, find_package, setupmethod
from .server.guess import AppCall
from .state import STALE
from .template_parts import TemplateParts

if t.TYPE_CHECKING:
    import logging

    from werkzeug.wrappers import Response as BaseResponse

    from . import typing as ft
    from .blueprints import Blueprint
    from .http.response import Response

F = t.TypeVar("F", bound=t.Callable[..., t.Any])

PROXY_SETTINGS = ("TRUSTED_PROXIES", "TRUSTED_PROXY_HEADERS")


def _make_timedelta(value: timedelta | int | None) -> timedelta | None:
    if value is None or isinstance(value, timedelta):
        return value
    return timedelta(seconds=value)


class App(TemplateParts):
    """What an application declares; see :class:`erlen.Erlen` for the arguments."""

    aborter_class = Aborter
    app_ctx_globals_class: type[t.Any] = _AppCtxGlobals
    config_class: type[Config] = Config
    json_provider_class: type[JSONProvider] = DefaultJSONProvider
    url_rule_class: type[BaseRule] = Rule
    url_map_class: type[Map] = Map
    testing = ConfigAttribute[bool]("TESTING")
    secret_key = ConfigAttribute["str | bytes | None"]("SECRET_KEY")
    permanent_session_lifetime = ConfigAttribute[timedelta](
        "PERMANENT_SESSION_LIFETIME",
        get_converter=_make_timedelta,  # type: ignore[arg-type]
    )
    use_x_sendfile = ConfigAttribute[bool]("USE_X_SENDFILE")

    default_config: t.Mapping[str, t.Any] = ImmutableDict()
    response_class: type[Response]

    def __init__(
        self,
        import_name: str,
        static_url_path: str | None = None,
        static_folder: str | os.PathLike[str] | None = "static",
        static_host: str | None = None,
        host_matching: bool = False,
        subdomain_matching: bool = False,
        template_folder: str | os.PathLike[str] | None = "templates",
        instance_path: str | None = None,
        instance_relative_config: bool = False,
        root_path: str | None = None,
    ) -> None:
        self._plans = self._native = STALE
        super().__init__(import_name, static_folder, static_url_path, template_folder, root_path)
        self.instance_path = self._instance_path(instance_path)
        self.config = self.make_config(instance_relative_config)
        self.aborter = self.make_aborter()
        self.json: JSONProvider = self.json_provider_class(self)
        self.url_build_error_handlers: list[t.Any] = []
        self.teardown_appcontext_funcs: list[ft.TeardownCallable] = []
        self.before_serving_funcs: list[t.Callable[[], t.Any]] = []
        self.after_serving_funcs: list[t.Callable[[], t.Any]] = []
        self.while_serving_gens: list[t.Callable[[], t.Any]] = []
        self.shell_context_processors: list[ft.ShellContextProcessorCallable] = []
        self.blueprints: dict[str, Blueprint] = {}
        self.extensions: dict[str, t.Any] = {}
        self.url_map = watched_map(self.url_map_class)(host_matching=host_matching)
        self.subdomain_matching = subdomain_matching
        #: ``id(rule)`` to ``file:line`` of its registration, for ``erlen routes --check``.
        self.rule_sources: dict[int, str] = {}
        self._add_static_rule(static_host, host_matching)
        # What servers look at to guess the protocol; calls go to the class.
        self.__dict__["__call__"] = AppCall(self)
        self._follow_proxies()

    def _follow_proxies(self) -> None:
        if isinstance(self.config, Config):
            self.config.follow(self, PROXY_SETTINGS, "_trust_proxies")

    def _trust_proxies(self) -> None:
        if self.config.get("TRUSTED_PROXIES") or "_proxies" in self.__dict__:
            from .server.proxies import follow_settings

            follow_settings(self)

    def _instance_path(self, given: str | None) -> str:
        if given is None:
            return self.auto_find_instance_path()
        if not os.path.isabs(given):
            raise ValueError(
                "If an instance path is provided it must be absolute."
                " A relative path was given instead."
            )
        return given

    def _add_static_rule(self, static_host: str | None, host_matching: bool) -> None:
        if not self.has_static_folder:
            return
        assert bool(static_host) == host_matching, "Invalid static_host/host_matching combination"
        # The view must not keep the application alive.
        import weakref

        self_ref = weakref.ref(self)

        def static(**kwargs: t.Any) -> Response:
            return self_ref().send_static_file(**kwargs)  # type: ignore[union-attr]

        static._erlen_static = True  # type: ignore[attr-defined]
        self.add_url_rule(
            f"{self.static_url_path}/<path:filename>",
            endpoint="static",
            host=static_host,
            view_func=static,
        )

    def _check_setup_finished(self, f_name: str) -> None:
        if self._got_first_request:
            raise AssertionError(
                f"The setup method '{f_name}' can no longer be called on the application."
                " It has already handled its first request, any changes will not be"
                " applied consistently.\n"
                "Make sure all imports, decorators, functions, etc. needed to set up"
                " the application are done before running it."
            )

    # -- what it is ------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The import name; for a script, the file's name without its ending."""
        return self._kept("_name", self._find_name)  # type: ignore[no-any-return]

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    def _find_name(self) -> str:
        if self.import_name == "__main__":
            filename = getattr(sys.modules["__main__"], "__file__", None)
            if filename is None:
                return "__main__"
            return str(os.path.splitext(os.path.basename(filename))[0])
        return self.import_name

    @property
    def logger(self) -> logging.Logger:
        """The logger of the application's name, set up at first use."""
        return self._kept("_logger", lambda: create_logger(self))  # type: ignore[no-any-return]

    @logger.setter
    def logger(self, value: logging.Logger) -> None:
        self._logger = value

    @property
    def debug(self) -> bool:
        """Whether debug mode is on; setting it also reloads changed templates."""
        return self.config["DEBUG"]  # type: ignore[no-any-return]

    @debug.setter
    def debug(self, value: bool) -> None:
        self.config["DEBUG"] = value
        if self.config["TEMPLATES_AUTO_RELOAD"] is None:
            self.jinja_env.auto_reload = value

    def make_config(self, instance_relative: bool = False) -> Config:
        """Make the configuration from the defaults.

        Args:
            instance_relative: Whether relative file names start from the instance folder.
        """
        from .helpers import get_debug_flag

        root_path = self.instance_path if instance_relative else self.root_path
        defaults = dict(self.default_config)
        defaults["DEBUG"] = get_debug_flag()
        return self.config_class(root_path, defaults)

    def make_aborter(self) -> Aborter:
        """Make the object behind ``abort``."""
        return self.aborter_class()

    def auto_find_instance_path(self) -> str:
        """Where the instance folder is, if none was given."""
        prefix, package_path = find_package(self.import_name)
        if prefix is None:
            return os.path.join(package_path, "instance")
        return os.path.join(prefix, "var", f"{self.name}-instance")

    # -- rules and blueprints ----------------------------------------------------------

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: t.Any) -> None:
        """Register a blueprint.

        Args:
            blueprint: The blueprint.
            options: ``url_prefix``, ``subdomain``, ``url_defaults``, ``name`` (to
                register it a second time), ``cli_group``; they win over the
                blueprint's own.
        """
        blueprint.register(self, options)

    def iter_blueprints(self) -> t.ValuesView[Blueprint]:
        """The blueprints in the order of their registration."""
        return self.blueprints.values()

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: t.Any,
    ) -> None:
        """Register a URL rule, and the view if one is given.

        Args:
            rule: Werkzeug rule, e.g. ``"/users/<int:id>"``.
            endpoint: Name for ``url_for``; the view's name by default.
            view_func: The view; its ``methods``, ``required_methods`` and
                ``provide_automatic_options`` attributes count.
            provide_automatic_options: Whether OPTIONS is answered for it; by
                default if ``PROVIDE_AUTOMATIC_OPTIONS`` and no OPTIONS of its own.
            options: For the rule: ``methods``, ``defaults``, ``subdomain``, ...

        Raises:
            AssertionError: The endpoint has another view already.
            TypeError: ``methods`` is a string.
        """
        if endpoint is None:
            endpoint = _endpoint_from_view_func(view_func)  # type: ignore[arg-type]
        options["endpoint"] = endpoint
        methods = options.pop("methods", None)
        if methods is None:
            methods = getattr(view_func, "methods", None) or ("GET",)
        if isinstance(methods, str):
            raise TypeError(
                "Allowed methods must be a list of strings, for"
                ' example: @app.route(..., methods=["POST"])'
            )
        methods = {item.upper() for item in methods}
        if provide_automatic_options is None:
            provide_automatic_options = getattr(view_func, "provide_automatic_options", None)
        if provide_automatic_options is None:
            provide_automatic_options = (
                "OPTIONS" not in methods and self.config["PROVIDE_AUTOMATIC_OPTIONS"]
            )
            # Only where nobody said so: as Flask 3.1 has it.
            if provide_automatic_options:
                methods.add("OPTIONS")
        methods |= set(getattr(view_func, "required_methods", ()))
        rule_obj = self.url_rule_class(rule, methods=methods, **options)
        rule_obj.provide_automatic_options = provide_automatic_options  # type: ignore[attr-defined]
        self.url_map.add(rule_obj)
        self.rule_sources[id(rule_obj)] = call_site()
        if view_func is not None:
            self._set_view(endpoint, view_func)

    def _set_view(self, endpoint: str, view_func: ft.RouteCallable) -> None:
        old_func = self.view_functions.get(endpoint)
        if old_func is not None and old_func != view_func:
            raise AssertionError(
                f"View function mapping is overwriting an existing endpoint function: {endpoint}"
            )
        self.view_functions[endpoint] = view_func

    def _add_serving(self, name: str, f: t.Any) -> None:
        getattr(self, name).append(f)
        self.__dict__.pop("_begun", None)

    # -- hooks of the application only ------------------------------------------------------

    @setupmethod
    def teardown_appcontext(self, f: ft.Teardown) -> ft.Teardown:
        """Run ``f(exc)`` when an application context ends."""
        self.teardown_appcontext_funcs.append(f)
        return f

    @setupmethod
    def shell_context_processor(self, f: ft.ShellContextProcessor) -> ft.ShellContextProcessor:
        """Add what ``f()`` returns, a dict, to the names of ``erlen shell``."""
        self.shell_context_processors.append(f)
        return f

    def trap_http_exception(self, e: Exception) -> bool:
        """Whether an HTTP error is raised like any other; may be overridden."""
        return recover.trapped(self, e)

    def should_ignore_error(self, error: BaseException | None) -> bool:
        """Whether teardown functions shall not see an error; may be overridden."""
        return False

    def redirect(self, location: str, code: int = 302) -> BaseResponse:
        """A redirect response; what ``erlen.redirect`` calls.

        Args:
            location: The target.
            code: 301, 302, 303, 305, 307 or 308.
        """
        return redirect_response(location, code, self.response_class)  # type: ignore[no-any-return]

    def inject_url_defaults(self, endpoint: str, values: dict[str, t.Any]) -> None:
        """Let the ``url_defaults`` functions add to the values of a URL; may be overridden.

        Args:
            endpoint: Endpoint of the URL.
            values: Changed in place.
        """
        table = self.url_default_functions
        if not table:
            return
        from .steporder import in_order, scopes_of

        for func in in_order(table, (None, *reversed(scopes_of(endpoint)))):
            func(endpoint, values)

    def handle_url_build_error(
        self, error: Exception, endpoint: str, values: dict[str, t.Any]
    ) -> str:
        """Ask the ``url_build_error_handlers`` for a URL that could not be built.

        Args:
            error: The ``BuildError``.
            endpoint: Endpoint of the URL.
            values: Its values.

        Raises:
            BuildError: No handler gave one.
        """
        for handler in self.url_build_error_handlers:
            try:
                rv = handler(error, endpoint, values)
            except Exception as raised:
                # Raised again below: without a new frame, and as the current error.
                if raised is not error:
                    error = raised
            else:
                if rv is not None:
                    return rv  # type: ignore[no-any-return]
        if error is sys.exc_info()[1]:
            raise
        raise error
