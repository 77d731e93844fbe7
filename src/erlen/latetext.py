"""Templates of coroutines: text that has to be awaited.

``render_template`` is a function. In a coroutine it can't wait for context processors or
receivers of signals that are coroutine functions; there it returns a :class:`LateText`,
which the walk of the request awaits if a view, hook or error handler returns it.
"""

from __future__ import annotations

import sys
import typing as t
from collections.abc import Callable, Coroutine, Generator
from inspect import iscoroutinefunction

from .state import epoch

if t.TYPE_CHECKING:
    from jinja2 import Template

    from .app import Erlen


def on_loop() -> bool:
    """Whether the code that asks runs on an event loop."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def needs_await(app: Erlen) -> bool:
    """Whether rendering a template here means to wait for coroutines.

    Args:
        app: The application.
    """
    known = app.__dict__.get("_async_templates")
    if known is None or known[0] != epoch.value:
        from .server.loop.building import renders_late

        known = epoch.value, renders_late(app)
        app.__dict__["_async_templates"] = known
    return known[1] and on_loop()


class LateText:
    """A template that is rendered when it is awaited.

    Args:
        render: Renders it.
        name: Its name, for errors.
    """

    def __init__(self, render: Callable[[], Coroutine[t.Any, t.Any, t.Any]], name: str) -> None:
        self._render = render
        self._name = name

    def __await__(self) -> Generator[t.Any, t.Any, t.Any]:
        return self._render().__await__()

    async def _erlen_late(self) -> t.Any:
        # What the walk of a request looks for in what a view returned.
        return await self._render()

    def __str__(self) -> str:
        raise RuntimeError(
            f"The text of the template {self._name} is not there yet: a context processor or"
            " a receiver of a signal is a coroutine function. Write 'await' before"
            " render_template(...), or return what it gives from the view as it is."
        )

    __html__ = __len__ = __iter__ = __add__ = __getitem__ = encode = __str__


async def gather(app: Erlen, context: dict[str, t.Any], default: Callable[[], t.Any]) -> None:
    """Run the context processors of a template, those that are coroutine functions too.

    Args:
        app: The application.
        context: The template's variables; changed in place.
        default: In the place of Flask's own processor.
    """
    from .template_context import _default_template_ctx_processor, _processors

    injected: dict[str, t.Any] = {}
    for function in _processors(app):
        given: t.Any = default() if function is _default_template_ctx_processor else function()
        injected.update(await given if iscoroutinefunction(function) else given)
    for name, value in injected.items():
        context.setdefault(name, value)


def call_now(function: t.Any) -> Callable[..., Coroutine[t.Any, t.Any, t.Any]]:
    """A sync receiver among coroutine functions: called where the template is rendered."""

    async def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        return function(*args, **kwargs)

    return call


async def tell(signal: t.Any, app: Erlen, template: Template, context: dict[str, t.Any]) -> None:
    """Send a signal of a template to receivers of both colours.

    Args:
        signal: The signal.
        app: The application.
        template: The template.
        context: Its variables.
    """
    await signal.send_async(app, _sync_wrapper=call_now, template=template, context=context)
