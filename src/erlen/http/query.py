"""Query strings and urlencoded forms into multi-dictionaries.

The result is that of :func:`urllib.parse.parse_qsl` with
``keep_blank_values=True`` and Werkzeug's way with invalid bytes (they stay
percent-encoded), the source of Flask 3.1's ``request.args`` and
``request.form``; the WHATWG URL standard describes the same format.
"""

from __future__ import annotations

import typing as t
from binascii import a2b_qp
from itertools import repeat

import werkzeug.urls  # noqa: F401  (registers the error handler used below)
from werkzeug.datastructures import ImmutableMultiDict as WerkzeugMultiDict

if t.TYPE_CHECKING:
    from collections.abc import Iterable

K = t.TypeVar("K")
T = t.TypeVar("T")

_lookup: t.Any = dict.get


class ImmutableMultiDict(WerkzeugMultiDict[K, T]):
    """Werkzeug's class, with one look-up where that takes several."""

    def __getitem__(self, key: K) -> T:
        values = _lookup(self, key)
        if values:
            return values[0]  # type: ignore[no-any-return]
        return super().__getitem__(key)

    def get(  # type: ignore[override]
        self, key: K, default: t.Any = None, type: t.Callable[[T], t.Any] | None = None
    ) -> t.Any:
        """The first value of a key.

        Args:
            key: the key.
            default: returned if there is none, or if it can't be converted.
            type: converts the value; a ``ValueError`` or ``TypeError`` of it
                means that it can't be.
        """
        values = _lookup(self, key)
        if not values:
            return default
        if type is None:
            return values[0]
        try:
            return type(values[0])
        except (ValueError, TypeError):
            return default


#: Codec error handler of Werkzeug: invalid bytes become ``%XX``.
QUOTE_INVALID = "werkzeug.url_quote"

# Every spelling of two hexadecimal digits to the character of that number:
# the text is put together as Latin-1, one character per byte, and decoded once.
_HEX = "0123456789abcdefABCDEF"
_CHARACTERS = {a + b: chr(int(a + b, 16)) for a in _HEX for b in _HEX}

_character = _CHARACTERS.get
_new = t.cast("t.Callable[[type], ImmutableMultiDict[t.Any, t.Any]]", dict.__new__)
_update = dict.update
_set = dict.setdefault
_partition = str.partition
_EQUALS = repeat("=")


def unquote(text: str) -> str:
    """Undo percent-encoding; bytes that are not UTF-8 stay encoded.

    Args:
        text: percent-encoded text; ``+`` is left alone.

    Returns:
        The decoded text. ``%`` not followed by two hexadecimal digits stays.
    """
    if not text.isascii():
        return _unquote_mixed(text)
    if "=" not in text and "\n" not in text and "\r" not in text and text[-1:] != "%":
        # Quoted-printable is the same with another sign, and its decoder is in C.
        # A "=" in what it returns may be an escape that wasn't one: the long way.
        raw = a2b_qp(text.replace("%", "="))
        if 61 not in raw:
            return raw.decode("utf-8", QUOTE_INVALID)
    pieces = text.split("%")
    out = pieces[0]
    for piece in pieces[1:]:
        character = _character(piece[:2])
        out += character + piece[2:] if character else "%" + piece
    return out if out.isascii() else out.encode("latin-1").decode("utf-8", QUOTE_INVALID)


def _unquote_mixed(text: str) -> str:
    """``unquote`` for text that has non-ASCII characters beside the escapes."""
    pieces = text.split("%")
    out = [pieces[0].encode("utf-8", "surrogatepass")]
    for piece in pieces[1:]:
        character = _character(piece[:2])
        if character:
            out.append(character.encode("latin-1"))
            out.append(piece[2:].encode("utf-8", "surrogatepass"))
        else:
            out.append(b"%" + piece.encode("utf-8", "surrogatepass"))
    return b"".join(out).decode("utf-8", QUOTE_INVALID)


def parse_query(query: str) -> ImmutableMultiDict[str, str]:
    """Parse a query string or an urlencoded form.

    Args:
        query: the text, without the ``?``. Pairs are separated by ``&`` only.

    Returns:
        All pairs in their order, blank values included. The time is linear in
        the length; the number of fields has no limit of its own (as in Flask),
        ``MAX_CONTENT_LENGTH`` and the server's limit on the URL bound it.
    """
    result = _new(ImmutableMultiDict)
    if not query:
        return result
    if "+" in query:
        query = query.replace("+", " ")
    if "&" not in query:
        key, _, value = query.partition("=")
        if "%" in query:
            key, value = unquote(key), unquote(value)
        _set(result, key, [value])
        return result
    encoded = "%" in query
    pairs: dict[str, list[str]] = {}
    for key, equals, value in map(_partition, query.split("&"), _EQUALS):
        if not key and not equals:
            continue
        if encoded:
            if "%" in value:
                value = unquote(value)
            if "%" in key:
                key = unquote(key)
        if key in pairs:
            pairs[key].append(value)
        else:
            pairs[key] = [value]
    _update(result, pairs)
    return result


def empty_multidict() -> ImmutableMultiDict[t.Any, t.Any]:
    """Make an empty :class:`~werkzeug.datastructures.ImmutableMultiDict`."""
    return _new(ImmutableMultiDict)


def multidict(pairs: Iterable[tuple[t.Any, T]]) -> ImmutableMultiDict[t.Any, T]:
    """Make an :class:`~werkzeug.datastructures.ImmutableMultiDict` of pairs."""
    values: dict[t.Any, list[T]] = {}
    for key, value in pairs:
        if key in values:
            values[key].append(value)
        else:
            values[key] = [value]
    result = _new(ImmutableMultiDict)
    _update(result, values)
    return result


def decode_body(body: bytes) -> str:
    """Decode a query or form: bytes that are not UTF-8 become ``%XX``.

    A browser would have percent-encoded them, and those escapes stay as they
    are too, so that both spellings give the same value. Flask 3.1 fails on a
    raw byte in the query and drops the whole form for one in the body.
    """
    return body.decode("utf-8", QUOTE_INVALID)
