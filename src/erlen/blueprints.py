"""Blueprints: parts of an application, recorded and registered later."""

from __future__ import annotations

import os
import typing as t

from .scaffold import Scaffold, _endpoint_from_view_func, setupmethod

if t.TYPE_CHECKING:
    from . import typing as ft
    from .app import Erlen

F = t.TypeVar("F", bound=t.Callable[..., t.Any])
DeferredSetupFunction = t.Callable[["BlueprintSetupState"], None]
_sentinel = object()


class BlueprintSetupState:
    """What a recorded function gets when its blueprint is registered.

    Args:
        blueprint: The blueprint.
        app: The application.
        options: The arguments of ``register_blueprint``.
        first_registration: Whether the blueprint was not registered on ``app`` before.
    """

    def __init__(
        self, blueprint: Blueprint, app: Erlen, options: t.Any, first_registration: bool
    ) -> None:
        self.app = app
        self.blueprint = blueprint
        self.options = options
        self.first_registration = first_registration
        subdomain = options.get("subdomain")
        self.subdomain = blueprint.subdomain if subdomain is None else subdomain
        url_prefix = options.get("url_prefix")
        self.url_prefix = blueprint.url_prefix if url_prefix is None else url_prefix
        self.name = options.get("name", blueprint.name)
        self.name_prefix = options.get("name_prefix", "")
        self.url_defaults = dict(blueprint.url_values_defaults)
        self.url_defaults.update(options.get("url_defaults", ()))

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        **options: t.Any,
    ) -> None:
        """Register a rule on the application, prefixed as the blueprint is registered.

        Args:
            rule: Rule relative to the prefix.
            endpoint: Endpoint inside the blueprint.
            view_func: The view.
            options: For Werkzeug's ``Rule``.
        """
        if self.url_prefix is not None:
            prefix = self.url_prefix.rstrip("/")
            rule = f"{prefix}/{rule.lstrip('/')}" if rule else self.url_prefix
        options.setdefault("subdomain", self.subdomain)
        if endpoint is None:
            endpoint = _endpoint_from_view_func(view_func)  # type: ignore[arg-type]
        defaults = self.url_defaults
        if "defaults" in options:
            defaults = {**defaults, **options.pop("defaults")}
        self.app.add_url_rule(
            rule,
            f"{self.name_prefix}.{self.name}.{endpoint}".lstrip("."),
            view_func,
            defaults=defaults,
            **options,
        )


