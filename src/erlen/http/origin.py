"""Which pages may open a websocket: the defence against cross-site websocket hijacking.

A browser sends cookies with a handshake to any site, and no CORS rule keeps a foreign
page from reading what comes back. The Origin header is all that tells them apart
(RFC 6455 10.2).
"""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def _parts(origin: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an origin; None if it is not one."""
    try:
        url = urlsplit(origin)
        host, port = url.hostname, url.port
    except ValueError:
        return None
    scheme = url.scheme.lower()
    if not host or url.path or url.query or url.fragment or set("@*") & set(url.netloc):
        return None
    return scheme, host.rstrip("."), _PORTS.get(scheme) if port is None else port


def is_same_origin(origin: str, scheme: str, host: str) -> bool:
    """Whether a page of an origin belongs to the site that a handshake was sent to.

    Behind a proxy the scheme of the handshake may be lost, never that of the
    origin: a page under ``https`` may open what looks like ``ws``, but one under
    ``http`` may not open ``wss``.

    Args:
        origin: The Origin header.
        scheme: Of the handshake: ``ws``, ``wss``, ``http`` or ``https``.
        host: Of the handshake, as in the Host header.
    """
    page = _parts(origin)
    if page is None or page[0] not in _PORTS or not host:
        return False
    if page[0] == "http" and scheme in ("wss", "https"):
        return False
    return page == _parts(f"{page[0]}://{host}")


def is_allowed(origin: str, allowed: t.Iterable[str]) -> bool:
    """Whether an origin is on a list.

    Args:
        origin: The Origin header.
        allowed: Origins such as ``https://app.example.org``; ``https://*.example.org``
            stands for all hosts below that name, ``null`` for pages without an
            origin, ``*`` for every page.
    """
    page = _parts(origin)
    for entry in allowed:
        if entry == "*" or entry == origin:
            return True
        wanted = _parts(entry.replace("://*.", "://", 1))
        if page is None or wanted is None or (page[0], page[2]) != (wanted[0], wanted[2]):
            continue
        if page[1] == wanted[1] if "://*." not in entry else page[1].endswith(f".{wanted[1]}"):
            return True
    return False


def check_allowed(allowed: t.Any) -> tuple[str, ...]:
    """A list of origins from the settings, refused if it could never work.

    Args:
        allowed: A list of origins; None for an empty one.

    Raises:
        ValueError: An entry is no origin.
        TypeError: A single text in place of a list.
    """
    if isinstance(allowed, str):
        raise TypeError(f"Allowed origins are a list of texts: write [{allowed!r}].")
    for entry in allowed or ():
        if entry not in ("*", "null") and _parts(entry.replace("://*.", "://", 1)) is None:
            raise ValueError(
                f"{entry!r} is no origin. Write scheme, host and, if it is not the"
                " scheme's, port, and no path: 'https://app.example.org'."
            )
    return tuple(allowed or ())
