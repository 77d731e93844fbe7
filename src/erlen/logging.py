"""The application's logger, and where it writes; ``flask.logging``."""

from __future__ import annotations

import logging
import sys
import typing as t

from werkzeug.local import LocalProxy

from .state import get_current


def _errors_stream() -> t.TextIO:
    context = get_current(None)
    if context is not None and context.has_request:
        # An application context inside of a request has no environ of its own.
        environ = context.environ or context.request.environ
        return t.cast(t.TextIO, environ["wsgi.errors"])
    return sys.stderr


#: The server's error stream during a request, else ``sys.stderr``. Also to be
#: named in logging configurations: ``ext://erlen.logging.wsgi_errors_stream``.
wsgi_errors_stream: t.TextIO = LocalProxy(_errors_stream)  # type: ignore[assignment]

#: Writes to `wsgi_errors_stream`; added to an application's logger that has no
#: handler for its level.
default_handler = logging.StreamHandler(wsgi_errors_stream)
default_handler.setFormatter(
    logging.Formatter("[%(asctime)s] %(levelname)s in %(module)s: %(message)s")
)


class LoggedApp(t.Protocol):
    """What `create_logger` needs to know of an application."""

    @property
    def name(self) -> str: ...

    @property
    def debug(self) -> bool: ...


def has_level_handler(logger: logging.Logger) -> bool:
    """Whether a record at the logger's effective level would reach a handler.

    Args:
        logger: the logger; its ancestors are asked as far as it propagates.
    """
    level = logger.getEffectiveLevel()
    node: logging.Logger | None = logger
    while node is not None:
        if any(handler.level <= level for handler in node.handlers):
            return True
        node = node.parent if node.propagate else None
    return False


def create_logger(app: LoggedApp) -> logging.Logger:
    """The logger named after the application, set up if the user didn't.

    In debug mode its level becomes ``DEBUG`` unless one is set; without a
    handler for its level it gets `default_handler`. Flask 3.1.
    """
    logger = logging.getLogger(app.name)
    if app.debug and not logger.level:
        logger.setLevel(logging.DEBUG)
    if not has_level_handler(logger):
        logger.addHandler(default_handler)
    return logger


def printable(text: str) -> str:
    r"""The text with everything that doesn't print written as an escape.

    For values from a request on their way into a log: a newline or an ESC in a
    path could forge records or steer a terminal.

    Args:
        text: as received, of any length.

    Returns:
        The same object if it prints as it is, else with ``\n``, ``\x1b``,
        ``\u2028`` and the like in the place of the characters.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
