"""Which functions run when a request or an application context ends."""

from __future__ import annotations

import typing as t

from . import signals
from .steporder import Step, in_order

#: Methods that a request's end depends on, as steps of the application.
_METHODS = {"do_teardown_request", "do_teardown_appcontext"}


class Teardowns:
    """The teardown functions of one application at one epoch, ready to be called.

    Args:
        app: The application.
        overridden: Which of its methods are replaced.

    Attributes:
        idle: Whether no request needs ``do_teardown_request``.
        replaced: Whether ``do_teardown_appcontext`` is.
    """

    __slots__ = ("app", "idle", "replaced", "_of_app", "_of_request", "_overridden")

    def __init__(self, app: t.Any, overridden: frozenset[str]) -> None:
        self.app = app
        self._overridden = overridden
        self.replaced = "do_teardown_appcontext" in overridden
        self.idle = not (
            "do_teardown_request" in overridden
            or any(app.teardown_request_funcs.values())
            or signals.request_tearing_down.receivers
        )
        self._of_app: tuple[Step, ...] | None = None
        self._of_request: dict[tuple[str, ...], tuple[Step, ...]] = {}

    def of_app(self) -> tuple[Step, ...]:
        """Those of the application context, in their order."""
        hooks = self._of_app
        if hooks is None:
            app = self.app
            hooks = tuple(map(app.ensure_sync, reversed(app.teardown_appcontext_funcs)))
            self._of_app = hooks
        return hooks

    def of_request(self, scopes: tuple[str, ...]) -> tuple[Step, ...]:
        """Those of a request, in their order.

        Args:
            scopes: The names of its blueprints, the innermost first.
        """
        hooks = self._of_request.get(scopes)
        if hooks is None:
            app = self.app
            declared = in_order(app.teardown_request_funcs, (*scopes, None), backwards=True)
            hooks = self._of_request[scopes] = tuple(map(app.ensure_sync, declared))
        return hooks

    def needed(self, scopes: tuple[str, ...]) -> bool:
        """Whether anything runs when a request has ended.

        Args:
            scopes: As for :meth:`of_request`.
        """
        return bool(
            _METHODS & self._overridden
            or self.of_app()
            or self.of_request(scopes)
            or signals.request_tearing_down.receivers
            or signals.appcontext_tearing_down.receivers
            or signals.appcontext_popped.receivers
        )


def tear_down(
    app: t.Any, hooks: tuple[Step, ...], signal: t.Any, exc: BaseException | None
) -> None:
    """Run teardown functions, all of them, and tell who listens.

    Args:
        app: The application.
        hooks: The functions in their order.
        signal: The signal of the same event.
        exc: The exception that ended the context, or None.

    Raises:
        Exception: The first error of a function, at the end.
    """
    failed: Exception | None = None
    for hook in hooks:
        try:
            hook(exc)
        except Exception as error:
            failed = failed or error
    if signal.receivers:
        signal.send(app, _async_wrapper=app.ensure_sync, exc=exc)
    if failed is not None:
        try:
            raise failed
        finally:
            # A local that holds the error would tie it to its own traceback.
            del failed
