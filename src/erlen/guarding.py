"""Views of websockets: told apart from those of plain requests, which a WSGI server makes."""

from __future__ import annotations

import inspect
import typing as t
from functools import update_wrapper
from weakref import WeakKeyDictionary

from werkzeug.exceptions import NotImplemented as NotImplementedHere

from .current import has_websocket_context

View = t.TypeVar("View", bound=t.Callable[..., t.Any])

#: What a rule's own options are called among those of ``websocket``.
OPTIONS = ("allowed_origins", "max_message_size", "idle_timeout", "send_timeout")

#: Guards to the views that they guard.
_guarded: WeakKeyDictionary[t.Callable[..., t.Any], t.Callable[..., t.Any]] = WeakKeyDictionary()


class WebsocketNeedsAsgi(NotImplementedHere):
    """A websocket was asked for through a server that has none."""

    description = (
        "This address is a websocket's, and the server does not pass websockets on."
        " Serve the application with an ASGI server such as Uvicorn, Hypercorn or Granian."
    )


def guard(view: View, options: dict[str, t.Any] | None = None) -> View:
    """A websocket's view that refuses to be called for a plain request.

    A WSGI server hands a handshake on as a request like any other.

    Args:
        view: The view.
        options: The rule's own options.
    """

    def check() -> None:
        if not has_websocket_context():
            raise WebsocketNeedsAsgi

    if inspect.iscoroutinefunction(view):

        async def guarded(**values: t.Any) -> t.Any:
            check()
            return await view(**values)

    else:

        def guarded(**values: t.Any) -> t.Any:  # type: ignore[misc]
            check()
            return view(**values)

    update_wrapper(guarded, view)
    guarded.__dict__["websocket_options"] = options or {}
    _guarded[guarded] = view
    return t.cast(View, guarded)


def unguarded(view: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """The view behind a guard; a view that is none, or was wrapped again, itself.

    Args:
        view: What is registered for an endpoint.
    """
    return _guarded.get(view, view)
