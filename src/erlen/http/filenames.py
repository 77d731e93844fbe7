"""What a file's name says: its type, and how a browser shall save it."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache

from werkzeug.http import dump_options_header

#: The longest file name of the common file systems, in bytes.
MAX_NAME = 255
#: An extension longer than this is part of the name.
_MAX_EXTENSION = 32

_control = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def clean_name(name: str) -> str:
    """Make a file name fit for a Content-Disposition header.

    Control characters are left out: they would break the header, or the
    client's file system. What is longer than 255 bytes is cut, but keeps its
    extension.

    Args:
        name: The name, as an application or its user chose it.

    Returns:
        The name, unchanged if nothing is wrong with it.
    """
    if name.isascii() and name.isprintable() and len(name) <= MAX_NAME:
        return name
    name = _control.sub("", name)
    raw = name.encode("utf-8", "replace")
    if len(raw) > MAX_NAME:
        stem, extension = posixpath.splitext(name)
        if len(extension) > _MAX_EXTENSION:
            stem, extension = name, ""
        tail = extension.encode("utf-8", "replace")
        head = stem.encode("utf-8", "replace")[: MAX_NAME - len(tail)]
        raw = head.decode("utf-8", "ignore").encode() + tail
    return raw.decode()


@lru_cache(512)
def disposition(name: str, as_attachment: bool) -> str:
    """Write a Content-Disposition header's value (RFC 6266).

    Args:
        name: A clean name.
        as_attachment: Offer to save it, in place of showing it.

    Returns:
        The value; a name beyond ASCII stands in it twice, the second time as
        RFC 8187 encodes it.
    """
    value = "attachment" if as_attachment else "inline"
    if name.isascii():
        return dump_options_header(value, {"filename": name})
    import unicodedata
    from urllib.parse import quote

    nearest = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    encoded = quote(name, safe="!#$&+-.^_`|~")
    return dump_options_header(value, {"filename": nearest, "filename*": f"UTF-8''{encoded}"})
