"""Routing: Werkzeug's rules as the truth, compiled for matching and building."""

from __future__ import annotations

import typing as t

from .rules import Rule as Rule
from .rules import WatchedMap as WatchedMap
from .rules import watched as watched

if t.TYPE_CHECKING:
    from .build import UrlBuilder as UrlBuilder
    from .table import UNSURE as UNSURE
    from .table import RouteTable as RouteTable
    from .table import compile_table as compile_table
    from .target import Target as Target

# What only a running application needs, loaded when it is first asked for.
_LATE = {
    "UNSURE": "table",
    "RouteTable": "table",
    "Target": "target",
    "UrlBuilder": "build",
    "compile_table": "table",
}


def __getattr__(name: str) -> t.Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LATE[name]}", __name__), name)
