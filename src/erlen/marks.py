"""What a function can say about itself: where it runs, how it takes the request's body."""

from __future__ import annotations

import typing as t

F = t.TypeVar("F", bound=t.Callable[..., t.Any])

_INLINE = "_erlen_inline"
_STREAM = "_erlen_stream_body"
_INSTEAD = "_erlen_on_loop"


def inline(function: F) -> F:
    """Let a sync hook of asynchronous routes run on the event loop, without a thread.

    Under ASGI, sync hooks, error handlers and signal receivers around an ``async def``
    view run in a thread, because they may block. One that only computes is cheaper
    where it is. It must not wait for anything: while it does, nothing else is served.
    Under WSGI, and on routes without anything asynchronous, it changes nothing. ::

        @app.before_request
        @inline
        def start_clock():
            g.begun = time.perf_counter()

    Args:
        function: A function.

    Returns:
        The same function.
    """
    setattr(function, _INLINE, True)
    return function


def stream_body(view: F) -> F:
    """Hand a view the request's body while it arrives, instead of when it is there.

    Without this, the body has been received when the first hook runs. With it, nothing
    of it has: the view reads it with ``async for chunk in request.stream``, and the
    client can send no faster than the view reads. ``await request.receive()`` receives
    the rest, after which ``request.form``, ``request.get_json()`` and the like work. ::

        @app.put("/files/<name>")
        @stream_body
        async def store(name):
            async for chunk in request.stream:
                ...

    Under WSGI a body is always read as it arrives.

    Args:
        view: A view, or a class of views.

    Returns:
        The same.
    """
    setattr(view, _STREAM, True)
    return view


def instead(view: F, coroutine: t.Callable[..., t.Any]) -> F:
    """Have another function answer for a view where an event loop serves.

    It waits for no thread. Under WSGI, and to whoever looks at the application, there is
    the view.

    Args:
        view: A function.
        coroutine: A coroutine function of the same arguments that gives the same answers.

    Returns:
        The view.
    """
    setattr(view, _INSTEAD, coroutine)
    return view


def on_loop(view: t.Any) -> t.Any:
    """What answers for a view on an event loop: the view, or what :func:`instead` named."""
    return getattr(view, _INSTEAD, None) or view


def is_wrapped(app: t.Any, name: str) -> bool:
    """Whether something that is not ours stands around ``wsgi_app`` or ``asgi_app``.

    Args:
        app: The application.
        name: The name of the one or the other.
    """
    own = vars(app).get(name)
    return own is not None and getattr(own, "wraps_other", True) is not False


def is_inline(function: t.Any) -> bool:
    """Whether a function, or the one that a method or partial calls, is marked as inline."""
    return _marked(function, _INLINE)


def streams_body(view: t.Any) -> bool:
    """Whether a view takes the body while it arrives."""
    return _marked(view, _STREAM) or _marked(getattr(view, "view_class", None), _STREAM)


def _marked(thing: t.Any, mark: str) -> bool:
    while thing is not None:
        if getattr(thing, mark, False) is True:
            return True
        thing = getattr(thing, "func", None)
    return False
