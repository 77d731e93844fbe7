"""Containers and classes that bump the epoch when somebody changes them.

What is compiled at set-up (encoders, cookie settings, plans) is used until the
epoch moves, so everything it was made from has to say when it changes.
"""

from __future__ import annotations

import functools
import typing as t
from abc import ABCMeta

from .state import epoch

F = t.TypeVar("F", bound=t.Callable[..., t.Any])
K = t.TypeVar("K")
V = t.TypeVar("V")

_missing = object()


def bumping(method: F) -> F:
    """The method, followed by a bump even when it fails half-way."""

    @functools.wraps(method)
    def call(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            return method(self, *args, **kwargs)
        finally:
            epoch.bump()

    return t.cast(F, call)


class WatchedDict(dict[K, V]):
    """A dictionary of which every mutation bumps the epoch."""

    __setitem__ = bumping(dict.__setitem__)
    __delitem__ = bumping(dict.__delitem__)
    __ior__ = bumping(dict.__ior__)
    clear = bumping(dict.clear)
    pop = bumping(dict.pop)
    popitem = bumping(dict.popitem)
    setdefault = bumping(dict.setdefault)
    update = bumping(dict.update)


class WatchedList(list[V]):
    """A list of which every mutation bumps the epoch."""

    __setitem__ = bumping(list.__setitem__)
    __delitem__ = bumping(list.__delitem__)
    __iadd__ = bumping(list.__iadd__)
    __imul__ = bumping(list.__imul__)
    append = bumping(list.append)
    clear = bumping(list.clear)
    extend = bumping(list.extend)
    insert = bumping(list.insert)
    pop = bumping(list.pop)
    remove = bumping(list.remove)
    reverse = bumping(list.reverse)
    sort = bumping(list.sort)


class WatchedType(ABCMeta):
    """A class whose replaced attributes bump the epoch.

    Derived from ``ABCMeta`` so that a user's subclass may also be abstract
    without a metaclass conflict.
    """

    def __setattr__(cls, name: str, value: t.Any) -> None:
        super().__setattr__(name, value)
        epoch.bump()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        epoch.bump()


class Watched(metaclass=WatchedType):
    """Instances that bump the epoch when they override something of their class.

    Attributes that the class doesn't know are the instance's own affair: an
    object that counts its calls mustn't make every plan stale at each request.
    """

    __slots__ = ()

    def __setattr__(self, name: str, value: t.Any) -> None:
        before = getattr(self, "__dict__", {}).get(name, _missing)
        super().__setattr__(name, value)
        if before is not value and hasattr(type(self), name):
            epoch.bump()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        epoch.bump()
