"""Werkzeug's rules and map, made cheap to build and watched for changes.

``app.url_map`` stays a Werkzeug ``Map`` and the only source of truth. What is
added here: a rule compiles its URL builders on first use, and a map bumps
``erlen.state.epoch`` whenever it changes, so that compiled tables go stale.
"""

from __future__ import annotations

import typing as t

import werkzeug.routing as wz
from werkzeug.routing import RuleFactory

from ..state import epoch

# Werkzeug refuses these as parameter names of the builder it generates; the
# refusal has to come when the rule is added, so their builders are not deferred.
_REFUSED_NAMES = frozenset({"None", "True", "False", "__debug__"})


class Rule(wz.Rule):
    """A Werkzeug rule that compiles its two URL builders on first use.

    Compiling them takes more than nine tenths of the time that adding a rule
    takes, and most rules are only ever matched. The meaning of the rule, its
    arguments and its errors are Werkzeug's.

    Source: Werkzeug 3.1 ``Rule``.
    """

    def bind(self, map: wz.Map, rebind: bool = False) -> None:
        """Bind the rule to a map; binding again makes compiled tables stale.

        Args:
            map: the map the rule belongs to.
            rebind: whether the rule may already be bound; default False.

        Raises:
            RuntimeError: the rule is bound and *rebind* is False.
        """
        super().bind(map, rebind)
        if rebind:
            _changed(map)

    def _compile_builder(self, append_unknown: bool = True) -> t.Callable[..., tuple[str, str]]:
        if self.defaults or self._has_odd_names():
            return super()._compile_builder(append_unknown)
        return _first_build_unknown if append_unknown else _first_build

    def _has_odd_names(self) -> bool:
        dynamic = sum(1 for is_dynamic, _ in self._trace if is_dynamic)
        return dynamic != len(self._converters) or not _REFUSED_NAMES.isdisjoint(self._converters)

    def _build_now(self, append_unknown: bool) -> t.Callable[..., tuple[str, str]]:
        builder: t.Any = super()._compile_builder(append_unknown)
        return t.cast("t.Callable[..., tuple[str, str]]", builder.__get__(self, None))

    def __eq__(self, other: object) -> bool:
        # Unlike Werkzeug's, symmetric between this class and its base, so that
        # defaults also redirect in a map that holds rules of both classes.
        return isinstance(other, wz.Rule) and self._trace == other._trace

    __hash__ = None


def _first_build(rule: Rule, /, **values: t.Any) -> tuple[str, str]:
    rule._build = build = rule._build_now(False)
    return build(**values)


def _first_build_unknown(rule: Rule, /, **values: t.Any) -> tuple[str, str]:
    rule._build_unknown = build = rule._build_now(True)
    return build(**values)


class _WatchedConverters(dict[str, t.Any]):
    """A map's converters; every change bumps the epoch."""

    __slots__ = ()

    def __setitem__(self, key: str, value: t.Any) -> None:
        super().__setitem__(key, value)
        epoch.bump()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        epoch.bump()

    def __ior__(self, other: t.Any) -> t.Any:  # type: ignore[misc]
        self.update(other)
        return self

    def update(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().update(*args, **kwargs)
        epoch.bump()

    def setdefault(self, key: str, default: t.Any = None) -> t.Any:
        epoch.bump()
        return super().setdefault(key, default)

    def pop(self, *args: t.Any) -> t.Any:
        epoch.bump()
        return super().pop(*args)

    def popitem(self) -> tuple[str, t.Any]:
        epoch.bump()
        return super().popitem()

    def clear(self) -> None:
        super().clear()
        epoch.bump()


def _changed(url_map: t.Any) -> None:
    """Bump the epoch, and the map's own version, which other changes leave alone."""
    url_map.__dict__["version"] = url_map.__dict__.get("version", 0) + 1
    epoch.bump()


class WatchedMixin:
    """Mixed into a map class: every change of the map bumps the epoch.

    Attributes:
        version: grows with every change of this map.
    """

    version = 0

    def __setattr__(self, name: str, value: t.Any) -> None:
        if name == "converters" and not isinstance(value, _WatchedConverters):
            value = _WatchedConverters(value)
        super().__setattr__(name, value)
        # Werkzeug sets the flag to False when it has sorted its rules on first
        # use; nothing that was declared changes by that.
        if name != "_remap" or value:
            _changed(self)

    def add(self, rulefactory: RuleFactory) -> None:
        """Add a rule or a factory of rules and make compiled tables stale.

        Args:
            rulefactory: an unbound rule, or a factory such as ``Submount``.
        """
        try:
            super().add(rulefactory)  # type: ignore[misc]
        finally:
            # A factory may fail after some of its rules were added.
            _changed(self)


class WatchedMap(WatchedMixin, wz.Map):
    """Werkzeug's map, watched: adding rules and setting options bumps the epoch."""


def watched(map_class: type[wz.Map]) -> type[wz.Map]:
    """Give the subclass of a map class whose changes bump the epoch.

    Args:
        map_class: Werkzeug's ``Map`` or the user's own subclass of it.

    Returns:
        *map_class* itself where it is already watched.
    """
    if map_class is wz.Map:
        return WatchedMap
    if issubclass(map_class, WatchedMixin):
        return map_class
    namespace = {"__module__": map_class.__module__, "__doc__": map_class.__doc__}
    return t.cast("type[wz.Map]", type(map_class.__name__, (WatchedMixin, map_class), namespace))


def watch(url_map: t.Any) -> t.Any:
    """Make a map that somebody has made already bump the epoch with every change.

    Args:
        url_map: Werkzeug's ``Map``, the user's own subclass of it, or a watched one.

    Returns:
        The same object. A copy would not do: whoever made it goes on changing it.
    """
    if isinstance(url_map, wz.Map) and not isinstance(url_map, WatchedMixin):
        url_map.__class__ = watched(type(url_map))
        url_map.converters = t.cast("dict[str, t.Any]", url_map.converters)
    return url_map
