"""Declaring what runs around serving: when a worker begins, when it ends; as in Quart."""

from __future__ import annotations

import typing as t

from .scaffold import setupmethod
from .sockets import WebsocketScaffold

F = t.TypeVar("F", bound=t.Callable[..., t.Any])


class ServingScaffold(WebsocketScaffold):
    """What applications and blueprints have for the life of a worker."""

    @setupmethod
    def before_serving(self, f: F) -> F:
        """Run ``f()`` once in every worker, before its first request.

        It runs in the application's context. What it raises keeps the worker from serving.

        Args:
            f: A function or a coroutine function.
        """
        self._add_serving("before_serving_funcs", f)
        return f

    @setupmethod
    def after_serving(self, f: F) -> F:
        """Run ``f()`` once in every worker, after its last request and background task.

        It runs in the application's context.

        Args:
            f: A function or a coroutine function.
        """
        self._add_serving("after_serving_funcs", f)
        end_on_sigterm()
        return f

    @setupmethod
    def while_serving(self, f: F) -> F:
        """Run what stands before ``yield`` before serving, and the rest after it.

        ::

            @app.while_serving
            async def database():
                async with connect() as app.extensions["db"]:
                    yield

        Args:
            f: A generator function, or an asynchronous one, that yields once.
        """
        self._add_serving("while_serving_gens", f)
        end_on_sigterm()
        return f

    def _add_serving(self, name: str, f: t.Any) -> None:
        raise NotImplementedError


def end_on_sigterm() -> None:
    """Let SIGTERM end the process as ``sys.exit`` does, so that what ends a worker runs.

    By default the signal kills a process on the spot. Most servers have a handler of
    their own, set before or after this one; Waitress has none.
    """
    import signal
    import sys
    import threading

    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
