"""Errors whose text names the place in the user's code and the mend."""

from __future__ import annotations

import os
import sys

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def call_site() -> str:
    """Where the user's code stands: ``file:line`` of the nearest frame outside the framework.

    Returns:
        The place as ``"/path/file.py:12"``, or ``""`` if every frame is ours or a library's.
    """
    frame = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        library = f"{os.sep}werkzeug{os.sep}" in filename
        if not filename.startswith((_PACKAGE, "<")) and not library:
            return f"{filename}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


_NEEDED = {
    "application": (
        "the current application",
        "Run it inside 'with app.app_context():', or from a view, a CLI command or a hook.",
    ),
    "websocket": (
        "a websocket that is being served",
        "Use it in the view of a websocket, its hooks and what they call; in a test, connect"
        " with 'client.websocket_connect(...)'.",
    ),
    "request": (
        "an active HTTP request",
        "Use it in code that runs during a request; in a test or a script, wrap the code"
        " in 'with app.test_request_context(...):'. See the documentation on contexts.",
    ),
}


class OutsideContextError(RuntimeError):
    """A context-local name was used where there is no such context.

    A ``RuntimeError`` as in Flask, with the same first line. The rest of the
    text is put together only when somebody reads it: testing a proxy for truth
    raises this and throws it away.

    Args:
        name: The proxy or function that was used, e.g. ``"request"``.
        kind: ``"application"`` or ``"request"``.
    """

    def __init__(self, name: str, kind: str) -> None:
        super().__init__()
        self.name = name
        self.kind = kind
        self._site: str | None = None

    def __reduce__(self) -> tuple[object, ...]:
        # The traceback, and with it the place, does not travel to another process.
        return type(self), (self.name, self.kind), {"_site": self.site}

    def __str__(self) -> str:
        what, mend = _NEEDED[self.kind]
        where = f" at {self.site}" if self.site else ""
        return (
            f"Working outside of {self.kind} context.\n\n"
            f"'{self.name}' was used{where}, but it needs {what}.\n{mend}"
        )

    @property
    def site(self) -> str:
        """``file:line`` of the user's code that used the name."""
        if self._site is None:
            self._site = _site_of(self)
        return self._site


class NoRequestError(OutsideContextError, AttributeError):  # type: ignore[misc]
    """``request`` or ``session`` was asked of an application context without a request.

    Flask 3.1's ``AppContext`` has no such attributes and raises an ``AttributeError``,
    so that ``hasattr`` can ask; that of Flask 3.2 raises a ``RuntimeError``. This is both.
    """


def _site_of(error: OutsideContextError) -> str:
    """The last frame of the error's own traceback that is the user's."""
    site = ""
    traceback = error.__traceback__
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if not filename.startswith(_PACKAGE) and f"{os.sep}werkzeug{os.sep}" not in filename:
            site = f"{filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return site or call_site()
