"""What a response makes only when somebody looks at it."""

from __future__ import annotations

import typing as t

from werkzeug.utils import get_content_type

from .headers import Headers, Pair, header_value

_content_types: dict[tuple[str, bool], Pair] = {}
_CONTENT_TYPES_LIMIT = 256


def content_type_pair(value: str, full: bool = False) -> Pair:
    """Make the Content-Type header of a media type.

    Args:
        value: A media type, which gets a charset where it is text.
        full: The value is the whole header already. Default: False.

    Returns:
        The header's name and value.

    Raises:
        ValueError: The value has a line break in it, or is not latin-1.
    """
    pair = _content_types.get((value, full))
    if pair is None:
        text = value if full else get_content_type(value, "utf-8")
        pair = ("Content-Type", header_value("content-type", text))
        if len(_content_types) < _CONTENT_TYPES_LIMIT:
            _content_types[value, full] = pair
    return pair


class HeadersOnDemand:
    """Builds the headers at the first look; the instance then hides this."""

    def __get__(self, response: t.Any | None, owner: t.Any) -> t.Any:
        if response is None:
            return self
        pairs = response._lazy
        if pairs is not None:
            response._lazy = None
            headers: t.Any = Headers.adopt(pairs)
        else:
            # An object that was Werkzeug's before its class was changed.
            try:
                headers = response.__dict__.pop("headers")
            except KeyError:
                raise AttributeError("headers") from None
            response._watched = True
        response._headers = headers
        return headers


class CallbacksOnDemand:
    """Makes the list of callbacks at the first look, and notes that there is one."""

    def __get__(self, response: t.Any | None, owner: t.Any) -> t.Any:
        if response is None:
            return self
        response._watched = True
        callbacks = response.__dict__["_on_close"] = []
        return callbacks


class JsonModule:
    """``erlen.json``, imported at the first use: it stands beside this module."""

    def __get__(self, response: t.Any | None, owner: t.Any) -> t.Any:
        from .. import json

        return json
