"""The ``Cookie`` request header.

The result is that of Werkzeug's own parser; only headers without quotes,
nearly all there are, take the shorter way through ``str.split``.
"""

from __future__ import annotations

import typing as t

from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.sansio.http import parse_cookie

from .query import multidict

if t.TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

_BLANK = " \t"


def plain_pairs(header: str) -> list[tuple[str, str]]:
    """Split a header that contains no double quote into its cookies.

    Args:
        header: value of ``Cookie``, RFC 6265 4.2.1.

    Returns:
        Names and values in their order. Pieces without a name, or with a
        blank inside the name or the value, are left out.
    """
    pairs = []
    for piece in header.split(";"):
        name, _, value = piece.partition("=")
        name = name.strip(_BLANK)
        value = value.strip(_BLANK)
        if not name or " " in name or " " in value or "\t" in name or "\t" in value:
            continue
        pairs.append((name, value))
    return pairs


def parse_cookies(
    header: str, storage: type[MultiDict[str, t.Any]] = ImmutableMultiDict
) -> MultiDict[str, str]:
    """Parse the ``Cookie`` header.

    Args:
        header: its value; several headers joined by ``;``.
        storage: class of the result.

    Returns:
        All cookies; of a repeated name the first comes first.
    """
    if '"' in header:
        return parse_cookie(header, cls=storage)
    if storage is ImmutableMultiDict:
        return multidict(plain_pairs(header))
    return storage(plain_pairs(header))


def find_cookie(header: str, name: str) -> str | None:
    """Read the first cookie of a name without parsing the others into a dictionary.

    Args:
        header: value of ``Cookie``.
        name: the cookie's name.

    Returns:
        Its value, or ``None`` if there is none.
    """
    if name not in header:
        return None
    if '"' in header:
        return parse_cookie(header).get(name)
    for key, value in plain_pairs(header):
        if key == name:
            return value
    return None
