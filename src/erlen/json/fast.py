"""JSON with the output of the standard library's, in less time.

``json.dumps`` builds an encoder at every call; here one is built per group of
settings. Where msgspec writes the same bytes it does the work, and whatever it
refuses or would write otherwise goes to the standard library.
"""

from __future__ import annotations

import json
import re
import typing as t
from functools import cache
from json import encoder as _encoder

T = t.TypeVar("T")

Separators = tuple[str, str]
Default = t.Callable[[t.Any], t.Any]

#: What ``json.dumps`` uses by default, and what Flask uses out of debug mode.
SPACED: Separators = (", ", ": ")
COMPACT: Separators = (",", ":")

#: Values that msgspec writes as the standard library does, save for characters
#: that have to be escaped. Dates and the like it writes otherwise, and never asks
#: the provider's ``default``.
_PLAIN = frozenset({str, int, bool, type(None)})

#: After a value that msgspec couldn't write, so many are left to the standard
#: library: an application that has one such value (text that isn't English, say)
#: usually has more, and looking at each in vain would cost half as much again.
_REST = 16


class EncoderSettings:
    """What decides how a value is written.

    Args:
        default: called for what JSON has no form for.
        ensure_ascii: escape everything that isn't ASCII.
        sort_keys: write the keys of an object in order.
        not_finite: for NaN and infinity ``"keep"``, ``"null"`` or ``"error"``.
    """

    # Not a NamedTuple: making the class takes longer than importing this module.
    __slots__ = ("default", "ensure_ascii", "not_finite", "sort_keys")

    def __init__(
        self, default: Default, ensure_ascii: bool, sort_keys: bool, not_finite: str = "keep"
    ) -> None:
        self.default = default
        self.ensure_ascii = ensure_ascii
        self.sort_keys = sort_keys
        self.not_finite = not_finite


def text_encoder(
    settings: EncoderSettings, separators: Separators, indent: int | None = None
) -> t.Callable[[t.Any], str]:
    """A function that writes a value as ``json.dumps`` would with these settings.

    Args:
        settings: as for ``json.dumps``.
        separators: between items, and between a key and its value.
        indent: spaces for each level; None writes one line.
    """
    if settings.not_finite == "keep":
        return _text_encoder(settings, separators, indent, settings.default, True)

    def make(default: Default) -> t.Callable[[t.Any], str]:
        return _text_encoder(settings, separators, indent, default, False)

    return finite_only(make, settings.default, settings.not_finite)


def finite_only(
    make: t.Callable[[Default], t.Callable[[t.Any], str]], default: Default, how: str
) -> t.Callable[[t.Any], str]:
    """A function that writes values in which NaN and infinity are null, or an error.

    What has none of these pays nothing: the first attempt succeeds.

    Args:
        make: Makes a function, of a ``default``, that raises a ValueError for them.
        default: called for what JSON has no form for.
        how: ``"null"`` or ``"error"``.
    """
    strict = make(default)

    def encode(obj: t.Any) -> str:
        try:
            return strict(obj)
        except ValueError as error:
            from .arrays import finite, place_of_not_finite

            try:
                if how == "null":
                    return make(lambda value: finite(default(value)))(finite(obj))
                place = place_of_not_finite(obj)
            except RecursionError:
                # A circle, which is what the first attempt said.
                raise error from None
            if place is None:
                raise
            text = f"NaN or infinity at {place}: JSON has no form for it (RFC 8259, 6)."
            fix = "Send None in its place, or set app.json.not_finite = 'null'."
            raise ValueError(f"{text} {fix}") from None

    return encode


def _text_encoder(
    settings: EncoderSettings,
    separators: Separators,
    indent: int | None,
    default: Default,
    allow_nan: bool,
) -> t.Callable[[t.Any], str]:
    slow = json.JSONEncoder(
        default=default,
        ensure_ascii=settings.ensure_ascii,
        sort_keys=settings.sort_keys,
        separators=separators,
        indent=indent,
        allow_nan=allow_nan,
    ).encode
    parts = None if indent else _c_encoder(settings, separators, default, allow_nan)
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
    settings: EncoderSettings, separators: Separators, default: Default, allow_nan: bool
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
            default,
            getattr(_encoder, name),
            None,
            key,
            item,
            settings.sort_keys,
            False,
            allow_nan,
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
    return quick_encoder(settings, b"\n", lambda obj: (write(obj) + "\n").encode())


