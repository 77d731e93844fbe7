"""Locations as they go into headers."""

from __future__ import annotations

import re

from werkzeug.urls import iri_to_uri

#: Locations that ``iri_to_uri`` gives back as they are: an optional plain
#: http(s) origin, then a path, query and fragment of allowed characters only.
#: What is not surely so goes the long way.
_unchanged = re.compile(
    r"(?:https?://[a-z0-9]{1,63}(?:\.[a-z0-9]{1,63})*(?::[1-9][0-9]{0,3})?(?=/)|(?!//))"
    r"/[A-Za-z0-9._~%!$&'()*+,/:;=@-]*"
    r"(?:\?[A-Za-z0-9._~%!$&'()*+,/:;=?@-]+)?"
    r"(?:\#[A-Za-z0-9._~%!$&'()*+,/:;=?@-]+)?",
    re.ASCII,
).fullmatch


def is_uri(location: str) -> bool:
    """Tell whether a location can be sent as it is.

    Args:
        location: A URL or a path.

    Returns:
        True if ``iri_to_uri`` would not change it; False if that is not certain.
    """
    return _unchanged(location) is not None


def to_uri(location: str) -> str:
    """Make a location ASCII: percent-encode it, and the host in Punycode.

    Args:
        location: A URL or a path, with any characters.

    Returns:
        The same as ``werkzeug.urls.iri_to_uri``.

    Raises:
        ValueError: It is no URL at all, e.g. ``http://[``.
    """
    return location if _unchanged(location) else iri_to_uri(location)
