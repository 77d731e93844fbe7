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

V = t.TypeVar("V")


class HookTable(defaultdict[t.Optional[str], t.List[V]]):
    """Scope name (``None`` for the application) to a list of functions, all watched.

    A plain list that is assigned becomes a watched one, so that what is
    appended to it later through the table is noticed too.
    """

    def __init__(self, values: t.Mapping[str | None, list[V]] | None = None) -> None:
        super().__init__(WatchedList)
        if values:
            self.update(values)

    def __setitem__(self, key: str | None, value: list[V]) -> None:
        epoch.value += 1
        if not isinstance(value, WatchedList):
            value = WatchedList(value)
        super().__setitem__(key, value)

    def update(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Set several lists at once, as ``dict.update``."""
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key: str | None, default: t.Any = None) -> list[V]:
        """The list under ``key``; ``default`` (made a watched list) if there is none."""
        if key not in self:
            self[key] = default if default is not None else []
        return self[key]

    __delitem__ = bumping(defaultdict.__delitem__)
    clear = bumping(defaultdict.clear)
    pop = bumping(defaultdict.pop)
    popitem = bumping(defaultdict.popitem)


class HandlerTable(defaultdict[t.Any, t.Any]):
    """Scope name to code to exception class to handler: Flask's ``error_handler_spec``."""

    def __init__(self, values: t.Mapping[t.Any, t.Any] | None = None) -> None:
        super().__init__(_CodeTable)
        for scope, codes in (values or {}).items():
            for code, handlers in codes.items():
                self[scope][code] = WatchedDict(handlers)


class _CodeTable(defaultdict[t.Any, t.Any]):
    def __init__(self) -> None:
        super().__init__(WatchedDict)


_TABLES: dict[str, t.Callable[[t.Any], t.Any]] = {
    "before_request_funcs": HookTable,
    "after_request_funcs": HookTable,
    "teardown_request_funcs": HookTable,
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
        A watched copy of a plain table; anything else as it came.
    """
    kind = _TABLES.get(name)
    if kind is None or value is None or isinstance(value, kind):  # type: ignore[arg-type]
        return value
    return kind(value)


#: Attributes that only instances have and that plans are made of.
COMPILED = {*_TABLES, "config", "json", "subdomain_matching", "url_map"}