def quick_encoder(
    settings: EncoderSettings,
    end: bytes = b"",
    otherwise: t.Callable[[t.Any], T] = lambda obj: None,  # type: ignore[assignment,return-value]
) -> t.Callable[[t.Any], bytes | T]:
    """A function that writes objects and arrays of plain values compactly, or declines.

    Args:
        settings: as for ``json.dumps``.
        end: what to put behind the value.
        otherwise: asked for values whose bytes could differ from what the
            standard library writes; by default the result is None for them.

    Returns:
        A function from a value to its bytes.
    """
    ascii_only = settings.ensure_ascii
    write: t.Callable[[t.Any], bytes] | None = None
    rest = 0

    def encode(obj: t.Any) -> bytes | T:
        nonlocal write, rest
        if rest:
            rest -= 1
            return otherwise(obj)
        try:
            if type(obj) is dict:
                # As _is_plain, without a call: most objects are flat.
                for key, item in obj.items():
                    if type(key) is not str:
                        break
                    if type(item) not in _PLAIN and not _is_plain(item):
                        break
                else:
                    if write is None:
                        write = _msgspec_encoder(settings.sort_keys)
                    out = write(obj)
                    # DEL is the one character of ASCII that msgspec doesn't escape.
                    if not ascii_only or (out.isascii() and 127 not in out):
                        return out + end
                    return _escaped(out) + end
            elif (type(obj) is list or type(obj) is tuple) and _is_plain(obj):
                out = _msgspec_encoder(settings.sort_keys)(obj)
                return (_escaped(out) if ascii_only else out) + end
        except (ValueError, RecursionError):
            # A lone surrogate, an integer of thousands of digits, or a circle.
            pass
        rest = _REST
        return otherwise(obj)

    return encode


@cache
def _msgspec_encoder(sort_keys: bool) -> t.Callable[[t.Any], bytes]:
    # At first use: importing msgspec takes milliseconds.
    from msgspec.json import Encoder

    return Encoder(order="sorted" if sort_keys else None).encode


def _escaped(out: bytes) -> bytes:
    """Escape what isn't ASCII in JSON, as the standard library does.

    Raises:
        ValueError: it takes more than a look to tell an escape from its text.
    """
    if out.isascii() and 127 not in out:
        return out
    # One byte is looked for first: it takes a fraction of the time.
    if 92 in out and b"\\\\x" in out:
        raise ValueError
    text = out.decode()
    raw = text.encode("ascii", "backslashreplace")
    if 85 in raw and b"\\U" in raw:
        raw = re.sub(_ASTRAL, _surrogates, text).encode("ascii", "backslashreplace")
    # Python's "\xe9" is JSON's "\u00e9"; JSON itself has no "\x".
    raw = raw.replace(b"\\x", b"\\u00")
    return raw.replace(b"\x7f", b"\\u007f") if 127 in raw else raw


#: Compiled at first use, and kept by ``re``.
_ASTRAL = "[\U00010000-\U0010ffff]"


def _surrogates(match: re.Match[str]) -> str:
    number = ord(match[0]) - 0x10000
    return chr(0xD800 + (number >> 10)) + chr(0xDC00 + (number & 0x3FF))


def _is_plain(value: t.Any) -> bool:
    """Whether a value that isn't one of the plain types is made of nothing else."""
    kind = type(value)
    if kind is list or kind is tuple:
        for item in value:  # noqa: SIM110 - a generator costs as much as the rest
            if type(item) not in _PLAIN and not _is_plain(item):
                return False
        return True
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or (type(item) not in _PLAIN and not _is_plain(item)):
                return False
        return True
    if kind is float:
        # Both write the fewest digits that give the same float, but choose another
        # form of exponent, which Python has outside of these bounds.
        number: float = value
        return 1e-4 <= number < 1e16 or -1e16 < number <= -1e-4 or number == 0
    return False


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
            return decode(data)
        except Exception:
            pass
    return json.loads(data)


def _first_decode(data: str | bytes) -> t.Any:
    global decode
    from msgspec.json import Decoder

    decode = Decoder().decode
    return decode(data)


#: Reads strict JSON from bytes or text and refuses everything else.
decode: t.Callable[[t.Any], t.Any] = _first_decode
