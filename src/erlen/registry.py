"""What a user declared, kept in tables that notice every change.

Flask's tables (``before_request_funcs``, ``view_functions``, ...) are plain
dictionaries and lists, and extensions write to them directly. These are the
same types with one addition: each mutation bumps :data:`erlen.state.epoch`, so
what was compiled from them is compiled again before the next request.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict

from .state import epoch
from .watch import WatchedDict, WatchedList, bumping


class _Table(defaultdict[t.Any, t.Any]):
    """A dictionary of containers in which whatever is put becomes watched as well.

    Args:
        args: The first content, if any; behind a factory where the type copies itself.
    """

    kind: t.ClassVar[t.Callable[..., t.Any]]

    def __init__(self, *args: t.Any) -> None:
        super().__init__(self.kind)
        if args and args[-1] is not self.kind:
            self.update(args[-1])

    def __setitem__(self, key: t.Any, value: t.Any) -> None:
        super().__setitem__(key, value if isinstance(value, self.kind) else self.kind(value))  # type: ignore[arg-type]
        # Behind the change: a request in between must not compile the old state for good.
        epoch.bump()

    def update(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Set several at once, as ``dict.update``."""
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: t.Any) -> t.Self:  # type: ignore[misc]
        self.update(other)
        return self

    def setdefault(self, key: t.Any, default: t.Any = None) -> t.Any:
        """What is under ``key``; ``default`` (made watched) if there is nothing."""
        if key not in self:
            self[key] = default if default is not None else ()
        return self[key]

    __delitem__ = bumping(defaultdict.__delitem__)
    clear = bumping(defaultdict.clear)
    pop = bumping(defaultdict.pop)
    popitem = bumping(defaultdict.popitem)


class HookTable(_Table):
    """Scope name (``None`` for the application) to a list of functions, all watched.

    A plain list that is assigned becomes a watched one, so that what is
    appended to it later through the table is noticed too.
    """

    kind = WatchedList


class _CodeTable(_Table):
    kind = WatchedDict


class HandlerTable(_Table):
    """Scope name to code to exception class to handler: Flask's ``error_handler_spec``."""

    kind = _CodeTable


_TABLES: dict[str, t.Callable[[t.Any], t.Any]] = {
    "before_request_funcs": HookTable,
    "after_request_funcs": HookTable,
    "teardown_request_funcs": HookTable,
    "before_websocket_funcs": HookTable,
    "after_websocket_funcs": HookTable,
    "teardown_websocket_funcs": HookTable,
    "template_context_processors": HookTable,
    "url_value_preprocessors": HookTable,
    "url_default_functions": HookTable,
    "error_handler_spec": HandlerTable,
    "view_functions": WatchedDict,
    "teardown_appcontext_funcs": WatchedList,
    "url_build_error_handlers": WatchedList,
}


def watched(name: str, value: t.Any) -> t.Any:
    """``value`` as the watched table that belongs under the attribute ``name``.

    Args:
        name: An attribute of an application or blueprint.
        value: What is assigned to it.

    Returns:
        A watched copy of a plain table; a map of rules itself, watched from now on;
        anything else as it came.
    """
    if name == "url_map":
        from .routing.rules import watch

        return watch(value)
    kind = _TABLES.get(name)
    if kind is None or value is None or isinstance(value, kind):  # type: ignore[arg-type]
        return value
    return kind(value)


#: Attributes that only instances have and that plans are made of.
COMPILED = {*_TABLES, "config", "json", "subdomain_matching", "url_map"}
