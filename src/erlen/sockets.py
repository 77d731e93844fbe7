"""Declaring websockets: a part of the interface that Flask does not have; as in Quart."""

from __future__ import annotations

import typing as t

from .guarding import OPTIONS, guard, unguarded
from .scaffold import Scaffold, _endpoint_from_view_func, setupmethod

View = t.TypeVar("View", bound=t.Callable[..., t.Any])
Hook = t.TypeVar("Hook", bound=t.Callable[..., t.Any])


class WebsocketScaffold(Scaffold):
    """What applications and blueprints have for websockets."""

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self.before_websocket_funcs: dict[str | None, list[t.Any]] = {}
        self.after_websocket_funcs: dict[str | None, list[t.Any]] = {}
        self.teardown_websocket_funcs: dict[str | None, list[t.Any]] = {}

    @setupmethod
    def websocket(self, rule: str, **options: t.Any) -> t.Callable[[View], View]:
        """Register the decorated function as the view of a websocket.

        A coroutine function runs on the server's event loop, a plain function in a
        thread of its own.

        Args:
            rule: Werkzeug rule, e.g. ``"/rooms/<int:room>"``.
            options: As for :meth:`add_websocket`.
        """

        def decorator(view: View) -> View:
            endpoint = options.pop("endpoint", None)
            self.add_websocket(rule, endpoint, view, **options)
            return view

        return decorator

    @setupmethod
    def add_websocket(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: t.Callable[..., t.Any] | None = None,
        **options: t.Any,
    ) -> None:
        """Register a websocket's rule; what :meth:`websocket` calls.

        Args:
            rule: Werkzeug rule.
            endpoint: Name for ``url_for``; the view's name by default.
            view_func: The view.
            options: ``allowed_origins``, ``max_message_size``, ``idle_timeout`` and
                ``send_timeout`` in place of the settings ``WEBSOCKET_...``; all else is
                for Werkzeug's ``Rule``.

        Raises:
            TypeError: ``methods`` was given, or no function.
            AssertionError: The endpoint has another view already.
        """
        if "methods" in options:
            raise TypeError("A websocket has no methods: leave out the 'methods' argument.")
        own = {name: options.pop(name) for name in OPTIONS if name in options}
        if view_func is not None:
            if not callable(view_func):
                raise TypeError(f"The view of a websocket is a function, not {view_func!r}.")
            endpoint = endpoint or _endpoint_from_view_func(view_func)
            view_func = self._guard(endpoint, view_func, own)
        self.add_url_rule(
            rule,
            endpoint,
            view_func,
            provide_automatic_options=False,
            methods=["GET"],
            websocket=True,
            **options,
        )

    def _guard(self, endpoint: str, view: View, options: dict[str, t.Any]) -> View:
        # A view with two rules is one view.
        known = self.view_functions.get(endpoint)
        if known is not None and unguarded(known) is view and not options:
            return t.cast(View, known)
        return guard(view, options)

    @setupmethod
    def before_websocket(self, f: Hook) -> Hook:
        """Run ``f()`` before each websocket's view; what it returns, if not None, refuses it."""
        self.before_websocket_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def after_websocket(self, f: Hook) -> Hook:
        """Run ``f(response)`` behind each websocket's view.

        The response is what refused the websocket, None if it was accepted; ``f``
        returns the response to go on with.
        """
        self.after_websocket_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def teardown_websocket(self, f: Hook) -> Hook:
        """Run ``f(exc)`` when a websocket has ended, however it did."""
        self.teardown_websocket_funcs.setdefault(None, []).append(f)
        return f
