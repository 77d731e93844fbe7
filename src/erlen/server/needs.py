"""What an application has that wants an event loop of the server's."""

from __future__ import annotations

import typing as t
from inspect import isasyncgenfunction, iscoroutinefunction

from ..guarding import unguarded
from ..marks import is_wrapped

_HOOKS = (
    "before_request_funcs after_request_funcs teardown_request_funcs"
    " template_context_processors url_value_preprocessors url_default_functions"
).split()


def wants_asgi(app: t.Any) -> str | None:
    """Why an application is better off with ASGI, or None if WSGI serves it as well.

    Args:
        app: The application.

    Returns:
        A reason to be shown, e.g. "the websocket '/chat'".
    """
    if is_wrapped(app, "asgi_app"):
        return "the middleware around asgi_app"
    for rule in app.url_map.iter_rules():
        if rule.websocket:
            return f"the websocket {rule.rule!r}"
    if app.before_serving_funcs or app.after_serving_funcs or app.while_serving_gens:
        return "functions that run around serving"
    for endpoint, view in app.view_functions.items():
        if _is_async_view(unguarded(view)):
            return f"the async view {endpoint!r}"
    for name in _HOOKS:
        for functions in getattr(app, name).values():
            for function in functions:
                if iscoroutinefunction(function):
                    return f"the async function {function.__name__!r} ({name})"
    return None


def _is_async_view(view: t.Any) -> bool:
    if iscoroutinefunction(view) or isasyncgenfunction(view):
        return True
    cls = getattr(view, "view_class", None)
    if cls is None:
        return False
    names = ["dispatch_request", *(name.lower() for name in getattr(cls, "methods", None) or ())]
    return any(iscoroutinefunction(getattr(cls, name, None)) for name in names)
