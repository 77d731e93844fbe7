"""The steps of a plan on an event loop: all are awaited."""

from __future__ import annotations

import typing as t
from inspect import iscoroutine

from ...plan import Plan
from ...steporder import Step
from ..threads.jobs import settle

AsyncStep = t.Callable[..., t.Awaitable[t.Any]]


class NativePlan(Plan):
    """A plan whose steps are coroutine functions."""

    __slots__ = ("bare", "direct", "ends_request", "ends_app", "streams_body", "stock_close")

    #: Whether there is nothing but the view, whose value may go out as it is.
    bare: bool
    #: Whether the view of a bare plan is a function of ours that is not awaited.
    direct: bool

    #: The teardown functions of the request, with the error as argument.
    ends_request: tuple[AsyncStep, ...]
    #: Those of the application context.
    ends_app: tuple[AsyncStep, ...]
    streams_body: bool
    #: Whether closing a response means no more than saving the stock session.
    stock_close: bool


def awaited(function: Step) -> AsyncStep:
    """A sync function as a step; what it returns is awaited, if it can be.

    Args:
        function: One that does not block.
    """

    async def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            rv = function(*args, **kwargs)
            return await rv if iscoroutine(rv) else rv
        finally:
            # An error that a handler was called with, and that it raised again, would
            # hold this frame, and it the error.
            del args, kwargs

    return call


def settled(step: AsyncStep) -> AsyncStep:
    """A step that awaits the template that it may have returned.

    Args:
        step: The step.
    """

    async def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            return await settle(await step(*args, **kwargs))
        finally:
            del args, kwargs

    return call


def on_loop(function: Step) -> AsyncStep:
    """A sync function that does not block and returns nothing to be awaited, as a step.

    Args:
        function: The function.
    """

    async def call(*args: t.Any) -> t.Any:
        try:
            return function(*args)
        finally:
            del args

    return call


def until_answered(functions: tuple[Step, ...]) -> Step:
    """Before hooks as one: each is called until one answers.

    Args:
        functions: The hooks.
    """
    if len(functions) == 1:
        return functions[0]

    def call() -> t.Any:
        for function in functions:
            rv = function()
            if rv is not None:
                return rv
        return None

    return call


def each(functions: tuple[Step, ...]) -> Step:
    """After hooks as one: each gets what the one before returned.

    Args:
        functions: The hooks.
    """
    if len(functions) == 1:
        return functions[0]

    def call(response: t.Any) -> t.Any:
        for function in functions:
            response = function(response)
        return response

    return call


def notifier(native: t.Any, signal: t.Any, name: str = "") -> AsyncStep:
    """A step that tells the receivers of a signal.

    Args:
        native: The plans it is for.
        signal: The signal.
        name: Under which the step's one argument is handed on; empty: there is none.
    """
    app = native.app

    async def call(value: t.Any = None) -> None:
        values = {name: value} if name else {}
        await signal.send_async(app, _sync_wrapper=native.step, **values)

    return call
