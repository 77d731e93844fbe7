"""Sessions as bytes: when they were written, something random, and tagged JSON.

Never pickle: whoever can write to the store must not be able to run code here.
"""

from __future__ import annotations

import typing as t
from base64 import urlsafe_b64encode
from os import urandom
from time import time

from ..json import fast
from ..json.provider import _default
from ..sessions import session_json_serializer

#: Bytes before the JSON: milliseconds in hexadecimal digits, and twelve random characters.
HEADER = 24

_TIME = 12
_PLAIN = frozenset({str, int, bool, float, type(None)})
_write_quickly = fast.quick_encoder(fast.EncoderSettings(_default, True, True))


def dump(data: t.Mapping[str, t.Any]) -> bytes:
    """Write a session's data as tagged JSON.

    Args:
        data: The data.

    Raises:
        TypeError: A value is of a kind that JSON and the tags don't have.
    """
    # A single key may be a tag, which has to be told apart.
    if len(data) != 1 and all(type(value) in _PLAIN for value in data.values()):
        raw = _write_quickly(dict(data))
        if raw is not None:
            return raw
    return session_json_serializer.dumps(dict(data)).encode()


def seal(data: t.Mapping[str, t.Any]) -> bytes:
    """The bytes to keep for a session's data; different with each call.

    Args:
        data: The data.
    """
    return b"%012x%b%b" % (int(time() * 1000), urlsafe_b64encode(urandom(9)), dump(data))


def age(raw: bytes) -> float:
    """Seconds since the bytes were written.

    Args:
        raw: What `seal` gave.

    Raises:
        ValueError: Those are not such bytes.
    """
    return time() - int(raw[:_TIME], 16) / 1000


def load(raw: bytes) -> dict[str, t.Any]:
    """The data of a session.

    Args:
        raw: What `seal` gave.

    Raises:
        ValueError: Those are not such bytes.
    """
    return parse(raw[HEADER:])


def parse(body: bytes) -> dict[str, t.Any]:
    """The data of a session, each time as objects of its own.

    Args:
        body: What `dump` gave.

    Raises:
        ValueError: Those are not such bytes.
    """
    data = fast.loads(body)
    if b'" ' in body or b"\\u0020" in body:
        # The keys of all tags begin with a space.
        data = session_json_serializer._untag_scan(data)
    if type(data) is not dict:
        raise ValueError("not a session")
    return data


def is_nested(data: t.Mapping[str, t.Any]) -> bool:
    """Whether values could have been changed without the session noticing.

    Args:
        data: The data.
    """
    return not all(type(value) in _PLAIN for value in data.values())


def merge(
    base: t.Mapping[str, t.Any], mine: t.Mapping[str, t.Any], theirs: t.Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """What comes of two changes of the same session: key by key, mine on top of theirs.

    Args:
        base: As it was when both began.
        mine: As it is here.
        theirs: As it was written meanwhile.
    """
    merged = dict(theirs)
    for key, value in mine.items():
        if key not in base or base[key] != value:
            merged[key] = value
    for key in base:
        if key not in mine:
            merged.pop(key, None)
    return merged
