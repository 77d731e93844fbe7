"""Putting a blueprint into effect on an application."""

from __future__ import annotations

import typing as t

from .scaffold import _endpoint_from_view_func

if t.TYPE_CHECKING:
    from . import typing as ft
    from .app import Erlen
    from .blueprints import Blueprint

#: The ``cli_group`` of a blueprint that was given none.
OWN_NAME: t.Any = object()

_HOOK_TABLES = (
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "before_websocket_funcs",
    "after_websocket_funcs",
    "teardown_websocket_funcs",
    "url_default_functions",
    "url_value_preprocessors",
    "template_context_processors",
)


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
        self.subdomain = _own(options, "subdomain", blueprint.subdomain)
        self.url_prefix = _own(options, "url_prefix", blueprint.url_prefix)
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


def register_commands(
    blueprint: Blueprint, app: Erlen, name: str, options: dict[str, t.Any]
) -> None:
    """Add a blueprint's commands to the application's, if it has any.

    Args:
        blueprint: The blueprint.
        app: The application.
        name: Name under which it is registered.
        options: The arguments of ``register_blueprint``.
    """
    group = blueprint.__dict__.get("_cli")
    if group is None or not group.commands:
        return
    cli_group = options.get("cli_group", blueprint.cli_group)
    if cli_group is None:
        app.cli.commands.update(group.commands)
    else:
        group.name = name if cli_group is OWN_NAME else cli_group
        app.cli.add_command(group)


def nested_options(
    outer: BlueprintSetupState, blueprint: Blueprint, options: dict[str, t.Any], name: str
) -> dict[str, t.Any]:
    """The options of a nested blueprint, below the prefix and subdomain of the outer one.

    Args:
        outer: Registration of the outer blueprint.
        blueprint: The nested one.
        options: Those with which it was nested.
        name: Name under which the outer one is registered.
    """
    options = {**options, "name_prefix": name}
    prefix = _own(options, "url_prefix", blueprint.url_prefix)
    if prefix is None:
        prefix = outer.url_prefix
    elif outer.url_prefix is not None:
        prefix = f"{outer.url_prefix.rstrip('/')}/{prefix.lstrip('/')}"
    subdomain = _own(options, "subdomain", blueprint.subdomain)
    if subdomain is None:
        subdomain = outer.subdomain
    elif outer.subdomain is not None:
        subdomain = f"{subdomain}.{outer.subdomain}"
    if prefix is not None:
        options["url_prefix"] = prefix
    if subdomain is not None:
        options["subdomain"] = subdomain
    return options


def _own(options: dict[str, t.Any], name: str, default: t.Any) -> t.Any:
    value = options.get(name)
    return default if value is None else value


def merge_hooks(blueprint: Blueprint, app: Erlen, name: str) -> None:
    """Copy a blueprint's hooks into the application's tables under the registered name.

    Args:
        blueprint: The blueprint.
        app: The application.
        name: Name under which it is registered.
    """
    for table in _HOOK_TABLES:
        own, target = getattr(blueprint, table), getattr(app, table)
        for key, functions in own.items():
            target[_joined(name, key)].extend(functions)
    for key, codes in blueprint.error_handler_spec.items():
        target = app.error_handler_spec[_joined(name, key)]
        for code, handlers in codes.items():
            target[code].update(handlers)
    for endpoint, func in blueprint.view_functions.items():
        app.view_functions[endpoint] = func


def _joined(name: str, key: str | None) -> str:
    return name if key is None else f"{name}.{key}"
