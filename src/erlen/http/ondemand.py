"""What a response makes only when somebody looks at it."""

from __future__ import annotations

import typing as t

from werkzeug.utils import get_content_type

from .headers import Headers, Pair, header_value

_LIMIT = 512

#: Content-Type headers by media type, by whole value; Content-Length headers.
#: Bounded: an application can make up any number of them.
media_types: dict[str, Pair] = {}
whole_types: dict[str, Pair] = {}
lengths: dict[int, Pair] = {}


def media_type_pair(mimetype: str) -> Pair:
    """Make the Content-Type header of a media type; text gets its charset.

    Args:
        mimetype: For example ``"text/html"``.

    Returns:
        The header's name and value.

    Raises:
        ValueError: The value has a line break in it, or is not latin-1.
    """
    text = get_content_type(mimetype, "utf-8")
    pair = ("Content-Type", header_value("content-type", text))
    if len(media_types) < _LIMIT:
        media_types[mimetype] = pair
    return pair


def whole_type_pair(content_type: str) -> Pair:
    """Make the Content-Type header of a value that is complete already.

    Args:
        content_type: For example ``"text/html; charset=utf-8"``.

    Returns:
        The header's name and value.

    Raises:
        ValueError: The value has a line break in it, or is not latin-1.
    """
    pair = ("Content-Type", header_value("content-type", content_type))
    if len(whole_types) < _LIMIT:
        whole_types[content_type] = pair
    return pair


def length_pair(length: int) -> Pair:
    """Make the Content-Length header of a number of bytes."""
    pair = ("Content-Length", str(length))
    if len(lengths) < _LIMIT:
        lengths[length] = pair
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


def replace_headers(response: t.Any, headers: t.Any) -> None:
    """Put other headers in the place of a response's."""
    response._lazy = None
    response._headers = headers


class CallbacksOnDemand:
    """Makes the list of callbacks at the first look, and notes that there is one."""

    def __get__(self, response: t.Any | None, owner: t.Any) -> t.Any:
        if response is None:
            return self
        response._watched = True
        response._on_close = []
        return response._on_close


class JsonModule:
    """``erlen.json``, imported at the first use: it stands beside this module."""

    def __get__(self, response: t.Any | None, owner: t.Any) -> t.Any:
        from .. import json

        return json
