"""JSON with the output of the standard library's, in less time.

``json.dumps`` builds an encoder at every call; here one is built per group of
settings. Where msgspec writes the same bytes it does the work, and whatever it
refuses or would write otherwise goes to the standard library.
"""

from __future__ import annotations

import json
import typing as t
from json import encoder as _encoder

Separators = tuple[str, str]

#: What ``json.dumps`` uses by default, and what Flask uses out of debug mode.
SPACED: Separators = (", ", ": ")
COMPACT: Separators = (",", ":")

#: Values that msgspec writes as the standard library does, save for characters
#: that have to be escaped. Dates and the like it writes otherwise, and never asks
#: the provider's ``default``.
_PLAIN = frozenset({str, int, bool, type(None)})

_KEYS = frozenset({str})

#: After a value that msgspec couldn't write, so many are left to the standard
#: library: an application that has one such value (text that isn't English, say)
#: usually has more, and looking at each in vain would cost half as much again.
_REST = 16


class EncoderSettings(t.NamedTuple):
    """What decides how a value is written.

    Args:
        default: called for what JSON has no form for.
        ensure_ascii: escape everything that isn't ASCII.
        sort_keys: write the keys of an object in order.
    """

    default: t.Callable[[t.Any], t.Any]
    ensure_ascii: bool
    sort_keys: bool


def text_encoder(settings: EncoderSettings, separators: Separators) -> t.Callable[[t.Any], str]:
    """A function that writes a value as ``json.dumps`` would with these settings.

    Args:
        settings: as for ``json.dumps``.
        separators: between items, and between a key and its value.
    """
    slow = json.JSONEncoder(
        default=settings.default,
        ensure_ascii=settings.ensure_ascii,
        sort_keys=settings.sort_keys,
        separators=separators,
    ).encode
    parts = _c_encoder(settings, separators)
    if parts is None:
        return slow
    join = "".join

    def encode(obj: t.Any) -> str:
        try:
            return join(parts(obj, 0))
        except RecursionError:
            # Either too deep or circular: the slow way looks for circles, and
            # says which of the two it is.
            return slow(obj)

    return encode


def _c_encoder(
    settings: EncoderSettings, separators: Separators
) -> t.Callable[[t.Any, int], t.Iterable[str]] | None:
    """The standard library's C encoder, without its table of circular references.

    That table would have to be made at each call, or be shared by all threads,
    which takes one object in two threads for a circle. The function isn't
    public: None if it is missing or not as expected.
    """
    make = t.cast("t.Any", getattr(_encoder, "c_make_encoder", None))
    name = "encode_basestring_ascii" if settings.ensure_ascii else "encode_basestring"
    item, key = separators
    try:
        parts = make(
            None,
            settings.default,
            getattr(_encoder, name),
            None,
            key,
            item,
            settings.sort_keys,
            False,
            True,
        )
        if "".join(parts(["a", 1], 0)) == f'["a"{item}1]':
            return t.cast("t.Callable[[t.Any, int], t.Iterable[str]]", parts)
    except TypeError:
        pass
    return None


def line_encoder(settings: EncoderSettings) -> t.Callable[[t.Any], bytes]:
    """A function that writes a value as one compact line, newline included.

    Args:
        settings: as for ``json.dumps``.
    """
    write = text_encoder(settings, COMPACT)
    quick = quick_encoder(settings)

    def encode(obj: t.Any) -> bytes:
        line = quick(obj)
        if line is not None:
            return line + b"\n"
        return (write(obj) + "\n").encode()

    return encode


def quick_encoder(settings: EncoderSettings) -> t.Callable[[t.Any], bytes | None]:
    """A function that writes objects and arrays of plain values compactly, or declines.

    Args:
        settings: as for ``json.dumps``.

    Returns:
        A function from a value to its bytes, None if they could differ from
        what the standard library writes.
    """
    ascii_only = settings.ensure_ascii
    order = "sorted" if settings.sort_keys else None
    write: t.Callable[[t.Any], bytes] | None = None
    rest = 0

    def encode(obj: t.Any) -> bytes | None:
        nonlocal write, rest
        if rest:
            rest -= 1
            return None
        kind = type(obj)
        check = _NESTED.get(kind)
        if check is None:
            return None
        try:
            # Most objects are flat: looked at here, without a call.
            if (
                kind is dict
                and _PLAIN.issuperset(map(type, obj.values()))
                and _KEYS.issuperset(map(type, obj))
            ) or check(obj):
                if write is None:
                    # At first use: importing msgspec takes milliseconds.
                    from msgspec.json import Encoder

                    write = Encoder(order=order).encode  # type: ignore[arg-type]
                out = write(obj)
                # DEL is the one character of ASCII that msgspec doesn't escape.
                if not ascii_only or (out.isascii() and b"\x7f" not in out):
                    return out
        except (ValueError, RecursionError):
            # A lone surrogate, an integer of thousands of digits, or a circle.
            pass
        rest = _REST
        return None

    return encode


def _plain_object(value: dict[t.Any, t.Any]) -> bool:
    for key, item in value.items():
        kind = type(item)
        if type(key) is not str:
            return False
        if kind not in _PLAIN:
            check = _NESTED.get(kind)
            if check is None or not check(item):
                return False
    return True


def _plain_array(value: t.Iterable[t.Any]) -> bool:
    for item in value:
        kind = type(item)
        if kind not in _PLAIN:
            check = _NESTED.get(kind)
            if check is None or not check(item):
                return False
    return True


def _plain_float(value: float) -> bool:
    # Both write the fewest digits that give the same float, but choose another
    # form of exponent, which Python has outside of these bounds.
    return 1e-4 <= value < 1e16 or -1e16 < value <= -1e-4 or value == 0


_NESTED: dict[type, t.Callable[[t.Any], bool]] = {
    dict: _plain_object,
    list: _plain_array,
    tuple: _plain_array,
    float: _plain_float,
}


def loads(data: str | bytes) -> t.Any:
    """Read JSON as ``json.loads`` does, from bytes or text.

    msgspec reads strict JSON; whatever it refuses (``NaN``, a byte order mark,
    UTF-16, lone surrogates, errors) is read again by the standard library, which
    takes it or raises its own error.

    Args:
        data: one JSON document.

    Raises:
        ValueError: it isn't JSON, or isn't text.
        RecursionError: it is nested too deeply.
    """
    if type(data) is bytes or type(data) is str:
        try:
            return _decode(data)
        except Exception:
            pass
    return json.loads(data)


def _first_decode(data: str | bytes) -> t.Any:
    global _decode
    from msgspec.json import Decoder

    _decode = Decoder().decode
    return _decode(data)


_decode: t.Callable[[t.Any], t.Any] = _first_decode
