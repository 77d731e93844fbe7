"""Response headers: Werkzeug's list of pairs, with an index beside it.

Werkzeug searches the whole list at every access, so N hooks that set a header
each cost N². Here a dictionary of lower-cased names says where a header stands.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping

from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.datastructures import MultiDict, iter_multi_items
from werkzeug.exceptions import BadRequestKeyError
from werkzeug.http import dump_options_header

Pair = tuple[str, str]

#: Control characters, the space and the colon end a name on the wire, and what
#: is not latin-1 cannot be sent. Other characters outside the token grammar
#: of RFC 9110 5.1 get through some servers, so they are left to the server.
_bad_name = re.compile(r"[\x00-\x20\x7f:]|[^\x00-\xff]").search

#: Names whose value becomes a URI, and therefore ASCII, when it is sent.
_URI_NAMES = frozenset({"location", "content-location"})

#: Names that were found valid, lower-cased. Bounded: an application can make
#: up names from what a client sent.
_lowered: dict[str, str] = {}
_LOWERED_LIMIT = 1024

_missing: t.Any = object()


def lower_name(name: str) -> str:
    """Lower-case a header's name, once it was found fit to be sent.

    Args:
        name: The name in any case.

    Returns:
        The name in lower case.

    Raises:
        ValueError: The name is empty or has a space, a colon, a control
            character or a character beyond latin-1 in it.
        TypeError: The name is not a string.
    """
    if not isinstance(name, str):
        raise TypeError(f"A header's name must be a string, not {name!r}.")
    if not name or _bad_name(name):
        raise ValueError(f"Header name {name!r} must be a token such as 'X-Name'.")
    lower = name.lower()
    if len(_lowered) < _LOWERED_LIMIT:
        _lowered[name] = lower
    return lower


def header_value(lower: str, value: t.Any) -> str:
    """Make a header's value a string that can be sent.

    Args:
        lower: The header's name in lower case.
        value: The value; what is not a string is converted with ``str``.

    Returns:
        The value as a string.

    Raises:
        ValueError: The value has a line break in it, or a character that no
            server can send (RFC 9110 5.5 leaves latin-1).
    """
    if not isinstance(value, str):
        value = str(value)
    if "\n" in value or "\r" in value:
        raise ValueError("Header values must not contain newline characters.")
    if not value.isascii() and lower not in _URI_NAMES:
        try:
            value.encode("latin-1")
        except UnicodeEncodeError:
            raise ValueError(
                f"The value of header {lower!r} has characters that are not latin-1:"
                f" {value[:80]!a}. Encode them, as in RFC 8187 (filename*=UTF-8''...)."
            ) from None
    return value  # type: ignore[no-any-return]


def _with_options(value: t.Any, options: dict[str, t.Any]) -> str:
    named = {name.replace("_", "-"): option for name, option in options.items()}
    return str(dump_options_header(value, named))


class Headers(WerkzeugHeaders):
    """Werkzeug's ``Headers`` with names found in constant time.

    Names and values that can never be sent are refused where they are set.

    Args:
        defaults: Headers, mapping or pairs to begin with; a mapping's value may
            be a list, tuple or set of values. Default: none.

    Raises:
        ValueError: A name or a value cannot be sent.
    """

    # The pairs are in _items. _index maps a lower-cased name to the position of
    # its first pair, and is None from the moment that code which we do not know
    # got hold of the list itself: then Werkzeug's own searches take over.
    _items: list[Pair]
    _index: dict[str, int] | None

    def __init__(self, defaults: t.Any = None) -> None:
        self._items = []
        self._index = {}
        if defaults is not None:
            self.extend(defaults)

    @classmethod
    def adopt(cls, pairs: list[Pair]) -> Headers:
        """Make headers over a list that is known to be valid, without a copy.

        Args:
            pairs: Names and values; the list belongs to the headers afterwards.

        Returns:
            The headers.
        """
        self = cls.__new__(cls)
        self._items = pairs
        if len(pairs) == 2 and pairs[0][0] == "Content-Type" and pairs[1][0] == "Content-Length":
            # What nearly every response begins with.
            self._index = {"content-type": 0, "content-length": 1}
        else:
            self._index = {}
            self._reindex()
        return self

    @property
    def _list(self) -> list[Pair]:
        self._index = None
        return self._items

    @_list.setter
    def _list(self, pairs: list[Pair]) -> None:
        self._items = pairs
        self._index = None

    def _reindex(self) -> None:
        if self._index is None:
            return
        index: dict[str, int] = {}
        for position, (name, _) in enumerate(self._items):
            lower = _lowered.get(name) or name.lower()
            if lower not in index:
                index[lower] = position
        self._index = index

    # Looking up

    def _find(self, key: str) -> int:
        lower = _lowered.get(key) or key.lower()
        if self._index is not None:
            return self._index.get(lower, -1)
        for position, (name, _) in enumerate(self._items):
            if name.lower() == lower:
                return position
        return -1

    def _get_key(self, key: str) -> str:
        position = self._find(key)
        if position < 0:
            raise BadRequestKeyError(key)
        return self._items[position][1]

    def get(self, key: str, default: t.Any = None, type: t.Any = None) -> t.Any:  # type: ignore[override]
        """Get the first value of a header.

        Args:
            key: The name, in any case.
            default: What to return when there is no such header, or no such
                value after ``type``. Default: None.
            type: A callable to convert the value with; its ``ValueError`` means
                the default. Default: no conversion.

        Returns:
            The value, converted, or the default.
        """
        position = self._find(key)
        if position < 0:
            return default
        value = self._items[position][1]
        if type is None:
            return value
        try:
            return type(value)
        except ValueError:
            return default

    def __contains__(self, key: object) -> bool:
        return self._find(t.cast(str, key)) >= 0

    def __getitem__(self, key: t.Any) -> t.Any:
        if isinstance(key, str):
            return self._get_key(key)
        if isinstance(key, int):
            return self._items[key]
        return self.__class__(self._items[key])

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def to_wsgi_list(self) -> list[Pair]:
        """Copy the headers into a plain list, as WSGI's start_response takes it."""
        return self._items.copy()

    def copy(self) -> t.Self:
        """Copy the headers into a new object of the same class."""
        return self.__class__(self._items)

    def __eq__(self, other: object) -> bool:
        # Equal to Werkzeug's too: with Flask they are of one class.
        if other.__class__ not in (self.__class__, WerkzeugHeaders):
            return NotImplemented
        pairs: t.Any = other
        mine = {(name.lower(), value) for name, value in self._items}
        return mine == {(name.lower(), value) for name, value in pairs}

    __hash__ = None

    # Setting

    def __setitem__(self, key: t.Any, value: t.Any) -> None:
        # A new header with a plain value, in as few steps as can be: this is
        # what hooks do. Whatever else it is goes the long way, which also
        # tells what is wrong with it.
        index = self._index
        try:
            lower = _lowered[key]
        except (KeyError, TypeError):
            return self._set_any(key, value)
        if (
            index is None
            or lower in index
            or type(value) is not str
            or not (value.isascii() and value.isprintable())
        ):
            return self._set_any(key, value)
        items = self._items
        index[lower] = len(items)
        items.append((key, value))

    def _set_any(self, key: t.Any, value: t.Any) -> None:
        if isinstance(key, str):
            self.set(key, value)
        elif isinstance(key, int):
            self._items[key] = _checked(value)
            self._reindex()
        else:
            self._items[key] = [_checked(pair) for pair in value]
            self._reindex()

    def set(self, key: str, value: t.Any, /, **kwargs: t.Any) -> None:
        """Set a header to one value, in the place of its first old one.

        Args:
            key: The name.
            value: The value.
            **kwargs: Options to append, as in ``filename="a.txt"``; underscores
                in their names become hyphens.

        Raises:
            ValueError: The name or the value cannot be sent.
        """
        if kwargs:
            value = _with_options(value, kwargs)
        lower = _lowered.get(key) or lower_name(key)
        value = header_value(lower, value)
        items = self._items
        position = self._find(key)
        if position < 0:
            if self._index is not None:
                self._index[lower] = len(items)
            items.append((key, value))
            return
        items[position] = (key, value)
        if self._index is None or len(self._index) != len(items):
            self._drop_rest(lower, position + 1)

    def _drop_rest(self, lower: str, begin: int) -> None:
        """Remove a header's further pairs, from a position on."""
        items = self._items
        kept = [pair for pair in items[begin:] if pair[0].lower() != lower]
        if len(kept) != len(items) - begin:
            items[begin:] = kept
            self._reindex()

    def add(self, key: str, value: t.Any, /, **kwargs: t.Any) -> None:
        """Append a header, beside others of the same name.

        Args:
            key: The name.
            value: The value.
            **kwargs: Options to append, as for ``set``.

        Raises:
            ValueError: The name or the value cannot be sent.
        """
        if kwargs:
            value = _with_options(value, kwargs)
        lower = _lowered.get(key) or lower_name(key)
        value = header_value(lower, value)
        items = self._items
        index = self._index
        if index is not None and lower not in index:
            index[lower] = len(items)
        items.append((key, value))

    def extend(self, arg: t.Any = None, /, **kwargs: t.Any) -> None:
        """Append the headers of another object, and those given by name.

        Args:
            arg: Headers, mapping or pairs. Default: none.
            **kwargs: More headers.

        Raises:
            ValueError: A name or a value cannot be sent.
        """
        if arg is not None:
            pairs: Iterable[tuple[str, t.Any]]
            if isinstance(arg, (MultiDict, Mapping)):
                pairs = iter_multi_items(arg)
            else:
                pairs = arg
            for key, value in pairs:
                self.add(key, value)
        for key, value in iter_multi_items(kwargs):
            self.add(key, value)

    # Removing

    def _del_key(self, key: str) -> None:
        lower = key.lower()
        if self._index is not None and lower not in self._index:
            return
        self._items[:] = [pair for pair in self._items if pair[0].lower() != lower]
        self._reindex()

    def __delitem__(self, key: t.Any) -> None:
        if isinstance(key, str):
            self._del_key(key)
            return
        del self._items[key]
        self._reindex()

    def pop(self, key: t.Any = None, default: t.Any = _missing) -> t.Any:
        """Remove a header and return its value.

        Args:
            key: The name, or the position of a pair. Default: the last pair.
            default: What to return when there is no such name. Default: raise.

        Returns:
            The value, or for a position the pair.

        Raises:
            KeyError: There is no such name, and no default was given.
        """
        if key is None or isinstance(key, int):
            pair = self._items.pop() if key is None else self._items.pop(key)
            self._reindex()
            return pair
        position = self._find(key)
        if position >= 0:
            value = self._items[position][1]
            self._del_key(key)
            return value
        if default is _missing:
            raise BadRequestKeyError(key)
        return default

    def popitem(self) -> Pair:
        """Remove and return the last pair."""
        return self.pop()  # type: ignore[no-any-return]

    def clear(self) -> None:
        """Remove every header."""
        self._items.clear()
        self._reindex()


def _checked(pair: tuple[str, t.Any]) -> Pair:
    lower = lower_name(pair[0])
    return pair[0], header_value(lower, pair[1])
