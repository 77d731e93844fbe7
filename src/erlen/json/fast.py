"""JSON with the output of the standard library's, in less time.

``json.dumps`` builds an encoder at every call; here one is built per group of
settings. Where msgspec writes the same bytes it does the work, and whatever it
refuses or would write otherwise goes to the standard library.
"""

from __future__ import annotations

import json
import typing as t
from json import encoder as _encoder

Separators = t.Tuple[str, str]

#: What ``json.dumps`` uses by default, and what Flask uses out of debug mode.
SPACED: Separators = (", ", ": ")
COMPACT: Separators = (",", ":")

#: Values that msgspec writes exactly as the standard library does. Floats have
#: another exponent, dates and the like never reach the provider's ``default``.
_PLAIN = frozenset({str, int, bool, type(None)})


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


def text_encoder(
    settings: EncoderSettings, separators: Separators
) -> t.Callable[[t.Any], str]:
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
    flat = flat_encoder(settings)

    def encode(obj: t.Any) -> bytes:
        if type(obj) is dict:
            line = flat(obj)
            if line is not None:
                return line + b"\n"
        return (write(obj) + "\n").encode()

    return encode


def flat_encoder(
    settings: EncoderSettings,
) -> t.Callable[[dict[t.Any, t.Any]], bytes | None]:
    """A function that writes a dictionary of plain values compactly, or declines.

    Args:
        settings: as for ``json.dumps``.

    Returns:
        A function from a dictionary to its bytes, None if the bytes could
        differ from the standard library's.
    """
    ascii_only = settings.ensure_ascii
    order = "sorted" if settings.sort_keys else None
    write: t.Callable[[t.Any], bytes] | None = None

    def encode(obj: dict[t.Any, t.Any]) -> bytes | None:
        nonlocal write
        for key, value in obj.items():
            if type(value) not in _PLAIN or type(key) is not str:
                return None
        if write is None:
            # At first use: importing msgspec takes milliseconds.
            from msgspec.json import Encoder

            write = Encoder(order=order).encode  # type: ignore[arg-type]
        try:
            out = write(obj)
        except (ValueError, OverflowError):
            # A lone surrogate, or an integer of thousands of digits.
            return None
        if ascii_only and (b"\x7f" in out or not out.isascii()):
            return None
        return out

    return encode


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
