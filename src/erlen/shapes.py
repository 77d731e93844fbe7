"""Flask's next release hands the context to the methods that dispatch; both shapes work here.

Flask 3.1 calls ``app.dispatch_request()``, Flask 3.2 will call ``app.dispatch_request(ctx)``.
The methods here take either call. An override that takes ``ctx`` gets it, whoever calls it and
however; one that doesn't is called as ever. Which it is, is found out once, when the override is
made: no request pays for it.
"""

from __future__ import annotations

import functools
import inspect
import typing as t

from .ctx import Context
from .errors import OutsideContextError
from .state import get_current, reset_current, set_current

F = t.TypeVar("F", bound=t.Callable[..., t.Any])

#: The methods that take the context first in Flask 3.2.
CONTEXT_FIRST = frozenset(
    {
        "dispatch_request",
        "do_teardown_appcontext",
        "do_teardown_request",
        "finalize_request",
        "full_dispatch_request",
        "handle_exception",
        "handle_http_exception",
        "handle_user_exception",
        "log_exception",
        "make_default_options_response",
        "preprocess_request",
        "process_response",
        "update_template_context",
    }
)

#: What the annotation of such a parameter ends with, where it is a string.
_CONTEXT_NAMES = frozenset({"AppContext", "RequestContext", "Context"})


def either_shape(method: F) -> F:
    """Let a method be called with the context as its first argument, or without.

    A context that is not the current one is made current for the call.

    Args:
        method: The method, without a parameter for the context.
    """

    @functools.wraps(method)
    def call(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if args and isinstance(args[0], Context):
            ctx, args = args[0], args[1:]
        elif "ctx" in kwargs:
            ctx = kwargs.pop("ctx")
        else:
            return method(self, *args, **kwargs)
        proxied = getattr(ctx, "_get_current_object", None)
        if proxied is not None or ctx is get_current(None):
            return method(self, *args, **kwargs)
        token = set_current(ctx)
        try:
            return method(self, *args, **kwargs)
        finally:
            reset_current(token)

    call._either_shape = True  # type: ignore[attr-defined]
    return t.cast(F, call)


def takes_context(function: t.Any, bound: bool) -> bool:
    """Whether an override has the shape of Flask 3.2.

    Its first parameter is called ``ctx`` then, or annotated as a context.

    Args:
        function: The override.
        bound: Whether ``self`` is not among its parameters.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False
    place = 0 if bound else 1
    if len(parameters) <= place:
        return False
    parameter = parameters[place]
    if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
        return False
    told = parameter.annotation
    if parameter.name == "ctx" or (isinstance(told, type) and issubclass(told, Context)):
        return True
    return isinstance(told, str) and told.rpartition(".")[2].strip("\"'") in _CONTEXT_NAMES


def fitted(function: t.Any, bound: bool) -> t.Any:
    """An override as it can be called in both shapes; unchanged unless it takes the context.

    Args:
        function: The override.
        bound: As for :func:`takes_context`.
    """
    if hasattr(function, "_either_shape") or not takes_context(function, bound):
        return function

    place = 0 if bound else 1

    @functools.wraps(function)
    def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        if len(args) > place and isinstance(args[place], Context):
            return function(*args, **kwargs)
        ctx = kwargs.pop("ctx", None) or get_current(None)
        if ctx is None:
            raise OutsideContextError("app_ctx", "application")
        return function(*args[:place], ctx, *args[place:], **kwargs)

    call._either_shape = True  # type: ignore[attr-defined]
    return call


def _without_context(function: t.Any) -> t.Any:
    """An override of Flask 3.1's shape, as one of Flask 3.2's may call it by ``super()``."""

    @functools.wraps(function)
    def call(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if args and isinstance(args[0], Context):
            args = args[1:]
        kwargs.pop("ctx", None)
        return function(self, *args, **kwargs)

    call._either_shape = True  # type: ignore[attr-defined]
    return call


def fit_class(cls: type) -> None:
    """Fit the overrides that a class of applications has, its own and those it inherits.

    Args:
        cls: The class. Each override is replaced where it stands.
    """
    for name in CONTEXT_FIRST:
        if hasattr(getattr(cls, name, None), "_either_shape"):
            continue
        older: list[tuple[type, t.Any]] = []
        mixed = False
        for owner in cls.__mro__:
            function = vars(owner).get(name)
            if hasattr(function, "_either_shape"):
                mixed |= not _is_ours(owner)
                continue
            if not inspect.isfunction(function):
                continue
            better = fitted(function, False)
            if better is function:
                older.append((owner, function))
            else:
                mixed = True
                setattr(owner, name, better)
        for owner, function in older if mixed else ():
            setattr(owner, name, _without_context(function))


def _is_ours(owner: type) -> bool:
    return owner.__module__.partition(".")[0] == __name__.partition(".")[0]