class Blueprint(Scaffold):
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
        cli_group: str | None = _sentinel,  # type: ignore[assignment]
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

    # -- recording -------------------------------------------------------------------

    @setupmethod
    def record(self, func: DeferredSetupFunction) -> None:
        """Run ``func(state)`` each time the blueprint is registered."""
        self.deferred_functions.append(func)

    @setupmethod
    def record_once(self, func: DeferredSetupFunction) -> None:
        """Run ``func(state)`` when the blueprint is registered on an application for the first time."""

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
            self._merge_blueprint_funcs(app, name)
        for deferred in self.deferred_functions:
            deferred(state)
        self._register_commands(app, name, options)
        for blueprint, bp_options in self._blueprints:
            self._register_nested(app, state, blueprint, bp_options.copy(), name)

    def _register_commands(self, app: t.Any, name: str, options: dict[str, t.Any]) -> None:
        group = self.__dict__.get("_cli")
        if group is None or not group.commands:
            return
        cli_group = options.get("cli_group", self.cli_group)
        if cli_group is None:
            app.cli.commands.update(group.commands)
        else:
            group.name = name if cli_group is _sentinel else cli_group
            app.cli.add_command(group)

    def _register_nested(
        self,
        app: t.Any,
        state: BlueprintSetupState,
        blueprint: Blueprint,
        options: dict[str, t.Any],
        name: str,
    ) -> None:
        url_prefix = options.get("url_prefix")
        if url_prefix is None:
            url_prefix = blueprint.url_prefix
        if state.url_prefix is not None and url_prefix is not None:
            url_prefix = f"{state.url_prefix.rstrip('/')}/{url_prefix.lstrip('/')}"
        elif url_prefix is None:
            url_prefix = state.url_prefix
        if url_prefix is not None:
            options["url_prefix"] = url_prefix
        subdomain = options.get("subdomain")
        if subdomain is None:
            subdomain = blueprint.subdomain
        if state.subdomain is not None and subdomain is not None:
            subdomain = f"{subdomain}.{state.subdomain}"
        elif subdomain is None:
            subdomain = state.subdomain
        if subdomain is not None:
            options["subdomain"] = subdomain
        options["name_prefix"] = name
        blueprint.register(app, options)

    def _merge_blueprint_funcs(self, app: t.Any, name: str) -> None:
        """Copy the hooks into the application's tables under the registered name."""
        for table in _HOOK_TABLES:
            own, target = getattr(self, table), getattr(app, table)
            for key, functions in own.items():
                target[_joined(name, key)].extend(functions)
        for key, codes in self.error_handler_spec.items():
            target = app.error_handler_spec[_joined(name, key)]
            for code, handlers in codes.items():
                target[code].update(handlers)
        for endpoint, func in self.view_functions.items():
            app.view_functions[endpoint] = func

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

    @setupmethod
    def app_template_filter(self, name: str | None = None) -> t.Callable[[F], F]:
        """Register a template filter for the whole application."""
        return t.cast(
            "t.Callable[[F], F]",
            _optional_name(name, lambda name: self._on_app("add_template_filter", name)),
        )

    @setupmethod
    def add_app_template_filter(
        self, f: ft.TemplateFilterCallable, name: str | None = None
    ) -> None:
        """As :meth:`app_template_filter`, as a plain call."""
        self._on_app("add_template_filter", name)(f)

    @setupmethod
    def app_template_test(self, name: str | None = None) -> t.Callable[[F], F]:
        """Register a template test for the whole application."""
        return t.cast(
            "t.Callable[[F], F]",
            _optional_name(name, lambda name: self._on_app("add_template_test", name)),
        )

    @setupmethod
    def add_app_template_test(self, f: ft.TemplateTestCallable, name: str | None = None) -> None:
        """As :meth:`app_template_test`, as a plain call."""
        self._on_app("add_template_test", name)(f)

    @setupmethod
    def app_template_global(self, name: str | None = None) -> t.Callable[[F], F]:
        """Register a template global for the whole application."""
        return t.cast(
            "t.Callable[[F], F]",
            _optional_name(name, lambda name: self._on_app("add_template_global", name)),
        )

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
    def before_app_request(self, f: F) -> F:
        """As ``before_request``, for every request of the application."""
        return self._app_hook("before_request_funcs", f)

    @setupmethod
    def after_app_request(self, f: F) -> F:
        """As ``after_request``, for every request of the application."""
        return self._app_hook("after_request_funcs", f)

    @setupmethod
    def teardown_app_request(self, f: F) -> F:
        """As ``teardown_request``, for every request of the application."""
        return self._app_hook("teardown_request_funcs", f)

    @setupmethod
    def app_context_processor(self, f: F) -> F:
        """As ``context_processor``, for every template of the application."""
        return self._app_hook("template_context_processors", f)

    @setupmethod
    def app_url_value_preprocessor(self, f: F) -> F:
        """As ``url_value_preprocessor``, for every request of the application."""
        return self._app_hook("url_value_preprocessors", f)

    @setupmethod
    def app_url_defaults(self, f: F) -> F:
        """As ``url_defaults``, for every URL of the application."""
        return self._app_hook("url_default_functions", f)

    @setupmethod
    def app_errorhandler(self, code: t.Any) -> t.Callable[[F], F]:
        """As ``errorhandler``, for every request of the application."""

        def decorator(f: F) -> F:
            self.record_once(lambda state: state.app.register_error_handler(code, f))
            return f

        return decorator


_HOOK_TABLES = (
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "url_default_functions",
    "url_value_preprocessors",
    "template_context_processors",
)


def _joined(name: str, key: str | None) -> str:
    return name if key is None else f"{name}.{key}"


def _optional_name(name: t.Any, make: t.Callable[[t.Any], t.Any]) -> t.Any:
    """Let a decorator be used with or without parentheses (as Flask 3.2 does)."""
    if callable(name):
        return make(None)(name)
    return make(name)
