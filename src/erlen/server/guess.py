"""What a server sees that asks which protocol an application speaks.

Uvicorn and Hypercorn ask whether ``app.__call__`` is a coroutine function, Daphne (by
asgiref) too; WSGI servers do not ask. Erlen speaks both, by the number of arguments, so
this stands as ``__call__`` in the application's dictionary: whoever looks at it finds a
coroutine function, and ``app(...)`` itself takes the method of the class.
"""

from __future__ import annotations

import typing as t
import weakref


async def _asgi(scope: t.Any, receive: t.Any, send: t.Any) -> None:
    """What the signature and the flags of :class:`AppCall` come from."""


class AppCall:
    """``app.__call__``: a callable that looks like a coroutine function.

    Args:
        app: The application; not kept alive.
    """

    # What ``inspect`` goes by where something is called like a function, but is none.
    __code__ = _asgi.__code__
    __defaults__ = None
    __kwdefaults__ = None
    __name__ = "__call__"

    def __init__(self, app: t.Any) -> None:
        self._app = weakref.ref(app)
        self.__annotations__ = _asgi.__annotations__

    def __call__(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Call the application, by whichever protocol."""
        app: t.Any = self._app()
        return app(*args, **kwargs)
