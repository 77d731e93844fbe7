"""JSON through the current application's provider; ``flask.json``."""

from __future__ import annotations

import json as _json
import typing as t

from ..errors import OutsideContextError
from ..state import get_current
from .provider import _default

if t.TYPE_CHECKING:
    from ..http.response import Response


def dumps(obj: t.Any, **kwargs: t.Any) -> str:
    """Write a value as JSON text.

    Args:
        obj: the value.
        kwargs: for the current application's ``json.dumps``; without one, for
            the standard library's.
    """
    context = get_current(None)
    if context is not None:
        return context.app.json.dumps(obj, **kwargs)  # type: ignore[no-any-return]
    kwargs.setdefault("default", _default)
    return _json.dumps(obj, **kwargs)


def dump(obj: t.Any, fp: t.IO[str], **kwargs: t.Any) -> None:
    """Write a value as JSON to a text file.

    Args:
        obj: the value.
        fp: open for writing text, which should be UTF-8.
        kwargs: as for `dumps`.
    """
    context = get_current(None)
    if context is not None:
        context.app.json.dump(obj, fp, **kwargs)
        return
    kwargs.setdefault("default", _default)
    _json.dump(obj, fp, **kwargs)


def loads(s: str | bytes, **kwargs: t.Any) -> t.Any:
    """Read a value from JSON.

    Args:
        s: text, or UTF-8.
        kwargs: for the current application's ``json.loads``; without one, for
            the standard library's.
    """
    context = get_current(None)
    if context is not None:
        return context.app.json.loads(s, **kwargs)
    return _json.loads(s, **kwargs)


def load(fp: t.IO[t.AnyStr], **kwargs: t.Any) -> t.Any:
    """Read a value from a file of JSON.

    Args:
        fp: open for reading text, or UTF-8 bytes.
        kwargs: as for `loads`.
    """
    context = get_current(None)
    if context is not None:
        return context.app.json.load(fp, **kwargs)
    return _json.load(fp, **kwargs)


def jsonify(*args: t.Any, **kwargs: t.Any) -> Response:
    """A response of the current application with the value as its JSON body.

    Args:
        args: one value, or several that become a list; none is ``null``.
        kwargs: an object instead.

    Raises:
        TypeError: both kinds of arguments were given.
        RuntimeError: there is no current application.
    """
    context = get_current(None)
    if context is None:
        raise OutsideContextError("jsonify", "application")
    return context.app.json.response(*args, **kwargs)  # type: ignore[no-any-return]
