"""An attribute that is worked out when it is first read."""

from __future__ import annotations

import typing as t

T = t.TypeVar("T")


class lazy(t.Generic[T]):
    """Compute an attribute at its first use and keep it in the instance.

    It has no ``__set__``: after the first read, or after somebody assigned to
    the attribute, Python finds the value in the instance's dictionary and
    never calls the descriptor again. Werkzeug's ``cached_property`` is a data
    descriptor and runs Python code at every read.

    Args:
        compute: function of the instance that makes the value.
    """

    def __init__(self, compute: t.Callable[[t.Any], T]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @t.overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...

    @t.overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> T | lazy[T]:
        if instance is None:
            return self
        values = instance.__dict__
        name = self.name
        # An override that calls super() gets here although the value is known.
        if name in values:
            return values[name]  # type: ignore[no-any-return]
        value = values[name] = self.compute(instance)
        return value


class LateEnviron:
    """The environ of a request that came as an ASGI scope, made at first use."""

    def __get__(self, request: t.Any, owner: t.Any) -> t.Any:
        if request is None:
            return self
        values = request.__dict__
        try:
            make, scope, body = values["_source"]
        except KeyError:
            raise AttributeError("environ") from None
        environ = values["environ"] = make(scope, body)
        return environ
