"""The namespace behind ``g``."""

from __future__ import annotations

import typing as t

from .state import get_current

_sentinel = object()


class _AppCtxGlobals:
    """A plain namespace for the time of a context: what ``g`` is."""

    # The annotation tells type checkers that any attribute may be there.
    if t.TYPE_CHECKING:

        def __getattr__(self, name: str) -> t.Any: ...
        def __setattr__(self, name: str, value: t.Any) -> None: ...
        def __delattr__(self, name: str) -> None: ...

    def get(self, name: str, default: t.Any = None) -> t.Any:
        """The attribute ``name``, or ``default``.

        Args:
            name: Name of the attribute.
            default: Returned if it is not set.
        """
        return self.__dict__.get(name, default)

    def pop(self, name: str, default: t.Any = _sentinel) -> t.Any:
        """Take the attribute ``name`` out and return it.

        Raises:
            KeyError: It is not set and no ``default`` was given.
        """
        if default is _sentinel:
            return self.__dict__.pop(name)
        return self.__dict__.pop(name, default)

    def setdefault(self, name: str, default: t.Any = None) -> t.Any:
        """The attribute ``name``, set to ``default`` first if it is missing."""
        return self.__dict__.setdefault(name, default)

    def __contains__(self, name: str) -> bool:
        return name in self.__dict__

    def __iter__(self) -> t.Iterator[str]:
        return iter(self.__dict__)

    def __repr__(self) -> str:
        ctx = get_current(None)
        return f"<flask.g of '{ctx.app.name}'>" if ctx is not None else object.__repr__(self)
