"""What everything else stands on: the one context variable and the epoch.

``ContextVar.get``, ``.set`` and ``.reset`` are bound here once: reaching them
through the variable at every request costs an attribute look-up each.
"""

from __future__ import annotations

import typing as t
from contextvars import ContextVar

if t.TYPE_CHECKING:
    from .ctx import Context

current: ContextVar[Context] = ContextVar("erlen.context")

get_current = current.get
set_current = current.set
reset_current = current.reset


class Epoch:
    """A number that grows whenever something declared changes.

    Hooks, rules, views, settings, signal receivers and replaced methods all
    bump the same number, so that a request finds out with one comparison
    whether what was compiled from them still holds.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def bump(self) -> None:
        """Make everything that was compiled before this call stale."""
        self.value += 1


epoch = Epoch()


class Stale:
    """Stands for the plans of an application that has not been asked yet."""

    epoch = -1


STALE: t.Any = Stale()
