"""Blueprints: parts of an application, recorded and registered later."""

from __future__ import annotations

import os
import typing as t

from .registering import (
    OWN_NAME,
    merge_hooks,
    nested_options,
    register_commands,
)
from .registering import BlueprintSetupState as BlueprintSetupState
from .scaffold import setupmethod
from .serving import ServingScaffold

if t.TYPE_CHECKING:
    from . import typing as ft

F = t.TypeVar("F", bound=t.Callable[..., t.Any])
DeferredSetupFunction = t.Callable[["BlueprintSetupState"], None]


class Blueprint(ServingScaffold):
    """A set of routes, hooks and templates that an application registers.

    Args:
        name: Name of the blueprint, the prefix of its endpoints; no dots.
        import_name: Name of the module, usually ``__name__``.
        static_folder: Folder of static files.
        static_url_path: URL prefix of the static files below the blueprint's.
        template_folder: Folder of templates, searched after the application's.
        url_prefix: URL prefix of all rules.
        subdomain: Subdomain of all rules.
        url_defaults: Default values of all rules.
        root_path: Folder that relative paths start from.
        cli_group: Name of the command group; None adds the commands to the
            application's group, left out it is the blueprint's name.

    Raises:
        ValueError: An empty name, or one with a dot.
    """

    _got_registered_once = False

    def __init__(
        self,
        name: str,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        url_prefix: str | None = None,
        subdomain: str | None = None,
        url_defaults: dict[str, t.Any] | None = None,
        root_path: str | None = None,
        cli_group: str | None = OWN_NAME,
    ) -> None:
        super().__init__(
            import_name=import_name,
            static_folder=static_folder,
            static_url_path=static_url_path,
            template_folder=template_folder,
            root_path=root_path,
        )
        if not name:
            raise ValueError("'name' may not be empty.")
        if "." in name:
            raise ValueError("'name' may not contain a dot '.' character.")
        self.template_context_processors.clear()
        self.name = name
        self.url_prefix = url_prefix
        self.subdomain = subdomain
        self.deferred_functions: list[DeferredSetupFunction] = []
        self.url_values_defaults = url_defaults or {}
        self.cli_group = cli_group
        self._blueprints: list[tuple[Blueprint, dict[str, t.Any]]] = []

    @property
    def cli(self) -> t.Any:
        """The blueprint's command group, made at first use."""
        group = self.__dict__.get("_cli")
        if group is None:
            from .cli import AppGroup

            group = self._cli = AppGroup(self.name)
        return group

    @cli.setter
    def cli(self, value: t.Any) -> None:
        self._cli = value

    def _check_setup_finished(self, f_name: str) -> None:
        if self._got_registered_once:
            raise AssertionError(
                f"The setup method '{f_name}' can no longer be called on the blueprint"
                f" '{self.name}'. It has already been registered at least once, any"
                " changes will not be applied consistently.\n"
                "Make sure all imports, decorators, functions, etc. needed to set up"
                " the blueprint are done before registering it."
            )

    # Quart's names: what a blueprint declares here is the application's anyway.
    before_app_serving = ServingScaffold.before_serving
    after_app_serving = ServingScaffold.after_serving
    while_app_serving = ServingScaffold.while_serving

    def _add_serving(self, name: str, f: t.Any) -> None:
        self.record_once(lambda state: state.app._add_serving(name, f))

    # -- recording -------------------------------------------------------------------

    @setupmethod
    def record(self, func: DeferredSetupFunction) -> None:
        """Run ``func(state)`` each time the blueprint is registered."""
        self.deferred_functions.append(func)

    @setupmethod
    def record_once(self, func: DeferredSetupFunction) -> None:
        """Run ``func(state)`` at the blueprint's first registration on an application."""

        def once(state: BlueprintSetupState) -> None:
            if state.first_registration:
                func(state)

        # The name helps in tracebacks and in repr().
        once.__name__ = getattr(func, "__name__", "once")
        self.record(once)

    def make_setup_state(
        self, app: t.Any, options: dict[str, t.Any], first_registration: bool = False
    ) -> BlueprintSetupState:
        """The state for one registration; may be overridden."""
        return BlueprintSetupState(self, app, options, first_registration)

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: t.Any) -> None:
        """Nest a blueprint: it is registered with this one, below its prefix.

        Args:
            blueprint: Another blueprint.
            options: As for ``Erlen.register_blueprint``.

        Raises:
            ValueError: The blueprint itself was given.
        """
        if blueprint is self:
            raise ValueError("Cannot register a blueprint on itself")
        self._blueprints.append((blueprint, options))

    def register(self, app: t.Any, options: dict[str, t.Any]) -> None:
        """Put everything recorded into effect on an application.

        Called by ``Erlen.register_blueprint``; may be overridden.

        Args:
            app: The application.
            options: The arguments of ``register_blueprint``.

        Raises:
            ValueError: The name is taken.
        """
        name_prefix = options.get("name_prefix", "")
        self_name = options.get("name", self.name)
        name = f"{name_prefix}.{self_name}".lstrip(".")
        if name in app.blueprints:
            bp_desc = "this" if app.blueprints[name] is self else "a different"
            existing_at = f" '{name}'" if self_name != name else ""
            raise ValueError(
                f"The name '{self_name}' is already registered for"
                f" {bp_desc} blueprint{existing_at}. Use 'name=' to"
                " provide a unique name."
            )
        first_bp_registration = not any(bp is self for bp in app.blueprints.values())
        first_name_registration = name not in app.blueprints
        app.blueprints[name] = self
        self._got_registered_once = True
        state = self.make_setup_state(app, options, first_bp_registration)
        if self.has_static_folder:
            state.add_url_rule(
                f"{self.static_url_path}/<path:filename>",
                view_func=self.send_static_file,
                endpoint="static",
            )
        if first_bp_registration or first_name_registration:
            merge_hooks(self, app, name)
        for deferred in self.deferred_functions:
            deferred(state)
        register_commands(self, app, name, options)
        for blueprint, bp_options in self._blueprints:
            blueprint.register(app, nested_options(state, blueprint, bp_options, name))

    # -- declaring ---------------------------------------------------------------------

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: t.Any,
    ) -> None:
        """Record a URL rule; see ``Erlen.add_url_rule``.

        Raises:
            ValueError: A dot in the endpoint or in the view's name.
        """
        if endpoint and "." in endpoint:
            raise ValueError("'endpoint' may not contain a dot '.' character.")
        if view_func and hasattr(view_func, "__name__") and "." in view_func.__name__:
            raise ValueError("'view_func' name may not contain a dot '.' character.")
        self.record(
            lambda s: s.add_url_rule(
                rule,
                endpoint,
                view_func,
                provide_automatic_options=provide_automatic_options,
                **options,
            )
        )

    def _on_app(self, method: str, *args: t.Any) -> t.Callable[[F], F]:
        """A decorator that registers a template part on the application."""

        def decorator(f: F) -> F:
            self.record_once(lambda state: getattr(state.app, method)(f, *args))
            return f

        return decorator

    @t.overload
    def app_template_filter(self, name: ft.TemplateFilter) -> ft.TemplateFilter: ...
    @t.overload
    def app_template_filter(
        self, name: str | None = None
    ) -> t.Callable[[ft.TemplateFilter], ft.TemplateFilter]: ...
    @setupmethod
    def app_template_filter(self, name: t.Any = None) -> t.Any:
        """Register a template filter for the whole application."""
        return _optional_name(name, lambda name: self._on_app("add_template_filter", name))

    @setupmethod
    def add_app_template_filter(
        self, f: ft.TemplateFilterCallable, name: str | None = None
    ) -> None:
        """As :meth:`app_template_filter`, as a plain call."""
        self._on_app("add_template_filter", name)(f)

    @t.overload
    def app_template_test(self, name: ft.TemplateTest) -> ft.TemplateTest: ...
    @t.overload
    def app_template_test(
        self, name: str | None = None
    ) -> t.Callable[[ft.TemplateTest], ft.TemplateTest]: ...
    @setupmethod
    def app_template_test(self, name: t.Any = None) -> t.Any:
        """Register a template test for the whole application."""
        return _optional_name(name, lambda name: self._on_app("add_template_test", name))

    @setupmethod
    def add_app_template_test(self, f: ft.TemplateTestCallable, name: str | None = None) -> None:
        """As :meth:`app_template_test`, as a plain call."""
        self._on_app("add_template_test", name)(f)

    @t.overload
    def app_template_global(self, name: ft.TemplateGlobal) -> ft.TemplateGlobal: ...
    @t.overload
    def app_template_global(
        self, name: str | None = None
    ) -> t.Callable[[ft.TemplateGlobal], ft.TemplateGlobal]: ...
    @setupmethod
    def app_template_global(self, name: t.Any = None) -> t.Any:
        """Register a template global for the whole application."""
        return _optional_name(name, lambda name: self._on_app("add_template_global", name))

    @setupmethod
    def add_app_template_global(
        self, f: ft.TemplateGlobalCallable, name: str | None = None
    ) -> None:
        """As :meth:`app_template_global`, as a plain call."""
        self._on_app("add_template_global", name)(f)

    def _app_hook(self, table: str, f: F) -> F:
        self.record_once(lambda s: getattr(s.app, table).setdefault(None, []).append(f))
        return f

    @setupmethod
    def before_app_request(self, f: ft.BeforeRequest) -> ft.BeforeRequest:
        """As ``before_request``, for every request of the application."""
        return self._app_hook("before_request_funcs", f)

    @setupmethod
    def after_app_request(self, f: ft.AfterRequest) -> ft.AfterRequest:
        """As ``after_request``, for every request of the application."""
        return self._app_hook("after_request_funcs", f)

    @setupmethod
    def teardown_app_request(self, f: ft.Teardown) -> ft.Teardown:
        """As ``teardown_request``, for every request of the application."""
        return self._app_hook("teardown_request_funcs", f)

    @setupmethod
    def before_app_websocket(self, f: F) -> F:
        """As ``before_websocket``, for every websocket of the application."""
        return self._app_hook("before_websocket_funcs", f)

    @setupmethod
    def after_app_websocket(self, f: F) -> F:
        """As ``after_websocket``, for every websocket of the application."""
        return self._app_hook("after_websocket_funcs", f)

    @setupmethod
    def teardown_app_websocket(self, f: F) -> F:
        """As ``teardown_websocket``, for every websocket of the application."""
        return self._app_hook("teardown_websocket_funcs", f)

    @setupmethod
    def app_context_processor(self, f: ft.ContextProcessor) -> ft.ContextProcessor:
        """As ``context_processor``, for every template of the application."""
        return self._app_hook("template_context_processors", f)

    @setupmethod
    def app_url_value_preprocessor(self, f: ft.URLValuePreprocessor) -> ft.URLValuePreprocessor:
        """As ``url_value_preprocessor``, for every request of the application."""
        return self._app_hook("url_value_preprocessors", f)

    @setupmethod
    def app_url_defaults(self, f: ft.URLDefault) -> ft.URLDefault:
        """As ``url_defaults``, for every URL of the application."""
        return self._app_hook("url_default_functions", f)

    @setupmethod
    def app_errorhandler(self, code: t.Any) -> t.Callable[[ft.ErrorHandler], ft.ErrorHandler]:
        """As ``errorhandler``, for every request of the application."""

        def decorator(f: ft.ErrorHandler) -> ft.ErrorHandler:
            self.record_once(lambda state: state.app.register_error_handler(code, f))
            return f

        return decorator


def _optional_name(name: t.Any, make: t.Callable[[t.Any], t.Any]) -> t.Any:
    """Let a decorator be used with or without parentheses (as Flask 3.2 does)."""
    if callable(name):
        return make(None)(name)
    return make(name)
