"""The variables that every template of an application gets.

Apart from :mod:`erlen.templating`, so that an application without templates
never loads Jinja.
"""

from __future__ import annotations

import typing as t

from .shapes import either_shape
from .state import get_current

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from .steps import Steps


def _default_template_ctx_processor() -> dict[str, t.Any]:
    """Give templates the objects behind the proxies ``g`` and ``request``.

    ``session`` stays a proxy among the globals: looking at the real one counts
    as an access, and would add ``Vary: Cookie`` to every rendered page.
    """
    ctx = get_current(None)
    if ctx is None:
        return {}
    if ctx.has_request:
        return {"g": ctx.g, "request": ctx.request}
    return {"g": ctx.g}


@either_shape
def update_template_context(self: Steps, context: dict[str, t.Any]) -> None:
    """Add what the context processors give to a template's variables.

    The application's processors run first, then those of the request's
    blueprints from the outermost in; the variables that are there already
    win over all (Flask 3.1: ``Flask.update_template_context``).

    Args:
        context: the variables given to the render; changed in place.
    """
    run_processors(self, context, _default_template_ctx_processor)


def run_processors(
    app: Steps, context: dict[str, t.Any], default: Callable[[], dict[str, t.Any]]
) -> None:
    """Run the context processors, with ``default`` in the place of Flask's own one."""
    injected: dict[str, t.Any] = {}
    for function in _processors(app):
        if function is _default_template_ctx_processor:
            injected.update(default())
        else:
            injected.update(app.ensure_sync(function)())
    for name, value in injected.items():
        context.setdefault(name, value)


def _processors(app: Steps) -> t.Sequence[Callable[[], dict[str, t.Any]]]:
    table = app.template_context_processors
    functions = table.get(None, ())
    if len(table) == 1 and functions:
        return functions
    ctx = get_current(None)
    if ctx is None or not ctx.has_request:
        return functions
    found = list(functions)
    for name in reversed(ctx.request.blueprints):
        found.extend(table.get(name, ()))
    return found
